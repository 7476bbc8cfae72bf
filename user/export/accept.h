/* SPDX-License-Identifier: GPL-2.0-or-later */
/* accept.h - content negotiation for /metrics */
#ifndef ESPIAL_EXPORT_ACCEPT_H
#define ESPIAL_EXPORT_ACCEPT_H

#include <stdbool.h>

/*
 * Does this Accept header (RFC 9110 section 12.5.1; NULL: none) name application/openmetrics-text, and with a weight not
 * below that of text/plain? Ranges such as any type at all are for the classic format: who can read OpenMetrics says so.
 */
bool accept_openmetrics(const char *accept);

#endif

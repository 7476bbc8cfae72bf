/* SPDX-License-Identifier: GPL-2.0-or-later */
/* selector.h - selectors of policies as text */
#ifndef ESPIAL_DIAGNOSE_SELECTOR_H
#define ESPIAL_DIAGNOSE_SELECTOR_H

#include "model/fact.h"

#define SELECTOR_TEXT 160

/* "192.0.2.0/24" */
void network_text(const uint8_t address[16], uint8_t family, uint8_t prefix, char *ret, size_t size);
/* "192.0.2.0/24 to 198.51.100.0/24 protocol 6"; SELECTOR_TEXT holds any. */
void selector_text(const struct fact_selector *s, char *ret, size_t size);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * x509.h - what an X.509 certificate says of itself: whose it is, who issued it, from when to when. Pure.
 *
 * Only read, never verified: whether it is to be trusted is the IKE daemon's to say. RFC 5280, in DER (X.690).
 */
#ifndef ESPIAL_SOURCE_X509_H
#define ESPIAL_SOURCE_X509_H

#include "model/fact.h"

/*
 * Fills all of *ret but what a daemon says of it (`own`, `ca`). Names are "C=CH, O=x, CN=y", as strongSwan writes them, and cut to
 * fit. 0, or -EBADMSG, and then *ret is as it was.
 */
int x509_read(const uint8_t *der, size_t size, struct fact_certificate *ret);

#endif

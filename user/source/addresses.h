/* SPDX-License-Identifier: GPL-2.0-or-later */
/* addresses.h - which addresses are this host's own, in the network namespace that we are in */
#ifndef ESPIAL_SOURCE_ADDRESSES_H
#define ESPIAL_SOURCE_ADDRESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct addresses {
	uint8_t (*sorted)[16]; /* IPv4 as ::ffff:a.b.c.d */
	size_t count;
};

/* Reads them anew. 0, or -errno and what was known stays. */
int addresses_refresh(struct addresses *a);
bool addresses_have(const struct addresses *a, const uint8_t address[16]);
void addresses_free(struct addresses *a);

#endif

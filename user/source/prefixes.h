/* SPDX-License-Identifier: GPL-2.0-or-later */
/* prefixes.h - addresses named by the user: ADDRESS or ADDRESS/LENGTH, of IPv4 and IPv6 */
#ifndef ESPIAL_SOURCE_PREFIXES_H
#define ESPIAL_SOURCE_PREFIXES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PREFIXES_MAX 64

struct prefixes {
	struct prefix {
		uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
		uint8_t bits;	     /* of the 128 */
	} list[PREFIXES_MAX];
	size_t count;
};

/* 0, -EINVAL: not an address with an optional length that fits it; -ENOSPC: more than PREFIXES_MAX. */
int prefixes_add(struct prefixes *p, const char *text);
bool prefixes_have(const struct prefixes *p, const uint8_t address[16]);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* address.h - IP addresses as they are kept everywhere: 16 bytes, IPv4 as ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2), unknown as zeros */
#ifndef ESPIAL_MODEL_ADDRESS_H
#define ESPIAL_MODEL_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ADDRESS_TEXT 46 /* INET6_ADDRSTRLEN */
#define ADDRESS_PORT_TEXT (ADDRESS_TEXT + 8)

/* 4 or 6, by its form */
uint8_t address_family(const uint8_t address[static 16]);
/* All zero: no address, or any */
bool address_is_any(const uint8_t address[static 16]);

void address_from_v4(const uint8_t v4[static 4], uint8_t ret[static 16]);
/* In numbers, without scope or prefix. False: it is none, and `ret` is as it was. `text` may be NULL. */
bool address_parse(const char *text, uint8_t ret[static 16]);

/* Returns `ret`. */
const char *address_text(const uint8_t address[static 16], char ret[static ADDRESS_TEXT]);
/* NULL: unknown */
const char *address_text_known(const uint8_t address[static 16], char ret[static ADDRESS_TEXT]);
/* Of a family that is known from elsewhere: 4, 6; any other gives "?" */
const char *address_text_of(uint8_t family, const uint8_t address[static 16], char ret[static ADDRESS_TEXT]);

/* For tables: each bit of the value tells on each bit of what is returned. */
static inline uint64_t address_mix(uint64_t value)
{
	value ^= value >> 32;
	value *= 0xd6e8feb86659fd93ULL;
	value ^= value >> 32;
	value *= 0xd6e8feb86659fd93ULL;
	return value ^ value >> 32;
}

static inline uint64_t address_hash(const uint8_t address[static 16])
{
	uint64_t half[2];

	memcpy(half, address, sizeof(half));
	return address_mix(half[0] ^ address_mix(half[1]));
}

/* The same whichever comes first */
static inline uint64_t address_hash_pair(const uint8_t one[static 16], const uint8_t other[static 16])
{
	return address_hash(one) + address_hash(other);
}

/* "192.0.2.1:500", "[2001:db8::1]:500"; port 0: the address alone. As snprintf(). */
int address_print(const uint8_t address[static 16], uint16_t port, char *buffer, size_t size);

#endif

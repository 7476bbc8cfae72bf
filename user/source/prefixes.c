// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/prefixes.h"

#include <errno.h>
#include <string.h>

#include "model/address.h"

static int parse_length(const char *text, unsigned int most, unsigned int *ret)
{
	unsigned int value = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9' || value > most)
			return -EINVAL;
		value = value * 10 + (unsigned int)(*text - '0');
	}
	if (value > most)
		return -EINVAL;
	*ret = value;
	return 0;
}

int prefixes_add(struct prefixes *p, const char *text)
{
	const char *slash = strchr(text, '/');
	size_t length = slash ? (size_t)(slash - text) : strlen(text);
	struct prefix prefix;
	char address[ADDRESS_TEXT];
	unsigned int most = 32, bits;

	if (length >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, length);
	address[length] = '\0';
	if (!address_parse(address, prefix.address))
		return -EINVAL;
	if (strchr(address, ':'))
		most = 128;
	bits = most;
	if (slash && parse_length(slash + 1, most, &bits))
		return -EINVAL;
	if (p->count == PREFIXES_MAX)
		return -ENOSPC;
	prefix.bits = (uint8_t)(128 - most + bits);
	p->list[p->count++] = prefix;
	return 0;
}

static bool has(const struct prefix *p, const uint8_t address[16])
{
	unsigned int whole = p->bits / 8, rest = p->bits % 8;

	return memcmp(p->address, address, whole) == 0 &&
	       (!rest || ((p->address[whole] ^ address[whole]) >> (8 - rest)) == 0);
}

bool prefixes_have(const struct prefixes *p, const uint8_t address[16])
{
	for (size_t i = 0; i < p->count; i++)
		if (has(&p->list[i], address))
			return true;
	return false;
}

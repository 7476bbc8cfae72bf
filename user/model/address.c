// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static const uint8_t v4_mapped[12] = {[10] = 0xff, [11] = 0xff};

_Static_assert(ADDRESS_TEXT == INET6_ADDRSTRLEN, "room for any address");

uint8_t address_family(const uint8_t address[static 16])
{
	return memcmp(address, v4_mapped, sizeof(v4_mapped)) == 0 ? 4 : 6;
}

bool address_is_any(const uint8_t address[static 16])
{
	static const uint8_t none[16];

	return memcmp(address, none, sizeof(none)) == 0;
}

void address_from_v4(const uint8_t v4[static 4], uint8_t ret[static 16])
{
	memcpy(ret, v4_mapped, sizeof(v4_mapped));
	memcpy(ret + sizeof(v4_mapped), v4, 4);
}

bool address_parse(const char *text, uint8_t ret[static 16])
{
	uint8_t v4[4], v6[16];

	if (!text)
		return false;
	if (inet_pton(AF_INET, text, v4) == 1) {
		address_from_v4(v4, ret);
		return true;
	}
	if (inet_pton(AF_INET6, text, v6) != 1)
		return false;
	memcpy(ret, v6, sizeof(v6));
	return true;
}

const char *address_text_of(uint8_t family, const uint8_t address[static 16], char ret[static ADDRESS_TEXT])
{
	snprintf(ret, ADDRESS_TEXT, "?");
	if (family == 4)
		inet_ntop(AF_INET, address + sizeof(v4_mapped), ret, ADDRESS_TEXT);
	else if (family == 6)
		inet_ntop(AF_INET6, address, ret, ADDRESS_TEXT);
	return ret;
}

const char *address_text(const uint8_t address[static 16], char ret[static ADDRESS_TEXT])
{
	return address_text_of(address_family(address), address, ret);
}

const char *address_text_known(const uint8_t address[static 16], char ret[static ADDRESS_TEXT])
{
	return address_is_any(address) ? NULL : address_text(address, ret);
}

int address_print(const uint8_t address[static 16], uint16_t port, char *buffer, size_t size)
{
	char text[ADDRESS_TEXT];

	address_text(address, text);
	if (!port)
		return snprintf(buffer, size, "%s", text);
	return snprintf(buffer, size, address_family(address) == 4 ? "%s:%u" : "[%s]:%u", text, port);
}

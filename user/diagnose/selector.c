// SPDX-License-Identifier: GPL-2.0-or-later
#include "diagnose/selector.h"

#include <stdio.h>
#include <string.h>

#include "model/address.h"

void network_text(const uint8_t address[16], uint8_t family, uint8_t prefix, char *ret, size_t size)
{
	char text[ADDRESS_TEXT];

	snprintf(ret, size, "%s/%u", address_text_of(family, address, text), prefix);
}

void selector_text(const struct fact_selector *s, char *ret, size_t size)
{
	char source[64], destination[64];

	network_text(s->source, s->family, s->source_prefix, source, sizeof(source));
	network_text(s->destination, s->family, s->destination_prefix, destination, sizeof(destination));
	snprintf(ret, size, "%s to %s", source, destination);
	if (s->protocol)
		snprintf(ret + strlen(ret), size - strlen(ret), " protocol %u", s->protocol);
}

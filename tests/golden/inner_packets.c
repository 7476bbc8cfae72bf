// SPDX-License-Identifier: GPL-2.0-or-later
#include "golden/inner_packets.h"

#include <stdlib.h>

static uint8_t digit(char c)
{
	return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* A TCP header with these flags, and these options: whole words, in hexadecimal. */
static void options(struct packet *b, uint8_t flags, const char *hex)
{
	size_t at = b->length;

	tcp(b, 40000, 443);
	for (; *hex; hex++) {
		if (*hex == ' ')
			continue;
		byte(b, (uint8_t)(digit(hex[0]) << 4 | digit(hex[1])));
		hex++;
	}
	if ((b->length - at) % 4)
		abort();
	b->data[at + 12] = (uint8_t)((b->length - at) / 4 << 4);
	b->data[at + 13] = flags;
}

#define TOLD ESP_INNER_TOLD
#define ACK ESP_INNER_ACK
#define GARBLED ESP_INNER_GARBLED

#define TELLS(name, link, kind, flags, value, ...)                                                           \
	static void build_##name(struct packet *b)                                                           \
	{                                                                                                    \
		(void)(__VA_ARGS__);                                                                         \
	}
#define REFUSED(name, link, reason, ...) TELLS(name, link, OTHER, 0, 0, __VA_ARGS__)
#include "golden/inner_packets.def"
#undef TELLS
#undef REFUSED

const struct inner_case inner_cases[] = {
#define TELLS(name, link, kind, flags, value, ...)                                                           \
	{#name, ESP_LINK_##link, ESP_OK, ESP_INNER_##kind, flags, value, build_##name},
#define REFUSED(name, link, reason, ...)                                                                     \
	{#name, ESP_LINK_##link, ESP_BAD_##reason, ESP_INNER_OTHER, 0, 0, build_##name},
#include "golden/inner_packets.def"
#undef TELLS
#undef REFUSED
};
const size_t inner_case_count = sizeof(inner_cases) / sizeof(inner_cases[0]);

void inner_build(const struct inner_case *c, struct packet *ret)
{
	packet_begin(ret);
	c->recipe(ret);
	packet_finish(ret);
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "golden/packets.h"

#include <stdlib.h>
#include <string.h>

void byte(struct packet *b, uint8_t value)
{
	if (b->length >= PACKET_MAX)
		abort();
	b->data[b->length++] = value;
}

static void put16(struct packet *b, uint16_t value)
{
	byte(b, (uint8_t)(value >> 8));
	byte(b, (uint8_t)value);
}

static void put32(struct packet *b, uint32_t value)
{
	put16(b, (uint16_t)(value >> 16));
	put16(b, (uint16_t)value);
}

static void put16_at(struct packet *b, size_t at, uint16_t value)
{
	b->data[at] = (uint8_t)(value >> 8);
	b->data[at + 1] = (uint8_t)value;
}

void fill(struct packet *b, size_t count)
{
	for (size_t i = 0; i < count; i++)
		byte(b, (uint8_t)(0xa0 + i % 64));
}

static void layer(struct packet *b, int kind)
{
	if (kind == 4 || kind == 6)
		b->ip = b->length;
	else
		b->l4 = b->length;
	b->layer[b->layers].at = b->length;
	b->layer[b->layers++].kind = kind;
}

void eth(struct packet *b, uint16_t type)
{
	static const uint8_t addresses[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};

	for (int i = 0; i < 12; i++)
		byte(b, addresses[i]);
	put16(b, type);
}

void vlan(struct packet *b, uint16_t id, uint16_t type)
{
	put16(b, id);
	put16(b, type);
}

void pppoe(struct packet *b)
{
	put16(b, 0x1100);
	put16(b, 1);
	put16(b, 0);
}

void ppp(struct packet *b, uint16_t protocol)
{
	put16(b, protocol);
}

void null_link(struct packet *b, uint32_t family, int swapped)
{
	put32(b, swapped ? family << 24 : family);
}

void sll(struct packet *b, uint16_t type)
{
	fill(b, 14);
	put16(b, type);
}

void sll2(struct packet *b, uint16_t type)
{
	put16(b, type);
	fill(b, 18);
}

void ip4_options(struct packet *b, uint8_t protocol, int words)
{
	layer(b, 4);
	byte(b, (uint8_t)(0x45 + words));
	byte(b, PACKET_TOS);
	put32(b, 0);
	put16(b, 0x4000);
	byte(b, PACKET_TTL);
	byte(b, protocol);
	put16(b, 0);
	put32(b, PACKET_SOURCE4);
	put32(b, PACKET_DESTINATION4);
	for (int i = 0; i < words; i++)
		put32(b, 0x01010101); /* no operation */
}

void ip4(struct packet *b, uint8_t protocol)
{
	ip4_options(b, protocol, 0);
}

void ip4_fragment(struct packet *b, uint8_t protocol, uint16_t flags_offset, uint16_t id)
{
	ip4(b, protocol);
	put16_at(b, b->ip + 4, id);
	put16_at(b, b->ip + 6, flags_offset);
}

void ip6(struct packet *b, uint8_t next)
{
	static const uint8_t addresses[32] = {0x20, 1, 0xd, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
					      0x20, 1, 0xd, 0xb8, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2};

	layer(b, 6);
	put32(b, 0x60000000U | PACKET_TOS << 20 | 0x12345);
	put16(b, 0);
	byte(b, next);
	byte(b, PACKET_TTL);
	for (int i = 0; i < 32; i++)
		byte(b, addresses[i]);
}

void ext(struct packet *b, uint8_t next, int units)
{
	byte(b, next);
	byte(b, (uint8_t)units);
	fill(b, 6 + 8 * (size_t)units);
}

void ip6_fragment(struct packet *b, uint8_t next, uint16_t offset, int more, uint32_t id)
{
	byte(b, next);
	byte(b, 0);
	put16(b, (uint16_t)(offset | more));
	put32(b, id);
}

void udp(struct packet *b, uint16_t source, uint16_t destination)
{
	layer(b, 17);
	put16(b, source);
	put16(b, destination);
	put32(b, 0);
}

void tcp(struct packet *b, uint16_t source, uint16_t destination)
{
	b->l4 = b->length;
	put16(b, source);
	put16(b, destination);
	fill(b, 16);
}

void icmp(struct packet *b, uint8_t type, uint8_t code)
{
	b->l4 = b->length;
	byte(b, type);
	byte(b, code);
	put16(b, 0);
	put32(b, 1400);
}

void esp(struct packet *b, uint32_t spi, uint32_t sequence)
{
	b->l4 = b->length;
	put32(b, spi);
	put32(b, sequence);
}

void ah(struct packet *b, uint8_t next, uint8_t length, uint32_t spi, uint32_t sequence)
{
	b->l4 = b->length;
	byte(b, next);
	byte(b, length);
	put16(b, 0);
	put32(b, spi);
	put32(b, sequence);
}

void marker(struct packet *b)
{
	put32(b, 0);
}

void ike(struct packet *b, uint32_t length)
{
	put32(b, 0x01020304);
	put32(b, 0x05060708);
	put32(b, 0);
	put32(b, 0);
	put32(b, 0x21202208); /* SA payload next, IKEv2, IKE_SA_INIT, initiator */
	put32(b, 0);
	put32(b, length);
}

void trailer(struct packet *b, size_t count)
{
	for (int i = 0; i < b->layers; i++)
		b->layer[i].trailer += count;
	fill(b, count);
}

static void patch(struct packet *b, size_t at, uint16_t value, int wide)
{
	b->patch[b->patches].at = at;
	b->patch[b->patches].value = value;
	b->patch[b->patches++].wide = wide;
}

void set8_ip(struct packet *b, size_t at, uint8_t value)
{
	patch(b, b->ip + at, value, 0);
}

void set16_ip(struct packet *b, size_t at, uint16_t value)
{
	patch(b, b->ip + at, value, 1);
}

void set16_l4(struct packet *b, size_t at, uint16_t value)
{
	patch(b, b->l4 + at, value, 1);
}

void packet_begin(struct packet *b)
{
	memset(b, 0, sizeof(*b));
}

void packet_finish(struct packet *b)
{
	for (int i = 0; i < b->layers; i++) {
		size_t at = b->layer[i].at, length = b->length - at - b->layer[i].trailer;

		if (b->layer[i].kind == 4)
			put16_at(b, at + 2, (uint16_t)length);
		else
			put16_at(b, at + 4, (uint16_t)(b->layer[i].kind == 6 ? length - 40 : length));
	}
	for (int i = 0; i < b->patches; i++) {
		if (b->patch[i].wide)
			put16_at(b, b->patch[i].at, b->patch[i].value);
		else
			b->data[b->patch[i].at] = (uint8_t)b->patch[i].value;
	}
}

#define CLASS(cls) ESP_OK, ESP_CLASS_##cls
#define BAD(reason) ESP_BAD_##reason, ESP_CLASS_OTHER
#define PACKET(name, link, expect, ...)                                                                      \
	static void build_##name(struct packet *b)                                                           \
	{                                                                                                    \
		(void)(__VA_ARGS__);                                                                         \
	}
#include "golden/packets.def"
#undef PACKET

const struct packet_case packet_cases[] = {
#define PACKET(name, link, expect, ...) {#name, ESP_LINK_##link, expect, build_##name},
#include "golden/packets.def"
#undef PACKET
};

const size_t packet_case_count = sizeof(packet_cases) / sizeof(packet_cases[0]);

void packet_build(const struct packet_case *c, struct packet *ret)
{
	packet_begin(ret);
	c->recipe(ret);
	packet_finish(ret);
}

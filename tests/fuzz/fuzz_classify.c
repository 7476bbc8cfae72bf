// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_classify.c - libFuzzer target: the classifier against a slow one that was written for this test
 *
 * The input is one Ethernet frame. slow() is written from the RFCs and shares nothing with include/espial but the names of the
 * classes: every byte is fetched by its offset, with its bound checked. Where it has an opinion, both must agree on whether
 * the frame is accepted, on its class, and on SPI, sequence number, ports and addresses. It has none on fragments,
 * ICMP errors, PPPoE and packets of unknown length (GSO).
 */
#include <stdbool.h>

#include "espial/classify.h"
#include "fuzz/fuzz.h"

enum opinion { NONE, REJECT, ACCEPT };

struct slow {
	const uint8_t *data;
	size_t size;
	bool outside; /* something was asked for that is not there */
	unsigned int cls, family, protocol, sport, dport;
	uint32_t spi, sequence;
	const uint8_t *destination;
};

/* `count` bytes from `at` as a number. */
static uint32_t get(struct slow *s, size_t at, size_t count)
{
	uint32_t value = 0;

	for (size_t i = at; i < at + count; i++) {
		if (i >= s->size) {
			s->outside = true;
			return 0;
		}
		value = value << 8 | s->data[i];
	}
	return value;
}

static enum opinion accept_as(struct slow *s, unsigned int cls)
{
	s->cls = cls;
	return s->outside ? REJECT : ACCEPT;
}

/* RFC 4303 section 2: SPI, then the sequence number; SPI 0 is never on the wire. */
static enum opinion slow_esp(struct slow *s, size_t at, size_t left, unsigned int cls)
{
	s->spi = get(s, at, 4);
	s->sequence = get(s, at + 4, 4);
	return left < 8 || s->spi == 0 ? REJECT : accept_as(s, cls);
}

/* RFC 7296 section 3.1: the length is the last of the header's 28 bytes, and counts them. */
static enum opinion slow_ike(struct slow *s, size_t at, size_t left, unsigned int cls)
{
	uint32_t length = get(s, at + 24, 4);

	return left < 28 || length < 28 || length > left ? REJECT : accept_as(s, cls);
}

/* RFC 3948 section 2 */
static enum opinion slow_udp(struct slow *s, size_t at, size_t left)
{
	size_t length;

	if (left < 8)
		return REJECT;
	s->sport = get(s, at, 2);
	s->dport = get(s, at + 2, 2);
	length = get(s, at + 4, 2);
	if (s->sport != 4500 && s->dport != 4500 && s->sport != 500 && s->dport != 500)
		return accept_as(s, ESP_CLASS_OTHER);
	if (length < 8 || length > left)
		return REJECT;
	at += 8;
	length -= 8;
	if (s->sport != 4500 && s->dport != 4500)
		return slow_ike(s, at, length, ESP_CLASS_IKE);
	if (length == 1)
		return get(s, at, 1) == 0xff ? accept_as(s, ESP_CLASS_NAT_KEEPALIVE) : REJECT;
	if (length < 4)
		return REJECT;
	if (get(s, at, 4) == 0)
		return slow_ike(s, at + 4, length - 4, ESP_CLASS_IKE_NATT);
	return slow_esp(s, at, length, ESP_CLASS_ESP_UDP);
}

/* RFC 4302 section 2.2: the length is in words of 4 bytes, less 2. */
static enum opinion slow_ah(struct slow *s, size_t at, size_t left)
{
	size_t length = (get(s, at + 1, 1) + 2) * 4UL;

	s->spi = get(s, at + 4, 4);
	s->sequence = get(s, at + 8, 4);
	return left < 12 || length < 12 || length > left || s->spi == 0 ? REJECT : accept_as(s, ESP_CLASS_AH);
}

static enum opinion slow_icmp(struct slow *s, size_t at, size_t left)
{
	uint32_t type = get(s, at, 1);

	if (left < 8)
		return REJECT;
	if (s->family == 4 ? type == 3 || type == 4 || type == 5 || type == 11 || type == 12
			   : type >= 1 && type <= 4)
		return NONE;
	return accept_as(s, ESP_CLASS_OTHER);
}

static enum opinion slow_transport(struct slow *s, size_t at, size_t left)
{
	switch (s->protocol) {
	case 50:
		return slow_esp(s, at, left, ESP_CLASS_ESP);
	case 51:
		return slow_ah(s, at, left);
	case 17:
		return slow_udp(s, at, left);
	case 108:
		return left < 4 ? REJECT : accept_as(s, ESP_CLASS_IPCOMP);
	case 6:
		s->sport = get(s, at, 2);
		s->dport = get(s, at + 2, 2);
		if (left < 4)
			return REJECT;
		return accept_as(s, s->sport == 4500 || s->dport == 4500 ? ESP_CLASS_TCP_ENCAP
									 : ESP_CLASS_OTHER);
	case 1:
		return s->family == 4 ? slow_icmp(s, at, left) : accept_as(s, ESP_CLASS_OTHER);
	case 58:
		return s->family == 6 ? slow_icmp(s, at, left) : accept_as(s, ESP_CLASS_OTHER);
	default:
		return accept_as(s, ESP_CLASS_OTHER);
	}
}

/* RFC 791 section 3.1 */
static enum opinion slow_ipv4(struct slow *s, size_t at)
{
	size_t header = (get(s, at, 1) & 15) * 4UL, total = get(s, at + 2, 2);

	s->family = 4;
	s->protocol = get(s, at + 9, 1);
	s->destination = s->data + at + 16;
	get(s, at, 20);
	if (s->outside || get(s, at, 1) >> 4 != 4 || header < 20)
		return REJECT;
	if (total == 0 || get(s, at + 6, 2) & 0x3fff)
		return NONE;
	if (total < header || at + total > s->size)
		return REJECT;
	return slow_transport(s, at + header, total - header);
}

/* RFC 8200 sections 3 and 4 */
static enum opinion slow_ipv6(struct slow *s, size_t at)
{
	size_t left = get(s, at + 4, 2);
	int headers = 0;

	s->family = 6;
	s->protocol = get(s, at + 6, 1);
	s->destination = s->data + at + 24;
	get(s, at, 40);
	if (s->outside || get(s, at, 1) >> 4 != 6)
		return REJECT;
	if (left == 0)
		return NONE;
	at += 40;
	if (at + left > s->size)
		return REJECT;
	while (s->protocol == 0 || s->protocol == 43 || s->protocol == 60) {
		size_t length = (get(s, at + 1, 1) + 1) * 8UL;

		if (++headers > 8)
			return NONE;
		if (left < 8 || length > left)
			return REJECT;
		s->protocol = get(s, at, 1);
		at += length;
		left -= length;
	}
	if (s->protocol == 44 || s->protocol == 135) /* mobility: walked, but no IPsec behind it */
		return NONE;
	return slow_transport(s, at, left);
}

static enum opinion slow(struct slow *s)
{
	uint32_t type = get(s, 12, 2);
	size_t at = 14;

	for (int tags = 0; type == 0x8100 || type == 0x88a8; tags++) {
		if (tags == 3)
			return NONE;
		type = get(s, at + 2, 2);
		at += 4;
	}
	if (s->outside)
		return REJECT;
	switch (type) {
	case 0x0800:
		return slow_ipv4(s, at);
	case 0x86dd:
		return slow_ipv6(s, at);
	case 0x8864: /* PPPoE */
	case 0x9100: /* older tags */
	case 0x9200:
		return NONE;
	default:
		return accept_as(s, ESP_CLASS_OTHER);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct esp_ports ports = {.ike = {500, 500}, .natt = {4500, 4500}};
	struct slow s = {.data = data, .size = size};
	struct esp_packet p;
	enum opinion opinion;
	enum esp_reason bad;

	if (size > 9000)
		return 0;
	memset(&p, 0, sizeof(p));
	bad = esp_settle(esp_classify(data, data + size, (uint32_t)size, ESP_LINK_ETHERNET, &ports, &p), &p,
			 (uint32_t)size, (uint32_t)size);
	opinion = slow(&s);
	if (opinion == NONE)
		return 0;
	CHECK((bad == ESP_OK) == (opinion == ACCEPT));
	if (opinion == REJECT)
		return 0;
	CHECK(p.cls == s.cls && p.family == s.family);
	if (s.cls == ESP_CLASS_ESP || s.cls == ESP_CLASS_ESP_UDP || s.cls == ESP_CLASS_AH)
		CHECK(p.spi == s.spi && p.r.sequence == s.sequence);
	if (s.family && s.protocol == 17)
		CHECK(p.r.source_port == s.sport && p.r.destination_port == s.dport);
	if (s.family && s.cls != ESP_CLASS_OTHER)
		CHECK(memcmp((const uint8_t *)&p.key.dst + (s.family == 4 ? 12 : 0), s.destination,
			     s.family == 4 ? 4 : 16) == 0);
	return 0;
}

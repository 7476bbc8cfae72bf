// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Where a header, a packet or a capture ends just there: what is wholly there is looked at, what is not is not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "golden/packets.h"
#include "source/twin.h"

#include "espial/classify.h"

static const struct esp_ports ports = {.ike = {500, 500}, .natt = {4500, 4500}};

/* In a buffer that ends where the capture does. */
static enum esp_reason classify(const struct packet *b, size_t captured, enum esp_link link,
				struct esp_packet *ret)
{
	uint8_t *room = malloc(captured + 8), *copy = room + 8;
	enum esp_reason bad;

	memset(ret, 0, sizeof(*ret));
	memcpy(copy, b->data, captured);
	bad = esp_classify(copy, copy + captured, (__u32)b->length, link, &ports, ret);
	free(room);
	return bad;
}

static void is(struct packet *b, enum esp_class cls)
{
	struct esp_packet p;

	packet_finish(b);
	assert_int_equal(classify(b, b->length, ESP_LINK_IP, &p), ESP_OK);
	assert_int_equal(p.cls, cls);
}

/* The padding of a short frame is no part of the packet: whether it was captured changes nothing. */
static void test_padding_not_captured(void **state)
{
	int padded = 0;

	(void)state;
	for (size_t i = 0; i < packet_case_count; i++) {
		const struct packet_case *c = &packet_cases[i];
		struct esp_packet p;
		struct packet b;
		size_t end;

		packet_build(c, &b);
		(void)classify(&b, b.length, c->link, &p);
		end = (size_t)p.l3_offset + p.r.ip_length;
		if (!p.r.ip_length || end >= b.length || c->bad == ESP_BAD_IPV4_LENGTH)
			continue;
		padded++;
		if (classify(&b, end, c->link, &p) != c->bad || (!c->bad && p.cls != c->cls))
			fail_msg("%s: another verdict without its padding", c->name);
	}
	assert_true(padded > 10);
}

/* The capture ends within IPv4 options, right behind them, or later; behind them is nothing that anybody looks into. */
static void test_options(void **state)
{
	struct esp_packet p;
	struct packet b;

	(void)state;
	for (size_t words = 1; words <= 10; words++) {
		packet_begin(&b);
		ip4_options(&b, 89, (int)words);
		fill(&b, 60);
		packet_finish(&b);
		for (size_t n = 20; n < b.length; n++)
			assert_int_equal(classify(&b, n, ESP_LINK_IP, &p),
					 n < 20 + 4 * words ? ESP_BAD_NOT_CAPTURED : ESP_OK);
	}
}

/* The last header that is needed is the end of the packet. */
static void test_nothing_behind(void **state)
{
	struct packet b;

	(void)state;
	packet_begin(&b);
	ip4(&b, 6);
	for (int i = 0; i < 2; i++)
		byte(&b, 0x11), byte(&b, 0x94);
	is(&b, ESP_CLASS_TCP_ENCAP);
	packet_begin(&b);
	ip6(&b, 58);
	icmp(&b, 2, 0);
	ip6(&b, 50);
	is(&b, ESP_CLASS_ICMP_QUOTE);
}

/* Without the 8 bytes of its fragment header a quoted packet is nobody's, and with no more than those it is somebody's. */
static void test_quoted_fragment_header(void **state)
{
	struct packet b;

	(void)state;
	for (size_t bytes = 0; bytes <= 8; bytes++) {
		packet_begin(&b);
		ip6(&b, 58);
		icmp(&b, 2, 0);
		ip6(&b, 44);
		if (bytes)
			byte(&b, 50);
		fill(&b, bytes ? bytes - 1 : 0);
		is(&b, bytes < 8 ? ESP_CLASS_OTHER : ESP_CLASS_ICMP_QUOTE);
	}
}

/* A first fragment whose UDP datagram ends within it: what follows the datagram is none of it. */
static void test_datagram_within_fragment(void **state)
{
	struct packet b;

	(void)state;
	packet_begin(&b);
	ip4_fragment(&b, 17, 0x2000, 7);
	udp(&b, 4500, 4500);
	byte(&b, 0xff);
	fill(&b, 15);
	set16_l4(&b, 4, 9);
	is(&b, ESP_CLASS_NAT_KEEPALIVE);
}

/* Which packet a fragment belongs to, and of what protocol it is. */
static void test_fragment_fields(void **state)
{
	struct esp_packet p;
	struct packet b;

	(void)state;
	for (int later = 0; later < 2; later++) {
		packet_begin(&b);
		ip6(&b, 44);
		ip6_fragment(&b, 50, later ? 64 : 0, 1, 0x12345678);
		esp(&b, PACKET_SPI, PACKET_SEQUENCE);
		packet_finish(&b);
		assert_int_equal(classify(&b, b.length, ESP_LINK_IP, &p), ESP_OK);
		assert_int_equal(p.fragment_id, 0x12345678);
		assert_int_equal(p.protocol, 50);
		assert_int_equal(p.fragment_offset, later ? 64 : 0);
		assert_int_equal(p.fragment_length, 8);
	}
	packet_begin(&b);
	ip4_fragment(&b, 50, 0x2008, 0xabcd);
	fill(&b, 8);
	packet_finish(&b);
	assert_int_equal(classify(&b, b.length, ESP_LINK_IP, &p), ESP_OK);
	assert_int_equal(p.fragment_id, 0xabcd);
	assert_int_equal(p.protocol, 50);
}

/* What is no IP packet has nothing of the one before, in whose place it is looked at. */
static void test_not_ip(void **state)
{
	struct esp_packet p;
	struct packet b;

	(void)state;
	packet_begin(&b);
	eth(&b, 0x0806);
	fill(&b, 46);
	for (__u32 n = 13; n <= b.length; n++) {
		memset(&p, 0xff, sizeof(p));
		assert_int_equal(esp_classify(b.data, b.data + n, n, ESP_LINK_ETHERNET, &ports, &p),
				 n < 14 ? ESP_BAD_LINK_SHORT : ESP_OK);
		assert_int_equal(p.cls, ESP_CLASS_OTHER);
		assert_int_equal(p.family, 0);
		assert_int_equal(p.l3_offset, 0);
		assert_int_equal(p.r.ip_length, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_padding_not_captured),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_nothing_behind),
		cmocka_unit_test(test_quoted_fragment_header),
		cmocka_unit_test(test_datagram_within_fragment),
		cmocka_unit_test(test_fragment_fields),
		cmocka_unit_test(test_not_ip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

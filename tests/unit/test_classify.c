// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The classifier over the packet set: each packet as it is, and cut at every length, in buffers that end where the packet
 * does, so that ASan sees a byte read too much.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "golden/packets.h"
#include "source/twin.h"

#include "espial/classify.h"

static const struct esp_ports ports = {.ike = {500, 500}, .natt = {4500, 4500}};

/* What the XDP program does, which learns the length on the wire late. */
static enum esp_reason classify_late(const uint8_t *data, uint32_t captured, uint32_t wire,
				     enum esp_link link, struct esp_packet *p)
{
	enum esp_reason bad = esp_classify(data, data + captured, ESP_WIRE_UNKNOWN, link, &ports, p);

	if (bad == ESP_BAD_NOT_CAPTURED || (p->r.ip_length && p->l3_offset + p->r.ip_length > captured))
		bad = esp_settle(bad, p, captured, wire);
	return bad;
}

static enum esp_reason classify(const uint8_t *data, uint32_t captured, uint32_t wire, enum esp_link link,
				struct esp_packet *ret)
{
	uint8_t *room = malloc(captured + 8),
		*copy = room + 8; /* of an empty frame there is no byte to read */
	enum esp_reason bad, settled;
	struct esp_packet late;

	memset(ret, 0, sizeof(*ret));
	memcpy(copy, data, captured);
	bad = esp_classify(copy, copy + captured, wire, link, &ports, ret);
	memset(&late, 0, sizeof(late));
	settled = classify_late(copy, captured, wire, link, &late);
	/* Of a frame in several buffers less is known: that its head was not there to be looked at. */
	if ((settled != bad && !(captured < wire && settled == ESP_BAD_NOT_CAPTURED)) ||
	    (!bad && late.cls != ret->cls))
		fail_msg("%u of %u bytes: reason %d, but %d when the length is known first", captured, wire,
			 settled, bad);
	free(room);
	return bad;
}

static void check_fields(const struct packet_case *c, const struct esp_packet *p)
{
	if (c->cls == ESP_CLASS_OTHER)
		return; /* what nobody asks for need not be there */
	assert_int_equal(p->r.tos, PACKET_TOS);
	assert_int_equal(p->r.ttl, PACKET_TTL);
	if (p->family == 4) {
		assert_int_equal(p->r.src[0], 0);
		assert_memory_equal(&p->r.src[1], ((uint8_t[]){0, 0, 0xff, 0xff, 10, 1, 2, 3}), 8);
		assert_memory_equal(p->key.dst,
				    ((uint8_t[]){0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7}),
				    16);
	} else {
		assert_memory_equal(
			p->r.src, ((uint8_t[]){0x20, 1, 0xd, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}), 16);
		assert_memory_equal(p->key.dst,
				    ((uint8_t[]){0x20, 1, 0xd, 0xb8, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}),
				    16);
	}
	if (c->cls == ESP_CLASS_ESP || c->cls == ESP_CLASS_ESP_UDP || c->cls == ESP_CLASS_AH) {
		assert_int_equal(p->spi, PACKET_SPI);
		assert_int_equal(p->r.sequence, PACKET_SEQUENCE);
		assert_int_equal(!!(p->flags & ESP_PKT_UDP), c->cls == ESP_CLASS_ESP_UDP);
	}
}

static void test_every_packet(void **state)
{
	struct esp_packet p;
	struct packet b;
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < packet_case_count; i++) {
		const struct packet_case *c = &packet_cases[i];
		enum esp_reason bad;

		packet_build(c, &b);
		bad = classify(b.data, (uint32_t)b.length, (uint32_t)b.length, c->link, &p);
		if (bad != c->bad || (!bad && p.cls != c->cls)) {
			print_error("%s: reason %d class %d, expected reason %d class %d\n", c->name, bad,
				    bad ? -1 : p.cls, c->bad, c->bad ? -1 : (int)c->cls);
			wrong++;
		} else if (!bad) {
			check_fields(c, &p);
		}
	}
	assert_int_equal(wrong, 0);
}

/* Cut by a snap length: not captured, or what the whole is. Cut on the wire: a reason, or what the whole is. */
static void test_every_length(void **state)
{
	struct esp_packet whole, p;
	struct packet b;
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < packet_case_count; i++) {
		const struct packet_case *c = &packet_cases[i];
		enum esp_reason bad_whole, bad;
		uint32_t ip_end;

		packet_build(c, &b);
		bad_whole = classify(b.data, (uint32_t)b.length, (uint32_t)b.length, c->link, &whole);
		ip_end = whole.family && bad_whole != ESP_BAD_IPV4_LENGTH
				 ? whole.l3_offset + whole.r.ip_length
				 : 0;
		for (uint32_t n = 0; n < b.length; n++) {
			bad = classify(b.data, n, (uint32_t)b.length, c->link, &p);
			if (bad != ESP_BAD_NOT_CAPTURED &&
			    (bad != bad_whole || (!bad && p.cls != whole.cls))) {
				print_error("%s: %u of %zu captured: reason %d class %d\n", c->name, n,
					    b.length, bad, p.cls);
				wrong++;
			}
			bad = classify(b.data, n, n, c->link, &p);
			if (bad == ESP_BAD_NOT_CAPTURED || (n < ip_end && !bad) ||
			    (n >= ip_end && ip_end && bad != bad_whole)) {
				print_error("%s: cut at %u of %zu: reason %d class %d\n", c->name, n,
					    b.length, bad, p.cls);
				wrong++;
			}
		}
	}
	assert_int_equal(wrong, 0);
}

/* The table itself: no class and no reason is without a row. */
static void test_nothing_is_missing(void **state)
{
	static const char *const reasons[] = {
		"ok",
#define ESP_REASON(sym, name, help) name,
#include "espial/reasons.def"
#undef ESP_REASON
	};
	int cls[ESP_CLASS_COUNT] = {0}, bad[ESP_REASON_COUNT] = {0}, link[ESP_LINK_UNKNOWN + 1] = {0},
	    missing = 0;

	(void)state;
	for (size_t i = 0; i < packet_case_count; i++) {
		bad[packet_cases[i].bad]++;
		link[packet_cases[i].link]++;
		if (!packet_cases[i].bad)
			cls[packet_cases[i].cls]++;
	}
	for (int i = 0; i < ESP_CLASS_COUNT; i++)
		assert_true(cls[i]);
	for (int i = 0; i <= ESP_LINK_UNKNOWN; i++)
		assert_true(link[i]);
	for (int i = 1; i < ESP_REASON_COUNT; i++) {
		if (i == ESP_BAD_NOT_CAPTURED) /* what test_every_length() is about */
			continue;
		if (!bad[i])
			print_error("no packet is rejected as %s\n", reasons[i]);
		missing += !bad[i];
	}
	assert_int_equal(missing, 0);
}

static void test_other_ports(void **state)
{
	const struct esp_ports other = {.ike = {500, 848}, .natt = {4500, 10000}};
	struct esp_packet p;
	struct packet b;

	(void)state;
	packet_begin(&b);
	ip4(&b, 17);
	udp(&b, 40000, 10000);
	esp(&b, PACKET_SPI, PACKET_SEQUENCE);
	packet_finish(&b);
	assert_int_equal(esp_classify(b.data, b.data + b.length, (uint32_t)b.length, ESP_LINK_IP, &other, &p),
			 ESP_OK);
	assert_int_equal(p.cls, ESP_CLASS_ESP_UDP);
	assert_int_equal(p.r.source_port, 40000);
	assert_int_equal(p.r.destination_port, 10000);
	assert_int_equal(esp_classify(b.data, b.data + b.length, (uint32_t)b.length, ESP_LINK_IP, &ports, &p),
			 ESP_OK);
	assert_int_equal(p.cls, ESP_CLASS_OTHER);
	packet_begin(&b);
	ip6(&b, 17);
	udp(&b, 848, 40000);
	ike(&b, 28);
	packet_finish(&b);
	assert_int_equal(esp_classify(b.data, b.data + b.length, (uint32_t)b.length, ESP_LINK_IP, &other, &p),
			 ESP_OK);
	assert_int_equal(p.cls, ESP_CLASS_IKE);
}

/* Too long for its length field, which is 0 then (BIG TCP): none of ours, of the length that the frame has. */
static void test_big(void **state)
{
	struct esp_packet p;
	struct packet b;

	(void)state;
	for (int six = 0; six < 2; six++) {
		enum esp_reason small = six ? ESP_BAD_ESP_SHORT : ESP_BAD_IPV4_LENGTH;

		packet_begin(&b);
		eth(&b, six ? 0x86dd : 0x0800);
		if (six)
			ip6(&b, 50);
		else
			ip4(&b, 50);
		esp(&b, PACKET_SPI, PACKET_SEQUENCE);
		memset(&p, 0xff, sizeof(p));
		p.protocol = ESP_IPPROTO_ESP; /* of the packet before */
		assert_int_equal(
			esp_classify(b.data, b.data + b.length, 14 + 65536, ESP_LINK_ETHERNET, &ports, &p),
			ESP_OK);
		assert_int_equal(p.cls, ESP_CLASS_OTHER);
		assert_int_equal(p.r.ip_length, 65536);
		assert_int_equal(p.payload_length, 0);
		assert_int_equal(p.flags, 0);
		memset(&p, 0xff, sizeof(p));
		assert_int_equal(
			esp_classify(b.data, b.data + b.length, 14 + 65535, ESP_LINK_ETHERNET, &ports, &p),
			small);
		assert_int_equal(esp_classify(b.data, b.data + b.length, ESP_WIRE_UNKNOWN, ESP_LINK_ETHERNET,
					      &ports, &p),
				 small);
	}
}

/* The buffer ends within the options, or right behind them: what nobody looks into need not be there. */
static void test_options_at_the_end(void **state)
{
	struct esp_packet p;
	struct packet b;

	(void)state;
	packet_begin(&b);
	ip4_options(&b, 89, 10);
	fill(&b, 40);
	packet_finish(&b);
	for (uint32_t n = 20; n < b.length; n++) {
		assert_int_equal(classify(b.data, n, (uint32_t)b.length, ESP_LINK_IP, &p),
				 n < 60 ? ESP_BAD_NOT_CAPTURED : ESP_OK);
		if (n >= 60)
			assert_int_equal(p.cls, ESP_CLASS_OTHER);
	}
}

/* What is behind the headers, in bytes: of whole packets and of fragments. */
static void test_lengths(void **state)
{
	struct esp_packet p;
	struct packet b;

	(void)state;
	packet_begin(&b);
	ip6(&b, 60);
	ext(&b, 44, 1);
	ip6_fragment(&b, 50, 64, 0, 99);
	fill(&b, 13);
	packet_finish(&b);
	assert_int_equal(classify(b.data, (uint32_t)b.length, (uint32_t)b.length, ESP_LINK_IP, &p), ESP_OK);
	assert_int_equal(p.payload_length, 13);
	assert_int_equal(p.fragment_length, 13);
	assert_int_equal(p.fragment_offset, 64);
	packet_begin(&b);
	ip6(&b, 60);
	ext(&b, 50, 1);
	esp(&b, PACKET_SPI, PACKET_SEQUENCE);
	fill(&b, 20);
	packet_finish(&b);
	assert_int_equal(classify(b.data, (uint32_t)b.length, (uint32_t)b.length, ESP_LINK_IP, &p), ESP_OK);
	assert_int_equal(p.payload_length, 28);
	assert_int_equal(p.r.ip_length, 40 + 16 + 28);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_packet),
		cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_nothing_is_missing),
		cmocka_unit_test(test_other_ports),
		cmocka_unit_test(test_big),
		cmocka_unit_test(test_options_at_the_end),
		cmocka_unit_test(test_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

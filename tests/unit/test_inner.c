// SPDX-License-Identifier: GPL-2.0-or-later
/* The parser of inner interfaces: every row of inner_packets.def, whole, cut at each length, and counted; and its buckets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "golden/inner_packets.h"
#include "model/inner.h"

/* A copy of just those bytes, so that ASan sees what is read beyond. */
static enum esp_reason parse(const uint8_t *data, size_t captured, size_t wire, enum esp_link link,
			     struct esp_inner_packet *ret)
{
	uint8_t *copy = malloc(captured + 1);
	struct esp_inner_work work;
	enum esp_reason bad;

	assert_non_null(copy);
	memmove(copy + 1, data, captured);
	bad = esp_inner_parse(copy + 1, copy + 1 + captured, (uint32_t)wire, link, &work, ret);
	free(copy);
	return bad;
}

static void test_rows(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < inner_case_count; i++) {
		const struct inner_case *c = &inner_cases[i];
		struct esp_inner_packet p;
		struct packet b;
		enum esp_reason bad;

		inner_build(c, &b);
		bad = parse(b.data, b.length, b.length, c->link, &p);
		if (bad != c->bad)
			fail_msg("%s: %s, not %s", c->name, bad ? esp_reason_name(bad) : "accepted",
				 c->bad ? esp_reason_name(c->bad) : "accepted");
		if (!bad && (p.kind != c->kind || p.flags != c->flags || p.value != c->value))
			fail_msg("%s: %s, flags %x, %u", c->name, inner_kind_name(p.kind), p.flags, p.value);
	}
}

/* What was captured of a row is not enough to tell, or it is told the same; what was on the wire is cut, and it is refused. */
static void test_every_length(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < inner_case_count; i++) {
		const struct inner_case *c = &inner_cases[i];
		struct packet b;

		if (c->bad)
			continue;
		inner_build(c, &b);
		for (size_t length = 0; length < b.length; length++) {
			struct esp_inner_packet p;
			enum esp_reason bad = parse(b.data, length, b.length, c->link, &p);

			if (bad && bad != ESP_BAD_NOT_CAPTURED)
				fail_msg("%s, %zu of %zu bytes captured: %s", c->name, length, b.length,
					 esp_reason_name(bad));
			if (!bad && (p.kind != c->kind || p.value != c->value))
				fail_msg("%s, %zu of %zu bytes captured: another packet", c->name, length,
					 b.length);
			bad = parse(b.data, length, length, c->link, &p);
			/* ARP has no length that could be short. */
			if (bad == ESP_BAD_NOT_CAPTURED || (!bad && p.family))
				fail_msg("%s, %zu of %zu bytes: not refused", c->name, length, b.length);
		}
	}
}

static void assert_address(const uint64_t address[2], uint32_t v4)
{
	const uint8_t *byte = (const uint8_t *)address;

	assert_int_equal(byte[10], 0xff);
	assert_int_equal((uint32_t)byte[12] << 24 | byte[13] << 16 | byte[14] << 8 | byte[15], v4);
}

static const struct inner_case *row(const char *name)
{
	for (size_t i = 0; i < inner_case_count; i++)
		if (strcmp(inner_cases[i].name, name) == 0)
			return &inner_cases[i];
	fail_msg("no row %s", name);
	return NULL;
}

static void test_addresses(void **unused)
{
	static const char *const names[] = {"syn4", "too_big4"};
	struct esp_inner_packet p;
	struct packet b;

	(void)unused;
	for (size_t i = 0; i < 2; i++) {
		inner_build(row(names[i]), &b);
		assert_int_equal(parse(b.data, b.length, b.length, ESP_LINK_ETHERNET, &p), ESP_OK);
		assert_address((const uint64_t *)p.src, PACKET_SOURCE4);
		assert_address((const uint64_t *)p.dst, PACKET_DESTINATION4);
	}
	inner_build(row("too_big6"), &b);
	assert_int_equal(parse(b.data, b.length, b.length, ESP_LINK_ETHERNET, &p), ESP_OK);
	assert_memory_equal(p.src, b.data + 14 + 40 + 8 + 8, 16);
	assert_memory_equal(p.dst, b.data + 14 + 40 + 8 + 24, 16);
	/* What was not quoted is unknown. */
	inner_build(row("too_big4_quote_short"), &b);
	assert_int_equal(parse(b.data, b.length, b.length, ESP_LINK_ETHERNET, &p), ESP_OK);
	assert_int_equal(p.src[0] | p.src[1] | p.dst[0] | p.dst[1], 0);
}

static void test_buckets(void **unused)
{
	(void)unused;
	for (uint32_t mss = 0; mss <= 65535; mss++) {
		uint32_t bucket = esp_inner_bucket(mss);

		assert_true(bucket < ESP_INNER_BUCKETS);
		assert_true(mss <= esp_inner_bound(bucket));
		assert_true(!bucket || mss > esp_inner_bound(bucket - 1));
	}
	assert_int_equal(esp_inner_bound(esp_inner_bucket(1460)), 1460);
	assert_int_equal(esp_inner_bound(esp_inner_bucket(1461)), 8960);
}

static uint64_t sum(const uint64_t *values, size_t count)
{
	uint64_t n = 0;

	for (size_t i = 0; i < count; i++)
		n += values[i];
	return n;
}

static void assert_adds_up(const struct esp_inner_stats *s)
{
	uint64_t syns = 0;

	assert_int_equal(s->seen, sum((const uint64_t *)s->kind, ESP_INNER_KINDS) +
					  sum((const uint64_t *)s->rejected, ESP_REASON_COUNT));
	for (int f = 0; f < 2; f++) {
		const struct esp_inner_mss *m = &s->mss[f];

		assert_int_equal(m->syn + m->syn_ack,
				 m->without + m->garbled +
					 sum((const uint64_t *)m->bucket, ESP_INNER_BUCKETS));
		syns += m->syn + m->syn_ack;
	}
	assert_int_equal(s->kind[ESP_INNER_SYN], syns);
}

static void test_counts(void **unused)
{
	struct esp_inner_stats stats[2] = {0}, all = {0};

	(void)unused;
	for (size_t i = 0; i < inner_case_count; i++) {
		const struct inner_case *c = &inner_cases[i];
		struct esp_inner_packet p;
		struct packet b;
		enum esp_reason bad;
		int told;

		inner_build(c, &b);
		bad = parse(b.data, b.length, b.length, c->link, &p);
		told = esp_inner_count(&stats[i % 2], bad, &p, i % 3 == 0);
		assert_int_equal(told, !bad && (c->kind == ESP_INNER_SYN || c->kind == ESP_INNER_TOO_BIG));
		if (!bad)
			assert_int_equal(p.flags & ESP_INNER_OWN ? 1 : 0, i % 3 == 0);
	}
	for (int i = 0; i < 2; i++) {
		assert_adds_up(&stats[i]);
		inner_stats_add(&stats[i], &all);
	}
	assert_adds_up(&all);
	assert_int_equal(all.seen, inner_case_count);
	assert_int_equal(all.mss[0].max, 65535);
	assert_int_equal(all.mss[0].min, 512); /* that of 0 is none */
	assert_int_equal(all.mss[1].max, 1460);
	assert_int_equal(all.mss[1].min, 1440);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),	  cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_addresses), cmocka_unit_test(test_buckets),
		cmocka_unit_test(test_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Fragments: whose they are, in any order, and what is counted when they do not all come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "golden/packets.h"

#include "twin_one.h"

#include "espial/pipeline.h"

static uint64_t now;

static int start(void **state)
{
	struct twin_options o = {.sa_slots = 16, .new_sets = 4, .fragment_sets = 1, .seed = 1};

	(void)state;
	now = 1;
	return twin_init(&twin, &o);
}

static enum esp_class give(struct packet *b)
{
	uint8_t *copy;
	enum esp_class cls;

	packet_finish(b);
	copy = malloc(b->length);
	memcpy(copy, b->data, b->length);
	cls = twin_frame(&twin, copy, (uint32_t)b->length, (uint32_t)b->length, ESP_LINK_IP, now, 1,
			 ESP_DIR_IN, 1, 0, NULL);
	free(copy);
	return cls;
}

/* Whole packets: the SA has a slot from the fourth on. */
static void whole(uint32_t from, uint32_t to)
{
	struct packet b;

	for (; from <= to; from++) {
		packet_begin(&b);
		ip4(&b, 50);
		esp(&b, 7, from);
		fill(&b, 72);
		assert_int_equal(give(&b), ESP_CLASS_ESP);
	}
}

/* First fragment: 8 + 72 bytes of payload. */
static enum esp_class first4(uint32_t sequence, uint16_t id)
{
	struct packet b;

	packet_begin(&b);
	ip4_fragment(&b, 50, 0x2000, id);
	esp(&b, 7, sequence);
	fill(&b, 72);
	return give(&b);
}

/* Later one: `units` of 8 bytes on, 80 bytes, or 13 when it is the last. */
static enum esp_class later4(uint16_t units, uint16_t id, int last)
{
	struct packet b;

	packet_begin(&b);
	ip4_fragment(&b, 50, (uint16_t)((last ? 0 : 0x2000) | units), id);
	fill(&b, last ? 13 : 80);
	return give(&b);
}

static const struct esp_sa_rare *rare(void)
{
	return &twin.tables.rare[sums_find(&twin.tables, 7)];
}

static const struct esp_lane *lane(void)
{
	return &twin.tables.lane[sums_find(&twin.tables, 7)];
}

static void test_in_order(void **state)
{
	(void)state;
	whole(1, 4);
	assert_int_equal(first4(5, 100), ESP_CLASS_ESP);
	assert_int_equal(later4(10, 100, 0), ESP_CLASS_FRAGMENT);
	assert_int_equal(lane()->size_max, 100);
	assert_int_equal(later4(20, 100, 1), ESP_CLASS_FRAGMENT);
	assert_int_equal(rare()->fragmented, 1);
	assert_int_equal(rare()->fragments, 3);
	assert_int_equal(rare()->incomplete, 0);
	assert_int_equal(lane()->packets, 5);
	assert_int_equal(lane()->bytes, 4 * 100 + 100 + 100 + 33);
	assert_int_equal(lane()->size_max, 20 + 160 + 13); /* reassembled */
	assert_int_equal(twin.tables.stats[0].cls[ESP_CLASS_FRAGMENT], 2);
	assert_int_equal(twin.tables.stats[0].bytes, lane()->bytes);
}

static void test_any_order(void **state)
{
	static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

	(void)state;
	whole(1, 4);
	for (int i = 0; i < 6; i++) {
		int seen_first = 0;

		for (int k = 0; k < 3; k++) {
			enum esp_class cls;

			if (orders[i][k] == 0) {
				assert_int_equal(first4(5 + (uint32_t)i, (uint16_t)i), ESP_CLASS_ESP);
				seen_first = 1;
				continue;
			}
			cls = later4((uint16_t)(orders[i][k] * 10), (uint16_t)i, orders[i][k] == 2);
			assert_int_equal(cls, seen_first ? ESP_CLASS_FRAGMENT : ESP_CLASS_OTHER);
		}
		assert_int_equal(rare()->fragmented, i + 1);
		assert_int_equal(rare()->fragments, 3 * (i + 1));
		assert_int_equal(lane()->bytes, 400 + 233 * (i + 1));
		assert_int_equal(lane()->size_max, 193);
	}
	now += twin.tables.cfg.fragment_timeout;
	for (uint16_t id = 50; id < 54; id++)
		later4(10, id, 0);
	assert_int_equal(rare()->incomplete, 0);
}

static void test_incomplete(void **state)
{
	(void)state;
	whole(1, 4);
	first4(5, 1);
	later4(10, 1, 0);
	later4(10, 1, 0); /* twice the same completes nothing */
	later4(30, 1, 1);
	assert_int_equal(lane()->size_max, 100);
	now += twin.tables.cfg.fragment_timeout;
	first4(6, 1); /* the identification is used anew */
	assert_int_equal(rare()->incomplete, 1);
	later4(10, 1, 0);
	later4(20, 1, 1);
	assert_int_equal(lane()->size_max, 193);
	first4(7, 2);
	now += twin.tables.cfg.fragment_timeout;
	for (uint16_t id = 50; id < 54; id++)
		first4(id, id);
	assert_int_equal(rare()->incomplete, 2);
	assert_int_equal(twin.tables.cpu[0].loss[ESP_LOSS_FRAGMENTS_UNTRACKED], 0);
	first4(100, 100); /* five open sets, place for four */
	assert_int_equal(twin.tables.cpu[0].loss[ESP_LOSS_FRAGMENTS_UNTRACKED], 1);
	assert_int_equal(rare()->incomplete, 2);
}

static void test_strangers(void **state)
{
	struct packet b;

	(void)state;
	whole(1, 4);
	first4(5, 1);
	assert_int_equal(later4(10, 2, 0), ESP_CLASS_OTHER); /* another packet's */
	packet_begin(&b);
	ip4_fragment(&b, 17, 0x000a, 1); /* another protocol's */
	fill(&b, 20);
	assert_int_equal(give(&b), ESP_CLASS_OTHER);
	packet_begin(&b);
	ip4_fragment(&b, 50, 0x000a, 1);
	fill(&b, 20);
	set8_ip(&b, 15, 99); /* another source's */
	assert_int_equal(give(&b), ESP_CLASS_OTHER);
	packet_begin(&b);
	ip4_fragment(&b, 17, 0x2000, 9); /* nothing of ours: its later ones neither */
	udp(&b, 53, 53);
	fill(&b, 64);
	assert_int_equal(give(&b), ESP_CLASS_OTHER);
	packet_begin(&b);
	ip4_fragment(&b, 17, 9, 9);
	fill(&b, 64);
	assert_int_equal(give(&b), ESP_CLASS_OTHER);
	assert_int_equal(rare()->fragments, 1);
	packet_begin(&b);
	ip4_fragment(&b, 17, 0x2000, 10); /* IKE has no SA, but its fragments are known */
	udp(&b, 500, 500);
	ike(&b, 1000);
	fill(&b, 4);
	set16_l4(&b, 4, 1008);
	assert_int_equal(give(&b), ESP_CLASS_IKE);
	packet_begin(&b);
	ip4_fragment(&b, 17, 5, 10);
	fill(&b, 64);
	assert_int_equal(give(&b), ESP_CLASS_FRAGMENT);
}

/* The first packets of an SA come in fragments: kept with the newcomer. */
static void test_newcomer(void **state)
{
	(void)state;
	for (uint16_t n = 1; n <= 4; n++) {
		assert_int_equal(first4(n, n), ESP_CLASS_ESP);
		assert_int_equal(later4(10, n, 1), ESP_CLASS_FRAGMENT);
	}
	assert_int_equal(lane()->packets, 4);
	assert_int_equal(lane()->bytes, 4 * 133);
	assert_int_equal(rare()->fragmented, 4);
	assert_int_equal(rare()->fragments, 8);
}

/* A newcomer's packet that never became whole is its SA's once it is one. */
static void test_newcomer_incomplete(void **state)
{
	struct packet b;

	(void)state;
	for (uint16_t n = 1; n <= 3; n++)
		first4(n, n);
	now += twin.tables.cfg.fragment_timeout;
	for (uint16_t id = 50; id < 54; id++) {
		packet_begin(&b);
		ip4_fragment(&b, 50, 0x2000, id);
		esp(&b, 8, id);
		fill(&b, 72);
		give(&b);
	}
	whole(4, 4);
	assert_int_equal(rare()->incomplete, 3);
	assert_int_equal(rare()->fragmented, 3);
}

/* IPv6, with `options` bytes of destination options behind the fragment header. */
static void pair6(uint32_t id, uint32_t sequence, int options)
{
	uint8_t next = options ? 60 : 50;
	uint16_t total = (uint16_t)(80 + options);
	struct packet b;

	packet_begin(&b);
	ip6(&b, 44);
	ip6_fragment(&b, next, 0, 1, id);
	if (options)
		ext(&b, 50, options / 8 - 1);
	esp(&b, 7, sequence);
	fill(&b, 72);
	assert_int_equal(give(&b), ESP_CLASS_ESP);
	packet_begin(&b);
	ip6(&b, 44);
	ip6_fragment(&b, next, total, 0, id);
	fill(&b, 13);
	assert_int_equal(give(&b), ESP_CLASS_FRAGMENT);
}

static void test_ipv6(void **state)
{
	struct packet b;

	(void)state;
	for (uint32_t n = 1; n <= 4; n++) {
		packet_begin(&b);
		ip6(&b, 50);
		esp(&b, 7, n);
		give(&b);
	}
	pair6(1, 5, 0);
	assert_int_equal(lane()->size_max, 40 + 80 + 13); /* without the fragment header */
	assert_int_equal(rare()->fragments, 2);
	now += twin.tables.cfg.fragment_timeout;
	pair6(2, 6, 16);
	assert_int_equal(lane()->size_max, 40 + 16 + 80 + 13);
	now += twin.tables.cfg.fragment_timeout;
	for (uint32_t id = 10; id < 14; id++)
		pair6(id, id, 0);
	assert_int_equal(rare()->incomplete, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, start, end)

/* IPv6, the last piece first: it is remembered by the protocol that is behind the fragment header. */
static void test_ipv6_reversed(void **state)
{
	struct packet b;

	(void)state;
	whole(1, 4);
	for (uint32_t n = 1; n <= 4; n++) {
		packet_begin(&b);
		ip6(&b, 50);
		esp(&b, 9, n);
		fill(&b, 72);
		give(&b);
	}
	packet_begin(&b);
	ip6(&b, 44);
	ip6_fragment(&b, 50, 80, 0, 1);
	fill(&b, 13);
	assert_int_equal(give(&b), ESP_CLASS_OTHER);
	packet_begin(&b);
	ip6(&b, 44);
	ip6_fragment(&b, 50, 0, 1, 1);
	esp(&b, 9, 5);
	fill(&b, 72);
	assert_int_equal(give(&b), ESP_CLASS_ESP);
	assert_int_equal(twin.tables.rare[sums_find(&twin.tables, 9)].fragments, 2);
	assert_int_equal(twin.tables.lane[sums_find(&twin.tables, 9)].size_max, 40 + 80 + 13);
}

/* What a newcomer had of fragments goes with it, and is not the next one's who gets its entry. */
static void test_next_newcomer_begins_anew(void **state)
{
	(void)state;
	first4(1, 100);
	later4(10, 100, 0);
	now += twin.tables.cfg.fragment_timeout;
	first4(2, 100);
	whole(3, 6);
	assert_int_equal(rare()->fragmented, 2);
	assert_int_equal(rare()->fragments, 3);
	assert_int_equal(rare()->incomplete, 1);
	for (uint32_t spi = 100; spi < 110; spi++) {
		struct packet b;
		int slot;

		for (uint32_t n = 1; n <= 4; n++) {
			packet_begin(&b);
			ip4(&b, 50);
			esp(&b, spi, n);
			fill(&b, 72);
			give(&b);
		}
		slot = sums_find(&twin.tables, spi);
		assert_true(slot >= 0);
		assert_int_equal(twin.tables.rare[slot].fragmented, 0);
		assert_int_equal(twin.tables.rare[slot].fragments, 0);
		assert_int_equal(twin.tables.rare[slot].incomplete, 0);
		assert_int_equal(twin.tables.lane[slot].bytes, 400);
	}
}

static int known_to_sadb(void *arg, const struct esp_sa_key *key)
{
	(void)arg;
	(void)key;
	return 1;
}

/* Nor is it that of an SA which needs not to be a newcomer first. */
static void test_next_that_is_known(void **state)
{
	struct packet b;
	int slot;

	(void)state;
	first4(1, 100);
	later4(10, 100, 0);
	now += twin.tables.cfg.fragment_timeout;
	first4(2, 100);
	whole(3, 6);
	assert_int_equal(rare()->incomplete, 1);
	twin.tables.in_sadb = known_to_sadb;
	packet_begin(&b);
	ip4(&b, 50);
	esp(&b, 300, 1);
	fill(&b, 72);
	give(&b);
	slot = sums_find(&twin.tables, 300);
	assert_true(slot >= 0);
	assert_int_equal(twin.tables.rare[slot].fragments, 0);
	assert_int_equal(twin.tables.rare[slot].incomplete, 0);
	assert_int_equal(twin.tables.lane[slot].bytes, 100);
}

/* A size is that of a packet that became whole, and of no piece. */
static void test_sizes(void **state)
{
	(void)state;
	for (uint16_t id = 1; id <= 4; id++)
		first4(id, id);
	assert_int_equal(lane()->size_max, 0);
	later4(10, 4, 0);
	assert_int_equal(lane()->size_max, 0);
	assert_int_equal(lane()->size_min_inv, 0);
	later4(20, 4, 1);
	assert_int_equal(lane()->size_max, 193);
	assert_int_equal(~lane()->size_min_inv, 193);
	whole(5, 5);
	later4(10, 3, 0);
	later4(20, 3, 1);
	assert_int_equal(lane()->size_max, 193);
	assert_int_equal(~lane()->size_min_inv, 100);
	assert_int_equal(rare()->fragmented, 4);
}

/* The rest of a packet whose SA has been forgotten meanwhile is nobody's. */
static void test_owner_is_gone(void **state)
{
	const size_t sets = twin.tables.cfg.new_mask + 1UL;
	struct esp_new_set *before = calloc(sets, sizeof(*before));
	struct packet b;

	(void)state;
	assert_non_null(before);
	for (uint16_t spi = 1; spi <= 8; spi++) {
		packet_begin(&b);
		ip4_fragment(&b, 50, 0x2000, spi);
		esp(&b, spi, 1);
		fill(&b, 72);
		assert_int_equal(give(&b), ESP_CLASS_ESP);
		/* As if strangers had taken all places. */
		memset(twin.tables.newcomer, 0, sets * sizeof(*before));
		twin.tables.cpu[0].loss[ESP_LOSS_EVICTED]++;
		assert_int_equal(later4(10, spi, 1), ESP_CLASS_FRAGMENT);
		assert_memory_equal(before, twin.tables.newcomer, sets * sizeof(*before));
	}
	free(before);
}

/* An identification that is used anew begins with nothing: one piece is missing here, and the one of before is none of it. */
static void test_anew(void **state)
{
	(void)state;
	whole(1, 4);
	first4(5, 1);
	later4(10, 1, 0);
	now += twin.tables.cfg.fragment_timeout;
	first4(6, 1);
	later4(20, 1, 1);
	assert_int_equal(lane()->size_max, 100);
	later4(10, 1, 0);
	assert_int_equal(lane()->size_max, 193);
}

/* A set of newcomers whose lock's holder was descheduled is left alone. */
static void test_lock_held(void **state)
{
	struct esp_new_set *sets = twin.tables.newcomer;
	struct esp_new_set before[4];

	(void)state;
	first4(1, 1);
	for (int i = 0; i < 4; i++)
		sets[i].lock = 1;
	memcpy(before, sets, sizeof(before));
	assert_int_equal(later4(10, 1, 1), ESP_CLASS_FRAGMENT);
	assert_memory_equal(before, sets, sizeof(before));
	for (int i = 0; i < 4; i++)
		sets[i].lock = 0;
	/* and so is that of fragments */
	twin.tables.fragment[0].lock = 1;
	assert_int_equal(first4(2, 2), ESP_CLASS_ESP);
	assert_int_equal(twin.tables.fragment[0].lock, 1);
	assert_int_equal(twin.tables.cpu[0].loss[ESP_LOSS_FRAGMENTS_UNTRACKED], 1);
}

/* A piece of what cannot be ours takes nobody's place. */
static void test_never_ours(void **state)
{
	struct packet b;

	(void)state;
	for (uint16_t id = 1; id <= 4; id++)
		first4(id, id);
	packet_begin(&b);
	ip4_fragment(&b, 6, 0x200a, 100);
	fill(&b, 80);
	assert_int_equal(give(&b), ESP_CLASS_OTHER);
	assert_int_equal(twin.tables.cpu[0].loss[ESP_LOSS_FRAGMENTS_UNTRACKED], 0);
	for (uint16_t id = 1; id <= 4; id++)
		assert_int_equal(later4(10, id, 1), ESP_CLASS_FRAGMENT);
}

/* The fragments of an IKE message are of no SA: not of that of the packet before, whose place in memory it has. */
static void test_not_of_an_sa(void **state)
{
	struct esp_at at = {.t = &twin.tables, .now = 1, .ifindex = 1, .direction = ESP_DIR_IN};
	struct esp_if_stats *stats = esp_if_stats_at(&twin.tables, 0, ESP_DIR_IN, 0);
	struct esp_packet p;
	struct packet b;

	(void)state;
	whole(1, 4);
	memset(&p, 0, sizeof(p));
	for (int i = 0; i < 3; i++) {
		enum esp_reason bad;

		packet_begin(&b);
		if (i == 0)
			ip4(&b, 50);
		else
			ip4_fragment(&b, 17, i == 1 ? 0x2000 : 10, 9);
		if (i == 0)
			esp(&b, 7, 5);
		if (i == 1)
			udp(&b, 500, 500), ike(&b, 28 + 72);
		fill(&b, i == 1 ? 44 : 72);
		if (i == 1)
			set16_l4(&b, 4, 8 + 28 + 72);
		packet_finish(&b);
		bad = esp_classify(b.data, b.data + b.length, (__u32)b.length, ESP_LINK_IP,
				   &twin.tables.cfg.ports, &p);
		assert_int_equal(bad, ESP_OK);
		assert_int_equal(esp_observe(&at, stats, bad, &p, 1), i == 0   ? ESP_CLASS_ESP
								      : i == 1 ? ESP_CLASS_IKE
									       : ESP_CLASS_FRAGMENT);
	}
	assert_int_equal(lane()->packets, 5);
	assert_int_equal(lane()->bytes, 500);
	assert_int_equal(rare()->fragments, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_in_order),
		TEST(test_any_order),
		TEST(test_incomplete),
		TEST(test_strangers),
		TEST(test_newcomer),
		TEST(test_newcomer_incomplete),
		TEST(test_ipv6),
		TEST(test_next_newcomer_begins_anew),
		TEST(test_ipv6_reversed),
		TEST(test_sizes),
		TEST(test_next_that_is_known),
		TEST(test_owner_is_gone),
		TEST(test_not_of_an_sa),
		TEST(test_anew),
		TEST(test_lock_held),
		TEST(test_never_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

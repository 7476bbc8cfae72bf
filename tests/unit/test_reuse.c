// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The entry of an SA that is gone: its window, its counters, what was tentative, whether the kernel knew it. The next one that gets it
 * has none of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "golden/packets.h"
#include "oracle_sums.h"
#include "source/twin.h"

static struct twin twin;

static int known_to_sadb(void *arg, const struct esp_sa_key *key)
{
	(void)key;
	return *(const int *)arg;
}

/* An ESP packet of `spi`, 60 bytes of IP. */
static void send(uint32_t spi, uint32_t sequence, uint64_t now, uint8_t ttl)
{
	struct packet b;

	packet_begin(&b);
	ip4(&b, 50);
	esp(&b, spi, sequence);
	fill(&b, 32);
	set8_ip(&b, 8, ttl);
	packet_finish(&b);
	twin_frame(&twin, b.data, (uint32_t)b.length, (uint32_t)b.length, ESP_LINK_IP, now, 1, ESP_DIR_IN, 1,
		   0, NULL);
}

/* As much as can be in an entry: losses, late ones, a restart, a jump that is about to be believed. */
static void live(uint32_t spi)
{
	static const uint32_t numbers[] = {500000, 500001, 500002, 500003, 505000,  501000,  501100, 501050,
					   501050, 509000, 1,	   2,	   3,	    4,	     5,	     6,
					   7,	   8,	   9,	   7,	   7000001, 7000002, 7000003};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		send(spi, numbers[i], 1, i % 2 ? 60 : 61);
}

static void is_as_new(uint32_t spi, const struct oracle *o)
{
	int slot = sums_find(&twin.tables, spi);
	const struct esp_sa_rare *rare;
	struct sa_sums s;

	assert_true(slot >= 0);
	rare = &twin.tables.rare[slot];
	sums_of_slot(&twin.tables, (uint32_t)slot, &s);
	assert_null(sums_broken(&s));
	oracle_sums_agree(&s, o);
	assert_int_equal(s.bytes, o->packets * 60);
	assert_int_equal(rare->ttl_changes, 0);
	assert_int_equal(rare->endpoint_changes, 0);
	assert_int_equal(rare->ttl_max, 57);
	assert_int_equal(rare->ttl_min_inv, 255 - 57);
	assert_int_equal(rare->first_time, twin.tables.cfg.idle + 10);
}

static void test_next(void **state)
{
	static const uint32_t starts[] = {100, 7000004, 509001, 10, 0xfffffff0U};
	struct twin_options options = {.sa_slots = 8, .new_sets = 4, .seed = 1};

	(void)state;
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		struct oracle o;

		assert_int_equal(twin_init(&twin, &options), 0);
		for (uint32_t spi = 1; spi <= 8; spi++)
			live(spi);
		oracle_init(&o);
		for (uint32_t n = 0; n < 40; n++) {
			if (n == 20)
				continue; /* a hole */
			oracle_packet(&o, starts[i] + n);
			send(100, starts[i] + n, twin.tables.cfg.idle + 10, 57);
		}
		/* and far enough on, so that all before is judged */
		for (uint32_t n = 0; n < 5000; n++) {
			oracle_packet(&o, starts[i] + 40 + n);
			send(100, starts[i] + 40 + n, twin.tables.cfg.idle + 11, 57);
		}
		is_as_new(100, &o);
		oracle_destroy(&o);
		assert_null(sums_tables_broken(&twin.tables));
		twin_destroy(&twin);
	}
}

/* What the kernel's SADB said of the one before. */
static void test_known(void **state)
{
	struct twin_options options = {.sa_slots = 8, .new_sets = 4, .seed = 1};
	int known = 0, slot;

	(void)state;
	assert_int_equal(twin_init(&twin, &options), 0);
	twin.tables.in_sadb = known_to_sadb;
	twin.tables.in_sadb_arg = &known;
	for (uint32_t spi = 1; spi <= 8; spi++) {
		live(spi);
		slot = sums_find(&twin.tables, spi);
		assert_true(slot >= 0);
		twin.tables.known[slot].unknown = 5;
		twin.tables.known[slot].grace = 6;
		twin.tables.known[slot].base = 7;
		assert_int_not_equal(twin.tables.known[slot].state, ESP_KNOWN_NOT_LOOKED_UP);
	}
	twin.tables.in_sadb = NULL; /* and from now on there is nobody to ask */
	for (uint32_t n = 1; n <= 4; n++)
		send(100, n, twin.tables.cfg.idle + 10, 57);
	slot = sums_find(&twin.tables, 100);
	assert_true(slot >= 0);
	assert_int_equal(twin.tables.known[slot].state, ESP_KNOWN_NOT_LOOKED_UP);
	assert_int_equal(twin.tables.known[slot].unknown, 0);
	assert_int_equal(twin.tables.known[slot].grace, 0);
	assert_int_equal(twin.tables.known[slot].base, 0);
	twin_destroy(&twin);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_next), cmocka_unit_test(test_known)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

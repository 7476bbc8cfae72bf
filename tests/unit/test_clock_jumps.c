/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The clock goes back and forth between packets, by anything from a nanosecond to hundreds of years: what is counted does not
 * depend on it, no equation breaks, and no loss is invented. (What ages by the clock, newcomers and fragments, may be
 * forgotten early; it is then counted as such.)
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
#include "golden/sums.h"
#include "source/twin.h"

#define SECOND 1000000000ULL
#define SPI 0x1001U

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void send(struct twin *t, uint32_t spi, uint32_t number, uint64_t now)
{
	struct packet b;

	packet_begin(&b);
	eth(&b, 0x0800);
	ip4(&b, 50);
	esp(&b, spi, number);
	fill(&b, 32);
	packet_finish(&b);
	twin_frame(t, b.data, (uint32_t)b.length, (uint32_t)b.length, ESP_LINK_ETHERNET, now, 1, ESP_DIR_IN,
		   1, 0, NULL);
}

static void holds(const struct twin *t)
{
	const char *broken = sums_tables_broken(&t->tables);

	if (broken)
		fail_msg("%s", broken);
	for (uint32_t slot = 0; slot <= t->tables.cfg.sa_mask; slot++) {
		struct sa_sums s;

		if (!t->tables.sa[slot].key.id)
			continue;
		sums_of_slot(&t->tables, slot, &s);
		if (sums_broken(&s))
			fail_msg("%s", sums_broken(&s));
	}
}

static uint64_t anywhere(uint64_t *random, uint64_t now)
{
	switch (next_random(random) % 6) {
	case 0:
		return now + 1 + next_random(random) % 1000;
	case 1: /* back, by up to an hour */
		return now - next_random(random) % (3600 * SECOND);
	case 2:
		return now + next_random(random) % (3600 * SECOND);
	case 3:
		return next_random(random);
	case 4:
		return next_random(random) % 2 ? 1 : UINT64_MAX;
	default:
		return now;
	}
}

/* One SA alone, without a number missing, is counted whole whatever the clock does once it is an SA. */
static void test_one_sa(void **unused)
{
	struct twin_options o = {.sa_slots = 8, .new_sets = 1, .fragment_sets = 1, .cpus = 1, .seed = 5};
	uint64_t random = 88172645463325252ULL, now = 1000 * SECOND;
	struct sa_sums s;
	struct twin t;
	int slot;

	(void)unused;
	assert_int_equal(twin_init(&t, &o), 0);
	for (uint32_t number = 1; number <= 20; number++)
		send(&t, SPI, number, now += 1000);
	for (uint32_t number = 21; number <= 20000; number++) {
		now = anywhere(&random, now);
		send(&t, SPI, number, now);
		if (number % 1000 == 0)
			holds(&t);
	}
	slot = sums_find(&t.tables, SPI);
	assert_true(slot >= 0);
	sums_of_slot(&t.tables, (uint32_t)slot, &s);
	assert_int_equal(s.packets, 20000);
	assert_int_equal(s.received, 20000);
	assert_int_equal(s.lost + s.pending + s.duplicate + s.too_old + s.outlier + s.restarts, 0);
	twin_destroy(&t);
}

/* More SAs than there is room for, newcomers and fragments among them: every packet is in exactly one place. */
static void test_full_tables(void **unused)
{
	struct twin_options o = {.sa_slots = 8, .new_sets = 1, .fragment_sets = 1, .cpus = 1, .seed = 5};
	uint64_t random = 362436069362436069ULL, now = 1000 * SECOND;
	struct table_sums sums;
	uint32_t numbers[40] = {0};
	struct twin t;

	(void)unused;
	assert_int_equal(twin_init(&t, &o), 0);
	for (int i = 0; i < 40000; i++) {
		uint32_t which = (uint32_t)(next_random(&random) % 40);

		now = anywhere(&random, now);
		numbers[which] += 1 + (next_random(&random) % 8 == 0);
		send(&t, SPI + which, numbers[which], now);
		if (i % 1000 == 0)
			holds(&t);
	}
	holds(&t);
	sums_of_tables(&t.tables, &sums);
	assert_int_equal(sums.seen, 40000);
	assert_int_equal(sums.in_slots + sums.in_newcomers + sums.evicted + sums.refused, 40000);
	twin_destroy(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_sa),
		cmocka_unit_test(test_full_tables),
	};

	return cmocka_run_group_tests_name("clock_jumps", tests, NULL, NULL);
}

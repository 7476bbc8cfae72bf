// SPDX-License-Identifier: GPL-2.0-or-later
/* test_compare.c - two ends of SAs: what is lost, what only looks so, and a random path against its own account */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model/compare.h"

#define SECOND UINT64_C(1000000000)

static struct compare_sa sa(enum compare_direction direction, uint32_t spi, uint64_t first, uint64_t highest,
			    uint64_t lost)
{
	struct compare_sa s = {.source = "192.0.2.1",
			       .destination = "192.0.2.2",
			       .direction = direction,
			       .spi = spi,
			       .protocol = 50,
			       .first_ns = 1000 * SECOND,
			       .first = first,
			       .highest = highest,
			       .received = highest - first + 1 - lost,
			       .lost = lost};

	return s;
}

static struct compare compared(const struct compare_sa *a, size_t a_count, const struct compare_sa *b,
			       size_t b_count, uint64_t since_ns)
{
	const struct compare_end one = {a, a_count, since_ns}, other = {b, b_count, since_ns};
	struct compare c;

	assert_int_equal(compare_ends(&one, &other, &c), 0);
	return c;
}

static void exact(void **unused)
{
	const struct compare_sa a = sa(COMPARE_OUT, 1, 1, 1000, 0), b = sa(COMPARE_IN, 1, 1, 1000, 7);
	struct compare c = compared(&a, 1, &b, 1, 0);

	(void)unused;
	assert_int_equal(c.count, 1);
	assert_int_equal(c.flows[0].verdict, COMPARE_EXACT);
	assert_true(c.flows[0].from_a);
	assert_int_equal(c.flows[0].lost_least, 7);
	assert_int_equal(c.flows[0].arrived, 993);
	compare_free(&c);
	c = compared(&b, 1, &a, 1, 0); /* the other way round */
	assert_false(c.flows[0].from_a);
	assert_int_equal(c.flows[0].lost_most, 7);
	compare_free(&c);
}

/* Two readings of one end have nothing to compare. */
static void same_end(void **unused)
{
	const struct compare_sa a[] = {sa(COMPARE_OUT, 1, 1, 1000, 0), sa(COMPARE_IN, 2, 1, 50, 0)};
	const struct compare_sa other = sa(COMPARE_OUT, 3, 1, 10, 0);
	struct compare c = compared(a, 2, a, 2, 0);

	(void)unused;
	assert_int_equal(c.count, 0);
	assert_int_equal(c.same_side, 2);
	compare_free(&c);
	c = compared(a, 1, &other, 1, 0);
	assert_int_equal(c.count, 0);
	assert_int_equal(c.same_side, 0);
	compare_free(&c);
}

/* Readings at different times: neither end's surplus is a loss. */
static void skew(void **unused)
{
	const struct compare_sa a = sa(COMPARE_OUT, 1, 1, 5000, 0), b = sa(COMPARE_IN, 1, 1, 1000, 0);
	const struct compare_sa early = sa(COMPARE_OUT, 1, 1, 600, 0);
	struct compare c = compared(&a, 1, &b, 1, 0);

	(void)unused;
	assert_int_equal(c.flows[0].lost_most, 0);
	assert_int_equal(c.flows[0].beyond, 4000);
	compare_free(&c);
	c = compared(&early, 1, &b, 1, 0);
	assert_int_equal(c.flows[0].lost_most, 0);
	assert_int_equal(c.flows[0].beyond, 0);
	compare_free(&c);
}

/* A rekeying between the readings: one end has an SA that the other does not have yet. */
static void rekeyed(void **unused)
{
	const struct compare_sa a[] = {sa(COMPARE_OUT, 1, 1, 1000, 0), sa(COMPARE_OUT, 2, 1, 50, 0)};
	const struct compare_sa b = sa(COMPARE_IN, 1, 1, 900, 0);
	struct compare c = compared(a, 2, &b, 1, 0);

	(void)unused;
	assert_int_equal(c.count, 1);
	assert_int_equal(c.only_a, 1);
	assert_int_equal(c.flows[0].lost_most, 0);
	compare_free(&c);
}

static void dropped_at_the_sender(void **unused)
{
	struct compare_sa a = sa(COMPARE_OUT, 1, 1, 1000, 20), b = sa(COMPARE_IN, 1, 1, 1000, 30);
	struct compare c = compared(&a, 1, &b, 1, 0);

	(void)unused;
	assert_int_equal(c.flows[0].verdict, COMPARE_EXACT);
	assert_int_equal(c.flows[0].lost_least, 10);
	assert_int_equal(c.flows[0].dropped, 20);
	compare_free(&c);
	a.highest = 1500; /* some of the 20 may lie beyond */
	c = compared(&a, 1, &b, 1, 0);
	assert_int_equal(c.flows[0].verdict, COMPARE_BETWEEN);
	assert_int_equal(c.flows[0].lost_least, 10);
	assert_int_equal(c.flows[0].lost_most, 30);
	compare_free(&c);
}

static void too_old_may_be_late(void **unused)
{
	struct compare_sa a = sa(COMPARE_OUT, 1, 1, 1000, 0), b = sa(COMPARE_IN, 1, 1, 1000, 30);
	struct compare c;

	(void)unused;
	b.too_old = 5;
	c = compared(&a, 1, &b, 1, 0);
	assert_int_equal(c.flows[0].lost_least, 25);
	assert_int_equal(c.flows[0].lost_most, 30);
	compare_free(&c);
}

static void first_packets(void **unused)
{
	const struct compare_sa a = sa(COMPARE_OUT, 1, 1, 1000, 0), b = sa(COMPARE_IN, 1, 101, 1000, 0);
	struct compare c = compared(&a, 1, &b, 1, 0);

	(void)unused;
	assert_int_equal(c.flows[0].unwatched, 100); /* since when it watches is unknown */
	assert_int_equal(c.flows[0].lost_most, 0);
	compare_free(&c);
	c = compared(&a, 1, &b, 1, 1001 * SECOND); /* it began later */
	assert_int_equal(c.flows[0].unwatched, 100);
	compare_free(&c);
	c = compared(&a, 1, &b, 1, 900 * SECOND); /* long before */
	assert_int_equal(c.flows[0].verdict, COMPARE_EXACT);
	assert_int_equal(c.flows[0].lost_least, 100);
	compare_free(&c);
	c = compared(&a, 1, &b, 1, 998 * SECOND); /* as clocks go, it may have been either */
	assert_int_equal(c.flows[0].verdict, COMPARE_BETWEEN);
	assert_int_equal(c.flows[0].lost_least, 0);
	assert_int_equal(c.flows[0].lost_most, 100);
	compare_free(&c);
}

static void nothing_arrives(void **unused)
{
	const struct compare_sa a = sa(COMPARE_OUT, 1, 1, 500, 0);
	struct compare_sa b = sa(COMPARE_IN, 9, 1, 10, 0); /* of a third: it tells the address */
	struct compare c = compared(&a, 1, &b, 1, 900 * SECOND);

	(void)unused;
	assert_int_equal(c.count, 1);
	assert_int_equal(c.flows[0].verdict, COMPARE_NOTHING);
	assert_int_equal(c.flows[0].lost_least, 500);
	compare_free(&c);
	strcpy(b.destination, "192.0.2.9"); /* it is not for that end */
	c = compared(&a, 1, &b, 1, 900 * SECOND);
	assert_int_equal(c.count, 0);
	assert_int_equal(c.only_a + c.only_b, 2);
	compare_free(&c);
	c = compared(&a, 1, &b, 0, 0);
	assert_int_equal(c.count, 0);
	compare_free(&c);
}

static void which_belong_together(void **unused)
{
	struct compare_sa a[] = {sa(COMPARE_OUT, 7, 1, 100, 0), sa(COMPARE_OUT, 7, 1, 200, 0)};
	struct compare_sa b[] = {sa(COMPARE_IN, 7, 1, 200, 2), sa(COMPARE_IN, 7, 1, 100, 1)};
	struct compare c;

	(void)unused;
	strcpy(a[1].destination, "192.0.2.3"); /* the same SPI at two destinations */
	strcpy(b[0].destination, "192.0.2.3");
	c = compared(a, 2, b, 2, 0);
	assert_int_equal(c.count, 2);
	assert_int_equal(c.flows[0].lost_least, 2);
	assert_string_equal(c.flows[0].sent->destination, "192.0.2.3");
	assert_int_equal(c.flows[1].lost_least, 1);
	assert_false(c.flows[0].by_spi);
	compare_free(&c);
	strcpy(b[0].destination, "10.0.0.1"); /* behind a NAT */
	c = compared(&a[1], 1, b, 1, 0);
	assert_int_equal(c.count, 1);
	assert_true(c.flows[0].by_spi);
	compare_free(&c);
	strcpy(b[1].destination, "10.0.0.2"); /* behind a NAT, two of them: which? */
	c = compared(&a[1], 1, b, 2, 0);
	assert_int_equal(c.count, 0);
	compare_free(&c);
	b[0].protocol = 51;
	c = compared(&a[1], 1, b, 1, 0);
	assert_int_equal(c.count, 0);
	compare_free(&c);
	b[0].protocol = 50;
	b[0].direction = COMPARE_OUT; /* both send: two SAs */
	c = compared(&a[1], 1, b, 1, 0);
	assert_int_equal(c.count, 0);
	compare_free(&c);
}

static void captures_tell_no_direction(void **unused)
{
	const struct compare_sa a = sa(COMPARE_UNKNOWN, 1, 1, 1000, 12),
				b = sa(COMPARE_UNKNOWN, 1, 1, 1000, 3);
	struct compare c = compared(&a, 1, &b, 1, 0);

	(void)unused;
	assert_true(c.flows[0].inferred);
	assert_false(c.flows[0].from_a);
	assert_int_equal(c.flows[0].lost_least, 9);
	assert_int_equal(c.flows[0].dropped, 3);
	compare_free(&c);
}

static void restarts_cannot_be_compared(void **unused)
{
	struct compare_sa a = sa(COMPARE_OUT, 1, 1, 1000, 0), b = sa(COMPARE_IN, 1, 1, 1000, 500);
	struct compare c;

	(void)unused;
	b.restarts = 1;
	c = compared(&a, 1, &b, 1, 0);
	assert_int_equal(c.flows[0].verdict, COMPARE_RESTARTED);
	assert_int_equal(c.flows[0].lost_most, 0);
	compare_free(&c);
}

/* Numbers go out, some are dropped before the wire and some on it; both are read whenever: the truth lies in what is said. */
static void a_random_path(void **unused)
{
	uint32_t seed = 7;

	(void)unused;
	for (unsigned int round = 0; round < 5000; round++) {
		struct compare_sa a = {
			.direction = COMPARE_OUT, .spi = 1, .protocol = 50, .first_ns = 1000 * SECOND};
		struct compare_sa b = {.direction = COMPARE_IN, .spi = 1, .protocol = 50};
		uint64_t lost = 0, pending_lost = 0, b_stop, a_stop;
		struct compare c;

		seed = seed * 1103515245 + 12345;
		a_stop = 50 + (seed >> 16) % 200;
		b_stop = 50 + (seed >> 8) % 200;
		for (uint64_t n = 1; n <= 300; n++) {
			bool left, arrives;

			seed = seed * 1103515245 + 12345;
			left = round % 2 || (seed >> 16) % 16;
			arrives = left && (seed >> 20) % 8;
			if (n <= a_stop && left) {
				if (!a.first)
					a.first = n;
				a.received++;
				a.highest = n;
			}
			if (n > b_stop)
				continue;
			pending_lost += b.first && left && !arrives;
			if (arrives) {
				if (!b.first)
					b.first = n;
				b.received++;
				b.highest = n;
				lost = pending_lost; /* what is behind the highest number counts */
			}
		}
		a.lost = a.highest - a.first + 1 - a.received;
		b.lost = b.highest - b.first + 1 - b.received;
		c = compared(&a, 1, &b, 1, 0);
		assert_int_equal(c.count, 1);
		assert_true(c.flows[0].lost_least <= lost);
		if (a_stop >= b_stop || round % 2) /* else the sender's gaps were not all read */
			assert_true(lost <= c.flows[0].lost_most);
		if (round % 2 && a_stop >= b_stop)
			assert_int_equal(c.flows[0].lost_least, lost);
		compare_free(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exact),
		cmocka_unit_test(same_end),
		cmocka_unit_test(skew),
		cmocka_unit_test(rekeyed),
		cmocka_unit_test(dropped_at_the_sender),
		cmocka_unit_test(too_old_may_be_late),
		cmocka_unit_test(first_packets),
		cmocka_unit_test(nothing_arrives),
		cmocka_unit_test(which_belong_together),
		cmocka_unit_test(captures_tell_no_direction),
		cmocka_unit_test(restarts_cannot_be_compared),
		cmocka_unit_test(a_random_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

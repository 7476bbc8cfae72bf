// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two CPUs at one window, one step at a time: between any two accesses of one CPU to what is shared, the other enters a few
 * numbers, at each such point in turn. What became of every number, the losses and their runs are those of one order in which the
 * packets may have come one after the other. test_account_storm.c lets chance do the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "espial/portable.h"

static void other_cpu(void);

/* Before each access to memory that CPUs share, the other one may act. */
#undef ESP_READ
#undef ESP_CMPXCHG
#define ESP_READ(x) (other_cpu(), *(const volatile __typeof__(x) *)&(x))
#define ESP_CMPXCHG(p, old, new) (other_cpu(), __sync_val_compare_and_swap(p, old, new))

#include "golden/sums.h"
#include "replay_oracle.h"

#include "espial/account.h"

#define BURST 12
#define FLUSH 2400 /* more than the window holds */

/* One SA, and what each of the two CPUs keeps to itself. */
struct window {
	struct esp_sa sa;
	struct esp_sa_rare rare;
	struct esp_lane lane[2];
	struct esp_cpu cpu[2];
};

struct numbers {
	const uint32_t *number;
	size_t count;
};

/* What must hold beside the equations. */
enum claim {
	ONE_ORDER,   /* all is as in one of the orders that the oracle knows */
	NONE,	     /* a race may have put off what was about to be believed */
	HOLE_FILLED, /* of the numbers before a restart one is missing, unless the burst was that one */
};

#define NUMBERS(...)                                                                                         \
	((struct numbers){(const uint32_t[]){__VA_ARGS__},                                                   \
			  sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t)})

/* What the other CPU does, and before which access. */
static struct {
	struct window *window;
	struct numbers burst;
	unsigned int point, when;
	uint64_t received; /* of the burst */
	uint32_t raise;	   /* not 0: instead, what it brings as a maximum */
	int busy;	   /* instead, and every time: it is always quicker at the carry */
	int planned;	   /* instead, what it had planned before, and only now carries out */
} race;

static void enter(struct window *w, uint32_t wire, int cpu)
{
	w->lane[cpu].packets++;
	if (esp_window_fast(&w->sa, wire))
		w->lane[cpu].received++;
	else
		esp_count_slow(&w->sa, &w->rare, &w->lane[cpu], wire, &w->cpu[cpu]);
}

/* The second half of what esp_window_slow() does, and what its caller does of it. */
static void carry_out(struct window *w)
{
	const struct esp_plan *plan = &w->cpu[1].plan;

	w->lane[1].packets++;
	esp_retire(&w->sa, &w->rare, plan->retire);
	switch (esp_execute(&w->sa, &w->rare, &w->cpu[1].plan)) {
	case ESP_RECEIVED:
		w->lane[1].received++;
		break;
	case ESP_DUPLICATE:
		w->rare.duplicate++;
		break;
	case ESP_TOO_OLD:
		w->rare.too_old++;
		break;
	case ESP_OUTLIER:
		w->rare.outlier++;
		break;
	default:
		w->rare.contended++;
		break;
	}
}

static void other_cpu(void)
{
	struct window *w = race.window;

	if (w && race.busy)
		w->sa.carry++; /* a lost number more in the open run */
	if (!w || race.busy || ++race.point != race.when)
		return;
	race.window = NULL;
	if (race.raise) {
		esp_raise_u32(&w->rare.ttl_max, race.raise);
		esp_count_late(&w->rare, race.raise);
	}
	for (size_t i = 0; i < race.burst.count; i++)
		enter(w, race.burst.number[i], 1);
	if (race.planned)
		carry_out(w);
	race.received = w->lane[1].received;
}

static struct window *window_new(void)
{
	struct window *w = aligned_alloc(64, (sizeof(*w) + 63) / 64 * 64);

	assert_non_null(w);
	memset(w, 0, sizeof(*w));
	return w;
}

static void sums_of_window(const struct window *w, struct sa_sums *ret)
{
	memset(ret, 0, sizeof(*ret));
	sums_of(&w->sa, &w->rare, ret);
	ret->packets = w->lane[0].packets + w->lane[1].packets;
	ret->received = w->lane[0].received + w->lane[1].received + w->rare.confirmed;
	if (sums_broken(ret))
		fail_msg("when %u: %s", race.when, sums_broken(ret));
}

static int is_as(const struct sa_sums *s, const struct oracle *o)
{
	return s->received == o->received && s->duplicate == o->duplicate && s->too_old == o->too_old &&
	       s->outlier == o->outlier && s->contended == 0 && s->lost == o->lost &&
	       s->restarts == o->restarts && s->first == o->first && s->highest == o->highest &&
	       !memcmp(s->burst_length, o->burst_length, sizeof(o->burst_length));
}

/* The oracle's word on: all before, `number` behind the first `at` of the burst, and what comes afterwards. */
static void serial(struct oracle *o, struct numbers before, uint32_t number, struct numbers burst, size_t at,
		   uint32_t after, uint32_t count)
{
	oracle_init(o);
	for (size_t i = 0; i < before.count; i++)
		oracle_packet(o, before.number[i]);
	for (size_t i = 0; i <= burst.count; i++) {
		if (i == at)
			oracle_packet(o, number);
		if (i < burst.count)
			oracle_packet(o, burst.number[i]);
	}
	for (uint32_t i = 0; i < count; i++)
		oracle_packet(o, after + i);
}

/*
 * `number` on one CPU while `burst` is entered by the other, before each of its accesses in turn. Afterwards `count` numbers
 * from `after` on, in order: all that was pending is judged. Then the claim holds.
 */
static void race_all(struct numbers before, uint32_t number, struct numbers burst, uint32_t after,
		     uint32_t count, enum claim claim)
{
	struct window *start = window_new(), *w = window_new();
	struct oracle order[BURST + 1];
	unsigned int when = 0;
	struct sa_sums s;

	assert_true(burst.count <= BURST);
	for (size_t i = 0; i <= burst.count; i++)
		serial(&order[i], before, number, burst, i, after, count);
	esp_window_init(&start->sa, before.number[0]);
	for (size_t i = 0; i < before.count; i++)
		enter(start, before.number[i], 0);
	do {
		size_t i;

		memcpy(w, start, sizeof(*w));
		race.window = w;
		race.burst = burst;
		race.point = 0;
		race.when = ++when;
		enter(w, number, 0);
		race.window = NULL;
		if (race.point < when)
			break; /* it was through before */
		sums_of_window(w, &s);
		for (uint32_t n = 0; n < count; n++)
			enter(w, after + n, n & 1);
		sums_of_window(w, &s);
		if (claim == HOLE_FILLED)
			assert_int_equal(s.lost, 1 - race.received);
		for (i = 0; claim == ONE_ORDER && i <= burst.count; i++)
			if (is_as(&s, &order[i]))
				break;
		if (claim == ONE_ORDER && i > burst.count)
			fail_msg("%u among the other's %zu from %u on, before access %u: received %llu, lost "
				 "%llu, "
				 "too old %llu, contended %llu: no order of the oracle's (the first: %llu, "
				 "%llu, %llu)",
				 number, burst.count, burst.number[0], when, (unsigned long long)s.received,
				 (unsigned long long)s.lost, (unsigned long long)s.too_old,
				 (unsigned long long)s.contended, (unsigned long long)order[0].received,
				 (unsigned long long)order[0].lost, (unsigned long long)order[0].too_old);
	} while (1);
	assert_true(when > 2);
	for (size_t i = 0; i <= burst.count; i++)
		oracle_destroy(&order[i]);
	free(start);
	free(w);
}

/*
 * The other CPU had decided on `planned`, and goes on with it between any two accesses of this one, which enters some numbers. Each
 * number is then received or lost, and not both.
 */
static void race_planned(struct numbers before, uint32_t planned, struct numbers own, uint32_t after,
			 uint32_t count)
{
	struct window *start = window_new(), *w = window_new();
	unsigned int when = 0;
	struct sa_sums s;

	esp_window_init(&start->sa, before.number[0]);
	for (size_t i = 0; i < before.count; i++)
		enter(start, before.number[i], 0);
	assert_true(esp_plan(&start->sa, &start->rare, planned, &start->cpu[1].plan));
	race.burst.count = 0;
	race.planned = 1;
	do {
		memcpy(w, start, sizeof(*w));
		race.window = w;
		race.point = 0;
		race.when = ++when;
		for (size_t i = 0; i < own.count; i++)
			enter(w, own.number[i], 0);
		race.window = NULL;
		if (race.point < when)
			break;
		sums_of_window(w, &s);
		for (uint32_t n = 0; n < count; n++)
			enter(w, after + n, n & 1);
		sums_of_window(w, &s);
		assert_true(s.restarts <= 1);
		assert_int_equal(s.contended, 0); /* one other CPU is not in the way so often */
	} while (1);
	assert_true(when > 2);
	race.planned = 0;
	free(start);
	free(w);
}

/* Numbers with holes: of `count` from `from` on, those that `keep` says. */
static struct numbers with_holes(uint32_t from, uint32_t count, uint32_t holes, uint32_t *buffer)
{
	struct numbers n = {.number = buffer};

	for (uint32_t i = 0; i < count; i++)
		if (holes == 0 || i == 0 || (i * 2654435761U) >> 24 >= holes)
			buffer[n.count++] = from + i;
	return n;
}

static void test_next_in_order(void **state)
{
	uint32_t buffer[4096];
	struct numbers before = with_holes(1, 3001, 0, buffer);

	(void)state;
	race_all(before, 3002, NUMBERS(3002), 3010, FLUSH, ONE_ORDER);
	race_all(before, 3002, NUMBERS(3003), 3010, FLUSH, ONE_ORDER);
	race_all(before, 3002, NUMBERS(3003, 3004, 3006, 3005), 3010, FLUSH, ONE_ORDER);
	race_all(before, 3002, NUMBERS(3040, 3041), 3050, FLUSH, ONE_ORDER);
	race_all(before, 3002, NUMBERS(3000, 2990), 3010, FLUSH, ONE_ORDER);
	race_all(before, 3002, NUMBERS(4900), 4910, FLUSH, ONE_ORDER);
	race_all(before, 3002, NUMBERS(4900, 6900, 8900), 8910, FLUSH,
		 ONE_ORDER); /* the window leaves it behind */
}

static void test_ahead(void **state)
{
	uint32_t buffer[4096];

	(void)state;
	for (uint32_t holes = 0; holes <= 200; holes += 50) {
		struct numbers before = with_holes(7, 3001, holes, buffer);

		race_all(before, 3500, NUMBERS(3501), 3600, FLUSH, ONE_ORDER);
		race_all(before, 3500, NUMBERS(3500), 3600, FLUSH, ONE_ORDER);
		race_all(before, 5000, NUMBERS(3500, 4990, 5001), 5010, FLUSH, ONE_ORDER);
		race_all(before, 5000, NUMBERS(5030, 5031, 5029), 5040, FLUSH, ONE_ORDER);
		race_all(before, 5000, NUMBERS(3009, 3010, 3011), 5010, FLUSH, ONE_ORDER);
		race_all(before, 4000, NUMBERS(5040, 7000, 9000), 9010, FLUSH, ONE_ORDER);
		race_all(before, 4000, NUMBERS(3100, 3090, 1100, 1060), 4010, FLUSH, ONE_ORDER);
	}
}

/* The last of the numbers that did not come, `back` before the end. */
static uint32_t missing_in(struct numbers n, size_t back)
{
	size_t i = n.count - 1 - back;

	while (n.number[i] == n.number[i - 1] + 1)
		i--;
	return n.number[i] - 1;
}

static void test_late(void **state)
{
	uint32_t buffer[4096];

	(void)state;
	for (uint32_t holes = 20; holes <= 200; holes += 60) {
		struct numbers before = with_holes(7, 3001, holes, buffer);
		uint32_t last = before.number[before.count - 1], late[] = {missing_in(before, 0), 0};

		late[1] = missing_in(before, before.count / 2 - before.count / 20);
		for (int i = 0; i < 2; i++) {
			race_all(before, late[i], NUMBERS(late[i]), last + 1, FLUSH, ONE_ORDER);
			race_all(before, late[i], NUMBERS(last + 1, last + 2), last + 3, FLUSH, ONE_ORDER);
			race_all(before, late[i], NUMBERS(last + 2000, last + 4000), last + 4001, FLUSH,
				 ONE_ORDER);
			race_all(before, late[i], NUMBERS(last + 500, late[i], last + 600), last + 700, FLUSH,
				 ONE_ORDER);
			race_all(before, late[i], NUMBERS(last + 500, last + 1500, last + 2400), last + 2410,
				 FLUSH, ONE_ORDER);
		}
	}
}

/* An SA that is new: what comes before its first number is not missed. */
static void test_first(void **state)
{
	(void)state;
	race_all(NUMBERS(100), 101, NUMBERS(40), 110, FLUSH, ONE_ORDER);
	race_all(NUMBERS(100), 40, NUMBERS(101, 2000), 2010, FLUSH, ONE_ORDER);
	race_all(NUMBERS(100), 2100, NUMBERS(40, 101), 2110, FLUSH, ONE_ORDER);
	race_all(NUMBERS(100), 2100, NUMBERS(2140, 4100), 4110, FLUSH, ONE_ORDER);
	race_all(NUMBERS(3), 0xfffffff0U, NUMBERS(2, 5), 10, FLUSH, ONE_ORDER);
}

/* Far ahead: confirmed by whoever is the fourth. A race may delay that, so that the equations are all that must hold. */
static void test_jump(void **state)
{
	(void)state;
	race_all(NUMBERS(1, 2, 3, 5, 9000001, 9000002, 9000003), 9000004, NUMBERS(6), 9000005, FLUSH, NONE);
	race_all(NUMBERS(1, 2, 3, 5, 9000001, 9000002, 9000003), 9000004, NUMBERS(9000005), 9000006, FLUSH,
		 NONE);
	race_all(NUMBERS(1, 2, 3, 5, 9000001, 9000002, 9000003), 9000004, NUMBERS(9000005, 9000006, 9000007),
		 9000008, FLUSH, NONE);
	race_all(NUMBERS(1, 2, 3, 5, 9000001, 9000002, 9000003), 9000004, NUMBERS(2000, 4000, 6000), 6001,
		 FLUSH, NONE);
	race_all(NUMBERS(1, 2, 3, 5, 9000001, 9000002), 9000004, NUMBERS(9000003, 9000005, 9000006), 9000007,
		 FLUSH, NONE);
	/* what follows a jump, while much of it is still to be retired */
	race_all(NUMBERS(1, 2, 3, 5, 9000001, 9000002, 9000003, 9000004), 9000006, NUMBERS(9000005, 9001990),
		 9002000, FLUSH, ONE_ORDER);
	race_all(NUMBERS(1, 2, 3, 5, 9000001, 9000002, 9000003, 9000004), 9001990, NUMBERS(9000007, 9002100),
		 9002110, FLUSH, ONE_ORDER);
}

static void test_restart(void **state)
{
	(void)state;
	race_all(NUMBERS(500000, 500001, 500003, 1, 2, 3, 4, 5, 6, 7), 8, NUMBERS(500004), 9, FLUSH, NONE);
	race_all(NUMBERS(500000, 500001, 500003, 1, 2, 3, 4, 5, 6, 7), 8, NUMBERS(500002), 9, FLUSH,
		 HOLE_FILLED);
	race_all(NUMBERS(500000, 500001, 500003, 1, 2, 3, 4, 5, 6, 7), 8, NUMBERS(9, 10), 11, FLUSH, NONE);
	race_all(NUMBERS(500000, 500001, 500003, 1, 2, 3, 4, 5, 6, 7), 8, NUMBERS(502000, 504000), 504001,
		 FLUSH, NONE);
}

/* Decided when the window was elsewhere. */
static void test_planned(void **state)
{
	uint32_t buffer[4096];
	struct numbers holes = with_holes(1, 1500, 150, buffer);

	(void)state;
	race_planned(NUMBERS(100), 40, NUMBERS(2100, 4000), 4010, FLUSH);
	race_planned(NUMBERS(1, 2000), 900, NUMBERS(2900, 2980, 4900), 4910, FLUSH);
	race_planned(NUMBERS(1, 2000), 2100, NUMBERS(4040, 6000), 6010, FLUSH);
	race_planned(holes, 1700, NUMBERS(1800, 3600), 3610, FLUSH);
	race_planned(holes, missing_in(holes, 300), NUMBERS(1800, 3600), 3610, FLUSH);
	/* and then this one jumps: what it leaps over is lost, but for that number */
	race_planned(NUMBERS(1, 2, 3, 5), 40, NUMBERS(9000001, 9000002, 9000003, 9000004), 9000005, FLUSH);
	race_planned(NUMBERS(1, 2, 3, 5), 2000, NUMBERS(9000001, 9000002, 9000003, 9000004), 9000005, FLUSH);
	race_planned(NUMBERS(1, 2, 3, 5, 9000001, 9000002, 9000003), 9000004, NUMBERS(40, 1800, 3600), 3610,
		     FLUSH);
	/* a restart, while the old numbers go on or start over here, too */
	race_planned(NUMBERS(500000, 500001, 500003, 1, 2, 3, 4, 5, 6, 7), 8, NUMBERS(500004, 500040, 502500),
		     502510, FLUSH);
	race_planned(NUMBERS(500000, 500001, 500003, 1, 2, 3, 4, 5, 6, 7), 8, NUMBERS(500002), 9, FLUSH);
	race_planned(NUMBERS(500000, 500001, 500003, 1, 2, 3, 4, 5, 6, 7), 8, NUMBERS(8, 9, 10), 11, FLUSH);
	race_planned(NUMBERS(500000, 500001, 500003, 1, 2, 3, 4, 5, 6, 7), 8,
		     NUMBERS(9000001, 9000002, 9000003, 9000004), 9000005, FLUSH);
}

static void interrupt(struct window *w, unsigned int when, uint32_t by_other)
{
	memset(w, 0, sizeof(*w));
	race.window = w;
	race.burst.count = 0;
	race.point = 0;
	race.when = when;
	race.raise = by_other;
}

/* What the larger of the two is, when the other one came at all. */
static uint32_t largest(uint32_t own, uint32_t by_other)
{
	int came = !race.window;

	race.window = NULL;
	return came && by_other > own ? by_other : own;
}

/* The largest of what two CPUs bring at once, whoever is first. */
static void test_maximum(void **state)
{
	struct window *w = window_new();

	(void)state;
	for (uint32_t by_other = 50; by_other <= 150; by_other += 100) {
		for (unsigned int when = 1; when < 4; when++) {
			interrupt(w, when, by_other);
			esp_raise_u32(&w->rare.ttl_max, 100);
			assert_int_equal(w->rare.ttl_max, largest(100, by_other));
			interrupt(w, when, by_other);
			esp_count_late(&w->rare, 100);
			assert_int_equal(w->rare.late_max, largest(100, by_other));
		}
	}
	race.raise = 0;
	free(w);
}

/* Who never gets to retire what is in the way gives up after so many tries: counted as such, twice. */
static void test_starved(void **state)
{
	struct window *w = window_new();

	(void)state;
	esp_window_init(&w->sa, 1);
	for (uint32_t n = 1; n < 100; n++)
		enter(w, n, 0);
	race.window = w;
	race.busy = 1;
	enter(w, 1000, 1);
	race.window = NULL;
	race.busy = 0;
	assert_int_equal(w->rare.contended, 1);
	assert_int_equal(w->cpu[1].loss[ESP_LOSS_CONTENDED], 1);
	assert_int_equal(w->lane[1].packets, 1);
	assert_int_equal(w->lane[1].received, 0);
	free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_next_in_order), cmocka_unit_test(test_ahead),
		cmocka_unit_test(test_late),	      cmocka_unit_test(test_first),
		cmocka_unit_test(test_jump),	      cmocka_unit_test(test_restart),
		cmocka_unit_test(test_planned),	      cmocka_unit_test(test_maximum),
		cmocka_unit_test(test_starved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

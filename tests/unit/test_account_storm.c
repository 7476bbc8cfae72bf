// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One SA on several CPUs at once: threads, each with a lane of its own, draw blocks of numbers from one counter, so that
 * their packets interleave in any way; the sums are exact. STORM_PACKETS says how many packets (default 600 000).
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "golden/packets.h"
#include "golden/sums.h"
#include "source/twin.h"

enum { THREADS = 4 };

struct storm {
	struct twin twin;
	_Atomic uint64_t next;
	uint64_t until;
	uint32_t block, drop; /* every drop-th number is not sent; 0: all are */
	_Atomic uint64_t sent, duplicates;
	uint32_t spi;
	pthread_barrier_t barrier;
	_Atomic uint64_t at[THREADS]; /* no packet below is still to come from this thread */
};

struct worker {
	struct storm *storm;
	uint32_t cpu;
	pthread_t thread;
};

static size_t frame_of(uint8_t *ret, uint32_t spi, uint32_t sequence)
{
	struct packet b;

	packet_begin(&b);
	eth(&b, 0x0800);
	ip4(&b, 50);
	esp(&b, spi, sequence);
	fill(&b, 32);
	packet_finish(&b);
	memcpy(ret, b.data, b.length);
	return b.length;
}

static void put_number(uint8_t *frame, uint32_t spi, uint32_t sequence)
{
	for (int i = 0; i < 4; i++) {
		frame[34 + i] = (uint8_t)(spi >> (24 - 8 * i));
		frame[38 + i] = (uint8_t)(sequence >> (24 - 8 * i));
	}
}

/* Threads may be preempted for long: nobody runs further ahead than a path would reorder packets. */
static void keep_together(struct storm *s, uint64_t n)
{
	for (int i = 0; i < THREADS; i++)
		while (n > s->at[i] + 1500)
			sched_yield();
}

static void *rain(void *arg)
{
	struct worker *w = arg;
	struct storm *s = w->storm;
	uint64_t sent = 0, duplicates = 0, seed = w->cpu + 1;
	uint8_t frame[128];
	uint32_t length = (uint32_t)frame_of(frame, s->spi, 0);

	pthread_barrier_wait(&s->barrier);
	for (;;) {
		uint64_t from;

		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		s->at[w->cpu] = s->next;
		from = atomic_fetch_add(&s->next, 1 + (seed >> 33) % s->block);
		for (uint64_t n = from; n < from + 1 + (seed >> 33) % s->block; n++) {
			if (n >= s->until)
				goto out;
			if (s->drop && n % s->drop == 0)
				continue;
			s->at[w->cpu] = n;
			keep_together(s, n);
			put_number(frame, s->spi, (uint32_t)n);
			twin_frame(&s->twin, frame, length, length, ESP_LINK_ETHERNET, 1, 1 + w->cpu % 2,
				   ESP_DIR_IN, 1, w->cpu, NULL);
			sent++;
			if (s->drop && n % 97 == 0) {
				twin_frame(&s->twin, frame, length, length, ESP_LINK_ETHERNET, 1,
					   1 + w->cpu % 2, ESP_DIR_IN, 1, w->cpu, NULL);
				duplicates++;
			}
		}
	}
out:
	s->at[w->cpu] = UINT64_MAX / 2;
	atomic_fetch_add(&s->sent, sent);
	atomic_fetch_add(&s->duplicates, duplicates);
	return NULL;
}

static void storm_start(struct storm *s, uint32_t block, uint32_t drop, uint64_t from, uint64_t packets)
{
	struct twin_options o = {.sa_slots = 64, .new_sets = 16, .cpus = THREADS, .seed = 3};

	memset(s, 0, sizeof(*s));
	assert_int_equal(twin_init(&s->twin, &o), 0);
	s->next = from;
	s->until = from + packets;
	s->block = block;
	s->drop = drop;
	s->spi = 0x1000;
	pthread_barrier_init(&s->barrier, NULL, THREADS);
}

static void storm_run(struct storm *s, void *(*what)(void *))
{
	struct worker w[THREADS];

	for (uint32_t i = 0; i < THREADS; i++) {
		w[i].storm = s;
		w[i].cpu = i;
		assert_int_equal(pthread_create(&w[i].thread, NULL, what, &w[i]), 0);
	}
	for (uint32_t i = 0; i < THREADS; i++)
		pthread_join(w[i].thread, NULL);
}

static void storm_end(struct storm *s)
{
	assert_null(sums_tables_broken(&s->twin.tables));
	pthread_barrier_destroy(&s->barrier);
	twin_destroy(&s->twin);
}

static uint64_t packets_wanted(void)
{
	const char *text = getenv("STORM_PACKETS");

	return text ? strtoull(text, NULL, 10) : 600000;
}

static void check(struct storm *s, uint64_t first, uint64_t dropped)
{
	struct sa_sums sums;

	sums_of_slot(&s->twin.tables, (uint32_t)sums_find(&s->twin.tables, s->spi), &sums);
	assert_null(sums_broken(&sums));
	assert_int_equal(sums.packets, s->sent + s->duplicates);
	assert_int_equal(sums.received, s->sent);
	assert_int_equal(sums.duplicate, s->duplicates);
	assert_int_equal(sums.too_old, 0);
	assert_int_equal(sums.outlier, 0);
	assert_int_equal(sums.contended, 0);
	assert_int_equal((uint32_t)sums.first, (uint32_t)first);
	assert_int_equal(sums.lost + sums.pending, dropped);
	/* No two in a row were dropped; the run at the window's edge may be open. */
	assert_true(sums.burst_length[0] == sums.lost || sums.burst_length[0] + 1 == sums.lost);
}

static void test_nothing_dropped(void **state)
{
	struct storm s;

	(void)state;
	for (uint32_t block = 1; block <= 64; block *= 8) {
		storm_start(&s, block, 0, 0xfff00000U, packets_wanted() / 3);
		storm_run(&s, rain);
		check(&s, 0xfff00000U, 0);
		storm_end(&s);
	}
}

static void test_some_dropped(void **state)
{
	struct storm s;

	(void)state;
	for (uint32_t block = 1; block <= 64; block *= 8) {
		uint64_t packets = packets_wanted() / 3, from = 1002;

		packets += 7 - (from + packets - 2) % 7; /* the last is sent */
		storm_start(&s, block, 7, from, packets);
		storm_run(&s, rain);
		check(&s, from, (from + packets - 1) / 7 - (from - 1) / 7);
		storm_end(&s);
	}
}

/* All threads meet at an SA that nobody knows, a thousand times. */
static void *newcomers(void *arg)
{
	struct worker *w = arg;
	struct storm *s = w->storm;
	uint8_t frame[128];
	uint32_t length = (uint32_t)frame_of(frame, 1, 0);

	for (uint32_t round = 1; round <= s->until; round++) {
		pthread_barrier_wait(&s->barrier);
		for (uint32_t n = 0; n < 4; n++) {
			put_number(frame, round, 1 + n * THREADS + w->cpu);
			twin_frame(&s->twin, frame, length, length, ESP_LINK_ETHERNET, 1, 1, ESP_DIR_IN, 1,
				   w->cpu, NULL);
		}
	}
	return NULL;
}

static void test_admission_race(void **state)
{
	struct twin_options o = {.sa_slots = 4096, .new_sets = 64, .cpus = THREADS, .seed = 3};
	enum { ROUNDS = 1000 };
	struct table_sums sums;
	uint64_t missing = 0;
	struct storm s;

	(void)state;
	storm_start(&s, 1, 0, 0, ROUNDS);
	twin_destroy(&s.twin);
	assert_int_equal(twin_init(&s.twin, &o), 0);
	storm_run(&s, newcomers);
	sums_of_tables(&s.twin.tables, &sums);
	assert_int_equal(sums.evicted, 0);
	assert_int_equal(sums.slots_used, ROUNDS);
	for (uint32_t spi = 1; spi <= ROUNDS; spi++) {
		struct sa_sums sa;

		sums_of_slot(&s.twin.tables, (uint32_t)sums_find(&s.twin.tables, spi), &sa);
		assert_null(sums_broken(&sa));
		assert_int_equal(sa.packets, sa.received);
		missing += 4ULL * THREADS - sa.packets;
		if (sa.packets == 4ULL * THREADS)
			assert_int_equal(sa.lost + sa.pending, 0);
	}
	/* Refused is what gave up on a lock whose holder was preempted, which does not happen with softirqs off. */
	assert_int_equal(missing, sums.refused);
	assert_true(missing < 4ULL * THREADS * ROUNDS / 10);
	storm_end(&s);
}

/* A jump of a million that all threads are in the middle of. */
static void *jumpers(void *arg)
{
	struct worker *w = arg;
	struct storm *s = w->storm;
	uint8_t frame[128];
	uint32_t length = (uint32_t)frame_of(frame, s->spi, 0);
	uint64_t sent = 0;

	pthread_barrier_wait(&s->barrier);
	for (;;) {
		uint64_t n = atomic_fetch_add(&s->next, 1);

		if (n >= s->until)
			break;
		put_number(frame, s->spi, (uint32_t)(n + n / 5000 * 1000000));
		twin_frame(&s->twin, frame, length, length, ESP_LINK_ETHERNET, 1, 1, ESP_DIR_IN, 1, w->cpu,
			   NULL);
		sent++;
	}
	atomic_fetch_add(&s->sent, sent);
	return NULL;
}

static void test_jumps(void **state)
{
	struct sa_sums sums;
	struct storm s;

	(void)state;
	storm_start(&s, 1, 0, 1, packets_wanted() / 4);
	storm_run(&s, jumpers);
	sums_of_slot(&s.twin.tables, (uint32_t)sums_find(&s.twin.tables, s.spi), &sums);
	assert_int_equal(sums.packets, s.sent);
	if (sums_broken(&sums))
		fail_msg("%s: %llu %llu, %llu received, %llu lost, %llu pending, %llu too old, %llu outlier, "
			 "restarts %llu",
			 sums_broken(&sums), (unsigned long long)sums.first, (unsigned long long)sums.highest,
			 (unsigned long long)sums.received, (unsigned long long)sums.lost,
			 (unsigned long long)sums.pending, (unsigned long long)sums.too_old,
			 (unsigned long long)sums.outlier, (unsigned long long)sums.restarts);
	assert_true(sums.outlier < s.sent && sums.too_old < s.sent && sums.received <= s.sent);
	storm_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_dropped),
		cmocka_unit_test(test_some_dropped),
		cmocka_unit_test(test_admission_race),
		cmocka_unit_test(test_jumps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

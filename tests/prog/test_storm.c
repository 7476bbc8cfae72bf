// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One SA fed from all CPUs at once through BPF_PROG_TEST_RUN of the tc program: threads pinned to a CPU each draw blocks of
 * numbers from one counter; the sums are exact. STORM_PACKETS says how many packets in all (default 600 000).
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
#include <unistd.h>

#include <linux/pkt_cls.h>

#include <cmocka.h>

#include "golden/packets.h"
#include "golden/sums.h"
#include "kernel.h"

enum { MAX_CPUS = 64 };

static struct kernel kernel;

struct storm {
	_Atomic uint64_t next;
	uint64_t until;
	uint32_t block, drop, spi;
	_Atomic uint64_t sent, wrong;
	_Atomic uint64_t at[MAX_CPUS];
	pthread_barrier_t barrier;
	int cpus;
};

struct worker {
	struct storm *storm;
	int cpu;
	pthread_t thread;
};

static uint32_t frame_of(uint8_t *ret)
{
	struct packet b;

	packet_begin(&b);
	eth(&b, 0x0800);
	ip4(&b, 50);
	esp(&b, 1, 1);
	fill(&b, 32);
	packet_finish(&b);
	memcpy(ret, b.data, b.length);
	return (uint32_t)b.length;
}

static void send(struct storm *s, uint8_t *frame, uint32_t length, uint32_t spi, uint32_t sequence)
{
	int err;

	for (int i = 0; i < 4; i++) {
		frame[34 + i] = (uint8_t)(spi >> (24 - 8 * i));
		frame[38 + i] = (uint8_t)(sequence >> (24 - 8 * i));
	}
	if (kernel_run(&kernel, KERNEL_TC_IN, frame, length, 1, &err) != (uint32_t)TC_ACT_UNSPEC || err)
		s->wrong++;
	s->sent++;
}

static void pin(int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
}

static void *rain(void *arg)
{
	struct worker *w = arg;
	struct storm *s = w->storm;
	uint64_t seed = (uint64_t)w->cpu + 1;
	uint8_t frame[128];
	uint32_t length = frame_of(frame);

	pin(w->cpu);
	pthread_barrier_wait(&s->barrier);
	for (;;) {
		uint64_t from, count;

		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		count = 1 + (seed >> 33) % s->block;
		s->at[w->cpu] = s->next;
		from = atomic_fetch_add(&s->next, count);
		for (uint64_t n = from; n < from + count; n++) {
			if (n >= s->until) {
				s->at[w->cpu] = UINT64_MAX / 2;
				return NULL;
			}
			s->at[w->cpu] = n;
			for (int i = 0; i < s->cpus; i++)
				while (n > s->at[i] + 1500)
					sched_yield();
			if (!s->drop || n % s->drop)
				send(s, frame, length, s->spi, (uint32_t)n);
		}
	}
}

/* Sixteen packets of an SA that nobody knows, from all CPUs at the same moment, again and again. */
static void *strangers(void *arg)
{
	struct worker *w = arg;
	struct storm *s = w->storm;
	uint8_t frame[128];
	uint32_t length = frame_of(frame);

	pin(w->cpu);
	for (uint32_t round = 1; round <= s->until; round++) {
		pthread_barrier_wait(&s->barrier);
		for (uint32_t n = 0; n < 16; n++)
			send(s, frame, length, round, 1 + n * (uint32_t)s->cpus + (uint32_t)w->cpu);
	}
	return NULL;
}

static void run(struct storm *s, void *(*what)(void *))
{
	struct worker w[MAX_CPUS];

	pthread_barrier_init(&s->barrier, NULL, (unsigned int)s->cpus);
	for (int i = 0; i < s->cpus; i++) {
		w[i].storm = s;
		w[i].cpu = i;
		assert_int_equal(pthread_create(&w[i].thread, NULL, what, &w[i]), 0);
	}
	for (int i = 0; i < s->cpus; i++)
		pthread_join(w[i].thread, NULL);
	pthread_barrier_destroy(&s->barrier);
	assert_int_equal(s->wrong, 0);
	assert_null(sums_tables_broken(&kernel.tables));
}

static int cpu_count(void)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);

	return online > MAX_CPUS ? MAX_CPUS : (int)online;
}

static uint64_t packets_wanted(void)
{
	const char *text = getenv("STORM_PACKETS");

	return text ? strtoull(text, NULL, 10) : 600000;
}

static void rain_on(uint32_t block, uint32_t drop, uint64_t packets)
{
	struct storm s = {.block = block, .drop = drop, .spi = 0x1000, .cpus = cpu_count()};
	uint64_t from = 0xffff8000U, dropped = 0;
	struct sa_sums sums;

	kernel_clear(&kernel);
	while (drop && (from % drop == 0 || (from + packets - 1) % drop == 0))
		from++;
	s.next = from;
	s.until = from + packets;
	if (drop)
		dropped = (s.until - 1) / drop - (from - 1) / drop;
	run(&s, rain);
	sums_of_slot(&kernel.tables, (uint32_t)sums_find(&kernel.tables, s.spi), &sums);
	assert_null(sums_broken(&sums));
	assert_int_equal(s.sent, packets - dropped);
	assert_int_equal(sums.packets, s.sent);
	assert_int_equal(sums.received, s.sent);
	assert_int_equal(sums.duplicate + sums.too_old + sums.outlier + sums.contended, 0);
	assert_int_equal(sums.lost + sums.pending, dropped);
	/* No two in a row were dropped; the run at the window's edge may be open. */
	assert_true(sums.burst_length[0] == sums.lost || sums.burst_length[0] + 1 == sums.lost);
	if (!drop)
		assert_int_equal(sums.lost, 0);
	print_message("%llu packets on %d CPUs, %llu of them late\n", (unsigned long long)sums.packets,
		      s.cpus, (unsigned long long)sums.late);
}

static void test_nothing_dropped(void **state)
{
	(void)state;
	for (uint32_t block = 1; block <= 100; block *= 10)
		rain_on(block, 0, packets_wanted() / 6);
}

static void test_some_dropped(void **state)
{
	(void)state;
	for (uint32_t block = 1; block <= 100; block *= 10)
		rain_on(block, 7, packets_wanted() / 6);
}

static void test_admission_race(void **state)
{
	enum { ROUNDS = 1000 };
	struct storm s = {.until = ROUNDS, .cpus = cpu_count()};
	struct table_sums sums;

	(void)state;
	kernel_clear(&kernel);
	run(&s, strangers);
	sums_of_tables(&kernel.tables, &sums);
	assert_int_equal(sums.refused, 0);
	assert_int_equal(sums.evicted, 0);
	assert_int_equal(sums.slots_used, ROUNDS);
	assert_int_equal(sums.in_slots, s.sent);
	for (uint32_t spi = 1; spi <= ROUNDS; spi++) {
		struct sa_sums sa;

		sums_of_slot(&kernel.tables, (uint32_t)sums_find(&kernel.tables, spi), &sa);
		assert_null(sums_broken(&sa));
		assert_int_equal(sa.packets, 16 * s.cpus);
		assert_int_equal(sa.received, 16 * s.cpus);
		assert_int_equal(sa.lost + sa.pending, 0);
	}
}

static int load(void **state)
{
	(void)state;
	return kernel_load(&kernel, 4096, 64, 8);
}

static int unload(void **state)
{
	(void)state;
	kernel_unload(&kernel);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_dropped),
		cmocka_unit_test(test_some_dropped),
		cmocka_unit_test(test_admission_race),
	};

	if (geteuid() != 0) {
		printf("skip storm - loading BPF programs needs root\n");
		return 0;
	}
	if (cpu_count() < 2) {
		printf("skip storm - one CPU only\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, load, unload);
}

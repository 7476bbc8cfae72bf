// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One classifier, two homes: the same packets through BPF_PROG_TEST_RUN (XDP, tc ingress, tc egress) and through the twin give
 * byte-identical tables, times included: the twin is told the tick at which the kernel saw the packet.
 */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <cmocka.h>

#include "golden/packets.h"
#include "golden/stream.h"
#include "golden/sums.h"
#include "kernel.h"

static struct kernel kernel;
static uint64_t random_state = 88172645463325252ULL;

static uint32_t random_u32(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 32);
}

static int load(void **state)
{
	cpu_set_t one;
	int err;

	(void)state;
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		return -1;
	err = kernel_load(&kernel, 64, 16, 8);
	if (err)
		fprintf(stderr, "cannot load the programs: %s\n", strerror(-err));
	return err;
}

static int unload(void **state)
{
	(void)state;
	kernel_unload(&kernel);
	return 0;
}

/* One frame through both. 0: the kernel does not run a frame so short. */
static int both(struct twin *twin, enum kernel_hook hook, const uint8_t *frame, uint32_t length,
		enum esp_link link, uint32_t segments)
{
	uint32_t verdict;
	int err;

	verdict = kernel_run(&kernel, hook, frame, length, segments, &err);
	/* Too short for a test run: no payload, and on tc an IP header that the skb's protocol promises. */
	if (err == -EINVAL && length < (hook == KERNEL_XDP_IN ? 15 : 54))
		return 0;
	if (err)
		fail_msg("hook %d, %u bytes: %s", hook, length, strerror(-err));
	assert_int_equal(verdict, hook == KERNEL_XDP_IN ? (uint32_t)XDP_PASS : (uint32_t)TC_ACT_UNSPEC);
	twin_frame(twin, frame, length, length, link, kernel_tick(&kernel, 0), 1,
		   hook == KERNEL_TC_OUT ? ESP_DIR_OUT : ESP_DIR_IN, segments, 0, NULL);
	return 1;
}

static void agree(const struct twin *twin)
{
	const char *table = tables_differ(&kernel.tables, &twin->tables);

	if (table)
		fail_msg("kernel and twin differ in %s", table);
	assert_null(sums_tables_broken(&twin->tables));
}

static void test_packet_set(void **state)
{
	(void)state;
	for (int hook = 0; hook < KERNEL_HOOKS; hook++) {
		struct twin twin;
		int frames = 0;

		kernel_clear(&kernel);
		assert_int_equal(kernel_twin(&kernel, &twin), 0);
		for (size_t i = 0; i < packet_case_count; i++) {
			const struct packet_case *c = &packet_cases[i];
			struct packet b;

			if (c->link != ESP_LINK_ETHERNET && c->link != ESP_LINK_IP)
				continue;
			assert_int_equal(kernel_set_link(&kernel, c->link), 0);
			packet_build(c, &b);
			if (b.length > 3000) /* test runs take one page */
				continue;
			for (uint32_t cut = 0; cut < b.length; cut++)
				frames += both(&twin, (enum kernel_hook)hook, b.data,
					       (uint32_t)b.length - cut, c->link, 1);
			if (tables_differ(&kernel.tables, &twin.tables))
				fail_msg("after %s, hook %d", c->name, hook);
		}
		agree(&twin);
		assert_int_equal(twin.tables.stats[hook == KERNEL_TC_OUT ? kernel.tables.cfg.cpus : 0].seen,
				 frames);
		twin_destroy(&twin);
	}
	assert_int_equal(kernel_set_link(&kernel, ESP_LINK_ETHERNET), 0);
}

static void test_stream(void **state)
{
	enum { PACKETS = 100000 };

	(void)state;
	for (int hook = 0; hook < KERNEL_HOOKS; hook++) {
		uint32_t segments, frames = 0;
		struct stream stream;
		struct table_sums sums;
		struct packet b;
		struct twin twin;

		stream_start(&stream, (uint64_t)hook + 1);
		kernel_clear(&kernel);
		assert_int_equal(kernel_twin(&kernel, &twin), 0);
		while (frames < PACKETS) {
			uint32_t length = stream_frame(&stream, &b, &segments);

			if (length <= 14)
				continue;
			frames += (uint32_t)both(&twin, (enum kernel_hook)hook, b.data, length,
						 ESP_LINK_ETHERNET, hook == KERNEL_TC_OUT ? segments : 1);
			if (frames % 10000 == 0)
				agree(&twin);
		}
		agree(&twin);
		sums_of_tables(&twin.tables, &sums);
		assert_true(sums.slots_used > 20 && sums.evicted && sums.refused);
		for (uint32_t slot = 0; slot <= kernel.tables.cfg.sa_mask; slot++) {
			struct sa_sums s;

			if (!kernel.tables.sa[slot].key.id)
				continue;
			sums_of_slot(&kernel.tables, slot, &s);
			assert_null(sums_broken(&s));
		}
		twin_destroy(&twin);
	}
}

/* Whatever comes, it passes, and not a byte of it is changed. */
static void test_garbage_passes(void **state)
{
	uint8_t frame[2000];
	struct twin twin;

	(void)state;
	for (int hook = 0; hook < KERNEL_HOOKS; hook++) {
		kernel_clear(&kernel);
		assert_int_equal(kernel_twin(&kernel, &twin), 0);
		for (int i = 0; i < 10000; i++) {
			uint32_t length = 54 + random_u32() % (i & 1 ? 100 : 1940);

			for (uint32_t k = 0; k < length; k++)
				frame[k] = (uint8_t)random_u32();
			if (i % 4) {
				frame[12] = i & 4 ? 0x08 : 0x86;
				frame[13] = i & 4 ? 0x00 : 0xdd;
				frame[14] = i & 4 ? (uint8_t)(0x40 | (random_u32() % 16)) : 0x60;
				if (i % 3) {
					frame[16] = 0;
					frame[17] = frame[19] = (uint8_t)(random_u32() % length);
				}
			}
			both(&twin, (enum kernel_hook)hook, frame, length, ESP_LINK_ETHERNET, 1);
		}
		agree(&twin);
		twin_destroy(&twin);
	}
}

/* An interface that nobody asked for is not counted. */
static void test_unknown_interface(void **state)
{
	const struct packet_case *c = &packet_cases[0];
	struct kernel other;
	struct packet b;
	int err;

	(void)state;
	assert_int_equal(kernel_load(&other, 8, 1, 1), 0);
	memset(&err, 0, sizeof(err));
	packet_build(c, &b);
	assert_int_equal(kernel_set_link(&other, ESP_LINK_UNKNOWN), 0);
	assert_int_equal(kernel_run(&other, KERNEL_XDP_IN, b.data, (uint32_t)b.length, 1, &err), XDP_PASS);
	assert_int_equal(other.tables.stats[0].cls[ESP_CLASS_ESP], 0);
	kernel_unload(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packet_set),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_garbage_passes),
		cmocka_unit_test(test_unknown_interface),
	};

	if (geteuid() != 0) {
		printf("skip golden - loading BPF programs needs root\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, load, unload);
}

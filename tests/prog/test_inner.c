// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The programs of inner interfaces through BPF_PROG_TEST_RUN, and the same parser natively: identical counters and events, whatever
 * the packet, and no byte of it changed.
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

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/pkt_cls.h>

#include <cmocka.h>

#include "golden/inner_packets.h"
#include "model/inner.h"

#include "inner.skel.h"

#define LOOPBACK 1 /* what BPF_PROG_TEST_RUN takes for the interface */
#define SLOT 3
#define SHORTEST 54 /* a test run refuses less: an IP header is what the skb's protocol promises */
#define RANDOM_RUNS 20000

static struct inner_bpf *skel;
static struct ring_buffer *ring;
static struct esp_inner_stats *per_cpu, expected[2];
static int cpus;
static struct esp_inner_event event;
static unsigned int events;

static int on_event(void *arg, void *data, size_t size)
{
	(void)arg;
	assert_int_equal(size, sizeof(event));
	memcpy(&event, data, sizeof(event));
	events++;
	return 0;
}

static int load(void **state)
{
	cpu_set_t one;

	(void)state;
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		return -1;
	skel = inner_bpf__open_and_load();
	if (!skel)
		return -1;
	cpus = libbpf_num_possible_cpus();
	per_cpu = calloc((size_t)cpus, sizeof(*per_cpu));
	ring = ring_buffer__new(bpf_map__fd(skel->maps.esp_inner_events), on_event, NULL, NULL);
	return per_cpu && ring ? 0 : -1;
}

static int unload(void **state)
{
	(void)state;
	ring_buffer__free(ring);
	inner_bpf__destroy(skel);
	free(per_cpu);
	return 0;
}

static void set_link(enum esp_link link)
{
	struct esp_inner_place *place = &skel->bss->esp_inner_place[LOOPBACK + 2]; /* the third probe */

	*place = (struct esp_inner_place){.ifindex = LOOPBACK, .slot = SLOT, .link = (uint8_t)link};
}

static void read_stats(int direction, struct esp_inner_stats *ret)
{
	uint32_t key = SLOT * 2 + (uint32_t)direction;

	memset(ret, 0, sizeof(*ret));
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(skel->maps.esp_inner_stats), &key, per_cpu), 0);
	for (int i = 0; i < cpus; i++)
		inner_stats_add(&per_cpu[i], ret);
}

/* One frame through both. False: the kernel does not run a frame so short. */
static bool both(const char *name, int direction, int forwarded, const uint8_t *frame, uint32_t length,
		 enum esp_link link)
{
	static uint8_t back[PACKET_MAX + 64];
	struct __sk_buff skb = {.ingress_ifindex = forwarded ? LOOPBACK : 0};
	int program = bpf_program__fd(direction == ESP_DIR_OUT ? skel->progs.esp_tc_lan_out
							       : skel->progs.esp_tc_lan_in);
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = length, .data_out = back,
		    .data_size_out = sizeof(back), .ctx_in = &skb, .ctx_size_in = sizeof(skb), .repeat = 1);
	struct esp_inner_work work;
	struct esp_inner_packet p;
	unsigned int before = events;
	enum esp_reason bad;
	int err, told;

	err = bpf_prog_test_run_opts(program, &opts);
	if (err == -EINVAL && length < SHORTEST)
		return false;
	if (err)
		fail_msg("%s, %u bytes: %s", name, length, strerror(-err));
	assert_int_equal((int)opts.retval, TC_ACT_UNSPEC);
	assert_int_equal(opts.data_size_out, length);
	assert_memory_equal(back, frame, length);
	bad = esp_inner_parse(frame, frame + length, length, link, &work, &p);
	told = esp_inner_count(&expected[direction], bad, &p, direction == ESP_DIR_OUT && !forwarded);
	assert_int_equal(ring_buffer__consume(ring), told);
	assert_int_equal(events - before, told);
	if (!told)
		return true;
	assert_int_equal(event.ifindex, LOOPBACK);
	assert_int_equal(event.direction, direction);
	assert_true(event.time > 0);
	if (memcmp(&event.packet, &p, sizeof(p)) != 0)
		fail_msg("%s, %u bytes: another event", name, length);
	return true;
}

static void agree(const char *name)
{
	struct esp_inner_stats got;

	for (int direction = 0; direction < 2; direction++) {
		read_stats(direction, &got);
		if (memcmp(&got, &expected[direction], sizeof(got)) != 0)
			fail_msg("%s: kernel and native counters differ", name);
	}
}

static void test_rows(void **state)
{
	int frames = 0;

	(void)state;
	for (size_t i = 0; i < inner_case_count; i++) {
		const struct inner_case *c = &inner_cases[i];
		struct packet b;

		inner_build(c, &b);
		set_link(c->link);
		for (size_t length = b.length > 160 ? b.length - 160 : 1; length <= b.length; length++)
			for (int direction = 0; direction < 2; direction++)
				frames += both(c->name, direction, (int)length % 2, b.data, (uint32_t)length,
					       c->link);
		agree(c->name);
	}
	assert_true(frames > 1000);
}

static uint32_t random_u32(void)
{
	static uint64_t random_state = 88172645463325252ULL;

	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 32);
}

/* Rows with some bytes changed behind the Ethernet header, where a test run looks by itself. */
static void test_random(void **state)
{
	(void)state;
	for (int i = 0; i < RANDOM_RUNS; i++) {
		const struct inner_case *c = &inner_cases[random_u32() % inner_case_count];
		struct packet b;

		inner_build(c, &b);
		for (uint32_t n = random_u32() % 4; n; n--) {
			uint32_t at = 14 + random_u32() % (uint32_t)(b.length > 14 ? b.length - 14 : 1);

			if (at < b.length)
				b.data[at] = (uint8_t)random_u32();
		}
		set_link(c->link);
		both(c->name, i % 2, i % 3 == 0, b.data, (uint32_t)b.length, c->link);
	}
	agree("random");
}

/* An interface that the agent does not name is not looked at. */
static void test_unknown_interface(void **state)
{
	static const struct esp_inner_place none;
	struct packet b;

	(void)state;
	inner_build(&inner_cases[0], &b);
	skel->bss->esp_inner_place[LOOPBACK + 2] = none;
	{
		LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = b.data, .data_size_in = (uint32_t)b.length,
			    .repeat = 1);

		assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(skel->progs.esp_tc_lan_in), &opts),
				 0);
		assert_int_equal((int)opts.retval, TC_ACT_UNSPEC);
	}
	assert_int_equal(ring_buffer__consume(ring), 0);
	agree("unknown interface");
}

/* What the ring buffer has no room for is counted. */
static void test_full_ring(void **state)
{
	struct esp_inner_stats before, after;
	struct packet b;
	int told;

	(void)state;
	inner_build(&inner_cases[0], &b);
	set_link(inner_cases[0].link);
	read_stats(ESP_DIR_IN, &before);
	{
		LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = b.data, .data_size_in = (uint32_t)b.length,
			    .repeat = 10000);

		assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(skel->progs.esp_tc_lan_in), &opts),
				 0);
	}
	told = ring_buffer__consume(ring);
	read_stats(ESP_DIR_IN, &after);
	assert_true(told > 1000);
	assert_true(after.missed > before.missed);
	assert_int_equal(after.kind[ESP_INNER_SYN] - before.kind[ESP_INNER_SYN], 10000);
	assert_int_equal(after.missed - before.missed + (uint64_t)told, 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_unknown_interface),
		cmocka_unit_test(test_full_ring),
	};

	return cmocka_run_group_tests(tests, load, unload);
}

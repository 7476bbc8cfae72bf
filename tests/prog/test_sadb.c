// SPDX-License-Identifier: GPL-2.0-or-later
/* The SADB's mirror in the kernel: what is in there is admitted at once, in the same way as by the twin. */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "golden/packets.h"
#include "golden/sums.h"
#include "kernel.h"
#include "model/state.h"
#include "source/bpf_internal.h"
#include "source/bpf_sadb.h"

#include "espial.skel.h"

#define SLOTS 64

static struct kernel kernel;
static struct live live;

static int load(void **state)
{
	cpu_set_t one;
	int err;

	(void)state;
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		return -1;
	err = kernel_load(&kernel, SLOTS, 16, 8);
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

/* A live source of which there is as much as the mirror needs. */
static int begin(void **state)
{
	(void)state;
	kernel_clear(&kernel);
	live = (struct live){.skel = kernel.skel, .tables = kernel.tables};
	return 0;
}

static int end(void **state)
{
	(void)state;
	(void)live_sadb_keep(&live, false);
	live_sadb_free(&live);
	return 0;
}

static struct fact_sa sa_of(uint32_t spi)
{
	const uint32_t destination = esp_be32(PACKET_DESTINATION4);
	struct fact_sa sa = {
		.family = 4, .protocol = 50, .spi = spi, .destination = {[10] = 0xff, [11] = 0xff}};

	memcpy(sa.destination + 12, &destination, sizeof(destination));
	return sa;
}

static int add(uint32_t spi)
{
	struct fact_sa sa = sa_of(spi);

	return live_sadb_add(&live, &sa);
}

static void drop(uint32_t spi)
{
	struct fact_sa sa = sa_of(spi);

	live_sadb_remove(&live, &sa);
}

static void packet_in(struct twin *twin, uint32_t spi, uint32_t sequence)
{
	struct packet b;
	int err;

	packet_begin(&b);
	eth(&b, 0x0800);
	ip4(&b, 50);
	esp(&b, spi, sequence);
	fill(&b, 40);
	packet_finish(&b);
	kernel_run(&kernel, KERNEL_XDP_IN, b.data, (uint32_t)b.length, 1, &err);
	assert_int_equal(err, 0);
	if (twin)
		twin_frame(twin, b.data, (uint32_t)b.length, (uint32_t)b.length, ESP_LINK_ETHERNET,
			   kernel_tick(&kernel, 0), 1, ESP_DIR_IN, 1, 0, NULL);
}

static uint32_t in_map(void)
{
	int map = bpf_map__fd(kernel.skel->maps.esp_sadb);
	struct esp_sa_key key, next, *last = NULL;
	uint32_t count = 0;

	while (!bpf_map_get_next_key(map, last, &next)) {
		assert_int_equal(next.id & 0xff, 0);
		key = next;
		last = &key;
		count++;
	}
	return count;
}

static const struct esp_sa_known *known_of(uint32_t spi)
{
	int slot = sums_find(&kernel.tables, spi);

	assert_true(slot >= 0);
	return &kernel.tables.known[slot];
}

/* Every third SPI below is in the SADB. */
static int third(void *arg, const struct esp_sa_key *key)
{
	(void)arg;
	return (key->id >> 32) % 3 == 0;
}

static void as_the_twin(void **state)
{
	uint32_t sequence[24] = {0};
	uint64_t random = 4711;
	const char *table;
	struct twin twin;

	(void)state;
	assert_int_equal(kernel_twin(&kernel, &twin), 0);
	twin.tables.in_sadb = third;
	assert_int_equal(live_sadb_keep(&live, true), 0);
	for (uint32_t i = 0; i < 24; i += 3)
		assert_int_equal(add(0x300 + i), 0);
	assert_int_equal(in_map(), 8);
	for (int i = 0; i < 4000; i++) {
		uint32_t which;

		random = random * 6364136223846793005ULL + 1442695040888963407ULL;
		which = (uint32_t)(random >> 40) % 32;
		if (which < 24)
			packet_in(&twin, 0x300 + which, ++sequence[which]);
		else /* a stranger: never of the SADB */
			packet_in(&twin, 3 * ((uint32_t)(random >> 33) & 0xfffffff) + 1, (uint32_t)random);
	}
	table = tables_differ(&kernel.tables, &twin.tables);
	if (table)
		fail_msg("kernel and twin differ in %s", table);
	assert_null(sums_tables_broken(&kernel.tables));
	for (uint32_t i = 0; i < 24; i++)
		assert_int_equal(known_of(0x300 + i)->state, i % 3 ? ESP_KNOWN_EARLY : ESP_KNOWN_IN);
	twin_destroy(&twin);
}

static void first_packet(void **state)
{
	(void)state;
	assert_int_equal(add(0x400), 0);
	packet_in(NULL, 0x400, 1);
	assert_true(sums_find(&kernel.tables, 0x400) < 0); /* the first dump is not through */
	assert_int_equal(live_sadb_keep(&live, true), 0);
	packet_in(NULL, 0x400, 2);
	assert_int_equal(known_of(0x400)->state, ESP_KNOWN_IN);
	assert_int_equal(known_of(0x400)->grace, 1);
	packet_in(NULL, 0x401, 1);
	assert_true(sums_find(&kernel.tables, 0x401) < 0);
	for (uint32_t i = 2; i <= 6; i++)
		packet_in(NULL, 0x401, i);
	assert_int_equal(known_of(0x401)->state, ESP_KNOWN_EARLY);
	assert_int_equal(add(0x401), 0);
	assert_int_equal(known_of(0x401)->state, ESP_KNOWN_IN);
	assert_int_equal(known_of(0x401)->grace, 6);
}

static void comes_and_goes(void **state)
{
	(void)state;
	assert_int_equal(live_sadb_keep(&live, true), 0);
	assert_int_equal(add(0x500), 0);
	assert_int_equal(add(0x500), 0); /* another mark: there as long as one of them is */
	assert_int_equal(live_sadb_count(&live), 1);
	packet_in(NULL, 0x500, 1);
	drop(0x500);
	assert_int_equal(known_of(0x500)->state, ESP_KNOWN_IN);
	drop(0x500);
	assert_int_equal(known_of(0x500)->state, ESP_KNOWN_LATE);
	assert_int_equal(in_map(), 0);
	packet_in(NULL, 0x500, 2);
	assert_int_equal(add(0x500), 0);
	assert_int_equal(known_of(0x500)->state, ESP_KNOWN_IN);
	assert_int_equal(known_of(0x500)->grace, 1);
	assert_int_equal(live_sadb_keep(&live, false), 0);
	assert_int_equal(known_of(0x500)->state, ESP_KNOWN_NOT_LOOKED_UP);
	packet_in(NULL, 0x501, 1); /* and nobody is asked */
	assert_true(sums_find(&kernel.tables, 0x501) < 0);
}

/* The filter has bits of SAs that are gone, up to a point, and never too few. */
static void many(void **state)
{
	uint64_t bits = 0;

	(void)state;
	assert_int_equal(live_sadb_keep(&live, true), 0);
	for (uint32_t i = 0; i < 3000; i++) {
		assert_int_equal(add(0x10000 + i), 0);
		if (i >= 50)
			drop(0x10000 + i - 50);
	}
	assert_int_equal(live_sadb_count(&live), 50);
	assert_int_equal(in_map(), 50);
	for (uint32_t i = 0; i < ESP_FILTER_WORDS; i++)
		bits += (uint64_t)__builtin_popcountll(kernel.skel->bss->esp_sadb_filter[i]);
	assert_in_range(bits, 90, 300);
	packet_in(NULL, 0x10000 + 2999, 1);
	assert_int_equal(known_of(0x10000 + 2999)->state, ESP_KNOWN_IN);
	packet_in(NULL, 0x10000, 1);
	assert_true(sums_find(&kernel.tables, 0x10000) < 0);
}

/* More than there is room for: then nothing can be called unknown. What is left of before is cleared away. */
static void full(void **state)
{
	(void)state;
	assert_int_equal(live_sadb_keep(&live, true), 0);
	for (uint32_t i = 0; i < SLOTS; i++)
		assert_int_equal(add(0x700 + i), 0);
	assert_int_equal(add(0x800), -ENOSPC);
	assert_int_equal(kernel.skel->bss->esp_sadb_kept, 0);
	assert_null(live.tables.in_sadb);
	assert_int_equal(live_sadb_keep(&live, true), -ENOSPC);
	live_sadb_free(&live); /* as an agent that was killed */
	assert_int_equal(in_map(), SLOTS);
	assert_int_equal(add(0x900), 0);
	assert_int_equal(in_map(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(as_the_twin, begin, end),
		cmocka_unit_test_setup_teardown(first_packet, begin, end),
		cmocka_unit_test_setup_teardown(comes_and_goes, begin, end),
		cmocka_unit_test_setup_teardown(many, begin, end),
		cmocka_unit_test_setup_teardown(full, begin, end),
	};

	return cmocka_run_group_tests_name("sadb", tests, load, unload);
}

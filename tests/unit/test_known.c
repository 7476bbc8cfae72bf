// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel's SADB beside the datapath's SAs: what is known, and every packet counted in one state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "golden/packets.h"
#include "golden/sums.h"
#include "model/known.h"
#include "model/state.h"
#include "source/twin.h"

#include "espial/table.h"

#define SECOND 1000000000ULL
#define GRACE (5 * SECOND)

/* A SADB of SPIs. */
struct sadb {
	uint32_t spi[8];
	size_t count;
};

static int has(void *arg, const struct esp_sa_key *key)
{
	const struct sadb *sadb = arg;

	assert_int_equal(key->id & 0xff, 0);
	for (size_t i = 0; i < sadb->count; i++)
		if (sadb->spi[i] == (uint32_t)(key->id >> 32))
			return 1;
	return 0;
}

struct bench {
	struct twin twin;
	struct sadb sadb;
	uint32_t sequence;
	uint64_t now;
};

static void start(struct bench *b, uint32_t slots, uint32_t sets)
{
	struct twin_options o = {.sa_slots = slots, .new_sets = sets, .cpus = 2, .seed = 4711};

	memset(b, 0, sizeof(*b));
	assert_int_equal(twin_init(&b->twin, &o), 0);
	b->twin.tables.in_sadb = has;
	b->twin.tables.in_sadb_arg = &b->sadb;
	b->now = SECOND;
}

static void end(struct bench *b)
{
	assert_null(sums_tables_broken(&b->twin.tables));
	twin_destroy(&b->twin);
}

static void packets(struct bench *b, uint32_t spi, uint32_t count)
{
	while (count--) {
		struct packet p;

		packet_begin(&p);
		ip4(&p, 50);
		esp(&p, spi, ++b->sequence);
		fill(&p, 32);
		packet_finish(&p);
		(void)twin_frame(&b->twin, p.data, (uint32_t)p.length, (uint32_t)p.length, ESP_LINK_IP,
				 b->now, 1, ESP_DIR_IN, 1, count % 2, NULL);
	}
}

static struct esp_sa_key key_of(uint32_t spi)
{
	struct esp_sa_key key = {.dst = {0, esp_mapped(esp_be32(PACKET_DESTINATION4))},
				 .id = ESP_SADB_ID(esp_sa_id(spi, 50, 4, ESP_DIR_IN))};

	return key;
}

static void add(struct bench *b, uint32_t spi)
{
	struct esp_sa_key key = key_of(spi);

	b->sadb.spi[b->sadb.count++] = spi;
	known_change(&b->twin.tables, &key, b->now, true);
}

static void del(struct bench *b, uint32_t spi)
{
	struct esp_sa_key key = key_of(spi);

	for (size_t i = 0; i < b->sadb.count; i++)
		if (b->sadb.spi[i] == spi)
			b->sadb.spi[i] = 0;
	known_change(&b->twin.tables, &key, b->now, false);
}

static void pass(struct bench *b, uint64_t ns)
{
	b->now += ns;
	known_sweep(&b->twin.tables, b->now);
}

/* What the state says of an SA, and of all together. */
static void is(struct bench *b, uint32_t spi, int known, uint64_t packets, uint64_t unknown, uint64_t grace)
{
	struct state_context context = {.now = b->now};
	struct state state;
	size_t found = 0;

	assert_int_equal(state_collect(&b->twin.tables, &context, &state), 0);
	for (size_t i = 0; i < state.sa_count; i++) {
		const struct state_sa *sa = &state.sas[i];

		if (sa->spi != spi)
			continue;
		found++;
		assert_int_equal(sa->known, known);
		assert_int_equal(sa->packets, packets);
		assert_int_equal(sa->unknown_packets, unknown);
		assert_int_equal(sa->grace_packets, grace);
	}
	assert_int_equal(found, 1);
	state_free(&state);
}

static uint64_t unknown_in_all(struct bench *b)
{
	struct state_context context = {.now = b->now, .only_sums = true};
	struct state state;
	uint64_t sum = 0;

	assert_int_equal(state_collect(&b->twin.tables, &context, &state), 0);
	for (int i = 0; i < ESP_SUMS; i++)
		sum += state.sums[i].of.unknown;
	state_free(&state);
	return sum;
}

static void admitted_at_once(void **state)
{
	struct bench b;

	(void)state;
	start(&b, 64, 8);
	add(&b, 0x100);
	packets(&b, 0x100, 1);
	assert_true(sums_find(&b.twin.tables, 0x100) >= 0);
	is(&b, 0x100, 1, 1, 0, 0);
	packets(&b, 0x100, 99);
	pass(&b, GRACE);
	is(&b, 0x100, 1, 100, 0, 0);
	assert_int_equal(unknown_in_all(&b), 0);
	end(&b);
}

static void never_in_it(void **state)
{
	struct bench b;

	(void)state;
	start(&b, 64, 8);
	packets(&b, 0x200, 3);
	assert_true(sums_find(&b.twin.tables, 0x200) < 0);
	is(&b, 0x200, -1, 3, 0, 0); /* it may be on its way */
	pass(&b, GRACE);
	is(&b, 0x200, 0, 3, 3, 0);
	packets(&b, 0x200, 97);
	is(&b, 0x200, -1, 100, 0, 0); /* a slot now; the next sweep says */
	pass(&b, 0);
	is(&b, 0x200, 0, 100, 100, 0);
	packets(&b, 0x200, 1000);
	is(&b, 0x200, 0, 1100, 1100, 0);
	assert_int_equal(unknown_in_all(&b), 1100);
	end(&b);
}

/* The peer was quicker: no harm done. */
static void added_in_time(void **state)
{
	struct bench b;

	(void)state;
	start(&b, 64, 8);
	packets(&b, 0x300, 10);
	pass(&b, GRACE - 1);
	packets(&b, 0x300, 10);
	add(&b, 0x300);
	packets(&b, 0x300, 5);
	pass(&b, GRACE);
	is(&b, 0x300, 1, 25, 0, 20);
	assert_int_equal(unknown_in_all(&b), 0);
	end(&b);
}

/* As a newcomer still, in time and too late. */
static void newcomer_becomes_known(void **state)
{
	struct bench b;

	(void)state;
	start(&b, 64, 8);
	packets(&b, 0x400, 2);
	add(&b, 0x400);
	packets(&b, 0x400, 1);
	is(&b, 0x400, 1, 3, 0, 2);
	packets(&b, 0x401, 2);
	pass(&b, 2 * GRACE);
	add(&b, 0x401);
	packets(&b, 0x401, 1);
	is(&b, 0x401, 1, 3, 2, 0);
	assert_int_equal(unknown_in_all(&b), 2);
	end(&b);
}

static int was_then(void *arg, const struct esp_sa_key *key, __u64 when)
{
	const uint64_t *until = arg;

	(void)key;
	return when < *until;
}

static int nothing(void *arg, const struct esp_sa_key *key)
{
	(void)arg;
	(void)key;
	return 0;
}

/* It came and went with fewer packets than make an SA. */
static void newcomer_was_known(void **state)
{
	struct state_context context = {.now = 0};
	struct state result;
	uint64_t until;
	struct bench b;

	(void)state;
	start(&b, 64, 8);
	packets(&b, 0x450, 1);
	until = b.now + 1;
	pass(&b, 2 * GRACE);
	packets(&b, 0x450, 1);
	pass(&b, 2 * GRACE);
	b.twin.tables.was_in_sadb = was_then;
	b.twin.tables.in_sadb = nothing;
	b.twin.tables.in_sadb_arg = &until;
	context.now = b.now;
	assert_int_equal(state_collect(&b.twin.tables, &context, &result), 0);
	assert_int_equal(result.sa_count, 1);
	assert_int_equal(result.sas[0].known, 0);
	assert_int_equal(result.sas[0].unknown_packets, 1);
	assert_int_equal(result.sas[0].grace_packets, 1);
	state_free(&result);
	end(&b);
}

static void removed(void **state)
{
	struct bench b;

	(void)state;
	start(&b, 64, 8);
	add(&b, 0x500);
	packets(&b, 0x500, 50);
	del(&b, 0x500);
	packets(&b, 0x500, 7); /* under way */
	is(&b, 0x500, 1, 57, 0, 7);
	pass(&b, GRACE);
	is(&b, 0x500, 0, 57, 0, 7);
	packets(&b, 0x500, 1000);
	is(&b, 0x500, 0, 1057, 1000, 7);
	add(&b, 0x500);
	packets(&b, 0x500, 1);
	pass(&b, GRACE);
	is(&b, 0x500, 1, 1058, 1000, 7);
	assert_int_equal(unknown_in_all(&b), 1000);
	end(&b);
}

/* An SA whose removal and return nobody told of. */
static void sweep_finds_out(void **state)
{
	struct bench b;

	(void)state;
	start(&b, 64, 8);
	add(&b, 0x600);
	packets(&b, 0x600, 10);
	b.sadb.spi[0] = 0;
	pass(&b, SECOND);
	pass(&b, GRACE);
	packets(&b, 0x600, 20);
	is(&b, 0x600, 0, 30, 20, 0);
	b.sadb.spi[0] = 0x600;
	pass(&b, SECOND);
	is(&b, 0x600, 1, 30, 20, 0);
	end(&b);
}

/* Nobody tells any more, or not yet: nothing is said, and what has been counted stays. */
static void without_a_sadb(void **state)
{
	struct bench b;

	(void)state;
	start(&b, 64, 8);
	packets(&b, 0x700, 10);
	pass(&b, GRACE);
	packets(&b, 0x700, 10);
	is(&b, 0x700, 0, 20, 20, 0);
	b.twin.tables.in_sadb = NULL;
	pass(&b, SECOND);
	packets(&b, 0x700, 10);
	is(&b, 0x700, -1, 30, 20, 0);
	packets(&b, 0x701, 10);
	is(&b, 0x701, -1, 10, 0, 0);
	b.twin.tables.in_sadb = has; /* again: what came meanwhile is nobody's */
	pass(&b, SECOND);
	pass(&b, GRACE);
	packets(&b, 0x701, 1);
	is(&b, 0x701, 0, 11, 1, 0);
	is(&b, 0x700, 0, 30, 20, 0);
	end(&b);
}

/* Every packet of a flood is unknown, and is counted though its SPI is forgotten at once. */
static void flood(void **state)
{
	struct bench b;
	uint64_t newcomers = 0;

	(void)state;
	start(&b, 64, 8);
	add(&b, 0x42);
	for (uint32_t i = 0; i < 20000; i++) {
		b.now += SECOND / 100;
		packets(&b, 0x10000 + i * 7, 1);
		if (i % 10 == 0)
			packets(&b, 0x42, 1);
	}
	for (uint32_t set = 0; set <= b.twin.tables.cfg.new_mask; set++)
		for (uint32_t way = 0; way < ESP_NEW_WAYS; way++)
			newcomers += b.twin.tables.newcomer[set].packets[way];
	is(&b, 0x42, 1, 2000, 0, 0);
	assert_int_equal(unknown_in_all(&b) + newcomers, 20000);
	end(&b);
}

/* An unknown SA whose place another takes: the sum keeps its packets. */
static void evicted(void **state)
{
	struct bench b;
	uint64_t before;

	(void)state;
	start(&b, 8, 8);
	for (uint32_t spi = 1; spi <= 8; spi++)
		packets(&b, 0x800 + spi, 100);
	pass(&b, GRACE);
	before = unknown_in_all(&b);
	assert_int_equal(before, 800);
	pass(&b, 400 * SECOND);
	add(&b, 0x42);
	packets(&b, 0x42, 1);
	is(&b, 0x42, 1, 1, 0, 0);
	assert_int_equal(unknown_in_all(&b), before);
	end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(admitted_at_once),
		cmocka_unit_test(never_in_it),
		cmocka_unit_test(added_in_time),
		cmocka_unit_test(newcomer_becomes_known),
		cmocka_unit_test(newcomer_was_known),
		cmocka_unit_test(removed),
		cmocka_unit_test(sweep_finds_out),
		cmocka_unit_test(without_a_sadb),
		cmocka_unit_test(flood),
		cmocka_unit_test(evicted),
	};

	return cmocka_run_group_tests_name("known", tests, NULL, NULL);
}

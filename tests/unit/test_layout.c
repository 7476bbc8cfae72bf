// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What tables hold is added up by their description alone: the same as the model adds up by their types, and the same again when
 * everything in them lies elsewhere, as in another version's tables.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "golden/stream.h"
#include "model/state.h"
#include "source/layout.h"
#include "source/twin.h"

#include "espial/pipeline.h"

#define FRAMES 20000
#define IFACES 3

static void fill_tables(struct twin *t)
{
	/* Small, so that some SAs are replaced and some find no place. */
	struct twin_options o = {.sa_slots = 32, .new_sets = 4, .fragment_sets = 16, .cpus = 3, .seed = 4711};
	struct stream stream;

	assert_int_equal(twin_init(t, &o), 0);
	t->tables.cfg.idle = 100;
	stream_start(&stream, 11);
	for (uint64_t i = 0; i < FRAMES; i++) {
		struct packet b;
		uint32_t segments, length = stream_frame(&stream, &b, &segments);
		uint8_t *copy = length ? malloc(length) : NULL;

		if (!copy)
			continue;
		memcpy(copy, b.data, length);
		twin_frame(t, copy, length, length, ESP_LINK_ETHERNET, i * 10, 1 + (uint32_t)i % IFACES,
			   i % 7 < 4 ? ESP_DIR_IN : ESP_DIR_OUT, segments, (uint32_t)i % 3, NULL);
		free(copy);
	}
	/* Some that the SADB does not know. */
	for (uint32_t slot = 0; slot <= t->tables.cfg.sa_mask; slot += 2) {
		t->tables.known[slot].state = ESP_KNOWN_UNKNOWN;
		t->tables.known[slot].base = 3;
		t->tables.known[slot].unknown = slot;
	}
}

static void tables_of(const struct twin *t, const void *ret[LAYOUT_TABLES])
{
	ret[LAYOUT_SA] = t->tables.sa;
	ret[LAYOUT_RARE] = t->tables.rare;
	ret[LAYOUT_LANE] = t->tables.lane;
	ret[LAYOUT_NEW] = t->tables.newcomer;
	ret[LAYOUT_STATS] = t->tables.stats;
	ret[LAYOUT_CPU] = t->tables.cpu;
	ret[LAYOUT_KNOWN] = t->tables.known;
}

static void the_sums_are_those_of_the_model(void **unused)
{
	const struct state_context context = {.now = FRAMES * 10};
	const void *table[LAYOUT_TABLES];
	struct layout layout;
	struct layout_sums sum = {.loss = {0}};
	uint64_t evicted = 0, unknown[ESP_SUMS] = {0}, packets[ESP_SUMS] = {0};
	struct state state;
	struct twin t;

	(void)unused;
	fill_tables(&t);
	layout_of(&t.tables.cfg, &layout);
	assert_true(layout_is_understood(&layout));
	tables_of(&t, table);
	layout_add(&layout, table, &sum);
	assert_int_equal(state_collect(&t.tables, &context, &state), 0);
	assert_true(state.loss[ESP_LOSS_EVICTED] > 0 && state.sa_count > 10 && state.total.seen > 10000);

	assert_int_equal(sum.total.seen, state.total.seen);
	assert_int_equal(sum.total.bytes, state.total.bytes);
	assert_memory_equal(sum.total.cls, state.total.cls, sizeof(state.total.cls));
	assert_memory_equal(sum.total.rejected, state.total.rejected, sizeof(state.total.rejected));
	for (size_t i = 0; i < state.sa_count; i++) {
		evicted += state.sas[i].packets;
		if (state.sas[i].newcomer)
			continue;
		packets[(state.sas[i].direction & 3) * 2 + (state.sas[i].protocol == 51)] +=
			state.sas[i].packets;
	}
	assert_int_equal(sum.loss[ESP_LOSS_EVICTED], state.loss[ESP_LOSS_EVICTED] + evicted);
	for (int i = 0; i < ESP_LOSS_COUNT; i++)
		if (i != ESP_LOSS_EVICTED)
			assert_int_equal(sum.loss[i], state.loss[i]);
	for (uint32_t slot = 0; slot <= t.tables.cfg.sa_mask; slot++) {
		uint64_t of = 0;

		if (!t.tables.sa[slot].key.id)
			continue;
		for (uint32_t cpu = 0; cpu < 3; cpu++)
			of += esp_lane_at(&t.tables, slot, cpu)->packets;
		if (slot % 2 == 0)
			unknown[esp_sums_index(t.tables.sa[slot].key.id)] += slot + of - 3;
	}
	for (int i = 0; i < ESP_SUMS; i++) {
		struct esp_sums got, want = state.sums[i].of;

		memcpy(&got, sum.sums[i], sizeof(got));
		for (uint32_t cpu = 0; cpu < 3; cpu++)
			unknown[i] += t.tables.cpu[cpu].retired[i].unknown;
		assert_int_equal(got.unknown, unknown[i]);
		/* Candidates that nothing will confirm any more are counted as what they are. */
		assert_true(got.outlier + got.too_old >= want.outlier + want.too_old);
		got.unknown = got.outlier = got.too_old = 0;
		want.unknown = want.outlier = want.too_old = 0;
		assert_memory_equal(&got, &want, sizeof(got));
		assert_true(got.packets >= packets[i]);
	}
	for (uint32_t slot = 0; slot < IFACES; slot++)
		for (int d = ESP_DIR_IN; d <= ESP_DIR_OUT; d++) {
			struct layout_counters one = {.seen = 0};

			layout_add_interface(&layout, t.tables.stats, slot, (enum esp_direction)d, &one);
			assert_true(one.seen > 0 && one.seen < sum.total.seen);
		}
	state_free(&state);
	twin_destroy(&t);
}

/* Entries with something in front, something behind, and one thing more after each number. */
struct moved {
	struct layout layout;
	uint8_t *table[LAYOUT_TABLES];
};

static void *copy_table(const void *from, size_t count, size_t entry, size_t front, size_t to_entry)
{
	uint8_t *to = calloc(count, to_entry);

	assert_non_null(to);
	memset(to, 0xa5, count * to_entry);
	for (size_t i = 0; i < count; i++)
		memcpy(to + i * to_entry + front, (const uint8_t *)from + i * entry, entry);
	return to;
}

static void move(const struct twin *t, struct moved *ret)
{
	static const enum layout_item size[LAYOUT_TABLES] = {
		[LAYOUT_SA] = LAYOUT_SA_SIZE,	    [LAYOUT_RARE] = LAYOUT_RARE_SIZE,
		[LAYOUT_LANE] = LAYOUT_LANE_SIZE,   [LAYOUT_NEW] = LAYOUT_NEW_SIZE,
		[LAYOUT_STATS] = LAYOUT_STATS_SIZE, [LAYOUT_CPU] = LAYOUT_CPU_SIZE,
		[LAYOUT_KNOWN] = LAYOUT_KNOWN_SIZE,
	};
	static const struct {
		enum layout_item from, to;
		enum layout_table table;
	} offsets[] = {
		{LAYOUT_SA_ID, LAYOUT_SA_ID, LAYOUT_SA},
		{LAYOUT_LANE_PACKETS, LAYOUT_LANE_RECEIVED, LAYOUT_LANE},
		{LAYOUT_RARE_CONFIRMED, LAYOUT_RARE_ENDPOINT_CHANGES, LAYOUT_RARE},
		{LAYOUT_NEW_TAG, LAYOUT_NEW_WAY, LAYOUT_NEW},
		{LAYOUT_STATS_SEEN, LAYOUT_STATS_REASONS, LAYOUT_STATS},
		{LAYOUT_CPU_LOSSES, LAYOUT_CPU_SUMS, LAYOUT_CPU},
		{LAYOUT_KNOWN_STATE, LAYOUT_KNOWN_PACKETS, LAYOUT_KNOWN},
	};
	const void *table[LAYOUT_TABLES];
	struct layout old;

	layout_of(&t->tables.cfg, &old);
	ret->layout = old;
	tables_of(t, table);
	for (int i = 0; i < LAYOUT_TABLES; i++) {
		size_t front = 8 * (size_t)(i + 1), entry = old.item[size[i]];

		ret->layout.item[size[i]] = (uint32_t)(entry + front + 24);
		ret->table[i] = copy_table(table[i], layout_table_bytes(&old, (enum layout_table)i) / entry,
					   entry, front, entry + front + 24);
	}
	for (size_t i = 0; i < sizeof(offsets) / sizeof(*offsets); i++)
		for (int at = (int)offsets[i].from; at <= (int)offsets[i].to; at++)
			ret->layout.item[at] += 8 * ((uint32_t)offsets[i].table + 1);
}

static void another_versions_tables(void **unused)
{
	struct layout_sums want = {.loss = {0}}, got = {.loss = {0}};
	const void *table[LAYOUT_TABLES];
	struct layout layout;
	struct moved moved;
	struct twin t;

	(void)unused;
	fill_tables(&t);
	layout_of(&t.tables.cfg, &layout);
	tables_of(&t, table);
	layout_add(&layout, table, &want);
	move(&t, &moved);
	assert_true(layout_is_understood(&moved.layout));
	for (int i = 0; i < LAYOUT_TABLES; i++)
		table[i] = moved.table[i];
	layout_add(&moved.layout, table, &got);
	assert_memory_equal(&got, &want, sizeof(got));
	/* One that knew fewer things, and one that lacks a number: 0, and no harm. */
	moved.layout.item[LAYOUT_LOSSES] = 1;
	moved.layout.item[LAYOUT_RARE_LATE] = 0;
	memset(&got, 0, sizeof(got));
	layout_add(&moved.layout, table, &got);
	assert_int_equal(got.loss[ESP_LOSS_EVICTED], want.loss[ESP_LOSS_EVICTED]);
	assert_int_equal(got.loss[ESP_LOSS_REFUSED], 0);
	assert_int_equal(got.total.seen, want.total.seen);
	for (int i = 0; i < LAYOUT_TABLES; i++)
		free(moved.table[i]);
	twin_destroy(&t);
}

/* A description that points beyond its entries is not followed. */
static void bad_descriptions(void **unused)
{
	const struct esp_config cfg = {.cpus = 2, .sa_mask = 7, .new_mask = 3};
	struct layout good, bad;

	(void)unused;
	layout_of(&cfg, &good);
	assert_true(layout_is_understood(&good));
	bad = good;
	bad.item[LAYOUT_IS_MEANING]++;
	assert_false(layout_is_understood(&bad));
	for (int i = LAYOUT_NEW_WAYS; i < LAYOUT_ITEMS; i++) {
		/* Numbers that need only be met by the tables' sizes, and a state's number. */
		if (i == LAYOUT_IF_SLOTS || i == LAYOUT_IS_UNKNOWN ||
		    (i >= LAYOUT_SA_SIZE && i <= LAYOUT_CPU_SIZE) || i == LAYOUT_KNOWN_SIZE)
			continue;
		bad = good;
		bad.item[i] = 100000;
		assert_false(layout_is_understood(&bad));
	}
	for (int i = LAYOUT_SA_SIZE; i <= LAYOUT_CPU_SIZE; i++) {
		bad = good;
		bad.item[i] = 4;
		assert_true(i == LAYOUT_WAY_SIZE || !layout_is_understood(&bad));
	}
	memset(&bad, 0xff, sizeof(bad));
	assert_false(layout_is_understood(&bad));
	memset(&bad, 0, sizeof(bad));
	assert_false(layout_is_understood(&bad));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sums_are_those_of_the_model),
		cmocka_unit_test(another_versions_tables),
		cmocka_unit_test(bad_descriptions),
	};

	return cmocka_run_group_tests_name("layout", tests, NULL, NULL);
}

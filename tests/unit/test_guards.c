// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_guards.c - what the verifier wants asked is asked natively, too: pointers that are not there, slots and CPUs beyond the
 * tables, locks that stay taken, and plans that another CPU has overtaken. Nothing is counted, and nothing is touched.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "twin_one.h"

#include "espial/pipeline.h"

enum { SLOTS = 16, SETS = 4, BEYOND = 1000 };

static struct esp_at at;
static const struct esp_sa_key key = {.dst = {0, 0x0100007fffff0000}, .id = 0x1234567800000001};

static int start(void **state)
{
	struct twin_options o = {
		.sa_slots = SLOTS, .new_sets = SETS, .fragment_sets = 1, .cpus = 2, .seed = 1};

	(void)state;
	at = (struct esp_at){.t = &twin.tables, .now = 5, .ifindex = 1, .direction = ESP_DIR_IN};
	return twin_init(&twin, &o);
}

/* All counters of all CPUs, as bytes. */
static void assert_untouched(void)
{
	static const uint8_t zero[4096];
	const uint8_t *lanes = (const uint8_t *)twin.tables.lane, *cpus = (const uint8_t *)twin.tables.cpu;
	size_t size = (size_t)(twin.tables.cfg.sa_mask + 1) * 2 * sizeof(*twin.tables.lane), i, n;

	for (i = 0; i < size; i += n) {
		n = size - i < sizeof(zero) ? size - i : sizeof(zero);
		assert_memory_equal(lanes + i, zero, n);
	}
	for (i = 0; i < 2 * sizeof(*twin.tables.cpu); i += n) {
		n = 2 * sizeof(*twin.tables.cpu) - i < sizeof(zero) ? 2 * sizeof(*twin.tables.cpu) - i
								    : sizeof(zero);
		assert_memory_equal(cpus + i, zero, n);
	}
}

static void nothing_given(void **state)
{
	const struct esp_credit credit = {.bytes = 100, .fragments = 1};
	const struct esp_packet packet = {.family = 4};
	const struct esp_record record = {.segments = 2, .ip_length = 100};
	struct esp_sa_rare rare = {0};
	struct esp_lane lane = {0};
	struct esp_plan plan = {0};
	struct esp_sa sa = {0};

	(void)state;
	assert_int_equal(esp_new_run(NULL, &key, &lane, &rare, &record), 0);
	assert_int_equal(esp_new_run(&at, NULL, &lane, &rare, &record), 0);
	assert_int_equal(esp_new_run(&at, &key, NULL, &rare, &record), 0);
	assert_int_equal(esp_new_run(&at, &key, &lane, NULL, &record), 0);
	assert_int_equal(esp_new_run(&at, &key, &lane, &rare, NULL), 0);
	assert_int_equal(esp_account_segments(NULL, 0, &record), 0);
	assert_int_equal(esp_account_segments(&at, 0, NULL), 0);
	assert_int_equal(esp_replay(NULL, 0, &key), 0);
	assert_int_equal(esp_replay(&at, 0, NULL), 0);
	assert_int_equal(esp_account_new(NULL, &key, 1, &record), ESP_NO_SLOT);
	assert_int_equal(esp_account_new(&at, NULL, 1, &record), ESP_NO_SLOT);
	assert_int_equal(esp_account_new(&at, &key, 1, NULL), ESP_NO_SLOT);
	assert_int_equal(esp_credit_sa(NULL, &key, &credit), 0);
	assert_int_equal(esp_credit_sa(&at, NULL, &credit), 0);
	assert_int_equal(esp_credit_sa(&at, &key, NULL), 0);
	assert_int_equal(esp_fragment(NULL, &packet), 0);
	assert_int_equal(esp_fragment(&at, NULL), 0);
	assert_int_equal(esp_vacate(NULL, 0), 0);
	assert_int_equal(esp_admit(NULL, &key, 1, 1, 1), ESP_NO_SLOT);
	assert_int_equal(esp_admit(&at, NULL, 1, 1, 1), ESP_NO_SLOT);
	assert_int_equal(esp_count_burst(NULL, 1), 0);
	assert_int_equal(esp_count_burst(&rare, 0), 0);
	assert_int_equal(esp_retire(NULL, &rare, 1), 0);
	assert_int_equal(esp_retire(&sa, NULL, 1), 0);
	assert_int_equal(esp_mark(NULL, 1), ESP_CONTENDED);
	assert_int_equal(esp_plan(NULL, &rare, 1, &plan), 0);
	assert_int_equal(esp_plan(&sa, NULL, 1, &plan), 0);
	assert_int_equal(esp_plan(&sa, &rare, 1, NULL), 0);
	assert_int_equal(esp_execute(NULL, &rare, &plan), ESP_CONTENDED);
	assert_int_equal(esp_execute(&sa, NULL, &plan), ESP_CONTENDED);
	assert_int_equal(esp_execute(&sa, &rare, NULL), ESP_CONTENDED);
	assert_untouched();
}

static void beyond_the_tables(void **state)
{
	const struct esp_record record = {.segments = 2, .ip_length = 100}, whole = {.segments = 1};
	const struct esp_record none = {.segments = 0};
	const struct esp_packet packet = {.family = 4, .flags = ESP_PKT_FIRST};

	(void)state;
	assert_int_equal(esp_account_segments(&at, 0, &none), 0);
	assert_int_equal(esp_account_segments(&at, BEYOND, &record), 0);
	assert_int_equal(esp_replay(&at, BEYOND, &key), 0);
	assert_int_equal(esp_vacate(&at, BEYOND), 0);
	esp_account_sa(&at, BEYOND, &key, &whole, 1);
	at.cpu = BEYOND;
	assert_int_equal(esp_account_segments(&at, 0, &record), 0);
	assert_int_equal(esp_replay(&at, 0, &key), 0);
	assert_int_equal(esp_vacate(&at, 0), 0);
	esp_account_sa(&at, 0, &key, &whole, 1);
	assert_int_equal(esp_account_new(&at, &key, 1, &whole), ESP_NO_SLOT);
	assert_true(esp_fragment(&at, &packet));
	at.cpu = 0;
	assert_untouched();
}

/* A holder that is not run any more: the wait is bounded, and what could not be done is counted where there is a counter. */
static void locks_stay_taken(void **state)
{
	const struct esp_packet packet = {.family = 4, .flags = ESP_PKT_FIRST};
	const struct esp_credit credit = {.bytes = 100, .fragments = 1};

	(void)state;
	twin.tables.fragment[0].lock = 1;
	assert_true(esp_fragment(&at, &packet));
	assert_int_equal(twin.tables.cpu[0].loss[ESP_LOSS_FRAGMENTS_UNTRACKED], 1);
	twin.tables.fragment[0].lock = 0;
	*esp_admission_lock(&twin.tables) = 1;
	assert_int_equal(esp_admit(&at, &key, 1, 1, 1), ESP_NO_SLOT);
	*esp_admission_lock(&twin.tables) = 0;
	for (uint32_t set = 0; set < SETS; set++)
		twin.tables.newcomer[set].lock = 1;
	assert_int_equal(esp_credit_sa(&at, &key, &credit), 0);
	for (uint32_t set = 0; set < SETS; set++) {
		assert_int_equal(twin.tables.newcomer[set].lock, 1);
		twin.tables.newcomer[set].lock = 0;
	}
}

/* A slot of the window that has not been cleared for the number's epoch yet. */
static void marks_too_early(void **state)
{
	struct esp_sa sa = {0};

	(void)state;
	esp_window_init(&sa, 100);
	assert_int_equal(esp_mark(&sa, sa.top << ESP_EPOCH_BITS), ESP_RECEIVED);
	assert_int_equal(esp_mark(&sa, sa.top << ESP_EPOCH_BITS), ESP_DUPLICATE);
	assert_int_equal(esp_mark(&sa, (sa.top + 2 * ESP_WINDOW_EPOCHS) << ESP_EPOCH_BITS), ESP_CONTENDED);
	assert_int_equal(esp_mark(&sa, (sa.top - ESP_WINDOW_EPOCHS) << ESP_EPOCH_BITS), ESP_TOO_OLD);
	sa.word[sa.top % ESP_WINDOW_EPOCHS] |= ESP_FROZEN;
	assert_int_equal(esp_mark(&sa, (sa.top << ESP_EPOCH_BITS) + 1), ESP_TOO_OLD);
}

/* The numbers were thought to start over, but the old ones went on: the plan's verdict stands, and nothing is lost. */
static void restart_overtaken(void **state)
{
	struct esp_sa_rare rare = {0};
	struct esp_sa sa = {0};
	struct esp_plan plan = {.kind = ESP_PLAN_RESTART, .verdict = ESP_TOO_OLD, .base = 1, .seen = 3};

	(void)state;
	esp_window_init(&sa, 100);
	assert_int_equal(esp_mark(&sa, sa.top << ESP_EPOCH_BITS), ESP_RECEIVED);
	plan.retire = sa.top - 1; /* the top has moved since */
	assert_int_equal(esp_execute(&sa, &rare, &plan), ESP_TOO_OLD);
	plan.retire = sa.top; /* the epochs below were not retired */
	sa.carry += 1ULL << 32;
	assert_int_equal(esp_execute(&sa, &rare, &plan), ESP_TOO_OLD);
	sa.carry = sa.top << 32;
	sa.word[sa.top % ESP_WINDOW_EPOCHS] = esp_word(sa.top, 0); /* nothing was received in the last */
	assert_int_equal(esp_execute(&sa, &rare, &plan), ESP_TOO_OLD);
	sa.word[sa.top % ESP_WINDOW_EPOCHS] = esp_word(sa.top + 1, 1); /* it is another's by now */
	assert_int_equal(esp_execute(&sa, &rare, &plan), ESP_TOO_OLD);
	assert_int_equal(rare.restarts, 0);
	assert_int_equal(rare.lost, 0);
}

/* Bursts and distances beyond the histograms go nowhere else. */
static void beyond_the_histogram(void **state)
{
	struct esp_sa_rare rare = {0}, before = {0};

	(void)state;
	assert_int_equal(esp_count_burst(&rare, 1ULL << 63), 1);
	assert_memory_equal(&rare, &before, sizeof(rare));
	assert_int_equal(esp_count_burst(&rare, 1), 1);
	assert_int_equal(rare.burst_length[0], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_given, start, end),
		cmocka_unit_test_setup_teardown(beyond_the_tables, start, end),
		cmocka_unit_test_setup_teardown(locks_stay_taken, start, end),
		cmocka_unit_test(marks_too_early),
		cmocka_unit_test(restart_overtaken),
		cmocka_unit_test(beyond_the_histogram),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

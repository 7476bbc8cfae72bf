// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The shadow window where it is decided whether far numbers are believed: just far enough, just not, and before there is any
 * number at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "golden/sums.h"

#include "espial/replay.h"

static struct window {
	struct esp_sa sa;
	struct esp_sa_rare rare;
	struct esp_plan plan;
	struct sa_sums sums;
	uint64_t received;
} w;

static int start(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	return 0;
}

static int enter(uint32_t wire)
{
	int verdict =
		esp_window_fast(&w.sa, wire) ? ESP_RECEIVED : esp_window_slow(&w.sa, &w.rare, wire, &w.plan);

	w.received += verdict == ESP_RECEIVED;
	return verdict;
}

static const struct sa_sums *sums(void)
{
	memset(&w.sums, 0, sizeof(w.sums));
	sums_of(&w.sa, &w.rare, &w.sums);
	w.sums.received = w.received + w.rare.confirmed;
	return &w.sums;
}

/* How many of the numbers from `from` to `to` are needed until they are taken for a restart; 0: it was none. */
static uint32_t restarted_after(uint32_t highest, uint32_t from, uint32_t to)
{
	start(NULL);
	esp_window_init(&w.sa, highest);
	assert_int_equal(enter(highest), ESP_RECEIVED);
	for (uint32_t n = from; n <= to; n++)
		if (enter(n) == ESP_RECEIVED) {
			assert_int_equal(w.rare.restarts, 1);
			return n - from + 1;
		}
	assert_int_equal(w.rare.restarts, 0);
	return 0;
}

/* Numbers start over near 0, or so far behind that nothing is so late. */
static void test_restart(void **state)
{
	uint32_t highest = 1000000, far = highest - ESP_RESTART_BEHIND;

	(void)state;
	assert_int_equal(restarted_after(highest, far - ESP_CONFIRM_RESTART + 1, far), ESP_CONFIRM_RESTART);
	assert_int_equal(restarted_after(highest, far - ESP_CONFIRM_RESTART + 2, far + 1), 0);
	assert_int_equal(
		restarted_after(50000, ESP_RESTART_BELOW - ESP_CONFIRM_RESTART, ESP_RESTART_BELOW - 1),
		ESP_CONFIRM_RESTART);
	assert_int_equal(
		restarted_after(50000, ESP_RESTART_BELOW - ESP_CONFIRM_RESTART + 1, ESP_RESTART_BELOW), 0);
}

/* The entry of an SA is there, its first number not yet in it, and another CPU brings a jump: nothing is missing before the first. */
static void test_jump_before_the_first(void **state)
{
	(void)state;
	esp_window_init(&w.sa, 1000);
	for (uint32_t n = 9000001; n < 9000001 + ESP_CONFIRM_AHEAD; n++)
		enter(n);
	assert_int_equal(sums()->received, ESP_CONFIRM_AHEAD);
	assert_int_equal(sums()->lost, 0);
	assert_int_equal(enter(1000), ESP_TOO_OLD);
	for (uint32_t n = 9000010; n < 9005000; n++)
		assert_int_equal(enter(n), ESP_RECEIVED);
	assert_int_equal(sums()->lost, 9000010 - 9000001 - ESP_CONFIRM_AHEAD);
	assert_int_equal(sums()->highest - sums()->first + 1,
			 sums()->received + sums()->lost + sums()->pending);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_restart),
					   cmocka_unit_test_setup(test_jump_before_the_first, start)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* test_suggest.c - distances, and what is near enough */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "suggest.h"

static void distances(void **state)
{
	static const struct {
		const char *a, *b;
		size_t distance;
	} cases[] = {
		{"", "", 0},
		{"", "abc", 3},
		{"abc", "", 3},
		{"status", "status", 0},
		{"statsu", "status", 1},
		{"stats", "status", 1},
		{"sttaus", "status", 1},
		{"kitten", "sitting", 3},
		{"STATUS", "status", 0},
		{"ab", "ba", 1},
		{"abcd", "badc", 2},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(suggest_distance(cases[i].a, cases[i].b), cases[i].distance);
		assert_int_equal(suggest_distance(cases[i].b, cases[i].a), cases[i].distance);
	}
}

static void nearest(void **state)
{
	static const char *const words[] = {"run", "status", "events", "read", "help"};
	static const struct {
		const char *word, *nearest;
	} cases[] = {
		{"statsu", "status"}, {"stat", "status"},  {"evnets", "events"}, {"reed", "read"},
		{"rum", "run"},	      {"EVENT", "events"}, {"x", NULL},		 {"", NULL},
		{"zzzzzz", NULL},     {"helpp", "help"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *found = suggest_nearest(cases[i].word, words, 5);

		if (cases[i].nearest)
			assert_string_equal(found ? found : "(none)", cases[i].nearest);
		else
			assert_null(found);
	}
}

/* Words longer than the matrix: cut, and nothing is read beyond. */
static void long_words(void **state)
{
	char a[1000], b[1000];

	(void)state;
	memset(a, 'a', sizeof(a) - 1);
	memset(b, 'b', sizeof(b) - 1);
	a[sizeof(a) - 1] = b[sizeof(b) - 1] = '\0';
	assert_int_equal(suggest_distance(a, b), 64);
	assert_int_equal(suggest_distance(a, a), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(distances),
		cmocka_unit_test(nearest),
		cmocka_unit_test(long_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

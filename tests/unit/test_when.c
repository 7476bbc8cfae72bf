// SPDX-License-Identifier: GPL-2.0-or-later
/* test_when.c - times and durations as people type them, in zones with and without summer time */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "when.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define S 1000000000ull
#define MS 1000000ull
/* As rules, so that no time zone files are needed */
#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"
/* 2026-06-18 00:10:00 in Berlin, where it is summer: 2026-06-17T22:10:00Z */
#define NOW (1781734200 * S)

static void zone(const char *name)
{
	assert_int_equal(setenv("TZ", name, 1), 0);
	tzset();
}

struct row {
	const char *text;
	uint64_t ns;
};

static void are(const struct row *rows, size_t count, uint64_t now)
{
	uint64_t ns;

	for (size_t i = 0; i < count; i++) {
		ns = 0;
		if (when_parse(rows[i].text, now, &ns) != 0 || ns != rows[i].ns)
			fail_msg("'%s' is %llu, not %llu", rows[i].text, (unsigned long long)ns,
				 (unsigned long long)rows[i].ns);
	}
}

static void relative(void **state)
{
	static const struct row rows[] = {
		{"now", NOW},
		{" now ", NOW},
		{"10min ago", NOW - 600 * S},
		{"10 minutes ago", NOW - 600 * S},
		{"2 hours ago", NOW - 7200 * S},
		{"2 Hours AGO", NOW - 7200 * S},
		{"1h 30min ago", NOW - 5400 * S},
		{"1h30m ago", NOW - 5400 * S},
		{"-90s", NOW - 90 * S},
		{"1.5h", NOW - 5400 * S},
		{"0.5 s ago", NOW - 500 * MS},
		{"250ms ago", NOW - 250 * MS},
		{"3 days", NOW - 259200 * S},
		{"1 week ago", NOW - 604800 * S},
		{"0s", NOW},
	};

	(void)state;
	are(rows, COUNT(rows), NOW);
}

static void dates_of_berlin(void **state)
{
	static const struct row rows[] = {
		{"today", 1781733600 * S},
		{"yesterday", 1781647200 * S},
		{"tomorrow", 1781820000 * S},
		{"yesterday 22:00", 1781726400 * S},
		{"today 0:05", 1781733900 * S},
		{"2026-06-18", 1781733600 * S},
		{"2026-06-18 00:31", 1781735460 * S},
		{"2026-06-18 00:31:17", 1781735477 * S},
		{"2026-06-18T00:31:17.5", 1781735477 * S + 500 * MS},
		{"2026-06-18 00:31:17,123", 1781735477 * S + 123 * MS},
		{"2026-06-18 00:31:17.123456789123", 1781735477 * S + 123456789},
		{"2026-06-17T22:31:17Z", 1781735477 * S},
		{"2026-06-17 22:31:17 UTC", 1781735477 * S},
		{"2026-06-18T00:31:17+02:00", 1781735477 * S},
		{"2026-06-18 00:31:17 +0200", 1781735477 * S},
		{"2026-06-17T16:31:17-06", 1781735477 * S},
		{"2026-06-18T04:01:17+05:30", 1781735477 * S},
		/* It is 00:10: later than that was yesterday */
		{"00:05", 1781733900 * S},
		{"23:50", 1781733000 * S},
		{"23:50:01", 1781733001 * S},
		{"@1781735477", 1781735477 * S},
		{"@1781735477.25", 1781735477 * S + 250 * MS},
		{"2024-02-29", 1709161200 * S},
		/* Winter; the hour that is left out; the hour that comes twice is one of both, below */
		{"2026-01-01 12:00", 1767265200 * S},
		{"2026-03-29 03:30", 1774747800 * S},
	};
	uint64_t twice;

	(void)state;
	zone(BERLIN);
	are(rows, COUNT(rows), NOW);
	assert_int_equal(when_parse("2026-10-25 02:30", NOW, &twice), 0);
	assert_true(twice == 1792888200 * S || twice == 1792891800 * S);
	assert_int_equal(when_parse("2026-03-29 02:30", NOW, &twice), 0);
	assert_true(twice >= 1774746000 * S - 1800 * S && twice <= 1774746000 * S + 1800 * S);
}

static void dates_elsewhere(void **state)
{
	static const struct row utc[] = {
		{"today", 1781654400 * S},
		{"2026-06-18 00:31:17", 1781742677 * S},
		{"23:50", 1781653800 * S},
		{"1970-01-01", 0},
	};
	static const struct row kolkata[] = {{"2026-06-18 04:01:17", 1781735477 * S}};

	(void)state;
	zone("UTC");
	are(utc, COUNT(utc), NOW);
	zone("IST-5:30");
	are(kolkata, COUNT(kolkata), NOW);
	/* The day after a change of summer time has 23 or 25 hours before it */
	zone(BERLIN);
	are(&(struct row){"yesterday", 1774738800 * S}, 1, 1774821600 * S + 60 * S);
	are(&(struct row){"yesterday", 1792879200 * S}, 1, 1792969200 * S + 60 * S);
}

static void refused(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		"x",
		"soon",
		"-",
		"@",
		"@x",
		"@1x",
		"@1.",
		"10",
		"10 apples",
		"10min ago now",
		"10min later",
		"-10min ago",
		"ago",
		"nowish",
		"now 10:00",
		"yesterdays",
		"yesterday 25:00",
		"24:00",
		"12:60",
		"12:00:60",
		"12",
		"12:",
		"12:0",
		"123:00",
		"2026",
		"2026-06",
		"2026-13-01",
		"2026-00-01",
		"2026-02-29",
		"2026-06-31",
		"2026-6-1",
		"2026-06-18x",
		"2026-06-18 x",
		"2026-06-18 00:31:17 CEST",
		"2026-06-18T00:31:17+",
		"2026-06-18T00:31:17+2",
		"2026-06-18T00:31:17+25:00",
		"2026-06-18 00:31:17.",
		"1.h",
		"1..5h",
		"h",
		"1h 30",
		"2026-06-18 00:31:17Zx",
		"yesterday at 5",
	};
	static const char *const ranges[] = {
		"@99999999999",		"100000 weeks ago", "99999999999999999999s ago",
		"1969-12-31T23:59:59Z", "9999-12-31",	    "99999999999999 weeks"};
	uint64_t ns = 7;

	(void)state;
	zone(BERLIN);
	for (size_t i = 0; i < COUNT(texts); i++)
		if (when_parse(texts[i], NOW, &ns) != -EINVAL)
			fail_msg("'%s' was understood", texts[i]);
	for (size_t i = 0; i < COUNT(ranges); i++)
		if (when_parse(ranges[i], NOW, &ns) != -ERANGE)
			fail_msg("'%s' is in range", ranges[i]);
	assert_int_equal(ns, 7);
}

static void durations(void **state)
{
	static const struct row rows[] = {{"90d", 90 * 86400 * S},  {"1 h 30 min", 5400 * S},
					  {"2 weeks", 1209600 * S}, {"0s", 0},
					  {"1.5m", 90 * S},	    {"1d12h", 129600 * S}};
	static const char *const texts[] = {"", "90", "d", "90 d ago", "-1d", "1d x", "1,h"};
	uint64_t ns;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(when_duration(rows[i].text, &ns), 0);
		assert_int_equal(ns, rows[i].ns);
	}
	for (size_t i = 0; i < COUNT(texts); i++)
		assert_int_equal(when_duration(texts[i], &ns), -EINVAL);
	assert_int_equal(when_duration("1000000000w", &ns), -ERANGE);
}

/* Whatever is typed: no step beyond its end (the sanitizers look), and the same twice. */
static void noise(void **state)
{
	static const char letters[] = "0123456789:.-+T Z@hmsdagoyestrdynw";
	uint32_t seed = 1;

	(void)state;
	for (int round = 0; round < 200000; round++) {
		uint64_t one = 1, two = 2;
		size_t length;
		char *text;

		seed = seed * 1664525 + 1013904223;
		length = seed >> 28;
		text = malloc(length + 1);
		assert_non_null(text);
		for (size_t i = 0; i < length; i++) {
			seed = seed * 1664525 + 1013904223;
			text[i] = letters[(seed >> 16) % (sizeof(letters) - 1)];
		}
		text[length] = '\0';
		if (when_parse(text, NOW, &one) == 0) {
			assert_int_equal(when_parse(text, NOW, &two), 0);
			assert_int_equal(one, two);
		}
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(relative),	   cmocka_unit_test(dates_of_berlin),
		cmocka_unit_test(dates_elsewhere), cmocka_unit_test(refused),
		cmocka_unit_test(durations),	   cmocka_unit_test(noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

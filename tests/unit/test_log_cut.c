// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_log_cut.c - every line of the committed logs, cut at every length: what is read out of it lies within it
 *
 * Each beginning is in an allocation of its own length, so that the sanitizers see the first byte that is read beyond it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "model/log_match.h"
#include "source/log_line.h"

static struct log_matcher *matcher;
static struct log_parser parser;
static unsigned int lines, known;

static int set_up(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	parser.clock.reference_ns = 1773144000ULL * 1000000000ULL;
	matcher = log_matcher_new();
	return matcher ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	log_matcher_free(matcher);
	return 0;
}

static void assert_within(struct log_span s, const char *begin, size_t length)
{
	if (s.at && !(s.at >= begin && s.at + s.length <= begin + length))
		fail_msg("a span of %zu bytes is not in the %zu that there are", s.length, length);
}

/* In the line, in what was unescaped of it, or nowhere. */
static void assert_in_line(struct log_span s, const char *line, size_t length)
{
	if (s.at >= parser.scratch && s.at < parser.scratch + sizeof(parser.scratch))
		assert_within(s, parser.scratch, sizeof(parser.scratch));
	else
		assert_within(s, line, length);
}

static bool read_line(const char *text, size_t length)
{
	char *line = malloc(length ? length : 1);
	struct log_match match;
	struct log_line l;
	bool found;

	assert_non_null(line);
	memcpy(line, text, length);
	log_line_parse(&parser, line, length, &l);
	assert_in_line(l.message, line, length);
	assert_in_line(l.host, line, length);
	assert_in_line(l.program, line, length);
	assert_in_line(l.conn, line, length);
	found = log_matcher_find(matcher, LOG_ANY, l.message.at, l.message.length, &match);
	if (found) {
		assert_within(match.peer, l.message.at, l.message.length);
		assert_within(match.local, l.message.at, l.message.length);
		assert_within(match.conn, l.message.at, l.message.length);
		assert_within(match.child, l.message.at, l.message.length);
		assert_within(match.exchange, l.message.at, l.message.length);
		assert_within(match.iface, l.message.at, l.message.length);
		assert_within(match.text, l.message.at, l.message.length);
	}
	free(line);
	return found;
}

static void cut_file(const char *path)
{
	FILE *f = fopen(path, "re");
	char line[2048];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		size_t length = strcspn(line, "\r\n");

		lines++;
		for (size_t cut = 0; cut < length; cut++)
			read_line(line, cut);
		known += read_line(line, length);
	}
	fclose(f);
}

static void cut_files(const char *pattern, size_t least)
{
	glob_t files;

	assert_int_equal(glob(pattern, 0, NULL, &files), 0);
	assert_true(files.gl_pathc >= least);
	for (size_t i = 0; i < files.gl_pathc; i++)
		cut_file(files.gl_pathv[i]);
	globfree(&files);
}

static void logs(void **state)
{
	(void)state;
	lines = known = 0;
	cut_files("tests/logs/*.log", 40);
	assert_true(lines > 1000);
	assert_true(known > lines / 2);
}

/* One line of each format, and of what only looks like one. */
static void formats(void **state)
{
	(void)state;
	cut_files("tests/fuzz/corpus/log/formats", 1);
	cut_files("tests/fuzz/corpus/log/json", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(logs),
		cmocka_unit_test(formats),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

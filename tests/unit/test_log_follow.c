// SPDX-License-Identifier: GPL-2.0-or-later
/* test_log_follow.c - logs that grow: rotation, truncation, absence, lines in pieces, the journal, and memory that is bounded */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "diagnose/catalogue.h"
#include "diagnose/log_diagnose.h"
#include "source/log_child.h"
#include "source/log_follow.h"
#include "source/log_reader.h"
#include "source/log_tail.h"

#define SECOND UINT64_C(1000000000)
#define NOW (1772337600 * SECOND) /* 2026-03-01T04:00:00Z */

static char directory[256], path[300], rotated[300], said[4096];

static int setup(void **state)
{
	const char *base = getenv("TMPDIR");

	(void)state;
	snprintf(directory, sizeof(directory), "%s/follow-XXXXXX", base ? base : "/tmp");
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/a.log", directory);
	snprintf(rotated, sizeof(rotated), "%s/a.log.1", directory);
	said[0] = '\0';
	setenv("TZ", "UTC", 1);
	tzset();
	return 0;
}

static int teardown(void **state)
{
	char program[320];

	(void)state;
	snprintf(program, sizeof(program), "%s/journalctl", directory);
	unlink(program);
	snprintf(program, sizeof(program), "%s/arguments", directory);
	unlink(program);
	unlink(path);
	unlink(rotated);
	return rmdir(directory);
}

static void put(const char *file, const char *mode, const char *text)
{
	FILE *f = fopen(file, mode);

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void heard(void *arg, const char *text, size_t length)
{
	size_t used = strlen(said);

	(void)arg;
	snprintf(said + used, sizeof(said) - used, "%.*s|", (int)(length < 100 ? length : 100), text);
}

static void reads(struct log_tail *t, const char *wanted)
{
	said[0] = '\0';
	assert_true(log_tail_read(t, SIZE_MAX, heard, NULL) >= 0);
	assert_string_equal(said, wanted);
}

static void a_file_that_grows(void **state)
{
	struct log_tail t;

	(void)state;
	put(path, "w", "one\ntwo\nthr");
	assert_int_equal(log_tail_open(&t, path, 0), 0);
	reads(&t, "one|two|");
	reads(&t, "");
	put(path, "a", "ee\n\nfour\n");
	reads(&t, "three||four|");
	/* renamed: what comes to the old one until there is a new one is read, too */
	put(path, "a", "five");
	assert_int_equal(rename(path, rotated), 0);
	reads(&t, "");
	put(rotated, "a", " and a half\nsix");
	reads(&t, "five and a half|");
	put(path, "w", "seven\n");
	reads(&t, "six|seven|");
	/* copied and truncated */
	put(path, "w", "8\n");
	reads(&t, "8|");
	/* emptied, and gone */
	put(path, "w", "");
	reads(&t, "");
	assert_int_equal(unlink(path), 0);
	reads(&t, "");
	put(path, "w", "nine\n");
	reads(&t, "nine|");
	log_tail_close(&t);
}

static void only_its_end(void **state)
{
	struct log_tail t;

	(void)state;
	put(path, "w", "one\ntwo\nthree\n");
	assert_int_equal(log_tail_open(&t, path, 8), 0);
	reads(&t, "three|");
	put(path, "a", "four\n");
	reads(&t, "four|");
	log_tail_close(&t);
}

static void what_is_no_file(void **state)
{
	struct log_tail t;

	(void)state;
	assert_int_equal(log_tail_open(&t, path, 0), 0);
	assert_int_equal(log_tail_read(&t, SIZE_MAX, heard, NULL), -ENOENT);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(log_tail_read(&t, SIZE_MAX, heard, NULL), -EINVAL);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(log_tail_read(&t, SIZE_MAX, heard, NULL), -EISDIR);
	assert_int_equal(rmdir(path), 0);
	put(path, "w", "one\n");
	reads(&t, "one|");
	log_tail_close(&t);
}

static void count_line(void *arg, const char *text, size_t length)
{
	size_t *lengths = arg;

	(void)text;
	lengths[0]++;
	lengths[1] = length;
}

/* Any pieces are the same; of a line that is too long, the rest is passed over */
static void lines_in_pieces(void **state)
{
	static const char text[] = "one\n\ntwo three\nfour\n";
	size_t lengths[2] = {0}, size = (size_t)3 * LOG_LINE_MAX;
	struct log_splitter s = {0};
	char *huge = malloc(size);

	(void)state;
	for (size_t piece = 1; piece < sizeof(text); piece++) {
		said[0] = '\0';
		for (size_t at = 0; at < sizeof(text) - 1; at += piece)
			assert_int_equal(log_split(&s, text + at,
						   at + piece < sizeof(text) ? piece : sizeof(text) - 1 - at,
						   heard, NULL),
					 0);
		assert_string_equal(said, "one||two three|four|");
	}
	assert_non_null(huge);
	memset(huge, 'x', size);
	for (size_t piece = 1000; piece < size; piece = piece * 3 + 7) {
		lengths[0] = lengths[1] = 0;
		for (size_t at = 0; at < size; at += piece)
			assert_int_equal(log_split(&s, huge + at, at + piece < size ? piece : size - at,
						   count_line, lengths),
					 0);
		assert_int_equal(lengths[0], 1);
		assert_int_equal(lengths[1], LOG_LINE_MAX);
		assert_int_equal(log_split(&s, "\nshort\n", 7, count_line, lengths), 0);
		assert_int_equal(lengths[0], 2);
		assert_int_equal(lengths[1], 5);
	}
	free(huge);
	free(s.rest);
}

/* ---- the whole */

static void on_trouble(void *arg, const char *line)
{
	(void)arg;
	heard(NULL, line, strlen(line));
}

/* Follows the file (NULL: none) and the unit's journal (NULL: none). */
static struct log_follow *follow(const char *file, const char *unit, uint64_t oldest_ns, size_t most_events)
{
	const struct log_follow_options options = {.files = &file,
						   .file_count = file != NULL,
						   .units = &unit,
						   .unit_count = unit != NULL,
						   .oldest_ns = oldest_ns,
						   .most_events = most_events,
						   .most_bytes = 1 << 20,
						   .tell = on_trouble};
	struct log_follow *f;

	assert_int_equal(log_follow_open(&options, NOW, &f), 0);
	return f;
}

/* "id since until" of all findings */
static void finds(struct log_follow *f, uint64_t now, const char *wanted)
{
	const struct log_diagnose_options limits = {.now_ns = now};
	struct findings findings = {0};
	struct log_timeline view;
	char found[512] = "";

	assert_int_equal(log_follow_view(f, &view), 0);
	assert_int_equal(log_diagnose(&view, &limits, &findings), 0);
	for (size_t i = 0; i < findings.count; i++) {
		const struct finding *one = findings.list[i];
		size_t used = strlen(found);

		snprintf(found + used, sizeof(found) - used, "%s%s %lld%s", i ? ", " : "",
			 catalogue_row(one->id)->id, (long long)(one->since_ns - NOW) / (long long)SECOND,
			 one->until_ns ? " over" : "");
	}
	assert_string_equal(found, wanted);
	findings_free(&findings);
	log_timeline_destroy(&view);
}

#define UP "IKE_SA hq[1] established between 10.1.0.2[a]...10.2.0.2[b]\n"

static void findings_come_and_go(void **state)
{
	struct log_follow_stats stats;
	struct log_follow *f;

	(void)state;
	/* What is too old is left out; what has only a time of day, or none, is of now */
	put(path, "w",
	    "2026-03-01T01:00:00Z gw charon: 08[IKE] <hq|1> giving up after 5 retransmits\n"
	    "2026-03-01T03:59:00Z gw charon: 08[IKE] <hq|1> " UP);
	f = follow(path, NULL, NOW - 7200 * SECOND, 100);
	assert_true(log_follow_read(f, NOW));
	assert_false(log_follow_read(f, NOW));
	finds(f, NOW, "");
	put(path, "a", "04:00:05 08[IKE] <hq|1> giving up after 5 retransmits\n");
	assert_true(log_follow_read(f, NOW + 6 * SECOND));
	finds(f, NOW + 6 * SECOND, "dpd-timeout 5");
	/* silence has a meaning, too */
	finds(f, NOW + 90 * SECOND, "dpd-timeout 5, tunnel-not-restarted 5");
	assert_int_equal(rename(path, rotated), 0);
	put(path, "w",
	    "08[IKE] <hq|2> IKE_SA hq[2] established between 10.1.0.2[a]...10.2.0.2[b]\n"
	    "Mar  1 04:02:01 gw cron[7]: x\n");
	assert_true(log_follow_read(f, NOW + 120 * SECOND));
	finds(f, NOW + 121 * SECOND, "dpd-timeout 5 over");
	assert_string_equal(said, "");
	/* away: told after a while, once */
	assert_int_equal(unlink(path), 0);
	assert_false(log_follow_read(f, NOW + 122 * SECOND));
	log_follow_stats(f, &stats);
	assert_int_equal(stats.recognised, 3);
	assert_int_equal(stats.lines, 4);
	log_follow_close(f);
}

static void absence_is_told_once(void **state)
{
	struct log_follow_stats stats;
	struct log_follow *f;

	(void)state;
	f = follow(path, NULL, 0, 100);
	for (uint64_t s = 0; s < 10; s++)
		log_follow_read(f, NOW + s * SECOND);
	assert_string_equal(said, "");
	for (uint64_t s = 10; s < 30; s++)
		log_follow_read(f, NOW + s * SECOND);
	assert_non_null(strstr(said, "a.log: No such file or directory: its lines are missing"));
	assert_null(strchr(strchr(said, '|') + 1, '|'));
	log_follow_stats(f, &stats);
	assert_int_equal(stats.missing, 1);
	said[0] = '\0';
	put(path, "w", "08[IKE] <hq|1> " UP);
	assert_true(log_follow_read(f, NOW + 40 * SECOND));
	assert_non_null(strstr(said, "a.log: is read again|"));
	log_follow_close(f);
}

/* Thousands of falls: only the latest are kept, and what they mean is still right */
static void memory_is_bounded(void **state)
{
	struct log_follow_stats stats;
	struct log_timeline view;
	struct log_follow *f;
	size_t count;
	FILE *file;

	(void)state;
	put(path, "w", "");
	f = follow(path, NULL, 0, 200);
	for (int i = 0; i < 100; i++) {
		file = fopen(path, "a");
		for (int k = 0; k < 50; k++)
			fprintf(file,
				"2026-03-01T04:%02d:%02dZ gw charon: 08[IKE] IKE_SA peer%d[%d] established "
				"between "
				"10.1.0.2[a]...10.2.0.2[b]\n",
				i / 2, k, i * 50 + k, i * 50 + k + 1);
		assert_int_equal(fclose(file), 0);
		log_follow_read(f, NOW + 3600 * SECOND);
	}
	log_follow_read(f, NOW + 3600 * SECOND);
	assert_int_equal(log_follow_view(f, &view), 0);
	assert_true(view.count <= 200 && view.count >= 100);
	assert_string_equal(log_text(&view, view.events[view.count - 1].conn), "peer4999");
	assert_non_null(strstr(log_event_line(&view, &view.events[0]), "established"));
	count = view.count;
	log_timeline_destroy(&view);
	log_follow_stats(f, &stats);
	assert_int_equal(stats.recognised, 5000);
	assert_int_equal(stats.forgotten + count, 5000);
	put(path, "a",
	    "2026-03-01T04:59:00Z gw charon: 08[IKE] <peer4999|5000> giving up after 5 retransmits\n");
	assert_true(log_follow_read(f, NOW + 3600 * SECOND));
	finds(f, NOW + 3600 * SECOND, "dpd-timeout 3540");
	log_follow_close(f);
}

/* ---- the journal: a journalctl of our own */

static void make_journalctl(const char *script)
{
	char program[320], text[1024], search[600];

	snprintf(program, sizeof(program), "%s/journalctl", directory);
	snprintf(text, sizeof(text), "#!/bin/sh\nprintf '%%s\\n' \"$*\" >>%s/arguments\n%s", directory,
		 script);
	put(program, "w", text);
	assert_int_equal(chmod(program, 0700), 0);
	snprintf(search, sizeof(search), "%s:/usr/bin:/bin", directory);
	setenv("PATH", search, 1);
}

static void read_until(struct log_follow *f, uint64_t *now, uint64_t recognised)
{
	struct log_follow_stats stats;

	for (int i = 0; i < 6000; i++) {
		log_follow_read(f, *now);
		log_follow_stats(f, &stats);
		if (stats.recognised >= recognised)
			return;
		log_follow_wait(f, -1, 10);
		*now += SECOND;
	}
	fail_msg("only %llu lines", (unsigned long long)stats.recognised);
}

static void the_journal(void **state)
{
	char arguments[320], text[2048] = "";
	uint64_t now = NOW + SECOND;
	struct log_follow *f;
	FILE *file;

	(void)state;
	/* It ends after each line: another one goes on behind it */
	make_journalctl("echo '{\"__CURSOR\":\"s=1;i='$$'\",\"__REALTIME_TIMESTAMP\":\"1772337601000000\","
			"\"SYSLOG_IDENTIFIER\":\"charon\",\"MESSAGE\":\"05[IKE] <hq|1> giving up after 5 "
			"retransmits\"}'\n");
	f = follow(NULL, "strongswan", 0, 100);
	read_until(f, &now, 2);
	finds(f, NOW + 2 * SECOND, "dpd-timeout 1");
	log_follow_close(f);
	snprintf(arguments, sizeof(arguments), "%s/arguments", directory);
	file = fopen(arguments, "r");
	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	assert_non_null(strstr(text, "--unit=strongswan"));
	assert_non_null(strstr(text, "--follow"));
	assert_null(strstr(text, "cursor"));
	assert_non_null(fgets(text, sizeof(text), file));
	assert_non_null(strstr(text, "--after-cursor=s=1;i="));
	fclose(file);
	assert_non_null(strstr(said, "systemd journal of strongswan: journalctl ended"));
}

static void a_journal_that_fails(void **state)
{
	struct log_follow *f;

	(void)state;
	make_journalctl("echo 'not for you' >&2\nexit 3\n");
	f = follow(NULL, "", 0, 100);
	for (int i = 0; i < 6000 && !*said; i++) {
		log_follow_read(f, NOW + SECOND);
		log_follow_wait(f, -1, 10);
	}
	assert_string_equal(said, "systemd journal: not for you: tried again every 10 s|");
	log_follow_close(f);
	said[0] = '\0';
	setenv("PATH", directory, 1);
	snprintf(rotated, sizeof(rotated), "%s/journalctl", directory);
	assert_int_equal(unlink(rotated), 0);
	f = follow(NULL, "", 0, 100);
	log_follow_read(f, NOW + SECOND);
	log_follow_read(f, NOW + 20 * SECOND);
	assert_string_equal(said, "systemd journal: there is no journalctl here: tried again every 10 s|");
	log_follow_close(f);
	setenv("PATH", "/usr/bin:/bin", 1);
}

/* A child that neither speaks nor ends does not hold anyone up */
static void a_journal_that_is_silent(void **state)
{
	struct log_follow *f;

	(void)state;
	make_journalctl("exec sleep 1000\n");
	f = follow(NULL, "x", 0, 100);
	assert_false(log_follow_read(f, NOW + SECOND));
	log_follow_wait(f, -1, 1);
	assert_false(log_follow_read(f, NOW + 100 * SECOND));
	assert_string_equal(said, "");
	log_follow_close(f);
	setenv("PATH", "/usr/bin:/bin", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_file_that_grows, setup, teardown),
		cmocka_unit_test_setup_teardown(only_its_end, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_no_file, setup, teardown),
		cmocka_unit_test_setup_teardown(lines_in_pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(findings_come_and_go, setup, teardown),
		cmocka_unit_test_setup_teardown(absence_is_told_once, setup, teardown),
		cmocka_unit_test_setup_teardown(memory_is_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(the_journal, setup, teardown),
		cmocka_unit_test_setup_teardown(a_journal_that_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(a_journal_that_is_silent, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

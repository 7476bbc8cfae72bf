// SPDX-License-Identifier: GPL-2.0-or-later
/* test_hooks.c - the command that findings run: what it gets, and that nothing it does holds anyone up */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "export/hooks.h"

#define WALL (UINT64_C(1781735477) * 1000000000)

static struct findings list;
static struct finding *finding;
static char path[256], lines[4096];

static int setup(void **unused)
{
	const char *directory = getenv("TMPDIR");

	(void)unused;
	snprintf(path, sizeof(path), "%s/hook-%d", directory ? directory : "/tmp", getpid());
	unlink(path);
	lines[0] = '\0';
	finding = findings_add(&list, FINDING_PATH_LOSS);
	finding_tunnel(finding, "$(touch evil) \"t\"");
	finding_peer(finding, "192.0.2.1");
	finding_evidence_number(finding, ORIGIN_WIRE, WALL, "lost", 5);
	return findings_finish(&list);
}

static int teardown(void **unused)
{
	(void)unused;
	findings_free(&list);
	unlink(path);
	return 0;
}

static void heard(void *arg, const char *line)
{
	(void)arg;
	snprintf(lines + strlen(lines), sizeof(lines) - strlen(lines), "%s\n", line);
}

static struct hooks *open_with(const char *format, int timeout_ms)
{
	char command[600];
	const struct hooks_options options = {.command = command, .timeout_ms = timeout_ms, .tell = heard};
	struct hooks *h;

	snprintf(command, sizeof(command), format, path);
	assert_int_equal(hooks_open(&options, &h), 0);
	return h;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Until nothing runs or waits. */
static struct hooks_stats settle(struct hooks *h)
{
	struct hooks_stats s;
	int64_t end = now_ms() + 60000;

	do {
		usleep(1000);
		hooks_tick(h, now_ms());
		hooks_stats(h, &s);
	} while ((s.running || s.waiting) && now_ms() < end);
	assert_int_equal(s.running + s.waiting, 0);
	return s;
}

static void gets_json_and_variables(void **unused)
{
	struct hooks *h =
		open_with("{ cat; echo \"$ESPIAL_EVENT $ESPIAL_FINDING $ESPIAL_SEVERITY $ESPIAL_PEER "
			  "$ESPIAL_TUNNEL\"; } >'%s'",
			  0);
	char text[8192] = "", *end;
	struct hooks_stats s;
	json_t *document;
	FILE *file;

	(void)unused;
	hooks_finding(h, finding, true, WALL, now_ms());
	s = settle(h);
	assert_int_equal(s.run, 1);
	assert_int_equal(s.failed, 0);
	hooks_close(h);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	fclose(file);
	end = strchr(text, '\n');
	assert_non_null(end);
	*end = '\0';
	document = json_loads(text, 0, NULL);
	assert_non_null(document);
	assert_string_equal(json_string_value(json_object_get(document, "event")), "raised");
	assert_string_equal(json_string_value(json_object_get(
				    json_array_get(json_object_get(document, "findings"), 0), "id")),
			    "path-loss");
	json_decref(document);
	assert_string_equal(end + 1, "raised path-loss warning 192.0.2.1 $(touch evil) \"t\"\n");
	assert_string_equal(lines, "");
}

static void failures_are_told(void **unused)
{
	struct hooks *h = open_with("exit 3 # %s", 0);
	struct hooks_stats s;

	(void)unused;
	hooks_finding(h, finding, false, WALL, now_ms());
	s = settle(h);
	assert_int_equal(s.failed, 1);
	assert_non_null(strstr(lines, "ended with status 3"));
	hooks_close(h);
	h = open_with("/no/such/command %s", 0);
	hooks_finding(h, finding, false, WALL, now_ms());
	settle(h);
	assert_non_null(strstr(lines, "no such command"));
	hooks_close(h);
}

/* It hangs, with a child that ignores signals: both go. */
static void hangs(void **unused)
{
	struct hooks *h = open_with("trap '' TERM; sleep 1000 & wait; : %s", 50);
	struct hooks_stats s;
	int64_t begun = now_ms();

	(void)unused;
	hooks_finding(h, finding, true, WALL, begun);
	s = settle(h);
	assert_int_equal(s.timed_out, 1);
	assert_non_null(strstr(lines, "killed after"));
	hooks_close(h);
}

/* More than may run at once wait; more than may wait are left out. No time passes. */
static void a_storm(void **unused)
{
	struct hooks *h = open_with("sleep 1000; : %s", 0);
	struct hooks_stats s;
	int64_t now = now_ms();

	(void)unused;
	for (unsigned int i = 0; i < 100; i++)
		hooks_finding(h, finding, i % 2, WALL, now);
	hooks_stats(h, &s);
	assert_int_equal(s.running, HOOKS_CHILDREN);
	assert_int_equal(s.waiting, HOOKS_BURST - HOOKS_CHILDREN);
	assert_int_equal(s.left_out, 100 - HOOKS_BURST);
	for (unsigned int i = 0; i < 200; i++) /* one a second, for minutes */
		hooks_finding(h, finding, i % 2, WALL, now + 1000 * (i + 1));
	hooks_stats(h, &s);
	assert_int_equal(s.waiting, HOOKS_WAITING);
	assert_int_equal(s.running + s.waiting + s.left_out, 300);
	hooks_close(h); /* nothing is left behind, and it takes no time */
}

/* A clock of ticks: after a minute of quiet there is a whole burst again, and no more. */
static void the_rate(void **unused)
{
	struct hooks *h = open_with(": %s", 0);
	struct hooks_stats s;

	(void)unused;
	for (unsigned int i = 0; i < 30; i++)
		hooks_finding(h, finding, true, WALL, 5000);
	hooks_stats(h, &s);
	assert_int_equal(s.left_out, 30 - HOOKS_BURST);
	settle(h);
	for (unsigned int i = 0; i < 30; i++)
		hooks_finding(h, finding, true, WALL, 5000 + 3600000);
	hooks_stats(h, &s);
	assert_int_equal(s.left_out, 2 * (30 - HOOKS_BURST));
	settle(h);
	assert_non_null(strstr(lines, "left out"));
	hooks_close(h);
	hooks_close(NULL);
	hooks_tick(NULL, 0);
	hooks_finding(NULL, finding, true, WALL, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(gets_json_and_variables), TEST(failures_are_told),
					   TEST(hangs), TEST(a_storm), TEST(the_rate)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

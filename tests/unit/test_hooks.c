// SPDX-License-Identifier: GPL-2.0-or-later
/* test_hooks.c - the command that findings run: what it gets, and that nothing it does holds anyone up */
#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
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
	/* curl heeds them, and the receivers here are on loopback */
	unsetenv("http_proxy");
	unsetenv("all_proxy");
	unsetenv("ALL_PROXY");
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

/* ---- an address: a receiver of our own, one connection after the other, until it is killed */

enum receiver { ANSWERS, REFUSES, HANGS };

struct server {
	pid_t pid;
	unsigned int port;
};

static void serve(int listener, enum receiver what)
{
	char request[16384];

	for (;;) {
		int fd = accept(listener, NULL, NULL);
		size_t used = 0;
		ssize_t n = 1;

		/* The body ends in the only newline behind the headers */
		while (fd >= 0 && n > 0 && used < sizeof(request) - 1) {
			const char *body;

			n = read(fd, request + used, sizeof(request) - 1 - used);
			used += n > 0 ? (size_t)n : 0;
			request[used] = '\0';
			body = strstr(request, "\r\n\r\n");
			if (body && strchr(body + 4, '\n'))
				break;
		}
		if (what == HANGS)
			pause();
		if (what == ANSWERS) {
			FILE *file = fopen(path, "w");

			if (file) {
				fputs(request, file);
				fclose(file);
			}
		}
		dprintf(fd, "HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
			what == ANSWERS ? "204 No Content" : "403 Forbidden");
		close(fd);
	}
}

static struct server start_server(enum receiver what, unsigned int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	socklen_t size = sizeof(address);
	struct server s = {0};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	assert_int_equal(listen(fd, 16), 0);
	s.port = ntohs(address.sin_port);
	s.pid = fork();
	assert_true(s.pid >= 0);
	if (s.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(fd, what);
		_exit(0);
	}
	close(fd);
	return s;
}

static void stop_server(const struct server *s)
{
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
}

static struct hooks *open_url(unsigned int port, int timeout_ms)
{
	char url[100];
	const struct hooks_options options = {.url = url, .timeout_ms = timeout_ms, .tell = heard};
	struct hooks *h;

	snprintf(url, sizeof(url), "http://127.0.0.1:%u/espial?token=secret", port);
	assert_int_equal(hooks_open(&options, &h), 0);
	assert_string_equal(lines, "");
	return h;
}

static void posts_json(void **unused)
{
	struct server server = start_server(ANSWERS, 0);
	struct hooks *h = open_url(server.port, 0);
	char text[8192] = "", *body;
	struct hooks_stats s;
	json_t *document;
	FILE *file;

	(void)unused;
	hooks_finding(h, finding, false, WALL, now_ms());
	s = settle(h);
	assert_int_equal(s.run, 1);
	assert_int_equal(s.failed + s.timed_out, 0);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	fclose(file);
	assert_memory_equal(text, "POST /espial?token=secret HTTP/1.1\r\n", 36);
	assert_non_null(strcasestr(text, "\r\nContent-Type: application/json\r\n"));
	body = strstr(text, "\r\n\r\n");
	assert_non_null(body);
	document = json_loads(body, 0, NULL);
	assert_non_null(document);
	assert_string_equal(json_string_value(json_object_get(document, "event")), "cleared");
	json_decref(document);
	assert_string_equal(lines, "");
	hooks_close(h);
	stop_server(&server);
}

/* Told once while it lasts, and when it is over */
static void refused_posts(void **unused)
{
	struct server server = start_server(REFUSES, 0);
	struct hooks *h = open_url(server.port, 0);
	struct hooks_stats s;

	(void)unused;
	for (int i = 0; i < 3; i++) {
		hooks_finding(h, finding, true, WALL, now_ms());
		s = settle(h);
	}
	assert_int_equal(s.failed, 3);
	assert_string_equal(lines,
			    "hook-url: the receiver refused it with an HTTP error (status 22 of curl): told "
			    "once until it works again\n");
	stop_server(&server);
	lines[0] = '\0';
	server = start_server(ANSWERS, server.port);
	hooks_finding(h, finding, true, WALL, now_ms());
	settle(h);
	assert_string_equal(lines, "hook-url: works again\n");
	hooks_close(h);
	/* nobody listens any more */
	lines[0] = '\0';
	stop_server(&server);
	h = open_url(server.port, 0);
	hooks_finding(h, finding, true, WALL, now_ms());
	s = settle(h);
	assert_int_equal(s.failed, 1);
	assert_non_null(strstr(lines, "nobody listens there"));
	hooks_close(h);
}

static void a_receiver_that_hangs(void **unused)
{
	struct server server = start_server(HANGS, 0);
	struct hooks *h = open_url(server.port, 200);
	struct hooks_stats s;
	int64_t begun = now_ms();

	(void)unused;
	for (int i = 0; i < 10; i++)
		hooks_finding(h, finding, true, WALL, begun);
	hooks_stats(h, &s);
	assert_int_equal(s.running, HOOKS_CHILDREN);
	assert_int_equal(s.waiting, 10 - HOOKS_CHILDREN);
	s = settle(h);
	assert_int_equal(s.timed_out, 10);
	assert_int_equal(s.failed, 0);
	hooks_close(h);
	stop_server(&server);
}

static void no_curl(void **unused)
{
	const struct hooks_options options = {.url = "http://127.0.0.1:1/", .tell = heard};
	const char *search = getenv("PATH");
	char before[4096];
	struct hooks_stats s;
	struct hooks *h;

	(void)unused;
	snprintf(before, sizeof(before), "%s", search ? search : "/usr/bin:/bin");
	setenv("PATH", "/nonexistent", 1);
	assert_int_equal(hooks_open(&options, &h), 0);
	assert_non_null(strstr(lines, "hook-url: there is no curl here"));
	hooks_finding(h, finding, true, WALL, now_ms());
	s = settle(h);
	assert_int_equal(s.failed, 1);
	hooks_close(h);
	setenv("PATH", before, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(gets_json_and_variables),
		TEST(failures_are_told),
		TEST(hangs),
		TEST(a_storm),
		TEST(the_rate),
		TEST(posts_json),
		TEST(refused_posts),
		TEST(a_receiver_that_hangs),
		TEST(no_curl),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

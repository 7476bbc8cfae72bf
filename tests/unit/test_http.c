// SPDX-License-Identifier: GPL-2.0-or-later
/* test_http.c - the agent's answers, and those who take their time: asking, taking the answer, following the events */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>

#include <cmocka.h>
#include <jansson.h>

#include "agent/http_guests.h"
#include "export/export.h"

#include "http_pair.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"
#define GET_AND_CLOSE(path) "GET " path " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

enum { CONNECTIONS = 64, FOLLOWERS = 32 }; /* of http.c */

/* What the sources give; NULL: they cannot. */
static size_t state_size;
static bool has_diagnosis;

static char *give_state(void *arg, size_t *ret_length)
{
	char *text = malloc(state_size);

	(void)arg;
	assert_non_null(text);
	memset(text, 's', state_size);
	*ret_length = state_size;
	return text;
}

static char *give_diagnosis(void *arg, size_t *ret_length)
{
	(void)arg;
	*ret_length = 2;
	return has_diagnosis ? strdup("{}") : NULL;
}

static struct metrics_page *give_metrics(void *arg, bool openmetrics, bool sas)
{
	static const struct state nothing;

	(void)arg;
	return has_diagnosis ? export_metrics_page(&nothing, openmetrics, sas) : NULL;
}

static struct http_server server;
static struct http_client client;

static int start(void **state)
{
	(void)state;
	state_size = 5;
	has_diagnosis = true;
	http_server_start(&server, (struct http_source){.state = give_state,
							.diagnosis = give_diagnosis,
							.metrics = give_metrics});
	return 0;
}

static int stop(void **state)
{
	(void)state;
	http_server_stop(&server);
	return 0;
}

/* Sends it, takes what comes, and leaves. */
static const char *ask(const char *request)
{
	http_client_connect(&client, &server);
	http_client_send(&server, &client, request, strlen(request));
	http_client_finish(&server, &client);
	close(client.fd);
	return client.reply;
}

static void begins(const char *reply, const char *with)
{
	if (strncmp(reply, with, strlen(with)) != 0)
		fail_msg("'%.60s' does not begin with '%s'", reply, with);
}

static void ends(const char *reply, const char *with)
{
	size_t length = strlen(reply), wanted = strlen(with);

	if (length < wanted || strcmp(reply + length - wanted, with) != 0)
		fail_msg("'%s' does not end in '%s'", reply, with);
}

static void answers(void **state)
{
	static const struct {
		const char *request, *status, *end;
	} cases[] = {
		{GET("/api/v1/state"), "HTTP/1.1 200 ", "\r\n\r\nsssss"},
		{GET("/api/v1/state?x=1"), "HTTP/1.1 200 ", "\r\n\r\nsssss"},
		{GET("/api/v1/diagnosis"), "HTTP/1.1 200 ", "\r\n\r\n{}"},
		{GET("/api/v1/events"), "HTTP/1.1 200 ", "\r\n\r\n[]"},
		{GET("/api/v1/events?follow=0"), "HTTP/1.1 200 ", "\r\n\r\n[]"},
		{GET("/healthz"), "HTTP/1.1 200 ", "{\"status\":\"ok\"}\n"},
		{"HEAD /api/v1/state HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 ", "\r\n\r\n"},
		{GET("/"), "HTTP/1.1 404 ", "]}"},
		{GET("/metrics/../../etc/passwd"), "HTTP/1.1 404 ", "]}"},
		{GET("//metrics"), "HTTP/1.1 404 ", "]}"},
		{"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 405 ",
		 "\"only GET and HEAD\"}"},
		{"DELETE /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 405 ", "\"only GET and HEAD\"}"},
		{"get /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 405 ", "\"only GET and HEAD\"}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begins(ask(cases[i].request), cases[i].status);
		ends(client.reply, cases[i].end);
		assert_non_null(strstr(client.reply, "\r\nX-Content-Type-Options: nosniff\r\n"));
		assert_non_null(strstr(client.reply, "\r\nCache-Control: no-store\r\n"));
	}
	assert_non_null(strstr(ask("PUT / HTTP/1.0\r\n\r\n"), "\r\nAllow: GET, HEAD\r\n"));
	assert_non_null(strstr(ask(GET("/nothing")), "\"/api/v1/diagnosis\""));
}

static void metrics(void **state)
{
	(void)state;
	assert_non_null(
		strstr(ask(GET_AND_CLOSE("/metrics")), "\r\nContent-Type: " EXPORT_METRICS_TEXT "\r\n"));
	assert_non_null(strstr(client.reply, "# TYPE espial_"));
	assert_non_null(strstr(ask(GET_AND_CLOSE("/metrics?sas=0")), "# TYPE espial_"));
	assert_non_null(strstr(ask("GET /metrics?sas=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
				   "Accept: application/openmetrics-text\r\n\r\n"),
			       "\r\nContent-Type: " EXPORT_METRICS_OPENMETRICS "\r\n"));
	assert_non_null(strstr(client.reply, "# EOF\n"));
}

static void sources_that_cannot(void **state)
{
	(void)state;
	has_diagnosis = false;
	begins(ask(GET("/api/v1/diagnosis")), "HTTP/1.1 500 ");
	begins(ask(GET("/metrics")), "HTTP/1.1 500 ");
	begins(ask(GET("/healthz")), "HTTP/1.1 200 ");
}

/* ---- those who take their time */

/* A byte a second, forever: libmicrohttpd alone would hold the connection as long. */
static void slow_request(void **state)
{
	static const char endless[] =
		"GET /metrics HTTP/1.1\r\nHost: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	unsigned int seconds = 0;

	(void)state;
	http_client_connect(&client, &server);
	while (!client.closed && seconds < sizeof(endless) - 1) {
		http_client_send(&server, &client, endless + seconds, 1);
		server.now_ms += 1000;
		seconds++;
		http_client_finish(&server, &client);
	}
	assert_true(client.closed);
	assert_int_equal(seconds, HTTP_REQUEST_MS / 1000 + 1);
	close(client.fd);
}

/* The time begins anew with each request of a connection. */
static void many_requests(void **state)
{
	(void)state;
	http_client_connect(&client, &server);
	for (int i = 0; i < 10; i++) {
		client.used = 0;
		http_client_send(&server, &client, GET("/healthz"), strlen(GET("/healthz")));
		http_client_finish(&server, &client);
		begins(client.reply, "HTTP/1.1 200 ");
		server.now_ms += HTTP_REQUEST_MS - 1000;
		http_client_finish(&server, &client);
		assert_false(client.closed);
	}
	server.now_ms += 1001;
	http_client_finish(&server, &client);
	assert_true(client.closed);
	close(client.fd);
}

/* An answer larger than all buffers, of which nothing is taken. */
static void slow_reader(void **state)
{
	char end[200];
	int round;

	(void)state;
	state_size = 16 << 20;
	http_client_connect(&client, &server);
	HTTP_MUST(send(client.fd, GET("/api/v1/state"), strlen(GET("/api/v1/state")), MSG_NOSIGNAL) > 0);
	for (round = 0; round < 10; round++)
		http_run(server.http, server.now_ms);
	server.now_ms += HTTP_ANSWER_MS;
	for (round = 0; round < 10; round++)
		http_run(server.http, server.now_ms);
	assert_int_equal(recv(client.fd, end, sizeof(end), MSG_PEEK), sizeof(end)); /* it is still there */
	server.now_ms += 1;
	http_client_finish(&server, &client);
	assert_true(client.closed);
	close(client.fd);
	/* Who takes it, gets it all: what is kept of it here is full. */
	ask(GET("/api/v1/state"));
	begins(client.reply, "HTTP/1.1 200 ");
	assert_int_equal(client.used, HTTP_REPLY);
}

/* More than there are connections, all of them silent: in the end others are answered. */
static void crowd(void **state)
{
	static struct http_client other;
	int silent[CONNECTIONS + 5];

	(void)state;
	for (int i = 0; i < CONNECTIONS + 5; i++) {
		http_client_connect(&client, &server);
		silent[i] = client.fd;
		http_run(server.http, server.now_ms);
	}
	http_client_connect(&other, &server);
	http_client_send(&server, &other, GET("/healthz"), strlen(GET("/healthz")));
	http_client_finish(&server, &other);
	assert_int_equal(other.used, 0);
	for (int i = 0; i < 3 && !other.used; i++) {
		server.now_ms += HTTP_REQUEST_MS + 1;
		for (int round = 0; round < CONNECTIONS; round++)
			http_run(server.http, server.now_ms);
		http_client_finish(&server, &other);
	}
	begins(other.reply, "HTTP/1.1 200 ");
	close(other.fd);
	for (int i = 0; i < CONNECTIONS + 5; i++)
		close(silent[i]);
}

/* ---- followers */

static void follow(struct http_client *c)
{
	http_client_connect(c, &server);
	http_client_send(&server, c, GET("/api/v1/events?follow=1"), strlen(GET("/api/v1/events?follow=1")));
	http_client_finish(&server, c);
}

static void follower(void **state)
{
	(void)state;
	http_server_event(&server);
	follow(&client);
	begins(client.reply, "HTTP/1.1 200 ");
	assert_non_null(strstr(client.reply, "application/x-ndjson"));
	assert_non_null(strstr(client.reply, ".000000001Z"));
	assert_null(strstr(client.reply, ".000000002Z"));
	/* An hour later it is still there, and told of what comes. */
	server.now_ms += 3600000;
	http_client_finish(&server, &client);
	assert_false(client.closed);
	http_server_event(&server);
	http_client_finish(&server, &client);
	assert_non_null(strstr(client.reply, ".000000002Z"));
	/* It is found out when it has gone; one that has not is sent an empty line. */
	client.used = 0;
	http_wake(server.http, true);
	http_client_finish(&server, &client);
	assert_string_equal(client.reply, "1\r\n\n\r\n");
	close(client.fd);
}

/* More than is kept came while it was not served: it is told how many. */
static void follower_that_missed(void **state)
{
	(void)state;
	follow(&client);
	for (int i = 0; i < EVENTS_KEPT + 7; i++)
		http_server_event(&server);
	http_client_finish(&server, &client);
	assert_non_null(strstr(client.reply, "{\"kind\":\"missed\",\"missed\":7}"));
	close(client.fd);
}

/* They take at most half of the connections. */
static void too_many_followers(void **state)
{
	static struct http_client followers[FOLLOWERS];

	(void)state;
	for (int i = 0; i < FOLLOWERS; i++) {
		follow(&followers[i]);
		begins(followers[i].reply, "HTTP/1.1 200 ");
	}
	begins(ask(GET("/api/v1/events?follow=1")), "HTTP/1.1 503 ");
	begins(ask(GET("/healthz")), "HTTP/1.1 200 ");
	close(followers[5].fd);
	http_wake(server.http, true);
	for (int round = 0; round < 100; round++)
		http_run(server.http, server.now_ms);
	follow(&followers[5]);
	begins(followers[5].reply, "HTTP/1.1 200 ");
	/* stop() ends them all, those that wait and one that has gone. */
	close(followers[7].fd);
	http_server_stop(&server);
	for (int i = 0; i < FOLLOWERS; i++) {
		if (i == 7)
			continue;
		http_client_receive(&followers[i]);
		assert_true(followers[i].closed);
		close(followers[i].fd);
	}
	start(state);
}

static void its_loop(void **state)
{
	(void)state;
	assert_true(http_fd(server.http) >= 0);
	assert_int_equal(http_timeout(server.http), -1);
	http_client_connect(&client, &server);
	http_run(server.http, server.now_ms);
	assert_in_range(http_timeout(server.http), 0, 10000);
	close(client.fd);
	http_close(NULL);
}

static void *no_memory(size_t size)
{
	(void)size;
	return NULL;
}

/* Without memory for JSON a connection is closed without an answer, and a follower waits until there is some. */
static void no_memory_for_json(void **state)
{
	(void)state;
	follow(&client);
	begins(client.reply, "HTTP/1.1 200 ");
	http_wake(server.http, false); /* there is nothing new: it is not woken */
	json_set_alloc_funcs(no_memory, free);
	http_server_event(&server);
	client.used = 0;
	http_client_finish(&server, &client);
	assert_int_equal(client.used, 0);
	assert_false(client.closed);
	close(client.fd);
	assert_string_equal(ask(GET("/nothing")), "");
	assert_true(client.closed);
	json_set_alloc_funcs(malloc, free);
	begins(ask(GET("/nothing")), "HTTP/1.1 404 ");
}

/* A descriptor that nobody can connect to. It is closed in any case. */
static void no_socket(void **state)
{
	const struct http_source source = {.events = &server.events};
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC), after;
	struct http *http = NULL;

	(void)state;
	assert_int_equal(http_open(fd, &source, &http), -EIO);
	assert_null(http);
	after = open("/dev/null", O_RDWR | O_CLOEXEC);
	assert_int_equal(after, fd);
	close(after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(answers, start, stop),
		cmocka_unit_test_setup_teardown(metrics, start, stop),
		cmocka_unit_test_setup_teardown(sources_that_cannot, start, stop),
		cmocka_unit_test_setup_teardown(slow_request, start, stop),
		cmocka_unit_test_setup_teardown(many_requests, start, stop),
		cmocka_unit_test_setup_teardown(slow_reader, start, stop),
		cmocka_unit_test_setup_teardown(crowd, start, stop),
		cmocka_unit_test_setup_teardown(follower, start, stop),
		cmocka_unit_test_setup_teardown(follower_that_missed, start, stop),
		cmocka_unit_test_setup_teardown(too_many_followers, start, stop),
		cmocka_unit_test_setup_teardown(its_loop, start, stop),
		cmocka_unit_test_setup_teardown(no_memory_for_json, start, stop),
		cmocka_unit_test(no_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

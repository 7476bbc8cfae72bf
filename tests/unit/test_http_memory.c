// SPDX-License-Identifier: GPL-2.0-or-later
/* test_http_memory.c - the agent's answers when libmicrohttpd has no memory for them */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <microhttpd.h>
#include <stdio.h>

#include <cmocka.h>

#include "export/export.h"

#include "http_pair.h"

/* What fails. The linker puts __wrap_X in the place of X, and X in the place of __real_X (tests.mk). */
static bool no_response, no_info;

struct MHD_Response *__real_MHD_create_response_from_buffer(size_t size, void *buffer,
							    enum MHD_ResponseMemoryMode mode);
struct MHD_Response *__wrap_MHD_create_response_from_buffer(size_t size, void *buffer,
							    enum MHD_ResponseMemoryMode mode);
struct MHD_Response *__real_MHD_create_response_from_callback(uint64_t size, size_t block,
							      MHD_ContentReaderCallback read, void *arg,
							      MHD_ContentReaderFreeCallback done);
struct MHD_Response *__wrap_MHD_create_response_from_callback(uint64_t size, size_t block,
							      MHD_ContentReaderCallback read, void *arg,
							      MHD_ContentReaderFreeCallback done);
const union MHD_ConnectionInfo *__real_MHD_get_connection_info(struct MHD_Connection *connection,
							       enum MHD_ConnectionInfoType type, ...);
const union MHD_ConnectionInfo *__wrap_MHD_get_connection_info(struct MHD_Connection *connection,
							       enum MHD_ConnectionInfoType type, ...);
const union MHD_DaemonInfo *__real_MHD_get_daemon_info(struct MHD_Daemon *daemon,
						       enum MHD_DaemonInfoType type, ...);
const union MHD_DaemonInfo *__wrap_MHD_get_daemon_info(struct MHD_Daemon *daemon,
						       enum MHD_DaemonInfoType type, ...);

struct MHD_Response *__wrap_MHD_create_response_from_buffer(size_t size, void *buffer,
							    enum MHD_ResponseMemoryMode mode)
{
	return no_response ? NULL : __real_MHD_create_response_from_buffer(size, buffer, mode);
}

struct MHD_Response *__wrap_MHD_create_response_from_callback(uint64_t size, size_t block,
							      MHD_ContentReaderCallback read, void *arg,
							      MHD_ContentReaderFreeCallback done)
{
	return no_response ? NULL : __real_MHD_create_response_from_callback(size, block, read, arg, done);
}

const union MHD_ConnectionInfo *__wrap_MHD_get_connection_info(struct MHD_Connection *connection,
							       enum MHD_ConnectionInfoType type, ...)
{
	return no_info ? NULL : __real_MHD_get_connection_info(connection, type);
}

const union MHD_DaemonInfo *__wrap_MHD_get_daemon_info(struct MHD_Daemon *daemon,
						       enum MHD_DaemonInfoType type, ...)
{
	return no_info ? NULL : __real_MHD_get_daemon_info(daemon, type);
}

static struct metrics_page *give_metrics(void *arg, bool openmetrics, bool sas)
{
	static const struct state nothing;

	(void)arg;
	return export_metrics_page(&nothing, openmetrics, sas);
}

static struct http_server server;
static struct http_client client;

static int start(void **state)
{
	(void)state;
	no_response = no_info = false;
	http_server_start(&server, (struct http_source){.metrics = give_metrics});
	return 0;
}

static int stop(void **state)
{
	(void)state;
	no_response = no_info = false;
	http_server_stop(&server);
	return 0;
}

/* The answer to it, which ends with the connection; "" for none. */
static const char *ask(const char *path)
{
	char request[128];
	int n = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
			 path);

	http_client_connect(&client, &server);
	http_client_send(&server, &client, request, (size_t)n);
	http_client_finish(&server, &client);
	close(client.fd);
	return client.reply;
}

/* Nothing is held back for who got nothing, and the next is served. */
static void no_memory_for_a_response(void **state)
{
	static const char *const paths[] = {"/healthz", "/metrics", "/api/v1/events", "/api/v1/events?follow",
					    "/nothing"};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		no_response = true;
		assert_string_equal(ask(paths[i]), "");
		assert_true(client.closed);
		no_response = false;
		assert_int_equal(strncmp(ask("/healthz"), "HTTP/1.1 200 ", 13), 0);
	}
	http_server_event(&server); /* nobody follows: there is nobody to wake */
	http_wake(server.http, true);
}

/* Nobody's time is limited then, and everybody is served. */
static void no_guests(void **state)
{
	(void)state;
	no_info = true;
	assert_int_equal(strncmp(ask("/metrics"), "HTTP/1.1 200 ", 13), 0);
	http_client_connect(&client, &server);
	http_run(server.http, server.now_ms);
	server.now_ms += 100000;
	http_run(server.http, server.now_ms);
	close(client.fd);
	assert_int_equal(strncmp(ask("/healthz"), "HTTP/1.1 200 ", 13), 0);
}

static void no_loop(void **state)
{
	const struct http_source source = {.events = &server.events};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_un any = {.sun_family = AF_UNIX};
	struct http *http = NULL;

	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&any, sizeof(sa_family_t)), 0);
	assert_int_equal(listen(fd, 1), 0);
	no_info = true;
	assert_int_equal(http_open(fd, &source, &http), -EIO);
	assert_null(http);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(no_memory_for_a_response, start, stop),
		cmocka_unit_test_setup_teardown(no_guests, start, stop),
		cmocka_unit_test_setup_teardown(no_loop, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

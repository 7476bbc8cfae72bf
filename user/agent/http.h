/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * http.h - the agent's answers: /metrics, /api/v1/state, /api/v1/diagnosis, /api/v1/events, /healthz
 *
 * libmicrohttpd without threads of its own, on one listening socket, within the agent's loop: nothing here blocks.
 */
#ifndef ESPIAL_AGENT_HTTP_H
#define ESPIAL_AGENT_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/events.h"

struct http;
struct metrics_page;

/* Where answers come from. Texts are malloc'ed; NULL: cannot be given now. */
struct http_source {
	char *(*state)(void *arg, size_t *ret_length);
	char *(*diagnosis)(void *arg, size_t *ret_length);
	struct metrics_page *(*metrics)(void *arg, bool openmetrics, bool sas);
	void *arg;
	const struct events *events;
};

/* Takes the listening socket, also when it fails. `source` is copied. -ENOMEM, or -EIO: the library refused. */
int http_open(int listen_fd, const struct http_source *source, struct http **ret);
/* Ends all connections; NULL is allowed. */
void http_close(struct http *http);

/*
 * Polls readable when http_run() has something to do; it may also be called at any other time, and is to be every now and then:
 * those that take too long are found there. Milliseconds, CLOCK_MONOTONIC.
 */
int http_fd(const struct http *http);
void http_run(struct http *http, uint64_t now_ms);
/* Milliseconds until http_run() has something to do by time alone; -1: never. */
int http_timeout(const struct http *http);

/* Wakes those that follow the events; with `probe` also when there are no new ones, to find who went away. */
void http_wake(struct http *http, bool probe);

#endif

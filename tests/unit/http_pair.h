/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * http_pair.h - the agent's HTTP and its clients in one thread, on a Unix socket without a name; the time is the test's
 *
 * What goes wrong with sockets ends the program.
 */
#ifndef ESPIAL_TESTS_HTTP_PAIR_H
#define ESPIAL_TESTS_HTTP_PAIR_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/http.h"

#define HTTP_MUST(condition)                                                                                 \
	do {                                                                                                 \
		if (!(condition))                                                                            \
			abort();                                                                             \
	} while (0)

enum {
	HTTP_REPLY = 1 << 16,
	/* Of the agent's loop, at most, until something happens that has to */
	HTTP_ROUNDS = 20000,
	/* Of them without an answer: no more will come */
	HTTP_IDLE = 6,
};

struct http_server {
	struct sockaddr_un address;
	socklen_t address_length;
	struct events events;
	struct http *http;
	uint64_t now_ms;
};

struct http_client {
	int fd;
	bool closed; /* by the agent */
	size_t used;
	char reply[HTTP_REPLY + 1]; /* the first of it */
};

/* `source` without its events: those of the server are taken. */
static inline void http_server_start(struct http_server *s, struct http_source source)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memset(s, 0, sizeof(*s));
	s->address.sun_family = AF_UNIX;
	s->address_length = sizeof(s->address.sun_family); /* the kernel picks a name that is nobody's */
	HTTP_MUST(fd >= 0 && bind(fd, (struct sockaddr *)&s->address, s->address_length) == 0);
	s->address_length = sizeof(s->address);
	HTTP_MUST(getsockname(fd, (struct sockaddr *)&s->address, &s->address_length) == 0);
	HTTP_MUST(listen(fd, 128) == 0);
	HTTP_MUST(events_init(&s->events) == 0);
	source.events = &s->events;
	HTTP_MUST(http_open(fd, &source, &s->http) == 0);
}

static inline void http_server_stop(struct http_server *s)
{
	http_close(s->http);
	events_destroy(&s->events);
}

/* One that happened so many nanoseconds after the epoch as there have been. */
static inline void http_server_event(struct http_server *s)
{
	static const struct esp_ports ports = {.ike = {500, 500}, .natt = {4500, 4500}};
	struct esp_event event = {.ifindex = 1, .kind = ESP_EVENT_ENDPOINT, .cls = ESP_CLASS_ESP_UDP};

	event.time = s->events.count + 1;
	HTTP_MUST(events_add(&s->events, &event, sizeof(event), 0, "eth0", &ports));
	http_wake(s->http, false);
}

static inline void http_client_connect(struct http_client *c, const struct http_server *s)
{
	c->used = 0;
	c->closed = false;
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	HTTP_MUST(c->fd >= 0);
	HTTP_MUST(connect(c->fd, (const struct sockaddr *)&s->address, s->address_length) == 0);
}

/* Whether anything came. */
static inline bool http_client_receive(struct http_client *c)
{
	static char beyond[4096];
	bool any = false;
	ssize_t n;

	do {
		bool room = c->used < HTTP_REPLY;

		n = recv(c->fd, room ? c->reply + c->used : beyond,
			 room ? HTTP_REPLY - c->used : sizeof(beyond), 0);
		if (n > 0 && room)
			c->used += (size_t)n;
		any |= n > 0;
	} while (n > 0);
	c->closed = n == 0 || errno != EAGAIN;
	c->reply[c->used] = '\0';
	return any;
}

static inline void http_client_send(struct http_server *s, struct http_client *c, const void *data,
				    size_t size)
{
	for (int round = 0; size && !c->closed; round++) {
		ssize_t n = send(c->fd, data, size, MSG_NOSIGNAL);

		HTTP_MUST(round < HTTP_ROUNDS);
		if (n > 0) {
			data = (const char *)data + n;
			size -= (size_t)n;
		} else if (errno != EAGAIN) {
			break;
		}
		http_run(s->http, s->now_ms);
		http_client_receive(c);
	}
}

/* Until the agent closes, or says no more. */
static inline void http_client_finish(struct http_server *s, struct http_client *c)
{
	for (int round = 0, idle = 0; !c->closed && idle < HTTP_IDLE; round++) {
		HTTP_MUST(round < HTTP_ROUNDS);
		http_run(s->http, s->now_ms);
		idle = http_client_receive(c) ? 0 : idle + 1;
	}
}

#endif

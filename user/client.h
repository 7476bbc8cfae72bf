/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * client.h - asking an agent: HTTP/1.0 GET over its Unix socket, or over TCP where it listens
 *
 * Our own and not libcurl, which would bring some thirty libraries for the one request that is needed here, while espial is
 * to be one file to copy to a gateway. Bounded in time and in size. Nothing prints.
 */
#ifndef ESPIAL_CLIENT_H
#define ESPIAL_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#define CLIENT_DEADLINE_MS 5000
#define CLIENT_HTTP "http://"
#define CLIENT_PORT "9641"		 /* where a URL names none */
#define CLIENT_LIMIT ((size_t)256 << 20) /* bytes of a reply; 100 000 SAs make some 100 MB */
/* Room for a URL's host and port */
#define CLIENT_HOST 256
#define CLIENT_PORT_TEXT 8

struct client_reply {
	int status; /* HTTP's */
	char *body; /* terminated; free with client_free() */
	size_t length;
};

/*
 * `socket`: a path, or "http://HOST[:PORT]" for an agent that listens on TCP; -EINVAL: no such URL, -EHOSTUNREACH: no such host or no
 * way there. The whole reply within deadline_ms milliseconds. -ENOENT, -ECONNREFUSED (no agent), -EACCES, -ENAMETOOLONG, -ENOTSOCK,
 * -ETIMEDOUT, -EPROTO (not HTTP, or cut short), -EMSGSIZE (more than `limit` bytes), -ENOMEM, …
 */
int client_get(const char *socket, const char *path, int deadline_ms, size_t limit, struct client_reply *ret);
void client_free(struct client_reply *reply);

/*
 * A reply that goes on: each line is given to `line` (terminated, without its newline; at most 64 KiB) until that returns
 * other than 0, which is then returned, or until the other end closes: 0. Empty lines, which the agent sends to see whether
 * anyone is there, are left out. The deadline is that of the reply's beginning. *ret_status: HTTP's; lines are only given
 * when it is 200.
 */
int client_follow(const char *socket, const char *path, int deadline_ms,
		  int (*line)(void *arg, const char *text, size_t length), void *arg, int *ret_status);

/* The same over a connection that there is, which is not to block (O_NONBLOCK), and stays the caller's. */
int client_get_on(int fd, const char *path, int deadline_ms, size_t limit, struct client_reply *ret);
int client_follow_on(int fd, const char *path, int deadline_ms,
		     int (*line)(void *arg, const char *text, size_t length), void *arg, int *ret_status);

/* "http://HOST[:PORT][/]", "http://[ADDR]:PORT": the host and the port of it. -EINVAL */
int client_split(const char *url, char host[CLIENT_HOST], char port[CLIENT_PORT_TEXT]);

#endif

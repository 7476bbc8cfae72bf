// SPDX-License-Identifier: GPL-2.0-or-later
/* client.c - HTTP/1.0 GET over a Unix socket or TCP */
#include "client.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define HEADERS 16384 /* bytes of status line and headers, at most */
#define LINE 65536    /* bytes of a line of client_follow(), at most */

struct buffer {
	char *data; /* one byte more than `room` */
	size_t used, room;
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* 0 when `events` happened before the time `end` (INT64_MAX: ever), -ETIMEDOUT. */
static int wait_for(int fd, short events, int64_t end)
{
	struct pollfd p = {.fd = fd, .events = events};

	for (;;) {
		int64_t left = end == INT64_MAX ? -1 : end - now_ms();
		int n;

		if (left < 0 && end != INT64_MAX)
			return -ETIMEDOUT;
		n = poll(&p, 1, (int)left);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return -ETIMEDOUT;
	}
}

/* "http://HOST[:PORT][/]", "http://[ADDR]:PORT": the host and the port of it. */
static int split_url(const char *url, char host[256], char port[8])
{
	const char *at = url + strlen(CLIENT_HTTP), *stop = at + strcspn(at, "/?#"), *colon = NULL;
	size_t length;

	if (stop[0] && (stop[0] != '/' || stop[1])) /* the path is ours to say */
		return -EINVAL;
	if (*at == '[') {
		const char *bracket = memchr(at, ']', (size_t)(stop - at));

		if (!bracket)
			return -EINVAL;
		at++;
		length = (size_t)(bracket - at);
		if (bracket + 1 < stop) {
			colon = bracket + 1;
			if (*colon != ':')
				return -EINVAL;
		}
	} else {
		colon = memchr(at, ':', (size_t)(stop - at));
		length = (size_t)((colon ? colon : stop) - at);
	}
	if (!length || length >= 256 || (colon && (stop - colon < 2 || stop - colon > 6)))
		return -EINVAL;
	memcpy(host, at, length);
	host[length] = '\0';
	snprintf(port, 8, "%.*s", colon ? (int)(stop - colon - 1) : 4, colon ? colon + 1 : CLIENT_PORT);
	return port[strspn(port, "0123456789")] ? -EINVAL : 0;
}

static int connect_one(const struct addrinfo *address, int64_t end, int *ret_fd)
{
	socklen_t size = sizeof(int);
	int fd, err = 0;

	fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, address->ai_addr, address->ai_addrlen) != 0) {
		err = -errno;
		if (err == -EINPROGRESS)
			err = wait_for(fd, POLLOUT, end);
		if (!err && getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &size) == 0)
			err = -err;
	}
	if (err) {
		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

/* Each address of the host, until one answers. Resolving a name is the one thing that heeds no deadline. */
static int connect_url(const char *url, int64_t end, int *ret_fd)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *list, *at;
	char host[256], port[8];
	int err;

	err = split_url(url, host, port);
	if (err)
		return err;
	err = getaddrinfo(host, port, &hints, &list);
	if (err)
		return err == EAI_MEMORY ? -ENOMEM : -EHOSTUNREACH;
	err = -EHOSTUNREACH;
	for (at = list; at; at = at->ai_next) {
		err = connect_one(at, end, ret_fd);
		if (!err)
			break;
	}
	freeaddrinfo(list);
	return err;
}

static int connect_to(const char *path, int64_t end, int *ret_fd)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat st;
	int fd, err;

	if (strncmp(path, CLIENT_HTTP, strlen(CLIENT_HTTP)) == 0)
		return connect_url(path, end, ret_fd);
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* EAGAIN: the agent's queue is full. There is nothing to poll for on an unconnected Unix socket. */
	while (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		err = -errno;
		if (err == -EAGAIN && now_ms() < end) {
			poll(NULL, 0, 20);
			continue;
		}
		if (err == -ECONNREFUSED && stat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
			err = -ENOTSOCK;
		close(fd);
		return err == -EAGAIN ? -ETIMEDOUT : err;
	}
	*ret_fd = fd;
	return 0;
}

static int send_all(int fd, const char *data, size_t size, int64_t end)
{
	while (size) {
		ssize_t n = send(fd, data, size, MSG_NOSIGNAL);
		int err;

		if (n >= 0) {
			data += n;
			size -= (size_t)n;
		} else if (errno == EAGAIN) {
			err = wait_for(fd, POLLOUT, end);
			if (err)
				return err;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

/* Adds what is there, up to `limit` in all. The number of bytes, 0 at the end. */
static ssize_t receive(int fd, struct buffer *b, size_t limit, int64_t end)
{
	for (;;) {
		ssize_t n;
		int err;

		if (b->used == b->room) {
			size_t room = b->room ? b->room * 2 : HEADERS;
			char *data;

			if (b->used >= limit)
				return -EMSGSIZE;
			if (room > limit)
				room = limit;
			data = realloc(b->data, room + 1);
			if (!data)
				return -ENOMEM;
			b->data = data;
			b->room = room;
		}
		n = recv(fd, b->data + b->used, b->room - b->used, 0);
		if (n >= 0) {
			b->used += (size_t)n;
			b->data[b->used] = '\0';
			return n;
		}
		if (errno == EAGAIN) {
			err = wait_for(fd, POLLIN, end);
			if (err)
				return err;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
}

/* Value of a header in the block that ends in an empty line, or NULL. */
static const char *find_header(const char *headers, const char *name)
{
	size_t length = strlen(name);
	const char *line = headers;

	while ((line = strstr(line, "\r\n")) != NULL) {
		line += 2;
		if (strncasecmp(line, name, length) == 0 && line[length] == ':') {
			line += length + 1;
			return line + strspn(line, " \t");
		}
	}
	return NULL;
}

/*
 * Sends the request and receives up to the end of the headers, which are removed from the buffer. *ret_length: the body's
 * announced length, SIZE_MAX when it ends with the connection.
 */
static int begin(int fd, const char *path, int64_t end, struct buffer *b, int *ret_status, size_t *ret_length)
{
	const char *blank, *value;
	char request[512];
	size_t head;
	int err, n, status;

	n = snprintf(request, sizeof(request),
		     "GET %s HTTP/1.0\r\nHost: espial\r\nAccept: application/json\r\n\r\n", path);
	if (n < 0 || (size_t)n >= sizeof(request))
		return -ENAMETOOLONG;
	err = send_all(fd, request, (size_t)n, end);
	if (err && err != -EPIPE)
		return err;
	while (!b->used || !(blank = memmem(b->data, b->used, "\r\n\r\n", 4))) {
		ssize_t got = receive(fd, b, HEADERS, end);

		if (got <= 0)
			return got == 0 || got == -EMSGSIZE ? -EPROTO : (int)got;
	}
	head = (size_t)(blank - b->data) + 2;
	b->data[head] = '\0';
	if (memchr(b->data, '\0', head) || sscanf(b->data, "HTTP/1.%*1[01] %3d", &status) != 1 ||
	    status < 100)
		return -EPROTO;
	*ret_length = SIZE_MAX;
	value = find_header(b->data, "Content-Length");
	if (value) {
		char *tail;
		unsigned long long length;

		errno = 0;
		length = strtoull(value, &tail, 10);
		if (*value < '0' || *value > '9' || errno || (*tail != '\r' && *tail != ' ') ||
		    length >= SIZE_MAX)
			return -EPROTO;
		*ret_length = (size_t)length;
	}
	if (find_header(b->data, "Transfer-Encoding"))
		return -EPROTO; /* not in HTTP/1.0 */
	head += 2;
	b->used -= head;
	memmove(b->data, b->data + head, b->used);
	b->data[b->used] = '\0';
	*ret_status = status;
	return 0;
}

int client_get(const char *socket, const char *path, int deadline_ms, size_t limit, struct client_reply *ret)
{
	int64_t end = now_ms() + deadline_ms;
	struct buffer b = {0};
	size_t length = 0;
	int fd = -1, err, status = 0;
	ssize_t n = 1;

	err = connect_to(socket, end, &fd);
	if (err)
		return err;
	err = begin(fd, path, end, &b, &status, &length);
	if (err)
		goto out;
	err = -EMSGSIZE;
	if (length != SIZE_MAX && length > limit)
		goto out;
	while (b.used < length && (n = receive(fd, &b, limit < HEADERS ? HEADERS : limit, end)) > 0)
		;
	err = (int)(n < 0 ? n : 0);
	if (!err && length == SIZE_MAX && b.used > limit)
		err = -EMSGSIZE;
	if (!err && length != SIZE_MAX && b.used != length)
		err = -EPROTO;
	if (err)
		goto out;
	*ret = (struct client_reply){.status = status, .body = b.data, .length = b.used};
	b.data = NULL;
out:
	free(b.data);
	close(fd);
	return err;
}

void client_free(struct client_reply *reply)
{
	free(reply->body);
	reply->body = NULL;
}

/* Gives away the whole lines in the buffer. */
static int take_lines(struct buffer *b, int (*line)(void *arg, const char *text, size_t length), void *arg)
{
	char *start = b->data, *end;
	size_t left = b->used;
	int err = 0;

	while (!err && left && (end = memchr(start, '\n', left)) != NULL) {
		*end = '\0';
		if (end != start)
			err = line(arg, start, (size_t)(end - start));
		left -= (size_t)(end + 1 - start);
		start = end + 1;
	}
	memmove(b->data, start, left);
	b->used = left;
	return err;
}

int client_follow(const char *socket, const char *path, int deadline_ms,
		  int (*line)(void *arg, const char *text, size_t length), void *arg, int *ret_status)
{
	int64_t end = now_ms() + deadline_ms;
	struct buffer b = {0};
	size_t length;
	int fd = -1, err;
	ssize_t n;

	err = connect_to(socket, end, &fd);
	if (err)
		return err;
	err = begin(fd, path, end, &b, ret_status, &length);
	while (!err && *ret_status == 200) {
		err = take_lines(&b, line, arg);
		if (err)
			break;
		n = receive(fd, &b, LINE, INT64_MAX);
		if (n == 0)
			break;
		err = (int)(n < 0 ? n : 0);
	}
	free(b.data);
	close(fd);
	return err;
}

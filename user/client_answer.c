// SPDX-License-Identifier: GPL-2.0-or-later
/* client_answer.c - HTTP/1.0 GET over a connection that there is */
#include "client_internal.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

#include "client.h"

#define HEADERS 16384 /* bytes of status line and headers, at most */
#define LINE 65536    /* bytes of a line of client_follow(), at most */

struct buffer {
	char *data; /* one byte more than `room` */
	size_t used, room;
};

int64_t client_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int client_wait(int fd, short events, int64_t end)
{
	struct pollfd p = {.fd = fd, .events = events};

	for (;;) {
		int64_t left = end == INT64_MAX ? -1 : end - client_now_ms();
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

static int send_all(int fd, const char *data, size_t size, int64_t end)
{
	while (size) {
		ssize_t n = send(fd, data, size, MSG_NOSIGNAL);
		int err;

		if (n >= 0) {
			data += n;
			size -= (size_t)n;
		} else if (errno == EAGAIN) {
			err = client_wait(fd, POLLOUT, end);
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
			err = client_wait(fd, POLLIN, end);
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

/* "HTTP/1.1 200 OK": 200; 0: that is not it. */
static int read_status(const char *line)
{
	const char *digit = line + strlen("HTTP/1.x ");

	if (strncmp(line, "HTTP/1.0 ", strlen("HTTP/1.0 ")) != 0 &&
	    strncmp(line, "HTTP/1.1 ", strlen("HTTP/1.1 ")) != 0)
		return 0;
	if (*digit == '0' || strspn(digit, "0123456789") != 3 || (digit[3] != ' ' && digit[3] != '\r'))
		return 0;
	return (int)strtol(digit, NULL, 10);
}

/* What Content-Length says. */
static int read_length(const char *value, size_t *ret)
{
	unsigned long long length;
	char *tail;

	errno = 0;
	length = strtoull(value, &tail, 10);
	tail += strspn(tail, " \t");
	if (*value < '0' || *value > '9' || errno || strncmp(tail, "\r\n", 2) != 0 || length >= SIZE_MAX)
		return -EPROTO;
	*ret = (size_t)length;
	return 0;
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
	int err, n;

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
	*ret_status = memchr(b->data, '\0', head) ? 0 : read_status(b->data);
	if (!*ret_status)
		return -EPROTO;
	*ret_length = SIZE_MAX;
	value = find_header(b->data, "Content-Length");
	if (value && read_length(value, ret_length))
		return -EPROTO;
	if (find_header(b->data, "Transfer-Encoding"))
		return -EPROTO; /* not in HTTP/1.0 */
	head += 2;
	b->used -= head;
	memmove(b->data, b->data + head, b->used);
	b->data[b->used] = '\0';
	return 0;
}

int client_get_on(int fd, const char *path, int deadline_ms, size_t limit, struct client_reply *ret)
{
	int64_t end = client_now_ms() + deadline_ms;
	struct buffer b = {0};
	size_t length = 0;
	int err, status = 0;
	ssize_t n = 1;

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

int client_follow_on(int fd, const char *path, int deadline_ms,
		     int (*line)(void *arg, const char *text, size_t length), void *arg, int *ret_status)
{
	int64_t end = client_now_ms() + deadline_ms;
	struct buffer b = {0};
	size_t length;
	ssize_t n;
	int err;

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
	return err;
}

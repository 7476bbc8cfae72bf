// SPDX-License-Identifier: GPL-2.0-or-later
/* test_client.c - the HTTP client against a server that says what it is told to, also nonsense and slowly */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "client.h"

/* Answers one connection with `reply`, in pieces of `piece` bytes, and closes it, or keeps it open until `hold` is closed. */
struct server {
	char path[108];
	const char *reply;
	size_t length, piece;
	int fd, hold[2];
	pthread_t thread;
	char request[1024];
};

static void *serve(void *arg)
{
	struct server *s = arg;
	int fd = accept(s->fd, NULL, NULL);
	size_t at = 0;
	char byte;

	if (fd < 0)
		return NULL;
	if (read(fd, s->request, sizeof(s->request) - 1) < 0)
		goto out;
	while (at < s->length) {
		size_t n = s->piece && s->piece < s->length - at ? s->piece : s->length - at;
		ssize_t sent = send(fd, s->reply + at, n, MSG_NOSIGNAL);

		if (sent < 0)
			goto out;
		at += (size_t)sent;
	}
	if (s->hold[0] >= 0 && read(s->hold[0], &byte, 1) < 0)
		goto out;
out:
	close(fd);
	return NULL;
}

static void start(struct server *s, const char *reply, size_t length, size_t piece, int hold)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *directory = getenv("TMPDIR");

	memset(s, 0, sizeof(*s));
	s->reply = reply;
	s->length = length;
	s->piece = piece;
	s->hold[0] = s->hold[1] = -1;
	if (hold)
		assert_int_equal(pipe(s->hold), 0);
	snprintf(s->path, sizeof(s->path), "%s/client.%d", directory ? directory : "/tmp", getpid());
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", s->path);
	unlink(s->path);
	s->fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_true(s->fd >= 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(s->fd, 1), 0);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void stop(struct server *s)
{
	if (s->hold[1] >= 0)
		close(s->hold[1]);
	shutdown(s->fd, SHUT_RDWR); /* in case nobody came */
	pthread_join(s->thread, NULL);
	if (s->hold[0] >= 0)
		close(s->hold[0]);
	close(s->fd);
	if (s->path[0])
		unlink(s->path);
}

static int get(const char *reply, size_t length, size_t piece, size_t limit, struct client_reply *ret)
{
	struct server s;
	int err;

	start(&s, reply, length, piece, 0);
	err = client_get(s.path, "/x", 5000, limit, ret);
	stop(&s);
	return err;
}

static void good(void **state)
{
	static const char *const replies[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\ncontent-length:5\r\n\r\nhello",
		"HTTP/1.0 200 OK\r\n\r\nhello", /* until the connection ends */
		"HTTP/1.0 200\r\nContent-Lengths: 7\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello world",
	};
	static const size_t pieces[] = {0, 1, 3, 17};
	struct client_reply reply;
	size_t i, j;

	(void)state;
	for (i = 0; i < 4; i++) {
		for (j = 0; j < sizeof(pieces) / sizeof(pieces[0]); j++) {
			assert_int_equal(get(replies[i], strlen(replies[i]), pieces[j], 1000, &reply), 0);
			assert_int_equal(reply.status, 200);
			assert_int_equal(reply.length, 5);
			assert_string_equal(reply.body, "hello");
			client_free(&reply);
		}
	}
	/* More than was announced */
	assert_int_equal(get(replies[4], strlen(replies[4]), 0, 1000, &reply), -EPROTO);
}

static void request(void **state)
{
	static const char text[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}";
	struct client_reply reply;
	struct server s;

	(void)state;
	start(&s, text, sizeof(text) - 1, 0, 0);
	assert_int_equal(client_get(s.path, "/api/v1/state", 5000, 1000, &reply), 0);
	stop(&s);
	assert_int_equal(reply.status, 404);
	assert_string_equal(reply.body, "{}");
	client_free(&reply);
	assert_ptr_equal(strstr(s.request, "GET /api/v1/state HTTP/1.0\r\n"), s.request);
	assert_non_null(strstr(s.request, "\r\nHost: "));
	assert_non_null(strstr(s.request, "\r\n\r\n"));
}

static void nonsense(void **state)
{
	static const char *const replies[] = {
		"",
		"HTTP/1.1 200 OK\r\n",
		"SSH-2.0-OpenSSH_9.2\r\n\r\n",
		"HTTP/1.1 OK\r\n\r\n",
		"HTTP/1.1 20\r\n\r\n",
		"HTTP/1.1 200x\r\n\r\n",
		"HTTP/1.1 2000\r\n\r\n",
		"HTTP/1.1 099 OK\r\n\r\n",
		"HTTP/1.1\r\n200 OK\r\n\r\n",
		"HTTP/2.0 200 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
		"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nContent-Length: 5 6\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
	};
	static const char zero[] = "HTTP/1.1 200\0 OK\r\n\r\n";
	struct client_reply reply;
	char *headers;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(replies) / sizeof(replies[0]); i++)
		if (get(replies[i], strlen(replies[i]), 0, 1000, &reply) != -EPROTO)
			fail_msg("taken: '%s'", replies[i]);
	assert_int_equal(get(zero, sizeof(zero) - 1, 0, 1000, &reply), -EPROTO);
	/* Headers without end */
	headers = malloc(100000);
	memset(headers, 'a', 100000);
	memcpy(headers, "HTTP/1.1 200 OK\r\n", 17);
	assert_int_equal(get(headers, 100000, 0, 1000000, &reply), -EPROTO);
	free(headers);
}

static void large(void **state)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
	size_t length = sizeof(head) - 1 + 1000000;
	char *text = malloc(length);
	struct client_reply reply;

	(void)state;
	memset(text, 'b', length);
	memcpy(text, head, sizeof(head) - 1);
	assert_int_equal(get(text, length, 0, 1000000, &reply), 0);
	assert_int_equal(reply.length, 1000000);
	assert_int_equal(reply.body[999999], 'b');
	assert_int_equal(reply.body[1000000], '\0');
	client_free(&reply);
	assert_int_equal(get(text, length, 0, 999999, &reply), -EMSGSIZE);
	/* The same without a length: bounded all the same */
	memcpy(text + 17, "X-Nothing-Here", 14);
	assert_int_equal(get(text, length, 0, 500000, &reply), -EMSGSIZE);
	free(text);
}

static void nobody(void **state)
{
	char path[200], text[108];
	struct client_reply reply;
	struct server s;
	FILE *f;

	(void)state;
	start(&s, "", 0, 0, 0);
	snprintf(text, sizeof(text), "%s", s.path);
	stop(&s);
	assert_int_equal(client_get(text, "/", 1000, 1000, &reply), -ENOENT);
	f = fopen(text, "w");
	assert_non_null(f);
	fclose(f);
	assert_int_equal(client_get(text, "/", 1000, 1000, &reply), -ENOTSOCK);
	unlink(text);
	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(client_get(path, "/", 1000, 1000, &reply), -ENAMETOOLONG);
}

/* Accepted, and then nothing, or a part only. */
static void deadline(void **state)
{
	static const char *const replies[] = {"", "HTTP/1.1 200 OK\r\n",
					      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"};
	struct client_reply reply;
	struct server s;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		start(&s, replies[i], strlen(replies[i]), 0, 1);
		assert_int_equal(client_get(s.path, "/", 100, 1000, &reply), -ETIMEDOUT);
		stop(&s);
	}
}

static void urls(void **state)
{
	static const struct {
		const char *url, *host, *port;
	} good[] = {
		{"http://gw", "gw", CLIENT_PORT},
		{"http://gw/", "gw", CLIENT_PORT},
		{"http://192.0.2.1:1/", "192.0.2.1", "1"},
		{"http://[2001:db8::1]:65535", "2001:db8::1", "65535"},
		{"http://[2001:db8::1]", "2001:db8::1", CLIENT_PORT},
	};
	static const char *const bad[] = {
		"",
		"gw",
		"https://gw",
		"http://",
		"http://:80",
		"http://gw:",
		"http://gw:0",
		"http://gw:65536",
		"http://gw:123456",
		"http://gw:8o",
		"http://gw/api",
		"http://gw?x",
		"http://gw#x",
		"http://[::1",
		"http://[]:80",
		"http://[::1]80",
		"http://2001:db8::1",
	};
	char host[CLIENT_HOST], port[CLIENT_PORT_TEXT], url[400] = "http://";
	struct client_reply reply;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(client_split(good[i].url, host, port), 0);
		assert_string_equal(host, good[i].host);
		assert_string_equal(port, good[i].port);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (client_split(bad[i], host, port) != -EINVAL)
			fail_msg("taken: '%s'", bad[i]);
	memset(url + 7, 'a', 300);
	assert_int_equal(client_split(url, host, port), -EINVAL);
	assert_int_equal(client_get("http://gw:70000", "/", 100, 100, &reply), -EINVAL);
}

/* An address on which nobody listens yet, and then a server behind it */
static void over_tcp(void **state)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	static const char text[] = "HTTP/1.0 200 OK\r\n\r\nhello";
	struct server s = {.reply = text, .length = sizeof(text) - 1, .hold = {-1, -1}};
	socklen_t size = sizeof(any);
	struct client_reply reply;
	char url[64];

	(void)state;
	s.fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(s.fd, (struct sockaddr *)&any, size), 0);
	assert_int_equal(getsockname(s.fd, (struct sockaddr *)&any, &size), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", ntohs(any.sin_port));
	/* Bound, so that it is nobody else's, and not listened on */
	assert_int_equal(client_get(url, "/", 5000, 1000, &reply), -ECONNREFUSED);
	assert_int_equal(listen(s.fd, 1), 0);
	assert_int_equal(pthread_create(&s.thread, NULL, serve, &s), 0);
	assert_int_equal(client_get(url, "/", 5000, 1000, &reply), 0);
	assert_string_equal(reply.body, "hello");
	client_free(&reply);
	stop(&s);
}

/* The queue of the socket is full: whoever comes now waits for his turn, and not for ever. */
static void queue(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *directory = getenv("TMPDIR");
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), first = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct client_reply reply;

	(void)state;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/queue.%d", directory ? directory : "/tmp",
		 getpid());
	unlink(address.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 0), 0);
	assert_int_equal(connect(first, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(client_get(address.sun_path, "/", 100, 1000, &reply), -ETIMEDOUT);
	close(first);
	close(fd);
	unlink(address.sun_path);
}

/* Over a connection whose other end is gone, takes nothing, or is none */
static void broken(void **state)
{
	char path[600], filler[4096] = "";
	struct client_reply reply;
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(client_get_on(pair[0], path, 5000, 1000, &reply), -ENAMETOOLONG);
	/* Nothing has come yet, and there is no time left to wait for it. */
	assert_int_equal(client_get_on(pair[0], "/", -1, 1000, &reply), -ETIMEDOUT);
	while (send(pair[0], filler, sizeof(filler), 0) > 0)
		;
	while (send(pair[0], filler, 1, 0) > 0)
		;
	assert_int_equal(client_get_on(pair[0], "/", 100, 1000, &reply), -ETIMEDOUT);
	close(pair[1]);
	/* What was sent to it is lost, which the kernel says first, and then that nobody is there. */
	assert_int_equal(client_get_on(pair[0], "/", 5000, 1000, &reply), -ECONNRESET);
	assert_int_equal(client_get_on(pair[0], "/", 5000, 1000, &reply), -EPROTO);
	close(pair[0]);
	assert_int_equal(client_get_on(-1, "/", 5000, 1000, &reply), -EBADF);
}

struct lines {
	char text[256];
	int stop_after;
};

static int add_line(void *arg, const char *text, size_t length)
{
	struct lines *lines = arg;

	assert_int_equal(strlen(text), length);
	strcat(lines->text, text);
	strcat(lines->text, "|");
	return --lines->stop_after == 0 ? 7 : 0;
}

static void follow(void **state)
{
	static const char reply[] = "HTTP/1.1 200 OK\r\n\r\none\n\n\ntwo\nthree\nfour";
	static const char missing[] = "HTTP/1.1 404 Not Found\r\n\r\none\n";
	static const size_t pieces[] = {0, 1, 5};
	struct lines lines;
	struct server s;
	size_t i;
	int status;

	(void)state;
	for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		memset(&lines, 0, sizeof(lines));
		start(&s, reply, sizeof(reply) - 1, pieces[i], 0);
		assert_int_equal(client_follow(s.path, "/", 5000, add_line, &lines, &status), 0);
		stop(&s);
		assert_string_equal(lines.text, "one|two|three|"); /* the last line never ended */
	}
	memset(&lines, 0, sizeof(lines));
	lines.stop_after = 2;
	start(&s, reply, sizeof(reply) - 1, 0, 1);
	assert_int_equal(client_follow(s.path, "/", 5000, add_line, &lines, &status), 7);
	stop(&s);
	assert_string_equal(lines.text, "one|two|");
	memset(&lines, 0, sizeof(lines));
	start(&s, missing, sizeof(missing) - 1, 0, 0);
	assert_int_equal(client_follow(s.path, "/", 5000, add_line, &lines, &status), 0);
	stop(&s);
	assert_int_equal(status, 404);
	assert_string_equal(lines.text, "");
}

static void follow_without_lines(void **state)
{
	static const char head[] = "HTTP/1.1 200 OK\r\n\r\n";
	char *text = malloc(200000);
	struct lines lines = {"", 0};
	struct server s;
	int status;

	(void)state;
	memset(text, 'a', 200000);
	memcpy(text, head, sizeof(head) - 1);
	start(&s, text, 200000, 0, 0);
	assert_int_equal(client_follow(s.path, "/", 5000, add_line, &lines, &status), -EMSGSIZE);
	stop(&s);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),	    cmocka_unit_test(request),
		cmocka_unit_test(nonsense), cmocka_unit_test(large),
		cmocka_unit_test(nobody),   cmocka_unit_test(deadline),
		cmocka_unit_test(follow),   cmocka_unit_test(follow_without_lines),
		cmocka_unit_test(urls),	    cmocka_unit_test(over_tcp),
		cmocka_unit_test(queue),    cmocka_unit_test(broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

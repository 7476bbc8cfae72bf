// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_client.c - libFuzzer target of the HTTP client: any bytes as an agent's answer, and as the URL of one
 *
 * The first byte says in pieces of how many bytes the answer comes (0: in one), the second how much of a body is taken. Beside
 * memory safety it asserts that what is taken is what a slow reader written for this test finds in the bytes, that pieces and
 * whole give the same, and that a URL that is taken has a host in it and a port that there is.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"
#include "fuzz/fuzz.h"

enum { MOST = 12000, PIECES = 64, DEADLINE_MS = 60000 };

/* ---- what is expected: read byte by byte, of all that was sent */

struct expected {
	int err, status;
	const char *body;
	size_t length;
	bool more; /* than was announced: found when it came with the rest */
};

/* One line up to its CR LF, which is known to come; false: a header that this is not */
static bool header_value(const char *line, const char *name, const char **ret)
{
	size_t i;

	for (i = 0; name[i]; i++)
		if ((line[i] | 0x20) != (name[i] | 0x20) || line[i] == '\r')
			return false;
	if (line[i++] != ':')
		return false;
	while (line[i] == ' ' || line[i] == '\t')
		i++;
	*ret = line + i;
	return true;
}

static const char *next_line(const char *line)
{
	while (line[0] != '\r' || line[1] != '\n')
		line++;
	return line + 2;
}

/* Digits, blanks, CR. *ret stays below the number that a size cannot be. */
static bool all_digits(const char *value, size_t *ret)
{
	unsigned __int128 number = 0;

	if (*value < '0' || *value > '9')
		return false;
	for (; *value >= '0' && *value <= '9'; value++) {
		number = number * 10 + (unsigned int)(*value - '0');
		if (number >= SIZE_MAX)
			return false;
	}
	while (*value == ' ' || *value == '\t')
		value++;
	*ret = (size_t)number;
	return value[0] == '\r' && value[1] == '\n';
}

static bool status_of(const char *line, int *ret)
{
	static const char pattern[] = "HTTP/1.x 999";
	int number = 0;

	for (size_t i = 0; i < sizeof(pattern) - 1; i++) {
		bool good = line[i] == pattern[i];

		if (pattern[i] == 'x')
			good = line[i] == '0' || line[i] == '1';
		if (pattern[i] == '9') {
			good = line[i] >= '0' && line[i] <= '9';
			number = number * 10 + line[i] - '0';
		}
		if (!good)
			return false;
	}
	*ret = number;
	return number >= 100 && (line[sizeof(pattern) - 1] == ' ' || line[sizeof(pattern) - 1] == '\r');
}

static struct expected expect(const char *data, size_t size, size_t limit)
{
	struct expected e = {.err = -EPROTO};
	const char *line, *value, *body = NULL;
	bool announced = false;
	size_t length = 0, there;

	for (size_t i = 0; i + 4 <= size && !body; i++)
		if (memcmp(data + i, "\r\n\r\n", 4) == 0)
			body = data + i + 4;
	if (!body || memchr(data, '\0', (size_t)(body - data)) || !status_of(data, &e.status))
		return e;
	for (line = next_line(data); line < body - 2; line = next_line(line)) {
		if (header_value(line, "transfer-encoding", &value))
			return e;
		if (announced || !header_value(line, "content-length", &value))
			continue; /* the first one counts */
		announced = true;
		if (!all_digits(value, &length))
			return e;
	}
	there = (size_t)(data + size - body);
	if (announced ? length > limit : there > limit)
		e.err = -EMSGSIZE;
	else
		e.err = announced && length != there ? -EPROTO : 0;
	e.more = e.err == -EPROTO && there > length;
	e.body = body;
	e.length = there;
	if (e.more)
		e.length = length;
	return e;
}

/* ---- the agent's side */

static void give(int fd, const char *data, size_t size, size_t piece)
{
	for (size_t n; size; data += n, size -= n) {
		n = piece && piece < size ? piece : size;
		CHECK(send(fd, data, n, 0) == (ssize_t)n);
	}
	shutdown(fd, SHUT_WR);
}

/* Messages come one by one, as what arrives over a network may. The client has room for each: MOST is below what it begins with. */
static void pair_with(int pair[2], const char *data, size_t size, size_t piece)
{
	CHECK(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair));
	give(pair[1], data, size, piece);
}

static void part(int pair[2])
{
	static const char begin[] = "GET /api/v1/state HTTP/1.0\r\n";
	char request[512];
	ssize_t n = recv(pair[1], request, sizeof(request), 0);

	CHECK(n > (ssize_t)sizeof(begin) && memcmp(request, begin, sizeof(begin) - 1) == 0);
	CHECK(memcmp(request + n - 4, "\r\n\r\n", 4) == 0);
	close(pair[0]);
	close(pair[1]);
}

static void get(const char *data, size_t size, size_t piece, size_t limit)
{
	struct expected e = expect(data, size, limit);
	struct client_reply reply = {0};
	int pair[2], err;

	pair_with(pair, data, size, piece);
	err = client_get_on(pair[0], "/api/v1/state", DEADLINE_MS, limit, &reply);
	part(pair);
	CHECK(err == e.err || (!err && e.more && piece));
	if (err) {
		CHECK(!reply.body);
		return;
	}
	CHECK(reply.status == e.status && reply.length == e.length);
	CHECK(memcmp(reply.body, e.body, e.length) == 0 && !reply.body[e.length]);
	client_free(&reply);
}

/* ---- lines */

struct lines {
	const char *at, *end; /* what the body still has */
};

/* The next that is not empty, with its end: none without */
static const char *next_of(struct lines *lines, size_t *ret_length)
{
	const char *begin = lines->at;

	for (const char *c = begin; c < lines->end; c++) {
		if (*c != '\n')
			continue;
		lines->at = c + 1;
		if (c > begin) {
			*ret_length = (size_t)(c - begin);
			return begin;
		}
		begin = c + 1;
	}
	return NULL;
}

static int on_line(void *arg, const char *text, size_t length)
{
	const char *wanted;
	size_t size = 0;

	wanted = next_of(arg, &size);
	CHECK(wanted && size == length && memcmp(text, wanted, size) == 0 && !text[length]);
	return 0;
}

static void follow(const char *data, size_t size, size_t piece)
{
	struct expected e = expect(data, size, SIZE_MAX);
	struct lines lines = {NULL, NULL};
	int pair[2], err, status = 0;
	size_t rest;

	if (e.body && e.status == 200)
		lines = (struct lines){e.body, data + size}; /* whatever was announced */
	pair_with(pair, data, size, piece);
	err = client_follow_on(pair[0], "/api/v1/state", DEADLINE_MS, on_line, &lines, &status);
	part(pair);
	if (e.body)
		CHECK(!err && status == e.status && !next_of(&lines, &rest));
	else
		CHECK(err == -EPROTO);
}

/* ---- */

static void split(const uint8_t *data, size_t size)
{
	char host[CLIENT_HOST], port[CLIENT_PORT_TEXT], *url = strndup((const char *)data, size), *again;

	CHECK(url);
	if (client_split(url, host, port) == 0) {
		int number = atoi(port);

		TERMINATED(host);
		TERMINATED(port);
		CHECK(host[0] && !strpbrk(host, "/?#") && strspn(port, "0123456789") == strlen(port));
		CHECK(number >= 1 && number <= 65535);
		/* Said in full it is the same. */
		CHECK(asprintf(&again, strchr(host, ':') ? "http://[%s]:%s/" : "http://%s:%s/", host, port) >
		      0);
		if (!strpbrk(host, "[]")) {
			char host_again[CLIENT_HOST], port_again[CLIENT_PORT_TEXT];

			CHECK(client_split(again, host_again, port_again) == 0);
			CHECK(!strcmp(host, host_again) && !strcmp(port, port_again));
		}
		free(again);
	}
	free(url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t piece, limit;
	char *copy;

	if (size < 2)
		return 0;
	piece = data[0];
	limit = data[1] == 255 ? SIZE_MAX : data[1] * (size_t)8;
	data += 2;
	size -= 2;
	if (size > MOST)
		size = MOST;
	/* Each piece is a buffer of the kernel's, of which a socket takes some hundreds. */
	if (piece && piece < size / PIECES)
		piece = size / PIECES + 1;
	copy = fuzz_copy(data, size);
	get(copy, size, 0, limit);
	get(copy, size, piece, limit);
	follow(copy, size, piece);
	free(copy);
	split(data, size);
	return 0;
}

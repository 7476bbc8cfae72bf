// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_http.c - libFuzzer target of the agent's HTTP: any bytes on a connection to it
 *
 * The first byte says after how many bytes (in eighths of the input) the client pauses, for how many seconds, and whether in the
 * pause one event comes or more than are kept. When all is sent, the client ends its side. Beside memory safety it asserts that
 * the answer is HTTP with a status that we give, that only requests to read are answered with 200 and bodies are as long as
 * they were said to be, and that the agent has afterwards the descriptors that it had before.
 */
#include <stdio.h>

#include "export/export.h"
#include "fuzz/fuzz.h"
#include "unit/http_pair.h"

/* ---- the agent's side */

static char *state(void *arg, size_t *ret_length)
{
	char *text = strdup("{\"state\":[]}");

	(void)arg;
	CHECK(text);
	*ret_length = strlen(text);
	return text;
}

static char *diagnosis(void *arg, size_t *ret_length)
{
	(void)arg;
	(void)ret_length;
	return NULL; /* no memory */
}

static struct metrics_page *metrics(void *arg, bool openmetrics, bool sas)
{
	static const struct state nothing;

	(void)arg;
	return export_metrics_page(&nothing, openmetrics, sas);
}

/* ---- the answer */

static const char *header(const char *head, const char *name)
{
	const char *at = strstr(head, name);

	return at ? at + strlen(name) : NULL;
}

/* Of the first answer; behind it there may be more. */
static void check_reply(const struct http_client *c, const uint8_t *data, size_t size)
{
	static const unsigned int known[] = {100, 200, 400, 404, 405, 413, 414, 417, 431, 500, 501, 505};
	const char *end, *length;
	unsigned int status = 0;
	bool is_known = false;

	if (!c->used)
		return; /* nothing was asked, or nothing that can be answered */
	end = strstr(c->reply, "\r\n\r\n");
	CHECK(end && sscanf(c->reply, "HTTP/1.%*1[01] %3u ", &status) == 1);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		is_known |= status == known[i];
	CHECK(is_known);
	if (status == 405)
		CHECK(header(c->reply, "\r\nAllow: GET, HEAD\r\n"));
	if (status == 200) {
		CHECK(memmem(data, size, "GET", 3) || memmem(data, size, "HEAD", 4));
		CHECK(header(c->reply, "\r\nCache-Control: no-store\r\n"));
	}
	length = header(c->reply, "\r\nContent-Length: ");
	if (length && length < end && memcmp(data, "GET", size < 3 ? size : 3) == 0 && c->used < HTTP_REPLY)
		CHECK((size_t)(c->reply + c->used - end - 4) >= strtoul(length, NULL, 10));
}

/* The second that is free: the first is the client's, the second is the agent's as long as it has the connection. */
static int free_descriptor(void)
{
	int first = dup(STDERR_FILENO), second = dup(STDERR_FILENO);

	CHECK(first >= 0 && second >= 0);
	close(first);
	close(second);
	return second;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct http_server server;
	static struct http_client client;
	unsigned int seconds;
	size_t first;
	int before;
	bool many;

	if (!server.http)
		http_server_start(
			&server,
			(struct http_source){.state = state, .diagnosis = diagnosis, .metrics = metrics});
	if (!size)
		return 0;
	before = free_descriptor();
	first = (size - 1) * (data[0] % 8) / 8;
	seconds = data[0] >> 3 & 15;
	many = data[0] & 0x80;
	data++;
	size--;
	server.events.count = 0;
	http_client_connect(&client, &server);
	http_client_send(&server, &client, data, first);
	server.now_ms += seconds * 1000; /* which may be longer than it is waited for */
	http_run(server.http, server.now_ms);
	for (int i = 0; i < (many ? EVENTS_KEPT + 100 : 1); i++)
		http_server_event(&server);
	http_client_send(&server, &client, data + first, size - first);
	shutdown(client.fd, SHUT_WR);
	/* One that follows the events it goes on serving, for the other half is open. */
	http_client_finish(&server, &client);
	close(client.fd);
	check_reply(&client, data, size);
	/* The library cleans up when it comes to it. */
	for (int round = 0; free_descriptor() != before; round++) {
		CHECK(round < HTTP_ROUNDS);
		http_wake(server.http, true); /* who follows is found to be gone by being sent something */
		http_run(server.http, server.now_ms);
	}
	return 0;
}

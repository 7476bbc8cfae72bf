// SPDX-License-Identifier: GPL-2.0-or-later
/* http.c - requests, answered in the loop */
#include "agent/http.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <microhttpd.h>

#include "agent/http_guests.h"
#include "export/accept.h"
#include "export/event_json.h"
#include "export/export.h"

#define CONNECTIONS 64
#define CONNECTION_MEMORY 32768 /* bytes for the headers of one */
#define TIMEOUT_SECONDS 10
#define FOLLOW_BLOCK 16384
#define FOLLOWERS 32 /* at most: connections are left for those that ask and go */
#define METRICS_BLOCK 32768
#define JSON_TYPE "application/json"

/* One that reads the events as they come. */
struct follower {
	struct http *http;
	struct follower *next, **link;
	struct MHD_Connection *connection;
	uint64_t number; /* of the event to give next */
	char *line;	 /* of the one that is being given */
	size_t length, given;
	bool suspended, probe;
};

struct http {
	struct MHD_Daemon *daemon;
	struct http_source source;
	struct guests guests;
	struct follower *followers;
	unsigned int follower_count;
	int fd;
	bool closing;
};

/* ---- plain answers */

/* Takes the response. */
static enum MHD_Result send_response(struct MHD_Connection *connection, unsigned int status, const char *type,
				     struct MHD_Response *response)
{
	enum MHD_Result result;

	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned int status, const char *type,
			      char *body, size_t length)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(length, body, MHD_RESPMEM_MUST_FREE);

	if (!response) {
		free(body);
		return MHD_NO;
	}
	return send_response(connection, status, type, response);
}

/* The JSON body is made here: `text` and the path are escaped by jansson. */
static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned int status, const char *text,
			      json_t *more)
{
	json_t *body = json_pack("{s:s}", "error", text);
	char *dump;

	json_object_update(body, more);
	json_decref(more);
	dump = json_dumps(body, JSON_COMPACT);
	json_decref(body);
	return dump ? answer(connection, status, JSON_TYPE, dump, strlen(dump)) : MHD_NO;
}

static enum MHD_Result answer_or_refuse(struct MHD_Connection *connection, const char *type, char *body,
					size_t length)
{
	if (!body)
		return refuse(connection, MHD_HTTP_INTERNAL_SERVER_ERROR,
			      "the state could not be read: see the agent's log", NULL);
	return answer(connection, MHD_HTTP_OK, type, body, length);
}

static enum MHD_Result get_state(struct http *http, struct MHD_Connection *connection)
{
	size_t length = 0;
	char *body = http->source.state(http->source.arg, &length);

	return answer_or_refuse(connection, JSON_TYPE, body, length);
}

static enum MHD_Result get_diagnosis(struct http *http, struct MHD_Connection *connection)
{
	size_t length = 0;
	char *body = http->source.diagnosis(http->source.arg, &length);

	return answer_or_refuse(connection, JSON_TYPE, body, length);
}

static ssize_t read_page(void *arg, uint64_t position, char *buffer, size_t size)
{
	ssize_t n = metrics_page_read(arg, buffer, size);

	(void)position;
	if (n < 0)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	return n ? n : MHD_CONTENT_READER_END_OF_STREAM;
}

static void free_page(void *arg)
{
	metrics_page_free(arg);
}

/* Ten megabytes of a large gateway are made bit by bit, as they are taken: the loop goes on in between. */
static enum MHD_Result get_metrics(struct http *http, struct MHD_Connection *connection)
{
	bool open = accept_openmetrics(
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT));
	const char *sas = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "sas");
	struct metrics_page *page =
		http->source.metrics(http->source.arg, open, sas && strcmp(sas, "1") == 0);
	struct MHD_Response *response;

	if (!page)
		return answer_or_refuse(connection, NULL, NULL, 0);
	response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, METRICS_BLOCK, read_page, page,
						     free_page);
	if (!response) {
		metrics_page_free(page);
		return MHD_NO;
	}
	return send_response(connection, MHD_HTTP_OK, open ? EXPORT_METRICS_OPENMETRICS : EXPORT_METRICS_TEXT,
			     response);
}

static enum MHD_Result get_health(struct http *http, struct MHD_Connection *connection)
{
	char *body = strdup("{\"status\":\"ok\"}\n");

	(void)http;
	return answer_or_refuse(connection, JSON_TYPE, body, body ? strlen(body) : 0);
}

/* ---- events */

/* The next line of a follower. false: there is none yet, or no memory for it. */
static bool next_line(struct follower *f)
{
	const struct events *events = f->http->source.events;
	uint64_t oldest = events_oldest(events);
	json_t *object;
	char *text;

	if (f->number < oldest) {
		/* Too slow for what comes: it is told what it missed. */
		object =
			json_pack("{s:s, s:I}", "kind", "missed", "missed", (json_int_t)(oldest - f->number));
		f->number = oldest;
	} else if (f->number < events->count) {
		object = event_json(events_at(events, f->number++));
	} else {
		return false;
	}
	text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	json_decref(object);
	if (!text)
		return false;
	f->length = strlen(text);
	text[f->length++] = '\n'; /* in place of the terminator */
	f->line = text;
	f->given = 0;
	return true;
}

static ssize_t read_follower(void *arg, uint64_t position, char *buffer, size_t size)
{
	struct follower *f = arg;
	size_t used = 0;

	(void)position;
	if (f->http->closing)
		return MHD_CONTENT_READER_END_OF_STREAM;
	while (used < size && (f->line || next_line(f))) {
		size_t n = f->length - f->given;

		if (n > size - used)
			n = size - used;
		memcpy(buffer + used, f->line + f->given, n);
		used += n;
		f->given += n;
		if (f->given == f->length) {
			free(f->line);
			f->line = NULL;
		}
	}
	if (!used && f->probe)
		buffer[used++] = '\n';
	f->probe = false;
	if (!used) {
		/* Not asked again until there is something: MHD would else spin. */
		MHD_suspend_connection(f->connection);
		f->suspended = true;
	}
	return (ssize_t)used;
}

static void free_follower(void *arg)
{
	struct follower *f = arg;

	f->http->follower_count--;
	*f->link = f->next;
	if (f->next)
		f->next->link = f->link;
	free(f->line);
	free(f);
}

static enum MHD_Result follow(struct http *http, struct MHD_Connection *connection)
{
	struct MHD_Response *response;
	struct follower *f;

	if (http->follower_count == FOLLOWERS)
		return refuse(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "too many follow the events already",
			      NULL);
	f = calloc(1, sizeof(*f));
	if (!f)
		return MHD_NO;
	f->http = http;
	f->connection = connection;
	f->number = events_oldest(http->source.events);
	f->next = http->followers;
	f->link = &http->followers;
	if (f->next)
		f->next->link = &f->next;
	http->followers = f;
	http->follower_count++;
	guests_stays(connection);
	response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, FOLLOW_BLOCK, read_follower, f,
						     free_follower);
	if (!response) {
		free_follower(f);
		return MHD_NO;
	}
	return send_response(connection, MHD_HTTP_OK, "application/x-ndjson", response);
}

static enum MHD_Result get_events(struct http *http, struct MHD_Connection *connection)
{
	const char *value = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "follow");
	size_t length = 0;
	char *body;

	if (value && strcmp(value, "0") != 0)
		return follow(http, connection);
	body = events_json(http->source.events, &length);
	return answer_or_refuse(connection, JSON_TYPE, body, length);
}

/* ---- requests */

static const struct {
	const char *path;
	enum MHD_Result (*get)(struct http *http, struct MHD_Connection *connection);
} paths[] = {
	{"/metrics", get_metrics},	{"/api/v1/state", get_state}, {"/api/v1/diagnosis", get_diagnosis},
	{"/api/v1/events", get_events}, {"/healthz", get_health},
};
#define PATHS (sizeof(paths) / sizeof(paths[0]))

static enum MHD_Result not_found(struct MHD_Connection *connection)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < PATHS; i++)
		json_array_append_new(list, json_string(paths[i].path));
	return refuse(connection, MHD_HTTP_NOT_FOUND, "no such path", json_pack("{s:o}", "paths", list));
}

static enum MHD_Result handle(void *arg, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_size, void **request)
{
	struct http *http = arg;
	size_t i;

	(void)version;
	(void)upload;
	if (!*request)
		guests_asked(&http->guests, connection);
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD", NULL);
	if (!*request) { /* the headers only; an answer now would end the connection */
		*request = http;
		return MHD_YES;
	}
	*upload_size = 0;
	for (i = 0; i < PATHS; i++)
		if (strcmp(url, paths[i].path) == 0)
			return paths[i].get(http, connection);
	return not_found(connection);
}

/* ---- in the loop */

int http_open(int listen_fd, const struct http_source *source, struct http **ret)
{
	struct http *http = calloc(1, sizeof(*http));
	const union MHD_DaemonInfo *info;

	if (!http) {
		close(listen_fd);
		return -ENOMEM;
	}
	http->source = *source;
	http->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, handle, http,
					MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_CONNECTION_LIMIT,
					(unsigned int)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
					(unsigned int)TIMEOUT_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
					(size_t)CONNECTION_MEMORY, MHD_OPTION_NOTIFY_CONNECTION,
					guests_connection, &http->guests, MHD_OPTION_NOTIFY_COMPLETED,
					guests_completed, &http->guests, MHD_OPTION_END);
	if (!http->daemon) {
		close(listen_fd);
		free(http);
		return -EIO;
	}
	info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info) {
		http_close(http);
		return -EIO;
	}
	http->fd = info->epoll_fd;
	*ret = http;
	return 0;
}

void http_close(struct http *http)
{
	if (!http)
		return;
	/* MHD aborts the program when it is stopped with connections suspended. */
	http->closing = true;
	http_wake(http, true);
	MHD_run(http->daemon);
	MHD_stop_daemon(http->daemon);
	free(http);
}

int http_fd(const struct http *http)
{
	return http->fd;
}

void http_run(struct http *http, uint64_t now_ms)
{
	guests_hurry(&http->guests, now_ms);
	MHD_run(http->daemon);
}

int http_timeout(const struct http *http)
{
	MHD_UNSIGNED_LONG_LONG ms;

	if (MHD_get_timeout(http->daemon, &ms) != MHD_YES)
		return -1;
	return ms > 60000 ? 60000 : (int)ms;
}

void http_wake(struct http *http, bool probe)
{
	struct follower *f;

	for (f = http->followers; f; f = f->next) {
		f->probe |= probe;
		if (!f->suspended || (!probe && f->number == http->source.events->count))
			continue;
		f->suspended = false;
		MHD_resume_connection(f->connection);
	}
}

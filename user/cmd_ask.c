// SPDX-License-Identifier: GPL-2.0-or-later
/* cmd_ask.c - no answer, and what to do about it */
#include "cmd_ask.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cmd.h"

int cmd_ask_failed(const char *socket, int err, int status)
{
	switch (err) {
	case 0:
		return cmd_cannot("agent at %s: answered with HTTP status %d: see its log, and whether it is "
				  "of this version",
				  socket, status);
	case -ENOENT:
	case -ECONNREFUSED:
	case -ENOTDIR:
		return cmd_cannot("no agent answers at %s: start it with `espial run`, or name its socket "
				  "with --socket",
				  socket);
	case -EACCES:
	case -EPERM:
		return cmd_cannot(
			"agent at %s: permission denied: ask as root, or join the group of the socket",
			socket);
	case -ENOTSOCK:
		return cmd_cannot("%s is no socket: name the agent's with --socket", socket);
	case -ENAMETOOLONG:
		return cmd_cannot("%s: path too long for a socket: at most 107 bytes", socket);
	case -ETIMEDOUT:
		return cmd_cannot("agent at %s: no answer within %d s: it may hang; restart it", socket,
				  CLIENT_DEADLINE_MS / 1000);
	case -EPROTO:
	case -EPIPE:
	case -ECONNRESET:
		return cmd_cannot("%s: what answers there is no espial agent, or it broke off: name its "
				  "socket with --socket",
				  socket);
	case -EMSGSIZE:
		return cmd_cannot("agent at %s: the answer is larger than %zu MiB", socket,
				  CLIENT_LIMIT >> 20);
	default:
		return cmd_cannot("agent at %s: %s", socket, strerror(-err));
	}
}

int cmd_ask(const char *socket, const char *path, struct client_reply *ret)
{
	int err = client_get(socket, path, CLIENT_DEADLINE_MS, CLIENT_LIMIT, ret);

	if (err)
		return cmd_ask_failed(socket, err, 0);
	if (ret->status == 200)
		return CMD_OK;
	client_free(ret);
	return cmd_ask_failed(socket, 0, ret->status);
}

bool cmd_ask_is_agent(const char *name)
{
	struct stat st;

	return strncmp(name, CLIENT_HTTP, strlen(CLIENT_HTTP)) == 0 ||
	       (stat(name, &st) == 0 && S_ISSOCK(st.st_mode));
}

/* CMD_OK: *ret is JSON, or NULL with `where` */
static int ask_document(const char *name, json_t **ret, json_error_t *where)
{
	struct client_reply reply = {0};
	int err = client_get(name, "/api/v1/state", CLIENT_DEADLINE_MS, CLIENT_LIMIT, &reply);

	if (err == -EINVAL)
		return cmd_cannot("%s: no such URL: give http://HOST:PORT of an agent with `listen`", name);
	if (err == -EHOSTUNREACH)
		return cmd_cannot("%s: no such host, or no way there: check name and route", name);
	if (err == -ECONNREFUSED)
		return cmd_cannot("%s: no agent listens there: set `listen` in its configuration", name);
	if (err || reply.status != 200) {
		client_free(&reply);
		return cmd_ask_failed(name, err, reply.status);
	}
	*ret = json_loadb(reply.body, reply.length, 0, where);
	client_free(&reply);
	return CMD_OK;
}

static int load_document(const char *name, json_t **ret, json_error_t *where)
{
	FILE *file = strcmp(name, "-") == 0 ? stdin : fopen(name, "r");

	if (!file)
		return cmd_cannot("%s: %s: give a file of `espial status --json`, an agent's socket or "
				  "http://HOST:PORT",
				  name, strerror(errno));
	*ret = json_loadf(file, 0, where);
	if (file != stdin)
		fclose(file);
	return CMD_OK;
}

int cmd_ask_state(const char *name, json_t **ret)
{
	json_error_t where = {0};
	json_t *document = NULL;
	int status = cmd_ask_is_agent(name) ? ask_document(name, &document, &where)
					    : load_document(name, &document, &where);

	if (status != CMD_OK)
		return status;
	if (!document)
		return cmd_cannot(
			"%s: no JSON: line %d: %s: give what `espial status --json` or `espial read "
			"--json` wrote",
			name, where.line, where.text);
	if (!json_is_array(json_object_get(document, "sas"))) {
		json_decref(document);
		return cmd_cannot(
			"%s: no state: give what `espial status --json` or `espial read --json` wrote", name);
	}
	*ret = document;
	return CMD_OK;
}

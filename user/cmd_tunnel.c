// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd_tunnel.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd.h"
#include "cmd_ask.h"
#include "complain.h"
#include "export/text.h"
#include "source/xfrm.h"

#define KERNEL_DEADLINE 10 /* seconds for a dump */
#define NAMES_TOLD 8

/* ---- the agent */

/* 0 and the document; else an errno, or HTTP's status. */
static int ask(const char *socket, json_t **ret, int *ret_status)
{
	struct client_reply reply;
	json_t *document = NULL;
	int err = client_get(socket, "/api/v1/state", CLIENT_DEADLINE_MS, CLIENT_LIMIT, &reply);

	*ret_status = 0;
	if (err)
		return err;
	*ret_status = reply.status;
	if (reply.status == 200)
		document = json_loadb(reply.body, reply.length, 0, NULL);
	client_free(&reply);
	if (*ret_status == 200 && !json_is_array(json_object_get(document, "tunnels"))) {
		json_decref(document);
		document = NULL;
	}
	if (!document)
		return -EPROTO;
	*ret = document;
	return 0;
}

int cmd_tunnel_state_quiet(const char *socket, json_t **ret)
{
	int status;

	return ask(socket, ret, &status);
}

int cmd_tunnel_state(const char *socket, json_t **ret)
{
	int status, err = ask(socket, ret, &status);

	if (!err)
		return CMD_OK;
	if (status == 200)
		return cmd_cannot("agent at %s: its answer has no tunnels: use the agent's own version of "
				  "espial",
				  socket);
	return cmd_ask_failed(socket, status ? 0 : err, status);
}

bool cmd_tunnel_is(const json_t *object, const char *key, const char *value)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text && strcmp(text, value) == 0;
}

/* What tunnels have at `key`, each once, cleaned: it may come from the network. NULL: none. To be freed. */
static char *list_of(const json_t *tunnels, const char *key)
{
	const char *seen[NAMES_TOLD];
	struct text list = {0};
	size_t i, told = 0, known;
	const json_t *tunnel;

	json_array_foreach(tunnels, i, tunnel) {
		const char *other = json_string_value(json_object_get(tunnel, key));

		for (known = 0; other && known < told && strcmp(seen[known], other) != 0; known++)
			;
		if (!other || known < told)
			continue;
		if (told == NAMES_TOLD) {
			text_printf(&list, ", …");
			break;
		}
		seen[told] = other;
		text_printf(&list, "%s", told++ ? ", " : "");
		text_clean(&list, other);
	}
	if (told)
		return text_take(&list, NULL);
	text_free(&list);
	return NULL;
}

void cmd_tunnel_unknown(const json_t *document, const char *option, const char *key, const char *value)
{
	const char *what = strcmp(key, "name") == 0 ? "such tunnel" : "tunnel to this peer";
	char *list = list_of(json_object_get(document, "tunnels"), key);

	if (list)
		cmd_cannot("%s %s: the agent has no %s: it has %s", option, value, what, list);
	else
		cmd_cannot("%s %s: the agent has no tunnel yet: `espial status tunnels` shows them", option,
			   value);
	free(list);
}

const json_t *cmd_tunnel_find(const json_t *document, const char *name)
{
	const json_t *tunnel;
	size_t i;

	json_array_foreach(json_object_get(document, "tunnels"), i, tunnel) {
		if (cmd_tunnel_is(tunnel, "name", name))
			return tunnel;
	}
	return NULL;
}

const json_t *cmd_tunnel_named(const json_t *document, const char *option, const char *name)
{
	const json_t *tunnel = cmd_tunnel_find(document, name);

	if (!tunnel)
		cmd_tunnel_unknown(document, option, "name", name);
	return tunnel;
}

/* ---- the kernel */

static int wait_for_kernel(struct xfrm *x)
{
	struct pollfd fd = {.fd = xfrm_fd(x), .events = POLLIN};
	time_t deadline = time(NULL) + KERNEL_DEADLINE;
	int err = 0;

	while (!xfrm_facts(x)->available && !err && time(NULL) <= deadline) {
		if (poll(&fd, 1, 500) < 0 && errno != EINTR)
			return -errno;
		err = xfrm_run(x);
		err = err < 0 ? err : 0;
	}
	return err ? err : xfrm_facts(x)->available ? 0 : -ETIMEDOUT;
}

int cmd_tunnel_kernel(struct xfrm **ret, char *error, size_t size)
{
	const struct xfrm_options options = {0};
	struct xfrm *x = NULL;
	int err;

	(void)xfrm_protect_process();
	err = xfrm_open(&options, &x, error, size);
	if (err)
		return err;
	err = wait_for_kernel(x);
	if (err) {
		xfrm_close(x);
		return complain(error, size, err, "the kernel's SAs cannot be read: %s", strerror(-err));
	}
	*ret = x;
	return 0;
}

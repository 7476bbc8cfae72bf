// SPDX-License-Identifier: GPL-2.0-or-later
/* cmd_status.c - espial status: what is there now, from the running agent */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "cmd.h"
#include "cmd_ask.h"
#include "ui/ui.h"

enum { KEY_SOCKET = 0x100, KEY_JSON };

struct status_arguments {
	const char *socket, *view;
	bool json;
};

static const struct argp_option options[] = {
	{.name = "json", .key = KEY_JSON, .doc = "the whole state as JSON, whatever the view"},
	CMD_ASK_SOCKET(KEY_SOCKET),
	{0},
};

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct status_arguments *arguments = state->input;
	const char *const *views;
	size_t count, i;

	switch (key) {
	case KEY_JSON:
		arguments->json = true;
		return 0;
	case KEY_SOCKET:
		arguments->socket = value;
		return 0;
	case ARGP_KEY_ARG:
		if (arguments->view)
			cmd_usage("'%s': only one view at a time", value);
		views = ui_view_words(&count);
		for (i = 0; i < count && strcmp(views[i], value) != 0; i++)
			;
		if (i == count)
			cmd_unknown_word("view", value, views, count);
		arguments->view = views[i];
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int print(const struct client_reply *reply, const struct status_arguments *arguments)
{
	struct ui_options ui;
	json_error_t where;
	json_t *document;
	int err;

	document = json_loadb(reply->body, reply->length, 0, &where);
	if (!document)
		return cmd_cannot("agent at %s: its answer is no JSON: line %d: %s", arguments->socket,
				  where.line, where.text);
	if (arguments->json) {
		err = json_dumpf(document, stdout, JSON_INDENT(1)) != 0 ? -EIO : 0;
		putchar('\n');
	} else {
		ui_options_detect(stdout, &ui);
		err = ui_print_state(stdout, document, arguments->view, &ui);
	}
	json_decref(document);
	if (err == -EINVAL)
		return cmd_cannot("agent at %s: its answer is no state that this version knows: use the "
				  "agent's own version of espial",
				  arguments->socket);
	if (err == -ENOMEM)
		return cmd_cannot("agent at %s: no memory for its answer", arguments->socket);
	return cmd_close_output();
}

int cmd_status(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "[tunnels|sas|ike|interfaces|inner|host|self]",
		.doc = "What is there now, from the running agent. Without a view: a summary.",
	};
	struct status_arguments arguments = {.socket = CMD_DEFAULT_SOCKET};
	struct client_reply reply;
	int status;

	cmd_parse(&argp, argc, argv, &arguments);
	status = cmd_ask(arguments.socket, "/api/v1/state", &reply);
	if (status != CMD_OK)
		return status;
	status = print(&reply, &arguments);
	client_free(&reply);
	return status;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* cmd_events.c - espial events: IKE messages and ICMP errors that the agent saw */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "cmd.h"
#include "cmd_ask.h"
#include "export/event_json.h"

#define LINE 1024

enum { KEY_SOCKET = 0x100, KEY_JSON };

struct events_arguments {
	const char *socket;
	bool json, follow;
};

static const struct argp_option options[] = {
	{.name = "follow", .key = 'f', .doc = "go on with those that come"},
	{.name = "json", .key = KEY_JSON, .doc = "one JSON object to a line"},
	CMD_ASK_SOCKET(KEY_SOCKET),
	{0},
};

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct events_arguments *arguments = state->input;

	switch (key) {
	case 'f':
		arguments->follow = true;
		return 0;
	case KEY_JSON:
		arguments->json = true;
		return 0;
	case KEY_SOCKET:
		arguments->socket = value;
		return 0;
	case ARGP_KEY_ARG:
		cmd_usage("'%s': events takes options only", value);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void print(json_t *event, bool json)
{
	char line[LINE];

	if (json) {
		json_dumpf(event, stdout, JSON_COMPACT);
		putchar('\n');
	} else if (json_is_integer(json_object_get(event, "missed"))) {
		printf("(%lld events missed: they came faster than they were read)\n",
		       (long long)json_integer_value(json_object_get(event, "missed")));
	} else if (event_text(event, line, sizeof(line)) == 0) {
		puts(line);
	}
}

static int print_line(void *arg, const char *text, size_t length)
{
	const struct events_arguments *arguments = arg;
	json_t *event = json_loadb(text, length, 0, NULL);

	if (event)
		print(event, arguments->json);
	json_decref(event);
	return fflush(stdout) != 0
		       ? 1
		       : 0; /* 1: whoever reads this went away; what else, cmd_close_output() tells */
}

static int follow(struct events_arguments *arguments)
{
	int status = 0, err;

	err = client_follow(arguments->socket, "/api/v1/events?follow=1", CLIENT_DEADLINE_MS, print_line,
			    arguments, &status);
	if (err == 1)
		return cmd_close_output();
	if (err || status != 200)
		return cmd_ask_failed(arguments->socket, err, status);
	return cmd_cannot("agent at %s: it ended", arguments->socket);
}

static int list(const struct events_arguments *arguments)
{
	struct client_reply reply;
	json_t *events;
	size_t i;

	if (cmd_ask(arguments->socket, "/api/v1/events", &reply) != CMD_OK)
		return CMD_CANNOT;
	events = json_loadb(reply.body, reply.length, 0, NULL);
	client_free(&reply);
	if (!json_is_array(events)) {
		json_decref(events);
		return cmd_ask_failed(arguments->socket, -EPROTO, 0);
	}
	if (!json_array_size(events) && !arguments->json)
		fputs("no events yet: no IKE message and no ICMP error about IPsec since the agent started\n",
		      stderr);
	for (i = 0; i < json_array_size(events); i++)
		print(json_array_get(events, i), arguments->json);
	json_decref(events);
	return cmd_close_output();
}

int cmd_events(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "IKE messages, ICMP errors about IPsec, and SAs whose peer changed its address, as "
		       "the agent saw them: one "
		       "line each, the last 1000.",
	};
	struct events_arguments arguments = {.socket = CMD_DEFAULT_SOCKET};

	cmd_parse(&argp, argc, argv, &arguments);
	return arguments.follow ? follow(&arguments) : list(&arguments);
}

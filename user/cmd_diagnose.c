// SPDX-License-Identifier: GPL-2.0-or-later
/* cmd_diagnose.c - espial diagnose: what is wrong, why, and what to do, from the running agent */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "cmd.h"
#include "cmd_ask.h"
#include "cmd_diagnose.h"
#include "cmd_json.h"
#include "cmd_tunnel.h"
#include "diagnose/finding.h"
#include "model/address.h"
#include "ui/finding_read.h"
#include "ui/finding_text.h"
#include "ui/format.h"
#include "ui/table.h"
#include "ui/view.h"
#include "when.h"

#define UNEXPLAINED 8 /* names told of tunnels that are down */

enum { KEY_SOCKET = 0x100, KEY_JSON, KEY_PEER, KEY_TUNNEL, KEY_SINCE, KEY_ALL, KEY_EXIT_CODE, KEY_BRIEF };

struct diagnose_arguments {
	const char *socket, *peer, *tunnel;
	uint64_t since_ns; /* 0: only what is so now */
	bool all, json, exit_code, brief;
	char peer_text[ADDRESS_TEXT];
};

static const struct argp_option options[] = {
	{.name = "all",
	 .key = KEY_ALL,
	 .doc = "also what was looked for and not found, and what could not be decided, and what that "
		"would need"},
	{.name = "brief", .key = KEY_BRIEF, .doc = "one line for each finding"},
	{.name = "exit-code", .key = KEY_EXIT_CODE, .doc = "exit with 1 when there is a warning or worse"},
	{.name = "json", .key = KEY_JSON, .doc = "the findings as JSON"},
	{.name = "peer", .key = KEY_PEER, .arg = "ADDR", .doc = "only those about this peer"},
	{.name = "since",
	 .key = KEY_SINCE,
	 .arg = "TIME",
	 .doc = "also findings that were cleared after TIME: '2 hours ago', '2026-06-18 00:31:17'"},
	CMD_ASK_SOCKET(KEY_SOCKET),
	{.name = "tunnel", .key = KEY_TUNNEL, .arg = "NAME", .doc = "only those about this tunnel"},
	{0},
};

static void parse_since(struct diagnose_arguments *a, const char *value)
{
	uint64_t now = (uint64_t)time(NULL) * 1000000000U;

	if (when_parse(value, now, &a->since_ns) != 0)
		cmd_usage("--since: '%s' is no time: " WHEN_EXAMPLES, value);
	if (a->since_ns > now)
		cmd_usage("--since: '%s' is yet to come: " WHEN_EXAMPLES, value);
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct diagnose_arguments *a = state->input;
	uint8_t address[16];

	switch (key) {
	case KEY_ALL:
		a->all = true;
		return 0;
	case KEY_BRIEF:
		a->brief = true;
		return 0;
	case KEY_EXIT_CODE:
		a->exit_code = true;
		return 0;
	case KEY_JSON:
		a->json = true;
		return 0;
	case KEY_PEER:
		if (!address_parse(value, address))
			cmd_usage("--peer '%s': must be an address, like 203.0.113.7 or 2001:db8::7", value);
		a->peer = address_text(address, a->peer_text);
		return 0;
	case KEY_SINCE:
		parse_since(a, value);
		return 0;
	case KEY_SOCKET:
		a->socket = value;
		return 0;
	case KEY_TUNNEL:
		a->tunnel = value;
		return 0;
	case ARGP_KEY_ARG:
		cmd_usage("'%s': no arguments are taken; to choose a peer: --peer ADDR", value);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* ---- choosing */

static const char *const lists[] = {"findings", "findings_cleared"};

static bool is_about(const struct diagnose_arguments *a, const json_t *finding)
{
	const json_t *subject = json_object_get(finding, "subject");

	return (!a->peer || strcmp(view_string(subject, "peer"), a->peer) == 0) &&
	       (!a->tunnel || strcmp(view_string(subject, "tunnel"), a->tunnel) == 0);
}

static bool wanted(const struct diagnose_arguments *a, const json_t *finding)
{
	const char *until = json_string_value(json_object_get(finding, "until"));

	return is_about(a, finding) && (!until || (a->since_ns && format_parse_time(until) >= a->since_ns));
}

/* A new array of what is asked for out of findings[] and findings_cleared[]; NULL: no memory. */
static json_t *choose(const struct diagnose_arguments *a, const json_t *document)
{
	json_t *chosen = json_array(), *finding;
	size_t i;

	for (size_t l = 0; l < 2; l++) {
		json_array_foreach(json_object_get(document, lists[l]), i, finding) {
			if (wanted(a, finding) && json_array_append(chosen, finding) != 0) {
				json_decref(chosen);
				return NULL;
			}
		}
	}
	return chosen;
}

static bool bad(json_t *chosen)
{
	json_t *finding;
	size_t i;

	json_array_foreach(chosen, i, finding) {
		if (json_is_null(json_object_get(finding, "until")) &&
		    strcmp(view_string(finding, "severity"), "info") != 0)
			return true;
	}
	return false;
}

/* ---- printing */

static bool about(const struct diagnose_arguments *a, const json_t *tunnel)
{
	return (!a->tunnel || strcmp(view_string(tunnel, "name"), a->tunnel) == 0) &&
	       (!a->peer || strcmp(view_string(tunnel, "remote"), a->peer) == 0);
}

/* Is there such a tunnel, or was there a finding about it? A mistyped name must not look like a tunnel that is well. */
static bool is_known(const struct diagnose_arguments *a, const json_t *document)
{
	json_t *one;
	size_t i;

	json_array_foreach(json_object_get(document, "tunnels"), i, one) {
		if (about(a, one))
			return true;
	}
	for (size_t l = 0; l < 2; l++) {
		json_array_foreach(json_object_get(document, lists[l]), i, one) {
			if (is_about(a, one))
				return true;
		}
	}
	return !a->tunnel && !a->peer;
}

/* "3 tunnels: 2 up, 1 down" */
static void print_tunnels(const json_t *document, const struct diagnose_arguments *a)
{
	static const char *const states[] = {"up", "idle", "negotiating", "down"};
	size_t counts[4] = {0}, all = 0, i;
	const char *comma = ": ";
	json_t *tunnel;

	json_array_foreach(json_object_get(document, "tunnels"), i, tunnel) {
		if (!about(a, tunnel))
			continue;
		all++;
		for (size_t s = 0; s < 4; s++)
			counts[s] += strcmp(view_string(tunnel, "state"), states[s]) == 0;
	}
	if (!all) {
		fputs("No tunnel was seen yet", stdout);
		return;
	}
	printf("%zu tunnel%s", all, all == 1 ? "" : "s");
	for (size_t s = 0; s < 4; s++) {
		if (!counts[s])
			continue;
		printf("%s%zu %s", comma, counts[s], states[s]);
		comma = ", ";
	}
}

/* A tunnel that is down without a finding: what there is to look at. */
static void print_unexplained(const json_t *document, const struct diagnose_arguments *a)
{
	json_t *tunnel;
	size_t i, told = 0;

	json_array_foreach(json_object_get(document, "tunnels"), i, tunnel) {
		if (!about(a, tunnel) || strcmp(view_string(tunnel, "state"), "down") != 0)
			continue;
		fputs(told ? ", " : "Down, and what was seen does not say why: ", stdout);
		if (told++ == UNEXPLAINED) {
			fputs("…", stdout);
			break;
		}
		ui_clean(stdout, view_string(tunnel, "name"));
	}
	if (told)
		fputs(". To do: look what was last with `espial journal`, and what would be needed to know "
		      "more "
		      "with `espial diagnose --all`.\n",
		      stdout);
}

static int print_text(const json_t *document, const json_t *chosen, const struct diagnose_arguments *a)
{
	const struct finding_text_options text = {.local_time = true, .brief = a->brief};
	struct findings list = {0};
	struct ui_options ui;
	size_t unknown = 0;

	if (finding_read(chosen, &list, &unknown) != 0) {
		findings_free(&list);
		return cmd_cannot("out of memory");
	}
	ui_options_detect(stdout, &ui);
	if (!list.count) {
		fputs("No findings. ", stdout);
		print_tunnels(document, a);
		fputs(".\n", stdout);
		print_unexplained(document, a);
	} else {
		ui_print_findings(stdout, &list, &text, &ui);
		if (!a->brief) {
			putchar('\n');
			print_tunnels(document, a);
			fputs(".\n", stdout);
		}
	}
	if (unknown)
		fprintf(stderr,
			"espial: %zu findings of another version are not shown: use the agent's own espial\n",
			unknown);
	if (a->all)
		diagnose_print_all(document, chosen, &ui);
	findings_free(&list);
	return CMD_OK;
}

static int print(const struct client_reply *reply, const struct diagnose_arguments *a)
{
	json_t *document = json_loadb(reply->body, reply->length, 0, NULL), *chosen;
	bool is_bad;
	int status;

	if (!document || !json_is_array(json_object_get(document, "findings"))) {
		json_decref(document);
		return cmd_cannot("agent at %s: its answer is no diagnosis that this version knows: use the "
				  "agent's own "
				  "version of espial",
				  a->socket);
	}
	if (!is_known(a, document)) {
		cmd_tunnel_unknown(document, a->tunnel ? "--tunnel" : "--peer", a->tunnel ? "name" : "remote",
				   a->tunnel ? a->tunnel : a->peer);
		json_decref(document);
		return CMD_CANNOT;
	}
	chosen = choose(a, document);
	is_bad = bad(chosen);
	if (!chosen)
		status = cmd_cannot("out of memory");
	else if (a->json)
		status = cmd_json_print(a->all ? diagnose_all(document, chosen) : json_incref(chosen));
	else
		status = print_text(document, chosen, a);
	if (status == CMD_OK && a->exit_code && is_bad)
		status = CMD_FINDINGS;
	json_decref(chosen);
	json_decref(document);
	return cmd_close_output() == CMD_OK ? status : CMD_CANNOT;
}

int cmd_diagnose(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "What is wrong now, why, and what to do, from the running agent. The first line of "
		       "each finding is "
		       "enough to act.",
	};
	struct diagnose_arguments arguments = {.socket = CMD_DEFAULT_SOCKET};
	struct client_reply reply;
	int status;

	cmd_parse(&argp, argc, argv, &arguments);
	status = cmd_ask(arguments.socket, "/api/v1/diagnosis", &reply);
	if (status != CMD_OK)
		return status;
	status = print(&reply, &arguments);
	client_free(&reply);
	return status;
}

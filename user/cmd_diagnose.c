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
#include "diagnose/catalogue.h"
#include "diagnose/finding.h"
#include "ui/finding_read.h"
#include "ui/finding_text.h"
#include "ui/format.h"
#include "ui/table.h"
#include "ui/view.h"
#include "when.h"

enum { KEY_SOCKET = 0x100, KEY_JSON, KEY_PEER, KEY_TUNNEL, KEY_SINCE, KEY_ALL, KEY_EXIT_CODE, KEY_BRIEF };

struct diagnose_arguments {
	const char *socket, *peer, *tunnel;
	uint64_t since_ns; /* 0: only what is so now */
	bool all, json, exit_code, brief;
};

static const struct argp_option options[] = {
	{.name = "all", .key = KEY_ALL, .doc = "also what could not be decided, and what it would need"},
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

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct diagnose_arguments *a = state->input;

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
		a->peer = value;
		return 0;
	case KEY_SINCE:
		if (when_parse(value, (uint64_t)time(NULL) * 1000000000U, &a->since_ns) != 0)
			cmd_usage("--since: '%s' is no time: " WHEN_EXAMPLES, value);
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

static bool wanted(const struct diagnose_arguments *a, const json_t *finding)
{
	const json_t *subject = json_object_get(finding, "subject");
	const char *until = json_string_value(json_object_get(finding, "until"));

	if (a->peer && strcmp(view_string(subject, "peer"), a->peer) != 0)
		return false;
	if (a->tunnel && strcmp(view_string(subject, "tunnel"), a->tunnel) != 0)
		return false;
	return !until || (a->since_ns && format_parse_time(until) >= a->since_ns);
}

/* A new array of what is asked for out of findings[] and findings_cleared[]; NULL: no memory. */
static json_t *choose(const struct diagnose_arguments *a, const json_t *document)
{
	static const char *const lists[] = {"findings", "findings_cleared"};
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

/* "3 tunnels: 2 up, 1 down." */
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
		fputs("no tunnel was seen", stdout);
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

static void print_undecided(const json_t *document)
{
	json_t *row, *need;
	size_t i, k;

	printf("\nNot decided, for want of:\n");
	json_array_foreach(json_object_get(document, "findings_undecided"), i, row) {
		printf("  %-26s", view_string(row, "id"));
		json_array_foreach(json_object_get(row, "needs"), k, need) {
			printf("%s%s", k ? "; " : "", json_string_value(need));
		}
		putchar('\n');
	}
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
		fputs("No findings: ", stdout);
		print_tunnels(document, a);
		fputs(".\n", stdout);
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
		print_undecided(document);
	findings_free(&list);
	return CMD_OK;
}

static int print(const struct client_reply *reply, const struct diagnose_arguments *a)
{
	json_t *document = json_loadb(reply->body, reply->length, 0, NULL), *chosen;
	int status = CMD_OK;

	if (!document || !json_is_array(json_object_get(document, "findings"))) {
		json_decref(document);
		return cmd_cannot("agent at %s: its answer is no diagnosis that this version knows: use the "
				  "agent's own "
				  "version of espial",
				  a->socket);
	}
	chosen = choose(a, document);
	if (!chosen) {
		status = cmd_cannot("out of memory");
	} else if (a->json) {
		if (json_dumpf(chosen, stdout, JSON_INDENT(1)) == 0)
			putchar('\n');
	} else {
		status = print_text(document, chosen, a);
	}
	if (status == CMD_OK && a->exit_code && bad(chosen))
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

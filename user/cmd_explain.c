// SPDX-License-Identifier: GPL-2.0-or-later
/* cmd_explain.c - espial explain: logs of IKE daemons and routers to findings, without privileges */
#include "cmd.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd_explain.h"
#include "export/log_json.h"
#include "model/address.h"
#include "ui/finding_text.h"
#include "ui/format.h"
#include "ui/table.h"
#include "when.h"

#ifndef ESPIAL_VERSION
#define ESPIAL_VERSION "unknown"
#endif

#define SECOND 1000000000ULL

enum {
	OPTION_SINCE = 0x100,
	OPTION_UNTIL,
	OPTION_PEER,
	OPTION_YEAR,
	OPTION_TIMELINE,
	OPTION_UNKNOWN,
	OPTION_BRIEF,
	OPTION_FOLLOW,
	OPTION_JOURNAL,
	OPTION_WITH,
	OPTION_JSON,
	OPTION_EXIT_CODE,
};

static const struct argp_option option_table[] = {
	{.name = "peer", .key = OPTION_PEER, .arg = "ADDRESS", .doc = "Only what concerns this peer"},
	{.name = "since",
	 .key = OPTION_SINCE,
	 .arg = "TIME",
	 .doc = "Leave out what was over before: 2026-03-01, \"2026-03-01 04:00:00\", or 30m, 12h, 2d before "
		"now"},
	{.name = "until", .key = OPTION_UNTIL, .arg = "TIME", .doc = "Leave out what came later"},
	{.name = "year",
	 .key = OPTION_YEAR,
	 .arg = "YEAR",
	 .doc = "Of lines that do not say theirs; else the newest that is not later than their file"},
	{.name = "timeline", .key = OPTION_TIMELINE, .doc = "Show also what happened, in the order of time"},
	{.name = "unknown",
	 .key = OPTION_UNKNOWN,
	 .doc = "Show also the lines of IPsec that are not understood"},
	{.name = "brief", .key = OPTION_BRIEF, .doc = "One line for each finding"},
	{.name = "follow",
	 .key = OPTION_FOLLOW,
	 .doc = "Go on: tell what is new when a file or the journal grows, until interrupted"},
	{.name = "journal",
	 .key = OPTION_JOURNAL,
	 .arg = "UNIT",
	 .flags = OPTION_ARG_OPTIONAL,
	 .doc = "Read the systemd journal too, of this unit (else of all IKE daemons); with --since, from a "
		"day before it on. May be given several times"},
	{.name = "with",
	 .key = OPTION_WITH,
	 .arg = "WHAT",
	 .doc = "Add what was seen of the peers at that time, and what only was seen: by a capture, by an "
		"agent "
		"(its socket, or http://HOST:PORT), or a file of `espial status --json`"},
	{.name = "json", .key = OPTION_JSON, .doc = "Everything, exactly, as JSON"},
	{.name = "exit-code",
	 .key = OPTION_EXIT_CODE,
	 .doc = "End with status 1 when a finding is a warning or worse"},
	{0},
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct explain_options *o = state->input;
	uint8_t address[16];
	char *end;

	switch (key) {
	case OPTION_SINCE:
		o->since = arg;
		return 0;
	case OPTION_UNTIL:
		o->until = arg;
		return 0;
	case OPTION_PEER:
		if (!address_parse(arg, address))
			cmd_usage("--peer '%s': must be an address, like 203.0.113.7 or 2001:db8::7", arg);
		o->peer = address_text(address, o->peer_text);
		return 0;
	case OPTION_YEAR:
		o->year = (int)strtol(arg, &end, 10);
		if (*end || end == arg || o->year < 1970 || o->year > 2200)
			cmd_usage("--year '%s': must be a year, like 2026", arg);
		return 0;
	case OPTION_TIMELINE:
		o->timeline = true;
		return 0;
	case OPTION_UNKNOWN:
		o->unknown = true;
		return 0;
	case OPTION_BRIEF:
		o->brief = true;
		return 0;
	case OPTION_FOLLOW:
		o->follow = true;
		return 0;
	case OPTION_JOURNAL:
		if (o->unit_count == EXPLAIN_UNITS)
			cmd_usage("--journal: at most %d units", EXPLAIN_UNITS);
		o->units[o->unit_count++] = arg ? arg : "";
		return 0;
	case OPTION_WITH:
		o->with = arg;
		return 0;
	case OPTION_JSON:
		o->json = true;
		return 0;
	case OPTION_EXIT_CODE:
		o->exit_code = true;
		return 0;
	case ARGP_KEY_ARGS:
		o->files = state->argv + state->next;
		o->file_count = state->argc - state->next;
		return 0;
	case ARGP_KEY_END:
		if (o->json && (o->brief || o->timeline))
			cmd_usage("--json has everything: leave --brief and --timeline out");
		if (o->follow && (o->json || o->with || o->timeline || o->unknown || o->exit_code))
			cmd_usage("--follow tells findings as they come: leave out --json, --timeline, "
				  "--unknown, --with and --exit-code");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = option_table,
	.parser = parse_option,
	.args_doc = "[FILE…]",
	.doc = "Reads logs of strongSwan, libreswan, Cisco IOS and ASA, and Huawei VRP, also compressed with "
	       "gzip, of "
	       "one or both ends, in whatever order (-, and nothing at all: standard input), and says what "
	       "is wrong, "
	       "since when, why, and what to do.\vTimes without a zone are of the local one (TZ). For "
	       "example: "
	       "journalctl -u strongswan | espial explain",
};

/* ---- times */

uint64_t explain_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

static uint64_t parse_time(const char *option, const char *text, uint64_t now)
{
	uint64_t ns;

	if (when_parse(text, now, &ns) != 0)
		cmd_usage(
			"--%s '%s': must be a time, like \"2026-03-01 04:00:00\", or 30m, 12h, 2d before now",
			option, text);
	return ns;
}

/* ---- output */

static void print_timeline(FILE *out, const struct log_timeline *t, const struct log_diagnose_options *limits,
			   const struct ui_options *options)
{
	static const struct ui_column columns[] = {{"TIME", false, 0},
						   {"HOST", false, 2},
						   {"PEER", false, 0},
						   {"EVENT", false, 0},
						   {"LINE", false, 3}};
	struct ui_table table;
	size_t shown = 0;

	ui_table_begin(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < t->count; i++) {
		const struct log_event *e = &t->events[i];
		char time[FINDING_TIME_SIZE];

		if (!log_json_shows(t, e, limits))
			continue;
		shown++;
		ui_finding_time(e->at_ns, true, time);
		ui_table_add(&table, UI_PLAIN, e->at_ns ? time : "-");
		ui_table_add(&table, UI_DIM, e->host ? log_text(t, e->host) : "-");
		ui_table_add(&table, UI_PLAIN, e->peer ? log_text(t, e->peer) : "-");
		ui_table_add(&table, UI_BOLD, log_kind_name((enum log_kind)e->kind));
		ui_table_add(&table, UI_DIM, log_event_line(t, e));
	}
	fputs(shown ? "\nWhat happened:\n" : "\nNothing of note happened.\n", out);
	if (shown)
		ui_table_print(out, &table, options);
}

static void print_unknown(FILE *out, const struct log_timeline *t)
{
	const char *line;

	if (!t->unknown)
		return;
	fputs("\nNot understood:\n", out);
	for (size_t i = 0; (line = log_unknown(t, i)) != NULL; i++) {
		fputs("  ", out);
		ui_clean(out, line);
		fputc('\n', out);
	}
}

static void print_summary(FILE *out, const struct log_timeline *t, const struct findings *findings,
			  bool unknown)
{
	char first[FINDING_TIME_SIZE], last[FINDING_TIME_SIZE];

	if (!findings->count)
		fputs(t->recognised ? "No fault found.\n" : "Nothing of IPsec found.\n", out);
	else
		fputc('\n', out);
	fprintf(out, "%" PRIu64 " lines read", t->lines);
	if (t->first_ns) {
		ui_finding_time(t->first_ns, true, first);
		ui_finding_time(t->last_ns, true, last);
		fprintf(out, ", %s to %s", first, last);
	}
	fprintf(out, ": %" PRIu64 " understood, %" PRIu64 " of IPsec not%s, %" PRIu64 " of something else.\n",
		t->recognised, t->unknown, t->unknown && !unknown ? " (--unknown shows them)" : "",
		t->foreign);
}

static int print_json(const struct log_timeline *t, const struct findings *findings,
		      const struct explain_options *o, const struct log_diagnose_options *limits)
{
	struct log_json_options options = {
		.version = ESPIAL_VERSION, .name = o->file_count ? o->files[0] : "journal", .limits = limits};
	struct ui_options terminal;
	size_t length;
	char *text;

	ui_options_detect(stdout, &terminal);
	options.pretty = terminal.width != 0;
	text = export_log_json(t, findings, &options, &length);
	if (!text)
		return cmd_cannot("out of memory");
	fwrite(text, 1, length, stdout);
	free(text);
	return CMD_OK;
}

static void print_text(const struct log_timeline *t, const struct findings *findings,
		       const struct explain_options *o, const struct log_diagnose_options *limits)
{
	const struct finding_text_options text = {.local_time = true, .brief = o->brief};
	struct ui_options options;

	ui_options_detect(stdout, &options);
	ui_print_findings(stdout, findings, &text, &options);
	if (o->timeline)
		print_timeline(stdout, t, limits, &options);
	if (o->unknown)
		print_unknown(stdout, t);
	if (!o->brief || !findings->count)
		print_summary(stdout, t, findings, o->unknown);
}

/* "No fault found" of a peer of whom there is not one line would be no answer. */
static bool is_peer_known(const struct log_timeline *t, const struct findings *findings, const char *peer)
{
	if (!peer || findings->count)
		return true;
	for (size_t i = 0; i < t->conversation_count; i++)
		if (strcmp(log_text(t, t->conversations[i].peer), peer) == 0)
			return true;
	return false;
}

#define PEERS_TOLD 8

static int peer_unknown(const struct log_timeline *t, const char *peer)
{
	size_t told = 0, room = 0;
	char *list = NULL;
	FILE *out = open_memstream(&list, &room);
	int status;

	if (!out)
		return cmd_cannot("out of memory");
	for (size_t i = 0; i < t->conversation_count && told <= PEERS_TOLD; i++) {
		const char *other = log_text(t, t->conversations[i].peer);
		size_t k;

		/* Of several hosts, one peer may have several */
		for (k = 0; k < i && t->conversations[k].peer != t->conversations[i].peer; k++)
			;
		if (*other && k == i && told++ < PEERS_TOLD)
			fprintf(out, "%s%s", told > 1 ? ", " : "", other);
	}
	if (fclose(out) == 0 && told)
		status = cmd_cannot("--peer %s: no line is about this peer: there are %s%s", peer, list,
				    told > PEERS_TOLD ? ", …" : "");
	else
		status = cmd_cannot("--peer %s: no line is about this peer, nor any other", peer);
	free(list);
	return status;
}

static int explain(struct log_timeline *t, const struct explain_options *o,
		   const struct log_diagnose_options *limits)
{
	struct findings findings = {0};
	int status = CMD_OK, joined = CMD_OK;

	if (log_timeline_finish(t) || log_diagnose(t, limits, &findings)) {
		findings_free(&findings);
		return cmd_cannot("out of memory");
	}
	if (o->with)
		joined = explain_with(&findings, t, limits, o->with);
	if (!is_peer_known(t, &findings, o->peer))
		status = peer_unknown(t, o->peer);
	else if (o->json)
		status = print_json(t, &findings, o, limits);
	else
		print_text(t, &findings, o, limits);
	if (status == CMD_OK)
		status = cmd_close_output();
	for (size_t i = 0; i < findings.count && o->exit_code && status == CMD_OK; i++)
		if (findings.list[i]->severity >= SEVERITY_WARNING)
			status = CMD_FINDINGS;
	findings_free(&findings);
	return joined != CMD_OK ? joined : status;
}

int cmd_explain(int argc, char **argv)
{
	static char standard[] = "-", *nothing[] = {standard};
	struct log_diagnose_options limits = {0};
	struct explain_options o = {0};
	uint64_t now = explain_now_ns();
	struct log_timeline t;
	int status, failed;

	cmd_parse(&argp, argc, argv, &o);
	if (!o.file_count && !o.unit_count) {
		if (isatty(STDIN_FILENO))
			cmd_usage("no file: `espial explain FILE…`, a log on standard input, or --journal");
		o.files = nothing;
		o.file_count = 1;
	}
	limits.peer = o.peer;
	if (o.since)
		limits.since_ns = parse_time("since", o.since, now);
	if (o.until)
		limits.until_ns = parse_time("until", o.until, now);
	if (o.follow) {
		for (int i = 0; i < o.file_count; i++)
			if (strcmp(o.files[i], "-") == 0)
				cmd_usage("--follow wants files: standard input cannot be read again");
		return explain_follow(&o, &limits);
	}
	if (log_timeline_init(&t, NULL))
		return cmd_cannot("out of memory");
	t.keep_unknown = o.unknown;
	failed = explain_read(&t, &o, &limits);
	/* What could be read is explained; without a line there is nothing to say */
	status = failed && !t.lines ? CMD_CANNOT : explain(&t, &o, &limits);
	log_timeline_destroy(&t);
	return failed ? CMD_CANNOT : status;
}

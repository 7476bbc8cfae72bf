// SPDX-License-Identifier: GPL-2.0-or-later
/* cmd_explain.c - espial explain: logs of IKE daemons and routers to findings, without privileges */
#include "cmd.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd_explain.h"
#include "diagnose/log_wire.h"
#include "export/log_json.h"
#include "source/capfile.h"
#include "source/log_time.h"
#include "source/offline.h"
#include "ui/finding_text.h"
#include "ui/format.h"
#include "ui/progress.h"
#include "ui/table.h"

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
	 .doc = "Go on: tell what is new when a file grows, until interrupted"},
	{.name = "with",
	 .key = OPTION_WITH,
	 .arg = "CAPTURE",
	 .doc = "Add what a capture of the same time shows of the peers"},
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
	int family;
	char *end;

	switch (key) {
	case OPTION_SINCE:
		o->since = arg;
		return 0;
	case OPTION_UNTIL:
		o->until = arg;
		return 0;
	case OPTION_PEER:
		family = strchr(arg, ':') ? AF_INET6 : AF_INET;
		if (inet_pton(family, arg, address) != 1)
			cmd_usage("--peer '%s': must be an address, like 203.0.113.7 or 2001:db8::7", arg);
		inet_ntop(family, address, o->peer_text, sizeof(o->peer_text));
		o->peer = o->peer_text;
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

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

/* 0: it is none */
static uint64_t parse_ago(const char *text, uint64_t now)
{
	static const struct {
		char unit;
		uint64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	char *end;
	unsigned long long count;

	if (*text < '0' || *text > '9')
		return 0;
	count = strtoull(text, &end, 10);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (end[0] == units[i].unit && !end[1] && count < now / SECOND / units[i].seconds)
			return now - count * units[i].seconds * SECOND;
	return 0;
}

static uint64_t parse_time(const char *option, const char *text, uint64_t now)
{
	struct log_clock clock = {.reference_ns = now};
	char whole[64];
	const char *at = whole;
	struct log_stamp stamp;
	uint64_t ns = parse_ago(text, now);
	size_t length = strlen(text);

	if (ns)
		return ns;
	/* A date alone is its midnight, minutes alone have no seconds */
	snprintf(whole, sizeof(whole), "%.40s%s", text,
		 length == 10	? " 00:00:00"
		 : length == 16 ? ":00"
				: "");
	if (log_stamp_parse(&at, whole + strlen(whole), &stamp) && stamp.month && !*at)
		ns = log_clock_resolve(&clock, &stamp);
	if (!ns)
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
		.version = ESPIAL_VERSION, .name = o->file_count ? o->files[0] : "-", .limits = limits};
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

/* The error names files: what a name contains must not reach the terminal as it is */
static void complain_clean(const char *line)
{
	fputs("espial: ", stderr);
	ui_clean(stderr, line);
	fputc('\n', stderr);
}

/* CMD_OK, or what was complained of */
static int join_capture(struct findings *findings, const char *path)
{
	const struct offline_options options = {0};
	char error[CAPFILE_ERROR_MAX];
	struct offline *o;
	struct state state = {0};
	int status = CMD_OK;

	if (offline_open(&options, &o))
		return cmd_cannot("out of memory");
	if (offline_read(o, path, error, sizeof(error))) {
		complain_clean(error);
		status = CMD_CANNOT;
	}
	/* As far as it could be read */
	if (offline_state(o, &state)) {
		offline_close(o);
		return cmd_cannot("out of memory");
	}
	if (state.first_ns && log_wire_join(findings, offline_conversations(o), &state))
		status = cmd_cannot("out of memory");
	state_free(&state);
	offline_close(o);
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
		joined = join_capture(&findings, o->with);
	if (o->json)
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

static void on_progress(void *arg, const char *path, uint64_t offset, uint64_t size)
{
	progress_update(arg, path, offset, size);
}

int explain_read(struct log_timeline *t, const struct explain_options *o)
{
	struct progress progress;
	struct log_load_options load = {
		.now_ns = now_ns(), .year = o->year, .progress = on_progress, .progress_arg = &progress};
	struct ui_options terminal;
	int failed = 0;

	ui_options_detect(stderr, &terminal);
	for (int i = 0; i < o->file_count; i++) {
		char error[LOG_LOAD_ERROR];
		int err;

		progress_begin(&progress, stderr, terminal.width);
		err = log_load(t, o->files[i], &load, error, sizeof(error));
		progress_end(&progress);
		if (!err)
			continue;
		complain_clean(error);
		failed++;
	}
	return failed;
}

int cmd_explain(int argc, char **argv)
{
	static char standard[] = "-", *nothing[] = {standard};
	struct log_diagnose_options limits = {0};
	struct explain_options o = {0};
	uint64_t now = now_ns();
	struct log_timeline t;
	int status, failed;

	cmd_parse(&argp, argc, argv, &o);
	if (!o.file_count) {
		if (isatty(STDIN_FILENO))
			cmd_usage("no file: `espial explain FILE…`, or a log on standard input");
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
	failed = explain_read(&t, &o);
	/* What could be read is explained; without a line there is nothing to say */
	status = failed && !t.lines ? CMD_CANNOT : explain(&t, &o, &limits);
	log_timeline_destroy(&t);
	return failed ? CMD_CANNOT : status;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* cmd_journal.c - espial journal: the timeline that is kept on disk, read whether the agent runs or not */
#include "cmd_journal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd.h"
#include "export/journal.h"
#include "export/timeline_json.h"
#include "model/address.h"
#include "suggest.h"
#include "ui/timeline.h"
#include "when.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define LIMIT 1000
#define POLL_NS 500000000

enum {
	KEY_SINCE = 0x100,
	KEY_UNTIL,
	KEY_AROUND,
	KEY_PEER,
	KEY_TUNNEL,
	KEY_KIND,
	KEY_SEVERITY,
	KEY_EVIDENCE,
	KEY_ROLLUP,
	KEY_JSON,
	KEY_FILE,
};

static const struct argp_option options[] = {
	{.doc = "Which entries:"},
	{.name = "since",
	 .key = KEY_SINCE,
	 .arg = "TIME",
	 .doc = "from then on: '2 hours ago', yesterday, '2026-06-18 00:31:17', 23:50, @1781735477"},
	{.name = "until", .key = KEY_UNTIL, .arg = "TIME", .doc = "up to then"},
	{.name = "around",
	 .key = KEY_AROUND,
	 .arg = "TIME",
	 .doc = "what led to the fall of a tunnel at about that time, the newest last, with the last good "
		"exchange marked"},
	{.name = "peer", .key = KEY_PEER, .arg = "ADDR", .doc = "of this peer"},
	{.name = "tunnel", .key = KEY_TUNNEL, .arg = "NAME", .doc = "of this tunnel"},
	{.name = "kind",
	 .key = KEY_KIND,
	 .arg = "KIND",
	 .doc = "of this kind, as tunnel-down; may be repeated, or several with commas"},
	{.name = "severity",
	 .key = KEY_SEVERITY,
	 .arg = "LEVEL",
	 .doc = "of this severity and worse: info, warning or critical"},
	{.name = "limit",
	 .key = 'n',
	 .arg = "N",
	 .doc = "the last N (default 1000, but all with --since or --until); 0: all"},
	{.name = "follow", .key = 'f', .doc = "go on with those that come"},
	{.doc = "How:"},
	{.name = "rollup",
	 .key = KEY_ROLLUP,
	 .doc = "the traffic of the tunnels instead: of each 10 s where at most an hour is asked for, else "
		"of each "
		"5 min"},
	{.name = "evidence", .key = KEY_EVIDENCE, .doc = "the evidence of each entry, on lines below it"},
	{.name = "json", .key = KEY_JSON, .doc = "one JSON object to a line"},
	{.name = "file",
	 .key = KEY_FILE,
	 .arg = "PATH",
	 .doc = "the journal (default " JOURNAL_DEFAULT_PATH ")"},
	{0},
};

/* ---- values of options */

static uint64_t parse_time(const struct journal_request *r, const char *option, const char *text)
{
	uint64_t ns = 0;
	int err = when_parse(text, r->now_ns, &ns);

	if (err == -ERANGE)
		cmd_usage("--%s '%s': is too far away", option, text);
	if (err)
		cmd_usage("--%s '%s': is no time: give %s", option, text, WHEN_EXAMPLES);
	return ns;
}

static void parse_peer(struct journal_query *q, const char *text)
{
	if (!address_parse(text, q->peer))
		cmd_usage("--peer '%s': is no address: give numbers, as 10.1.2.3 or 2001:db8::1", text);
	q->by_peer = true;
}

static void parse_kinds(struct journal_query *q, const char *text)
{
	const char *names[TIMELINE_KINDS];
	char *copy = strdup(text), *rest = copy, *word;
	int i, kind;

	if (!copy)
		exit(cmd_cannot("no memory"));
	for (i = 0; i < TIMELINE_KINDS; i++)
		names[i] = timeline_kind_name(i);
	while ((word = strsep(&rest, ",")) != NULL) {
		kind = timeline_kind_find(word);
		if (kind < 0)
			cmd_unknown_word("kind", word, names, TIMELINE_KINDS);
		q->kinds |= UINT64_C(1) << kind;
	}
	free(copy);
}

static uint32_t parse_severity(const char *text)
{
	const char *names[] = {timeline_severity_name(TIMELINE_INFO),
			       timeline_severity_name(TIMELINE_WARNING),
			       timeline_severity_name(TIMELINE_CRITICAL)};

	for (uint32_t i = 0; i < COUNT(names); i++)
		if (strcmp(names[i], text) == 0)
			return i;
	cmd_unknown_word("severity", text, names, COUNT(names));
}

static uint64_t parse_limit(const char *text)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || n > INT32_MAX)
		cmd_usage("--limit '%s': must be a number from 0 to %d", text, INT32_MAX);
	return n;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct journal_request *r = state->input;

	switch (key) {
	case KEY_SINCE:
		r->query.since_ns = parse_time(r, "since", value);
		r->since_given = true;
		return 0;
	case KEY_UNTIL:
		r->query.until_ns = parse_time(r, "until", value);
		return 0;
	case KEY_AROUND:
		r->around_ns = parse_time(r, "around", value);
		r->around = true;
		return 0;
	case KEY_PEER:
		parse_peer(&r->query, value);
		return 0;
	case KEY_TUNNEL:
		r->query.tunnel = value;
		return 0;
	case KEY_KIND:
		parse_kinds(&r->query, value);
		return 0;
	case KEY_SEVERITY:
		r->query.severity = parse_severity(value);
		return 0;
	case 'n':
		r->limit = parse_limit(value);
		r->limit_given = true;
		return 0;
	case 'f':
		r->follow = true;
		return 0;
	case KEY_ROLLUP:
		r->rollup = true;
		return 0;
	case KEY_EVIDENCE:
		r->evidence = true;
		return 0;
	case KEY_JSON:
		r->json = true;
		return 0;
	case KEY_FILE:
		r->file = value;
		return 0;
	case ARGP_KEY_ARG:
		cmd_usage("'%s': journal takes options only: --peer ADDR, --tunnel NAME, --since TIME",
			  value);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* What does not go together, in one sentence each. */
static void check(const struct journal_request *r)
{
	if (r->around && (r->since_given || r->query.until_ns || r->follow || r->rollup || r->limit_given))
		cmd_usage("--around chooses the time and the number by itself: without --since, --until, "
			  "--limit, "
			  "--follow and --rollup");
	if (r->follow && (r->query.until_ns || r->rollup))
		cmd_usage("--follow has no end and no traffic: without --until and --rollup");
	if (r->rollup && (r->query.kinds || r->query.severity || r->limit_given || r->evidence))
		cmd_usage("--rollup shows traffic, not entries: without --kind, --severity, --limit and "
			  "--evidence");
	if (r->query.until_ns && r->query.until_ns < r->query.since_ns)
		cmd_usage("--until is before --since: nothing can be between them");
}

/* ---- output */

int journal_print(const struct journal_request *r, const struct journal_row *row, bool evidence,
		  const char *json_mark, const char *mark)
{
	const char *kind = row->entry.kind == TIMELINE_KINDS ? row->kind : NULL;
	struct json_writer w = {.pretty = false};
	char *text;

	if (!r->json) {
		ui_timeline(stdout, &r->ui, &row->entry, kind, evidence, mark);
		return ferror(stdout) ? 1 : 0;
	}
	timeline_json(&w, NULL, &row->entry, kind, json_mark);
	text = text_take(&w.text, NULL);
	if (!text)
		return -ENOMEM;
	puts(text);
	free(text);
	return ferror(stdout) ? 1 : 0;
}

int journal_failed(const struct journal_reader *r, const struct journal_request *request, int err)
{
	cmd_close_output();
	if (err == -EUCLEAN)
		return cmd_cannot(
			"journal %s: damaged (%s): what is shown is not all; the agent sets such a file "
			"aside when it starts",
			request->file, journal_reader_cause(r));
	if (err == -ENOMEM)
		return cmd_cannot("journal %s: no memory", request->file);
	return cmd_cannot("journal %s: %s", request->file,
			  *journal_reader_cause(r) ? journal_reader_cause(r) : strerror(-err));
}

struct listing {
	const struct journal_request *request;
	int64_t last;
	uint64_t count;
};

static int print_row(void *arg, const struct journal_row *row)
{
	struct listing *l = arg;

	l->count++;
	if (row->id > l->last)
		l->last = row->id;
	return journal_print(l->request, row, l->request->evidence, NULL, NULL);
}

static void say_empty(const struct journal_request *r)
{
	bool filtered = r->since_given || r->query.until_ns || r->query.tunnel || r->query.by_peer ||
			r->query.kinds || r->query.severity;

	if (!r->json)
		fprintf(stderr,
			filtered ? "no entries match\n"
				 : "the journal is empty: the agent has seen nothing to tell of yet\n");
}

/* Since the file may be replaced, or come to have a writer, it is opened anew then. Without an agent nothing comes. */
static int follow(struct journal_reader **reader, const struct journal_request *r, struct listing *l)
{
	struct journal_query q = r->query;
	char error[JOURNAL_LINE];
	int err;

	q.order = JOURNAL_AS_WRITTEN;
	q.since_ns = 0;
	for (;;) {
		if (fflush(stdout) != 0)
			return cmd_close_output();
		nanosleep(&(struct timespec){.tv_nsec = POLL_NS}, NULL);
		if (journal_reader_is_stale(*reader)) {
			struct journal_reader *again = NULL;
			bool replaced;
			int64_t newest = 0;

			if (journal_reader_open(r->file, &again, error, sizeof(error)) != 0)
				continue; /* it is about to be made */
			replaced = journal_newest(again, &newest) == 0 && newest < l->last;
			journal_reader_close(*reader);
			*reader = again;
			if (replaced)
				l->last = 0;
		}
		q.after_id = l->last;
		err = journal_read(*reader, &q, print_row, l);
		if (err == 1)
			return cmd_close_output();
		if (err)
			return journal_failed(*reader, r, err);
	}
}

static int list(struct journal_reader **reader, struct journal_request *r)
{
	struct listing l = {.request = r};
	struct journal_query q = r->query;
	bool more = false, all = r->since_given || q.until_ns;
	uint64_t limit = r->limit_given ? r->limit : all ? 0 : LIMIT;
	int64_t newest = 0;
	int err;

	err = journal_newest(*reader, &newest);
	if (!err && limit)
		err = journal_last(*reader, &q, limit, &more);
	if (!err && more && !r->limit_given && !r->json)
		fprintf(stderr, "the last %" PRIu64 " entries: --since or --limit shows more\n", limit);
	if (!err)
		err = journal_read(*reader, &q, print_row, &l);
	if (err == 1)
		return cmd_close_output();
	if (err)
		return journal_failed(*reader, r, err);
	if (newest > l.last)
		l.last = newest;
	if (r->follow)
		return follow(reader, r, &l);
	if (!l.count)
		say_empty(r);
	return cmd_close_output();
}

int cmd_journal(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "What happened to the tunnels, as the agent wrote it down: one line each, the oldest "
		       "first. Works whether the agent runs or not; times are local ones, in JSON UTC.\v"
		       "For example: espial journal --around 00:31 --peer 10.1.2.3",
	};
	struct journal_request r = {.file = JOURNAL_DEFAULT_PATH};
	struct journal_reader *reader = NULL;
	char error[JOURNAL_LINE];
	struct timespec now;
	int status;

	clock_gettime(CLOCK_REALTIME, &now);
	r.now_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	cmd_parse(&argp, argc, argv, &r);
	check(&r);
	ui_options_detect(stdout, &r.ui);
	if (journal_reader_open(r.file, &reader, error, sizeof(error)) != 0)
		return cmd_cannot("%s", error);
	status = r.rollup   ? journal_traffic(reader, &r)
		 : r.around ? journal_around(reader, &r)
			    : list(&reader, &r);
	journal_reader_close(reader);
	return status;
}

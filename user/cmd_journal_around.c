// SPDX-License-Identifier: GPL-2.0-or-later
/* cmd_journal_around.c - espial journal --around, --rollup: what led to a fall; what passed in each step of time */
#include "cmd_journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "export/timeline_json.h"
#include "model/address.h"
#include "ui/format.h"
#include "ui/table.h"
#include "ui/timeline.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SECOND 1000000000ull
#define NEAR_NS (600 * SECOND)	 /* a fall is looked for so long before and after */
#define BEFORE_NS (600 * SECOND) /* what is shown before it, and, where nothing fell, */
#define BEHIND_NS (60 * SECOND)	 /* after it */
#define FINE_RANGE_NS (3600 * SECOND)
#define RESULT_SOME 1000 /* of a table: rows until it is printed */

/* ---- around */

struct around {
	const struct journal_request *request;
	struct journal_row fall, good;
	bool has_fall, has_good;
	bool cut; /* time was left out between the last good exchange and what follows */
	char mark[96];
	uint64_t count;
};

static int take_row(void *arg, const struct journal_row *row)
{
	*(struct journal_row *)arg = *row;
	return 2;
}

/* 2: there is one, in *ret. */
static int first_of(struct journal_reader *r, const struct journal_query *query, struct journal_row *ret)
{
	return journal_read(r, query, take_row, ret);
}

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

/* The fall that is nearest to the time. 0, -errno. */
static int find_fall(struct journal_reader *r, struct around *a)
{
	const struct journal_request *request = a->request;
	struct journal_query q = request->query;
	uint64_t at = request->around_ns;
	struct journal_row after;
	int before, behind;

	q.severity = 0;
	q.kinds = UINT64_C(1) << TIMELINE_TUNNEL_DOWN;
	q.since_ns = at > NEAR_NS ? at - NEAR_NS : 0;
	q.until_ns = at;
	q.order = JOURNAL_NEWEST_FIRST;
	before = first_of(r, &q, &a->fall);
	if (before < 0)
		return before;
	q.since_ns = at;
	q.until_ns = at + NEAR_NS;
	q.order = JOURNAL_OLDEST_FIRST;
	behind = first_of(r, &q, &after);
	if (behind < 0)
		return behind;
	if (behind && (!before || distance(after.entry.time_ns, at) < distance(a->fall.entry.time_ns, at)))
		a->fall = after;
	a->has_fall = before || behind;
	return 0;
}

/* Of the tunnel that fell, whatever was asked for. */
static int find_good(struct journal_reader *r, struct around *a)
{
	const struct timeline_entry *fall = &a->fall.entry;
	struct journal_query q = {.until_ns = fall->time_ns, .good = true, .order = JOURNAL_NEWEST_FIRST};
	static const uint8_t unknown[16];
	char duration[FORMAT_SIZE];
	int err;

	q.by_peer = memcmp(fall->peer, unknown, 16) != 0;
	memcpy(q.peer, fall->peer, 16);
	if (!q.by_peer && fall->tunnel[0])
		q.tunnel = fall->tunnel;
	if (!q.by_peer && !q.tunnel)
		return 0;
	err = first_of(r, &q, &a->good);
	a->has_good = err == 2;
	if (a->has_good) {
		format_duration(fall->time_ns - a->good.entry.time_ns, duration);
		snprintf(a->mark, sizeof(a->mark), "last good exchange, %s before the fall", duration);
	}
	return err < 0 ? err : 0;
}

static int print_around(void *arg, const struct journal_row *row)
{
	struct around *a = arg;
	bool is_fall = a->has_fall && row->id == a->fall.id, is_good = a->has_good && row->id == a->good.id;

	if (!a->count++ && a->cut) {
		int err = journal_print(a->request, &a->good, true, "last-good", a->mark);

		if (err)
			return err;
		if (!a->request->json)
			puts("  ...");
	}
	return journal_print(a->request, row, true,
			     is_fall   ? "fall"
			     : is_good ? "last-good"
				       : NULL,
			     is_fall   ? "the fall"
			     : is_good ? a->mark
				       : NULL);
}

int journal_around(struct journal_reader *r, const struct journal_request *request)
{
	struct around *a = calloc(1, sizeof(*a));
	struct journal_query q = request->query;
	uint64_t end = request->around_ns + BEHIND_NS, middle = request->around_ns;
	char time[UI_TIME_SIZE];
	int err;

	if (!a)
		return cmd_cannot("no memory");
	a->request = request;
	err = find_fall(r, a);
	if (!err && a->has_fall)
		err = find_good(r, a);
	if (err) {
		free(a);
		return journal_failed(r, request, err);
	}
	if (a->has_fall)
		end = middle = a->fall.entry.time_ns;
	q.since_ns = middle > BEFORE_NS ? middle - BEFORE_NS : 0;
	q.until_ns = end;
	q.and_host = true; /* what happened to the host may be why */
	a->cut = a->has_good && a->good.entry.time_ns < q.since_ns;
	if (!a->has_fall && !request->json) {
		ui_time(request->around_ns, time);
		fprintf(stderr,
			"no tunnel%s fell within 10 minutes of %.19s: what happened from 10 minutes before "
			"to 1 "
			"minute after\n",
			request->query.tunnel || request->query.by_peer ? " that matches" : "", time);
	} else if (!a->has_good && !request->json) {
		fputs("no good exchange is known before the fall\n", stderr);
	}
	err = journal_read(r, &q, print_around, a);
	if (!err && !a->count && !request->json)
		fputs("no entries match\n", stderr);
	free(a);
	if (err < 0)
		return journal_failed(r, request, err);
	return cmd_close_output();
}

/* ---- traffic */

struct rows {
	const struct journal_request *request;
	struct ui_table table;
	uint64_t count;
};

static const struct ui_column columns[] = {
	{"TIME", false, 0},    {"TUNNEL", false, 0},   {"STATE", false, 1},   {"IN", true, 0},
	{"IN BYTES", true, 3}, {"IN LOST", true, 0},   {"LATE", true, 5},     {"DUP", true, 6},
	{"OUT", true, 0},      {"OUT BYTES", true, 4}, {"OUT LOST", true, 2},
};

static void add_count(struct ui_table *t, uint64_t value, enum ui_style style)
{
	char number[FORMAT_SIZE];

	format_count(value, number);
	ui_table_add(t, value ? style : UI_DIM, number);
}

static void add_bytes(struct ui_table *t, uint64_t value)
{
	char number[FORMAT_SIZE];

	format_bytes(value, number);
	ui_table_add(t, value ? UI_PLAIN : UI_DIM, number);
}

static void add_state(struct ui_table *t, const struct journal_traffic *row)
{
	const char *now = state_tunnel_state_name((enum state_tunnel_state)row->state),
		   *worst = state_tunnel_state_name((enum state_tunnel_state)row->worst);
	enum ui_style style = row->worst == STATE_TUNNEL_DOWN ? UI_BAD : UI_PLAIN;
	char text[48];

	snprintf(text, sizeof(text), row->worst < row->state ? "%s (was %s)" : "%s", now, worst);
	ui_table_add(t, style, text);
}

static void add_row(struct rows *rows, const struct journal_traffic *row)
{
	struct ui_table *t = &rows->table;
	char time[UI_TIME_SIZE];
	int i;

	ui_time(row->at_s * SECOND, time);
	time[19] = '\0';
	ui_table_add(t, UI_DIM, time);
	ui_table_add(t, UI_BOLD, row->tunnel);
	add_state(t, row);
	if (!row->seconds) {
		for (i = 3; i < (int)COUNT(columns); i++)
			ui_table_add(t, UI_DIM, "-");
		return;
	}
	add_count(t, row->in.packets, UI_PLAIN);
	add_bytes(t, row->in.bytes);
	add_count(t, row->in.lost, UI_BAD);
	add_count(t, row->in.late, UI_WARN);
	add_count(t, row->in.duplicate, UI_WARN);
	add_count(t, row->out.packets, UI_PLAIN);
	add_bytes(t, row->out.bytes);
	add_count(t, row->out.lost, UI_BAD);
}

static void write_side(struct json_writer *w, const char *key, const struct journal_traffic_side *side)
{
	json_write_open(w, key, '{');
	json_write_number(w, "packets", side->packets);
	json_write_number(w, "bytes", side->bytes);
	json_write_number(w, "lost", side->lost);
	json_write_number(w, "late", side->late);
	json_write_number(w, "duplicate", side->duplicate);
	json_write_close(w, '}');
}

static int print_json(const struct journal_traffic *row)
{
	struct json_writer w = {.pretty = false};
	char address[ADDRESS_TEXT], *text;

	json_write_open(&w, NULL, '{');
	json_write_time(&w, "time", row->at_s * SECOND);
	if (row->seconds)
		json_write_number(&w, "seconds", row->seconds);
	else
		json_write_null(&w, "seconds");
	json_write_string(&w, "tunnel", row->tunnel);
	if (address_text_known(row->remote, address))
		json_write_string(&w, "peer", address);
	else
		json_write_null(&w, "peer");
	json_write_string(&w, "state", state_tunnel_state_name((enum state_tunnel_state)row->state));
	json_write_string(&w, "worst_state", state_tunnel_state_name((enum state_tunnel_state)row->worst));
	if (row->seconds) {
		write_side(&w, "in", &row->in);
		write_side(&w, "out", &row->out);
	} else {
		json_write_null(&w, "in");
		json_write_null(&w, "out");
	}
	json_write_close(&w, '}');
	text = text_take(&w.text, NULL);
	if (!text)
		return -ENOMEM;
	puts(text);
	free(text);
	return ferror(stdout) ? 1 : 0;
}

static int print_traffic(void *arg, const struct journal_traffic *row)
{
	struct rows *rows = arg;

	rows->count++;
	if (rows->request->json)
		return print_json(row);
	add_row(rows, row);
	if (rows->count % RESULT_SOME)
		return 0;
	/* Not all at once: a month of many tunnels does not fit into memory */
	ui_table_print(stdout, &rows->table, &rows->request->ui);
	ui_table_begin(&rows->table, columns, COUNT(columns));
	return ferror(stdout) ? 1 : 0;
}

int journal_traffic(struct journal_reader *r, const struct journal_request *request)
{
	struct rows rows = {.request = request};
	struct journal_query q = request->query;
	uint64_t end = q.until_ns ? q.until_ns : request->now_ns;
	int err;

	if (!request->since_given)
		q.since_ns = end > FINE_RANGE_NS ? end - FINE_RANGE_NS : 0;
	ui_table_begin(&rows.table, columns, COUNT(columns));
	err = journal_read_traffic(r, &q, end > q.since_ns + FINE_RANGE_NS, print_traffic, &rows);
	if (rows.count && !request->json)
		ui_table_print(stdout, &rows.table, &request->ui);
	if (err < 0)
		return journal_failed(r, request, err);
	if (!rows.count && !request->json)
		fputs("no traffic of tunnels is kept of this time\n", stderr);
	return cmd_close_output();
}

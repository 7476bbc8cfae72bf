// SPDX-License-Identifier: GPL-2.0-or-later
/* journal_traffic.c - what passed in each step of time, out of the sums that a journal holds */
#include "export/journal_read_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/address.h"

#define CHUNK 512
#define SECOND 1000000000ull
#define NAMES_MAX (1u << 20)

/* Rows of a tunnel that rests are only there each 5 min; some seconds more, for a row that came late */
#define UNCHANGED_S (JOURNAL_COARSE_S + 2 * JOURNAL_FINE_S)

struct sums {
	bool known;
	uint64_t at_s, value[STORE_COUNTERS];
};

struct row {
	struct journal_traffic traffic;
	int64_t name;
	uint64_t first_s; /* the name's first row, when its sums are what that step brought; 0 */
	uint64_t value[STORE_COUNTERS];
};

struct reading {
	struct journal_reader *reader;
	const struct journal_query *query;
	bool coarse;
	char peer[ADDRESS_TEXT];
	struct sums *last; /* by number of the name */
	size_t names;
	struct row *rows;
};

static struct sums *sums_of(struct reading *g, int64_t name)
{
	if (name < 0 || name >= NAMES_MAX)
		return NULL;
	if ((size_t)name >= g->names) {
		size_t names = g->names ? g->names : 256;
		struct sums *grown;

		while (names <= (size_t)name)
			names *= 2;
		grown = reallocarray(g->last, names, sizeof(*grown));
		if (!grown)
			return NULL;
		memset(grown + g->names, 0, (names - g->names) * sizeof(*grown));
		g->last = grown;
		g->names = names;
	}
	return &g->last[name];
}

static void set_side(struct journal_traffic_side *side, const uint64_t value[STORE_COUNTERS / 2])
{
	*side = (struct journal_traffic_side){value[0], value[1], value[2], value[3], value[4]};
}

/* The row as what its step brought, in place of sums. */
static int subtract(struct reading *g, struct row *row)
{
	struct sums *last = sums_of(g, row->name);
	uint64_t step = g->coarse ? JOURNAL_COARSE_S : JOURNAL_FINE_S, passed;
	uint64_t brought[STORE_COUNTERS];

	if (!last)
		return -ENOMEM;
	memcpy(brought, row->value, sizeof(brought));
	row->traffic.seconds = 0;
	if (last->known && last->at_s < row->traffic.at_s) {
		passed = row->traffic.at_s - last->at_s;
		row->traffic.seconds = !g->coarse && passed <= UNCHANGED_S ? step : passed;
		/* A sum that went back began anew */
		for (int i = 0; i < STORE_COUNTERS; i++)
			if (brought[i] >= last->value[i])
				brought[i] -= last->value[i];
	} else if (row->first_s == row->traffic.at_s) {
		row->traffic.seconds = step;
	}
	last->known = true;
	last->at_s = row->traffic.at_s;
	memcpy(last->value, row->value, sizeof(last->value));
	set_side(&row->traffic.in, brought);
	set_side(&row->traffic.out, brought + STORE_COUNTERS / 2);
	return 0;
}

static void read_row(sqlite3_stmt *statement, struct row *ret)
{
	const char *name = (const char *)sqlite3_column_text(statement, 4);

	memset(ret, 0, sizeof(*ret));
	ret->traffic.at_s = (uint64_t)sqlite3_column_int64(statement, 0);
	ret->name = sqlite3_column_int64(statement, 1);
	ret->traffic.state = (uint8_t)sqlite3_column_int(statement, 2);
	ret->traffic.worst = (uint8_t)sqlite3_column_int(statement, 3);
	snprintf(ret->traffic.tunnel, sizeof(ret->traffic.tunnel), "%s", name ? name : "");
	address_parse((const char *)sqlite3_column_text(statement, 5), ret->traffic.local);
	address_parse((const char *)sqlite3_column_text(statement, 6), ret->traffic.remote);
	ret->first_s = (uint64_t)sqlite3_column_int64(statement, 7);
	for (int i = 0; i < STORE_COUNTERS; i++)
		ret->value[i] = (uint64_t)sqlite3_column_int64(statement, 8 + i);
}

static void bind(sqlite3_stmt *statement, const char *name, uint64_t value)
{
	sqlite3_bind_int64(statement, sqlite3_bind_parameter_index(statement, name), (sqlite3_int64)value);
}

/* The next rows behind (at, name). */
static int read_chunk(struct reading *g, uint64_t at_s, int64_t name, uint64_t until_s, size_t *ret_count)
{
	sqlite3_stmt *statement = NULL;
	size_t count = 0;
	char sql[1024];
	int err, result = SQLITE_OK;

	snprintf(sql, sizeof(sql),
		 "SELECT at, t.tunnel, state, worst, name, local, remote, coalesce(first, 0), in_packets, "
		 "in_bytes,"
		 " in_lost, in_late, in_duplicate, out_packets, out_bytes, out_lost, out_late, out_duplicate"
		 " FROM %s AS t CROSS JOIN names ON names.id = t.tunnel"
		 " WHERE (at, t.tunnel) > (:at, :name) AND at <= :until%s%s ORDER BY at, t.tunnel LIMIT "
		 ":limit",
		 g->coarse ? "rollup_5min" : "rollup_10s", g->query->tunnel ? " AND name = :tunnel" : "",
		 g->query->by_peer ? " AND remote = :peer" : "");
	err = store_error(&g->reader->store,
			  sqlite3_prepare_v2(g->reader->store.db, sql, -1, &statement, NULL));
	if (err)
		return err;
	bind(statement, ":at", at_s);
	bind(statement, ":name", (uint64_t)name);
	bind(statement, ":until", until_s);
	bind(statement, ":limit", CHUNK);
	if (g->query->tunnel)
		sqlite3_bind_text(statement, sqlite3_bind_parameter_index(statement, ":tunnel"),
				  g->query->tunnel, -1, SQLITE_STATIC);
	if (g->query->by_peer)
		sqlite3_bind_text(statement, sqlite3_bind_parameter_index(statement, ":peer"), g->peer, -1,
				  SQLITE_STATIC);
	while (count < CHUNK && (result = sqlite3_step(statement)) == SQLITE_ROW)
		read_row(statement, &g->rows[count++]);
	err = store_error(&g->reader->store, result);
	sqlite3_finalize(statement);
	*ret_count = count;
	return err;
}

static int read_all(struct reading *g, int (*each)(void *arg, const struct journal_traffic *traffic),
		    void *arg)
{
	uint64_t since_s = g->query->since_ns / SECOND,
		 back_s = g->coarse ? 2 * JOURNAL_COARSE_S : UNCHANGED_S;
	uint64_t until_s = g->query->until_ns ? g->query->until_ns / SECOND : INT64_MAX;
	/* From somewhat before, for the sums to subtract */
	uint64_t at_s = since_s > back_s ? since_s - back_s : 0;
	int64_t name = 0;
	size_t count = CHUNK, i;
	int err = 0;

	while (!err && count == CHUNK) {
		err = read_chunk(g, at_s, name, until_s, &count);
		for (i = 0; i < count; i++) {
			int failed = subtract(g, &g->rows[i]);

			if (!failed && g->rows[i].traffic.at_s >= since_s)
				failed = each(arg, &g->rows[i].traffic);
			if (failed)
				return failed;
		}
		if (count) {
			at_s = g->rows[count - 1].traffic.at_s;
			name = g->rows[count - 1].name;
		}
	}
	return err;
}

int journal_read_traffic(struct journal_reader *r, const struct journal_query *query, bool coarse,
			 int (*each)(void *arg, const struct journal_traffic *traffic), void *arg)
{
	struct reading g = {.reader = r, .query = query, .coarse = coarse};
	int err;

	if (r->schema < 2) /* had none */
		return 0;
	if (query->by_peer)
		address_text_known(query->peer, g.peer);
	g.rows = calloc(CHUNK, sizeof(*g.rows));
	err = g.rows ? read_all(&g, each, arg) : -ENOMEM;
	free(g.rows);
	free(g.last);
	return err;
}

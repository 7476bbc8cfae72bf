// SPDX-License-Identifier: GPL-2.0-or-later
/* journal_store.c - transactions on the journal's file, and its bounds */
#include "export/journal_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export/json_writer.h"
#include "model/address.h"

#define SECOND 1000000000ull
#define TRIM_ENTRIES 2000
#define TRIM_ROUNDS 8	   /* in one call: what waits to be written comes first */
#define VACUUM_PAGES 512   /* in one call */
#define HIGH_PERCENT 90	   /* of the bound: above it the oldest go, */
#define LOW_PERCENT 85	   /* until it is below this */
#define ROOM_PERCENT 50	   /* after the bound itself was hit */
#define FINE_SPARED_S 3600 /* rollups of 10 s that are younger go last */

int store_error(struct store *s, int result)
{
	int no = s->db ? sqlite3_system_errno(s->db) : 0;

	if (result == SQLITE_OK || result == SQLITE_ROW || result == SQLITE_DONE)
		return 0;
	snprintf(s->cause, sizeof(s->cause), "%s", s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(result));
	switch (result & 0xff) {
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EUCLEAN;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_PERM:
	case SQLITE_READONLY:
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
		if (no)
			snprintf(s->cause, sizeof(s->cause), "%s", strerror(no));
		if (no == ENOSPC || no == EDQUOT || no == EFBIG)
			return -ENOSPC;
		return no == EACCES || no == EROFS ? -no : -EIO;
	case SQLITE_ERROR:
		/* "no such table": the page of the schema is not what it was */
		return strncmp(s->cause, "no such ", 8) == 0 ? -EUCLEAN : -EIO;
	default:
		return -EIO;
	}
}

int store_sql(struct store *s, const char *sql)
{
	return store_error(s, sqlite3_exec(s->db, sql, NULL, NULL, NULL));
}

int store_number(struct store *s, const char *sql, int64_t *ret)
{
	sqlite3_stmt *statement = NULL;
	int result = sqlite3_prepare_v2(s->db, sql, -1, &statement, NULL);

	if (result == SQLITE_OK)
		result = sqlite3_step(statement);
	*ret = result == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
	sqlite3_finalize(statement);
	return store_error(s, result);
}

/* A statement that returns no rows. */
static int run(struct store *s, sqlite3_stmt *statement)
{
	int err = store_error(s, sqlite3_step(statement));

	sqlite3_reset(statement);
	return err;
}

static int end(struct store *s, int err)
{
	if (!err)
		err = store_sql(s, "COMMIT");
	/* Not when SQLite did so already; and the cause stays that of the failure */
	if (err && !sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return err;
}

/* ---- values */

static void bind_number(sqlite3_stmt *statement, int *column, uint64_t value)
{
	sqlite3_bind_int64(statement, ++*column, (sqlite3_int64)value);
}

/* 0: unknown, as NULL. */
static void bind_known(sqlite3_stmt *statement, int *column, uint64_t value)
{
	++*column;
	if (value)
		sqlite3_bind_int64(statement, *column, (sqlite3_int64)value);
	else
		sqlite3_bind_null(statement, *column);
}

/* The text must live until the statement has run. NULL and "": NULL. */
static void bind_text(sqlite3_stmt *statement, int *column, const char *text)
{
	++*column;
	if (text && *text)
		sqlite3_bind_text(statement, *column, text, -1, SQLITE_STATIC);
	else
		sqlite3_bind_null(statement, *column);
}

static void bind_address(sqlite3_stmt *statement, int *column, const uint8_t address[16])
{
	char text[ADDRESS_TEXT];

	++*column;
	if (address_text_known(address, text))
		sqlite3_bind_text(statement, *column, text, -1, SQLITE_TRANSIENT);
	else
		sqlite3_bind_null(statement, *column);
}

/* ---- entries */

/* Evidence as a JSON array; NULL when there is none, or no memory for it. */
static char *evidence_text(const struct timeline_entry *e)
{
	struct json_writer w = {.pretty = false};
	uint32_t i;

	if (!e->evidence_count)
		return NULL;
	json_write_open(&w, NULL, '[');
	for (i = 0; i < e->evidence_count && i < TIMELINE_EVIDENCE; i++) {
		json_write_open(&w, NULL, '{');
		json_write_string(&w, "what", e->evidence[i].what);
		json_write_string(&w, "value", e->evidence[i].value);
		if (e->evidence[i].at_ns)
			json_write_number(&w, "at", e->evidence[i].at_ns);
		json_write_string(&w, "origin", timeline_origin_name(e->evidence[i].origin));
		json_write_close(&w, '}');
	}
	json_write_close(&w, ']');
	return text_take(&w.text, NULL);
}

static int add_entry(struct store *s, const struct timeline_entry *e)
{
	sqlite3_stmt *statement = s->statements[STORE_ADD_ENTRY];
	char *evidence = evidence_text(e);
	int column = 0, err;

	bind_number(statement, &column, e->time_ns);
	bind_text(statement, &column, timeline_kind_name(e->kind));
	bind_number(statement, &column, e->severity);
	bind_number(statement, &column, e->confidence);
	bind_text(statement, &column, timeline_origin_name(e->origin));
	bind_text(statement, &column, e->tunnel);
	bind_address(statement, &column, e->local);
	bind_known(statement, &column, e->local_port);
	bind_address(statement, &column, e->peer);
	bind_known(statement, &column, e->peer_port);
	bind_known(statement, &column, e->initiator_spi);
	bind_known(statement, &column, e->responder_spi);
	bind_known(statement, &column, e->spi);
	bind_known(statement, &column, e->exchange);
	bind_known(statement, &column, e->major);
	bind_number(statement, &column, e->message_id);
	bind_number(statement, &column, e->good);
	bind_text(statement, &column, e->id);
	sqlite3_bind_text(statement, ++column, e->text, -1, SQLITE_STATIC);
	bind_text(statement, &column, evidence);
	err = run(s, statement);
	sqlite3_clear_bindings(statement);
	free(evidence);
	return err;
}

int store_add_entries(struct store *s, const struct timeline_entry *entries, size_t count, size_t *done)
{
	size_t at, stop;
	int err = 0;

	while (!err && *done < count) {
		stop = *done + STORE_CHUNK < count ? *done + STORE_CHUNK : count;
		err = store_sql(s, "BEGIN IMMEDIATE");
		if (err)
			break;
		for (at = *done; !err && at < stop; at++)
			err = add_entry(s, &entries[at]);
		err = end(s, err);
		if (!err)
			*done = stop;
	}
	return err;
}

/* ---- rollups */

/* The number of a tunnel's name; names are added as they come, and follow the tunnel to another address. */
static int name_number(struct store *s, const struct store_rollup *row, int64_t *ret)
{
	int i, column, result, err;

	for (i = 0; i < 2; i++) {
		sqlite3_stmt *statement = s->statements[i ? STORE_ADD_NAME : STORE_FIND_NAME];

		column = 0;
		bind_text(statement, &column, row->tunnel);
		bind_address(statement, &column, row->remote);
		bind_address(statement, &column, row->local);
		if (i) /* of a name that is new: the reader then takes the sums themselves as what the step brought */
			bind_known(statement, &column, row->fresh ? row->at_s : 0);
		result = sqlite3_step(statement);
		if (result == SQLITE_ROW)
			*ret = sqlite3_column_int64(statement, 0);
		err = store_error(s, result);
		sqlite3_reset(statement);
		if (err || result == SQLITE_ROW)
			return err;
	}
	return -EIO;
}

static int add_rollup(struct store *s, enum store_statement which, int64_t name,
		      const struct store_rollup *row)
{
	sqlite3_stmt *statement = s->statements[which];
	int column = 0, i;

	bind_number(statement, &column, row->at_s);
	bind_number(statement, &column, (uint64_t)name);
	bind_number(statement, &column, row->state);
	bind_number(statement, &column, which == STORE_ADD_FINE ? row->fine_worst : row->coarse_worst);
	for (i = 0; i < STORE_COUNTERS; i++)
		bind_number(statement, &column, row->sum[i]);
	return run(s, statement);
}

int store_add_rollups(struct store *s, const struct store_rollup *rows, size_t count)
{
	int64_t name = 0;
	int err = store_sql(s, "BEGIN IMMEDIATE");
	size_t i;

	if (err)
		return err;
	for (i = 0; !err && i < count; i++) {
		if (!rows[i].tunnel[0])
			continue;
		err = name_number(s, &rows[i], &name);
		if (!err && rows[i].fine)
			err = add_rollup(s, STORE_ADD_FINE, name, &rows[i]);
		if (!err && rows[i].coarse)
			err = add_rollup(s, STORE_ADD_COARSE, name, &rows[i]);
	}
	return end(s, err);
}

int store_forget_names(struct store *s)
{
	return store_sql(s, "DELETE FROM names WHERE id NOT IN"
			    " (SELECT tunnel FROM rollup_10s UNION SELECT tunnel FROM rollup_5min)");
}

/* ---- bounds */

static int used_bytes(struct store *s, uint64_t *ret_used, uint64_t *ret_file)
{
	int64_t pages, unused = 0;
	int err = store_number(s, "PRAGMA page_count", &pages);

	if (!err)
		err = store_number(s, "PRAGMA freelist_count", &unused);
	*ret_file = (uint64_t)pages * s->page_size;
	*ret_used = (uint64_t)(pages - unused) * s->page_size;
	return err;
}

uint64_t store_bytes(struct store *s)
{
	uint64_t used, file = 0;

	return used_bytes(s, &used, &file) ? 0 : file;
}

bool store_is_full(struct store *s)
{
	return store_bytes(s) + 64 * s->page_size >= s->max_bytes;
}

static int remove_entries(struct store *s, const char *where, bool *ret_removed)
{
	char sql[256];
	int err;

	snprintf(sql, sizeof(sql),
		 "DELETE FROM entries WHERE id IN (SELECT id FROM entries %s ORDER BY time LIMIT %d)", where,
		 TRIM_ENTRIES);
	err = store_sql(s, sql);
	*ret_removed = !err && sqlite3_changes(s->db) > 0;
	if (*ret_removed)
		s->expired += (uint64_t)sqlite3_changes(s->db);
	return err;
}

/* Some of the oldest rows, if they are older than that. */
static int remove_rollups(struct store *s, const char *table, int64_t before_s, bool *ret_removed)
{
	char sql[256];
	int err;

	snprintf(sql, sizeof(sql),
		 "DELETE FROM %s WHERE (at, tunnel) IN (SELECT at, tunnel FROM %s WHERE at < %lld ORDER BY "
		 "at LIMIT %d)",
		 table, table, (long long)before_s, 2 * TRIM_ENTRIES);
	err = store_sql(s, sql);
	*ret_removed = !err && sqlite3_changes(s->db) > 0;
	return err;
}

static int remove_old(struct store *s, int64_t now_s, bool *ret_removed)
{
	int64_t age_s = (int64_t)(s->max_age_ns / SECOND);
	int64_t fine = age_s < JOURNAL_FINE_KEPT_S ? age_s : JOURNAL_FINE_KEPT_S;
	int64_t coarse = age_s < JOURNAL_COARSE_KEPT_S ? age_s : JOURNAL_COARSE_KEPT_S;
	bool removed = false;
	char where[64];
	int err;

	snprintf(where, sizeof(where), "WHERE time < %lld", (long long)(now_s - age_s) * (long long)SECOND);
	err = remove_entries(s, where, ret_removed);
	if (!err)
		err = remove_rollups(s, "rollup_10s", now_s - fine, &removed);
	*ret_removed |= !err && removed;
	if (!err)
		err = remove_rollups(s, "rollup_5min", now_s - coarse, &removed);
	*ret_removed |= !err && removed;
	return err;
}

/* What is least missed: traffic of each 10 s, but for the last hour; then the oldest of all. */
static int remove_some(struct store *s, int64_t now_s, bool *ret_removed)
{
	int64_t oldest_entry = 0, oldest_coarse = 0;
	int err;

	err = remove_rollups(s, "rollup_10s", now_s - FINE_SPARED_S, ret_removed);
	if (err || *ret_removed)
		return err;
	err = store_number(s, "SELECT coalesce(min(time), 9223372036854775807) / 1000000000 FROM entries",
			   &oldest_entry);
	if (!err)
		err = store_number(s, "SELECT coalesce(min(at), 9223372036) FROM rollup_5min",
				   &oldest_coarse);
	if (!err && oldest_coarse < oldest_entry)
		return remove_rollups(s, "rollup_5min", oldest_coarse + 86400, ret_removed);
	if (!err)
		err = remove_entries(s, "", ret_removed);
	if (!err && !*ret_removed)
		err = remove_rollups(s, "rollup_10s", INT64_MAX, ret_removed);
	return err;
}

/* Gives pages back to the file system, when the file is larger than it may be or a quarter of it is unused. */
static int shrink(struct store *s)
{
	uint64_t used, file;
	char sql[64];
	int err = used_bytes(s, &used, &file);

	if (err || (file <= s->max_bytes && file - used <= file / 4))
		return err;
	snprintf(sql, sizeof(sql), "PRAGMA incremental_vacuum(%d)", VACUUM_PAGES);
	return store_sql(s, sql);
}

int store_trim(struct store *s, uint64_t now_ns, bool *ret_more)
{
	uint64_t used, file, limit = s->max_bytes / 100 * HIGH_PERCENT;
	int64_t now_s = (int64_t)(now_ns / SECOND);
	bool removed = true;
	int round, err = 0;

	*ret_more = false;
	for (round = 0; !err && removed; round++) {
		if (round == TRIM_ROUNDS) {
			*ret_more = true;
			break;
		}
		removed = false;
		if (now_s) /* nobody told yet what time it is */
			err = remove_old(s, now_s, &removed);
		if (err || removed)
			continue;
		err = used_bytes(s, &used, &file);
		if (err || used <= limit)
			break;
		limit = s->max_bytes / 100 * LOW_PERCENT;
		err = remove_some(s, now_s, &removed);
	}
	return err ? err : shrink(s);
}

int store_make_room(struct store *s)
{
	uint64_t used = 0, file;
	bool removed = true;
	int err;

	do {
		err = used_bytes(s, &used, &file);
		if (err || used <= s->max_bytes / 100 * ROOM_PERCENT)
			return err;
		err = remove_some(s, INT32_MAX, &removed);
	} while (!err && removed);
	return err;
}

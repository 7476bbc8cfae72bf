// SPDX-License-Identifier: GPL-2.0-or-later
/* journal_read.c - entries of a journal, some hundred in a transaction */
#include "export/journal_read_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "complain.h"
#include "model/address.h"

#define CHUNK 256
#define BUSY_MS 5000
#define SQL 2048 /* all kinds and conditions fit */

/* ---- opening */

/* "file:…?immutable=1": what would mean something in a URI is escaped. */
static void make_uri(const char *path, bool immutable, char *ret, size_t size)
{
	size_t used = (size_t)snprintf(ret, size, "file:");

	for (; *path && used + 32 < size; path++)
		used += (size_t)snprintf(ret + used, size - used, strchr("?#%", *path) ? "%%%02x" : "%c",
					 *path);
	snprintf(ret + used, size - used, immutable ? "?mode=ro&immutable=1" : "?mode=ro");
}

static bool has_log(const char *path)
{
	char log[STORE_PATH + 8];

	snprintf(log, sizeof(log), "%s-wal", path);
	return access(log, F_OK) == 0;
}

static int judge(struct journal_reader *r, char *error, size_t error_size)
{
	const char *path = r->store.path;
	int64_t application;
	int err;

	err = store_number(&r->store, "PRAGMA application_id", &application);
	if (!err)
		err = store_number(&r->store, "PRAGMA user_version", &r->schema);
	if (err == -EUCLEAN)
		return complain(error, error_size, err, "journal %s: %s: name another with --file", path,
				r->store.cause);
	if (err == -EACCES)
		return complain(error, error_size, err,
				"journal %s: %s: root and members of group espial may read it", path,
				r->store.cause);
	if (err)
		return complain(error, error_size, err, "journal %s: %s", path, r->store.cause);
	if (application != STORE_APPLICATION)
		return complain(error, error_size, -EEXIST,
				"journal %s: is a database of something else: name another with --file",
				path);
	if (r->schema > STORE_SCHEMA)
		return complain(
			error, error_size, -EPROTONOSUPPORT,
			"journal %s: was written by a newer espial (schema %lld, this one knows %d): use "
			"that version",
			path, (long long)r->schema, STORE_SCHEMA);
	return 0;
}

static int open_reader(struct journal_reader *r, char *error, size_t error_size)
{
	char uri[4 * STORE_PATH];
	struct stat st;
	int err;

	if (stat(r->store.path, &st) != 0) {
		err = -errno;
		if (err == -ENOENT)
			return complain(
				error, error_size, err,
				"no journal at %s: `espial run` writes one, or name another with --file",
				r->store.path);
		return complain(error, error_size, err,
				"journal %s: %s: root and members of group espial may read it", r->store.path,
				strerror(-err));
	}
	if (access(r->store.path, R_OK) != 0)
		return complain(error, error_size, -errno,
				"journal %s: %s: root and members of group espial may read it", r->store.path,
				strerror(errno));
	if (!S_ISREG(st.st_mode))
		return complain(error, error_size, -EINVAL,
				"journal %s: is no file: name another with --file", r->store.path);
	r->store.device = st.st_dev;
	r->store.inode = st.st_ino;
	r->immutable = !has_log(r->store.path);
	make_uri(r->store.path, r->immutable, uri, sizeof(uri));
	err = store_error(&r->store,
			  sqlite3_open_v2(uri, &r->store.db,
					  SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX |
						  SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE,
					  NULL));
	if (err)
		return complain(error, error_size, err, "journal %s: %s", r->store.path, r->store.cause);
	sqlite3_busy_timeout(r->store.db, BUSY_MS);
	sqlite3_exec(r->store.db, "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON", NULL, NULL,
		     NULL);
	return judge(r, error, error_size);
}

int journal_reader_open(const char *path, struct journal_reader **ret, char *error, size_t error_size)
{
	struct journal_reader *r;
	int err;

	if (strlen(path) >= STORE_PATH - 32)
		return complain(error, error_size, -ENAMETOOLONG, "journal %s: the path is too long", path);
	r = calloc(1, sizeof(*r));
	if (!r)
		return complain(error, error_size, -ENOMEM, "journal %s: no memory", path);
	snprintf(r->store.path, sizeof(r->store.path), "%s", path);
	err = open_reader(r, error, error_size);
	if (err)
		journal_reader_close(r);
	else
		*ret = r;
	return err;
}

void journal_reader_close(struct journal_reader *r)
{
	if (r)
		store_close(&r->store);
	free(r);
}

bool journal_reader_is_stale(const struct journal_reader *r)
{
	return store_in_place(&r->store) != 0 || (r->immutable && has_log(r->store.path));
}

const char *journal_reader_cause(const struct journal_reader *r)
{
	return r->store.cause;
}

/* ---- the query as SQL */

struct filter {
	char sql[SQL];
	char peer[ADDRESS_TEXT];
	const struct journal_query *query;
};

static void make_filter(const struct journal_query *q, struct filter *ret)
{
	char kinds[TIMELINE_KINDS * 40] = "";
	size_t used = 0;
	int i;

	for (i = 0; q->kinds && i < TIMELINE_KINDS; i++)
		if (q->kinds >> i & 1)
			used += (size_t)snprintf(kinds + used, sizeof(kinds) - used, "%s'%s'",
						 used ? "," : "", timeline_kind_name(i));
	ret->query = q;
	ret->peer[0] = '\0';
	if (q->by_peer)
		address_text_known(q->peer, ret->peer);
	snprintf(ret->sql, sizeof(ret->sql), "%s%s%s%s%s", q->severity ? " AND severity >= :severity" : "",
		 q->good ? " AND good" : "", *kinds ? " AND kind IN (" : "", kinds, *kinds ? ")" : "");
	if (q->tunnel || q->by_peer) {
		used = strlen(ret->sql);
		snprintf(ret->sql + used, sizeof(ret->sql) - used, " AND (%s (1%s%s))",
			 q->and_host ? "(tunnel IS NULL AND peer IS NULL) OR" : "",
			 q->tunnel ? " AND tunnel = :tunnel" : "", q->by_peer ? " AND peer = :peer" : "");
	}
}

static void bind(sqlite3_stmt *statement, const char *name, uint64_t value)
{
	int at = sqlite3_bind_parameter_index(statement, name);

	if (at)
		sqlite3_bind_int64(statement, at, value > INT64_MAX ? INT64_MAX : (sqlite3_int64)value);
}

static void bind_text(sqlite3_stmt *statement, const char *name, const char *value)
{
	int at = sqlite3_bind_parameter_index(statement, name);

	if (at)
		sqlite3_bind_text(statement, at, value, -1, SQLITE_STATIC);
}

static int prepare(struct journal_reader *r, const char *before, const struct filter *f, const char *behind,
		   sqlite3_stmt **ret)
{
	const struct journal_query *q = f->query;
	char sql[2 * SQL];
	int err;

	snprintf(sql, sizeof(sql), "%s%s%s", before, f->sql, behind);
	err = store_error(&r->store, sqlite3_prepare_v2(r->store.db, sql, -1, ret, NULL));
	if (err)
		return err;
	bind(*ret, ":since", q->since_ns);
	bind(*ret, ":until", q->until_ns ? q->until_ns : INT64_MAX);
	bind(*ret, ":severity", q->severity);
	if (q->tunnel)
		bind_text(*ret, ":tunnel", q->tunnel);
	if (q->by_peer)
		bind_text(*ret, ":peer", f->peer);
	return 0;
}

/* ---- a row */

static void text(sqlite3_stmt *row, int column, char *ret, size_t size)
{
	const char *value = (const char *)sqlite3_column_text(row, column);

	snprintf(ret, size, "%s", value ? value : "");
}

static uint64_t number(sqlite3_stmt *row, int column)
{
	return (uint64_t)sqlite3_column_int64(row, column);
}

static enum timeline_origin find_origin(const char *name)
{
	for (int i = 0; name && i < TIMELINE_FROM_COUNT; i++)
		if (strcmp(timeline_origin_name(i), name) == 0)
			return (enum timeline_origin)i;
	return TIMELINE_FROM_SELF;
}

static void read_evidence(const char *json, struct timeline_entry *ret)
{
	json_t *list = json ? json_loads(json, 0, NULL) : NULL, *one;
	size_t i;

	json_array_foreach(list, i, one) {
		struct timeline_evidence *e = &ret->evidence[i];
		const char *what = json_string_value(json_object_get(one, "what")),
			   *value = json_string_value(json_object_get(one, "value"));

		if (i == TIMELINE_EVIDENCE)
			break;
		snprintf(e->what, sizeof(e->what), "%s", what ? what : "");
		snprintf(e->value, sizeof(e->value), "%s", value ? value : "");
		e->at_ns = (uint64_t)json_integer_value(json_object_get(one, "at"));
		e->origin = find_origin(json_string_value(json_object_get(one, "origin")));
		ret->evidence_count = (uint32_t)i + 1;
	}
	json_decref(list);
}

#define COLUMNS                                                                                              \
	"id, time, kind, severity, confidence, origin, tunnel, local, local_port, peer, peer_port,"          \
	" initiator_spi, responder_spi, spi, exchange, major, message_id, good, cause, text, evidence"

static void read_row(sqlite3_stmt *row, struct journal_row *ret)
{
	struct timeline_entry *e = &ret->entry;
	int kind;

	memset(ret, 0, sizeof(*ret));
	ret->id = sqlite3_column_int64(row, 0);
	e->time_ns = number(row, 1);
	text(row, 2, ret->kind, sizeof(ret->kind));
	kind = timeline_kind_find(ret->kind);
	e->kind = kind < 0 ? TIMELINE_KINDS : (enum timeline_kind)kind;
	e->severity = number(row, 3) > TIMELINE_CRITICAL ? TIMELINE_CRITICAL
							 : (enum timeline_severity)number(row, 3);
	e->confidence = number(row, 4) > TIMELINE_CERTAIN ? TIMELINE_POSSIBLE
							  : (enum timeline_confidence)number(row, 4);
	e->origin = find_origin((const char *)sqlite3_column_text(row, 5));
	text(row, 6, e->tunnel, sizeof(e->tunnel));
	address_parse((const char *)sqlite3_column_text(row, 7), e->local);
	e->local_port = (uint16_t)number(row, 8);
	address_parse((const char *)sqlite3_column_text(row, 9), e->peer);
	e->peer_port = (uint16_t)number(row, 10);
	e->initiator_spi = number(row, 11);
	e->responder_spi = number(row, 12);
	e->spi = (uint32_t)number(row, 13);
	e->exchange = (uint8_t)number(row, 14);
	e->major = (uint8_t)number(row, 15);
	e->message_id = (uint32_t)number(row, 16);
	e->good = number(row, 17) != 0;
	text(row, 18, e->id, sizeof(e->id));
	text(row, 19, e->text, sizeof(e->text));
	read_evidence((const char *)sqlite3_column_text(row, 20), e);
}

/* ---- reading */

static const char *const chunk_behind[] = {
	[JOURNAL_OLDEST_FIRST] = " AND (time, id) > (:time, :id) ORDER BY time, id LIMIT :limit",
	[JOURNAL_NEWEST_FIRST] = " AND (time, id) < (:time, :id) ORDER BY time DESC, id DESC LIMIT :limit",
	[JOURNAL_AS_WRITTEN] = " AND id > :id ORDER BY id LIMIT :limit",
};

/* The next rows behind (time, id), into `rows`. */
static int read_chunk(struct journal_reader *r, const struct filter *f, uint64_t time_ns, int64_t id,
		      size_t limit, struct journal_row *rows, size_t *ret_count)
{
	const struct journal_query *q = f->query;
	sqlite3_stmt *statement = NULL;
	size_t count = 0;
	int err, result = SQLITE_OK;

	/* The unary plus keeps the planner from walking along time when the order is that of the id */
	err = prepare(r,
		      q->order == JOURNAL_AS_WRITTEN
			      ? "SELECT " COLUMNS " FROM entries WHERE +time >= :since AND +time <= :until"
			      : "SELECT " COLUMNS " FROM entries WHERE time >= :since AND time <= :until",
		      f, chunk_behind[q->order], &statement);
	if (err)
		return err;
	bind(statement, ":time", time_ns);
	sqlite3_bind_int64(statement, sqlite3_bind_parameter_index(statement, ":id"), id);
	bind(statement, ":limit", limit);
	while (count < limit && (result = sqlite3_step(statement)) == SQLITE_ROW)
		read_row(statement, &rows[count++]);
	err = store_error(&r->store, result);
	sqlite3_finalize(statement);
	*ret_count = count;
	return err;
}

int journal_read(struct journal_reader *r, const struct journal_query *query,
		 int (*each)(void *arg, const struct journal_row *row), void *arg)
{
	bool newest = query->order == JOURNAL_NEWEST_FIRST;
	int64_t id = newest ? INT64_MAX : query->after_id;
	uint64_t time_ns = newest ? INT64_MAX : 0, left = query->limit ? query->limit : UINT64_MAX;
	struct journal_row *rows = calloc(CHUNK, sizeof(*rows));
	size_t count = CHUNK, i, wanted;
	struct filter filter;
	int err = rows ? 0 : -ENOMEM;

	make_filter(query, &filter);
	if (query->order == JOURNAL_OLDEST_FIRST && id)
		time_ns = query->since_ns; /* as journal_last() found it */
	while (!err && left) {
		wanted = left < CHUNK ? left : CHUNK;
		err = read_chunk(r, &filter, time_ns, id, wanted, rows, &count);
		/* What was read before the damage is given, too */
		for (i = 0; i < count; i++) {
			int ended = each(arg, &rows[i]);

			if (ended) {
				free(rows);
				return ended;
			}
		}
		if (count < wanted)
			break;
		left -= count;
		time_ns = rows[count - 1].entry.time_ns;
		id = rows[count - 1].id;
	}
	free(rows);
	return err;
}

int journal_last(struct journal_reader *r, struct journal_query *query, uint64_t limit, bool *ret_more)
{
	sqlite3_stmt *statement = NULL;
	struct filter filter;
	int err, result;

	*ret_more = false;
	make_filter(query, &filter);
	err = prepare(r, "SELECT time, id FROM entries WHERE time >= :since AND time <= :until", &filter,
		      " ORDER BY time DESC, id DESC LIMIT 2 OFFSET :limit", &statement);
	if (err)
		return err;
	bind(statement, ":limit", limit - 1);
	result = sqlite3_step(statement);
	if (result == SQLITE_ROW) {
		query->since_ns = number(statement, 0);
		query->after_id = sqlite3_column_int64(statement, 1) - 1;
		result = sqlite3_step(statement);
		*ret_more = result == SQLITE_ROW;
	}
	err = store_error(&r->store, result);
	sqlite3_finalize(statement);
	return err;
}

int journal_newest(struct journal_reader *r, int64_t *ret_id)
{
	return store_number(&r->store, "SELECT coalesce(max(id), 0) FROM entries", ret_id);
}

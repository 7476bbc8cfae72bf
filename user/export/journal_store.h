/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * journal_store.h - the journal's file: schema, transactions, bounds. Used by the writer thread of journal.c alone
 *
 * Errors: -ENOSPC the disk or the file's bound is full, -EUCLEAN the file is damaged, -ESTALE it is not at its path any
 * more, -EBUSY, -ENOMEM, -EIO and the like. After -EUCLEAN and -ESTALE close, and open again.
 */
#ifndef ESPIAL_EXPORT_JOURNAL_STORE_H
#define ESPIAL_EXPORT_JOURNAL_STORE_H

#include <sqlite3.h>

#include "export/journal.h"

#define STORE_APPLICATION 0x45535031 /* "ESP1" */
#define STORE_SCHEMA 2
#define STORE_PATH 512
#define STORE_CHUNK 512	  /* entries in one transaction */
#define STORE_COUNTERS 10 /* of a rollup: in and out, each packets, bytes, lost, late, duplicate */

struct store_rollup {
	char tunnel[TIMELINE_TUNNEL];
	uint8_t local[16], remote[16];
	uint64_t at_s; /* the end of the step */
	bool fine, coarse;
	bool fresh; /* its first row of this run: the sums began at 0 not long before */
	uint8_t state, fine_worst,
		coarse_worst; /* enum state_tunnel_state; worst: the lowest since the row before */
	uint64_t sum[STORE_COUNTERS];
};

struct store_save {
	struct tunnel_record *tunnels;
	struct tunnel_sa_record *sas;
	size_t tunnel_count, tunnel_room, sa_count, sa_room;
};

enum store_statement {
	STORE_ADD_ENTRY,
	STORE_ADD_FINE,
	STORE_ADD_COARSE,
	STORE_FIND_NAME,
	STORE_ADD_NAME,
	STORE_ADD_TUNNEL,
	STORE_ADD_SA,
	STORE_KEEP_TUNNEL,
	STORE_KEEP_SA,
	STORE_STATEMENTS
};

struct store {
	sqlite3 *db;
	sqlite3_stmt *statements[STORE_STATEMENTS];
	char path[STORE_PATH];
	uint64_t device, inode; /* of the file */
	uint64_t max_bytes, max_age_ns;
	uint64_t page_size;
	uint64_t expired; /* entries removed */
	char cause[256];  /* of the last error, as SQLite tells it */
};

/* ---- journal_schema.c */

/* Of the file, if its parent exists. 0, -errno with a line in `error`. */
int store_make_directory(const struct journal_options *options, char *error, size_t error_size);
/*
 * Opens or makes the file, and brings its schema up to date. 0; -errno with a line in `error`: -EPROTONOSUPPORT newer, -EEXIST
 * not ours, -EUCLEAN damaged.
 */
int store_open(struct store *s, const struct journal_options *options, char *error, size_t error_size);
void store_close(struct store *s);
/* Renames a damaged file, and its write-ahead log, to PATH.corrupt-TIME; a few such are kept. */
int store_set_aside(const char *path, char ret_name[STORE_PATH]);
/* Is the file still at its path? 0, -ESTALE. */
int store_in_place(const struct store *s);
/* Looks at every page. 0, -EUCLEAN; -EINTR when *stop became true. */
int store_check(struct store *s, const bool *stop);
/* Schema steps 1 to `version`, for tests. */
int store_migrate(sqlite3 *db, int version);

/* ---- journal_store.c */

/* What an SQLite result means, as -errno; `s->cause` is set. */
int store_error(struct store *s, int result);
int store_sql(struct store *s, const char *sql);
int store_number(struct store *s, const char *sql, int64_t *ret);
/* *done: how many are committed; goes on from there. */
int store_add_entries(struct store *s, const struct timeline_entry *entries, size_t count, size_t *done);
int store_add_rollups(struct store *s, const struct store_rollup *rows, size_t count);
/* Names of tunnels that no rollup refers to any more. */
int store_forget_names(struct store *s);
int store_replace_records(struct store *s, const struct store_save *save);
int store_load_records(struct store *s, struct store_save *ret); /* journal_records.c, as the one before */
/* `now_ns` 0: not known, age does not count. Removes what is too old, and the oldest of what is too much: a part of it, at most; *ret_more: there is more to remove. */
int store_trim(struct store *s, uint64_t now_ns, bool *ret_more);
/* Makes room inside of a file that has reached its bound: half of it. */
int store_make_room(struct store *s);
/* Has the file reached its bound? */
bool store_is_full(struct store *s);
uint64_t store_bytes(struct store *s);

/* 0, -ENOMEM. */
int store_save_add_tunnel(struct store_save *save, const struct tunnel_record *record);
int store_save_add_sa(struct store_save *save, const struct tunnel_sa_record *record);
void store_save_free(struct store_save *save);

#endif

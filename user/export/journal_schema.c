// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * journal_schema.c - the journal's file is opened, made, brought up to date, and set aside when it is damaged
 *
 * The file is only ever opened by SQLite while SQLite has it open: closing any other descriptor of it would drop SQLite's
 * locks (fcntl(2)).
 */
#include "export/journal_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "complain.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define MAGIC "SQLite format 3"
#define ASIDE_KEPT 4
#define BUSY_MS 5000

/*
 * Step i makes schema i + 1 out of schema i. They are history: never change one, append. Numbers: severity 0 info, 1 warning,
 * 2 critical; confidence 0 possible, 1 likely, 2 certain; state 0 down, 1 negotiating, 2 idle, 3 up; direction as in abi.h.
 * Times are nanoseconds since the epoch, `at` seconds. Unsigned 64-bit numbers are stored as signed ones. All counters are sums:
 * what a step of time brought is the difference to the row before.
 */
static const char *const steps[] = {
	"CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;"
	/* AUTOINCREMENT: a number is never used again, so that a follower can go on behind the last one it saw */
	"CREATE TABLE entries(id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, kind TEXT NOT "
	"NULL,"
	" severity INTEGER NOT NULL, confidence INTEGER NOT NULL, origin TEXT NOT NULL, tunnel TEXT, local "
	"TEXT,"
	" local_port INTEGER, peer TEXT, peer_port INTEGER, initiator_spi INTEGER, responder_spi INTEGER, "
	"spi INTEGER,"
	" exchange INTEGER, major INTEGER, message_id INTEGER, good INTEGER, cause TEXT, text TEXT NOT NULL,"
	" evidence TEXT);"
	"CREATE INDEX entries_time ON entries(time);",

	"CREATE TABLE names(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, local TEXT, remote TEXT,"
	" first INTEGER);"
	"CREATE TABLE rollup_10s(at INTEGER, tunnel INTEGER, state INTEGER NOT NULL, worst INTEGER NOT NULL,"
	" in_packets INTEGER, in_bytes INTEGER, in_lost INTEGER, in_late INTEGER, in_duplicate INTEGER,"
	" out_packets INTEGER, out_bytes INTEGER, out_lost INTEGER, out_late INTEGER, out_duplicate INTEGER,"
	" PRIMARY KEY(at, tunnel)) WITHOUT ROWID;"
	"CREATE TABLE rollup_5min(at INTEGER, tunnel INTEGER, state INTEGER NOT NULL, worst INTEGER NOT NULL,"
	" in_packets INTEGER, in_bytes INTEGER, in_lost INTEGER, in_late INTEGER, in_duplicate INTEGER,"
	" out_packets INTEGER, out_bytes INTEGER, out_lost INTEGER, out_late INTEGER, out_duplicate INTEGER,"
	" PRIMARY KEY(at, tunnel)) WITHOUT ROWID;"
	"CREATE TABLE tunnels(name TEXT PRIMARY KEY, local TEXT, remote TEXT, since INTEGER, last_down "
	"INTEGER,"
	" flaps INTEGER, rekeys INTEGER, ike_rekeys INTEGER, state INTEGER, down_cause TEXT,"
	" in_packets INTEGER, in_bytes INTEGER, in_received INTEGER, in_lost INTEGER, in_late INTEGER,"
	" in_duplicate INTEGER, in_too_old INTEGER, in_fragmented INTEGER, in_fragments_incomplete INTEGER,"
	" out_packets INTEGER, out_bytes INTEGER, out_received INTEGER, out_lost INTEGER, out_late INTEGER,"
	" out_duplicate INTEGER, out_too_old INTEGER, out_fragmented INTEGER, out_fragments_incomplete "
	"INTEGER"
	") WITHOUT ROWID;"
	"CREATE TABLE sas(destination TEXT, spi INTEGER, protocol INTEGER, direction INTEGER, tunnel TEXT,"
	" family INTEGER, first INTEGER, packets INTEGER, bytes INTEGER, received INTEGER, lost INTEGER, "
	"late INTEGER,"
	" duplicate INTEGER, too_old INTEGER, fragmented INTEGER, fragments_incomplete INTEGER,"
	" PRIMARY KEY(destination, spi, protocol, direction)) WITHOUT ROWID;",
};
_Static_assert(COUNT(steps) == STORE_SCHEMA, "a step for each version");
_Static_assert(TIMELINE_INFO == 0 && TIMELINE_CRITICAL == 2 && TIMELINE_POSSIBLE == 0 &&
		       TIMELINE_CERTAIN == 2 && STATE_TUNNEL_DOWN == 0 && STATE_TUNNEL_UP == 3,
	       "these numbers are in files");

static const char *const statements[STORE_STATEMENTS] = {
	[STORE_ADD_ENTRY] = "INSERT INTO entries(time, kind, severity, confidence, origin, tunnel, local, "
			    "local_port, peer,"
			    " peer_port, initiator_spi, responder_spi, spi, exchange, major, message_id, "
			    "good, cause, text, evidence)"
			    " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
	[STORE_ADD_FINE] = "INSERT OR REPLACE INTO rollup_10s VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
	[STORE_ADD_COARSE] = "INSERT OR REPLACE INTO rollup_5min VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
	[STORE_FIND_NAME] = "SELECT id FROM names WHERE name = ?1 AND remote IS ?2 AND local IS ?3",
	[STORE_ADD_NAME] = "INSERT INTO names(name, remote, local, first) VALUES(?1, ?2, ?3, ?4)"
			   " ON CONFLICT(name) DO UPDATE SET remote = excluded.remote, local = "
			   "excluded.local RETURNING id",
	/* What has not changed is not written: most tunnels are quiet */
	[STORE_ADD_TUNNEL] =
		"INSERT OR REPLACE INTO tunnels SELECT ?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,"
		"?16,?17,?18,?19,?20,?21,?22,?23,?24,?25,?26,?27,?28 EXCEPT SELECT * FROM tunnels WHERE name "
		"= ?1",
	[STORE_ADD_SA] =
		"INSERT OR REPLACE INTO sas SELECT ?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16"
		" EXCEPT SELECT * FROM sas WHERE destination = ?1 AND spi = ?2 AND protocol = ?3 AND "
		"direction = ?4",
	[STORE_KEEP_TUNNEL] = "INSERT OR IGNORE INTO temp.kept_tunnels VALUES(?)",
	[STORE_KEEP_SA] = "INSERT OR IGNORE INTO temp.kept_sas VALUES(?,?,?,?)",
};

int store_migrate(sqlite3 *db, int version)
{
	sqlite3_stmt *statement = NULL;
	char sql[96];
	int result, i;

	result = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	if (result != SQLITE_OK)
		return result;
	result = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &statement, NULL);
	if (result == SQLITE_OK)
		result = sqlite3_step(statement);
	i = result == SQLITE_ROW ? sqlite3_column_int(statement, 0) : 0;
	sqlite3_finalize(statement);
	result = result == SQLITE_ROW ? SQLITE_OK : result;
	for (; result == SQLITE_OK && i < version; i++)
		result = sqlite3_exec(db, steps[i], NULL, NULL, NULL);
	snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %d", STORE_APPLICATION,
		 version);
	if (result == SQLITE_OK)
		result = sqlite3_exec(db, sql, NULL, NULL, NULL);
	if (result == SQLITE_OK)
		result = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	if (result != SQLITE_OK)
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return result;
}

/* ---- the file */

/* The group that may read, or (gid_t)-1: chown() then leaves the group as it is. */
static gid_t group_of_readers(const char *name)
{
	const struct group *group = getgrnam(name ? name : "espial");

	return group ? group->gr_gid : (gid_t)-1;
}

static void split(const char *path, char ret_directory[STORE_PATH])
{
	const char *slash = strrchr(path, '/');

	if (slash)
		snprintf(ret_directory, STORE_PATH, "%.*s", slash == path ? 1 : (int)(slash - path), path);
	else
		snprintf(ret_directory, STORE_PATH, ".");
}

static int sync_directory(const char *path)
{
	char directory[STORE_PATH];
	int fd, err = 0;

	split(path, directory);
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fsync(fd) != 0 && errno != EINVAL)
		err = -errno;
	close(fd);
	return err;
}

int store_make_directory(const struct journal_options *options, char *error, size_t error_size)
{
	char directory[STORE_PATH];

	if (strlen(options->path) >= STORE_PATH - 32)
		return complain(error, error_size, -ENAMETOOLONG, "journal %s: the path is too long",
				options->path);
	split(options->path, directory);
	if (mkdir(directory, 0750) == 0 &&
	    chown(directory, (uid_t)-1, group_of_readers(options->group)) != 0 && errno != EPERM)
		return complain(error, error_size, -errno, "directory %s: %s", directory, strerror(errno));
	return 0; /* why there is none will be said when the file is opened */
}

/* Makes the file, empty, when there is none. *ret_foreign: something is in it that no SQLite file begins with. */
static int prepare_file(const struct journal_options *options, bool *ret_foreign, char *error,
			size_t error_size)
{
	const char *path = options->path;
	gid_t group = group_of_readers(options->group);
	char magic[16] = "";
	struct stat st;
	ssize_t length;
	int fd, err;

	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
	if (fd < 0) {
		err = -errno;
		return complain(error, error_size, err,
				"journal %s: %s: make its directory, or choose another with journal", path,
				strerror(-err));
	}
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return complain(error, error_size, -EEXIST,
				"journal %s: something that is no file is there: choose another with journal",
				path);
	}
	length = pread(fd, magic, sizeof(magic), 0);
	*ret_foreign = length > 0 && memcmp(magic, MAGIC, sizeof(magic)) != 0;
	err = 0;
	if (length == 0) {
		if (fchown(fd, (uid_t)-1, group) != 0 && errno != EPERM)
			err = -errno;
		if (!err)
			err = sync_directory(path);
	}
	close(fd);
	return err ? complain(error, error_size, err, "journal %s: %s", path, strerror(-err)) : 0;
}

/* Set aside is what was ours, by its name or by its write-ahead log: not somebody's text file that was named by mistake. */
static int judge_foreign(struct store *s, char *error, size_t error_size)
{
	const char *path = s->path;
	char log[STORE_PATH + 8];
	size_t length = strlen(path);

	snprintf(log, sizeof(log), "%s-wal", path);
	if ((length > 3 && strcmp(path + length - 3, ".db") == 0) || access(log, F_OK) == 0)
		return complain(s->cause, sizeof(s->cause), -EUCLEAN, "file is not a database");
	return complain(error, error_size, -EEXIST,
			"journal %s: is a file of something else: choose another with journal", path);
}

/* Files of damaged journals, sorted by name and thus by time; the oldest go when there are too many. */
static void forget_asides(const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	char directory[STORE_PATH], name[2 * STORE_PATH], prefix[STORE_PATH];
	struct dirent **found = NULL;
	int count, i, kept = 0;

	split(path, directory);
	snprintf(prefix, sizeof(prefix), "%s.corrupt-", base);
	count = scandir(directory, &found, NULL, alphasort);
	for (i = count - 1; i >= 0; i--) {
		if (strncmp(found[i]->d_name, prefix, strlen(prefix)) == 0 &&
		    !strstr(found[i]->d_name + strlen(prefix), "-wal") && ++kept > ASIDE_KEPT) {
			snprintf(name, sizeof(name), "%s/%s", directory, found[i]->d_name);
			unlink(name);
			strncat(name, "-wal", sizeof(name) - strlen(name) - 1);
			unlink(name);
		}
		free(found[i]);
	}
	free(found);
}

int store_set_aside(const char *path, char ret_name[STORE_PATH])
{
	char from[STORE_PATH + 8], to[STORE_PATH + 8];
	struct timespec now;
	struct tm tm;
	int i, length;

	/* To the microsecond: names in their order are files in theirs, also when several are damaged within a second. */
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	length = snprintf(ret_name, STORE_PATH, "%s.corrupt-%04d%02d%02dT%02d%02d%02d.%06ldZ", path,
			  tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
			  now.tv_nsec / 1000);
	if (length < 0 || length > STORE_PATH - 8)
		return -ENAMETOOLONG;
	for (i = 2; i < 100 && access(ret_name, F_OK) == 0; i++)
		snprintf(ret_name + length, (size_t)(STORE_PATH - length), ".%d", i);
	/* The log first: should this end in between, it must not be taken for that of the new file */
	snprintf(from, sizeof(from), "%s-wal", path);
	snprintf(to, sizeof(to), "%s-wal", ret_name);
	if (rename(from, to) != 0 && errno != ENOENT)
		return -errno;
	snprintf(from, sizeof(from), "%s-shm", path);
	if (unlink(from) != 0 && errno != ENOENT)
		return -errno;
	if (rename(path, ret_name) != 0)
		return -errno;
	forget_asides(path);
	return sync_directory(path);
}

int store_in_place(const struct store *s)
{
	struct stat st;

	if (stat(s->path, &st) != 0)
		return errno == ENOENT ? -ESTALE : 0;
	return st.st_dev == s->device && st.st_ino == s->inode ? 0 : -ESTALE;
}

/* ---- opening */

/* Is it ours, and of a version that this program knows? An empty file is. */
static int judge_schema(struct store *s, char *error, size_t error_size)
{
	int64_t application, version, tables;
	int err;

	err = store_number(s, "PRAGMA application_id", &application);
	if (!err)
		err = store_number(s, "PRAGMA user_version", &version);
	if (!err)
		err = store_number(s, "SELECT count(*) FROM sqlite_master", &tables);
	if (err)
		return complain(error, error_size, err, "journal %s: %s", s->path, s->cause);
	if (application != STORE_APPLICATION && (application || version || tables))
		return complain(error, error_size, -EEXIST,
				"journal %s: is a database of something else: choose another with journal",
				s->path);
	if (version > STORE_SCHEMA)
		return complain(
			error, error_size, -EPROTONOSUPPORT,
			"journal %s: was written by a newer espial (schema %lld, this one knows %d): use "
			"that version, or choose another with journal",
			s->path, (long long)version, STORE_SCHEMA);
	return 0;
}

static int set_up(struct store *s)
{
	char sql[512];
	int64_t pages;
	int err, on = 1;

	/*
	 * auto_vacuum only takes effect before the first table. The log stays after the last connection closed (PERSIST_WAL), so
	 * that a reader who may not write the directory can read while no agent runs.
	 */
	sqlite3_file_control(s->db, "main", SQLITE_FCNTL_PERSIST_WAL, &on);
	err = store_sql(
		s,
		"PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
		"PRAGMA journal_size_limit = 4194304; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -4096;"
		"PRAGMA trusted_schema = OFF");
	if (err)
		return err;
	err = store_error(s, store_migrate(s->db, STORE_SCHEMA));
	if (!err)
		err = store_number(s, "PRAGMA page_size", &pages);
	if (err)
		return err;
	s->page_size = (uint64_t)pages;
	snprintf(sql, sizeof(sql),
		 "PRAGMA max_page_count = %llu;"
		 "CREATE TEMP TABLE kept_tunnels(name TEXT PRIMARY KEY) WITHOUT ROWID;"
		 "CREATE TEMP TABLE kept_sas(destination TEXT, spi INTEGER, protocol INTEGER, direction "
		 "INTEGER,"
		 " PRIMARY KEY(destination, spi, protocol, direction)) WITHOUT ROWID",
		 (unsigned long long)(s->max_bytes / s->page_size));
	return store_sql(s, sql);
}

static int open_database(struct store *s, char *error, size_t error_size)
{
	int err, i;

	err = store_error(s, sqlite3_open_v2(s->path, &s->db,
					     SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
						     SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE,
					     NULL));
	if (err)
		return complain(error, error_size, err, "journal %s: %s", s->path, s->cause);
	sqlite3_busy_timeout(s->db, BUSY_MS);
	err = judge_schema(s, error, error_size);
	if (err)
		return err;
	err = set_up(s);
	for (i = 0; !err && i < STORE_STATEMENTS; i++)
		err = store_error(s, sqlite3_prepare_v3(s->db, statements[i], -1, SQLITE_PREPARE_PERSISTENT,
							&s->statements[i], NULL));
	return err ? complain(error, error_size, err, "journal %s: %s", s->path, s->cause) : 0;
}

int store_open(struct store *s, const struct journal_options *options, char *error, size_t error_size)
{
	bool foreign = false;
	struct stat st;
	int err;

	memset(s, 0, sizeof(*s));
	snprintf(s->path, sizeof(s->path), "%s", options->path);
	s->max_age_ns = options->max_age_ns ? options->max_age_ns : JOURNAL_DEFAULT_AGE_NS;
	s->max_bytes = options->max_bytes ? options->max_bytes : JOURNAL_DEFAULT_BYTES;
	if (s->max_bytes < JOURNAL_BYTES_MIN)
		s->max_bytes = JOURNAL_BYTES_MIN;
	err = prepare_file(options, &foreign, error, error_size);
	if (!err && foreign)
		err = judge_foreign(s, error, error_size);
	if (!err && stat(s->path, &st) != 0)
		err = complain(error, error_size, -errno, "journal %s: %s", s->path, strerror(errno));
	if (err)
		return err;
	s->device = st.st_dev;
	s->inode = st.st_ino;
	err = open_database(s, error, error_size);
	if (err)
		store_close(s);
	return err;
}

void store_close(struct store *s)
{
	for (int i = 0; i < STORE_STATEMENTS; i++) {
		sqlite3_finalize(s->statements[i]);
		s->statements[i] = NULL;
	}
	sqlite3_close_v2(s->db);
	s->db = NULL;
}

static int interrupted(void *stop)
{
	return __atomic_load_n((const bool *)stop, __ATOMIC_RELAXED);
}

int store_check(struct store *s, const bool *stop)
{
	sqlite3_stmt *statement = NULL;
	const char *answer;
	int err, result;

	sqlite3_progress_handler(s->db, 10000, interrupted, (void *)stop);
	result = sqlite3_prepare_v2(s->db, "PRAGMA quick_check(1)", -1, &statement, NULL);
	if (result == SQLITE_OK)
		result = sqlite3_step(statement);
	err = result == SQLITE_ROW ? 0 : result == SQLITE_INTERRUPT ? -EINTR : store_error(s, result);
	if (!err) {
		answer = (const char *)sqlite3_column_text(statement, 0);
		if (!answer || strcmp(answer, "ok") != 0) {
			snprintf(s->cause, sizeof(s->cause), "%s", answer ? answer : "no answer");
			s->cause[strcspn(s->cause, "\n")] = '\0';
			err = -EUCLEAN;
		}
	}
	sqlite3_finalize(statement);
	sqlite3_progress_handler(s->db, 0, NULL, NULL);
	return err;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* test_journal_faults.c - a full disk, a damaged file, versions, bounds: the agent goes on, and says so */
#include "journal_build.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>

static int open_error(const struct place *p, char error[JOURNAL_LINE])
{
	struct journal_options options = {.path = p->path, .batch_ms = 1};
	struct journal *j = NULL;
	int err;

	error[0] = '\0';
	err = journal_open(&options, &j, error, JOURNAL_LINE);
	assert_int_equal(journal_close(j), 0);
	return err;
}

static void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no '%s' in '%s'", part, text);
}

static void sql(const char *path, const char *statements)
{
	char *message = NULL;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, statements, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s", message);
	sqlite3_close(db);
}

/* ---- a full disk */

/* The largest size of a file that this process may write. */
static void limit_files(rlim_t bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static int find_gap(void *arg, const struct journal_row *row)
{
	if (row->entry.kind == TIMELINE_GAP)
		*(struct journal_row *)arg = *row;
	return 0;
}

static void full_disk(void **state)
{
	struct place *p = *state;
	struct journal *j = open_fast(p);
	struct journal_row *gap = calloc(1, sizeof(*gap));
	struct journal_stats stats;
	struct journal_reader *r;
	char error[JOURNAL_LINE];

	signal(SIGXFSZ, SIG_IGN);
	add_numbered(j, 0, 100);
	assert_int_equal(journal_flush(j), 0);
	limit_files(100000); /* the log is larger */
	add_numbered(j, 100, 200);
	assert_int_equal(journal_flush(j), -EIO);
	assert_int_equal(count_numbered(p->path), 100);
	/* A limit of files is no full disk to SQLite; tests/net/journal_full.sh has one of these */
	expect_news(j, "cannot be written: disk I/O error; up to 4096 events wait in memory meanwhile");
	/* Said once, however often it is tried */
	for (int i = 0; i < 3; i++)
		assert_int_equal(journal_flush(j), -EIO);
	expect_no_news(j);
	journal_stats(j, &stats);
	assert_true(stats.failing && stats.failures >= 4);
	/* More than finds a place: 100 are in the batch that fails, 4096 wait */
	add_numbered(j, 200, 200 + JOURNAL_QUEUE + 33);
	journal_stats(j, &stats);
	assert_int_equal(stats.lost, 33);
	assert_int_equal(stats.waiting, JOURNAL_QUEUE);
	assert_int_equal(stats.written, 100);

	limit_files(RLIM_INFINITY);
	while (journal_flush(j) != 0)
		;
	add_numbered(j, 200 + JOURNAL_QUEUE, 200 + JOURNAL_QUEUE + 5);
	assert_int_equal(journal_flush(j), 0);
	expect_news(j, "33 events are missing in it: it could not be written");
	expect_news(j, "is written again");
	expect_no_news(j);
	assert_int_equal(journal_close(j), 0 + 33);
	assert_int_equal(count_numbered(p->path), 200 + JOURNAL_QUEUE + 5);
	assert_int_equal(journal_reader_open(p->path, &r, error, sizeof(error)), 0);
	assert_int_equal(journal_read(r, &(struct journal_query){.since_ns = 0}, find_gap, gap), 0);
	journal_reader_close(r);
	assert_string_equal(gap->entry.text,
			    "33 events are missing from here on: the journal could not be written");
	assert_int_equal(gap->entry.time_ns, T0 + (200 + JOURNAL_QUEUE) * S / 100);
	free(gap);
}

/* Full already when the agent starts, and when it ends. */
static void full_from_the_start(void **state)
{
	struct place *p = *state;
	struct journal *j;

	signal(SIGXFSZ, SIG_IGN);
	limit_files(0);
	j = open_fast(p);
	add_numbered(j, 0, 10);
	assert_int_equal(journal_flush(j), -EIO);
	expect_news(j, "journal ");
	assert_int_equal(journal_close(j), 10);
	j = open_fast(p);
	add_numbered(j, 0, 10);
	assert_int_equal(journal_flush(j), -EIO);
	limit_files(RLIM_INFINITY);
	while (journal_flush(j) != 0)
		;
	assert_int_equal(journal_close(j), 0);
	assert_int_equal(count_numbered(p->path), 10);
}

/* ---- a damaged file */

static void make_journal(const struct place *p, uint32_t entries)
{
	struct journal *j = open_fast(p);

	add_numbered(j, 0, entries);
	assert_int_equal(journal_close(j), 0);
	sql(p->path, "PRAGMA wal_checkpoint(TRUNCATE)");
}

static void overwrite(const char *path, off_t from, off_t length, uint32_t seed)
{
	int fd = open(path, O_WRONLY);
	uint8_t byte;

	assert_true(fd >= 0);
	for (off_t i = from; i < from + length; i++) {
		seed = seed * 1664525 + 1013904223;
		byte = (uint8_t)(seed >> 24);
		assert_int_equal(pwrite(fd, &byte, 1, i), 1);
	}
	close(fd);
}

/* The name of what was set aside, out of the line that says so. */
static void name_of_aside(struct journal *j, char ret[256])
{
	char line[JOURNAL_LINE], *from, *to;

	if (!journal_tick(j, T0, line))
		fail_msg("nothing was told");
	from = strstr(line, "kept as ");
	to = from ? strchr(from, ',') : NULL;
	if (!to)
		fail_msg("no name in '%s'", line);
	snprintf(ret, 256, "%.*s", (int)(to - from - 8), from + 8);
	has(ret, ".corrupt-");
	assert_int_equal(access(ret, F_OK), 0);
}

/* Whatever was done to the file: a new journal is begun, what comes is in it, the old one is there, all is said. */
static void recovers(const struct place *p, char aside[256])
{
	struct journal *j = open_fast(p);
	struct journal_stats stats;

	add_numbered(j, 0, 50);
	assert_int_equal(journal_flush(j), 0);
	name_of_aside(j, aside);
	expect_no_news(j);
	journal_stats(j, &stats);
	assert_int_equal(stats.damaged, 1);
	assert_int_equal(journal_close(j), 0);
	assert_int_equal(count_numbered(p->path), 50);
	j = open_fast(p);
	expect_no_news(j);
	assert_int_equal(journal_close(j), 0);
	assert_int_equal(unlink(p->path), 0);
}

static int count_rows(void *arg, const struct journal_row *row)
{
	(void)row;
	++*(uint32_t *)arg;
	return 0;
}

static void damaged(void **state)
{
	struct place *p = *state;
	char aside[256], error[JOURNAL_LINE], log[200];
	struct journal_reader *r = NULL;
	uint32_t left = 0;
	struct stat st;
	int fd;

	make_journal(p, 2000); /* the first page */
	overwrite(p->path, 0, 4096, 1);
	recovers(p, aside);
	assert_int_equal(journal_reader_open(aside, &r, error, sizeof(error)), -EUCLEAN);
	has(error, "file is not a database");

	make_journal(p, 2000); /* the schema, behind a header that is whole */
	overwrite(p->path, 100, 3996, 2);
	recovers(p, aside);

	make_journal(p, 2000); /* pages in the middle: the check finds them, and the rest can still be read */
	assert_int_equal(stat(p->path, &st), 0);
	overwrite(p->path, st.st_size / 2 / 4096 * 4096, 8192, 3);
	recovers(p, aside);
	assert_int_equal(journal_reader_open(aside, &r, error, sizeof(error)), 0);
	assert_int_equal(
		journal_read(r, &(struct journal_query){.order = JOURNAL_AS_WRITTEN}, count_rows, &left),
		-EUCLEAN);
	assert_true(left > 100 && left < 2000);
	has(journal_reader_cause(r), "malformed");
	journal_reader_close(r);

	make_journal(p, 2000); /* cut */
	assert_int_equal(truncate(p->path, 50000), 0);
	recovers(p, aside);

	snprintf(log, sizeof(log), "%s-wal", p->path);
	unlink(log);
	fd = open(p->path, O_WRONLY | O_CREAT, 0600); /* no database */
	assert_int_equal(write(fd, "hello, world, this is text", 26), 26);
	close(fd);
	recovers(p, aside);

	fd = open(p->path, O_WRONLY | O_CREAT, 0600); /* an empty file is just a new one */
	close(fd);
	make_journal(p, 10);
	assert_int_equal(count_numbered(p->path), 10);
}

/* Random bytes anywhere: the agent never ends, and in the end what it is given is there. */
static void damaged_at_random(void **state)
{
	struct place *p = *state;
	uint32_t seed = (uint32_t)time(NULL);
	char line[JOURNAL_LINE], log[200];
	struct stat st;

	print_message("seed %u\n", seed);
	snprintf(log, sizeof(log), "%s-wal", p->path);
	for (int round = 0; round < 30; round++) {
		struct journal *j;
		uint32_t found = 0;
		struct journal_reader *r;

		unlink(p->path);
		unlink(log);
		make_journal(p, 500);
		assert_int_equal(stat(p->path, &st), 0);
		seed = seed * 1664525 + 1013904223;
		overwrite(p->path, (off_t)(seed >> 8) % st.st_size, 1 + (off_t)(seed >> 4) % 300, seed);
		j = open_fast(p);
		add_numbered(j, 500, 600);
		assert_int_equal(journal_flush(j), 0);
		while (journal_tick(j, T0, line))
			has(line, "damaged");
		assert_int_equal(journal_close(j), 0);
		assert_int_equal(journal_reader_open(p->path, &r, line, sizeof(line)), 0);
		assert_int_equal(journal_read(r, &(struct journal_query){.since_ns = 0}, count_rows, &found),
				 0);
		journal_reader_close(r);
		assert_true(found >= 100); /* the new ones, in the old file or in the new one */
	}
}

/* Someone removes the file while the agent runs. */
static void removed(void **state)
{
	struct place *p = *state;
	struct journal *j = open_fast(p);
	char log[200];

	add_numbered(j, 0, 10);
	assert_int_equal(journal_flush(j), 0);
	assert_int_equal(unlink(p->path), 0);
	snprintf(log, sizeof(log), "%s-wal", p->path);
	unlink(log);
	add_numbered(j, 0, 20);
	assert_int_equal(journal_flush(j), 0);
	expect_news(j, "was removed or replaced while the agent ran");
	assert_int_equal(journal_close(j), 0);
	assert_int_equal(count_numbered(p->path), 20);
}

/* ---- who may, and which versions */

static void refused(void **state)
{
	struct place *p = *state, other = *p;
	char error[JOURNAL_LINE];
	struct journal *j;
	FILE *f;

	j = open_fast(p);
	assert_int_equal(open_error(p, error), -EBUSY);
	has(error, "another agent (pid ");
	assert_int_equal(journal_close(j), 0);
	assert_int_equal(open_error(p, error), 0);

	sql(p->path, "PRAGMA user_version = 3");
	assert_int_equal(open_error(p, error), -EPROTONOSUPPORT);
	has(error, "was written by a newer espial (schema 3, this one knows 2): use that version, or choose "
		   "another");
	sql(p->path, "PRAGMA user_version = 2; PRAGMA application_id = 5");
	assert_int_equal(open_error(p, error), -EEXIST);
	has(error, "is a database of something else");

	/* Not what somebody named by mistake: it stays as it is */
	snprintf(other.path, sizeof(other.path), "%s/notes.txt", p->directory);
	f = fopen(other.path, "w");
	assert_non_null(f);
	fputs("do not lose this", f);
	fclose(f);
	assert_int_equal(open_error(&other, error), -EEXIST);
	has(error, "is a file of something else: choose another with journal");
	assert_int_equal(access(other.path, F_OK), 0);
	assert_true(snprintf(other.path, sizeof(other.path), "%s", p->directory) > 0);
	assert_true(open_error(&other, error) < 0);
	snprintf(other.path, sizeof(other.path), "%s/a/b/journal.db", p->directory);
	assert_int_equal(open_error(&other, error), -ENOENT);
	has(error, "make its directory");
	snprintf(other.path, sizeof(other.path), "%s/a/journal.db", p->directory); /* whose parent is made */
	assert_int_equal(open_error(&other, error), 0);
}

/* A journal of schema 1 had entries only. */
static void migrated(void **state)
{
	struct place *p = *state;
	struct state_tunnel *tunnel = calloc(1, sizeof(*tunnel));
	struct journal_stats stats;
	struct journal *j;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
	assert_int_equal(store_migrate(db, 1), SQLITE_OK);
	for (int i = 0; i < 5; i++) {
		char insert[300];

		snprintf(insert, sizeof(insert),
			 "INSERT INTO entries(time, kind, severity, confidence, origin, message_id, text)"
			 " VALUES(%llu, 'ike-exchange', 0, 2, 'wire', %d, 'old')",
			 T0 + (unsigned long long)i, i);
		assert_int_equal(sqlite3_exec(db, insert, NULL, NULL, NULL), SQLITE_OK);
	}
	sqlite3_close(db);
	assert_int_equal(count_numbered(p->path), 5); /* and it can be read as it is */
	j = open_fast(p);
	add_numbered(j, 5, 8);
	strcpy(tunnel->name, "t");
	journal_rollup(j, T0, tunnel, 1);
	assert_int_equal(journal_flush(j), 0);
	journal_stats(j, &stats);
	assert_int_equal(stats.rollups_written, 1);
	expect_no_news(j);
	assert_int_equal(journal_close(j), 0);
	assert_int_equal(count_numbered(p->path), 8);
	free(tunnel);
}

/* ---- bounds */

/* The oldest go when the file reaches its size; what is newest is there, without a gap; the file is never larger. */
static void bounded_by_size(void **state)
{
	struct place *p = *state;
	struct journal *j = open_with(
		&(struct journal_options){.path = p->path, .batch_ms = 1, .max_bytes = JOURNAL_BYTES_MIN});
	struct numbers n = {.from_anywhere = true};
	struct journal_stats stats;
	struct journal_reader *r;
	char error[JOURNAL_LINE];
	struct stat st;
	uint64_t largest = 0;
	uint32_t next;

	for (next = 0; next < 60000; next += 1000) {
		add_numbered(j, next, next + 1000);
		assert_int_equal(journal_flush(j), 0);
		assert_int_equal(stat(p->path, &st), 0);
		largest = (uint64_t)st.st_size > largest ? (uint64_t)st.st_size : largest;
	}
	expect_no_news(j);
	journal_stats(j, &stats);
	assert_int_equal(stats.written, 60000);
	assert_int_equal(stats.lost, 0);
	assert_true(stats.expired > 10000);
	assert_true(largest <= JOURNAL_BYTES_MIN);
	assert_int_equal(journal_close(j), 0);
	assert_int_equal(journal_reader_open(p->path, &r, error, sizeof(error)), 0);
	assert_int_equal(journal_read(r, &(struct journal_query){.since_ns = 0}, check_number, &n), 0);
	journal_reader_close(r);
	assert_int_equal(n.next, 60000);
	if (n.count < 8000 || n.count > 50000)
		fail_msg("%u entries are left", n.count);
}

static void bounded_by_age(void **state)
{
	struct place *p = *state;
	struct journal *j =
		open_with(&(struct journal_options){.path = p->path, .batch_ms = 1, .max_age_ns = 100 * S});
	struct numbers n = {.from_anywhere = true};
	struct journal_stats stats;
	struct journal_reader *r;
	char line[JOURNAL_LINE];

	for (uint32_t next = 0; next < 30000; next += 1000) { /* 300 s */
		add_numbered(j, next, next + 1000);
		assert_int_equal(journal_flush(j), 0);
	}
	/* It is 250 s: what is before 150 s goes */
	while (journal_tick(j, T0 + 250 * S, line))
		;
	do {
		add_numbered(j, 30000, 30001);
		assert_int_equal(journal_flush(j), 0);
		journal_stats(j, &stats);
	} while (stats.expired < 15000 - 1000);
	journal_close(j);
	assert_int_equal(journal_reader_open(p->path, &r, line, sizeof(line)), 0);
	assert_int_equal(journal_read(r, &(struct journal_query){.until_ns = T0 + 139 * S}, check_number, &n),
			 0);
	assert_int_equal(n.count, 0);
	assert_int_equal(
		journal_read(r, &(struct journal_query){.since_ns = T0 + 150 * S, .until_ns = T0 + 299 * S},
			     check_number, &n),
		0);
	assert_true(n.count >= 10000);
	journal_reader_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(full_disk, place_make, place_remove),
		cmocka_unit_test_setup_teardown(full_from_the_start, place_make, place_remove),
		cmocka_unit_test_setup_teardown(damaged, place_make, place_remove),
		cmocka_unit_test_setup_teardown(damaged_at_random, place_make, place_remove),
		cmocka_unit_test_setup_teardown(removed, place_make, place_remove),
		cmocka_unit_test_setup_teardown(refused, place_make, place_remove),
		cmocka_unit_test_setup_teardown(migrated, place_make, place_remove),
		cmocka_unit_test_setup_teardown(bounded_by_size, place_make, place_remove),
		cmocka_unit_test_setup_teardown(bounded_by_age, place_make, place_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_journal_kill.c - the agent is killed at random points, and the power fails: nothing that was committed is lost, none is
 * there twice, and the next agent goes on
 */
#include "journal_build.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#define ROUNDS 50

/* Adds entries from `next` on, and tells through `fd` how many there are in the file by now. Ends by SIGKILL. */
static void write_until_killed(const struct place *p, uint32_t next, int fd)
{
	struct timespec pause = {.tv_nsec = 500000};
	struct journal_stats stats = {.waiting = 0};
	struct journal_options options = {.path = p->path, .batch_ms = 1};
	struct journal *j = NULL;
	char error[JOURNAL_LINE];
	uint32_t first = next, committed;

	if (journal_open(&options, &j, error, sizeof(error)) != 0)
		_exit(1);
	for (;;) {
		/* No more than a slow machine gets written, so that none is lost for want of a place */
		for (int i = 0; i < 7 && stats.waiting < JOURNAL_QUEUE / 4; i++, next++)
			add_numbered(j, next, next + 1);
		if (next % 4 == 0) {
			journal_save_begin(j);
			journal_save_tunnel(j, &(struct tunnel_record){.name = "t", .flaps = next});
			journal_save_end(j);
		}
		journal_stats(j, &stats);
		if (stats.lost)
			_exit(2);
		committed = first + (uint32_t)stats.written;
		if (write(fd, &committed, sizeof(committed)) != sizeof(committed))
			_exit(3);
		nanosleep(&pause, NULL);
	}
}

/* Reads what the child tells, until `until` were told of or it takes too long; returns the last. */
static uint32_t listen_to(int fd, uint32_t until)
{
	uint32_t committed = 0;

	while (committed < until && read(fd, &committed, sizeof(committed)) == sizeof(committed))
		;
	return committed;
}

static uint32_t drain(int fd, uint32_t last)
{
	while (read(fd, &last, sizeof(last)) == sizeof(last))
		;
	return last;
}

static void is_sound(const char *path)
{
	sqlite3 *db;
	sqlite3_stmt *statement;

	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	assert_string_equal(sqlite3_column_text(statement, 0), "ok");
	sqlite3_finalize(statement);
	sqlite3_close(db);
}

static void killed(void **state)
{
	struct place *p = *state;
	uint32_t committed = 0, found = 0, seed = (uint32_t)time(NULL);

	print_message("seed %u\n", seed);
	for (int round = 0; round < ROUNDS; round++) {
		int fds[2], status;
		pid_t child;

		assert_int_equal(pipe(fds), 0);
		child = fork();
		assert_true(child >= 0);
		if (!child) {
			close(fds[0]);
			write_until_killed(p, found, fds[1]);
		}
		close(fds[1]);
		seed = seed * 1664525 + 1013904223;
		/* After some commits, at whatever it does then; a tenth of the rounds while it opens the file */
		if (round % 10) {
			committed = listen_to(fds[0], found + 1 + (seed >> 16) % 20);
			usleep((seed >> 8) % 2000);
		} else {
			usleep((seed >> 8) % 8000);
		}
		assert_int_equal(kill(child, SIGKILL), 0);
		assert_int_equal(waitpid(child, &status, 0), child);
		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
			fail_msg("round %d: the child ended by itself with %#x", round, (unsigned int)status);
		committed = drain(fds[0], committed);
		close(fds[0]);
		if (access(p->path, F_OK) != 0)
			continue; /* killed before there was one */
		if (round % 10 == 0) {
			/* The next agent repairs what there is, also a file whose making was cut short */
			struct journal *j = open_fast(p);

			expect_no_news(j);
			assert_int_equal(journal_close(j), 0);
		}
		found = count_numbered(p->path);
		if (found < committed)
			fail_msg("round %d: %u of %u committed entries are there", round, found, committed);
		committed = found;
	}
	is_sound(p->path);
	assert_true(found > ROUNDS);
}

static void copy(const char *from, const char *to, off_t length)
{
	char buffer[65536];
	int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ssize_t n;

	assert_true(in >= 0 && out >= 0);
	while (length > 0 &&
	       (n = read(in, buffer, sizeof(buffer) < (size_t)length ? sizeof(buffer) : (size_t)length)) >
		       0) {
		assert_int_equal(write(out, buffer, (size_t)n), n);
		length -= n;
	}
	close(in);
	close(out);
}

/*
 * What a loss of power leaves: the file as it was at the last checkpoint, and the log up to some point that is not before the
 * last sync. Of a log cut at any length the whole transactions before the cut are there.
 */
static void log_cut(void **state)
{
	char cut[180], cut_log[200], log[200];
	struct place *p = *state;
	uint32_t before = 0, seed = 5;
	struct journal *j = open_fast(p);
	struct stat st;

	for (uint32_t i = 0; i < 40; i++) {
		add_numbered(j, i * 5, i * 5 + 5);
		assert_int_equal(journal_flush(j), 0);
	}
	snprintf(log, sizeof(log), "%s-wal", p->path);
	snprintf(cut, sizeof(cut), "%s/cut.db", p->directory);
	snprintf(cut_log, sizeof(cut_log), "%s-wal", cut);
	assert_int_equal(stat(log, &st), 0);
	assert_true(st.st_size > 100000);
	for (off_t length = 0; length <= st.st_size;
	     length += 1 + (off_t)((seed = seed * 1664525 + 1013904223) >> 16) % 30000) {
		uint32_t found;

		copy(p->path, cut, INT32_MAX);
		copy(log, cut_log, length);
		/* Before the first commit there is no journal, only the file that will be one */
		if (length > 60000) {
			found = count_numbered(cut);
			assert_true(found >= before && found % 5 == 0);
			before = found;
		}
		snprintf(cut_log, sizeof(cut_log), "%s-shm", cut);
		unlink(cut_log);
		snprintf(cut_log, sizeof(cut_log), "%s-wal", cut);
	}
	copy(p->path, cut, INT32_MAX);
	copy(log, cut_log, INT32_MAX);
	assert_int_equal(count_numbered(cut), 200);
	assert_int_equal(journal_close(j), 0);
}

/* What is on disk when a commit has been told of does not depend on the page cache: the commit was synced. */
static void synchronous(void **state)
{
	struct journal_options options;
	struct place *p = *state;
	struct store s;
	char error[JOURNAL_LINE];
	int64_t value;

	options = (struct journal_options){.path = p->path};
	assert_int_equal(store_open(&s, &options, error, sizeof(error)), 0);
	assert_int_equal(store_number(&s, "PRAGMA synchronous", &value), 0);
	assert_int_equal(value, 2); /* FULL */
	assert_int_equal(store_number(&s, "SELECT journal_mode = 'wal' FROM pragma_journal_mode", &value), 0);
	assert_int_equal(value, 1);
	store_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(killed, place_make, place_remove),
		cmocka_unit_test_setup_teardown(log_cut, place_make, place_remove),
		cmocka_unit_test_setup_teardown(synchronous, place_make, place_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

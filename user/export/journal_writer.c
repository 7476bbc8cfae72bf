// SPDX-License-Identifier: GPL-2.0-or-later
/* journal_writer.c - the thread that writes the journal, and goes on when that fails */
#include "export/journal_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "complain.h"

#define SECOND 1000000000ull
#define RETRY_MAX_MS 30000
#define IDLE_MS 60000

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

static bool stopping(const struct journal *j)
{
	return __atomic_load_n(&j->stop, __ATOMIC_RELAXED);
}

static bool has_work(const struct journal_batch *b)
{
	return b->count || b->rollup_count || b->save_given;
}

/* ---- what is to be told */

static void tell(struct journal *j, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void tell(struct journal *j, const char *format, ...)
{
	va_list arguments;

	pthread_mutex_lock(&j->lock);
	if (j->news_count == JOURNAL_NEWS) {
		j->news_first = (j->news_first + 1) % JOURNAL_NEWS;
		j->news_count--;
	}
	va_start(arguments, format);
	vsnprintf(j->news[(j->news_first + j->news_count++) % JOURNAL_NEWS], JOURNAL_LINE, format, arguments);
	va_end(arguments);
	pthread_mutex_unlock(&j->lock);
}

/* The next batch begins with an entry about the journal itself. */
static void note_gap(struct journal *j, uint64_t at_ns, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void note_gap(struct journal *j, uint64_t at_ns, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(j->gap, sizeof(j->gap), format, arguments);
	va_end(arguments);
	j->gap_ns = at_ns;
}

static int write_gap(struct journal *j)
{
	struct timeline_entry *entry;
	size_t done = 0;
	int err;

	if (!j->gap[0])
		return 0;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	entry->time_ns = j->gap_ns;
	entry->kind = TIMELINE_GAP;
	entry->severity = TIMELINE_WARNING;
	entry->confidence = TIMELINE_CERTAIN;
	entry->origin = TIMELINE_FROM_SELF;
	snprintf(entry->text, sizeof(entry->text), "%s", j->gap);
	err = store_add_entries(&j->store, entry, 1, &done);
	free(entry);
	if (!err)
		j->gap[0] = '\0';
	return err;
}

/* ---- the file */

/* Only one agent writes a journal. The lock is on a file of its own: see journal_schema.c about other descriptors. */
static int take_lock(struct journal *j, char *error, size_t error_size)
{
	char path[STORE_PATH + 8], owner[16] = "";
	int fd, err;

	if (j->lock_fd >= 0)
		return 0;
	snprintf(path, sizeof(path), "%s.lock", j->path);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0) {
		err = -errno;
		return complain(error, error_size, err,
				"journal %s: %s: make its directory writable, or choose another with journal",
				j->path, strerror(-err));
	}
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		err = errno == EWOULDBLOCK ? -EBUSY : -errno;
		if (pread(fd, owner, sizeof(owner) - 1, 0) < 0)
			owner[0] = '\0';
		close(fd);
		return complain(
			error, error_size, err,
			"journal %s: another agent (pid %ld) writes it: stop it, or choose another with "
			"journal",
			j->path, strtol(owner, NULL, 10));
	}
	snprintf(owner, sizeof(owner), "%d\n", getpid());
	if (ftruncate(fd, 0) != 0 || pwrite(fd, owner, strlen(owner), 0) < 0)
		owner[0] = '\0'; /* for the message above alone; a full disk is told elsewhere */
	j->lock_fd = fd;
	return 0;
}

/* What is damaged goes aside, and a new file is begun. `cause` is told. */
static int set_aside(struct journal *j, const char *cause)
{
	char name[STORE_PATH];
	int err;

	if (j->open)
		store_close(&j->store);
	j->open = false;
	err = store_set_aside(j->path, name);
	if (err)
		return complain(j->error, sizeof(j->error), err,
				"journal %s: damaged (%s), and cannot be set aside: %s: remove it", j->path,
				cause, strerror(-err));
	pthread_mutex_lock(&j->lock);
	j->stats.damaged++;
	pthread_mutex_unlock(&j->lock);
	tell(j,
	     "journal %s: damaged (%s): kept as %s, and a new one begun; `espial journal --file` reads what "
	     "is left of the old one",
	     j->path, cause, name);
	note_gap(j, clock_ns(CLOCK_REALTIME), "the journal was damaged, what was before is in %s", name);
	return 0;
}

int journal_open_file(struct journal *j)
{
	int err, attempt;

	if (j->open)
		return 0;
	err = store_make_directory(&j->options, j->error, sizeof(j->error));
	if (!err)
		err = take_lock(j, j->error, sizeof(j->error));
	for (attempt = 0; !err; attempt++) {
		err = store_open(&j->store, &j->options, j->error, sizeof(j->error));
		if (err != -EUCLEAN || attempt)
			break;
		err = set_aside(j, j->store.cause);
	}
	j->open = !err;
	j->checked = j->checked && !err;
	return err;
}

/* ---- the writer */

static int write_entries(struct journal *j)
{
	return store_add_entries(&j->store, j->back.entries, j->back.count, &j->back.done);
}

static int write_rollups(struct journal *j)
{
	return store_add_rollups(&j->store, j->back.rollups, j->back.rollup_count);
}

static int write_save(struct journal *j)
{
	return store_replace_records(&j->store, &j->back.save);
}

/* When it is not the disk that is full but the file's own bound, the oldest make room. */
static int with_room(struct journal *j, int (*write)(struct journal *j))
{
	int err = write(j);

	if (err == -ENOSPC && store_is_full(&j->store)) {
		err = store_make_room(&j->store);
		if (!err)
			err = write(j);
	}
	return err;
}

static bool fits_never(struct journal *j, int err)
{
	return err == -ENOSPC && store_is_full(&j->store);
}

static int write_batch(struct journal *j)
{
	uint64_t begun = clock_ns(CLOCK_MONOTONIC), took_us, rollups = 0, unfit = 0, saves = 0;
	bool nothing = !has_work(&j->back) && !j->gap[0];
	size_t done = j->back.done;
	int err = store_in_place(&j->store);

	if (!err)
		err = with_room(j, write_entries);
	if (!err)
		err = with_room(j, write_gap);
	if (!err && j->back.rollup_count) {
		err = with_room(j, write_rollups);
		if (fits_never(j, err)) {
			unfit = j->back.rollup_count;
			err = 0;
		} else if (!err) {
			rollups = j->back.rollup_count;
		}
		if (!err)
			j->back.rollup_count = 0;
	}
	if (!err && j->back.save_given) {
		err = with_room(j, write_save);
		saves = !err;
		if (fits_never(j, err))
			err = 0;
		if (!err) {
			j->back.save_given = false;
			store_save_free(&j->back.save);
		}
	}
	took_us = (clock_ns(CLOCK_MONOTONIC) - begun) / 1000;
	pthread_mutex_lock(&j->lock);
	j->stats.written += j->back.done - done;
	j->stats.rollups_written += rollups;
	j->stats.rollups_lost += unfit;
	j->stats.saves += saves;
	if (!err && !nothing) {
		j->stats.commits++;
		j->stats.last_commit_us = took_us;
		if (took_us > j->stats.max_commit_us)
			j->stats.max_commit_us = took_us;
	}
	pthread_mutex_unlock(&j->lock);
	return err;
}

/* Once after the start: every page is looked at, so that damage is found now and not when something is looked for. */
static int check(struct journal *j)
{
	int err;

	if (j->checked)
		return 0;
	err = store_check(&j->store, &j->stop);
	if (err == -EINTR)
		return 0;
	if (!err)
		err = store_forget_names(&j->store);
	j->checked = !err;
	return err;
}

/* Everything once, and once more when the file had to be replaced. */
static int attempt(struct journal *j)
{
	int err = 0;

	for (int i = 0; i < 2; i++) {
		err = journal_open_file(j);
		if (err)
			return err;
		err = check(j);
		if (!err)
			err = write_batch(j);
		if (err == -EUCLEAN) {
			snprintf(j->error, sizeof(j->error), "%s", j->store.cause);
			err = set_aside(j, j->error);
			if (err)
				return err;
			err = -EUCLEAN;
		} else if (err == -ESTALE) {
			store_close(&j->store);
			j->open = false;
			tell(j, "journal %s: was removed or replaced while the agent ran: it goes on there",
			     j->path);
			note_gap(j, clock_ns(CLOCK_REALTIME), "the journal was removed or replaced");
		} else {
			break;
		}
	}
	if (err == -ENOSPC)
		complain(j->error, sizeof(j->error), err, "journal %s: no space left on the disk: make room",
			 j->path);
	else if (err)
		complain(j->error, sizeof(j->error), err, "journal %s: cannot be written: %s", j->path,
			 j->store.cause[0] ? j->store.cause : strerror(-err));
	return err;
}

/* What did not find a place in the meantime: said in the journal too. */
static void count_lost(struct journal *j)
{
	uint64_t lost, since;
	bool failing;

	pthread_mutex_lock(&j->lock);
	lost = j->lost_now;
	since = j->lost_since_ns;
	failing = j->stats.failing;
	j->lost_now = 0;
	pthread_mutex_unlock(&j->lock);
	if (!lost)
		return;
	note_gap(j, since, "%llu events are missing from here on: %s", (unsigned long long)lost,
		 failing ? "the journal could not be written"
			 : "they came faster than they could be written");
	tell(j, "journal %s: %llu events are missing in it: %s", j->path, (unsigned long long)lost,
	     failing ? "it could not be written" : "they came faster than they could be written");
}

static void settle(struct journal *j, int err)
{
	uint64_t bytes = j->open ? store_bytes(&j->store) : 0; /* reads the file: not under the lock */
	uint32_t first = j->options.batch_ms;

	if (err) {
		if (!j->retry_ms)
			tell(j, "%s; up to %d events wait in memory meanwhile, and writing is tried again",
			     j->error, JOURNAL_QUEUE);
		j->retry_ms = !j->retry_ms		       ? first
			      : 2 * j->retry_ms > RETRY_MAX_MS ? RETRY_MAX_MS
							       : 2 * j->retry_ms;
	} else {
		j->back.count = j->back.done = 0;
		count_lost(j);
		if (j->retry_ms)
			tell(j, "journal %s: is written again", j->path);
		j->retry_ms = 0;
	}
	pthread_mutex_lock(&j->lock);
	if (err)
		j->stats.failures++;
	else
		j->finished = j->back.given;
	j->stats.failing = err != 0;
	j->stats.bytes = bytes;
	j->stats.expired = j->open ? j->store.expired : j->stats.expired;
	pthread_cond_broadcast(&j->idle);
	pthread_mutex_unlock(&j->lock);
}

static void wait_until(struct journal *j, uint64_t monotonic_ns)
{
	struct timespec t = {.tv_sec = (time_t)(monotonic_ns / SECOND),
			     .tv_nsec = (long)(monotonic_ns % SECOND)};

	pthread_cond_timedwait(&j->wake, &j->lock, &t);
}

/* Waits for the time to write. Under the lock. */
static void gather(struct journal *j, bool more)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC), end = now + (more ? 0 : IDLE_MS) * 1000000ull;

	while (!stopping(j) && !j->retry_ms && j->checked && !has_work(&j->front) && !j->gap[0]) {
		if (clock_ns(CLOCK_MONOTONIC) >= end)
			break;
		wait_until(j, end);
	}
	now = clock_ns(CLOCK_MONOTONIC);
	end = now + (uint64_t)(j->retry_ms ? j->retry_ms : j->options.batch_ms) * 1000000;
	/* With a failing disk nobody is in a hurry but the end of the agent */
	while (!more && !stopping(j) && (j->retry_ms || !j->urgent) &&
	       (j->retry_ms || j->front.count < JOURNAL_QUEUE / 2) && clock_ns(CLOCK_MONOTONIC) < end)
		wait_until(j, end);
}

/* What is new, unless the last batch is not written yet; its place then fills up. Under the lock. */
static void take(struct journal *j)
{
	struct journal_batch taken = j->front;

	j->urgent = false;
	if (has_work(&j->back))
		return;
	j->front = j->back;
	j->front.given = taken.given;
	j->back = taken;
}

void *journal_writer(void *journal)
{
	struct journal *j = journal;
	bool more = false, last;
	uint64_t now_ns;
	int err;

	do {
		pthread_mutex_lock(&j->lock);
		gather(j, more);
		last = stopping(j);
		now_ns = j->now_ns;
		take(j);
		pthread_mutex_unlock(&j->lock);
		err = attempt(j);
		settle(j, err);
		if (!err && last) { /* what came while the batch before the last was retried */
			pthread_mutex_lock(&j->lock);
			take(j);
			pthread_mutex_unlock(&j->lock);
			if (has_work(&j->back) || j->gap[0])
				settle(j, attempt(j));
		}
		more = false;
		/* Damage that shows here is dealt with by the next attempt */
		if (!err && !last && j->open && store_trim(&j->store, now_ns, &more) == -EUCLEAN)
			j->checked = false;
	} while (!last);
	return NULL;
}

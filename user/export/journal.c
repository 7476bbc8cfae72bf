// SPDX-License-Identifier: GPL-2.0-or-later
/* journal.c - the loop's side of the journal: the queue, and its start and end. The other side: journal_writer.c */
#include "export/journal_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "complain.h"

#define BATCH_MS 1000
#define ROLLUPS_WAITING 65536

/* ---- the loop's side */

void journal_add(struct journal *j, const struct timeline_entry *entry)
{
	pthread_mutex_lock(&j->lock);
	if (j->front.count < JOURNAL_QUEUE) {
		j->front.entries[j->front.count++] = *entry;
		j->front.given++;
	} else {
		j->stats.lost++;
		if (!j->lost_now++)
			j->lost_since_ns = entry->time_ns;
	}
	if (j->front.count == 1 || j->front.count == JOURNAL_QUEUE / 2)
		pthread_cond_signal(&j->wake);
	pthread_mutex_unlock(&j->lock);
}

/* Under the lock. */
static bool add_row(void *arg, const struct store_rollup *row)
{
	struct journal *j = arg;
	struct journal_batch *b = &j->front;

	if (b->rollup_count == b->rollup_room && b->rollup_room < ROLLUPS_WAITING) {
		size_t room = b->rollup_room ? 2 * b->rollup_room : 64;
		struct store_rollup *grown = reallocarray(b->rollups, room, sizeof(*grown));

		if (grown) {
			b->rollups = grown;
			b->rollup_room = room;
		}
	}
	if (b->rollup_count == b->rollup_room) {
		j->stats.rollups_lost++;
		return false;
	}
	b->rollups[b->rollup_count++] = *row;
	b->given++;
	return true;
}

void journal_rollup(struct journal *j, uint64_t now_ns, const struct state_tunnel *tunnels, size_t count)
{
	size_t before;

	pthread_mutex_lock(&j->lock);
	before = j->front.rollup_count;
	if (rollup_look(&j->rollup, now_ns, tunnels, count, add_row, j) != 0)
		j->stats.rollups_lost += count;
	if (j->front.rollup_count != before)
		pthread_cond_signal(&j->wake);
	pthread_mutex_unlock(&j->lock);
}

int journal_save_begin(struct journal *j)
{
	store_save_free(&j->saving);
	return 0;
}

int journal_save_tunnel(void *journal, const struct tunnel_record *record)
{
	return store_save_add_tunnel(&((struct journal *)journal)->saving, record);
}

int journal_save_sa(void *journal, const struct tunnel_sa_record *record)
{
	return store_save_add_sa(&((struct journal *)journal)->saving, record);
}

void journal_save_end(struct journal *j)
{
	pthread_mutex_lock(&j->lock);
	store_save_free(&j->front.save); /* one that is newer is there */
	j->front.save = j->saving;
	j->front.save_given = true;
	j->front.given++;
	pthread_cond_signal(&j->wake);
	pthread_mutex_unlock(&j->lock);
	memset(&j->saving, 0, sizeof(j->saving));
}

int journal_load(struct journal *j, int (*tunnel)(void *arg, const struct tunnel_record *record),
		 int (*sa)(void *arg, const struct tunnel_sa_record *record), void *arg)
{
	int err = 0;
	size_t i;

	for (i = 0; !err && i < j->loaded.tunnel_count; i++)
		err = tunnel(arg, &j->loaded.tunnels[i]);
	for (i = 0; !err && i < j->loaded.sa_count; i++)
		err = sa(arg, &j->loaded.sas[i]);
	store_save_free(&j->loaded);
	return err;
}

bool journal_tick(struct journal *j, uint64_t now_ns, char line[JOURNAL_LINE])
{
	bool told;

	pthread_mutex_lock(&j->lock);
	j->now_ns = now_ns;
	told = j->news_count != 0;
	if (told) {
		memcpy(line, j->news[j->news_first], JOURNAL_LINE);
		j->news_first = (j->news_first + 1) % JOURNAL_NEWS;
		j->news_count--;
	}
	pthread_mutex_unlock(&j->lock);
	return told;
}

void journal_stats(struct journal *j, struct journal_stats *ret)
{
	pthread_mutex_lock(&j->lock);
	*ret = j->stats;
	ret->waiting = j->front.count;
	pthread_mutex_unlock(&j->lock);
}

int journal_flush(struct journal *j)
{
	uint64_t failures, wanted;
	int err = 0;

	pthread_mutex_lock(&j->lock);
	wanted = j->front.given;
	failures = j->stats.failures;
	while (!err && j->finished < wanted) {
		j->urgent = true;
		pthread_cond_signal(&j->wake);
		pthread_cond_wait(&j->idle, &j->lock);
		if (j->stats.failures != failures)
			err = -EIO;
	}
	pthread_mutex_unlock(&j->lock);
	return err;
}

/* ---- start and end */

static void destroy(struct journal *j)
{
	struct journal_batch *batches[] = {&j->front, &j->back};

	for (int i = 0; i < 2; i++) {
		free(batches[i]->entries);
		free(batches[i]->rollups);
		store_save_free(&batches[i]->save);
	}
	store_save_free(&j->saving);
	store_save_free(&j->loaded);
	rollup_free(&j->rollup);
	if (j->open)
		store_close(&j->store);
	if (j->lock_fd >= 0)
		close(j->lock_fd);
	pthread_cond_destroy(&j->wake);
	pthread_cond_destroy(&j->idle);
	pthread_mutex_destroy(&j->lock);
	free(j);
}

static struct journal *make(const struct journal_options *options)
{
	struct journal *j = calloc(1, sizeof(*j));
	pthread_condattr_t monotonic;

	if (!j)
		return NULL;
	pthread_mutex_init(&j->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&j->wake, &monotonic);
	pthread_cond_init(&j->idle, &monotonic);
	pthread_condattr_destroy(&monotonic);
	j->lock_fd = -1;
	j->options = *options;
	snprintf(j->path, sizeof(j->path), "%s", options->path);
	j->options.path = j->path;
	if (options->group) {
		snprintf(j->group, sizeof(j->group), "%s", options->group);
		j->options.group = j->group;
	}
	if (!j->options.batch_ms)
		j->options.batch_ms = BATCH_MS;
	j->front.entries = calloc(JOURNAL_QUEUE, sizeof(*j->front.entries));
	j->back.entries = calloc(JOURNAL_QUEUE, sizeof(*j->back.entries));
	if (j->front.entries && j->back.entries)
		return j;
	destroy(j);
	return NULL;
}

int journal_open(const struct journal_options *options, struct journal **ret, char *error, size_t error_size)
{
	struct journal *j;
	int err;

	if (strlen(options->path) >= STORE_PATH - 32)
		return complain(error, error_size, -ENAMETOOLONG, "journal %s: the path is too long",
				options->path);
	j = make(options);
	if (!j)
		return complain(error, error_size, -ENOMEM, "journal %s: no memory", options->path);
	err = journal_open_file(j);
	if (!err) {
		err = store_load_records(&j->store, &j->loaded);
		/* Damage is dealt with by the writer's check */
		err = err == -EUCLEAN ? 0 : err;
	} else if (err == -ENOSPC) {
		err = 0; /* the writer tries again, and says so */
	}
	if (!err)
		err = -pthread_create(&j->thread, NULL, journal_writer, j);
	if (err) {
		complain(error, error_size, err, "%s",
			 j->error[0]	     ? j->error
			 : j->store.cause[0] ? j->store.cause
					     : strerror(-err));
		destroy(j);
		return err;
	}
	*ret = j;
	return 0;
}

uint64_t journal_close(struct journal *j)
{
	uint64_t lost;

	if (!j)
		return 0;
	pthread_mutex_lock(&j->lock);
	__atomic_store_n(&j->stop, true, __ATOMIC_RELAXED);
	pthread_cond_signal(&j->wake);
	pthread_mutex_unlock(&j->lock);
	pthread_join(j->thread, NULL);
	lost = j->stats.lost + j->front.count + (j->back.count - j->back.done);
	destroy(j);
	return lost;
}

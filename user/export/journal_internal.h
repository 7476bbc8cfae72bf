/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * journal_internal.h - between the loop's side of the journal (journal.c) and the thread that writes it (journal_writer.c)
 *
 * The loop fills `front`; the writer swaps it with `back`, and then needs no lock for as long as the disk takes. What could not be
 * written stays in `back`, with the number of entries that are committed already, so that nothing is written twice.
 */
#ifndef ESPIAL_EXPORT_JOURNAL_INTERNAL_H
#define ESPIAL_EXPORT_JOURNAL_INTERNAL_H

#include <pthread.h>

#include "export/journal_rollup.h"
#include "export/journal_store.h"

#define JOURNAL_NEWS 8

struct journal_batch {
	struct timeline_entry
		*entries; /* JOURNAL_QUEUE of them; pages that are never touched take no memory */
	size_t count, done;
	struct store_rollup *rollups;
	size_t rollup_count, rollup_room;
	struct store_save save;
	bool save_given;
	uint64_t given; /* how much journal_flush() waits for */
};

struct journal {
	struct journal_options options;
	char path[STORE_PATH], group[64];
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake, idle;

	/* under the lock */
	struct journal_batch front;
	struct journal_stats stats;
	char news[JOURNAL_NEWS][JOURNAL_LINE];
	size_t news_first, news_count;
	uint64_t now_ns;
	uint64_t lost_now; /* entries since the journal was last written, and when the first was */
	uint64_t lost_since_ns;
	uint64_t finished; /* of `given` */
	bool urgent;	   /* somebody waits in journal_flush() */

	/* the loop's */
	struct rollup rollup;
	struct store_save saving, loaded;

	/* the writer's */
	struct journal_batch back;
	struct store store;
	char error[JOURNAL_LINE];
	char gap[160]; /* what the journal is to say of itself; "" nothing */
	uint64_t gap_ns;
	uint32_t retry_ms; /* 0: nothing failed */
	int lock_fd;
	bool open, checked;
	bool stop; /* atomic: looked at in the middle of a check */
};

/* The thread; its argument is the journal, and it ends after `stop` when it has tried to write everything. */
void *journal_writer(void *journal);
/* Takes the lock, opens or makes the file, sets a damaged one aside. 0, or -errno with the line in j->error. */
int journal_open_file(struct journal *j);

#endif

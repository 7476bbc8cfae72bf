/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * journal.h - what happened, kept on disk: the timeline, the traffic of tunnels, and what must survive the agent
 *
 * An SQLite file. A thread writes it, so that a slow disk never stops the agent's loop: what is to be written waits in a
 * bounded queue, and what finds no place there is counted. A batch is committed every second at the latest, with
 * synchronous=FULL: what was committed is there after a loss of power (the last commits would not be with NORMAL). A full
 * disk or a failing one ends nothing: the queue is kept, writing is retried, and the journal later says what is missing in
 * it. A damaged file is set aside as PATH.corrupt-TIME and a new one begun. Reading: journal_read.h.
 *
 * One thread of the caller may use a journal, the agent's loop. Nothing prints: what is to be told comes from journal_tick().
 */
#ifndef ESPIAL_EXPORT_JOURNAL_H
#define ESPIAL_EXPORT_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/state.h"
#include "model/timeline.h"
#include "model/tunnel.h"

#define JOURNAL_DEFAULT_PATH "/var/lib/espial/journal.db"
#define JOURNAL_DEFAULT_AGE_NS (90ull * 86400 * 1000000000)
#define JOURNAL_DEFAULT_BYTES (256ull << 20)
#define JOURNAL_BYTES_MIN (4ull << 20)
#define JOURNAL_LINE 512
#define JOURNAL_QUEUE 4096 /* entries that may wait */
/* Rollups: each 10 s for a day, each 5 min for 31 days; never longer than max_age_ns. */
#define JOURNAL_FINE_S 10
#define JOURNAL_COARSE_S 300
#define JOURNAL_FINE_KEPT_S 86400
#define JOURNAL_COARSE_KEPT_S (31 * 86400)

struct journal_options {
	const char *path;    /* its directory is made if the parent exists */
	uint64_t max_age_ns; /* of entries; 0: JOURNAL_DEFAULT_AGE_NS */
	uint64_t max_bytes;  /* of the file; 0: JOURNAL_DEFAULT_BYTES; at least JOURNAL_BYTES_MIN */
	uint32_t batch_ms;   /* entries wait no longer before they are written; 0: 1000 */
	const char *group;   /* whose members may read; NULL: "espial" if there is one */
};

struct journal_stats {
	uint64_t written,
		lost;	  /* entries: committed; without a place in the queue, or not to be written at all */
	uint64_t waiting; /* entries */
	uint64_t rollups_written,
		rollups_lost; /* rows; the counters in them are sums, so only resolution is lost */
	uint64_t saves;	      /* of tunnels, committed */
	uint64_t commits, failures;
	uint64_t expired; /* entries removed because of age or size */
	uint64_t damaged; /* files set aside */
	uint64_t bytes;	  /* of the file, without its write-ahead log */
	uint64_t last_commit_us, max_commit_us;
	bool failing; /* the last attempt to write failed */
};

struct journal;

/*
 * 0 also when the disk is full: then it is retried, and journal_tick() says so. Else -errno and a line, object: cause: remedy:
 * -EBUSY another agent writes it, -EPROTONOSUPPORT it is of a newer version, -EEXIST it is a file of something else.
 */
int journal_open(const struct journal_options *options, struct journal **ret, char *error, size_t error_size);
/* Writes what waits, and ends. What could not be written is lost; the number of such entries. NULL is fine. */
uint64_t journal_close(struct journal *j);

/* Never waits for the disk. */
void journal_add(struct journal *j, const struct timeline_entry *entry);

/* Call as often as you like: acts when another 10 s begin. The counters have to be sums that never go back. */
void journal_rollup(struct journal *j, uint64_t now_ns, const struct state_tunnel *tunnels, size_t count);

/* The loop's turn, about each 100 ms: true when there is a line for the log; then ask again. */
bool journal_tick(struct journal *j, uint64_t now_ns, char line[JOURNAL_LINE]);
void journal_stats(struct journal *j, struct journal_stats *ret);

/* Waits until all that was given so far is on disk: 0, or -EIO when it cannot be written. For tests, not for the loop. */
int journal_flush(struct journal *j);

/*
 * What must survive: replaces all records that are kept, in one commit. The two in the middle fit tunnels_save(). Between
 * two saves nothing is lost as long as the SAs live: their records say how much of them is in the sums.
 */
int journal_save_begin(struct journal *j); /* 0, -ENOMEM */
int journal_save_tunnel(void *journal, const struct tunnel_record *record);
int journal_save_sa(void *journal, const struct tunnel_sa_record *record);
void journal_save_end(struct journal *j);

/* Calls with each record as of the last save; ends when one returns not 0, and returns it. 0, -errno. Before the first save. */
int journal_load(struct journal *j, int (*tunnel)(void *arg, const struct tunnel_record *record),
		 int (*sa)(void *arg, const struct tunnel_sa_record *record), void *arg);

/* Here, and inline, so that the journal does not need the tunnels to be linked. */
static inline int journal_save_tunnels(struct journal *j, const struct tunnels *tunnels)
{
	int err = journal_save_begin(j);

	if (!err)
		err = tunnels_save(tunnels, journal_save_tunnel, journal_save_sa, j);
	if (!err)
		journal_save_end(j);
	return err;
}

static inline int journal_load_one_tunnel(void *tunnels, const struct tunnel_record *record)
{
	return tunnels_restore_tunnel(tunnels, record);
}

static inline int journal_load_one_sa(void *tunnels, const struct tunnel_sa_record *record)
{
	return tunnels_restore_sa(tunnels, record);
}

static inline int journal_load_tunnels(struct journal *j, struct tunnels *tunnels)
{
	return journal_load(j, journal_load_one_tunnel, journal_load_one_sa, tunnels);
}

#endif

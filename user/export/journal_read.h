/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * journal_read.h - what is in a journal, while an agent writes it or none runs
 *
 * The connection only reads, and holds no transaction between the calls of `each`: a reader that is slow (a pager) does not
 * make the writer's log grow. It needs the right to read the file and, beside it, PATH-wal and PATH-shm, which the agent
 * leaves there; without those two the file is taken as one that nobody writes.
 */
#ifndef ESPIAL_EXPORT_JOURNAL_READ_H
#define ESPIAL_EXPORT_JOURNAL_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/state.h"
#include "model/timeline.h"

#define JOURNAL_KIND_NAME 32

struct journal_row {
	int64_t id; /* rises in the order of writing */
	struct timeline_entry entry;
	char kind
		[JOURNAL_KIND_NAME]; /* as stored; entry.kind is TIMELINE_KINDS when a newer version wrote it */
};

enum journal_order {
	JOURNAL_OLDEST_FIRST, /* by time */
	JOURNAL_NEWEST_FIRST,
	JOURNAL_AS_WRITTEN, /* those behind after_id, by id */
};

struct journal_query {
	uint64_t since_ns, until_ns; /* both included; until 0: no end */
	const char *tunnel;	     /* NULL: all */
	bool by_peer;
	uint8_t peer[16];
	bool and_host;	   /* with a tunnel or a peer: also what is about neither */
	uint64_t kinds;	   /* bit 1 << enum timeline_kind; 0: all */
	uint32_t severity; /* enum timeline_severity, at least */
	bool good;	   /* only answered exchanges */
	enum journal_order order;
	int64_t after_id;
	uint64_t limit; /* rows; 0: all */
};

/* What passed in one direction in a step of time. */
struct journal_traffic_side {
	uint64_t packets, bytes, lost, late, duplicate;
};

struct journal_traffic {
	char tunnel[TIMELINE_TUNNEL];
	uint8_t local[16], remote[16];
	uint64_t at_s;	      /* the end of the step, since the epoch */
	uint64_t seconds;     /* its length; 0: nothing is known of before, and the numbers are not valid */
	uint8_t state, worst; /* enum state_tunnel_state: at the end, and the lowest in the step */
	struct journal_traffic_side in, out;
};

struct journal_reader;

/* 0; -errno and a line, object: cause: remedy. -ENOENT: there is no journal. */
int journal_reader_open(const char *path, struct journal_reader **ret, char *error, size_t error_size);
void journal_reader_close(struct journal_reader *r); /* NULL is fine */
/* Was the file replaced, or may it have a writer now that it had not? Then open it again. */
bool journal_reader_is_stale(const struct journal_reader *r);

/* Ends when `each` returns not 0, and returns it. 0; -EUCLEAN damaged, -EIO …: journal_reader_cause(). */
int journal_read(struct journal_reader *r, const struct journal_query *query,
		 int (*each)(void *arg, const struct journal_row *row), void *arg);
/*
 * The last `limit` of those that match: the time and id to begin at, for reading them oldest first. *ret_more: there are
 * older ones. 0 also when there are none at all; then since_ns of the query is as it was.
 */
int journal_last(struct journal_reader *r, struct journal_query *query, uint64_t limit, bool *ret_more);
/* The highest id so far; 0: none. */
int journal_newest(struct journal_reader *r, int64_t *ret_id);
/* Steps of 10 s, or of 5 min when `coarse`, oldest first; since, until, tunnel and peer of the query. */
int journal_read_traffic(struct journal_reader *r, const struct journal_query *query, bool coarse,
			 int (*each)(void *arg, const struct journal_traffic *traffic), void *arg);
const char *journal_reader_cause(const struct journal_reader *r);

#endif

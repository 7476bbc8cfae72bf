/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xfrm_table.h - what the kernel's SADB and SPD have, folded from messages
 *
 * Pure: no I/O, no clock. A whole dump and the notices of what changes meanwhile come on different sockets, in no order
 * to each other: an SA that a notice has removed is not brought back by a dump that began before, and what a dump does
 * not mention is gone when it ends, unless a notice told of it meanwhile.
 */
#ifndef ESPIAL_SOURCE_XFRM_TABLE_H
#define ESPIAL_SOURCE_XFRM_TABLE_H

#include "source/xfrm_index.h"
#include "source/xfrm_parse.h"

#define XFRM_ACQUIRES 256 /* destinations remembered that traffic had no SA for */

enum xfrm_change {
	XFRM_ADDED,
	XFRM_REMOVED, /* deleted, flushed or expired */
	XFRM_SOFT_EXPIRED,
	XFRM_HARD_EXPIRED, /* and XFRM_REMOVED follows */
	XFRM_WANTED,	   /* traffic without an SA: `sa` has the addresses, reqid and if_id */
	XFRM_MOVED, /* the peer of a UDP-encapsulated SA sends from elsewhere: `new_source` and `new_source_port` */
	XFRM_MIGRATION, /* policies and SAs got other addresses; all is read anew */
	XFRM_SYNCED,	/* a whole dump is in: from the first one on, the tables are complete. `sa` is NULL */
	XFRM_CHANGES
};
_Static_assert(XFRM_CHANGES == FACT_NOTICES, "each has its name in fact_notice_name()");

/* Called while the tables change: not to be answered by calls into them. `message` may be NULL. */
typedef void (*xfrm_listener)(void *arg, enum xfrm_change change, const struct fact_sa *sa,
			      const struct xfrm_message *message);

struct xfrm_gone;

struct xfrm_table {
	struct fact_sa *sa;
	struct xfrm_index sas;
	struct fact_policy *policy;
	struct xfrm_index policies;
	struct fact_acquire acquire[XFRM_ACQUIRES];
	size_t acquire_count;
	uint32_t dump; /* number of the dump under way, or of the last one */
	bool dumping;
	bool stale;		/* everything was flushed while it was dumped: dump again */
	struct xfrm_gone *gone; /* removed while a dump is under way */
	size_t gone_count, gone_room;
	uint64_t refused; /* SAs and policies beyond XFRM_INDEX_MOST */
	bool changed;	  /* for the owner to clear */
	xfrm_listener listener;
	void *arg;
};

void xfrm_table_init(struct xfrm_table *t, xfrm_listener listener, void *arg);
void xfrm_table_free(struct xfrm_table *t);

/* Around the messages of a whole dump. `complete`: it went to its end, so that what it did not mention is gone. */
void xfrm_table_dump_begin(struct xfrm_table *t);
void xfrm_table_dump_end(struct xfrm_table *t, bool complete);

/* `dumped`: an answer to a dump; else a notice. `now_ns`: since the epoch. 0 or -ENOMEM. */
int xfrm_table_fold(struct xfrm_table *t, const struct xfrm_message *message, bool dumped, uint64_t now_ns);

/*
 * Gives the SAs whose direction the kernel does not tell one, by the host's addresses and, where these say nothing, by the
 * templates of the policies. `is_local` may be NULL.
 */
void xfrm_table_directions(struct xfrm_table *t, bool (*is_local)(void *arg, const uint8_t address[16]),
			   void *arg);

#endif

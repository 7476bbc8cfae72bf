/* SPDX-License-Identifier: GPL-2.0-or-later */
/* journal_rollup.h - which rows of traffic the journal gets: what was written last of each tunnel. Used by journal.c alone */
#ifndef ESPIAL_EXPORT_JOURNAL_ROLLUP_H
#define ESPIAL_EXPORT_JOURNAL_ROLLUP_H

#include "export/journal_store.h"

struct rollup_base; /* of one tunnel */

struct rollup {
	struct rollup_base *bases;
	size_t count, room;
	uint32_t *slots; /* by hash of the name: index + 1 into bases; a power of two of them */
	size_t slot_count;
	uint64_t fine_s, coarse_s; /* the last steps that were written */
	uint32_t round;
};

/*
 * Looks at all tunnels; when another step of time has begun, calls `row` for each that has something to write; that returns
 * false when it has no room. A tunnel whose sums and state stay as they are gets a row each 5 min. 0, -ENOMEM.
 */
int rollup_look(struct rollup *r, uint64_t now_ns, const struct state_tunnel *tunnels, size_t count,
		bool (*row)(void *arg, const struct store_rollup *row), void *arg);
void rollup_free(struct rollup *r);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * layout.h - where the counters lie in the datapath's tables, as data that outlives the program that made them. Pure.
 *
 * The tables of an agent of another version stay in the kernel when that agent is gone. What it counted is added up with the
 * description that it left beside them: struct layout and struct layout_sums are kept as they stand here, and are the
 * one thing that must not change between versions except at their ends.
 */
#ifndef ESPIAL_SOURCE_LAYOUT_H
#define ESPIAL_SOURCE_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "espial/abi.h"

/* What the indices of classes, reasons, losses and sums stand for. Another number: nobody can tell any more. */
#define LAYOUT_MEANING 1

enum layout_table {
	LAYOUT_SA,
	LAYOUT_RARE,
	LAYOUT_LANE,
	LAYOUT_NEW,
	LAYOUT_STATS,
	LAYOUT_CPU,
	LAYOUT_KNOWN,
	LAYOUT_TABLES,
};

/* Append only. Offsets are kept + 1, so that 0 is "there is none". */
enum layout_item {
	/* numbers of things */
	LAYOUT_IS_MEANING,
	LAYOUT_CPUS,
	LAYOUT_SLOTS,
	LAYOUT_NEW_SETS,
	LAYOUT_NEW_WAYS,
	LAYOUT_IF_SLOTS,
	LAYOUT_CLASSES,
	LAYOUT_REASONS,
	LAYOUT_LOSSES,
	LAYOUT_SUMS_COUNT,
	/* bytes from one to the next */
	LAYOUT_SA_SIZE,
	LAYOUT_RARE_SIZE,
	LAYOUT_LANE_SIZE,
	LAYOUT_NEW_SIZE,
	LAYOUT_WAY_SIZE,
	LAYOUT_STATS_SIZE,
	LAYOUT_CPU_SIZE,
	LAYOUT_SUMS_SIZE,
	/* offsets */
	LAYOUT_SA_ID,
	LAYOUT_LANE_PACKETS,
	LAYOUT_LANE_BYTES,
	LAYOUT_LANE_RECEIVED,
	LAYOUT_RARE_CONFIRMED,
	LAYOUT_RARE_LOST,
	LAYOUT_RARE_LATE,
	LAYOUT_RARE_DUPLICATE,
	LAYOUT_RARE_TOO_OLD,
	LAYOUT_RARE_OUTLIER,
	LAYOUT_RARE_RESTARTS,
	LAYOUT_RARE_FRAGMENTED,
	LAYOUT_RARE_FRAGMENTS,
	LAYOUT_RARE_INCOMPLETE,
	LAYOUT_RARE_ENDPOINT_CHANGES,
	LAYOUT_NEW_TAG,
	LAYOUT_NEW_WAY,
	LAYOUT_WAY_PACKETS,
	LAYOUT_STATS_SEEN,
	LAYOUT_STATS_BYTES,
	LAYOUT_STATS_CLASSES,
	LAYOUT_STATS_REASONS,
	LAYOUT_CPU_LOSSES,
	LAYOUT_CPU_SUMS,
	/* what the SADB says of an SA: model/known.h */
	LAYOUT_KNOWN_SIZE,
	LAYOUT_KNOWN_STATE,
	LAYOUT_KNOWN_BASE,
	LAYOUT_KNOWN_PACKETS,
	LAYOUT_IS_UNKNOWN, /* the number of that state */
	LAYOUT_ITEMS,
};

#define LAYOUT_ROOM 96

struct layout {
	uint32_t item[LAYOUT_ROOM];
};

#define LAYOUT_CLASS_ROOM 16
#define LAYOUT_REASON_ROOM 32
#define LAYOUT_LOSS_ROOM 32
#define LAYOUT_SUMS 8
#define LAYOUT_SUMS_ROOM 16 /* members of struct esp_sums, in their order */

/* One direction of an interface, or all. */
struct layout_counters {
	uint64_t seen, bytes;
	uint64_t cls[LAYOUT_CLASS_ROOM];
	uint64_t rejected[LAYOUT_REASON_ROOM];
	uint64_t reserved[14];
};

/* What tables that are no more had counted. All members are counters. */
struct layout_sums {
	struct layout_counters total;
	uint64_t loss[LAYOUT_LOSS_ROOM];
	uint64_t sums[LAYOUT_SUMS][LAYOUT_SUMS_ROOM];
};

/* Of this program's tables. */
void layout_of(const struct esp_config *cfg, struct layout *ret);
/* Can this program add up what it describes? */
bool layout_is_understood(const struct layout *layout);
/* The bytes that a table has at least. */
uint64_t layout_table_bytes(const struct layout *layout, enum layout_table table);
/* The table's name in the kernel. */
const char *layout_table_name(enum layout_table table);

/* Adds what an interface slot has counted in a direction. */
void layout_add_interface(const struct layout *layout, const void *stats, uint32_t slot,
			  enum esp_direction direction, struct layout_counters *sum);
/*
 * Adds everything in the tables. Their SAs and newcomers have no entries any more after that: their packets are added to
 * `evicted` as those of any replaced entry, and what SAs had counted to the sums of their kind.
 */
void layout_add(const struct layout *layout, const void *const table[LAYOUT_TABLES], struct layout_sums *sum);
/* `to` += `from`, both arrays of counters. */
void layout_add_counters(void *to, const void *from, size_t size);

#endif

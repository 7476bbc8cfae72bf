// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * replay_oracle.h - what the shadow replay window should say, by brute force
 *
 * Written from output.md and the words at the head of replay.h alone: a set of all numbers that came, and a walk over every
 * number that leaves the window. Shares no code and no layout with the datapath.
 */
#ifndef ESPIAL_TESTS_UNIT_REPLAY_ORACLE_H
#define ESPIAL_TESTS_UNIT_REPLAY_ORACLE_H

#include <stdint.h>

struct number_set; /* of uint64_t */

struct oracle {
	struct number_set *seen;
	int any;
	uint64_t shift;		 /* internal number - number on the wire */
	uint64_t first, highest; /* internal */
	uint64_t edge;		 /* lowest number in the window: all below has been judged */
	uint64_t floor;		 /* numbers below are not missed: before the first, or before a restart */
	uint64_t run;		 /* lost numbers in a row, down from the edge */
	uint64_t packets, received, duplicate, too_old, outlier, lost, late, late_max, restarts;
	uint64_t late_distance[16], burst_length[32];
	/* far numbers, not yet believed */
	struct {
		uint32_t wire;
		int ahead; /* it was counted as an outlier; else as too old */
	} far[16];
	int far_count;
	uint64_t far_highest;
};

void oracle_init(struct oracle *o);
void oracle_destroy(struct oracle *o);
void oracle_packet(struct oracle *o, uint32_t wire);

/* Numbers between first and highest that are neither received nor judged lost, counted one by one. */
uint64_t oracle_pending(const struct oracle *o);

#endif

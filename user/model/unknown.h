/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unknown.h - who sends packets of SPIs that the kernel does not have
 *
 * The datapath counts such packets exactly, by SA as long as the SA has an entry in its tables, and in sum for ever. What
 * an entry gains between two looks is its source's, exactly. What came and lost its entry between two looks, as most of a
 * flood of made-up SPIs does, is only known in sum: it is shared out by the newcomers that are there at the look, a sample of
 * it, and marked as estimated. Sources are as the packets say: a stranger can write any there.
 *
 * Bounded: UNKNOWN_PEERS peers; who sent least makes room, and its packets are counted with those of the others. Pure, no clock.
 */
#ifndef ESPIAL_MODEL_UNKNOWN_H
#define ESPIAL_MODEL_UNKNOWN_H

#include "model/state.h"

#define UNKNOWN_PEERS 64

struct unknown_peer {
	uint8_t address[16];
	uint64_t packets;   /* since the agent began */
	uint64_t estimated; /* of those: shared out, not counted one by one */
	uint64_t first_ns, last_ns;
};

struct unknown_peers {
	bool known;				 /* the kernel tells what it has; else the rest is old */
	uint64_t packets;			 /* of all peers */
	struct unknown_peer peer[UNKNOWN_PEERS]; /* who sent most comes first */
	size_t count;
	uint64_t others; /* packets of peers that are not among them, or not known */
};

struct unknown;

struct unknown *unknown_new(void); /* NULL: no memory */
void unknown_free(struct unknown *u);

/* A look: `state` with its sas[]. 0 or -ENOMEM, and then what this look would have told is counted with the next. */
int unknown_update(struct unknown *u, const struct state *state, uint64_t now_ns);
const struct unknown_peers *unknown_peers(const struct unknown *u);

#endif

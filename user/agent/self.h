/* SPDX-License-Identifier: GPL-2.0-or-later */
/* self.h - what the agent tells about itself */
#ifndef ESPIAL_AGENT_SELF_H
#define ESPIAL_AGENT_SELF_H

#include "model/state.h"

struct self {
	uint64_t started_ns; /* since the epoch */
	uint64_t polls, poll_ns_last;
};

void self_init(struct self *ret);
/* The tables were read, in so many nanoseconds. */
void self_polled(struct self *self, uint64_t nanoseconds);
/* Version, host and the members of state->self that are the process's own; the tables' stay. */
void self_fill(const struct self *self, struct state *state);

#endif

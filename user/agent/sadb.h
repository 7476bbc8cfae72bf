/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sadb.h - the kernel's SAs and policies in the agent: followed, mirrored into the datapath, kept fresh
 *
 * The agent does without when the kernel or the privileges do not give it, and says so once.
 */
#ifndef ESPIAL_AGENT_SADB_H
#define ESPIAL_AGENT_SADB_H

#include "agent/log.h"
#include "source/bpf_live.h"
#include "source/xfrm.h"

#define SADB_REFRESH_TICKS                                                                                   \
	10 /* seconds from one whole dump to the next: counters of SAs come by no other way */

struct sadb {
	struct xfrm *xfrm; /* NULL: not available */
	struct live *live;
	const struct log *log;
	struct fact_kernel none; /* the facts while there are none */
	bool (*is_local)(void *arg, const uint8_t address[16]);
	void *arg;
	uint64_t ticks;
	bool synced;  /* the first whole dump is in */
	bool trusted; /* the kernel had an SA or a policy since: the mirror tells known from unknown */
	int error;    /* as last told */
};

/* Never fails: without XFRM the facts say why. `local`, with `arg`: an address of this host? */
void sadb_open(struct sadb *s, struct live *live, const struct log *log,
	       bool (*local)(void *arg, const uint8_t address[16]), void *arg);
/* The mirror ends; what was counted stays. Before live_close(). */
void sadb_close(struct sadb *s);

/* To be polled for reading, and then sadb_ready(); -1: nothing to poll. */
int sadb_fd(const struct sadb *s);
void sadb_ready(struct sadb *s);
/* To be called every second. */
void sadb_tick(struct sadb *s);

const struct fact_kernel *sadb_facts(const struct sadb *s);

#endif

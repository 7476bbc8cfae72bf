/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * space.h - one network namespace whose SAs and policies the agent follows
 *
 * One that was named may not be there yet, or go and come again: that is told, and it is looked for every second.
 */
#ifndef ESPIAL_AGENT_SPACE_H
#define ESPIAL_AGENT_SPACE_H

#include "agent/log.h"
#include "model/host.h"
#include "source/addresses.h"
#include "source/netns.h"
#include "source/xfrm.h"

struct space;

struct space_options {
	const char *name; /* NULL: our own; not copied */
	int epoll;	  /* to be polled: what it gets is for all spaces */
	const struct log *log;
	/* `sa` as of fact_kernel; the space's SAs are removed one by one when it is gone. */
	void (*changed)(void *arg, enum xfrm_change change, const struct fact_sa *sa);
	void *arg;
	bool (*is_local)(void *arg, const uint8_t address[16]); /* in our own namespace; may be NULL */
	void *is_local_arg;
};

/* NULL: no memory. Else it is there, if only to be looked for. */
struct space *space_open(const struct space_options *options);
void space_close(struct space *s);

/* Takes in what has come. True: something may have changed. */
bool space_run(struct space *s);
/* Every second. True: it came or went. */
bool space_tick(struct space *s);
/* Asks for a whole dump. 0 or -errno, which the log tells. */
int space_refresh(struct space *s);

/* What it tells; NULL: not there, or its first dump is not yet in. Valid until it is run. */
const struct fact_kernel *space_kernel(const struct space *s);
/* Nothing of it is known, although there may be something: what the others have is not all. */
bool space_is_dark(const struct space *s);
bool space_has_address(const struct space *s, const uint8_t address[16]);

void space_fact(const struct space *s, struct fact_space *ret);
/* Its counters of xfrm_stat; not of our own namespace. */
void space_host(const struct space *s, struct host_space *ret);

#endif

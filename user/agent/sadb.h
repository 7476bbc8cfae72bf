/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sadb.h - the kernel's SAs and policies in the agent: followed in each namespace, mirrored into the datapath, kept fresh
 *
 * The agent does without when the kernel or the privileges do not give it, and says so once.
 */
#ifndef ESPIAL_AGENT_SADB_H
#define ESPIAL_AGENT_SADB_H

#include "agent/log.h"
#include "agent/space.h"
#include "source/bpf_live.h"

#define SADB_REFRESH_TICKS                                                                                   \
	10 /* seconds from one whole dump to the next: counters of SAs come by no other way */

struct sadb;

struct sadb_options {
	struct live *live; /* where the mirror is */
	const struct log *log;
	const char *netns[HOST_SPACES - 1]; /* other namespaces, by name or path; not copied */
	size_t netns_count;
	bool (*is_local)(void *arg, const uint8_t address[16]); /* in our own namespace; may be NULL */
	void *arg;
};

/* Without XFRM the facts say why. 0, -ENOMEM, or -errno of epoll. */
int sadb_open(const struct sadb_options *options, struct sadb **ret);
/* The mirror ends; what was counted stays. Before live_close(). NULL is fine. */
void sadb_close(struct sadb *s);

/* To be polled for reading, and then sadb_ready(). */
int sadb_fd(const struct sadb *s);
void sadb_ready(struct sadb *s);
/* To be called every second. */
void sadb_tick(struct sadb *s);

/* Asks for whole dumps, as sadb_tick() does from time to time. 0 or -errno. */
int sadb_refresh(struct sadb *s);

/* Of all namespaces; valid until sadb_ready() or sadb_tick(). */
const struct fact_kernel *sadb_facts(struct sadb *s);
/* An address of one of the other namespaces? */
bool sadb_has_address(const struct sadb *s, const uint8_t address[16]);
/* What each namespace tells, for people. Before host_stat_read(). */
void sadb_host(struct sadb *s, struct host_facts *ret);

#endif

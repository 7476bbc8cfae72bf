/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vici.h - strongSwan daemons, asked and followed by their VICI sockets
 *
 * For one epoll loop: never blocks, starts no thread, prints nothing, keeps no more than some megabytes. Each daemon is on its own: one that is not there, does not
 * answer or answers nonsense is tried again later and disturbs nobody. A daemon is asked for its version, connections, certificates and SAs,
 * and tells of changes; no secret is ever asked for, and nothing of the daemon is changed.
 */
#ifndef ESPIAL_SOURCE_VICI_H
#define ESPIAL_SOURCE_VICI_H

#include "source/vici_facts.h"

#define VICI_DEFAULT_SOCKET "/run/charon.vici"
#define VICI_DAEMONS_MOST 16

struct vici;

/* Times in milliseconds; 0: the default. */
struct vici_options {
	const char *const *
		sockets; /* paths, also as "unix://PATH"; none: VICI_DEFAULT_SOCKET, or where else it is usual */
	size_t socket_count;
	unsigned int deadline_ms; /* for an answer, and for the rest of a frame: 5000 */
	unsigned int refresh_ms;  /* everything is asked for again, as not everything is told: 10 000 */
	unsigned int retry_ms;	  /* after a connection could not be had or was lost: 1000, doubled to 8000 */
	unsigned int unanswered_ms; /* after an answer did not come: 10 000, doubled to 320 000 */
	void (*event)(void *arg, const struct vici_event *event); /* from within vici_run(); may be NULL */
	void *arg;
};

/* Connects nowhere yet. -ENAMETOOLONG: longer than a socket's path can be; -E2BIG: too many; or -errno. */
int vici_open(const struct vici_options *options, struct vici **ret);
void vici_close(struct vici *vici); /* NULL is allowed */

/* Polls readable when vici_run() has something to do; it may also be called at any other time. */
int vici_fd(const struct vici *vici);
/* Milliseconds until vici_run() has something to do by time alone. */
int vici_timeout(const struct vici *vici);
void vici_run(struct vici *vici);

size_t vici_count(const struct vici *vici);
/*
 * What is known of a daemon, valid until the next vici_run(). `available` when its last listing is whole and it is still there;
 * else `why`, no SAs, and the connections that it had: a configuration outlives its daemon. `why` of an available one tells what
 * could not be kept of it, or is "".
 */
void vici_snapshot(const struct vici *vici, size_t index, struct fact_daemon *ret);
/* Has every daemon been tried, and answered in full or failed? For who asks once. */
bool vici_settled(const struct vici *vici);

#endif

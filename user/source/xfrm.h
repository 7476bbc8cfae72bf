/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xfrm.h - the kernel's SAs and policies, by XFRM netlink: read whole, then followed
 *
 * Never blocks: one descriptor to poll, one function to run. Needs CAP_NET_ADMIN; another network namespace needs
 * CAP_SYS_ADMIN as well. Messages carry keys, which are neither copied nor kept: receive buffers are wiped after each batch, and
 * xfrm_protect_process() is to be called before the first one is opened.
 */
#ifndef ESPIAL_SOURCE_XFRM_H
#define ESPIAL_SOURCE_XFRM_H

#include "source/xfrm_table.h"

struct xfrm_options {
	const char *netns;     /* path of a network namespace; NULL: the one that we are in */
	uint32_t queue_bytes;  /* of notices that wait for us; 0: 4 MiB */
	xfrm_listener changed; /* may be NULL */
	bool (*is_local)(void *arg, const uint8_t address[16]); /* an address of this host? May be NULL */
	void *arg;						/* of both */
};

struct xfrm;

/*
 * No core dumps, and no reading of our memory by other processes of our user (ptrace, /proc/PID/mem): for a process
 * that reads SAs. 0 or -errno.
 */
int xfrm_protect_process(void);

/*
 * Opens, subscribes and asks for the first dump, which xfrm_run() takes in. -EPERM, -ENOENT (no such namespace),
 * -EPROTONOSUPPORT (a kernel without XFRM) …, with one line of cause and remedy in `error`.
 */
int xfrm_open(const struct xfrm_options *options, struct xfrm **ret, char *error, size_t error_size);
void xfrm_close(struct xfrm *x);

/* Readable when xfrm_run() has something to do. */
int xfrm_fd(const struct xfrm *x);
/*
 * Takes in what has come, at most some hundred messages. 1: something may have changed, 0: nothing, -ENOMEM, or another
 * -errno of the sockets. Notices that were lost (ENOBUFS) are no error: they are counted, and everything is read anew.
 */
int xfrm_run(struct xfrm *x);
/* Asks for another whole dump: counters of SAs come by no other way. Nothing happens while one is under way. 0 or -errno. */
int xfrm_refresh(struct xfrm *x);

/* What is known. `available` once the first dump is in; synced_ns tells its age. Valid until xfrm_run(). */
const struct fact_kernel *xfrm_facts(const struct xfrm *x);
/* How often each change was heard of since xfrm_open(), by enum xfrm_change. */
const uint64_t *xfrm_heard(const struct xfrm *x);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netns.h - other network namespaces: which one a path means, and calls that are made in there
 *
 * Sockets and files of /proc/net belong to the namespace that they were opened in, for good: so it is entered to open them,
 * and left at once. That needs CAP_SYS_ADMIN.
 */
#ifndef ESPIAL_SOURCE_NETNS_H
#define ESPIAL_SOURCE_NETNS_H

#include <stdbool.h>
#include <stdint.h>

#define NETNS_DIRECTORY "/run/netns" /* where `ip netns` has the names */
#define NETNS_PATH 128

/* Where it is: /run/netns/NAME, or the path that was given. */
void netns_path(const char *given, char ret[NETNS_PATH]);

struct netns_id {
	uint64_t device, inode;
};

/* Which namespace is there now. 0, or -errno: -ENOENT, there is none. */
int netns_identify(const char *path, struct netns_id *ret);
/* The one that we are in. */
int netns_identify_own(struct netns_id *ret);
bool netns_same(const struct netns_id *a, const struct netns_id *b);

/*
 * Makes the call in the namespace at `path`, by this thread alone, and is back here when it returns. What it returned, or
 * -errno when the namespace could not be entered: -EINVAL, what is there is no network namespace.
 */
int netns_call(const char *path, int (*call)(void *arg), void *arg);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* host_stat.h - the host's own counters out of /proc and /sys, each look beside the one before */
#ifndef ESPIAL_SOURCE_HOST_STAT_H
#define ESPIAL_SOURCE_HOST_STAT_H

#include "model/host.h"

/*
 * A look: moves what was seen before aside and reads anew. What cannot be read is marked absent (has_*), and its numbers stay.
 * `root`: "" or, for tests, a directory in place of "/". `interfaces`: names whose network card counters are wanted.
 */
void host_stat_read(struct host_facts *facts, const char *root, const char *const *interfaces,
		    size_t interface_count, uint64_t now_ns);

/*
 * Another namespace's xfrm_stat, from a descriptor that was opened in there; -1: it is not there, and what it counted stays. Before
 * host_stat_read(), which adds all of them up. softnet and CPUs are the whole host's, whatever the namespace.
 */
void host_stat_space(struct host_space *space, int fd);

#endif

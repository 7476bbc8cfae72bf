/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bpf_inner.h - our programs on the inner interfaces: tc, both directions, for as long as the agent lives
 *
 * Nothing is pinned: counters begin at 0 with each agent, and go on while an interface is away. No interface can be watched
 * as an inner and as an outer one at once. Single-threaded, nothing here prints.
 */
#ifndef ESPIAL_SOURCE_BPF_INNER_H
#define ESPIAL_SOURCE_BPF_INNER_H

#include <stddef.h>

#include "model/inner.h"

struct inner_live;

struct inner_live_options {
	const char *const *interfaces; /* names or globs */
	size_t interface_count;
	unsigned int without; /* enum live_without */
	/* One packet that tells of sizes. */
	void (*event)(void *arg, const struct esp_inner_event *event);
	/* One line for the log. */
	void (*say)(void *arg, const char *line);
	void *arg;
};

/*
 * Attaches to what matches now; what comes later is attached by inner_live_run(). -ENODEV (a plain name that does not exist),
 * -EBUSY (a plain name that is watched already) and the like, with "object: cause: remedy" in `error`.
 */
int inner_live_open(const struct inner_live_options *options, struct inner_live **ret, char *error,
		    size_t error_size);
/* Detaches from all. NULL is fine. */
void inner_live_close(struct inner_live *inner);
/* Other interfaces. On an error those from before stay. */
int inner_live_set(struct inner_live *inner, const char *const *interfaces, size_t count, char *error,
		   size_t error_size);

/* Every 100 ms: events, and interfaces that came and went. 0 or -errno. */
int inner_live_run(struct inner_live *inner);
/* Interfaces and their counters; also attaches again where somebody has removed our programs. 0 or -errno. */
int inner_live_read(struct inner_live *inner, struct inner_facts *ret);

#endif

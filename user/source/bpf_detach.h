/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bpf_detach.h - removing what agents that have ended left in the kernel
 */
#ifndef ESPIAL_SOURCE_BPF_DETACH_H
#define ESPIAL_SOURCE_BPF_DETACH_H

#include <stdbool.h>
#include <stddef.h>

#include "source/bpf_hook.h"

/* Something that is gone now. */
struct detached {
	const char *interface; /* its name, or NULL */
	const char *what;      /* "xdp", "tcx", "clsact", "qdisc", "tables", "directory" */
	const char *side;      /* "in", "out", or "" */
	const char *path;      /* of the pin, or "" */
};

struct detach_sink {
	void (*removed)(void *arg, const struct detached *detached);
	void (*spared)(void *arg, const char *line); /* not removed, and why */
	void *arg;
};

/*
 * Pins in `directory`, with the links that they hold, and our clsact filters in this network namespace, the qdisc too when
 * it was made for them and nobody else uses it. What others put there stays. 0; -EBUSY: an agent has the directory;
 * -EPERM, -EACCES …: with a line in `error`.
 */
int detach_all(const char *directory, const struct detach_sink *sink, char *error, size_t error_size);

#endif

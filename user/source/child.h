/* SPDX-License-Identifier: GPL-2.0-or-later */
/* child.h - another program, run beside the agent: its output into a descriptor, nothing of ours inherited but that */
#ifndef ESPIAL_SOURCE_CHILD_H
#define ESPIAL_SOURCE_CHILD_H

#include <sys/types.h>

/*
 * Starts the program, a path or a name that is looked for in PATH and where administrators' programs are, in a process group of its
 * own, so that what it starts ends with it: without input, errors to nowhere, signals as they are by default (the agent blocks its
 * own, which would be inherited). 0 or -errno; -ENOENT: there is no such program.
 */
int child_spawn(const char *program, const char *const argv[], int output, pid_t *ret);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* child.h - another program, run beside the agent: its output into a descriptor, nothing of ours inherited but that */
#ifndef ESPIAL_SOURCE_CHILD_H
#define ESPIAL_SOURCE_CHILD_H

#include <sys/types.h>

/*
 * Starts argv[0], looked for in PATH and where administrators' programs are, in a process group of its own: without input, errors
 * to nowhere, signals as they are by default. 0 or -errno; -ENOENT: there is no such program.
 */
int child_spawn(const char *const argv[], int output, pid_t *ret);

#endif

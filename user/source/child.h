/* SPDX-License-Identifier: GPL-2.0-or-later */
/* child.h - another program, run beside the agent: nothing of ours inherited but what it is given */
#ifndef ESPIAL_SOURCE_CHILD_H
#define ESPIAL_SOURCE_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#define CHILD_NOTHING (-1)

struct child_options {
	int files[3]; /* become its 0, 1 and 2; CHILD_NOTHING: /dev/null */
	int extra;    /* becomes its 3; 0: it has none */
	bool group;   /* a process group of its own, so that what it starts can be ended with it */
	char *const *environment; /* NULL: ours */
};

/*
 * Starts the program, a path or a name that is looked for in PATH and where administrators' programs are, with signals as they are by
 * default (the agent blocks its own, which would be inherited). `ret` is written only when it runs. 0 or -errno; -ENOENT: there is no
 * such program.
 */
int child_spawn(const char *program, const char *const argv[], const struct child_options *options,
		pid_t *ret);
/* The same for one that is asked something: without input, errors to nowhere, in a group of its own. */
int child_ask(const char *program, const char *const argv[], int output, pid_t *ret);

#endif

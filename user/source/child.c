// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int spawn(const char *program, const char *const argv[], const posix_spawn_file_actions_t *files,
		 const posix_spawnattr_t *attributes, char *const *environment, pid_t *ret)
{
	char path[128];
	int err = -posix_spawnp(ret, program, files, attributes, (char *const *)argv, environment);

	if (err != -ENOENT || strchr(program, '/'))
		return err;
	/* Not in everyone's PATH */
	snprintf(path, sizeof(path), "/usr/sbin/%s", program);
	return -posix_spawn(ret, path, files, attributes, (char *const *)argv, environment);
}

static int give_files(posix_spawn_file_actions_t *actions, const struct child_options *options)
{
	int err = 0;

	for (int i = 0; i < 3 && !err; i++)
		err = options->files[i] == CHILD_NOTHING
			      ? posix_spawn_file_actions_addopen(actions, i, "/dev/null", O_RDWR, 0)
			      : posix_spawn_file_actions_adddup2(actions, options->files[i], i);
	if (!err && options->extra)
		err = posix_spawn_file_actions_adddup2(actions, options->extra, 3);
	return -err;
}

int child_spawn(const char *program, const char *const argv[], const struct child_options *options,
		pid_t *ret)
{
	int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF, err;
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	pid_t pid;

	sigemptyset(&none);
	sigfillset(&all);
	if (posix_spawn_file_actions_init(&files))
		return -ENOMEM;
	if (posix_spawnattr_init(&attributes)) {
		posix_spawn_file_actions_destroy(&files);
		return -ENOMEM;
	}
	if (options->group)
		flags |= POSIX_SPAWN_SETPGROUP;
	posix_spawnattr_setflags(&attributes, (short)flags);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	err = give_files(&files, options);
	if (!err)
		err = spawn(program, argv, &files, &attributes,
			    options->environment ? options->environment : environ, &pid);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	if (!err)
		*ret = pid;
	return err;
}

int child_ask(const char *program, const char *const argv[], int output, pid_t *ret)
{
	const struct child_options options = {.files = {CHILD_NOTHING, output, CHILD_NOTHING}, .group = true};

	return child_spawn(program, argv, &options, ret);
}

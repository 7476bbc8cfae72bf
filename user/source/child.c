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
		 const posix_spawnattr_t *attributes, pid_t *ret)
{
	char path[128];
	int err = -posix_spawnp(ret, program, files, attributes, (char *const *)argv, environ);

	if (err != -ENOENT || strchr(program, '/'))
		return err;
	/* Not in everyone's PATH */
	snprintf(path, sizeof(path), "/usr/sbin/%s", program);
	return -posix_spawn(ret, path, files, attributes, (char *const *)argv, environ);
}

int child_spawn(const char *program, const char *const argv[], int output, pid_t *ret)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int err;

	sigemptyset(&none);
	sigfillset(&all);
	if (posix_spawn_file_actions_init(&files))
		return -ENOMEM;
	if (posix_spawnattr_init(&attributes)) {
		posix_spawn_file_actions_destroy(&files);
		return -ENOMEM;
	}
	posix_spawnattr_setflags(&attributes,
				 POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	err = -posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (!err)
		err = -posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	if (!err)
		err = -posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
	if (!err)
		err = spawn(program, argv, &files, &attributes, ret);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return err;
}

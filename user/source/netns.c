/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define OWN "/proc/thread-self/ns/net"

void netns_path(const char *given, char ret[NETNS_PATH])
{
	snprintf(ret, NETNS_PATH, "%s%s", *given == '/' ? "" : NETNS_DIRECTORY "/", given);
}

int netns_identify(const char *path, struct netns_id *ret)
{
	struct stat st;

	if (stat(path, &st))
		return -errno;
	*ret = (struct netns_id){.device = st.st_dev, .inode = st.st_ino};
	return 0;
}

int netns_identify_own(struct netns_id *ret)
{
	return netns_identify(OWN, ret);
}

bool netns_same(const struct netns_id *a, const struct netns_id *b)
{
	return a->device == b->device && a->inode == b->inode;
}

int netns_call(const char *path, int (*call)(void *arg), void *arg)
{
	int home = open(OWN, O_RDONLY | O_CLOEXEC), there, err;

	if (home < 0)
		return -errno;
	there = open(path, O_RDONLY | O_CLOEXEC);
	err = there < 0 || setns(there, CLONE_NEWNET) ? -errno : 0;
	if (!err) {
		err = call(arg);
		if (setns(home, CLONE_NEWNET))
			abort(); /* all else that this thread opens would be the other namespace's */
	}
	if (there >= 0)
		close(there);
	close(home);
	return err;
}

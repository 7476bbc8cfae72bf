// SPDX-License-Identifier: GPL-2.0-or-later
/* vici.c - several daemons behind one descriptor */
#include "source/vici.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "source/vici_daemon.h"

struct vici {
	struct vici_options options;
	int epoll;
	size_t count;
	struct vici_daemon daemons[VICI_DAEMONS_MOST];
};

static struct vici_clock now(void)
{
	struct timespec mono, wall;

	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_REALTIME, &wall);
	return (struct vici_clock){
		.now_ms = (int64_t)mono.tv_sec * 1000 + mono.tv_nsec / 1000000,
		.wall_ns = (uint64_t)wall.tv_sec * 1000000000 + (uint64_t)wall.tv_nsec,
	};
}

static void fill_defaults(struct vici_options *options)
{
	if (!options->deadline_ms)
		options->deadline_ms = 5000;
	if (!options->refresh_ms)
		options->refresh_ms = 10000;
	if (!options->retry_ms)
		options->retry_ms = 1000;
	if (!options->unanswered_ms)
		options->unanswered_ms = 10000;
}

static int add(struct vici *vici, const char *socket)
{
	static const char scheme[] = "unix://";

	if (!strncmp(socket, scheme, sizeof(scheme) - 1))
		socket += sizeof(scheme) - 1;
	if (vici->count == VICI_DAEMONS_MOST)
		return -E2BIG;
	if (strlen(socket) >= sizeof(vici->daemons->path))
		return -ENAMETOOLONG;
	vici_daemon_init(&vici->daemons[vici->count++], &vici->options, socket);
	return 0;
}

int vici_open(const struct vici_options *options, struct vici **ret)
{
	struct vici *vici = calloc(1, sizeof(*vici));
	int err = 0;

	if (!vici)
		return -ENOMEM;
	vici->options = *options;
	fill_defaults(&vici->options);
	vici->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (vici->epoll < 0)
		err = -errno;
	for (size_t i = 0; i < options->socket_count && !err; i++)
		err = add(vici, options->sockets[i]);
	if (!options->socket_count && !err) {
		err = add(vici, VICI_DEFAULT_SOCKET);
		vici->daemons->usual = true;
	}
	/* The caller's, and not needed any more */
	vici->options.sockets = NULL;
	vici->options.socket_count = 0;
	if (err) {
		vici_close(vici);
		return err;
	}
	*ret = vici;
	return 0;
}

void vici_close(struct vici *vici)
{
	if (!vici)
		return;
	for (size_t i = 0; i < vici->count; i++)
		vici_daemon_close(&vici->daemons[i]);
	if (vici->epoll >= 0)
		close(vici->epoll);
	free(vici);
}

int vici_fd(const struct vici *vici)
{
	return vici->epoll;
}

int vici_timeout(const struct vici *vici)
{
	int64_t due = INT64_MAX, wait;

	for (size_t i = 0; i < vici->count; i++) {
		int64_t one = vici_daemon_due(&vici->daemons[i]);

		if (one < due)
			due = one;
	}
	wait = due - now().now_ms;
	return wait < 0 ? 0 : wait > 60000 ? 60000 : (int)wait;
}

void vici_run(struct vici *vici)
{
	struct vici_clock clock = now();
	struct epoll_event ready[VICI_DAEMONS_MOST];
	int n = epoll_wait(vici->epoll, ready, VICI_DAEMONS_MOST, 0);

	/* What has come counts before the deadline for it: we may be the ones who are late. */
	for (int i = 0; i < n; i++)
		vici_daemon_receive(&vici->daemons[ready[i].data.u64], &clock);
	for (size_t i = 0; i < vici->count; i++) {
		struct vici_daemon *d = &vici->daemons[i];
		struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.u64 = i};

		vici_daemon_tick(d, &clock);
		if (vici_daemon_wake(d, &clock))
			(void)epoll_ctl(vici->epoll, EPOLL_CTL_ADD, d->fd,
					&event); /* or its deadline passes */
	}
}

size_t vici_count(const struct vici *vici)
{
	return vici->count;
}

void vici_snapshot(const struct vici *vici, size_t index, struct fact_daemon *ret)
{
	const struct vici_daemon *d = &vici->daemons[index];

	memset(ret, 0, sizeof(*ret));
	memcpy(ret->origin, d->path, sizeof(ret->origin));
	memcpy(ret->version, d->version, sizeof(ret->version));
	memcpy(ret->why, d->why, sizeof(ret->why));
	ret->available = d->available;
	ret->connections = d->facts.connections;
	ret->connection_count = d->facts.connection_count;
	ret->child_configs = d->facts.child_configs;
	ret->child_config_count = d->facts.child_config_count;
	ret->ikes = d->facts.ikes;
	ret->ike_count = d->facts.ike_count;
	ret->children = d->facts.children;
	ret->child_count = d->facts.child_count;
	ret->certificates = d->facts.certificates;
	ret->certificate_count = d->facts.certificate_count;
	ret->snapshot_ns = d->snapshot_ns;
}

bool vici_settled(const struct vici *vici)
{
	for (size_t i = 0; i < vici->count; i++)
		if (!vici->daemons[i].tried)
			return false;
	return true;
}

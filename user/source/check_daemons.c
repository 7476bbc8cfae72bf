// SPDX-License-Identifier: GPL-2.0-or-later
/* check_daemons.c - who speaks IKE here */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "source/check.h"
#include "source/vici.h"

/* libreswan's control socket. It takes commands: it is looked for, and never opened. */
#define PLUTO_SOCKET "/run/pluto/pluto.ctl"

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool is_socket(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISSOCK(st.st_mode);
}

/* A line of /proc/net/unix ends with the path of a bound socket: somebody has it open, unlike the file that a dead one left. */
static bool is_bound(const char *path)
{
	FILE *file = fopen("/proc/net/unix", "re");
	char line[512];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file)) {
		char *at = strstr(line, path);

		found = at && at != line && at[-1] == ' ' && at[strlen(path)] == '\n';
	}
	if (file)
		(void)fclose(file);
	return found;
}

static struct check_daemon *add(struct check_host *host, const char *kind)
{
	struct check_daemon *d = &host->daemons[host->daemon_count++];

	memset(d, 0, sizeof(*d));
	snprintf(d->kind, sizeof(d->kind), "%s", kind);
	return d;
}

static void take(const struct vici *vici, size_t index, struct check_host *host)
{
	struct check_daemon *d = add(host, "strongSwan");
	struct fact_daemon fact;
	struct stat st;

	vici_snapshot(vici, index, &fact);
	memcpy(d->socket, fact.origin, sizeof(d->socket));
	memcpy(d->version, fact.version, sizeof(d->version));
	memcpy(d->why, fact.why, sizeof(d->why));
	d->available = fact.available;
	d->exists = fact.available || !stat(d->socket, &st);
	d->connections = fact.connection_count;
	d->ikes = fact.ike_count;
}

void check_look_at_daemons(const char *const *sockets, size_t count, unsigned int wait_ms,
			   struct check_host *ret)
{
	const struct vici_options options = {
		.sockets = sockets, .socket_count = count, .deadline_ms = wait_ms, .retry_ms = 2 * wait_ms};
	int64_t end = now_ms() + wait_ms + wait_ms / 2;
	struct vici *vici;

	if (!vici_open(&options, &vici)) {
		vici_run(vici);
		while (!vici_settled(vici) && now_ms() < end) {
			struct pollfd fd = {.fd = vici_fd(vici), .events = POLLIN};
			int timeout = vici_timeout(vici);

			(void)poll(&fd, 1, timeout < 100 ? timeout : 100);
			vici_run(vici);
		}
		for (size_t i = 0; i < vici_count(vici) && ret->daemon_count < CHECK_DAEMONS - 1; i++)
			take(vici, i, ret);
		vici_close(vici);
	}
	if (is_socket(PLUTO_SOCKET) || is_bound(PLUTO_SOCKET)) {
		struct check_daemon *d = add(ret, "libreswan");

		snprintf(d->socket, sizeof(d->socket), "%s", PLUTO_SOCKET);
		d->exists = true;
	}
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent/space.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "source/host_stat.h"

struct space {
	struct space_options options;
	char path[NETNS_PATH];
	char label[160];    /* of lines in the log */
	struct netns_id id; /* of the namespace that was opened */
	struct xfrm *xfrm;  /* NULL: not there, or not to be had: why[] */
	struct addresses addresses;
	int xfrm_stat;
	bool synced; /* the first whole dump is in */
	bool dark;
	int told; /* -errno of opening, as last told; 0: none */
	int error;
	char why[160];
	uint64_t notices[FACT_NOTICES], overruns; /* of namespaces of this name that are gone */
};

static bool is_own(const struct space *s)
{
	return !s->options.name;
}

static void on_change(void *arg, enum xfrm_change change, const struct fact_sa *sa,
		      const struct xfrm_message *message)
{
	struct space *s = arg;

	(void)message;
	if (change == XFRM_SYNCED)
		s->synced = true;
	s->options.changed(s->options.arg, change, sa);
}

bool space_has_address(const struct space *s, const uint8_t address[16])
{
	return addresses_have(&s->addresses, address);
}

static bool is_local(void *arg, const uint8_t address[16])
{
	const struct space *s = arg;

	if (!is_own(s))
		return space_has_address(s, address);
	return s->options.is_local && s->options.is_local(s->options.is_local_arg, address);
}

/* ---- what has to be done in the namespace itself */

static int read_addresses(void *arg)
{
	struct space *s = arg;

	return addresses_refresh(&s->addresses);
}

static int open_files(void *arg)
{
	struct space *s = arg;

	s->xfrm_stat = open("/proc/thread-self/net/xfrm_stat", O_RDONLY | O_CLOEXEC);
	return addresses_refresh(&s->addresses);
}

/* ---- coming and going */

static void tell_removed(const struct space *s)
{
	const struct fact_kernel *facts = xfrm_facts(s->xfrm);

	for (size_t i = 0; i < facts->sa_count; i++)
		s->options.changed(s->options.arg, XFRM_REMOVED, &facts->sas[i]);
}

static void drop(struct space *s)
{
	const struct fact_kernel *facts = s->xfrm ? xfrm_facts(s->xfrm) : NULL;

	for (size_t i = 0; facts && i < FACT_NOTICES; i++)
		s->notices[i] += xfrm_heard(s->xfrm)[i];
	if (facts)
		s->overruns += facts->overruns;
	xfrm_close(s->xfrm);
	s->xfrm = NULL;
	s->synced = false;
	if (s->xfrm_stat >= 0)
		close(s->xfrm_stat);
	s->xfrm_stat = -1;
	addresses_free(&s->addresses);
}

static int watch(const struct space *s)
{
	struct epoll_event event = {.events = EPOLLIN};

	return epoll_ctl(s->options.epoll, EPOLL_CTL_ADD, xfrm_fd(s->xfrm), &event) ? -errno : 0;
}

static int check_path(struct space *s)
{
	struct netns_id own;
	int err = netns_identify(s->path, &s->id);

	if (!err && !netns_identify_own(&own) && netns_same(&s->id, &own)) {
		snprintf(s->why, sizeof(s->why), "%.110s: that is the namespace of the agent itself",
			 s->label);
		return -EEXIST;
	}
	if (err)
		snprintf(s->why, sizeof(s->why), "%.110s: %s: looked for every second", s->label,
			 err == -ENOENT ? "not there" : strerror(-err));
	return err;
}

static int open_xfrm(struct space *s)
{
	const struct xfrm_options options = {
		.netns = is_own(s) ? NULL : s->path, .changed = on_change, .is_local = is_local, .arg = s};
	char error[256];
	int err = xfrm_protect_process();

	if (err) {
		snprintf(s->why, sizeof(s->why),
			 "XFRM: core dumps cannot be turned off (%s), and messages carry keys",
			 strerror(-err));
		return err;
	}
	err = xfrm_open(&options, &s->xfrm, error, sizeof(error));
	if (err) {
		snprintf(s->why, sizeof(s->why), "%.*s", (int)sizeof(s->why) - 1, error);
		s->xfrm = NULL;
	}
	return err;
}

/* 0, or -errno with why[]. */
static int begin(struct space *s)
{
	int err = is_own(s) ? 0 : check_path(s);

	s->dark = false;
	if (err)
		return err;
	err = open_xfrm(s);
	s->dark = err != 0;
	if (err)
		return err;
	/* What of this fails is absent. */
	if (!is_own(s))
		(void)netns_call(s->path, open_files, s);
	err = watch(s);
	if (err) {
		snprintf(s->why, sizeof(s->why), "%.110s: %s", s->label, strerror(-err));
		drop(s);
		s->dark = true;
	}
	return err;
}

/* What is wrong is told when it begins. */
static void tell(struct space *s, int err)
{
	if (err && err != s->told)
		log_line(s->options.log, LOG_LEVEL_WARNING, "%s%s", s->why,
			 is_own(s) ? ": going by the wire alone" : "");
	else if (!err && !is_own(s))
		log_line(s->options.log, LOG_LEVEL_INFO, "%s: its SAs and policies are followed", s->label);
	s->told = err;
}

struct space *space_open(const struct space_options *options)
{
	struct space *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->options = *options;
	s->xfrm_stat = -1;
	snprintf(s->label, sizeof(s->label), "XFRM");
	if (!is_own(s)) {
		netns_path(options->name, s->path);
		snprintf(s->label, sizeof(s->label), "network namespace %s", options->name);
	}
	tell(s, begin(s));
	return s;
}

void space_close(struct space *s)
{
	if (!s)
		return;
	drop(s);
	free(s);
}

/* ---- */

bool space_run(struct space *s)
{
	int err = s->xfrm ? xfrm_run(s->xfrm) : 0;

	if (err < 0 && err != s->error)
		log_line(s->options.log, LOG_LEVEL_ERROR, "%s: netlink: %s", s->label, strerror(-err));
	s->error = err < 0 ? err : 0;
	return err != 0;
}

/* The namespace itself lives as long as our sockets do: that it was deleted shows in its path alone. */
static bool is_gone(const struct space *s)
{
	struct netns_id now;
	int err = netns_identify(s->path, &now);

	return err == -ENOENT || (!err && !netns_same(&now, &s->id));
}

int space_refresh(struct space *s)
{
	int err = s->xfrm ? xfrm_refresh(s->xfrm) : 0;

	if (s->xfrm && !is_own(s))
		(void)netns_call(s->path, read_addresses, s);
	if (err)
		log_line(s->options.log, LOG_LEVEL_ERROR, "%s: netlink: %s", s->label, strerror(-err));
	return err;
}

bool space_tick(struct space *s)
{
	bool changed = false;
	int err;

	if (!is_own(s) && s->xfrm && is_gone(s)) {
		log_line(s->options.log, LOG_LEVEL_WARNING, "%s: gone, with its SAs", s->label);
		tell_removed(s);
		drop(s);
		s->told = -ENOENT;
		changed = true;
	}
	if (!s->xfrm && !is_own(s)) {
		err = begin(s);
		tell(s, err);
		return changed || !err;
	}
	return changed;
}

const struct fact_kernel *space_kernel(const struct space *s)
{
	return s->xfrm && s->synced ? xfrm_facts(s->xfrm) : NULL;
}

bool space_is_dark(const struct space *s)
{
	return s->dark;
}

void space_fact(const struct space *s, struct fact_space *ret)
{
	const struct fact_kernel *kernel = s->xfrm ? xfrm_facts(s->xfrm) : NULL;

	*ret = (struct fact_space){.name = s->options.name, .overruns = s->overruns};
	memcpy(ret->notices, s->notices, sizeof(ret->notices));
	if (!kernel) {
		memcpy(ret->why, s->why, sizeof(ret->why));
		return;
	}
	ret->available = kernel->available;
	ret->sa_count = kernel->sa_count;
	ret->policy_count = kernel->policy_count;
	ret->acquire_count = kernel->acquire_count;
	ret->overruns += kernel->overruns;
	ret->synced_ns = kernel->synced_ns;
	for (size_t i = 0; i < FACT_NOTICES; i++)
		ret->notices[i] += xfrm_heard(s->xfrm)[i];
}

void space_host(const struct space *s, struct host_space *ret)
{
	host_stat_space(ret, s->xfrm_stat);
}

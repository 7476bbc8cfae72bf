/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/sadb.h"

#include <stdio.h>
#include <string.h>

#include "source/bpf_sadb.h"

static void on_change(void *arg, enum xfrm_change change, const struct fact_sa *sa,
		      const struct xfrm_message *message)
{
	struct sadb *s = arg;

	(void)message;
	/* Errors are told by the live source, which then gives up the mirror. */
	if (change == XFRM_ADDED)
		(void)live_sadb_add(s->live, sa);
	else if (change == XFRM_REMOVED)
		live_sadb_remove(s->live, sa);
	else if (change == XFRM_SYNCED)
		s->synced = true;
}

/*
 * The mirror speaks for the SADB from the first SA or policy on: a kernel that never had any may have nothing to do with the IPsec
 * that passes here (userspace ESP, or none of our own).
 */
static void trust(struct sadb *s)
{
	const struct fact_kernel *facts;

	if (!s->synced || s->trusted)
		return;
	facts = xfrm_facts(s->xfrm);
	if (!facts->sa_count && !facts->policy_count)
		return;
	s->trusted = true;
	(void)live_sadb_keep(s->live, true);
}

static bool is_local(void *arg, const uint8_t address[16])
{
	const struct sadb *s = arg;

	return s->is_local(s->arg, address);
}

void sadb_open(struct sadb *s, struct live *live, const struct log *log,
	       bool (*local)(void *arg, const uint8_t address[16]), void *arg)
{
	struct xfrm_options options = {.changed = on_change, .is_local = is_local, .arg = s};
	char error[256];
	int err;

	memset(s, 0, sizeof(*s));
	s->live = live;
	s->log = log;
	s->is_local = local;
	s->arg = arg;
	err = xfrm_protect_process();
	if (err) {
		snprintf(s->none.why, sizeof(s->none.why),
			 "XFRM: core dumps cannot be turned off (%s), and messages carry keys",
			 strerror(-err));
	} else {
		err = xfrm_open(&options, &s->xfrm, error, sizeof(error));
		if (err)
			snprintf(s->none.why, sizeof(s->none.why), "%.*s", (int)sizeof(s->none.why) - 1,
				 error);
	}
	if (err)
		log_line(log, LOG_LEVEL_WARNING, "%s: going by the wire alone", s->none.why);
}

void sadb_close(struct sadb *s)
{
	if (s->xfrm)
		(void)live_sadb_keep(s->live, false);
	xfrm_close(s->xfrm);
	memset(s, 0, sizeof(*s));
}

int sadb_fd(const struct sadb *s)
{
	return s->xfrm ? xfrm_fd(s->xfrm) : -1;
}

/* An error is told when it begins. */
static void tell(struct sadb *s, int err)
{
	if (err < 0 && err != s->error)
		log_line(s->log, LOG_LEVEL_ERROR, "XFRM netlink: %s", strerror(-err));
	s->error = err < 0 ? err : 0;
}

void sadb_ready(struct sadb *s)
{
	if (!s->xfrm)
		return;
	tell(s, xfrm_run(s->xfrm));
	trust(s);
}

void sadb_tick(struct sadb *s)
{
	if (!s->xfrm)
		return;
	(void)live_sadb_tick(s->live);
	if (++s->ticks % SADB_REFRESH_TICKS)
		return;
	tell(s, xfrm_refresh(s->xfrm));
}

const struct fact_kernel *sadb_facts(const struct sadb *s)
{
	return s->xfrm ? xfrm_facts(s->xfrm) : &s->none;
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent/sadb.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "source/bpf_sadb.h"

struct sadb {
	struct sadb_options options;
	int epoll;
	struct space *spaces[HOST_SPACES]; /* our own first */
	size_t count;
	uint64_t ticks;
	bool trusted; /* the kernel had an SA or a policy since: the mirror tells known from unknown */
	bool changed; /* what is merged below is old */
	struct fact_kernel facts;
	struct fact_space told[HOST_SPACES];
	struct fact_sa *sas; /* of several namespaces, one after the other */
	struct fact_policy *policies;
	struct fact_acquire *acquires;
};

static void on_change(void *arg, enum xfrm_change change, const struct fact_sa *sa)
{
	const struct sadb *s = arg;

	/* Errors are told by the live source, which then gives up the mirror. */
	if (change == XFRM_ADDED)
		(void)live_sadb_add(s->options.live, sa);
	else if (change == XFRM_REMOVED)
		live_sadb_remove(s->options.live, sa);
}

/*
 * The mirror speaks for the SADB from the first SA or policy on: a kernel that never had any may have nothing to do with the IPsec
 * that passes here (userspace ESP, or none of our own). While a namespace cannot be read, an SPI that no other has may be its.
 */
static void trust(struct sadb *s)
{
	const struct fact_kernel *kernel;
	bool any = s->trusted, all = true;

	for (size_t i = 0; i < s->count; i++) {
		kernel = space_kernel(s->spaces[i]);
		all = all && !space_is_dark(s->spaces[i]) && (kernel || i);
		any = any || (kernel && (kernel->sa_count || kernel->policy_count));
	}
	if ((any && all) == s->trusted)
		return;
	s->trusted = any && all;
	(void)live_sadb_keep(s->options.live, s->trusted);
}

int sadb_open(const struct sadb_options *options, struct sadb **ret)
{
	struct sadb *s = calloc(1, sizeof(*s));
	int err = 0;

	if (!s)
		return -ENOMEM;
	s->options = *options;
	s->changed = true;
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll < 0)
		err = -errno;
	for (size_t i = 0; i <= options->netns_count && !err; i++) {
		struct space_options space = {.name = i ? options->netns[i - 1] : NULL,
					      .epoll = s->epoll,
					      .log = options->log,
					      .changed = on_change,
					      .arg = s,
					      .is_local = options->is_local,
					      .is_local_arg = options->arg};

		s->spaces[i] = space_open(&space);
		if (!s->spaces[i])
			err = -ENOMEM;
		else
			s->count++;
	}
	if (err) {
		sadb_close(s);
		return err;
	}
	*ret = s;
	return 0;
}

void sadb_close(struct sadb *s)
{
	if (!s)
		return;
	if (s->trusted)
		(void)live_sadb_keep(s->options.live, false);
	for (size_t i = 0; i < s->count; i++)
		space_close(s->spaces[i]);
	if (s->epoll >= 0)
		close(s->epoll);
	free(s->sas);
	free(s->policies);
	free(s->acquires);
	free(s);
}

int sadb_fd(const struct sadb *s)
{
	return s->epoll;
}

void sadb_ready(struct sadb *s)
{
	for (size_t i = 0; i < s->count; i++)
		s->changed |= space_run(s->spaces[i]);
	trust(s);
}

int sadb_refresh(struct sadb *s)
{
	int err = 0;

	for (size_t i = 0; i < s->count; i++) {
		int failed = space_refresh(s->spaces[i]);

		err = err ? err : failed;
	}
	return err;
}

void sadb_tick(struct sadb *s)
{
	(void)live_sadb_tick(s->options.live);
	for (size_t i = 0; i < s->count; i++)
		s->changed |= space_tick(s->spaces[i]);
	trust(s);
	if (++s->ticks % SADB_REFRESH_TICKS == 0)
		(void)sadb_refresh(s);
}

/* ---- all namespaces as one */

/* Room for what all have; false: no memory, and what follows keeps to the first namespace. */
static bool grow(struct sadb *s, size_t sas, size_t policies, size_t acquires)
{
	void *grown;

	grown = realloc(s->sas, (sas + 1) * sizeof(*s->sas));
	if (grown)
		s->sas = grown;
	if (!grown)
		return false;
	grown = realloc(s->policies, (policies + 1) * sizeof(*s->policies));
	if (grown)
		s->policies = grown;
	if (!grown)
		return false;
	grown = realloc(s->acquires, (acquires + 1) * sizeof(*s->acquires));
	if (grown)
		s->acquires = grown;
	return grown != NULL;
}

static void append(struct sadb *s, size_t space, const struct fact_kernel *from)
{
	struct fact_kernel *to = &s->facts;

	for (size_t i = 0; i < from->sa_count; i++) {
		s->sas[to->sa_count] = from->sas[i];
		s->sas[to->sa_count++].space = (uint8_t)space;
	}
	for (size_t i = 0; i < from->policy_count; i++) {
		s->policies[to->policy_count] = from->policies[i];
		s->policies[to->policy_count++].space = (uint8_t)space;
	}
	for (size_t i = 0; i < from->acquire_count; i++) {
		s->acquires[to->acquire_count] = from->acquires[i];
		s->acquires[to->acquire_count++].space = (uint8_t)space;
	}
	to->overruns += from->overruns;
	if (!to->synced_ns || from->synced_ns < to->synced_ns)
		to->synced_ns = from->synced_ns;
	to->available = true;
}

static void merge(struct sadb *s)
{
	size_t sas = 0, policies = 0, acquires = 0, there = 0;
	const struct fact_kernel *kernel;

	s->facts = (struct fact_kernel){.available = false};
	for (size_t i = 0; i < s->count; i++) {
		kernel = space_kernel(s->spaces[i]);
		if (!kernel)
			continue;
		there += i != 0;
		sas += kernel->sa_count;
		policies += kernel->policy_count;
		acquires += kernel->acquire_count;
	}
	kernel = space_kernel(s->spaces[0]);
	if (!there || !grow(s, sas, policies, acquires)) {
		if (kernel)
			s->facts = *kernel;
		return;
	}
	for (size_t i = 0; i < s->count; i++) {
		kernel = space_kernel(s->spaces[i]);
		if (kernel)
			append(s, i, kernel);
	}
	s->facts.sas = s->sas;
	s->facts.policies = s->policies;
	s->facts.acquires = s->acquires;
}

const struct fact_kernel *sadb_facts(struct sadb *s)
{
	if (s->changed || s->count == 1)
		merge(s);
	s->changed = false;
	for (size_t i = 0; i < s->count; i++)
		space_fact(s->spaces[i], &s->told[i]);
	s->facts.spaces = s->told;
	s->facts.space_count = s->count;
	if (!s->facts.available)
		memcpy(s->facts.why, s->told[0].why, sizeof(s->facts.why));
	return &s->facts;
}

bool sadb_has_address(const struct sadb *s, const uint8_t address[16])
{
	for (size_t i = 1; i < s->count; i++)
		if (space_has_address(s->spaces[i], address))
			return true;
	return false;
}

void sadb_host(struct sadb *s, struct host_facts *ret)
{
	ret->follows_xfrm = true;
	ret->space_count = s->count;
	for (size_t i = 0; i < s->count; i++) {
		struct host_space *space = &ret->spaces[i];
		struct fact_space fact;

		space_fact(s->spaces[i], &fact);
		snprintf(space->name, sizeof(space->name), "%s", fact.name ? fact.name : "");
		space->available = fact.available;
		memcpy(space->why, fact.why, sizeof(space->why));
		space->sas = fact.sa_count;
		space->policies = fact.policy_count;
		space->overruns = fact.overruns;
		space->synced_ns = fact.synced_ns;
		memcpy(space->notices, fact.notices, sizeof(space->notices));
		if (i)
			space_host(s->spaces[i], space);
	}
}

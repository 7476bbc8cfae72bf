/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source/xfrm_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What was removed while a dump is under way: the dump may still tell of it. */
struct xfrm_gone {
	bool policy;
	struct fact_sa sa; /* the identity only */
	uint32_t index;
};

/* ---- identities */

static uint32_t mix(uint32_t hash, const void *data, size_t size)
{
	const uint8_t *at = data;

	while (size--)
		hash = (hash ^ *at++) * 16777619U; /* FNV-1a */
	return hash;
}

static uint32_t hash_sa(const struct fact_sa *sa)
{
	uint32_t hash = mix(2166136261U, sa->destination, sizeof(sa->destination));

	hash = mix(hash, &sa->spi, sizeof(sa->spi));
	return hash ^ hash >> 15;
}

static uint32_t hash_policy(const struct fact_policy *policy)
{
	uint32_t hash = mix(2166136261U, &policy->index, sizeof(policy->index));

	return hash ^ hash >> 15;
}

/* As the kernel tells them apart. */
static bool same_sa(const struct fact_sa *a, const struct fact_sa *b)
{
	return a->spi == b->spi && a->protocol == b->protocol && a->family == b->family &&
	       a->mark == b->mark && a->mark_mask == b->mark_mask &&
	       !memcmp(a->destination, b->destination, 16);
}

static bool same_policy(const struct fact_policy *a, const struct fact_policy *b)
{
	return a->index == b->index && a->direction == b->direction;
}

static uint32_t hash_of_sa(const void *items, uint32_t entry)
{
	return hash_sa((const struct fact_sa *)items + entry);
}

static uint32_t hash_of_policy(const void *items, uint32_t entry)
{
	return hash_policy((const struct fact_policy *)items + entry);
}

static struct fact_sa *find_sa(const struct xfrm_table *t, const struct fact_sa *sa)
{
	uint32_t mask = t->sas.buckets - 1;

	if (!t->sas.count)
		return NULL;
	for (uint32_t b = hash_sa(sa) & mask; t->sas.bucket[b]; b = (b + 1) & mask)
		if (same_sa(&t->sa[t->sas.bucket[b] - 1], sa))
			return &t->sa[t->sas.bucket[b] - 1];
	return NULL;
}

static struct fact_policy *find_policy(const struct xfrm_table *t, const struct fact_policy *policy)
{
	uint32_t mask = t->policies.buckets - 1;

	if (!t->policies.count)
		return NULL;
	for (uint32_t b = hash_policy(policy) & mask; t->policies.bucket[b]; b = (b + 1) & mask)
		if (same_policy(&t->policy[t->policies.bucket[b] - 1], policy))
			return &t->policy[t->policies.bucket[b] - 1];
	return NULL;
}

/* ---- what a dump may still tell of, though it is gone */

static int remember_gone(struct xfrm_table *t, const struct fact_sa *sa, const struct fact_policy *policy)
{
	struct xfrm_gone *gone;

	if (!t->dumping)
		return 0;
	if (t->gone_count == t->gone_room) {
		size_t room = t->gone_room ? t->gone_room * 2 : 64;

		gone = realloc(t->gone, room * sizeof(*gone));
		if (!gone)
			return -ENOMEM;
		t->gone = gone;
		t->gone_room = room;
	}
	gone = &t->gone[t->gone_count++];
	memset(gone, 0, sizeof(*gone));
	gone->policy = policy;
	if (policy)
		gone->index = policy->index;
	else
		gone->sa = *sa;
	return 0;
}

static bool is_gone(const struct xfrm_gone *gone, const struct fact_sa *sa, const struct fact_policy *policy)
{
	if (gone->policy)
		return policy && gone->index == policy->index;
	return sa && same_sa(&gone->sa, sa);
}

/* Is it dumped from before it was removed? A notice that it is there again (`dumped` false) forgets the removal. */
static bool was_gone(struct xfrm_table *t, const struct fact_sa *sa, const struct fact_policy *policy,
		     bool dumped)
{
	for (size_t i = 0; i < t->gone_count; i++) {
		struct xfrm_gone *gone = &t->gone[i];

		if (!is_gone(gone, sa, policy))
			continue;
		if (dumped)
			return true;
		*gone = t->gone[--t->gone_count];
		return false;
	}
	return false;
}

/* ---- SAs */

static void tell(const struct xfrm_table *t, enum xfrm_change change, const struct fact_sa *sa,
		 const struct xfrm_message *message)
{
	if (t->listener)
		t->listener(t->arg, change, sa, message);
}

static int put_sa(struct xfrm_table *t, const struct fact_sa *sa, bool dumped)
{
	struct fact_sa *old;
	int err;

	if (was_gone(t, sa, NULL, dumped))
		return 0;
	old = find_sa(t, sa);
	if (old) {
		bool soft = old->expired_soft;
		enum fact_direction direction = old->direction;

		*old = *sa;
		old->expired_soft |= soft;
		if (old->direction == FACT_DIRECTION_UNKNOWN)
			old->direction = direction;
		t->sas.seen[old - t->sa] = t->dump;
		return 0;
	}
	err = xfrm_index_grow(&t->sas, (void **)&t->sa, sizeof(*t->sa), hash_of_sa);
	if (err == -ENOSPC)
		t->refused++;
	if (err)
		return err == -ENOSPC ? 0 : err;
	t->sa[t->sas.count] = *sa;
	t->sas.seen[t->sas.count] = t->dump;
	xfrm_index_put(&t->sas, hash_sa(sa), t->sas.count++);
	t->changed = true;
	tell(t, XFRM_ADDED, sa, NULL);
	return 0;
}

static void remove_sa(struct xfrm_table *t, uint32_t entry)
{
	struct fact_sa gone = t->sa[entry];

	xfrm_index_remove(&t->sas, t->sa, sizeof(*t->sa), hash_of_sa, entry);
	t->changed = true;
	tell(t, XFRM_REMOVED, &gone, NULL);
}

static int sa_gone(struct xfrm_table *t, const struct fact_sa *sa)
{
	const struct fact_sa *old = find_sa(t, sa);

	if (old)
		remove_sa(t, (uint32_t)(old - t->sa));
	return remember_gone(t, sa, NULL);
}

static int sa_expired(struct xfrm_table *t, const struct xfrm_message *m)
{
	struct fact_sa *old = find_sa(t, &m->sa);

	if (m->hard) {
		tell(t, XFRM_HARD_EXPIRED, old ? old : &m->sa, m);
		return sa_gone(t, &m->sa);
	}
	if (old)
		old->expired_soft = true;
	t->changed = true;
	tell(t, XFRM_SOFT_EXPIRED, old ? old : &m->sa, m);
	return 0;
}

static int sas_flushed(struct xfrm_table *t, uint8_t protocol)
{
	int err = 0;

	t->stale |= t->dumping;
	for (uint32_t i = t->sas.count; i-- && !err;) {
		struct fact_sa sa = t->sa[i];

		if (protocol && sa.protocol != protocol)
			continue;
		remove_sa(t, i);
		err = remember_gone(t, &sa, NULL);
	}
	return err;
}

/* ---- policies */

static int put_policy(struct xfrm_table *t, const struct fact_policy *policy, bool dumped)
{
	struct fact_policy *old;
	int err;

	if (was_gone(t, NULL, policy, dumped))
		return 0;
	old = find_policy(t, policy);
	if (old) {
		*old = *policy;
		t->policies.seen[old - t->policy] = t->dump;
		return 0;
	}
	err = xfrm_index_grow(&t->policies, (void **)&t->policy, sizeof(*t->policy), hash_of_policy);
	if (err == -ENOSPC)
		t->refused++;
	if (err)
		return err == -ENOSPC ? 0 : err;
	t->policy[t->policies.count] = *policy;
	t->policies.seen[t->policies.count] = t->dump;
	xfrm_index_put(&t->policies, hash_policy(policy), t->policies.count++);
	t->changed = true;
	return 0;
}

static int policy_gone(struct xfrm_table *t, const struct fact_policy *policy)
{
	const struct fact_policy *old = find_policy(t, policy);

	if (old) {
		xfrm_index_remove(&t->policies, t->policy, sizeof(*t->policy), hash_of_policy,
				  (uint32_t)(old - t->policy));
		t->changed = true;
	}
	return remember_gone(t, NULL, policy);
}

static int policies_flushed(struct xfrm_table *t)
{
	int err = 0;

	t->stale |= t->dumping;
	while (t->policies.count && !err) {
		struct fact_policy policy = t->policy[t->policies.count - 1];

		err = policy_gone(t, &policy);
	}
	return err;
}

/* ---- traffic without an SA */

static void acquired(struct xfrm_table *t, const struct xfrm_message *m, uint64_t now_ns)
{
	struct fact_acquire *entry = NULL, *oldest = t->acquire;

	for (size_t i = 0; i < t->acquire_count && !entry; i++) {
		struct fact_acquire *a = &t->acquire[i];

		if (a->reqid_or_policy == m->policy.index && !memcmp(a->destination, m->sa.destination, 16))
			entry = a;
		if (a->last_ns < oldest->last_ns)
			oldest = a;
	}
	if (!entry) {
		entry = t->acquire_count < XFRM_ACQUIRES ? &t->acquire[t->acquire_count++] : oldest;
		*entry = (struct fact_acquire){.reqid_or_policy = m->policy.index};
		memcpy(entry->destination, m->sa.destination, 16);
	}
	entry->count++;
	entry->last_ns = now_ns;
	t->changed = true;
	tell(t, XFRM_WANTED, &m->sa, m);
}

/* ---- all together */

void xfrm_table_init(struct xfrm_table *t, xfrm_listener listener, void *arg)
{
	memset(t, 0, sizeof(*t));
	t->listener = listener;
	t->arg = arg;
}

void xfrm_table_free(struct xfrm_table *t)
{
	xfrm_index_free(&t->sas);
	xfrm_index_free(&t->policies);
	free(t->sa);
	free(t->policy);
	free(t->gone);
	memset(t, 0, sizeof(*t));
}

void xfrm_table_dump_begin(struct xfrm_table *t)
{
	t->dump++;
	t->dumping = true;
	t->stale = false;
	t->gone_count = 0;
}

void xfrm_table_dump_end(struct xfrm_table *t, bool complete)
{
	t->dumping = false;
	t->gone_count = 0;
	if (!complete)
		return;
	for (uint32_t i = t->sas.count; i--;)
		if (t->sas.seen[i] != t->dump)
			remove_sa(t, i);
	for (uint32_t i = t->policies.count; i--;)
		if (t->policies.seen[i] != t->dump)
			(void)policy_gone(t,
					  &(const struct fact_policy){.index = t->policy[i].index,
								      .direction = t->policy[i].direction});
	t->changed = true;
	tell(t, XFRM_SYNCED, NULL, NULL);
}

int xfrm_table_fold(struct xfrm_table *t, const struct xfrm_message *m, bool dumped, uint64_t now_ns)
{
	switch (m->kind) {
	case XFRM_SA:
		return put_sa(t, &m->sa, dumped);
	case XFRM_SA_GONE:
		return sa_gone(t, &m->sa);
	case XFRM_SA_EXPIRED:
		return sa_expired(t, m);
	case XFRM_SA_FLUSHED:
		return sas_flushed(t, m->sa.protocol);
	case XFRM_POLICY:
		return put_policy(t, &m->policy, dumped);
	case XFRM_POLICY_GONE:
		return policy_gone(t, &m->policy);
	case XFRM_POLICY_EXPIRED:
		return m->hard ? policy_gone(t, &m->policy) : 0;
	case XFRM_POLICIES_FLUSHED:
		return policies_flushed(t);
	case XFRM_ACQUIRE:
		acquired(t, m, now_ns);
		return 0;
	case XFRM_MAPPED:
		tell(t, XFRM_MOVED, &m->sa, m);
		return 0;
	case XFRM_MIGRATED:
		tell(t, XFRM_MIGRATION, NULL, m);
		return 0;
	case XFRM_OTHER:
		break;
	}
	return 0;
}

/* ---- directions */

static enum fact_direction by_policy(const struct xfrm_table *t, const struct fact_sa *sa)
{
	for (uint32_t i = 0; i < t->policies.count; i++) {
		const struct fact_policy *p = &t->policy[i];

		if (p->has_template && p->reqid == sa->reqid && p->direction != FACT_FORWARD &&
		    p->family == sa->family && !memcmp(p->destination, sa->destination, 16) &&
		    !memcmp(p->source, sa->source, 16))
			return p->direction;
	}
	return FACT_DIRECTION_UNKNOWN;
}

void xfrm_table_directions(struct xfrm_table *t, bool (*is_local)(void *arg, const uint8_t address[16]),
			   void *arg)
{
	for (uint32_t i = 0; i < t->sas.count; i++) {
		struct fact_sa *sa = &t->sa[i];
		bool to_us, from_us;

		if (sa->direction != FACT_DIRECTION_UNKNOWN)
			continue;
		to_us = is_local && is_local(arg, sa->destination);
		from_us = is_local && is_local(arg, sa->source);
		if (to_us != from_us)
			sa->direction = to_us ? FACT_IN : FACT_OUT;
		else
			sa->direction = by_policy(t, sa);
	}
}

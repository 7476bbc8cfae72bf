// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tunnel_table.c - where tunnels are kept: found by their ends and by name; bounded
 *
 * A tunnel that never came up, that nobody configured and that somebody else began may be an invention: such ones have a
 * small part of the table, and replace only each other, and only when they are old.
 */
#include "model/tunnel_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROVISIONAL_PART 8 /* of the table, at most */
#define PROVISIONAL_AGE (60 * TUNNEL_SECOND)

/* The same whichever end comes first. */
static struct tunnel_head *pair_slot(const struct tunnels *t, const uint8_t one[16], const uint8_t other[16])
{
	return &t->pairs[address_hash_pair(one, other) & t->pair_mask];
}

static struct tunnel_head *name_slot(const struct tunnels *t, const char *name)
{
	uint64_t hash = 0;

	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * 0x100000001b3ull;
	return &t->names[address_mix(hash) & t->pair_mask];
}

static uint32_t power_of_two(uint32_t at_least)
{
	uint32_t size = 64;

	while (size < at_least)
		size *= 2;
	return size;
}

/* Heads of lists that are empty when zeroed. */
int tunnel_table_open(struct tunnels *t)
{
	uint32_t pairs = power_of_two(t->limits.tunnels), children = power_of_two(t->limits.sas);

	TAILQ_INIT(&t->all);
	t->pairs = calloc(pairs, sizeof(*t->pairs));
	t->names = calloc(pairs, sizeof(*t->names));
	t->links = calloc(pairs, sizeof(*t->links));
	t->children = calloc(children, sizeof(*t->children));
	t->pair_mask = t->link_mask = pairs - 1;
	t->child_mask = children - 1;
	return t->pairs && t->names && t->links && t->children ? 0 : -ENOMEM;
}

void tunnel_table_close(struct tunnels *t)
{
	while (!TAILQ_EMPTY(&t->all))
		tunnel_table_remove_tunnel(t, TAILQ_FIRST(&t->all));
	free(t->pairs);
	free(t->names);
	free(t->links);
	free(t->children);
	free(t->order);
	free(t->changes);
}

struct tunnel *tunnel_table_named(const struct tunnels *t, const char *name)
{
	struct tunnel *tunnel;

	LIST_FOREACH(tunnel, name_slot(t, name), in_names)
	{
		if (strcmp(tunnel->name, name) == 0)
			return tunnel;
	}
	return NULL;
}

/* Which end of the pair is its local one; 2: they are not its ends. */
static unsigned int local_of(const struct tunnel *tunnel, const struct tunnel_pair *pair)
{
	for (unsigned int local = 0; local < 2; local++)
		if (address_is(tunnel->local, pair->address[local]) &&
		    address_is(tunnel->remote, pair->address[!local]))
			return local;
	return 2;
}

static bool is_over(const struct tunnel *tunnel)
{
	return tunnel->judged && tunnel->state == STATE_TUNNEL_DOWN;
}

/*
 * Of several between the same addresses the one with the same ports: they are hosts behind one NAT. A mapping that is new to us
 * is of a host that is down, if there is only one that it may be. The oldest, when several are left: daemons may name more.
 */
struct tunnel *tunnel_table_pair(const struct tunnels *t, const struct tunnel_pair *pair,
				 unsigned int *ret_local)
{
	struct tunnel *tunnel, *exact = NULL, *near = NULL;
	unsigned int local, exact_local = 0, near_local = 0, others = 0;

	LIST_FOREACH(tunnel, pair_slot(t, pair->address[0], pair->address[1]), in_pair)
	{
		local = local_of(tunnel, pair);
		if (local == 2)
			continue;
		if (tunnel->port[0] == pair->port[local] && tunnel->port[1] == pair->port[!local]) {
			exact = tunnel; /* newer ones come first */
			exact_local = local;
		} else if (is_over(tunnel)) {
			near = tunnel;
			near_local = local;
			others++;
		}
	}
	*ret_local = exact ? exact_local : near_local;
	return exact ? exact : others == 1 ? near : NULL;
}

struct tunnel *tunnel_table_between(const struct tunnels *t, const uint8_t one[16], const uint8_t other[16],
				    const struct tunnel *after)
{
	const struct tunnel_pair pair = {.address = {one, other}};
	struct tunnel *tunnel = after ? LIST_NEXT(after, in_pair) : LIST_FIRST(pair_slot(t, one, other));

	while (tunnel && local_of(tunnel, &pair) == 2)
		tunnel = LIST_NEXT(tunnel, in_pair);
	return tunnel;
}

/* The oldest provisional tunnel goes, if it had its time. */
static bool make_room(struct tunnels *t, uint64_t now_ns)
{
	struct tunnel *tunnel;

	TAILQ_FOREACH(tunnel, &t->all, in_all)
	{
		if (!tunnel->provisional)
			continue;
		if (tunnel->first_ns + PROVISIONAL_AGE > now_ns)
			return false;
		tunnel_table_remove_tunnel(t, tunnel);
		t->stats.forgotten++;
		return true;
	}
	return false;
}

struct tunnel *tunnel_table_new(struct tunnels *t, const uint8_t local[16], const uint8_t remote[16],
				const uint16_t port[2], uint64_t first_ns)
{
	struct tunnel *tunnel;

	if (t->stats.tunnels >= t->limits.tunnels && !make_room(t, later(t->now_ns, first_ns))) {
		t->stats.refused++;
		return NULL;
	}
	tunnel = calloc(1, sizeof(*tunnel));
	if (!tunnel) {
		t->failed = true;
		return NULL;
	}
	memcpy(tunnel->local, local, 16);
	memcpy(tunnel->remote, remote, 16);
	memcpy(tunnel->port, port, sizeof(tunnel->port));
	tunnel->first_ns = first_ns;
	LIST_INIT(&tunnel->links);
	LIST_INIT(&tunnel->children);
	tunnel_name_by_address(t, tunnel, tunnel->name);
	TAILQ_INSERT_TAIL(&t->all, tunnel, in_all);
	LIST_INSERT_HEAD(pair_slot(t, local, remote), tunnel, in_pair);
	LIST_INSERT_HEAD(name_slot(t, tunnel->name), tunnel, in_names);
	t->stats.tunnels++;
	return tunnel;
}

/* Ours, if one end alone is; else what the caller has to say. */
static unsigned int which_is_local(const struct tunnels *t, const struct tunnel_pair *pair, bool *ret_transit)
{
	bool (*is_local)(void *arg, const uint8_t address[16]) = t->input ? t->input->is_local : NULL;
	bool first = is_local && is_local(t->input->arg, pair->address[0]);
	bool second = is_local && is_local(t->input->arg, pair->address[1]);

	*ret_transit = is_local && !first && !second;
	if (first != second)
		return second;
	return !pair->first_local;
}

/* A connection that was configured for this peer, with any address of ours. */
static struct tunnel *adopt_configured(struct tunnels *t, const struct tunnel_pair *pair,
				       unsigned int *ret_local)
{
	static const uint8_t any[16];

	for (unsigned int local = 0; local < 2; local++) {
		struct tunnel *tunnel = tunnel_table_between(t, any, pair->address[!local], NULL);

		if (!tunnel)
			continue;
		tunnel_table_move(t, tunnel, pair->address[local], pair->address[!local]);
		*ret_local = local;
		return tunnel;
	}
	return NULL;
}

struct tunnel *tunnel_table_tunnel(struct tunnels *t, const struct tunnel_pair *pair, bool sure,
				   uint64_t first_ns, unsigned int *ret_local)
{
	struct tunnel *tunnel = tunnel_table_pair(t, pair, ret_local);
	unsigned int local;
	bool transit;

	if (!tunnel)
		tunnel = adopt_configured(t, pair, ret_local);
	if (tunnel) {
		tunnel->port[0] = pair->port[*ret_local];
		tunnel->port[1] = pair->port[!*ret_local];
		if (sure)
			tunnel_table_settle(t, tunnel);
		return tunnel;
	}
	if (!sure && t->provisional >= t->limits.tunnels / PROVISIONAL_PART + 1 &&
	    !make_room(t, later(t->now_ns, first_ns))) {
		t->stats.refused++;
		return NULL;
	}
	local = which_is_local(t, pair, &transit);
	tunnel = tunnel_table_new(t, pair->address[local], pair->address[!local],
				  (const uint16_t[2]){pair->port[local], pair->port[!local]}, first_ns);
	if (!tunnel)
		return NULL;
	tunnel->transit = transit;
	if (!sure) {
		tunnel->provisional = true;
		t->provisional++;
	}
	*ret_local = local;
	return tunnel;
}

void tunnel_table_settle(struct tunnels *t, struct tunnel *tunnel)
{
	if (!tunnel->provisional)
		return;
	tunnel->provisional = false;
	t->provisional--;
}

void tunnel_table_remove_tunnel(struct tunnels *t, struct tunnel *tunnel)
{
	tunnel_table_settle(t, tunnel);
	while (!LIST_EMPTY(&tunnel->links))
		tunnel_table_remove_link(LIST_FIRST(&tunnel->links));
	while (!LIST_EMPTY(&tunnel->children))
		tunnel_table_remove_child(t, LIST_FIRST(&tunnel->children));
	TAILQ_REMOVE(&t->all, tunnel, in_all);
	LIST_REMOVE(tunnel, in_pair);
	LIST_REMOVE(tunnel, in_names);
	t->stats.tunnels--;
	free(tunnel);
}

void tunnel_table_move(struct tunnels *t, struct tunnel *tunnel, const uint8_t local[16],
		       const uint8_t remote[16])
{
	memcpy(tunnel->local, local, 16);
	memcpy(tunnel->remote, remote, 16);
	LIST_REMOVE(tunnel, in_pair);
	LIST_INSERT_HEAD(pair_slot(t, local, remote), tunnel, in_pair);
}

void tunnel_table_rename(struct tunnels *t, struct tunnel *tunnel, const char *name, bool named)
{
	LIST_REMOVE(tunnel, in_names);
	snprintf(tunnel->name, sizeof(tunnel->name), "%s", name);
	LIST_INSERT_HEAD(name_slot(t, tunnel->name), tunnel, in_names);
	tunnel->named |= named;
}

/* All members are counters. */
static void add_counters(struct state_tunnel_counters *to, const struct state_tunnel_counters *from)
{
	uint64_t *sum = (uint64_t *)to;
	const uint64_t *add = (const uint64_t *)from;

	for (size_t i = 0; i < sizeof(*to) / sizeof(*sum); i++)
		sum[i] += add[i];
}

void tunnel_table_absorb(struct tunnels *t, struct tunnel *to, struct tunnel *from)
{
	while (!LIST_EMPTY(&from->links))
		tunnel_table_move_link(LIST_FIRST(&from->links), to);
	while (!LIST_EMPTY(&from->children))
		tunnel_table_move_child(LIST_FIRST(&from->children), to);
	for (int side = 0; side < SIDES; side++) {
		add_counters(&to->counters[side], &from->counters[side]);
		to->last_esp_ns[side] = later(to->last_esp_ns[side], from->last_esp_ns[side]);
		if (!to->first_esp_ns[side] ||
		    (from->first_esp_ns[side] && from->first_esp_ns[side] < to->first_esp_ns[side]))
			to->first_esp_ns[side] = from->first_esp_ns[side];
	}
	to->rekeys += from->rekeys;
	to->ike_rekeys += from->ike_rekeys;
	tunnel_table_remove_tunnel(t, from);
}

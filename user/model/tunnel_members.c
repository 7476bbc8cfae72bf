// SPDX-License-Identifier: GPL-2.0-or-later
/* tunnel_members.c - the child SAs and IKE SAs of tunnels: found by SPI and by conversation; bounded, in all and for each tunnel */
#include "model/tunnel_internal.h"

#include <stdlib.h>
#include <string.h>

#define RETIRE_AFTER (60 * TUNNEL_SECOND) /* not used for so long */

static struct tunnel_child_head *child_slot(const struct tunnels *t, const uint8_t destination[16],
					    uint32_t spi)
{
	return &t->children[address_mix(address_hash(destination) ^ spi) & t->child_mask];
}

static struct tunnel_link_head *link_slot(const struct tunnels *t, uint64_t id)
{
	return &t->links[address_mix(id) & t->link_mask];
}

/* ---- child SAs ---- */

struct tunnel_child *tunnel_table_child(const struct tunnels *t, const uint8_t destination[16], uint32_t spi,
					uint8_t protocol, uint8_t family)
{
	struct tunnel_child *child;

	LIST_FOREACH(child, child_slot(t, destination, spi), in_hash)
	{
		if (child->spi == spi && child->protocol == protocol && child->family == family &&
		    address_is(child->destination, destination))
			return child;
	}
	return NULL;
}

/*
 * Of many rekeys the tables may still have each SA. The one that was not used for longest makes room: what it counted stays, and
 * tunnel->retired_ns tells it from a new one.
 */
static void retire(struct tunnels *t, struct tunnel *tunnel)
{
	struct tunnel_child *child, *oldest = NULL;

	LIST_FOREACH(child, &tunnel->children, in_tunnel)
	{
		bool idle = child->last_ns && child->last_ns + RETIRE_AFTER < t->now_ns;

		if ((!child->ended_ns && !idle) || (child->installed && child->installed == t->fact_look))
			continue;
		if (!oldest || child->last_ns < oldest->last_ns)
			oldest = child;
	}
	if (!oldest)
		return;
	tunnel->retired_ns = later(tunnel->retired_ns, oldest->last_ns);
	tunnel_table_remove_child(t, oldest);
}

struct tunnel_child *tunnel_table_new_child(struct tunnels *t, struct tunnel *tunnel,
					    const uint8_t destination[16], uint32_t spi, uint8_t protocol,
					    uint8_t family)
{
	struct tunnel_child *child;

	if (tunnel->child_count >= CHILDREN)
		retire(t, tunnel);
	if (t->stats.sas >= t->limits.sas || tunnel->child_count >= CHILDREN) {
		t->stats.refused++;
		return NULL;
	}
	child = calloc(1, sizeof(*child));
	if (!child) {
		t->failed = true;
		return NULL;
	}
	child->tunnel = tunnel;
	memcpy(child->destination, destination, 16);
	child->spi = spi;
	child->protocol = protocol;
	child->family = family;
	LIST_INSERT_HEAD(child_slot(t, destination, spi), child, in_hash);
	LIST_INSERT_HEAD(&tunnel->children, child, in_tunnel);
	tunnel->child_count++;
	tunnel->unsettled++;
	tunnel->changed = t->look;
	t->stats.sas++;
	return child;
}

void tunnel_table_remove_child(struct tunnels *t, struct tunnel_child *child)
{
	struct tunnel_child *other;

	LIST_FOREACH(other, &child->tunnel->children, in_tunnel)
	{
		if (other->partner == child)
			other->partner = NULL;
		if (other->replaces == child)
			other->replaces = NULL;
	}
	LIST_REMOVE(child, in_hash);
	LIST_REMOVE(child, in_tunnel);
	child->tunnel->child_count--;
	child->tunnel->unsettled -= !child->settled;
	t->removals++;
	t->stats.sas--;
	free(child);
}

void tunnel_table_move_child(struct tunnel_child *child, struct tunnel *to)
{
	struct tunnel_child *other;

	/* What stays behind is no longer related */
	LIST_FOREACH(other, &child->tunnel->children, in_tunnel)
	{
		if (other->replaces == child)
			other->replaces = NULL;
	}
	child->replaces = NULL;
	LIST_REMOVE(child, in_tunnel);
	LIST_INSERT_HEAD(&to->children, child, in_tunnel);
	child->tunnel->child_count--;
	to->child_count++;
	child->tunnel->unsettled -= !child->settled;
	to->unsettled += !child->settled;
	child->tunnel = to;
}

/* ---- IKE SAs ---- */

struct tunnel_link *tunnel_table_link(const struct tunnels *t, uint64_t id)
{
	struct tunnel_link *link;

	LIST_FOREACH(link, link_slot(t, id), in_hash)
	{
		if (link->id == id)
			return link;
	}
	return NULL;
}

struct tunnel_link *tunnel_table_new_link(struct tunnels *t, struct tunnel *tunnel, uint64_t id)
{
	struct tunnel_link *link = calloc(1, sizeof(*link));

	if (!link) {
		t->failed = true;
		return NULL;
	}
	link->id = id;
	link->tunnel = tunnel;
	LIST_INSERT_HEAD(link_slot(t, id), link, in_hash);
	LIST_INSERT_HEAD(&tunnel->links, link, in_tunnel);
	tunnel->link_count++;
	return link;
}

void tunnel_table_remove_link(struct tunnel_link *link)
{
	LIST_REMOVE(link, in_hash);
	LIST_REMOVE(link, in_tunnel);
	link->tunnel->link_count--;
	free(link);
}

void tunnel_table_move_link(struct tunnel_link *link, struct tunnel *to)
{
	LIST_REMOVE(link, in_tunnel);
	LIST_INSERT_HEAD(&to->links, link, in_tunnel);
	link->tunnel->link_count--;
	to->link_count++;
	link->tunnel = to;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* tunnel.c - one look after the other: what is known of IKE, of facts and of ESP, and then what that makes of each tunnel */
#include "model/tunnel_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY (86400 * TUNNEL_SECOND)

struct tunnels *tunnels_new(const struct tunnel_limits *limits)
{
	struct tunnels *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	if (limits)
		t->limits = *limits;
	if (!t->limits.tunnels)
		t->limits.tunnels = 16384;
	if (!t->limits.sas)
		t->limits.sas = 65536;
	if (!t->limits.idle_ns)
		t->limits.idle_ns = 60 * TUNNEL_SECOND;
	if (!t->limits.gone_ns)
		t->limits.gone_ns = DAY;
	if (tunnel_table_open(t) < 0) {
		tunnel_table_close(t);
		free(t);
		return NULL;
	}
	return t;
}

void tunnels_free(struct tunnels *t)
{
	if (!t)
		return;
	tunnel_table_close(t);
	free(t);
}

void tunnels_observe(struct tunnels *t, void (*entry)(void *arg, const struct timeline_entry *entry),
		     void *arg)
{
	t->entry = entry;
	t->entry_arg = arg;
}

const struct tunnel_stats *tunnels_stats(const struct tunnels *t)
{
	return &t->stats;
}

/* IKE SAs that the tracker no longer has: only such as had ended. */
static void sweep_links(struct tunnels *t, struct tunnel *tunnel)
{
	struct tunnel_link *link = LIST_FIRST(&tunnel->links), *next;

	for (; link; link = next) {
		next = LIST_NEXT(link, in_tunnel);
		if (link->seen != t->look)
			tunnel_table_remove_link(link);
	}
}

/* What it had when its IKE SA ended, and did not use after that, is over. */
static void end_children(struct tunnels *t, struct tunnel *tunnel)
{
	const struct tunnel_link *link;
	struct tunnel_child *child;

	LIST_FOREACH(link, &tunnel->links, in_tunnel)
	{
		if (link->state != CONVERSATION_DELETED && link->state != CONVERSATION_DEAD)
			continue;
		LIST_FOREACH(child, &tunnel->children, in_tunnel)
		{
			if (!child->ended_ns && child->first_ns && child->first_ns >= link->established_ns &&
			    child->first_ns < link->since_ns &&
			    child->last_ns <= link->since_ns + TUNNEL_OVERLAP &&
			    !(child->installed && child->installed == t->fact_look))
				tunnel_sa_ends(t, child, later(child->last_ns, link->since_ns),
					       (enum timeline_confidence)link->confidence,
					       "its IKE SA ended");
		}
	}
}

static void find_quiet(struct tunnels *t, struct tunnel *tunnel)
{
	uint64_t last_ns = later(tunnel->last_esp_ns[SIDE_IN], tunnel->last_esp_ns[SIDE_OUT]);

	/* Of what is hidden the kernel tells every 10 s or so: too seldom to say when it stopped */
	if (tunnel->hidden || !tunnel->last_esp_ns[SIDE_IN] || !tunnel->last_esp_ns[SIDE_OUT] ||
	    last_ns + TUNNEL_QUIET > t->now_ns || tunnel->ended_ns == last_ns)
		return;
	tunnel->ended_ns = last_ns;
	tunnel->ended_look = t->look;
}

static bool is_forgotten(const struct tunnels *t, const struct tunnel *tunnel)
{
	uint64_t life = later(tunnel->good_ns, tunnel->since_ns);

	for (int side = 0; side < SIDES; side++)
		life = later(life, tunnel->last_esp_ns[side]);
	return tunnel->judged && tunnel->state == STATE_TUNNEL_DOWN && tunnel->told == TOLD_NOTHING &&
	       life + t->limits.gone_ns < t->now_ns;
}

static void judge_all(struct tunnels *t)
{
	struct tunnel *tunnel = TAILQ_FIRST(&t->all), *next;

	for (; tunnel; tunnel = next) {
		next = TAILQ_NEXT(tunnel, in_all);
		if (t->input->state) {
			if (tunnel->unsettled)
				tunnel_pair_judge(t, tunnel);
			tunnel_making_judge(t, tunnel);
			end_children(t, tunnel);
		}
		tunnel_state_judge(t, tunnel, t->now_ns);
		if (t->input->state) {
			tunnel_sa_sweep(t, tunnel);
			find_quiet(t, tunnel);
		}
		if (is_forgotten(t, tunnel)) {
			tunnel_table_remove_tunnel(t, tunnel);
			t->stats.forgotten++;
		}
	}
}

int tunnels_update(struct tunnels *t, const struct tunnel_input *input)
{
	struct tunnel *tunnel;

	t->input = input;
	t->now_ns = later(t->now_ns, input->now_ns);
	t->failed = false;
	t->stats.refused = 0;
	t->change_count = 0;
	t->look++;
	if (input->state) {
		t->sa_look++;
		t->sa_before_ns = t->sa_ns;
		t->sa_ns = t->now_ns;
	}
	if (input->kernel || input->daemon_count)
		t->fact_look++;
	if (input->ike)
		tunnel_ike_fold(t);
	TAILQ_FOREACH(tunnel, &t->all, in_all)
	{
		sweep_links(t, tunnel);
	}
	if (input->kernel || input->daemon_count)
		tunnel_facts_fold(t);
	if (input->state)
		tunnel_sa_fold(t);
	if (input->state)
		tunnel_hidden_fold(t);
	tunnel_ike_apply(t);
	judge_all(t);
	t->input = NULL;
	return t->failed ? -ENOMEM : 0;
}

void tunnels_ended(const struct tunnels *t,
		   void (*each)(void *arg, uint64_t conversation_id, uint64_t since_ns), void *arg)
{
	const struct tunnel *tunnel;
	const struct tunnel_link *link;

	TAILQ_FOREACH(tunnel, &t->all, in_all)
	{
		if (tunnel->ended_look != t->look)
			continue;
		LIST_FOREACH(link, &tunnel->links, in_tunnel)
		{
			if (link->state == CONVERSATION_ESTABLISHED)
				each(arg, link->id, tunnel->ended_ns);
		}
	}
}

const char *tunnels_name(const struct tunnels *t, const uint8_t one[16], const uint8_t other[16])
{
	const struct tunnel_pair pair = {.address = {one, other}};
	unsigned int local;
	const struct tunnel *tunnel = tunnel_table_pair(t, &pair, &local);

	if (!tunnel)
		tunnel = tunnel_table_between(t, one, other, NULL);
	return tunnel ? tunnel->name : NULL;
}

/* The path is that of the addresses, whatever runs between them. */
void tunnels_path_mtu(struct tunnels *t, const uint8_t local[16], const uint8_t remote[16], uint32_t bytes,
		      const char *source, uint64_t at_ns)
{
	struct tunnel *tunnel = NULL;

	while ((tunnel = tunnel_table_between(t, local, remote, tunnel))) {
		if (!address_is(tunnel->remote, remote))
			continue;
		tunnel->path_mtu = bytes;
		tunnel->mtu_ns = at_ns;
		snprintf(tunnel->mtu_source, sizeof(tunnel->mtu_source), "%s", bytes ? source : "");
	}
}

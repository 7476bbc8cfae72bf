// SPDX-License-Identifier: GPL-2.0-or-later
/* tunnel_fill.c - the tunnels as the state has them, in the order in which they were first seen */
#include "model/tunnel_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fill_spis(const struct tunnels *t, const struct tunnel *tunnel, struct state_tunnel *ret)
{
	const struct tunnel_child *child;

	ret->spis = calloc(tunnel->child_count + 1, sizeof(*ret->spis));
	if (!ret->spis)
		return -ENOMEM;
	LIST_FOREACH(child, &tunnel->children, in_tunnel)
	{
		if (tunnel_child_is_live(t, child))
			ret->spis[ret->spi_count++] = child->spi;
	}
	return 0;
}

/* Those that stand or are being negotiated, and without any the latest that ended. */
static int fill_ike(const struct tunnel *tunnel, struct state_tunnel *ret)
{
	const struct tunnel_link *link, *last = NULL;

	ret->ike_spis = calloc(tunnel->link_count + 1, sizeof(*ret->ike_spis));
	if (!ret->ike_spis)
		return -ENOMEM;
	LIST_FOREACH(link, &tunnel->links, in_tunnel)
	{
		if (link->state == CONVERSATION_ESTABLISHED || link->state == CONVERSATION_NEGOTIATING)
			ret->ike_spis[ret->ike_count++] = link->initiator_spi;
		else if (!last || link->since_ns > last->since_ns)
			last = link;
	}
	if (!ret->ike_count && last)
		ret->ike_spis[ret->ike_count++] = last->initiator_spi;
	return 0;
}

static void fill_suite(const struct tunnel_suite *suite, struct state_tunnel *ret)
{
	static const char *const modes[] = {
		[MTU_TUNNEL] = "tunnel", [MTU_TRANSPORT] = "transport", [MTU_BEET] = "beet"};

	if (!suite->proposal[0])
		return;
	snprintf(ret->proposal, sizeof(ret->proposal), "%s", suite->proposal);
	ret->protocol = suite->protocol == MTU_AH ? 51 : 50;
	ret->mode = modes[suite->mode];
	ret->udp = suite->udp;
}

static int fill_one(const struct tunnels *t, struct tunnel *tunnel, struct state_tunnel *ret)
{
	int err;

	memcpy(ret->name, tunnel->name, sizeof(ret->name));
	ret->named = tunnel->named;
	ret->transit = tunnel->transit;
	ret->netns = tunnel->netns;
	memcpy(ret->local, tunnel->local, 16);
	memcpy(ret->remote, tunnel->remote, 16);
	ret->local_port = tunnel->port[0];
	ret->remote_port = tunnel->port[1];
	ret->state = tunnel->state;
	ret->confidence = (uint8_t)tunnel->confidence;
	tunnel_state_evidence(t, tunnel, ret->evidence, sizeof(ret->evidence));
	ret->since_ns = tunnel->since_ns;
	ret->last_down_ns = tunnel->last_down_ns;
	memcpy(ret->down_cause, tunnel->cause, sizeof(ret->down_cause));
	memcpy(ret->falls, tunnel->falls, sizeof(ret->falls));
	ret->fall_count = tunnel->fall_count;
	ret->last_good_ns = tunnel->good_ns;
	ret->flaps = tunnel->flaps;
	ret->rekeys = tunnel->rekeys;
	ret->ike_rekeys = tunnel->ike_rekeys;
	ret->in = tunnel->counters[SIDE_IN];
	ret->out = tunnel->counters[SIDE_OUT];
	ret->reqid = tunnel->reqid;
	ret->if_id = tunnel->if_id;
	fill_suite(&tunnel->suite, ret);
	snprintf(ret->local_ts, sizeof(ret->local_ts), "%s", tunnel->local_ts);
	snprintf(ret->remote_ts, sizeof(ret->remote_ts), "%s", tunnel->remote_ts);
	ret->path_mtu = tunnel_mtu_outside(tunnel);
	tunnel_mtu_refresh(tunnel);
	ret->inner_mtu = tunnel->inner_mtu;
	ret->mss4 = tunnel->mss4;
	ret->mss6 = tunnel->mss6;
	if (tunnel->path_mtu) {
		memcpy(ret->mtu_source, tunnel->mtu_source, sizeof(ret->mtu_source));
		ret->mtu_ns = tunnel->mtu_ns;
	} else if (ret->path_mtu) {
		snprintf(ret->mtu_source, sizeof(ret->mtu_source), "interface");
	}
	err = fill_spis(t, tunnel, ret);
	return err ? err : fill_ike(tunnel, ret);
}

int tunnels_fill(const struct tunnels *t, struct state *state)
{
	struct tunnel *tunnel;
	int err;

	state->tunnels = calloc((size_t)t->stats.tunnels + 1, sizeof(*state->tunnels));
	if (!state->tunnels)
		return -ENOMEM;
	tunnel_mtu_links(t, state);
	TAILQ_FOREACH(tunnel, &t->all, in_all)
	{
		tunnel->index = (uint32_t)state->tunnel_count++;
		err = fill_one(t, tunnel, &state->tunnels[tunnel->index]);
		if (err)
			return err; /* state_free() frees what there is */
	}
	for (size_t i = 0; i < state->sa_count; i++) {
		struct state_sa *sa = &state->sas[i];
		const struct tunnel_child *child =
			tunnel_table_child(t, sa->destination, sa->spi, sa->protocol, sa->family);

		if (child) {
			const struct tunnel_child *partner = child->partner, *before = child->replaces;

			sa->tunnel = child->tunnel->index;
			sa->partner_spi = partner ? partner->spi : 0;
			sa->partner_exact = partner && child->partner_exact;
			sa->replaced_spi = before ? before->spi : 0;
			sa->side = (uint8_t)(1 + child->side);
			sa->live = tunnel_child_is_live(t, child);
			sa->not_observable = child->hidden;
		}
	}
	return tunnel_hidden_fill(t, state);
}

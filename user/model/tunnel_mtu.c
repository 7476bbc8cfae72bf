// SPDX-License-Identifier: GPL-2.0-or-later
/* tunnel_mtu.c - from the path MTU and a child SA's transforms to what fits inside */
#include "model/tunnel_internal.h"

#include <string.h>

#include "model/address.h"

uint32_t tunnel_mtu_outside(const struct tunnel *tunnel)
{
	return tunnel->path_mtu ? tunnel->path_mtu : tunnel->link_mtu;
}

static bool solve(const struct tunnel_sized *of, unsigned int *ret_inner)
{
	struct mtu_spec spec = {.mode = of->suite.mode, .outer = of->outer};
	struct mtu_proposal_fault fault;

	spec.encapsulation = of->suite.udp ? MTU_UDP : MTU_PLAIN;
	return of->mtu && of->suite.proposal[0] &&
	       mtu_proposal_parse(of->suite.protocol, of->suite.proposal, &spec.proposal, &fault) == 0 &&
	       !mtu_conflict(&spec) && mtu_solve(&spec, of->mtu, ret_inner) == 0;
}

static bool is_same(const struct tunnel_sized *a, const struct tunnel_sized *b)
{
	return a->mtu == b->mtu && a->outer == b->outer && a->suite.protocol == b->suite.protocol &&
	       a->suite.mode == b->suite.mode && a->suite.udp == b->suite.udp &&
	       strcmp(a->suite.proposal, b->suite.proposal) == 0;
}

/* Each look wants it, and it costs more than comparing what it comes from. */
void tunnel_mtu_refresh(struct tunnel *tunnel)
{
	struct tunnel_sized of = {.mtu = tunnel_mtu_outside(tunnel),
				  .outer = address_family(tunnel->remote),
				  .suite = tunnel->suite};
	unsigned int inner;

	if (is_same(&of, &tunnel->sized))
		return;
	tunnel->sized = of;
	tunnel->inner_mtu = tunnel->mss4 = tunnel->mss6 = 0;
	if (!solve(&of, &inner))
		return;
	tunnel->inner_mtu = inner;
	tunnel->mss4 = mtu_mss(inner, 4);
	tunnel->mss6 = mtu_mss(inner, 6);
}

static uint32_t mtu_of_interface(const struct state *state, const char *name)
{
	for (size_t i = 0; i < state->interface_count && *name; i++)
		if (strcmp(state->interfaces[i].name, name) == 0)
			return state->interfaces[i].mtu;
	return 0;
}

/* Of a tunnel that is only forwarded the interface here says nothing about its ends. */
void tunnel_mtu_links(const struct tunnels *t, const struct state *state)
{
	for (size_t i = 0; i < state->sa_count; i++) {
		const struct state_sa *sa = &state->sas[i];
		const struct tunnel_child *child;
		uint32_t mtu;

		if (sa->direction != ESP_DIR_OUT || sa->newcomer)
			continue;
		child = tunnel_table_child(t, sa->destination, sa->spi, sa->protocol, sa->family);
		if (!child || child->side != SIDE_OUT || child->tunnel->transit || child->tunnel->path_mtu ||
		    !tunnel_child_is_live(t, child))
			continue;
		mtu = mtu_of_interface(state, sa->interface);
		if (mtu)
			child->tunnel->link_mtu = mtu;
	}
}

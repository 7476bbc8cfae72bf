// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tunnel_kernel.c - the kernel's SADB: child SAs with their reqid, from the moment at which they are installed
 *
 * That the kernel has SAs does not mean that the peer lives; that it no longer has those it had means that nothing passes.
 */
#include "model/tunnel_internal.h"

#include <stdio.h>

#define BOTH (1u << SIDE_IN | 1u << SIDE_OUT)

static void read_suite(const struct fact_sa *sa, struct tunnel_suite *ret)
{
	ret->by_kernel = true;
	ret->protocol = sa->protocol == 51 ? MTU_AH : MTU_ESP;
	ret->udp = sa->encap_destination_port != 0;
	if (mtu_names_mode(sa->mode, &ret->mode) || mtu_names_kernel(sa, ret->proposal, NULL))
		ret->proposal[0] = '\0';
}

static void fold_kernel_sa(struct tunnels *t, const struct fact_kernel *kernel, const struct fact_sa *sa)
{
	struct tunnel_pair pair = {
		.address = {sa->source, sa->destination},
		.port = {unusual_port(sa->encap_source_port), unusual_port(sa->encap_destination_port)},
		.first_local = sa->direction != FACT_IN};
	struct tunnel_child *child =
		tunnel_table_child(t, sa->destination, sa->spi, sa->protocol, sa->family);
	struct tunnel *tunnel = child ? child->tunnel : NULL;
	unsigned int local;

	if (!tunnel)
		tunnel = tunnel_table_tunnel(t, &pair, true, sa->added_ns ? sa->added_ns : t->now_ns, &local);
	if (!tunnel)
		return;
	child = tunnel_facts_child(t, tunnel, sa->destination, sa->spi, sa->protocol, sa->added_ns,
				   TIMELINE_FROM_KERNEL);
	if (!child)
		return;
	child->reqid = sa->reqid;
	child->if_id = sa->if_id;
	child->fact = sa;
	tunnel->netns = sa->space < kernel->space_count ? kernel->spaces[sa->space].name : NULL;
	tunnel->kernel_sides |= (uint8_t)(1u << child->side);
	if (!tunnel->suite.proposal[0] || tunnel->suite.by_kernel)
		read_suite(sa, &tunnel->suite);
	if (!tunnel->named || !tunnel->reqid) {
		tunnel->reqid = sa->reqid;
		tunnel->if_id = sa->if_id;
	}
}

void tunnel_facts_kernel(struct tunnels *t, const struct fact_kernel *kernel)
{
	struct tunnel *tunnel;

	TAILQ_FOREACH(tunnel, &t->all, in_all)
	{
		tunnel->kernel_sides = 0;
		tunnel->kernel_asked = true;
	}
	for (size_t i = 0; i < kernel->sa_count; i++)
		if (kernel->sas[i].spi && (kernel->sas[i].protocol == 50 || kernel->sas[i].protocol == 51))
			fold_kernel_sa(t, kernel, &kernel->sas[i]);
	TAILQ_FOREACH(tunnel, &t->all, in_all)
	{
		if (tunnel->told != TOLD_NOTHING || (!tunnel->kernel_had && tunnel->kernel_sides != BOTH))
			continue;
		tunnel->told_by = TIMELINE_FROM_KERNEL;
		if (tunnel->kernel_sides == BOTH) {
			tunnel->kernel_had = true;
			tunnel->told = TOLD_INSTALLED;
			snprintf(tunnel->told_text, sizeof(tunnel->told_text),
				 "the kernel has SAs in both directions, and no packet was seen");
		} else if (!tunnel->kernel_sides) {
			tunnel->told = TOLD_DOWN;
			snprintf(tunnel->told_text, sizeof(tunnel->told_text),
				 "the kernel no longer has SAs for it");
		}
	}
}

bool tunnel_kernel_asks(const struct fact_kernel *kernel, const struct tunnel *tunnel)
{
	for (size_t i = 0; i < kernel->policy_count; i++) {
		const struct fact_policy *p = &kernel->policies[i];

		if (p->direction == FACT_OUT && p->has_template && !p->block &&
		    address_is(p->destination, tunnel->remote) &&
		    (!address_known(p->source) || address_is(p->source, tunnel->local)) &&
		    (!p->reqid || !tunnel->reqid || p->reqid == tunnel->reqid))
			return true;
	}
	return false;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tunnel_hidden.c - SAs whose packets the hooks do not see: the kernel's counters stand for them
 *
 * One source or the other adds to a tunnel's counters, never both: while an SA is hidden, what the datapath has of it is noted
 * and not added, its losses least of all. The kernel's packets are those that it accepted, each of which passed every hook
 * that sees it; when the hooks have clearly fewer, they are blind. That is known for SAs that come in. Of one that goes out the
 * kernel counts what may be dropped before it leaves: it is hidden by its device's packet offload, where no egress hook is
 * attached at all, and together with its tunnel's other direction.
 */
#include "model/tunnel_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/host.h"

/*
 * What the kernel said is older than what the datapath says now, by up to the time between two looks. So the datapath's count at
 * the look before is what the kernel's is compared with: it then seems to have seen more than it did, never less, and what
 * stops between a dump and the look at it is not taken for blindness. Where the two counts decide differently the next dump
 * will tell; what is added then leaves out all that may have been seen, so that nothing counts twice.
 */

#define ENOUGH 8 /* packets of the kernel, before anything is concluded from those that were not seen */

/* Where its packets pass, as far as is known: all watched interfaces. The best hook is the one that sees the most. */
static void look_at_place(const struct state *state, struct observable_place *ret)
{
	*ret = (struct observable_place){.gro = true};
	if (!state->interface_count || !state->interfaces[0].ingress[0]) { /* nobody tells */
		ret->ingress = OBSERVABLE_HOOK_XDP_NATIVE;
		ret->egress = OBSERVABLE_HOOK_TC;
	}
	for (size_t i = 0; i < state->interface_count; i++) {
		enum observable_hook in = observable_hook(state->interfaces[i].ingress),
				     out = observable_hook(state->interfaces[i].egress);

		if (in != OBSERVABLE_HOOK_NONE && (ret->ingress == OBSERVABLE_HOOK_NONE || in < ret->ingress))
			ret->ingress = in;
		if (out != OBSERVABLE_HOOK_NONE)
			ret->egress = out;
	}
	if (state->host) {
		ret->esp4_offload = state->host->esp4_offload;
		ret->esp6_offload = state->host->esp6_offload;
	}
}

/* Before anything is known of it: all that the kernel had before we looked is not of our time. */
static void begin(struct tunnel_child *child, const struct fact_sa *sa, uint64_t started_ns)
{
	bool ours = sa->added_ns && sa->added_ns >= started_ns;

	child->kernel = (struct tunnel_kernel_count){.known = true,
						     .packets = ours ? 0 : sa->packets,
						     .bytes = ours ? 0 : sa->bytes,
						     .wire = ours ? 0 : child->kernel.wire_last,
						     .wire_most = ours ? 0 : child->counted.packets,
						     .wire_last = child->kernel.wire_last};
}

static void take(struct tunnels *t, struct tunnel_child *child, const struct fact_sa *sa, uint64_t packets,
		 uint64_t bytes)
{
	struct tunnel *tunnel = child->tunnel;

	tunnel->counters[child->side].packets += packets;
	tunnel->counters[child->side].bytes += bytes;
	child->kernel.packets = sa->packets;
	child->kernel.bytes = sa->bytes;
	child->kernel.wire = child->kernel.wire_last;
	child->kernel.wire_most = child->counted.packets;
	if (!packets)
		return;
	if (!child->kernel.first_ns)
		child->kernel.first_ns = t->now_ns;
	child->kernel.last_ns = t->now_ns;
	if (!tunnel->first_esp_ns[child->side])
		tunnel->first_esp_ns[child->side] = t->now_ns;
	tunnel->last_esp_ns[child->side] = t->now_ns;
	if (child->side == SIDE_IN)
		tunnel->good_ns = later(tunnel->good_ns, t->now_ns);
}

/* What is certain without counting; else OBSERVABLE, which then is for the numbers to say. */
static enum observable certain(const struct fact_sa *sa, const struct observable_place *place)
{
	enum observable reason = observable_sa(sa, place);

	return reason == NOT_OBSERVABLE_GRO ? OBSERVABLE : reason;
}

/* It was seen so far, and the kernel has accepted some packets since. `seen`: at most so many of them. */
static void judge_seen(struct tunnels *t, struct tunnel_child *child, enum observable because,
		       uint64_t packets, uint64_t bytes, uint64_t seen)
{
	uint64_t seen_least = child->counted.packets - child->kernel.wire_most;

	if (seen < packets / 2 && (child->side == SIDE_IN || child->tunnel->unhooked)) {
		child->hidden = (uint8_t)(because ? because : NOT_OBSERVABLE_UNHOOKED);
		take(t, child, child->fact, packets - seen, bytes - bytes / packets * seen);
	} else if (child->side == SIDE_IN ? seen_least >= packets / 2 : seen) {
		take(t, child, child->fact, 0, 0);
	}
}

static void judge(struct tunnels *t, struct tunnel_child *child, const struct observable_place *place)
{
	const struct fact_sa *sa = child->fact;
	enum observable sure = certain(sa, place), because = observable_sa(sa, place);
	uint64_t packets, bytes, seen;

	if (!child->kernel.known || sa->packets < child->kernel.packets ||
	    child->counted.packets < child->kernel.wire_most)
		begin(child, sa, t->started_ns);
	packets = sa->packets - child->kernel.packets;
	bytes = sa->bytes - child->kernel.bytes;
	seen = child->counted.packets - child->kernel.wire;
	if (child->hidden && packets) {
		take(t, child, sa, packets, bytes);
		if (sure)
			child->hidden = (uint8_t)sure;
		else if (packets >= ENOUGH && seen >= packets / 2)
			child->hidden = OBSERVABLE;
	} else if (sure && !child->hidden) {
		/* The hooks may have counted some of them before it was so. */
		child->hidden = (uint8_t)sure;
		take(t, child, sa, packets > seen ? packets - seen : 0,
		     packets > seen ? bytes - bytes / packets * seen : 0);
	} else if (!child->hidden && packets >= ENOUGH) {
		judge_seen(t, child, because, packets, bytes, seen);
	}
}

void tunnel_hidden_fold(struct tunnels *t)
{
	struct observable_place place;
	struct tunnel_child *child = NULL;
	struct tunnel *tunnel = NULL;

	if (!t->started_ns)
		t->started_ns = t->now_ns;
	look_at_place(t->input->state, &place);
	TAILQ_FOREACH(tunnel, &t->all, in_all)
	{
		bool unhooked = false;

		tunnel->hidden = 0;
		LIST_FOREACH(child, &tunnel->children, in_tunnel)
		{
			if (child->fact)
				judge(t, child, &place);
			child->kernel.wire_last = child->counted.packets;
			child->fact = NULL;
			tunnel->hidden += child->hidden != OBSERVABLE;
			unhooked = unhooked ||
				   (child->side == SIDE_IN && child->hidden == NOT_OBSERVABLE_UNHOOKED);
		}
		tunnel->unhooked = unhooked;
	}
}

/* ---- for those who show it */

static bool is_shown(const struct tunnels *t, const struct tunnel_child *child)
{
	return child->hidden && child->installed && child->installed == t->fact_look;
}

int tunnel_hidden_fill(const struct tunnels *t, struct state *state)
{
	const struct tunnel_child *child = NULL;
	const struct tunnel *tunnel = NULL;
	size_t count = 0;

	TAILQ_FOREACH(tunnel, &t->all, in_all)
	{
		count += tunnel->hidden;
	}
	if (!count)
		return 0;
	state->hidden = calloc(count, sizeof(*state->hidden));
	if (!state->hidden)
		return -ENOMEM;
	TAILQ_FOREACH(tunnel, &t->all, in_all)
	{
		LIST_FOREACH(child, &tunnel->children, in_tunnel)
		{
			struct state_hidden_sa *h = &state->hidden[state->hidden_count];

			if (!is_shown(t, child) || state->hidden_count == count)
				continue;
			h->tunnel = tunnel->index;
			h->side = (uint8_t)(1 + child->side);
			h->family = child->family;
			h->protocol = child->protocol;
			memcpy(h->destination, child->destination, 16);
			h->spi = child->spi;
			h->reason = child->hidden;
			h->packets = child->kernel.packets;
			h->bytes = child->kernel.bytes;
			state->hidden_count++;
		}
	}
	return 0;
}

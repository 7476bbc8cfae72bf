// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tunnel_pair.c - which inbound and outbound child SA belong together, and which replaced which
 *
 * Facts say it exactly. Else time does: the two SAs of a pair begin with the same negotiation, mostly within a second, and an old
 * one stops when the new one starts. What an SA replaced is judged some seconds after its first packet, when that can be seen.
 */
#include "model/tunnel_internal.h"

#include <stdio.h>
#include <string.h>

#define PAIR_APART TUNNEL_SECOND
#define CLOSE (60 * TUNNEL_SECOND)    /* the old one was used that shortly before */
#define GIVE_UP (120 * TUNNEL_SECOND) /* two SAs side by side for so long: neither replaced the other */

bool tunnel_child_is_live(const struct tunnels *t, const struct tunnel_child *child)
{
	const struct tunnel *tunnel = child->tunnel;

	if (child->ended_ns || child->replaced)
		return false;
	if (child->installed && child->installed == t->fact_look)
		return true;
	if (tunnel->judged && tunnel->state == STATE_TUNNEL_DOWN &&
	    child->last_ns <= tunnel->down_since_ns + TUNNEL_OVERLAP)
		return false;
	return child->seen && child->seen == t->sa_look;
}

static uint64_t begin_of(const struct tunnel_child *child)
{
	return child->added_ns ? child->added_ns : child->first_ns;
}

static uint64_t apart(const struct tunnel_child *a, const struct tunnel_child *b)
{
	uint64_t x = begin_of(a), y = begin_of(b);

	return x > y ? x - y : y - x;
}

/* Kernel and daemon tell whole seconds: an SA that seems to be older than what negotiated it is not, and its first packet came after. */
static uint64_t latest_begin_of(const struct tunnel_child *child)
{
	uint64_t latest = child->added_ns + TUNNEL_SECOND;

	return child->added_ns && (!child->first_ns || latest < child->first_ns) ? latest : child->first_ns;
}

static struct tunnel_making *making_of(const struct tunnel_child *child)
{
	return tunnel_making_before(child->tunnel, latest_begin_of(child));
}

static bool same_reqid(const struct tunnel_child *a, const struct tunnel_child *b)
{
	return !a->reqid || !b->reqid || a->reqid == b->reqid;
}

static struct tunnel_child *nearest(const struct tunnel_child *of, uint32_t *ret_others)
{
	struct tunnel_child *child, *best = NULL;

	*ret_others = 0;
	LIST_FOREACH(child, &of->tunnel->children, in_tunnel)
	{
		if (child->side == of->side || child->partner || child->replaced ||
		    child->protocol != of->protocol || !same_reqid(child, of))
			continue;
		if (!best || apart(child, of) < apart(best, of))
			best = child;
		++*ret_others;
	}
	return best;
}

void tunnel_pair_exact(struct tunnel_child *in, struct tunnel_child *out)
{
	if (in->partner_exact && in->partner == out)
		return;
	if (in->partner)
		in->partner->partner = NULL;
	if (out->partner)
		out->partner->partner = NULL;
	in->partner = out;
	out->partner = in;
	in->partner_exact = out->partner_exact = true;
}

static void find_partner(struct tunnel_child *child)
{
	uint32_t candidates, mutual;
	struct tunnel_child *other = nearest(child, &candidates);
	const struct tunnel_making *a, *b;

	if (!other || nearest(other, &mutual) != child)
		return;
	a = making_of(child);
	b = making_of(other);
	/* Near in time, or nothing was negotiated between the two and there is no other choice */
	if (apart(child, other) > PAIR_APART && (a != b || candidates > 1 || mutual > 1))
		return;
	child->partner = other;
	other->partner = child;
}

/* No packet for longer than its usual gap. */
static bool has_stopped(const struct tunnels *t, const struct tunnel_child *old,
			const struct tunnel_child *new)
{
	uint64_t packets = old->counted.packets, gap;

	if (old->last_ns > new->first_ns + TUNNEL_OVERLAP)
		return false;
	if (old->last_ns < new->first_ns || t->input->final || packets < 2)
		return true;
	gap = (old->last_ns - old->first_ns) / (packets - 1);
	return t->now_ns > old->last_ns + 2 * gap;
}

/* *ret_running: there is an older one that goes on, so that it is too early to say. */
static struct tunnel_child *predecessor(const struct tunnels *t, const struct tunnel_child *new,
					bool *ret_running)
{
	struct tunnel_child *old, *best = NULL, *hint = NULL;
	uint32_t live = 0;

	*ret_running = false;
	if (new->partner &&new->partner->replaces)
		hint = new->partner->replaces->partner;
	LIST_FOREACH(old, &new->tunnel->children, in_tunnel)
	{
		if (old == new || old->side != new->side || old->replaced || old->protocol != new->protocol ||
		    !old->first_ns || old->first_ns >= new->first_ns || !same_reqid(old, new))
			continue;
		live++;
		if (!has_stopped(t, old, new)) {
			*ret_running = true;
			continue;
		}
		if (!best || old == hint || (best != hint && old->last_ns > best->last_ns))
			best = old;
	}
	/* Of several that were not used for long nobody knows */
	if (best && live > 1 && best != hint && best->last_ns + CLOSE < new->first_ns)
		return NULL;
	return best;
}

/* A replaced pair is one rekey, and one that was seen negotiated was counted then. */
static void count_rekey(struct tunnels *t, struct tunnel_child *new, struct tunnel_child *old, bool exact)
{
	struct tunnel *tunnel = new->tunnel;
	struct tunnel_making *made_new = making_of(new), *made_old = making_of(old);
	const struct tunnel_child *other = new->partner ? new->partner->replaces : NULL;

	if ((old->partner && old->partner->rekey_counted) || (other && other->rekey_counted))
		return;
	old->rekey_counted = true;
	if (latest_begin_of(new) <= tunnel->makings_gone_ns)
		return; /* its negotiation was seen, and counted then */
	if (made_new && made_new != made_old) {
		/* IKEv1 begins with a new phase 1 where the old one has expired: a rekey if the old SA was in use until then */
		bool seamless =
			made_new->fresh && made_new->major == 1 && old->last_ns >= made_new->request_ns;

		if (tunnel_making_counted(tunnel, made_new) || (made_new->fresh && !seamless))
			return;
		made_new->rekey = true;
	}
	tunnel_making_rekey(t, tunnel, new->first_ns, new, exact ? TIMELINE_CERTAIN : TIMELINE_LIKELY,
			    exact ? "the same reqid" : "the old one stopped when the new one started");
}

static void settle(struct tunnels *t, struct tunnel_child *new)
{
	bool running, exact;
	struct tunnel_child *old = predecessor(t, new, &running);
	char why[64];

	if (!old && running && !t->input->final && t->now_ns < new->first_ns + GIVE_UP)
		return;
	new->settled = true;
	new->tunnel->unsettled--;
	if (!old)
		return;
	exact = old->reqid && old->reqid == new->reqid;
	new->replaces = old;
	old->replaced = true;
	count_rekey(t, new, old, exact);
	snprintf(why, sizeof(why), "0x%08x replaced it", new->spi);
	tunnel_sa_ends(t, old, later(old->last_ns, new->first_ns), exact ? TIMELINE_CERTAIN : TIMELINE_LIKELY,
		       why);
}

void tunnel_pair_judge(struct tunnels *t, struct tunnel *tunnel)
{
	struct tunnel_child *child;

	LIST_FOREACH(child, &tunnel->children, in_tunnel)
	{
		if (!child->settled && !child->partner && begin_of(child))
			find_partner(child);
	}
	LIST_FOREACH(child, &tunnel->children, in_tunnel)
	{
		if (!child->settled && child->first_ns &&
		    (!child->newcomer || (t->input->final && child->partner)) &&
		    (t->input->final || t->now_ns >= child->first_ns + TUNNEL_SETTLE))
			settle(t, child);
	}
}

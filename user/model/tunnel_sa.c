// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tunnel_sa.c - the SAs of the datapath: whose they are, and what each gained since the look before
 *
 * A tunnel's counters sum gains, each above the most that this SA ever had: a number that goes back (what was incomplete and then
 * is not) adds nothing until it is above that again. An entry that was replaced and comes again begins at 0, and its SA anew.
 */
#include "model/tunnel_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/probe_mark.h"

#define SAME_FIRST TUNNEL_SECOND     /* clocks of two agents agree to this */
#define REVIVED (10 * TUNNEL_SECOND) /* packets so long after it was replaced: it was not */

static const char *side_name(const struct tunnel_child *child)
{
	return child->side == SIDE_IN ? "inbound" : "outbound";
}

static const char *protocol_name(const struct tunnel_child *child)
{
	return child->protocol == 51 ? "AH" : "ESP";
}

void tunnel_sa_begins(struct tunnels *t, struct tunnel_child *child, uint64_t at_ns,
		      enum timeline_origin origin)
{
	struct timeline_entry e;

	if (!t->entry)
		return;
	tunnel_told_begin(child->tunnel, TIMELINE_SA_NEW, at_ns, &e);
	e.spi = child->spi;
	e.origin = origin;
	e.confidence = child->newcomer ? TIMELINE_POSSIBLE : TIMELINE_CERTAIN;
	snprintf(e.text, sizeof(e.text), "%s %s SA 0x%08x %s", side_name(child), protocol_name(child),
		 child->spi, origin == TIMELINE_FROM_WIRE ? "sent its first packet" : "was installed");
	timeline_evidence_add(&e, origin, at_ns, origin == TIMELINE_FROM_WIRE ? "first packet" : "installed",
			      "SPI 0x%08x", child->spi);
	tunnel_tell(t, &e);
}

void tunnel_sa_ends(struct tunnels *t, struct tunnel_child *child, uint64_t at_ns,
		    enum timeline_confidence confidence, const char *why)
{
	struct timeline_entry e;

	if (!child->ended_ns)
		child->ended_ns = at_ns;
	if (!t->entry || child->told_gone)
		return;
	child->told_gone = true;
	tunnel_told_begin(child->tunnel, TIMELINE_SA_GONE, at_ns, &e);
	e.spi = child->spi;
	e.confidence = confidence;
	snprintf(e.text, sizeof(e.text), "%s %s SA 0x%08x ended: %s", side_name(child), protocol_name(child),
		 child->spi, why);
	if (child->last_ns)
		timeline_evidence_add(&e, TIMELINE_FROM_WIRE, child->last_ns, "last packet", "SPI 0x%08x",
				      child->spi);
	else
		timeline_evidence_add(&e, child->kernel.known ? TIMELINE_FROM_KERNEL : TIMELINE_FROM_VICI,
				      child->added_ns, "installed", "SPI 0x%08x", child->spi);
	tunnel_tell(t, &e);
}

static struct tunnel *tunnel_of(struct tunnels *t, const struct state_sa *sa, unsigned int *ret_local)
{
	bool udp = sa->encapsulation != 0;
	struct tunnel_pair pair = {.address = {sa->source, sa->destination},
				   .port = {udp ? unusual_port(sa->source_port) : 0,
					    udp ? unusual_port(sa->destination_port) : 0},
				   .first_local = sa->direction != ESP_DIR_IN};
	struct tunnel *tunnel = tunnel_table_pair(t, &pair, ret_local);
	bool doubtful = sa->newcomer && sa->known != 1;

	if (doubtful && probe_mark_is(sa->spi))
		return NULL;
	if (doubtful && tunnel)
		return tunnel->provisional || tunnel->newcomers >= NEWCOMERS ? NULL : tunnel;
	/* A short capture may have no more of it than two packets; live the next look knows */
	if (doubtful && (t->input->state->kind != STATE_CAPTURE || sa->packets < 2))
		return NULL;
	return tunnel_table_tunnel(t, &pair, !doubtful && sa->known != 0, sa->first_ns, ret_local);
}

/* It was counted before it was retired. */
static void begin_counted(struct tunnel_child *child, const struct state_sa *sa)
{
	const struct state_sequence *q = &sa->sequence;

	child->settled = true;
	child->tunnel->unsettled--;
	child->counted = (struct state_tunnel_counters){.packets = sa->packets,
							.bytes = sa->bytes,
							.received = q->received,
							.lost = q->lost + q->pending,
							.late = q->late,
							.duplicate = q->duplicate,
							.too_old = q->too_old,
							.fragmented = sa->fragmented,
							.fragments_incomplete = sa->fragments_incomplete};
}

static struct tunnel_child *adopt(struct tunnels *t, const struct state_sa *sa)
{
	unsigned int local = 0;
	struct tunnel *tunnel = tunnel_of(t, sa, &local);
	struct tunnel_child *child;

	if (!tunnel || sa->last_ns <= tunnel->retired_ns)
		return NULL;
	child = tunnel_table_new_child(t, tunnel, sa->destination, sa->spi, sa->protocol, sa->family);
	if (!child)
		return NULL;
	if (sa->first_ns <= tunnel->retired_ns)
		begin_counted(child, sa);
	child->side = local == 0 ? SIDE_OUT : SIDE_IN; /* the source is the first of the pair */
	child->direction = (uint8_t)sa->direction;
	child->first_ns = sa->first_ns;
	child->newcomer = sa->newcomer;
	tunnel_sa_begins(t, child, sa->first_ns, TIMELINE_FROM_WIRE);
	return child;
}

/* A gateway that forwards sees an SA come and go: two entries, of which one counts. */
static bool is_counted(const struct tunnels *t, struct tunnel_child *child, const struct state_sa *sa)
{
	if (!child->seen || child->direction == sa->direction || child->seen + 1 < t->sa_look) {
		child->direction = (uint8_t)sa->direction;
		return true;
	}
	return false;
}

static bool is_same(const struct tunnel_child *child, const struct state_sa *sa)
{
	uint64_t apart = sa->first_ns > child->first_ns ? sa->first_ns - child->first_ns
							: child->first_ns - sa->first_ns;

	if (!child->first_ns || sa->packets < child->counted.packets)
		return false;
	/* A clock that was set moves all times */
	return apart <= SAME_FIRST || sa->first_ns <= child->last_ns;
}

static void gain(uint64_t now, uint64_t *counted, uint64_t *sum)
{
	if (now <= *counted)
		return;
	*sum += now - *counted;
	*counted = now;
}

/*
 * What is lost, for all that can be said now. The window gives a number up when 2048 others have passed, which on a quiet SA takes long,
 * and never happens on one that has ended. What came late since may have been any of those that were missing: it is the least.
 */
static uint64_t lost_by_now(const struct tunnels *t, struct tunnel_child *child,
			    const struct state_sequence *q)
{
	struct tunnel_missing *old = &child->missing[0], *new = &child->missing[1];
	uint64_t came;

	if (new->ns && t->now_ns >= new->ns + STATE_LATEST_NS)
		*old = *new;
	if (!new->ns || t->now_ns >= new->ns + STATE_LATEST_NS || t->now_ns < new->ns)
		*new = (struct tunnel_missing){t->now_ns, q->lost + q->pending, q->late};
	if (!old->ns || q->late < old->late)
		return q->lost;
	came = q->late - old->late;
	return later(q->lost, old->numbers > came ? old->numbers - came : 0);
}

static void count(const struct tunnels *t, struct tunnel_child *child, const struct state_sa *sa)
{
	/* Of what is hidden the kernel's counters are in the sum: tunnel_hidden.c */
	struct state_tunnel_counters nowhere = {0}, *had = &child->counted,
				     *sum = child->hidden ? &nowhere : &child->tunnel->counters[child->side];
	const struct state_sequence *q = &sa->sequence;

	gain(sa->packets, &had->packets, &sum->packets);
	gain(sa->bytes, &had->bytes, &sum->bytes);
	gain(q->received, &had->received, &sum->received);
	gain(lost_by_now(t, child, q), &had->lost, &sum->lost);
	gain(q->late, &had->late, &sum->late);
	gain(q->duplicate, &had->duplicate, &sum->duplicate);
	gain(q->too_old, &had->too_old, &sum->too_old);
	gain(sa->fragmented, &had->fragmented, &sum->fragmented);
	gain(sa->fragments_incomplete, &had->fragments_incomplete, &sum->fragments_incomplete);
}

static void fold(struct tunnels *t, struct tunnel_child *child, const struct state_sa *sa)
{
	struct tunnel *tunnel = child->tunnel;

	if (!is_counted(t, child, sa))
		return;
	child->seen = t->sa_look;
	if (!is_same(child, sa)) {
		/* Known by facts until now, or another SA with that SPI */
		if (child->first_ns)
			child->counted = (struct state_tunnel_counters){0};
		memset(child->missing, 0, sizeof(child->missing));
		child->first_ns = sa->first_ns;
		child->ended_ns = 0;
		child->replaced = child->told_gone = false;
	}
	child->newcomer = sa->newcomer;
	tunnel->newcomers += sa->newcomer;
	count(t, child, sa);
	child->last_ns = sa->last_ns;
	if (child->ended_ns && sa->last_ns > child->ended_ns + REVIVED) {
		child->ended_ns = 0;
		child->replaced = child->told_gone = false;
	}
	if (!tunnel->first_esp_ns[child->side] || sa->first_ns < tunnel->first_esp_ns[child->side])
		tunnel->first_esp_ns[child->side] = sa->first_ns;
	tunnel->last_esp_ns[child->side] = later(tunnel->last_esp_ns[child->side], sa->last_ns);
	if (child->side == SIDE_IN)
		tunnel->good_ns = later(tunnel->good_ns, sa->last_ns);
}

static bool is_child(const struct tunnel_child *child, const struct state_sa *sa)
{
	return child && child->spi == sa->spi && child->protocol == sa->protocol &&
	       child->family == sa->family && address_is(child->destination, sa->destination);
}

static bool make_order(struct tunnels *t, size_t count)
{
	struct tunnel_child **more;

	if (count <= t->order_room)
		return true;
	more = realloc(t->order, count * sizeof(struct tunnel_child *));
	if (!more) {
		t->failed = true;
		return false;
	}
	t->order = more;
	t->order_room = count;
	return true;
}

void tunnel_sa_fold(struct tunnels *t)
{
	const struct state *state = t->input->state;
	uint64_t removals = t->removals;
	struct tunnel *tunnel;

	if (!make_order(t, state->sa_count))
		return;
	if (t->order_removals != removals)
		t->order_count = 0;
	TAILQ_FOREACH(tunnel, &t->all, in_all)
	{
		tunnel->newcomers = 0;
	}
	for (size_t i = 0; i < state->sa_count; i++) {
		const struct state_sa *sa = &state->sas[i];
		struct tunnel_child *child = NULL;

		if (i < t->order_count && t->removals == removals && is_child(t->order[i], sa))
			child = t->order[i];
		else
			child = tunnel_table_child(t, sa->destination, sa->spi, sa->protocol, sa->family);
		if (!child)
			child = adopt(t, sa);
		if (child)
			fold(t, child, sa);
		t->order[i] = child;
	}
	t->order_count = state->sa_count;
	t->order_removals = removals;
}

void tunnel_sa_sweep(struct tunnels *t, struct tunnel *tunnel)
{
	struct tunnel_child *child = LIST_FIRST(&tunnel->children), *next;

	for (; child; child = next) {
		bool counted = child->seen == t->sa_look;
		bool installed = child->installed && child->installed == t->fact_look;
		bool restored = !child->seen && !child->installed && t->sa_look < 2;

		next = LIST_NEXT(child, in_tunnel);
		if (counted || installed || restored)
			continue;
		/* One that was never used was there until now, for all that is known. */
		tunnel_sa_ends(t, child, child->last_ns ? later(child->last_ns, child->added_ns) : t->now_ns,
			       TIMELINE_CERTAIN, "it is no longer in any table");
		tunnel_table_remove_child(t, child);
	}
}

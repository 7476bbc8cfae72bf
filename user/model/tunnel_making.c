// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tunnel_making.c - what the exchanges of an IKE SA say of its child SAs: made, refused, rekeyed
 *
 * IKEv2: a CREATE_CHILD_SA that was answered at length made a child SA, unless it made an IKE SA, which shows only when that is
 * used. It was a rekey if who began it deleted something at once, and the IKE SA goes on. IKEv1 does not say; then the SAs
 * themselves do, and without any of them a second quick mode counts as a rekey.
 */
#include "model/tunnel_internal.h"

#include <stdio.h>
#include <string.h>

#define DELETE_AFTER TUNNEL_SECOND /* of the response, at most */

static bool makes_child(const struct conversation_exchange *x)
{
	bool success = x->outcome == CONVERSATION_OUTCOME_SUCCESS && x->response_ns;

	if (x->major == 1)
		return x->type == IKE_V1_EXCHANGE_QUICK_MODE && success;
	return success &&
	       (x->type == IKE_V2_EXCHANGE_IKE_AUTH ||
		(x->type == IKE_V2_EXCHANGE_CREATE_CHILD_SA && x->kind != CONVERSATION_KIND_IKE_REKEY));
}

static bool is_fresh(const struct tunnel_link *link, const struct conversation_exchange *x)
{
	if (x->major == 2)
		return x->type == IKE_V2_EXCHANGE_IKE_AUTH;
	return link->making_ns == 0 && !link->sa->exchanges_forgotten;
}

static void add_making(struct tunnel_link *link, const struct conversation_exchange *x)
{
	struct tunnel *tunnel = link->tunnel;
	struct tunnel_making *last = &tunnel->makings[(MAKINGS - 1)];

	if (tunnel->making_count == MAKINGS) {
		tunnel->makings_gone_ns = later(tunnel->makings_gone_ns, tunnel->makings[0].ns);
		memmove(tunnel->makings, tunnel->makings + 1, sizeof(*last) * (MAKINGS - 1));
	} else {
		last = &tunnel->makings[tunnel->making_count++];
	}
	*last = (struct tunnel_making){.ns = x->response_ns,
				       .link_id = link->id,
				       .request_ns = x->request_ns,
				       .major = x->major,
				       .by = (uint8_t)x->by,
				       .fresh = is_fresh(link, x)};
	last->judged = last->fresh;
}

struct tunnel_making *tunnel_making_before(struct tunnel *tunnel, uint64_t ns)
{
	struct tunnel_making *best = NULL;

	for (uint32_t i = 0; i < tunnel->making_count; i++) {
		struct tunnel_making *m = &tunnel->makings[i];

		/* Its maker may use an SA before the answer has passed us, but nobody before it was asked for. */
		if (m->request_ns <= ns && m->ns <= ns + TUNNEL_SECOND / 10 && (!best || m->ns >= best->ns))
			best = m;
	}
	return best;
}

void tunnel_making_rekey(struct tunnels *t, struct tunnel *tunnel, uint64_t ns,
			 const struct tunnel_child *child, enum timeline_confidence confidence,
			 const char *how)
{
	struct timeline_entry e;

	tunnel->rekeys++;
	tunnel_told_begin(tunnel, TIMELINE_REKEY, ns, &e);
	e.confidence = confidence;
	if (child && child->replaces) {
		e.spi = child->spi;
		snprintf(e.text, sizeof(e.text), "child SA 0x%08x replaced 0x%08x: %s", child->spi,
			 child->replaces->spi, how);
		timeline_evidence_add(&e, TIMELINE_FROM_WIRE, child->replaces->last_ns,
				      "last packet of the old SA", "0x%08x", child->replaces->spi);
		timeline_evidence_add(&e, TIMELINE_FROM_WIRE, child->first_ns, "first packet of the new SA",
				      "0x%08x", child->spi);
	} else {
		snprintf(e.text, sizeof(e.text), "a child SA was rekeyed: %s", how);
		timeline_evidence_add(&e, TIMELINE_FROM_WIRE, ns, "negotiation", "%s", how);
	}
	tunnel_tell(t, &e);
}

/* Both ends began a rekey before either was answered: one of the two new SAs goes again (RFC 7296 section 2.8.1). */
static bool collides(const struct tunnel *tunnel, const struct tunnel_making *making)
{
	for (uint32_t i = 0; i < tunnel->making_count; i++) {
		const struct tunnel_making *m = &tunnel->makings[i];

		if (m != making && m->link_id == making->link_id && m->by != making->by && m->rekey &&
		    m->request_ns < making->ns && making->request_ns < m->ns)
			return true;
	}
	return false;
}

bool tunnel_making_counted(const struct tunnel *tunnel, const struct tunnel_making *making)
{
	return making->rekey || collides(tunnel, making);
}

/* 1: a rekey, 0: one more child SA, -1: not known yet. */
static int is_rekey(const struct conversation_sa *sa, uint32_t number)
{
	const struct conversation_exchange *x = conversation_exchange_at(sa, number), *y;

	for (uint32_t i = number + 1; i < sa->exchange_count; i++) {
		y = conversation_exchange_at(sa, i);
		if (y->by != x->by || y->request_ns < x->response_ns)
			continue;
		if (y->type != IKE_V2_EXCHANGE_INFORMATIONAL ||
		    y->request_ns > x->response_ns + DELETE_AFTER || y->kind == CONVERSATION_KIND_DPD)
			return 0;
		if (y->kind != CONVERSATION_KIND_DELETE)
			return -1;
		/* The old IKE SA of an IKE rekey says no more after this delete. */
		for (; i < sa->exchange_count; i++) {
			const struct conversation_exchange *z = conversation_exchange_at(sa, i);

			if (z->request_ns > y->response_ns && z->response_ns)
				return 1;
		}
		return -1;
	}
	return -1;
}

static void count_v2(struct tunnels *t, struct tunnel_link *link)
{
	struct tunnel *tunnel = link->tunnel;

	for (uint32_t i = 0; i < tunnel->making_count; i++) {
		struct tunnel_making *m = &tunnel->makings[i];
		int rekey = -1;

		if (m->judged || m->rekey || m->link_id != link->id || m->major != 2)
			continue;
		for (uint32_t n = 0; n < link->sa->exchange_count; n++) {
			const struct conversation_exchange *x = conversation_exchange_at(link->sa, n);

			if (x->response_ns != m->ns || x->type != IKE_V2_EXCHANGE_CREATE_CHILD_SA)
				continue;
			rekey = x->kind == CONVERSATION_KIND_IKE_REKEY ? 0 : is_rekey(link->sa, n);
		}
		if (rekey < 0)
			continue;
		m->judged = true;
		if (!rekey || collides(tunnel, m))
			continue;
		m->rekey = true;
		tunnel_making_rekey(t, tunnel, m->ns, NULL, TIMELINE_LIKELY,
				    "CREATE_CHILD_SA was answered at length, and a delete followed");
	}
}

static void note_child(struct tunnel_link *link, const struct conversation_exchange *x)
{
	bool child_exchange = x->major == 2 && x->type == IKE_V2_EXCHANGE_CREATE_CHILD_SA;

	if (makes_child(x)) {
		if (x->response_ns > link->making_ns) {
			add_making(link, x);
			link->making_ns = x->response_ns;
		}
		link->child = true;
		link->child_failures = 0;
	} else if (x->major == 2 && x->outcome == CONVERSATION_OUTCOME_NO_CHILD) {
		link->no_child = true;
	} else if (child_exchange && x->outcome == CONVERSATION_OUTCOME_FAILURE && x->response_ns) {
		if (!link->child_failures++ && link->child_failed_ns <= link->making_ns)
			link->child_failing_ns = x->response_ns;
		link->child_failed_ns = x->response_ns;
	}
}

void tunnel_making_fold(struct tunnels *t, struct tunnel_link *link)
{
	const struct conversation_sa *sa = link->sa;
	uint32_t failures = link->child_failures;

	link->waiting_ns = 0;
	link->child_failures = 0;
	/* Its beginning is not kept, or it carries the children of the one before. */
	if (sa->exchanges_forgotten || sa->predecessor || sa->reason == CONVERSATION_REASON_JOINED_ACTIVE ||
	    sa->reason == CONVERSATION_REASON_JOINED_DAEMON || sa->reason == CONVERSATION_REASON_REKEY_BORN)
		link->child = true;
	for (uint32_t i = 0; i < sa->exchange_count; i++) {
		const struct conversation_exchange *x = conversation_exchange_at(sa, i);

		if (x->response_ns && x->outcome != CONVERSATION_OUTCOME_FAILURE &&
		    x->outcome != CONVERSATION_OUTCOME_RETRY)
			link->good_ns = later(link->good_ns, x->response_ns);
		if (x->waiting && x->retransmits && !x->given_up_ns) {
			link->waiting_ns = x->request_ns;
			link->waiting_id = x->message_id;
			link->waiting_again = x->retransmits;
		}
		note_child(link, x);
	}
	/* What was refused and is no longer kept, among the many messages that ask whether the peer lives */
	if (link->child_failures < failures && link->child_failed_ns > link->making_ns)
		link->child_failures = failures;
	link->tunnel->good_ns = later(link->tunnel->good_ns, link->good_ns);
	count_v2(t, link);
}

/* IKEv1, when the SAs were looked at and say nothing. */
void tunnel_making_judge(struct tunnels *t, struct tunnel *tunnel)
{
	if (tunnel->first_esp_ns[SIDE_IN] || tunnel->first_esp_ns[SIDE_OUT])
		return; /* then the SAs tell */
	for (uint32_t i = 0; i < tunnel->making_count; i++) {
		struct tunnel_making *m = &tunnel->makings[i];

		if (m->judged || m->rekey || m->major != 1 ||
		    (!t->input->final && t->now_ns < m->ns + TUNNEL_SETTLE))
			continue;
		m->judged = m->rekey = true;
		tunnel_making_rekey(t, tunnel, m->ns, NULL, TIMELINE_POSSIBLE,
				    "another quick mode was completed");
	}
}

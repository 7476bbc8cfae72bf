// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rules_ike_start.c - family A, from what the two IKE daemons say: the tunnel never comes up because nobody answers, or one
 * end refuses
 */
#include "diagnose/rules.h"
#include "diagnose/talk.h"
#include "model/address.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)

/* IKEv2 and IKEv1 share these numbers. */
enum {
	INVALID_MAJOR_VERSION = 5,
	NO_PROPOSAL_CHOSEN = 14,
	AUTHENTICATION_FAILED = 24,
	V1_INVALID_PAYLOAD_TYPE = 1,
	V1_PAYLOAD_MALFORMED = 16,
};

/* Did the two ends agree on another IKE SA after this one had failed, whatever became of that? Only then did a tunnel fall since. */
static bool is_overcome(const struct rule_run *r, const struct talk *talk)
{
	const struct state_tunnel *t = talk->subject.tunnel;
	const struct conversation_sa *other = NULL;

	if (!t || t->last_down_ns <= talk->sa->last_ns)
		return false;
	while ((other = conversation_next(r->input->state->ike, other)))
		if (other->first_ns > talk->sa->last_ns && other->state != CONVERSATION_NEGOTIATING &&
		    other->state != CONVERSATION_FAILED && talk_same_ends(other, talk->sa))
			return true;
	return false;
}

/* Neither it nor what came after it works: a negotiation that failed is history when another has succeeded. */
static bool still_failing(const struct rule_run *r, const struct talk *talk)
{
	const struct state_tunnel *t = talk->subject.tunnel;

	if (talk->sa->state == CONVERSATION_ESTABLISHED || !rule_recent(r, talk->sa->last_ns))
		return false;
	return !rule_tunnel_up(t) && !is_overcome(r, talk);
}

static bool is_first_exchange(const struct conversation_exchange *x)
{
	return x->major >= 2
		       ? x->type == IKE_V2_EXCHANGE_IKE_SA_INIT
		       : x->type == IKE_V1_EXCHANGE_MAIN_MODE || x->type == IKE_V1_EXCHANGE_AGGRESSIVE_MODE;
}

/* A tunnel that is tried again and again fails since the first time, not the last. */
static uint64_t failing_since(struct rule_run *r, const struct talk *talk)
{
	uint64_t *kept = rule_memory(r, &talk->subject);

	if (!kept)
		return talk->sa->first_ns;
	if (!*kept || *kept > talk->sa->first_ns)
		*kept = talk->sa->first_ns;
	return *kept;
}

static struct finding *failing(struct rule_run *r, const struct talk *talk, double value, uint64_t samples,
			       const struct conversation_exchange *x)
{
	struct finding *f = rule_hit(r, &talk->subject, value, samples);

	if (!f)
		return NULL;
	f->since_ns = failing_since(r, talk);
	f->confidence = (enum finding_confidence)talk->sa->confidence;
	talk_shape(f, talk);
	talk_last_good(f, talk, f->since_ns);
	if (f->since_ns < talk->sa->first_ns)
		finding_evidence(f, ORIGIN_WIRE, f->since_ns, "first attempt that failed", NULL);
	talk_exchange_evidence(f, talk, x);
	return f;
}

/* ---- nobody answers */

/* Value: how often the first request was sent, while nothing at all came back. */
static void no_response(struct rule_run *r, const struct talk *talk)
{
	const struct conversation_exchange *x = talk_unanswered(talk->sa);
	enum conversation_side peer = talk->local ? CONVERSATION_INITIATOR : CONVERSATION_RESPONDER;
	struct finding *f;

	if (!x || !is_first_exchange(x) || x->by != talk->local || talk->sa->heard_ns[peer] ||
	    !still_failing(r, talk))
		return;
	f = failing(r, talk, 1 + x->retransmits, 1 + x->retransmits, x);
	if (!f)
		return;
	f->confidence = CONFIDENCE_CERTAIN;
	finding_set(f, "retransmits", ", sent %u times", 1 + x->retransmits);
}

void rule_ike_no_response(struct rule_run *r)
{
	talk_each(r, no_response);
}

/* Value: how often the peer's first request arrived, while we sent nothing back. */
static void request_not_answered(struct rule_run *r, const struct talk *talk)
{
	const struct conversation_exchange *x = talk_unanswered(talk->sa);
	struct finding *f;

	if (!x || !is_first_exchange(x) || x->by == talk->local || talk->sa->heard_ns[talk->local] ||
	    !still_failing(r, talk))
		return;
	f = failing(r, talk, 1 + x->retransmits, 1 + x->retransmits, x);
	if (f)
		f->confidence = CONFIDENCE_CERTAIN;
}

void rule_ike_request_not_answered(struct rule_run *r)
{
	talk_each(r, request_not_answered);
}

/*
 * How often an answer was repeated to one who went on asking after the first of them. Requests that had been repeated before come
 * from a slow responder, which may answer each of them at last.
 */
static unsigned int answered_again(const struct conversation_exchange *x)
{
	unsigned int after = 0;

	for (uint32_t i = 0; i < x->retransmits; i++)
		after += i >= CONVERSATION_RETRANSMITS ||
			 x->request_ns + x->retransmit_us[i] * UINT64_C(1000) >= x->response_ns;
	return after < x->response_repeats ? after : x->response_repeats;
}

/*
 * Value: how often an answer was repeated because the request was. When the peer asks, our answers get lost on their way; when we
 * do, they get lost between the place where espial saw them and our IKE daemon.
 */
static void reply_lost(struct rule_run *r, const struct talk *talk)
{
	const struct conversation_exchange *worst = NULL;
	struct finding *f;

	for (uint32_t i = 0; i < talk->sa->exchange_count; i++) {
		const struct conversation_exchange *x = conversation_exchange_at(talk->sa, i);

		if (x->response_ns && rule_recent(r, x->last_ns) &&
		    (!worst || answered_again(x) > answered_again(worst)))
			worst = x;
	}
	if (!worst)
		return;
	f = rule_hit(r, &talk->subject, answered_again(worst), answered_again(worst));
	if (!f)
		return;
	f->since_ns = worst->request_ns;
	f->confidence = CONFIDENCE_LIKELY;
	finding_set(f, "detail", ": one answer was sent %u times", worst->response_repeats + 1);
	if (worst->by == talk->local) {
		finding_say(f,
			    "%s answers our IKE requests, and its answers were seen here %u times, but do "
			    "not reach our "
			    "IKE daemon.",
			    f->peer, worst->response_repeats + 1);
		finding_set(f, "check", "check this gateway's own filter: it drops what comes from");
		finding_set(f, "check_end", " by UDP 500 and 4500, behind where espial sees it");
	}
	talk_shape(f, talk);
	talk_exchange_evidence(f, talk, worst);
	finding_evidence_number(f, ORIGIN_WIRE, worst->last_ns, "the answer was sent again, times",
				worst->response_repeats);
}

void rule_ike_reply_lost(struct rule_run *r)
{
	talk_each(r, reply_lost);
}

/*
 * Value: how often the first message on UDP 4500 was sent, after the exchange on UDP 500 went well. Malformed answers got through, too:
 * then it is not the port.
 */
static void natt_blocked(struct rule_run *r, const struct talk *talk)
{
	const struct conversation_exchange *x = talk_unanswered(talk->sa);
	struct finding *f;

	if (!x || !talk->sa->float_ns || talk->sa->float_answered || talk->sa->malformed ||
	    is_first_exchange(x) || x->ip_fragments || !still_failing(r, talk))
		return;
	f = failing(r, talk, 1 + x->retransmits, 1 + x->retransmits, x);
	if (!f)
		return;
	f->confidence = CONFIDENCE_LIKELY;
	finding_evidence(f, ORIGIN_WIRE, talk->sa->float_ns, "moved to UDP 4500, where nothing ever answered",
			 NULL);
}

void rule_nat_t_port_blocked(struct rule_run *r)
{
	talk_each(r, natt_blocked);
}

/* Value: how often a request that left or came as IP fragments was sent, while smaller ones were answered. */
static void fragments_lost(struct rule_run *r, const struct talk *talk)
{
	const struct conversation_exchange *x = talk_unanswered(talk->sa);
	const struct conversation_sa *sa = talk->sa;
	struct finding *f;

	if (!x || !x->ip_fragments || !sa->heard_ns[CONVERSATION_RESPONDER] || !still_failing(r, talk))
		return;
	f = failing(r, talk, 1 + x->retransmits, 1 + x->retransmits, x);
	if (!f)
		return;
	f->confidence = CONFIDENCE_LIKELY;
	finding_set(f, "size", " of %u bytes", x->request.bytes);
	finding_evidence_number(f, ORIGIN_WIRE, x->request_ns,
				"size of the IKE message that went as IP fragments, in bytes",
				x->request.bytes);
}

void rule_ike_fragments_lost(struct rule_run *r)
{
	talk_each(r, fragments_lost);
}

/* ---- the other end says no */

static const struct conversation_exchange *first_exchange(const struct conversation_sa *sa)
{
	const struct conversation_exchange *x = sa->exchange_count ? conversation_exchange_at(sa, 0) : NULL;

	return x && is_first_exchange(x) ? x : NULL;
}

/* What the other end offers when it begins is what this one should have. */
static void other_offer(struct rule_run *r, const struct talk *talk, struct finding *f)
{
	const struct conversation_sa *other = NULL, *latest = NULL;

	while ((other = conversation_next(r->input->state->ike, other)))
		if (other != talk->sa && talk_same_ends(other, talk->sa) &&
		    memcmp(other->path.end[0].address, talk->sa->path.end[1].address, 16) == 0)
			latest = other;
	if (latest)
		talk_suites(f, latest, "offered by the other end when it began");
}

/* Value: 1 when NO_PROPOSAL_CHOSEN stands in clear before anything was agreed. */
static void proposal_mismatch(struct rule_run *r, const struct talk *talk)
{
	const struct conversation_sa *sa = talk->sa;
	struct finding *f;

	if (sa->state != CONVERSATION_FAILED || !talk_notified(sa, NO_PROPOSAL_CHOSEN) ||
	    !still_failing(r, talk))
		return;
	f = failing(r, talk, 1, 1, first_exchange(sa));
	if (!f)
		return;
	f->confidence = CONFIDENCE_CERTAIN;
	finding_evidence(f, ORIGIN_WIRE, sa->since_ns, "notify in clear", "NO_PROPOSAL_CHOSEN");
	talk_suites(f, sa, talk->local == CONVERSATION_INITIATOR ? "offered by us" : "offered by the peer");
	other_offer(r, talk, f);
}

void rule_ike_proposal_mismatch(struct rule_run *r)
{
	talk_each(r, proposal_mismatch);
}

/* Value: how often another DH group was asked for in this negotiation; and the same over and over counts too. */
static void dh_group_retry(struct rule_run *r, const struct talk *talk)
{
	uint64_t *memory;
	struct finding *f;
	uint64_t first;

	if (!talk->sa->invalid_ke || !rule_recent(r, talk->sa->last_ns))
		return;
	/* Each negotiation that begins with a group that is refused, of one tunnel: the numbers of three of them */
	memory = rule_memory(r, &talk->subject);
	if (!memory)
		return;
	first = *memory >> 8;
	if (talk->sa->id > first)
		*memory = talk->sa->id << 8 | ((*memory & 0xff) < 0xff ? (*memory & 0xff) + 1 : 0xff);
	f = rule_hit(r, &talk->subject, (double)(*memory & 0xff) + talk->sa->invalid_ke - 1, 1);
	if (!f)
		return;
	finding_evidence_number(f, ORIGIN_WIRE, talk->sa->last_ns,
				"negotiations that began with a refused group", *memory & 0xff);
	finding_evidence_number(f, ORIGIN_WIRE, talk->sa->last_ns, "INVALID_KE_PAYLOAD in the last one",
				talk->sa->invalid_ke);
	talk_suites(f, talk->sa, "offered");
}

void rule_ike_dh_group_retry(struct rule_run *r)
{
	talk_each(r, dh_group_retry);
}

/* Value: cookies asked for in one negotiation. */
static void cookie_challenge(struct rule_run *r, const struct talk *talk)
{
	struct finding *f;

	if (!talk->sa->cookies || !rule_recent(r, talk->sa->first_ns))
		return;
	f = rule_hit(r, &talk->subject, talk->sa->cookies, 1);
	if (!f)
		return;
	f->since_ns = talk->sa->first_ns;
	finding_evidence_number(f, ORIGIN_WIRE, talk->sa->first_ns, "COOKIE notifies", talk->sa->cookies);
}

void rule_ike_cookie_challenge(struct rule_run *r)
{
	talk_each(r, cookie_challenge);
}

/* The other end begins with the other version, and is refused likewise; NULL: it does not. */
static const struct conversation_sa *other_version(const struct rule_run *r, const struct conversation_sa *sa)
{
	const struct conversation_sa *other = NULL;

	if (sa->state != CONVERSATION_FAILED)
		return NULL;
	while ((other = conversation_next(r->input->state->ike, other)))
		if (other->major != sa->major && other->state == CONVERSATION_FAILED &&
		    rule_recent(r, other->last_ns) && talk_same_ends(other, sa) &&
		    memcmp(other->path.end[0].address, sa->path.end[1].address, 16) == 0)
			return other;
	return NULL;
}

/* Value: 1 when a version is refused in clear, or each end begins with another one. */
static void version_mismatch(struct rule_run *r, const struct talk *talk)
{
	bool refused = talk_notified(talk->sa, INVALID_MAJOR_VERSION);
	const struct conversation_sa *other;
	char who[ADDRESS_TEXT];
	struct finding *f;

	if (!still_failing(r, talk))
		return;
	other = other_version(r, talk->sa);
	if (!refused && !other)
		return;
	f = failing(r, talk, 1, 1, first_exchange(talk->sa));
	if (!f)
		return;
	f->confidence = refused ? CONFIDENCE_CERTAIN : CONFIDENCE_LIKELY;
	if (refused)
		finding_evidence(f, ORIGIN_WIRE, talk->sa->last_ns, "notify in clear",
				 "INVALID_MAJOR_VERSION");
	address_text(talk->sa->path.end[0].address, who);
	finding_evidence(f, ORIGIN_WIRE, talk->sa->first_ns,
			 talk->sa->major >= 2 ? "began with IKEv2" : "began with IKEv1", who);
	if (!other)
		return;
	address_text(other->path.end[0].address, who);
	finding_evidence(f, ORIGIN_WIRE, other->first_ns,
			 other->major >= 2 ? "began with IKEv2" : "began with IKEv1", who);
}

void rule_ike_version_mismatch(struct rule_run *r)
{
	talk_each(r, version_mismatch);
}

/* ---- keys */

static bool auth_refused(const struct conversation_sa *sa)
{
	switch (sa->reason) {
	case CONVERSATION_REASON_AUTH_SHORT:
	case CONVERSATION_REASON_AUTH_REVOKED:
	case CONVERSATION_REASON_PHASE1_REFUSED:
		return true;
	default:
		return talk_notified(sa, AUTHENTICATION_FAILED) ||
		       (sa->major == 1 && (talk_notified(sa, V1_PAYLOAD_MALFORMED) ||
					   talk_notified(sa, V1_INVALID_PAYLOAD_TYPE)));
	}
}

/* Value: 1. */
static void auth_failed(struct rule_run *r, const struct talk *talk)
{
	const struct conversation_sa *sa = talk->sa;
	char evidence[300];
	struct finding *f;

	if (sa->state != CONVERSATION_FAILED || !auth_refused(sa) || !still_failing(r, talk))
		return;
	f = failing(r, talk, 1, 1,
		    sa->major >= 2 ? talk_answered(sa, IKE_V2_EXCHANGE_IKE_AUTH) : first_exchange(sa));
	if (!f)
		return;
	/* What only a size tells is never more than likely. */
	if (sa->reason != CONVERSATION_REASON_NOTIFIED && !talk_notified(sa, AUTHENTICATION_FAILED) &&
	    f->confidence == CONFIDENCE_CERTAIN)
		f->confidence = CONFIDENCE_LIKELY;
	conversation_evidence(sa, evidence, sizeof(evidence));
	finding_evidence(f, ORIGIN_WIRE, sa->since_ns, evidence, NULL);
	if (sa->major == 1)
		finding_evidence_number(f, ORIGIN_WIRE, sa->last_ns, "phase 1 came to message",
					sa->phase1_step);
}

void rule_ike_auth_failed(struct rule_run *r)
{
	talk_each(r, auth_failed);
}

/* Value: messages of one conversation that the parser refused. */
static void malformed(struct rule_run *r, const struct talk *talk)
{
	struct finding *f;

	if (!talk->sa->malformed || !rule_recent(r, talk->sa->last_ns))
		return;
	f = rule_hit(r, &talk->subject, (double)talk->sa->malformed, talk->sa->malformed);
	if (!f)
		return;
	finding_evidence_number(f, ORIGIN_WIRE, talk->sa->last_ns, "malformed messages", talk->sa->malformed);
	finding_evidence_number(f, ORIGIN_WIRE, talk->sa->last_ns, "messages", talk->sa->messages);
}

void rule_ike_malformed(struct rule_run *r)
{
	talk_each(r, malformed);
}

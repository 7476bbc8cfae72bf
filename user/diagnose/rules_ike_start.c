// SPDX-License-Identifier: GPL-2.0-or-later
/* rules_ike_start.c - family A, from what the two IKE daemons say: the tunnel never comes up because nobody answers */
#include "diagnose/failing.h"
#include "diagnose/rules.h"

/* Value: how often the first request was sent, while nothing at all came back. */
static void no_response(struct rule_run *r, const struct talk *talk)
{
	const struct conversation_exchange *x = talk_unanswered(talk->sa);
	enum conversation_side peer = talk->local ? CONVERSATION_INITIATOR : CONVERSATION_RESPONDER;
	struct finding *f;
	uint16_t port;

	failing_no_more_if(r, talk, talk->local == CONVERSATION_INITIATOR && talk->sa->heard_ns[peer]);
	if (!x || !failing_first_exchange(x) || x->by != talk->local || talk->sa->heard_ns[peer] ||
	    !failing_still(r, talk, PROOF_ANSWERED))
		return;
	f = failing_hit(r, talk, 1 + x->retransmits, 1 + x->retransmits, x);
	if (!f)
		return;
	f->confidence = CONFIDENCE_CERTAIN;
	finding_set(f, "retransmits", ", sent %u times", 1 + x->retransmits);
	port = talk_refusal(r, f, talk, x->request_ns);
	if (port) {
		finding_say(f,
			    "%s answers no IKE request, sent %u times: its host is there, but nothing "
			    "listens on its "
			    "UDP port %u.",
			    f->peer, 1 + x->retransmits, port);
		finding_do(f, "start the IKE daemon of %s, or let that host's own firewall pass UDP %u",
			   f->peer, port);
	}
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

	failing_no_more_if(r, talk, talk->local == CONVERSATION_RESPONDER && talk->sa->heard_ns[talk->local]);
	if (!x || !failing_first_exchange(x) || x->by == talk->local || talk->sa->heard_ns[talk->local] ||
	    !failing_still(r, talk, PROOF_ANSWERED))
		return;
	f = failing_hit(r, talk, 1 + x->retransmits, 1 + x->retransmits, x);
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

/* Who asked has the answer: it went on to something else, here or in a later IKE SA. */
static bool has_answer(const struct rule_run *r, const struct talk *talk,
		       const struct conversation_exchange *x)
{
	const struct state_tunnel *t = talk->subject.tunnel;

	for (uint32_t i = talk->sa->exchange_count; i-- > 0;) {
		const struct conversation_exchange *next = conversation_exchange_at(talk->sa, i);

		if (next->by == x->by && next->request_ns > x->last_ns && next->response_ns &&
		    !answered_again(next))
			return true;
	}
	return t && rule_progress(r, t)->stood_ns > x->last_ns;
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

		if (!x->response_ns || !rule_recent(r, x->last_ns) || !answered_again(x))
			continue;
		if (has_answer(r, talk, x))
			rule_over(r, &talk->subject);
		else if (!worst || answered_again(x) > answered_again(worst))
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
	uint16_t port;

	failing_no_more_if(r, talk, talk->sa->float_answered);
	if (!x || !talk->sa->float_ns || talk->sa->float_answered || talk->sa->malformed ||
	    failing_first_exchange(x) || x->ip_fragments || !failing_still(r, talk, PROOF_FLOATED))
		return;
	f = failing_hit(r, talk, 1 + x->retransmits, 1 + x->retransmits, x);
	if (!f)
		return;
	f->confidence = CONFIDENCE_LIKELY;
	finding_evidence(f, ORIGIN_WIRE, talk->sa->float_ns, "moved to UDP 4500, where nothing ever answered",
			 NULL);
	port = talk_refusal(r, f, talk, talk->sa->float_ns);
	if (port) {
		finding_say(f,
			    "The exchange with %s succeeds on UDP 500 and dies when it moves to UDP %u: its "
			    "host says "
			    "that nothing listens there.",
			    f->peer, port);
		finding_do(f, "let the IKE daemon of %s listen on UDP %u, and its own firewall pass it",
			   f->peer, port);
	}
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

	failing_no_more_if(r, talk, sa->state == CONVERSATION_ESTABLISHED);
	if (!x || !x->ip_fragments || !sa->heard_ns[CONVERSATION_RESPONDER] ||
	    !failing_still(r, talk, PROOF_STOOD))
		return;
	f = failing_hit(r, talk, 1 + x->retransmits, 1 + x->retransmits, x);
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

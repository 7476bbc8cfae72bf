// SPDX-License-Identifier: GPL-2.0-or-later
/* rules_fall.c - family B: why a tunnel fell, and whether it comes back */
#include "diagnose/rules.h"
#include "diagnose/talk.h"
#include "model/address.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)
#define MENDED (10 * SECOND)  /* a fall that was mended at once is told all the same */
#define AT_ONCE (10 * SECOND) /* between the two halves of a reauthentication */

/* It fell and is down, or has only just come back. */
static bool matters(const struct rule_run *r, const struct talk *talk)
{
	const struct state_tunnel *t = talk->subject.tunnel;

	if (talk->sa->since_ns + MENDED >= r->input->now_ns)
		return true;
	if (!t)
		return rule_recent(r, talk->sa->since_ns);
	return !rule_tunnel_up(t) && t->last_down_ns && t->last_down_ns <= talk->sa->since_ns + MENDED;
}

static const uint8_t *address_of(const struct conversation_sa *sa, enum conversation_side side)
{
	return sa->path.end[side].address;
}

/* When this end's ESP to the other was last seen, of SAs from before that time; 0: never. */
static uint64_t last_esp_of(const struct rule_run *r, const struct talk *talk, enum conversation_side side,
			    uint64_t before_ns)
{
	const struct state *state = r->input->state;
	uint64_t last = 0;

	for (size_t i = 0; i < state->sa_count; i++) {
		const struct state_sa *sa = &state->sas[i];

		if (sa->last_ns > last && sa->first_ns < before_ns &&
		    memcmp(sa->source, address_of(talk->sa, side), 16) == 0 &&
		    memcmp(sa->destination, address_of(talk->sa, !side), 16) == 0)
			last = sa->last_ns;
	}
	return last;
}

/* ---- one end does not answer */

struct silence {
	const struct conversation_exchange
		*x;	   /* the first that was not answered; NULL: it is not kept any more */
	unsigned int sent; /* how often somebody asked */
	enum conversation_side by;
};

/* IKEv1 asks anew each time, with another message id: so many in a row at the end, after others that were answered. */
static bool silence_v1(const struct conversation_sa *sa, struct silence *ret)
{
	bool answered = false;

	*ret = (struct silence){0};
	for (uint32_t i = sa->exchange_count; i-- > 0;) {
		const struct conversation_exchange *x = conversation_exchange_at(sa, i);

		answered = x->response_ns || x->peer_message_id || x->type != IKE_V1_EXCHANGE_INFORMATIONAL;
		if (answered || (ret->x && x->by != ret->by))
			break;
		ret->x = x;
		ret->by = x->by;
		ret->sent++;
	}
	for (uint32_t i = 0; answered && i < sa->exchange_count; i++)
		if (conversation_exchange_at(sa, i)->kind == CONVERSATION_KIND_DPD)
			return ret->sent > 0;
	return false;
}

static bool silence_of(const struct conversation_sa *sa, struct silence *ret)
{
	if (sa->major == 1)
		return silence_v1(sa, ret);
	ret->x = talk_unanswered(sa);
	if (!ret->x || !ret->x->retransmits)
		return false;
	ret->sent = 1 + ret->x->retransmits;
	ret->by = ret->x->by;
	return true;
}

static void say_traffic(struct rule_run *r, const struct talk *talk, const struct silence *s,
			struct finding *f, uint64_t end_ns)
{
	uint64_t begin_ns = s->x ? s->x->request_ns : end_ns;
	uint64_t esp = last_esp_of(r, talk, !s->by, end_ns);

	if (!esp)
		return;
	/* Well after it should have answered */
	if (s->x && esp > begin_ns + (end_ns - begin_ns) / 2) {
		finding_set(f, "detail", ", although its ESP kept coming: only IKE is filtered");
		if (s->by == talk->local) {
			finding_set(f, "check", "check that UDP 500 and 4500 pass to and from");
			finding_set(f, "check_end", ", as ESP does");
		}
		finding_evidence(f, ORIGIN_WIRE, esp, "its ESP still came", NULL);
	} else {
		finding_set(f, "detail", "; its ESP stopped as well");
		finding_evidence(f, ORIGIN_WIRE, esp, "its last ESP packet", NULL);
	}
}

/* The silent end has talked to the other again, if only to say no, or they have another IKE SA. */
static bool talks_again(const struct rule_run *r, const struct talk *talk, const struct silence *s)
{
	const struct state_tunnel *t = talk->subject.tunnel;
	const struct rule_progress *p = t ? rule_progress(r, t) : NULL;
	uint64_t asked_ns = s->x ? s->x->request_ns : talk->sa->last_ns;

	return p && (p->talked_ns[s->by != talk->local] > asked_ns || p->stood_ns > asked_ns);
}

/* What is over is told all the same, once: it was mended before it could be told. */
static bool is_to_be_told(struct rule_run *r, const struct talk *talk)
{
	struct rule_subject once = talk->subject;
	uint64_t *told;

	rule_over(r, &talk->subject);
	if (talk->sa->since_ns + MENDED < r->input->now_ns)
		return false;
	once.object = "told";
	told = rule_memory(r, &once);
	if (!told || *told == talk->sa->id)
		return false;
	*told = talk->sa->id;
	return !rule_is_raised(r, &talk->subject);
}

/*
 * Its beginning was not seen, nor any other word of the peer: all that there is of the IKE SA is our own question. Such a one is only asked
 * when it stands; that the peer was there the tunnel shows.
 */
static bool was_there(const struct talk *talk, const struct silence *s)
{
	const struct conversation_sa *sa = talk->sa;
	const struct state_tunnel *t = talk->subject.tunnel;

	return sa->state == CONVERSATION_FAILED && sa->reason == CONVERSATION_REASON_NO_ANSWER &&
	       sa->major >= 2 && s->x && s->by == talk->local && t && t->last_good_ns &&
	       (s->x->type == IKE_V2_EXCHANGE_INFORMATIONAL || s->x->type == IKE_V2_EXCHANGE_CREATE_CHILD_SA);
}

/* ICMP of its host says more than silence. */
static void say_refusal(struct rule_run *r, const struct talk *talk, const struct silence *s,
			struct finding *f, uint64_t begin_ns)
{
	uint16_t port = s->by == talk->local ? talk_refusal(r, f, talk, begin_ns) : 0;

	if (!port)
		return;
	finding_set(f, "detail", ": its host is there, but nothing listens on its UDP port %u any more",
		    port);
	finding_do(f, "start the IKE daemon of %s, or let that host's own firewall pass UDP %u", f->peer,
		   port);
}

/* Value: transmissions that were never answered; while there may be more of them, half as many. */
static void dpd_timeout(struct rule_run *r, const struct talk *talk)
{
	const struct conversation_sa *sa = talk->sa;
	bool dead = sa->state == CONVERSATION_DEAD && (sa->reason == CONVERSATION_REASON_PEER_SILENT ||
						       sa->reason == CONVERSATION_REASON_PEER_SILENT_V1);
	struct silence s = {0};
	char silent[ADDRESS_TEXT];
	struct finding *f;
	uint64_t end;

	if (!silence_of(sa, &s) && !dead)
		return;
	dead = dead || was_there(talk, &s);
	if (dead && !s.x) {
		s.sent = sa->reason_number + (sa->major >= 2);
		s.by = talk->local;
	}
	if (!dead && sa->state != CONVERSATION_ESTABLISHED)
		return;
	if (dead && talks_again(r, talk, &s) ? !is_to_be_told(r, talk) : dead && !matters(r, talk))
		return;
	f = rule_hit(r, &talk->subject, dead ? s.sent : s.sent / 2.0, 1);
	if (!f)
		return;
	end = !dead ? r->input->now_ns : s.x && s.x->given_up_ns ? s.x->given_up_ns : sa->since_ns;
	f->since_ns = s.x ? s.x->request_ns : sa->since_ns;
	f->confidence = dead ? (enum finding_confidence)sa->confidence : CONFIDENCE_LIKELY;
	talk_shape(f, talk);
	talk_last_good(f, talk, f->since_ns);
	address_text(address_of(sa, !s.by), silent);
	if (!dead)
		finding_say(
			f,
			"%s%s does not answer any more: it was asked %u times in vain, and is not given up "
			"yet.",
			s.by == talk->local ? "" : "This end, ", silent, s.sent);
	else if (s.by != talk->local)
		finding_say(f, "This end (%s) did not answer %s any more, which declared it dead.", silent,
			    f->peer);
	if (s.by != talk->local) {
		finding_set(f, "check",
			    "check that this end's IKE daemon runs, and that no local filter drops "
			    "what comes from");
		finding_set(f, "check_end", " to UDP 500 and 4500");
	}
	talk_exchange_evidence(f, talk, s.x);
	if (sa->major == 1)
		finding_evidence_number(f, ORIGIN_WIRE, end, "requests in a row without an answer", s.sent);
	say_traffic(r, talk, &s, f, end);
	say_refusal(r, talk, &s, f, f->since_ns);
	if (talk->subject.tunnel && talk->subject.tunnel->in.lost)
		finding_evidence_number(f, ORIGIN_WIRE, r->input->now_ns,
					"ESP packets of the peer lost so far", talk->subject.tunnel->in.lost);
}

void rule_dpd_timeout(struct rule_run *r)
{
	talk_each(r, dpd_timeout);
}

/* ---- one end says goodbye */

/* The first negotiation between the two that was begun after that time; NULL: none. */
static const struct conversation_sa *next_between(const struct rule_run *r, const struct conversation_sa *sa,
						  uint64_t after_ns)
{
	const struct conversation_sa *other = NULL;

	while ((other = conversation_next(r->input->state->ike, other)))
		if (other->id > sa->id && other->first_ns >= after_ns && talk_same_ends(other, sa))
			return other;
	return NULL;
}

/* Who deleted it began anew at once: reauthentication (RFC 7296 section 2.8.3), which is routine. */
static bool is_reauthentication(const struct rule_run *r, const struct conversation_sa *sa,
				const struct conversation_exchange *deleted)
{
	const struct conversation_sa *next = next_between(r, sa, deleted->request_ns);

	return next && next->first_ns <= deleted->last_ns + AT_ONCE &&
	       memcmp(address_of(next, CONVERSATION_INITIATOR), address_of(sa, deleted->by), 16) == 0;
}

/* Another one between the two was begun before, and stands or is about to: what was deleted has been replaced (unique = replace). */
static bool is_replaced(const struct rule_run *r, const struct conversation_sa *sa,
			const struct conversation_exchange *deleted)
{
	const struct conversation_sa *next = next_between(r, sa, sa->first_ns);

	while (next && next->first_ns < deleted->request_ns) {
		if (next->state == CONVERSATION_ESTABLISHED || next->state == CONVERSATION_NEGOTIATING)
			return true;
		next = next_between(r, next, next->first_ns);
	}
	return false;
}

static const struct conversation_exchange *the_delete(const struct conversation_sa *sa)
{
	for (uint32_t i = sa->exchange_count; i-- > 0;) {
		const struct conversation_exchange *x = conversation_exchange_at(sa, i);

		if (x->kind == CONVERSATION_KIND_DELETE)
			return x;
	}
	return NULL;
}

/* What the daemon or the kernel confirms: the tunnel is gone with it. Value: 1. */
static void deleted_by_peer(struct rule_run *r, const struct talk *talk)
{
	const struct conversation_sa *sa = talk->sa;
	const struct conversation_exchange *x = the_delete(sa);
	char evidence[300];
	struct finding *f;

	if (sa->state != CONVERSATION_DELETED || !x || x->by == talk->local || !matters(r, talk) ||
	    sa->reason == CONVERSATION_REASON_DELETE_REPLACED ||
	    sa->reason == CONVERSATION_REASON_REKEY_LOST || is_reauthentication(r, sa, x) ||
	    is_replaced(r, sa, x))
		return;
	f = rule_hit(r, &talk->subject, 1, 1);
	if (!f)
		return;
	f->since_ns = sa->since_ns;
	f->confidence = (enum finding_confidence)sa->confidence;
	if (f->confidence == CONFIDENCE_CERTAIN && sa->major >= 2 &&
	    sa->reason != CONVERSATION_REASON_DAEMON_ENDED)
		f->confidence = CONFIDENCE_LIKELY; /* an encrypted message: only the aftermath tells */
	talk_shape(f, talk);
	talk_last_good(f, talk, x->request_ns);
	talk_exchange_evidence(f, talk, x);
	conversation_evidence(sa, evidence, sizeof(evidence));
	finding_evidence(f, ORIGIN_WIRE, sa->since_ns, evidence, NULL);
}

void rule_ike_sa_deleted_by_peer(struct rule_run *r)
{
	talk_each(r, deleted_by_peer);
}

/* ---- the peer */

/* Its last words were the same end's and just before: a delete in the rhythm of DPD, and then a reauthentication. */
static bool said_goodbye(const struct conversation_sa *sa, const struct conversation_sa *next)
{
	const struct conversation_exchange *x =
		sa->exchange_count ? conversation_exchange_at(sa, sa->exchange_count - 1) : NULL;

	return x && x->major >= 2 && x->type == IKE_V2_EXCHANGE_INFORMATIONAL && x->response_ns &&
	       next->first_ns <= x->last_ns + 2 * SECOND &&
	       memcmp(address_of(next, CONVERSATION_INITIATOR), address_of(sa, x->by), 16) == 0;
}

/* Our own daemon has the IKE SA still: whoever began anew, it has lost nothing, and may want both (unique = never). */
static bool daemon_keeps(const struct rule_run *r, const struct conversation_sa *sa)
{
	for (size_t d = 0; d < r->input->daemon_count; d++) {
		const struct fact_daemon *daemon = &r->input->daemons[d];

		for (size_t i = 0; daemon->available && i < daemon->ike_count; i++)
			if (daemon->ikes[i].initiator_spi == sa->initiator_spi &&
			    daemon->ikes[i].state == FACT_IKE_ESTABLISHED)
				return true;
	}
	return false;
}

/* Value: 1 when a new negotiation took the place of an IKE SA that was never ended. */
static void peer_restarted(struct rule_run *r, const struct talk *talk)
{
	const struct conversation_sa *sa = talk->sa, *next;
	char evidence[300], who[ADDRESS_TEXT];
	uint64_t esp, new_ns;
	bool by_us;
	struct finding *f;

	if (sa->state != CONVERSATION_DEAD || sa->reason != CONVERSATION_REASON_RESTARTED ||
	    !rule_recent(r, sa->since_ns))
		return;
	next = next_between(r, sa, sa->last_ns);
	if (!next || said_goodbye(sa, next))
		return;
	by_us = memcmp(address_of(next, CONVERSATION_INITIATOR), address_of(sa, talk->local), 16) == 0;
	if (by_us && daemon_keeps(r, sa))
		return;
	f = rule_hit(r, &talk->subject, 1, 1);
	if (!f)
		return;
	new_ns = next->first_ns;
	f->since_ns = new_ns;
	f->confidence = (enum finding_confidence)sa->confidence;
	talk_shape(f, talk);
	talk_last_good(f, talk, new_ns);
	address_text(address_of(next, CONVERSATION_INITIATOR), who);
	if (by_us)
		finding_say(
			f,
			"This end (%s) began anew with %s as if it had lost its SAs: it, or its IKE daemon, "
			"restarted.",
			who, f->peer);
	finding_evidence(f, ORIGIN_WIRE, new_ns, "began anew, without ending the IKE SA of before", who);
	conversation_evidence(sa, evidence, sizeof(evidence));
	finding_evidence(f, ORIGIN_WIRE, sa->since_ns, evidence, NULL);
	esp = last_esp_of(r, talk, by_us ? !talk->local : talk->local, new_ns);
	if (esp > new_ns)
		finding_evidence(f, ORIGIN_WIRE, esp, "ESP to it on an SA from before still went", NULL);
}

void rule_peer_restarted(struct rule_run *r)
{
	talk_each(r, peer_restarted);
}

static bool same_endpoint(const struct conversation_endpoint *a, const struct conversation_endpoint *b)
{
	return a->port == b->port && memcmp(a->address, b->address, 16) == 0;
}

/* Value: changes of an end's address or port of one IKE SA in the last ten minutes. */
static void mapping_changed(struct rule_run *r, const struct talk *talk)
{
	const struct conversation_sa *sa = talk->sa;
	uint32_t first = sa->moves < CONVERSATION_MOVES ? 0 : sa->moves - CONVERSATION_MOVES;
	unsigned int count = 0, of[2] = {0, 0};
	enum conversation_side peer = !talk->local;
	char from[64], to[64], text[140];
	struct finding *f;

	while (first < sa->moves && !rule_recent(r, sa->move[first % CONVERSATION_MOVES].time_ns))
		first++;
	count = sa->moves - first;
	if (!count)
		return;
	f = rule_hit(r, &talk->subject, count, count);
	if (!f)
		return;
	f->since_ns = sa->move[first % CONVERSATION_MOVES].time_ns;
	for (uint32_t i = first; i < sa->moves; i++) {
		const struct conversation_move *move = &sa->move[i % CONVERSATION_MOVES];
		const struct conversation_path *next =
			i + 1 < sa->moves ? &sa->move[(i + 1) % CONVERSATION_MOVES].from : &sa->path;

		for (int side = 0; side < 2; side++) {
			if (same_endpoint(&move->from.end[side], &next->end[side]))
				continue;
			of[side]++;
			conversation_endpoint_print(&move->from.end[side], from, sizeof(from));
			conversation_endpoint_print(&next->end[side], to, sizeof(to));
			snprintf(text, sizeof(text), "from %s to %s", from, to);
			finding_evidence(f, ORIGIN_WIRE, move->time_ns,
					 side == (int)peer ? "the peer moved" : "this end moved", text);
		}
	}
	conversation_endpoint_print(&sa->path.end[of[peer] ? peer : talk->local], to, sizeof(to));
	if (of[peer])
		finding_set(f, "detail", ", now %s", to);
	else
		finding_say(f,
			    "This end came to %s from a new address or port, now %s: it, or a NAT before it, "
			    "moved.",
			    f->peer, to);
}

void rule_nat_mapping_changed(struct rule_run *r)
{
	talk_each(r, mapping_changed);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * conversation_aftermath.c - what later messages, or their absence, tell about how an IKE SA ended
 *
 * A delete, a dead peer detection and an authentication refused by the initiator are all one INFORMATIONAL exchange of much the
 * same size. They differ in what follows: nothing on this IKE SA, and soon another one between the same ends. Only negotiations in
 * which both ends take part count as following: anybody can send an IKE_SA_INIT.
 */
#include "model/conversation_internal.h"

#include <string.h>

static bool is_usual_port(uint16_t port)
{
	return port == 500 || port == 4500;
}

/* Many hosts behind one NAT have one address; their ports tell them apart. */
static bool same_host(const struct conversation_sa *a, unsigned int end_a, const struct conversation_sa *b,
		      unsigned int end_b)
{
	uint16_t first_a = a->first_path.end[end_a].port, first_b = b->first_path.end[end_b].port;

	return !memcmp(a->path.end[end_a].address, b->path.end[end_b].address, 16) &&
	       ((is_usual_port(first_a) && is_usual_port(first_b)) || first_a == first_b ||
		a->path.end[end_a].port == b->path.end[end_b].port);
}

static bool same_hosts(const struct conversation_sa *a, const struct conversation_sa *b)
{
	return (same_host(a, 0, b, 0) && same_host(a, 1, b, 1)) ||
	       (same_host(a, 0, b, 1) && same_host(a, 1, b, 0));
}

/* The interval of a side's INFORMATIONAL requests if it is the same between these three; 0: no rhythm. */
static uint64_t rhythm(const uint64_t *times)
{
	uint64_t a = times[0] - times[1], b = times[1] - times[2];

	if (!times[2] || times[0] < times[1] || times[1] < times[2] || a > b + b / 8 || b > a + a / 8)
		return 0;
	return a;
}

static uint64_t longest_rhythm(const struct conversation_entry *e)
{
	uint64_t longest = 0;
	unsigned int side, from;

	/* The last one may be what ended it, out of the rhythm of those before. */
	for (side = 0; side < 2; side++)
		for (from = 0; from < 2; from++) {
			uint64_t interval = rhythm(&e->informational_ns[side][from]);

			longest = interval > longest ? interval : longest;
		}
	return longest;
}

/*
 * Is the exchange one that may have been a delete of the IKE SA: an INFORMATIONAL, answered (IKEv1: not), out of the rhythm of DPD?
 * What follows an answered CREATE_CHILD_SA of the same end at once ends what was rekeyed: a child SA, or this IKE SA in favour of
 * one that shows when it is used (aftermath_rekey_born()).
 */
static bool may_be_delete(const struct conversation_entry *e, const struct conversation_exchange *x)
{
	if (!x)
		return false;
	if (x->major == 1)
		return x->type == IKE_V1_EXCHANGE_INFORMATIONAL && !x->response_ns && x->request.encrypted;
	if (x->type != IKE_V2_EXCHANGE_INFORMATIONAL || !x->response_ns)
		return false;
	return !size_follows_rekey(e, x) &&
	       !(rhythm(e->informational_ns[x->by]) && x->request_ns == e->informational_ns[x->by][0]);
}

static void set_deleted(struct conversations *c, struct conversation_entry *e,
			struct conversation_exchange *x, enum conversation_confidence confidence,
			enum conversation_reason reason)
{
	/* What its daemon said after that is no inference. */
	if (confidence < CONVERSATION_CERTAIN && e->daemon_ns > x->last_ns + SECOND)
		return;
	x->kind = CONVERSATION_KIND_DELETE;
	x->kind_confidence = (uint8_t)confidence;
	state_set(c, e, CONVERSATION_DELETED, confidence, reason,
		  x->response_ns ? x->response_ns : x->last_ns, x->message_id, 0);
}

/* The initiator looked at the answer to its IKE_AUTH, and left. Not so if its ESP was seen: conversation_traffic_began(). */
static bool is_revoked(const struct conversation_entry *e, const struct conversation_exchange *x)
{
	return x->major == 2 && x->by == CONVERSATION_INITIATOR &&
	       e->sa.reason == CONVERSATION_REASON_AUTH_ANSWERED &&
	       x->request_ns <= e->established_ns + AUTH_SOON * SECOND;
}

static void ended_by_new(struct conversations *c, struct conversation_entry *old,
			 const struct conversation_entry *new)
{
	struct conversation_exchange *x = exchange_last(old);
	enum conversation_side by;

	if (!x || old->sa.last_ns > new->sa.first_ns)
		return;
	if (may_be_delete(old, x)) {
		if (new->sa.first_ns > x->last_ns + DELETE_SOON * SECOND)
			return;
		if (is_revoked(old, x))
			state_set(c, old, CONVERSATION_FAILED, CONVERSATION_LIKELY,
				  CONVERSATION_REASON_AUTH_REVOKED, x->response_ns, x->message_id, 0);
		else
			set_deleted(c, old, x, CONVERSATION_LIKELY, CONVERSATION_REASON_DELETE_THEN_NEW);
		return;
	}
	/* Its last request was never answered, and who sent it begins anew. */
	by = x->by;
	if (x->waiting && x->retransmits &&
	    !memcmp(old->sa.path.end[by].address, new->sa.path.end[CONVERSATION_INITIATOR].address, 16)) {
		uint64_t given_up;

		exchange_overdue(x, &given_up);
		state_give_up(c, old, x, given_up < new->sa.first_ns ? given_up : new->sa.first_ns);
	}
}

void aftermath_negotiation_begins(struct conversations *c, struct conversation_entry *e)
{
	struct conversation_entry *old;

	for (old = table_next_of_peers(c, e, NULL); old; old = table_next_of_peers(c, e, old))
		if (old->sa.state == CONVERSATION_ESTABLISHED && old->sa.id < e->sa.id &&
		    same_hosts(&old->sa, &e->sa))
			ended_by_new(c, old, e);
}

/* IKEv1 knows no rekey but a new phase 1; in IKEv2 the old one may go on until it is deleted. */
void aftermath_established(struct conversations *c, struct conversation_entry *e)
{
	struct conversation_entry *old;

	for (old = table_next_of_peers(c, e, NULL); old; old = table_next_of_peers(c, e, old)) {
		if (old->sa.state != CONVERSATION_ESTABLISHED || old->sa.id > e->sa.id ||
		    old->sa.major != e->sa.major || !same_hosts(&old->sa, &e->sa))
			continue;
		if (e->sa.major == 1) {
			state_set(c, old, CONVERSATION_REKEYED, CONVERSATION_LIKELY,
				  CONVERSATION_REASON_REKEYED_V1, e->established_ns, 0, 0);
			old->sa.successor = e->sa.id;
			e->sa.predecessor = old->sa.id;
		} else {
			old->replaced_ns = e->established_ns;
			state_schedule(c, old);
		}
	}
}

/* The latest CREATE_CHILD_SA that `by` began before `before_ns`, and that was answered at length. */
static struct conversation_exchange *rekey_of(struct conversation_entry *e, enum conversation_side by,
					      uint64_t before_ns)
{
	uint32_t i;

	for (i = e->sa.exchange_count; i > 0; i--) {
		struct conversation_exchange *x =
			&e->sa.exchanges[(e->sa.exchange_first + i - 1) % e->sa.exchange_capacity];

		if (x->type == IKE_V2_EXCHANGE_CREATE_CHILD_SA && x->by == by && x->response_ns &&
		    x->response_ns <= before_ns && x->outcome == CONVERSATION_OUTCOME_SUCCESS)
			return x;
	}
	return NULL;
}

static struct conversation_entry *peer_with_id(struct conversations *c, const struct conversation_entry *of,
					       uint64_t id)
{
	struct conversation_entry *e;

	for (e = table_next_of_peers(c, of, NULL); e; e = table_next_of_peers(c, of, e))
		if (e->sa.id == id)
			return e;
	return NULL;
}

/* Both ends sent CREATE_CHILD_SA before either was answered. Returns that of `by`, or NULL. */
static struct conversation_exchange *collision(struct conversation_entry *e, enum conversation_side by,
					       uint64_t before_ns)
{
	struct conversation_exchange *x = rekey_of(e, by, before_ns),
				     *other = rekey_of(e, other_side(by), before_ns);

	return x && other && x->request_ns && other->request_ns && x->request_ns < other->response_ns &&
			       other->request_ns < x->response_ns
		       ? x
		       : NULL;
}

/*
 * Both ends rekeyed the IKE SA at once: of the two new ones, who made the worse deletes it at once, and that is all that is ever
 * said on it (RFC 7296 section 2.8.2). When `e` is used then, it is the one that stayed. Returns what made it, or NULL. Only if
 * `proven` it has consequences for the others.
 */
static struct conversation_exchange *survives(struct conversations *c, struct conversation_entry *e,
					      bool proven)
{
	const uint8_t *initiator = e->sa.path.end[CONVERSATION_INITIATOR].address;
	struct conversation_entry *old, *lost;

	for (old = table_next_of_peers(c, e, NULL); old; old = table_next_of_peers(c, e, old)) {
		enum conversation_side by = memcmp(old->sa.path.end[0].address, initiator, 16)
						    ? CONVERSATION_RESPONDER
						    : CONVERSATION_INITIATOR;
		struct conversation_exchange *rekey, *last;

		if (old->sa.major != 2 || !old->sa.successor || !same_hosts(&old->sa, &e->sa) ||
		    old->sa.state != CONVERSATION_REKEYED)
			continue;
		lost = peer_with_id(c, e, old->sa.successor);
		rekey = collision(old, by, e->sa.first_ns);
		last = lost ? exchange_last(lost) : NULL;
		if (!rekey || !last || lost->sa.exchange_count != 1 || lost->sa.last_ns > e->sa.first_ns ||
		    !may_be_delete(lost, last) ||
		    last->request_ns > rekey->response_ns + DELETE_SOON * SECOND)
			continue;
		if (!proven)
			return rekey;
		set_deleted(c, lost, last, CONVERSATION_LIKELY, CONVERSATION_REASON_REKEY_LOST);
		rekey->kind = CONVERSATION_KIND_IKE_REKEY;
		rekey->kind_confidence = CONVERSATION_LIKELY;
		if (!e->suite.block)
			e->suite = lost->suite;
		e->sa.predecessor = old->sa.id;
		old->sa.successor = e->sa.id;
		return rekey;
	}
	return NULL;
}

/*
 * Message ids begin at 0, and 0 is IKE_SA_INIT's except in an IKE SA made by a rekey (RFC 7296 section 2.18): its initiator is who
 * sent that CREATE_CHILD_SA request.
 */
void aftermath_rekey_born(struct conversations *c, struct conversation_entry *e, bool proven)
{
	const uint8_t *initiator = e->sa.path.end[CONVERSATION_INITIATOR].address;
	struct conversation_exchange *x, *found = NULL;
	struct conversation_entry *old, *parent = NULL;
	bool from_zero = e->sa.exchange_count && conversation_exchange_at(&e->sa, 0)->message_id == 0;

	for (old = table_next_of_peers(c, e, NULL); old; old = table_next_of_peers(c, e, old)) {
		enum conversation_side by = memcmp(old->sa.path.end[0].address, initiator, 16)
						    ? CONVERSATION_RESPONDER
						    : CONVERSATION_INITIATOR;

		if (old->sa.major != 2 || old->sa.successor || !same_hosts(&old->sa, &e->sa) ||
		    (old->sa.state != CONVERSATION_ESTABLISHED && old->sa.state != CONVERSATION_DELETED))
			continue;
		x = rekey_of(old, by, e->sa.first_ns);
		/* Without the beginning: the old one must look left, too. */
		if (x && !from_zero && (old->sa.last_ns > e->sa.first_ns || exchange_last(old) == x))
			continue;
		if (x && (!found || x->response_ns > found->response_ns)) {
			found = x;
			parent = old;
		}
	}
	x = found || !from_zero ? found : survives(c, e, proven);
	if (from_zero && (proven || x))
		state_set(c, e, CONVERSATION_ESTABLISHED,
			  proven ? CONVERSATION_CERTAIN : CONVERSATION_POSSIBLE,
			  CONVERSATION_REASON_REKEY_BORN, x ? x->response_ns : e->sa.first_ns, 0, 0);
	if (!found || !proven)
		return;
	found->kind = CONVERSATION_KIND_IKE_REKEY;
	found->kind_confidence = from_zero ? CONVERSATION_LIKELY : CONVERSATION_POSSIBLE;
	if (!e->suite.block)
		e->suite = parent->suite; /* most often the same; sizes are judged by it */
	e->sa.predecessor = parent->sa.id;
	parent->sa.successor = e->sa.id;
	state_set(c, parent, CONVERSATION_REKEYED, found->kind_confidence,
		  from_zero ? CONVERSATION_REASON_REKEYED_V2 : CONVERSATION_REASON_REKEYED_JOINED,
		  found->response_ns, found->message_id, 0);
}

uint64_t aftermath_silence(struct conversations *c, struct conversation_entry *e, uint64_t now_ns)
{
	struct conversation_exchange *x;
	uint64_t interval, due;

	if (e->sa.state != CONVERSATION_ESTABLISHED || e->sa.major != 2)
		return 0;
	interval = longest_rhythm(e);
	if (!interval && !e->replaced_ns)
		return 0;
	x = exchange_last(e);
	if (interval)
		due = e->sa.last_ns + 3 * interval + SECOND;
	else
		due = e->sa.last_ns + (may_be_delete(e, x) ? DELETE_QUIET : RESTART_QUIET) * SECOND;
	/* The daemon says when it ends, and is asked in between. */
	if (e->daemon_ns && due < e->daemon_ns + DAEMON_QUIET * SECOND)
		due = e->daemon_ns + DAEMON_QUIET * SECOND;
	if (now_ns < due)
		return due;
	if (may_be_delete(e, x)) {
		if (e->replaced_ns)
			set_deleted(c, e, x, CONVERSATION_LIKELY, CONVERSATION_REASON_DELETE_REPLACED);
		else
			set_deleted(c, e, x, CONVERSATION_POSSIBLE, CONVERSATION_REASON_DELETE_THEN_QUIET);
	} else if (e->replaced_ns) {
		state_set(c, e, CONVERSATION_DEAD, CONVERSATION_POSSIBLE, CONVERSATION_REASON_RESTARTED,
			  e->replaced_ns, 0, 0);
	}
	return 0;
}

bool conversation_traffic_ended(struct conversations *c, uint64_t id, uint64_t since_ns, uint64_t now_ns)
{
	struct link *at;

	for (at = c->all.next; at != &c->all; at = at->next) {
		struct conversation_entry *e = entry_of(at, all);
		struct conversation_exchange *x = exchange_last(e);

		if (e->sa.id != id)
			continue;
		/* Just before: the peer's last packets may cross the exchange. */
		if (e->sa.state == CONVERSATION_ESTABLISHED && may_be_delete(e, x) &&
		    x->last_ns <= since_ns + 2 * SECOND && since_ns <= x->last_ns + 2 * SECOND &&
		    now_ns >= x->last_ns + DELETE_SOON * SECOND)
			set_deleted(c, e, x, CONVERSATION_LIKELY, CONVERSATION_REASON_DELETE_TRAFFIC_ENDED);
		return e->sa.state == CONVERSATION_DELETED;
	}
	return false;
}

bool conversation_daemon_ended(struct conversations *c, uint64_t initiator_spi, uint64_t responder_spi,
			       uint64_t at_ns)
{
	struct link *at;

	for (at = c->all.next; at != &c->all; at = at->next) {
		struct conversation_entry *e = entry_of(at, all);
		struct conversation_exchange *x = exchange_last(e);

		if (e->sa.initiator_spi != initiator_spi || e->sa.responder_spi != responder_spi)
			continue;
		/* What was rekeyed is replaced. */
		if (e->sa.state != CONVERSATION_ESTABLISHED || !x)
			return false;
		/* Its own rules would give up what was not answered later; the daemon has done so now. */
		if (x->waiting && x->retransmits) {
			if (!x->given_up_ns)
				state_give_up(c, e, x, at_ns);
			return state_is_end(e->sa.state);
		}
		if ((x->major >= 2 ? x->type != IKE_V2_EXCHANGE_INFORMATIONAL
				   : x->type != IKE_V1_EXCHANGE_INFORMATIONAL) ||
		    at_ns > x->last_ns + DELETE_SOON * SECOND)
			return false;
		set_deleted(c, e, x, CONVERSATION_CERTAIN, CONVERSATION_REASON_DAEMON_ENDED);
		return true;
	}
	return false;
}

void conversation_daemon_has(struct conversations *c, uint64_t initiator_spi, uint64_t responder_spi,
			     uint64_t at_ns)
{
	const struct conversation_sa *sa = conversation_find(c, initiator_spi, responder_spi);
	struct conversation_entry *e = sa ? entry_of_sa(sa) : NULL;

	if (!e)
		return;
	e->daemon_ns = at_ns;
	/* All that was seen of it may be a question to which no answer comes any more. */
	if (sa->state == CONVERSATION_NEGOTIATING && e->joined) {
		state_set(c, e, CONVERSATION_ESTABLISHED, CONVERSATION_CERTAIN,
			  CONVERSATION_REASON_JOINED_DAEMON, sa->first_ns, 0, 0);
		return;
	}
	/* The list may have been made while the last message was under way. */
	if (sa->state != CONVERSATION_DELETED || sa->confidence == CONVERSATION_CERTAIN ||
	    at_ns <= sa->last_ns + SECOND)
		return;
	c->stats.retracted++;
	state_set(c, e, CONVERSATION_ESTABLISHED, CONVERSATION_CERTAIN, CONVERSATION_REASON_DAEMON_HAS, at_ns,
		  0, 0);
}

void conversation_traffic_began(struct conversations *c, const struct conversation_sa *sa)
{
	struct conversation_entry *e = entry_of_sa(sa);
	struct conversation_exchange *x = exchange_last(e);

	if (sa->state == CONVERSATION_FAILED && sa->reason == CONVERSATION_REASON_AUTH_REVOKED && x)
		set_deleted(c, e, x, CONVERSATION_LIKELY, CONVERSATION_REASON_DELETE_THEN_NEW);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* conversation_v2.c - IKEv2 (RFC 7296): requests and responses by message id, and what they make of the IKE SA */
#include "model/conversation_internal.h"

#include <string.h>

/* The first error notify in clear, or 0. */
static uint16_t error_notify(const struct ike_message *m)
{
	uint16_t i;

	for (i = 0; i < m->notify_count; i++)
		if (ike_notify_is_error(m->major, m->notifies[i].type))
			return m->notifies[i].type;
	return 0;
}

/* What follows a child SA's rekey at once is the delete of the old one, and no rhythm of DPD. */
static void count_informational(struct fold *f, const struct conversation_exchange *x)
{
	uint64_t *times = f->entry->informational_ns[f->side];

	if (size_follows_rekey(f->entry, x))
		return;
	times[3] = times[2];
	times[2] = times[1];
	times[1] = times[0];
	times[0] = f->packet->time_ns;
}

/* A request that was not seen before. */
static void request_begins(struct fold *f, struct conversation_exchange *x)
{
	struct conversation_entry *e = f->entry;

	switch (x->type) {
	case IKE_V2_EXCHANGE_IKE_SA_INIT:
		x->cookie = f->m->cookie.length > 0;
		if (x->cookie && e->sa.cookies)
			e->cookie_proof = true; /* only who gets the challenge can bring it back */
		table_keep(e, CONVERSATION_INITIATOR, f->packet);
		if (e->sa.state == CONVERSATION_FAILED)
			state_set(f->c, e, CONVERSATION_NEGOTIATING, CONVERSATION_CERTAIN,
				  CONVERSATION_REASON_STARTED, f->packet->time_ns, 0, 0);
		break;
	case IKE_V2_EXCHANGE_IKE_AUTH: {
		bool refused =
			e->sa.state == CONVERSATION_FAILED && e->sa.reason == CONVERSATION_REASON_AUTH_SHORT;
		bool answered =
			e->sa.state == CONVERSATION_ESTABLISHED && e->sa.confidence < CONVERSATION_CERTAIN;

		struct conversation_exchange *init =
			exchange_find(e, f->side, 0, IKE_V2_EXCHANGE_IKE_SA_INIT);

		if (init)
			exchange_close(e, init); /* it was answered, seen or not */
		/* EAP or a second authentication: what came before was only a round of it. */
		if (x->message_id > 1 && (refused || answered)) {
			struct conversation_exchange *before =
				exchange_find(e, f->side, x->message_id - 1, IKE_V2_EXCHANGE_IKE_AUTH);

			if (before)
				before->outcome = CONVERSATION_OUTCOME_UNKNOWN;
			state_set(f->c, e, CONVERSATION_NEGOTIATING, CONVERSATION_LIKELY,
				  CONVERSATION_REASON_AUTH_CONTINUED, f->packet->time_ns, x->message_id, 0);
		}
		break;
	}
	case IKE_V2_EXCHANGE_INFORMATIONAL:
		count_informational(f, x);
		break;
	default:
		break;
	}
}

/* The request with that message id; of several IKE_SA_INIT (all have 0) the latest, unless this is another one. */
static struct conversation_exchange *find_request(struct fold *f)
{
	struct conversation_exchange *x = exchange_find(f->entry, f->side, f->m->message_id, f->m->exchange);

	if (!x || x->type != IKE_V2_EXCHANGE_IKE_SA_INIT || !x->request_ns || x->digest[0] == f->digest)
		return x;
	exchange_close(f->entry, x); /* replaced: its answer was not seen, or asked for another */
	return NULL;
}

static void fold_request(struct fold *f)
{
	struct conversation_exchange *x = find_request(f);
	uint64_t now = f->packet->time_ns;
	bool begins = !x || !x->request_ns;

	if (!x) {
		x = exchange_add(f, f->side);
		if (!x)
			return;
	}
	if (begins) {
		x->request_ns = x->sent_ns = now;
		x->digest[0] = f->digest;
	}
	x->last_ns = now;
	x->ip_fragments |= f->packet->ip_fragments;
	switch (exchange_half(&x->request, f)) {
	case HALF_REPEAT:
		if (!f->m->fragment.number && x->digest[0] != f->digest)
			x->altered = true;
		if (x->given_up_ns)
			state_revive(f);
		exchange_sent_again(f, x);
		break;
	case HALF_REST:
	case HALF_MORE:
	case HALF_WHOLE:
		break;
	}
	if (!begins)
		return;
	state_revive(f);
	if (!x->response_ns)
		exchange_wait(f, x);
	exchange_notifies(f, x);
	request_begins(f, x);
}

static void init_answered(struct fold *f, struct conversation_exchange *x)
{
	struct conversation_entry *e = f->entry;
	uint16_t error = error_notify(f->m);

	x->outcome_confidence = CONVERSATION_CERTAIN;
	nat_check_request(f);
	if (f->m->proposal_count) {
		x->outcome = CONVERSATION_OUTCOME_SUCCESS;
		if (!e->sa.responder_spi)
			e->sa.responder_spi = f->m->responder_spi;
		table_keep(e, CONVERSATION_RESPONDER, f->packet);
		suite_learn(e, f->m);
		nat_check(f, 0);
	} else if (f->m->cookie.length) {
		x->outcome = CONVERSATION_OUTCOME_RETRY;
		e->sa.cookies++;
	} else if (f->m->invalid_ke_group) {
		x->outcome = CONVERSATION_OUTCOME_RETRY;
		e->sa.invalid_ke++;
	} else if (ike_find_notify(f->m, IKE_V2_NOTIFY_REDIRECT)) {
		x->outcome = CONVERSATION_OUTCOME_RETRY; /* elsewhere: RFC 5685 section 3 */
		if (e->sa.state == CONVERSATION_NEGOTIATING)
			state_set(f->c, e, CONVERSATION_FAILED, CONVERSATION_CERTAIN,
				  CONVERSATION_REASON_REDIRECTED, f->packet->time_ns, 0, 0);
	} else if (error) {
		x->outcome = CONVERSATION_OUTCOME_FAILURE;
		if (!e->sa.responder_spi)
			e->sa.responder_spi = f->m->responder_spi;
		if (e->sa.state == CONVERSATION_NEGOTIATING)
			state_set(f->c, e, CONVERSATION_FAILED, CONVERSATION_CERTAIN,
				  CONVERSATION_REASON_INIT_REFUSED, f->packet->time_ns, 0, error);
	}
}

static void auth_answered(struct fold *f, struct conversation_exchange *x)
{
	struct conversation_entry *e = f->entry;
	bool open = e->sa.state == CONVERSATION_NEGOTIATING || e->sa.state == CONVERSATION_FAILED;

	if (!x->response.encrypted) {
		uint16_t error = error_notify(f->m);

		if (error && open)
			state_set(f->c, e, CONVERSATION_FAILED, CONVERSATION_LIKELY,
				  CONVERSATION_REASON_NOTIFIED, f->packet->time_ns, x->message_id, error);
		return;
	}
	size_judge_auth(e, x);
	if (!open)
		return;
	if (x->outcome == CONVERSATION_OUTCOME_FAILURE)
		state_set(f->c, e, CONVERSATION_FAILED, CONVERSATION_LIKELY, CONVERSATION_REASON_AUTH_SHORT,
			  f->packet->time_ns, x->message_id, x->response.encrypted);
	else
		state_set(f->c, e, CONVERSATION_ESTABLISHED, CONVERSATION_LIKELY,
			  CONVERSATION_REASON_AUTH_ANSWERED, f->packet->time_ns, x->message_id,
			  x->response.encrypted);
}

/*
 * An answer in ciphertext proves that both ends have the keys, and after IKE_AUTH that the responder holds the IKE SA. That the
 * initiator does, too, is certain when it goes on: one INFORMATIONAL may be its refusal of what the responder answered.
 */
static void later_answered(struct fold *f, struct conversation_exchange *x)
{
	struct conversation_entry *e = f->entry;
	struct conversation_exchange *before;
	bool sure = x->type == IKE_V2_EXCHANGE_CREATE_CHILD_SA || ++e->answered_after_auth > 1 ||
		    (e->established_ns && f->packet->time_ns > e->established_ns + DELETE_SOON * SECOND);

	if (e->sa.exchange_count > 1) {
		before = (struct conversation_exchange *)conversation_exchange_at(&e->sa,
										  e->sa.exchange_count - 2);
		if (before->kind == CONVERSATION_KIND_DPD && before->response_ns)
			before->kind_confidence = CONVERSATION_LIKELY; /* the IKE SA goes on */
	}
	if (e->sa.state == CONVERSATION_ESTABLISHED && sure) {
		state_set(f->c, e, CONVERSATION_ESTABLISHED, CONVERSATION_CERTAIN, CONVERSATION_REASON_ACTIVE,
			  f->packet->time_ns, x->message_id, 0);
	} else if (e->sa.state == CONVERSATION_FAILED && e->sa.reason == CONVERSATION_REASON_AUTH_SHORT &&
		   sure) {
		f->c->stats.retracted++;
		state_set(f->c, e, CONVERSATION_ESTABLISHED, CONVERSATION_LIKELY, CONVERSATION_REASON_ACTIVE,
			  f->packet->time_ns, x->message_id, 0);
	} else if (e->sa.state == CONVERSATION_NEGOTIATING && e->joined) {
		state_set(f->c, e, CONVERSATION_ESTABLISHED, CONVERSATION_LIKELY,
			  CONVERSATION_REASON_JOINED_ACTIVE, e->sa.first_ns, x->message_id, 0);
	}
}

static void answered(struct fold *f, struct conversation_exchange *x)
{
	uint16_t error;

	if (x->given_up_ns) {
		state_revive(f);
		x->outcome = CONVERSATION_OUTCOME_UNKNOWN;
	}
	exchange_close(f->entry, x);
	x->given_up_ns = 0;
	x->response_ns = f->packet->time_ns;
	switch (x->type) {
	case IKE_V2_EXCHANGE_IKE_SA_INIT:
		init_answered(f, x);
		break;
	case IKE_V2_EXCHANGE_IKE_AUTH:
		auth_answered(f, x);
		break;
	case IKE_V2_EXCHANGE_CREATE_CHILD_SA:
		if (x->response.encrypted) {
			size_judge_child(f->entry, x);
			f->entry->child_answered_ns[x->by] = f->packet->time_ns;
			later_answered(f, x);
		}
		break;
	case IKE_V2_EXCHANGE_INFORMATIONAL:
		error = error_notify(f->m);
		if (x->response.encrypted) {
			size_judge_informational(f->entry, x);
			later_answered(f, x);
		} else if (error && f->entry->sa.state == CONVERSATION_NEGOTIATING) {
			state_set(f->c, f->entry, CONVERSATION_FAILED, CONVERSATION_LIKELY,
				  CONVERSATION_REASON_NOTIFIED, f->packet->time_ns, x->message_id, error);
		}
		break;
	default: /* IKE_INTERMEDIATE, IKE_FOLLOWUP_KE, IKE_SESSION_RESUME: the negotiation goes on */
		break;
	}
	state_event(f->c, CONVERSATION_EVENT_EXCHANGE, f->entry, x, f->packet->time_ns);
}

static void fold_response(struct fold *f)
{
	enum conversation_side by = other_side(f->side);
	struct conversation_exchange *x = exchange_find(f->entry, by, f->m->message_id, f->m->exchange);

	if (!x) {
		x = exchange_add(f, by); /* its request was not seen */
		if (!x)
			return;
	}
	x->last_ns = f->packet->time_ns;
	x->ip_fragments |= f->packet->ip_fragments;
	exchange_notifies(f, x);
	switch (exchange_half(&x->response, f)) {
	case HALF_WHOLE:
		answered(f, x);
		break;
	case HALF_REPEAT:
		if (x->response_ns) {
			x->response_repeats++;
			f->entry->sa.response_repeats++;
		}
		break;
	case HALF_MORE:
	case HALF_REST:
		break;
	}
}

void fold_v2(struct fold *f)
{
	if (f->m->response)
		fold_response(f);
	else
		fold_request(f);
}

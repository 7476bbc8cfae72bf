// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * conversation_v1.c - IKEv1 (RFC 2409): messages of an exchange in turn, DPD by pairs of informational messages
 *
 * The header does not say request or response, nor which message of the exchange it is: odd ones come from who began it, and what
 * was seen before is a retransmission. A fragmented message counts from its first fragment and takes effect with its last.
 */
#include "model/conversation_internal.h"

/* The last message of an exchange; 0: nobody knows. */
static uint8_t last_step(const struct fold *f)
{
	switch (f->m->exchange) {
	case IKE_V1_EXCHANGE_MAIN_MODE:
		return 6;
	case IKE_V1_EXCHANGE_BASE:
		return 4;
	case IKE_V1_EXCHANGE_AGGRESSIVE_MODE:
	case IKE_V1_EXCHANGE_QUICK_MODE:
		return 3;
	case IKE_V1_EXCHANGE_TRANSACTION:
	case IKE_V1_EXCHANGE_NEW_GROUP_MODE:
		return 2;
	default:
		return 0;
	}
}

static uint64_t fragment_bit(const struct fold *f)
{
	return 1ull << ((f->m->fragment.number - 1u) & 63);
}

static bool is_phase1(const struct fold *f)
{
	return f->m->exchange == IKE_V1_EXCHANGE_MAIN_MODE ||
	       f->m->exchange == IKE_V1_EXCHANGE_AGGRESSIVE_MODE || f->m->exchange == IKE_V1_EXCHANGE_BASE;
}

static struct conversation_exchange *find(struct fold *f, enum conversation_side *ret_by)
{
	struct conversation_exchange *x;
	unsigned int i;

	*ret_by = is_phase1(f) ? CONVERSATION_INITIATOR : f->side;
	for (i = 0; i < 2; i++) {
		enum conversation_side by = i ? other_side(*ret_by) : *ret_by;

		x = exchange_find(f->entry, by, f->m->message_id, f->m->exchange);
		if (x)
			return x;
	}
	return NULL;
}

static uint8_t next_step(const struct fold *f, const struct conversation_exchange *x)
{
	bool odd = f->side == x->by;
	uint8_t step = (uint8_t)(x->steps + 1);

	if ((step & 1) != odd)
		step++; /* the one between was not seen */
	/* Only the last two messages of main mode are encrypted. */
	if (f->m->exchange == IKE_V1_EXCHANGE_MAIN_MODE && f->m->encrypted_size && step < 5)
		step = odd ? 5 : 6;
	return step;
}

static void learn_phase1(struct fold *f, uint8_t step)
{
	struct conversation_entry *e = f->entry;

	if (step > e->sa.phase1_step)
		e->sa.phase1_step = step;
	e->sa.mode = f->m->exchange == IKE_V1_EXCHANGE_BASE ? 0 : f->m->exchange;
	if (step == 1)
		e->sa.initiator_known = true;
	if (f->m->proposal_count)
		table_keep(e, f->side, f->packet);
	if (f->m->proposal_count && step == 2) {
		if (!e->sa.responder_spi)
			e->sa.responder_spi = f->m->responder_spi;
		suite_learn(e, f->m);
	}
	e->sa.initial_contact |= f->m->initial_contact;
	if (e->suite.hash)
		nat_check(f, e->suite.hash);
}

static void set_state(struct fold *f, enum conversation_confidence confidence,
		      enum conversation_reason reason, uint8_t step)
{
	state_set(f->c, f->entry, CONVERSATION_ESTABLISHED, confidence, reason, f->packet->time_ns,
		  f->m->message_id, step);
}

/* What a new message of an exchange makes of the IKE SA. */
static void progress(struct fold *f, struct conversation_exchange *x, uint8_t step)
{
	struct conversation_entry *e = f->entry;
	bool ended = state_is_end(e->sa.state);

	if (is_phase1(f)) {
		learn_phase1(f, step);
		if (ended)
			return;
		if ((f->m->exchange == IKE_V1_EXCHANGE_MAIN_MODE && step == 6) ||
		    (f->m->exchange == IKE_V1_EXCHANGE_AGGRESSIVE_MODE && step == 3)) {
			x->outcome = CONVERSATION_OUTCOME_SUCCESS;
			x->outcome_confidence = CONVERSATION_LIKELY;
			set_state(f, CONVERSATION_LIKELY, CONVERSATION_REASON_PHASE1_DONE, step);
		}
	} else if (f->m->exchange == IKE_V1_EXCHANGE_QUICK_MODE) {
		if (step == 2 && !ended)
			set_state(f, e->joined ? CONVERSATION_LIKELY : CONVERSATION_CERTAIN,
				  CONVERSATION_REASON_QUICK_MODE, step);
		if (step == 3) {
			/* Its hash covers both nonces: the initiator took the answer. */
			x->outcome = CONVERSATION_OUTCOME_SUCCESS;
			x->outcome_confidence = CONVERSATION_LIKELY;
		}
	}
}

/* Who sends it: odd ones come from who began the exchange. */
static bool is_of_sender(const struct fold *f, const struct conversation_exchange *x, uint8_t step)
{
	return ((step & 1) != 0) == (f->side == x->by);
}

/* A message that was not seen before, or the first fragment of one. */
static void take_step(struct fold *f, struct conversation_exchange *x, uint8_t step)
{
	uint64_t now = f->packet->time_ns, after;

	if (x->steps == 0) {
		x->request_ns = now;
		exchange_notifies(f, NULL);
	}
	after = now > x->request_ns ? (now - x->request_ns) / 1000 : 0;
	x->step_us[step - 1] = after < UINT32_MAX ? (uint32_t)after : UINT32_MAX;
	x->digest[step - 1] = f->digest;
	x->step_mask |= (uint8_t)(1u << (step - 1));
	x->steps = step;
	x->repeated_step = 0;
	x->sent_ns = now;
	x->gap_ns[0] = x->gap_ns[1] = 0;
	if (step < last_step(f))
		exchange_wait(f, x);
}

/* All of the message is there. */
static void complete_step(struct fold *f, struct conversation_exchange *x, uint8_t step)
{
	if (!(step & 1) && !x->response_ns) {
		x->response_ns = f->packet->time_ns;
		state_event(f->c, CONVERSATION_EVENT_EXCHANGE, f->entry, x, f->packet->time_ns);
	}
	if (step >= last_step(f))
		exchange_close(f->entry, x);
	progress(f, x, step);
}

/* One more piece of the message that is being sent; true when it is the last one that was missing. */
static bool add_fragment(struct fold *f, struct conversation_exchange *x, struct conversation_half *half,
			 uint8_t step)
{
	const struct ike_fragment *fragment = &f->m->fragment;

	if (fragment->number == 0) {
		if (step <= 2)
			exchange_half(half, f);
		return true;
	}
	if (step <= 2) {
		half->bytes += f->m->length;
		half->encrypted += f->m->encrypted_size;
	}
	half->fragments++;
	half->seen |= fragment_bit(f);
	if (fragment->last)
		x->fragment_last = fragment->number;
	return x->fragment_last &&
	       half->seen == ~0ull >> (64 - (x->fragment_last > 64 ? 64 : x->fragment_last));
}

/*
 * An answer that is sent again right after the question was is no retransmission of its own; all else is. Of a fragmented message
 * only the fragment that was seen first counts.
 */
static void repeated(struct fold *f, struct conversation_exchange *x, uint8_t step)
{
	if (step > 1 && x->repeated_step == step - 1) {
		x->response_repeats++;
		f->entry->sa.response_repeats++;
	} else {
		if (x->given_up_ns)
			state_revive(f);
		exchange_sent_again(f, x);
	}
	x->repeated_step = step;
}

/* The message of this exchange that begins with the same bytes, or 0. */
static uint8_t known_step(const struct fold *f, const struct conversation_exchange *x)
{
	unsigned int i;

	for (i = 0; i < CONVERSATION_STEPS; i++)
		if ((x->step_mask & 1u << i) && x->digest[i] == f->digest &&
		    is_of_sender(f, x, (uint8_t)(i + 1)))
			return (uint8_t)(i + 1);
	return 0;
}

/*
 * Fragments say which piece they are, but not of what: implementations give every message the same id. A piece that is missing
 * belongs to the message that its sender is sending; one that was seen, and any but the first otherwise, to a repetition. (A message
 * that is not seen from its first fragment on, behind a repeated one of its sender, would be taken for part of that.)
 */
static bool is_fragment_of_last(const struct fold *f, const struct conversation_exchange *x,
				const struct conversation_half *half)
{
	return f->m->fragment.number && x->steps && half->seen && is_of_sender(f, x, x->steps) &&
	       x->in_fragments && !(half->seen & fragment_bit(f));
}

static bool is_rest_of_repetition(const struct fold *f, const struct conversation_exchange *x)
{
	if (f->m->fragment.number <= 1 || !x->steps)
		return false;
	return (x->in_fragments && is_of_sender(f, x, x->steps)) ||
	       (x->repeated_step && is_of_sender(f, x, x->repeated_step));
}

static void fold_exchange(struct fold *f)
{
	enum conversation_side by;
	struct conversation_exchange *x = find(f, &by);
	struct conversation_half *half;
	uint8_t step;

	if (!x) {
		x = exchange_add(f, by);
		if (!x)
			return;
	}
	x->last_ns = f->packet->time_ns;
	x->ip_fragments |= f->packet->ip_fragments;
	half = f->side == x->by ? &x->request : &x->response;
	step = known_step(f, x);
	if (step) {
		repeated(f, x, step);
		return;
	}
	if (is_fragment_of_last(f, x, half)) {
		if (add_fragment(f, x, half, x->steps))
			complete_step(f, x, x->steps);
		return;
	}
	if (is_rest_of_repetition(f, x))
		return;
	step = next_step(f, x);
	if (step > CONVERSATION_STEPS)
		return;
	state_revive(f);
	if (x->given_up_ns)
		x->outcome = CONVERSATION_OUTCOME_UNKNOWN;
	x->in_fragments = f->m->fragment.number != 0;
	x->fragment_last = 0;
	half->seen = 0;
	exchange_notifies(f, x);
	take_step(f, x, step);
	if (add_fragment(f, x, half, step))
		complete_step(f, x, step);
}

/* The latest informational message of the other side if this may be its answer: R-U-THERE and its ACK are of one size. */
static struct conversation_exchange *dpd_question(struct fold *f)
{
	const uint64_t soon = 5 * SECOND;
	struct conversation_entry *e = f->entry;
	uint32_t i;

	for (i = e->sa.exchange_count; i > 0; i--) {
		struct conversation_exchange *x =
			&e->sa.exchanges[(e->sa.exchange_first + i - 1) % e->sa.exchange_capacity];

		if (f->packet->time_ns > x->last_ns + soon)
			return NULL;
		if (x->type == IKE_V1_EXCHANGE_INFORMATIONAL && x->by != f->side && !x->response_ns &&
		    x->request.encrypted && x->request.encrypted == f->m->encrypted_size)
			return x;
	}
	return NULL;
}

/* Not those of a delete, which come in one go. */
static void count_unanswered(struct fold *f)
{
	struct conversation_entry *e = f->entry;
	uint64_t now = f->packet->time_ns;

	if (e->unanswered_by != 1 + f->side) {
		e->unanswered_by = (uint8_t)(1 + f->side);
		e->unanswered = 0;
	} else if (now < e->unanswered_ns[0] + SECOND / 2) {
		return;
	}
	e->unanswered++;
	e->unanswered_ns[1] = e->unanswered_ns[0];
	e->unanswered_ns[0] = now;
}

/* That was the answer, if the other end is who waits for one. */
static void refused(struct fold *f)
{
	struct conversation_exchange *phase1 = exchange_find(f->entry, CONVERSATION_INITIATOR, 0, 0);

	if (!phase1 || !phase1->waiting || !is_of_sender(f, phase1, (uint8_t)(phase1->steps + 1)))
		return;
	exchange_close(f->entry, phase1);
	phase1->outcome = CONVERSATION_OUTCOME_FAILURE;
	phase1->outcome_confidence = CONVERSATION_CERTAIN;
}

static void informational_notify(struct fold *f, struct conversation_exchange *x)
{
	struct conversation_entry *e = f->entry;
	uint16_t i;

	e->sa.initial_contact |= f->m->initial_contact;
	if (e->sa.state != CONVERSATION_NEGOTIATING)
		return;
	for (i = 0; i < f->m->notify_count; i++)
		if (ike_notify_is_error(1, f->m->notifies[i].type)) {
			if (!e->sa.responder_spi)
				e->sa.responder_spi = f->m->responder_spi;
			state_set(f->c, e, CONVERSATION_FAILED, CONVERSATION_CERTAIN,
				  CONVERSATION_REASON_NOTIFIED, f->packet->time_ns, x->message_id,
				  f->m->notifies[i].type);
			refused(f);
			return;
		}
	if (f->m->encrypted_size && e->sa.phase1_step == 5 && e->sa.mode == IKE_V1_EXCHANGE_MAIN_MODE &&
	    f->side == CONVERSATION_RESPONDER)
		state_set(f->c, e, CONVERSATION_FAILED, CONVERSATION_LIKELY,
			  CONVERSATION_REASON_PHASE1_REFUSED, f->packet->time_ns, x->message_id, 5);
}

/* Instead of the second or the third message of quick mode: refused. */
static void refuses_quick_mode(struct fold *f)
{
	struct conversation_exchange *before = exchange_last(f->entry);

	if (before && before->major == 1 && before->type == IKE_V1_EXCHANGE_QUICK_MODE &&
	    ((before->steps == 1 && before->by != f->side) ||
	     (before->steps == 2 && before->by == f->side))) {
		exchange_close(f->entry, before);
		before->outcome = CONVERSATION_OUTCOME_FAILURE;
		before->outcome_confidence = CONVERSATION_LIKELY;
	}
}

static void fold_informational(struct fold *f)
{
	struct conversation_exchange *x = exchange_find(f->entry, f->side, f->m->message_id, f->m->exchange),
				     *question;
	uint64_t now = f->packet->time_ns;

	if (x) {
		x->last_ns = now;
		if (x->digest[0] == f->digest)
			exchange_sent_again(f, x);
		return;
	}
	question = f->m->encrypted_size ? dpd_question(f) : NULL;
	if (question) {
		exchange_half(&question->response, f);
		question->response_ns = question->last_ns = now;
		question->peer_message_id = f->m->message_id;
		question->kind = CONVERSATION_KIND_DPD;
		question->kind_confidence = CONVERSATION_LIKELY;
		state_event(f->c, CONVERSATION_EVENT_EXCHANGE, f->entry, question, now);
		return;
	}
	refuses_quick_mode(f);
	x = exchange_add(f, f->side);
	if (!x)
		return;
	state_revive(f);
	exchange_half(&x->request, f);
	x->request_ns = x->sent_ns = x->last_ns = now;
	x->digest[0] = f->digest;
	exchange_notifies(f, x);
	if (f->m->delete_count) {
		/* Nobody vouches for it: RFC 2409 section 5.7 wants it encrypted. What follows will tell. */
		x->kind = CONVERSATION_KIND_DELETE;
		x->kind_confidence = CONVERSATION_POSSIBLE;
	}
	if (f->m->encrypted_size)
		count_unanswered(f);
	informational_notify(f, x);
}

void fold_v1(struct fold *f)
{
	if (f->entry->unanswered_by == 1 + other_side(f->side))
		f->entry->unanswered_by = 0; /* the other end is there */
	if (f->m->exchange == IKE_V1_EXCHANGE_INFORMATIONAL)
		fold_informational(f);
	else
		fold_exchange(f);
}

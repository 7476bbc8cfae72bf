// SPDX-License-Identifier: GPL-2.0-or-later
/* conversation_state.c - the state of an IKE SA, and the deadlines that change it when nothing is said any more */
#include "model/conversation_internal.h"

void state_event(struct conversations *c, enum conversation_event_kind kind, struct conversation_entry *e,
		 const struct conversation_exchange *x, uint64_t time_ns)
{
	struct conversation_event event = {
		.kind = kind, .time_ns = time_ns, .sa = &e->sa, .exchange = x, .old = e->sa.state};

	if (c->event)
		c->event(c->event_arg, &event);
}

void state_set(struct conversations *c, struct conversation_entry *e, enum conversation_state state,
	       enum conversation_confidence confidence, enum conversation_reason reason, uint64_t since_ns,
	       uint32_t id, uint32_t number)
{
	struct conversation_event event = {
		.kind = CONVERSATION_EVENT_STATE, .time_ns = since_ns, .sa = &e->sa, .old = e->sa.state};
	bool first = e->sa.since_ns == 0;

	/* The same again, and no surer, tells nothing new. */
	if (!first && e->sa.state == state && confidence <= e->sa.confidence)
		return;
	if (first || e->sa.state != state)
		e->sa.since_ns = since_ns;
	e->sa.state = state;
	e->sa.confidence = confidence;
	e->sa.reason = reason;
	e->sa.reason_id = id;
	e->sa.reason_number = number;
	table_settle(c, e);
	if (state == CONVERSATION_ESTABLISHED && !e->established_ns) {
		e->established_ns = since_ns;
		if (!e->joined)
			aftermath_established(c, e);
	}
	if (c->event)
		c->event(c->event_arg, &event);
}

void state_revive(struct fold *f)
{
	struct conversation_entry *e = f->entry;
	bool established = e->sa.state == CONVERSATION_DEAD || e->sa.state == CONVERSATION_DELETED;
	bool waiting =
		e->sa.state == CONVERSATION_FAILED && (e->sa.reason == CONVERSATION_REASON_NO_ANSWER ||
						       e->sa.reason == CONVERSATION_REASON_AUTH_UNANSWERED ||
						       e->sa.reason == CONVERSATION_REASON_STALLED);

	if (e->sa.state == CONVERSATION_FAILED && e->sa.reason == CONVERSATION_REASON_AUTH_REVOKED)
		established = true;
	if (!established && !waiting)
		return;
	f->c->stats.retracted++;
	state_set(f->c, e, established ? CONVERSATION_ESTABLISHED : CONVERSATION_NEGOTIATING,
		  CONVERSATION_LIKELY, CONVERSATION_REASON_ALIVE_AGAIN, f->packet->time_ns, f->m->message_id,
		  0);
}

void state_give_up(struct conversations *c, struct conversation_entry *e, struct conversation_exchange *x,
		   uint64_t since_ns)
{
	enum conversation_side peer = other_side(x->by);
	bool heard = e->sa.heard_ns[peer] > x->sent_ns;

	if (x->waiting && !x->given_up_ns)
		e->open[x->by]--;
	x->given_up_ns = since_ns;
	x->outcome = CONVERSATION_OUTCOME_NO_ANSWER;
	x->outcome_confidence = x->retransmits ? CONVERSATION_LIKELY : CONVERSATION_POSSIBLE;
	state_event(c, CONVERSATION_EVENT_GIVE_UP, e, x, since_ns);
	if (e->sa.state == CONVERSATION_NEGOTIATING) {
		bool auth = x->major == 2 && x->type == IKE_V2_EXCHANGE_IKE_AUTH;

		state_set(c, e, CONVERSATION_FAILED,
			  x->retransmits ? CONVERSATION_LIKELY : CONVERSATION_POSSIBLE,
			  auth ? CONVERSATION_REASON_AUTH_UNANSWERED : CONVERSATION_REASON_NO_ANSWER,
			  since_ns, x->message_id, x->retransmits);
	} else if (e->sa.state == CONVERSATION_ESTABLISHED && (x->retransmits > 1 || !heard)) {
		/* A peer that says other things meanwhile is not dead for the observer, but the sender takes it so. */
		state_set(c, e, CONVERSATION_DEAD,
			  x->retransmits > 1 && !heard ? CONVERSATION_LIKELY : CONVERSATION_POSSIBLE,
			  CONVERSATION_REASON_PEER_SILENT, since_ns, x->message_id, x->retransmits);
	}
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return !a || (b && b < a) ? b : a;
}

/* Give up what is overdue; when is the next? */
static uint64_t check_requests(struct conversations *c, struct conversation_entry *e, uint64_t now_ns)
{
	uint32_t left = e->open[0] + e->open[1], i;
	uint64_t next = 0;

	for (i = e->sa.exchange_count; i > 0 && left > 0; i--) {
		struct conversation_exchange *x =
			&e->sa.exchanges[(e->sa.exchange_first + i - 1) % e->sa.exchange_capacity];
		uint64_t due, given_up;

		if (!x->waiting || x->given_up_ns)
			continue;
		left--;
		due = exchange_overdue(x, &given_up);
		if (now_ns >= due)
			state_give_up(c, e, x, given_up);
		else
			next = sooner(next, due);
	}
	return next;
}

/* IKEv1: informational messages in a rhythm, and not a word from the other end. */
static uint64_t check_v1_silence(struct conversations *c, struct conversation_entry *e, uint64_t now_ns)
{
	/* Files may go back in time. */
	uint64_t gap =
		e->unanswered_ns[0] > e->unanswered_ns[1] ? e->unanswered_ns[0] - e->unanswered_ns[1] : 0;
	uint64_t due = e->unanswered_ns[0] + 2 * gap + SECOND;

	if (e->sa.state != CONVERSATION_ESTABLISHED || e->unanswered < 3)
		return 0;
	if (now_ns < due)
		return due;
	state_set(c, e, CONVERSATION_DEAD, CONVERSATION_LIKELY, CONVERSATION_REASON_PEER_SILENT_V1,
		  e->unanswered_ns[0] + gap, 0, e->unanswered);
	return 0;
}

static uint64_t check_stalled(struct conversations *c, struct conversation_entry *e, uint64_t now_ns)
{
	uint64_t due = e->sa.last_ns + STALL * SECOND;

	if (e->sa.state != CONVERSATION_NEGOTIATING || e->open[0] + e->open[1])
		return 0;
	if (now_ns < due)
		return due;
	state_set(c, e, CONVERSATION_FAILED, CONVERSATION_POSSIBLE, CONVERSATION_REASON_STALLED,
		  e->sa.last_ns, 0, e->sa.phase1_step ? e->sa.phase1_step : (uint32_t)e->sa.messages);
	return 0;
}

/* What is overdue at `now_ns` takes effect; returns the next deadline, 0: none. */
static uint64_t check(struct conversations *c, struct conversation_entry *e, uint64_t now_ns)
{
	uint64_t next;

	next = check_requests(c, e, now_ns); /* also of what has failed: its sender may not know yet */
	if (state_is_end(e->sa.state))
		return next;
	next = sooner(next, check_v1_silence(c, e, now_ns));
	next = sooner(next, check_stalled(c, e, now_ns));
	return sooner(next, aftermath_silence(c, e, now_ns));
}

/* Where it will be looked at in time it stays: most deadlines are cancelled, and looking in vain is cheaper than moving it. */
static void put(struct conversations *c, struct conversation_entry *e)
{
	uint64_t second = (e->deadline_ns > c->now_ns ? e->deadline_ns : c->now_ns) / SECOND + 1;

	if (!e->deadline_ns || (e->queued_second && e->queued_second <= second))
		return;
	link_remove(&e->wheel);
	link_append(&c->wheel[second % WHEEL_SLOTS], &e->wheel);
	e->queued_second = second;
}

/* Deadlines lie ahead of the message that sets them: with its time nothing is overdue. */
void state_schedule(struct conversations *c, struct conversation_entry *e)
{
	e->deadline_ns = check(c, e, e->sa.last_ns);
	put(c, e);
}

static void sweep_slot(struct conversations *c, uint64_t second, uint64_t now_ns)
{
	struct link *slot = &c->wheel[second % WHEEL_SLOTS];
	struct link *at = slot->next, *end = slot->previous;
	bool more = at != slot;

	while (more) {
		struct conversation_entry *e = entry_of(at, wheel);
		struct link *next = at->next;

		more = at != end;
		if (e->queued_second <= second) { /* not one of a later turn of the wheel */
			link_remove(&e->wheel);
			e->queued_second = 0;
			if (e->deadline_ns && e->deadline_ns <= now_ns)
				e->deadline_ns = check(c, e, now_ns);
			put(c, e);
		}
		at = next;
	}
}

void state_sweep(struct conversations *c, uint64_t now_ns)
{
	uint64_t second = now_ns / SECOND, from;

	if (now_ns <= c->now_ns)
		return;
	c->now_ns = now_ns;
	if (second == c->swept_second)
		return;
	/* In a second without any, and when they have ended, there is none: a look may come long after the last */
	c->stats.half_open_rate = second == c->swept_second + 1 ? c->rate : 0;
	c->rate = 0;
	from = c->swept_second && second - c->swept_second < WHEEL_SLOTS ? c->swept_second + 1
									 : second - WHEEL_SLOTS + 1;
	c->swept_second = second;
	for (; from <= second; from++)
		sweep_slot(c, from, now_ns);
}

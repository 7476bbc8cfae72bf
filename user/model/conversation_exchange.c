// SPDX-License-Identifier: GPL-2.0-or-later
/* conversation_exchange.c - the exchanges of an IKE SA: a bounded ring, fragments, retransmissions */
#include "model/conversation_internal.h"

#include <stdlib.h>
#include <string.h>

static bool grow(struct conversations *c, struct conversation_sa *sa)
{
	uint32_t capacity = sa->exchange_capacity ? sa->exchange_capacity * 2 : 1;
	struct conversation_exchange *larger;

	if (capacity > c->limits.exchanges)
		capacity = c->limits.exchanges;
	/* It grows only while nothing was forgotten: oldest at the front. */
	larger = realloc(sa->exchanges, capacity * sizeof(*larger));
	if (!larger)
		return false;
	sa->exchanges = larger;
	sa->exchange_capacity = capacity;
	return true;
}

struct conversation_exchange *exchange_add(struct fold *f, enum conversation_side by)
{
	struct conversation_sa *sa = &f->entry->sa;
	struct conversation_exchange *x;

	if (sa->exchange_count == sa->exchange_capacity && sa->exchange_capacity < f->c->limits.exchanges &&
	    !grow(f->c, sa)) {
		f->c->stats.no_memory++;
		if (!sa->exchange_capacity)
			return NULL;
	}
	if (sa->exchange_count == sa->exchange_capacity) {
		exchange_close(f->entry, &sa->exchanges[sa->exchange_first]);
		sa->exchange_first = (sa->exchange_first + 1) % sa->exchange_capacity;
		sa->exchange_count--;
		sa->exchanges_forgotten++;
	}
	x = &sa->exchanges[(sa->exchange_first + sa->exchange_count++) % sa->exchange_capacity];
	memset(x, 0, sizeof(*x));
	x->type = f->m->exchange;
	x->major = f->m->major;
	x->message_id = f->m->message_id;
	x->by = by;
	if (x->message_id >= f->entry->next_id[by])
		f->entry->next_id[by] = x->message_id + 1ull;
	return x;
}

/* From the newest back: what is looked for is almost always there. In IKEv2 a new request has an id that is higher than all before. */
struct conversation_exchange *exchange_find(struct conversation_entry *e, enum conversation_side by,
					    uint32_t message_id, uint8_t type)
{
	uint32_t i;

	if (message_id >= e->next_id[by])
		return NULL;
	for (i = e->sa.exchange_count; i > 0; i--) {
		struct conversation_exchange *x =
			&e->sa.exchanges[(e->sa.exchange_first + i - 1) % e->sa.exchange_capacity];

		if (x->message_id == message_id && x->by == by && (!type || x->type == type))
			return x;
	}
	return NULL;
}

struct conversation_exchange *exchange_last(struct conversation_entry *e)
{
	if (!e->sa.exchange_count)
		return NULL;
	return &e->sa.exchanges[(e->sa.exchange_first + e->sa.exchange_count - 1) % e->sa.exchange_capacity];
}

/*
 * Fragments are told apart by number alone (RFC 7383 section 2.5): one that was seen already begins a new round. A larger total
 * does, too: the sender has fallen back to smaller ones (section 2.5.2).
 */
enum half_result exchange_half(struct conversation_half *half, const struct fold *f)
{
	const struct ike_fragment *fragment = &f->m->fragment;
	uint64_t bit = 1ull << ((fragment->number ? fragment->number - 1u : 0) & 63);
	uint16_t total = fragment->total ? fragment->total : fragment->last ? fragment->number : 0;
	/* What is encrypted in an SKF payload begins behind number and total. */
	uint32_t encrypted = f->m->encrypted_size -
			     (fragment->number && f->m->major == 2 && f->m->encrypted_size >= 4 ? 4 : 0);
	bool complete =
		half->total ? (unsigned int)half->fragments >= half->total : half->bytes && !half->fragments;

	if (complete) {
		/* `seen` now tells of the round of repetition. */
		bool begins = (half->seen & bit) || (total && half->total != total);

		if (total && begins)
			half->total = half->fragments = total;
		half->seen = begins ? bit : half->seen | bit;
		return begins ? HALF_REPEAT : HALF_REST;
	}
	if ((half->seen & bit) || (half->total && total > half->total)) {
		half->seen = bit; /* sent again before all of it was seen */
		half->fragments = 1;
		half->total = total;
		half->bytes = f->m->length;
		half->encrypted = encrypted;
		return HALF_REPEAT;
	}
	half->seen |= bit;
	half->bytes += f->m->length;
	half->encrypted += encrypted;
	if (!fragment->number)
		return HALF_WHOLE;
	half->fragments++;
	if (total)
		half->total = total;
	return half->total && half->fragments >= half->total ? HALF_WHOLE : HALF_MORE;
}

void exchange_wait(struct fold *f, struct conversation_exchange *x)
{
	if (!x->waiting || x->given_up_ns) {
		uint32_t *open = &f->entry->open[x->by];

		if (++*open > f->entry->sa.window[x->by])
			f->entry->sa.window[x->by] = *open;
	}
	x->waiting = true;
	x->given_up_ns = 0;
}

void exchange_close(struct conversation_entry *e, struct conversation_exchange *x)
{
	if (x->waiting && !x->given_up_ns)
		e->open[x->by]--;
	x->waiting = false;
}

/*
 * Senders wait longer each time, by a constant factor (charon: 1.8) or not at all longer: the last two gaps tell. One gap alone is
 * taken for charon's.
 */
uint64_t exchange_overdue(const struct conversation_exchange *x, uint64_t *ret_given_up)
{
	uint64_t wait = x->gap_ns[0] / 5 * 9, late;

	if (!x->retransmits) {
		*ret_given_up = x->sent_ns + FIRST_ANSWER * SECOND;
		return *ret_given_up;
	}
	if (x->gap_ns[1]) {
		double ratio = (double)x->gap_ns[0] / (double)x->gap_ns[1];

		wait = (uint64_t)((double)x->gap_ns[0] * (ratio < 1 ? 1 : ratio > 3 ? 3 : ratio));
	}
	late = wait / 4 > SECOND ? wait / 4 : SECOND;
	*ret_given_up = x->sent_ns + wait;
	return x->sent_ns + wait + late;
}

void exchange_sent_again(struct fold *f, struct conversation_exchange *x)
{
	uint64_t now = f->packet->time_ns;

	if (x->retransmits < CONVERSATION_RETRANSMITS) {
		uint64_t after = x->request_ns && now > x->request_ns ? (now - x->request_ns) / 1000 : 0;

		x->retransmit_us[x->retransmits] = after < UINT32_MAX ? (uint32_t)after : UINT32_MAX;
	}
	x->retransmits++;
	x->gap_ns[1] = x->gap_ns[0];
	x->gap_ns[0] = now > x->sent_ns ? now - x->sent_ns : 0;
	x->sent_ns = now;
	if (x->waiting)
		exchange_wait(f, x); /* perhaps it had been given up */
	f->entry->sa.retransmits++;
	f->c->stats.retransmits++;
	state_event(f->c, CONVERSATION_EVENT_RETRANSMIT, f->entry, x, now);
}

static void add_notify(uint16_t *list, uint8_t *count, unsigned int capacity, uint16_t type)
{
	unsigned int i;

	for (i = 0; i < *count; i++)
		if (list[i] == type)
			return;
	if (*count < capacity)
		list[(*count)++] = type;
}

void exchange_notifies(struct fold *f, struct conversation_exchange *x)
{
	struct conversation_sa *sa = &f->entry->sa;
	unsigned int i;

	for (i = 0; i < f->m->notify_count; i++) {
		uint16_t type = f->m->notifies[i].type;

		if (x)
			add_notify(x->notifies, &x->notify_count, CONVERSATION_EXCHANGE_NOTIFIES, type);
		add_notify(sa->notifies, &sa->notify_count, CONVERSATION_SA_NOTIFIES, type);
	}
}

int64_t conversation_rtt_us(const struct conversation_exchange *exchange)
{
	/* Karn: with a retransmission nobody knows which transmission was answered. */
	if (exchange->request_ns <= CONVERSATION_NO_TIME || !exchange->response_ns || exchange->retransmits ||
	    exchange->response_ns < exchange->request_ns)
		return -1;
	return (int64_t)((exchange->response_ns - exchange->request_ns) / 1000);
}

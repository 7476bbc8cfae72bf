// SPDX-License-Identifier: GPL-2.0-or-later
/* log_unanswered.c - request, retransmissions, nothing: what that means depends on how far it had come */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "diagnose/log_case.h"

#define SECOND 1000000000ULL
#define NEXT_MOST 16	/* lines in which what is said at once is looked for: a log may have no times */
#define FRAGMENTED 1400 /* bytes of an IKE message that surely needs IP fragments */

static void note_tries(struct log_case *c, enum finding_id id)
{
	for (size_t i = 0; i < c->try_count; i++)
		case_note(c, id, c->tries[i]);
}

static bool is_negotiation(const struct log_event *e)
{
	return e->exchange == LOG_IKE_SA_INIT || e->exchange == LOG_IKE_AUTH ||
	       e->exchange == LOG_MAIN_MODE || e->exchange == LOG_AGGRESSIVE_MODE;
}

/* The daemon says of the same moment that there was no IKE SA yet */
static bool says_new(const struct log_case *c, const struct log_event *e)
{
	const struct log_conversation *v = c->conversation;

	if (e->dialect == LOG_PLUTO && strstr(log_event_line(c->t, e), " to our first "))
		return true;
	for (size_t i = c->at + 1; e->kind == LOG_GAVE_UP && i < v->count && i <= c->at + NEXT_MOST; i++) {
		const struct log_event *next = &c->t->events[v->events[i]];

		if (next->order_ns > e->order_ns + SECOND)
			break;
		if (next->kind == LOG_NO_RESPONSE && next->dialect == LOG_CHARON && next->id == e->id)
			return true;
	}
	return false;
}

static bool was_established(const struct log_case *c, const struct log_event *e)
{
	if (is_negotiation(e) || says_new(c, e))
		return false;
	if (e->exchange || c->state == CASE_UP)
		return true;
	/* Without the request itself: 0 and 1 are IKE_SA_INIT and IKE_AUTH, or main mode */
	if (e->flags & LOG_HAS_MID)
		return e->mid >= 2;
	return c->state == CASE_UNKNOWN && !c->attempt_ns && e->kind == LOG_GAVE_UP;
}

/* Request, retransmissions, nothing: which finding says so depends on how far it had come */
void case_unanswered(struct log_case *c, const struct log_event *e, enum finding_confidence confidence)
{
	bool moved = c->sent_4500 && !c->got_4500 && c->parsed;
	enum finding_id id = FINDING_IKE_NO_RESPONSE;
	size_t sent = c->try_count;
	struct ailment *a;

	if (was_established(c, e)) {
		id = FINDING_DPD_TIMEOUT;
	} else if (c->told != FINDING_COUNT) {
		/* It was said before why */
		case_note(c, c->told, e);
		c->try_count = 0;
		return;
	} else if (moved && c->sent_size > FRAGMENTED) {
		id = FINDING_IKE_FRAGMENTS_LOST;
		confidence = CONFIDENCE_LIKELY;
	} else if (moved) {
		id = FINDING_NAT_T_PORT_BLOCKED;
		/* IKEv1: the sixth message is missing too when the pre-shared keys differ and the peer says nothing */
		confidence = e->exchange == LOG_MAIN_MODE ? CONFIDENCE_POSSIBLE : CONFIDENCE_LIKELY;
	} else if (e->exchange == LOG_MAIN_MODE && c->parsed >= 2) {
		id = FINDING_IKE_AUTH_FAILED;
		confidence = CONFIDENCE_LIKELY;
	} else if (c->fell) {
		c->tries_since = true;
		if (c->fall_cause != FINDING_COUNT) {
			case_note(c, c->fall_cause, e);
			c->try_count = 0;
			return;
		}
	}
	a = case_raise(c, id, c->try_count ? c->tries[0] : e, confidence);
	/* Of many retransmissions only the first ones are kept; the last line says how many there were */
	if (e->kind == LOG_GAVE_UP && (e->flags & LOG_HAS_N) && e->n > sent)
		sent = e->n;
	if (id == FINDING_DPD_TIMEOUT && c->try_count && (c->tries[0]->flags & LOG_HAS_MID))
		snprintf(a->detail, sizeof(a->detail),
			 ": request %" PRIu32 " was sent %zu times without an answer", c->tries[0]->mid,
			 sent + 1);
	note_tries(c, id);
	case_note(c, id, e);
	if (id == FINDING_DPD_TIMEOUT)
		case_fall(c, e, id);
	else if (id != FINDING_IKE_NO_RESPONSE)
		c->told = id;
	c->try_count = 0;
}

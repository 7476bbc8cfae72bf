// SPDX-License-Identifier: GPL-2.0-or-later
/* log_walk.c - follows the states of a tunnel through its events */
#include <stdio.h>
#include <string.h>

#include "diagnose/log_case.h"
#include "model/log_proposal.h"

#define SECOND 1000000000ULL
#define REAUTH_NS (5 * SECOND)	 /* deleted and up again within: reauthenticated */
#define OFFERS_NS (10 * SECOND)	 /* no offer accepted within: none will be */
#define RESTART_NS (60 * SECOND) /* down for so long without an attempt: nobody tries */
#define REPEATED 3		 /* what is normal once */

/* ---- IKE SAs that are alive */

static void live_remove(struct log_case *c, uint32_t id)
{
	size_t found = c->live_count;

	/* One without a number may be this one: an interface came up, and which IKE SA made it do so was not logged */
	for (size_t i = 0; i < c->live_count; i++)
		if (c->live[i] == id || (!c->live[i] && found == c->live_count))
			found = i;
	if (found < c->live_count)
		c->live[found] = c->live[--c->live_count];
}

static void live_add(struct log_case *c, uint32_t id)
{
	live_remove(c, id);
	if (c->live_count == CASE_LIVE)
		memmove(c->live, c->live + 1, --c->live_count * sizeof(c->live[0]));
	c->live[c->live_count++] = id;
}

static void is_up(struct log_case *c, const struct log_event *e)
{
	if (c->fell) {
		c->returns++;
		c->comeback = e;
	}
	if (c->state != CASE_UP)
		c->up_ns = e->at_ns;
	c->fell = false;
	c->deleted = NULL;
	c->state = CASE_UP;
	c->ever_up = true;
	c->ended_here = false;
	c->told = FINDING_COUNT;
	c->try_count = 0;
	case_recover(c, e, false);
}

/* Nothing that stood does any more, and what was said of its rekeying with it */
static void all_gone(struct log_case *c, const struct log_event *e)
{
	c->live_count = 0;
	c->children = 0;
	if (!c->expired)
		case_close(c, FINDING_CHILD_REKEY_FAILING, e);
}

void case_fall(struct log_case *c, const struct log_event *e, enum finding_id cause)
{
	all_gone(c, e);
	c->try_count = 0;
	if (c->fell) {
		/* Whoever noticed it first did not know why */
		if (c->fall_cause == FINDING_COUNT)
			c->fall_cause = cause;
		return;
	}
	c->fell = true;
	c->tries_since = false;
	/* The log begins in the middle: what falls was up */
	c->ever_up = true;
	c->state = CASE_DOWN;
	c->fall = e;
	c->fall_good = c->good;
	c->fall_cause = cause;
	c->fall_ns[c->falls++ % CASE_FALLS] = e->at_ns;
}

/* ---- ends and beginnings */

static void deleted_for_good(struct log_case *c, enum finding_confidence confidence)
{
	const struct log_event *e = c->deleted;

	if (!e)
		return;
	c->deleted = NULL;
	case_raise(c, FINDING_IKE_SA_DELETED_BY_PEER, e, confidence);
	case_fall(c, e, FINDING_IKE_SA_DELETED_BY_PEER);
}

static void delete_received(struct log_case *c, const struct log_event *e)
{
	bool known = c->live_count != 0;

	live_remove(c, e->id);
	/* Another one lives: rekeyed */
	if (c->live_count || c->deleted || c->fell || (known && c->state != CASE_UP))
		return;
	c->deleted = e;
}

static void deleting(struct log_case *c, const struct log_event *e)
{
	bool known = c->live_count != 0;

	live_remove(c, e->id);
	if (c->live_count || c->deleted || c->fell || !known)
		return;
	c->state = CASE_DOWN;
	all_gone(c, e);
	c->ended_here = true;
}

static void attempt(struct log_case *c, const struct log_event *e)
{
	c->attempt_ns = e->order_ns ? e->order_ns : 1;
	c->parsed = 0;
	c->got_4500 = c->sent_4500 = false;
	c->received = c->configured = NULL;
	c->told = FINDING_COUNT;
	c->try_count = 0;
}

static void restarted(struct log_case *c, const struct log_event *e)
{
	all_gone(c, e);
	c->try_count = 0;
	c->deleted = NULL;
	if (c->state != CASE_UP)
		return;
	/* A restart of our own daemon is nobody's fault, and no fall to be explained */
	c->state = CASE_DOWN;
	c->ended_here = true;
}

static void tunnel_down(struct log_case *c, const struct log_event *e)
{
	if (c->deleted)
		deleted_for_good(c, CONFIDENCE_CERTAIN);
	if (c->fell) {
		if (c->fall_cause != FINDING_COUNT)
			case_note(c, c->fall_cause, e);
		return;
	}
	if (c->state != CASE_DOWN)
		case_fall(c, e, FINDING_COUNT);
}

static void selected(struct log_case *c, const struct log_event *e)
{
	char weak[LOG_PROPOSAL_TEXT];
	struct ailment *a;

	c->received = c->configured = NULL;
	if (!log_proposal_is_weak(log_text(c->t, e->text), weak))
		return;
	a = case_raise(c, FINDING_WEAK_CRYPTO, e, CONFIDENCE_CERTAIN);
	snprintf(a->detail, sizeof(a->detail), "%s", weak);
}

/* ---- messages that say all by themselves */

static enum finding_id direct(enum log_kind kind, enum finding_confidence *ret_confidence)
{
	*ret_confidence = CONFIDENCE_CERTAIN;
	switch (kind) {
	case LOG_REPLAY:
		return FINDING_REPLAY_DROPPED;
	case LOG_INVALID_SPI:
		return FINDING_INVALID_SPI;
	case LOG_ESP_AUTH:
		return FINDING_ESP_AUTH_FAILED;
	case LOG_POLICY:
		return FINDING_POLICY_MISMATCH;
	case LOG_PMTU:
		return FINDING_PMTU_EXCEEDED;
	case LOG_CAPACITY:
		return FINDING_GATEWAY_CAPACITY;
	case LOG_NOT_TRIGGERED:
		return FINDING_IKE_NOT_STARTED;
	case LOG_PEER_RESTARTED:
		return FINDING_PEER_RESTARTED;
	case LOG_AGGRESSIVE:
		return FINDING_IKE_AGGRESSIVE_MODE;
	case LOG_HALF_OPEN:
		return FINDING_IKE_FLOOD;
	case LOG_COOKIE:
		return FINDING_IKE_COOKIE_CHALLENGE;
	case LOG_INVALID_KE:
		return FINDING_IKE_DH_GROUP_RETRY;
	case LOG_DUPLICATE:
		return FINDING_DUPLICATE_SAS;
	case LOG_NAT_MOVED:
		return FINDING_NAT_MAPPING_CHANGED;
	case LOG_STATE_NO_STATE:
		*ret_confidence = CONFIDENCE_POSSIBLE;
		return FINDING_IKE_PROPOSAL_MISMATCH;
	case LOG_STATE_KEY_EXCH:
		*ret_confidence = CONFIDENCE_POSSIBLE;
		return FINDING_IKE_AUTH_FAILED;
	default:
		return FINDING_COUNT;
	}
}

static void packets(struct log_case *c, const struct log_event *e)
{
	if (e->kind == LOG_RECEIVED) {
		c->got_4500 |= e->local_port == 4500 || e->peer_port == 4500;
	} else {
		c->sent_4500 |= e->local_port == 4500 || e->peer_port == 4500;
		c->sent_size = e->size;
	}
}

static void parsed(struct log_case *c, const struct log_event *e)
{
	c->parsed++;
	c->try_count = 0;
	c->dpd_unanswered = 0;
	c->received = c->configured = NULL;
	/* Only an IKE SA that stands makes CHILD_SAs */
	if (c->state == CASE_UNKNOWN && e->exchange == LOG_CREATE_CHILD_SA)
		c->state = CASE_UP;
}

static void tunnel_event(struct log_case *c, const struct log_event *e)
{
	switch ((enum log_kind)e->kind) {
	case LOG_IKE_UP:
	case LOG_IKE_REKEYED:
		live_add(c, e->id);
		is_up(c, e);
		return;
	case LOG_CHILD_UP:
		case_child_up(c, e);
		case_recover(c, e, true);
		if (!c->live_count)
			live_add(c, e->id);
		is_up(c, e);
		return;
	case LOG_TUNNEL_UP:
	case LOG_STATE_UP:
		if (!c->live_count)
			live_add(c, e->id);
		case_recover(c, e, true);
		is_up(c, e);
		return;
	case LOG_TUNNEL_DOWN:
		tunnel_down(c, e);
		return;
	case LOG_DELETE_RECEIVED:
		delete_received(c, e);
		return;
	case LOG_IKE_DELETING:
		deleting(c, e);
		return;
	case LOG_CHILD_CLOSED:
	case LOG_CHILD_EXPIRED:
		case_child_gone(c, e);
		return;
	case LOG_CHILD_FAILED:
	case LOG_REKEY_FAILED:
		case_child_failed(c, e);
		return;
	default:
		return;
	}
}

static void traffic_event(struct log_case *c, const struct log_event *e)
{
	enum finding_confidence confidence;
	enum finding_id id;
	struct ailment *a;

	switch ((enum log_kind)e->kind) {
	case LOG_RECEIVED:
	case LOG_SENT:
		packets(c, e);
		return;
	case LOG_PARSED:
		parsed(c, e);
		return;
	case LOG_INITIATING:
	case LOG_PEER_INITIATING:
		attempt(c, e);
		return;
	case LOG_RETRANSMIT:
		if (c->try_count < CASE_TRIES)
			c->tries[c->try_count++] = e;
		return;
	case LOG_GAVE_UP:
		case_unanswered(c, e, CONFIDENCE_CERTAIN);
		return;
	case LOG_NO_RESPONSE:
		/* charon says so after it gave up */
		if (case_has(c, FINDING_IKE_NO_RESPONSE) &&
		    c->ailments[FINDING_IKE_NO_RESPONSE].last_ns == e->at_ns)
			return;
		if (e->dialect == LOG_CHARON && c->told != FINDING_COUNT)
			case_note(c, c->told, e);
		else if (e->dialect == LOG_CHARON && case_has(c, FINDING_IKE_NO_RESPONSE))
			case_note(c, FINDING_IKE_NO_RESPONSE, e);
		else if (e->dialect != LOG_CHARON || !c->fell)
			case_raise(c, FINDING_IKE_NO_RESPONSE, e, CONFIDENCE_CERTAIN);
		return;
	case LOG_DPD_SENT:
		c->dpd_unanswered++;
		return;
	case LOG_DPD_DEAD:
		a = case_raise(c, FINDING_DPD_TIMEOUT, e, CONFIDENCE_CERTAIN);
		if (c->dpd_unanswered)
			snprintf(a->detail, sizeof(a->detail), ": %u DPD requests in a row were not answered",
				 c->dpd_unanswered);
		case_fall(c, e, FINDING_DPD_TIMEOUT);
		return;
	case LOG_STARTED:
	case LOG_STOPPED:
		restarted(c, e);
		return;
	case LOG_PROPOSAL_SELECTED:
		selected(c, e);
		return;
	default:
		id = direct((enum log_kind)e->kind, &confidence);
		if (id != FINDING_COUNT)
			case_raise(c, id, e, confidence);
		return;
	}
}

void case_follow(struct log_case *c, const struct log_event *e)
{
	if (c->deleted && e->order_ns > c->deleted->order_ns + REAUTH_NS)
		deleted_for_good(c, CONFIDENCE_CERTAIN);
	if (c->refused && e->order_ns > c->refused->order_ns + OFFERS_NS)
		case_tell_refused(c);
	if (!case_refusal(c, e)) {
		tunnel_event(c, e);
		traffic_event(c, e);
	}
	if (log_kind_flags((enum log_kind)e->kind) & LOG_GOOD)
		c->good = e;
}

/* What is normal once or twice is taken back */
static void forgive(struct log_case *c, enum finding_id id)
{
	if (c->ailments[id].count < REPEATED)
		c->ailments[id] = (struct ailment){0};
}

void case_end(struct log_case *c, uint64_t end_ns)
{
	case_tell_refused(c);
	/* A log that ends at once does not show whether it came back */
	if (c->deleted)
		deleted_for_good(c, end_ns > c->deleted->order_ns + REAUTH_NS ? CONFIDENCE_CERTAIN
									      : CONFIDENCE_LIKELY);
	/* The log ends while requests are repeated */
	if (c->try_count >= REPEATED)
		case_unanswered(c, c->tries[c->try_count - 1], CONFIDENCE_LIKELY);
	if (c->fell && c->fall && c->fall->order_ns && end_ns > c->fall->order_ns + RESTART_NS &&
	    c->attempt_ns < c->fall->order_ns)
		case_raise(c, FINDING_TUNNEL_NOT_RESTARTED, c->fall,
			   c->fall_cause == FINDING_COUNT ? CONFIDENCE_POSSIBLE : CONFIDENCE_LIKELY);
	else if (c->fell && c->fall && c->fall_cause == FINDING_COUNT)
		case_raise(c, FINDING_TUNNEL_NOT_RESTARTED, c->fall, CONFIDENCE_POSSIBLE);
	forgive(c, FINDING_IKE_DH_GROUP_RETRY);
	forgive(c, FINDING_NAT_MAPPING_CHANGED);
	forgive(c, FINDING_DUPLICATE_SAS);
}

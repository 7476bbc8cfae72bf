// SPDX-License-Identifier: GPL-2.0-or-later
/* tunnel_state.c - the state of a tunnel when its verdict changes: falls, flaps, and what is told of them */
#include "model/tunnel_internal.h"

#include <stdio.h>
#include <string.h>

static bool stands(enum state_tunnel_state state)
{
	return state == STATE_TUNNEL_UP || state == STATE_TUNNEL_IDLE;
}

static void tell(struct tunnels *t, const struct tunnel *tunnel, enum timeline_kind kind,
		 const struct tunnel_verdict *v, uint64_t at_ns)
{
	struct timeline_entry e;

	if (!t->entry)
		return;
	tunnel_told_begin(tunnel, kind, at_ns, &e);
	e.confidence = v->confidence;
	e.origin = v->origin;
	if (kind == TIMELINE_TUNNEL_DOWN) {
		e.severity = tunnel->was_up ? TIMELINE_CRITICAL : TIMELINE_WARNING;
		snprintf(e.id, sizeof(e.id), "%s", v->cause);
		if (v->link && v->link->state != CONVERSATION_ESTABLISHED)
			tunnel_cause_explain(v->link, &e);
	}
	if (!e.text[0])
		snprintf(e.text, sizeof(e.text), "%s", v->evidence);
	timeline_evidence_add(&e, v->origin, v->since_ns, "state", "%.90s", v->evidence);
	tunnel_tell(t, &e);
}

/* A consequence of a silent peer does not take the place of why it fell. */
static void set_cause(struct tunnel *tunnel, const char *cause)
{
	if (!cause[0] || (tunnel->cause[0] && strcmp(cause, "ike-no-response") == 0 && tunnel->fell))
		return;
	snprintf(tunnel->cause, sizeof(tunnel->cause), "%s", cause);
}

static void note_fall(struct tunnel *tunnel)
{
	struct state_tunnel_fall *latest = &tunnel->falls[0];

	memmove(latest + 1, latest, sizeof(*latest) * (STATE_FALLS - 1));
	latest->at_ns = tunnel->last_down_ns;
	memcpy(latest->cause, tunnel->cause, sizeof(latest->cause));
	tunnel->fall_count += tunnel->fall_count < STATE_FALLS;
}

/* Why it fell may show later, by the IKE SA that it had; what was begun since then says why it does not come back. */
static void explain_fall(struct tunnel *tunnel, const struct tunnel_verdict *v)
{
	struct state_tunnel_fall *latest = &tunnel->falls[0];

	if (tunnel->fell && tunnel->fall_count && !latest->cause[0] && v->link &&
	    v->link->first_ns <= latest->at_ns)
		memcpy(latest->cause, tunnel->cause, sizeof(latest->cause));
}

/* It fell although the way up has begun again already: that is a fall all the same. */
static void fall(struct tunnels *t, struct tunnel *tunnel, const struct tunnel_verdict *v)
{
	struct tunnel_verdict down = *v;
	struct tunnel_standing s;

	if (v->state == STATE_TUNNEL_NEGOTIATING) {
		tunnel_look_at_links(tunnel, &s);
		if (s.ended && s.ended->since_ns >= tunnel->since_ns)
			tunnel_judge_ended(s.ended, &down);
	}
	tunnel->fell = true;
	tunnel->down_since_ns = tunnel->last_down_ns = down.since_ns;
	tunnel->cause[0] = '\0';
	set_cause(tunnel, down.cause);
	note_fall(tunnel);
	tell(t, tunnel, TIMELINE_TUNNEL_DOWN, &down, down.since_ns);
}

static void rise(struct tunnels *t, struct tunnel *tunnel, const struct tunnel_verdict *v)
{
	tunnel->flaps += tunnel->was_up && tunnel->fell;
	tunnel->was_up = true;
	tunnel->fell = false;
	/* Why it did not come up is over */
	if (tunnel->fall_count)
		memcpy(tunnel->cause, tunnel->falls[0].cause, sizeof(tunnel->cause));
	else
		tunnel->cause[0] = '\0';
	tunnel_table_settle(t, tunnel);
	tell(t, tunnel, v->state == STATE_TUNNEL_IDLE ? TIMELINE_TUNNEL_IDLE : TIMELINE_TUNNEL_UP, v,
	     v->since_ns);
}

/* Attempt after attempt fails: told once for each cause. */
static void fail(struct tunnels *t, struct tunnel *tunnel, const struct tunnel_verdict *v)
{
	char before[sizeof(tunnel->cause)];

	memcpy(before, tunnel->cause, sizeof(before));
	if (!tunnel->down_since_ns)
		tunnel->down_since_ns = v->since_ns;
	set_cause(tunnel, v->cause);
	explain_fall(tunnel, v);
	if (strcmp(tunnel->cause, before) != 0 || !tunnel->judged)
		tell(t, tunnel, TIMELINE_TUNNEL_DOWN, v, v->since_ns);
}

static void change(struct tunnels *t, struct tunnel *tunnel, struct tunnel_verdict *v)
{
	bool stood = tunnel->judged && stands(tunnel->state);

	if (stood && !stands(v->state))
		fall(t, tunnel, v);
	else if (!stood && stands(v->state))
		rise(t, tunnel, v);
	else if (stood)
		tell(t, tunnel, v->state == STATE_TUNNEL_IDLE ? TIMELINE_TUNNEL_IDLE : TIMELINE_TUNNEL_UP, v,
		     v->since_ns);
	else if (v->state == STATE_TUNNEL_DOWN)
		fail(t, tunnel, v);
	if (v->state == STATE_TUNNEL_NEGOTIATING && (stood || !tunnel->judged))
		tell(t, tunnel, TIMELINE_TUNNEL_NEGOTIATING, v, v->since_ns);
	if (stands(v->state))
		tunnel->down_since_ns = 0;
}

/* The sentence is made where the tunnel has changed; that of one that stands has times in it, and is made when it is shown. */
void tunnel_state_judge(struct tunnels *t, struct tunnel *tunnel, uint64_t at_ns)
{
	struct tunnel_verdict v;
	struct timeline_entry e;

	tunnel_judge(t, tunnel, at_ns, false, &v);
	if (tunnel->judged && v.state == tunnel->state && v.confidence == tunnel->confidence &&
	    tunnel->changed != t->look)
		return;
	tunnel_judge(t, tunnel, at_ns, true, &v);
	if (!tunnel->judged && t->entry) {
		tunnel_told_begin(tunnel, TIMELINE_TUNNEL_NEW, tunnel->first_ns, &e);
		snprintf(e.text, sizeof(e.text), "seen for the first time%s",
			 tunnel->transit ? ", between two other hosts" : "");
		timeline_evidence_add(&e, v.origin, v.since_ns, "state", "%.90s", v.evidence);
		tunnel_tell(t, &e);
	}
	/* UP after IDLE began with the packet that ended it, which nobody kept */
	if (tunnel->judged && tunnel->state == STATE_TUNNEL_IDLE && v.state == STATE_TUNNEL_UP)
		v.since_ns = at_ns;
	/* It came back, although its IKE SA stood all the time or its last packets are from before */
	if (tunnel->fell && stands(v.state) && !stands(tunnel->state) && v.since_ns <= tunnel->last_down_ns)
		v.since_ns = tunnel->word.what == TOLD_UP && tunnel->word.since_ns > tunnel->last_down_ns &&
					     tunnel->word.since_ns < at_ns
				     ? tunnel->word.since_ns
				     : at_ns;
	if (!tunnel->judged || v.state != tunnel->state) {
		change(t, tunnel, &v);
		tunnel->state = v.state;
		tunnel->since_ns = v.state == STATE_TUNNEL_DOWN && tunnel->down_since_ns
					   ? tunnel->down_since_ns
					   : v.since_ns;
	} else if (v.state == STATE_TUNNEL_DOWN && strcmp(v.cause, tunnel->cause) != 0) {
		fail(t, tunnel, &v);
	}
	tunnel->judged = true;
	tunnel->confidence = v.confidence;
	memcpy(tunnel->evidence, v.evidence, sizeof(tunnel->evidence));
}

void tunnel_state_evidence(const struct tunnels *t, const struct tunnel *tunnel, char *buffer, size_t size)
{
	struct tunnel_verdict v;

	if (stands(tunnel->state)) {
		tunnel_judge(t, tunnel, t->now_ns, true, &v);
		if (v.state == tunnel->state) {
			snprintf(buffer, size, "%s", v.evidence);
			return;
		}
	}
	snprintf(buffer, size, "%s", tunnel->evidence);
}

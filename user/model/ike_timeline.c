// SPDX-License-Identifier: GPL-2.0-or-later
/* ike_timeline.c - one sentence for each turn of an IKE conversation */
#include "model/ike_timeline.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void say(struct timeline_entry *entry, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct timeline_entry *entry, const char *format, ...)
{
	size_t length = strlen(entry->text);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(entry->text + length, sizeof(entry->text) - length, format, arguments);
	va_end(arguments);
}

static void begin(const struct conversation_sa *sa, enum conversation_side local, enum timeline_kind kind,
		  uint64_t time_ns, struct timeline_entry *ret)
{
	const struct conversation_endpoint *own = &sa->path.end[local], *peer = &sa->path.end[!local];

	memset(ret, 0, sizeof(*ret));
	ret->time_ns = time_ns;
	ret->kind = kind;
	ret->confidence = TIMELINE_CERTAIN;
	ret->origin = TIMELINE_FROM_WIRE;
	memcpy(ret->local, own->address, sizeof(ret->local));
	memcpy(ret->peer, peer->address, sizeof(ret->peer));
	ret->local_port = own->port;
	ret->peer_port = peer->port;
	ret->initiator_spi = sa->initiator_spi;
	ret->responder_spi = sa->responder_spi;
	ret->major = sa->major;
}

/* "INFORMATIONAL 7 (DPD)". */
static void say_exchange(struct timeline_entry *entry, const struct conversation_exchange *x)
{
	const char *name = ike_exchange_name(x->major, x->type);
	const char *kind = conversation_kind_name((enum conversation_kind)x->kind);

	entry->exchange = x->type;
	entry->message_id = x->message_id;
	if (name)
		say(entry, "%s", name);
	else
		say(entry, "exchange type %u", x->type);
	if (x->major >= 2)
		say(entry, " %u", x->message_id);
	else if (x->message_id)
		say(entry, " 0x%08x", x->message_id);
	if (kind)
		say(entry, " (%s%s)", x->kind_confidence == CONVERSATION_CERTAIN ? "" : "likely ", kind);
}

static const char *who(const struct conversation_exchange *x, enum conversation_side local)
{
	return x->by == local ? "ours" : "the peer's";
}

static void say_notifies(struct timeline_entry *entry, const struct conversation_exchange *x)
{
	char text[64];

	for (unsigned int i = 0; i < x->notify_count; i++) {
		ike_notify_print(x->major, x->notifies[i], text, sizeof(text));
		say(entry, "%s%s", i ? ", " : "; notifies: ", text);
	}
}

static void exchange_evidence(struct timeline_entry *entry, const struct conversation_exchange *x)
{
	if (x->request_ns)
		timeline_evidence_add(entry, TIMELINE_FROM_WIRE, x->request_ns, "request", "%u bytes",
				      x->request.bytes);
	if (x->response_ns)
		timeline_evidence_add(entry, TIMELINE_FROM_WIRE, x->response_ns, "response", "%u bytes",
				      x->response.bytes);
	if (x->retransmits)
		timeline_evidence_add(entry, TIMELINE_FROM_WIRE, x->sent_ns, "retransmissions", "%u",
				      x->retransmits);
}

static void answered(struct timeline_entry *entry, const struct conversation_exchange *x,
		     enum conversation_side local)
{
	const char *outcome = conversation_outcome_name((enum conversation_outcome)x->outcome);
	int64_t rtt = conversation_rtt_us(x);

	say_exchange(entry, x);
	say(entry, ", %s, answered", who(x, local));
	if (rtt >= 0)
		say(entry, " after %lld.%03lld ms", (long long)(rtt / 1000), (long long)(rtt % 1000));
	if (x->retransmits)
		say(entry, " (sent again %u times)", x->retransmits);
	if (outcome)
		say(entry, ": %s%s", x->outcome_confidence == CONVERSATION_CERTAIN ? "" : "likely ", outcome);
	say_notifies(entry, x);
	entry->good = x->outcome != CONVERSATION_OUTCOME_FAILURE && x->outcome != CONVERSATION_OUTCOME_RETRY;
	if (x->outcome == CONVERSATION_OUTCOME_FAILURE || x->outcome == CONVERSATION_OUTCOME_NO_CHILD)
		entry->severity = TIMELINE_WARNING;
	exchange_evidence(entry, x);
}

static void changed(struct timeline_entry *entry, const struct conversation_event *event)
{
	const struct conversation_sa *sa = event->sa;
	char evidence[200];

	if (sa->state == CONVERSATION_DEAD || sa->state == CONVERSATION_FAILED)
		entry->severity = TIMELINE_WARNING;
	entry->confidence = (enum timeline_confidence)sa->confidence;
	conversation_evidence(sa, evidence, sizeof(evidence));
	say(entry, "IKE SA %s", conversation_state_name(sa->state));
	if (event->old != sa->state)
		say(entry, " (was %s)", conversation_state_name(event->old));
	say(entry, ": %s", evidence);
	timeline_evidence_add(entry, TIMELINE_FROM_WIRE, sa->since_ns, conversation_reason_name(sa->reason),
			      "%s", evidence);
}

static void moved(struct timeline_entry *entry, const struct conversation_sa *sa)
{
	const struct conversation_move *last = &sa->move[(sa->moves - 1) % CONVERSATION_MOVES];
	char old[64], new[64];
	bool any = false;

	for (int side = 0; side < 2; side++) {
		const struct conversation_endpoint *a = &last->from.end[side], *b = &sa->path.end[side];

		if (a->port == b->port && memcmp(a->address, b->address, sizeof(a->address)) == 0)
			continue;
		conversation_endpoint_print(a, old, sizeof(old));
		conversation_endpoint_print(b, new, sizeof(new));
		say(entry, "%s%s moved from %s to %s", any ? "; " : "",
		    side ? "the responder" : "the initiator", old, new);
		timeline_evidence_add(entry, TIMELINE_FROM_WIRE, last->time_ns, "from", "%s", old);
		timeline_evidence_add(entry, TIMELINE_FROM_WIRE, last->time_ns, "to", "%s", new);
		any = true;
	}
	if (!any)
		say(entry, "an end moved and came back");
}

/* Empty INFORMATIONAL exchanges are too many to write down, and IKEv1's cannot be told from them. */
static bool routine(const struct conversation_exchange *x)
{
	return (x->major >= 2 ? x->type == IKE_V2_EXCHANGE_INFORMATIONAL
			      : x->type == IKE_V1_EXCHANGE_INFORMATIONAL) &&
	       !x->retransmits && !x->notify_count;
}

bool ike_timeline_entry(const struct conversation_event *event, enum conversation_side local,
			struct timeline_entry *ret)
{
	static const enum timeline_kind kinds[] = {
		[CONVERSATION_EVENT_STATE] = TIMELINE_IKE_STATE,
		[CONVERSATION_EVENT_EXCHANGE] = TIMELINE_IKE_EXCHANGE,
		[CONVERSATION_EVENT_RETRANSMIT] = TIMELINE_IKE_RETRANSMIT,
		[CONVERSATION_EVENT_GIVE_UP] = TIMELINE_IKE_GIVE_UP,
		[CONVERSATION_EVENT_MOVE] = TIMELINE_ENDPOINT,
	};
	const struct conversation_exchange *x = event->exchange;

	begin(event->sa, local, kinds[event->kind], event->time_ns, ret);
	switch (event->kind) {
	case CONVERSATION_EVENT_STATE:
		changed(ret, event);
		return true;
	case CONVERSATION_EVENT_EXCHANGE:
		if (!x || routine(x))
			return false;
		answered(ret, x, local);
		return true;
	case CONVERSATION_EVENT_RETRANSMIT:
		if (!x)
			return false;
		say_exchange(ret, x);
		say(ret, ", %s, sent again (%u)", who(x, local), x->retransmits);
		ret->severity = TIMELINE_WARNING;
		exchange_evidence(ret, x);
		return true;
	case CONVERSATION_EVENT_GIVE_UP:
		if (!x)
			return false;
		say_exchange(ret, x);
		say(ret, ", %s, given up after %u retransmissions without an answer", who(x, local),
		    x->retransmits);
		ret->severity = TIMELINE_WARNING;
		exchange_evidence(ret, x);
		return true;
	case CONVERSATION_EVENT_MOVE:
		if (!event->sa->moves)
			return false;
		moved(ret, event->sa);
		return true;
	}
	return false;
}

bool ike_timeline_wants_last_good(const struct conversation_event *event)
{
	if (event->kind == CONVERSATION_EVENT_RETRANSMIT)
		return event->exchange && event->exchange->retransmits == 1;
	return event->kind == CONVERSATION_EVENT_STATE && event->old == CONVERSATION_ESTABLISHED &&
	       (event->sa->state == CONVERSATION_DEAD || event->sa->state == CONVERSATION_DELETED);
}

bool ike_timeline_last_good(const struct conversation_sa *sa, enum conversation_side local, uint64_t time_ns,
			    struct timeline_entry *ret)
{
	const struct conversation_exchange *best = NULL;

	for (uint32_t i = 0; i < sa->exchange_count; i++) {
		const struct conversation_exchange *x = conversation_exchange_at(sa, i);

		if (x->response_ns && x->response_ns < time_ns &&
		    (!best || x->response_ns > best->response_ns) &&
		    x->outcome != CONVERSATION_OUTCOME_FAILURE && x->outcome != CONVERSATION_OUTCOME_RETRY)
			best = x;
	}
	if (!best || !routine(best)) /* what is not routine has its entry already */
		return false;
	begin(sa, local, TIMELINE_IKE_EXCHANGE, best->response_ns, ret);
	answered(ret, best, local);
	return true;
}

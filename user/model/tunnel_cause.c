// SPDX-License-Identifier: GPL-2.0-or-later
/* tunnel_cause.c - how an IKE SA ended, as the finding that explains it and as a sentence */
#include "model/tunnel_internal.h"

#include <stdio.h>
#include <string.h>

/* Notify types that both versions number alike, unless said otherwise: IANA "IKEv2 Notify Message Error Types", RFC 2408 3.14.1 */
enum {
	V1_INVALID_PAYLOAD_TYPE = 1,
	INVALID_MAJOR_VERSION = 5,
	INVALID_SYNTAX = 7,
	NO_PROPOSAL_CHOSEN = 14,
	V1_PAYLOAD_MALFORMED = 16,
	V1_INVALID_ID = 18,
	AUTHENTICATION_FAILED = 24,
	TS_UNACCEPTABLE = 38,
};

static const char *cause_of_notify(const struct conversation_sa *sa)
{
	switch (sa->reason_number) {
	case NO_PROPOSAL_CHOSEN:
		return "ike-proposal-mismatch";
	case INVALID_MAJOR_VERSION:
		return "ike-version-mismatch";
	case AUTHENTICATION_FAILED:
		return "ike-auth-failed";
	case V1_INVALID_PAYLOAD_TYPE:
	case V1_PAYLOAD_MALFORMED: /* decrypted with another key it is noise */
		return sa->major == 1 ? "ike-auth-failed" : "";
	case V1_INVALID_ID:
		return sa->major == 1 ? "child-sa-failed" : "";
	case TS_UNACCEPTABLE:
		return sa->major == 2 ? "child-sa-failed" : "";
	case INVALID_SYNTAX:
		return sa->major == 2 ? "ike-malformed" : "";
	default:
		return "";
	}
}

/* The exchange that the reason is about: by message id, what was not answered first. */
static const struct conversation_exchange *exchange_of(const struct conversation_sa *sa)
{
	const struct conversation_exchange *found = NULL;

	for (uint32_t i = 0; i < sa->exchange_count; i++) {
		const struct conversation_exchange *x = conversation_exchange_at(sa, i);

		if (x->message_id == sa->reason_id && (!found || !found->given_up_ns || x->given_up_ns))
			found = x;
	}
	return found;
}

/* A request that nobody answered: whose, and how far the negotiation came. */
static const char *cause_of_silence(const struct tunnel_link *link)
{
	const struct conversation_sa *sa = link->sa;
	const struct conversation_exchange *x = exchange_of(sa);
	enum conversation_side by = x ? x->by : CONVERSATION_INITIATOR;

	if (sa->malformed)
		return "ike-malformed"; /* something came back */
	if (x && x->major == 2 && x->type == IKE_V2_EXCHANGE_INFORMATIONAL)
		return "dpd-timeout"; /* it stood, although it was not seen to come up */
	if (sa->float_ns && !sa->float_answered)
		return "nat-t-port-blocked";
	if (x && x->ip_fragments && sa->heard_ns[!by])
		return "ike-fragments-lost";
	return by == link->local_side ? "ike-no-response" : "ike-request-not-answered";
}

static const char *cause_of_dead(const struct tunnel_link *link)
{
	const struct conversation_exchange *x = exchange_of(link->sa);

	if (link->reason == CONVERSATION_REASON_RESTARTED)
		return "peer-restarted";
	if (link->reason == CONVERSATION_REASON_PEER_SILENT && x && x->major == 2 &&
	    x->type != IKE_V2_EXCHANGE_INFORMATIONAL)
		return "ike-no-response";
	return "dpd-timeout";
}

static const struct conversation_exchange *last_exchange(const struct conversation_sa *sa)
{
	return sa->exchange_count ? conversation_exchange_at(sa, sa->exchange_count - 1) : NULL;
}

const char *tunnel_cause_of(const struct tunnel_link *link)
{
	const struct conversation_sa *sa = link->sa;
	const struct conversation_exchange *x;

	switch (link->reason) {
	case CONVERSATION_REASON_INIT_REFUSED:
	case CONVERSATION_REASON_NOTIFIED:
		return cause_of_notify(sa);
	case CONVERSATION_REASON_AUTH_SHORT:
	case CONVERSATION_REASON_AUTH_REVOKED:
	case CONVERSATION_REASON_PHASE1_REFUSED:
		return "ike-auth-failed";
	case CONVERSATION_REASON_AUTH_UNANSWERED:
	case CONVERSATION_REASON_NO_ANSWER:
		return cause_of_silence(link);
	case CONVERSATION_REASON_STALLED:
		/* Main mode message 5 is the first one in ciphertext */
		return sa->major == 1 && sa->phase1_step == 5 ? "ike-auth-failed" : "";
	default:
		break;
	}
	if (link->state == CONVERSATION_DEAD)
		return cause_of_dead(link);
	if (link->state != CONVERSATION_DELETED)
		return "";
	x = last_exchange(sa);
	/* What we deleted ourselves is no finding */
	return x && x->by != link->local_side ? "ike-sa-deleted-by-peer" : "";
}

static void name_exchange(const struct conversation_exchange *x, char *buffer, size_t size)
{
	char name[64];

	ike_exchange_print(x->major, x->type, name, sizeof(name));
	snprintf(buffer, size, x->major == 1 && x->message_id ? "%s 0x%08x" : "%s %u", name, x->message_id);
}

static const struct conversation_exchange *last_good(const struct conversation_sa *sa, uint64_t before_ns)
{
	const struct conversation_exchange *best = NULL;

	for (uint32_t i = 0; i < sa->exchange_count; i++) {
		const struct conversation_exchange *x = conversation_exchange_at(sa, i);

		if (x->response_ns && x->response_ns <= before_ns &&
		    x->outcome != CONVERSATION_OUTCOME_FAILURE && x->outcome != CONVERSATION_OUTCOME_RETRY &&
		    (!best || x->response_ns >= best->response_ns))
			best = x;
	}
	return best;
}

static void explain_silence(const struct tunnel_link *link, struct timeline_entry *e)
{
	const struct conversation_sa *sa = link->sa;
	const struct conversation_exchange *x = exchange_of(sa);
	char name[80], from[NAME_TIME], to[NAME_TIME];
	bool dpd = x && (x->major == 1 ? x->type == IKE_V1_EXCHANGE_INFORMATIONAL
				       : x->type == IKE_V2_EXCHANGE_INFORMATIONAL);

	if (link->reason == CONVERSATION_REASON_PEER_SILENT_V1 || !x) {
		snprintf(e->text, sizeof(e->text),
			 "peer stopped answering: %u informational messages in a row got no answer",
			 sa->reason_number);
		timeline_evidence_add(e, TIMELINE_FROM_WIRE, sa->since_ns, "messages without an answer", "%u",
				      sa->reason_number);
		return;
	}
	name_exchange(x, name, sizeof(name));
	snprintf(e->text, sizeof(e->text), "%s %s: %s%s sent %u time%s from %s to %s UTC",
		 x->by == link->local_side ? "peer" : "this end",
		 x->by == link->local_side && !sa->heard_ns[!x->by] && !dpd ? "never answered"
									    : "stopped answering",
		 dpd ? "DPD " : "", name, x->retransmits + 1, x->retransmits ? "s" : "",
		 tunnel_name_time(x->request_ns, from),
		 tunnel_name_time(x->sent_ns ? x->sent_ns : x->last_ns, to));
	timeline_evidence_add(e, TIMELINE_FROM_WIRE, x->request_ns, "request without an answer", "%s", name);
	timeline_evidence_add(e, TIMELINE_FROM_WIRE, x->sent_ns, "transmissions", "%u", x->retransmits + 1);
	if (x->given_up_ns)
		timeline_evidence_add(e, TIMELINE_FROM_WIRE, x->given_up_ns, "given up", "%s", name);
}

static void explain_delete(const struct tunnel_link *link, struct timeline_entry *e)
{
	const struct conversation_exchange *x = last_exchange(link->sa);
	char name[80], evidence[120];

	conversation_evidence(link->sa, evidence, sizeof(evidence));
	snprintf(e->text, sizeof(e->text), "%s deleted the IKE SA: %s",
		 x && x->by == link->local_side ? "this end" : "the peer", evidence);
	if (!x)
		return;
	name_exchange(x, name, sizeof(name));
	timeline_evidence_add(e, TIMELINE_FROM_WIRE, x->last_ns, "last message of the IKE SA", "%s", name);
}

void tunnel_cause_explain(const struct tunnel_link *link, struct timeline_entry *e)
{
	const struct conversation_sa *sa = link->sa;
	const struct conversation_exchange *good = last_good(sa, sa->since_ns);
	char evidence[200], name[80], at[NAME_TIME];
	size_t length;

	e->initiator_spi = link->initiator_spi;
	e->responder_spi = link->responder_spi;
	e->major = sa->major;
	e->confidence = (enum timeline_confidence)link->confidence;
	switch (link->reason) {
	case CONVERSATION_REASON_PEER_SILENT:
	case CONVERSATION_REASON_PEER_SILENT_V1:
	case CONVERSATION_REASON_NO_ANSWER:
	case CONVERSATION_REASON_AUTH_UNANSWERED:
		explain_silence(link, e);
		break;
	case CONVERSATION_REASON_DELETE_THEN_NEW:
	case CONVERSATION_REASON_DELETE_REPLACED:
	case CONVERSATION_REASON_DELETE_THEN_QUIET:
	case CONVERSATION_REASON_DELETE_TRAFFIC_ENDED:
		explain_delete(link, e);
		break;
	default:
		conversation_evidence(sa, evidence, sizeof(evidence));
		snprintf(e->text, sizeof(e->text), "%s", evidence);
		timeline_evidence_add(e, TIMELINE_FROM_WIRE, sa->since_ns,
				      conversation_reason_name(link->reason), "%.90s", evidence);
	}
	if (!good)
		return;
	name_exchange(good, name, sizeof(name));
	length = strlen(e->text);
	snprintf(e->text + length, sizeof(e->text) - length, "; last good exchange %s at %s UTC", name,
		 tunnel_name_time(good->response_ns, at));
	timeline_evidence_add(e, TIMELINE_FROM_WIRE, good->response_ns, "last good exchange", "%s", name);
}

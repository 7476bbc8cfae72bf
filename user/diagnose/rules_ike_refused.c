// SPDX-License-Identifier: GPL-2.0-or-later
/* rules_ike_refused.c - family A, from what the two IKE daemons say: the tunnel never comes up because one end refuses */
#include "diagnose/failing.h"
#include "diagnose/rules.h"
#include "model/address.h"
#include "model/log_proposal.h"

#include <stdio.h>
#include <string.h>

/* IKEv2 and IKEv1 share these numbers. */
enum {
	INVALID_MAJOR_VERSION = 5,
	NO_PROPOSAL_CHOSEN = 14,
	AUTHENTICATION_FAILED = 24,
	V1_INVALID_PAYLOAD_TYPE = 1,
	V1_PAYLOAD_MALFORMED = 16,
};

static const struct conversation_exchange *first_exchange(const struct conversation_sa *sa)
{
	const struct conversation_exchange *x = sa->exchange_count ? conversation_exchange_at(sa, 0) : NULL;

	return x && failing_first_exchange(x) ? x : NULL;
}

struct suites_of {
	struct finding *f;
	uint64_t at_ns;
	const char *what;
};

static void say_suite(void *arg, const char *suite)
{
	const struct suites_of *s = arg;

	finding_evidence(s->f, ORIGIN_WIRE, s->at_ns, s->what, suite);
}

/* "IKE:A/B/C, IKE:…", as the comparison wants it. */
struct offer {
	char text[2048];
	bool cut; /* it is longer: nothing can be said of what is missing in it */
};

static void on_suite(void *arg, const char *suite)
{
	struct offer *offer = arg;
	size_t used = strlen(offer->text), room = sizeof(offer->text) - used;

	if (snprintf(offer->text + used, room, "%sIKE:%s", used ? ", " : "", suite) >= (int)room)
		offer->cut = true;
}

static bool offer_of(const struct conversation_sa *sa, struct offer *ret)
{
	*ret = (struct offer){.text = ""};
	conversation_offered(sa, on_suite, ret);
	return *ret->text && !ret->cut;
}

/* The difference, of what the peer and we offer. False: there is none, or one of them is not known. */
static bool compare_offers(const struct talk *talk, const struct conversation_sa *other,
			   struct log_proposal_difference *ret)
{
	bool ours = talk->local == CONVERSATION_INITIATOR;
	struct offer refused, back;

	return offer_of(talk->sa, &refused) && offer_of(other, &back) &&
	       log_proposal_compare(ours ? back.text : refused.text, ours ? refused.text : back.text, ret) &&
	       *ret->text;
}

/* In the words of a log there is a received and a configured side; here each has said what it offers. */
static void set_difference(struct finding *f, const struct log_proposal_difference *d)
{
	static const struct {
		const char *side, *who;
	} words[] = {{" on the received side", " offered by the peer"},
		     {" on the configured side", " offered by us"}};
	char text[LOG_PROPOSAL_TEXT] = "";

	for (const char *at = d->text; *at;) {
		size_t used = strlen(text), skip = 1, w;

		for (w = 0; w < 2 && strncmp(at, words[w].side, strlen(words[w].side)) != 0; w++)
			;
		if (w < 2)
			skip = strlen(words[w].side);
		snprintf(text + used, sizeof(text) - used, "%.*s", w < 2 ? (int)strlen(words[w].who) : 1,
			 w < 2 ? words[w].who : at);
		at += skip;
	}
	finding_set(f, "difference", ": %s", text);
	if (*d->fix)
		finding_set(f, "fix", "%s", d->fix);
}

/*
 * What the other end offers when it begins is what it is configured with, too: of these the nearest that is another offer than the one that
 * was refused. The same offer, which went well, is of a time when one of them was configured otherwise.
 */
static void other_offer(struct rule_run *r, const struct talk *talk, struct finding *f)
{
	const struct conversation_sa *other = NULL, *nearest = NULL;
	struct log_proposal_difference difference, best;
	uint64_t apart, closest = RULE_RECENT;
	struct suites_of said = {f, 0, ""};

	while ((other = conversation_next(r->input->state->ike, other))) {
		if (other == talk->sa || !talk_same_ends(other, talk->sa) ||
		    memcmp(other->path.end[0].address, talk->sa->path.end[1].address, 16) != 0)
			continue;
		apart = other->first_ns > talk->sa->first_ns ? other->first_ns - talk->sa->first_ns
							     : talk->sa->first_ns - other->first_ns;
		if (apart > closest || !compare_offers(talk, other, &difference))
			continue;
		nearest = other;
		closest = apart;
		best = difference;
	}
	if (!nearest)
		return;
	said.at_ns = nearest->first_ns;
	said.what = talk->local == CONVERSATION_INITIATOR ? "offered by the peer when it began"
							  : "offered by us when we began";
	conversation_offered(nearest, say_suite, &said);
	set_difference(f, &best);
}

/* Value: 1 when NO_PROPOSAL_CHOSEN stands in clear before anything was agreed. */
static void proposal_mismatch(struct rule_run *r, const struct talk *talk)
{
	const struct conversation_sa *sa = talk->sa;
	struct finding *f;

	if (sa->state != CONVERSATION_FAILED || !talk_notified(sa, NO_PROPOSAL_CHOSEN) ||
	    !failing_still(r, talk, PROOF_AGREED))
		return;
	f = failing_hit(r, talk, 1, 1, first_exchange(sa));
	if (!f)
		return;
	f->confidence = CONFIDENCE_CERTAIN;
	finding_evidence(f, ORIGIN_WIRE, sa->since_ns, "notify in clear", "NO_PROPOSAL_CHOSEN");
	talk_suites(f, sa, talk->local == CONVERSATION_INITIATOR ? "offered by us" : "offered by the peer");
	other_offer(r, talk, f);
}

void rule_ike_proposal_mismatch(struct rule_run *r)
{
	talk_each(r, proposal_mismatch);
}

/* Value: how often another DH group was asked for in this negotiation; and the same over and over counts too. */
static void dh_group_retry(struct rule_run *r, const struct talk *talk)
{
	uint64_t *memory;
	struct finding *f;
	uint64_t first;

	if (!talk->sa->invalid_ke || !rule_recent(r, talk->sa->last_ns))
		return;
	/* Each negotiation that begins with a group that is refused, of one tunnel: the numbers of three of them */
	memory = rule_memory(r, &talk->subject);
	if (!memory)
		return;
	first = *memory >> 8;
	if (talk->sa->id > first)
		*memory = talk->sa->id << 8 | ((*memory & 0xff) < 0xff ? (*memory & 0xff) + 1 : 0xff);
	f = rule_hit(r, &talk->subject, (double)(*memory & 0xff) + talk->sa->invalid_ke - 1, 1);
	if (!f)
		return;
	finding_evidence_number(f, ORIGIN_WIRE, talk->sa->last_ns,
				"negotiations that began with a refused group", *memory & 0xff);
	finding_evidence_number(f, ORIGIN_WIRE, talk->sa->last_ns, "INVALID_KE_PAYLOAD in the last one",
				talk->sa->invalid_ke);
	talk_suites(f, talk->sa, "offered");
}

void rule_ike_dh_group_retry(struct rule_run *r)
{
	talk_each(r, dh_group_retry);
}

/* Value: cookies asked for in one negotiation. */
static void cookie_challenge(struct rule_run *r, const struct talk *talk)
{
	struct finding *f;

	if (!talk->sa->cookies || !rule_recent(r, talk->sa->first_ns))
		return;
	f = rule_hit(r, &talk->subject, talk->sa->cookies, 1);
	if (!f)
		return;
	f->since_ns = talk->sa->first_ns;
	finding_evidence_number(f, ORIGIN_WIRE, talk->sa->first_ns, "COOKIE notifies", talk->sa->cookies);
}

void rule_ike_cookie_challenge(struct rule_run *r)
{
	talk_each(r, cookie_challenge);
}

/* The other end begins with the other version, and is refused likewise; NULL: it does not. */
static const struct conversation_sa *other_version(const struct rule_run *r, const struct conversation_sa *sa)
{
	const struct conversation_sa *other = NULL;

	if (sa->state != CONVERSATION_FAILED)
		return NULL;
	while ((other = conversation_next(r->input->state->ike, other)))
		if (other->major != sa->major && other->state == CONVERSATION_FAILED &&
		    rule_recent(r, other->last_ns) && talk_same_ends(other, sa) &&
		    memcmp(other->path.end[0].address, sa->path.end[1].address, 16) == 0)
			return other;
	return NULL;
}

/* Value: 1 when a version is refused in clear, or each end begins with another one. */
static void version_mismatch(struct rule_run *r, const struct talk *talk)
{
	bool refused = talk_notified(talk->sa, INVALID_MAJOR_VERSION);
	const struct conversation_sa *other;
	char who[ADDRESS_TEXT];
	struct finding *f;

	if ((!refused && talk->sa->state != CONVERSATION_FAILED) || !failing_still(r, talk, PROOF_AGREED))
		return;
	other = other_version(r, talk->sa);
	if (!refused && !other)
		return;
	f = failing_hit(r, talk, 1, 1, first_exchange(talk->sa));
	if (!f)
		return;
	f->confidence = refused ? CONFIDENCE_CERTAIN : CONFIDENCE_LIKELY;
	if (refused)
		finding_evidence(f, ORIGIN_WIRE, talk->sa->last_ns, "notify in clear",
				 "INVALID_MAJOR_VERSION");
	address_text(talk->sa->path.end[0].address, who);
	finding_evidence(f, ORIGIN_WIRE, talk->sa->first_ns,
			 talk->sa->major >= 2 ? "began with IKEv2" : "began with IKEv1", who);
	if (!other)
		return;
	address_text(other->path.end[0].address, who);
	finding_evidence(f, ORIGIN_WIRE, other->first_ns,
			 other->major >= 2 ? "began with IKEv2" : "began with IKEv1", who);
}

void rule_ike_version_mismatch(struct rule_run *r)
{
	talk_each(r, version_mismatch);
}

/* ---- keys */

static bool auth_refused(const struct conversation_sa *sa)
{
	switch (sa->reason) {
	case CONVERSATION_REASON_AUTH_SHORT:
	case CONVERSATION_REASON_AUTH_REVOKED:
	case CONVERSATION_REASON_PHASE1_REFUSED:
		return true;
	default:
		return talk_notified(sa, AUTHENTICATION_FAILED) ||
		       (sa->major == 1 && (talk_notified(sa, V1_PAYLOAD_MALFORMED) ||
					   talk_notified(sa, V1_INVALID_PAYLOAD_TYPE)));
	}
}

/* Value: 1. */
static void auth_failed(struct rule_run *r, const struct talk *talk)
{
	const struct conversation_sa *sa = talk->sa;
	char evidence[300];
	struct finding *f;

	failing_no_more_if(r, talk, sa->state == CONVERSATION_ESTABLISHED);
	if (sa->state != CONVERSATION_FAILED || !auth_refused(sa) || !failing_still(r, talk, PROOF_STOOD))
		return;
	f = failing_hit(r, talk, 1, 1,
			sa->major >= 2 ? talk_answered(sa, IKE_V2_EXCHANGE_IKE_AUTH) : first_exchange(sa));
	if (!f)
		return;
	/* What only a size tells is never more than likely. */
	if (sa->reason != CONVERSATION_REASON_NOTIFIED && !talk_notified(sa, AUTHENTICATION_FAILED) &&
	    f->confidence == CONFIDENCE_CERTAIN)
		f->confidence = CONFIDENCE_LIKELY;
	conversation_evidence(sa, evidence, sizeof(evidence));
	finding_evidence(f, ORIGIN_WIRE, sa->since_ns, evidence, NULL);
	if (sa->major == 1)
		finding_evidence_number(f, ORIGIN_WIRE, sa->last_ns, "phase 1 came to message",
					sa->phase1_step);
}

void rule_ike_auth_failed(struct rule_run *r)
{
	talk_each(r, auth_failed);
}

/* Value: messages of one conversation that the parser refused. */
static void malformed(struct rule_run *r, const struct talk *talk)
{
	struct finding *f;

	if (!talk->sa->malformed || !rule_recent(r, talk->sa->last_ns))
		return;
	f = rule_hit(r, &talk->subject, (double)talk->sa->malformed, talk->sa->malformed);
	if (!f)
		return;
	finding_evidence_number(f, ORIGIN_WIRE, talk->sa->last_ns, "malformed messages", talk->sa->malformed);
	finding_evidence_number(f, ORIGIN_WIRE, talk->sa->last_ns, "messages", talk->sa->messages);
}

void rule_ike_malformed(struct rule_run *r)
{
	talk_each(r, malformed);
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "diagnose/failing.h"

#define JUST_NOW (UINT64_C(60) * 1000000000)

/* Did the two ends come further after this one had failed, whatever became of that? */
static bool is_overcome(const struct rule_run *r, const struct talk *talk, enum proof proof)
{
	const struct state_tunnel *t = talk->subject.tunnel;
	const struct rule_progress *p = t ? rule_progress(r, t) : NULL;
	uint64_t failed_ns = talk->sa->last_ns;

	if (!p)
		return false;
	if (proof == PROOF_ANSWERED && p->answered_ns[talk->local != CONVERSATION_INITIATOR] > failed_ns)
		return true;
	if (proof == PROOF_FLOATED && p->floated_ns > failed_ns)
		return true;
	return p->stood_ns > failed_ns || (proof <= PROOF_AGREED && p->agreed_ns > failed_ns);
}

bool failing_still(struct rule_run *r, const struct talk *talk, enum proof proof)
{
	if (talk->sa->state == CONVERSATION_ESTABLISHED || !rule_recent(r, talk->sa->last_ns))
		return false;
	if (!rule_tunnel_up(talk->subject.tunnel) && !is_overcome(r, talk, proof))
		return true;
	rule_over(r, &talk->subject);
	return false;
}

void failing_no_more_if(struct rule_run *r, const struct talk *talk, bool goes_on)
{
	if (goes_on && talk->sa->last_ns + JUST_NOW >= r->input->now_ns)
		rule_over(r, &talk->subject);
}

bool failing_first_exchange(const struct conversation_exchange *x)
{
	return x->major >= 2
		       ? x->type == IKE_V2_EXCHANGE_IKE_SA_INIT
		       : x->type == IKE_V1_EXCHANGE_MAIN_MODE || x->type == IKE_V1_EXCHANGE_AGGRESSIVE_MODE;
}

/* A tunnel that is tried again and again fails since the first time, not the last. */
static uint64_t failing_since(struct rule_run *r, const struct talk *talk)
{
	uint64_t *kept = rule_memory(r, &talk->subject);

	if (!kept)
		return talk->sa->first_ns;
	if (!*kept || *kept > talk->sa->first_ns)
		*kept = talk->sa->first_ns;
	return *kept;
}

struct finding *failing_hit(struct rule_run *r, const struct talk *talk, double value, uint64_t samples,
			    const struct conversation_exchange *x)
{
	struct finding *f = rule_hit(r, &talk->subject, value, samples);

	if (!f)
		return NULL;
	f->since_ns = failing_since(r, talk);
	f->confidence = (enum finding_confidence)talk->sa->confidence;
	talk_shape(f, talk);
	talk_last_good(f, talk, f->since_ns);
	if (f->since_ns < talk->sa->first_ns)
		finding_evidence(f, ORIGIN_WIRE, f->since_ns, "first attempt that failed", NULL);
	talk_exchange_evidence(f, talk, x);
	return f;
}

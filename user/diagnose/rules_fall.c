// SPDX-License-Identifier: GPL-2.0-or-later
/* rules_fall.c - family B: why a tunnel fell, and whether it comes back */
#include "diagnose/rules.h"
#include "diagnose/talk.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)
#define RECENT (600 * SECOND)	/* a fall that was mended longer ago is for the journal */
#define MEANWHILE (10 * SECOND) /* ESP that came so late before the give-up came all the time */

static bool up(const struct state_tunnel *t)
{
	return t && (t->state == STATE_TUNNEL_UP || t->state == STATE_TUNNEL_IDLE);
}

/* It fell and is down, or fell lately. */
static bool matters(const struct rule_run *r, const struct talk *talk)
{
	const struct state_tunnel *t = talk->subject.tunnel;

	if (talk->sa->since_ns + RECENT >= r->input->now_ns)
		return true;
	return t && t->state == STATE_TUNNEL_DOWN && t->last_down_ns &&
	       t->last_down_ns + SECOND >= talk->sa->since_ns;
}

/* When the peer's ESP was last seen; 0: never. */
static uint64_t last_esp_in(const struct rule_run *r, const struct state_tunnel *t)
{
	const struct state *state = r->input->state;
	uint64_t last = 0;

	for (size_t i = 0; t && i < state->sa_count; i++) {
		const struct state_sa *sa = &state->sas[i];

		if (sa->tunnel != STATE_NO_TUNNEL && &state->tunnels[sa->tunnel] == t && sa->last_ns > last &&
		    memcmp(sa->destination, t->local, 16) == 0)
			last = sa->last_ns;
	}
	return last;
}

/* Value: transmissions of the request that was never answered. */
static void dpd_timeout(struct rule_run *r, const struct talk *talk)
{
	const struct conversation_sa *sa = talk->sa;
	const struct conversation_exchange *x = talk_unanswered(sa);
	uint64_t esp, given_up;
	struct finding *f;

	if (sa->state != CONVERSATION_DEAD ||
	    (sa->reason != CONVERSATION_REASON_PEER_SILENT &&
	     sa->reason != CONVERSATION_REASON_PEER_SILENT_V1) ||
	    !matters(r, talk))
		return;
	f = rule_hit(r, &talk->subject, 1 + sa->reason_number, 1);
	if (!f)
		return;
	given_up = x && x->given_up_ns ? x->given_up_ns : sa->since_ns;
	f->since_ns = sa->since_ns;
	f->confidence = (enum finding_confidence)sa->confidence;
	talk_shape(f, talk);
	talk_last_good(f, talk, x ? x->request_ns : sa->since_ns);
	talk_exchange_evidence(f, talk, x);
	esp = last_esp_in(r, talk->subject.tunnel);
	if (esp && esp + MEANWHILE > given_up) {
		finding_set(f, "detail", ", although its ESP kept coming: only IKE is filtered");
		finding_evidence(f, ORIGIN_WIRE, esp, "the peer's ESP still came", NULL);
	} else if (esp) {
		finding_set(f, "detail", "; its ESP stopped as well");
		finding_evidence(f, ORIGIN_WIRE, esp, "the peer's last ESP packet", NULL);
	}
	if (talk->subject.tunnel && talk->subject.tunnel->in.lost)
		finding_evidence_number(f, ORIGIN_WIRE, r->input->now_ns,
					"ESP packets of the peer lost so far", talk->subject.tunnel->in.lost);
}

void rule_dpd_timeout(struct rule_run *r)
{
	talk_each(r, dpd_timeout);
}

static const struct conversation_exchange *the_delete(const struct conversation_sa *sa)
{
	for (uint32_t i = sa->exchange_count; i-- > 0;) {
		const struct conversation_exchange *x = conversation_exchange_at(sa, i);

		if (x->kind == CONVERSATION_KIND_DELETE)
			return x;
	}
	return NULL;
}

/* What the daemon or the kernel confirms: the tunnel is gone with it. Value: 1. */
static void deleted_by_peer(struct rule_run *r, const struct talk *talk)
{
	const struct conversation_sa *sa = talk->sa;
	const struct conversation_exchange *x = the_delete(sa);
	char evidence[300];
	struct finding *f;

	if (sa->state != CONVERSATION_DELETED || !x || x->by == talk->local || !matters(r, talk) ||
	    sa->reason == CONVERSATION_REASON_DELETE_REPLACED)
		return;
	f = rule_hit(r, &talk->subject, 1, 1);
	if (!f)
		return;
	f->since_ns = sa->since_ns;
	f->confidence = (enum finding_confidence)sa->confidence;
	if (f->confidence == CONFIDENCE_CERTAIN && sa->major >= 2)
		f->confidence = CONFIDENCE_LIKELY; /* an encrypted message: only the aftermath tells */
	talk_shape(f, talk);
	talk_last_good(f, talk, x->request_ns);
	talk_exchange_evidence(f, talk, x);
	conversation_evidence(sa, evidence, sizeof(evidence));
	finding_evidence(f, ORIGIN_WIRE, sa->since_ns, evidence, NULL);
}

void rule_ike_sa_deleted_by_peer(struct rule_run *r)
{
	talk_each(r, deleted_by_peer);
}

/* Value: seconds since the fall during which nobody began anew. */
void rule_tunnel_not_restarted(struct rule_run *r)
{
	const struct state *state = r->input->state;

	for (size_t i = 0; i < state->tunnel_count; i++) {
		const struct state_tunnel *t = &state->tunnels[i];
		struct rule_subject subject = {.tunnel = t};
		char duration[32];
		struct finding *f;
		uint64_t seconds;

		if (t->state != STATE_TUNNEL_DOWN || !t->last_down_ns || (t->transit && r->input->live) ||
		    r->input->now_ns < t->since_ns)
			continue;
		seconds = (r->input->now_ns - t->since_ns) / SECOND;
		f = rule_hit(r, &subject, (double)seconds, 1);
		if (!f)
			continue;
		f->since_ns = t->last_down_ns;
		f->shape = SHAPE_STAYS_DOWN;
		f->confidence = CONFIDENCE_LIKELY; /* it may be down on purpose */
		snprintf(duration, sizeof(duration), seconds < 120 ? "%" PRIu64 " s" : "%" PRIu64 " min",
			 seconds < 120 ? seconds : seconds / 60);
		finding_set(f, "since", " %s ago", duration);
		if (t->last_good_ns)
			finding_last_good(f, t->last_good_ns, "last sign of life of the peer");
		finding_evidence(f, ORIGIN_WIRE, t->last_down_ns, "the tunnel fell",
				 t->down_cause[0] ? t->down_cause : NULL);
		finding_evidence_number(f, ORIGIN_WIRE, r->input->now_ns,
					"seconds without an attempt to begin anew", seconds);
	}
}

/* ---- the peer */

/* Value: 1 when a new negotiation of the peer took the place of an IKE SA that was never ended. */
static void peer_restarted(struct rule_run *r, const struct talk *talk)
{
	const struct conversation_sa *sa = talk->sa;
	struct finding *f;
	char evidence[300];

	if (sa->state != CONVERSATION_DEAD || sa->reason != CONVERSATION_REASON_RESTARTED ||
	    !matters(r, talk))
		return;
	f = rule_hit(r, &talk->subject, 1, 1);
	if (!f)
		return;
	f->since_ns = sa->since_ns;
	f->confidence = (enum finding_confidence)sa->confidence;
	talk_shape(f, talk);
	talk_last_good(f, talk, 0);
	conversation_evidence(sa, evidence, sizeof(evidence));
	finding_evidence(f, ORIGIN_WIRE, sa->since_ns, evidence, NULL);
}

void rule_peer_restarted(struct rule_run *r)
{
	talk_each(r, peer_restarted);
}

/* Value: changes of an end's address or port of one IKE SA in the last ten minutes. */
static void mapping_changed(struct rule_run *r, const struct talk *talk)
{
	const struct conversation_sa *sa = talk->sa;
	uint32_t kept = sa->moves < CONVERSATION_MOVES ? sa->moves : CONVERSATION_MOVES;
	char from[64], to[64];
	unsigned int count = 0;
	struct finding *f;

	for (uint32_t i = sa->moves - kept; i < sa->moves; i++)
		count += sa->move[i % CONVERSATION_MOVES].time_ns + RECENT >= r->input->now_ns;
	if (!count)
		return;
	f = rule_hit(r, &talk->subject, count, count);
	if (!f)
		return;
	for (uint32_t i = sa->moves - kept; i < sa->moves; i++) {
		const struct conversation_move *move = &sa->move[i % CONVERSATION_MOVES];
		enum conversation_side peer = talk->local ? CONVERSATION_INITIATOR : CONVERSATION_RESPONDER;

		conversation_endpoint_print(&move->from.end[peer], from, sizeof(from));
		finding_evidence(f, ORIGIN_WIRE, move->time_ns, "moved away from", from);
	}
	conversation_endpoint_print(&sa->path.end[talk->local ? 0 : 1], to, sizeof(to));
	finding_set(f, "detail", ", now %s", to);
	finding_evidence(f, ORIGIN_WIRE, sa->last_ns, "now at", to);
}

void rule_nat_mapping_changed(struct rule_run *r)
{
	talk_each(r, mapping_changed);
}

/* ---- again and again */

#define FALLS 8
#define FLAP_WINDOW (3600 * SECOND)

/* The times of the last falls, the latest first; kept in the rule's numbers. */
static unsigned int falls_of(struct rule_run *r, const struct state_tunnel *t, uint64_t ret[FALLS])
{
	uint64_t *kept[FALLS];
	unsigned int count = 0;

	for (uint32_t i = 0; i < FALLS; i++) {
		const struct rule_subject subject = {.tunnel = t, .spi = i, .has_spi = true};

		kept[i] = rule_memory(r, &subject);
		if (!kept[i])
			return 0;
	}
	if (t->last_down_ns && t->last_down_ns != *kept[0]) {
		for (unsigned int i = FALLS - 1; i > 0; i--)
			*kept[i] = *kept[i - 1];
		*kept[0] = t->last_down_ns;
	}
	while (count < FALLS && *kept[count] && *kept[count] + FLAP_WINDOW >= r->input->now_ns) {
		ret[count] = *kept[count];
		count++;
	}
	return count;
}

/* The regular distance between falls in seconds; 0: there is none. */
static uint64_t period(const uint64_t falls[FALLS], unsigned int count)
{
	uint64_t mean;

	if (count < 4)
		return 0;
	mean = (falls[0] - falls[count - 1]) / (count - 1);
	for (unsigned int i = 0; i + 1 < count; i++) {
		uint64_t gap = falls[i] - falls[i + 1], off = gap > mean ? gap - mean : mean - gap;

		if (off * 10 > mean)
			return 0;
	}
	return mean / SECOND;
}

/* Value: falls within an hour. */
void rule_tunnel_flapping(struct rule_run *r)
{
	const struct state *state = r->input->state;

	for (size_t i = 0; i < state->tunnel_count; i++) {
		const struct state_tunnel *t = &state->tunnels[i];
		struct rule_subject subject = {.tunnel = t};
		unsigned int count;
		uint64_t falls[FALLS], regular;
		struct finding *f;

		if (!t->last_down_ns || (t->transit && r->input->live))
			continue;
		count = falls_of(r, t, falls);
		f = rule_hit(r, &subject, count, count);
		if (!f)
			continue;
		f->shape = up(t) ? SHAPE_FLAP : SHAPE_STAYS_DOWN;
		f->since_ns = falls[count - 1];
		regular = period(falls, count);
		finding_set(f, "count", "%u", count);
		if (regular)
			finding_set(f, "period", ", each %" PRIu64 " s: something regular is behind it",
				    regular);
		if (t->down_cause[0])
			finding_set(f, "cause", ": %s", t->down_cause);
		for (unsigned int k = 0; k < count; k++)
			finding_evidence(f, ORIGIN_WIRE, falls[k], "fell",
					 !k && t->down_cause[0] ? t->down_cause : NULL);
		if (regular)
			finding_evidence_number(f, ORIGIN_WIRE, r->input->now_ns,
						"regular distance of the falls in seconds", regular);
	}
}

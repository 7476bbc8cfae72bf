// SPDX-License-Identifier: GPL-2.0-or-later
/* rules_flap.c - family B, by what a tunnel did: it fell and stays down, or it falls again and again */
#include "diagnose/rules.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)

/* ---- it stays down */

static void say_quiet(const struct rule_run *r, const struct state_tunnel *t, uint64_t tried_ns,
		      uint64_t quiet_s, struct finding *f)
{
	uint64_t down_s = (r->input->now_ns - t->last_down_ns) / SECOND;
	char duration[32];

	f->since_ns = t->last_down_ns;
	f->shape = SHAPE_STAYS_DOWN;
	f->confidence = CONFIDENCE_LIKELY; /* it may be down on purpose */
	snprintf(duration, sizeof(duration), down_s < 120 ? "%" PRIu64 " s" : "%" PRIu64 " min",
		 down_s < 120 ? down_s : down_s / 60);
	finding_set(f, "since", " %s ago", duration);
	if (t->last_good_ns && t->last_good_ns <= t->last_down_ns)
		finding_last_good(f, t->last_good_ns, "last sign of life of the peer");
	finding_evidence(f, ORIGIN_WIRE, t->last_down_ns, "the tunnel fell",
			 t->fall_count && t->falls[0].cause[0] ? t->falls[0].cause : NULL);
	if (tried_ns > t->last_down_ns)
		finding_evidence(f, ORIGIN_WIRE, tried_ns, "the last attempt to begin anew", NULL);
	finding_evidence_number(f, ORIGIN_WIRE, r->input->now_ns, "seconds without an attempt to begin anew",
				quiet_s);
}

/* Value: seconds since the fall, or an attempt after it, during which nobody began anew. */
void rule_tunnel_not_restarted(struct rule_run *r)
{
	const struct state *state = r->input->state;

	for (size_t i = 0; i < state->tunnel_count; i++) {
		const struct state_tunnel *t = &state->tunnels[i];
		struct rule_subject subject = {.tunnel = t};
		uint64_t quiet_ns, tried_ns, quiet_s;
		struct finding *f;

		if (t->state != STATE_TUNNEL_DOWN || !t->last_down_ns || (t->transit && r->input->live))
			continue;
		tried_ns = rule_progress(r, t)->tried_ns;
		quiet_ns = t->since_ns > t->last_down_ns ? t->since_ns : t->last_down_ns;
		quiet_ns = tried_ns > quiet_ns ? tried_ns : quiet_ns;
		if (r->input->now_ns < quiet_ns)
			continue;
		quiet_s = (r->input->now_ns - quiet_ns) / SECOND;
		f = rule_hit(r, &subject, (double)quiet_s, 1);
		if (f)
			say_quiet(r, t, tried_ns, quiet_s, f);
	}
}

/* ---- again and again */

#define FLAP_WINDOW (3600 * SECOND)

/* How many of the latest falls were lately. */
static unsigned int falls_of(const struct rule_run *r, const struct state_tunnel *t)
{
	unsigned int count = 0;

	while (count < t->fall_count && t->falls[count].at_ns + FLAP_WINDOW >= r->input->now_ns)
		count++;
	return count;
}

/* The regular distance between falls in seconds; 0: there is none. */
static uint64_t period(const struct state_tunnel_fall *falls, unsigned int count)
{
	uint64_t mean;

	if (count < 4)
		return 0;
	mean = (falls[0].at_ns - falls[count - 1].at_ns) / (count - 1);
	for (unsigned int i = 0; i + 1 < count; i++) {
		uint64_t gap = falls[i].at_ns - falls[i + 1].at_ns,
			 off = gap > mean ? gap - mean : mean - gap;

		if (off * 10 > mean)
			return 0;
	}
	return (mean + SECOND / 2) / SECOND;
}

static unsigned int falls_by(const struct state_tunnel_fall *falls, unsigned int count, const char *cause)
{
	unsigned int same = 0;

	for (unsigned int i = 0; i < count; i++)
		same += strcmp(falls[i].cause, cause) == 0;
	return same;
}

/* ": dpd-timeout", or ": dpd-timeout (2), ike-sa-deleted-by-peer (1)" when they differ; of those that are known. */
static void say_causes(struct finding *f, const struct state_tunnel_fall *falls, unsigned int count)
{
	char causes[STATE_FALLS * 50] = "";
	size_t length = 0;

	for (unsigned int i = 0; i < count; i++) {
		unsigned int same = falls_by(falls, count, falls[i].cause);

		if (!falls[i].cause[0] || falls_by(falls, i, falls[i].cause))
			continue;
		length += (size_t)snprintf(causes + length, sizeof(causes) - length, "%s%s",
					   length ? ", " : ": ", falls[i].cause);
		if (same < count)
			length += (size_t)snprintf(causes + length, sizeof(causes) - length, " (%u of %u)",
						   same, count);
	}
	if (length)
		finding_set(f, "cause", "%s", causes);
}

/* Value: falls within an hour. */
void rule_tunnel_flapping(struct rule_run *r)
{
	const struct state *state = r->input->state;

	for (size_t i = 0; i < state->tunnel_count; i++) {
		const struct state_tunnel *t = &state->tunnels[i];
		unsigned int count = t->transit && r->input->live ? 0 : falls_of(r, t);
		struct rule_subject subject = {.tunnel = t};
		struct finding *f = count ? rule_hit(r, &subject, count, count) : NULL;
		char each[96] = "";
		uint64_t regular;

		if (!f)
			continue;
		f->shape = rule_tunnel_up(t) ? SHAPE_FLAP : SHAPE_STAYS_DOWN;
		f->since_ns = t->falls[count - 1].at_ns;
		regular = period(t->falls, count);
		if (regular)
			snprintf(each, sizeof(each), ", each %" PRIu64 " s: something regular is behind it",
				 regular);
		finding_set(f, "count", "%u", count);
		finding_set(f, "period", "%s", each);
		if (f->shape == SHAPE_STAYS_DOWN)
			finding_say(f, "The tunnel to %s, which is down, fell %u times%s.", f->peer, count,
				    each);
		say_causes(f, t->falls, count);
		for (unsigned int k = 0; k < count; k++)
			finding_evidence(f, ORIGIN_WIRE, t->falls[k].at_ns, "fell",
					 t->falls[k].cause[0] ? t->falls[k].cause : NULL);
		if (regular)
			finding_evidence_number(f, ORIGIN_WIRE, r->input->now_ns,
						"regular distance of the falls in seconds", regular);
	}
}

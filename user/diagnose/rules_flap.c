// SPDX-License-Identifier: GPL-2.0-or-later
/* rules_flap.c - family B, by what a tunnel did: it fell and stays down, or it falls again and again */
#include "diagnose/rules.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)

/* ---- it stays down */

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
	return (mean + SECOND / 2) / SECOND;
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
		f = count ? rule_hit(r, &subject, count, count) : NULL;
		if (!f)
			continue;
		f->shape = rule_tunnel_up(t) ? SHAPE_FLAP : SHAPE_STAYS_DOWN;
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

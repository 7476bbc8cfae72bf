// SPDX-License-Identifier: GPL-2.0-or-later
/* rules_sa.c - what one SA's packets tell: anti-replay window, path, congestion, the end of the sequence numbers */
#include "diagnose/rules.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "model/address.h"

#define SECOND UINT64_C(1000000000)
#define DEFAULT_WINDOW 32 /* what strongSwan installs, and what Linux assumes */

static struct rule_subject subject_of(const struct rule_run *r, const struct state_sa *sa,
				      char peer[ADDRESS_TEXT])
{
	struct rule_subject subject = {.spi = sa->spi, .has_spi = true, .peer = peer};

	address_text(sa->direction == ESP_DIR_OUT ? sa->destination : sa->source, peer);
	if (sa->tunnel != STATE_NO_TUNNEL)
		subject.tunnel = &r->input->state->tunnels[sa->tunnel];
	return subject;
}

/* What a number of this SA gained since the look before; the first look gains nothing. */
static bool gained(struct rule_run *r, const struct rule_subject *subject, uint64_t now, uint64_t *ret)
{
	uint64_t *before = rule_memory(r, subject);
	bool known = before && *before;

	*ret = known && now + 1 > *before ? now + 1 - *before : 0;
	if (before)
		*before = now + 1; /* 0: never looked at */
	return known;
}

/* Packets that a window of `size` would have dropped; UINT64_MAX: unknown. */
static uint64_t drops(const struct state_sa *sa, uint32_t size)
{
	for (unsigned int i = 0; i < STATE_DROP_WINDOWS; i++)
		if (state_drop_window[i] >= size)
			return sa->sequence.window_drops[i];
	return UINT64_MAX;
}

/* The smallest standard window that would have kept all but one in ten thousand; 0: none of those known. */
static uint32_t window_for(const struct state_sa *sa)
{
	for (unsigned int i = 0; i < STATE_DROP_WINDOWS; i++) {
		if (sa->sequence.window_drops[i] == UINT64_MAX)
			return state_drop_window[i];
		if (sa->sequence.window_drops[i] * 10000 <= sa->sequence.received)
			return state_drop_window[i];
	}
	return 0;
}

/* Value: packets that the SA's window drops as too old, of those received. */
void rule_replay_window_too_small(struct rule_run *r)
{
	const struct state *state = r->input->state;

	for (size_t i = 0; i < state->sa_count; i++) {
		const struct state_sa *sa = &state->sas[i];
		const struct fact_sa *fact;
		char peer[ADDRESS_TEXT];
		struct rule_subject subject;
		uint32_t window = DEFAULT_WINDOW, fits;
		uint64_t dropped;
		struct finding *f;

		if (sa->direction == ESP_DIR_OUT || sa->newcomer || !sa->sequence.received)
			continue;
		fact = rule_kernel_sa(r, sa);
		if (fact && !fact->replay_window)
			continue; /* it does not check */
		if (fact)
			window = fact->replay_window;
		dropped = drops(sa, window);
		if (!dropped || dropped == UINT64_MAX)
			continue;
		subject = subject_of(r, sa, peer);
		f = rule_hit(r, &subject, (double)dropped / (double)sa->sequence.received,
			     sa->sequence.received);
		if (!f)
			continue;
		fits = window_for(sa);
		if (!fact)
			f->confidence = CONFIDENCE_POSSIBLE;
		finding_set(f, "configured", fact ? "%u" : "%u, the usual default,", window);
		if (fits)
			finding_set(f, "size", "%u", fits);
		finding_set(f, "detail", ": %" PRIu64 " of %" PRIu64 " so far", dropped,
			    sa->sequence.received);
		finding_evidence_number(f, ORIGIN_WIRE, sa->last_ns, "packets later than that window",
					dropped);
		if (fits)
			finding_evidence_number(f, ORIGIN_WIRE, sa->last_ns,
						"smallest window that would have kept them", fits);
		finding_evidence_number(f, ORIGIN_WIRE, sa->last_ns, "received", sa->sequence.received);
		finding_evidence_number(f, ORIGIN_WIRE, sa->last_ns, "farthest, in sequence numbers",
					sa->sequence.max_late_distance);
		if (fact) {
			finding_evidence_number(f, ORIGIN_KERNEL, r->input->now_ns, "replay window of the SA",
						window);
			finding_evidence_number(f, ORIGIN_KERNEL, r->input->now_ns,
						"dropped by the kernel as too old", fact->failed_window);
		}
	}
}

/* ---- what grows from look to look. Value: by how much since the look before. */

struct growing {
	uint64_t (*counter)(const struct state_sa *sa);
	uint32_t lasts_s; /* what it gained counts for so long: less than the hold time */
	void (*say)(struct finding *f, const struct state_sa *sa);
};

/* The gain, or 1 in the seconds after one. */
static uint64_t lately(struct rule_run *r, struct rule_subject subject, uint64_t gain, uint32_t lasts_s)
{
	uint64_t *last_ns;

	subject.object = "last";
	last_ns = rule_memory(r, &subject);
	if (!last_ns)
		return gain;
	if (gain)
		*last_ns = r->input->now_ns;
	else if (*last_ns && r->input->now_ns <= *last_ns + lasts_s * SECOND)
		return 1;
	return gain;
}

static void each_growing(struct rule_run *r, const struct growing *g)
{
	const struct state *state = r->input->state;

	for (size_t i = 0; i < state->sa_count; i++) {
		const struct state_sa *sa = &state->sas[i];
		uint64_t now = g->counter(sa), gain;
		char peer[ADDRESS_TEXT];
		struct rule_subject subject;
		struct finding *f;

		if (sa->direction == ESP_DIR_OUT || !now)
			continue;
		subject = subject_of(r, sa, peer);
		if (!gained(r, &subject, now, &gain))
			continue;
		if (g->lasts_s)
			gain = lately(r, subject, gain, g->lasts_s);
		f = rule_hit(r, &subject, (double)gain, sa->packets);
		if (f)
			g->say(f, sa);
	}
}

static uint64_t ttl_changes(const struct state_sa *sa)
{
	return sa->ttl_changes;
}

static void say_ttl(struct finding *f, const struct state_sa *sa)
{
	finding_set(f, "detail", ": the TTL took values from %u to %u, %" PRIu64 " changes so far",
		    sa->ttl_min, sa->ttl_max, sa->ttl_changes);
	finding_evidence_number(f, ORIGIN_WIRE, sa->last_ns, "changes of the TTL", sa->ttl_changes);
	finding_evidence_number(f, ORIGIN_WIRE, sa->last_ns, "lowest TTL", sa->ttl_min);
	finding_evidence_number(f, ORIGIN_WIRE, sa->last_ns, "highest TTL", sa->ttl_max);
}

/* Changes of the outer TTL, again and again: at most ten seconds apart, over the hold time. */
void rule_path_changed(struct rule_run *r)
{
	static const struct growing ttl = {ttl_changes, 10, say_ttl};

	each_growing(r, &ttl);
}

static uint64_t ecn_ce(const struct state_sa *sa)
{
	return sa->ecn_ce;
}

static void say_ecn(struct finding *f, const struct state_sa *sa)
{
	finding_set(f, "detail", ": %" PRIu64 " of %" PRIu64 " packets so far", sa->ecn_ce, sa->packets);
	finding_evidence_number(f, ORIGIN_WIRE, sa->last_ns, "packets marked CE", sa->ecn_ce);
	finding_evidence_number(f, ORIGIN_WIRE, sa->last_ns, "packets", sa->packets);
}

/* Packets marked CE. */
void rule_congestion_marked(struct rule_run *r)
{
	static const struct growing ecn = {ecn_ce, 0, say_ecn};

	each_growing(r, &ecn);
}

/* ---- sequence numbers */

/*
 * Value: numbers used twice on one of our SAs, seen at one hook of one interface. Numbers that begin anew under the same SPI were
 * used before, too, unless the SA is another one with other keys, which the wire does not tell.
 */
void rule_sequence_reused(struct rule_run *r)
{
	const struct state *state = r->input->state;

	for (size_t i = 0; i < state->sa_count; i++) {
		const struct state_sa *sa = &state->sas[i];
		const struct state_sequence *q = &sa->sequence;
		char peer[ADDRESS_TEXT];
		struct rule_subject subject;
		struct finding *f;

		if (sa->direction != ESP_DIR_OUT || sa->interface_count != 1 || !(q->duplicate + q->restarts))
			continue;
		subject = subject_of(r, sa, peer);
		f = rule_hit(r, &subject, (double)(q->duplicate + q->restarts), sa->packets);
		if (!f)
			continue;
		if (q->duplicate) {
			finding_set(f, "detail", ", %" PRIu64 " times", q->duplicate);
			finding_evidence_number(f, ORIGIN_WIRE, sa->last_ns, "numbers sent twice",
						q->duplicate);
		} else {
			f->confidence = CONFIDENCE_LIKELY;
			finding_set(f, "detail", ": its numbers began anew with the same SPI");
		}
		if (q->restarts)
			finding_evidence_number(f, ORIGIN_WIRE, sa->last_ns,
						"times that the numbers began anew", q->restarts);
		finding_interface(f, sa->interface);
		finding_evidence_number(f, ORIGIN_WIRE, sa->last_ns, "packets", sa->packets);
	}
}

/* Value: 86400 / seconds until the 32-bit sequence number runs out, so that less time is more. */
void rule_sequence_exhaustion(struct rule_run *r)
{
	const struct state *state = r->input->state;

	for (size_t i = 0; i < state->sa_count; i++) {
		const struct state_sa *sa = &state->sas[i];
		uint64_t span_s = (sa->last_ns - sa->first_ns) / SECOND, used, left, rate, seconds;
		const struct fact_sa *fact = rule_kernel_sa(r, sa);
		char peer[ADDRESS_TEXT], when[64];
		struct rule_subject subject;
		struct finding *f;

		if ((fact && fact->esn) || sa->sequence.highest > UINT32_MAX || sa->newcomer || span_s < 10)
			continue;
		used = sa->sequence.highest - sa->sequence.first;
		rate = used / span_s;
		left = UINT32_MAX - sa->sequence.highest;
		/* An SA that will be rekeyed before is none of our concern; 2^31 is where daemons begin to worry too. */
		if (!rate || sa->sequence.highest < UINT32_MAX / 2)
			continue;
		seconds = left / rate + 1;
		if (fact && fact->lifetime.hard_seconds && fact->added_ns &&
		    fact->added_ns + fact->lifetime.hard_seconds * SECOND <
			    r->input->now_ns + seconds * SECOND)
			continue;
		subject = subject_of(r, sa, peer);
		f = rule_hit(r, &subject, 86400.0 / (double)seconds, used);
		if (!f)
			continue;
		if (!fact)
			f->confidence =
				CONFIDENCE_POSSIBLE; /* ESN looks the same on the wire until it wraps */
		if (seconds < 3600)
			f->severity = SEVERITY_CRITICAL;
		snprintf(when, sizeof(when),
			 seconds < 7200 ? " in %" PRIu64 " minutes" : " in %" PRIu64 " hours",
			 seconds < 7200 ? seconds / 60 : seconds / 3600);
		finding_set(f, "when", "%s", when);
		finding_evidence_number(f, ORIGIN_WIRE, sa->last_ns, "highest sequence number",
					sa->sequence.highest);
		finding_evidence_number(f, ORIGIN_WIRE, sa->last_ns, "packets per second", rate);
		finding_evidence_number(f, ORIGIN_WIRE, r->input->now_ns, "seconds left", seconds);
	}
}

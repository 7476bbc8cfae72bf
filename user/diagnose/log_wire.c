// SPDX-License-Identifier: GPL-2.0-or-later
#include "diagnose/log_wire.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Clocks of the log's host and of the capture's may differ by so much */
#define SKEW_NS 2000000000ULL
/* What is seen is logged within so much */
#define NEAR_NS 60000000000ULL
#define EVIDENCE 4 /* of the wire's for what the log says, too */

static bool is_of(const struct log_wire_ike *ike, const char *peer)
{
	return strcmp(ike->ends[0], peer) == 0 || strcmp(ike->ends[1], peer) == 0;
}

static uint64_t end_of(const struct finding *f)
{
	uint64_t end = f->until_ns > f->since_ns ? f->until_ns : f->since_ns;

	for (size_t i = 0; i < f->evidence_count; i++)
		if (f->evidence[i].origin == ORIGIN_LOG && f->evidence[i].at_ns > end)
			end = f->evidence[i].at_ns;
	return end;
}

/* ---- the log's findings, and what the wire says of them */

struct seen {
	const struct log_wire_ike *ike;		   /* the latest of the peer that began before */
	const struct log_wire_exchange *answered;  /* the last answered before the finding */
	const struct log_wire_exchange *unnoticed; /* answered while the log says that nothing came */
};

static bool says_silent(enum finding_id id)
{
	return id == FINDING_IKE_NO_RESPONSE || id == FINDING_DPD_TIMEOUT ||
	       id == FINDING_NAT_T_PORT_BLOCKED || id == FINDING_IKE_FRAGMENTS_LOST;
}

/* A little later than the log says is as good: clocks differ */
static bool is_before(uint64_t ns, const struct finding *f)
{
	return !f->since_ns || ns <= f->since_ns + SKEW_NS;
}

static struct seen look(const struct log_wire *wire, const struct finding *f)
{
	uint64_t end = end_of(f);
	struct seen seen = {0};

	for (size_t i = 0; i < wire->ike_count; i++) {
		const struct log_wire_ike *ike = &wire->ike[i];

		if (!is_of(ike, f->peer))
			continue;
		if (!ike->count || is_before(ike->exchanges[0].request_ns, f))
			seen.ike = ike;
		for (size_t k = 0; k < ike->count; k++) {
			const struct log_wire_exchange *e = &ike->exchanges[k];

			if (!e->response_ns)
				continue;
			if (is_before(e->response_ns, f) &&
			    (!seen.answered || e->response_ns >= seen.answered->response_ns))
				seen.answered = e;
			/* Asked before the log lost patience, answered while it waited */
			if (says_silent(f->id) && f->since_ns && e->request_ns <= f->since_ns + SKEW_NS &&
			    e->response_ns > f->since_ns + SKEW_NS && e->response_ns <= end + SKEW_NS)
				seen.unnoticed = e;
		}
	}
	return seen;
}

/* Latest packet of an SA from this peer; 0: none */
static uint64_t last_esp(const struct log_wire *wire, const char *peer)
{
	uint64_t last = 0;

	for (size_t i = 0; i < wire->sa_count; i++)
		if (wire->sas[i].last_ns > last && strcmp(wire->sas[i].source, peer) == 0)
			last = wire->sas[i].last_ns;
	return last;
}

static void add_seen(struct finding *f, const struct log_wire *wire)
{
	struct seen seen = look(wire, f);
	uint64_t esp = last_esp(wire, f->peer);
	char what[96];

	/* What was seen at another time says nothing */
	if (f->since_ns && (f->since_ns + SKEW_NS < wire->first_ns || f->since_ns > wire->last_ns + SKEW_NS))
		return;
	if (!seen.ike && !esp) {
		snprintf(what, sizeof(what), "no packet of this peer was seen by %s", wire->name);
		finding_evidence(f, ORIGIN_WIRE, 0, what, NULL);
		return;
	}
	if (seen.answered)
		finding_evidence(f, ORIGIN_WIRE, seen.answered->response_ns,
				 "the last answered exchange on the wire", seen.answered->name);
	if (seen.unnoticed)
		finding_evidence(f, ORIGIN_WIRE, seen.unnoticed->response_ns,
				 "the answer came, and the daemon did not get it: look for a filter between",
				 seen.unnoticed->name);
	if (seen.ike) {
		snprintf(what, sizeof(what), "the IKE SA on the wire is %s", seen.ike->state);
		finding_evidence(f, ORIGIN_WIRE, seen.ike->since_ns, what, seen.ike->text);
	}
	if (esp)
		finding_evidence(f, ORIGIN_WIRE, esp,
				 f->since_ns && esp > f->since_ns + SKEW_NS
					 ? "ESP of the peer came even later: only its IKE is silent"
					 : "the last ESP packet of the peer",
				 NULL);
}

/* ---- the wire's own findings, and what the log says of them */

static bool same_case(const struct finding *a, const struct finding *b)
{
	return a->id == b->id && a->peer && b->peer && strcmp(a->peer, b->peer) == 0;
}

static bool overlaps(const struct finding *f, uint64_t first_ns, uint64_t last_ns)
{
	return (!f->since_ns || f->since_ns <= last_ns + NEAR_NS) &&
	       (!f->until_ns || f->until_ns + NEAR_NS >= first_ns);
}

/* The n-th time a request was sent, of which the log has the line: once is enough */
static bool is_logged(const struct finding *log, const struct finding_evidence *seen)
{
	char sent[32];

	if (!seen->has_number || !strstr(seen->what, "sent again"))
		return false;
	snprintf(sent, sizeof(sent), "retransmit %" PRIu64 " of", seen->number);
	for (size_t i = 0; i < log->evidence_count; i++) {
		const struct finding_evidence *e = &log->evidence[i];

		if (e->origin == ORIGIN_LOG && e->text && strstr(e->text, sent) &&
		    e->at_ns <= seen->at_ns + SKEW_NS && seen->at_ns <= e->at_ns + SKEW_NS)
			return true;
	}
	return false;
}

static void absorb(struct finding *log, const struct finding *wire)
{
	size_t added = 0;

	for (size_t i = 0; i < wire->evidence_count && added < EVIDENCE; i++) {
		const struct finding_evidence *e = &wire->evidence[i];

		if (is_logged(log, e))
			continue;
		added++;
		if (e->has_number)
			finding_evidence_number(log, e->origin, e->at_ns, e->what, e->number);
		else
			finding_evidence(log, e->origin, e->at_ns, e->what, e->text);
	}
	log->confidence = wire->confidence > log->confidence ? wire->confidence : log->confidence;
}

/* The last line about its peer up to its end, or that there is none */
static void add_logged(struct finding *f, const struct log_timeline *t)
{
	uint64_t end = f->until_ns ? f->until_ns + NEAR_NS : UINT64_MAX;
	const struct log_event *last = NULL;

	for (size_t i = 0; i < t->count; i++) {
		const struct log_event *e = &t->events[i];

		if (e->line_length && e->at_ns <= end && strcmp(log_text(t, e->peer), f->peer) == 0)
			last = e;
	}
	if (last)
		finding_evidence(f, ORIGIN_LOG, last->at_ns,
				 "the log does not say so; its last line of this peer",
				 log_event_line(t, last));
	else
		finding_evidence(f, ORIGIN_LOG, 0, "the log says nothing of this peer", NULL);
}

static void join_wire(struct findings *findings, size_t at, size_t log_count, const struct log_timeline *t,
		      const struct log_diagnose_options *options)
{
	struct finding *f = findings->list[at];
	bool wanted = f->peer && overlaps(f, t->first_ns, t->last_ns) &&
		      (!options->peer || strcmp(options->peer, f->peer) == 0) &&
		      (!options->since_ns || !f->until_ns || f->until_ns >= options->since_ns) &&
		      (!options->until_ns || f->since_ns <= options->until_ns);

	for (size_t i = 0; i < log_count && wanted; i++) {
		struct finding *log = findings->list[i];

		if (!same_case(log, f) || !overlaps(f, log->since_ns, end_of(log)))
			continue;
		absorb(log, f);
		wanted = false;
	}
	if (!wanted) {
		findings_remove(findings, f);
		return;
	}
	/* As for the log's: what is over is no emergency */
	if (f->until_ns && f->severity == SEVERITY_CRITICAL)
		f->severity = SEVERITY_WARNING;
	add_logged(f, t);
}

/* An agent keeps each time that it was so: what is told is that which still is, or the latest. */
static bool is_before_that(const struct finding *f, const struct finding *other)
{
	if (!f->until_ns != !other->until_ns)
		return f->until_ns != 0;
	return f->since_ns < other->since_ns;
}

static bool same_subject(const struct finding *a, const struct finding *b)
{
	return same_case(a, b) && a->has_spi == b->has_spi && a->spi == b->spi &&
	       strcmp(a->tunnel ? a->tunnel : "", b->tunnel ? b->tunnel : "") == 0;
}

static void tell_once(struct findings *findings, size_t log_count)
{
	for (size_t i = log_count; i < findings->count; i++) {
		uint64_t before = 0;

		for (size_t k = findings->count; k-- > i + 1;) {
			struct finding *f = findings->list[i], *other = findings->list[k];

			if (!same_subject(f, other))
				continue;
			before++;
			if (is_before_that(f, other)) {
				findings->list[i] = other;
				findings->list[k] = f;
			}
			findings_remove(findings, findings->list[k]);
		}
		if (before)
			finding_evidence_number(findings->list[i], ORIGIN_WIRE, 0, "it was so before, times",
						before);
	}
}

int log_wire_join(struct findings *findings, size_t log_count, const struct log_timeline *t,
		  const struct log_diagnose_options *options, const struct log_wire *wire)
{
	for (size_t i = 0; i < log_count; i++)
		if (findings->list[i]->peer)
			add_seen(findings->list[i], wire);
	for (size_t i = findings->count; i > log_count; i--)
		join_wire(findings, i - 1, log_count, t, options);
	tell_once(findings, log_count);
	return findings->failed ? -ENOMEM : 0;
}

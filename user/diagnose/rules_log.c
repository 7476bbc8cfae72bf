// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rules_log.c - what the logs say is wrong, beside what was seen
 *
 * One function for all rows: which finding it is about stands in its row. What another source found, too, gets the log's lines as evidence, and
 * its certainty.
 */
#include "diagnose/rules.h"

#include <stdlib.h>
#include <string.h>

#include "model/address.h"

#define LOGS_MOST 1000 /* findings of the logs that are looked at */
#define JOINED_MOST 4  /* lines that are added to what another source found */

static const char *value_of(const struct finding *f, const char *key)
{
	for (size_t i = 0; i < f->value_count; i++)
		if (strcmp(f->values[i].key, key) == 0)
			return f->values[i].value;
	return NULL;
}

/* The tunnel that a log speaks of: between its two ends, else the one to its peer, if that is only one. */
static const struct state_tunnel *tunnel_of(const struct rule_run *r, const struct finding *f)
{
	const struct state *state = r->input->state;
	const struct state_tunnel *found = NULL;
	uint8_t peer[16], local[16];

	if (!address_parse(f->peer, peer))
		return NULL;
	if (address_parse(value_of(f, "local"), local))
		return rule_tunnel_of(r, local, peer);
	for (size_t i = 0; i < state->tunnel_count; i++) {
		if (memcmp(state->tunnels[i].remote, peer, sizeof(peer)) != 0)
			continue;
		if (found)
			return NULL;
		found = &state->tunnels[i];
	}
	return found;
}

static uint64_t last_line_ns(const struct finding *f)
{
	uint64_t last = f->since_ns;

	for (size_t i = 0; i < f->evidence_count; i++)
		last = f->evidence[i].at_ns > last ? f->evidence[i].at_ns : last;
	return last;
}

/* A log that does not tell of a tunnel's return does not make it fall: it was seen. */
static bool is_refuted(const struct finding *f, const struct state_tunnel *tunnel)
{
	return tunnel && (f->shape == SHAPE_NEVER_UP || f->shape == SHAPE_STAYS_DOWN) &&
	       (tunnel->state == STATE_TUNNEL_UP || tunnel->state == STATE_TUNNEL_IDLE) &&
	       tunnel->since_ns > last_line_ns(f);
}

static void add_evidence(struct finding *to, const struct finding *from, size_t most)
{
	/* The last ones are the nearest to the present */
	size_t first = from->evidence_count > most ? from->evidence_count - most : 0;

	for (size_t i = first; i < from->evidence_count; i++) {
		const struct finding_evidence *e = &from->evidence[i];

		if (e->has_number)
			finding_evidence_number(to, ORIGIN_LOG, e->at_ns, e->what, e->number);
		else
			finding_evidence(to, ORIGIN_LOG, e->at_ns, e->what, e->text);
	}
}

/* A daemon that says why knows more than what is seen of it: encrypted, all refusals look the same */
static void add_reason(struct finding *f, const struct finding *log)
{
	static const char *const reasons[] = {"detail", "difference"};
	const char *fix = value_of(log, "fix");

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		const char *reason = value_of(log, reasons[i]);

		/* How often it was logged is no reason */
		if (!reason || *reason != ':' || value_of(f, "detail") || value_of(f, "difference"))
			return;
	}
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		finding_set(f, reasons[i], "%s", value_of(log, reasons[i]));
	if (fix && !value_of(f, "fix"))
		finding_set(f, "fix", "%s", fix);
}

static void take_over(struct finding *f, const struct finding *log)
{
	f->severity = log->severity;
	f->confidence = log->confidence;
	f->shape = log->shape;
	f->since_ns = log->since_ns;
	if (!f->tunnel)
		finding_tunnel(f, log->tunnel);
	finding_interface(f, log->interface);
	if (log->has_spi)
		finding_spi(f, log->spi);
	finding_last_good(f, log->last_good_ns, log->last_good);
	for (size_t i = 0; i < log->value_count; i++)
		finding_set(f, log->values[i].key, "%s", log->values[i].value);
	finding_say(f, "%s", log->meaning);
	free(f->action);
	f->action = strdup(log->action); /* without memory the catalogue's own */
	for (size_t i = 0; i < log->explains_count; i++)
		finding_explains(f, log->explains[i]);
	add_evidence(f, log, log->evidence_count);
}

/* Value: 1. */
void rule_log(struct rule_run *r)
{
	const struct findings *logs = r->input->logs;

	for (size_t i = 0; i < logs->count && i < LOGS_MOST; i++) {
		const struct finding *log = logs->list[i];
		struct rule_subject subject = {0};
		struct finding *f;

		if (log->id != r->row->id || log->until_ns || !log->evidence_count)
			continue;
		subject.tunnel = tunnel_of(r, log);
		subject.peer = log->peer;
		if (is_refuted(log, subject.tunnel))
			continue;
		f = rule_also(r, &subject);
		if (f) {
			f->confidence = log->confidence > f->confidence ? log->confidence : f->confidence;
			add_evidence(f, log, JOINED_MOST);
			add_reason(f, log);
			if (!rule_is_raised(r, &subject))
				continue;
		}
		f = rule_hit(r, &subject, 1, 1);
		if (f)
			take_over(f, log);
	}
}

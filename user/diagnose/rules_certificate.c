// SPDX-License-Identifier: GPL-2.0-or-later
/* rules_certificate.c - family E, from the IKE daemon: certificates that end */
#include "diagnose/rules.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SECOND UINT64_C(1000000000)
#define DAY (86400 * SECOND)
#define SOON (30 * DAY)
#define SOON_SHARE 4 /* or this part of its whole life, when that is less: some live for days only */

/* Is the word one of a comma separated list, or all of it? */
static bool lists(const char *list, const char *word)
{
	const char *at = list;
	size_t length = strlen(word);

	while (length && (at = strstr(at, word))) {
		bool begins = at == list || at[-1] == ',' || at[-1] == ' ';

		if (begins && (at[length] == '\0' || at[length] == ','))
			return true;
		at += length;
	}
	return false;
}

/* An identity is its subject, or one of its other names. */
static bool is_of(const struct fact_certificate *c, const char *id)
{
	return *id && (strcmp(c->subject, id) == 0 || lists(c->names, id));
}

/* The connection that uses it; NULL: none is known to. */
static const struct fact_connection *connection_of(const struct fact_daemon *daemon,
						   const struct fact_certificate *c)
{
	for (size_t i = 0; i < daemon->connection_count; i++) {
		const struct fact_connection *connection = &daemon->connections[i];

		if ((c->own &&
		     (lists(connection->certificates, c->subject) || is_of(c, connection->local_id))) ||
		    (!c->own && is_of(c, connection->remote_id)))
			return connection;
	}
	return NULL;
}

/* Did it issue another one that is in use? */
static const struct fact_certificate *issued(const struct fact_daemon *daemon,
					     const struct fact_certificate *ca)
{
	for (size_t i = 0; i < daemon->certificate_count; i++) {
		const struct fact_certificate *c = &daemon->certificates[i];

		if (c != ca && strcmp(c->issuer, ca->subject) == 0 && (c->own || connection_of(daemon, c)))
			return c;
	}
	return NULL;
}

/* A renewed one of the same subject and kind stands beside it, and lives longer. */
static bool is_replaced(const struct fact_daemon *daemon, const struct fact_certificate *old)
{
	for (size_t i = 0; i < daemon->certificate_count; i++) {
		const struct fact_certificate *c = &daemon->certificates[i];

		if (c != old && c->own == old->own && strcmp(c->subject, old->subject) == 0 &&
		    c->not_after_ns > old->not_after_ns)
			return true;
	}
	return false;
}

/* "on 2026-11-21, in 3 days" */
static void say_when(struct finding *f, const struct fact_certificate *c, uint64_t now_ns)
{
	time_t seconds = (time_t)(c->not_after_ns / SECOND);
	char date[32] = "an unknown day", span[48];
	bool over = c->not_after_ns <= now_ns;
	uint64_t left = (over ? now_ns - c->not_after_ns : c->not_after_ns - now_ns) / SECOND;
	struct tm tm;

	if (gmtime_r(&seconds, &tm))
		strftime(date, sizeof(date), "%F %H:%M UTC", &tm);
	snprintf(span, sizeof(span),
		 left < 7200	 ? "%" PRIu64 " minutes"
		 : left < 172800 ? "%" PRIu64 " hours"
				 : "%" PRIu64 " days",
		 left < 7200	 ? left / 60
		 : left < 172800 ? left / 3600
				 : left / 86400);
	finding_set(f, "when", over ? "ended %s ago, on %s" : "ends in %s, on %s", span, date);
	finding_evidence(f, ORIGIN_VICI, c->not_after_ns, over ? "it ended" : "it ends", date);
}

/* What tells names apart stands at their ends. */
static const char *tail(const char *subject)
{
	size_t length = strlen(subject);

	return length < STATE_NAME ? subject : subject + length - (STATE_NAME - 1);
}

static void certificate(struct rule_run *r, const struct fact_daemon *daemon,
			const struct fact_certificate *c)
{
	const struct fact_connection *connection = connection_of(daemon, c);
	const struct fact_certificate *of = c->ca ? issued(daemon, c) : NULL;
	uint64_t now = r->input->now_ns, soon = (c->not_after_ns - c->not_before_ns) / SOON_SHARE;
	uint64_t left = c->not_after_ns > now ? c->not_after_ns - now : 1;
	struct rule_subject subject = {.object = tail(c->subject)};
	struct finding *f;

	if (c->not_after_ns == UINT64_MAX || (!c->own && !connection && !of) || is_replaced(daemon, c))
		return;
	if (soon > SOON || c->not_after_ns < c->not_before_ns)
		soon = SOON;
	f = rule_hit(r, &subject, (double)soon / (double)left, 1);
	if (!f)
		return;
	f->confidence = CONFIDENCE_CERTAIN;
	if (left <= DAY)
		f->severity = SEVERITY_CRITICAL;
	finding_set(f, "name", " (%s, %s)", c->subject, c->ca ? "a CA's" : c->own ? "our own" : "the peer's");
	say_when(f, c, now);
	if (connection)
		finding_evidence(f, ORIGIN_VICI, daemon->snapshot_ns, "connection that uses it",
				 connection->name);
	if (of)
		finding_evidence(f, ORIGIN_VICI, daemon->snapshot_ns, "issuer of", of->subject);
	finding_evidence(f, ORIGIN_VICI, daemon->snapshot_ns, "issued by", c->issuer);
}

/* Value: what counts as soon, divided by the time that is left: 1 when it ends soon. */
void rule_certificate_expiry(struct rule_run *r)
{
	for (size_t d = 0; d < r->input->daemon_count; d++) {
		const struct fact_daemon *daemon = &r->input->daemons[d];

		for (size_t i = 0; daemon->available && i < daemon->certificate_count; i++)
			certificate(r, daemon, &daemon->certificates[i]);
	}
}

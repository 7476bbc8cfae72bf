// SPDX-License-Identifier: GPL-2.0-or-later
/* rules_security.c - family E, from IKE conversations and unknown SPIs */
#include "diagnose/rules.h"
#include "diagnose/talk.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)

/* Value: half-open IKE SAs begun per second. */
void rule_ike_flood(struct rule_run *r)
{
	const struct conversation_stats *s =
		r->input->state->ike ? conversation_stats(r->input->state->ike) : NULL;
	struct rule_subject subject = {0};
	struct finding *f;

	if (!s)
		return;
	f = rule_hit(r, &subject, s->half_open_rate, s->half_open);
	if (!f)
		return;
	finding_set(f, "detail", ": %u in one second, %u half-open now", s->half_open_rate, s->half_open);
	if (s->half_open_evicted)
		f->severity = SEVERITY_CRITICAL;
	finding_evidence_number(f, ORIGIN_WIRE, r->input->now_ns, "half-open IKE SAs", s->half_open);
	finding_evidence_number(f, ORIGIN_WIRE, r->input->now_ns, "begun in the last second",
				s->half_open_rate);
	finding_evidence_number(f, ORIGIN_WIRE, r->input->now_ns, "most in one second",
				s->half_open_rate_peak);
	finding_evidence_number(f, ORIGIN_WIRE, r->input->now_ns, "let go to make room",
				s->half_open_evicted);
}

/* Value: SAs seen coming in that never sent enough to be believed. */
void rule_spi_scan(struct rule_run *r)
{
	const struct state *state = r->input->state;
	struct rule_subject subject = {0};
	uint64_t unproven = 0, packets = 0;
	struct finding *f;

	for (size_t i = 0; i < state->sa_count; i++) {
		const struct state_sa *sa = &state->sas[i];

		if (!sa->newcomer || sa->direction == ESP_DIR_OUT || sa->known == 1)
			continue;
		unproven++;
		packets += sa->packets;
	}
	f = rule_hit(r, &subject, (double)unproven, unproven);
	if (!f)
		return;
	finding_evidence_number(f, ORIGIN_WIRE, r->input->now_ns, "unknown SPIs now", unproven);
	finding_evidence_number(f, ORIGIN_WIRE, r->input->now_ns, "packets of these", packets);
	finding_evidence_number(f, ORIGIN_WIRE, r->input->now_ns, "packets of others before them",
				state->loss[ESP_LOSS_EVICTED]);
}

/* ---- algorithms */

/* As ike_suite_print() names them; each stands between slashes or at an end. */
static const char *const weak[] = {
	"DES_IV64",	"DES_IV32",	 "DES_CBC",	"3DES_CBC",	"CAST_CBC",	"BLOWFISH_CBC",
	"DES_MAC",	"KPDK_MD5",	 "HMAC_MD5_96", "HMAC_MD5_128", "HMAC_SHA1_96", "HMAC_SHA1_160",
	"PRF_HMAC_MD5", "PRF_HMAC_SHA1", "MODP_768",	"MODP_1024",	"MODP_1536",	"MODP_1024_160",
};

static bool is_weak(const char *name, size_t length)
{
	for (size_t i = 0; i < sizeof(weak) / sizeof(weak[0]); i++)
		if (strlen(weak[i]) == length && memcmp(weak[i], name, length) == 0)
			return true;
	return false;
}

/* The weak ones of "A/B/C" appended to `text`, comma separated, each once. Returns how many there are in the suite. */
static unsigned int add_weak(const char *suite, char *text, size_t size)
{
	unsigned int count = 0;

	while (*suite) {
		size_t length = strcspn(suite, "/"), used = strlen(text);
		char name[64];

		if (length < sizeof(name) && is_weak(suite, length)) {
			snprintf(name, sizeof(name), "%.*s", (int)length, suite);
			count++;
			if (!strstr(text, name) && used + length + 3 < size)
				snprintf(text + used, size - used, "%s%s", used ? ", " : "", name);
		}
		suite += length + (suite[length] == '/');
	}
	return count;
}

struct offered {
	char text[160];
	unsigned int count;
};

static void on_offered(void *arg, const char *suite)
{
	struct offered *offered = arg;

	offered->count += add_weak(suite, offered->text, sizeof(offered->text));
}

static bool lives(const struct conversation_sa *sa)
{
	return !sa->half_open &&
	       (sa->state == CONVERSATION_ESTABLISHED || sa->state == CONVERSATION_NEGOTIATING);
}

/* Value: 1, or 2 when it was chosen and not only offered. */
void rule_weak_crypto(struct rule_run *r)
{
	const struct conversation_sa *sa = NULL;

	while (r->input->state->ike && (sa = conversation_next(r->input->state->ike, sa))) {
		char chosen[1024], in_use[160] = "";
		struct offered offered = {.count = 0};
		struct talk talk;
		unsigned int used = 0;
		struct finding *f;

		if (!lives(sa))
			continue;
		if (conversation_chosen(sa, chosen, sizeof(chosen)))
			used = add_weak(chosen, in_use, sizeof(in_use));
		else
			chosen[0] = '\0';
		if (!used)
			conversation_offered(sa, on_offered, &offered);
		if (!used && !offered.count)
			continue;
		talk_begin(r, sa, &talk);
		f = rule_hit(r, &talk.subject, used ? 2 : 1, 1);
		if (!f)
			continue;
		finding_set(f, "algorithm", "%s", used ? in_use : offered.text);
		finding_set(f, "use", "%s", used ? "in use" : "offered, though not chosen,");
		if (!used)
			f->severity = SEVERITY_INFO;
		if (chosen[0])
			finding_evidence(f, ORIGIN_WIRE, sa->first_ns, "chosen", chosen);
		if (offered.text[0])
			finding_evidence(f, ORIGIN_WIRE, sa->first_ns, "offered", offered.text);
	}
}

/* Value: 1. */
void rule_ike_aggressive_mode(struct rule_run *r)
{
	const struct conversation_sa *sa = NULL;

	while (r->input->state->ike && (sa = conversation_next(r->input->state->ike, sa))) {
		struct talk talk;
		struct finding *f;

		if (!lives(sa) || sa->major != 1 || sa->mode != IKE_V1_EXCHANGE_AGGRESSIVE_MODE)
			continue;
		talk_begin(r, sa, &talk);
		f = rule_hit(r, &talk.subject, 1, 1);
		if (f)
			finding_evidence(f, ORIGIN_WIRE, sa->first_ns, "mode", "aggressive");
	}
}

/* ---- speed */

/* Value: milliseconds that the fastest of the last three answered requests of one side took. */
void rule_ike_slow(struct rule_run *r)
{
	const struct conversation_sa *sa = NULL;

	while (r->input->state->ike && (sa = conversation_next(r->input->state->ike, sa))) {
		struct talk talk;
		int64_t fastest = INT64_MAX;
		uint64_t count = 0, last_ns = 0;
		struct finding *f;

		if (!lives(sa))
			continue;
		for (uint32_t i = sa->exchange_count; i-- > 0 && count < 3;) {
			const struct conversation_exchange *x = conversation_exchange_at(sa, i);
			int64_t rtt = conversation_rtt_us(x);

			if (rtt < 0)
				continue;
			count++;
			fastest = rtt < fastest ? rtt : fastest;
			last_ns = x->response_ns > last_ns ? x->response_ns : last_ns;
		}
		if (!count)
			continue;
		talk_begin(r, sa, &talk);
		f = rule_hit(r, &talk.subject, (double)fastest / 1000, count);
		if (!f)
			continue;
		finding_set(f, "detail", ": %" PRId64 " ms at best", fastest / 1000);
		finding_evidence_number(f, ORIGIN_WIRE, last_ns,
					"fastest of the last three answers, in milliseconds",
					(uint64_t)(fastest / 1000));
	}
}

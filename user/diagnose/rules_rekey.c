// SPDX-License-Identifier: GPL-2.0-or-later
/* rules_rekey.c - family B: what goes wrong when SAs are replaced */
#include "diagnose/rules.h"
#include "diagnose/talk.h"
#include "model/address.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)

static const struct fact_sa *newest_kernel_sa(const struct rule_run *r, const struct state_tunnel *t)
{
	const struct fact_kernel *kernel = r->input->kernel;
	const struct fact_sa *newest = NULL;

	for (size_t i = 0; kernel && kernel->available && i < kernel->sa_count; i++) {
		const struct fact_sa *sa = &kernel->sas[i];

		if (memcmp(sa->destination, t->local, 16) == 0 && memcmp(sa->source, t->remote, 16) == 0 &&
		    sa->lifetime.hard_seconds && (!newest || sa->added_ns > newest->added_ns))
			newest = sa;
	}
	return newest;
}

/* When the present SA ends, from the kernel or else a daemon; 0: nobody tells. */
static uint64_t expires(const struct rule_run *r, const struct state_tunnel *t,
			enum finding_origin *ret_origin)
{
	const struct fact_sa *sa = newest_kernel_sa(r, t);

	*ret_origin = ORIGIN_KERNEL;
	if (sa)
		return sa->added_ns + sa->lifetime.hard_seconds * SECOND;
	*ret_origin = ORIGIN_VICI;
	for (size_t d = 0; d < r->input->daemon_count; d++) {
		const struct fact_daemon *daemon = &r->input->daemons[d];

		for (size_t i = 0; daemon->available && i < daemon->child_count; i++)
			for (size_t s = 0; s < t->spi_count; s++)
				if (daemon->children[i].spi_in == t->spis[s] &&
				    daemon->children[i].expires_ns)
					return daemon->children[i].expires_ns;
	}
	return 0;
}

/* A child SA was made in this IKE SA, or another one goes on. */
static bool has_child(const struct talk *talk)
{
	if (talk->subject.tunnel->spi_count)
		return true;
	for (uint32_t i = 0; i < talk->sa->exchange_count; i++) {
		const struct conversation_exchange *x = conversation_exchange_at(talk->sa, i);

		if (x->outcome == CONVERSATION_OUTCOME_SUCCESS &&
		    (x->major == 1 ? x->type == IKE_V1_EXCHANGE_QUICK_MODE
				   : x->type == IKE_V2_EXCHANGE_IKE_AUTH ||
					     x->type == IKE_V2_EXCHANGE_CREATE_CHILD_SA))
			return true;
	}
	return false;
}

/*
 * Value: CREATE_CHILD_SA exchanges refused one after the other while the child SA of before goes on. One alone may be a collision
 * (RFC 7296 section 2.25).
 */
static void child_rekey_failing(struct rule_run *r, const struct talk *talk)
{
	const struct state_tunnel *t = talk->subject.tunnel;
	const struct conversation_exchange *last = NULL, *first = NULL;
	unsigned int refused = 0;
	enum finding_origin origin;
	struct finding *f;
	char when[32];
	uint64_t end;

	if (talk->sa->state != CONVERSATION_ESTABLISHED || !t || !has_child(talk))
		return;
	for (uint32_t i = talk->sa->exchange_count; i-- > 0;) {
		const struct conversation_exchange *x = conversation_exchange_at(talk->sa, i);
		bool rekeys = x->major >= 2 ? x->type == IKE_V2_EXCHANGE_CREATE_CHILD_SA
					    : x->type == IKE_V1_EXCHANGE_QUICK_MODE;

		if (!rekeys)
			continue;
		if (x->outcome == CONVERSATION_OUTCOME_SUCCESS && !refused)
			rule_over(r, &talk->subject);
		if (x->outcome != CONVERSATION_OUTCOME_FAILURE)
			break;
		refused++;
		first = x;
		if (!last)
			last = x;
	}
	if (!last || !rule_recent(r, last->last_ns))
		return;
	f = rule_hit(r, &talk->subject, refused, refused);
	if (!f)
		return;
	f->confidence = CONFIDENCE_LIKELY; /* by the size of the answers */
	f->since_ns = first->request_ns;
	talk_shape(f, talk);
	talk_last_good(f, talk, first->request_ns);
	end = expires(r, t, &origin);
	if (end > r->input->now_ns) {
		snprintf(when, sizeof(when), "in %" PRIu64 " s", (end - r->input->now_ns) / SECOND);
		finding_set(f, "expires", ", %s", when);
		finding_evidence(f, origin, end, "the present SA expires", when);
	}
	talk_exchange_evidence(f, talk, last);
	finding_evidence_number(f, ORIGIN_WIRE, last->response_ns, "rekeyings refused one after the other",
				refused);
	if (last->response_ns)
		finding_evidence_number(f, ORIGIN_WIRE, last->response_ns,
					"bytes of ciphertext in the last answer, too few for an SA",
					last->response.encrypted);
}

void rule_child_rekey_failing(struct rule_run *r)
{
	talk_each(r, child_rekey_failing);
}

static bool has_successor(const struct fact_kernel *kernel, const struct fact_sa *old)
{
	for (size_t i = 0; i < kernel->sa_count; i++) {
		const struct fact_sa *sa = &kernel->sas[i];

		if (sa->added_ns > old->added_ns && sa->space == old->space && sa->reqid == old->reqid &&
		    sa->direction == old->direction && memcmp(sa->destination, old->destination, 16) == 0)
			return true;
	}
	return false;
}

/* Value: how far the SA is between its soft and its hard lifetime, 0 to 1. */
void rule_rekey_late(struct rule_run *r)
{
	const struct fact_kernel *kernel = r->input->kernel;

	for (size_t i = 0; i < kernel->sa_count; i++) {
		const struct fact_sa *sa = &kernel->sas[i];
		const struct fact_lifetime *l = &sa->lifetime;
		char peer[ADDRESS_TEXT];
		struct rule_subject subject = {.spi = sa->spi, .has_spi = true, .peer = peer};
		struct finding *f;
		double share;
		uint64_t age;

		if (!l->soft_seconds || l->hard_seconds <= l->soft_seconds || !sa->added_ns ||
		    sa->added_ns > r->input->now_ns)
			continue;
		age = (r->input->now_ns - sa->added_ns) / SECOND;
		if (age <= l->soft_seconds || has_successor(kernel, sa))
			continue;
		share = (double)(age - l->soft_seconds) / (double)(l->hard_seconds - l->soft_seconds);
		address_text(sa->direction == FACT_OUT ? sa->destination : sa->source, peer);
		subject.tunnel = rule_tunnel_of(r, sa->source, sa->destination);
		f = rule_hit(r, &subject, share, 1);
		if (!f)
			continue;
		if (age < l->hard_seconds)
			finding_set(f, "expires", "; it expires in %" PRIu64 " s", l->hard_seconds - age);
		finding_evidence_number(f, ORIGIN_KERNEL, r->input->now_ns, "age in seconds", age);
		finding_evidence_number(f, ORIGIN_KERNEL, sa->added_ns, "soft lifetime in seconds",
					l->soft_seconds);
		finding_evidence_number(f, ORIGIN_KERNEL, sa->added_ns, "hard lifetime in seconds",
					l->hard_seconds);
	}
}

/* ---- too many */

/* Which traffic an SA is for, by the kernel or a daemon: SAs of one reqid are for the same. 0: nobody tells. */
static uint32_t purpose(const struct rule_run *r, const struct state_sa *sa)
{
	const struct fact_sa *fact = rule_kernel_sa(r, sa);

	if (fact)
		return fact->reqid;
	for (size_t d = 0; d < r->input->daemon_count; d++) {
		const struct fact_daemon *daemon = &r->input->daemons[d];

		for (size_t i = 0; daemon->available && i < daemon->child_count; i++)
			if (daemon->children[i].spi_in == sa->spi)
				return daemon->children[i].reqid;
	}
	return 0;
}

#define IN_USE (30 * SECOND) /* since a packet was seen */
#define BESIDE                                                                                               \
	(10 * SECOND) /* used so long beside the other: the change from one to its successor takes less */

/* In the tunnel's inbound direction; of a tunnel that has more than its pair. */
static bool is_in_use(const struct rule_run *r, const struct state_sa *sa)
{
	const struct state_tunnel *t =
		sa->tunnel == STATE_NO_TUNNEL ? NULL : &r->input->state->tunnels[sa->tunnel];

	return t && sa->live && t->spi_count >= 3 && !(t->transit && r->input->live) &&
	       sa->last_ns + IN_USE >= r->input->now_ns && memcmp(sa->destination, t->local, 16) == 0;
}

static int by_tunnel(const void *a, const void *b)
{
	const struct state_sa *x = *(const struct state_sa *const *)a,
			      *y = *(const struct state_sa *const *)b;

	return x->tunnel != y->tunnel ? (x->tunnel < y->tunnel ? -1 : 1) : x < y ? -1 : x > y;
}

/* `other` was used while `sa` was, and not less lately. Of SAs that are replaced every few seconds one ends where the next begins. */
static bool is_beside(const struct state_sa *sa, const struct state_sa *other)
{
	uint64_t begin = sa->first_ns > other->first_ns ? sa->first_ns : other->first_ns;

	return sa->last_ns >= begin + BESIDE &&
	       (other->last_ns > sa->last_ns || (other->last_ns == sa->last_ns && other > sa));
}

/*
 * Most SAs of one purpose, of these of one tunnel, that are in use at once. Two child SAs of a tunnel may be for two networks, and the wire
 * alone cannot tell these from two for the same: an SA of which nobody tells what it is for is not counted.
 */
static unsigned int used_alike(const struct rule_run *r, const struct state_sa *const *used, size_t number)
{
	unsigned int most = 0;

	for (size_t i = 0; i < number; i++) {
		uint32_t of = purpose(r, used[i]);
		unsigned int count = 1;

		for (size_t k = 0; of && k < number; k++)
			count += is_beside(used[i], used[k]) && purpose(r, used[k]) == of;
		most = of && count > most ? count : most;
	}
	return most;
}

static int by_ends(const void *a, const void *b)
{
	const struct fact_ike *x = *(const struct fact_ike *const *)a,
			      *y = *(const struct fact_ike *const *)b;
	int order = memcmp(x->remote, y->remote, 16);

	if (!order)
		order = memcmp(x->local, y->local, 16);
	if (!order)
		order = strcmp(x->connection, y->connection);
	return order ? order : strcmp(x->remote_id, y->remote_id);
}

static void say_duplicates(struct rule_run *r, const struct rule_subject *subject, unsigned int count,
			   enum finding_origin origin, const char *what, const char *evidence)
{
	struct finding *f = rule_hit(r, subject, count, count);

	if (!f)
		return;
	f->confidence = CONFIDENCE_LIKELY; /* they may be meant, one for each CPU (RFC 9611) */
	finding_set(f, "count", "%u", count);
	finding_set(f, "what", "%s", what);
	finding_evidence_number(f, origin, r->input->now_ns, evidence, count);
}

/* Value: IKE SAs of one connection and peer that stand side by side, as the daemon says. */
static void duplicate_ikes(struct rule_run *r, const struct fact_daemon *daemon)
{
	const struct fact_ike **sorted = calloc(daemon->ike_count + 1, sizeof(const struct fact_ike *));
	size_t count = 0, run;

	if (!sorted)
		return; /* looked at again in a second */
	for (size_t i = 0; i < daemon->ike_count; i++)
		if (daemon->ikes[i].state == FACT_IKE_ESTABLISHED)
			sorted[count++] = &daemon->ikes[i];
	if (count)
		qsort(sorted, count, sizeof(const struct fact_ike *), by_ends);
	for (size_t i = 0; i < count; i += run) {
		struct rule_subject subject = {.address = sorted[i]->remote};

		for (run = 1; i + run < count && by_ends(&sorted[i], &sorted[i + run]) == 0; run++)
			;
		if (run < 2)
			continue;
		subject.tunnel = rule_tunnel_of(r, sorted[i]->local, sorted[i]->remote);
		say_duplicates(r, &subject, (unsigned int)run, ORIGIN_VICI, "IKE SAs",
			       "IKE SAs of one connection that stand at once");
	}
	free(sorted);
}

/* Value: inbound SAs of one tunnel for the same traffic on which packets came in the last 30 s, beside each other. */
static void duplicate_children(struct rule_run *r)
{
	const struct state *state = r->input->state;
	const struct state_sa **used = calloc(state->sa_count + 1, sizeof(const struct state_sa *));
	size_t count = 0, run;

	if (!used)
		return; /* looked at again in a second */
	for (size_t i = 0; i < state->sa_count; i++)
		if (is_in_use(r, &state->sas[i]))
			used[count++] = &state->sas[i];
	if (count)
		qsort(used, count, sizeof(const struct state_sa *), by_tunnel);
	for (size_t i = 0; i < count; i += run) {
		struct rule_subject subject = {.tunnel = &state->tunnels[used[i]->tunnel]};
		unsigned int alike;

		for (run = 1; i + run < count && used[i + run]->tunnel == used[i]->tunnel; run++)
			;
		alike = used_alike(r, used + i, run);
		if (alike > 1)
			say_duplicates(r, &subject, alike, ORIGIN_WIRE, "child SAs",
				       "inbound child SAs for the same traffic that are in use at once");
	}
	free(used);
}

void rule_duplicate_sas(struct rule_run *r)
{
	duplicate_children(r);
	for (size_t d = 0; d < r->input->daemon_count; d++)
		if (r->input->daemons[d].available)
			duplicate_ikes(r, &r->input->daemons[d]);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* rules_policy.c - family C, from the kernel's policies and what it counted against them */
#include "diagnose/rule_episode.h"
#include "diagnose/rules.h"
#include "diagnose/selector.h"
#include "model/address.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMPARISONS 200000 /* of policies in one look, at most: some milliseconds */

/* ---- packets that no policy fits */

/* The tunnel, when there is only one that it can be about. */
static const struct state_tunnel *only_tunnel(const struct state *state)
{
	const struct state_tunnel *only = NULL;

	for (size_t i = 0; i < state->tunnel_count; i++) {
		if (state->tunnels[i].transit)
			continue;
		if (only)
			return NULL;
		only = &state->tunnels[i];
	}
	return only;
}

static uint64_t total(const struct host_facts *host, const char *name)
{
	for (size_t i = 0; i < host->xfrm_count; i++)
		if (strcmp(host->xfrm[i].name, name) == 0)
			return host->xfrm[i].value;
	return 0;
}

/* Did ESP come in for ourselves lately? What the kernel refuses without any was never encrypted. */
static bool esp_comes_in(struct rule_run *r, bool *ret_known)
{
	const struct state *state = r->input->state;
	struct state_tunnel_counters in, out;
	uint64_t span_ns;

	*ret_known = state->tunnel_count > 0;
	for (size_t i = 0; i < state->tunnel_count; i++) {
		if (state->tunnels[i].transit)
			continue;
		if (!rule_tunnel_gain(r, &state->tunnels[i], 30, &in, &out, &span_ns))
			*ret_known = false;
		else if (in.packets)
			return true;
	}
	return false;
}

static void counter_evidence(struct finding *f, const struct host_facts *host, const char *name)
{
	if (total(host, name))
		finding_evidence_number(f, ORIGIN_KERNEL, host->taken_ns, name, total(host, name));
}

/* Value: packets that came out of an SA, or were to go into one, and fitted no policy, since that began to happen. */
void rule_policy_mismatch(struct rule_run *r)
{
	static const char *const counters[] = {"XfrmInNoPols", "XfrmInTmplMismatch", "XfrmInPolBlock"};
	const struct host_facts *host = r->input->host;
	const struct rule_subject subject = {.tunnel = only_tunnel(r->input->state)};
	bool first = rule_episode_first(r), known;
	uint64_t sum = 0, value;
	struct finding *f;

	if (!host->has_xfrm)
		return;
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		sum += total(host, counters[i]);
	value = rule_episode(r, &subject, sum, first);
	if (!value || (!esp_comes_in(r, &known) && known))
		return; /* cleartext-leak's */
	f = rule_hit(r, &subject, (double)value, value);
	if (!f)
		return;
	if (host_xfrm_gain(host, "XfrmInNoPols")) {
		finding_set(f, "detail", " (%" PRIu64 " were decrypted, and no policy is there for them)",
			    value);
	} else {
		/* The counter is the same for what came in the clear: only more policies than one, or the wire inside, could tell. */
		f->confidence = CONFIDENCE_LIKELY;
		finding_set(f, "detail",
			    " (%" PRIu64
			    " refused by one, as they came by another SA than it wants, or in the clear: "
			    "then they show in a capture of the outer interface)",
			    value);
	}
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		counter_evidence(f, host, counters[i]);
	counter_evidence(f, host, "XfrmOutNoStates");
	counter_evidence(f, host, "XfrmOutPolBlock");
}

/* ---- selectors */

static bool prefix_holds(const uint8_t wide[16], const uint8_t narrow[16], uint8_t family, uint8_t bits)
{
	unsigned int skip = family == 4 ? 12 : 0, bytes = bits / 8, rest = bits % 8;

	if (bytes > 16 - skip || memcmp(wide + skip, narrow + skip, bytes) != 0)
		return false;
	return !rest || ((wide[skip + bytes] ^ narrow[skip + bytes]) >> (8 - rest)) == 0;
}

static bool port_holds(uint16_t wide, uint16_t wide_mask, uint16_t narrow, uint16_t narrow_mask)
{
	return (wide_mask & narrow_mask) == wide_mask && ((wide ^ narrow) & wide_mask) == 0;
}

/* Does every packet of `narrow` fit `wide` too? */
static bool selector_holds(const struct fact_selector *wide, const struct fact_selector *narrow)
{
	return wide->family == narrow->family && wide->source_prefix <= narrow->source_prefix &&
	       wide->destination_prefix <= narrow->destination_prefix &&
	       (!wide->protocol || wide->protocol == narrow->protocol) &&
	       (!wide->ifindex || wide->ifindex == narrow->ifindex) &&
	       port_holds(wide->source_port, wide->source_port_mask, narrow->source_port,
			  narrow->source_port_mask) &&
	       port_holds(wide->destination_port, wide->destination_port_mask, narrow->destination_port,
			  narrow->destination_port_mask) &&
	       prefix_holds(wide->source, narrow->source, wide->family, wide->source_prefix) &&
	       prefix_holds(wide->destination, narrow->destination, wide->family, wide->destination_prefix);
}

static bool is_any(const uint8_t address[16])
{
	static const uint8_t none[16], any4[16] = {[10] = 0xff, [11] = 0xff};

	return memcmp(address, none, 16) == 0 || memcmp(address, any4, 16) == 0;
}

/* Does it matter which of the two a packet meets? */
static bool lead_elsewhere(const struct fact_policy *a, const struct fact_policy *b)
{
	if (a->block != b->block)
		return true;
	if (!a->has_template || !b->has_template)
		return a->has_template != b->has_template;
	/* Traps have no addresses yet: the daemon fills them in. */
	if (is_any(a->destination) || is_any(b->destination))
		return false;
	return memcmp(a->destination, b->destination, 16) != 0;
}

/* ---- overlap */

static int by_destination(const void *a, const void *b)
{
	const struct fact_selector *x = &(*(const struct fact_policy *const *)a)->selector;
	const struct fact_selector *y = &(*(const struct fact_policy *const *)b)->selector;
	int order;

	if (x->family != y->family)
		return x->family < y->family ? -1 : 1;
	order = memcmp(x->destination, y->destination, 16);
	if (order)
		return order;
	return (x->destination_prefix > y->destination_prefix) -
	       (x->destination_prefix < y->destination_prefix);
}

static bool is_shadowed(const struct fact_policy *winner, const struct fact_policy *loser)
{
	return winner->space == loser->space && winner->priority <= loser->priority &&
	       winner->if_id == loser->if_id && winner->mark == loser->mark &&
	       winner->mark_mask == loser->mark_mask && lead_elsewhere(winner, loser) &&
	       selector_holds(&winner->selector, &loser->selector) &&
	       (winner->priority < loser->priority || !selector_holds(&loser->selector, &winner->selector));
}

static void say_overlap(struct rule_run *r, const struct fact_policy *winner, const struct fact_policy *loser)
{
	char wide[160], narrow[160], ends[ADDRESS_TEXT] = "no tunnel", peer[ADDRESS_TEXT];
	struct rule_subject subject = {0};
	struct finding *f;

	if (loser->has_template) {
		subject.peer = address_text(loser->destination, peer);
		subject.tunnel = rule_tunnel_of(r, loser->source, loser->destination);
	}
	f = rule_hit(r, &subject, 1, 1);
	if (!f)
		return;
	if (winner->priority == loser->priority)
		f->confidence = CONFIDENCE_POSSIBLE; /* then the order of installation decides */
	if (winner->has_template)
		address_text(winner->destination, ends);
	selector_text(&winner->selector, wide, sizeof(wide));
	selector_text(&loser->selector, narrow, sizeof(narrow));
	finding_set(f, "detail", ": %s goes to %s%s", narrow, winner->block ? "nobody" : ends,
		    loser->has_template ? ", not into its own tunnel" : "");
	snprintf(wide + strlen(wide), sizeof(wide) - strlen(wide), ", priority %u", winner->priority);
	snprintf(narrow + strlen(narrow), sizeof(narrow) - strlen(narrow), ", priority %u", loser->priority);
	finding_evidence(f, ORIGIN_KERNEL, r->input->now_ns, "policy that takes it", wide);
	finding_evidence(f, ORIGIN_KERNEL, r->input->now_ns, "policy that never sees it", narrow);
}

/*
 * Value: 1 when one outbound policy takes all of another's traffic elsewhere. Sorted by destination, each has to be compared only with
 * those whose destination holds its own: the ones on a stack.
 */
void rule_policy_overlap(struct rule_run *r)
{
	const struct fact_kernel *kernel = r->input->kernel;
	const struct fact_policy **sorted, **stack;
	size_t count = 0, depth = 0, left = COMPARISONS;

	sorted = calloc(kernel->policy_count ? kernel->policy_count : 1,
			2 * sizeof(const struct fact_policy *));
	if (!sorted)
		return; /* looked at again in a second */
	stack = sorted + kernel->policy_count;
	for (size_t i = 0; i < kernel->policy_count; i++)
		if (kernel->policies[i].direction == FACT_OUT)
			sorted[count++] = &kernel->policies[i];
	if (count)
		qsort(sorted, count, sizeof(const struct fact_policy *), by_destination);
	for (size_t i = 0; i < count && left; i++) {
		const struct fact_selector *s = &sorted[i]->selector;

		while (depth) {
			const struct fact_selector *top = &stack[depth - 1]->selector;

			if (top->family == s->family && top->destination_prefix <= s->destination_prefix &&
			    prefix_holds(top->destination, s->destination, s->family,
					 top->destination_prefix))
				break;
			depth--;
		}
		for (size_t k = 0; k < depth && left; k++, left--) {
			if (is_shadowed(stack[k], sorted[i]))
				say_overlap(r, stack[k], sorted[i]);
			else if (is_shadowed(sorted[i], stack[k]))
				say_overlap(r, sorted[i], stack[k]);
		}
		stack[depth++] = sorted[i];
	}
	free(sorted);
}

/* ---- in the clear */

static bool has_sa(const struct fact_kernel *kernel, const struct fact_policy *policy)
{
	for (size_t i = 0; i < kernel->sa_count; i++) {
		const struct fact_sa *sa = &kernel->sas[i];

		if (!sa->larval && sa->direction != FACT_IN && sa->space == policy->space &&
		    (!policy->reqid || sa->reqid == policy->reqid) &&
		    (is_any(policy->destination) || memcmp(sa->destination, policy->destination, 16) == 0))
			return true;
	}
	return false;
}

/* An outbound policy that takes what it can get sends in the clear while it has no SA. */
static void leaks_out(struct rule_run *r)
{
	const struct fact_kernel *kernel = r->input->kernel;

	for (size_t i = 0; kernel && kernel->available && i < kernel->policy_count; i++) {
		const struct fact_policy *policy = &kernel->policies[i];
		char peer[ADDRESS_TEXT], selector[160];
		struct rule_subject subject = {0};
		struct finding *f;

		if (policy->direction != FACT_OUT || policy->block || !policy->has_template ||
		    !policy->optional || policy->protocol == IPPROTO_COMP || has_sa(kernel, policy))
			continue;
		subject.peer = address_text(policy->destination, peer);
		subject.tunnel = rule_tunnel_of(r, policy->source, policy->destination);
		f = rule_hit(r, &subject, 3, 3);
		if (!f)
			continue;
		f->confidence = CONFIDENCE_LIKELY; /* whether there is any traffic is not seen */
		selector_text(&policy->selector, selector, sizeof(selector));
		finding_set(f, "detail", ", %s,", selector);
		network_text(policy->selector.destination, policy->selector.family,
			     policy->selector.destination_prefix, selector, sizeof(selector));
		finding_set(f, "network", "%s", selector);
		finding_evidence(f, ORIGIN_KERNEL, r->input->now_ns, "its policy lets it pass without an SA",
				 "level use");
		finding_evidence_number(f, ORIGIN_KERNEL, r->input->now_ns, "SAs that it has", 0);
	}
}

/* Value: packets that a policy wanted protected and that came in the clear, since that began to happen. */
void rule_cleartext_leak(struct rule_run *r)
{
	const struct host_facts *host = r->input->host;
	const struct rule_subject subject = {.tunnel = only_tunnel(r->input->state)};
	bool first = rule_episode_first(r), known;
	struct finding *f;
	uint64_t value;

	leaks_out(r);
	if (!host || !host->has_xfrm)
		return;
	value = rule_episode(r, &subject, total(host, "XfrmInTmplMismatch"), first);
	if (!value || esp_comes_in(r, &known) || !known)
		return;
	f = rule_hit(r, &subject, (double)value, value);
	if (!f)
		return;
	finding_say(f,
		    "Traffic that a policy wants protected arrives in the clear, %" PRIu64
		    " packets, and is dropped here: no ESP came meanwhile, so that the other end sends it "
		    "without IPsec.",
		    value);
	finding_evidence_number(f, ORIGIN_KERNEL, host->taken_ns, "XfrmInTmplMismatch",
				total(host, "XfrmInTmplMismatch"));
	finding_evidence_number(f, ORIGIN_WIRE, r->input->now_ns, "ESP packets that came in 30 s", 0);
}

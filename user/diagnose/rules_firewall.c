// SPDX-License-Identifier: GPL-2.0-or-later
/* rules_firewall.c - family C, from this host's NAT rules: what they take away from IPsec */
#include "diagnose/rules.h"
#include "diagnose/selector.h"
#include "model/address.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#define QUESTIONS 200000 /* policies times rules in one look, at most: some milliseconds */
#define UDP 17

/* The outer interfaces are those that are watched: what a rule says of another is not about tunnels. */
static bool is_watched(void *arg, const char *name)
{
	const struct state *state = arg;

	for (size_t i = 0; i < state->interface_count; i++)
		if (fnmatch(name, state->interfaces[i].name, 0) == 0)
			return true;
	return false;
}

/* Does the rule name an interface, while several are watched? Then which one is meant is likely, and not certain. */
static bool is_ambiguous(const struct state *state, const struct firewall_rule *rule)
{
	bool named = false;

	for (size_t i = 0; i < rule->count; i++)
		named |= rule->matches[i].field == FIREWALL_IN || rule->matches[i].field == FIREWALL_OUT;
	return named && state->interface_count > 1;
}

/* One rule may take the traffic of a hundred tunnels: it is told once. */
#define TAKERS 32
struct taker {
	const struct firewall_rule *rule;
	const uint8_t *local, *peer; /* of the first tunnel */
	const struct fact_selector *selector;
	int port;
	bool some;
	size_t count; /* tunnels or policies */
};

struct takers {
	struct taker list[TAKERS];
	size_t count;
};

static void add_taker(struct takers *takers, const struct taker *taker)
{
	for (size_t i = 0; i < takers->count; i++) {
		if (takers->list[i].rule == taker->rule) {
			takers->list[i].count++;
			return;
		}
	}
	if (takers->count == TAKERS)
		return;
	takers->list[takers->count] = *taker;
	takers->list[takers->count++].count = 1;
}

/* About the tunnel, when it is only one; else about all of them. */
static struct finding *hit(struct rule_run *r, const struct taker *taker)
{
	const struct state *state = r->input->state;
	uint64_t read_ns = r->input->firewall->read_ns;
	struct rule_subject subject = {.object = taker->rule->text};
	struct finding *f;

	if (taker->count == 1) {
		subject.tunnel = rule_tunnel_of(r, taker->local, taker->peer);
		subject.address = address_is_any(taker->peer) ? NULL : taker->peer;
	}
	f = rule_hit(r, &subject, 1, 1);
	if (!f)
		return NULL;
	if (is_ambiguous(state, taker->rule))
		f->confidence = CONFIDENCE_LIKELY;
	if (state->interface_count == 1)
		finding_set(f, "interface", "%s", state->interfaces[0].name);
	finding_evidence(f, ORIGIN_KERNEL, read_ns, "the rule", taker->rule->text);
	if (taker->rule->to[0])
		finding_evidence(f, ORIGIN_KERNEL, read_ns, "it translates to", taker->rule->to);
	return f;
}

/* ---- source NAT takes what a policy is to protect */

/*
 * Routed into a tunnel interface, traffic leaves by that one and is not what the outer interface's rules see; marked, it is chosen
 * by what we do not know.
 */
static bool is_by_selector(const struct fact_policy *policy)
{
	return policy->direction == FACT_OUT && !policy->block && policy->has_template &&
	       policy->mode == FACT_TUNNEL && !policy->if_id && !policy->mark_mask && !policy->mark &&
	       !policy->selector.ifindex;
}

static int one_port(uint16_t port, uint16_t mask)
{
	return mask == UINT16_MAX ? port : -1;
}

static void packets_of(const struct fact_selector *s, struct state *state, struct firewall_packets *ret)
{
	*ret = (struct firewall_packets){.family = s->family,
					 .protocol = s->protocol ? s->protocol : -1,
					 .source_port = one_port(s->source_port, s->source_port_mask),
					 .destination_port =
						 one_port(s->destination_port, s->destination_port_mask),
					 .is_interface = is_watched,
					 .arg = state,
					 .to_be_protected = true};
	firewall_prefix(s->family, s->source, s->source_prefix, ret->source);
	firewall_prefix(s->family, s->destination, s->destination_prefix, ret->destination);
}

static void say_translated(struct rule_run *r, const struct taker *taker)
{
	char selector[SELECTOR_TEXT], more[48] = "";
	struct finding *f = hit(r, taker);

	if (!f)
		return;
	selector_text(taker->selector, selector, sizeof(selector));
	if (taker->count > 1)
		snprintf(more, sizeof(more), ", and of %zu more polic%s", taker->count - 1,
			 taker->count == 2 ? "y" : "ies");
	finding_set(f, "detail", " (%s%s%s)", taker->some ? "some of " : "", selector, more);
	finding_evidence(f, ORIGIN_KERNEL, r->input->now_ns, "what a policy is to protect", selector);
	finding_evidence_number(f, ORIGIN_KERNEL, r->input->now_ns, "policies that it takes from",
				taker->count);
}

/* Value: 1 when a source NAT rule takes traffic that a policy is to protect: translated, it fits the policy no more. */
void rule_nat_before_ipsec(struct rule_run *r)
{
	const struct firewall *firewall = r->input->firewall;
	const struct fact_kernel *kernel = r->input->kernel;
	struct takers takers = {.count = 0};
	size_t left = QUESTIONS;

	for (size_t i = 0; i < kernel->policy_count && left > firewall->rule_count; i++) {
		const struct fact_policy *policy = &kernel->policies[i];
		struct taker taker = {
			.local = policy->source, .peer = policy->destination, .selector = &policy->selector};
		struct firewall_packets packets;

		if (!is_by_selector(policy))
			continue;
		left -= firewall->rule_count + 1;
		packets_of(&policy->selector, (struct state *)r->input->state, &packets);
		if (firewall_ask(firewall, true, &packets, &taker.rule, &taker.some) == FIREWALL_TRANSLATED)
			add_taker(&takers, &taker);
	}
	for (size_t i = 0; i < takers.count; i++)
		say_translated(r, &takers.list[i]);
}

/* ---- destination NAT takes IKE */

/* A mapping of the port to itself, at ourselves, takes nothing away. */
static bool stays_here(const struct firewall_rule *rule, const char *local, int port)
{
	char same[32];

	snprintf(same, sizeof(same), "port %d", port);
	return strcmp(rule->to, same) == 0 ||
	       (*local && strncmp(rule->to, local, strlen(local)) == 0 &&
		(!rule->to[strlen(local)] || strcmp(rule->to + strlen(local) + 1, same) == 0));
}

/* Does what the peer sends to UDP 500 or 4500 of an address at which IKE is awaited go elsewhere? */
static void ask_for_ike(struct rule_run *r, const uint8_t local[16], const uint8_t peer[16],
			struct takers *takers)
{
	static const int ports[] = {500, 4500};
	struct taker taker = {.local = local, .peer = peer};
	struct firewall_packets packets = {.family = address_family(peer),
					   .protocol = UDP,
					   .source_port = -1,
					   .is_interface = is_watched,
					   .arg = (struct state *)r->input->state};
	uint8_t bits = packets.family == 4 ? 32 : 128;
	char here[ADDRESS_TEXT] = "";

	firewall_prefix(packets.family, peer, bits, packets.source);
	firewall_prefix(packets.family, local, address_is_any(local) ? 0 : bits, packets.destination);
	if (!address_is_any(local))
		address_text(local, here);
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		packets.destination_port = taker.port = ports[i];
		if (firewall_ask(r->input->firewall, false, &packets, &taker.rule, &taker.some) ==
			    FIREWALL_TRANSLATED &&
		    !stays_here(taker.rule, here, ports[i])) {
			add_taker(takers, &taker);
			return;
		}
	}
}

static void say_stolen(struct rule_run *r, const struct taker *taker)
{
	char here[ADDRESS_TEXT] = "this host", there[ADDRESS_TEXT];
	struct finding *f = hit(r, taker);

	if (!f)
		return;
	if (!address_is_any(taker->local))
		address_text(taker->local, here);
	finding_set(f, "detail", ": UDP %d from %s%s to %s goes to %s", taker->port,
		    address_text(taker->peer, there), taker->count > 1 ? " and others" : "", here,
		    taker->rule->to[0] ? taker->rule->to : "another place");
}

/*
 * Value: 1 when a destination NAT rule takes IKE. Only where IKE is awaited here: a host that hands it on to a gateway behind it is
 * meant to.
 */
void rule_nat_steals_ike(struct rule_run *r)
{
	const struct fact_kernel *kernel = r->input->kernel;
	size_t left = QUESTIONS, each = 2 * (r->input->firewall->rule_count + 1);
	struct takers takers = {.count = 0};
	bool told = false; /* by a daemon, which connections there are */

	for (size_t d = 0; d < r->input->daemon_count; d++) {
		const struct fact_daemon *daemon = &r->input->daemons[d];

		for (size_t i = 0; i < daemon->connection_count && left > each; i++) {
			const struct fact_connection *c = &daemon->connections[i];

			if (address_is_any(c->remote))
				continue;
			left -= each;
			told = true;
			ask_for_ike(r, c->local, c->remote, &takers);
		}
	}
	for (size_t i = 0; !told && kernel && kernel->available && i < kernel->policy_count; i++) {
		const struct fact_policy *policy = &kernel->policies[i];

		if (policy->direction != FACT_OUT || !policy->has_template || left <= each ||
		    address_is_any(policy->destination) || address_is_any(policy->source))
			continue;
		left -= each;
		ask_for_ike(r, policy->source, policy->destination, &takers);
	}
	for (size_t i = 0; i < takers.count; i++)
		say_stolen(r, &takers.list[i]);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* diagnosis_needs.c - what rules need to be decided, what of it is absent, and how to have it */
#include "diagnose/diagnosis_internal.h"

#include <stdlib.h>
#include <string.h>

/* Which tunnels have an outbound policy, by their index. NULL: no memory. */
static bool *with_policy(struct diagnosis *d, const struct diagnose_input *input)
{
	const struct rule_run r = {input, d->rules, d};
	const struct state *state = input->state;
	bool *with = calloc(state->tunnel_count + 1, sizeof(*with));

	for (size_t i = 0; with && i < input->kernel->policy_count; i++) {
		const struct fact_policy *policy = &input->kernel->policies[i];
		const struct state_tunnel *tunnel;

		if (policy->direction != FACT_OUT || !policy->has_template)
			continue;
		/* Of a trap its daemon fills the addresses in when it is needed: it may be of any */
		if (address_is_any(policy->source) || address_is_any(policy->destination)) {
			memset(with, true, state->tunnel_count);
			break;
		}
		tunnel = rule_tunnel_of(&r, policy->source, policy->destination);
		if (tunnel)
			with[tunnel - state->tunnels] = true;
	}
	return with;
}

/*
 * A daemon may do ESP by itself (kernel-libipsec), and takes the policies of a tunnel away when it falls: then the kernel knows neither what
 * should be protected nor what is wrong with it.
 */
static unsigned int kernel_lacks(struct diagnosis *d, const struct diagnose_input *input)
{
	const struct rule_run r = {input, d->rules, d};
	const struct state *state = input->state;
	bool *with = with_policy(d, input);
	unsigned int m = NEED_NOTHING;

	if (!with) {
		d->no_memory = true;
		return NEED_POLICY;
	}
	for (size_t i = 0; i < state->tunnel_count; i++) {
		const struct state_tunnel *tunnel = &state->tunnels[i];

		if (tunnel->transit)
			continue;
		if (rule_tunnel_up(tunnel) && !input->kernel->sa_count && !input->kernel->policy_count)
			m |= NEED_IPSEC;
		/* Who never got further than IKE may be a stranger. Several between the same two have one place in the index */
		if ((tunnel->named || tunnel->in.packets || tunnel->out.packets) &&
		    !with[rule_tunnel_of(&r, tunnel->local, tunnel->remote) - state->tunnels])
			m |= NEED_POLICY;
	}
	free(with);
	return m;
}

unsigned int diagnosis_missing(struct diagnosis *d, const struct diagnose_input *input)
{
	unsigned int m = NEED_PEER;
	bool daemon = false, probe = false;

	for (size_t i = 0; i < input->daemon_count; i++)
		daemon |= input->daemons[i].available;
	for (size_t i = 0; i < input->path_count; i++)
		probe |= input->paths[i].probed;
	if (!input->live)
		m |= NEED_LIVE;
	if (!input->logs)
		m |= NEED_LOG;
	if (!input->kernel || !input->kernel->available)
		m |= NEED_KERNEL;
	else
		m |= kernel_lacks(d, input);
	if (!daemon)
		m |= NEED_DAEMON;
	if ((m & NEED_KERNEL) && (m & NEED_DAEMON))
		m |= NEED_PURPOSE;
	if (!input->firewall || !input->firewall->available)
		m |= NEED_FIREWALL;
	if (!input->host)
		m |= NEED_HOST;
	if (input->host && !input->host->has_xfrm)
		m |= NEED_STATISTICS;
	if (input->host && !input->host->has_drops)
		m |= NEED_DROPS;
	if (!probe)
		m |= NEED_PROBE;
	if (!input->state || !input->state->inner)
		m |= NEED_INNER;
	return m;
}

static bool has_row_without_log(const struct diagnosis *d, enum finding_id id)
{
	for (size_t i = 0; i < d->rule_count; i++)
		if (d->rules[i].id == id && !(d->rules[i].needs & NEED_LOG))
			return true;
	return false;
}

void diagnosis_undecided(const struct diagnosis *d,
			 void (*each)(void *arg, enum finding_id id, unsigned int missing), void *arg)
{
	bool decided[FINDING_COUNT] = {false};
	unsigned int lacks[FINDING_COUNT] = {0};

	for (size_t i = 0; i < d->rule_count; i++) {
		unsigned int needs = d->rules[i].needs, lack = (needs | needs >> 16) & d->missing;

		/* Logs tell of what their daemon noticed: they add to other rows, and do not decide instead */
		if ((d->rules[i].needs & NEED_LOG) && has_row_without_log(d, d->rules[i].id))
			continue;
		if (!lack)
			decided[d->rules[i].id] = true;
		else
			lacks[d->rules[i].id] |= lack;
	}
	for (int id = 0; id < FINDING_COUNT; id++)
		if (!decided[id])
			each(arg, (enum finding_id)id, lacks[id]);
}

const char *diagnose_need_text(enum diagnose_need need)
{
	switch (need) {
	case NEED_LIVE:
		return "the agent on the gateway: a capture does not tell which end it was taken at";
	case NEED_KERNEL:
		return "the kernel's SAs and policies (XFRM): run the agent on the gateway, with --xfrm yes "
		       "and CAP_NET_ADMIN";
	case NEED_DAEMON:
		return "the IKE daemon (VICI): start charon, and let the agent open its socket";
	case NEED_HOST:
		return "the host's own counters: run the agent on the gateway";
	case NEED_PROBE:
		return "a probe of the path: espial run --probe-interval 6h or --probe-on-finding yes; by "
		       "hand: "
		       "espial probe PEER";
	case NEED_PEER:
		return "espial at the other end: espial compare";
	case NEED_LOG:
		return "the logs of the IKE daemon: espial run --log-journal or --log-file, or espial "
		       "explain";
	case NEED_INNER:
		return "the inner interface: espial run --inner IFACE";
	case NEED_FIREWALL:
		return "the firewall's NAT rules: run the agent on the gateway, with --firewall yes, "
		       "CAP_NET_ADMIN, and "
		       "nft or iptables-save installed";
	case NEED_PURPOSE:
		return "which traffic an SA is for, from the kernel (XFRM) or the IKE daemon (VICI): run the "
		       "agent on the gateway, with --xfrm yes and CAP_NET_ADMIN, or let it open charon's "
		       "socket";
	case NEED_IPSEC:
		return "IPsec in the kernel: here the IKE daemon encrypts by itself (kernel-libipsec), and "
		       "the "
		       "kernel counts nothing of it: see the daemon's log, ip -s link, nft list ruleset";
	case NEED_POLICY:
		return "a policy in the kernel for each tunnel: there is none when the IKE daemon encrypts "
		       "by "
		       "itself (kernel-libipsec) or has taken it away with the SA; see whether inner "
		       "addresses "
		       "leave in the clear: tcpdump -ni <outer interface> net <remote network>";
	case NEED_STATISTICS:
		return "the kernel's counters of IPsec (/proc/net/xfrm_stat): a kernel with "
		       "CONFIG_XFRM_STATISTICS";
	case NEED_DROPS:
		return "why the kernel drops packets: run the agent with CAP_PERFMON, on kernel 5.17 or "
		       "later";
	default:
		return "nothing";
	}
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* rules_gateway.c - what the gateway itself cannot do, from the host's own counters */
#include "diagnose/rules.h"

#include <inttypes.h>

#define SECOND UINT64_C(1000000000)

/* Value: packets that the host itself dropped since the look before for want of CPU or buffers. */
void rule_gateway_overloaded(struct rule_run *r)
{
	const struct host_facts *host = r->input->host;
	struct rule_subject subject = {0};
	uint64_t softnet, buffers, missed = 0;
	struct finding *f;

	if (!host->before_ns)
		return;
	softnet = host->softnet_dropped - host->softnet_dropped_before;
	buffers = host_xfrm_gain(host, "XfrmInBufferError") + host_xfrm_gain(host, "XfrmInError");
	for (size_t i = 0; i < host->nic_count; i++)
		missed += host_nic_lost(host, &host->nics[i]);
	f = rule_hit(r, &subject, (double)(softnet + buffers + missed), softnet + buffers + missed);
	if (!f)
		return;
	finding_set(f, "detail", ": %" PRIu64 " in %" PRIu64 " s", softnet + buffers + missed,
		    (host->taken_ns - host->before_ns) / SECOND);
	if (softnet)
		finding_evidence_number(f, ORIGIN_KERNEL, host->taken_ns, "softnet backlog drops", softnet);
	if (missed)
		finding_evidence_number(f, ORIGIN_KERNEL, host->taken_ns, "missed by network cards", missed);
	if (buffers)
		finding_evidence_number(f, ORIGIN_KERNEL, host->taken_ns, "XfrmInBufferError and XfrmInError",
					buffers);
	if (host->cpu_softirq >= 0)
		finding_evidence_number(f, ORIGIN_KERNEL, host->taken_ns, "softirq, percent of all CPUs",
					(uint64_t)(host->cpu_softirq * 100));
}

/* Packets of tunnels that passed lately, in both directions: the work that a gateway is for. */
static uint64_t passed(struct rule_run *r, uint64_t *ret_ns)
{
	const struct state *state = r->input->state;
	uint64_t packets = 0;

	*ret_ns = 0;
	for (size_t i = 0; i < state->tunnel_count; i++) {
		struct state_tunnel_counters in, out;
		uint64_t span_ns;

		if (!rule_tunnel_gain(r, &state->tunnels[i], 10, &in, &out, &span_ns))
			continue;
		packets += in.packets + out.packets;
		*ret_ns = span_ns > *ret_ns ? span_ns : *ret_ns;
	}
	return packets;
}

/* Value: share of its time, 0 to 1, that the busiest CPU spends in softirq, where packets are received, encrypted and decrypted. */
void rule_gateway_capacity(struct rule_run *r)
{
	const struct host_facts *host = r->input->host;
	struct rule_subject subject = {0};
	uint64_t packets, span_ns, squeezed;
	struct finding *f;

	if (host->cpu_softirq_most < 0 || !host->before_ns)
		return;
	packets = passed(r, &span_ns);
	f = rule_hit(r, &subject, host->cpu_softirq_most, packets);
	if (!f)
		return;
	squeezed = host->softnet_squeezed - host->softnet_squeezed_before;
	f->severity = SEVERITY_WARNING; /* nothing is lost yet */
	f->confidence = CONFIDENCE_LIKELY;
	finding_say(
		f,
		"The gateway is at its limit: one CPU spends %.0f %% of its time on packets, while %" PRIu64
		" packets of tunnels pass in a second; more of them will be dropped.",
		host->cpu_softirq_most * 100, span_ns >= SECOND ? packets / (span_ns / SECOND) : packets);
	finding_set(f, "fix", "spread the tunnels over CPUs and queues, or over gateways");
	finding_evidence_number(f, ORIGIN_KERNEL, host->taken_ns, "softirq, percent of the busiest CPU",
				(uint64_t)(host->cpu_softirq_most * 100));
	if (host->cpu_softirq >= 0)
		finding_evidence_number(f, ORIGIN_KERNEL, host->taken_ns, "softirq, percent of all CPUs",
					(uint64_t)(host->cpu_softirq * 100));
	finding_evidence_number(f, ORIGIN_KERNEL, host->taken_ns,
				"times softirq had to stop with packets waiting, since the look before",
				squeezed);
	finding_evidence_number(f, ORIGIN_WIRE, r->input->now_ns, "packets of tunnels lately", packets);
}

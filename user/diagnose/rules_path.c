// SPDX-License-Identifier: GPL-2.0-or-later
/* rules_path.c - family D, from ICMP errors, probes and the host's own counters: path MTU, local drops, load */
#include "diagnose/rules.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)
#define FRESH (600 * SECOND) /* an ICMP error older than this says nothing about now */

static struct rule_subject subject_of(const struct rule_run *r, const struct model_path *path,
				      char peer[RULE_ADDRESS])
{
	struct rule_subject subject = {.tunnel = rule_tunnel_of(r, path->local, path->peer),
				       .peer = rule_address(path->peer, peer)};

	return subject;
}

static void set_mtu(struct finding *f, const struct state_tunnel *tunnel)
{
	if (tunnel && tunnel->inner_mtu)
		finding_set(f, "mtu", "%u", tunnel->inner_mtu);
	if (tunnel && tunnel->mss4)
		finding_set(f, "mss", "%u", tunnel->mss4);
}

/* Value: ICMP errors about our packets that told an MTU, when the latest is fresh. */
void rule_pmtu_exceeded(struct rule_run *r)
{
	for (size_t i = 0; i < r->input->path_count; i++) {
		const struct model_path *path = &r->input->paths[i];
		char peer[RULE_ADDRESS], reporter[RULE_ADDRESS];
		struct rule_subject subject;
		struct finding *f;

		if (!path->mtu || !path->reports || path->last_ns + FRESH < r->input->now_ns)
			continue;
		subject = subject_of(r, path, peer);
		f = rule_hit(r, &subject, (double)path->reports, path->reports);
		if (!f)
			continue;
		f->confidence = CONFIDENCE_LIKELY; /* anyone can send an ICMP error */
		f->since_ns = path->first_ns;
		finding_set(f, "detail", ": %s says %u bytes", rule_address(path->reporter, reporter),
			    path->mtu);
		set_mtu(f, subject.tunnel);
		finding_evidence(f, ORIGIN_WIRE, path->last_ns, "ICMP error from", reporter);
		finding_evidence_number(f, ORIGIN_WIRE, path->last_ns, "MTU that it tells", path->mtu);
		finding_evidence_number(f, ORIGIN_WIRE, path->last_ns, "such errors", path->reports);
		if (path->spi)
			finding_spi(f, path->spi);
	}
}

/* Value: 1 when a probe found it. */
void rule_pmtu_blackhole(struct rule_run *r)
{
	for (size_t i = 0; i < r->input->path_count; i++) {
		const struct model_path *path = &r->input->paths[i];
		struct rule_subject subject;
		char peer[RULE_ADDRESS];
		struct finding *f;

		if (!path->probed || !path->blackhole)
			continue;
		subject = subject_of(r, path, peer);
		f = rule_hit(r, &subject, 1, 1);
		if (!f)
			continue;
		finding_set(f, "size", "above %u bytes", path->mtu);
		set_mtu(f, subject.tunnel);
		finding_evidence_number(f, ORIGIN_PROBE, path->last_ns, "largest packet that passed",
					path->mtu);
		finding_evidence(f, ORIGIN_PROBE, path->last_ns, "fragments",
				 path->fragments_pass ? "pass" : "do not pass");
	}
}

/* Value: local drops with reason packet-too-big since the look before. */
void rule_df_drop(struct rule_run *r)
{
	const struct host_facts *host = r->input->host;

	for (size_t i = 0; i < host->drop_count; i++) {
		const struct host_drop *drop = &host->drops[i];
		struct rule_subject subject = {.interface = drop->interface};
		struct finding *f;

		if (strcmp(drop->reason, "PKT_TOO_BIG") != 0 || drop->value <= drop->before)
			continue;
		f = rule_hit(r, &subject, (double)(drop->value - drop->before), drop->value - drop->before);
		if (!f)
			continue;
		finding_evidence_number(f, ORIGIN_KERNEL, host->taken_ns,
					"dropped as too big since the look before",
					drop->value - drop->before);
	}
}

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
		missed += host->nics[i].rx_missed - host->nics[i].rx_missed_before;
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

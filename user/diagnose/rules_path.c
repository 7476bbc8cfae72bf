// SPDX-License-Identifier: GPL-2.0-or-later
/* rules_path.c - family D, from ICMP errors, probes and drops: path MTU, and what is too big */
#include "diagnose/rules.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "model/address.h"
#include "model/inner.h"

static struct rule_subject subject_of(const struct rule_run *r, const struct model_path *path,
				      char peer[ADDRESS_TEXT])
{
	struct rule_subject subject = {.tunnel = rule_tunnel_of(r, path->local, path->peer),
				       .peer = address_text(path->peer, peer)};

	return subject;
}

/* Value: ICMP errors about our packets that told an MTU, when the latest is fresh. */
void rule_pmtu_exceeded(struct rule_run *r)
{
	for (size_t i = 0; i < r->input->path_count; i++) {
		const struct model_path *path = &r->input->paths[i];
		char peer[ADDRESS_TEXT], reporter[ADDRESS_TEXT];
		struct rule_subject subject;
		struct finding *f;

		if (!path->mtu || !path->reports || !rule_recent(r, path->last_ns))
			continue;
		subject = subject_of(r, path, peer);
		f = rule_hit(r, &subject, (double)path->reports, path->reports);
		if (!f)
			continue;
		f->confidence = CONFIDENCE_LIKELY; /* anyone can send an ICMP error */
		f->since_ns = path->first_ns;
		finding_set(f, "detail", ": %s says %u bytes", address_text(path->reporter, reporter),
			    path->mtu);
		rule_set_mtu(f, subject.tunnel);
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
		char peer[ADDRESS_TEXT];
		struct finding *f;

		if (!path->probed || !path->blackhole)
			continue;
		subject = subject_of(r, path, peer);
		f = rule_hit(r, &subject, 1, 1);
		if (!f)
			continue;
		finding_set(f, "size", "above %u bytes", path->mtu);
		rule_set_mtu(f, subject.tunnel);
		finding_evidence_number(f, ORIGIN_PROBE, path->last_ns, "largest packet that passed",
					path->mtu);
		finding_evidence(f, ORIGIN_PROBE, path->last_ns, "fragments",
				 path->fragments_pass ? "pass" : "do not pass");
	}
}

/* Whether its inner hosts are told is seen, and by tunnel: rule_df_told() says more. */
static bool is_inner(const struct state *state, const char *interface)
{
	const struct inner_facts *facts = state->inner ? state->inner->facts : NULL;

	for (size_t i = 0; facts && i < facts->interface_count; i++)
		if (strcmp(facts->interfaces[i].name, interface) == 0)
			return true;
	return false;
}

/* What was dropped at the interface for that reason since the look before, whatever packets they were. */
static uint64_t dropped_at(const struct host_facts *host, const char *interface, const char *reason)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < host->drop_count; i++) {
		const struct host_drop *drop = &host->drops[i];

		if (strcmp(drop->interface, interface) == 0 && strcmp(drop->reason, reason) == 0 &&
		    drop->value > drop->before)
			sum += drop->value - drop->before;
	}
	return sum;
}

static void say_kinds(struct finding *f, const struct host_facts *host, const char *interface,
		      const char *reason)
{
	static const char *const texts[HOST_DROP_KINDS] = {
		[HOST_DROP_OUTER] = "of these, ESP, AH or IKE",
		[HOST_DROP_INNER] = "of these, on their way into a tunnel or out of one",
		[HOST_DROP_OTHER] = "of these, others",
	};

	for (size_t i = 0; i < host->drop_count; i++) {
		const struct host_drop *drop = &host->drops[i];

		if (strcmp(drop->interface, interface) == 0 && strcmp(drop->reason, reason) == 0 &&
		    drop->value > drop->before)
			finding_evidence_number(f, ORIGIN_KERNEL, host->taken_ns, texts[drop->kind],
						drop->value - drop->before);
	}
}

/* Value: local drops at an interface with reason packet-too-big since the look before. */
void rule_df_drop(struct rule_run *r)
{
	static const char reason[] = "PKT_TOO_BIG";
	const struct host_facts *host = r->input->host;

	for (size_t i = 0; i < host->drop_count; i++) {
		const struct host_drop *drop = &host->drops[i];
		struct rule_subject subject = {.interface = drop->interface};
		bool told = false;
		uint64_t sum;
		struct finding *f;

		for (size_t k = 0; k < i && !told; k++)
			told = strcmp(host->drops[k].interface, drop->interface) == 0 &&
			       strcmp(host->drops[k].reason, reason) == 0;
		if (strcmp(drop->reason, reason) != 0 || told || is_inner(r->input->state, drop->interface))
			continue;
		sum = dropped_at(host, drop->interface, reason);
		f = sum ? rule_hit(r, &subject, (double)sum, sum) : NULL;
		if (!f)
			continue;
		finding_evidence_number(f, ORIGIN_KERNEL, host->taken_ns,
					"dropped as too big since the look before", sum);
		say_kinds(f, host, drop->interface, reason);
	}
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* rules_inner.c - family D, from inner interfaces: segments that do not fit, and hosts that have to be told */
#include "diagnose/rules.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "model/address.h"
#include "model/inner.h"

#define SECOND UINT64_C(1000000000)
#define FRESH (600 * SECOND) /* connections are seldom begun: those of so long ago still count */
#define MINUTE (60 * SECOND)

/* What the limit rests on. */
static enum finding_origin origin_of(const struct state_tunnel *tunnel)
{
	if (strcmp(tunnel->mtu_source, "probe") == 0)
		return ORIGIN_PROBE;
	return strcmp(tunnel->mtu_source, "icmp") == 0 ? ORIGIN_WIRE : ORIGIN_KERNEL;
}

static void say_limit(struct finding *f, const struct state_tunnel *tunnel, uint8_t family)
{
	enum finding_origin origin = origin_of(tunnel);

	if (tunnel->inner_mtu)
		finding_set(f, "mtu", "%u", tunnel->inner_mtu);
	if (inner_limit(tunnel, family))
		finding_set(f, "mss", "%u", inner_limit(tunnel, family));
	if (tunnel->path_mtu)
		finding_evidence_number(f, origin, tunnel->mtu_ns,
					origin == ORIGIN_KERNEL ? "MTU of the outer interface"
								: "path MTU to the peer",
					tunnel->path_mtu);
	if (tunnel->inner_mtu)
		finding_evidence_number(f, origin, tunnel->mtu_ns, "largest inner packet that fits",
					tunnel->inner_mtu);
}

static uint64_t since(const struct rule_run *r, uint64_t span_ns)
{
	return r->input->now_ns > span_ns ? r->input->now_ns - span_ns : 0;
}

/*
 * Value: SYNs of the latest that left to inner hosts and announce more than the tunnel carries. What arrives from inner hosts may
 * yet be clamped here; what left has been.
 */
void rule_mss_too_high(struct rule_run *r)
{
	const struct state *state = r->input->state;
	const struct inner_view *view = state->inner;

	for (size_t i = 0; i < view->tunnel_count; i++) {
		const struct inner_tunnel *seen = &view->tunnels[i];
		const struct inner_side *told = &seen->side[ESP_DIR_OUT];
		struct rule_subject subject = {0};
		struct inner_judgement judgement;
		struct finding *f;

		if (seen->tunnel >= state->tunnel_count)
			continue;
		subject.tunnel = &state->tunnels[seen->tunnel];
		judgement = inner_judge(told, subject.tunnel, since(r, FRESH));
		f = rule_hit(r, &subject, judgement.above, judgement.seen);
		if (!f)
			continue;
		finding_set(f, "detail", " (%u bytes where %u fit)", judgement.largest,
			    inner_limit(subject.tunnel, judgement.family));
		finding_evidence_number(f, ORIGIN_WIRE, judgement.last_ns,
					"largest MSS that inner hosts were told, after any clamp here",
					judgement.largest);
		finding_evidence_number(f, ORIGIN_WIRE, judgement.last_ns, "SYNs with too large an MSS",
					judgement.above);
		finding_evidence_number(f, ORIGIN_WIRE, told->last_ns, "of the latest SYNs", judgement.seen);
		finding_evidence_number(f, origin_of(subject.tunnel), subject.tunnel->mtu_ns,
					"largest MSS that fits",
					inner_limit(subject.tunnel, judgement.family));
		say_limit(f, subject.tunnel, judgement.family);
	}
}

/* Value: times in a minute that this host told an inner host that its packet is too big for the tunnel. */
void rule_df_told(struct rule_run *r)
{
	const struct state *state = r->input->state;
	const struct inner_view *view = state->inner;

	for (size_t i = 0; i < view->tunnel_count; i++) {
		const struct inner_tunnel *seen = &view->tunnels[i];
		const struct inner_errors *own = &seen->own;
		struct rule_subject subject = {0};
		char host[ADDRESS_TEXT];
		struct finding *f;
		if (seen->tunnel >= state->tunnel_count)
			continue;
		subject.tunnel = &state->tunnels[seen->tunnel];
		f = rule_hit(r, &subject, inner_errors_since(own, since(r, MINUTE)), own->count);
		if (!f)
			continue;
		finding_set(f, "detail", ": %" PRIu64 " times an inner host was told", own->count);
		finding_evidence_number(f, ORIGIN_WIRE, own->last_ns,
					"ICMP errors \"too big\" sent to inner hosts", own->count);
		if (own->mtu)
			finding_evidence_number(f, ORIGIN_WIRE, own->last_ns, "MTU that they were told",
						own->mtu);
		if (!address_is_any(own->host))
			finding_evidence(f, ORIGIN_WIRE, own->last_ns, "latest host that was told",
					 address_text(own->host, host));
		say_limit(f, subject.tunnel, address_family(own->target));
	}
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* rules_quality.c - family D, from the counters of tunnels and SAs: loss, order, duplicates, fragments, path */
#include "diagnose/rules.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)
#define WINDOW 60 /* seconds over which ratios are taken */
/* A loss is told so long after it, at most: tunnel_sa.c, and a look */
#define LOSS_TOLD_NS (3 * STATE_LATEST_NS)

/* Directions in which what is missing was lost on the path: what we send leaves here whole, or the gap is a local drop. */
static bool path_direction(const struct rule_run *r, enum esp_direction direction)
{
	return direction == ESP_DIR_IN || !r->input->live;
}

static void set_direction(struct finding *f, const struct rule_run *r, enum esp_direction direction)
{
	if (!r->input->live || direction == ESP_DIR_OUT)
		finding_set(f, "direction", direction == ESP_DIR_OUT ? "to %s" : "from %s",
			    f && f->peer ? f->peer : "the peer");
}

static double share(uint64_t part, uint64_t whole)
{
	return whole ? (double)part / (double)whole : 0;
}

static void set_ratio(struct finding *f, double ratio)
{
	finding_set(f, "ratio",
		    ratio < 0.0001 ? "<0.01 %%"
		    : ratio < 0.1  ? "%.2f %%"
				   : "%.0f %%",
		    ratio * 100);
}

static void window_evidence(struct finding *f, const struct rule_run *r, uint64_t span_ns)
{
	char text[48];

	snprintf(text, sizeof(text), "the last %" PRIu64 " s", span_ns / SECOND);
	finding_evidence(f, ORIGIN_WIRE, r->input->now_ns, "counted over", text);
}

/* Calls back for each tunnel and direction with what was gained in WINDOW. */
typedef void each_gain(struct rule_run *r, const struct state_tunnel *tunnel, enum esp_direction direction,
		       const struct state_tunnel_counters *gain, uint64_t span_ns);

static void each_tunnel(struct rule_run *r, each_gain *each)
{
	const struct state *state = r->input->state;

	for (size_t i = 0; i < state->tunnel_count; i++) {
		struct state_tunnel_counters in, out;
		uint64_t span_ns;

		if (!rule_tunnel_gain(r, &state->tunnels[i], WINDOW, &in, &out, &span_ns))
			continue;
		each(r, &state->tunnels[i], ESP_DIR_IN, &in, span_ns);
		each(r, &state->tunnels[i], ESP_DIR_OUT, &out, span_ns);
	}
}

/* ---- loss */

/* Losses of the tunnel's SAs by run length: single packets, or bursts? */
static void burst_evidence(struct finding *f, const struct rule_run *r, const struct state_tunnel *tunnel,
			   enum esp_direction direction)
{
	const struct state *state = r->input->state;
	uint64_t runs[ESP_HISTOGRAM] = {0}, single = 0, many = 0;
	char text[96];

	for (size_t i = 0; i < state->sa_count; i++) {
		const struct state_sa *sa = &state->sas[i];

		if (sa->tunnel == STATE_NO_TUNNEL || &state->tunnels[sa->tunnel] != tunnel)
			continue;
		if (memcmp(sa->destination, direction == ESP_DIR_IN ? tunnel->local : tunnel->remote, 16) !=
		    0)
			continue;
		for (unsigned int b = 0; b < ESP_HISTOGRAM; b++)
			runs[b] += sa->sequence.burst_length[b];
	}
	for (unsigned int b = 0; b < ESP_HISTOGRAM; b++)
		*(b < 2 ? &single : &many) += runs[b];
	if (!(single + many))
		return;
	snprintf(text, sizeof(text), "%" PRIu64 " of 1 to 3 packets, %" PRIu64 " longer", single, many);
	finding_evidence(f, ORIGIN_WIRE, 0, "runs of lost packets since the SAs began", text);
	finding_set(f, "pattern", many * 4 > single ? ", in bursts" : ", here and there");
}

/* What was lost in one direction, of what: `received` are those that came in `ago_ns` before the losses were told. */
struct loss {
	enum esp_direction direction;
	uint64_t lost, received, ago_ns;
};

static double lost_share(const struct loss *loss)
{
	return share(loss->lost, loss->received + loss->lost);
}

/*
 * A loss is told when it is sure that the packet comes no more, up to some STATE_LATEST_NS later: after a burst of traffic that is when little
 * passes. Of the windows in which it may have happened, the one with the most packets: the lower bound.
 */
static struct loss loss_in(struct rule_run *r, const struct state_tunnel *tunnel,
			   enum esp_direction direction, const struct state_tunnel_counters *gain,
			   uint64_t span_ns)
{
	struct loss loss = {.direction = direction, .received = gain->received};

	/* What came too late for the window may have been counted lost before */
	loss.lost = gain->lost > gain->too_old ? gain->lost - gain->too_old : 0;
	for (uint64_t ago = STATE_LATEST_NS; loss.lost && ago <= LOSS_TOLD_NS; ago += STATE_LATEST_NS) {
		struct state_tunnel_counters in = {0}, out = {0};
		const struct state_tunnel_counters *before = direction == ESP_DIR_IN ? &in : &out;

		rule_tunnel_gain_before(r, tunnel, span_ns, ago, &in, &out);
		/* Much the same: of even traffic the present window is as good */
		if (before->received <= loss.received + loss.received / 4)
			continue;
		loss.received = before->received;
		loss.ago_ns = ago;
	}
	return loss;
}

static void loss_evidence(struct finding *f, const struct rule_run *r, const struct loss *loss,
			  uint64_t span_ns)
{
	char text[64];

	finding_evidence_number(f, ORIGIN_WIRE, r->input->now_ns, "lost", loss->lost);
	finding_evidence_number(f, ORIGIN_WIRE, r->input->now_ns - loss->ago_ns, "received", loss->received);
	if (!loss->ago_ns) {
		window_evidence(f, r, span_ns);
		return;
	}
	/* Of the window of `received`: a loss is told so much later */
	snprintf(text, sizeof(text), "%" PRIu64 " s, until %" PRIu64 " s ago", span_ns / SECOND,
		 loss->ago_ns / SECOND);
	finding_evidence(f, ORIGIN_WIRE, r->input->now_ns - loss->ago_ns, "counted over", text);
}

/* Value: lost of sent, 0 to 1; samples: packets sent. */
static void say_loss(struct rule_run *r, const struct state_tunnel *tunnel, const struct loss *loss,
		     uint64_t span_ns)
{
	struct rule_subject subject = {.tunnel = tunnel};
	double value = lost_share(loss);
	struct finding *f;

	f = rule_hit(r, &subject, value, loss->lost + loss->received);
	if (!f)
		return;
	set_ratio(f, value);
	set_direction(f, r, loss->direction);
	if (value >= 0.05)
		f->severity = SEVERITY_CRITICAL;
	loss_evidence(f, r, loss, span_ns);
	burst_evidence(f, r, tunnel, loss->direction);
}

void rule_path_loss(struct rule_run *r)
{
	const struct state *state = r->input->state;

	for (size_t i = 0; i < state->tunnel_count; i++) {
		const struct state_tunnel *tunnel = &state->tunnels[i];
		struct state_tunnel_counters in, out;
		struct loss from, to;
		uint64_t span_ns;

		if (!rule_tunnel_gain(r, tunnel, WINDOW, &in, &out, &span_ns))
			continue;
		from = loss_in(r, tunnel, ESP_DIR_IN, &in, span_ns);
		to = loss_in(r, tunnel, ESP_DIR_OUT, &out, span_ns);
		if (!path_direction(r, ESP_DIR_OUT) || lost_share(&from) >= lost_share(&to))
			say_loss(r, tunnel, &from, span_ns);
		else
			say_loss(r, tunnel, &to, span_ns);
	}
}

/* ---- order and duplicates: of what comes in */

static void late_of(struct rule_run *r, const struct state_tunnel *tunnel, enum esp_direction direction,
		    const struct state_tunnel_counters *gain, uint64_t span_ns)
{
	struct rule_subject subject = {.tunnel = tunnel};
	const struct state *state = r->input->state;
	uint64_t farthest = 0, dscps = 0;
	struct finding *f;

	if (direction != ESP_DIR_IN)
		return;
	f = rule_hit(r, &subject, share(gain->late, gain->received), gain->received);
	if (!f)
		return;
	for (size_t i = 0; i < state->sa_count; i++) {
		const struct state_sa *sa = &state->sas[i];
		uint64_t used = 0;

		if (sa->tunnel == STATE_NO_TUNNEL || &state->tunnels[sa->tunnel] != tunnel ||
		    memcmp(sa->destination, tunnel->local, 16) != 0)
			continue;
		if (sa->sequence.max_late_distance > farthest)
			farthest = sa->sequence.max_late_distance;
		for (unsigned int d = 0; d < 64; d++)
			used += sa->dscp[d] != 0;
		if (used > dscps)
			dscps = used;
	}
	finding_set(f, "detail",
		    dscps > 1 ? ", up to %" PRIu64
				" numbers late, and they carry different DSCP values: QoS reorders them"
			      : ", up to %" PRIu64 " numbers late",
		    farthest);
	finding_evidence_number(f, ORIGIN_WIRE, r->input->now_ns, "late", gain->late);
	finding_evidence_number(f, ORIGIN_WIRE, r->input->now_ns, "received", gain->received);
	finding_evidence_number(f, ORIGIN_WIRE, 0, "farthest, in sequence numbers", farthest);
	finding_evidence_number(f, ORIGIN_WIRE, 0, "DSCP values within one SA", dscps);
	window_evidence(f, r, span_ns);
}

/* Value: late of received. */
void rule_reordering(struct rule_run *r)
{
	each_tunnel(r, late_of);
}

static void duplicates_of(struct rule_run *r, const struct state_tunnel *tunnel, enum esp_direction direction,
			  const struct state_tunnel_counters *gain, uint64_t span_ns)
{
	struct rule_subject subject = {.tunnel = tunnel};
	struct finding *f;

	if (direction != ESP_DIR_IN)
		return;
	f = rule_hit(r, &subject, share(gain->duplicate, gain->received), gain->received);
	if (!f)
		return;
	finding_evidence_number(f, ORIGIN_WIRE, r->input->now_ns, "duplicates", gain->duplicate);
	finding_evidence_number(f, ORIGIN_WIRE, r->input->now_ns, "received", gain->received);
	window_evidence(f, r, span_ns);
}

/* Value: duplicates of received. */
void rule_duplicate_packets(struct rule_run *r)
{
	each_tunnel(r, duplicates_of);
}

/* ---- fragments */

static void fragmented_of(struct rule_run *r, const struct state_tunnel *tunnel, enum esp_direction direction,
			  const struct state_tunnel_counters *gain, uint64_t span_ns)
{
	struct rule_subject subject = {.tunnel = tunnel};
	double value = share(gain->fragmented, gain->packets);
	struct finding *f = rule_hit(r, &subject, value, gain->packets);

	if (!f)
		return;
	set_ratio(f, value);
	finding_set(f, "direction", direction == ESP_DIR_IN ? "from %s" : "to %s",
		    f->peer ? f->peer : "the peer");
	rule_set_mtu(f, tunnel);
	if (tunnel->mss4)
		finding_evidence_number(f, ORIGIN_WIRE, r->input->now_ns,
					"largest TCP MSS over IPv4 that would have avoided it", tunnel->mss4);
	finding_evidence_number(f, ORIGIN_WIRE, r->input->now_ns, "fragmented", gain->fragmented);
	finding_evidence_number(f, ORIGIN_WIRE, r->input->now_ns, "packets", gain->packets);
	window_evidence(f, r, span_ns);
}

/* Value: fragmented of all packets, in the direction where it is more. */
void rule_esp_fragmented(struct rule_run *r)
{
	const struct state *state = r->input->state;

	for (size_t i = 0; i < state->tunnel_count; i++) {
		struct state_tunnel_counters in, out;
		uint64_t span_ns;

		if (!rule_tunnel_gain(r, &state->tunnels[i], WINDOW, &in, &out, &span_ns))
			continue;
		if (share(in.fragmented, in.packets) >= share(out.fragmented, out.packets))
			fragmented_of(r, &state->tunnels[i], ESP_DIR_IN, &in, span_ns);
		else
			fragmented_of(r, &state->tunnels[i], ESP_DIR_OUT, &out, span_ns);
	}
}

static void incomplete_of(struct rule_run *r, const struct state_tunnel *tunnel, enum esp_direction direction,
			  const struct state_tunnel_counters *gain, uint64_t span_ns)
{
	struct rule_subject subject = {.tunnel = tunnel};
	struct finding *f;

	if (direction != ESP_DIR_IN)
		return;
	f = rule_hit(r, &subject, share(gain->fragments_incomplete, gain->fragmented), gain->fragmented);
	if (!f)
		return;
	rule_set_mtu(f, tunnel);
	finding_evidence_number(f, ORIGIN_WIRE, r->input->now_ns, "fragmented packets that never completed",
				gain->fragments_incomplete);
	finding_evidence_number(f, ORIGIN_WIRE, r->input->now_ns, "fragmented packets", gain->fragmented);
	window_evidence(f, r, span_ns);
}

/* Value: sets that never completed, of all fragmented packets. */
void rule_fragments_lost(struct rule_run *r)
{
	each_tunnel(r, incomplete_of);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* rules_traffic.c - family C, from the wire beside the kernel's SAs: one way only, unknown SPI, integrity, replay */
#include "diagnose/rule_episode.h"
#include "diagnose/rules.h"
#include "model/address.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)
#define WINDOW 60 /* seconds */

/* ---- one way only */

/* A hook that is missing makes one direction look silent. */
static bool all_hooked(const struct state *state, bool ingress)
{
	for (size_t i = 0; i < state->interface_count; i++)
		if (strcmp(ingress ? state->interfaces[i].ingress : state->interfaces[i].egress, "none") == 0)
			return false;
	return true;
}

static bool is_from_to(const struct fact_sa *sa, const uint8_t source[16], const uint8_t destination[16])
{
	return memcmp(sa->source, source, 16) == 0 && memcmp(sa->destination, destination, 16) == 0;
}

/*
 * Does the kernel use the tunnel in a direction that is silent for us? Then the packets pass where we do not look. What it
 * counted when the silence began is kept.
 */
static bool kernel_moves(struct rule_run *r, const struct state_tunnel *tunnel, bool in)
{
	const struct fact_kernel *kernel = r->input->kernel;
	const struct rule_subject subject = {.tunnel = tunnel};
	uint64_t packets = 0, *before;

	if (!kernel || !kernel->available)
		return false;
	for (size_t i = 0; i < kernel->sa_count; i++)
		if (is_from_to(&kernel->sas[i], in ? tunnel->remote : tunnel->local,
			       in ? tunnel->local : tunnel->remote))
			packets += kernel->sas[i].packets;
	before = rule_memory(r, &subject);
	if (!before)
		return false;
	if (!*before || packets + 1 < *before) /* SAs that are gone took theirs along */
		*before = packets + 1;
	return packets + 1 > *before;
}

/* The latest packet of the tunnel in this direction, in any of its SAs, and whether any of the other's is in UDP or TCP. */
static uint64_t last_packet(const struct state *state, const struct state_tunnel *tunnel, bool in,
			    bool *ret_encapsulated)
{
	uint64_t last = 0;

	*ret_encapsulated = false;
	for (size_t i = 0; i < state->sa_count; i++) {
		const struct state_sa *sa = &state->sas[i];

		if (sa->tunnel == STATE_NO_TUNNEL || &state->tunnels[sa->tunnel] != tunnel)
			continue;
		if (sa->side == (in ? 1 : 2)) {
			if (sa->last_ns > last)
				last = sa->last_ns;
		} else if (sa->encapsulation) {
			*ret_encapsulated = true;
		}
	}
	return last;
}

static void say_one_way(struct finding *f, const struct rule_run *r, const struct state_tunnel *tunnel,
			bool silent_in, uint64_t packets, uint64_t span_ns)
{
	bool encapsulated, ever = (silent_in ? tunnel->in.packets : tunnel->out.packets) != 0;
	uint64_t last = last_packet(r->input->state, tunnel, silent_in, &encapsulated),
		 now = r->input->now_ns;
	char since[80] = "none was ever seen";

	f->confidence = CONFIDENCE_POSSIBLE; /* some traffic is one-way by nature */
	if (ever)
		f->severity = SEVERITY_WARNING;
	if (last && now > last)
		snprintf(since, sizeof(since), "the last was %" PRIu64 " s ago", (now - last) / SECOND);
	else if (ever)
		snprintf(since, sizeof(since), "there were some before");
	finding_set(f, "detail", ": %" PRIu64 " packets in %" PRIu64 " s against none; %s", packets,
		    span_ns / SECOND, since);
	if (silent_in && encapsulated)
		finding_set(f, "fix",
			    "check routing, policy and NAT at the peer: it is in UDP already, as IKE is");
	finding_evidence_number(f, ORIGIN_WIRE, now, silent_in ? "ESP packets out" : "ESP packets in",
				packets);
	finding_evidence_number(f, ORIGIN_WIRE, now, silent_in ? "ESP packets in" : "ESP packets out", 0);
	if (last)
		finding_evidence(f, ORIGIN_WIRE, last, "last packet that way", NULL);
	if (tunnel->last_good_ns)
		finding_evidence(f, ORIGIN_WIRE, tunnel->last_good_ns, "last sign of life of the peer", NULL);
}

static void one_way(struct rule_run *r, bool silent_in)
{
	const struct state *state = r->input->state;

	if (r->input->live && !all_hooked(state, silent_in))
		return;
	for (size_t i = 0; i < state->tunnel_count; i++) {
		const struct state_tunnel *tunnel = &state->tunnels[i];
		const struct rule_subject subject = {.tunnel = tunnel};
		struct state_tunnel_counters in, out;
		uint64_t span_ns, packets;
		struct finding *f;

		if (tunnel->transit || !tunnel->ike_count || !rule_tunnel_up(tunnel) ||
		    !rule_tunnel_gain(r, tunnel, WINDOW, &in, &out, &span_ns))
			continue;
		packets = silent_in ? out.packets : in.packets;
		if (!packets || (silent_in ? in.packets : out.packets) || kernel_moves(r, tunnel, silent_in))
			continue;
		f = rule_hit(r, &subject, (double)packets, packets);
		if (f)
			say_one_way(f, r, tunnel, silent_in, packets, span_ns);
	}
}

/* Value: packets that left in a minute in which none came. */
void rule_esp_one_way_out(struct rule_run *r)
{
	one_way(r, true);
}

/* Value: packets that came in a minute in which none left. */
void rule_esp_one_way_in(struct rule_run *r)
{
	one_way(r, false);
}

/* ---- packets of SAs that are not there */

/* Value: packets for us of an SA that is not in the SADB, when the latest is fresh. Those about a rekeying are not among them. */
void rule_invalid_spi(struct rule_run *r)
{
	const struct state *state = r->input->state;

	for (size_t i = 0; i < state->sa_count; i++) {
		const struct state_sa *sa = &state->sas[i];
		struct rule_subject subject = {.spi = sa->spi, .has_spi = true};
		char peer[ADDRESS_TEXT];
		struct finding *f;

		if (sa->known != 0 || sa->direction == ESP_DIR_OUT || !sa->unknown_packets ||
		    sa->tunnel == STATE_NO_TUNNEL || sa->last_ns + WINDOW * SECOND < r->input->now_ns)
			continue;
		subject.tunnel = &state->tunnels[sa->tunnel];
		/* Only for our own addresses: a gateway forwards other people's ESP too. */
		if (subject.tunnel->transit || memcmp(subject.tunnel->local, sa->destination, 16) != 0)
			continue;
		subject.peer = address_text(sa->source, peer);
		f = rule_hit(r, &subject, (double)sa->unknown_packets, sa->unknown_packets);
		if (!f)
			continue;
		finding_set(f, "detail", " here (SPI 0x%08x, %" PRIu64 " so far%s)", sa->spi,
			    sa->unknown_packets,
			    sa->unknown_packets < sa->packets ? ", others before it was gone" : "");
		finding_evidence_number(f, ORIGIN_WIRE, sa->last_ns, "packets while it was in no SA",
					sa->unknown_packets);
		finding_evidence_number(f, ORIGIN_WIRE, sa->last_ns, "packets in all", sa->packets);
		if (sa->grace_packets)
			finding_evidence_number(f, ORIGIN_WIRE, sa->last_ns,
						"packets about when it came or went", sa->grace_packets);
		if (r->input->host && host_xfrm_gain(r->input->host, "XfrmInNoStates"))
			finding_evidence_number(f, ORIGIN_KERNEL, r->input->host->taken_ns,
						"XfrmInNoStates since the look before",
						host_xfrm_gain(r->input->host, "XfrmInNoStates"));
	}
}

/* ---- what the kernel says of an SA's packets */

static struct rule_subject subject_of(const struct rule_run *r, const struct fact_sa *sa,
				      char peer[ADDRESS_TEXT])
{
	struct rule_subject subject = {
		.tunnel = rule_tunnel_of(r, sa->source, sa->destination), .spi = sa->spi, .has_spi = true};

	subject.peer = address_text(sa->source, peer);
	return subject;
}

/* Value: packets of the SA that failed their integrity check, since it began to happen. */
void rule_esp_auth_failed(struct rule_run *r)
{
	const struct fact_kernel *kernel = r->input->kernel;
	bool first = rule_episode_first(r);

	for (size_t i = 0; i < kernel->sa_count; i++) {
		const struct fact_sa *sa = &kernel->sas[i];
		char peer[ADDRESS_TEXT];
		struct rule_subject subject;
		struct finding *f;

		if (!sa->failed_integrity)
			continue;
		subject = subject_of(r, sa, peer);
		f = rule_hit(r, &subject, (double)rule_episode(r, &subject, sa->failed_integrity, first), 1);
		if (!f)
			continue;
		if (sa->packets > sa->failed_integrity) {
			f->severity = SEVERITY_WARNING;
			f->confidence = CONFIDENCE_LIKELY;
			finding_say(f,
				    "Some packets of %s fail their integrity check, %" PRIu64
				    " against %" PRIu64 " that are good: keys and algorithms agree, so they "
				    "are damaged on the way, by an "
				    "accelerator, or forged.",
				    peer, sa->failed_integrity, sa->packets);
			finding_set(f, "fix",
				    "find where packets are damaged: path, network card, crypto accelerator");
		} else {
			finding_set(f, "detail", " (%" PRIu64 " failed, %" PRIu64 " were good)",
				    sa->failed_integrity, sa->packets);
		}
		finding_evidence_number(f, ORIGIN_KERNEL, r->input->now_ns, "integrity failures of this SA",
					sa->failed_integrity);
		finding_evidence_number(f, ORIGIN_KERNEL, r->input->now_ns, "good packets of this SA",
					sa->packets);
		if (sa->integrity.name[0]) {
			char text[96];

			snprintf(text, sizeof(text), "%s, %u bits", sa->integrity.name,
				 sa->integrity.icv_bits);
			finding_evidence(f, ORIGIN_KERNEL, 0, "integrity algorithm here", text);
		} else if (sa->aead.name[0]) {
			finding_evidence(f, ORIGIN_KERNEL, 0, "algorithm here", sa->aead.name);
		}
	}
}

static const struct state_sa *wire_sa(const struct state *state, const struct fact_sa *sa)
{
	for (size_t i = 0; i < state->sa_count; i++)
		if (state->sas[i].spi == sa->spi && state->sas[i].protocol == sa->protocol &&
		    memcmp(state->sas[i].destination, sa->destination, 16) == 0)
			return &state->sas[i];
	return NULL;
}

/* The smallest standard window above the present one that would have dropped none; 0: none of those that are known. */
static uint32_t window_for(const struct state_sa *sa, uint32_t present)
{
	for (unsigned int i = 0; sa && i < STATE_DROP_WINDOWS; i++)
		if (state_drop_window[i] > present && sa->sequence.window_drops[i] == 0)
			return state_drop_window[i];
	return 0;
}

/* Value: packets of the SA that its anti-replay check dropped, since it began to happen. */
void rule_replay_dropped(struct rule_run *r)
{
	const struct fact_kernel *kernel = r->input->kernel;
	bool first = rule_episode_first(r);

	for (size_t i = 0; i < kernel->sa_count; i++) {
		const struct fact_sa *sa = &kernel->sas[i];
		uint64_t dropped = sa->failed_window + sa->failed_replay;
		char peer[ADDRESS_TEXT];
		struct rule_subject subject;
		struct finding *f;
		uint32_t fits;

		if (!dropped)
			continue;
		subject = subject_of(r, sa, peer);
		f = rule_hit(r, &subject, (double)rule_episode(r, &subject, dropped, first), 1);
		if (!f)
			continue;
		finding_set(f, "count", ", %" PRIu64 " beside %" PRIu64 " that passed", dropped, sa->packets);
		if (!sa->failed_window) {
			f->severity = SEVERITY_INFO;
			finding_say(f,
				    "Packets of %s came twice, %" PRIu64
				    " of them: the anti-replay check dropped the second "
				    "copies, and nothing is lost.",
				    peer, dropped);
			finding_set(f, "fix", "find what doubles packets on the path, or who replays them");
		}
		fits = window_for(wire_sa(r->input->state, sa), sa->replay_window);
		if (sa->failed_window && fits) {
			finding_set(f, "size", "%u", fits);
			finding_set(f, "window", ": it is %u, and %u would have kept all", sa->replay_window,
				    fits);
			finding_evidence_number(f, ORIGIN_WIRE, r->input->now_ns,
						"smallest window that would have kept them", fits);
		}
		finding_evidence_number(f, ORIGIN_KERNEL, r->input->now_ns,
					"dropped as older than the window", sa->failed_window);
		finding_evidence_number(f, ORIGIN_KERNEL, r->input->now_ns, "dropped as seen before",
					sa->failed_replay);
		finding_evidence_number(f, ORIGIN_KERNEL, r->input->now_ns, "replay window of the SA",
					sa->replay_window);
	}
}

/* ---- decrypted, then dropped */

static const struct drop_text {
	const char *reason, *what, *fix;
	bool certain; /* no policy of somebody's */
} drop_texts[] = {
	{"NETFILTER_DROP", "by a firewall rule", "permit the inner traffic in the firewall", false},
	{"IP_RPFILTER", "by the reverse path filter",
	 "route the inner source back into the tunnel, or loosen rp_filter", true},
	{"IP_INNOROUTES", "for want of a route to the inner network", "add the route to the inner network",
	 true},
	{"IP_OUTNOROUTES", "for want of a route", "add the route to the inner network", true},
	{"IP_INADDRERRORS", "as addressed to nobody here: no route, or forwarding is off",
	 "turn on forwarding, and add the route to the inner network", true},
	{"TC_INGRESS", "by a tc filter", "see what tc does on that interface", false},
	{"TC_EGRESS", "by a tc filter", "see what tc does on that interface", false},
};

/* Value: packets out of (or for) SAs that were dropped for one such reason, since it began to happen. */
void rule_decrypted_dropped(struct rule_run *r)
{
	const struct host_facts *host = r->input->host;
	bool first = rule_episode_first(r);

	for (size_t i = 0; host->has_drops && i < host->drop_count; i++) {
		const struct host_drop *drop = &host->drops[i];
		const struct drop_text *text = NULL;
		char subject_name[STATE_NAME];
		struct rule_subject subject = {.interface = subject_name};
		struct finding *f;
		uint64_t value;

		for (size_t k = 0; k < sizeof(drop_texts) / sizeof(drop_texts[0]); k++)
			if (strcmp(drop_texts[k].reason, drop->reason) == 0)
				text = &drop_texts[k];
		if (drop->kind != HOST_DROP_INNER || !text)
			continue;
		/* Several reasons at one interface are counted apart, and told together. */
		snprintf(subject_name, sizeof(subject_name), "%s %.20s", drop->interface, drop->reason);
		value = rule_episode(r, &subject, drop->value, first);
		subject.interface = drop->interface;
		f = value ? rule_hit(r, &subject, (double)value, value) : NULL;
		if (!f)
			continue;
		if (!text->certain)
			f->severity = SEVERITY_WARNING; /* a firewall may be right */
		finding_say(f,
			    "Packets of IPsec's inner traffic at %s are dropped here %s, %" PRIu64 " so far.",
			    drop->interface, text->what, value);
		finding_set(f, "fix", "%s", text->fix);
		finding_evidence_number(f, ORIGIN_KERNEL, host->taken_ns, drop->reason, drop->value);
	}
}

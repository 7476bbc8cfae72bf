// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * metrics_table.c - what is exported: one row is a metric
 *
 * Labels walk their values in nested order. SPIs are never labels: every rekey would be a new time series.
 */
#include "export/metrics_table.h"

#include <string.h>

#include "diagnose/catalogue.h"
#include "diagnose/diagnosis.h"
#include "export/metrics_host.h"
#include "export/metrics_inner.h"
#include "model/conversation.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum {
	PROTOCOL_ESP,
	PROTOCOL_AH,
	PROTOCOLS,
};

#define DIRECTIONS 2 /* the live datapath knows no third */

/* ---- labels ---- */

enum {
	BY_INTERFACE = 1 << 0,
	BY_DIRECTION = 1 << 1,
	BY_CLASS = 1 << 2,
	BY_REASON = 1 << 3,
	BY_LOSS = 1 << 4,
	BY_PROTOCOL = 1 << 5,
	BY_TABLE = 1 << 6,
	BY_VERSION = 1 << 7,
	BY_TUNNEL = 1 << 8,
	BY_TUNNEL_STATE = 1 << 9,
	BY_IKE_STATE = 1 << 10,
	BY_EXCHANGE = 1 << 11,
	BY_OUTCOME = 1 << 12,
	BY_CAUSE = 1 << 13,
	BY_FINDING = 1 << 14,
	BY_XFRM = 1 << 15,
	BY_NIC = 1 << 16,
	BY_NIC_COUNTER = 1 << 17,
	BY_DROP = 1 << 18,
	BY_INNER = 1 << 19,
	BY_INNER_KIND = 1 << 20,
	BY_INNER_FAMILY = 1 << 21,
	BY_INNER_TUNNEL = 1 << 22,
	BY_RING = 1 << 23,
	BY_QUEUE = 1 << 24,
	BY_NOTICE = 1 << 25,
	BY_HOOK = 1 << 26,
	BY_HOOK_RESULT = 1 << 27,
};

static const char *interface_value(struct sample *s, size_t i)
{
	if (i >= s->state->interface_count)
		return NULL;
	s->interface = &s->state->interfaces[i];
	return s->interface->name;
}

static const char *direction_value(struct sample *s, size_t i)
{
	static const char *const names[DIRECTIONS] = {[ESP_DIR_IN] = "in", [ESP_DIR_OUT] = "out"};

	s->direction = i;
	return i < DIRECTIONS ? names[i] : NULL;
}

static const char *class_value(struct sample *s, size_t i)
{
	s->cls = i;
	return i < ESP_CLASS_COUNT ? esp_class_name((enum esp_class)i) : NULL;
}

static const char *reason_value(struct sample *s, size_t i)
{
	s->reason = i + 1; /* 0 is "not rejected" */
	return s->reason < ESP_REASON_COUNT ? esp_reason_name((enum esp_reason)s->reason) : NULL;
}

static const char *loss_value(struct sample *s, size_t i)
{
	s->loss = i;
	return i < ESP_LOSS_COUNT ? esp_loss_name((enum esp_loss)i) : NULL;
}

static const char *protocol_value(struct sample *s, size_t i)
{
	static const char *const names[PROTOCOLS] = {[PROTOCOL_ESP] = "esp", [PROTOCOL_AH] = "ah"};

	s->protocol = i;
	return i < PROTOCOLS ? names[i] : NULL;
}

static const char *table_value(struct sample *s, size_t i)
{
	static const char *const names[] = {"sa", "newcomer"};

	s->table = i;
	return i < COUNT(names) ? names[i] : NULL;
}

static const char *version_value(struct sample *s, size_t i)
{
	return i ? NULL : s->state->version;
}

static const char *tunnel_value(struct sample *s, size_t i)
{
	if (i >= s->state->tunnel_count)
		return NULL;
	s->tunnel = &s->state->tunnels[i];
	return s->tunnel->name;
}

static const char *tunnel_state_value(struct sample *s, size_t i)
{
	s->tunnel_state = i;
	return i < STATE_TUNNEL_STATES ? state_tunnel_state_name((enum state_tunnel_state)i) : NULL;
}

static const char *cause_value(struct sample *s, size_t i)
{
	if (i)
		return NULL;
	return s->tunnel->down_cause[0] ? s->tunnel->down_cause : "unknown";
}

/* Those that were ever raised. */
static const char *finding_value(struct sample *s, size_t i)
{
	if (i >= FINDING_COUNT || !s->state->diagnosis)
		return NULL;
	s->finding = (enum finding_id)i;
	return diagnosis_raised_total(s->state->diagnosis, s->finding) ? catalogue_row(s->finding)->id : "";
}

static const char *ike_state_value(struct sample *s, size_t i)
{
	s->ike_state = i;
	return i < CONVERSATION_STATES ? conversation_state_name((enum conversation_state)i) : NULL;
}

/* Both versions have an exchange INFORMATIONAL. */
static const char *exchange_version_value(struct sample *s, size_t i)
{
	static const char *const names[] = {"1", "2"};

	s->exchange_major = (uint8_t)(i + 1);
	return i < COUNT(names) ? names[i] : NULL;
}

/* Only those that there are: the numbers in between have no names. */
static const char *exchange_value(struct sample *s, size_t i)
{
	const char *name;

	if (i >= STATE_IKE_EXCHANGES)
		return NULL;
	s->exchange = i;
	name = ike_exchange_name(s->exchange_major, (uint8_t)i);
	return name ? name : "";
}

static const char *outcome_value(struct sample *s, size_t i)
{
	const char *name;

	if (i >= CONVERSATION_OUTCOMES)
		return NULL;
	s->outcome = i;
	name = conversation_outcome_name((enum conversation_outcome)i);
	return name ? name : "answered";
}

/* Only those that are set up */
static const char *hook_value(struct sample *s, size_t i)
{
	static const char *const names[STATE_HOOKS] = {
		[STATE_HOOK_COMMAND] = "command", [STATE_HOOK_URL] = "url"};

	if (i >= STATE_HOOKS)
		return NULL;
	s->hook = i;
	return s->state->self.hooks[i].used ? names[i] : "";
}

static const char *hook_result_value(struct sample *s, size_t i)
{
	static const char *const names[] = {"sent", "failed", "dropped"};

	s->hook_result = i;
	return i < COUNT(names) ? names[i] : NULL;
}

const struct label metric_labels[] = {
	{BY_INTERFACE, "interface", interface_value},
	{BY_TUNNEL, "tunnel", tunnel_value},
	{BY_INNER, "interface", metric_label_inner_interface},
	{BY_INNER_TUNNEL, "tunnel", metric_label_inner_tunnel},
	{BY_DIRECTION, "direction", direction_value},
	{BY_INNER_KIND, "kind", metric_label_inner_kind},
	{BY_INNER_FAMILY, "family", metric_label_inner_family},
	{BY_CLASS, "class", class_value},
	{BY_REASON, "reason", reason_value},
	{BY_LOSS, "reason", loss_value},
	{BY_PROTOCOL, "protocol", protocol_value},
	{BY_TABLE, "table", table_value},
	{BY_VERSION, "version", version_value},
	{BY_TUNNEL_STATE, "state", tunnel_state_value},
	{BY_CAUSE, "cause", cause_value},
	{BY_FINDING, "id", finding_value},
	{BY_IKE_STATE, "state", ike_state_value},
	{BY_EXCHANGE, "version", exchange_version_value},
	{BY_EXCHANGE, "exchange", exchange_value},
	{BY_OUTCOME, "outcome", outcome_value},
	{BY_XFRM, "counter", metric_label_host_xfrm},
	{BY_NIC, "interface", metric_label_host_nic},
	{BY_NIC_COUNTER, "counter", metric_label_host_nic_counter},
	{BY_DROP, "interface", metric_label_host_drop_interface},
	{BY_DROP, "packet", metric_label_host_drop_kind},
	{BY_DROP, "reason", metric_label_host_drop_reason},
	{BY_RING, "interface", metric_label_host_ring_interface},
	{BY_RING, "counter", metric_label_host_ring},
	{BY_QUEUE, "interface", metric_label_host_queue_interface},
	{BY_QUEUE, "queue", metric_label_host_queue},
	{BY_NOTICE, "kind", metric_label_host_notice},
	{BY_HOOK, "hook", hook_value},
	{BY_HOOK_RESULT, "result", hook_result_value},
};
const size_t metric_label_count = COUNT(metric_labels);

/* ---- values ---- */

static const struct state_counters *counters(const struct sample *s)
{
	return s->direction == ESP_DIR_OUT ? &s->interface->out : &s->interface->in;
}

static const struct state_sums *sums(const struct sample *s)
{
	return &s->state->sums[s->direction * 2 + (s->protocol == PROTOCOL_AH)];
}

#define VALUE(name, expression)                                                                              \
	static uint64_t value_##name(const struct sample *s)                                                 \
	{                                                                                                    \
		return expression;                                                                           \
	}

VALUE(packets, counters(s)->cls[s->cls])
VALUE(bytes, counters(s)->bytes)
VALUE(rejected, s->state->total.rejected[s->reason])
VALUE(loss, s->state->loss[s->loss])
VALUE(interface_up, s->interface->up)
VALUE(interface_mtu, s->interface->mtu)
VALUE(sas, sums(s)->sas)
VALUE(newcomers, sums(s)->newcomers)
VALUE(sa_packets, sums(s)->of.packets)
VALUE(sa_bytes, sums(s)->of.bytes)
VALUE(sa_received, sums(s)->of.received)
VALUE(sa_lost, sums(s)->of.lost)
VALUE(sa_late, sums(s)->of.late)
VALUE(sa_duplicate, sums(s)->of.duplicate)
VALUE(sa_too_old, sums(s)->of.too_old)
VALUE(sa_outlier, sums(s)->of.outlier)
VALUE(sa_restarts, sums(s)->of.restarts)
VALUE(sa_fragmented, sums(s)->of.fragmented)
VALUE(sa_fragments, sums(s)->of.fragments)
VALUE(sa_incomplete, sums(s)->of.incomplete)
VALUE(sa_unknown, sums(s)->of.unknown)
VALUE(sa_endpoint_changes, sums(s)->of.endpoint_changes)
VALUE(table_slots, s->table ? s->state->self.newcomer_slots : s->state->self.table_slots)
VALUE(table_used, s->table ? s->state->self.newcomer_used : s->state->self.table_used)
VALUE(table_memory, s->state->self.memory_bytes)
VALUE(events, s->state->self.events)
VALUE(polls, s->state->self.polls)
VALUE(poll_duration, s->state->self.poll_ns_last)
VALUE(cpu, s->state->self.cpu_ns)
VALUE(rss, s->state->self.rss_bytes)
VALUE(started, s->state->self.started_ns)
VALUE(one, s ? 1 : 0)

static uint64_t value_hooks(const struct sample *s)
{
	const struct state_hook *hook = &s->state->self.hooks[s->hook];

	return s->hook_result == 0 ? hook->sent : s->hook_result == 1 ? hook->failed : hook->dropped;
}

static uint64_t of_logs(const struct sample *s, uint64_t value)
{
	return s->state->self.logs.used ? value : METRIC_ABSENT;
}

VALUE(log_lines, of_logs(s, s->state->self.logs.lines))
VALUE(log_messages, of_logs(s, s->state->self.logs.recognised))
VALUE(log_missing, of_logs(s, s->state->self.logs.missing))

static const struct state_tunnel_counters *tunnel_counters(const struct sample *s)
{
	return s->direction == ESP_DIR_OUT ? &s->tunnel->out : &s->tunnel->in;
}

static uint64_t known(uint64_t value)
{
	return value ? value : METRIC_ABSENT;
}

static uint64_t value_tunnels(const struct sample *s)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s->state->tunnel_count; i++)
		n += s->state->tunnels[i].state == s->tunnel_state;
	return n;
}

VALUE(tunnel_up, s->tunnel->state == STATE_TUNNEL_UP || s->tunnel->state == STATE_TUNNEL_IDLE)
VALUE(tunnel_down, s->tunnel->state == STATE_TUNNEL_DOWN ? s->tunnel->since_ns : METRIC_ABSENT)
VALUE(tunnel_since, known(s->tunnel->since_ns))
VALUE(tunnel_good, known(s->tunnel->last_good_ns))
VALUE(tunnel_flaps, s->tunnel->flaps)
VALUE(tunnel_rekeys, s->tunnel->rekeys)
VALUE(tunnel_ike_rekeys, s->tunnel->ike_rekeys)
VALUE(tunnel_packets, tunnel_counters(s)->packets)
VALUE(tunnel_bytes, tunnel_counters(s)->bytes)
VALUE(tunnel_received, tunnel_counters(s)->received)
VALUE(tunnel_lost, tunnel_counters(s)->lost)
VALUE(tunnel_late, tunnel_counters(s)->late)
VALUE(tunnel_duplicate, tunnel_counters(s)->duplicate)
VALUE(tunnel_too_old, tunnel_counters(s)->too_old)
VALUE(tunnel_fragmented, tunnel_counters(s)->fragmented)
VALUE(tunnel_path_mtu, known(s->tunnel->path_mtu))
VALUE(tunnel_inner_mtu, known(s->tunnel->inner_mtu))
VALUE(tunnel_mss4, known(s->tunnel->mss4))
VALUE(tunnel_mss6, known(s->tunnel->mss6))
VALUE(findings_raised, diagnosis_raised_total(s->state->diagnosis, s->finding))
VALUE(ike_messages, s->state->ike_counters.messages)
VALUE(ike_malformed, s->state->ike_counters.malformed)
VALUE(ike_retransmits, s->state->ike_counters.retransmits)
VALUE(ike_moves, s->state->ike_counters.moves)
VALUE(ike_exchanges, s->state->ike_counters.exchanges[s->exchange][s->outcome])
VALUE(ike_sas, s->state->ike_counters.now[s->ike_state])
VALUE(ike_states, s->state->ike_counters.states[s->ike_state])
VALUE(ike_half_open, s->state->ike_counters.half_open)
VALUE(ike_half_open_evicted, s->state->ike_counters.half_open_evicted)
VALUE(ike_refused, s->state->ike_counters.refused)

#define COUNTER METRIC_COUNTER
#define GAUGE METRIC_GAUGE
#define INFO METRIC_INFO

const struct metric metric_table[] = {
	{"espial_packets", COUNTER, "",
	 "Packets seen by class, as counted in the kernel. Fragments count one each.",
	 BY_INTERFACE | BY_DIRECTION | BY_CLASS, value_packets},
	{"espial_bytes", COUNTER, "bytes", "IP bytes of all packets seen, header included.",
	 BY_INTERFACE | BY_DIRECTION, value_bytes},
	{"espial_rejected_packets", COUNTER, "",
	 "Packets that were malformed or truncated, by what was wrong.", BY_REASON, value_rejected},
	{"espial_unobserved", COUNTER, "",
	 "What espial itself missed or gave up; never counted as network loss.", BY_LOSS, value_loss},
	{"espial_interface_up", GAUGE, "", "Whether the interface is up (1) or not (0).", BY_INTERFACE,
	 value_interface_up},
	{"espial_interface_mtu_bytes", GAUGE, "bytes", "MTU of the interface.", BY_INTERFACE,
	 value_interface_mtu},
	{"espial_sas", GAUGE, "", "Security associations in the tables, newcomers included.",
	 BY_DIRECTION | BY_PROTOCOL, value_sas},
	{"espial_newcomer_sas", GAUGE, "",
	 "Of these, the ones that have not yet sent enough packets to be believed.",
	 BY_DIRECTION | BY_PROTOCOL, value_newcomers},
	{"espial_sa_packets", COUNTER, "", "Packets of all security associations in the tables.",
	 BY_DIRECTION | BY_PROTOCOL, value_sa_packets},
	{"espial_sa_bytes", COUNTER, "bytes", "IP bytes of all security associations in the tables.",
	 BY_DIRECTION | BY_PROTOCOL, value_sa_bytes},
	{"espial_sa_received_packets", COUNTER, "", "Distinct sequence numbers received.",
	 BY_DIRECTION | BY_PROTOCOL, value_sa_received},
	{"espial_sa_lost_packets", COUNTER, "",
	 "Sequence numbers that never came. Direction in: lost on the path; out: dropped on this host.",
	 BY_DIRECTION | BY_PROTOCOL, value_sa_lost},
	{"espial_sa_late_packets", COUNTER, "",
	 "Packets overtaken by a later one of their security association.", BY_DIRECTION | BY_PROTOCOL,
	 value_sa_late},
	{"espial_sa_duplicate_packets", COUNTER, "", "Packets whose sequence number had been seen.",
	 BY_DIRECTION | BY_PROTOCOL, value_sa_duplicate},
	{"espial_sa_too_old_packets", COUNTER, "",
	 "Packets older than the shadow window: late originals or duplicates.", BY_DIRECTION | BY_PROTOCOL,
	 value_sa_too_old},
	{"espial_sa_outlier_packets", COUNTER, "",
	 "Packets with a number far ahead that no successor confirmed.", BY_DIRECTION | BY_PROTOCOL,
	 value_sa_outlier},
	{"espial_sa_restarts", COUNTER, "", "Sequences that were confirmed to start over.",
	 BY_DIRECTION | BY_PROTOCOL, value_sa_restarts},
	{"espial_sa_fragmented_packets", COUNTER, "", "Packets that came in fragments.",
	 BY_DIRECTION | BY_PROTOCOL, value_sa_fragmented},
	{"espial_sa_fragments", COUNTER, "", "Fragments of packets.", BY_DIRECTION | BY_PROTOCOL,
	 value_sa_fragments},
	{"espial_sa_incomplete_packets", COUNTER, "", "Fragmented packets that never completed.",
	 BY_DIRECTION | BY_PROTOCOL, value_sa_incomplete},
	{"espial_sa_unknown_packets", COUNTER, "",
	 "Packets of security associations that were not in the kernel's SADB when they came.",
	 BY_DIRECTION | BY_PROTOCOL, value_sa_unknown},
	{"espial_sa_endpoint_changes", COUNTER, "",
	 "Changes of source address or port of a security association.", BY_DIRECTION | BY_PROTOCOL,
	 value_sa_endpoint_changes},
	{"espial_tunnels", GAUGE, "", "Tunnels by state.", BY_TUNNEL_STATE, value_tunnels},
	{"espial_tunnel_up", GAUGE, "", "Whether the tunnel is up (1, also when it is idle) or not (0).",
	 BY_TUNNEL, value_tunnel_up},
	{"espial_tunnel_state_since_timestamp_seconds", GAUGE, "seconds",
	 "When the tunnel took its present state, Unix time.", BY_TUNNEL, value_tunnel_since},
	{"espial_tunnel_down_timestamp_seconds", GAUGE, "seconds",
	 "When a tunnel that is down fell, with the cause; absent while it is not down.",
	 BY_TUNNEL | BY_CAUSE, value_tunnel_down},
	{"espial_tunnel_last_good_timestamp_seconds", GAUGE, "seconds",
	 "Last sign of life of the peer: an answered IKE exchange or an ESP packet, Unix time.", BY_TUNNEL,
	 value_tunnel_good},
	{"espial_tunnel_flaps", COUNTER, "", "How often the tunnel fell and came up again.", BY_TUNNEL,
	 value_tunnel_flaps},
	{"espial_tunnel_rekeys", COUNTER, "", "Child SAs that replaced another.", BY_TUNNEL,
	 value_tunnel_rekeys},
	{"espial_tunnel_ike_rekeys", COUNTER, "", "IKE SAs that replaced another.", BY_TUNNEL,
	 value_tunnel_ike_rekeys},
	{"espial_tunnel_packets", COUNTER, "", "ESP and AH packets of the tunnel, over all its SAs.",
	 BY_TUNNEL | BY_DIRECTION, value_tunnel_packets},
	{"espial_tunnel_bytes", COUNTER, "bytes", "IP bytes of these, outer header included.",
	 BY_TUNNEL | BY_DIRECTION, value_tunnel_bytes},
	{"espial_tunnel_received_packets", COUNTER, "", "Distinct sequence numbers seen.",
	 BY_TUNNEL | BY_DIRECTION, value_tunnel_received},
	{"espial_tunnel_lost_packets", COUNTER, "",
	 "Sequence numbers that never came. Direction in: lost on the path; out: dropped on this host.",
	 BY_TUNNEL | BY_DIRECTION, value_tunnel_lost},
	{"espial_tunnel_late_packets", COUNTER, "", "Packets overtaken by a later one.",
	 BY_TUNNEL | BY_DIRECTION, value_tunnel_late},
	{"espial_tunnel_duplicate_packets", COUNTER, "", "Packets whose sequence number had been seen.",
	 BY_TUNNEL | BY_DIRECTION, value_tunnel_duplicate},
	{"espial_tunnel_too_old_packets", COUNTER, "",
	 "Packets older than the shadow window: late originals or duplicates.", BY_TUNNEL | BY_DIRECTION,
	 value_tunnel_too_old},
	{"espial_tunnel_fragmented_packets", COUNTER, "", "Packets that came in fragments.",
	 BY_TUNNEL | BY_DIRECTION, value_tunnel_fragmented},
	{"espial_tunnel_path_mtu_bytes", GAUGE, "bytes",
	 "Path MTU to the peer, or the MTU of the interface while nobody told less.", BY_TUNNEL,
	 value_tunnel_path_mtu},
	{"espial_tunnel_inner_mtu_bytes", GAUGE, "bytes",
	 "Largest inner packet that passes the path unfragmented, when it is known.", BY_TUNNEL,
	 value_tunnel_inner_mtu},
	{"espial_tunnel_mss_ipv4_bytes", GAUGE, "bytes",
	 "Largest TCP segment that fits into it with IPv4, when it is known.", BY_TUNNEL, value_tunnel_mss4},
	{"espial_tunnel_mss_ipv6_bytes", GAUGE, "bytes",
	 "Largest TCP segment that fits into it with IPv6, when it is known.", BY_TUNNEL, value_tunnel_mss6},
	{"espial_ike_messages", COUNTER, "", "IKE messages followed.", 0, value_ike_messages},
	{"espial_ike_malformed_messages", COUNTER, "", "IKE messages that the parser refused.", 0,
	 value_ike_malformed},
	{"espial_ike_retransmissions", COUNTER, "", "IKE requests that were sent again.", 0,
	 value_ike_retransmits},
	{"espial_ike_exchanges", COUNTER, "",
	 "IKE exchanges that ended, by type and outcome as far as the wire tells it.",
	 BY_EXCHANGE | BY_OUTCOME, value_ike_exchanges},
	{"espial_ike_request_duration_seconds", METRIC_HISTOGRAM, "seconds",
	 "Time from an IKE request to its answer, where none was sent again.", 0, NULL},
	{"espial_ike_sas", GAUGE, "", "IKE SAs that are known now, by state.", BY_IKE_STATE, value_ike_sas},
	{"espial_ike_state_changes", COUNTER, "", "How often an IKE SA became so.", BY_IKE_STATE,
	 value_ike_states},
	{"espial_ike_half_open_sas", GAUGE, "",
	 "IKE SAs in which only one end has spoken, or that nothing confirmed yet.", 0, value_ike_half_open},
	{"espial_ike_half_open_evicted", COUNTER, "",
	 "Half-open IKE SAs that had to make room: a flood when it grows fast.", 0,
	 value_ike_half_open_evicted},
	{"espial_ike_refused_sas", COUNTER, "", "IKE SAs that found the table full of live ones.", 0,
	 value_ike_refused},
	{"espial_ike_address_changes", COUNTER, "", "Changes of an end's address or port (MOBIKE, NAT).", 0,
	 value_ike_moves},
	{"espial_finding", GAUGE, "",
	 "Findings: 1 while it is raised, 0 for a while after it was cleared. Causes stand for their "
	 "consequences.",
	 0, NULL},
	{"espial_findings_raised", COUNTER, "", "How often each finding was raised.", BY_FINDING,
	 value_findings_raised},
	{"espial_host_xfrm_errors", COUNTER, "",
	 "Packets that IPsec of this host refused, by the kernel's counter (/proc/net/xfrm_stat).", BY_XFRM,
	 metric_host_xfrm},
	{"espial_xfrm_notices", COUNTER, "",
	 "What was heard of the SAs of the kernel, by kind, in all network namespaces that are followed.",
	 BY_NOTICE, metric_host_notices},
	{"espial_xfrm_overruns", COUNTER, "",
	 "Times that changes came faster than they were read, and everything was read anew.", 0,
	 metric_host_overruns},
	{"espial_host_drops", COUNTER, "",
	 "Packets that this host dropped since the agent started, by the kernel's reason. packet=outer: "
	 "ESP, AH, IKE; inner: out of or on the way into an SA; other: only those too big.",
	 BY_DROP, metric_host_drops},
	{"espial_host_drops_unlisted", COUNTER, "",
	 "Of these, the ones of more interfaces and reasons than are listed.", 0, metric_host_drops_rest},
	{"espial_host_nic_dropped", COUNTER, "",
	 "Packets that a watched interface dropped or got damaged, by its own counter.",
	 BY_NIC | BY_NIC_COUNTER, metric_host_nic},
	{"espial_host_nic_ring_dropped", COUNTER, "",
	 "Packets that found no room in a watched interface, by its driver's own counter. Several may count "
	 "the same packet.",
	 BY_RING, metric_host_ring},
	{"espial_host_nic_queue_packets", COUNTER, "", "Packets of a queue of a watched interface.", BY_QUEUE,
	 metric_host_queue_packets},
	{"espial_host_nic_queue_dropped", COUNTER, "",
	 "Packets that a queue of a watched interface dropped, for want of room or unfit.", BY_QUEUE,
	 metric_host_queue_dropped},
	{"espial_host_softnet_dropped", COUNTER, "",
	 "Packets dropped because a CPU's backlog was full (/proc/net/softnet_stat).", 0,
	 metric_host_softnet_dropped},
	{"espial_host_softnet_squeezed", COUNTER, "",
	 "Times that a CPU had to stop receiving with packets left (net.core.netdev_budget).", 0,
	 metric_host_softnet_squeezed},
	{"espial_host_cpu_softirq_ratio", GAUGE, "ratio",
	 "Share of all CPUs' time in softirq, since the look before.", 0, metric_host_cpu_softirq},
	{"espial_inner_packets", COUNTER, "",
	 "Packets of inner interfaces: TCP's SYNs, ICMP errors about sizes, other ICMP unreachables, all "
	 "else.",
	 BY_INNER | BY_DIRECTION | BY_INNER_KIND, metric_inner_packets},
	{"espial_inner_too_big_sent", COUNTER, "",
	 "ICMP errors by which this host told inner hosts that a packet is too big.", BY_INNER,
	 metric_inner_too_big},
	{"espial_inner_missed", COUNTER, "",
	 "SYNs and such errors that the agent did not see, and which are of no tunnel below.", BY_INNER,
	 metric_inner_missed},
	{"espial_inner_mss_max_bytes", GAUGE, "bytes",
	 "Largest MSS in a SYN since the agent started. Direction out: told to inner hosts, after any clamp "
	 "here.",
	 BY_INNER | BY_DIRECTION | BY_INNER_FAMILY, metric_inner_mss_max},
	{"espial_tunnel_inner_syns", COUNTER, "",
	 "SYNs and SYN-ACKs of connections through the tunnel, on inner interfaces.",
	 BY_INNER_TUNNEL | BY_DIRECTION, metric_inner_tunnel_syns},
	{"espial_tunnel_inner_mss_bytes", GAUGE, "bytes", "MSS in the latest of these.",
	 BY_INNER_TUNNEL | BY_DIRECTION, metric_inner_tunnel_mss},
	{"espial_tunnel_inner_too_big", COUNTER, "",
	 "ICMP errors by which this host told inner hosts that a packet is too big for the tunnel.",
	 BY_INNER_TUNNEL, metric_inner_tunnel_too_big},
	{"espial_table_slots", GAUGE, "", "Places in the table.", BY_TABLE, value_table_slots},
	{"espial_table_used_slots", GAUGE, "", "Places in the table that are taken.", BY_TABLE,
	 value_table_used},
	{"espial_table_memory_bytes", GAUGE, "bytes", "Memory of all tables in the kernel.", 0,
	 value_table_memory},
	{"espial_agent_hooks", COUNTER, "",
	 "Findings raised or cleared that were told by hook-command and hook-url; dropped: too many, or too "
	 "slow.",
	 BY_HOOK | BY_HOOK_RESULT, value_hooks},
	{"espial_agent_log_lines", COUNTER, "", "Lines read of the logs that are followed.", 0,
	 value_log_lines},
	{"espial_agent_log_messages", COUNTER, "", "Of these, messages about IPsec that are understood.", 0,
	 value_log_messages},
	{"espial_agent_log_sources_missing", GAUGE, "",
	 "Logs that are to be followed and cannot be read now.", 0, value_log_missing},
	{"espial_agent_events", COUNTER, "",
	 "IKE messages, ICMP errors and notices read from the ring buffer.", 0, value_events},
	{"espial_agent_polls", COUNTER, "", "Readings of the tables.", 0, value_polls},
	{"espial_agent_poll_duration_seconds", GAUGE, "seconds", "Time the last reading of the tables took.",
	 0, value_poll_duration},
	{"espial_agent_cpu_seconds", COUNTER, "seconds", "CPU time of the agent, user and system.", 0,
	 value_cpu},
	{"espial_agent_resident_memory_bytes", GAUGE, "bytes", "Resident memory of the agent.", 0, value_rss},
	{"espial_agent_start_timestamp_seconds", GAUGE, "seconds", "When the agent started, Unix time.", 0,
	 value_started},
	{"espial_build", INFO, "", "Version of the agent.", BY_VERSION, value_one},
};
const size_t metric_count = COUNT(metric_table);

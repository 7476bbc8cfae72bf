/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * metrics.c - the state as Prometheus metrics, from one table
 *
 * A row of metric_table is a metric: its name (counters: without _total), type, unit, help, the labels it is split by,
 * and how to get a value. Labels walk their values in nested order. SPIs are never labels: every rekey would be a new
 * time series.
 */
#include "export/export.h"

#include <stdlib.h>
#include <string.h>

#include "export/text.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum {
	PROTOCOL_ESP,
	PROTOCOL_AH,
	PROTOCOLS,
};

#define DIRECTIONS 2 /* the live datapath knows no third */

/* What one sample is about: filled by the labels of its metric. */
struct sample {
	const struct state *state;
	const struct state_interface *interface;
	size_t direction, cls, reason, loss, table;
	size_t protocol;
};

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
};

/* Sets the i-th value of a label in the sample and returns its text; NULL: there are no more. */
typedef const char *label_value(struct sample *s, size_t i);

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

static const struct label {
	unsigned int bit;
	const char *name;
	label_value *value;
} label_table[] = {
	{BY_INTERFACE, "interface", interface_value},
	{BY_DIRECTION, "direction", direction_value},
	{BY_CLASS, "class", class_value},
	{BY_REASON, "reason", reason_value},
	{BY_LOSS, "reason", loss_value},
	{BY_PROTOCOL, "protocol", protocol_value},
	{BY_TABLE, "table", table_value},
	{BY_VERSION, "version", version_value},
};

/* ---- values ---- */

typedef uint64_t metric_value(const struct sample *s);

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

enum metric_type {
	COUNTER,
	GAUGE,
	INFO, /* OpenMetrics; a gauge of 1 elsewhere */
};

static const struct metric {
	const char *name;
	enum metric_type type;
	const char *unit; /* the suffix of the name that is one; "seconds": values are nanoseconds */
	const char *help;
	unsigned int labels;
	metric_value *value;
} metric_table[] = {
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
	{"espial_sa_endpoint_changes", COUNTER, "",
	 "Changes of source address or port of a security association.", BY_DIRECTION | BY_PROTOCOL,
	 value_sa_endpoint_changes},
	{"espial_table_slots", GAUGE, "", "Places in the table.", BY_TABLE, value_table_slots},
	{"espial_table_used_slots", GAUGE, "", "Places in the table that are taken.", BY_TABLE,
	 value_table_used},
	{"espial_table_memory_bytes", GAUGE, "bytes", "Memory of all tables in the kernel.", 0,
	 value_table_memory},
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

/* ---- writing ---- */

struct metrics {
	struct text text;
	bool openmetrics;
};

/* Both formats escape backslash and newline; OpenMetrics the quote also in HELP, where the classic format must not. */
static void write_escaped(struct text *t, const char *string, bool quote)
{
	for (; *string; string++) {
		if (*string == '\\' || *string == '\n' || (*string == '"' && quote))
			text_char(t, '\\');
		text_char(t, *string == '\n' ? 'n' : *string);
	}
}

static void write_label(struct text *t, const char *name, const char *value)
{
	struct text clean = {0};
	char *text;

	text_clean(&clean, value);
	text = text_take(&clean, NULL);
	if (!text) {
		t->failed = true;
		return;
	}
	text_string(t, name);
	text_string(t, "=\"");
	write_escaped(t, text, true);
	text_char(t, '"');
	free(text);
}

static void write_metadata(struct metrics *m, const struct metric *metric)
{
	static const char *const types[] = {[COUNTER] = "counter", [GAUGE] = "gauge", [INFO] = "info"};
	const char *suffix = metric->type == COUNTER ? "_total" : metric->type == INFO ? "_info" : "";
	struct text *t = &m->text;

	/* OpenMetrics names the family, the classic format the sample */
	if (m->openmetrics)
		suffix = "";
	text_printf(t, "# TYPE %s%s %s\n", metric->name, suffix,
		    metric->type == INFO && !m->openmetrics ? "gauge" : types[metric->type]);
	if (m->openmetrics && *metric->unit)
		text_printf(t, "# UNIT %s %s\n", metric->name, metric->unit);
	text_printf(t, "# HELP %s%s ", metric->name, suffix);
	write_escaped(t, metric->help, m->openmetrics);
	text_char(t, '\n');
}

static void write_sample(struct metrics *m, const struct metric *metric, const struct sample *s,
			 const char *labels, size_t length)
{
	struct text *t = &m->text;
	uint64_t value = metric->value(s);

	text_string(t, metric->name);
	text_string(t, metric->type == COUNTER ? "_total" : metric->type == INFO ? "_info" : "");
	if (length) {
		text_char(t, '{');
		text_append(t, labels, length);
		text_char(t, '}');
	}
	text_char(t, ' ');
	if (strcmp(metric->unit, "seconds") == 0)
		text_printf(t, "%llu.%09llu", (unsigned long long)(value / 1000000000U),
			    (unsigned long long)(value % 1000000000U));
	else
		text_unsigned(t, value);
	text_char(t, '\n');
}

/* All samples whose labels from label_table[from] on are still to be chosen; `labels` has those before. */
static void write_samples(struct metrics *m, const struct metric *metric, struct sample *s, size_t from,
			  struct text *labels)
{
	size_t length = labels->length;
	const char *value;

	while (from < COUNT(label_table) && !(metric->labels & label_table[from].bit))
		from++;
	if (from == COUNT(label_table)) {
		write_sample(m, metric, s, labels->data, length);
		return;
	}
	for (size_t i = 0; (value = label_table[from].value(s, i)) != NULL; i++) {
		if (length)
			text_char(labels, ',');
		write_label(labels, label_table[from].name, value);
		write_samples(m, metric, s, from + 1, labels);
		labels->length = length;
	}
}

char *export_metrics(const struct state *state, bool openmetrics, size_t *ret_len)
{
	struct metrics m = {.openmetrics = openmetrics};
	struct text labels = {0};

	for (size_t i = 0; i < COUNT(metric_table); i++) {
		struct sample s = {.state = state};

		write_metadata(&m, &metric_table[i]);
		write_samples(&m, &metric_table[i], &s, 0, &labels);
	}
	if (openmetrics)
		text_string(&m.text, "# EOF\n");
	m.text.failed |= labels.failed;
	text_free(&labels);
	return text_take(&m.text, ret_len);
}

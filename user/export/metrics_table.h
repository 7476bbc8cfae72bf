/* SPDX-License-Identifier: GPL-2.0-or-later */
/* metrics_table.h - between the table of metrics and what writes it: metrics.c only */
#ifndef ESPIAL_EXPORT_METRICS_TABLE_H
#define ESPIAL_EXPORT_METRICS_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "diagnose/finding.h"
#include "model/host.h"
#include "model/state.h"

struct inner_interface;
struct inner_tunnel;

/* What one sample is about: filled by the labels of its metric. */
struct sample {
	const struct state *state;
	const struct state_interface *interface;
	const struct state_tunnel *tunnel;
	size_t direction, cls, reason, loss, table, protocol;
	size_t tunnel_state, ike_state, exchange, outcome;
	uint8_t exchange_major;
	size_t hook, hook_result;
	enum finding_id finding;
	const struct host_counter *xfrm;
	const struct host_nic *nic;
	size_t nic_counter;
	const struct host_drop *drop;
	const struct inner_interface *inner;
	const struct inner_tunnel *inner_tunnel;
	size_t inner_kind, inner_family;
	const struct host_counter *ring;
	const struct host_queue *queue;
	size_t notice;
};

/* Sets the i-th value of a label in the sample and returns its text; NULL: there are no more. "": skip this one. */
typedef const char *label_value(struct sample *s, size_t i);

struct label {
	unsigned int bit;
	const char *name;
	label_value *value;
};

/* A value that is not there: no sample is written. */
#define METRIC_ABSENT UINT64_MAX

typedef uint64_t metric_value(const struct sample *s);

enum metric_type {
	METRIC_COUNTER,
	METRIC_GAUGE,
	METRIC_INFO, /* OpenMetrics; a gauge of 1 elsewhere */
	METRIC_HISTOGRAM,
};

struct metric {
	const char *name; /* counters: without _total */
	enum metric_type type;
	const char
		*unit; /* the suffix of the name that is one; "seconds", "ratio": values are in billionths */
	const char *help;
	unsigned int labels;
	metric_value *value; /* NULL: metrics.c writes the samples in a way of their own */
};

extern const struct label metric_labels[];
extern const size_t metric_label_count;
extern const struct metric metric_table[];
extern const size_t metric_count;

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * export.h - the state as JSON (output.md) and as Prometheus metrics
 *
 * Pure: a state in, one malloc'ed and terminated text out, NULL with errno ENOMEM when there is no memory. Names that
 * come from files and the network are escaped; what is not UTF-8 is replaced.
 */
#ifndef ESPIAL_EXPORT_EXPORT_H
#define ESPIAL_EXPORT_EXPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "model/ike_parse.h"
#include "model/state.h"

/* Counters of the JSON are integers up to 2^63-1, which is what JSON libraries read; larger ones are clamped to it. */
#define EXPORT_INTEGER_MAX ((uint64_t)INT64_MAX)

struct conversations;

struct export_json_options {
	bool pretty; /* one member to a line; else compact */
	/* [IKE_FAULT_COUNT]: IKE messages by what ike_parse() said of them. NULL: no member "ike" */
	const uint64_t *ike_verdicts;
	/* For ike_sas[] and, in "ike", the tracker's own counters. NULL: ike_sas[] is empty */
	const struct conversations *conversations;
	size_t tunnels_most; /* see export_tunnels(); 0: all */
	bool ike_brief;	     /* of each IKE SA what tables show: see export_ike_sas_brief() */
};

/* The JSON document, ending in a newline when pretty. *ret_len (may be NULL) is its length. */
char *export_state_json_with(const struct state *state, const struct export_json_options *options,
			     size_t *ret_len);
char *export_state_json(const struct state *state, size_t *ret_len);
char *export_state_json_pretty(const struct state *state, size_t *ret_len);

/* Media types of the two metrics formats, for Content-Type. */
#define EXPORT_METRICS_TEXT "text/plain; version=0.0.4; charset=utf-8"
#define EXPORT_METRICS_OPENMETRICS "application/openmetrics-text; version=1.0.0; charset=utf-8"

/*
 * Prometheus metrics: the classic text format, or OpenMetrics 1.0; with `sas` each SA of a tunnel, too: series that end with
 * it. NULL with errno ENOMEM.
 */
char *export_metrics(const struct state *state, bool openmetrics, bool sas, size_t *ret_len);

/* The same bit by bit, for a large answer: the page keeps nothing of the state. */
struct metrics_page;
struct metrics_page *export_metrics_page(const struct state *state, bool openmetrics, bool sas);
/* The next bytes, up to `size`; 0: that was all; -ENOMEM. */
ssize_t metrics_page_read(struct metrics_page *page, char *buffer, size_t size);
void metrics_page_free(struct metrics_page *page); /* NULL is fine */

#endif

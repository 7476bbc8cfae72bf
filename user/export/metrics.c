// SPDX-License-Identifier: GPL-2.0-or-later
/* metrics.c - the state as Prometheus metrics: makes a page of metrics_table.c in either format */
#include "export/export.h"

#include <stdlib.h>
#include <string.h>

#include "diagnose/catalogue.h"
#include "diagnose/diagnosis.h"
#include "export/metrics_page.h"
#include "export/metrics_sas.h"
#include "export/metrics_table.h"
#include "export/text.h"

/* ---- writing ---- */

/* Both formats escape backslash and newline; OpenMetrics the quote also in HELP, where the classic format must not. */
static void write_escaped(struct text *t, const char *string, bool quote)
{
	for (; *string; string++) {
		if (*string == '\\' || *string == '\n' || (*string == '"' && quote))
			text_char(t, '\\');
		text_char(t, *string == '\n' ? 'n' : *string);
	}
}

void metrics_label(struct text *t, const char *value)
{
	struct text clean = {0};
	const char *at = value;
	char *text;

	/* Nearly all: a large gateway's answer is a hundred thousand of them */
	while (*at >= ' ' && *at <= '~' && *at != '\\' && *at != '"')
		at++;
	if (!*at) {
		text_append(t, value, (size_t)(at - value));
		return;
	}
	text_clean(&clean, value);
	text = text_take(&clean, NULL);
	if (!text) {
		t->failed = true;
		return;
	}
	write_escaped(t, text, true);
	free(text);
}

static void write_label(struct text *t, const char *name, const char *value)
{
	text_string(t, name);
	text_string(t, "=\"");
	metrics_label(t, value);
	text_char(t, '"');
}

/* What follows the name in a sample */
static const char *suffix_of(const struct metric *metric)
{
	return metric->type == METRIC_COUNTER ? "_total" : metric->type == METRIC_INFO ? "_info" : "";
}

static void write_metadata(struct text *t, const struct metric *metric, bool openmetrics)
{
	static const char *const types[] = {[METRIC_COUNTER] = "counter",
					    [METRIC_GAUGE] = "gauge",
					    [METRIC_INFO] = "info",
					    [METRIC_HISTOGRAM] = "histogram"};
	/* OpenMetrics names the family, the classic format the sample */
	const char *suffix = openmetrics ? "" : suffix_of(metric);

	text_printf(t, "# TYPE %s%s %s\n", metric->name, suffix,
		    metric->type == METRIC_INFO && !openmetrics ? "gauge" : types[metric->type]);
	if (openmetrics && *metric->unit)
		text_printf(t, "# UNIT %s %s\n", metric->name, metric->unit);
	text_printf(t, "# HELP %s%s ", metric->name, suffix);
	write_escaped(t, metric->help, openmetrics);
	text_char(t, '\n');
}

/* ---- samples: labels are made for the first family that has them, and known to those that have the same */

struct known_labels {
	unsigned int bits;
	struct metrics_labels *list; /* in the order of the walk */
	size_t count, capacity;
};

struct walk {
	struct metrics_page *page;
	const struct metric *metric;
	struct sample sample;
	struct text labels; /* of the sample, as far as the walk has come */
	struct known_labels known[32];
	size_t known_count;
	struct known_labels *these; /* of the metric's */
	size_t number;		    /* of the sample, whether it has a value or not */
	bool first;		    /* these are not known yet */
	bool failed;
};

static void keep_labels(struct walk *w)
{
	struct known_labels *k = w->these;

	if (k->count == k->capacity) {
		size_t more = k->capacity ? k->capacity * 2 : 64;
		struct metrics_labels *grown = realloc(k->list, more * sizeof(*grown));

		if (!grown) {
			w->failed = true;
			return;
		}
		k->list = grown;
		k->capacity = more;
	}
	k->list[k->count++] = metrics_page_labels(w->page, w->labels.data, w->labels.length);
}

static void add_sample(struct walk *w)
{
	uint64_t value = w->metric->value(&w->sample);
	size_t number = w->number++;

	if (w->first)
		keep_labels(w);
	if (value != METRIC_ABSENT && !w->failed)
		metrics_page_sample(w->page, w->these->list[number], value);
}

/* All samples whose labels from metric_labels[from] on are still to be chosen; `labels` has those before. */
static void add_samples(struct walk *w, size_t from)
{
	size_t length = w->labels.length;
	const char *value;

	while (from < metric_label_count && !(w->metric->labels & metric_labels[from].bit))
		from++;
	if (from == metric_label_count) {
		add_sample(w);
		return;
	}
	for (size_t i = 0; (value = metric_labels[from].value(&w->sample, i)) != NULL; i++) {
		if (!*value)
			continue;
		if (w->first) {
			if (length)
				text_char(&w->labels, ',');
			write_label(&w->labels, metric_labels[from].name, value);
		}
		add_samples(w, from + 1);
		w->labels.length = length;
	}
}

static void add_family(struct walk *w, const struct metric *metric)
{
	bool billionths = strcmp(metric->unit, "seconds") == 0 || strcmp(metric->unit, "ratio") == 0;
	size_t i = 0;

	metrics_page_family(w->page, metric->name, suffix_of(metric),
			    billionths ? METRICS_BILLIONTHS : METRICS_INTEGER);
	while (i < w->known_count && w->known[i].bits != metric->labels)
		i++;
	w->first = i == w->known_count;
	if (w->first && i == sizeof(w->known) / sizeof(w->known[0])) {
		w->known[--i].count = 0; /* one place is for those that found none */
		w->known[i].bits = metric->labels;
	} else if (w->first) {
		w->known[w->known_count++].bits = metric->labels;
	}
	w->metric = metric;
	w->these = &w->known[i];
	w->number = 0;
	add_samples(w, 0);
}

/* The round-trip times of IKE: cumulative buckets, as both formats want them. */
static void write_histogram(struct text *t, const struct metric *metric, const struct state *state)
{
	const struct state_ike_counters *c = &state->ike_counters;
	uint64_t count = 0;

	for (size_t i = 0; i < STATE_RTT_BUCKETS; i++) {
		count += c->rtt[i];
		text_printf(t, "%s_bucket{le=\"%llu.%06llu\"} %llu\n", metric->name,
			    (unsigned long long)(state_rtt_us[i] / 1000000),
			    (unsigned long long)(state_rtt_us[i] % 1000000), (unsigned long long)count);
	}
	count += c->rtt[STATE_RTT_BUCKETS];
	text_printf(t, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %llu.%06llu\n%s_count %llu\n", metric->name,
		    (unsigned long long)count, metric->name, (unsigned long long)(c->rtt_us / 1000000),
		    (unsigned long long)(c->rtt_us % 1000000), metric->name, (unsigned long long)count);
}

static void write_finding(struct text *t, const struct metric *metric, const struct finding *f)
{
	text_printf(t, "%s{", metric->name);
	write_label(t, "id", catalogue_row(f->id)->id);
	text_char(t, ',');
	write_label(t, "severity", finding_severity_name(f->severity));
	text_char(t, ',');
	write_label(t, "tunnel", f->tunnel ? f->tunnel : "");
	text_char(t, ',');
	write_label(t, "peer", f->peer ? f->peer : "");
	text_printf(t, "} %d\n", f->until_ns == 0);
}

/* The labels of a sample are all there is of it. */
static bool same_labels(const struct finding *a, const struct finding *b)
{
	return a->id == b->id && a->severity == b->severity &&
	       strcmp(a->tunnel ? a->tunnel : "", b->tunnel ? b->tunnel : "") == 0 &&
	       strcmp(a->peer ? a->peer : "", b->peer ? b->peer : "") == 0;
}

/* What is raised is in order, so that the same come one after the other; the cleared ones are few. */
static bool is_first(const struct findings *raised, const struct findings *cleared, size_t at)
{
	if (!cleared)
		return !at || !same_labels(raised->list[at - 1], raised->list[at]);
	for (size_t i = 0; i < raised->count; i++)
		if (same_labels(raised->list[i], cleared->list[at]))
			return false;
	for (size_t i = 0; i < at; i++)
		if (same_labels(cleared->list[i], cleared->list[at]))
			return false;
	return true;
}

static void write_findings(struct text *t, const struct metric *metric, const struct state *state)
{
	const struct findings *raised, *cleared;

	if (!state->diagnosis)
		return;
	raised = diagnosis_raised(state->diagnosis);
	cleared = diagnosis_cleared(state->diagnosis);
	for (size_t i = 0; i < raised->count; i++)
		if (is_first(raised, NULL, i))
			write_finding(t, metric, raised->list[i]);
	for (size_t i = 0; i < cleared->count; i++)
		if (is_first(raised, cleared, i))
			write_finding(t, metric, cleared->list[i]);
}

struct metrics_page *export_metrics_page(const struct state *state, bool openmetrics, bool sas)
{
	struct metrics_page *page = metrics_page_new();
	struct walk w = {.page = page, .sample.state = state};
	struct text *text;

	if (!page)
		return NULL;
	text = metrics_page_text(page);
	for (size_t i = 0; i < metric_count; i++) {
		write_metadata(text, &metric_table[i], openmetrics);
		if (metric_table[i].type == METRIC_HISTOGRAM)
			write_histogram(text, &metric_table[i], state);
		else if (!metric_table[i].value)
			write_findings(text, &metric_table[i], state);
		else
			add_family(&w, &metric_table[i]);
	}
	if (sas)
		metrics_sas_add(page, state, openmetrics);
	if (openmetrics)
		text_string(text, "# EOF\n");
	text->failed |= w.labels.failed || w.failed;
	text_free(&w.labels);
	for (size_t i = 0; i < w.known_count; i++)
		free(w.known[i].list);
	return metrics_page_done(page);
}

char *export_metrics(const struct state *state, bool openmetrics, bool sas, size_t *ret_len)
{
	struct metrics_page *page = export_metrics_page(state, openmetrics, sas);
	struct text all = {0};
	char slice[4096];
	ssize_t n;

	if (!page)
		return NULL;
	while ((n = metrics_page_read(page, slice, sizeof(slice))) > 0)
		text_append(&all, slice, (size_t)n);
	all.failed |= n < 0;
	metrics_page_free(page);
	return text_take(&all, ret_len);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* metrics.c - the state as Prometheus metrics: writes metrics_table.c in either format */
#include "export/export.h"

#include <stdlib.h>
#include <string.h>

#include "diagnose/catalogue.h"
#include "diagnose/diagnosis.h"
#include "export/metrics_sas.h"
#include "export/metrics_table.h"
#include "export/text.h"

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

static void write_metadata(struct metrics *m, const struct metric *metric)
{
	static const char *const types[] = {[METRIC_COUNTER] = "counter",
					    [METRIC_GAUGE] = "gauge",
					    [METRIC_INFO] = "info",
					    [METRIC_HISTOGRAM] = "histogram"};
	const char *suffix = metric->type == METRIC_COUNTER ? "_total"
			     : metric->type == METRIC_INFO  ? "_info"
							    : "";
	struct text *t = &m->text;

	/* OpenMetrics names the family, the classic format the sample */
	if (m->openmetrics)
		suffix = "";
	text_printf(t, "# TYPE %s%s %s\n", metric->name, suffix,
		    metric->type == METRIC_INFO && !m->openmetrics ? "gauge" : types[metric->type]);
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

	if (value == METRIC_ABSENT)
		return;
	text_string(t, metric->name);
	text_string(t, metric->type == METRIC_COUNTER ? "_total"
		       : metric->type == METRIC_INFO  ? "_info"
						      : "");
	if (length) {
		text_char(t, '{');
		text_append(t, labels, length);
		text_char(t, '}');
	}
	text_char(t, ' ');
	if (strcmp(metric->unit, "seconds") == 0 || strcmp(metric->unit, "ratio") == 0)
		text_printf(t, "%llu.%09llu", (unsigned long long)(value / 1000000000U),
			    (unsigned long long)(value % 1000000000U));
	else
		text_unsigned(t, value);
	text_char(t, '\n');
}

/* All samples whose labels from metric_labels[from] on are still to be chosen; `labels` has those before. */
static void write_samples(struct metrics *m, const struct metric *metric, struct sample *s, size_t from,
			  struct text *labels)
{
	size_t length = labels->length;
	const char *value;

	while (from < metric_label_count && !(metric->labels & metric_labels[from].bit))
		from++;
	if (from == metric_label_count) {
		write_sample(m, metric, s, labels->data, length);
		return;
	}
	for (size_t i = 0; (value = metric_labels[from].value(s, i)) != NULL; i++) {
		if (!*value)
			continue;
		if (length)
			text_char(labels, ',');
		write_label(labels, metric_labels[from].name, value);
		write_samples(m, metric, s, from + 1, labels);
		labels->length = length;
	}
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

static char *write_all(const struct state *state, bool openmetrics, bool sas, size_t *ret_len)
{
	struct metrics m = {.openmetrics = openmetrics};
	struct text labels = {0};

	for (size_t i = 0; i < metric_count; i++) {
		struct sample s = {.state = state};

		write_metadata(&m, &metric_table[i]);
		if (metric_table[i].type == METRIC_HISTOGRAM)
			write_histogram(&m.text, &metric_table[i], state);
		else if (!metric_table[i].value)
			write_findings(&m.text, &metric_table[i], state);
		else
			write_samples(&m, &metric_table[i], &s, 0, &labels);
	}
	if (sas)
		metrics_sas_write(&m.text, state, openmetrics);
	if (openmetrics)
		text_string(&m.text, "# EOF\n");
	m.text.failed |= labels.failed;
	text_free(&labels);
	return text_take(&m.text, ret_len);
}

char *export_metrics(const struct state *state, bool openmetrics, size_t *ret_len)
{
	return write_all(state, openmetrics, false, ret_len);
}

char *export_metrics_with_sas(const struct state *state, bool openmetrics, size_t *ret_len)
{
	return write_all(state, openmetrics, true, ret_len);
}

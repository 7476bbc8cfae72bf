// SPDX-License-Identifier: GPL-2.0-or-later
#include "export/log_json.h"

#include <string.h>

#include "export/finding_json.h"

bool log_json_shows(const struct log_timeline *t, const struct log_event *e,
		    const struct log_diagnose_options *limits)
{
	if (!e->line_length || (log_kind_flags((enum log_kind)e->kind) & LOG_QUIET) ||
	    (limits->since_ns && e->at_ns < limits->since_ns) ||
	    (limits->until_ns && e->at_ns > limits->until_ns))
		return false;
	return !limits->peer || strcmp(log_text(t, e->peer), limits->peer) == 0;
}

static void write_text(struct json_writer *w, const char *key, const char *text)
{
	if (*text)
		json_write_string(w, key, text);
	else
		json_write_null(w, key);
}

static void write_source(struct json_writer *w, const struct log_timeline *t, const char *name)
{
	json_write_open(w, "source", '{');
	json_write_string(w, "kind", "log");
	json_write_string(w, "name", name);
	json_write_time(w, "first", t->first_ns);
	json_write_time(w, "last", t->last_ns);
	json_write_number(w, "lines", t->lines);
	json_write_number(w, "recognised", t->recognised);
	json_write_number(w, "unknown", t->unknown);
	json_write_number(w, "other", t->foreign);
	json_write_close(w, '}');
}

static void write_timeline(struct json_writer *w, const struct log_timeline *t,
			   const struct log_diagnose_options *limits)
{
	json_write_open(w, "timeline", '[');
	for (size_t i = 0; i < t->count; i++) {
		const struct log_event *e = &t->events[i];

		if (!log_json_shows(t, e, limits))
			continue;
		json_write_flat(w, NULL, '{');
		json_write_time(w, "at", e->at_ns);
		write_text(w, "host", log_text(t, e->host));
		write_text(w, "peer", log_text(t, e->peer));
		json_write_string(w, "event", log_kind_name((enum log_kind)e->kind));
		json_write_string(w, "line", log_event_line(t, e));
		json_write_close(w, '}');
	}
	json_write_close(w, ']');
}

char *export_log_json(const struct log_timeline *t, const struct findings *findings,
		      const struct log_json_options *options, size_t *ret_length)
{
	struct json_writer w = {.pretty = options->pretty};
	const char *line;

	json_write_open(&w, NULL, '{');
	json_write_flat(&w, "espial", '{');
	json_write_string(&w, "version", options->version);
	json_write_number(&w, "schema", 1);
	json_write_close(&w, '}');
	write_source(&w, t, options->name);
	write_timeline(&w, t, options->limits);
	finding_json_write(&w, "findings", findings);
	if (t->keep_unknown) {
		json_write_open(&w, "unknown", '[');
		for (size_t i = 0; (line = log_unknown(t, i)) != NULL; i++)
			json_write_string(&w, NULL, line);
		json_write_close(&w, ']');
	}
	json_write_close(&w, '}');
	text_char(&w.text, '\n');
	return text_take(&w.text, ret_length);
}

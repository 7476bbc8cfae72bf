// SPDX-License-Identifier: GPL-2.0-or-later
#include "export/finding_json.h"

#include "diagnose/catalogue.h"

static void write_text(struct json_writer *w, const char *key, const char *text)
{
	if (text)
		json_write_string(w, key, text);
	else
		json_write_null(w, key);
}

static void write_subject(struct json_writer *w, const struct finding *f)
{
	json_write_flat(w, "subject", '{');
	write_text(w, "tunnel", f->tunnel);
	write_text(w, "peer", f->peer);
	if (f->has_spi)
		json_write_hex(w, "spi", f->spi, 8);
	else
		json_write_null(w, "spi");
	write_text(w, "interface", f->interface);
	json_write_close(w, '}');
}

static void write_last_good(struct json_writer *w, const struct finding *f)
{
	if (!f->last_good) {
		json_write_null(w, "last_good");
		return;
	}
	json_write_flat(w, "last_good", '{');
	json_write_string(w, "what", f->last_good);
	json_write_time(w, "at", f->last_good_ns);
	json_write_close(w, '}');
}

static void write_evidence(struct json_writer *w, const struct finding *f)
{
	json_write_open(w, "evidence", '[');
	for (size_t i = 0; i < f->evidence_count; i++) {
		const struct finding_evidence *e = &f->evidence[i];

		json_write_flat(w, NULL, '{');
		json_write_string(w, "what", e->what);
		if (e->has_number)
			json_write_number(w, "value", e->number);
		else
			write_text(w, "value", e->text);
		json_write_time(w, "at", e->at_ns);
		json_write_string(w, "origin", finding_origin_name(e->origin));
		json_write_close(w, '}');
	}
	json_write_close(w, ']');
}

static void write_remedies(struct json_writer *w, const struct finding *f)
{
	json_write_open(w, "remedies", '[');
	for (size_t i = 0; i < f->remedy_count; i++) {
		const struct finding_remedy *r = &f->remedies[i];

		json_write_flat(w, NULL, '{');
		json_write_string(w, "platform", finding_platform_name(r->platform));
		json_write_string(w, "text", r->text);
		write_text(w, "command", r->command);
		json_write_close(w, '}');
	}
	json_write_close(w, ']');
}

static void write_finding(struct json_writer *w, const struct finding *f)
{
	json_write_open(w, NULL, '{');
	json_write_string(w, "id", catalogue_row(f->id)->id);
	json_write_string(w, "severity", finding_severity_name(f->severity));
	json_write_string(w, "confidence", finding_confidence_name(f->confidence));
	write_subject(w, f);
	json_write_time(w, "since", f->since_ns);
	json_write_time(w, "until", f->until_ns);
	write_text(w, "shape", finding_shape_name(f->shape));
	write_last_good(w, f);
	write_text(w, "meaning", f->meaning);
	write_text(w, "action", f->action);
	json_write_flat(w, "explains", '[');
	for (size_t i = 0; i < f->explains_count; i++)
		json_write_string(w, NULL, catalogue_row(f->explains[i])->id);
	json_write_close(w, ']');
	write_evidence(w, f);
	write_remedies(w, f);
	json_write_close(w, '}');
}

void finding_json_write(struct json_writer *w, const char *key, const struct findings *list)
{
	json_write_open(w, key, '[');
	for (size_t i = 0; i < list->count; i++)
		write_finding(w, list->list[i]);
	json_write_close(w, ']');
}

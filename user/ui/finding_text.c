// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/finding_text.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "diagnose/catalogue.h"
#include "model/conversation.h"
#include "ui/format.h"
#include "ui/table.h"

#define LABEL 10 /* columns */
#define CLOCK_SIZE 24

static const enum ui_style severity_style[SEVERITIES] = {UI_BOLD, UI_WARN, UI_BAD};

static bool break_down(uint64_t ns, bool local_time, struct tm *ret)
{
	time_t seconds = (time_t)(ns / 1000000000U);

	return ns > CONVERSATION_NO_TIME &&
	       (local_time ? localtime_r(&seconds, ret) : gmtime_r(&seconds, ret));
}

void ui_finding_time(uint64_t ns, bool local_time, char ret[static FINDING_TIME_SIZE])
{
	struct tm tm;

	if (!break_down(ns, local_time, &tm) ||
	    !strftime(ret, FINDING_TIME_SIZE, local_time ? "%F %T %Z" : "%F %T UTC", &tm))
		snprintf(ret, FINDING_TIME_SIZE, "an unknown time");
}

static void label(FILE *out, const struct ui_options *options, const char *text)
{
	char padded[LABEL + 1];

	snprintf(padded, sizeof(padded), "%-*s", LABEL, text);
	fputs("  ", out);
	ui_styled(out, options, UI_DIM, padded);
}

static void print_headline(FILE *out, const struct finding *f, bool local_time,
			   const struct ui_options *options)
{
	char word[16], time[FINDING_TIME_SIZE];

	snprintf(word, sizeof(word), "%s", finding_severity_name(f->severity));
	for (char *c = word; *c; c++)
		*c = (char)(*c - 'a' + 'A');
	ui_styled(out, options, severity_style[f->severity], word);
	fputs(f->tunnel ? " " : "", out);
	if (f->tunnel)
		ui_clean(out, f->tunnel);
	if (f->until_ns || f->since_ns) {
		ui_finding_time(f->until_ns ? f->until_ns : f->since_ns, local_time, time);
		fprintf(out, "%s%s since %s", f->tunnel ? "," : "", f->until_ns ? " over" : "", time);
	}
	fputs(f->tunnel || f->since_ns || f->until_ns ? ": " : " ", out);
	ui_clean(out, f->meaning);
	fputs(" To do: ", out);
	ui_clean(out, f->action);
	fputs(".\n", out);
}

/* What the headline does not say yet */
static void print_when(FILE *out, const struct finding *f, bool local_time, const struct ui_options *options)
{
	char time[FINDING_TIME_SIZE], duration[FORMAT_SIZE];

	if (f->since_ns && !f->until_ns && f->shape == SHAPE_NONE)
		return;
	label(out, options, "when");
	if (f->since_ns) {
		ui_finding_time(f->since_ns, local_time, time);
		fprintf(out, "since %s", time);
	} else {
		fputs("at an unknown time", out);
	}
	if (f->until_ns) {
		ui_finding_time(f->until_ns, local_time, time);
		fprintf(out, " until %s", time);
		if (f->since_ns && f->until_ns > f->since_ns) {
			format_duration(f->until_ns - f->since_ns, duration);
			fprintf(out, ", %s", duration);
		}
	}
	if (f->shape == SHAPE_NEVER_UP)
		fputs(f->until_ns ? "; before, the tunnel had not been up" : "; the tunnel never came up",
		      out);
	else if (f->shape == SHAPE_FLAP)
		fputs("; the tunnel went down and came back", out);
	else if (f->shape == SHAPE_STAYS_DOWN)
		fputs("; the tunnel went down and stays down", out);
	fputc('\n', out);
}

static void print_last_good(FILE *out, const struct finding *f, bool local_time,
			    const struct ui_options *options)
{
	char time[FINDING_TIME_SIZE];

	if (!f->last_good)
		return;
	label(out, options, "last good");
	ui_clean(out, f->last_good);
	if (f->last_good_ns) {
		ui_finding_time(f->last_good_ns, local_time, time);
		fprintf(out, ", %s", time);
	}
	fputc('\n', out);
}

/* Its time of day, and the day when that is not the day on which the finding begins */
static void print_clock(FILE *out, uint64_t at_ns, uint64_t since_ns, bool local_time)
{
	char clock[CLOCK_SIZE];
	struct tm tm, day;
	bool same;

	if (!break_down(at_ns, local_time, &tm))
		return;
	same = break_down(since_ns, local_time, &day) && day.tm_yday == tm.tm_yday &&
	       day.tm_year == tm.tm_year;
	if (strftime(clock, sizeof(clock), same ? "%T " : "%F %T ", &tm))
		fputs(clock, out);
}

/* Is there a time of day, as 04:00:01, in it? */
static bool has_clock(const char *line)
{
	const char *colon = line ? strchr(line, ':') : NULL;

	for (; colon; colon = strchr(colon + 1, ':'))
		if (colon - line >= 2 && isdigit((unsigned char)colon[-1]) &&
		    isdigit((unsigned char)colon[1]) && isdigit((unsigned char)colon[2]) && colon[3] == ':')
			return true;
	return false;
}

static void print_one_evidence(FILE *out, const struct finding *f, const struct finding_evidence *e,
			       bool local_time)
{
	/* A line of a log has its own time in it, but for what a journal keeps beside it */
	if (e->origin != ORIGIN_LOG || !has_clock(e->text))
		print_clock(out, e->at_ns, f->since_ns ? f->since_ns : f->until_ns, local_time);
	ui_clean(out, e->what);
	if (e->has_number)
		fprintf(out, ": %" PRIu64, e->number);
	else if (e->text) {
		fputs(": ", out);
		ui_clean(out, e->text);
	}
	fputc('\n', out);
}

/* When the i-th was; what has no time of its own belongs to what stands before it */
static uint64_t time_of(const struct finding *f, size_t i)
{
	while (i > 0 && !f->evidence[i].at_ns)
		i--;
	return f->evidence[i].at_ns;
}

/* The earliest time behind `after_ns`; UINT64_MAX: none */
static uint64_t next_time(const struct finding *f, uint64_t after_ns)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < f->evidence_count; i++)
		if (time_of(f, i) > after_ns && time_of(f, i) < next)
			next = time_of(f, i);
	return next;
}

/* In the order of time, whatever the order in which a rule looked */
static void print_evidence(FILE *out, const struct finding *f, bool local_time,
			   const struct ui_options *options)
{
	size_t told = 0;

	for (uint64_t at = 0; at != UINT64_MAX; at = next_time(f, at)) {
		for (size_t i = 0; i < f->evidence_count; i++) {
			if (time_of(f, i) != at)
				continue;
			label(out, options, told++ ? "" : "because");
			print_one_evidence(out, f, &f->evidence[i], local_time);
		}
	}
}

static void print_remedies(FILE *out, const struct finding *f, const struct ui_options *options)
{
	char platform[16];

	for (size_t i = 0; i < f->remedy_count; i++) {
		const struct finding_remedy *r = &f->remedies[i];

		label(out, options, i ? "" : "remedies");
		snprintf(platform, sizeof(platform), "%-11s", finding_platform_name(r->platform));
		ui_styled(out, options, UI_DIM, platform);
		ui_clean(out, r->text);
		fputc('\n', out);
		if (!r->command)
			continue;
		label(out, options, "");
		fprintf(out, "%-11s", "");
		ui_styled(out, options, UI_DIM, r->platform <= PLATFORM_STRONGSWAN ? "# " : "> ");
		ui_styled(out, options, UI_BOLD, r->command);
		fputc('\n', out);
	}
}

void ui_print_findings(FILE *out, const struct findings *list, const struct finding_text_options *text,
		       const struct ui_options *options)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct finding *f = list->list[i];

		if (i && !text->brief)
			fputc('\n', out);
		print_headline(out, f, text->local_time, options);
		if (text->brief)
			continue;
		print_when(out, f, text->local_time, options);
		print_last_good(out, f, text->local_time, options);
		label(out, options, "finding");
		fprintf(out, "%s, %s\n", catalogue_row(f->id)->id, finding_confidence_name(f->confidence));
		for (size_t k = 0; k < f->explains_count; k++) {
			label(out, options, k ? "" : "explains");
			fprintf(out, "%s\n", catalogue_row(f->explains[k])->id);
		}
		print_evidence(out, f, text->local_time, options);
		print_remedies(out, f, options);
	}
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/timeline.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "export/timeline_json.h"
#include "model/address.h"
#include "ui/table.h"

void ui_time(uint64_t ns, char ret[UI_TIME_SIZE])
{
	time_t seconds = (time_t)(ns / 1000000000);
	char text[24] = "-";
	struct tm tm;

	if (localtime_r(&seconds, &tm))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	snprintf(ret, UI_TIME_SIZE, "%s.%03u", text, (unsigned int)(ns / 1000000 % 1000));
}

static void print_who(FILE *out, const struct timeline_entry *e)
{
	char peer[ADDRESS_TEXT];
	const char *address = address_text_known(e->peer, peer);

	if (e->tunnel[0])
		ui_clean(out, e->tunnel);
	/* A tunnel without a name of its own is named by its addresses: once is enough */
	if (address && !strstr(e->tunnel, address))
		fprintf(out, e->tunnel[0] ? " (%s)" : "%s", address);
	if (address || e->tunnel[0])
		fputs("  ", out);
}

static void print_evidence(FILE *out, const struct timeline_evidence *e)
{
	char time[UI_TIME_SIZE];

	fputs("      ", out);
	ui_clean(out, e->what);
	fputs(": ", out);
	ui_clean(out, e->value);
	fprintf(out, " (%s", timeline_origin_name(e->origin));
	if (e->at_ns) {
		ui_time(e->at_ns, time);
		fprintf(out, ", %s", time + 11);
	}
	fputs(")\n", out);
}

void ui_timeline(FILE *out, const struct ui_options *options, const struct timeline_entry *e,
		 const char *kind, bool evidence, const char *mark)
{
	static const enum ui_style styles[] = {
		[TIMELINE_INFO] = UI_PLAIN, [TIMELINE_WARNING] = UI_WARN, [TIMELINE_CRITICAL] = UI_BAD};
	char time[UI_TIME_SIZE], word[48];

	ui_time(e->time_ns, time);
	ui_styled(out, options, UI_DIM, time);
	snprintf(word, sizeof(word), "  %-8s", timeline_severity_name(e->severity));
	ui_styled(out, options, styles[e->severity], word);
	snprintf(word, sizeof(word), "  %-17s  ", kind ? kind : timeline_kind_name(e->kind));
	if (kind)
		ui_clean(out, word);
	else
		fputs(word, out);
	print_who(out, e);
	ui_clean(out, e->text);
	if (e->id[0]) {
		fputs(" [", out);
		ui_clean(out, e->id);
		fputc(']', out);
	}
	if (e->confidence != TIMELINE_CERTAIN)
		fprintf(out, " (%s)", timeline_confidence_name(e->confidence));
	if (mark) {
		fputs("  <- ", out);
		ui_styled(out, options, UI_BOLD, mark);
	}
	fputc('\n', out);
	for (uint32_t i = 0; evidence && i < e->evidence_count && i < TIMELINE_EVIDENCE; i++)
		print_evidence(out, &e->evidence[i]);
}

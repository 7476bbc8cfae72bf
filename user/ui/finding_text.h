/* SPDX-License-Identifier: GPL-2.0-or-later */
/* finding_text.h - findings for a tired engineer: the first line of each alone is enough to act */
#ifndef ESPIAL_UI_FINDING_TEXT_H
#define ESPIAL_UI_FINDING_TEXT_H

#include "diagnose/finding.h"
#include "ui/ui.h"

struct finding_text_options {
	bool local_time; /* times in the local zone, as in logs; else UTC */
	bool brief;	 /* the first line of each only */
};

/* After findings_finish(). Writes nothing when there are none. Text of others is escaped. */
void ui_print_findings(FILE *out, const struct findings *list, const struct finding_text_options *text,
		       const struct ui_options *options);
/* "2026-03-01 00:00:12 UTC" (or CET, …); "an unknown time" for 0. */
#define FINDING_TIME_SIZE 48
void ui_finding_time(uint64_t ns, bool local_time, char ret[static FINDING_TIME_SIZE]);

#endif

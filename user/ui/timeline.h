/* SPDX-License-Identifier: GPL-2.0-or-later */
/* timeline.h - entries of the timeline for people: a line each, greppable in a pipe, coloured on a terminal */
#ifndef ESPIAL_UI_TIMELINE_H
#define ESPIAL_UI_TIMELINE_H

#include "model/timeline.h"
#include "ui/ui.h"

/* "2026-06-18 00:31:17.123", in the local zone. */
#define UI_TIME_SIZE 32
void ui_time(uint64_t ns, char ret[UI_TIME_SIZE]);

/*
 * "TIME  SEVERITY  KIND  TUNNEL (PEER)  TEXT [CAUSE] (CONFIDENCE)", and with `evidence` an indented line for each. Text is
 * escaped. `kind` NULL: the entry's own. `mark`: said behind it; NULL nothing.
 */
void ui_timeline(FILE *out, const struct ui_options *options, const struct timeline_entry *entry,
		 const char *kind, bool evidence, const char *mark);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmd_journal.h - between the parts of `espial journal`: what was asked for, and what led to a fall */
#ifndef ESPIAL_CMD_JOURNAL_H
#define ESPIAL_CMD_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "export/journal_read.h"
#include "ui/ui.h"

struct journal_request {
	const char *file;
	struct journal_query query;
	uint64_t now_ns, around_ns, limit;
	bool since_given, limit_given, around, follow, rollup, json, evidence;
	struct ui_options ui;
};

/* Each prints and returns the exit status. */
int journal_around(struct journal_reader *r, const struct journal_request *request);
int journal_traffic(struct journal_reader *r, const struct journal_request *request);

/* One entry in the form that was asked for. 0; 1: whoever reads the output went away. */
int journal_print(const struct journal_request *request, const struct journal_row *row, bool evidence,
		  const char *json_mark, const char *mark);
/* "journal …: damaged: …" and the like; the exit status. */
int journal_failed(const struct journal_reader *r, const struct journal_request *request, int err);

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
/* cmd_explain_read.c - espial explain: its files and journals, and what of them cannot be read */
#include "cmd.h"

#include <stdio.h>
#include <unistd.h>

#include "cmd_explain.h"
#include "source/log_load.h"
#include "ui/format.h"
#include "ui/progress.h"
#include "ui/table.h"

#define DAY_NS (86400 * UINT64_C(1000000000))

/* The error names files: what a name contains must not reach the terminal as it is */
void explain_complain(const char *line)
{
	fputs("espial: ", stderr);
	ui_clean(stderr, line);
	fputc('\n', stderr);
}

static void on_progress(void *arg, const char *path, uint64_t offset, uint64_t size)
{
	progress_update(arg, path, offset, size);
}

static int read_files(struct log_timeline *t, const struct explain_options *o,
		      const struct log_load_options *load, struct progress *progress, unsigned int width)
{
	char error[LOG_LOAD_ERROR];
	int failed = 0;

	for (int i = 0; i < o->file_count; i++) {
		int err;

		progress_begin(progress, stderr, width);
		err = log_load(t, o->files[i], load, error, sizeof(error));
		progress_end(progress);
		if (!err)
			continue;
		explain_complain(error);
		failed++;
	}
	return failed;
}

/* What was before the time that is asked for tells what it means: whose tunnel it is, and whether it was up. */
uint64_t explain_journal_since(const struct log_diagnose_options *limits)
{
	return limits->since_ns > DAY_NS ? limits->since_ns - DAY_NS : 0;
}

int explain_read(struct log_timeline *t, const struct explain_options *o,
		 const struct log_diagnose_options *limits)
{
	struct progress progress;
	struct log_load_options load = {.now_ns = explain_now_ns(),
					.year = o->year,
					.progress = on_progress,
					.progress_arg = &progress};
	char error[LOG_LOAD_ERROR];
	struct ui_options terminal;
	int failed;

	ui_options_detect(stderr, &terminal);
	failed = read_files(t, o, &load, &progress, terminal.width);
	for (size_t i = 0; i < o->unit_count; i++) {
		uint64_t before = t->lines;
		int err;

		progress_begin(&progress, stderr, terminal.width);
		err = log_load_journal(t, o->units[i], explain_journal_since(limits), &load, error,
				       sizeof(error));
		progress_end(&progress);
		if (!err && t->lines > before)
			continue;
		/* journalctl is content with a unit that does not exist */
		if (!err)
			snprintf(error, sizeof(error), "systemd journal: no line of %s%s: %s",
				 *o->units[i] ? o->units[i] : "an IKE daemon",
				 limits->since_ns ? " since a day before that time" : "",
				 *o->units[i] ? "`systemctl list-units` shows what units there are"
					      : "name its unit: --journal=UNIT");
		explain_complain(error);
		failed++;
	}
	return failed;
}

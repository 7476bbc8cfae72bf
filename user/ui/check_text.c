// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/check_text.h"

#include <string.h>

#include "ui/table.h"

#define TITLE_COLUMNS 26 /* the longest title */
#define STATUS_COLUMNS 9

static const enum ui_style styles[CHECK_STATUSES] = {
	[CHECK_OK] = UI_PLAIN,	[CHECK_NOTE] = UI_BOLD, [CHECK_NOT_SEEN] = UI_DIM,
	[CHECK_LACK] = UI_WARN, [CHECK_BLOCK] = UI_BAD,
};

static void print_under(FILE *out, const char *word, const char *text, const struct ui_options *options)
{
	if (!*text)
		return;
	fprintf(out, "  %*s", STATUS_COLUMNS, "");
	ui_styled(out, options, UI_DIM, word);
	ui_clean(out, text);
	fputc('\n', out);
}

static void print_row(FILE *out, const struct check_row *row, const struct ui_options *options)
{
	const char *status = check_status_name(row->status);

	fputs("  ", out);
	ui_styled(out, options, styles[row->status], status);
	fprintf(out, "%*s%-*s", STATUS_COLUMNS - (int)strlen(status), "", TITLE_COLUMNS, row->title);
	ui_clean(out, row->value);
	fputc('\n', out);
	print_under(out, "so:     ", row->consequence, options);
	print_under(out, "remedy: ", row->remedy, options);
}

static size_t count_of(const struct check_rows *rows, enum check_status status)
{
	size_t count = 0;

	for (size_t i = 0; i < rows->count; i++)
		count += rows->row[i].status == status;
	return count;
}

/* Does anything but the privileges of this user keep espial run from working? */
static bool blocked_for_all(const struct check_rows *rows)
{
	for (size_t i = 0; i < rows->count; i++)
		if (rows->row[i].status == CHECK_BLOCK && strcmp(rows->row[i].area, "privileges") != 0)
			return true;
	return false;
}

static void print_summary(FILE *out, const struct check_rows *rows, const struct ui_options *options)
{
	size_t block = count_of(rows, CHECK_BLOCK), lack = count_of(rows, CHECK_LACK),
	       unseen = count_of(rows, CHECK_NOT_SEEN);

	fputc('\n', out);
	if (block)
		ui_styled(out, options, UI_BAD,
			  blocked_for_all(rows) ? "espial run does not work here: see what is missing."
						: "This user may not run espial run: see what is missing.");
	else if (lack)
		ui_styled(out, options, UI_WARN, "espial run works here, with less: see what lacks.");
	else
		fputs("Nothing lacks.", out);
	if (unseen)
		fprintf(out, " %zu could not be looked at: run as root to see all.", unseen);
	fputc('\n', out);
}

void ui_print_check(FILE *out, const struct check_host *host, const struct check_rows *rows,
		    const struct ui_options *options)
{
	const char *area = "", *interface = "";

	fputs("host ", out);
	ui_clean(out, host->name);
	if (host->uid)
		fprintf(out, ", seen by user %u\n", host->uid);
	else
		fputs(", seen by root\n", out);
	for (size_t i = 0; i < rows->count; i++) {
		const struct check_row *row = &rows->row[i];

		if (strcmp(area, row->area) != 0 || strcmp(interface, row->interface) != 0) {
			fputc('\n', out);
			ui_styled(out, options, UI_BOLD, row->area);
			if (*row->interface) {
				fputc(' ', out);
				ui_clean(out, row->interface);
			}
			fputc('\n', out);
		}
		area = row->area;
		interface = row->interface;
		print_row(out, row, options);
	}
	print_summary(out, rows, options);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ui/table.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "export/text.h"
#include "ui/format.h"

#define TABLE_INDENT 2
#define TABLE_GAP 2

struct ui_cell {
	char *text;
	enum ui_style style;
	unsigned int columns; /* on the screen */
};

static const char *const escapes[UI_STYLES] = {
	[UI_PLAIN] = "",	[UI_BOLD] = "\033[1m",	 [UI_DIM] = "\033[2m",
	[UI_WARN] = "\033[33m", [UI_BAD] = "\033[1;31m",
};

void ui_styled(FILE *out, const struct ui_options *options, enum ui_style style, const char *text)
{
	if (options->color && *escapes[style])
		fprintf(out, "%s%s\033[0m", escapes[style], text);
	else
		fputs(text, out);
}

static char *clean_copy(const char *text)
{
	struct text clean = {0};

	text_clean(&clean, text);
	return text_take(&clean, NULL);
}

void ui_clean(FILE *out, const char *text)
{
	char *clean = clean_copy(text);

	fputs(clean ? clean : "?", out);
	free(clean);
}

void ui_table_begin(struct ui_table *t, const struct ui_column *columns, size_t count)
{
	assert(count && count <= UI_COLUMNS);
	*t = (struct ui_table){.columns = columns, .count = count};
}

void ui_table_add(struct ui_table *t, enum ui_style style, const char *text)
{
	if (t->used == t->room) {
		size_t room = t->room ? 2 * t->room : 256;
		struct ui_cell *grown = reallocarray(t->cells, room, sizeof(*grown));

		if (!grown) {
			t->failed = true;
			return;
		}
		t->cells = grown;
		t->room = room;
	}
	t->cells[t->used] = (struct ui_cell){.text = clean_copy(text), .style = style};
	if (!t->cells[t->used].text) {
		t->failed = true;
		return;
	}
	t->cells[t->used].columns = format_columns(t->cells[t->used].text);
	t->used++;
}

/* On a screen a column without a single value is a waste; in a pipe every line has the same columns. */
static bool is_empty(const struct ui_table *t, size_t column)
{
	for (size_t i = column; i < t->used; i += t->count)
		if (strcmp(t->cells[i].text, "-") != 0)
			return false;
	return t->used > 0 && t->columns[column].priority;
}

/* Which columns there is room for; returns how many there is not. */
static int choose(const struct ui_table *t, const unsigned int *widths, unsigned int screen, bool *shown)
{
	size_t last;
	int hidden = 0;

	for (size_t i = 0; i < t->count; i++)
		shown[i] = !(screen && is_empty(t, i));
	for (;;) {
		unsigned int total = TABLE_INDENT - TABLE_GAP;

		last = t->count;
		for (size_t i = 0; i < t->count; i++) {
			if (!shown[i])
				continue;
			total += widths[i] + TABLE_GAP;
			if (t->columns[i].priority &&
			    (last == t->count || t->columns[i].priority >= t->columns[last].priority))
				last = i;
		}
		if (!screen || total <= screen || last == t->count)
			return hidden;
		shown[last] = false;
		hidden++;
	}
}

/* The last column shown is not padded: lines end where their text does. */
static void print_row(FILE *out, const struct ui_table *t, const struct ui_cell *row,
		      const unsigned int *widths, const bool *shown, const struct ui_options *options)
{
	size_t last = t->count;

	for (size_t i = 0; i < t->count; i++)
		if (shown[i])
			last = i;
	fprintf(out, "%*s", TABLE_INDENT, "");
	for (size_t i = 0; i < t->count && last < t->count; i++) {
		int pad = (int)(widths[i] - row[i].columns);

		if (!shown[i])
			continue;
		if (t->columns[i].right)
			fprintf(out, "%*s", pad, "");
		ui_styled(out, options, row[i].style, row[i].text);
		if (i != last)
			fprintf(out, "%*s", TABLE_GAP + (t->columns[i].right ? 0 : pad), "");
	}
	fputc('\n', out);
}

int ui_table_print(FILE *out, struct ui_table *t, const struct ui_options *options)
{
	struct ui_cell head[UI_COLUMNS];
	unsigned int widths[UI_COLUMNS];
	bool shown[UI_COLUMNS];
	int hidden = -ENOMEM;

	if (!t->failed) {
		assert(t->used % t->count == 0);
		for (size_t i = 0; i < t->count; i++) {
			widths[i] = format_columns(t->columns[i].head);
			head[i] = (struct ui_cell){
				.text = (char *)t->columns[i].head,
				.style = UI_DIM,
				.columns = widths[i],
			};
		}
		for (size_t i = 0; i < t->used; i++)
			if (t->cells[i].columns > widths[i % t->count])
				widths[i % t->count] = t->cells[i].columns;
		hidden = choose(t, widths, options->width, shown);
		print_row(out, t, head, widths, shown, options);
		for (size_t i = 0; i < t->used; i += t->count)
			print_row(out, t, t->cells + i, widths, shown, options);
	}
	for (size_t i = 0; i < t->used; i++)
		free(t->cells[i].text);
	free(t->cells);
	*t = (struct ui_table){0};
	return hidden;
}

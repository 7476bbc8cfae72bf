/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table.h - aligned columns that fit the screen, and coloured text */
#ifndef ESPIAL_UI_TABLE_H
#define ESPIAL_UI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "ui/ui.h"

enum ui_style { UI_PLAIN, UI_BOLD, UI_DIM, UI_WARN, UI_BAD, UI_STYLES };

struct ui_column {
	const char *head;
	bool right;
	unsigned int priority; /* 0: always shown; where there is no room, the largest goes first */
};

#define UI_COLUMNS 24

struct ui_table {
	const struct ui_column *columns;
	size_t count;
	struct ui_cell *cells; /* row after row */
	size_t used, room;
	bool failed; /* out of memory */
};

void ui_table_begin(struct ui_table *t, const struct ui_column *columns, size_t count);
/* The next cell, row by row. The text is copied and cleaned. */
void ui_table_add(struct ui_table *t, enum ui_style style, const char *text);
/* Head and rows, indented by two; the number of columns that found no room, or -ENOMEM. Frees the table. */
int ui_table_print(FILE *out, struct ui_table *t, const struct ui_options *options);

/* Text between the escapes of a style, if colour is wanted. `text` is printed as it is. */
void ui_styled(FILE *out, const struct ui_options *options, enum ui_style style, const char *text);
/* Text of others, cleaned. */
void ui_clean(FILE *out, const char *text);

#endif

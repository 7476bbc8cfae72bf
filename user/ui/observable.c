// SPDX-License-Identifier: GPL-2.0-or-later
/* observable.c - what the numbers above do not show: SAs whose packets the datapath does not see */
#include "ui/view.h"

#include <stdlib.h>
#include <string.h>

#include "ui/format.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The sentence belongs to the reason: once each, below all that it holds for. */
static void print_texts(FILE *out, json_t *hidden)
{
	json_t *sa;
	size_t i;

	json_array_foreach(hidden, i, sa) {
		const char *reason = view_string(sa, "reason");
		size_t before = 0;

		while (before < i &&
		       strcmp(view_string(json_array_get(hidden, before), "reason"), reason) != 0)
			before++;
		if (before < i)
			continue;
		fputs("  ", out);
		ui_clean(out, reason);
		fputs(": ", out);
		ui_clean(out, view_string(sa, "text"));
		fputc('\n', out);
	}
}

int view_not_observable(FILE *out, json_t *document, const struct ui_options *options)
{
	static const struct ui_column columns[] = {
		{"NOT OBSERVABLE", false, 0}, {"DIR", false, 0},
		{"TUNNEL", false, 1},	      {"WHY", false, 0},
		{"KERNEL PKT", true, 0},      {"KERNEL BYTES", true, 2},
	};
	json_t *hidden = view_get(document, "not_observable"), *sa;
	char number[FORMAT_SIZE];
	struct ui_table t;
	size_t i;
	int err;

	if (!json_array_size(hidden))
		return 0;
	ui_table_begin(&t, columns, COUNT(columns));
	json_array_foreach(hidden, i, sa) {
		ui_table_add(&t, UI_BOLD, view_string(sa, "spi"));
		ui_table_add(&t, UI_PLAIN, view_string(sa, "direction"));
		ui_table_add(&t, UI_PLAIN, view_string(sa, "tunnel"));
		ui_table_add(&t, UI_WARN, view_string(sa, "reason"));
		format_count(view_number(sa, "packets"), number);
		ui_table_add(&t, UI_PLAIN, number);
		format_bytes(view_number(sa, "bytes"), number);
		ui_table_add(&t, UI_PLAIN, number);
	}
	fputc('\n', out);
	err = ui_table_print(out, &t, options);
	if (err < 0)
		return err;
	print_texts(out, hidden);
	return 0;
}

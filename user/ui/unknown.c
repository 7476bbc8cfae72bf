/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unknown.c - who sends packets of SPIs that the kernel does not have; nothing where nobody does */
#include "ui/view.h"

#include <inttypes.h>

#include "ui/format.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SHOWN 10

int view_unknown(FILE *out, json_t *document, const struct ui_options *options)
{
	static const struct ui_column columns[] = {{"UNKNOWN SPI FROM", false, 0},
						   {"PACKETS", true, 0},
						   {"ESTIMATED", true, 1},
						   {"FIRST", false, 2},
						   {"LAST", false, 1}};
	json_t *unknown = view_get(document, "unknown_spi"), *peers = view_get(unknown, "peers"), *peer;
	uint64_t rest = view_number(unknown, "others");
	char number[FORMAT_SIZE];
	struct ui_table t;
	size_t i;
	int err;

	if (!view_number(unknown, "packets"))
		return 0;
	fputc('\n', out);
	ui_table_begin(&t, columns, COUNT(columns));
	json_array_foreach(peers, i, peer) {
		if (options->width && i >= SHOWN) {
			rest += view_number(peer, "packets");
			continue;
		}
		ui_table_add(&t, UI_BOLD, view_string(peer, "peer"));
		format_count(view_number(peer, "packets"), number);
		ui_table_add(&t, UI_WARN, number);
		format_count(view_number(peer, "estimated"), number);
		ui_table_add(&t, UI_DIM, number);
		ui_table_add(&t, UI_DIM, view_string(peer, "first"));
		ui_table_add(&t, UI_DIM, view_string(peer, "last"));
	}
	if (rest) {
		ui_table_add(&t, UI_DIM, "others");
		format_count(rest, number);
		ui_table_add(&t, UI_WARN, number);
		for (i = 2; i < COUNT(columns); i++)
			ui_table_add(&t, UI_DIM, "-");
	}
	err = ui_table_print(out, &t, options);
	return err < 0 ? err : 0;
}

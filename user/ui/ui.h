/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui.h - tables for people, from the JSON document of output.md
 *
 * The document is the source, not struct state, so that `read` (which makes it) and `status` (which gets it from the
 * agent, perhaps of another version) show the same. Members that are missing print as "-". Text in it is not trusted:
 * it is escaped before it reaches a terminal.
 */
#ifndef ESPIAL_UI_UI_H
#define ESPIAL_UI_UI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <jansson.h>

#define UI_SUMMARY_TUNNELS 10 /* rows of the summary */

struct ui_options {
	unsigned int width; /* columns to fit into; 0: no terminal, thus no limit and no legends */
	bool color;
};

/* Is it a terminal, how wide (COLUMNS, else what it says), and may it be coloured (NO_COLOR, TERM=dumb)? */
void ui_options_detect(FILE *out, struct ui_options *ret);

/* The words that ui_print_state() takes as view, beside NULL: for cmd_unknown_word(). */
const char *const *ui_view_words(size_t *ret_count);

/* 0; -EINVAL: unknown view, or the document is not a state of schema 1; -EIO: could not write; -ENOMEM. */
int ui_print_state(FILE *out, json_t *document, const char *view, const struct ui_options *options);

#endif

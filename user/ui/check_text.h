/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check_text.h - `espial check` for people: a line per row, and under what lacks its consequence and remedy */
#ifndef ESPIAL_UI_CHECK_TEXT_H
#define ESPIAL_UI_CHECK_TEXT_H

#include "model/check.h"
#include "ui/ui.h"

void ui_print_check(FILE *out, const struct check_host *host, const struct check_rows *rows,
		    const struct ui_options *options);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check_json.h - `espial check --json` */
#ifndef ESPIAL_EXPORT_CHECK_JSON_H
#define ESPIAL_EXPORT_CHECK_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "model/check.h"

/* malloc'ed, ending in a newline when pretty; NULL: no memory. */
char *check_json(const struct check_host *host, const struct check_rows *rows, bool pretty,
		 size_t *ret_length);

#endif

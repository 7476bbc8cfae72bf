// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd_json.h"

#include <stdio.h>

#include "cmd.h"

json_t *cmd_json_number(unsigned int value)
{
	return value ? json_integer(value) : json_null();
}

int cmd_json_print(json_t *document)
{
	int err;

	if (!document)
		return cmd_cannot("out of memory");
	err = json_dumpf(document, stdout, JSON_INDENT(1) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(4));
	json_decref(document);
	putchar('\n');
	return err && !ferror(stdout) ? cmd_cannot("out of memory") : CMD_OK;
}

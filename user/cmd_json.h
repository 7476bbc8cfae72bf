/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmd_json.h - what commands that build their answer as a jansson document share */
#ifndef ESPIAL_CMD_JSON_H
#define ESPIAL_CMD_JSON_H

#include <jansson.h>

/*
 * Prints the document and frees it; NULL, or one that cannot be printed: out of memory. A failed write is not told here but once, by
 * cmd_close_output(). The exit status.
 */
int cmd_json_print(json_t *document);
/* null for 0: unknown. */
json_t *cmd_json_number(unsigned int value);

#endif

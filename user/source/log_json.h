/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log_json.h - a line of `journalctl -o json`: the fields that we want of a flat object, without a tree */
#ifndef ESPIAL_SOURCE_LOG_JSON_H
#define ESPIAL_SOURCE_LOG_JSON_H

#include "source/log_line.h"

/* Sets time, host, program, thread, message and what is shown. False: not such a line. */
bool log_json_parse(struct log_parser *parser, const char *line, const char *end, struct log_line *ret);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log_line.h - what stands in front of the message of a line: time, host, program, thread, connection
 *
 * Takes RFC 3164 and 5424, journalctl's short formats and json, charon's own files with and without time, IOS and ASA with and
 * without sequence numbers and behind a relay, VRP, and bare messages. Every line is something: what is not recognised is
 * message.
 */
#ifndef ESPIAL_SOURCE_LOG_LINE_H
#define ESPIAL_SOURCE_LOG_LINE_H

#include "model/log_timeline.h"
#include "source/log_time.h"

#define LOG_SCRATCH 8192

struct log_parser {
	struct log_clock clock;
	char scratch[LOG_SCRATCH]; /* text of the line that had to be unescaped */
};

/* Spans point into the line or into the parser, until the next call. */
void log_line_parse(struct log_parser *parser, const char *line, size_t length, struct log_line *ret);
/* The i-th program whose messages are known, as syslog names it; NULL: no more. */
const char *log_line_program(size_t i);

#endif

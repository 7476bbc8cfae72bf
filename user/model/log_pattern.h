/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log_pattern.h - one pattern of log_dialect.def, taken apart, and compared with a message */
#ifndef ESPIAL_MODEL_LOG_PATTERN_H
#define ESPIAL_MODEL_LOG_PATTERN_H

#include "model/log_match.h"

#define LOG_PATTERN_PARTS 16

enum log_capture {
	LOG_LITERAL,
	LOG_CAPTURE_PEER,
	LOG_CAPTURE_LOCAL,
	LOG_CAPTURE_PPORT,
	LOG_CAPTURE_LPORT,
	LOG_CAPTURE_CONN,
	LOG_CAPTURE_ID,
	LOG_CAPTURE_CHILD,
	LOG_CAPTURE_EXCH,
	LOG_CAPTURE_MID,
	LOG_CAPTURE_N,
	LOG_CAPTURE_SIZE,
	LOG_CAPTURE_SPI,
	LOG_CAPTURE_IFACE,
	LOG_CAPTURE_TEXT,
	LOG_CAPTURE_ANY,
};

struct log_pattern {
	struct log_part {
		enum log_capture capture;
		const char *literal; /* of LOG_LITERAL */
		size_t length;
	} parts[LOG_PATTERN_PARTS];
	size_t count;
	bool at_start;
	const char *
		anchor; /* the literal by which it is found: the first, or the longest when it stands at the start */
	size_t anchor_length;
};

/* `pattern` is ours and stays: a wrong one is the programmer's mistake. */
void log_pattern_compile(const char *pattern, struct log_pattern *ret);
/* Does the message match from `pos` on? *ret is complete but for the row. */
bool log_pattern_match(const struct log_pattern *p, const char *message, size_t length, size_t pos,
		       struct log_match *ret);
/* An address at `at`, IPv4 or IPv6, without what may follow: a port behind a colon, the stop of a sentence. Not validated. */
bool log_pattern_address(const char *at, const char *end, struct log_span *ret);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log.h - the agent's log: one line per event on stderr
 *
 * With syslog's priority in front when stderr is the journal (sd-daemon(3)), as it is when a terminal reads it, else with
 * the time. What is not printable is replaced: names of interfaces and files are anyone's.
 */
#ifndef ESPIAL_AGENT_LOG_H
#define ESPIAL_AGENT_LOG_H

#include <stdbool.h>

enum log_level { /* syslog's */
		 LOG_LEVEL_ERROR = 3,
		 LOG_LEVEL_WARNING = 4,
		 LOG_LEVEL_INFO = 6,
};

struct log {
	bool journal, terminal;
};

void log_init(struct log *ret);
void log_line(const struct log *log, enum log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif

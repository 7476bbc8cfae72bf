/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log_time.h - the time in front of a line of a log, in the formats of syslog, the journal, charon, IOS, ASA and VRP
 *
 * What a line leaves out is completed: the year by the newest that is not in the future of a reference (when the file was
 * written), the zone by the local one (TZ).
 */
#ifndef ESPIAL_SOURCE_LOG_TIME_H
#define ESPIAL_SOURCE_LOG_TIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct log_stamp {
	int year;  /* 0: not said */
	int month; /* 1 to 12; 0: only the time of day is said */
	int day, hour, minute, second;
	uint32_t ns;
	bool zoned;	 /* offset is known */
	int offset;	 /* seconds east of UTC */
	uint64_t since0; /* seconds since the epoch, when that is how it is written; 0: not */
};

struct log_clock {
	uint64_t reference_ns; /* since the epoch: nothing is newer, but for a day of clocks that are wrong */
	int year;	       /* instead of a guess; 0: guess */
	/* the hour that was asked for last, and when it began: mktime() is slow */
	int year_was, month_was, day_was, hour_was;
	uint64_t hour_ns;
	/* the day whose year was guessed last; 0: none */
	int guess_year, guess_month, guess_day;
};

/* Reads a time at *pos, up to `end`, and advances *pos behind it. False: there is none, *pos stays. */
bool log_stamp_parse(const char **pos, const char *end, struct log_stamp *ret);
/* Nanoseconds since the epoch; 0: no such date. Of a time of day alone: since midnight. */
uint64_t log_clock_resolve(struct log_clock *clock, const struct log_stamp *stamp);

#endif

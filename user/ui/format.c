/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ui/format.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SECOND 1000000000ULL

/* Three digits and a unit; what is rounded up to 1000 takes the next unit. */
static void scale(uint64_t value, const char *const *units, const char *separator,
		  char ret[static FORMAT_SIZE])
{
	double v = (double)value;

	while (v >= 999.5 && units[1]) {
		v /= 1000;
		units++;
	}
	snprintf(ret, FORMAT_SIZE, "%.*f%s%s", v < 9.995 ? 2 : v < 99.95 ? 1 : 0, v, separator, *units);
}

void format_count(uint64_t value, char ret[static FORMAT_SIZE])
{
	static const char *const units[] = {"", "k", "M", "G", "T", "P", "E", NULL};

	if (value < 100000)
		snprintf(ret, FORMAT_SIZE, "%" PRIu64, value);
	else
		scale(value, units, "", ret);
}

void format_bytes(uint64_t bytes, char ret[static FORMAT_SIZE])
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB", NULL};

	if (bytes < 1000)
		snprintf(ret, FORMAT_SIZE, "%" PRIu64 " B", bytes);
	else
		scale(bytes, units, " ", ret);
}

void format_percent(uint64_t part, uint64_t whole, char ret[static FORMAT_SIZE])
{
	double percent = whole ? 100.0 * (double)part / (double)whole : 0;

	if (!whole)
		snprintf(ret, FORMAT_SIZE, "-");
	else if (!part)
		snprintf(ret, FORMAT_SIZE, "0%%");
	else if (percent < 0.01)
		snprintf(ret, FORMAT_SIZE, "<0.01%%");
	else
		snprintf(ret, FORMAT_SIZE, "%.*f%%", percent < 9.995 ? 2 : 1, percent);
}

void format_duration(uint64_t ns, char ret[static FORMAT_SIZE])
{
	uint64_t s = ns / SECOND;

	if (s < 60)
		snprintf(ret, FORMAT_SIZE, "%.*f s", s < 10 ? 3 : 1, (double)ns / (double)SECOND);
	else if (s < 3600)
		snprintf(ret, FORMAT_SIZE, "%" PRIu64 " min %" PRIu64 " s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(ret, FORMAT_SIZE, "%" PRIu64 " h %" PRIu64 " min", s / 3600, s / 60 % 60);
	else
		snprintf(ret, FORMAT_SIZE, "%" PRIu64 " d %" PRIu64 " h", s / 86400, s / 3600 % 24);
}

uint64_t format_parse_time(const char *time)
{
	unsigned int fraction;
	struct tm tm = {0};
	time_t seconds;
	char end = 0;

	/* The widths keep every field inside its range of digits */
	if (sscanf(time, "%4d-%2d-%2dT%2d:%2d:%2d.%9u%c", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
		   &tm.tm_min, &tm.tm_sec, &fraction, &end) != 8 ||
	    end != 'Z' || tm.tm_year < 1970)
		return 0;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	seconds = timegm(&tm);
	return seconds < 0 ? 0 : (uint64_t)seconds * SECOND + fraction;
}

unsigned int format_columns(const char *utf8)
{
	unsigned int columns = 0;

	for (; *utf8; utf8++)
		columns += (*utf8 & 0xc0) != 0x80;
	return columns;
}

int format_fit(const char *utf8, unsigned int columns)
{
	int bytes = 0;

	while (utf8[bytes] && ((utf8[bytes] & 0xc0) == 0x80 || columns--))
		bytes++;
	return bytes;
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/log_time.h"

#include <string.h>

#define SECOND 1000000000ULL
#define DAY 86400

struct cursor {
	const char *at, *end;
};

static bool is_digit(const struct cursor *c)
{
	return c->at < c->end && *c->at >= '0' && *c->at <= '9';
}

static bool take_char(struct cursor *c, char wanted)
{
	if (c->at == c->end || *c->at != wanted)
		return false;
	c->at++;
	return true;
}

static void skip_blanks(struct cursor *c)
{
	while (c->at < c->end && *c->at == ' ')
		c->at++;
}

/* A number of so many digits */
static bool take_digits(struct cursor *c, unsigned int least, unsigned int most, int *ret)
{
	struct cursor from = *c;
	unsigned int count = 0;
	int value = 0;

	for (; count < most && is_digit(c); count++)
		value = value * 10 + (*c->at++ - '0');
	if (count < least || (most > 1 && is_digit(c))) {
		*c = from;
		return false;
	}
	*ret = value;
	return true;
}

/* Fraction of a second, any number of digits; VRP adds another dot and a number */
static void take_fraction(struct cursor *c, uint32_t *ret)
{
	uint32_t unit = 100000000, ns = 0;

	if (!(c->end - c->at > 1 && (*c->at == '.' || *c->at == ',') && c->at[1] >= '0' && c->at[1] <= '9'))
		return;
	for (c->at++; is_digit(c); c->at++, unit /= 10)
		ns += unit * (uint32_t)(*c->at - '0');
	*ret = ns;
	if (c->end - c->at > 1 && *c->at == '.' && c->at[1] >= '0' && c->at[1] <= '9')
		for (c->at++; is_digit(c); c->at++)
			;
}

static bool take_clock(struct cursor *c, struct log_stamp *s)
{
	struct cursor from = *c;

	if (take_digits(c, 1, 2, &s->hour) && take_char(c, ':') && take_digits(c, 2, 2, &s->minute) &&
	    take_char(c, ':') && take_digits(c, 2, 2, &s->second) && s->hour < 24 && s->minute < 60 &&
	    s->second <= 60) {
		take_fraction(c, &s->ns);
		return true;
	}
	*c = from;
	return false;
}

/* Z, +01:00, +0100 */
static void take_offset(struct cursor *c, struct log_stamp *s)
{
	struct cursor from = *c;
	int hours, minutes = 0, sign;

	if (take_char(c, 'Z')) {
		s->zoned = true;
		return;
	}
	if (c->at == c->end || (*c->at != '+' && *c->at != '-'))
		return;
	sign = *c->at++ == '-' ? -1 : 1;
	if (!take_digits(c, 2, 2, &hours)) {
		*c = from;
		if (c->end - c->at < 5)
			return;
		/* Four digits together */
		hours = (c->at[1] - '0') * 10 + c->at[2] - '0';
		minutes = (c->at[3] - '0') * 10 + c->at[4] - '0';
		for (int i = 1; i < 5; i++)
			if (c->at[i] < '0' || c->at[i] > '9')
				return;
		c->at += 5;
	} else if (take_char(c, ':') && !take_digits(c, 2, 2, &minutes)) {
		*c = from;
		return;
	}
	s->zoned = true;
	s->offset = sign * (hours * 3600 + minutes * 60);
}

/* " UTC" or another name of a zone, only in front of a colon or a blank: of names, only that of UTC is unambiguous */
static void take_zone_name(struct cursor *c, struct log_stamp *s, bool before_blank)
{
	const char *at = c->at;
	size_t length = 0;

	if (at == c->end || *at != ' ')
		return;
	for (at++; at + length < c->end && at[length] >= 'A' && at[length] <= 'Z'; length++)
		;
	if (length < 3 || length > 5 || at + length == c->end ||
	    !(at[length] == ':' || (before_blank && at[length] == ' ')))
		return;
	s->zoned = length == 3 && (memcmp(at, "UTC", 3) == 0 || memcmp(at, "GMT", 3) == 0);
	c->at = at + length;
}

static int month_of(const char *name)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int i = 0; i < 12; i++)
		if (memcmp(months + 3 * i, name, 3) == 0)
			return i + 1;
	return 0;
}

static bool is_weekday(const char *name)
{
	static const char days[] = "MonTueWedThuFriSatSun";

	for (int i = 0; i < 7; i++)
		if (memcmp(days + 3 * i, name, 3) == 0)
			return true;
	return false;
}

/* 2026-03-01T00:00:12.123456+01:00, with a blank for the T, with a comma for the dot */
static bool take_iso(struct cursor *c, struct log_stamp *s, bool named_zone)
{
	struct cursor from = *c;

	if (take_digits(c, 4, 4, &s->year) && take_char(c, '-') && take_digits(c, 2, 2, &s->month) &&
	    take_char(c, '-') && c->end - c->at > 3) {
		s->day = (c->at[0] - '0') * 10 + c->at[1] - '0';
		if (is_digit(c) && (c->at[2] == 'T' || c->at[2] == ' ')) {
			c->at += 3;
			if (take_clock(c, s)) {
				take_offset(c, s);
				if (!s->zoned)
					take_zone_name(c, s, named_zone);
				return true;
			}
		}
	}
	*c = from;
	return false;
}

/* Mar  1 00:00:12, Mar 01 2026 00:00:12.345+08:00, *Mar  1 00:00:12.345 UTC: */
static bool take_syslog(struct cursor *c, struct log_stamp *s)
{
	struct cursor from = *c, year;

	if (c->end - c->at < 14)
		return false;
	s->month = month_of(c->at);
	if (!s->month)
		return false;
	c->at += 3;
	skip_blanks(c);
	if (take_digits(c, 1, 2, &s->day) && take_char(c, ' ')) {
		skip_blanks(c);
		year = *c;
		if (!take_digits(c, 4, 4, &s->year) || !take_char(c, ' ')) {
			*c = year;
			s->year = 0;
		}
		if (take_clock(c, s)) {
			take_offset(c, s);
			if (!s->zoned)
				take_zone_name(c, s, false);
			return true;
		}
	}
	*c = from;
	return false;
}

/* journalctl -o short-unix: 1700000000.123456 */
static bool take_epoch(struct cursor *c, struct log_stamp *s)
{
	uint64_t seconds = 0;
	const char *at = c->at;

	if (c->end - at < 12 || at[10] != '.')
		return false;
	for (int i = 0; i < 10; i++) {
		if (at[i] < '0' || at[i] > '9')
			return false;
		seconds = seconds * 10 + (uint64_t)(at[i] - '0');
	}
	c->at += 10;
	take_fraction(c, &s->ns);
	s->since0 = seconds;
	return true;
}

bool log_stamp_parse(const char **pos, const char *end, struct log_stamp *ret)
{
	struct cursor c = {*pos, end};
	struct log_stamp s = {0};
	bool weekday = false;

	/* IOS: a clock that was never set, or lost its source */
	if (c.end - c.at > 1 && (*c.at == '*' || *c.at == '.'))
		c.at++;
	if (c.end - c.at > 4 && c.at[3] == ' ' && is_weekday(c.at)) {
		c.at += 4;
		weekday = true;
	}
	if (take_iso(&c, &s, weekday) || take_syslog(&c, &s) || take_epoch(&c, &s)) {
		*pos = c.at;
		*ret = s;
		return true;
	}
	s = (struct log_stamp){0};
	if (!weekday && take_clock(&c, &s)) {
		s.month = 0;
		*pos = c.at;
		*ret = s;
		return true;
	}
	return false;
}

/* Days from 1970-01-01 to a date of the Gregorian calendar. The year begins in March, so that leap days end it. */
static int64_t days_to(int year, int month, int day)
{
	int64_t y = month > 2 ? year : year - 1, era = y / 400, of_era = y - era * 400;
	int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* Where the hour of a date of the local zone began; 0: before the epoch */
static uint64_t local_hour(struct log_clock *clock, int year, const struct log_stamp *s)
{
	struct tm tm = {
		.tm_year = year - 1900,
		.tm_mon = s->month - 1,
		.tm_mday = s->day,
		.tm_hour = s->hour,
		.tm_isdst = -1,
	};
	time_t at;

	if (clock->hour_ns && clock->year_was == year && clock->month_was == s->month &&
	    clock->day_was == s->day && clock->hour_was == s->hour)
		return clock->hour_ns;
	at = mktime(&tm);
	if (at <= 0)
		return 0;
	clock->year_was = year;
	clock->month_was = s->month;
	clock->day_was = s->day;
	clock->hour_was = s->hour;
	clock->hour_ns = (uint64_t)at * SECOND;
	return clock->hour_ns;
}

static uint64_t in_year(struct log_clock *clock, int year, const struct log_stamp *s)
{
	uint64_t rest = (uint64_t)(s->minute * 60 + s->second) * SECOND + s->ns, hour;
	int64_t seconds;

	if (year < 1970 || s->month > 12 || s->day < 1 || s->day > 31)
		return 0;
	if (s->zoned) {
		seconds = days_to(year, s->month, s->day) * DAY + s->hour * 3600 - s->offset;
		return seconds > 0 ? (uint64_t)seconds * SECOND + rest : 0;
	}
	hour = local_hour(clock, year, s);
	return hour ? hour + rest : 0;
}

uint64_t log_clock_resolve(struct log_clock *clock, const struct log_stamp *s)
{
	time_t reference = (time_t)(clock->reference_ns / SECOND);
	struct tm now;
	uint64_t at;
	int year;

	if (s->since0)
		return s->since0 * SECOND + s->ns;
	if (!s->month)
		return (uint64_t)(s->hour * 3600 + s->minute * 60 + s->second) * SECOND + s->ns;
	if (s->year)
		return in_year(clock, s->year, s);
	if (clock->year)
		return in_year(clock, clock->year, s);
	/* A day that begins within the day of grace ends outside of it: kept together */
	if (clock->guess_year && clock->guess_month == s->month && clock->guess_day == s->day)
		return in_year(clock, clock->guess_year, s);
	if (!localtime_r(&reference, &now))
		return 0;
	year = now.tm_year + 1900;
	at = in_year(clock, year, s);
	/* A day of grace: of clocks that are ahead */
	if (at > clock->reference_ns + DAY * SECOND)
		at = in_year(clock, --year, s);
	clock->guess_year = year;
	clock->guess_month = s->month;
	clock->guess_day = s->day;
	return at;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* when.c - times and durations as people type them */
#include "when.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SECOND 1000000000ull
#define DAY (86400 * SECOND)

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static const char *skip_space(const char *p)
{
	return p + strspn(p, " \t");
}

/* The word at *p, in any case? Then it is passed. */
static bool take_word(const char **p, const char *word)
{
	size_t length = strlen(word);

	if (strncasecmp(*p, word, length) != 0 || is_letter((*p)[length]))
		return false;
	*p = skip_space(*p + length);
	return true;
}

/* Exactly `digits` of them, or, when `fewer`, at least one. */
static bool take_number(const char **p, unsigned int digits, bool fewer, int *ret)
{
	unsigned int i;
	int n = 0;

	for (i = 0; i < digits && is_digit((*p)[i]); i++)
		n = 10 * n + ((*p)[i] - '0');
	if (!i || (i < digits && !fewer) || is_digit((*p)[i]))
		return false;
	*p += i;
	*ret = n;
	return true;
}

/* ".5" behind a second, as nanoseconds; what is finer is cut. */
static bool take_fraction(const char **p, uint64_t *ret_ns)
{
	uint64_t ns = 0, unit = SECOND / 10;

	*ret_ns = 0;
	if (**p != '.' && **p != ',')
		return true;
	if (!is_digit(*++*p))
		return false;
	for (; is_digit(**p); ++*p, unit /= 10)
		ns += unit * (uint64_t)(**p - '0');
	*ret_ns = ns;
	return true;
}

/* "@1781735477.5" behind the @, or the number of a duration. */
static int take_seconds(const char **p, uint64_t unit_ns, uint64_t *ret_ns)
{
	uint64_t n = 0, fraction;

	if (!is_digit(**p))
		return -EINVAL;
	for (; is_digit(**p); ++*p)
		if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, (uint64_t)(**p - '0'), &n))
			return -ERANGE;
	if (!take_fraction(p, &fraction))
		return -EINVAL;
	if (__builtin_mul_overflow(n, unit_ns, &n) || __builtin_add_overflow(n, fraction, &n))
		return -ERANGE;
	*ret_ns = n;
	return 0;
}

/* ---- durations */

static const struct {
	const char *name;
	uint64_t ns;
} units[] = {
	{"ms", SECOND / 1000},
	{"msec", SECOND / 1000},
	{"s", SECOND},
	{"sec", SECOND},
	{"secs", SECOND},
	{"second", SECOND},
	{"seconds", SECOND},
	{"m", 60 * SECOND},
	{"min", 60 * SECOND},
	{"mins", 60 * SECOND},
	{"minute", 60 * SECOND},
	{"minutes", 60 * SECOND},
	{"h", 3600 * SECOND},
	{"hr", 3600 * SECOND},
	{"hrs", 3600 * SECOND},
	{"hour", 3600 * SECOND},
	{"hours", 3600 * SECOND},
	{"d", DAY},
	{"day", DAY},
	{"days", DAY},
	{"w", 7 * DAY},
	{"week", 7 * DAY},
	{"weeks", 7 * DAY},
};

static int take_duration(const char **p, uint64_t *ret_ns)
{
	uint64_t sum = 0, count, ns;
	int err = -EINVAL;
	size_t i;

	while (is_digit(**p)) {
		err = take_seconds(p, SECOND, &count); /* "1.5": in billionths, whatever the unit */
		if (err)
			return err;
		*p = skip_space(*p);
		for (i = 0; i < COUNT(units) && !take_word(p, units[i].name); i++)
			;
		if (i == COUNT(units))
			return -EINVAL;
		if (__builtin_mul_overflow(count / SECOND, units[i].ns, &ns) ||
		    __builtin_add_overflow(sum, ns, &sum) ||
		    __builtin_add_overflow(
			    sum, (uint64_t)((double)(count % SECOND) / SECOND * (double)units[i].ns), &sum))
			return -ERANGE;
	}
	if (!err)
		*ret_ns = sum;
	return err;
}

int when_duration(const char *text, uint64_t *ret_ns)
{
	const char *p = skip_space(text);
	uint64_t ns = 0;
	int err = take_duration(&p, &ns);

	if (!err && *p)
		err = -EINVAL;
	if (!err)
		*ret_ns = ns;
	return err;
}

/* ---- dates */

struct moment {
	struct tm tm; /* the date, and the time of day */
	uint64_t ns;  /* below a second */
	bool zoned;
	int offset; /* seconds east of UTC; valid when zoned */
};

/* "00:31", "00:31:17", "00:31:17.123" */
static bool take_clock(const char **p, struct moment *m)
{
	struct tm *tm = &m->tm;

	tm->tm_sec = 0;
	if (!take_number(p, 2, true, &tm->tm_hour) || **p != ':')
		return false;
	++*p;
	if (!take_number(p, 2, false, &tm->tm_min))
		return false;
	if (**p == ':') {
		++*p;
		if (!take_number(p, 2, false, &tm->tm_sec) || !take_fraction(p, &m->ns))
			return false;
	}
	return tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec < 60;
}

static bool take_zone(const char **p, struct moment *m)
{
	int hours, minutes = 0, sign;

	*p = skip_space(*p);
	if (!**p)
		return true;
	m->zoned = true;
	if (take_word(p, "Z") || take_word(p, "UTC") || take_word(p, "GMT"))
		return true;
	sign = **p == '-' ? -1 : 1;
	if (**p != '+' && **p != '-')
		return false;
	++*p;
	if (is_digit((*p)[0]) && is_digit((*p)[1]) && is_digit((*p)[2])) { /* +0200 */
		if (!take_number(p, 4, false, &hours))
			return false;
		minutes = hours % 100;
		hours /= 100;
	} else {
		if (!take_number(p, 2, false, &hours))
			return false;
		if (**p == ':') {
			++*p;
			if (!take_number(p, 2, false, &minutes))
				return false;
		}
	}
	m->offset = sign * (hours * 3600 + minutes * 60);
	*p = skip_space(*p);
	return hours < 24 && minutes < 60;
}

static bool take_date(const char **p, struct moment *m)
{
	struct tm *tm = &m->tm;

	if (!take_number(p, 4, false, &tm->tm_year) || *(*p)++ != '-')
		return false;
	if (!take_number(p, 2, false, &tm->tm_mon) || *(*p)++ != '-')
		return false;
	if (!take_number(p, 2, false, &tm->tm_mday))
		return false;
	tm->tm_year -= 1900;
	tm->tm_mon--;
	return true;
}

/* An hour that summer time leaves out becomes the one after it, as mktime() does it; a day that does not exist is refused. */
static int finish(const struct moment *m, uint64_t *ret_ns)
{
	struct tm tm = m->tm;
	time_t seconds;

	tm.tm_isdst = -1;
	seconds = m->zoned ? timegm(&tm) : mktime(&tm);
	if (tm.tm_mday != m->tm.tm_mday || tm.tm_mon != m->tm.tm_mon)
		return -EINVAL;
	seconds -= m->zoned ? m->offset : 0;
	if (seconds < 0 || (uint64_t)seconds > (UINT64_MAX - SECOND) / SECOND)
		return -ERANGE;
	*ret_ns = (uint64_t)seconds * SECOND + m->ns;
	return 0;
}

/* 0 o'clock of the day that is `days` after today. */
static int day(uint64_t now_ns, int days, struct moment *m)
{
	time_t now = (time_t)(now_ns / SECOND);
	struct tm tm;

	if (!localtime_r(&now, &tm))
		return -ERANGE;
	tm.tm_hour = 12; /* from noon to noon, so that no change of summer time skips a day */
	tm.tm_min = tm.tm_sec = 0;
	tm.tm_mday += days;
	tm.tm_isdst = -1;
	if (mktime(&tm) == (time_t)-1)
		return -ERANGE;
	m->tm = tm;
	m->tm.tm_hour = 0;
	return 0;
}

static int parse_ago(const char *p, uint64_t now_ns, uint64_t *ret_ns)
{
	bool minus = *p == '-';
	uint64_t ns;
	int err;

	p += minus;
	err = take_duration(&p, &ns);
	if (err)
		return err;
	if (!minus)
		take_word(&p, "ago");
	if (*p)
		return -EINVAL;
	if (ns > now_ns)
		return -ERANGE;
	*ret_ns = now_ns - ns;
	return 0;
}

/* A time of day alone: a journal is about what was, so at 00:10 "23:50" is of the day before. */
static int parse_clock(const char *p, uint64_t now_ns, uint64_t *ret_ns)
{
	struct moment m = {.zoned = false}, clock = {.zoned = false};
	uint64_t ns = 0;
	int err = -EINVAL;

	if (!take_clock(&p, &clock) || *skip_space(p))
		return -EINVAL;
	for (int days = 0; days >= -1; days--) {
		err = day(now_ns, days, &m);
		if (err)
			return err;
		m.tm.tm_hour = clock.tm.tm_hour;
		m.tm.tm_min = clock.tm.tm_min;
		m.tm.tm_sec = clock.tm.tm_sec;
		m.ns = clock.ns;
		err = finish(&m, &ns);
		if (err || ns <= now_ns)
			break;
	}
	if (!err)
		*ret_ns = ns;
	return err;
}

static int parse_day(const char *p, uint64_t now_ns, uint64_t *ret_ns)
{
	static const struct {
		const char *name;
		int days;
	} days[] = {{"today", 0}, {"yesterday", -1}, {"tomorrow", 1}};
	struct moment m = {.zoned = false};
	size_t i;
	int err;

	for (i = 0; i < COUNT(days) && !take_word(&p, days[i].name); i++)
		;
	if (i == COUNT(days))
		return -EINVAL;
	err = day(now_ns, days[i].days, &m);
	if (err)
		return err;
	if (*p && (!take_clock(&p, &m) || *skip_space(p)))
		return -EINVAL;
	return finish(&m, ret_ns);
}

static int parse_date(const char *p, uint64_t *ret_ns)
{
	struct moment m = {.zoned = false};

	if (!take_date(&p, &m))
		return -EINVAL;
	if (*p == 'T' || *p == 't' || *p == ' ' || *p == '_')
		p = skip_space(p + 1);
	else if (*p)
		return -EINVAL;
	if (*p && (!take_clock(&p, &m) || !take_zone(&p, &m) || *p))
		return -EINVAL;
	return finish(&m, ret_ns);
}

static int parse_unix(const char *p, uint64_t *ret_ns)
{
	uint64_t ns;
	int err = take_seconds(&p, SECOND, &ns);

	if (!err && *p)
		err = -EINVAL;
	if (!err)
		*ret_ns = ns;
	return err;
}

int when_parse(const char *text, uint64_t now_ns, uint64_t *ret_ns)
{
	const char *p = skip_space(text);
	size_t digits = strspn(p, "0123456789");

	if (*p == '@')
		return parse_unix(p + 1, ret_ns);
	if (take_word(&p, "now")) {
		if (*p)
			return -EINVAL;
		*ret_ns = now_ns;
		return 0;
	}
	if (digits == 4 && p[4] == '-')
		return parse_date(p, ret_ns);
	if (digits && p[digits] == ':')
		return parse_clock(p, now_ns, ret_ns);
	if (digits || *p == '-')
		return parse_ago(p, now_ns, ret_ns);
	return parse_day(p, now_ns, ret_ns);
}

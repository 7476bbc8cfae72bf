// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/log_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "source/log_line.h"

#define SECOND 1000000000ULL
#define DAY_NS (86400 * SECOND)
#define GRACE_NS (60 * SECOND) /* a file may be written to before its time changes, and clocks differ */

/* Lines that say only the time of day, while their file is read */
struct daytime {
	size_t first;  /* event */
	uint64_t days; /* midnights that were passed */
	uint64_t last_ns;
	bool any;
};

struct log_reader {
	struct log_timeline *t;
	struct log_parser parser;
	char *path;
	struct log_span host;
	struct daytime daytime;
	uint64_t oldest_ns;
	bool live; /* parser.clock.reference_ns is the present */
};

/* charon.log, charon.log.1, charon.log.2.gz, charon.log-20260301: one and the same */
static struct log_span host_of(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *end = name + strlen(name);
	const char *dot;

	if (strcmp(path, "-") == 0)
		return (struct log_span){0};
	if (end - name > 3 && strcmp(end - 3, ".gz") == 0)
		end -= 3;
	for (dot = end; dot > name && dot[-1] >= '0' && dot[-1] <= '9'; dot--)
		;
	if (dot > name + 1 && dot < end && (dot[-1] == '.' || dot[-1] == '-'))
		end = dot - 1;
	if (end - name > 4 && memcmp(end - 4, ".log", 4) == 0)
		end -= 4;
	return (struct log_span){name, (size_t)(end - name)};
}

int log_reader_open(struct log_timeline *t, const struct log_reader_options *options, struct log_reader **ret)
{
	struct log_reader *r = calloc(1, sizeof(*r));

	if (r)
		r->path = strdup(options->path);
	if (!r || !r->path) {
		free(r);
		return -ENOMEM;
	}
	r->t = t;
	r->host = host_of(r->path);
	r->oldest_ns = options->oldest_ns;
	r->parser.clock.reference_ns = options->reference_ns;
	r->parser.clock.year = options->year;
	r->daytime.first = t->count;
	log_timeline_begin_file(t);
	*ret = r;
	return 0;
}

/*
 * A time of day becomes a moment in two steps: here it is counted from the midnight before the file began, at its end all are
 * shifted. A clock that goes back by half a day passed midnight; by less, the line is late.
 */
static void count_days(struct daytime *d, struct log_line *line)
{
	if (!d->any)
		d->days = 1;
	else if (line->clock_ns + DAY_NS / 2 < d->last_ns)
		d->days++;
	d->any = true;
	d->last_ns = line->clock_ns;
	line->at_ns = d->days * DAY_NS + line->clock_ns;
}

/* The midnight before the last time of day that was not later than the reference; 0: no such. */
static uint64_t midnight_of(uint64_t reference_ns, uint64_t clock_ns)
{
	time_t reference = (time_t)(reference_ns / SECOND);
	uint64_t midnight, clock;
	struct tm tm;

	if (!localtime_r(&reference, &tm))
		return 0;
	clock = (uint64_t)(tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec) * SECOND;
	midnight = reference_ns - clock - reference_ns % SECOND;
	return clock_ns > clock + GRACE_NS ? midnight - DAY_NS : midnight;
}

void log_reader_line(struct log_reader *r, const char *text, size_t length)
{
	struct log_line line;

	log_line_parse(&r->parser, text, length < LOG_LINE_MAX ? length : LOG_LINE_MAX, &line);
	if (r->live && line.has_clock)
		line.at_ns = midnight_of(r->parser.clock.reference_ns, line.clock_ns) + line.clock_ns;
	else if (line.has_clock)
		count_days(&r->daytime, &line);
	else if (r->live && !line.at_ns)
		line.at_ns = r->parser.clock.reference_ns;
	if (line.at_ns && line.at_ns < r->oldest_ns && !line.has_clock)
		return;
	log_timeline_add(r->t, &line, r->host);
}

/* The last line was written on the day of the reference, or on the one before */
static void settle(struct log_reader *r)
{
	const struct daytime *d = &r->daytime;
	uint64_t midnight;

	if (!d->any || r->live)
		return;
	midnight = midnight_of(r->parser.clock.reference_ns, d->last_ns);
	if (midnight / DAY_NS <= d->days)
		return;
	for (size_t i = d->first; i < r->t->count; i++) {
		struct log_event *e = &r->t->events[i];

		e->order_ns += e->order_ns ? midnight - d->days * DAY_NS : 0;
		e->at_ns += e->at_ns ? midnight - d->days * DAY_NS : 0;
	}
}

void log_reader_now(struct log_reader *r, uint64_t now_ns)
{
	settle(r);
	r->live = true;
	r->parser.clock.reference_ns = now_ns;
}

void log_reader_close(struct log_reader *r)
{
	if (!r)
		return;
	settle(r);
	free(r->path);
	free(r);
}

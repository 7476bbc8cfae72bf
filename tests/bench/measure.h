/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * measure.h - series of measurements, what is told of them, and rows of the table
 *
 * A program prints its rows as text, and appends them as JSON lines to the file that $BENCH_ROWS names, from which
 * bench_report makes the whole table. Quantities of one row were measured in one run, interleaved.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stddef.h>
#include <stdint.h>

#define MEASURE_MAX 64

struct series {
	double v[MEASURE_MAX];
	size_t n;
};

void series_add(struct series *s, double value); /* beyond MEASURE_MAX: ignored */
double series_median(const struct series *s);
/* Mean of the middle half. */
double series_iqm(const struct series *s);
double series_min(const struct series *s);
double series_max(const struct series *s);

enum row_better {
	ROW_NONE,
	ROW_LESS,
	ROW_MORE,
};

struct row {
	const char *group, *name, *unit;
	double value, min, max; /* in `unit` */
	size_t rounds;
	double ratio;	  /* what the budget is about; NAN: none */
	const char *of;	  /* what the ratio is to */
	double must, aim; /* NAN: none */
	enum row_better better;
	const char *note; /* or NULL */
};

/* Row without ratio and budget, of a series. */
struct row row_of(const char *group, const char *name, const char *unit, const struct series *s);
void row_head(const char *title);
void row_put(const struct row *row);

/* "OK", "must" (misses the aim only), "OVER" (misses what it must), "" without a budget. */
const char *row_verdict(const struct row *row);

double now_ns(void); /* CLOCK_MONOTONIC */

/* What a command took. */
struct cost {
	double elapsed_s, processor_s, rss_mib;
};

/* Runs it to its end, its output thrown away: 0, -EIO when it failed, another -errno when it could not be run at all. */
int cost_of(char *const *argv, struct cost *ret);

int pin_to(unsigned cpu); /* 0 or -errno */

#endif

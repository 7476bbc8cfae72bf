// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/measure.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

void series_add(struct series *s, double value)
{
	if (s->n < MEASURE_MAX)
		s->v[s->n++] = value;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static struct series sorted(const struct series *s)
{
	struct series ret = *s;

	qsort(ret.v, ret.n, sizeof(ret.v[0]), compare);
	return ret;
}

double series_median(const struct series *s)
{
	struct series t = sorted(s);

	if (!t.n)
		return NAN;
	return t.n % 2 ? t.v[t.n / 2] : (t.v[t.n / 2 - 1] + t.v[t.n / 2]) / 2;
}

double series_iqm(const struct series *s)
{
	struct series t = sorted(s);
	size_t from = t.n / 4, to = t.n - t.n / 4;
	double sum = 0;

	if (!t.n)
		return NAN;
	for (size_t i = from; i < to; i++)
		sum += t.v[i];
	return sum / (double)(to - from);
}

double series_min(const struct series *s)
{
	return s->n ? sorted(s).v[0] : NAN;
}

double series_max(const struct series *s)
{
	return s->n ? sorted(s).v[s->n - 1] : NAN;
}

struct row row_of(const char *group, const char *name, const char *unit, const struct series *s)
{
	return (struct row){
		.group = group,
		.name = name,
		.unit = unit,
		.value = series_iqm(s),
		.min = series_min(s),
		.max = series_max(s),
		.rounds = s->n,
		.ratio = NAN,
		.must = NAN,
		.aim = NAN,
	};
}

const char *row_verdict(const struct row *row)
{
	double sign = row->better == ROW_MORE ? -1 : 1;

	if (row->better == ROW_NONE || isnan(row->ratio) || isnan(row->must))
		return "";
	if (sign * row->ratio > sign * row->must)
		return "OVER";
	return isnan(row->aim) || sign * row->ratio <= sign * row->aim ? "OK" : "must";
}

void row_head(const char *title)
{
	printf("\n%-44s %9s %9s %9s %8s %-12s %6s %6s %s\n", title, "mid", "min", "max", "ratio", "of",
	       "must", "aim", "");
	fflush(stdout);
}

static const char *number(char *buffer, size_t size, double value, int digits)
{
	if (isnan(value))
		snprintf(buffer, size, "-");
	else
		snprintf(buffer, size, "%.*f", digits, value);
	return buffer;
}

static json_t *real_or_null(double value)
{
	return isnan(value) ? json_null() : json_real(value);
}

static void append_json(const struct row *r)
{
	const char *path = getenv("BENCH_ROWS"), *better = r->better == ROW_MORE ? "more" : "less";
	FILE *file = path ? fopen(path, "a") : NULL;
	json_t *json;

	if (!file)
		return;
	json = json_pack("{s:s, s:s, s:s, s:f, s:f, s:f, s:I, s:o, s:s, s:o, s:o, s:s, s:s, s:s}", "group",
			 r->group, "name", r->name, "unit", r->unit, "value", r->value, "min", r->min, "max",
			 r->max, "rounds", (json_int_t)r->rounds, "ratio", real_or_null(r->ratio), "of",
			 r->of ? r->of : "", "must", real_or_null(r->must), "aim", real_or_null(r->aim),
			 "better", r->better == ROW_NONE ? "" : better, "verdict", row_verdict(r), "note",
			 r->note ? r->note : "");
	if (json) {
		json_dumpf(json, file, JSON_COMPACT | JSON_REAL_PRECISION(6));
		fputc('\n', file);
		json_decref(json);
	}
	fclose(file);
}

void row_put(const struct row *r)
{
	char name[128], ratio[32], must[32], aim[32];

	snprintf(name, sizeof(name), "%s, %s", r->name, r->unit);
	printf("%-44s %9.5g %9.5g %9.5g %8s %-12s %6s %6s %s%s%s\n", name, r->value, r->min, r->max,
	       number(ratio, sizeof(ratio), r->ratio, 2), r->of ? r->of : "",
	       number(must, sizeof(must), r->must, 2), number(aim, sizeof(aim), r->aim, 2), row_verdict(r),
	       r->note ? "  " : "", r->note ? r->note : "");
	fflush(stdout);
	append_json(r);
}

double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

int pin_to(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : 0;
}

int cost_of(char *const *argv, struct cost *ret)
{
	double begin = now_ns();
	struct rusage usage;
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid) {
		int null = open("/dev/null", O_WRONLY);

		if (null >= 0) {
			dup2(null, 1);
			dup2(null, 2);
		}
		execvp(argv[0], argv);
		_exit(127);
	}
	if (wait4(pid, &status, 0, &usage) < 0)
		return -errno;
	ret->elapsed_s = (now_ns() - begin) / 1e9;
	ret->processor_s = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
			   (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
	ret->rss_mib = (double)usage.ru_maxrss / 1024;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

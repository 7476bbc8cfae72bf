// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmd_explain_follow.c - espial explain --follow: logs that grow
 *
 * What a line means depends on all before it, and lines may come late, so that the files are read anew when one has changed: a
 * million lines take about a second. They are looked at by stat(), which works for files that are rotated, and on any file system.
 */
#include "cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "cmd_explain.h"
#include "diagnose/catalogue.h"
#include "ui/finding_text.h"

#define SECOND 1000000000ULL
#define LOOK_NS (SECOND / 4)
#define SHARE 4 /* reading takes at most one part in so many of the time */

/* What was told of a finding; what differs is told again */
struct told {
	char **keys;
	size_t count, room;
};

static uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

static void wait_ns(uint64_t ns)
{
	const struct timespec time = {(time_t)(ns / SECOND), (long)(ns % SECOND)};

	nanosleep(&time, NULL);
}

static char *key_of(const struct finding *f)
{
	char *key = NULL;

	if (asprintf(&key, "%s %s %s %s %llu %llu %s", catalogue_row(f->id)->id, f->peer ? f->peer : "",
		     f->tunnel ? f->tunnel : "", finding_severity_name(f->severity),
		     (unsigned long long)f->since_ns, (unsigned long long)f->until_ns, f->meaning) < 0)
		return NULL;
	return key;
}

/* Is it new? Then it is told. -1: no memory. */
static int is_new(struct told *told, const struct finding *f)
{
	char *key = key_of(f), **more;

	if (!key)
		return -1;
	for (size_t i = 0; i < told->count; i++)
		if (strcmp(told->keys[i], key) == 0) {
			free(key);
			return 0;
		}
	if (told->count == told->room) {
		more = realloc(told->keys, (told->room + 64) * sizeof(*more));
		if (!more) {
			free(key);
			return -1;
		}
		told->keys = more;
		told->room += 64;
	}
	told->keys[told->count++] = key;
	return 1;
}

static int tell(struct findings *findings, struct told *told, bool brief)
{
	const struct finding_text_options text = {.local_time = true, .brief = brief};
	struct ui_options options;

	ui_options_detect(stdout, &options);
	for (size_t i = 0; i < findings->count; i++) {
		const struct findings one = {.list = &findings->list[i], .count = 1};
		int fresh = is_new(told, findings->list[i]);

		if (fresh < 0)
			return cmd_cannot("out of memory");
		if (!fresh)
			continue;
		ui_print_findings(stdout, &one, &text, &options);
		if (!brief)
			putchar('\n');
	}
	if (fflush(stdout) || ferror(stdout))
		return cmd_close_output() == CMD_OK ? CMD_USAGE : CMD_CANNOT;
	return CMD_OK;
}

/* Size, time and identity of all files, as one number; those that are away for a moment count as such */
static uint64_t look(const struct explain_options *o)
{
	uint64_t sum = 14695981039346656037ULL;

	for (int i = 0; i < o->file_count; i++) {
		struct stat st = {0};
		uint64_t parts[4] = {0};

		if (stat(o->files[i], &st) == 0) {
			parts[0] = (uint64_t)st.st_size;
			parts[1] = (uint64_t)st.st_ino;
			parts[2] = (uint64_t)st.st_mtim.tv_sec;
			parts[3] = (uint64_t)st.st_mtim.tv_nsec;
		}
		for (size_t k = 0; k < 4; k++)
			sum = (sum ^ parts[k]) * 1099511628211ULL;
	}
	return sum;
}

static int once(const struct explain_options *o, const struct log_diagnose_options *limits, struct told *told,
		bool first)
{
	struct findings findings = {0};
	struct log_timeline t;
	int status = CMD_OK, failed;

	if (log_timeline_init(&t, NULL))
		return cmd_cannot("out of memory");
	failed = explain_read(&t, o);
	/* A file that is missing at the beginning is a mistake; later it is being rotated */
	if (failed && first)
		status = CMD_CANNOT;
	else if (log_timeline_finish(&t) || log_diagnose(&t, limits, &findings))
		status = cmd_cannot("out of memory");
	else
		status = tell(&findings, told, o->brief);
	findings_free(&findings);
	log_timeline_destroy(&t);
	return status;
}

int explain_follow(const struct explain_options *o, const struct log_diagnose_options *limits)
{
	struct told told = {0};
	uint64_t seen = 0;
	int status = CMD_OK;

	for (bool first = true; status == CMD_OK; first = false) {
		uint64_t now = look(o), began = monotonic_ns(), took;

		if (!first && now == seen) {
			wait_ns(LOOK_NS);
			continue;
		}
		seen = now;
		status = once(o, limits, &told, first);
		took = monotonic_ns() - began;
		wait_ns(took * (SHARE - 1) > LOOK_NS ? took * (SHARE - 1) : LOOK_NS);
	}
	for (size_t i = 0; i < told.count; i++)
		free(told.keys[i]);
	free(told.keys);
	/* Whoever read it went away: no failure */
	return status == CMD_USAGE ? CMD_OK : status;
}

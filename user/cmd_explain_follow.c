// SPDX-License-Identifier: GPL-2.0-or-later
/* cmd_explain_follow.c - espial explain --follow: logs that grow, and what is new in them */
#include "cmd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd_explain.h"
#include "diagnose/catalogue.h"
#include "source/log_follow.h"
#include "ui/finding_text.h"

#define SECOND 1000000000ULL
#define LOOK_MS 250
#define SHARE 4 /* looking takes at most one part in so many of the time */
/* Kept: what came before is forgotten, so that it can run for months */
#define MOST_EVENTS 500000
#define MOST_BYTES (256U << 20)

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

static void on_trouble(void *arg, const char *line)
{
	(void)arg;
	explain_complain(line);
}

/* A file that is missing at the beginning is a mistake; later it is being rotated */
static int all_there(const struct explain_options *o)
{
	char line[LOG_LOAD_ERROR];

	for (int i = 0; i < o->file_count; i++) {
		if (access(o->files[i], R_OK) == 0)
			continue;
		snprintf(line, sizeof(line), "%s: %s", o->files[i], strerror(errno));
		explain_complain(line);
		return CMD_CANNOT;
	}
	return CMD_OK;
}

static int look(const struct log_follow *f, const struct log_diagnose_options *limits, struct told *told,
		bool brief)
{
	struct findings findings = {0};
	struct log_timeline view;
	int status;

	if (log_follow_view(f, &view))
		return cmd_cannot("out of memory");
	if (log_diagnose(&view, limits, &findings))
		status = cmd_cannot("out of memory");
	else
		status = tell(&findings, told, brief);
	findings_free(&findings);
	log_timeline_destroy(&view);
	return status;
}

int explain_follow(const struct explain_options *o, const struct log_diagnose_options *limits)
{
	const struct log_follow_options options = {.files = (const char *const *)o->files,
						   .file_count = (size_t)o->file_count,
						   .units = o->units,
						   .unit_count = o->unit_count,
						   .oldest_ns = explain_journal_since(limits),
						   .most_events = MOST_EVENTS,
						   .most_bytes = MOST_BYTES,
						   .year = o->year,
						   .tell = on_trouble};
	uint64_t rest_until = 0;
	struct told told = {0};
	struct log_follow *f;
	bool news = true;
	int status = all_there(o);

	if (status == CMD_OK && log_follow_open(&options, explain_now_ns(), &f) != 0)
		status = cmd_cannot("out of memory");
	if (status != CMD_OK)
		return status;
	while (status == CMD_OK) {
		news |= log_follow_read(f, explain_now_ns());
		if (news && monotonic_ns() >= rest_until) {
			uint64_t began = monotonic_ns();

			status = look(f, limits, &told, o->brief);
			rest_until = monotonic_ns() + (monotonic_ns() - began) * (SHARE - 1);
			news = false;
		}
		log_follow_wait(f, -1, LOOK_MS);
	}
	log_follow_close(f);
	for (size_t i = 0; i < told.count; i++)
		free(told.keys[i]);
	free(told.keys);
	/* Whoever read it went away: no failure */
	return status == CMD_USAGE ? CMD_OK : status;
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent/logs.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "diagnose/log_diagnose.h"
#include "source/log_follow.h"

#define SECOND UINT64_C(1000000000)
#define LOOK_MS 500
#define SHARE 20	       /* looking takes at most one part in so many of a core */
#define AGAIN_NS (10 * SECOND) /* without a line: what silence means changes with time */
#define PAST_BYTES (4U << 20)  /* of each file, at the start */
#define LINES 16	       /* that wait to be told */

struct logs {
	const struct log *log;
	const char *files[CONFIG_LOGS], *units[CONFIG_LOGS];
	struct log_follow_options options;
	uint64_t began_ns;
	pthread_t thread;
	int stop; /* eventfd: readable when the thread is to end */

	pthread_mutex_t lock;	/* of what follows */
	struct findings *fresh; /* not taken yet; NULL: nothing new */
	char *lines[LINES];
	size_t line_count;
	struct state_logs stats;

	struct findings *taken; /* the loop's */
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

static void drop(struct findings *list)
{
	if (list)
		findings_free(list);
	free(list);
}

/* ---- the thread */

static void on_trouble(void *arg, const char *line)
{
	struct logs *l = arg;

	pthread_mutex_lock(&l->lock);
	if (l->line_count < LINES && (l->lines[l->line_count] = strdup(line)) != NULL)
		l->line_count++;
	pthread_mutex_unlock(&l->lock);
}

/* Without memory, what was found before stays. */
static void look(struct logs *l, const struct log_follow *follow)
{
	const struct log_diagnose_options limits = {.now_ns = clock_ns(CLOCK_REALTIME)};
	struct findings *list = calloc(1, sizeof(*list)), *old = list;
	struct log_timeline view;

	if (list && log_follow_view(follow, &view) == 0) {
		if (log_diagnose(&view, &limits, list) == 0) {
			pthread_mutex_lock(&l->lock);
			old = l->fresh;
			l->fresh = list;
			pthread_mutex_unlock(&l->lock);
		}
		log_timeline_destroy(&view);
	}
	drop(old);
}

static void count(struct logs *l, const struct log_follow *follow)
{
	struct log_follow_stats stats;

	log_follow_stats(follow, &stats);
	pthread_mutex_lock(&l->lock);
	l->stats = (struct state_logs){true, stats.lines, stats.recognised, stats.forgotten, stats.missing};
	pthread_mutex_unlock(&l->lock);
}

static bool is_stopped(const struct logs *l)
{
	uint64_t value;

	return read(l->stop, &value, sizeof(value)) == sizeof(value);
}

static void *run(void *arg)
{
	struct logs *l = arg;
	struct log_follow *follow;
	uint64_t rest_ns = 0, looked_ns = 0;
	bool news = true;

	if (log_follow_open(&l->options, l->began_ns, &follow) != 0) {
		on_trouble(l, "logs: no memory: they are not followed");
		return NULL;
	}
	while (!is_stopped(l)) {
		uint64_t now = clock_ns(CLOCK_MONOTONIC);

		news |= log_follow_read(follow, clock_ns(CLOCK_REALTIME));
		count(l, follow);
		if (now - looked_ns >= rest_ns && (news || now - looked_ns >= AGAIN_NS)) {
			look(l, follow);
			looked_ns = clock_ns(CLOCK_MONOTONIC);
			rest_ns = (looked_ns - now) * SHARE;
			news = false;
		}
		log_follow_wait(follow, l->stop, LOOK_MS);
	}
	log_follow_close(follow);
	return NULL;
}

/* ---- the loop's side */

static void make_options(struct logs *l, const struct config *config)
{
	struct log_follow_options *o = &l->options;

	for (size_t i = 0; i < config->log_file_count; i++)
		if (strcmp(config->log_file[i], "none") != 0)
			l->files[o->file_count++] = config->log_file[i];
	for (size_t i = 0; i < config->log_journal_count; i++)
		if (strcmp(config->log_journal[i], "none") != 0)
			l->units[o->unit_count++] =
				strcmp(config->log_journal[i], "ike") == 0 ? "" : config->log_journal[i];
	o->files = l->files;
	o->units = l->units;
	o->oldest_ns = l->began_ns - LOGS_PAST_H * 3600 * SECOND;
	o->most_past = PAST_BYTES;
	o->most_events = LOGS_EVENTS;
	o->most_bytes = LOGS_BYTES;
	o->tell = on_trouble;
	o->arg = l;
}

int logs_open(const struct config *config, const struct log *log, uint64_t now_ns, struct logs **ret)
{
	struct logs *l = calloc(1, sizeof(*l));
	int err;

	*ret = NULL;
	if (!l)
		return -ENOMEM;
	l->log = log;
	l->began_ns = now_ns;
	make_options(l, config);
	if (!l->options.file_count && !l->options.unit_count) {
		free(l);
		return 0;
	}
	l->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->stop < 0) {
		err = -errno;
		free(l);
		return err;
	}
	pthread_mutex_init(&l->lock, NULL);
	err = pthread_create(&l->thread, NULL, run, l);
	if (err) {
		close(l->stop);
		pthread_mutex_destroy(&l->lock);
		free(l);
		return -err;
	}
	*ret = l;
	return 0;
}

void logs_close(struct logs *l)
{
	const uint64_t one = 1;

	if (!l)
		return;
	while (write(l->stop, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	pthread_join(l->thread, NULL);
	for (size_t i = 0; i < l->line_count; i++)
		free(l->lines[i]);
	drop(l->fresh);
	drop(l->taken);
	pthread_mutex_destroy(&l->lock);
	close(l->stop);
	free(l);
}

const struct findings *logs_findings(struct logs *l)
{
	char *lines[LINES];
	size_t count;

	if (!l)
		return NULL;
	pthread_mutex_lock(&l->lock);
	count = l->line_count;
	memcpy(lines, l->lines, sizeof(lines));
	l->line_count = 0;
	if (l->fresh) {
		drop(l->taken);
		l->taken = l->fresh;
		l->fresh = NULL;
	}
	pthread_mutex_unlock(&l->lock);
	for (size_t i = 0; i < count; i++) {
		log_line(l->log, LOG_LEVEL_WARNING, "%s", lines[i]);
		free(lines[i]);
	}
	return l->taken;
}

void logs_stats(struct logs *l, struct state_logs *ret)
{
	*ret = (struct state_logs){.used = false};
	if (!l)
		return;
	pthread_mutex_lock(&l->lock);
	*ret = l->stats;
	pthread_mutex_unlock(&l->lock);
	ret->used = true;
}

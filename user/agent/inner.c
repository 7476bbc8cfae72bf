// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent/inner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "complain.h"
#include "model/inner.h"
#include "source/bpf_inner.h"

struct inner {
	const struct log *log;
	void (*note)(void *arg, const char *line);
	void *arg;
	struct inner_live *live;
	struct inner_book *book;
	struct inner_facts facts;
	uint64_t clock_offset; /* CLOCK_REALTIME - CLOCK_MONOTONIC, nanoseconds */
	int error;	       /* as last told */
};

static void on_event(void *arg, const struct esp_inner_event *event)
{
	struct inner *inner = arg;

	inner_book_event(inner->book, event, event->time + inner->clock_offset);
}

static void on_line(void *arg, const char *line)
{
	const struct inner *inner = arg;

	log_line(inner->log, LOG_LEVEL_INFO, "%s", line);
	inner->note(inner->arg, line);
}

static void tell(struct inner *inner, int err)
{
	if (err < 0 && err != inner->error)
		log_line(inner->log, LOG_LEVEL_ERROR, "inner interfaces: %s", strerror(-err));
	inner->error = err < 0 ? err : 0;
}

static void list(const struct config *config, const char *names[CONFIG_INTERFACES])
{
	for (size_t i = 0; i < config->inner_count; i++)
		names[i] = config->inner[i];
}

int inner_open(const struct config *config, const struct log *log, void (*note)(void *arg, const char *line),
	       void *arg, struct inner **ret, char *error, size_t error_size)
{
	const char *names[CONFIG_INTERFACES];
	struct inner_live_options options = {.interfaces = names,
					     .interface_count = config->inner_count,
					     .event = on_event,
					     .say = on_line};
	struct inner *inner;
	int err;

	*ret = NULL;
	if (!config->inner_count)
		return 0;
	inner = calloc(1, sizeof(*inner));
	if (!inner)
		return complain(error, error_size, -ENOMEM, "inner interfaces: %s", strerror(ENOMEM));
	inner->log = log;
	inner->note = note;
	inner->arg = arg;
	inner->book = inner_book_new();
	if (!inner->book) {
		inner_close(inner);
		return complain(error, error_size, -ENOMEM, "inner interfaces: %s", strerror(ENOMEM));
	}
	list(config, names);
	options.arg = inner;
	err = inner_live_open(&options, &inner->live, error, error_size);
	if (err)
		inner_close(inner);
	else
		*ret = inner;
	return err;
}

void inner_close(struct inner *inner)
{
	if (!inner)
		return;
	inner_live_close(inner->live);
	inner_book_free(inner->book);
	free(inner);
}

int inner_reload(struct inner *inner, const struct config *config, char *error, size_t error_size)
{
	const char *names[CONFIG_INTERFACES];

	list(config, names);
	return inner_live_set(inner->live, names, config->inner_count, error, error_size);
}

static uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void inner_tick(struct inner *inner, uint64_t now_ns)
{
	if (!inner)
		return;
	inner->clock_offset = now_ns - monotonic_ns();
	tell(inner, inner_live_run(inner->live));
}

int inner_look(struct inner *inner, struct state *state, const struct fact_kernel *kernel,
	       const struct fact_daemon *daemons, size_t daemon_count)
{
	int err;

	if (!inner)
		return 0;
	tell(inner, inner_live_read(inner->live, &inner->facts));
	err = inner_book_look(inner->book, state, kernel, daemons, daemon_count);
	inner_show(inner, state);
	return err;
}

void inner_show(struct inner *inner, struct state *state)
{
	state->inner = inner ? inner_book_show(inner->book, &inner->facts, state) : NULL;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source/bpf_live.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "espial.skel.h"
#include "source/bpf_host.h"
#include "source/bpf_internal.h"
#include "source/bpf_sadb.h"
#include "complain.h"
#include "source/select.h"

void live_say(const struct live *live, const char *format, ...)
{
	char line[512];
	va_list args;

	if (!live->sink.interface)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	live->sink.interface(live->sink.arg, line);
}

/* ---- events */

static int on_event(void *context, void *data, size_t size)
{
	struct live *live = context;
	const struct esp_event *event = data;

	if (size < sizeof(*event) || size - sizeof(*event) < event->captured)
		return 0;
	live->events++;
	if (live->sink.event)
		live->sink.event(live->sink.arg, event, size);
	return 0;
}

void live_drain(struct live *live, int fd)
{
	struct ring_buffer *ring = fd < 0 ? NULL : ring_buffer__new(fd, on_event, live, NULL);

	if (ring)
		(void)ring_buffer__consume(ring);
	ring_buffer__free(ring);
	if (fd >= 0)
		close(fd);
}

int live_ring_fd(const struct live *live)
{
	return ring_buffer__epoll_fd(live->ring);
}

int live_ring_consume(struct live *live)
{
	return ring_buffer__consume(live->ring);
}

/* ---- opening and closing */

static bool wants_routes(const struct live_options *options)
{
	for (size_t i = 0; i < options->interface_count; i++)
		if (!strcmp(options->interfaces[i], SELECT_AUTO))
			return true;
	return !options->interface_count;
}

/* What can change while the agent runs. */
static int take_options(struct live *live, const struct live_options *options, char *error, size_t error_size)
{
	char(*pattern)[STATE_NAME] = calloc(options->interface_count + 1, sizeof(*pattern));

	if (!pattern)
		return complain(error, error_size, -ENOMEM, "options: out of memory");
	for (size_t i = 0; i < options->interface_count; i++) {
		if (strlen(options->interfaces[i]) >= STATE_NAME) {
			free(pattern);
			return complain(error, error_size, -EINVAL,
					"interface '%.80s': the pattern is too long: %d characters at most",
					options->interfaces[i], STATE_NAME - 1);
		}
		memcpy(pattern[i], options->interfaces[i], strlen(options->interfaces[i]) + 1);
	}
	free(live->pattern);
	live->pattern = pattern;
	live->pattern_count = options->interface_count;
	live->mode = options->xdp_mode;
	live->without = options->without;
	return 0;
}

static void say_if_none(const struct live *live)
{
	const char *first = live->pattern_count ? live->pattern[0] : SELECT_AUTO;

	for (size_t i = 0; i < ESP_IF_SLOTS; i++)
		if (live->interface[i].present)
			return;
	live_say(live, "no interface matches yet (%s%s%s): those that appear will be watched%s", first,
		 strcmp(first, SELECT_AUTO) ? "" : ": those with a default route",
		 live->pattern_count > 1 ? " and others" : "",
		 live->pattern_count ? "" : "; -i chooses others");
}

static int open_all(struct live *live, const struct live_options *options, char *error, size_t error_size)
{
	int err = host_check(error, error_size);
	bool same = false;

	if (!err)
		err = take_options(live, options, error, error_size);
	if (err)
		return err;
	err = links_open(wants_routes(options), &live->links);
	if (err)
		return complain(error, error_size, err, "rtnetlink: %s", strerror(-err));
	err = live_check_names(live, options, error, error_size);
	if (!err)
		err = live_pins_open(live, options, error, error_size);
	if (!err && !live->clock.hz)
		err = live_learn_tick(live, error, error_size);
	if (!err)
		err = live_load(live, options, &same, error, error_size);
	if (!err)
		err = live_map_tables(live, error, error_size);
	if (err)
		return err;
	live->ring = ring_buffer__new(bpf_map__fd(live->skel->maps.esp_events), on_event, live, NULL);
	if (!live->ring)
		return complain(error, error_size, -errno, "ring buffer: %s", strerror(errno));
	err = live_adopt(live, same, error, error_size);
	if (!err)
		err = live_reconcile(live, false, error, error_size);
	if (!err)
		say_if_none(live);
	return err;
}

int live_open(const struct live_options *options, const struct live_sink *sink, struct live **ret,
	      char *error, size_t error_size)
{
	struct live *live = calloc(1, sizeof(*live));
	struct timespec now;
	int err;

	*error = 0;
	if (!live)
		return complain(error, error_size, -ENOMEM, "live source: out of memory");
	if (sink)
		live->sink = *sink;
	for (size_t i = 0; i < ESP_IF_SLOTS; i++)
		attach_init(&live->interface[i].attachment);
	live->pinned = (struct attach_programs){-1, -1, -1};
	clock_gettime(CLOCK_REALTIME, &now);
	live->started_ns = (uint64_t)now.tv_sec * LIVE_NS_PER_S + (uint64_t)now.tv_nsec;
	host_complaint_keep();
	err = open_all(live, options, error, error_size);
	if (err) {
		live_close(live);
		return err;
	}
	live->opened = true;
	*ret = live;
	return 0;
}

void live_close(struct live *live)
{
	bool stay;

	if (!live)
		return;
	/* What an earlier agent left is not ours to remove when we could not even start. */
	stay = live->opened ? live->keep : live->found;
	if (live->links && live->skel) {
		if (stay)
			live_release(live);
		else
			live_detach(live);
	}
	live_pins_close(live, stay);
	pin_programs_close(&live->pinned);
	if (live->skel)
		live_unmap_tables(live);
	live_sadb_free(live);
	ring_buffer__free(live->ring);
	espial_bpf__destroy(live->skel);
	links_close(live->links);
	free(live->pattern);
	free(live);
}

int live_follow_fd(const struct live *live)
{
	return links_fd(live->links);
}

int live_reconfigure(struct live *live, const struct live_options *options, char *error, size_t error_size)
{
	bool anew = live->mode != options->xdp_mode || live->without != options->without;
	int err = links_update(live->links);

	*error = 0;
	if (err < 0)
		return complain(error, error_size, err, "rtnetlink: %s", strerror(-err));
	err = live_check_names(live, options, error, error_size);
	if (!err)
		err = take_options(live, options, error, error_size);
	if (err)
		return err;
	if (wants_routes(options)) {
		err = links_follow_routes(live->links);
		if (err)
			return complain(error, error_size, err, "rtnetlink: %s", strerror(-err));
	}
	for (size_t i = 0; i < ESP_IF_SLOTS; i++) {
		struct live_interface *place = &live->interface[i];

		place->retry = place->present && (anew || place->attachment.in.kind == HOOK_NONE ||
						  place->attachment.out.kind == HOOK_NONE);
	}
	err = live_reconcile(live, false, error, error_size);
	if (!err)
		say_if_none(live);
	return err;
}

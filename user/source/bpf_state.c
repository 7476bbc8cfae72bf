/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source/bpf_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static uint64_t nanoseconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * LIVE_NS_PER_S + (uint64_t)t.tv_nsec;
}

/* ---- times and names, for state_collect() */

static uint64_t time_of(void *arg, uint64_t ticks)
{
	const struct live *live = arg;

	return ticks ? live_clock_monotonic(&live->clock, ticks) + live->now_ns_offset : 0;
}

static const char *name_of(void *arg, uint32_t ifindex)
{
	return live_ifname(arg, ifindex);
}

/* ---- interfaces */

static void add_counters(const struct esp_if_stats *stats, struct state_counters *sum)
{
	sum->seen += ESP_READ(stats->seen);
	sum->bytes += ESP_READ(stats->bytes);
	for (size_t i = 0; i < ESP_CLASS_COUNT; i++)
		sum->cls[i] += ESP_READ(stats->cls[i]);
	for (size_t i = 0; i < ESP_REASON_COUNT; i++)
		sum->rejected[i] += ESP_READ(stats->rejected[i]);
}

void live_counters_subtract(const struct state_counters *what, struct state_counters *sum)
{
	sum->seen -= what->seen;
	sum->bytes -= what->bytes;
	for (size_t i = 0; i < ESP_CLASS_COUNT; i++)
		sum->cls[i] -= what->cls[i];
	for (size_t i = 0; i < ESP_REASON_COUNT; i++)
		sum->rejected[i] -= what->rejected[i];
}

void live_count(const struct live *live, size_t place, enum esp_direction direction,
		struct state_counters *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (uint32_t cpu = 0; cpu < live->tables.cfg.cpus; cpu++)
		add_counters(esp_if_stats_at(&live->tables, (uint32_t)place, direction, cpu), ret);
	live_counters_subtract(&live->interface[place].before[direction == ESP_DIR_OUT], ret);
}

static void show_interface(const struct live *live, size_t place, struct state_interface *ret)
{
	const struct live_interface *from = &live->interface[place];

	memset(ret, 0, sizeof(*ret));
	memcpy(ret->name, from->name, sizeof(from->name));
	ret->ifindex = from->present ? from->ifindex : 0;
	ret->up = from->present && from->up;
	ret->mtu = from->present ? from->mtu : 0;
	strncpy(ret->ingress, hook_name(from->attachment.in.kind), sizeof(ret->ingress) - 1);
	strncpy(ret->egress, hook_name(from->attachment.out.kind), sizeof(ret->egress) - 1);
	strncpy(ret->note, from->note, sizeof(ret->note) - 1);
	live_count(live, place, ESP_DIR_IN, &ret->in);
	live_count(live, place, ESP_DIR_OUT, &ret->out);
}

static int show_interfaces(const struct live *live, struct state *ret)
{
	ret->interfaces = calloc(ESP_IF_SLOTS, sizeof(*ret->interfaces));
	if (!ret->interfaces)
		return -ENOMEM;
	for (size_t i = 0; i < ESP_IF_SLOTS; i++)
		if (live->interface[i].used)
			show_interface(live, i, &ret->interfaces[ret->interface_count++]);
	return 0;
}

/* ---- the tables' own numbers */

static void show_self(const struct live *live, struct state *ret)
{
	const struct esp_config *cfg = &live->tables.cfg;
	struct state_self *self = &ret->self;

	self->started_ns = live->started_ns;
	self->table_slots = (uint64_t)cfg->sa_mask + 1;
	self->newcomer_slots = ((uint64_t)cfg->new_mask + 1) * ESP_NEW_WAYS;
	for (size_t i = 0; i < ret->sa_count; i++) {
		if (ret->sas[i].newcomer)
			self->newcomer_used++;
		else
			self->table_used++;
	}
	self->memory_bytes = live->memory;
	self->bytes_per_sa =
		sizeof(struct esp_sa) + sizeof(struct esp_sa_rare) + cfg->cpus * sizeof(struct esp_lane);
	self->events = live->events;
	self->tick_hz = live->clock.hz;
	self->pid = (uint32_t)getpid();
}

/* What tables had counted that are no more. */
static void add_carried(const struct live *live, struct state *ret)
{
	const struct layout_sums *carried = &live->carried;

	ret->total.seen += carried->total.seen;
	ret->total.bytes += carried->total.bytes;
	layout_add_counters(ret->total.cls, carried->total.cls, sizeof(ret->total.cls));
	layout_add_counters(ret->total.rejected, carried->total.rejected, sizeof(ret->total.rejected));
	layout_add_counters(ret->loss, carried->loss, sizeof(ret->loss));
	for (int i = 0; i < ESP_SUMS; i++)
		layout_add_counters(&ret->sums[i].of, carried->sums[i], sizeof(ret->sums[i].of));
}

static int look(struct live *live, bool only_sums, struct state *ret)
{
	struct state_context context = {
		.time = time_of, .ifname = name_of, .arg = live, .only_sums = only_sums};
	struct esp_clock now;
	int err = live_check_hooks(live);

	if (!err)
		err = live_clock_read(live, &now);
	if (err)
		return err;
	live_clock_follow(&live->clock, &now);
	/* Packets are placed on the calendar as it is now, so that a step of the clock does not tear their order apart. */
	live->now_ns_offset = nanoseconds(CLOCK_REALTIME) - nanoseconds(CLOCK_MONOTONIC);
	context.now = now.jiffies;
	err = state_collect(&live->tables, &context, ret);
	if (err)
		return err;
	add_carried(live, ret);
	ret->kind = STATE_LIVE;
	ret->last_ns = nanoseconds(CLOCK_REALTIME);
	if (gethostname(ret->name, sizeof(ret->name) - 1))
		*ret->name = 0;
	err = show_interfaces(live, ret);
	if (err) {
		state_free(ret);
		return err;
	}
	show_self(live, ret);
	return 0;
}

int live_state(struct live *live, struct state *ret)
{
	return look(live, false, ret);
}

int live_sums(struct live *live, struct state *ret)
{
	return look(live, true, ret);
}

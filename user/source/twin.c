/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source/twin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "espial/quick.h"

#define TWIN_SECOND 1000000000ULL

void esp_emit_endpoint(const struct esp_at *at, const struct esp_sa_key *key, const struct esp_lane *lane,
		       const struct esp_record *record)
{
	struct esp_event event = {
		.time = at->now,
		.ifindex = at->ifindex,
		.kind = ESP_EVENT_ENDPOINT,
		.direction = (__u8)at->direction,
		.cls = ESP_CLASS_COUNT,
		.sa = *key,
		.old_src = {lane->src[0], lane->src[1]},
		.new_src = {record->src[0], record->src[1]},
		.old_port = lane->source_port,
		.new_port = record->source_port,
	};

	if (at->t->sink.endpoint)
		at->t->sink.endpoint(at->t->sink.arg, &event);
}

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
	return value ? value : otherwise;
}

static int is_power_of_two(uint32_t x)
{
	return x && !(x & (x - 1));
}

/* Zeroed and on a cache line of its own: large tables cost memory only where they are touched. */
static void *table_alloc(size_t count, size_t size)
{
	void *table = NULL;
	size_t bytes = count * size;

	if (bytes >= 1 << 20) /* calloc maps fresh pages, which are zero and aligned well enough */
		return calloc(count, size);
	if (posix_memalign(&table, 64, bytes))
		return NULL;
	return memset(table, 0, bytes);
}

int twin_init(struct twin *ret, const struct twin_options *options)
{
	static const struct twin_options none;
	const struct twin_options *o = options ? options : &none;
	uint32_t slots = or_default(o->sa_slots, 65536), sets = or_default(o->new_sets, 4096);
	uint32_t buckets = or_default(o->fragment_sets, 4096), cpus = or_default(o->cpus, 1);
	struct esp_tables *t = &ret->tables;

	memset(ret, 0, sizeof(*ret));
	if (!is_power_of_two(slots) || slots < ESP_WAYS || !is_power_of_two(sets) ||
	    !is_power_of_two(buckets))
		return -EINVAL;
	t->cfg = (struct esp_config){
		.ports = o->ports,
		.cpus = cpus,
		.sa_mask = slots - 1,
		.new_mask = sets - 1,
		.fragment_mask = buckets - 1,
		.idle = 300 * TWIN_SECOND,
		.new_fresh = TWIN_SECOND,
		.new_hold = 30 * TWIN_SECOND,
		.fragment_timeout = 30 * TWIN_SECOND,
		.grace = 5 * TWIN_SECOND,
		.event_interval = TWIN_SECOND,
		.event_burst = UINT64_MAX,
		.seed = o->seed,
	};
	esp_ports_settle(&t->cfg.ports);
	t->sa = table_alloc(slots, sizeof(*t->sa));
	t->rare = table_alloc(slots, sizeof(*t->rare));
	t->lane = table_alloc((size_t)slots * cpus, sizeof(*t->lane));
	t->known = table_alloc(slots, sizeof(*t->known));
	t->newcomer = table_alloc(sets, sizeof(*t->newcomer));
	t->fragment = table_alloc(buckets, sizeof(*t->fragment));
	t->stats = table_alloc((size_t)ESP_IF_SLOTS * 3 * cpus, sizeof(*t->stats));
	t->cpu = table_alloc(cpus, sizeof(*t->cpu));
	t->admission_lock = table_alloc(1, sizeof(*t->admission_lock));
	if (!t->sa || !t->rare || !t->lane || !t->known || !t->newcomer || !t->fragment || !t->stats ||
	    !t->cpu || !t->admission_lock) {
		twin_destroy(ret);
		return -ENOMEM;
	}
	return 0;
}

void twin_destroy(struct twin *twin)
{
	struct esp_tables *t = &twin->tables;

	free(t->sa);
	free(t->rare);
	free(t->lane);
	free(t->known);
	free(t->newcomer);
	free(t->fragment);
	free(t->stats);
	free(t->cpu);
	free(t->admission_lock);
	memset(twin, 0, sizeof(*twin));
}

enum esp_class twin_frame(struct twin *twin, const uint8_t *frame, uint32_t captured, uint32_t wire,
			  enum esp_link link, uint64_t time_ns, uint32_t ifindex,
			  enum esp_direction direction, uint32_t segments, uint32_t cpu,
			  enum esp_reason *ret_bad)
{
	struct esp_tables *t = &twin->tables;
	struct esp_at at = {.t = t, .now = time_ns, .cpu = cpu, .ifindex = ifindex, .direction = direction};
	struct esp_if_stats *stats = esp_if_stats_at(t, (ifindex - 1) % ESP_IF_SLOTS, direction, cpu);
	struct esp_packet p;
	enum esp_reason bad;
	enum esp_class cls;

	if (ret_bad)
		*ret_bad = ESP_OK;
	if (link == ESP_LINK_ETHERNET && !twin->thorough) {
		cls = esp_quick(&t->cfg.ports, frame, frame + captured, wire, stats);
		if (cls == ESP_CLASS_OTHER)
			return cls;
		if (cls != ESP_CLASS_COUNT && segments <= 1 && esp_quick_sa(&at, frame, cls, stats))
			return cls;
	}
	p.l3_offset = 0;
	bad = esp_classify(frame, frame + captured, wire, link, &t->cfg.ports, &p);
	if (bad || !esp_has_sa((enum esp_class)p.cls))
		segments = 1;
	else if (segments > 1)
		esp_segmented(&p, segments);
	cls = esp_observe(&at, stats, bad, &p, segments);
	if (ret_bad)
		*ret_bad = bad;
	if (esp_wants_packet(cls)) {
		uint32_t left = captured - p.l3_offset;
		struct twin_packet packet = {
			.time_ns = time_ns,
			.ifindex = ifindex,
			.direction = direction,
			.cls = cls,
			.ip = frame + p.l3_offset,
			.captured = left < p.r.ip_length ? left : p.r.ip_length,
			.length = p.r.ip_length,
		};

		t->cpu[cpu].events++;
		if (twin->packet)
			twin->packet(twin->packet_arg, &packet);
	}
	return cls;
}

enum esp_link twin_link(uint32_t linktype)
{
	switch (linktype) { /* the tcpdump project's list of link-layer header types */
	case 0:		    /* NULL */
	case 108:	    /* LOOP */
		return ESP_LINK_NULL;
	case 1:
		return ESP_LINK_ETHERNET;
	case 9:	 /* PPP */
	case 50: /* PPP_HDLC */
		return ESP_LINK_PPP;
	case 51:
		return ESP_LINK_PPPOE;
	case 12: /* RAW as some systems write it */
	case 14:
	case 101: /* RAW */
	case 228: /* IPV4 */
	case 229: /* IPV6 */
		return ESP_LINK_IP;
	case 113:
		return ESP_LINK_SLL;
	case 276:
		return ESP_LINK_SLL2;
	default:
		return ESP_LINK_UNKNOWN;
	}
}

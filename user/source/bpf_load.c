// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bpf_load.c - the BPF object: configured, loaded, its tables mapped
 */
#include "source/bpf_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "complain.h"
#include "espial.skel.h"
#include "source/bpf_host.h"

#define LIVE_SAS 4096
#define LIVE_SAS_MOST (1U << 24)
#define LIVE_SETS 1024
#define LIVE_RING (4U << 20)
#define LIVE_EVENTS 2000 /* per second and CPU */

#define LIVE_IDLE 300		  /* seconds */
#define LIVE_NEW_FRESH 1	  /* seconds */
#define LIVE_NEW_HOLD 30	  /* seconds */
#define LIVE_GRACE 5		  /* seconds: of SAs that come or go */
#define LIVE_FRAGMENT_TIMEOUT 30  /* seconds: what Linux waits, net.ipv4.ipfrag_time */
#define LIVE_EVENTS_PER_SECOND 10 /* intervals of the rate limit */

/* ---- configuration */

static uint32_t power_of_two(uint64_t at_least)
{
	uint32_t power = 8;

	while (power < at_least)
		power *= 2;
	return power;
}

static bool is_power_of_two(uint32_t x)
{
	return x && !(x & (x - 1));
}

static int configure(struct live *live, const struct live_options *o, struct esp_config *ret, char *error,
		     size_t error_size)
{
	uint32_t sas = o->sa_capacity ? o->sa_capacity : LIVE_SAS,
		 events = o->events_per_second ? o->events_per_second : LIVE_EVENTS;
	uint32_t sets = o->newcomer_sets ? o->newcomer_sets : LIVE_SETS,
		 buckets = o->fragment_sets ? o->fragment_sets : LIVE_SETS;
	uint64_t hz = live->clock.hz;
	int cpus = libbpf_num_possible_cpus();

	if (cpus <= 0)
		return complain(error, error_size, cpus,
				"/sys/devices/system/cpu/possible: %s: is sysfs mounted?", strerror(-cpus));
	if (sas > LIVE_SAS_MOST || sets > LIVE_SAS_MOST || buckets > LIVE_SAS_MOST)
		return complain(error, error_size, -EINVAL, "table sizes: at most %u entries: lower them",
				LIVE_SAS_MOST);
	*ret = (struct esp_config){
		.ports = o->ports,
		.cpus = (uint32_t)cpus,
		.sa_mask = power_of_two(2ULL * sas) - 1,
		.new_mask = power_of_two(sets) - 1,
		.fragment_mask = power_of_two(buckets) - 1,
		.idle = LIVE_IDLE * hz,
		.new_fresh = LIVE_NEW_FRESH * hz,
		.new_hold = LIVE_NEW_HOLD * hz,
		.fragment_timeout = LIVE_FRAGMENT_TIMEOUT * hz,
		.grace = LIVE_GRACE * hz,
		.event_interval = hz / LIVE_EVENTS_PER_SECOND,
		.event_burst = events < LIVE_EVENTS_PER_SECOND ? 1 : events / LIVE_EVENTS_PER_SECOND,
	};
	esp_ports_settle(&ret->ports);
	if (getrandom(&ret->seed, sizeof(ret->seed), 0) != sizeof(ret->seed))
		return complain(error, error_size, -EIO, "random numbers: %s", strerror(errno));
	return 0;
}

static int set_sizes(struct live *live, const struct esp_config *cfg, uint32_t ring)
{
	const struct {
		struct bpf_map *map;
		uint64_t entries;
	} size[] = {
		{live->skel->maps.esp_sa, (uint64_t)cfg->sa_mask + 1},
		{live->skel->maps.esp_rare, (uint64_t)cfg->sa_mask + 1},
		{live->skel->maps.esp_lane, ((uint64_t)cfg->sa_mask + 1) * cfg->cpus},
		{live->skel->maps.esp_known, (uint64_t)cfg->sa_mask + 1},
		{live->skel->maps.esp_sadb, (uint64_t)cfg->sa_mask + 1},
		{live->skel->maps.esp_new, (uint64_t)cfg->new_mask + 1},
		{live->skel->maps.esp_frag, (uint64_t)cfg->fragment_mask + 1},
		{live->skel->maps.esp_stats, (uint64_t)ESP_IF_SLOTS * 3 * cfg->cpus},
		{live->skel->maps.esp_percpu, cfg->cpus},
		{live->skel->maps.esp_scratch, cfg->cpus},
		{live->skel->maps.esp_admission, 1},
		{live->skel->maps.esp_events, ring},
	};

	for (size_t i = 0; i < sizeof(size) / sizeof(*size); i++) {
		int err;

		if (size[i].entries > UINT32_MAX)
			return -E2BIG;
		err = bpf_map__set_max_entries(size[i].map, (uint32_t)size[i].entries);
		if (err)
			return err;
	}
	return 0;
}

/* ---- loading */

static int load_error(int err, char *error, size_t error_size)
{
	const char *complaint = host_complaint();

	return complain(error, error_size, err, "BPF programs: the kernel refuses them: %s: %s",
			*complaint ? complaint : strerror(-err), host_load_remedy(err));
}

int live_learn_tick(struct live *live, char *error, size_t error_size)
{
	struct bpf_program *program;
	int err;

	host_complaint_clear();
	live->skel = espial_bpf__open();
	if (!live->skel)
		return load_error(-errno, error, error_size);
	bpf_object__for_each_program(program, live->skel->obj)
		bpf_program__set_autoload(program, program == live->skel->progs.esp_read_clock);
	err = espial_bpf__load(live->skel);
	if (err) {
		err = load_error(err, error, error_size);
	} else {
		err = live_clock_calibrate(live);
		if (err)
			complain(error, error_size, err, "kernel clock: its tick cannot be found: %s",
				 strerror(-err));
	}
	espial_bpf__destroy(live->skel);
	live->skel = NULL;
	return err;
}

/* Opened, sizes set, not loaded. */
static int open_object(struct live *live, uint32_t ring)
{
	int err;

	live->skel = espial_bpf__open();
	if (!live->skel)
		return -errno;
	err = set_sizes(live, &live->tables.cfg, ring);
	/* The skeleton gives it as constant, which it is for the programs. */
	memcpy((void *)&live->skel->rodata->esp_config, &live->tables.cfg, sizeof(live->tables.cfg));
	return err;
}

int live_load(struct live *live, const struct live_options *options, bool *ret_same, char *error,
	      size_t error_size)
{
	uint32_t ring = options->ring_bytes ? options->ring_bytes : LIVE_RING;
	int err = configure(live, options, &live->tables.cfg, error, error_size);
	bool same = false;

	if (err)
		return err;
	if (!is_power_of_two(ring) || ring % (uint32_t)sysconf(_SC_PAGESIZE))
		return complain(error, error_size, -EINVAL,
				"ring buffer: %u bytes are no power of two of whole pages: 4194304 is", ring);
	host_complaint_clear();
	err = open_object(live, ring);
	if (!err && live->pin && live_pins_fit(live, options->other_version)) {
		same = !pin_maps_reuse(live->pin, live->generation, live->skel->obj);
		if (!same) { /* some are taken already: once more, with none */
			espial_bpf__destroy(live->skel);
			err = open_object(live, ring);
		}
	}
	if (!err && same)
		live_pins_programs(live);
	if (!err)
		err = espial_bpf__load(live->skel);
	if (err)
		return load_error(err, error, error_size);
	if (same) /* it has a seed of its own */
		live->tables.cfg = live->skel->rodata->esp_config;
	*ret_same = same;
	return 0;
}

/* ---- mapping */

/* As the kernel lays an array out: entries of whole 8 bytes, in whole pages. */
static size_t map_bytes(const struct bpf_map *map)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), entry = (bpf_map__value_size(map) + 7UL) & ~7UL;

	return (entry * bpf_map__max_entries(map) + page - 1) & ~(page - 1);
}

struct mapping {
	struct bpf_map *map;
	void **to;
	size_t entry; /* as user space has it: must be the kernel's */
};

#define LIVE_MAPPINGS 9

static void list_mappings(struct live *live, struct mapping ret[LIVE_MAPPINGS])
{
	struct esp_tables *t = &live->tables;
	const struct mapping all[LIVE_MAPPINGS] = {
		{live->skel->maps.esp_sa, (void **)&t->sa, sizeof(*t->sa)},
		{live->skel->maps.esp_rare, (void **)&t->rare, sizeof(*t->rare)},
		{live->skel->maps.esp_lane, (void **)&t->lane, sizeof(*t->lane)},
		{live->skel->maps.esp_known, (void **)&t->known, sizeof(*t->known)},
		{live->skel->maps.esp_new, (void **)&t->newcomer, sizeof(*t->newcomer)},
		{live->skel->maps.esp_frag, (void **)&t->fragment, sizeof(*t->fragment)},
		{live->skel->maps.esp_stats, (void **)&t->stats, sizeof(*t->stats)},
		{live->skel->maps.esp_percpu, (void **)&t->cpu, sizeof(*t->cpu)},
		{live->skel->maps.esp_admission, (void **)&t->admission_lock, sizeof(*t->admission_lock)},
	};

	memcpy(ret, all, sizeof(all));
}

int live_map_tables(struct live *live, char *error, size_t error_size)
{
	struct mapping mapping[LIVE_MAPPINGS];
	struct bpf_map *map;

	list_mappings(live, mapping);
	for (size_t i = 0; i < LIVE_MAPPINGS; i++) {
		/* The one table that the agent writes, too: model/known.h */
		int write = mapping[i].map == live->skel->maps.esp_known ? PROT_WRITE : 0;
		void *at;

		if (bpf_map__value_size(mapping[i].map) != mapping[i].entry)
			return complain(error, error_size, -EPROTO,
					"table %s: its layout is not ours: build espial again",
					bpf_map__name(mapping[i].map));
		at = mmap(NULL, map_bytes(mapping[i].map), PROT_READ | write, MAP_SHARED,
			  bpf_map__fd(mapping[i].map), 0);
		if (at == MAP_FAILED)
			return complain(error, error_size, -errno,
					"table %s: cannot be mapped: %s: lower the table sizes",
					bpf_map__name(mapping[i].map), strerror(errno));
		*mapping[i].to = at;
	}
	bpf_object__for_each_map(map, live->skel->obj)
		live->memory += bpf_map__type(map) == BPF_MAP_TYPE_RINGBUF ? bpf_map__max_entries(map)
									   : map_bytes(map);
	return 0;
}

void live_unmap_tables(struct live *live)
{
	struct mapping mapping[LIVE_MAPPINGS];

	list_mappings(live, mapping);
	for (size_t i = 0; i < LIVE_MAPPINGS; i++) {
		if (*mapping[i].to)
			munmap(*mapping[i].to, map_bytes(mapping[i].map));
		*mapping[i].to = NULL;
	}
}

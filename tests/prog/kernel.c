// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "espial/abi.h"

#include "espial.skel.h"

#define NEVER (1ULL << 60)
#define LOOPBACK 1 /* what BPF_PROG_TEST_RUN takes for the interface */

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, format, args) : 0;
}

static void *map_in(struct kernel *k, struct bpf_map *map, uint32_t value_size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t length = ((size_t)value_size * bpf_map__max_entries(map) + page - 1) / page * page;
	void *address = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	if (address == MAP_FAILED)
		return NULL;
	k->mapped[k->maps].address = address;
	k->mapped[k->maps++].length = length;
	return address;
}

int kernel_load(struct kernel *ret, uint32_t slots, uint32_t new_sets, uint32_t fragment_sets)
{
	uint32_t cpus = (uint32_t)libbpf_num_possible_cpus();
	struct esp_tables *t = &ret->tables;
	struct espial_bpf *s;
	int err;

	memset(ret, 0, sizeof(*ret));
	libbpf_set_print(quiet);
	s = espial_bpf__open();
	if (!s)
		return -errno;
	ret->skel = s;
	t->cfg = (struct esp_config){.cpus = cpus,
				     .sa_mask = slots - 1,
				     .new_mask = new_sets - 1,
				     .fragment_mask = fragment_sets - 1,
				     .idle = NEVER,
				     .new_fresh = NEVER,
				     .new_hold = NEVER,
				     .fragment_timeout = NEVER,
				     .event_interval = NEVER,
				     .grace = NEVER,
				     .event_burst = 100,
				     .seed = 0x1234567890abcdefULL};
	esp_ports_settle(&t->cfg.ports);
	memcpy((void *)(uintptr_t)&s->rodata->esp_config, &t->cfg, sizeof(t->cfg));
	bpf_map__set_max_entries(s->maps.esp_sa, slots);
	bpf_map__set_max_entries(s->maps.esp_rare, slots);
	bpf_map__set_max_entries(s->maps.esp_lane, slots * cpus);
	bpf_map__set_max_entries(s->maps.esp_known, slots);
	bpf_map__set_max_entries(s->maps.esp_sadb, slots);
	bpf_map__set_max_entries(s->maps.esp_new, new_sets);
	bpf_map__set_max_entries(s->maps.esp_frag, fragment_sets);
	bpf_map__set_max_entries(s->maps.esp_stats, ESP_IF_SLOTS * 3 * cpus);
	bpf_map__set_max_entries(s->maps.esp_percpu, cpus);
	bpf_map__set_max_entries(s->maps.esp_scratch, cpus);
	bpf_map__set_max_entries(s->maps.esp_events, 1 << 20);
	err = espial_bpf__load(s);
	if (err) {
		kernel_unload(ret);
		return err;
	}
	t->sa = map_in(ret, s->maps.esp_sa, sizeof(*t->sa));
	t->rare = map_in(ret, s->maps.esp_rare, sizeof(*t->rare));
	t->lane = map_in(ret, s->maps.esp_lane, sizeof(*t->lane));
	t->known = map_in(ret, s->maps.esp_known, sizeof(*t->known));
	t->newcomer = map_in(ret, s->maps.esp_new, sizeof(*t->newcomer));
	t->fragment = map_in(ret, s->maps.esp_frag, sizeof(*t->fragment));
	t->stats = map_in(ret, s->maps.esp_stats, sizeof(*t->stats));
	t->cpu = map_in(ret, s->maps.esp_percpu, sizeof(*t->cpu));
	t->admission_lock = map_in(ret, s->maps.esp_admission, 8);
	ret->scratch = map_in(ret, s->maps.esp_scratch, bpf_map__value_size(s->maps.esp_scratch));
	ret->program[KERNEL_XDP_IN] = bpf_program__fd(s->progs.esp_xdp_in);
	ret->program[KERNEL_TC_IN] = bpf_program__fd(s->progs.esp_tc_in);
	ret->program[KERNEL_TC_OUT] = bpf_program__fd(s->progs.esp_tc_out);
	err = ret->maps == 10 ? kernel_set_link(ret, ESP_LINK_ETHERNET) : -ENOMEM;
	if (err)
		kernel_unload(ret);
	return err;
}

void kernel_unload(struct kernel *k)
{
	for (int i = 0; i < k->maps; i++)
		munmap(k->mapped[i].address, k->mapped[i].length);
	espial_bpf__destroy(k->skel);
	memset(k, 0, sizeof(*k));
}

int kernel_set_link(struct kernel *k, enum esp_link link)
{
	esp_tell_interface(k->skel->bss->esp_if, LOOPBACK, 0, link, k->skel->rodata->esp_config.cpus);
	return 0;
}

uint32_t kernel_run(const struct kernel *k, enum kernel_hook hook, const uint8_t *frame, uint32_t length,
		    uint32_t segments, int *ret_error)
{
	uint8_t back[16384];
	struct __sk_buff skb = {.gso_segs = segments > 1 ? segments : 0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = length, .data_out = back,
		    .data_size_out = sizeof(back), .repeat = 1);

	if (segments > 1) {
		opts.ctx_in = &skb;
		opts.ctx_size_in = sizeof(skb);
	}
	*ret_error = bpf_prog_test_run_opts(k->program[hook], &opts);
	if (!*ret_error && (opts.data_size_out != length || memcmp(back, frame, length) != 0))
		*ret_error = -EUCLEAN; /* it was written to */
	return opts.retval;
}

uint64_t kernel_tick(const struct kernel *k, uint32_t cpu)
{
	size_t size = bpf_map__value_size(k->skel->maps.esp_scratch);
	struct scratch {
		struct esp_packet p;
		struct esp_at at;
	} s;
	uint64_t now;

	memcpy(&s, k->scratch + size * cpu, sizeof(s));
	now = s.at.now;
	/* The quick way leaves no scratch: it stamps a lane. */
	for (uint32_t slot = 0; slot <= k->tables.cfg.sa_mask; slot++) {
		uint64_t last = k->tables.lane[slot * k->tables.cfg.cpus + cpu].last;

		if (last > now)
			now = last;
	}
	return now;
}

int kernel_twin(const struct kernel *k, struct twin *ret)
{
	const struct esp_config *cfg = &k->tables.cfg;
	struct twin_options o = {.sa_slots = cfg->sa_mask + 1,
				 .new_sets = cfg->new_mask + 1,
				 .fragment_sets = cfg->fragment_mask + 1,
				 .cpus = cfg->cpus};
	int err = twin_init(ret, &o);

	if (!err)
		ret->tables.cfg = *cfg;
	return err;
}

void kernel_clear(struct kernel *k)
{
	for (int i = 0; i < k->maps; i++)
		memset(k->mapped[i].address, 0, k->mapped[i].length);
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/measure.h"
#include "bench.skel.h"

static int complain(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, format, args) : 0;
}

static uint64_t read_jiffies(struct rig *rig)
{
	LIBBPF_OPTS(bpf_test_run_opts, o);

	if (bpf_prog_test_run_opts(bpf_program__fd(rig->skel->progs.esp_read_clock), &o))
		return 0;
	return rig->skel->bss->esp_clock_now.jiffies;
}

int rig_watch(struct rig *rig, uint32_t ifindex)
{
	esp_tell_interface(rig->skel->bss->esp_if, ifindex, 0, ESP_LINK_ETHERNET,
			   rig->skel->rodata->esp_config.cpus);
	return 0;
}

static int set_sizes(struct rig *rig, const struct rig_options *o)
{
	uint32_t cpus = (uint32_t)libbpf_num_possible_cpus();
	struct bench_bpf *s = rig->skel;
	struct {
		struct bpf_map *map;
		uint32_t entries;
	} size[] = {
		{s->maps.esp_sa, o->slots},
		{s->maps.esp_rare, o->slots},
		{s->maps.esp_lane, o->slots * cpus},
		{s->maps.esp_known, o->slots},
		{s->maps.esp_sadb, o->slots},
		{s->maps.esp_new, o->sets},
		{s->maps.esp_frag, 1024},
		{s->maps.esp_stats, ESP_IF_SLOTS * 3 * cpus},
		{s->maps.esp_percpu, cpus},
		{s->maps.esp_scratch, cpus},
		{s->maps.esp_events, 1 << 20},
		{s->maps.bench_hash, o->hash_entries},
	};

	for (size_t i = 0; i < sizeof(size) / sizeof(size[0]); i++)
		if (bpf_map__set_max_entries(size[i].map, size[i].entries))
			return -errno;
	return 0;
}

static void configure(struct rig *rig, const struct rig_options *o, uint32_t hz)
{
	rig->cfg = (struct esp_config){
		.cpus = (uint32_t)libbpf_num_possible_cpus(),
		.sa_mask = o->slots - 1,
		.new_mask = o->sets - 1,
		.fragment_mask = 1023,
		.idle = 3600ULL * hz,
		.new_fresh = hz,
		.new_hold = 30ULL * hz,
		.fragment_timeout = 30ULL * hz,
		.event_interval = hz,
		.event_burst = 2000,
		.seed = 0x243f6a8885a308d3ULL, /* fixed: every run has the same collisions */
	};
	esp_ports_settle(&rig->cfg.ports);
	memcpy((void *)&rig->skel->rodata->esp_config, &rig->cfg, sizeof(rig->cfg));
}

static bool wanted(const struct rig_options *o, const char *name)
{
	if (!strcmp(name, "esp_read_clock"))
		return true;
	for (const char *const *p = o->programs; *p; p++)
		if (!strcmp(name, *p))
			return true;
	return false;
}

int rig_open(const struct rig_options *options, struct rig *ret)
{
	struct rig rig = {.hz = 250};
	struct bpf_program *program;
	uint64_t before;
	int err;

	libbpf_set_print(complain);
	rig.skel = bench_bpf__open();
	if (!rig.skel)
		return -errno;
	bpf_object__for_each_program(program, rig.skel->obj)
		bpf_program__set_autoload(program, wanted(options, bpf_program__name(program)));
	err = set_sizes(&rig, options);
	if (err)
		goto out;
	configure(&rig, options, 1000); /* as good as any other tick rate here: nothing times out in a run */
	err = bench_bpf__load(rig.skel);
	if (err)
		goto out;
	err = rig_watch(&rig, 1); /* loopback: where BPF_PROG_TEST_RUN says that packets come from */
	if (err)
		goto out;
	before = read_jiffies(&rig);
	usleep(200000);
	rig.hz = (uint32_t)(read_jiffies(&rig) - before) * 5;
	*ret = rig;
	return 0;
out:
	bench_bpf__destroy(rig.skel);
	return err;
}

void rig_close(struct rig *rig)
{
	bench_bpf__destroy(rig->skel);
	memset(rig, 0, sizeof(*rig));
}

int rig_program(const struct rig *rig, const char *name)
{
	struct bpf_program *program = bpf_object__find_program_by_name(rig->skel->obj, name);

	return program ? bpf_program__fd(program) : -1;
}

void rig_frame(enum rig_frame kind, uint8_t *ret)
{
	static const uint8_t v4[] = {0x45, 0, 0,   0, 0, 0, 0x40, 0,  64,  0,
				     0,	   0, 192, 0, 2, 1, 198,  51, 100, 7};
	static const uint8_t v6[] = {0x60, 0, 0, 0, 0, 0, 50, 64, 0x20, 1, 0xd,	 0xb8, 0,   0,
				     0,	   0, 0, 0, 0, 0, 0,  0,  0,	1, 0x20, 1,    0xd, 0xb8,
				     0,	   0, 0, 0, 0, 0, 0,  0,  0,	0, 0,	 2};
	uint8_t *ip = ret + 14, *l4 = ip + 20;
	uint32_t spi = htonl(RIG_SPI), sequence = htonl(1);
	uint16_t length = htons(RIG_FRAME - 14), payload = htons(RIG_FRAME - 34), port;

	memset(ret, 0xa5, RIG_FRAME);
	memcpy(ret, "\x02\0\0\0\0\1\x02\0\0\0\0\2\x08\0", 14);
	if (kind == RIG_ARP) {
		memcpy(ret + 12, "\x08\x06", 2);
		return;
	}
	if (kind == RIG_ESP_IPV6) {
		memcpy(ret + 12, "\x86\xdd", 2);
		memcpy(ip, v6, sizeof(v6));
		payload = htons(RIG_FRAME - 54);
		memcpy(ip + 4, &payload, 2);
		l4 = ip + 40;
	} else {
		memcpy(ip, v4, sizeof(v4));
		memcpy(ip + 2, &length, 2);
		ip[9] = kind == RIG_TCP ? 6 : kind == RIG_ESP ? 50 : 17;
	}
	if (kind == RIG_ESP_UDP || kind == RIG_UDP) {
		port = htons(kind == RIG_UDP ? 5353 : 4500);
		memcpy(l4, &port, 2);
		memcpy(l4 + 2, &port, 2);
		memcpy(l4 + 4, &payload, 2);
		memset(l4 + 6, 0, 2);
		l4 += 8;
	} else if (kind == RIG_TCP) {
		memcpy(l4, "\x01\xbb\xc0\x00", 4);
	}
	if (kind == RIG_ESP || kind == RIG_ESP_UDP || kind == RIG_ESP_IPV6) {
		memcpy(l4, &spi, 4);
		memcpy(l4 + 4, &sequence, 4);
	}
}

double rig_run(int program, bool tc, const uint8_t *frame, uint32_t repeat)
{
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = frame, .data_size_in = RIG_FRAME, .repeat = (int)repeat);
	double begin = now_ns(), wall;

	if (bpf_prog_test_run_opts(program, &o))
		return NAN;
	wall = (now_ns() - begin) / repeat;
	return tc && fabs(wall - (o.duration + 0.5)) < 1 ? wall : o.duration + 0.5;
}

static int fill_hash(struct rig *rig, uint32_t count)
{
	struct esp_sa_key key = {.dst = {0, 0xffff0000ULL | (uint64_t)inet_addr("198.51.100.7") << 32}};
	uint64_t value[8] = {0};

	for (uint32_t i = 0; i < count; i++) {
		key.id = esp_sa_id(RIG_SPI + i, 50, 4, ESP_DIR_IN);
		if (bpf_map_update_elem(bpf_map__fd(rig->skel->maps.bench_hash), &key, value, BPF_ANY))
			return -errno;
	}
	return 0;
}

int rig_fill(struct rig *rig, const char *fill_program, uint32_t count, bool hash)
{
	uint8_t frame[RIG_FRAME];
	int program = rig_program(rig, fill_program);
	uint32_t order = 0;

	rig->skel->bss->bench_filled = 0;
	while (2U << order <= count)
		order++;
	rig_frame(RIG_ESP, frame);
	if (program < 0 || isnan(rig_run(program, false, frame, 4 * count)))
		return -EINVAL;
	rig->skel->bss->bench_order = order;
	return hash ? fill_hash(rig, count) : 0;
}

static void *map_table(struct bpf_map *map)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE),
	       size = (size_t)bpf_map__max_entries(map) * bpf_map__value_size(map);
	void *p = mmap(NULL, (size + page - 1) / page * page, PROT_READ, MAP_SHARED, bpf_map__fd(map), 0);

	return p == MAP_FAILED ? NULL : p;
}

int rig_tables(struct rig *rig, struct esp_tables *ret)
{
	struct bench_bpf *s = rig->skel;

	*ret = (struct esp_tables){
		.cfg = rig->cfg,
		.sa = map_table(s->maps.esp_sa),
		.rare = map_table(s->maps.esp_rare),
		.lane = map_table(s->maps.esp_lane),
		.newcomer = map_table(s->maps.esp_new),
		.fragment = map_table(s->maps.esp_frag),
		.stats = map_table(s->maps.esp_stats),
		.cpu = map_table(s->maps.esp_percpu),
		.admission_lock = map_table(s->maps.esp_admission),
	};
	return ret->sa && ret->rare && ret->lane && ret->newcomer && ret->fragment && ret->stats && ret->cpu
		       ? 0
		       : -ENOMEM;
}

uint32_t rig_admitted(struct rig *rig)
{
	struct esp_tables tables;
	uint32_t count = 0;

	if (rig_tables(rig, &tables))
		return 0;
	for (uint32_t i = 0; i <= rig->cfg.sa_mask; i++)
		count += tables.sa[i].key.id != 0;
	return count;
}

static uint64_t clock_time(void *arg, uint64_t ticks)
{
	const struct rig *rig = arg;

	return ticks * (1000000000ULL / (rig->hz ? rig->hz : 250));
}

static const char *clock_ifname(void *arg, uint32_t ifindex)
{
	(void)arg;
	return ifindex == 1 ? "lo" : NULL;
}

struct state_context rig_context(struct rig *rig)
{
	return (struct state_context){
		.time = clock_time,
		.ifname = clock_ifname,
		.arg = rig,
		.now = read_jiffies(rig),
	};
}

void rig_restart_numbers(struct rig *rig, uint64_t last)
{
	__atomic_store_n(&rig->skel->bss->bench_shared, last, __ATOMIC_SEQ_CST);
}

uint64_t rig_numbers(const struct rig *rig)
{
	return __atomic_load_n(&rig->skel->bss->bench_shared, __ATOMIC_SEQ_CST);
}

int rig_lock_entry(struct rig *rig)
{
	struct esp_sa_key key = {.dst = {0, 0xffff0000ULL | (uint64_t)inet_addr("198.51.100.7") << 32}};
	uint8_t value[512] = {0};

	if (bpf_map__value_size(rig->skel->maps.bench_locks) > sizeof(value))
		return -EINVAL;
	key.id = esp_sa_id(RIG_SPI, 50, 4, ESP_DIR_IN);
	return bpf_map_update_elem(bpf_map__fd(rig->skel->maps.bench_locks), &key, value, BPF_ANY) ? -errno
												   : 0;
}

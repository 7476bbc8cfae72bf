/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tables.bpf.h - the maps, and the accessors that espial/table.h asks for
 *
 * Plain arrays that the agent maps into its memory. Sizes of 1 are placeholders: the agent sets max_entries before
 * loading, and the masks in esp_config with them. Lanes and per-CPU counters are rows of one array, [entry * cpus + cpu], and
 * not per-CPU maps, which cannot be mapped.
 */
#ifndef ESPIAL_TABLES_BPF_H
#define ESPIAL_TABLES_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "espial/abi.h"

/*
 * One packet's working memory, per CPU: the stack of 512 bytes is for the calls. Nothing of ours runs inside
 * anything of ours: all entry points run with softirqs off.
 */
struct esp_scratch {
	struct esp_packet p;
	struct esp_at at;
} __attribute__((aligned(64)));

#define ESP_ARRAY(name, entry)                                                                               \
	struct {                                                                                             \
		__uint(type, BPF_MAP_TYPE_ARRAY);                                                            \
		__uint(max_entries, 1);                                                                      \
		__uint(map_flags, BPF_F_MMAPABLE);                                                           \
		__type(key, __u32);                                                                          \
		__type(value, entry);                                                                        \
	} name SEC(".maps")

ESP_ARRAY(esp_sa, struct esp_sa);
ESP_ARRAY(esp_rare, struct esp_sa_rare);
ESP_ARRAY(esp_lane, struct esp_lane);
ESP_ARRAY(esp_known, struct esp_sa_known);
ESP_ARRAY(esp_new, struct esp_new_set);
ESP_ARRAY(esp_frag, struct esp_fragment_bucket);
ESP_ARRAY(esp_stats, struct esp_if_stats);
ESP_ARRAY(esp_percpu, struct esp_cpu);
ESP_ARRAY(esp_admission, __u32);
ESP_ARRAY(esp_scratch, struct esp_scratch);

/* The kernel's SADB, kept by the agent; ids are ESP_SADB_ID(). */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct esp_sa_key);
	__type(value, __u64); /* CLOCK_MONOTONIC, nanoseconds, when the agent heard of it */
} esp_sadb SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} esp_events SEC(".maps");

const volatile struct esp_config esp_config = {};

/* Global data, which is reached without a lookup: every packet of every kind begins here. The agent writes it. */
struct esp_if_config esp_if[ESP_IF_HASH] = {};

/* The agent's, too: which hashes are in esp_sadb at all, and whether it is kept. */
__u64 esp_sadb_filter[ESP_FILTER_WORDS] = {};
__u32 esp_sadb_kept = 0;

struct esp_tables; /* the maps are global: always NULL here */

/* Opaque, lest the compiler take the zeroes above for the values. */
static __always_inline const struct esp_config *esp_cfg(struct esp_tables *t)
{
	const struct esp_config *cfg = (const struct esp_config *)&esp_config;

	(void)t;
	asm volatile("" : "+r"(cfg));
	return cfg;
}

#define ESP_AT(function, map, type)                                                                          \
	static __always_inline type *function(struct esp_tables *t, __u32 index)                             \
	{                                                                                                    \
		(void)t;                                                                                     \
		return bpf_map_lookup_elem(&map, &index);                                                    \
	}

ESP_AT(esp_sa_at, esp_sa, struct esp_sa)
ESP_AT(esp_rare_at, esp_rare, struct esp_sa_rare)
ESP_AT(esp_known_at, esp_known, struct esp_sa_known)
ESP_AT(esp_new_at, esp_new, struct esp_new_set)
ESP_AT(esp_fragment_at, esp_frag, struct esp_fragment_bucket)
ESP_AT(esp_cpu_at, esp_percpu, struct esp_cpu)

static __always_inline struct esp_lane *esp_lane_at(struct esp_tables *t, __u32 slot, __u32 cpu)
{
	__u32 index = slot * esp_cfg(t)->cpus + cpu;

	return bpf_map_lookup_elem(&esp_lane, &index);
}

static __always_inline struct esp_if_stats *esp_if_stats_at(const struct esp_if_config *interface,
							    __u32 direction, __u32 cpu)
{
	__u32 index = interface->row + cpu;

	if (direction)
		index += direction * esp_cfg(NULL)->cpus;

	return bpf_map_lookup_elem(&esp_stats, &index);
}

static __always_inline __u32 *esp_admission_lock(struct esp_tables *t)
{
	__u32 zero = 0;

	(void)t;
	return bpf_map_lookup_elem(&esp_admission, &zero);
}

/* A function of its own, lest its key lie on the stack of those that call the deepest. */
ESP_SLOW int esp_sadb_has(const struct esp_sa_key *key)
{
	struct esp_sa_key any;

	if (!key)
		return 0;
	any.dst[0] = key->dst[0];
	any.dst[1] = key->dst[1];
	any.id = ESP_SADB_ID(key->id);
	return bpf_map_lookup_elem(&esp_sadb, &any) != NULL;
}

static __always_inline int esp_in_sadb(struct esp_tables *t, const struct esp_sa_key *key, __u64 hash)
{
	__u32 bit = esp_filter_bit(hash);

	(void)t;
	if (!ESP_READ(esp_sadb_kept))
		return -1;
	if (!(ESP_READ(esp_sadb_filter[bit / 64]) >> (bit % 64) & 1))
		return 0;
	return esp_sadb_has(key);
}

static __always_inline void esp_emit_endpoint(const struct esp_at *at, const struct esp_sa_key *key,
					      const struct esp_lane *lane, const struct esp_record *record);

#endif

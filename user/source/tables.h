/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tables.h - the datapath's tables in the agent's address space
 *
 * Two owners fill this struct: the offline twin (twin.c), which allocates the tables and writes them with the very code
 * that runs in the kernel, and the live source, which maps the kernel's and only reads. Included before
 * espial/pipeline.h, whose accessors these are.
 */
#ifndef ESPIAL_SOURCE_TABLES_H
#define ESPIAL_SOURCE_TABLES_H

#include <stddef.h>

#include "espial/abi.h"

struct esp_tables;

/* What the twin's owner wants to hear; NULL: nothing. */
struct esp_sink {
	/* A UDP-encapsulated or plain SA comes from another address or port. */
	void (*endpoint)(void *arg, const struct esp_event *event);
	void *arg;
};

struct esp_tables {
	struct esp_config cfg;
	struct esp_sa *sa;		      /* [cfg.sa_mask + 1] */
	struct esp_sa_rare *rare;	      /* [cfg.sa_mask + 1] */
	struct esp_lane *lane;		      /* [(cfg.sa_mask + 1) * cfg.cpus] */
	struct esp_sa_known *known;	      /* [cfg.sa_mask + 1]; NULL: nothing is known */
	struct esp_new_set *newcomer;	      /* [cfg.new_mask + 1] */
	struct esp_fragment_bucket *fragment; /* [cfg.fragment_mask + 1] */
	struct esp_if_stats *stats;	      /* [ESP_IF_SLOTS * 3 directions * cfg.cpus] */
	struct esp_cpu *cpu;		      /* [cfg.cpus] */
	__u32 *admission_lock;
	struct esp_sink sink;
	/* Is it in the SADB? Ids are of ESP_SADB_ID(). NULL: nobody knows. */
	int (*in_sadb)(void *arg, const struct esp_sa_key *key);
	/* Was it, at a time in the datapath's clock or within grace of it? NULL: nobody knows. */
	int (*was_in_sadb)(void *arg, const struct esp_sa_key *key, __u64 when);
	void *in_sadb_arg;
};

static inline const struct esp_config *esp_cfg(const struct esp_tables *t)
{
	return &t->cfg;
}

static inline struct esp_sa *esp_sa_at(const struct esp_tables *t, __u32 slot)
{
	return slot <= t->cfg.sa_mask ? &t->sa[slot] : 0;
}

static inline struct esp_sa_rare *esp_rare_at(const struct esp_tables *t, __u32 slot)
{
	return slot <= t->cfg.sa_mask ? &t->rare[slot] : 0;
}

static inline struct esp_lane *esp_lane_at(const struct esp_tables *t, __u32 slot, __u32 cpu)
{
	return slot <= t->cfg.sa_mask && cpu < t->cfg.cpus ? &t->lane[(size_t)slot * t->cfg.cpus + cpu] : 0;
}

static inline struct esp_sa_known *esp_known_at(const struct esp_tables *t, __u32 slot)
{
	return slot <= t->cfg.sa_mask && t->known ? &t->known[slot] : 0;
}

static inline int esp_in_sadb(const struct esp_tables *t, const struct esp_sa_key *key, __u64 hash)
{
	struct esp_sa_key any = *key;

	(void)hash;
	any.id = ESP_SADB_ID(key->id);
	return t->in_sadb ? t->in_sadb(t->in_sadb_arg, &any) : -1;
}

static inline struct esp_new_set *esp_new_at(const struct esp_tables *t, __u32 set)
{
	return set <= t->cfg.new_mask ? &t->newcomer[set] : 0;
}

static inline struct esp_fragment_bucket *esp_fragment_at(const struct esp_tables *t, __u32 bucket)
{
	return bucket <= t->cfg.fragment_mask ? &t->fragment[bucket] : 0;
}

static inline struct esp_cpu *esp_cpu_at(const struct esp_tables *t, __u32 cpu)
{
	return cpu < t->cfg.cpus ? &t->cpu[cpu] : 0;
}

/* The counters of interface slot `slot`, direction and CPU. */
static inline struct esp_if_stats *esp_if_stats_at(const struct esp_tables *t, __u32 slot,
						   enum esp_direction dir, __u32 cpu)
{
	return slot < ESP_IF_SLOTS && cpu < t->cfg.cpus
		       ? &t->stats[((size_t)slot * 3 + dir) * t->cfg.cpus + cpu]
		       : 0;
}

/*
 * Tells the datapath's esp_if[] of an interface, or that it is to be forgotten (`slot` negative). The index is written
 * last and cleared first, since packets read the entry meanwhile.
 */
static inline void esp_tell_interface(struct esp_if_config *table, __u32 ifindex, int slot,
				      enum esp_link link, __u32 cpus)
{
	struct esp_if_config *entry = &table[ifindex % ESP_IF_HASH];

	__atomic_store_n(&entry->ifindex, 0, __ATOMIC_SEQ_CST);
	if (slot < 0)
		return;
	entry->row = (__u32)slot * 3 * cpus;
	entry->slot = (__u16)slot;
	entry->link = (__u8)link;
	__atomic_store_n(&entry->ifindex, ifindex, __ATOMIC_SEQ_CST);
}

static inline __u32 *esp_admission_lock(const struct esp_tables *t)
{
	return t->admission_lock;
}

void esp_emit_endpoint(const struct esp_at *at, const struct esp_sa_key *key, const struct esp_lane *lane,
		       const struct esp_record *record);

#endif

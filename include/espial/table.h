/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * table.h - finding the state of an SA, and giving it a place
 *
 * The includer provides the tables behind these accessors before including this file (bpf/tables.bpf.h, natively
 * user/source/tables.h); `t` is NULL in BPF, where the maps are global. Each returns NULL when out of range:
 *
 *   const struct esp_config *esp_cfg(t);
 *   struct esp_sa *esp_sa_at(t, slot);               struct esp_sa_rare *esp_rare_at(t, slot);
 *   struct esp_lane *esp_lane_at(t, slot, cpu);      struct esp_new_set *esp_new_at(t, set);
 *   struct esp_fragment_bucket *esp_fragment_at(t, bucket);
 *   struct esp_cpu *esp_cpu_at(t, cpu);              __u32 *esp_admission_lock(t);
 *   struct esp_sa_known *esp_known_at(t, slot);
 *   int esp_in_sadb(t, key, hash): is it in the kernel's SADB? 1, 0, or -1: nobody knows
 *   void esp_emit_endpoint(at, key, lane, record): the SA's packets come from another address than the lane's
 *
 * An SA's hash names its home slot. Slots come in sets of ESP_WAYS; a key that finds its home taken goes to the next
 * free way of the set, or, when that is full, to one of two other sets. The home slot's `reach` says how far keys were
 * displaced, so that a miss, the case of a flood, mostly costs one cache line.
 *
 * Lookups take no lock: an entry's id is written last and cleared first. Entries are given out under one lock,
 * which is seldom: an SA that the kernel does not know first proves itself as a newcomer (account.h).
 */
#ifndef ESPIAL_TABLE_H
#define ESPIAL_TABLE_H

#include "replay.h"

#define ESP_WAYS 8U
#define ESP_REACH_WAY (ESP_WAYS - 1)
#define ESP_REACH_SECOND ESP_WAYS /* bit: some key of this home is in another set */
#define ESP_NO_SLOT 0xffffffffU

/*
 * A lock for what happens seldom: one exchange when free, where bpf_spin_lock costs 50 ns and forbids calls. Holders
 * run with softirqs off for well under a microsecond, so that the bounded wait, some milliseconds, ends without the lock
 * only when a hypervisor keeps the holder's CPU: the packet is then `refused`, which is counted.
 */
struct esp_waiting {
	__u32 *lock;
	int taken;
};

static long esp_lock_step(__u32 i, void *arg)
{
	struct esp_waiting *w = arg;

	(void)i;
	if (ESP_READ(*w->lock) == 0)
		w->taken = ESP_CMPXCHG(w->lock, 0, 1) == 0;
	return w->taken != 0;
}

ESP_INLINE int esp_lock(__u32 *lock)
{
	struct esp_waiting w = {.lock = lock};

	if (ESP_LIKELY(ESP_CMPXCHG(lock, 0, 1) == 0))
		return 1;
	ESP_LOOP(1 << 20, esp_lock_step, &w);
	return w.taken;
}

ESP_INLINE void esp_unlock(__u32 *lock)
{
	(void)ESP_XCHG(lock, 0);
}

ESP_INLINE __u64 esp_mix(__u64 x)
{
	x *= 0x9e3779b97f4a7c15ULL;
	return x ^ x >> 32;
}

/*
 * The seed is the agent's secret: nobody outside can aim at a set. The id's halves are swapped so that the SPI stands in
 * the low one: a product's low bits depend on low bits only.
 */
ESP_INLINE __u64 esp_sa_hash(const struct esp_sa_key *key, __u64 seed)
{
	__u64 x = (key->dst[0] * 0xd6e8feb86659fd93ULL) ^ key->dst[1] ^ seed;

	x = (x ^ x >> 29) * 0xa0761d6478bd642fULL;
	return esp_mix(x ^ (key->id >> 32 | key->id << 32));
}

ESP_INLINE int esp_same_sa(const struct esp_sa *sa, const struct esp_sa_key *key)
{
	return ESP_READ(sa->key.id) == key->id && sa->key.dst[1] == key->dst[1] &&
	       sa->key.dst[0] == key->dst[0];
}

/* The i-th slot of the two other sets, i below 2 * ESP_WAYS. */
ESP_INLINE __u32 esp_other_slot(__u64 hash, __u32 i, __u32 mask)
{
	__u32 set = (__u32)(i < ESP_WAYS ? hash >> 32 : hash >> 16) & mask & ~ESP_REACH_WAY;

	return set + (i & ESP_REACH_WAY);
}

/* The slot of `key`, or ESP_NO_SLOT. */
ESP_INLINE __u32 esp_find(struct esp_tables *t, const struct esp_sa_key *key, __u64 hash)
{
	__u32 mask = esp_cfg(t)->sa_mask, home = (__u32)hash & mask, reach;
	struct esp_sa *sa = esp_sa_at(t, home);

	if (!sa)
		return ESP_NO_SLOT;
	if (ESP_LIKELY(esp_same_sa(sa, key)))
		return home;
	reach = ESP_READ(sa->reach);
	if (ESP_LIKELY(!reach))
		return ESP_NO_SLOT;
	for (__u32 i = 1; i < ESP_WAYS; i++) {
		__u32 slot = (home & ~ESP_REACH_WAY) | ((home + i) & ESP_REACH_WAY);

		if (i > (reach & ESP_REACH_WAY))
			break;
		sa = esp_sa_at(t, slot);
		if (sa && esp_same_sa(sa, key))
			return slot;
	}
	if (!(reach & ESP_REACH_SECOND))
		return ESP_NO_SLOT;
	for (__u32 i = 0; i < 2 * ESP_WAYS; i++) {
		__u32 slot = esp_other_slot(hash, i, mask);

		sa = esp_sa_at(t, slot);
		if (sa && esp_same_sa(sa, key))
			return slot;
	}
	return ESP_NO_SLOT;
}

/* ---- giving a place ---- */

/* The lanes of a slot, added up and cleared. */
struct esp_lanes {
	struct esp_tables *t;
	__u32 slot;
	__u64 packets, bytes, received;
};

static long esp_lanes_step(__u32 cpu, void *arg)
{
	struct esp_lanes *l = arg;
	struct esp_lane *lane = esp_lane_at(l->t, l->slot, cpu);

	if (!lane)
		return 1;
	l->packets += lane->packets;
	l->bytes += lane->bytes;
	l->received += lane->received;
	__builtin_memset(lane, 0, sizeof(*lane));
	return 0;
}

/* When the SA of a slot was last seen. */
struct esp_last {
	struct esp_tables *t;
	__u32 slot;
	__u64 last;
};

static long esp_last_step(__u32 cpu, void *arg)
{
	struct esp_last *l = arg;
	struct esp_lane *lane = esp_lane_at(l->t, l->slot, cpu);

	if (!lane)
		return 1;
	if (lane->last > l->last)
		l->last = lane->last;
	return 0;
}

/* Of an SA with so many packets in all: those that came while it was not in the SADB. */
ESP_INLINE __u64 esp_unknown_packets(const struct esp_sa_known *known, __u64 packets)
{
	__u64 unknown = known->unknown;

	if (known->state == ESP_KNOWN_UNKNOWN)
		unknown += packets - known->base;
	return unknown;
}

/* The counters of an SA that is replaced, to those of its kind. */
ESP_INLINE void esp_retire_counters(struct esp_sums *sums, const struct esp_lanes *lanes,
				    const struct esp_sa_rare *rare)
{
	sums->packets += lanes->packets;
	sums->bytes += lanes->bytes;
	sums->received += lanes->received + rare->confirmed;
	sums->lost += rare->lost;
	sums->late += rare->late;
	sums->duplicate += rare->duplicate;
	sums->too_old += rare->too_old;
	sums->outlier += rare->outlier;
	sums->restarts += rare->restarts;
	sums->fragmented += rare->fragmented;
	sums->fragments += rare->fragments;
	sums->incomplete += rare->incomplete;
	sums->endpoint_changes += rare->endpoint_changes;
}

static long esp_clear_step(__u32 i, void *arg)
{
	struct esp_sa_rare **rare = arg;

	if (i < sizeof(**rare) / 8)
		((__u64 *)*rare)[i] = 0;
	return 0;
}

struct esp_place {
	struct esp_tables *t;
	__u64 hash;
	__u32 home;
	__u32 slot, way; /* chosen; way 0 to 7 from the home on, above in the other sets */
	__u64 oldest;
};

/* First free way, else the one that has been silent for longest. */
static long esp_place_step(__u32 i, void *arg)
{
	struct esp_place *p = arg;
	__u32 slot = i < ESP_WAYS ? (p->home & ~ESP_REACH_WAY) | ((p->home + i) & ESP_REACH_WAY)
				  : esp_other_slot(p->hash, i - ESP_WAYS, esp_cfg(p->t)->sa_mask);
	struct esp_sa *sa = esp_sa_at(p->t, slot);
	struct esp_last seen = {.t = p->t, .slot = slot};

	if (!sa)
		return 1;
	if (sa->key.id) {
		ESP_LOOP(esp_cfg(p->t)->cpus, esp_last_step, &seen);
		if (seen.last >= p->oldest)
			return 0;
		p->oldest = seen.last;
		p->slot = slot;
		p->way = i;
		return 0;
	}
	p->oldest = 0;
	p->slot = slot;
	p->way = i;
	return 1;
}

/*
 * Takes the slot from the SA that has it, if any: its packets are evicted, its counters go to those of its kind. The
 * entry is then being written. A function of its own for the sake of BPF's stack.
 */
ESP_SLOW int esp_vacate(const struct esp_at *at, __u32 slot)
{
	struct esp_lanes lanes = {.slot = slot};
	struct esp_sa_known *known;
	struct esp_sa_rare *rare;
	struct esp_cpu *cpu;
	struct esp_sa *sa;
	__u64 index;

	if (!at)
		return 0;
	sa = esp_sa_at(at->t, slot);
	rare = esp_rare_at(at->t, slot);
	known = esp_known_at(at->t, slot);
	cpu = esp_cpu_at(at->t, at->cpu);
	if (!sa || !rare || !known || !cpu)
		return 0;
	ESP_WRITE(sa->generation, sa->generation + 1);
	if (!sa->key.id)
		return 1;
	index = esp_sums_index(ESP_XCHG(&sa->key.id, 0)) & (ESP_SUMS - 1);
	ESP_OPAQUE(index);
	lanes.t = at->t;
	ESP_LOOP(esp_cfg(at->t)->cpus, esp_lanes_step, &lanes);
	cpu->loss[ESP_LOSS_EVICTED] += lanes.packets;
	esp_retire_counters(&cpu->retired[index], &lanes, rare);
	cpu->retired[index].unknown += esp_unknown_packets(known, lanes.packets);
	known->state = ESP_KNOWN_NOT_LOOKED_UP;
	known->unknown = 0;
	known->grace = 0;
	known->base = 0;
	ESP_LOOP(sizeof(*rare) / 8, esp_clear_step, &rare);
	return 1;
}

/*
 * A slot for `key`, which is in none, with the window set to its first number; the caller enters that number. Returns
 * ESP_NO_SLOT when all three sets are full of SAs in use. Packets of an SA that is replaced are counted as evicted.
 */
ESP_SLOW __u32 esp_admit(const struct esp_at *at, const struct esp_sa_key *key, __u64 hash, __u32 sequence,
			 __u64 first_time)
{
	struct esp_place place = {.slot = ESP_NO_SLOT, .oldest = ~0ULL};
	__u32 *lock, slot = ESP_NO_SLOT, reach;
	const struct esp_config *cfg;
	struct esp_sa_rare *rare;
	struct esp_sa *sa, *home;

	if (!at || !key)
		return ESP_NO_SLOT;
	cfg = esp_cfg(at->t);
	lock = esp_admission_lock(at->t);
	if (!lock || !esp_lock(lock))
		return ESP_NO_SLOT;
	place.t = at->t;
	place.home = (__u32)hash & cfg->sa_mask;
	place.hash = hash;
	ESP_LOOP(3 * ESP_WAYS, esp_place_step, &place);
	sa = esp_sa_at(at->t, place.slot);
	rare = esp_rare_at(at->t, place.slot);
	home = esp_sa_at(at->t, place.home);
	if (!sa || !rare || !home)
		goto out;
	if (sa->key.id && (at->now - place.oldest < cfg->idle || at->now < place.oldest))
		goto out;
	esp_vacate(at, place.slot);
	esp_window_init(sa, sequence);
	rare->first_time = first_time;
	sa->key.dst[0] = key->dst[0];
	sa->key.dst[1] = key->dst[1];
	(void)ESP_XCHG(&sa->key.id, key->id);
	ESP_WRITE(sa->generation, sa->generation + 1);
	reach = home->reach;
	if (place.way >= ESP_WAYS)
		reach |= ESP_REACH_SECOND | ESP_REACH_WAY;
	else if (place.way > (reach & ESP_REACH_WAY))
		reach = (reach & ESP_REACH_SECOND) | place.way;
	ESP_WRITE(home->reach, reach);
	slot = place.slot;
out:
	esp_unlock(lock);
	return slot;
}

#endif

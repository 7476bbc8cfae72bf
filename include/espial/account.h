/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * account.h - one packet against the state of its SA
 *
 * The common case, the next packet of an SA that looks like the one before, touches three cache lines: the SA's
 * first, one word of its window, and this CPU's lane. What several packets in a row have in common (interface, DSCP, ECN, TTL,
 * DF, source) is not counted per packet but per run: a change ends the run and adds its length to the shared counters;
 * the reader adds the runs that are open.
 *
 * An SA that is in the kernel's SADB is given a place by its first packet. One that nobody vouches for begins as a
 * newcomer: its first packets are kept as records in a small table, where
 * strangers replace each other, and the packet after them promotes it, if together they look like one SA. Promotion
 * replays the records, so that the SA's numbers are as if it had had its place from the start.
 */
#ifndef ESPIAL_ACCOUNT_H
#define ESPIAL_ACCOUNT_H

#include "table.h"

/* What is equal in packets of one run; never 0, since an interface index is never 0. */
ESP_INLINE __u64 esp_signature(const struct esp_record *r)
{
	return (__u64)r->ifindex << 32 | (__u32)r->tos << 24 | (__u32)r->ttl << 16 | r->flags;
}

ESP_INLINE __u64 esp_endpoint_signature(const struct esp_record *r)
{
	return (r->src[0] * 0x9e3779b97f4a7c15ULL) ^ r->src[1] ^ r->source_port ^
	       (__u32)r->destination_port << 16;
}

/* The flags that belong to a run: the others are counted per packet. */
#define ESP_RUN_FLAGS (ESP_PKT_DF | ESP_PKT_UDP | ESP_PKT_TCP)

ESP_INLINE void esp_raise_u32(__u32 *value, __u32 candidate)
{
	__u32 old = ESP_READ(*value);

	for (int i = 0; i < 8 && candidate > old; i++) {
		__u32 got = ESP_CMPXCHG(value, old, candidate);

		if (got == old)
			break;
		old = got;
	}
}

/* Adds to the SA's breakdown by interface. */
ESP_INLINE void esp_count_interface(struct esp_sa_rare *rare, __u32 ifindex, __u64 packets, __u64 bytes)
{
#if defined(__bpf__)
#pragma unroll
#endif
	for (int i = 0; i < ESP_SA_INTERFACES; i++) {
		struct esp_sa_interface *e = &rare->interfaces[i];
		__u32 owner = ESP_READ(e->ifindex);

		if (i == ESP_SA_INTERFACES - 1)
			ifindex = ESP_INTERFACE_REST;
		if (!owner)
			owner = ESP_CMPXCHG(&e->ifindex, 0, ifindex);
		if (owner && owner != ifindex)
			continue;
		ESP_ADD(&e->packets, packets);
		ESP_ADD(&e->bytes, bytes);
		return;
	}
}

/* Ends the lane's run: what its packets had in common goes to the shared counters. */
ESP_INLINE void esp_end_run(struct esp_lane *lane, struct esp_sa_rare *rare)
{
	__u64 packets = lane->packets - lane->run_packets, bytes = lane->bytes - lane->run_bytes,
	      sig = lane->signature[0];
	__u32 tos = (__u32)(sig >> 24) & 0xff;

	lane->run_packets = lane->packets;
	lane->run_bytes = lane->bytes;
	if (!packets && !bytes)
		return;
	ESP_ADD(&rare->dscp[tos >> 2], packets);
	if ((tos & 3) == 3)
		ESP_ADD(&rare->ecn_ce, packets);
	if (sig & ESP_PKT_DF)
		ESP_ADD(&rare->df, packets);
	esp_count_interface(rare, (__u32)(sig >> 32), packets, bytes);
}

/* A packet that differs from the one before it on this CPU. */
ESP_SLOW int esp_new_run(const struct esp_at *at, const struct esp_sa_key *key, struct esp_lane *lane,
			 struct esp_sa_rare *rare, const struct esp_record *r)
{
	__u64 sig, endpoint, before;
	__u32 ttl, current;

	if (!at || !key || !lane || !rare || !r)
		return 0;
	sig = esp_signature(r);
	endpoint = esp_endpoint_signature(r);
	before = ESP_READ(rare->endpoint);
	ttl = r->ttl;
	current = ESP_READ(rare->ttl_current);
	esp_end_run(lane, rare);
	/* TTL + 1 is kept, since 0 is a value. A change is counted once, by the CPU that makes it the current one. */
	if (current != ttl + 1 && ESP_CMPXCHG(&rare->ttl_current, current, ttl + 1) == current && current)
		ESP_ADD(&rare->ttl_changes, 1);
	esp_raise_u32(&rare->ttl_max, ttl);
	esp_raise_u32(&rare->ttl_min_inv, 255 - ttl);
	if (before != endpoint && ESP_CMPXCHG(&rare->endpoint, before, endpoint) == before && before) {
		ESP_ADD(&rare->endpoint_changes, 1);
		esp_emit_endpoint(at, key, lane, r);
	}
	lane->signature[0] = sig;
	lane->signature[1] = endpoint;
	lane->src[0] = r->src[0];
	lane->src[1] = r->src[1];
	lane->source_port = r->source_port;
	lane->destination_port = r->destination_port;
	return 1;
}

/* Enters one number that is not the next in order, and counts what became of it. */
ESP_INLINE void esp_count_slow(struct esp_sa *sa, struct esp_sa_rare *rare, struct esp_lane *lane,
			       __u32 sequence, struct esp_cpu *cpu)
{
	switch (esp_window_slow(sa, rare, sequence, &cpu->plan)) {
	case ESP_RECEIVED:
		lane->received++;
		break;
	case ESP_DUPLICATE:
		ESP_ADD(&rare->duplicate, 1);
		break;
	case ESP_TOO_OLD:
		ESP_ADD(&rare->too_old, 1);
		break;
	case ESP_OUTLIER:
		ESP_ADD(&rare->outlier, 1);
		break;
	default:
		ESP_ADD(&rare->contended, 1);
		cpu->loss[ESP_LOSS_CONTENDED]++;
		break;
	}
}

struct esp_segments {
	struct esp_sa *sa;
	struct esp_sa_rare *rare;
	struct esp_lane *lane;
	struct esp_cpu *cpu;
	__u32 sequence;
};

static long esp_segment_step(__u32 i, void *arg)
{
	struct esp_segments *s = arg;

	if (esp_window_fast(s->sa, s->sequence + i))
		s->lane->received++;
	else
		esp_count_slow(s->sa, s->rare, s->lane, s->sequence + i, s->cpu);
	return 0;
}

/* One GSO packet carries the numbers s … s + segments - 1 (crypto offload). */
ESP_SLOW int esp_account_segments(const struct esp_at *at, __u32 slot, const struct esp_record *r)
{
	struct esp_segments s = {.sa = 0};
	__u32 size;

	if (!at || !r || !r->segments)
		return 0;
	s.sa = esp_sa_at(at->t, slot);
	s.rare = esp_rare_at(at->t, slot);
	s.lane = esp_lane_at(at->t, slot, at->cpu);
	s.cpu = esp_cpu_at(at->t, at->cpu);
	s.sequence = r->sequence;
	if (!s.sa || !s.rare || !s.lane || !s.cpu)
		return 0;
	s.lane->packets += r->segments;
	size = r->ip_length / r->segments;
	if (size > s.lane->size_max)
		s.lane->size_max = size;
	if (~size > s.lane->size_min_inv)
		s.lane->size_min_inv = ~size;
	ESP_LOOP(r->segments & 0xffff, esp_segment_step, &s);
	return 1;
}

/* One record against the SA in `slot`. `single`: it is known to carry one sequence number. */
ESP_INLINE void esp_account_sa(const struct esp_at *at, __u32 slot, const struct esp_sa_key *key,
			       const struct esp_record *r, int single)
{
	struct esp_tables *t = at->t;
	struct esp_sa *sa = esp_sa_at(t, slot);
	struct esp_lane *lane = esp_lane_at(t, slot, at->cpu);
	struct esp_sa_rare *rare;

	if (!sa || !lane)
		return;
	if (ESP_UNLIKELY(lane->signature[0] != esp_signature(r) ||
			 lane->signature[1] != esp_endpoint_signature(r))) {
		rare = esp_rare_at(t, slot);
		if (!rare)
			return;
		esp_new_run(at, key, lane, rare, r);
	}
	lane->bytes += r->ip_length;
	lane->last = r->now;
	if (!single && ESP_UNLIKELY(r->segments != 1)) {
		esp_account_segments(at, slot, r);
		return;
	}
	lane->packets++;
	if (ESP_LIKELY(!r->fragment)) {
		if (r->ip_length > lane->size_max)
			lane->size_max = r->ip_length;
		if (~r->ip_length > lane->size_min_inv)
			lane->size_min_inv = ~r->ip_length;
	} else {
		rare = esp_rare_at(t, slot);
		if (!rare)
			return;
		ESP_ADD(&rare->fragmented, 1);
		ESP_ADD(&rare->fragments, 1);
	}
	if (ESP_LIKELY(esp_window_fast(sa, r->sequence))) {
		lane->received++;
	} else {
		struct esp_cpu *cpu = esp_cpu_at(t, at->cpu);

		rare = esp_rare_at(t, slot);
		if (rare && cpu)
			esp_count_slow(sa, rare, lane, r->sequence, cpu);
	}
}

/* ---- newcomers ---- */

ESP_INLINE struct esp_new_set *esp_new_set(struct esp_tables *t, __u64 hash)
{
	return esp_new_at(t, (__u32)(hash >> 40) & esp_cfg(t)->new_mask);
}

/* Tells most strangers from a way's owner without looking at its key; never 0. */
ESP_INLINE __u32 esp_new_tag(__u64 hash)
{
	return (__u32)(hash >> 8) | 1;
}

/* The way of `key` in its set, or ESP_NEW_WAYS. */
ESP_INLINE __u32 esp_new_find(const struct esp_new_set *set, const struct esp_sa_key *key, __u64 hash)
{
	__u32 tag = esp_new_tag(hash);

#if defined(__bpf__)
#pragma unroll
#endif
	for (__u32 i = 0; i < ESP_NEW_WAYS; i++)
		if (ESP_UNLIKELY(set->tag[i] == tag) && set->way[i].key.id == key->id &&
		    set->way[i].key.dst[1] == key->dst[1] && set->way[i].key.dst[0] == key->dst[0])
			return i;
	return ESP_NEW_WAYS;
}

/* Four packets of which at least two differ, all within one window: a flow, and no accident. */
ESP_INLINE int esp_looks_like_sa(const struct esp_newcomer *n, const struct esp_record *r)
{
	int advanced = 0;

#if defined(__bpf__)
#pragma unroll
#endif
	for (int i = 0; i < ESP_NEW_RECORDS; i++) {
		__s32 distance = (__s32)(r->sequence - n->record[i].sequence);

		if (distance > ESP_WINDOW || distance < -ESP_WINDOW)
			return 0;
		advanced |= distance;
	}
	return advanced != 0;
}

/*
 * The packets of a newcomer that was just given `slot`, kept in cpu->promoted. Not under the set's lock, and not called
 * from there: the stack is short.
 */
ESP_SLOW int esp_replay(const struct esp_at *at, __u32 slot, const struct esp_sa_key *key)
{
	struct esp_sa_rare *rare;
	struct esp_newcomer *n;
	struct esp_lane *lane;
	struct esp_cpu *cpu;
	__u32 records;

	if (!at || !key)
		return 0;
	cpu = esp_cpu_at(at->t, at->cpu);
	rare = esp_rare_at(at->t, slot);
	lane = esp_lane_at(at->t, slot, at->cpu);
	if (!cpu || !rare || !lane)
		return 0;
	n = &cpu->promoted;
	records = n->records;
#if defined(__bpf__)
#pragma clang loop unroll(disable)
#endif
	for (__u32 i = 0; i < ESP_NEW_RECORDS; i++)
		if (i < records)
			esp_account_sa(at, slot, key, &n->record[i], 1);
	/* What came before the records and did not look like one SA with them. */
	lane->packets += n->packets - records;
	lane->bytes += n->bytes;
	ESP_ADD(&rare->outlier, n->packets - records);
	ESP_ADD(&rare->fragments, n->fragments);
	ESP_ADD(&rare->incomplete, n->incomplete);
	return 1;
}

/*
 * The way that a stranger may take, or -1: an empty one, else the one that was silent for longest. One that showed
 * several packets is kept for new_hold, one of a single packet younger than new_fresh is given up only every eighth
 * time, so that a flood does not wash out the SAs that start meanwhile.
 */
ESP_INLINE int esp_new_victim(const struct esp_new_set *set, const struct esp_config *cfg, __u64 now)
{
	__u64 oldest = ~0ULL;
	int victim = -1;

#if defined(__bpf__)
#pragma unroll
#endif
	for (int i = 0; i < (int)ESP_NEW_WAYS; i++) {
		__u64 silent = now - set->last[i];

		if (!set->tag[i])
			return i;
		if (set->packets[i] > 1 ? silent < cfg->new_hold : silent < cfg->new_fresh && set->turn % 8)
			continue;
		if (set->last[i] >= oldest)
			continue;
		oldest = set->last[i];
		victim = i;
	}
	return victim;
}

ESP_INLINE void esp_new_record(struct esp_newcomer *n, const struct esp_record *r)
{
	n->packets++;
	switch (n->records) {
	case 0:
		n->record[0] = *r;
		n->records = 1;
		break;
	case 1:
		n->record[1] = *r;
		n->records = 2;
		break;
	case 2:
		n->record[2] = *r;
		n->records = 3;
		break;
	default: /* nothing like an SA so far: the oldest is forgotten, its packet stays counted */
		n->bytes += n->record[0].ip_length;
		n->record[0] = n->record[1];
		n->record[1] = n->record[2];
		n->record[2] = *r;
		break;
	}
}

/* So many packets of an SA that has no place and is not in the SADB will not be heard of again. */
ESP_INLINE void esp_forget_unknown(struct esp_cpu *cpu, __u64 id, __u32 packets)
{
	__u64 index = esp_sums_index(id) & (ESP_SUMS - 1);

	ESP_OPAQUE(index);
	cpu->retired[index].unknown += packets;
}

/*
 * esp_admit(), and the slot is told whether its SA is in the SADB. `before`: packets since `first_time` that came while it
 * was not.
 */
ESP_INLINE __u32 esp_admit_known(const struct esp_at *at, const struct esp_sa_key *key, __u64 hash,
				 const struct esp_record *r, __u64 first_time, __u32 before, int in_sadb)
{
	__u32 slot = esp_admit(at, key, hash, r->sequence, first_time);
	struct esp_sa_known *known;

	if (slot == ESP_NO_SLOT || in_sadb < 0)
		return slot;
	known = esp_known_at(at->t, slot);
	if (!known)
		return slot;
	known->since = in_sadb ? at->now : first_time;
	if (in_sadb && at->now - first_time < esp_cfg(at->t)->grace)
		known->grace = before;
	else if (in_sadb)
		known->unknown = before;
	known->base = in_sadb ? before : 0;
	ESP_WRITE(known->state, in_sadb ? ESP_KNOWN_IN : ESP_KNOWN_EARLY);
	return slot;
}

/*
 * A packet of an SA that had no slot when we looked. Returns the slot that it has now, for esp_replay() and
 * the packet itself, or ESP_NO_SLOT when the packet is dealt with.
 */
ESP_SLOW __u32 esp_account_new(const struct esp_at *at, const struct esp_sa_key *key, __u64 hash,
			       const struct esp_record *r)
{
	struct esp_newcomer *n;
	__u32 slot = ESP_NO_SLOT, way;
	struct esp_new_set *set;
	struct esp_cpu *cpu;
	int victim, in_sadb;

	if (!at || !key || !r)
		return ESP_NO_SLOT;
	set = esp_new_set(at->t, hash);
	cpu = esp_cpu_at(at->t, at->cpu);
	if (!set || !cpu)
		return ESP_NO_SLOT;
	in_sadb = esp_in_sadb(at->t, key, hash);
	if (!esp_lock(&set->lock)) {
		cpu->loss[ESP_LOSS_REFUSED] += r->segments;
		return ESP_NO_SLOT;
	}
	way = esp_new_find(set, key, hash);
	if (way < ESP_NEW_WAYS) {
		n = &set->way[way];
		set->last[way] = r->now;
		if (in_sadb <= 0 && r->segments == 1 &&
		    !(n->records == ESP_NEW_RECORDS && esp_looks_like_sa(n, r))) {
			esp_new_record(n, r);
			set->packets[way] = n->packets;
			goto out;
		}
		slot = esp_admit_known(at, &n->key, hash, &n->record[0], n->first, n->packets, in_sadb);
		if (slot != ESP_NO_SLOT) {
			cpu->promoted = *n;
			n->key.id = 0;
			set->tag[way] = 0;
		} else {
			cpu->loss[ESP_LOSS_REFUSED] +=
				r->segments; /* an SA, but all of its places are in use */
		}
		goto out;
	}
	cpu->promoted.records = 0;
	cpu->promoted.packets = 0;
	cpu->promoted.bytes = 0;
	cpu->promoted.fragments = 0;
	cpu->promoted.incomplete = 0;
	slot = esp_find(at->t, key, hash); /* another CPU may have promoted it since we looked */
	if (slot != ESP_NO_SLOT)
		goto out;
	if (in_sadb > 0 || r->segments > 1) {
		/* Only our own kernel makes GSO packets of ESP: no stranger. (Nor do records hold more than one number.) */
		slot = esp_admit_known(at, key, hash, r, r->now, 0, in_sadb);
		if (slot == ESP_NO_SLOT)
			cpu->loss[ESP_LOSS_REFUSED] += r->segments;
		goto out;
	}
	victim = esp_new_victim(set, esp_cfg(at->t), at->now);
	if (victim < 0 || victim >= (int)ESP_NEW_WAYS) {
		cpu->loss[ESP_LOSS_REFUSED]++;
		set->turn++;
		if (!in_sadb)
			esp_forget_unknown(cpu, key->id, 1);
		goto out;
	}
	n = &set->way[victim];
	if (set->tag[victim]) {
		cpu->loss[ESP_LOSS_EVICTED] += n->packets;
		set->turn++;
		if (!in_sadb)
			esp_forget_unknown(cpu, n->key.id, n->packets);
	}
	set->tag[victim] = esp_new_tag(hash);
	set->packets[victim] = 1;
	set->last[victim] = r->now;
	n->key = *key;
	n->first = r->now;
	n->packets = 0;
	n->records = 0;
	n->bytes = 0;
	n->fragments = 0;
	n->incomplete = 0;
	esp_new_record(n, r);
out:
	esp_unlock(&set->lock);
	return slot;
}

/* ---- one packet ---- */

/* A packet of class ESP, ESP in UDP or AH, of `segments` sequence numbers, against its SA. */
ESP_INLINE void esp_account(const struct esp_at *at, struct esp_packet *p, __u32 segments)
{
	__u8 protocol = p->cls == ESP_CLASS_AH ? ESP_IPPROTO_AH : ESP_IPPROTO_ESP;
	__u64 hash;
	__u32 slot;

	p->key.id = esp_sa_id(p->spi, protocol, p->family, at->direction);
	p->r.now = at->now;
	p->r.ifindex = at->ifindex;
	p->r.flags = p->flags & ESP_RUN_FLAGS;
	p->r.fragment = p->flags & ESP_PKT_FIRST;
	p->r.segments = segments;
	hash = esp_sa_hash(&p->key, esp_cfg(at->t)->seed);
	slot = esp_find(at->t, &p->key, hash);
	if (ESP_UNLIKELY(slot == ESP_NO_SLOT)) {
		slot = esp_account_new(at, &p->key, hash, &p->r);
		if (slot == ESP_NO_SLOT)
			return;
		esp_replay(at, slot, &p->key);
	}
	esp_account_sa(at, slot, &p->key, &p->r, 0);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fragment.h - whose fragment is it, and did the packet ever become whole
 *
 * Later fragments carry no transport header: they are tied to their packet by source, destination, identification and,
 * with IPv4, protocol (RFC 791, RFC 8200). One whose first fragment was one of ours is of class `fragment`, and its bytes are its
 * SA's; one that comes before the first is `other`, but remembered, so that a reordered packet still completes.
 * The kernel loses a packet whose fragments do not all come, although its first was `received`: such sets are counted.
 */
#ifndef ESPIAL_FRAGMENT_H
#define ESPIAL_FRAGMENT_H

#include "account.h"

/* What a fragment adds to its SA. */
struct esp_credit {
	__u32 bytes, fragments;
	__u32 reassembled; /* IP length of the whole packet; 0: not complete by this */
	__u32 incomplete;
};

/* Gives the credit to the SA or the newcomer `key`; to nobody when its entry has been replaced. */
ESP_SLOW int esp_credit_sa(const struct esp_at *at, const struct esp_sa_key *key, const struct esp_credit *c)
{
	struct esp_new_set *set;
	struct esp_tables *t;
	__u32 slot, way;
	__u64 hash;

	if (!at || !key || !c)
		return 0;
	t = at->t;
	hash = esp_sa_hash(key, esp_cfg(t)->seed);
	slot = esp_find(t, key, hash);
	if (slot != ESP_NO_SLOT) {
		struct esp_lane *lane = esp_lane_at(t, slot, at->cpu);
		struct esp_sa_rare *rare = esp_rare_at(t, slot);

		if (!lane || !rare)
			return 0;
		/* Not part of the run, whose packets may come by another interface. */
		lane->bytes += c->bytes;
		lane->run_bytes += c->bytes;
		esp_count_interface(rare, at->ifindex, 0, c->bytes);
		if (c->reassembled > lane->size_max)
			lane->size_max = c->reassembled;
		if (c->reassembled && ~c->reassembled > lane->size_min_inv)
			lane->size_min_inv = ~c->reassembled;
		ESP_ADD(&rare->fragments, c->fragments);
		ESP_ADD(&rare->incomplete, c->incomplete);
		return 1;
	}
	set = esp_new_set(t, hash);
	if (!set || !esp_lock(&set->lock))
		return 0;
	way = esp_new_find(set, key, hash);
	if (way < ESP_NEW_WAYS) {
		set->way[way].bytes += c->bytes;
		set->way[way].fragments += c->fragments;
		set->way[way].incomplete += c->incomplete;
	}
	esp_unlock(&set->lock);
	return 1;
}

ESP_INLINE int esp_same_fragment(const struct esp_fragment_set *s, const struct esp_packet *p, __u64 id)
{
	return s->id == id && s->src[0] == p->r.src[0] && s->src[1] == p->r.src[1] &&
	       s->dst[0] == p->key.dst[0] && s->dst[1] == p->key.dst[1];
}

/* Adds a piece; a repeated one adds nothing to what is there. */
ESP_INLINE void esp_add_piece(struct esp_fragment_set *s, const struct esp_packet *p)
{
	__u16 offset = (__u16)(p->fragment_offset / 8);
	/* cppcheck-suppress nullPointerRedundantCheck; the caller's `s` is set by then */
	__u32 pieces = s->pieces;

	if (p->flags & ESP_PKT_LAST)
		s->total = (__u32)p->fragment_offset + p->fragment_length;
#if defined(__bpf__)
#pragma unroll
#endif
	for (__u32 i = 0; i < ESP_FRAGMENT_PIECES; i++)
		if (i < pieces && s->offset[i] == offset)
			return;
#if defined(__bpf__)
#pragma unroll
#endif
	for (__u32 i = 0; i < ESP_FRAGMENT_PIECES; i++)
		if (i == pieces)
			s->offset[i] = offset;
	if (pieces < ESP_FRAGMENT_PIECES)
		s->pieces++;
	s->have += p->fragment_length;
}

ESP_INLINE void esp_fragment_reset(struct esp_fragment_set *s, const struct esp_packet *p, __u64 id,
				   __u64 now)
{
	s->src[0] = p->r.src[0];
	s->src[1] = p->r.src[1];
	s->dst[0] = p->key.dst[0];
	s->dst[1] = p->key.dst[1];
	s->id = id;
	s->sa.id = 0;
	s->first_time = now;
	s->have = 0;
	s->total = 0;
	s->header = 0;
	s->orphan_bytes = 0;
	s->orphans = 0;
	s->pieces = 0;
	s->state = ESP_FRAGMENT_ORPHAN;
}

/* Is it worth remembering before the first fragment has come? */
ESP_INLINE int esp_fragment_may_be_ours(const struct esp_packet *p)
{
	return p->protocol == ESP_IPPROTO_ESP || p->protocol == ESP_IPPROTO_AH ||
	       p->protocol == ESP_IPPROTO_UDP || p->protocol == ESP_IPPROTO_IPCOMP;
}

/*
 * One fragment. A first one is of a class of ours, with its SA in the packet's key (id 0: a class without SAs). Returns 1 when
 * the packet is known to be one of ours.
 */
ESP_SLOW int esp_fragment(const struct esp_at *at, const struct esp_packet *p)
{
	struct esp_sa_key owner = {.id = 0}, lost_owner = {.id = 0};
	struct esp_fragment_set *s = 0, *victim = 0;
	struct esp_credit credit = {.bytes = 0};
	struct esp_fragment_bucket *bucket;
	const struct esp_config *cfg;
	__u64 oldest = ~0ULL, id, hash;
	struct esp_cpu *cpu;
	int first, ours;

	if (!at || !p)
		return 0;
	cfg = esp_cfg(at->t);
	first = p->flags & ESP_PKT_FIRST;
	ours = !!first;
	/* IPv6 has no protocol in it: the fragments' next headers differ (RFC 8200 section 4.5). */
	id = (__u64)p->fragment_id << 32 | (p->family == 4 ? (__u32)p->protocol << 16 : 0) |
	     (__u32)p->family << 8 | (__u32)at->direction | ESP_FRAGMENT_USED;
	hash = esp_mix(esp_mix(p->r.src[0] ^ p->key.dst[0]) ^ p->r.src[1] ^
		       esp_mix(p->key.dst[1] ^ id ^ cfg->seed));
	bucket = esp_fragment_at(at->t, (__u32)hash & cfg->fragment_mask);
	cpu = esp_cpu_at(at->t, at->cpu);
	if (!bucket || !cpu)
		return ours;
	if (!esp_lock(&bucket->lock)) {
		cpu->loss[ESP_LOSS_FRAGMENTS_UNTRACKED]++;
		return ours;
	}
#if defined(__bpf__)
#pragma unroll
#endif
	for (int i = 0; i < ESP_FRAGMENT_WAYS; i++) {
		struct esp_fragment_set *w = &bucket->way[i];
		__u64 age = !w->id || w->state == ESP_FRAGMENT_COMPLETE ? 0 : w->first_time;

		if (esp_same_fragment(w, p, id))
			s = w;
		if (age < oldest) {
			oldest = age;
			victim = w;
		}
	}
	if (s && (at->now - s->first_time >= cfg->fragment_timeout ||
		  (first && s->state == ESP_FRAGMENT_COMPLETE))) {
		victim = s; /* the identification is used anew */
		s = 0;
	}
	if (!s) {
		if (!victim || (!first && !esp_fragment_may_be_ours(p)))
			goto out;
		if (victim->id && victim->state == ESP_FRAGMENT_OPEN) {
			if (at->now - victim->first_time >= cfg->fragment_timeout)
				lost_owner = victim->sa;
			else
				cpu->loss[ESP_LOSS_FRAGMENTS_UNTRACKED]++;
		}
		esp_fragment_reset(victim, p, id, at->now);
		s = victim;
	}
	esp_add_piece(s, p);
	if (first) {
		if (s->state == ESP_FRAGMENT_ORPHAN) {
			s->state = ESP_FRAGMENT_OPEN;
			s->sa = p->key;
			/* The header of the whole packet, which has no fragment header. */
			s->header = p->r.ip_length - p->fragment_length - (p->family == 6 ? 8 : 0);
			credit.bytes = s->orphan_bytes;
			credit.fragments = s->orphans;
		}
	} else if (s->state == ESP_FRAGMENT_ORPHAN) {
		s->orphan_bytes += p->r.ip_length;
		s->orphans++;
		goto out;
	} else {
		ours = 1;
		credit.bytes = p->r.ip_length;
		credit.fragments = 1;
	}
	owner = s->sa;
	if (s->state == ESP_FRAGMENT_OPEN && s->total && s->have >= s->total) {
		s->state = ESP_FRAGMENT_COMPLETE;
		credit.reassembled = s->header + s->total;
	}
out:
	esp_unlock(&bucket->lock);
	if (owner.id)
		esp_credit_sa(at, &owner, &credit);
	if (lost_owner.id) {
		struct esp_credit lost = {.incomplete = 1};

		esp_credit_sa(at, &lost_owner, &lost);
	}
	return ours;
}

#endif

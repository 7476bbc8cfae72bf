// SPDX-License-Identifier: GPL-2.0-or-later
/* diagnosis_memory.c - what the engine keeps from one look to the next */
#include "diagnose/diagnosis_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t hash_bytes(const void *bytes, size_t size, uint64_t h)
{
	const uint8_t *at = bytes;

	while (size--)
		h = (h ^ *at++) * UINT64_C(0x100000001b3); /* FNV-1a */
	return h;
}

static size_t bucket(uint64_t h)
{
	return (size_t)((h ^ h >> 32) % DIAGNOSIS_BUCKETS);
}

static size_t key_bucket(const struct subject_key *key)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	h = hash_bytes(key->tunnel, strlen(key->tunnel), h);
	h = hash_bytes(key->peer, strlen(key->peer), h);
	h = hash_bytes(key->interface, strlen(key->interface), h);
	h = hash_bytes(&key->spi, sizeof(key->spi), h);
	return bucket(hash_bytes(&key->rule, sizeof(key->rule), h));
}

static bool same_key(const struct subject_key *a, const struct subject_key *b)
{
	return a->rule == b->rule && a->spi == b->spi && a->has_spi == b->has_spi &&
	       strcmp(a->tunnel, b->tunnel) == 0 && strcmp(a->peer, b->peer) == 0 &&
	       strcmp(a->interface, b->interface) == 0;
}

const char *rule_address(const uint8_t address[16], char ret[RULE_ADDRESS])
{
	static const uint8_t v4_mapped[12] = {[10] = 0xff, [11] = 0xff};
	bool v4 = memcmp(address, v4_mapped, sizeof(v4_mapped)) == 0;

	if (!inet_ntop(v4 ? AF_INET : AF_INET6, address + (v4 ? 12 : 0), ret, RULE_ADDRESS))
		ret[0] = '\0';
	return ret;
}

void subject_key_make(const struct rule_run *r, const struct rule_subject *subject, struct subject_key *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->rule = (uint32_t)(r->row - r->d->rules);
	ret->spi = subject->has_spi ? subject->spi : 0;
	ret->has_spi = subject->has_spi;
	if (subject->tunnel)
		snprintf(ret->tunnel, sizeof(ret->tunnel), "%s", subject->tunnel->name);
	if (subject->peer)
		snprintf(ret->peer, sizeof(ret->peer), "%s", subject->peer);
	else if (subject->tunnel)
		rule_address(subject->tunnel->remote, ret->peer);
	if (subject->interface)
		snprintf(ret->interface, sizeof(ret->interface), "%s", subject->interface);
}

struct diagnosis_entry *diagnosis_entry(struct diagnosis *d, const struct subject_key *key, bool make)
{
	struct diagnosis_entry **at = &d->entries[key_bucket(key)], *entry;

	for (entry = *at; entry; entry = entry->next)
		if (same_key(&entry->key, key))
			return entry;
	if (!make || d->entry_count >= DIAGNOSIS_ENTRIES)
		return NULL;
	entry = calloc(1, sizeof(*entry));
	if (!entry) {
		d->no_memory = true;
		return NULL;
	}
	entry->key = *key;
	entry->next = *at;
	*at = entry;
	d->entry_count++;
	return entry;
}

void diagnosis_entry_free(struct diagnosis_entry *entry)
{
	findings_free(&entry->now);
	findings_free(&entry->fresh);
	free(entry);
}

uint64_t *rule_memory(struct rule_run *r, const struct rule_subject *subject)
{
	struct diagnosis_number **at, *number;
	struct subject_key key;

	subject_key_make(r, subject, &key);
	at = &r->d->numbers[key_bucket(&key)];
	for (number = *at; number && !same_key(&number->key, &key); number = number->next)
		;
	if (!number) {
		number = calloc(1, sizeof(*number));
		if (!number) {
			r->d->no_memory = true;
			return NULL;
		}
		number->key = key;
		number->next = *at;
		*at = number;
	}
	number->look = r->d->look;
	return &number->value;
}

/* ---- which tunnel is between two addresses */

/* The same whichever comes first. */
static size_t pair_hash(const uint8_t one[16], const uint8_t other[16])
{
	uint64_t start = UINT64_C(0xcbf29ce484222325);

	return (size_t)(hash_bytes(one, 16, start) + hash_bytes(other, 16, start));
}

static bool is_between(const struct state_tunnel *t, const uint8_t one[16], const uint8_t other[16])
{
	return (memcmp(t->local, one, 16) == 0 && memcmp(t->remote, other, 16) == 0) ||
	       (memcmp(t->local, other, 16) == 0 && memcmp(t->remote, one, 16) == 0);
}

/* 0 or -ENOMEM. */
static int index_pairs(struct diagnosis *d, const struct state *state)
{
	size_t room = 16, at;

	while (room < state->tunnel_count * 2)
		room *= 2;
	if (room > d->pair_room) {
		uint32_t *more = realloc(d->pairs, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		d->pairs = more;
		d->pair_room = room;
	}
	d->pair_mask = room - 1;
	memset(d->pairs, 0, room * sizeof(*d->pairs));
	for (size_t i = 0; i < state->tunnel_count; i++) {
		const struct state_tunnel *t = &state->tunnels[i];

		for (at = pair_hash(t->local, t->remote) & d->pair_mask; d->pairs[at];
		     at = (at + 1) & d->pair_mask)
			if (is_between(&state->tunnels[d->pairs[at] - 1], t->local, t->remote))
				break; /* several tunnels of one pair: the first stands for them */
		if (!d->pairs[at])
			d->pairs[at] = (uint32_t)i + 1;
	}
	return 0;
}

const struct state_tunnel *rule_tunnel_of(const struct rule_run *r, const uint8_t one[16],
					  const uint8_t other[16])
{
	const struct diagnosis *d = r->d;
	const struct state *state = r->input->state;

	for (size_t at = pair_hash(one, other) & d->pair_mask; d->pairs[at]; at = (at + 1) & d->pair_mask)
		if (is_between(&state->tunnels[d->pairs[at] - 1], one, other))
			return &state->tunnels[d->pairs[at] - 1];
	return NULL;
}

/* ---- counters of tunnels */

static struct diagnosis_history **history_at(struct diagnosis *d, const char *tunnel)
{
	uint64_t h = hash_bytes(tunnel, strlen(tunnel), UINT64_C(0xcbf29ce484222325));
	struct diagnosis_history **at = &d->histories[bucket(h)];

	while (*at && strcmp((*at)->tunnel, tunnel) != 0)
		at = &(*at)->next;
	return at;
}

int diagnosis_remember(struct diagnosis *d, const struct diagnose_input *input)
{
	if (index_pairs(d, input->state) != 0)
		return -ENOMEM;
	for (size_t i = 0; i < input->state->tunnel_count; i++) {
		const struct state_tunnel *tunnel = &input->state->tunnels[i];
		struct diagnosis_history **at = history_at(d, tunnel->name), *h = *at;
		uint64_t last;

		if (!h) {
			h = *at = calloc(1, sizeof(*h));
			if (!h)
				return -ENOMEM;
			snprintf(h->tunnel, sizeof(h->tunnel), "%s", tunnel->name);
		}
		h->look = d->look;
		last = h->count ? h->steps[(h->count - 1) % DIAGNOSIS_STEPS].ns : 0;
		if (h->count && input->now_ns < last + DIAGNOSIS_STEP_S * DIAGNOSIS_SECOND)
			continue;
		h->steps[h->count % DIAGNOSIS_STEPS].ns = input->now_ns;
		h->steps[h->count % DIAGNOSIS_STEPS].in = tunnel->in;
		h->steps[h->count % DIAGNOSIS_STEPS].out = tunnel->out;
		h->count++;
	}
	return 0;
}

static void gain(const struct state_tunnel_counters *now, const struct state_tunnel_counters *before,
		 struct state_tunnel_counters *ret)
{
#define GAIN(member) ret->member = now->member > before->member ? now->member - before->member : 0
	GAIN(packets);
	GAIN(bytes);
	GAIN(received);
	GAIN(lost);
	GAIN(late);
	GAIN(duplicate);
	GAIN(too_old);
	GAIN(fragmented);
	GAIN(fragments_incomplete);
#undef GAIN
}

bool rule_tunnel_gain(struct rule_run *r, const struct state_tunnel *tunnel, uint32_t seconds,
		      struct state_tunnel_counters *ret_in, struct state_tunnel_counters *ret_out,
		      uint64_t *ret_ns)
{
	const struct diagnosis_history *h = *history_at(r->d, tunnel->name);
	uint64_t kept = !h ? 0 : h->count < DIAGNOSIS_STEPS ? h->count : DIAGNOSIS_STEPS, i, best;
	uint64_t now = r->input->now_ns;

	if (!kept)
		return false;
	best = h->count - kept; /* the oldest, unless a later one is old enough */
	for (i = best; i < h->count; i++)
		if (h->steps[i % DIAGNOSIS_STEPS].ns + seconds * DIAGNOSIS_SECOND <= now)
			best = i;
	if (h->steps[best % DIAGNOSIS_STEPS].ns >= now)
		return false;
	*ret_ns = now - h->steps[best % DIAGNOSIS_STEPS].ns;
	gain(&tunnel->in, &h->steps[best % DIAGNOSIS_STEPS].in, ret_in);
	gain(&tunnel->out, &h->steps[best % DIAGNOSIS_STEPS].out, ret_out);
	return true;
}

void diagnosis_forget(struct diagnosis *d, bool all)
{
	for (size_t i = 0; i < DIAGNOSIS_BUCKETS; i++) {
		for (struct diagnosis_number **at = &d->numbers[i]; *at;) {
			struct diagnosis_number *number = *at;

			if (!all && number->look == d->look) {
				at = &number->next;
				continue;
			}
			*at = number->next;
			free(number);
		}
		for (struct diagnosis_history **at = &d->histories[i]; *at;) {
			struct diagnosis_history *history = *at;

			if (!all && history->look == d->look) {
				at = &history->next;
				continue;
			}
			*at = history->next;
			free(history);
		}
	}
}

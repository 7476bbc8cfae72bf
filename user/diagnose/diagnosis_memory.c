// SPDX-License-Identifier: GPL-2.0-or-later
/* diagnosis_memory.c - what the engine keeps from one look to the next */
#include "diagnose/diagnosis_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/address.h"

#define HASH_START UINT64_C(0xcbf29ce484222325) /* FNV-1a */

static uint64_t hash_bytes(const void *bytes, size_t size, uint64_t h)
{
	const uint8_t *at = bytes;

	while (size--)
		h = (h ^ *at++) * UINT64_C(0x100000001b3);
	return h;
}

static size_t bucket(uint64_t h)
{
	return (size_t)((h ^ h >> 32) % DIAGNOSIS_BUCKETS);
}

static size_t key_bucket(const struct subject_key *key)
{
	uint64_t h = HASH_START;

	h = hash_bytes(key->tunnel, strlen(key->tunnel), h);
	h = hash_bytes(key->peer, strlen(key->peer), h);
	h = hash_bytes(key->interface, strlen(key->interface), h);
	h = hash_bytes(key->object, strlen(key->object), h);
	h = hash_bytes(&key->spi, sizeof(key->spi), h);
	return bucket(hash_bytes(&key->rule, sizeof(key->rule), h));
}

static bool same_key(const struct subject_key *a, const struct subject_key *b)
{
	return a->rule == b->rule && a->spi == b->spi && a->has_spi == b->has_spi &&
	       strcmp(a->tunnel, b->tunnel) == 0 && strcmp(a->peer, b->peer) == 0 &&
	       strcmp(a->interface, b->interface) == 0 && strcmp(a->object, b->object) == 0;
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
	else if (subject->address)
		address_text(subject->address, ret->peer);
	else if (subject->tunnel)
		address_text(subject->tunnel->remote, ret->peer);
	if (subject->interface)
		snprintf(ret->interface, sizeof(ret->interface), "%s", subject->interface);
	if (subject->object)
		snprintf(ret->object, sizeof(ret->object), "%s", subject->object);
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

/* ---- finding things in the input */

/* Empties it, with room for `count`. 0 or -ENOMEM. */
static int index_begin(struct diagnosis_index *index, size_t count)
{
	size_t room = 16;

	while (room < count * 2)
		room *= 2;
	if (room > index->room) {
		uint32_t *more = realloc(index->slots, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		index->slots = more;
		index->room = room;
	}
	index->mask = room - 1;
	memset(index->slots, 0, room * sizeof(*index->slots));
	return 0;
}

static bool is_between(const struct state_tunnel *t, const uint8_t one[16], const uint8_t other[16])
{
	return (memcmp(t->local, one, 16) == 0 && memcmp(t->remote, other, 16) == 0) ||
	       (memcmp(t->local, other, 16) == 0 && memcmp(t->remote, one, 16) == 0);
}

/* The slot of the tunnel between these two, or the free one where it belongs. */
static uint32_t *pair_slot(const struct diagnosis *d, const struct state *state, const uint8_t one[16],
			   const uint8_t other[16])
{
	size_t at = address_hash_pair(one, other) & d->pairs.mask;

	while (d->pairs.slots[at] && !is_between(&state->tunnels[d->pairs.slots[at] - 1], one, other))
		at = (at + 1) & d->pairs.mask;
	return &d->pairs.slots[at];
}

static uint32_t *kernel_slot(const struct diagnosis *d, const struct fact_kernel *kernel, uint32_t spi,
			     uint8_t protocol, const uint8_t destination[16])
{
	size_t at =
		address_mix(address_hash(destination) ^ spi ^ (uint64_t)protocol << 32) & d->kernel_sas.mask;

	for (; d->kernel_sas.slots[at]; at = (at + 1) & d->kernel_sas.mask) {
		const struct fact_sa *fact = &kernel->sas[d->kernel_sas.slots[at] - 1];

		if (fact->spi == spi && fact->protocol == protocol &&
		    memcmp(fact->destination, destination, 16) == 0)
			break;
	}
	return &d->kernel_sas.slots[at];
}

/* Dozens of rules ask for the tunnel of each conversation: it is looked for once. 0 or -ENOMEM. */
static int index_talks(struct diagnosis *d, const struct state *state)
{
	const struct conversation_sa *sa = NULL;
	size_t count = 0;

	while (state->ike && (sa = conversation_next(state->ike, sa)))
		count++;
	if (index_begin(&d->talks, count) != 0)
		return -ENOMEM;
	count = 0;
	while (state->ike && (sa = conversation_next(state->ike, sa)))
		d->talks.slots[count++] =
			*pair_slot(d, state, sa->path.end[0].address, sa->path.end[1].address);
	return 0;
}

/* Of what is there several times, the first. 0 or -ENOMEM. */
static int index_input(struct diagnosis *d, const struct diagnose_input *input)
{
	const struct fact_kernel *kernel = input->kernel;
	const struct state *state = input->state;
	size_t sas = kernel && kernel->available ? kernel->sa_count : 0;
	uint32_t *slot;

	if (index_begin(&d->pairs, state->tunnel_count) != 0 || index_begin(&d->kernel_sas, sas) != 0)
		return -ENOMEM;
	for (size_t i = 0; i < state->tunnel_count; i++) {
		slot = pair_slot(d, state, state->tunnels[i].local, state->tunnels[i].remote);
		*slot = *slot ? *slot : (uint32_t)i + 1;
	}
	for (size_t i = 0; i < sas; i++) {
		const struct fact_sa *sa = &kernel->sas[i];

		slot = kernel_slot(d, kernel, sa->spi, sa->protocol, sa->destination);
		*slot = *slot ? *slot : (uint32_t)i + 1;
	}
	return index_talks(d, state);
}

const struct state_tunnel *rule_tunnel_of(const struct rule_run *r, const uint8_t one[16],
					  const uint8_t other[16])
{
	uint32_t found = *pair_slot(r->d, r->input->state, one, other);

	return found ? &r->input->state->tunnels[found - 1] : NULL;
}

const struct state_tunnel *rule_tunnel_of_talk(const struct rule_run *r, size_t nth)
{
	uint32_t found = r->d->talks.slots[nth];

	return found ? &r->input->state->tunnels[found - 1] : NULL;
}

const struct fact_sa *rule_kernel_sa(const struct rule_run *r, const struct state_sa *sa)
{
	uint32_t found = *kernel_slot(r->d, r->input->kernel, sa->spi, sa->protocol, sa->destination);

	return found ? &r->input->kernel->sas[found - 1] : NULL;
}

/* ---- counters of tunnels */

static struct diagnosis_history **history_at(struct diagnosis *d, const char *tunnel)
{
	uint64_t h = hash_bytes(tunnel, strlen(tunnel), HASH_START);
	struct diagnosis_history **at = &d->histories[bucket(h)];

	while (*at && strcmp((*at)->tunnel, tunnel) != 0)
		at = &(*at)->next;
	return at;
}

static struct diagnosis_step *step_of(struct diagnosis_history *h, uint64_t i)
{
	return &h->steps[i % DIAGNOSIS_STEPS];
}

int diagnosis_remember(struct diagnosis *d, const struct diagnose_input *input)
{
	if (index_input(d, input) != 0)
		return -ENOMEM;
	for (size_t i = 0; i < input->state->tunnel_count; i++) {
		const struct state_tunnel *tunnel = &input->state->tunnels[i];
		struct diagnosis_history **at = history_at(d, tunnel->name), *h = *at;

		if (!h) {
			h = *at = calloc(1, sizeof(*h));
			if (!h)
				return -ENOMEM;
			snprintf(h->tunnel, sizeof(h->tunnel), "%s", tunnel->name);
		}
		h->look = d->look;
		if (h->count &&
		    input->now_ns < step_of(h, h->count - 1)->ns + DIAGNOSIS_STEP_S * DIAGNOSIS_SECOND)
			continue;
		*step_of(h, h->count++) =
			(struct diagnosis_step){.ns = input->now_ns, .in = tunnel->in, .out = tunnel->out};
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
	struct diagnosis_history *h = *history_at(r->d, tunnel->name);
	uint64_t kept = !h ? 0 : h->count < DIAGNOSIS_STEPS ? h->count : DIAGNOSIS_STEPS, best;

	if (!kept)
		return false;
	best = h->count - kept; /* the oldest, unless a later one is old enough */
	for (uint64_t i = best; i < h->count; i++) {
		if (step_of(h, i)->ns + seconds * DIAGNOSIS_SECOND <= r->input->now_ns)
			best = i;
	}
	if (step_of(h, best)->ns >= r->input->now_ns)
		return false;
	*ret_ns = r->input->now_ns - step_of(h, best)->ns;
	gain(&tunnel->in, &step_of(h, best)->in, ret_in);
	gain(&tunnel->out, &step_of(h, best)->out, ret_out);
	return true;
}

static void share_of(struct state_tunnel_counters *at, const struct state_tunnel_counters *more,
		     uint64_t part_ms, uint64_t whole_ms)
{
	uint64_t *to = (uint64_t *)at;
	const uint64_t *from = (const uint64_t *)more;

	for (size_t i = 0; i < sizeof(*at) / sizeof(*to); i++)
		to[i] += from[i] * part_ms / whole_ms;
}

/* What the counters of a tunnel were then: between two steps they grew evenly, for all that is known. */
static void counters_at(const struct rule_run *r, struct diagnosis_history *h,
			const struct state_tunnel *tunnel, uint64_t ns, struct diagnosis_step *ret)
{
	struct diagnosis_step next = {.ns = r->input->now_ns, .in = tunnel->in, .out = tunnel->out};
	uint64_t kept = h->count < DIAGNOSIS_STEPS ? h->count : DIAGNOSIS_STEPS;
	struct state_tunnel_counters in, out;

	*ret = next;
	for (uint64_t i = h->count; i > h->count - kept && ret->ns > ns; i--) {
		next = *ret;
		*ret = *step_of(h, i - 1);
	}
	if (ret->ns >= ns || next.ns - ret->ns < DIAGNOSIS_SECOND / 1000)
		return;
	gain(&next.in, &ret->in, &in);
	gain(&next.out, &ret->out, &out);
	share_of(&ret->in, &in, (ns - ret->ns) / 1000000, (next.ns - ret->ns) / 1000000);
	share_of(&ret->out, &out, (ns - ret->ns) / 1000000, (next.ns - ret->ns) / 1000000);
}

void rule_tunnel_gain_before(struct rule_run *r, const struct state_tunnel *tunnel, uint64_t span_ns,
			     uint64_t ago_ns, struct state_tunnel_counters *ret_in,
			     struct state_tunnel_counters *ret_out)
{
	struct diagnosis_history *h = *history_at(r->d, tunnel->name);
	struct diagnosis_step begin, end;

	memset(ret_in, 0, sizeof(*ret_in));
	memset(ret_out, 0, sizeof(*ret_out));
	if (!h || span_ns + ago_ns > r->input->now_ns)
		return;
	counters_at(r, h, tunnel, r->input->now_ns - ago_ns, &end);
	counters_at(r, h, tunnel, r->input->now_ns - ago_ns - span_ns, &begin);
	gain(&end.in, &begin.in, ret_in);
	gain(&end.out, &begin.out, ret_out);
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

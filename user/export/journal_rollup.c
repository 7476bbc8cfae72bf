// SPDX-License-Identifier: GPL-2.0-or-later
/* journal_rollup.c - which rows of traffic the journal gets */
#include "export/journal_rollup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND 1000000000ull

struct rollup_base {
	char name[TIMELINE_TUNNEL];
	uint64_t sum[STORE_COUNTERS];
	uint8_t state; /* as last written; UINT8_MAX: never */
	uint8_t fine_worst, coarse_worst;
	uint32_t round; /* when it was last seen */
};

static uint32_t hash(const char *name)
{
	uint32_t h = 2166136261u;

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 16777619u;
	return h;
}

/* The slot of the name, or the free one where it belongs. There always is a free one. */
static uint32_t *slot_of(const struct rollup *r, const char *name)
{
	size_t i = hash(name) & (r->slot_count - 1);

	while (r->slots[i] && strcmp(r->bases[r->slots[i] - 1].name, name) != 0)
		i = (i + 1) & (r->slot_count - 1);
	return &r->slots[i];
}

/* The slots anew, at most half full. */
static int rehash(struct rollup *r, size_t room)
{
	size_t slots = 64, i;
	uint32_t *made;

	while (slots < 2 * room)
		slots *= 2;
	made = calloc(slots, sizeof(*made));
	if (!made)
		return -ENOMEM;
	free(r->slots);
	r->slots = made;
	r->slot_count = slots;
	for (i = 0; i < r->count; i++)
		*slot_of(r, r->bases[i].name) = (uint32_t)(i + 1);
	return 0;
}

static int reserve(struct rollup *r)
{
	size_t room = r->room ? 2 * r->room : 32;
	struct rollup_base *grown;
	int err;

	if (r->count < r->room)
		return 0;
	err = rehash(r, room);
	if (err)
		return err;
	grown = reallocarray(r->bases, room, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	r->bases = grown;
	r->room = room;
	return 0;
}

static int find(struct rollup *r, const char *name, struct rollup_base **ret)
{
	uint32_t *slot;
	int err = reserve(r);

	if (err)
		return err;
	slot = slot_of(r, name);
	if (!*slot) {
		struct rollup_base *base = &r->bases[r->count];

		memset(base, 0, sizeof(*base));
		snprintf(base->name, sizeof(base->name), "%s", name);
		base->state = base->fine_worst = base->coarse_worst = UINT8_MAX;
		*slot = (uint32_t)++r->count;
	}
	*ret = &r->bases[*slot - 1];
	return 0;
}

/* Tunnels that are gone, once they are the most. */
static int forget(struct rollup *r, size_t live)
{
	size_t i, kept = 0;

	if (r->count <= 2 * live + 64)
		return 0;
	for (i = 0; i < r->count; i++)
		if (r->bases[i].round == r->round)
			r->bases[kept++] = r->bases[i];
	r->count = kept;
	return rehash(r, r->room);
}

static void fill(struct store_rollup *row, const struct rollup_base *base, const struct state_tunnel *t)
{
	const struct state_tunnel_counters *side[] = {&t->in, &t->out};

	memset(row, 0, sizeof(*row));
	memcpy(row->tunnel, base->name, sizeof(row->tunnel));
	memcpy(row->local, t->local, sizeof(row->local));
	memcpy(row->remote, t->remote, sizeof(row->remote));
	row->fresh = base->state == UINT8_MAX;
	row->state = (uint8_t)t->state;
	row->fine_worst = base->fine_worst;
	row->coarse_worst = base->coarse_worst;
	for (int i = 0; i < 2; i++) {
		uint64_t *sum = &row->sum[i * STORE_COUNTERS / 2];

		sum[0] = side[i]->packets;
		sum[1] = side[i]->bytes;
		sum[2] = side[i]->lost;
		sum[3] = side[i]->late;
		sum[4] = side[i]->duplicate;
	}
}

static bool changed(const struct rollup_base *base, const struct store_rollup *row)
{
	return base->state != row->state || base->fine_worst != row->state ||
	       memcmp(base->sum, row->sum, sizeof(row->sum)) != 0;
}

static void worse(uint8_t *worst, uint8_t state)
{
	if (state < *worst)
		*worst = state;
}

int rollup_look(struct rollup *r, uint64_t now_ns, const struct state_tunnel *tunnels, size_t count,
		bool (*row)(void *arg, const struct store_rollup *row), void *arg)
{
	uint64_t fine = now_ns / SECOND / JOURNAL_FINE_S * JOURNAL_FINE_S;
	uint64_t coarse = now_ns / SECOND / JOURNAL_COARSE_S * JOURNAL_COARSE_S;
	bool fine_due = fine != r->fine_s, coarse_due = coarse != r->coarse_s;
	struct store_rollup out;
	size_t i;
	int err;

	r->round++;
	for (i = 0; i < count; i++) {
		struct rollup_base *base;

		if (!tunnels[i].name[0])
			continue;
		err = find(r, tunnels[i].name, &base);
		if (err)
			return err;
		base->round = r->round;
		worse(&base->fine_worst, (uint8_t)tunnels[i].state);
		worse(&base->coarse_worst, (uint8_t)tunnels[i].state);
		if (!fine_due && !coarse_due)
			continue;
		fill(&out, base, &tunnels[i]);
		/* At the end of 5 min always, so that rows that miss mean that nobody looked */
		out.fine = coarse_due || changed(base, &out);
		out.coarse = coarse_due;
		out.at_s = fine;
		if (!out.fine || !row(arg, &out))
			continue;
		memcpy(base->sum, out.sum, sizeof(base->sum));
		base->state = base->fine_worst = out.state;
		if (coarse_due)
			base->coarse_worst = out.state;
	}
	r->fine_s = fine;
	r->coarse_s = coarse;
	return forget(r, count);
}

void rollup_free(struct rollup *r)
{
	free(r->bases);
	free(r->slots);
	memset(r, 0, sizeof(*r));
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/unknown.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/address.h"

/* What an SA had at a look. */
struct seen {
	uint64_t id; /* of the SA: a hash of what tells it from others */
	uint64_t packets;
	const uint8_t *source; /* valid during the look that made it */
};

/* What a peer has to do with one look. */
struct share {
	const uint8_t *source;
	uint64_t exact;
	uint64_t weight; /* packets of its newcomers that came since the look before */
};

struct unknown {
	struct unknown_peers peers;
	struct seen *seen; /* by id */
	size_t seen_count;
	uint64_t total, looked_ns;
	bool begun;
};

struct unknown *unknown_new(void)
{
	return calloc(1, sizeof(struct unknown));
}

void unknown_free(struct unknown *u)
{
	if (u)
		free(u->seen);
	free(u);
}

const struct unknown_peers *unknown_peers(const struct unknown *u)
{
	return &u->peers;
}

static uint64_t id_of(const struct state_sa *sa)
{
	return address_mix(address_hash(sa->destination) ^
			   ((uint64_t)sa->spi << 32 | (uint64_t)sa->protocol << 8 | sa->family));
}

static int by_id(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

static int by_source(const void *a, const void *b)
{
	const struct share *x = a, *y = b;

	return memcmp(x->source, y->source, 16);
}

static int by_packets(const void *a, const void *b)
{
	const struct unknown_peer *x = a, *y = b;

	return (x->packets < y->packets) - (x->packets > y->packets);
}

/* ---- what a look has */

static uint64_t total_of(const struct state *state)
{
	uint64_t total = 0;

	for (size_t i = 0; i < ESP_SUMS; i++)
		if (i / 2 == ESP_DIR_IN)
			total += state->sums[i].of.unknown;
	for (size_t i = 0; i < state->sa_count; i++)
		if (state->sas[i].newcomer && state->sas[i].direction == ESP_DIR_IN)
			total += state->sas[i].unknown_packets;
	return total;
}

/* Does the kernel tell at all? Where it does, no SA stays undecided for longer than grace. */
static bool is_told(const struct state *state)
{
	for (size_t i = 0; i < state->sa_count; i++)
		if (state->sas[i].known >= 0)
			return true;
	return false;
}

/* The packets of an SA at the look before; 0: it was not there. Both sides are in order of id. */
static uint64_t before(const struct unknown *u, size_t *at, uint64_t id)
{
	while (*at < u->seen_count && u->seen[*at].id < id)
		++*at;
	return *at < u->seen_count && u->seen[*at].id == id ? u->seen[*at].packets : 0;
}

/* The shares of one source, which follow each other, as one. */
static size_t merge(struct share *share, size_t count)
{
	size_t kept = 0;

	if (count)
		qsort(share, count, sizeof(*share), by_source);
	for (size_t i = 0; i < count; i++) {
		if (kept && memcmp(share[kept - 1].source, share[i].source, 16) == 0) {
			share[kept - 1].exact += share[i].exact;
			share[kept - 1].weight += share[i].weight;
		} else {
			share[kept++] = share[i];
		}
	}
	return kept;
}

/* ---- the peers */

static void credit(struct unknown *u, const struct share *share, uint64_t estimated, uint64_t now_ns)
{
	struct unknown_peers *p = &u->peers;
	struct unknown_peer *peer = NULL, *least = p->peer;
	uint64_t gain = share->exact + estimated;

	if (!gain)
		return;
	for (size_t i = 0; i < p->count && !peer; i++) {
		if (memcmp(p->peer[i].address, share->source, 16) == 0)
			peer = &p->peer[i];
		if (p->peer[i].packets < least->packets)
			least = &p->peer[i];
	}
	if (!peer) {
		if (p->count == UNKNOWN_PEERS && gain <= least->packets) {
			p->others += gain;
			return;
		}
		peer = p->count < UNKNOWN_PEERS ? &p->peer[p->count++] : least;
		p->others += peer->packets;
		*peer = (struct unknown_peer){.first_ns = now_ns};
		memcpy(peer->address, share->source, 16);
	}
	peer->packets += gain;
	peer->estimated += estimated;
	peer->last_ns = now_ns;
}

/* `rest`: packets of which the source was not seen. */
static void share_out(struct unknown *u, const struct share *share, size_t count, uint64_t rest,
		      uint64_t now_ns)
{
	uint64_t weights = 0, left = rest;

	for (size_t i = 0; i < count; i++)
		weights += share[i].weight;
	for (size_t i = 0; i < count; i++) {
		uint64_t part =
			weights ? (uint64_t)((double)rest * (double)share[i].weight / (double)weights) : 0;

		part = part < left ? part : left;
		left -= part;
		credit(u, &share[i], part, now_ns);
	}
	u->peers.others += left;
	qsort(u->peers.peer, u->peers.count, sizeof(*u->peers.peer), by_packets);
}

int unknown_update(struct unknown *u, const struct state *state, uint64_t now_ns)
{
	uint64_t total, gained, exact = 0;
	size_t count = 0, shares = 0, at = 0;
	struct share *share;
	struct seen *now;

	u->peers.known = is_told(state);
	now = malloc((state->sa_count + 1) * sizeof(*now));
	share = malloc((2 * state->sa_count + 1) * sizeof(*share));
	if (!now || !share) {
		free(now);
		free(share);
		return -ENOMEM;
	}
	for (size_t i = 0; i < state->sa_count; i++) {
		const struct state_sa *sa = &state->sas[i];

		if (sa->direction != ESP_DIR_IN)
			continue;
		if (sa->newcomer && sa->known != 1 && sa->last_ns >= u->looked_ns)
			share[shares++] = (struct share){.source = sa->source, .weight = sa->packets};
		if (sa->unknown_packets || sa->known != 1)
			now[count++] = (struct seen){id_of(sa), sa->unknown_packets, sa->source};
	}
	qsort(now, count, sizeof(*now), by_id);
	for (size_t i = 0; i < count; i++) {
		uint64_t had = before(u, &at, now[i].id);

		if (now[i].packets > had) {
			share[shares++] =
				(struct share){.source = now[i].source, .exact = now[i].packets - had};
			exact += now[i].packets - had;
		}
		/* One that is being promoted has none for a while. */
		now[i].packets = now[i].packets > had ? now[i].packets : had;
		now[i].source = NULL;
	}
	free(u->seen);
	u->seen = now;
	u->seen_count = count;
	total = total_of(state);
	/* What tables that were taken over had counted before is nobody's that can be told. */
	gained = u->begun && total > u->total ? total - u->total : 0;
	gained = gained > exact ? gained : exact;
	u->total = total > u->total ? total : u->total;
	u->begun = true;
	u->looked_ns = now_ns;
	u->peers.packets += gained;
	share_out(u, share, merge(share, shares), gained - exact, now_ns);
	free(share);
	return 0;
}

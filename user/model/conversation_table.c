// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * conversation_table.c - where IKE SAs are kept: found by SPIs and by ends, bounded, the half-open apart
 *
 * An IKE SA is half-open until the initiator has used the SPI that the responder chose, or has brought its cookie back: what a
 * sender with an invented address cannot do. Half-open ones are found by SPI only, and replace the oldest half-open one. The others replace only
 * what has ended; when nothing has, the newcomer stays half-open and `refused` counts it.
 */
#include "model/conversation_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void link_init(struct link *link)
{
	link->next = link->previous = link;
}

void link_remove(struct link *link)
{
	link->previous->next = link->next;
	link->next->previous = link->previous;
	link_init(link);
}

void link_append(struct link *head, struct link *link)
{
	link->previous = head->previous;
	link->next = head;
	head->previous->next = link;
	head->previous = link;
}

static uint64_t mix(uint64_t value)
{
	value ^= value >> 32;
	value *= 0xd6e8feb86659fd93ull;
	value ^= value >> 32;
	value *= 0xd6e8feb86659fd93ull;
	return value ^ value >> 32;
}

static uint32_t hash_slot(const struct conversations *c, uint64_t initiator_spi)
{
	return (uint32_t)mix(initiator_spi ^ c->limits.seed) & c->hash_mask;
}

static uint64_t hash_address(const struct conversations *c, const uint8_t address[16])
{
	uint64_t half[2];

	memcpy(half, address, sizeof(half));
	return mix(half[0] ^ mix(half[1] ^ c->limits.seed));
}

/* The same whichever end comes first. */
static struct link *peer_slot(const struct conversations *c, const struct conversation_path *path)
{
	return &c->peers[(hash_address(c, path->end[0].address) + hash_address(c, path->end[1].address)) &
			 c->peer_mask];
}

static uint32_t power_of_two(uint32_t at_least)
{
	uint32_t size = 64;

	while (size < at_least)
		size *= 2;
	return size;
}

int table_init(struct conversations *c)
{
	uint32_t size = power_of_two(c->limits.sas + c->limits.half_open), i;

	c->hash = calloc(size, sizeof(struct conversation_entry *));
	c->peers = malloc(size * sizeof(*c->peers));
	if (!c->hash || !c->peers)
		return -ENOMEM;
	c->hash_mask = c->peer_mask = size - 1;
	for (i = 0; i < size; i++)
		link_init(&c->peers[i]);
	for (i = 0; i < WHEEL_SLOTS; i++)
		link_init(&c->wheel[i]);
	for (i = 0; i < USE_LISTS; i++)
		link_init(&c->use[i]);
	link_init(&c->all);
	return 0;
}

static void entry_free(struct conversation_entry *e)
{
	free(e->sa.kept[0].message);
	free(e->sa.kept[1].message);
	free(e->sa.exchanges);
	free(e->moves);
	free(e);
}

static void table_remove(struct conversations *c, struct conversation_entry *e)
{
	struct conversation_entry **at = &c->hash[hash_slot(c, e->sa.initiator_spi)];

	while (*at != e)
		at = &(*at)->hash_next;
	*at = e->hash_next;
	link_remove(&e->all);
	link_remove(&e->use);
	link_remove(&e->peer);
	link_remove(&e->wheel);
	if (e->sa.half_open)
		c->stats.half_open--;
	else
		c->stats.sas--;
	entry_free(e);
}

void table_free(struct conversations *c)
{
	if (c->all.next)
		while (c->all.next != &c->all)
			table_remove(c, entry_of(c->all.next, all));
	free(c->hash);
	free(c->peers);
}

static bool same_addresses(const struct conversation_path *path, const struct conversation_packet *packet)
{
	const uint8_t *from = packet->source.address, *to = packet->destination.address;

	return (!memcmp(path->end[0].address, from, 16) && !memcmp(path->end[1].address, to, 16)) ||
	       (!memcmp(path->end[1].address, from, 16) && !memcmp(path->end[0].address, to, 16));
}

/*
 * The exact pair of SPIs; else, between the same addresses, one whose responder SPI is not known yet, or for a message that does
 * not carry it (an IKE_SA_INIT request, first or again).
 */
struct conversation_entry *table_find(struct conversations *c, const struct conversation_packet *packet,
				      const struct ike_message *m)
{
	struct conversation_entry *e, *near = NULL;

	for (e = c->hash[hash_slot(c, m->initiator_spi)]; e; e = e->hash_next) {
		if (e->sa.initiator_spi != m->initiator_spi || e->sa.major != m->major)
			continue;
		if (e->sa.responder_spi == m->responder_spi)
			return e;
		if ((!e->sa.responder_spi || !m->responder_spi) && same_addresses(&e->sa.first_path, packet))
			near = e;
	}
	return near;
}

static void make_room(struct conversations *c)
{
	struct conversation_entry *oldest;

	if (c->stats.half_open < c->limits.half_open)
		return;
	oldest = entry_of(c->use[USE_HALF_OPEN].next, use);
	if (c->now_ns < oldest->sa.first_ns + FLOOD_AGE * SECOND && !state_is_end(oldest->sa.state))
		c->stats.flood_ns = c->now_ns;
	c->stats.half_open_evicted++;
	table_remove(c, oldest);
}

static const struct conversation_move no_moves[CONVERSATION_MOVES];

struct conversation_entry *table_add(struct conversations *c, const struct conversation_packet *packet,
				     const struct ike_message *m)
{
	struct conversation_entry *e = calloc(1, sizeof(*e)), **slot;

	if (!e) {
		c->stats.no_memory++;
		return NULL;
	}
	make_room(c);
	if (++c->rate > c->stats.half_open_rate_peak)
		c->stats.half_open_rate_peak = c->rate;
	e->sa.id = ++c->next_id;
	e->sa.initiator_spi = m->initiator_spi;
	e->sa.responder_spi = m->responder_spi;
	e->sa.major = m->major;
	e->sa.minor = m->minor;
	e->sa.half_open = true;
	e->sa.move = no_moves;
	e->sa.first_ns = packet->time_ns;
	slot = &c->hash[hash_slot(c, m->initiator_spi)];
	e->hash_next = *slot;
	*slot = e;
	link_init(&e->peer);
	link_init(&e->wheel);
	link_append(&c->all, &e->all);
	link_append(&c->use[USE_HALF_OPEN], &e->use);
	e->use_list = 1 + USE_HALF_OPEN;
	c->stats.created++;
	c->stats.half_open++;
	return e;
}

/* From half-open to the table of those that both ends take part in. */
static void promote(struct conversations *c, struct conversation_entry *e)
{
	if (c->stats.sas >= c->limits.sas) {
		struct link *ended = &c->use[USE_ENDED];

		if (ended->next == ended) {
			if (e->sa.messages <= 4) /* said once or twice for each, not for each message */
				c->stats.refused++;
			return;
		}
		table_remove(c, entry_of(ended->next, use));
		c->stats.ended_evicted++;
	}
	e->sa.half_open = false;
	c->stats.half_open--;
	c->stats.sas++;
}

void table_settle(struct conversations *c, struct conversation_entry *e)
{
	enum use_list list = e->sa.half_open		 ? USE_HALF_OPEN
			     : state_is_end(e->sa.state) ? USE_ENDED
							 : USE_LIVE;

	/* Nothing is evicted from the live ones: their order does not matter. */
	if (list == USE_LIVE && e->use_list == 1 + USE_LIVE)
		return;
	e->use_list = (uint8_t)(1 + list);
	link_remove(&e->use);
	link_append(&c->use[list], &e->use);
}

bool table_use(struct conversations *c, struct conversation_entry *e)
{
	const uint8_t both = 1u << CONVERSATION_INITIATOR | 1u << CONVERSATION_RESPONDER;
	bool promoted = e->sa.half_open;

	if (e->sa.half_open && (e->proof == both || e->cookie_proof))
		promote(c, e);
	table_settle(c, e);
	promoted = promoted && !e->sa.half_open;
	if (promoted || (e->moved && !e->sa.half_open)) {
		/* Half-open ones are not listed: a flood must not make this list long. */
		link_remove(&e->peer);
		link_append(peer_slot(c, &e->sa.path), &e->peer);
		e->moved = false;
	}
	return promoted;
}

static bool same_ends(const struct conversation_path *a, const struct conversation_path *b)
{
	unsigned int i;

	for (i = 0; i < 2; i++)
		if (!memcmp(a->end[0].address, b->end[i].address, 16) &&
		    !memcmp(a->end[1].address, b->end[1 - i].address, 16))
			return true;
	return false;
}

struct conversation_entry *table_next_of_peers(struct conversations *c, const struct conversation_entry *of,
					       const struct conversation_entry *after)
{
	struct link *head = peer_slot(c, &of->sa.path), *at;

	for (at = after ? after->peer.next : head->next; at != head; at = at->next) {
		struct conversation_entry *e = entry_of(at, peer);

		if (e != of && same_ends(&e->sa.path, &of->sa.path))
			return e;
	}
	return NULL;
}

void table_keep(struct conversation_entry *e, enum conversation_side side,
		const struct conversation_packet *packet)
{
	struct conversation_kept *kept = &e->sa.kept[side];
	uint32_t size = packet->captured < KEPT_MAX ? packet->captured : KEPT_MAX;
	uint8_t *copy = malloc(size);

	if (!copy)
		return; /* what it offers stays unknown */
	memcpy(copy, packet->message, size);
	free(kept->message);
	kept->message = copy;
	kept->captured = size;
	kept->length = packet->length;
}

const struct conversation_sa *conversation_next(const struct conversations *c,
						const struct conversation_sa *previous)
{
	struct link *next = previous ? entry_of_sa(previous)->all.next : c->all.next;

	return next == &c->all ? NULL : &entry_of(next, all)->sa;
}

const struct conversation_sa *conversation_find(const struct conversations *c, uint64_t initiator_spi,
						uint64_t responder_spi)
{
	const struct conversation_entry *e;

	for (e = c->hash[hash_slot(c, initiator_spi)]; e; e = e->hash_next)
		if (e->sa.initiator_spi == initiator_spi && e->sa.responder_spi == responder_spi)
			return &e->sa;
	return NULL;
}

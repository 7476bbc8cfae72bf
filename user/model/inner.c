// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/inner.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "model/inner_networks.h"

struct inner_book {
	struct inner_networks *networks;
	struct inner_tunnel *tunnels; /* never fewer: their counters do not go back */
	size_t count;
	uint32_t *places; /* of the tunnels of the latest look: number in `tunnels`, or STATE_NO_TUNNEL */
	char (*names)[TIMELINE_TUNNEL];
	size_t place_count, place_room;
	struct inner_view view;
};

struct inner_book *inner_book_new(void)
{
	struct inner_book *book = calloc(1, sizeof(*book));

	if (!book)
		return NULL;
	book->networks = inner_networks_new();
	book->tunnels = calloc(INNER_TUNNELS, sizeof(*book->tunnels));
	if (book->networks && book->tunnels)
		return book;
	inner_book_free(book);
	return NULL;
}

void inner_book_free(struct inner_book *book)
{
	if (!book)
		return;
	inner_networks_free(book->networks);
	free(book->tunnels);
	free(book->places);
	free(book->names);
	free(book);
}

/* ---- looks */

static int make_room(struct inner_book *book, size_t count)
{
	size_t room = count * 2;
	uint32_t *places;
	char(*names)[TIMELINE_TUNNEL];

	if (count <= book->place_room)
		return 0;
	places = realloc(book->places, room * sizeof(*places));
	if (!places)
		return -ENOMEM;
	book->places = places;
	names = realloc(book->names, room * sizeof(*names));
	if (!names)
		return -ENOMEM;
	book->names = names;
	book->place_room = room;
	return 0;
}

int inner_book_look(struct inner_book *book, const struct state *state, const struct fact_kernel *kernel,
		    const struct fact_daemon *daemons, size_t daemon_count)
{
	int err;

	book->place_count = 0;
	err = make_room(book, state->tunnel_count);
	if (!err)
		err = inner_networks_learn(book->networks, state, kernel, daemons, daemon_count);
	if (err)
		return err;
	for (size_t i = 0; i < state->tunnel_count; i++) {
		book->places[i] = STATE_NO_TUNNEL; /* looked for when something is said of it */
		memcpy(book->names[i], state->tunnels[i].name, sizeof(book->names[i]));
	}
	book->place_count = state->tunnel_count;
	return 0;
}

/* The record of a tunnel of the latest look. NULL: there is no place. */
static struct inner_tunnel *record_of(struct inner_book *book, uint32_t tunnel)
{
	size_t i;

	if (tunnel >= book->place_count)
		return NULL;
	if (book->places[tunnel] != STATE_NO_TUNNEL)
		return &book->tunnels[book->places[tunnel]];
	for (i = 0; i < book->count && strcmp(book->tunnels[i].name, book->names[tunnel]) != 0; i++)
		;
	if (i == INNER_TUNNELS)
		return NULL;
	if (i == book->count) {
		book->count++;
		memcpy(book->tunnels[i].name, book->names[tunnel], sizeof(book->tunnels[i].name));
	}
	book->places[tunnel] = (uint32_t)i;
	return &book->tunnels[i];
}

/* ---- events */

static void note_syn(struct inner_side *side, const struct esp_inner_packet *packet, uint64_t at_ns)
{
	if (packet->flags & ESP_INNER_ACK)
		side->syn_acks++;
	else
		side->syns++;
	side->last_ns = at_ns;
	if (!(packet->flags & ESP_INNER_TOLD)) {
		side->without++;
		return;
	}
	side->mss_last = packet->value;
	if (packet->value > side->mss_max)
		side->mss_max = packet->value;
	side->recent[side->told++ % INNER_RECENT] =
		(struct inner_recent){.at_ns = at_ns, .mss = packet->value, .family = packet->family};
}

static void note_error(struct inner_errors *errors, const struct esp_inner_packet *packet, uint64_t at_ns)
{
	errors->recent_ns[errors->count % INNER_ERRORS] = at_ns;
	if (!errors->count++)
		errors->first_ns = at_ns;
	errors->last_ns = at_ns;
	errors->mtu = packet->value;
	memcpy(errors->host, packet->src, sizeof(errors->host));
	memcpy(errors->target, packet->dst, sizeof(errors->target));
}

void inner_book_event(struct inner_book *book, const struct esp_inner_event *event, uint64_t at_ns)
{
	const struct esp_inner_packet *packet = &event->packet;
	struct inner_tunnel *record;
	uint8_t src[16], dst[16];

	memcpy(src, packet->src, sizeof(src));
	memcpy(dst, packet->dst, sizeof(dst));
	record = event->direction <= ESP_DIR_OUT
			 ? record_of(book, inner_networks_find(book->networks, src, dst))
			 : NULL;
	if (!record) {
		book->view.unmatched++;
		return;
	}
	book->view.matched++;
	if (packet->kind == ESP_INNER_SYN)
		note_syn(&record->side[event->direction], packet, at_ns);
	else if (packet->kind == ESP_INNER_TOO_BIG)
		note_error(packet->flags & ESP_INNER_OWN ? &record->own : &record->passed, packet, at_ns);
}

/* ---- showing */

const struct inner_view *inner_book_show(struct inner_book *book, const struct inner_facts *facts,
					 const struct state *state)
{
	/* Tunnels keep their order from look to look, most of the time. */
	for (size_t i = 0; i < book->count; i++) {
		struct inner_tunnel *record = &book->tunnels[i];
		size_t t = record->tunnel;

		if (t < state->tunnel_count && strcmp(state->tunnels[t].name, record->name) == 0)
			continue;
		for (t = 0; t < state->tunnel_count && strcmp(state->tunnels[t].name, record->name) != 0; t++)
			;
		record->tunnel = t < state->tunnel_count ? (uint32_t)t : STATE_NO_TUNNEL;
	}
	book->view.facts = facts;
	book->view.tunnels = book->tunnels;
	book->view.tunnel_count = book->count;
	return &book->view;
}

void inner_stats_add(const struct esp_inner_stats *part, struct esp_inner_stats *sum)
{
	const uint64_t *from = (const uint64_t *)part;
	uint64_t *to = (uint64_t *)sum;

	for (size_t i = 0; i < offsetof(struct esp_inner_stats, mss) / sizeof(*to); i++)
		to[i] += from[i];
	for (int f = 0; f < 2; f++) {
		const struct esp_inner_mss *p = &part->mss[f];
		struct esp_inner_mss *s = &sum->mss[f];

		s->syn += p->syn;
		s->syn_ack += p->syn_ack;
		s->without += p->without;
		s->garbled += p->garbled;
		for (size_t i = 0; i < ESP_INNER_BUCKETS; i++)
			s->bucket[i] += p->bucket[i];
		if (p->max > s->max)
			s->max = p->max;
		if (p->min && (!s->min || p->min < s->min))
			s->min = p->min;
	}
}

uint32_t inner_limit(const struct state_tunnel *tunnel, uint8_t family)
{
	return family == 6 ? tunnel->mss6 : tunnel->mss4;
}

struct inner_judgement inner_judge(const struct inner_side *side, const struct state_tunnel *tunnel,
				   uint64_t since_ns)
{
	uint64_t count = side->told < INNER_RECENT ? side->told : INNER_RECENT;
	struct inner_judgement ret = {0};
	uint32_t largest = 0;

	for (uint64_t i = 1; i <= count; i++) { /* the latest first */
		const struct inner_recent *recent = &side->recent[(side->told - i) % INNER_RECENT];
		uint32_t limit = inner_limit(tunnel, recent->family);

		if (!limit || recent->at_ns < since_ns)
			continue;
		if (recent->mss > largest)
			largest = recent->mss;
		ret.seen++;
		if (recent->mss <= limit || (!ret.above && ret.seen > INNER_FIT))
			continue;
		if (!ret.above++ || recent->mss > ret.largest) {
			ret.largest = recent->mss;
			ret.family = recent->family;
		}
		if (!ret.last_ns)
			ret.last_ns = recent->at_ns;
		ret.first_ns = recent->at_ns;
	}
	if (!ret.above)
		ret.largest = largest;
	return ret;
}

uint32_t inner_errors_since(const struct inner_errors *errors, uint64_t since_ns)
{
	uint32_t n = 0;

	for (size_t i = 0; i < INNER_ERRORS && i < errors->count; i++)
		n += errors->recent_ns[i] >= since_ns;
	return n;
}

const char *inner_kind_name(enum esp_inner_kind kind)
{
	static const char *const names[ESP_INNER_KINDS] = {[ESP_INNER_OTHER] = "other",
							   [ESP_INNER_SYN] = "syn",
							   [ESP_INNER_TOO_BIG] = "too_big",
							   [ESP_INNER_UNREACHABLE] = "unreachable"};

	return kind < ESP_INNER_KINDS ? names[kind] : "?";
}

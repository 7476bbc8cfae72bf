// SPDX-License-Identifier: GPL-2.0-or-later
/* conversation.c - one IKE message: whose it is, who sent it, where the ends are; then to its version */
#include "model/conversation_internal.h"

#include <stdlib.h>
#include <string.h>

struct conversations *conversation_new(const struct conversation_limits *limits)
{
	struct conversations *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	if (limits)
		c->limits = *limits;
	if (!c->limits.sas)
		c->limits.sas = 16384;
	if (!c->limits.half_open)
		c->limits.half_open = 4096;
	if (!c->limits.exchanges)
		c->limits.exchanges = 32;
	if (table_init(c) < 0) {
		conversation_free(c);
		return NULL;
	}
	return c;
}

void conversation_free(struct conversations *c)
{
	if (!c)
		return;
	table_free(c);
	free(c);
}

void conversation_observe(struct conversations *c,
			  void (*event)(void *arg, const struct conversation_event *event), void *arg)
{
	c->event = event;
	c->event_arg = arg;
}

const struct conversation_stats *conversation_stats(const struct conversations *c)
{
	return &c->stats;
}

void conversation_tick(struct conversations *c, uint64_t now_ns)
{
	state_sweep(c, now_ns);
}

/* Eight bytes at a time, in four lanes that do not wait for each other: only to know the same message again. */
static uint64_t digest(const uint8_t *message, uint32_t size)
{
	const uint64_t factor = 0x9e3779b97f4a7c15ull;
	uint64_t lane[4] = {size, 1, 2, 3}, sum, word;
	unsigned int i;

	for (; size >= sizeof(lane); size -= (uint32_t)sizeof(lane), message += sizeof(lane))
		for (i = 0; i < 4; i++) {
			memcpy(&word, message + i * sizeof(word), sizeof(word));
			lane[i] = (lane[i] ^ word) * factor;
			lane[i] ^= lane[i] >> 29;
		}
	sum = lane[0];
	for (i = 1; i < 4; i++)
		sum = (sum ^ lane[i]) * factor ^ sum >> 29;
	for (; size >= sizeof(word); size -= (uint32_t)sizeof(word), message += sizeof(word)) {
		memcpy(&word, message, sizeof(word));
		sum = (sum ^ word) * 0x9e3779b97f4a7c15ull;
		sum ^= sum >> 29;
	}
	word = 0;
	memcpy(&word, message, size);
	sum = (sum ^ word) * 0x9e3779b97f4a7c15ull;
	return sum ^ sum >> 32;
}

static bool same_endpoint(const struct conversation_endpoint *a, const struct conversation_endpoint *b)
{
	return a->port == b->port && !memcmp(a->address, b->address, sizeof(a->address));
}

static bool same_path(const struct conversation_path *a, const struct conversation_path *b)
{
	return same_endpoint(&a->end[0], &b->end[0]) && same_endpoint(&a->end[1], &b->end[1]);
}

/* IKEv1 does not say; the ends do. When both have moved at once, the first guess stands. */
static enum conversation_side side_by_address(const struct conversation_sa *sa,
					      const struct conversation_packet *packet)
{
	const struct conversation_endpoint *from = &packet->source, *to = &packet->destination;
	unsigned int i;

	for (i = 0; i < 2; i++)
		if (same_endpoint(&sa->path.end[i], from) || same_endpoint(&sa->path.end[1 - i], to))
			return (enum conversation_side)i;
	for (i = 0; i < 2; i++)
		if (!memcmp(sa->path.end[i].address, from->address, 16) ||
		    !memcmp(sa->path.end[1 - i].address, to->address, 16))
			return (enum conversation_side)i;
	return CONVERSATION_INITIATOR;
}

static enum conversation_side sender(const struct fold *f, bool created)
{
	if (f->m->major == 2) {
		if (f->m->exchange == IKE_V2_EXCHANGE_IKE_SA_INIT)
			return f->m->response ? CONVERSATION_RESPONDER : CONVERSATION_INITIATOR;
		return f->m->initiator ? CONVERSATION_INITIATOR : CONVERSATION_RESPONDER;
	}
	return created ? CONVERSATION_INITIATOR : side_by_address(&f->entry->sa, f->packet);
}

static void remember_move(struct fold *f)
{
	struct conversation_sa *sa = &f->entry->sa;
	struct conversation_move *move;

	if (!f->entry->moves) {
		f->entry->moves = calloc(CONVERSATION_MOVES, sizeof(*f->entry->moves));
		if (!f->entry->moves) {
			f->c->stats.no_memory++;
			return;
		}
		sa->move = f->entry->moves;
	}
	move = &f->entry->moves[sa->moves++ % CONVERSATION_MOVES];
	move->time_ns = f->entry->candidate_ns;
	move->from = sa->path;
}

/*
 * The ends have changed when a message came on a new path and the other side answered on it; one message alone may be a forgery, or
 * go nowhere. IKE_SA_INIT's port to the NAT traversal port is no move but the float of RFC 7296 section 2.23, RFC 3947 section 4.
 */
static void follow_path(struct fold *f)
{
	struct conversation_entry *e = f->entry;
	struct conversation_sa *sa = &e->sa;
	bool floats = !sa->float_answered && !sa->moves &&
		      f->path.end[1].port != sa->first_path.end[1].port &&
		      !memcmp(f->path.end[0].address, sa->first_path.end[0].address, 16) &&
		      !memcmp(f->path.end[1].address, sa->first_path.end[1].address, 16);

	if (same_path(&sa->path, &f->path))
		return;
	if (floats && !sa->float_ns)
		sa->float_ns = f->packet->time_ns;
	if (!e->candidate_by || !same_path(&e->candidate, &f->path)) {
		e->candidate = f->path;
		e->candidate_ns = f->packet->time_ns;
		e->candidate_by = (uint8_t)(1 + f->side);
		return;
	}
	if (e->candidate_by == 1 + f->side)
		return;
	if (floats) {
		sa->float_answered = true;
	} else {
		remember_move(f);
	}
	sa->path = f->path;
	e->moved = true;
	e->candidate_by = 0;
	state_event(f->c, CONVERSATION_EVENT_MOVE, e, NULL, e->candidate_ns);
}

static void begin(struct fold *f)
{
	const struct ike_message *m = f->m;
	bool v1 = m->major == 1, seen_from_start;

	if (v1)
		seen_from_start = m->responder_spi == 0;
	else
		seen_from_start = m->exchange == IKE_V2_EXCHANGE_IKE_SA_INIT && !m->response;
	f->entry->sa.path = f->entry->sa.first_path = f->path;
	f->entry->joined = !seen_from_start;
	state_set(f->c, f->entry, CONVERSATION_NEGOTIATING,
		  seen_from_start ? CONVERSATION_CERTAIN : CONVERSATION_POSSIBLE,
		  seen_from_start ? CONVERSATION_REASON_STARTED : CONVERSATION_REASON_JOINED,
		  f->packet->time_ns, m->message_id, 0);
}

/* The answer to a version that is not read here (`espial probe` asks so): the responder keeps nothing (RFC 7296 section 2.5). */
static bool refuses_version(const struct ike_message *m)
{
	return m->major == 2 && m->response && m->notify_count == 1 &&
	       m->notifies[0].type == IKE_V2_NOTIFY_INVALID_MAJOR_VERSION;
}

/* Messages about an IKE SA that is gone, in clear: they make no new one (RFC 7296 section 2.21.4). */
static bool makes_entry(const struct ike_message *m)
{
	if (m->encrypted_size)
		return true;
	if (m->major == 1)
		return m->exchange != IKE_V1_EXCHANGE_INFORMATIONAL;
	return (m->exchange == IKE_V2_EXCHANGE_IKE_SA_INIT ||
		m->exchange == IKE_V2_EXCHANGE_IKE_SESSION_RESUME) &&
	       !refuses_version(m);
}

static void account(struct fold *f)
{
	struct conversation_sa *sa = &f->entry->sa;
	const struct ike_message *m = f->m;
	bool both = m->initiator_spi && m->responder_spi;

	sa->messages++;
	sa->bytes += m->length;
	if (f->packet->time_ns > sa->last_ns)
		sa->last_ns = f->packet->time_ns;
	sa->heard_ns[f->side] = f->packet->time_ns;
	sa->encrypted_seen |= m->encrypted_size != 0;
	if (m->certificate_requests)
		sa->certificate_requests |= (uint8_t)(1u << f->side);
	if (!both)
		return;
	if (m->encrypted_size || (f->side == CONVERSATION_RESPONDER && m->proposal_count))
		f->entry->proof |= (uint8_t)(1u << f->side);
	if (m->encrypted_size && !sa->responder_spi)
		sa->responder_spi = m->responder_spi; /* its answer in clear was not seen */
}

enum ike_fault conversation_packet(struct conversations *c, const struct conversation_packet *given)
{
	struct conversation_packet copy = *given, *packet = &copy;
	struct fold f = {.c = c, .packet = packet, .m = &c->message};
	uint32_t captured = packet->captured < packet->length ? packet->captured : packet->length, offset;
	enum ike_fault fault =
		ike_parse(packet->message, packet->captured, packet->length, &c->message, &offset);
	bool created = false;

	if (!packet->time_ns)
		packet->time_ns = c->now_ns ? c->now_ns : CONVERSATION_NO_TIME;
	state_sweep(c, packet->time_ns);
	c->stats.messages++;
	c->stats.truncated += fault == IKE_TRUNCATED;
	if (!c->message.header_valid || ike_is_fault(fault)) {
		c->stats.malformed += ike_is_fault(fault);
		if (c->message.header_valid && (f.entry = table_find(c, packet, f.m)))
			f.entry->sa.malformed++;
		return fault;
	}
	f.entry = table_find(c, packet, f.m);
	if (!f.entry && !makes_entry(f.m)) {
		c->stats.orphans++;
		return fault;
	}
	if (!f.entry) {
		f.entry = table_add(c, packet, f.m);
		created = true;
	}
	if (!f.entry)
		return fault;
	f.side = sender(&f, created);
	f.path.end[f.side] = packet->source;
	f.path.end[other_side(f.side)] = packet->destination;
	f.digest = digest(packet->message, captured);
	if (created)
		begin(&f);
	else
		follow_path(&f);
	account(&f);
	if (f.m->major == 1)
		fold_v1(&f);
	else
		fold_v2(&f);
	if (table_use(c, f.entry) || created) {
		if (f.entry->joined && f.m->major == 2)
			aftermath_rekey_born(c, f.entry, !f.entry->sa.half_open);
		else if (!f.entry->joined && !f.entry->sa.half_open)
			aftermath_negotiation_begins(c, f.entry);
	}
	state_schedule(c, f.entry);
	return fault;
}

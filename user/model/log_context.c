// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * log_context.c - which peer a line is about, where it does not say
 *
 * A thread of charon handles one job at a time: "received packet: from P" tells of whom its next lines speak, and "sending
 * packet: ... to P" of whom its last ones spoke. The numbers of IKE SAs are known from lines that have both. Who gave up is
 * found among those that are retransmitting.
 */
#include <stdlib.h>

#include "model/log_internal.h"

#define THREADS 64
#define PENDING 12
#define SECOND 1000000000ULL
#define CONTEXT_NS (10 * SECOND) /* so long does what a thread said last count */
#define NONE LOG_NO_CONVERSATION

struct thread {
	uint32_t host;
	uint16_t number;
	uint64_t at_ns;
	uint32_t conversation;
	uint32_t id, conn;
	uint8_t exchange, flags;
	uint32_t pending[PENDING]; /* events that wait to hear of whom they spoke */
	size_t pending_count;
};

/* Beside each conversation, while its events go by */
struct peer_state {
	uint32_t retransmit_n, retransmit_mid;
	uint64_t retransmit_ns; /* 0: nothing is being retransmitted */
	uint32_t request_mid, dpd_unanswered;
	uint8_t request_exchange, request_flags;
	bool has_request;
};

struct context {
	struct log_timeline *t;
	uint32_t *of;
	struct peer_state *peers; /* [room], like t->conversations */
	size_t room;
	struct log_map by_peer; /* host, peer or name -> conversation */
	struct log_map by_id;	/* host, number of the IKE SA -> conversation */
	struct log_map by_conn; /* host, name of the connection -> conversation, NONE when several */
	struct log_map epoch;	/* host -> how often its daemon started: numbers begin anew */
	struct thread threads[THREADS];
	bool failed;
};

/* Never 0: a host has a number, or the tag is not 0 */
static uint64_t key_of(unsigned int tag, uint32_t host, uint32_t other)
{
	return (uint64_t)tag << 60 | (uint64_t)(host & 0xfffffff) << 32 | other;
}

static uint32_t conversation_of(struct context *c, uint32_t host, uint32_t peer, uint32_t name)
{
	uint64_t key = key_of(peer ? 1 : 2, host, peer ? peer : name);
	uint32_t found = log_map_get(&c->by_peer, key);
	struct log_timeline *t = c->t;

	if (found != UINT32_MAX)
		return found;
	if (t->conversation_count == c->room) {
		size_t room = c->room ? c->room * 2 : 16;
		struct log_conversation *more = realloc(t->conversations, room * sizeof(*more));
		struct peer_state *peers;

		if (more)
			t->conversations = more;
		peers = more ? realloc(c->peers, room * sizeof(*peers)) : NULL;
		if (!peers) {
			c->failed = true;
			return NONE;
		}
		c->peers = peers;
		c->room = room;
	}
	found = (uint32_t)t->conversation_count++;
	t->conversations[found] = (struct log_conversation){.host = host, .peer = peer};
	c->peers[found] = (struct peer_state){0};
	c->failed |= !log_map_put(&c->by_peer, key, found);
	return found;
}

static uint64_t id_key(const struct context *c, uint32_t host, uint32_t id)
{
	uint32_t epoch = log_map_get(&c->epoch, key_of(3, host, 0));

	return key_of(4 + (epoch == UINT32_MAX ? 0 : epoch & 7), host, id);
}

/* ---- what an event does to its conversation, once it is known */

static void learn(struct context *c, struct log_event *e, uint32_t conversation)
{
	struct log_conversation *v = &c->t->conversations[conversation];
	uint64_t conn = key_of(3, e->host, e->conn);
	uint32_t known;

	e->peer = e->peer ? e->peer : v->peer;
	v->local = e->local ? e->local : v->local;
	if (e->id)
		c->failed |= !log_map_put(&c->by_id, id_key(c, e->host, e->id), conversation);
	if (!e->conn)
		return;
	v->conn = e->conn;
	known = log_map_get(&c->by_conn, conn);
	if (known == UINT32_MAX)
		c->failed |= !log_map_put(&c->by_conn, conn, conversation);
	else if (known != conversation && known != NONE - 1)
		c->failed |= !log_map_put(&c->by_conn, conn, NONE - 1);
}

static void follow(struct context *c, struct log_event *e, struct peer_state *p)
{
	switch ((enum log_kind)e->kind) {
	case LOG_GENERATING:
		if (!(e->flags & LOG_REQUEST))
			break;
		p->has_request = true;
		p->request_mid = e->mid;
		p->request_exchange = e->exchange;
		p->request_flags = e->flags & (LOG_REKEY | LOG_SELECTORS);
		break;
	case LOG_PARSED:
		p->dpd_unanswered = 0;
		if (e->flags & LOG_REQUEST)
			break;
		if (p->has_request && p->request_mid == e->mid)
			e->flags |= p->request_flags;
		if (p->retransmit_mid == e->mid)
			p->retransmit_ns = 0;
		break;
	case LOG_DPD_SENT:
		p->dpd_unanswered++;
		break;
	case LOG_RETRANSMIT:
		p->retransmit_n = e->n;
		p->retransmit_mid = e->mid;
		p->retransmit_ns = e->order_ns ? e->order_ns : 1;
		if (p->has_request && p->request_mid == e->mid)
			e->exchange = p->request_exchange;
		break;
	case LOG_GAVE_UP:
		if (p->retransmit_ns) {
			e->mid = p->retransmit_mid;
			e->flags |= LOG_HAS_MID;
		}
		if (p->retransmit_ns && p->has_request && p->request_mid == p->retransmit_mid)
			e->exchange = p->request_exchange;
		p->retransmit_ns = 0;
		break;
	default:
		break;
	}
	(void)c;
}

static void attribute(struct context *c, uint32_t event, uint32_t conversation)
{
	struct log_event *e = &c->t->events[event];

	c->of[event] = conversation;
	learn(c, e, conversation);
	follow(c, e, &c->peers[conversation]);
}

/* ---- threads */

static void settle(struct context *c, struct thread *th, uint32_t conversation)
{
	for (size_t i = 0; i < th->pending_count && conversation != NONE; i++)
		attribute(c, th->pending[i], conversation);
	th->pending_count = 0;
}

/* pluto has one thread, and says in each line of whom it speaks: the line before says nothing of it */
static bool begins_anew(const struct thread *th, const struct log_event *e)
{
	return e->dialect == LOG_PLUTO || (log_kind_flags(e->kind) & LOG_BEGINS) ||
	       e->order_ns > th->at_ns + CONTEXT_NS;
}

static struct thread *thread_of(struct context *c, const struct log_event *e)
{
	struct thread *th = &c->threads[(e->thread ^ e->host * 7) % THREADS];

	if (th->host != e->host || th->number != e->thread) {
		settle(c, th, th->conversation);
		*th = (struct thread){.host = e->host, .number = e->thread, .conversation = NONE};
	} else if (begins_anew(th, e)) {
		settle(c, th, th->conversation);
		th->conversation = NONE;
		th->id = th->conn = 0;
		th->exchange = th->flags = 0;
	}
	th->at_ns = e->order_ns;
	return th;
}

/* The peer of those who retransmit that has come as far as the line says, the one that waits longest */
static uint32_t who_gave_up(const struct context *c, const struct log_event *e)
{
	uint32_t found = NONE;

	for (size_t i = 0; i < c->t->conversation_count; i++) {
		const struct peer_state *p = &c->peers[i];

		if (c->t->conversations[i].host != e->host || !p->retransmit_ns ||
		    ((e->flags & LOG_HAS_N) && p->retransmit_n != e->n))
			continue;
		if (found == NONE || p->retransmit_ns < c->peers[found].retransmit_ns)
			found = (uint32_t)i;
	}
	return found;
}

static uint32_t who_is_dead(const struct context *c, const struct log_event *e)
{
	uint32_t found = NONE;

	for (size_t i = 0; i < c->t->conversation_count; i++) {
		if (c->t->conversations[i].host != e->host || !c->peers[i].dpd_unanswered)
			continue;
		if (found == NONE || c->peers[i].dpd_unanswered > c->peers[found].dpd_unanswered)
			found = (uint32_t)i;
	}
	return found;
}

static uint32_t known_from(const struct context *c, const struct log_event *e, const struct thread *th)
{
	uint32_t found = NONE;

	if (e->id)
		found = log_map_get(&c->by_id, id_key(c, e->host, e->id));
	if (found == NONE)
		found = th->conversation;
	if (found == NONE && e->conn) {
		found = log_map_get(&c->by_conn, key_of(3, e->host, e->conn));
		if (found == NONE - 1)
			found = NONE;
	}
	if (found == NONE && e->kind == LOG_GAVE_UP)
		found = who_gave_up(c, e);
	if (found == NONE && e->kind == LOG_DPD_DEAD)
		found = who_is_dead(c, e);
	return found;
}

static void step(struct context *c, uint32_t event)
{
	struct log_event *e = &c->t->events[event];
	struct thread *th = thread_of(c, e);
	uint32_t conversation;

	if (e->kind == LOG_STARTED) {
		uint64_t key = key_of(3, e->host, 0);
		uint32_t epoch = log_map_get(&c->epoch, key);

		c->failed |= !log_map_put(&c->epoch, key, epoch == UINT32_MAX ? 1 : (epoch + 1) & 0xffff);
	}
	if (e->exchange) {
		th->exchange = e->exchange;
		th->flags = e->flags & (LOG_REKEY | LOG_SELECTORS);
	} else {
		e->exchange = th->exchange;
		e->flags |= th->flags;
	}
	if (e->id) {
		th->id = e->id;
		th->conn = e->conn ? e->conn : th->conn;
	} else if (th->id) {
		e->id = th->id;
		e->conn = e->conn ? e->conn : th->conn;
	}
	conversation = e->peer ? conversation_of(c, e->host, e->peer, 0) : known_from(c, e, th);
	/* A request of ours may be the next job of a thread that spoke of another peer: where it goes is told next */
	if (!e->peer && e->kind == LOG_GENERATING && (e->flags & LOG_REQUEST) &&
	    th->pending_count < PENDING && !e->id) {
		th->pending[th->pending_count++] = event;
		return;
	}
	if (conversation == NONE) {
		if (th->pending_count < PENDING)
			th->pending[th->pending_count++] = event;
		return;
	}
	th->conversation = conversation;
	settle(c, th, conversation);
	attribute(c, event, conversation);
	/* The answer's payloads are not those of its request */
	if (e->kind == LOG_PARSED)
		th->flags = e->flags & (LOG_REKEY | LOG_SELECTORS);
}

/* ---- what is left: by its connection, of which a later line told; the only peer of its host; else by interface or connection */

/* Another name is another peer. Interfaces have names of their own. */
static bool may_be_of(const struct log_conversation *v, const struct log_event *e)
{
	return !e->conn || e->conn == e->iface || !v->conn || v->conn == e->conn;
}

static uint32_t named(const struct context *c, const struct log_event *e)
{
	uint32_t found = e->conn ? log_map_get(&c->by_conn, key_of(3, e->host, e->conn)) : NONE;

	return found == NONE - 1 ? NONE : found;
}

/* Not learnt from: what is inferred from it would look certain */
static void guess(struct context *c, uint32_t event, uint32_t conversation)
{
	struct log_conversation *v = &c->t->conversations[conversation];
	struct log_event *e = &c->t->events[event];

	c->of[event] = conversation;
	e->flags |= LOG_GUESSED;
	e->peer = v->peer;
	v->conn = v->conn ? v->conn : e->conn;
	follow(c, e, &c->peers[conversation]);
}

static bool leftovers(struct context *c)
{
	struct log_timeline *t = c->t;
	size_t peers = t->conversation_count;
	struct log_map sole = {0};
	bool ok = true;

	for (size_t i = 0; i < peers && ok; i++) {
		uint64_t key = key_of(5, t->conversations[i].host, 0);

		ok = log_map_put(&sole, key, log_map_get(&sole, key) == UINT32_MAX ? (uint32_t)i : NONE - 1);
	}
	for (size_t i = 0; i < t->count && ok && !c->failed; i++) {
		struct log_event *e = &t->events[i];
		uint32_t only, name, whose;

		if (c->of[i] != NONE || e->kind == LOG_STARTED || e->kind == LOG_STOPPED)
			continue;
		whose = named(c, e);
		only = log_map_get(&sole, key_of(5, e->host, 0));
		if (whose == NONE && only < NONE - 1 && may_be_of(&t->conversations[only], e)) {
			guess(c, (uint32_t)i, only);
			continue;
		}
		if (whose != NONE) {
			attribute(c, (uint32_t)i, whose);
			continue;
		}
		name = e->iface ? e->iface : e->conn;
		whose = conversation_of(c, e->host, 0, name);
		if (whose == NONE)
			continue;
		attribute(c, (uint32_t)i, whose);
		t->conversations[whose].conn = name;
	}
	log_map_free(&sole);
	return ok;
}

bool log_context_resolve(struct log_timeline *t, uint32_t *of)
{
	struct context *c = calloc(1, sizeof(*c));
	bool ok;

	if (!c)
		return false;
	c->t = t;
	c->of = of;
	for (size_t i = 0; i < THREADS; i++)
		c->threads[i].conversation = NONE;
	for (size_t i = 0; i < t->count; i++)
		of[i] = NONE;
	for (size_t i = 0; i < t->count; i++)
		step(c, (uint32_t)i);
	for (size_t i = 0; i < THREADS; i++)
		settle(c, &c->threads[i], c->threads[i].conversation);
	ok = leftovers(c) && !c->failed;
	log_map_free(&c->by_peer);
	log_map_free(&c->by_id);
	log_map_free(&c->by_conn);
	log_map_free(&c->epoch);
	free(c->peers);
	free(c);
	return ok;
}

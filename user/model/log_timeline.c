// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/log_timeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/log_address.h"
#include "model/log_internal.h"
#include "model/log_proposal.h"
#include "model/log_texts.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
/* Of longer messages only this much is looked at: what tells stands in front, and work per line stays bounded */
#define MESSAGE_MAX 4096
#define LINE_BITS 20

/* Where matter of a message that is IPsec's but unknown is told by */
static bool is_of_ipsec(const struct log_line *line, size_t length)
{
	static const char *const words[] = {"IKE", "ISAKMP", "IPSEC", "IPSec", "IPsec", "CRYPTO"};

	if (line->dialects == LOG_CHARON || line->dialects == LOG_PLUTO)
		return true;
	for (size_t i = 0; i < COUNT(words); i++)
		if (memmem(line->message.at, length, words[i], strlen(words[i])))
			return true;
	return false;
}

int log_timeline_init(struct log_timeline *t, const struct log_matcher *matcher)
{
	*t = (struct log_timeline){.own_matcher = matcher ? NULL : log_matcher_new()};
	t->matcher = matcher ? matcher : t->own_matcher;
	t->texts = log_texts_new();
	if (t->matcher && t->texts)
		return 0;
	log_timeline_destroy(t);
	return -ENOMEM;
}

void log_timeline_destroy(struct log_timeline *t)
{
	if (!t->borrowed) {
		log_matcher_free(t->own_matcher);
		log_texts_free(t->texts);
		free(t->arena);
		free(t->unknown_lines);
	}
	free(t->events);
	free(t->conversations);
	free(t->indices);
	*t = (struct log_timeline){0};
}

/* ---- lines */

/* Offset of the terminated copy; SIZE_MAX: no memory */
static size_t keep_line(struct log_timeline *t, struct log_span line, uint32_t *ret_length)
{
	size_t length = line.length < (1U << LINE_BITS) - 1 ? line.length : (1U << LINE_BITS) - 1, at;

	if (t->arena_room - t->arena_used <= length) {
		size_t room = (t->arena_room ? t->arena_room * 2 : 1U << 16) + length;
		char *bigger = realloc(t->arena, room);

		if (!bigger) {
			t->failed = true;
			return SIZE_MAX;
		}
		t->arena = bigger;
		t->arena_room = room;
	}
	at = t->arena_used;
	/* A terminator inside would hide the rest */
	for (size_t i = 0; i < length; i++)
		t->arena[at + i] = line.at[i] ? line.at[i] : '?';
	t->arena[at + length] = '\0';
	t->arena_used += length + 1;
	*ret_length = (uint32_t)length;
	return at;
}

static void keep_unknown(struct log_timeline *t, struct log_span line)
{
	uint32_t length;
	size_t at;

	if (t->unknown_count == t->unknown_room) {
		size_t room = t->unknown_room ? t->unknown_room * 2 : 64;
		uint64_t *bigger = realloc(t->unknown_lines, room * sizeof(*bigger));

		if (!bigger) {
			t->failed = true;
			return;
		}
		t->unknown_lines = bigger;
		t->unknown_room = room;
	}
	at = keep_line(t, line, &length);
	if (at != SIZE_MAX)
		t->unknown_lines[t->unknown_count++] = (uint64_t)at << LINE_BITS | length;
}

static uint32_t number_of(struct log_timeline *t, struct log_span s)
{
	return s.at ? log_texts_number(t->texts, s.at, s.length, &t->failed) : 0;
}

static uint32_t address_number(struct log_timeline *t, struct log_span s)
{
	char normal[LOG_ADDRESS_SIZE];

	return log_address_normal(s, normal) ? log_texts_number(t->texts, normal, strlen(normal), &t->failed)
					     : 0;
}

static const struct {
	const char *name;
	enum log_exchange exchange;
} exchanges[] = {
	{"IKE_SA_INIT", LOG_IKE_SA_INIT},	  {"IKE_AUTH", LOG_IKE_AUTH},
	{"CREATE_CHILD_SA", LOG_CREATE_CHILD_SA}, {"INFORMATIONAL", LOG_INFORMATIONAL},
	{"INFORMATIONAL_V1", LOG_INFORMATIONAL},  {"ID_PROT", LOG_MAIN_MODE},
	{"AGGRESSIVE", LOG_AGGRESSIVE_MODE},	  {"QUICK_MODE", LOG_QUICK_MODE},
};

static enum log_exchange exchange_of(struct log_span s)
{
	if (!s.at)
		return LOG_EXCHANGE_NONE;
	for (size_t i = 0; i < COUNT(exchanges); i++)
		if (strlen(exchanges[i].name) == s.length && memcmp(exchanges[i].name, s.at, s.length) == 0)
			return exchanges[i].exchange;
	return LOG_EXCHANGE_OTHER;
}

const char *log_exchange_name(enum log_exchange exchange)
{
	static const char *const names[LOG_EXCHANGES] = {
		"",	     "IKE_SA_INIT",	"IKE_AUTH",   "CREATE_CHILD_SA", "INFORMATIONAL",
		"main mode", "aggressive mode", "quick mode", "exchange",
	};

	return names[exchange];
}

/* Patterns have the kind of interface, and capture its number */
static struct log_span whole_word(struct log_span s, const char *from)
{
	while (s.at > from &&
	       ((s.at[-1] >= 'a' && s.at[-1] <= 'z') || (s.at[-1] >= 'A' && s.at[-1] <= 'Z'))) {
		s.at--;
		s.length++;
	}
	return s;
}

static bool has(struct log_span s, const char *what)
{
	return s.at && memmem(s.at, s.length, what, strlen(what));
}

/* Statistics that count nothing are no event */
static enum log_kind kind_of(const struct log_match *m)
{
	enum log_kind kind = m->row->kind;

	if (m->n == UINT64_MAX)
		return kind;
	if (kind == LOG_NOT_TRIGGERED)
		return m->n ? LOG_NOTE : kind;
	if ((kind == LOG_INVALID_SPI || kind == LOG_ESP_AUTH || kind == LOG_REPLAY) && !m->n)
		return LOG_NOTE;
	return kind;
}

static uint32_t clamped(uint64_t value)
{
	return value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
}

static void fill(struct log_timeline *t, struct log_event *e, const struct log_line *line,
		 const struct log_match *m)
{
	struct log_span peer = m->peer.at ? m->peer : line->peer;
	uint32_t spi = clamped(m->spi);
	bool router = m->row->dialect == LOG_CISCO || m->row->dialect == LOG_HUAWEI;

	if (!peer.at && router)
		log_address_of_peer(line->message, &peer);
	e->peer = address_number(t, peer);
	e->local = address_number(t, m->local);
	e->conn = number_of(t, m->conn.at ? m->conn : line->conn);
	if (m->id != UINT64_MAX || line->id != UINT64_MAX)
		e->id = clamped(m->id != UINT64_MAX ? m->id : line->id);
	e->child = number_of(t, m->child);
	e->iface = number_of(t, whole_word(m->iface, line->message.at));
	/* A tunnel interface is what the tunnel is called, unless it has a name of its own */
	e->conn = e->conn ? e->conn : e->iface;
	e->exchange = exchange_of(m->exchange);
	if (e->kind == LOG_GENERATING || e->kind == LOG_PARSED) {
		e->flags |= strstr(m->row->pattern, " request ") ? LOG_REQUEST : 0;
		e->flags |= has(m->text, "REKEY_SA") ? LOG_REKEY : 0;
		e->flags |= has(m->text, "TSi") ? LOG_SELECTORS : 0;
	} else {
		e->text = number_of(t, m->text);
	}
	if (m->mid != UINT64_MAX) {
		e->mid = clamped(m->mid);
		e->flags |= LOG_HAS_MID;
	}
	if (m->n != UINT64_MAX) {
		e->n = clamped(m->n);
		e->flags |= LOG_HAS_N;
	}
	if (m->spi != UINT64_MAX || (router && log_address_spi(line->message, &spi))) {
		e->spi = spi;
		e->flags |= LOG_HAS_SPI;
	}
	e->size = m->size != UINT64_MAX ? clamped(m->size) : 0;
	e->peer_port = m->peer_port <= UINT16_MAX ? (uint16_t)m->peer_port : 0;
	e->local_port = m->local_port <= UINT16_MAX ? (uint16_t)m->local_port : 0;
	e->thread = (uint16_t)(line->thread ^ line->thread >> 16);
}

/* Of the quiet ones, what a finding may need */
static bool is_evidence(const struct log_timeline *t, const struct log_event *e)
{
	char weak[LOG_PROPOSAL_TEXT];

	return e->kind == LOG_PROPOSAL_SELECTED && log_proposal_is_weak(log_text(t, e->text), weak);
}

static struct log_event *new_event(struct log_timeline *t)
{
	if (t->count == t->room) {
		size_t room = t->room ? t->room * 2 : 256;
		struct log_event *bigger = realloc(t->events, room * sizeof(*bigger));

		if (!bigger) {
			t->failed = true;
			return NULL;
		}
		t->events = bigger;
		t->room = room;
	}
	return &t->events[t->count++];
}

void log_timeline_begin_file(struct log_timeline *t)
{
	t->last_order_ns = 0;
}

struct log_event *log_timeline_add(struct log_timeline *t, const struct log_line *line, struct log_span host)
{
	size_t length = line->message.length < MESSAGE_MAX ? line->message.length : MESSAGE_MAX;
	struct log_event *e;
	struct log_match m;
	enum log_kind kind;

	t->lines++;
	if (line->at_ns) {
		t->last_order_ns = line->at_ns;
	}
	if (line->foreign) {
		t->foreign++;
		return NULL;
	}
	if (!log_matcher_find(t->matcher, line->dialects, line->message.at, length, &m)) {
		bool ours = is_of_ipsec(line, length);

		*(ours ? &t->unknown : &t->foreign) += 1;
		if (ours && t->keep_unknown)
			keep_unknown(t, line->shown);
		return NULL;
	}
	t->recognised++;
	kind = kind_of(&m);
	/* Of what says nothing, only what tells of whom a thread speaks */
	if (kind == LOG_NOTE && !m.peer.at)
		return NULL;
	e = new_event(t);
	if (!e)
		return NULL;
	*e = (struct log_event){
		.at_ns = line->at_ns,
		.order_ns = t->last_order_ns,
		.number = clamped(t->lines),
		.kind = (uint8_t)kind,
		.dialect = (uint8_t)m.row->dialect,
		.host = number_of(t, line->host.at ? line->host : host),
	};
	fill(t, e, line, &m);
	t->disordered |= e->order_ns < t->last_event_ns;
	t->last_event_ns = e->order_ns;
	if (!(log_kind_flags(kind) & LOG_QUIET) || is_evidence(t, e)) {
		size_t at = keep_line(t, line->shown, &e->line_length);

		e->line = at == SIZE_MAX ? 0 : at;
	}
	return e;
}

int log_timeline_finish(struct log_timeline *t)
{
	uint32_t *of;

	if (t->failed)
		return -ENOMEM;
	log_order_sort(t);
	of = malloc((t->count ? t->count : 1) * sizeof(*of));
	if (!of || !log_context_resolve(t, of) || !log_order_group(t, of))
		t->failed = true;
	free(of);
	return t->failed ? -ENOMEM : 0;
}

/* ---- what others read */

const char *log_text(const struct log_timeline *t, uint32_t number)
{
	return log_texts_get(t->texts, number);
}

const char *log_event_line(const struct log_timeline *t, const struct log_event *e)
{
	return e->line_length ? t->arena + e->line : "";
}

const char *log_unknown(const struct log_timeline *t, size_t i)
{
	return i < t->unknown_count ? t->arena + (t->unknown_lines[i] >> LINE_BITS) : NULL;
}

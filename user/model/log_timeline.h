/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log_timeline.h - the lines of logs as events: in the order of time, each with host and peer, grouped
 *
 * Lines go in one by one in whatever order (log_timeline_add), then log_timeline_finish() sorts them, finds out which peer
 * each is about - most lines of charon do not say - and groups them by host and peer. Pure; no clock.
 */
#ifndef ESPIAL_MODEL_LOG_TIMELINE_H
#define ESPIAL_MODEL_LOG_TIMELINE_H

#include "model/log_match.h"

/* A line, taken apart by the source. Spans are copied where they are kept. */
struct log_line {
	uint64_t at_ns;	   /* since the epoch; 0: no time, or no date */
	bool has_clock;	   /* only a time of day: */
	uint64_t clock_ns; /* since midnight */
	struct log_span host, program, message;
	struct log_span shown; /* the line as a person reads it: all of it, unless it was JSON */
	struct log_span conn;  /* charon with ike_name */
	struct log_span peer;  /* pluto: of one of several with this conn, or of a packet that has none */
	uint64_t id;	       /* of the IKE SA, with conn; UINT64_MAX: not said */
	unsigned int thread;   /* of charon, or a number that keeps negotiations apart; 0: not said */
	unsigned int dialects; /* LOG_ANY unless the prefix tells */
	bool foreign;	       /* of a program that has nothing to do with IPsec */
};

enum log_exchange {
	LOG_EXCHANGE_NONE, /* not said */
	LOG_IKE_SA_INIT,
	LOG_IKE_AUTH,
	LOG_CREATE_CHILD_SA,
	LOG_INFORMATIONAL,
	LOG_MAIN_MODE,
	LOG_AGGRESSIVE_MODE,
	LOG_QUICK_MODE,
	LOG_EXCHANGE_OTHER,
	LOG_EXCHANGES
};

enum log_event_flags {
	LOG_HAS_MID = 1,
	LOG_HAS_SPI = 2,
	LOG_HAS_N = 4,
	LOG_REQUEST = 8,    /* GENERATING, PARSED: else a response */
	LOG_REKEY = 16,	    /* of a CREATE_CHILD_SA: replaces a CHILD_SA */
	LOG_SELECTORS = 32, /* …: has traffic selectors, thus makes a CHILD_SA */
	LOG_GUESSED = 64,   /* the peer is inferred: its host's logs tell of no other */
};

/* Texts are numbers for log_text(); 0 is none. */
struct log_event {
	uint64_t at_ns;	   /* since the epoch; 0: unknown */
	uint64_t order_ns; /* by what it is sorted: at_ns, or that of the line before */
	uint64_t line;	   /* where the line begins, for log_event_line() */
	uint32_t line_length;
	uint32_t number; /* in the order in which lines came */
	uint32_t host, peer, local, conn, child, iface, text;
	uint32_t id; /* of the IKE SA; 0: unknown */
	uint32_t mid, n, spi, size;
	uint16_t thread, peer_port, local_port;
	uint8_t kind, dialect, exchange, flags;
};

/* The events of one host with one peer (0: it is not known which). */
struct log_conversation {
	uint32_t host, peer, conn, local;
	const uint32_t *events; /* indices, in the order of time */
	size_t count;
};

struct log_timeline {
	struct log_event *events;
	size_t count, room;
	struct log_conversation *conversations; /* after finish; ordered by first event */
	size_t conversation_count;

	uint64_t lines;	     /* read */
	uint64_t recognised; /* of the table */
	uint64_t unknown;    /* of IKE or IPsec, but not in the table */
	uint64_t foreign;    /* of something else */
	uint64_t first_ns, last_ns;
	bool keep_unknown;  /* keep their text, for log_unknown() */
	bool disordered;    /* lines were not in the order of time */
	bool failed;	    /* out of memory */
	bool borrowed;	    /* lines and texts are those of another: log_timeline_view() */
	uint64_t forgotten; /* events that log_timeline_trim() let go */

	/* inside */
	const struct log_matcher *matcher;
	struct log_matcher *own_matcher; /* NULL: it is another's */
	struct log_texts *texts;
	uint32_t *indices;
	char *arena;
	size_t arena_used, arena_room;
	uint64_t *unknown_lines; /* offset << 20 | length */
	size_t unknown_count, unknown_room;
	uint64_t last_order_ns, last_event_ns;
};

/* `matcher`: one that outlives it; NULL: one of its own is made, which takes a millisecond. 0 or -ENOMEM. */
int log_timeline_init(struct log_timeline *t, const struct log_matcher *matcher);
void log_timeline_destroy(struct log_timeline *t);
/* Takes one line. `host`: where the line names none. The event that it became, valid until the next call; NULL: none. */
struct log_event *log_timeline_add(struct log_timeline *t, const struct log_line *line, struct log_span host);
/* Another file begins: lines without a time are not of the time of the line before. */
void log_timeline_begin_file(struct log_timeline *t);
/* Sorts, attributes, groups. Once, after the last line. 0 or -ENOMEM. */
int log_timeline_finish(struct log_timeline *t);

/*
 * For logs that go on: what the timeline holds now, to be finished and looked at without touching it. Lines and texts are those of `t`,
 * which must not change while the view is used. 0 or -ENOMEM; log_timeline_destroy() ends it.
 */
int log_timeline_view(const struct log_timeline *t, struct log_timeline *ret);
/* Lets the older half go (those that came first) when there are more events, or bytes of their lines, than that. 0 or -ENOMEM. */
int log_timeline_trim(struct log_timeline *t, size_t most_events, size_t most_bytes);

const char *log_text(const struct log_timeline *t, uint32_t number); /* "" for 0 */
/* The line of an event, terminated, or "" where it was not kept (quiet kinds). */
const char *log_event_line(const struct log_timeline *t, const struct log_event *e);
/* The i-th unknown line, or NULL. */
const char *log_unknown(const struct log_timeline *t, size_t i);
const char *log_exchange_name(enum log_exchange exchange);

#endif

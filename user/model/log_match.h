/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log_match.h - which message of log_dialect.def a line is, and what it captures
 *
 * All patterns at once: an automaton (Aho-Corasick) over one literal of each finds the candidates in one pass over the
 * message, and only those are compared in full. Pure; spans point into the message.
 */
#ifndef ESPIAL_MODEL_LOG_MATCH_H
#define ESPIAL_MODEL_LOG_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_kind {
#define LOG_KIND(symbol, name, flags, what) LOG_##symbol,
#include "model/log_dialect.def"
#undef LOG_KIND
	LOG_KINDS
};

enum log_kind_flags {
	LOG_QUIET = 1,	/* too common for the timeline */
	LOG_BEGINS = 2, /* what the thread said before does not belong to it */
	LOG_GOOD = 4,	/* the peer answered something: a last good exchange */
};

/* Bits: a line whose daemon is not known may be of any. */
enum log_dialect {
	LOG_CHARON = 1,
	LOG_PLUTO = 2,
	LOG_CISCO = 4,
	LOG_HUAWEI = 8,
	LOG_ANY = 15,
};

struct log_row {
	enum log_kind kind;
	enum log_dialect dialect;
	const char *pattern;
};

struct log_span {
	const char *at; /* NULL: not captured */
	size_t length;
};

struct log_match {
	const struct log_row *row;
	struct log_span peer, local, conn, child, exchange, iface, text;
	/* UINT64_MAX: not captured */
	uint64_t n, mid, id, size, peer_port, local_port, spi;
};

struct log_matcher;

/* NULL: no memory. */
struct log_matcher *log_matcher_new(void);
void log_matcher_free(struct log_matcher *m); /* NULL is fine */

/* Of the patterns of these dialects that match, the one that begins first; of those, the first row. False: none. */
bool log_matcher_find(const struct log_matcher *m, unsigned int dialects, const char *message, size_t length,
		      struct log_match *ret);

size_t log_row_count(void);
const struct log_row *log_row_get(size_t i);
const char *log_kind_name(enum log_kind kind); /* "ike-up" */
const char *log_kind_what(enum log_kind kind); /* "IKE SA established" */
unsigned int log_kind_flags(enum log_kind kind);
const char *log_dialect_name(enum log_dialect dialect);

#endif

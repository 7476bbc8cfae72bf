// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/log_pattern.h"

#include <assert.h>
#include <string.h>

/* ---- the pattern */

static enum log_capture capture_of(const char *name, size_t length)
{
	static const struct {
		const char *name;
		enum log_capture capture;
	} names[] = {
		{"peer", LOG_CAPTURE_PEER},   {"local", LOG_CAPTURE_LOCAL}, {"pport", LOG_CAPTURE_PPORT},
		{"lport", LOG_CAPTURE_LPORT}, {"conn", LOG_CAPTURE_CONN},   {"id", LOG_CAPTURE_ID},
		{"child", LOG_CAPTURE_CHILD}, {"exch", LOG_CAPTURE_EXCH},   {"mid", LOG_CAPTURE_MID},
		{"n", LOG_CAPTURE_N},	      {"size", LOG_CAPTURE_SIZE},   {"spi", LOG_CAPTURE_SPI},
		{"iface", LOG_CAPTURE_IFACE}, {"text", LOG_CAPTURE_TEXT},   {"any", LOG_CAPTURE_ANY},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i].name) == length && memcmp(names[i].name, name, length) == 0)
			return names[i].capture;
	assert(!"a capture that there is not");
	return LOG_CAPTURE_ANY;
}

void log_pattern_compile(const char *pattern, struct log_pattern *ret)
{
	*ret = (struct log_pattern){.at_start = *pattern == '^'};
	pattern += ret->at_start;
	while (*pattern) {
		struct log_part *part = &ret->parts[ret->count++];

		assert(ret->count < LOG_PATTERN_PARTS);
		if (*pattern == '<') {
			const char *end = strchr(pattern, '>');

			assert(end);
			part->capture = capture_of(pattern + 1, (size_t)(end - pattern - 1));
			pattern = end + 1;
			continue;
		}
		part->capture = LOG_LITERAL;
		part->literal = pattern;
		part->length = strcspn(pattern, "<");
		pattern += part->length;
		if (!ret->anchor || (ret->at_start && part->length > ret->anchor_length)) {
			ret->anchor = part->literal;
			ret->anchor_length = part->length;
		}
	}
	assert(ret->anchor && (ret->at_start || ret->parts[0].capture == LOG_LITERAL));
}

/* ---- the message */

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int hex_value(char c)
{
	c = lower(c);
	return is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

struct cursor {
	const char *at, *end;
};

/* One blank of the literal is any number of them in the message: tables are padded */
static bool take_literal(struct cursor *c, const struct log_part *part)
{
	const char *at = c->at;

	for (size_t i = 0; i < part->length; i++) {
		if (at == c->end || lower(*at) != lower(part->literal[i]))
			return false;
		at++;
		if (is_space(part->literal[i]) && (i + 1 == part->length || !is_space(part->literal[i + 1])))
			while (at < c->end && is_space(*at))
				at++;
	}
	c->at = at;
	return true;
}

/* IPv4 or IPv6, without what may follow: a port behind a colon, the stop of a sentence */
static bool take_address(struct cursor *c, struct log_span *ret)
{
	const char *at = c->at, *colon = NULL;
	bool dotted = false;

	for (; at < c->end && (hex_value(*at) >= 0 || *at == '.' || *at == ':'); at++) {
		/* "10.1.0.2...10.2.0.2" */
		if (*at == '.' && at > c->at && at[-1] == '.')
			break;
		dotted |= *at == '.' && !colon;
		if (*at == ':' && !colon)
			colon = at;
	}
	if (dotted && colon)
		at = colon;
	while (at > c->at && (at[-1] == '.' || (at[-1] == ':' && (at - c->at < 2 || at[-2] != ':'))))
		at--;
	if (at == c->at)
		return false;
	*ret = (struct log_span){c->at, (size_t)(at - c->at)};
	c->at = at;
	return true;
}

bool log_pattern_address(const char *at, const char *end, struct log_span *ret)
{
	struct cursor c = {at, end};

	return take_address(&c, ret);
}

static bool take_number(struct cursor *c, uint64_t *ret)
{
	uint64_t value = 0;
	const char *at = c->at;

	for (; at < c->end && is_digit(*at) && value < UINT64_MAX / 16; at++)
		value = value * 10 + (uint64_t)(*at - '0');
	if (at == c->at)
		return false;
	c->at = at;
	*ret = value;
	return true;
}

static bool take_hex(struct cursor *c, uint64_t *ret)
{
	uint64_t value = 0;
	const char *at;

	while (c->at < c->end && is_space(*c->at))
		c->at++;
	if (c->end - c->at > 2 && c->at[0] == '0' && lower(c->at[1]) == 'x')
		c->at += 2;
	for (at = c->at; at < c->end && hex_value(*at) >= 0 && value <= UINT32_MAX; at++)
		value = value << 4 | (uint64_t)hex_value(*at);
	if (at == c->at)
		return false;
	c->at = at;
	*ret = value;
	return true;
}

/* Up to a blank or the beginning of what follows */
static bool take_word(struct cursor *c, const struct log_part *next, struct log_span *ret)
{
	char stop = next && next->capture == LOG_LITERAL ? next->literal[0] : ' ';
	const char *at = c->at;

	while (at < c->end && !is_space(*at) && *at != stop)
		at++;
	if (at == c->at)
		return false;
	*ret = (struct log_span){c->at, (size_t)(at - c->at)};
	c->at = at;
	return true;
}

/* Up to the next place where what follows stands; to the end when nothing follows */
static bool take_text(struct cursor *c, const struct log_part *next, struct log_span *ret)
{
	const char *from = c->at;
	struct cursor there = *c;

	if (!next) {
		*ret = (struct log_span){from, (size_t)(c->end - from)};
		c->at = c->end;
		return true;
	}
	for (;; c->at++) {
		there.at = c->at;
		if (take_literal(&there, next))
			break;
		if (c->at == c->end)
			return false;
	}
	*ret = (struct log_span){from, (size_t)(c->at - from)};
	return true;
}

static bool take(struct cursor *c, const struct log_part *part, const struct log_part *next,
		 struct log_match *ret)
{
	struct log_span ignored;

	switch (part->capture) {
	case LOG_LITERAL:
		return take_literal(c, part);
	case LOG_CAPTURE_PEER:
		return take_address(c, &ret->peer);
	case LOG_CAPTURE_LOCAL:
		return take_address(c, &ret->local);
	case LOG_CAPTURE_PPORT:
		return take_number(c, &ret->peer_port);
	case LOG_CAPTURE_LPORT:
		return take_number(c, &ret->local_port);
	case LOG_CAPTURE_ID:
		return take_number(c, &ret->id);
	case LOG_CAPTURE_MID:
		return take_number(c, &ret->mid);
	case LOG_CAPTURE_N:
		return take_number(c, &ret->n);
	case LOG_CAPTURE_SIZE:
		return take_number(c, &ret->size);
	case LOG_CAPTURE_SPI:
		return take_hex(c, &ret->spi);
	case LOG_CAPTURE_CONN:
		return take_word(c, next, &ret->conn);
	case LOG_CAPTURE_CHILD:
		return take_word(c, next, &ret->child);
	case LOG_CAPTURE_EXCH:
		return take_word(c, next, &ret->exchange);
	case LOG_CAPTURE_IFACE:
		return take_word(c, next, &ret->iface);
	case LOG_CAPTURE_TEXT:
		return take_text(c, next, &ret->text);
	case LOG_CAPTURE_ANY:
		return take_text(c, next, &ignored);
	}
	return false;
}

bool log_pattern_match(const struct log_pattern *p, const char *message, size_t length, size_t pos,
		       struct log_match *ret)
{
	struct cursor c = {message + pos, message + length};

	*ret = (struct log_match){
		.n = UINT64_MAX,
		.mid = UINT64_MAX,
		.id = UINT64_MAX,
		.size = UINT64_MAX,
		.peer_port = UINT64_MAX,
		.local_port = UINT64_MAX,
		.spi = UINT64_MAX,
	};
	if (p->at_start)
		while (c.at < c.end && is_space(*c.at))
			c.at++;
	for (size_t i = 0; i < p->count; i++)
		if (!take(&c, &p->parts[i], i + 1 < p->count ? &p->parts[i + 1] : NULL, ret))
			return false;
	return true;
}

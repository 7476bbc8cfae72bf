// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/log_match.h"

#include <stdlib.h>
#include <string.h>

#include "model/log_pattern.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define QUIET LOG_QUIET
#define BEGINS LOG_BEGINS
#define GOOD LOG_GOOD

static const struct {
	const char *name, *what;
	unsigned int flags;
} kinds[LOG_KINDS] = {
#define LOG_KIND(symbol, name, flags, what) {name, what, flags},
#include "model/log_dialect.def"
#undef LOG_KIND
};

static const struct log_row rows[] = {
#define LOG_ROW(kind, dialect, pattern) {LOG_##kind, LOG_##dialect, pattern},
#include "model/log_dialect.def"
#undef LOG_ROW
};

#define ROWS COUNT(rows)
#define NO_ROW UINT16_MAX

_Static_assert(ROWS < NO_ROW, "rows are numbered with 16 bits");

/*
 * Nodes are states; next[node * width + class of the byte] is where a byte leads, failure links already followed. Bytes that
 * stand in no pattern share class 0.
 */
struct log_matcher {
	uint8_t class[256];
	unsigned int width, nodes;
	uint16_t *next;
	uint16_t *first_row; /* [nodes]: row whose anchor ends here, NO_ROW */
	uint16_t *shorter;   /* [nodes]: the next node whose anchor ends here too, 0: none */
	uint16_t next_row[ROWS];
	struct log_pattern pattern[ROWS];
};

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

static void number_classes(struct log_matcher *m)
{
	for (size_t i = 0; i < ROWS; i++) {
		const struct log_pattern *p = &m->pattern[i];

		for (size_t k = 0; k < p->anchor_length; k++) {
			uint8_t c = lower((uint8_t)p->anchor[k]);

			if (!m->class[c])
				m->class[c] = (uint8_t)++m->width;
		}
	}
	m->width++;
	for (unsigned int c = 'A'; c <= 'Z'; c++)
		m->class[c] = m->class[lower((uint8_t)c)];
}

static void insert(struct log_matcher *m, uint16_t row)
{
	const struct log_pattern *p = &m->pattern[row];
	uint16_t node = 0, *last;

	for (size_t k = 0; k < p->anchor_length; k++) {
		uint16_t *to = &m->next[node * m->width + m->class[(uint8_t)p->anchor[k]]];

		if (!*to)
			*to = (uint16_t)m->nodes++;
		node = *to;
	}
	for (last = &m->first_row[node]; *last != NO_ROW; last = &m->next_row[*last])
		;
	*last = row;
}

/* Breadth first: the failure link of a node is shorter than the node, and thus complete. False: no memory. */
static bool link_nodes(struct log_matcher *m)
{
	uint16_t *queue = calloc(m->nodes, sizeof(*queue)), *fail = calloc(m->nodes, sizeof(*fail));
	size_t head = 0, tail = 0;

	if (!queue || !fail) {
		free(queue);
		free(fail);
		return false;
	}
	for (unsigned int c = 0; c < m->width; c++)
		if (m->next[c])
			queue[tail++] = m->next[c];
	while (head < tail) {
		uint16_t node = queue[head++];

		m->shorter[node] = m->first_row[fail[node]] != NO_ROW ? fail[node] : m->shorter[fail[node]];
		for (unsigned int c = 0; c < m->width; c++) {
			uint16_t *to = &m->next[node * m->width + c];
			uint16_t other = m->next[fail[node] * m->width + c];

			if (*to) {
				fail[*to] = other;
				queue[tail++] = *to;
			} else {
				*to = other;
			}
		}
	}
	free(queue);
	free(fail);
	return true;
}

struct log_matcher *log_matcher_new(void)
{
	struct log_matcher *m = calloc(1, sizeof(*m));
	size_t most = 1;

	if (!m)
		return NULL;
	for (size_t i = 0; i < ROWS; i++) {
		log_pattern_compile(rows[i].pattern, &m->pattern[i]);
		most += m->pattern[i].anchor_length;
		m->next_row[i] = NO_ROW;
	}
	number_classes(m);
	m->next = calloc(most * m->width, sizeof(*m->next));
	m->first_row = calloc(most, sizeof(*m->first_row));
	m->shorter = calloc(most, sizeof(*m->shorter));
	if (!m->next || !m->first_row || !m->shorter)
		goto failed;
	memset(m->first_row, 0xff, most * sizeof(*m->first_row));
	m->nodes = 1;
	for (size_t i = 0; i < ROWS; i++)
		insert(m, (uint16_t)i);
	if (link_nodes(m))
		return m;
failed:
	log_matcher_free(m);
	return NULL;
}

void log_matcher_free(struct log_matcher *m)
{
	if (!m)
		return;
	free(m->next);
	free(m->first_row);
	free(m->shorter);
	free(m);
}

struct best {
	size_t pos;
	uint16_t row;
	struct log_match match;
};

/* An anchor ends behind `end` bytes of the message: try the rows that have it */
static void try_rows(const struct log_matcher *m, unsigned int dialects, uint16_t node, const char *message,
		     size_t length, size_t end, struct best *best)
{
	for (uint16_t row = m->first_row[node]; row != NO_ROW; row = m->next_row[row]) {
		const struct log_pattern *p = &m->pattern[row];
		size_t pos = p->at_start ? 0 : end - p->anchor_length;
		struct log_match match;

		if (!(rows[row].dialect & dialects) || pos > best->pos ||
		    (pos == best->pos && row >= best->row))
			continue;
		if (!log_pattern_match(p, message, length, pos, &match))
			continue;
		match.row = &rows[row];
		*best = (struct best){pos, row, match};
	}
}

bool log_matcher_find(const struct log_matcher *m, unsigned int dialects, const char *message, size_t length,
		      struct log_match *ret)
{
	struct best best = {.pos = SIZE_MAX, .row = NO_ROW};
	const uint16_t *next = m->next;
	unsigned int width = m->width;
	uint16_t node = 0;

	for (size_t i = 0; i < length; i++) {
		node = next[node * width + m->class[(uint8_t)message[i]]];
		for (uint16_t hit = m->first_row[node] != NO_ROW ? node : m->shorter[node]; hit;
		     hit = m->shorter[hit])
			try_rows(m, dialects, hit, message, length, i + 1, &best);
	}
	if (best.row == NO_ROW)
		return false;
	*ret = best.match;
	return true;
}

size_t log_row_count(void)
{
	return ROWS;
}

const struct log_row *log_row_get(size_t i)
{
	return &rows[i];
}

const char *log_kind_name(enum log_kind kind)
{
	return kinds[kind].name;
}

const char *log_kind_what(enum log_kind kind)
{
	return kinds[kind].what;
}

unsigned int log_kind_flags(enum log_kind kind)
{
	return kinds[kind].flags;
}

const char *log_dialect_name(enum log_dialect dialect)
{
	switch (dialect) {
	case LOG_CHARON:
		return "strongSwan";
	case LOG_PLUTO:
		return "libreswan";
	case LOG_CISCO:
		return "Cisco";
	case LOG_HUAWEI:
		return "Huawei";
	case LOG_ANY:
		break;
	}
	return "unknown";
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/compare.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SKEW UINT64_C(5000000000) /* what the clocks of two hosts may differ, when it matters */

struct link {
	const struct compare_sa *sa;
	bool taken;
};

struct matching {
	const struct compare_end *a, *b;
	struct link *of_b; /* by SPI */
	bool *taken_a;
};

static int by_spi(const void *x, const void *y)
{
	const struct compare_sa *one = ((const struct link *)x)->sa, *other = ((const struct link *)y)->sa;

	if (one->spi != other->spi)
		return one->spi < other->spi ? -1 : 1;
	return strcmp(one->destination, other->destination);
}

static bool can_pair(const struct compare_sa *a, const struct compare_sa *b)
{
	return a->spi == b->spi && a->protocol == b->protocol &&
	       (a->direction != b->direction || a->direction == COMPARE_UNKNOWN);
}

/* Among those of B, the first with that SPI or a higher one. */
static size_t first_of_spi(const struct matching *m, uint32_t spi)
{
	size_t low = 0, high = m->b->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (m->of_b[middle].sa->spi < spi)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Does B have the SA of A in A's own direction? Then the two are of one end. */
static bool is_same_side(const struct matching *m, const struct compare_sa *sa)
{
	for (size_t i = first_of_spi(m, sa->spi); i < m->b->count && m->of_b[i].sa->spi == sa->spi; i++)
		if (sa->direction != COMPARE_UNKNOWN && m->of_b[i].sa->direction == sa->direction &&
		    m->of_b[i].sa->protocol == sa->protocol &&
		    strcmp(m->of_b[i].sa->destination, sa->destination) == 0)
			return true;
	return false;
}

/* The same SA at the other end: by its destination too, or, behind a NAT, the only one of that SPI. */
static struct link *partner(const struct matching *m, const struct compare_sa *sa, bool *ret_by_spi)
{
	struct link *only = NULL;
	size_t found = 0;

	for (size_t i = first_of_spi(m, sa->spi); i < m->b->count && m->of_b[i].sa->spi == sa->spi; i++) {
		struct link *link = &m->of_b[i];

		if (link->taken || !can_pair(sa, link->sa))
			continue;
		if (strcmp(link->sa->destination, sa->destination) == 0) {
			*ret_by_spi = false;
			return link;
		}
		only = link;
		found++;
	}
	*ret_by_spi = true;
	return found == 1 ? only : NULL;
}

static uint64_t minus(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static uint64_t holes(const struct compare_sa *sa)
{
	return sa->lost + sa->pending;
}

/* Who sent: as the ends say, else where fewer are missing; what is seen at one of two places only is lost behind it. */
static void set_sides(const struct compare_sa *a, const struct compare_sa *b, struct compare_flow *f)
{
	f->from_a = a->direction == COMPARE_OUT || b->direction == COMPARE_IN;
	if (a->direction == COMPARE_UNKNOWN && b->direction == COMPARE_UNKNOWN) {
		f->inferred = true;
		f->from_a = holes(a) <= holes(b);
	}
	f->sent = f->from_a ? a : b;
	f->got = f->from_a ? b : a;
}

/* The numbers of the receiver's range, beside what the sender's hook saw of them. */
static void account(const struct compare_end *receiver, struct compare_flow *f)
{
	const struct compare_sa *s = f->sent, *g = f->got;
	uint64_t missing = holes(g), gaps = holes(s);
	/* Of these the sender's reading does not tell whether they left: it was read before, or watched from later on. */
	uint64_t unread = minus(g->highest, s->highest) + minus(s->first, g->first);

	if (s->restarts || g->restarts) {
		f->verdict = COMPARE_RESTARTED;
		return;
	}
	f->from = g->first;
	f->to = g->highest;
	f->arrived = g->received;
	f->pending = g->pending;
	f->dropped = gaps;
	f->beyond = minus(s->highest, g->highest);
	f->lost_most = missing;
	f->lost_least = minus(missing, gaps + unread);
	if (s->first == g->first &&
	    s->highest == g->highest) /* every gap of the sender's is one of the receiver's */
		f->lost_most = f->lost_least;
	/* Older than the window can tell: a late original, which is no loss, or a copy. */
	f->lost_least = minus(f->lost_least, g->too_old);
	if (g->first > s->first) {
		uint64_t before = g->first - s->first;

		if (receiver->since_ns && receiver->since_ns <= s->first_ns) {
			f->from = s->first;
			f->lost_most += before;
			if (receiver->since_ns + SKEW <= s->first_ns)
				f->lost_least += minus(before, gaps);
		} else {
			f->unwatched = before;
		}
	}
	f->verdict = f->lost_least == f->lost_most ? COMPARE_EXACT : COMPARE_BETWEEN;
}

/* ---- what only one end has */

static bool is_at(const struct compare_end *end, const char *address)
{
	for (size_t i = 0; i < end->count; i++) {
		const struct compare_sa *sa = &end->sas[i];

		if ((sa->direction == COMPARE_IN && strcmp(sa->destination, address) == 0) ||
		    (sa->direction == COMPARE_OUT && strcmp(sa->source, address) == 0))
			return true;
	}
	return false;
}

/* Sent to the other end while it watched, and never seen there. True: *f is that. */
static bool nothing_arrived(const struct compare_end *other, const struct compare_sa *sa, bool is_a,
			    struct compare_flow *f)
{
	if (sa->direction != COMPARE_OUT || !sa->received || !other->since_ns ||
	    other->since_ns + SKEW > sa->first_ns || !is_at(other, sa->destination))
		return false;
	memset(f, 0, sizeof(*f));
	f->sent = sa;
	f->from_a = is_a;
	f->verdict = COMPARE_NOTHING;
	f->from = sa->first;
	f->to = sa->highest;
	f->lost_least = f->lost_most = sa->received;
	f->dropped = holes(sa);
	return true;
}

static int by_loss(const void *x, const void *y)
{
	const struct compare_flow *one = x, *other = y;

	if (one->lost_least != other->lost_least)
		return one->lost_least > other->lost_least ? -1 : 1;
	if (one->lost_most != other->lost_most)
		return one->lost_most > other->lost_most ? -1 : 1;
	if (one->from_a != other->from_a)
		return one->from_a ? -1 : 1;
	return (one->sent->spi > other->sent->spi) - (one->sent->spi < other->sent->spi);
}

static void match(struct matching *m, struct compare *c)
{
	for (size_t i = 0; i < m->a->count; i++) {
		const struct compare_sa *sa = &m->a->sas[i];
		struct compare_flow *f = &c->flows[c->count];
		bool by_spi_alone;
		struct link *link = partner(m, sa, &by_spi_alone);

		if (!link)
			continue;
		link->taken = m->taken_a[i] = true;
		memset(f, 0, sizeof(*f));
		f->by_spi = by_spi_alone;
		set_sides(sa, link->sa, f);
		account(f->from_a ? m->b : m->a, f);
		c->count++;
	}
	for (size_t i = 0; i < m->a->count; i++) {
		if (m->taken_a[i])
			continue;
		if (nothing_arrived(m->b, &m->a->sas[i], true, &c->flows[c->count]))
			c->count++;
		else
			c->only_a++;
		c->same_side += is_same_side(m, &m->a->sas[i]);
	}
	for (size_t i = 0; i < m->b->count; i++) {
		if (m->of_b[i].taken)
			continue;
		if (nothing_arrived(m->a, m->of_b[i].sa, false, &c->flows[c->count]))
			c->count++;
		else
			c->only_b++;
	}
}

int compare_ends(const struct compare_end *a, const struct compare_end *b, struct compare *ret)
{
	size_t most = a->count + b->count + 1;
	struct matching m = {.a = a, .b = b};
	struct compare c = {0};
	int err = -ENOMEM;

	m.of_b = calloc(b->count + 1, sizeof(*m.of_b));
	m.taken_a = calloc(a->count + 1, sizeof(*m.taken_a));
	c.flows = calloc(most, sizeof(*c.flows));
	if (!m.of_b || !m.taken_a || !c.flows)
		goto out;
	for (size_t i = 0; i < b->count; i++)
		m.of_b[i].sa = &b->sas[i];
	qsort(m.of_b, b->count, sizeof(*m.of_b), by_spi);
	match(&m, &c);
	qsort(c.flows, c.count, sizeof(*c.flows), by_loss);
	*ret = c;
	c.flows = NULL;
	err = 0;
out:
	free(m.of_b);
	free(m.taken_a);
	free(c.flows);
	return err;
}

void compare_free(struct compare *c)
{
	free(c->flows);
	memset(c, 0, sizeof(*c));
}

const char *compare_verdict_name(enum compare_verdict verdict)
{
	static const char *const names[COMPARE_VERDICTS] = {[COMPARE_EXACT] = "exact",
							    [COMPARE_BETWEEN] = "between",
							    [COMPARE_NOTHING] = "nothing-arrived",
							    [COMPARE_RESTARTED] = "restarted"};

	return verdict < COMPARE_VERDICTS ? names[verdict] : "";
}

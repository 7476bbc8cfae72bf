// SPDX-License-Identifier: GPL-2.0-or-later
/* log_order.c - events in the order of time, and in groups */
#include <stdlib.h>

#include "model/log_internal.h"

/*
 * Of events of one moment: the order in which a thread does things. Only for logs whose lines are not in order, where the
 * order in which they came says nothing.
 */
static int rank(const struct log_event *e)
{
	static const uint8_t ranks[LOG_KINDS] = {
		[LOG_STARTED] = 1,
		[LOG_RECEIVED] = 2,
		[LOG_PARSED] = 3,
		[LOG_RETRANSMIT] = 4,
		[LOG_GAVE_UP] = 4,
		[LOG_DELETE_RECEIVED] = 4,
		[LOG_PEER_INITIATING] = 4,
		[LOG_OFFER] = 4,
		[LOG_IKE_UP] = 5,
		[LOG_IKE_REKEYED] = 5,
		[LOG_OFFER_PART] = 5,
		[LOG_PROPOSALS_RECEIVED] = 6,
		[LOG_PROPOSALS_CONFIGURED] = 7,
		[LOG_MALFORMED] = 9,
		[LOG_CHILD_UP] = 9,
		[LOG_INITIATING] = 10,
		[LOG_GENERATING] = 11,
		[LOG_SENT] = 12,
	};

	return ranks[e->kind] ? ranks[e->kind] : 8;
}

static int by_time(const void *a, const void *b)
{
	const struct log_event *x = a, *y = b;

	if (x->order_ns != y->order_ns)
		return x->order_ns < y->order_ns ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static int by_time_and_rank(const void *a, const void *b)
{
	const struct log_event *x = a, *y = b;

	if (x->order_ns != y->order_ns)
		return x->order_ns < y->order_ns ? -1 : 1;
	if (rank(x) != rank(y))
		return rank(x) < rank(y) ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

void log_order_sort(struct log_timeline *t)
{
	int (*compare)(const void *a, const void *b) = t->disordered ? by_time_and_rank : by_time;
	size_t i;

	for (i = 1; i < t->count && compare(&t->events[i - 1], &t->events[i]) <= 0; i++)
		;
	if (i < t->count)
		qsort(t->events, t->count, sizeof(*t->events), compare);
	for (i = 0; i < t->count; i++) {
		uint64_t at = t->events[i].at_ns;

		if (at && (!t->first_ns || at < t->first_ns))
			t->first_ns = at;
		if (at > t->last_ns)
			t->last_ns = at;
	}
}

static bool is_of_host(const struct log_event *e)
{
	return e->kind == LOG_STARTED || e->kind == LOG_STOPPED;
}

/* Starts and ends of a daemon concern all of its conversations */
static bool belongs(const struct log_timeline *t, const struct log_event *e, uint32_t of, size_t conversation)
{
	return of == conversation || (is_of_host(e) && t->conversations[conversation].host == e->host);
}

bool log_order_group(struct log_timeline *t, const uint32_t *of)
{
	size_t starts = 0, total, *count;

	for (size_t i = 0; i < t->count; i++)
		starts += is_of_host(&t->events[i]);
	total = t->count + starts * t->conversation_count;
	t->indices = calloc(total + 1, sizeof(*t->indices));
	count = calloc(t->conversation_count + 1, sizeof(*count));
	if (!t->indices || !count) {
		free(count);
		return false;
	}
	for (size_t i = 0; i < t->count; i++)
		if (is_of_host(&t->events[i]))
			for (size_t k = 0; k < t->conversation_count; k++)
				count[k] += belongs(t, &t->events[i], of[i], k);
		else if (of[i] != LOG_NO_CONVERSATION)
			count[of[i]]++;
	for (size_t k = 0, at = 0; k < t->conversation_count; k++) {
		t->conversations[k].events = t->indices + at;
		at += count[k];
	}
	for (size_t i = 0; i < t->count; i++)
		for (size_t k = is_of_host(&t->events[i]) ? 0 : of[i]; k < t->conversation_count; k++) {
			struct log_conversation *c = &t->conversations[k];

			if (belongs(t, &t->events[i], of[i], k))
				t->indices[(size_t)(c->events - t->indices) + c->count++] = (uint32_t)i;
			if (!is_of_host(&t->events[i]))
				break;
		}
	free(count);
	return true;
}

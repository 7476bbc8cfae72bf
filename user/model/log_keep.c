// SPDX-License-Identifier: GPL-2.0-or-later
/* log_keep.c - a timeline that goes on: looked at as it is, and kept within bounds */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/log_internal.h"
#include "model/log_texts.h"

int log_timeline_view(const struct log_timeline *t, struct log_timeline *ret)
{
	struct log_event *events = malloc((t->count ? t->count : 1) * sizeof(*events));

	if (!events || t->failed) {
		free(events);
		return -ENOMEM;
	}
	if (t->count)
		memcpy(events, t->events, t->count * sizeof(*events));
	*ret = *t;
	ret->events = events;
	ret->room = t->count;
	ret->borrowed = true;
	return 0;
}

static uint32_t again(struct log_texts *to, const struct log_texts *from, uint32_t number, bool *failed)
{
	const char *text = log_texts_get(from, number);

	return log_texts_number(to, text, strlen(text), failed);
}

/* The events from `first` on, with texts and lines of their own: what the others had is gone with them. */
static int renew(struct log_timeline *t, size_t first)
{
	struct log_texts *texts = log_texts_new();
	size_t used = 0, at = 0;
	bool failed = false;
	char *arena;

	for (size_t i = first; i < t->count; i++)
		used += t->events[i].line_length ? t->events[i].line_length + 1 : 0;
	arena = malloc(used + 1);
	if (!texts || !arena) {
		log_texts_free(texts);
		free(arena);
		return -ENOMEM;
	}
	for (size_t i = first; i < t->count; i++) {
		struct log_event e = t->events[i];
		uint32_t *const numbers[] = {&e.host,  &e.peer,	 &e.local, &e.conn,
					     &e.child, &e.iface, &e.text};

		for (size_t k = 0; k < sizeof(numbers) / sizeof(numbers[0]); k++)
			*numbers[k] = again(texts, t->texts, *numbers[k], &failed);
		if (e.line_length) {
			memcpy(arena + at, t->arena + e.line, e.line_length + 1);
			e.line = at;
			at += e.line_length + 1;
		}
		t->events[i - first] = e;
	}
	t->count -= first;
	log_texts_free(t->texts);
	free(t->arena);
	t->texts = texts;
	t->arena = arena;
	t->arena_used = used;
	t->arena_room = used + 1;
	t->failed |= failed;
	return failed ? -ENOMEM : 0;
}

int log_timeline_trim(struct log_timeline *t, size_t most_events, size_t most_bytes)
{
	size_t first = t->count, bytes = 0;

	if (t->count <= most_events && t->arena_used <= most_bytes)
		return 0;
	while (first > 0 && t->count - first < most_events / 2 &&
	       bytes + t->events[first - 1].line_length + 1 < most_bytes / 2)
		bytes += t->events[--first].line_length + 1;
	t->forgotten += first;
	return renew(t, first);
}

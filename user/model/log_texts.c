// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/log_texts.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SLOTS 1024

struct log_texts {
	char *bytes;
	size_t used, room;
	uint32_t *offset; /* [number]: into bytes; 0 is "" */
	size_t count, offset_room;
	uint32_t *slots; /* numbers, 0: free; a power of two of them, at most half full */
	size_t slot_count;
};

struct log_texts *log_texts_new(void)
{
	struct log_texts *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->bytes = calloc(1, 4096);
	t->offset = calloc(64, sizeof(*t->offset));
	t->slots = calloc(FIRST_SLOTS, sizeof(*t->slots));
	if (!t->bytes || !t->offset || !t->slots) {
		log_texts_free(t);
		return NULL;
	}
	t->room = 4096;
	t->offset_room = 64;
	t->slot_count = FIRST_SLOTS;
	t->used = 1;
	t->count = 1;
	return t;
}

void log_texts_free(struct log_texts *t)
{
	if (!t)
		return;
	free(t->bytes);
	free(t->offset);
	free(t->slots);
	free(t);
}

/* FNV-1a */
static size_t hash(const char *text, size_t length)
{
	uint64_t h = 14695981039346656037ULL;

	for (size_t i = 0; i < length; i++)
		h = (h ^ (uint8_t)text[i]) * 1099511628211ULL;
	return (size_t)(h ^ h >> 32);
}

static bool widen(struct log_texts *t)
{
	size_t slots = t->slot_count * 2;
	uint32_t *wider = calloc(slots, sizeof(*wider));

	if (!wider)
		return false;
	for (uint32_t n = 1; n < t->count; n++) {
		const char *text = t->bytes + t->offset[n];
		size_t at = hash(text, strlen(text)) & (slots - 1);

		while (wider[at])
			at = (at + 1) & (slots - 1);
		wider[at] = n;
	}
	free(t->slots);
	t->slots = wider;
	t->slot_count = slots;
	return true;
}

static bool reserve(struct log_texts *t, size_t length)
{
	void *bigger;

	if (t->count == t->offset_room) {
		bigger = realloc(t->offset, t->offset_room * 2 * sizeof(*t->offset));
		if (!bigger)
			return false;
		t->offset = bigger;
		t->offset_room *= 2;
	}
	while (t->room - t->used <= length) {
		if (t->room > UINT32_MAX / 2)
			return false;
		bigger = realloc(t->bytes, t->room * 2);
		if (!bigger)
			return false;
		t->bytes = bigger;
		t->room *= 2;
	}
	return t->count * 2 < t->slot_count || widen(t);
}

uint32_t log_texts_number(struct log_texts *t, const char *text, size_t length, bool *ret_failed)
{
	size_t at;

	/* A terminator inside would end it early, and then it would not be found again */
	length = length ? strnlen(text, length) : 0;
	if (!length)
		return 0;
	at = hash(text, length) & (t->slot_count - 1);
	for (; t->slots[at]; at = (at + 1) & (t->slot_count - 1)) {
		const char *known = t->bytes + t->offset[t->slots[at]];

		if (strncmp(known, text, length) == 0 && !known[length])
			return t->slots[at];
	}
	if (!reserve(t, length)) {
		*ret_failed = true;
		return 0;
	}
	for (at = hash(text, length) & (t->slot_count - 1); t->slots[at]; at = (at + 1) & (t->slot_count - 1))
		;
	t->slots[at] = (uint32_t)t->count;
	t->offset[t->count] = (uint32_t)t->used;
	memcpy(t->bytes + t->used, text, length);
	t->bytes[t->used + length] = '\0';
	t->used += length + 1;
	return (uint32_t)t->count++;
}

const char *log_texts_get(const struct log_texts *t, uint32_t number)
{
	return t->bytes + t->offset[number];
}

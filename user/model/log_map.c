// SPDX-License-Identifier: GPL-2.0-or-later
/* log_map.c - open addressing, linear probing, nothing is ever taken out */
#include <stdlib.h>

#include "model/log_internal.h"

static size_t slot_of(const struct log_map *m, uint64_t key)
{
	size_t at = (size_t)((key * 0x9e3779b97f4a7c15ULL) >> 32) & (m->slots - 1);

	while (m->keys[at] && m->keys[at] != key)
		at = (at + 1) & (m->slots - 1);
	return at;
}

uint32_t log_map_get(const struct log_map *m, uint64_t key)
{
	size_t at;

	if (!m->slots)
		return UINT32_MAX;
	at = slot_of(m, key);
	return m->keys[at] ? m->values[at] : UINT32_MAX;
}

static bool widen(struct log_map *m)
{
	struct log_map wider = {.slots = m->slots ? m->slots * 2 : 64};

	wider.keys = calloc(wider.slots, sizeof(*wider.keys));
	wider.values = calloc(wider.slots, sizeof(*wider.values));
	if (!wider.keys || !wider.values) {
		log_map_free(&wider);
		return false;
	}
	for (size_t i = 0; i < m->slots; i++) {
		size_t at;

		if (!m->keys[i])
			continue;
		at = slot_of(&wider, m->keys[i]);
		wider.keys[at] = m->keys[i];
		wider.values[at] = m->values[i];
	}
	wider.count = m->count;
	log_map_free(m);
	*m = wider;
	return true;
}

bool log_map_put(struct log_map *m, uint64_t key, uint32_t value)
{
	size_t at;

	if (m->count * 2 >= m->slots && !widen(m))
		return false;
	at = slot_of(m, key);
	m->count += !m->keys[at];
	m->keys[at] = key;
	m->values[at] = value;
	return true;
}

void log_map_free(struct log_map *m)
{
	free(m->keys);
	free(m->values);
	*m = (struct log_map){0};
}

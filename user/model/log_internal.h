/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log_internal.h - what the files of the timeline share */
#ifndef ESPIAL_MODEL_LOG_INTERNAL_H
#define ESPIAL_MODEL_LOG_INTERNAL_H

#include "model/log_timeline.h"

#define LOG_NO_CONVERSATION UINT32_MAX

/*
 * Which conversation each sorted event belongs to, into `of` ([t->count], LOG_NO_CONVERSATION: unknown). Fills in peer,
 * exchange and flags that follow from the context, and makes t->conversations without their events. False: no memory.
 */
bool log_context_resolve(struct log_timeline *t, uint32_t *of);

void log_order_sort(struct log_timeline *t);
/* Gives each conversation its events. False: no memory. */
bool log_order_group(struct log_timeline *t, const uint32_t *of);

/* Numbers by 64-bit keys other than 0 */
struct log_map {
	uint64_t *keys;
	uint32_t *values;
	size_t count, slots;
};

/* UINT32_MAX: no such key */
uint32_t log_map_get(const struct log_map *m, uint64_t key);
bool log_map_put(struct log_map *m, uint64_t key, uint32_t value); /* false: no memory */
void log_map_free(struct log_map *m);

#endif

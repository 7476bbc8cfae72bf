/* SPDX-License-Identifier: GPL-2.0-or-later */
/* events.h - the last events, numbered from 0 since the agent's start */
#ifndef ESPIAL_AGENT_EVENTS_H
#define ESPIAL_AGENT_EVENTS_H

#include "model/event.h"

#define EVENTS_KEPT 1000

struct events {
	struct event *kept;			/* number n is at n mod EVENTS_KEPT */
	uint64_t count;				/* that there were: the number of the next one */
	uint64_t unknown;			/* that could not be decoded: of another version */
	uint64_t ike_verdicts[IKE_FAULT_COUNT]; /* IKE messages by what the parser said of them */
};

int events_init(struct events *ret);
void events_destroy(struct events *events);

/* What of one event is worth keeping, valid until the next is added; NULL: it could not be decoded. See event_decode(). */
const struct event *events_add(struct events *events, const struct esp_event *raw, size_t size,
			       uint64_t offset_ns, const char *interface, const struct esp_ports *ports);

/* The number of the oldest that is still kept. */
uint64_t events_oldest(const struct events *events);
const struct event *events_at(const struct events *events, uint64_t number);

/* All that are kept as a JSON array: malloc'ed, *ret_length its length, NULL when there is no memory. */
char *events_json(const struct events *events, size_t *ret_length);

#endif

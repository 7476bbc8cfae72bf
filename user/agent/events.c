// SPDX-License-Identifier: GPL-2.0-or-later
/* events.c - a ring of the last events */
#include "agent/events.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "export/event_json.h"

int events_init(struct events *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->kept = calloc(EVENTS_KEPT, sizeof(*ret->kept));
	return ret->kept ? 0 : -ENOMEM;
}

void events_destroy(struct events *events)
{
	free(events->kept);
	events->kept = NULL;
}

const struct event *events_add(struct events *events, const struct esp_event *raw, size_t size,
			       uint64_t offset_ns, const char *interface, const struct esp_ports *ports)
{
	struct event event, *kept;

	if (event_decode(raw, size, offset_ns, interface, ports, &event) != 0) {
		events->unknown++;
		return NULL;
	}
	kept = &events->kept[events->count++ % EVENTS_KEPT];
	*kept = event;
	if (event.kind == EVENT_IKE && event.ike_fault < IKE_FAULT_COUNT)
		events->ike_verdicts[event.ike_fault]++;
	return kept;
}

uint64_t events_oldest(const struct events *events)
{
	return events->count > EVENTS_KEPT ? events->count - EVENTS_KEPT : 0;
}

const struct event *events_at(const struct events *events, uint64_t number)
{
	return &events->kept[number % EVENTS_KEPT];
}

char *events_json(const struct events *events, size_t *ret_length)
{
	json_t *list = json_array();
	uint64_t number;
	char *text;

	for (number = events_oldest(events); number < events->count; number++) {
		if (json_array_append_new(list, event_json(events_at(events, number))) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	text = json_dumps(list, JSON_COMPACT);
	json_decref(list);
	if (text)
		*ret_length = strlen(text);
	return text;
}

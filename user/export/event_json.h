/* SPDX-License-Identifier: GPL-2.0-or-later */
/* event_json.h - an event as a JSON object, and that object as a line for people */
#ifndef ESPIAL_EXPORT_EVENT_JSON_H
#define ESPIAL_EXPORT_EVENT_JSON_H

#include <jansson.h>

#include "model/event.h"

/*
 * {"time", "kind": "ike"|"icmp"|"endpoint", "interface", "direction", "class", "source", "destination", "length",
 *  "malformed": reason|null, and one of
 *  "ike": {"initiator_spi", "responder_spi", "version", "exchange", "exchange_type", "message_id", "flags": ["…"], "length",
 *          "truncated", "fragment": {"number", "total"}|null} | null when there was no header
 *  "icmp": {"type", "code", "name", "mtu": n|null,
 *           "quote": {"protocol", "source", "destination", "spi": "0x…"|null} | null}
 *  "endpoint": {"spi", "old", "new"}}
 * As in output.md, unknown is null. NULL: no memory.
 */
json_t *event_json(const struct event *event);

/* The line, without newline, cut to size; text of the object is escaped. -EINVAL when it is no event. */
int event_text(json_t *event, char *buffer, size_t size);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* timeline_json.h - an entry of the timeline as JSON */
#ifndef ESPIAL_EXPORT_TIMELINE_JSON_H
#define ESPIAL_EXPORT_TIMELINE_JSON_H

#include "export/json_writer.h"
#include "model/timeline.h"

/*
 * {"time", "kind", "severity", "confidence", "origin", "tunnel", "local", "local_port", "peer", "peer_port",
 *  "initiator_spi", "responder_spi", "spi", "ike_version": 1|2, "exchange": name, "message_id", "good": bool,
 *  "cause": finding id, "text", "evidence": [{"what", "value", "at", "origin"}]}
 * As in output.md, unknown is null. `kind` NULL: the entry's own. With `mark` a member of that name is added.
 */
void timeline_json(struct json_writer *w, const char *key, const struct timeline_entry *entry,
		   const char *kind, const char *mark);

#endif

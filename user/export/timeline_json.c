// SPDX-License-Identifier: GPL-2.0-or-later
#include "export/timeline_json.h"

#include <string.h>

#include "model/address.h"
#include "model/ike_parse.h"

static void write_text(struct json_writer *w, const char *key, const char *text)
{
	if (text && *text)
		json_write_string(w, key, text);
	else
		json_write_null(w, key);
}

static void write_address(struct json_writer *w, const char *key, const uint8_t address[16])
{
	char text[ADDRESS_TEXT];

	write_text(w, key, address_text_known(address, text));
}

static void write_known(struct json_writer *w, const char *key, uint64_t value)
{
	if (value)
		json_write_number(w, key, value);
	else
		json_write_null(w, key);
}

static void write_hex(struct json_writer *w, const char *key, uint64_t value, unsigned int digits)
{
	if (value)
		json_write_hex(w, key, value, digits);
	else
		json_write_null(w, key);
}

static void write_evidence(struct json_writer *w, const struct timeline_entry *entry)
{
	uint32_t i;

	json_write_open(w, "evidence", '[');
	for (i = 0; i < entry->evidence_count && i < TIMELINE_EVIDENCE; i++) {
		const struct timeline_evidence *e = &entry->evidence[i];

		json_write_open(w, NULL, '{');
		json_write_string(w, "what", e->what);
		json_write_string(w, "value", e->value);
		json_write_time(w, "at", e->at_ns);
		json_write_string(w, "origin", timeline_origin_name(e->origin));
		json_write_close(w, '}');
	}
	json_write_close(w, ']');
}

void timeline_json(struct json_writer *w, const char *key, const struct timeline_entry *entry,
		   const char *kind, const char *mark)
{
	char exchange[64] = "";

	if (entry->major)
		ike_exchange_print(entry->major, entry->exchange, exchange, sizeof(exchange));
	json_write_open(w, key, '{');
	json_write_time(w, "time", entry->time_ns);
	json_write_string(w, "kind", kind ? kind : timeline_kind_name(entry->kind));
	json_write_string(w, "severity", timeline_severity_name(entry->severity));
	json_write_string(w, "confidence", timeline_confidence_name(entry->confidence));
	json_write_string(w, "origin", timeline_origin_name(entry->origin));
	write_text(w, "tunnel", entry->tunnel);
	write_address(w, "local", entry->local);
	write_known(w, "local_port", entry->local_port);
	write_address(w, "peer", entry->peer);
	write_known(w, "peer_port", entry->peer_port);
	write_hex(w, "initiator_spi", entry->initiator_spi, 16);
	write_hex(w, "responder_spi", entry->responder_spi, 16);
	write_hex(w, "spi", entry->spi, 8);
	write_known(w, "ike_version", entry->major);
	write_text(w, "exchange", exchange);
	if (entry->major)
		json_write_number(w, "message_id", entry->message_id);
	else
		json_write_null(w, "message_id");
	json_write_bool(w, "good", entry->good);
	write_text(w, "cause", entry->id);
	json_write_string(w, "text", entry->text);
	write_evidence(w, entry);
	if (mark)
		json_write_string(w, "mark", mark);
	json_write_close(w, '}');
}

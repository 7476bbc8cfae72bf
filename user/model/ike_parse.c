// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ike_parse.c - what a validated IKE message says, as far as it was captured
 */
#include "model/ike_wire.h"

#include <string.h>

static const struct {
	const char *name, *help;
} faults[] = {
#define IKE_FAULT(symbol, name, help) {name, help},
#include "model/ike_faults.def"
};

const char *ike_fault_name(enum ike_fault fault)
{
	return (unsigned int)fault < IKE_FAULT_COUNT ? faults[fault].name : "unknown";
}

const char *ike_fault_help(enum ike_fault fault)
{
	return (unsigned int)fault < IKE_FAULT_COUNT ? faults[fault].help : "unknown";
}

static void read_header(const uint8_t *msg, struct ike_message *ret)
{
	ret->header_valid = true;
	ret->initiator_spi = ike_get64(msg);
	ret->responder_spi = ike_get64(msg + 8);
	ret->next_payload = msg[IKE_AT_NEXT];
	ret->major = msg[IKE_AT_VERSION] >> 4;
	ret->minor = msg[IKE_AT_VERSION] & 0x0f;
	ret->exchange = msg[IKE_AT_EXCHANGE];
	ret->flags = msg[IKE_AT_FLAGS];
	ret->message_id = ike_get32(msg + IKE_AT_MESSAGE_ID);
	ret->length = ike_get32(msg + IKE_AT_LENGTH);
}

static void read_payload(const uint8_t *msg, uint32_t have, uint8_t type, uint32_t at, uint16_t length,
			 struct ike_message *ret)
{
	bool whole = length <= have - at;
	uint32_t end = whole ? at + length : have;
	struct ike_payload *p = ike_take(ret, payloads, payload_count);

	if (p)
		*p = (struct ike_payload){at, length, type, ret->major == 2 && (msg[at + 1] & 0x80)};
	if (type < 64)
		ret->payload_mask |= 1ull << type;
	if (ret->major == 1)
		ike_v1_read_body(msg, type, at + IKE_PAYLOAD_HEADER, end, whole, ret);
	else
		ike_v2_read_body(msg, type, at + IKE_PAYLOAD_HEADER, end, whole, ret);
}

/* The chain as far as `have`: every step moves on by at least the payload header, so it ends. */
static void read_chain(const uint8_t *msg, uint32_t have, struct ike_message *ret)
{
	uint8_t type = ret->next_payload;
	uint32_t at = IKE_HEADER_SIZE;

	while (type && at <= have && have - at >= IKE_PAYLOAD_HEADER) {
		uint16_t length = ike_get16(msg + at + 2);

		if (length < IKE_PAYLOAD_HEADER)
			return;
		read_payload(msg, have, type, at, length, ret);
		if (ret->major == 2 && (type == IKE_V2_PAYLOAD_SK || type == IKE_V2_PAYLOAD_SKF)) {
			ret->encrypted_size = length - IKE_PAYLOAD_HEADER;
			ret->encrypted_first = msg[at];
			return;
		}
		if (ret->major == 1 && type == IKE_V1_PAYLOAD_FRAGMENT)
			return;
		type = msg[at];
		at += length;
	}
}

void ike_interpret(const uint8_t *msg, size_t captured, size_t wire_len, struct ike_message *ret)
{
	uint32_t have;

	/* The lists are large and need no clearing: their counts say what is in them. */
	memset(ret, 0, offsetof(struct ike_message, payloads));
	if (captured > wire_len)
		captured = wire_len;
	if (captured < IKE_HEADER_SIZE)
		return;
	read_header(msg, ret);
	have = captured < ret->length ? (uint32_t)captured : ret->length;
	if ((ret->major != 1 && ret->major != 2) || have <= IKE_HEADER_SIZE)
		return;

	ret->truncated = have < ret->length;
	if (wire_len > ret->length)
		ret->trailing =
			wire_len - ret->length > UINT32_MAX ? UINT32_MAX : (uint32_t)(wire_len - ret->length);
	ret->initiator = ret->major == 2 && (ret->flags & IKE_V2_FLAG_INITIATOR);
	ret->response = ret->major == 2 && (ret->flags & IKE_V2_FLAG_RESPONSE);
	if (ret->major == 1 && ike_v1_encrypted(ret->flags, ret->next_payload)) {
		ret->encrypted_size = ret->length - IKE_HEADER_SIZE;
		ret->encrypted_first = ret->next_payload;
		return;
	}
	read_chain(msg, have, ret);
}

const struct ike_notify *ike_find_notify(const struct ike_message *m, uint16_t type)
{
	uint16_t i;

	for (i = 0; i < m->notify_count; i++)
		if (m->notifies[i].type == type)
			return &m->notifies[i];
	return NULL;
}

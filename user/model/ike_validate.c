// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ike_validate.c - the envelope, the header and the payload chain of an IKE message: is it well formed?
 *
 * The walk makes progress by at least the 4 bytes of a payload header per step, so it ends whatever the bytes
 * say.
 */
#include "model/ike_wire.h"

/* IKEv1 implementations (pluto) round the message up with zeros behind the last payload. */
#define IKE_V1_PADDING 3

static enum ike_fault check_exchange(struct ike_scan *s)
{
	/* What is unassigned today may be assigned tomorrow: only what can never be of this version is a
	 * fault. */
	bool reserved = s->major == 1 ? s->exchange == 0 || (s->exchange > 6 && s->exchange < 32)
				      : s->exchange < IKE_V2_EXCHANGE_IKE_SA_INIT;

	return reserved ? ike_fail(s, IKE_AT_EXCHANGE, IKE_FAULT_EXCHANGE_TYPE) : IKE_OK;
}

static enum ike_fault check_fields(struct ike_scan *s)
{
	const uint8_t *msg = s->msg;
	bool first_v2 = s->major == 2 && s->exchange == IKE_V2_EXCHANGE_IKE_SA_INIT;
	enum ike_fault fault = check_exchange(s);

	if (fault)
		return fault;
	/* RFC 7296 section 1.5 lets an INVALID_SPI notification, which belongs to no IKE SA, use any SPI,
	 * even zero. */
	if (ike_get64(msg) == 0 &&
	    s->exchange != (s->major == 1 ? IKE_V1_EXCHANGE_INFORMATIONAL : IKE_V2_EXCHANGE_INFORMATIONAL))
		return ike_fail(s, 0, IKE_FAULT_SPI_ZERO);
	if (first_v2 && !(s->flags & IKE_V2_FLAG_RESPONSE) && ike_get64(msg + 8) != 0)
		return ike_fail(s, 8, IKE_FAULT_RESPONDER_SPI);
	/* IKEv2 tells receivers to ignore bits they do not know; RFC 2408 section 3.1 does not. */
	if (s->major == 1 &&
	    (s->flags & ~(IKE_V1_FLAG_ENCRYPTED | IKE_V1_FLAG_COMMIT | IKE_V1_FLAG_AUTHENTICATION)))
		return ike_fail(s, IKE_AT_FLAGS, IKE_FAULT_FLAGS);
	if ((first_v2 || (s->major == 1 && ike_v1_phase1(s->exchange))) &&
	    ike_get32(msg + IKE_AT_MESSAGE_ID) != 0)
		return ike_fail(s, IKE_AT_MESSAGE_ID, IKE_FAULT_MESSAGE_ID);
	return IKE_OK;
}

/* Everything about the first 28 bytes; sets s->end and cuts s->have to it. */
static enum ike_fault check_header(struct ike_scan *s, uint32_t wire_len)
{
	const uint8_t *msg = s->msg;
	uint32_t length;
	enum ike_fault fault = ike_need(s, 0, IKE_HEADER_SIZE, wire_len, IKE_FAULT_HEADER_SHORT);

	if (fault)
		return fault;
	s->major = msg[IKE_AT_VERSION] >> 4;
	s->exchange = msg[IKE_AT_EXCHANGE];
	s->flags = msg[IKE_AT_FLAGS];
	if (s->major != 1 && s->major != 2)
		return ike_fail(s, IKE_AT_VERSION, IKE_FAULT_VERSION);

	length = ike_get32(msg + IKE_AT_LENGTH);
	if (length < IKE_HEADER_SIZE)
		return ike_fail(s, IKE_AT_LENGTH, IKE_FAULT_LENGTH_SHORT);
	if (length > wire_len)
		return ike_fail(s, IKE_AT_LENGTH, IKE_FAULT_LENGTH_BEYOND);
	s->end = length;
	if (s->have > length)
		s->have = length;
	return check_fields(s);
}

static enum ike_fault check_encrypted_v1(struct ike_scan *s)
{
	uint32_t size = s->end - IKE_HEADER_SIZE;

	/* 8 bytes is the smallest block of the ciphers of IKEv1, and a message is padded to it (RFC 2409
	 * appendix B). */
	if (size == 0 || size % 8)
		return ike_fail(s, IKE_HEADER_SIZE, IKE_FAULT_ENCRYPTED_SIZE);
	return ike_need(s, IKE_HEADER_SIZE, size, s->end, IKE_FAULT_ENCRYPTED_SIZE);
}

static enum ike_fault check_trailing(struct ike_scan *s, uint32_t at)
{
	uint32_t i;

	if (at == s->end)
		return IKE_OK;
	if (s->major != 1 || s->end - at > IKE_V1_PADDING)
		return ike_fail(s, at, IKE_FAULT_CHAIN_TRAILING);
	for (i = at; i < s->end; i++) {
		enum ike_fault fault = ike_need(s, i, 1, s->end, IKE_FAULT_CHAIN_TRAILING);

		if (fault)
			return fault;
		if (s->msg[i])
			return ike_fail(s, i, IKE_FAULT_CHAIN_TRAILING);
	}
	return IKE_OK;
}

/* Payloads that end the chain: what follows in IKEv2 is inside them, and `next` names that. */
static bool ends_chain(const struct ike_scan *s, uint8_t type)
{
	if (s->major == 1)
		return type == IKE_V1_PAYLOAD_FRAGMENT;
	return type == IKE_V2_PAYLOAD_SK || type == IKE_V2_PAYLOAD_SKF;
}

/* One payload from its header to its end; *ret_next and *ret_end say where to go on. */
static enum ike_fault check_payload(struct ike_scan *s, uint8_t type, uint32_t at, uint8_t *ret_next,
				    uint32_t *ret_end)
{
	uint32_t length, end;
	enum ike_fault fault = ike_need(s, at, IKE_PAYLOAD_HEADER, s->end, IKE_FAULT_PAYLOAD_HEADER);

	if (fault)
		return fault;
	length = ike_get16(s->msg + at + 2);
	if (length < IKE_PAYLOAD_HEADER)
		return ike_fail(s, at + 2, IKE_FAULT_PAYLOAD_LENGTH);
	if (length > s->end - at)
		return ike_fail(s, at + 2, IKE_FAULT_PAYLOAD_BEYOND);
	end = at + length;
	if (ends_chain(s, type) && end != s->end)
		return ike_fail(s, end, IKE_FAULT_ENCRYPTED_LAST);

	if (s->major == 1)
		fault = ike_v1_check_body(s, type, at + IKE_PAYLOAD_HEADER, end);
	else
		fault = ike_v2_check_body(s, type, at + IKE_PAYLOAD_HEADER, end);
	if (!fault)
		fault = ike_need(s, at, length, end, IKE_FAULT_PAYLOAD_BEYOND);
	if (type < 64)
		s->seen |= 1ull << type;
	*ret_next = s->msg[at];
	*ret_end = end;
	return fault;
}

static enum ike_fault check_chain(struct ike_scan *s)
{
	uint8_t type = s->msg[IKE_AT_NEXT], next = 0;
	uint32_t at = IKE_HEADER_SIZE, end = at;

	if (type == 0)
		return ike_fail(s, IKE_AT_NEXT, IKE_FAULT_NO_PAYLOAD);
	while (type) {
		enum ike_fault fault = check_payload(s, type, at, &next, &end);

		if (fault)
			return fault;
		if (ends_chain(s, type))
			return IKE_OK;
		type = next;
		at = end;
	}
	return check_trailing(s, at);
}

/* RFC 2408 section 4.1.1: an exchange of phase 1 opens with the SA payload; a fragment may carry it inside.
 */
static enum ike_fault check_first_v1(struct ike_scan *s)
{
	uint8_t first = s->msg[IKE_AT_NEXT];

	if (ike_v1_phase1(s->exchange) && ike_get64(s->msg + 8) == 0 && first != IKE_V1_PAYLOAD_SA &&
	    first != IKE_V1_PAYLOAD_FRAGMENT)
		return ike_fail(s, IKE_AT_NEXT, IKE_FAULT_SA_FIRST);
	return IKE_OK;
}

/* RFC 7296 section 1.2: a request carries SA, KE and nonce; a response does, or says with a notify why not.
 */
static enum ike_fault check_complete_v2(struct ike_scan *s)
{
	const uint64_t all =
		1ull << IKE_V2_PAYLOAD_SA | 1ull << IKE_V2_PAYLOAD_KE | 1ull << IKE_V2_PAYLOAD_NONCE;

	if (s->exchange != IKE_V2_EXCHANGE_IKE_SA_INIT || (s->seen & all) == all)
		return IKE_OK;
	if ((s->flags & IKE_V2_FLAG_RESPONSE) && (s->seen & 1ull << IKE_V2_PAYLOAD_NOTIFY))
		return IKE_OK;
	return ike_fail(s, s->end, IKE_FAULT_PAYLOAD_MISSING);
}

static enum ike_fault check_message(struct ike_scan *s, uint32_t wire_len)
{
	enum ike_fault fault = check_header(s, wire_len);

	if (fault)
		return fault;
	if (s->major == 1) {
		if (ike_v1_encrypted(s->flags, s->msg[IKE_AT_NEXT]))
			return check_encrypted_v1(s);
		fault = check_first_v1(s);
		return fault ? fault : check_chain(s);
	}
	fault = check_chain(s);
	return fault ? fault : check_complete_v2(s);
}

enum ike_fault ike_validate(const uint8_t *msg, size_t captured, size_t wire_len, uint32_t *ret_offset)
{
	struct ike_scan s = {.msg = msg};
	enum ike_fault fault;

	/* The length field has 32 bits, so nothing beyond that can be part of the message. */
	if (wire_len > UINT32_MAX)
		wire_len = UINT32_MAX;
	s.have = (uint32_t)(captured < wire_len ? captured : wire_len);
	fault = check_message(&s, (uint32_t)wire_len);
	*ret_offset = fault ? s.at : 0;
	return fault;
}

enum ike_fault ike_parse(const uint8_t *msg, size_t captured, size_t wire_len, struct ike_message *ret,
			 uint32_t *ret_offset)
{
	enum ike_fault fault = ike_validate(msg, captured, wire_len, ret_offset);

	/* With nothing beyond the header to read, interpretation stops there. */
	if (ike_is_fault(fault) && captured > IKE_HEADER_SIZE)
		captured = IKE_HEADER_SIZE;
	ike_interpret(msg, captured, wire_len, ret);
	ret->truncated = fault == IKE_TRUNCATED;
	return fault;
}

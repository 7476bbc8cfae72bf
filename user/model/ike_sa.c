// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ike_sa.c - proposals, transforms and attributes of an SA payload, checked and read, for both versions
 *
 * The two versions differ in the transform header and in which attributes there are; lengths, nesting and the
 * "next" fields are the same (RFC 7296 section 3.3, RFC 2408 sections 3.5 and 3.6).
 */
#include "model/ike_wire.h"

#include <string.h>

/* Attributes of an IKEv1 phase 1 transform (RFC 2409 appendix A) and of an IPsec one (RFC 2407 section 4.5).
 */
enum {
	OAKLEY_ENCRYPTION = 1,
	OAKLEY_HASH = 2,
	OAKLEY_AUTHENTICATION = 3,
	OAKLEY_GROUP = 4,
	OAKLEY_LIFE_TYPE = 11,
	OAKLEY_LIFE_DURATION = 12,
	OAKLEY_PRF = 13,
	OAKLEY_KEY_LENGTH = 14,
	IPSEC_LIFE_TYPE = 1,
	IPSEC_LIFE_DURATION = 2,
	IPSEC_GROUP = 3,
	IPSEC_MODE = 4,
	IPSEC_INTEGRITY = 5,
	IPSEC_KEY_LENGTH = 6,
	LIFE_SECONDS = 1,
	LIFE_KILOBYTES = 2,
};

/* Which attributes are "basic": they must not be encoded with a length (the same sections; RFC 7296
 * section 3.3.5). */
static bool must_be_fixed(const struct ike_scan *s, uint8_t protocol, uint16_t type)
{
	const uint32_t oakley =
		1u << 1 | 1u << 2 | 1u << 3 | 1u << 4 | 1u << 5 | 1u << 11 | 1u << 13 | 1u << 14 | 1u << 15;
	const uint32_t ipsec = 1u << 1 | 1u << 3 | 1u << 4 | 1u << 5 | 1u << 6 | 1u << 7 | 1u << 8 | 1u << 10;

	if (s->major == 2)
		return type == IKE_V2_ATTRIBUTE_KEY_LENGTH;
	return type < 32 && ((protocol == IKE_PROTOCOL_IKE ? oakley : ipsec) >> type & 1);
}

static enum ike_fault check_attributes(struct ike_scan *s, uint8_t protocol, uint32_t at, uint32_t end)
{
	while (at < end) {
		uint16_t type, length;
		enum ike_fault fault = ike_need(s, at, IKE_ATTRIBUTE_HEADER, end, IKE_FAULT_ATTRIBUTE_SHORT);

		if (fault)
			return fault;
		type = ike_get16(s->msg + at);
		length = ike_get16(s->msg + at + 2);
		if (!(type & IKE_ATTRIBUTE_FIXED)) {
			if (length > end - at - IKE_ATTRIBUTE_HEADER)
				return ike_fail(s, at, IKE_FAULT_ATTRIBUTE_SHORT);
			if (must_be_fixed(s, protocol, type))
				return ike_fail(s, at, IKE_FAULT_ATTRIBUTE_FORMAT);
			at += length;
		}
		at += IKE_ATTRIBUTE_HEADER;
	}
	return IKE_OK;
}

static enum ike_fault check_transform(struct ike_scan *s, uint8_t protocol, uint32_t at, uint32_t end,
				      uint32_t *ret_end)
{
	const uint8_t *p;
	uint16_t length;
	enum ike_fault fault = ike_need(s, at, IKE_TRANSFORM_HEADER, end, IKE_FAULT_TRANSFORM_SHORT);

	if (fault)
		return fault;
	p = s->msg + at;
	if (p[0] != 0 && p[0] != IKE_V1_PAYLOAD_TRANSFORM)
		return ike_fail(s, at, IKE_FAULT_TRANSFORM_NEXT);
	if (s->major == 1 && p[1])
		return ike_fail(s, at + 1, IKE_FAULT_PAYLOAD_RESERVED);
	length = ike_get16(p + 2);
	if (length < IKE_TRANSFORM_HEADER || length > end - at)
		return ike_fail(s, at + 2, IKE_FAULT_TRANSFORM_LENGTH);
	if ((p[0] == 0) != (at + length == end))
		return ike_fail(s, at, IKE_FAULT_TRANSFORM_NEXT);
	*ret_end = at + length;
	return check_attributes(s, protocol, at + IKE_TRANSFORM_HEADER, at + length);
}

static enum ike_fault check_transforms(struct ike_scan *s, const uint8_t *proposal, uint32_t at, uint32_t end)
{
	uint32_t count = 0, start = (uint32_t)(proposal - s->msg);

	while (at < end) {
		enum ike_fault fault = check_transform(s, proposal[5], at, end, &at);

		if (fault)
			return fault;
		count++;
	}
	/* A count of its own beside a chain: both must agree, and neither is trusted for a size. */
	if (count == 0 || count != proposal[7])
		return ike_fail(s, start + 7, IKE_FAULT_TRANSFORM_COUNT);
	return IKE_OK;
}

/* `previous`: number of the proposal before, or -1. */
static bool number_in_order(const struct ike_scan *s, int previous, int number)
{
	/* RFC 2408 section 4.2: the same number again means "and". RFC 7296 section 3.3.1: 1, 2, 3, ... when
	 * offered. */
	if (s->major == 1)
		return number >= previous;
	if (previous >= 0)
		return number == previous + 1;
	return number == 1 || (s->flags & IKE_V2_FLAG_RESPONSE);
}

static enum ike_fault check_proposal(struct ike_scan *s, int previous, uint32_t at, uint32_t end,
				     uint32_t *ret_end)
{
	const uint8_t *p;
	uint16_t length;
	enum ike_fault fault = ike_need(s, at, IKE_PROPOSAL_HEADER, end, IKE_FAULT_PROPOSAL_SHORT);

	if (fault)
		return fault;
	p = s->msg + at;
	if (p[0] != 0 && p[0] != IKE_V1_PAYLOAD_PROPOSAL)
		return ike_fail(s, at, IKE_FAULT_PROPOSAL_NEXT);
	if (s->major == 1 && p[1])
		return ike_fail(s, at + 1, IKE_FAULT_PAYLOAD_RESERVED);
	length = ike_get16(p + 2);
	if (length < IKE_PROPOSAL_HEADER || length > end - at)
		return ike_fail(s, at + 2, IKE_FAULT_PROPOSAL_LENGTH);
	if ((p[0] == 0) != (at + length == end))
		return ike_fail(s, at, IKE_FAULT_PROPOSAL_NEXT);
	if (!number_in_order(s, previous, p[4]))
		return ike_fail(s, at + 4, IKE_FAULT_PROPOSAL_NUMBER);
	if (p[6] > length - IKE_PROPOSAL_HEADER)
		return ike_fail(s, at + 6, IKE_FAULT_SPI_SIZE);
	*ret_end = at + length;
	return check_transforms(s, p, at + IKE_PROPOSAL_HEADER + p[6], at + length);
}

enum ike_fault ike_sa_check(struct ike_scan *s, uint32_t at, uint32_t end)
{
	int previous = -1;

	if (at == end)
		return ike_fail(s, at, IKE_FAULT_SA_EMPTY);
	while (at < end) {
		uint32_t start = at;
		enum ike_fault fault = check_proposal(s, previous, at, end, &at);

		if (fault)
			return fault;
		previous = s->msg[start + 4];
	}
	return IKE_OK;
}

/* A value of any length, as the wire may carry lifetimes. */
static uint64_t variable_value(const uint8_t *p, uint16_t length)
{
	uint64_t value = 0;

	while (length--) {
		if (value >> 56)
			return UINT64_MAX;
		value = value << 8 | *p++;
	}
	return value;
}

/* A lifetime's unit comes in an attribute of its own before it; both may be repeated, once per unit. */
struct life {
	uint64_t unit;
};

static void read_life(struct ike_transform *t, const struct life *life, uint64_t value)
{
	if (life->unit == LIFE_SECONDS)
		t->life_seconds = value;
	else if (life->unit == LIFE_KILOBYTES)
		t->life_kilobytes = value;
}

static void read_oakley(struct ike_transform *t, struct life *life, uint16_t type, uint64_t value)
{
	switch (type) {
	case OAKLEY_ENCRYPTION:
		t->encryption = (uint16_t)value;
		break;
	case OAKLEY_HASH:
		t->hash = (uint16_t)value;
		break;
	case OAKLEY_AUTHENTICATION:
		t->authentication = (uint16_t)value;
		break;
	case OAKLEY_GROUP:
		t->group = (uint16_t)value;
		break;
	case OAKLEY_PRF:
		t->prf = (uint16_t)value;
		break;
	case OAKLEY_KEY_LENGTH:
		t->key_bits = (uint16_t)value;
		break;
	case OAKLEY_LIFE_TYPE:
		life->unit = value;
		break;
	case OAKLEY_LIFE_DURATION:
		read_life(t, life, value);
		break;
	}
}

static void read_ipsec(struct ike_transform *t, struct life *life, uint16_t type, uint64_t value)
{
	switch (type) {
	case IPSEC_LIFE_TYPE:
		life->unit = value;
		break;
	case IPSEC_LIFE_DURATION:
		read_life(t, life, value);
		break;
	case IPSEC_GROUP:
		t->group = (uint16_t)value;
		break;
	case IPSEC_MODE:
		t->mode = (uint16_t)value;
		break;
	case IPSEC_INTEGRITY:
		t->esp_integrity = (uint16_t)value;
		break;
	case IPSEC_KEY_LENGTH:
		t->key_bits = (uint16_t)value;
		break;
	}
}

static void read_attributes(const uint8_t *msg, uint8_t major, uint8_t protocol, uint32_t at, uint32_t end,
			    struct ike_transform *t)
{
	struct life life = {0};

	while (at <= end && end - at >= IKE_ATTRIBUTE_HEADER) {
		uint16_t type = ike_get16(msg + at);
		uint64_t value = ike_get16(msg + at + 2);

		at += IKE_ATTRIBUTE_HEADER;
		if (!(type & IKE_ATTRIBUTE_FIXED)) {
			uint16_t length = (uint16_t)value;

			if (length > end - at)
				return;
			value = variable_value(msg + at, length);
			at += length;
		}
		type &= (uint16_t)~IKE_ATTRIBUTE_FIXED;
		if (major == 2) {
			if (type == IKE_V2_ATTRIBUTE_KEY_LENGTH)
				t->key_bits = (uint16_t)value;
		} else if (protocol == IKE_PROTOCOL_IKE) {
			read_oakley(t, &life, type, value);
		} else {
			read_ipsec(t, &life, type, value);
		}
	}
}

/* Transforms that the capture cuts are left out: a cipher without its key length would be another cipher. */
static void read_transforms(const uint8_t *msg, uint32_t at, uint32_t end, struct ike_proposal *p,
			    struct ike_message *ret)
{
	while (at < end && end - at >= IKE_TRANSFORM_HEADER) {
		const uint8_t *w = msg + at;
		uint16_t length = ike_get16(w + 2);
		struct ike_transform *t;

		if (length < IKE_TRANSFORM_HEADER || length > end - at)
			return;
		t = ike_take(ret, transforms, transform_count);
		if (t) {
			memset(t, 0, sizeof(*t));
			t->offset = at;
			if (ret->major == 2) {
				t->type = w[4];
				t->id = ike_get16(w + 6);
			} else {
				t->number = w[4];
				t->id = w[5];
			}
			read_attributes(msg, ret->major, p->protocol, at + IKE_TRANSFORM_HEADER, at + length,
					t);
			p->transforms++;
		}
		at += length;
	}
}

void ike_sa_read(const uint8_t *msg, uint32_t have, uint32_t at, uint32_t end, struct ike_message *ret)
{
	if (end > have)
		end = have;
	while (at < end && end - at >= IKE_PROPOSAL_HEADER) {
		const uint8_t *w = msg + at;
		uint32_t length = ike_get16(w + 2), body = at + IKE_PROPOSAL_HEADER, stop;
		struct ike_proposal *p;

		if (length < IKE_PROPOSAL_HEADER || w[6] > length - IKE_PROPOSAL_HEADER)
			return;
		stop = length > end - at ? end : at + length;
		if (w[6] > stop - body)
			return;
		p = ike_take(ret, proposals, proposal_count);
		if (!p) {
			/* Without a proposal to belong to, its transforms are not kept either. */
			at = stop;
			continue;
		}
		*p = (struct ike_proposal){
			.offset = at,
			.number = w[4],
			.protocol = w[5],
			.transforms_said = w[7],
			.first_transform = ret->transform_count,
			.spi = {body, w[6]},
		};
		read_transforms(msg, body + w[6], stop, p, ret);
		at = stop;
	}
}

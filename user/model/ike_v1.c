// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ike_v1.c - payload bodies of IKEv1 (RFC 2407, 2408, 2409, 3706, 3947), checked and read
 */
#include "model/ike_wire.h"

enum {
	NONCE_MIN = 8, /* RFC 2409 section 5 */
	NONCE_MAX = 256,
	HASH_MIN = 16, /* MD5 .. SHA2-512 */
	HASH_MAX = 64,
	FIRST_RESERVED = 23, /* RFC 2408 section 3.1 and the registry: 23 to 127 */
	LAST_RESERVED = 127,
	FRAGMENT_LAST = 0x01,
};

/* Bytes of the fixed part behind the generic header (RFC 2408 section 3; RFC 3947 section 5.2; fragment: 4).
 */
static uint32_t fixed_size(uint8_t type)
{
	switch (type) {
	case IKE_V1_PAYLOAD_SA:
	case IKE_V1_PAYLOAD_NOTIFY:
	case IKE_V1_PAYLOAD_DELETE:
		return 8;
	case IKE_V1_PAYLOAD_ID:
	case IKE_V1_PAYLOAD_ATTRIBUTES:
	case IKE_V1_PAYLOAD_NAT_OA:
	case IKE_V1_PAYLOAD_NAT_OA_DRAFT_00:
		return 4;
	case IKE_V1_PAYLOAD_FRAGMENT:
		return 5; /* id, number, flags, and at least one byte of the message */
	case IKE_V1_PAYLOAD_KE:
	case IKE_V1_PAYLOAD_CERT:
	case IKE_V1_PAYLOAD_CERTREQ:
	case IKE_V1_PAYLOAD_HASH:
	case IKE_V1_PAYLOAD_SIG:
		return 1;
	default:
		return 0;
	}
}

static enum ike_fault check_sa(struct ike_scan *s, uint32_t at, uint32_t end)
{
	uint32_t doi = ike_get32(s->msg + at), situation = ike_get32(s->msg + at + 4);

	/* In quick mode a HASH payload precedes it. */
	if (ike_v1_phase1(s->exchange) && at != IKE_HEADER_SIZE + IKE_PAYLOAD_HEADER)
		return ike_fail(s, at - IKE_PAYLOAD_HEADER, IKE_FAULT_SA_FIRST);
	if (doi == IKE_DOI_IPSEC &&
	    (situation == 0 || (situation & ~(uint32_t)(IKE_SITUATION_IDENTITY | IKE_SITUATION_LABELLED))))
		return ike_fail(s, at + 4, IKE_FAULT_SITUATION);
	if (!ike_v1_sa_readable(doi, situation))
		return IKE_OK;
	return ike_sa_check(s, at + IKE_V1_SA_FIXED, end);
}

static enum ike_fault check_delete(struct ike_scan *s, uint32_t at, uint32_t end)
{
	const uint8_t *p = s->msg + at;

	/* At most 255 * 65535: cannot overflow 32 bits. */
	if ((uint32_t)p[5] * ike_get16(p + 6) != end - at - 8)
		return ike_fail(s, at + 6, IKE_FAULT_DELETE_COUNT);
	return IKE_OK;
}

static enum ike_fault check_type(struct ike_scan *s, uint8_t type, uint32_t at)
{
	if (type == IKE_V1_PAYLOAD_PROPOSAL || type == IKE_V1_PAYLOAD_TRANSFORM ||
	    (type >= FIRST_RESERVED && type <= LAST_RESERVED))
		return ike_fail(s, at - IKE_PAYLOAD_HEADER, IKE_FAULT_PAYLOAD_TYPE);
	if (s->msg[at - IKE_PAYLOAD_HEADER + 1])
		return ike_fail(s, at - IKE_PAYLOAD_HEADER + 1, IKE_FAULT_PAYLOAD_RESERVED);
	return IKE_OK;
}

enum ike_fault ike_v1_check_body(struct ike_scan *s, uint8_t type, uint32_t at, uint32_t end)
{
	const uint8_t *p = s->msg + at;
	uint32_t size = end - at;
	enum ike_fault fault = check_type(s, type, at);

	if (fault)
		return fault;
	fault = ike_need(s, at, fixed_size(type), end, IKE_FAULT_PAYLOAD_BODY);
	if (fault)
		return fault;
	if (ike_v1_nat_d(s->exchange, type))
		return size < HASH_MIN || size > HASH_MAX ? ike_fail(s, at, IKE_FAULT_NAT_HASH_SIZE) : IKE_OK;
	switch (type) {
	case IKE_V1_PAYLOAD_SA:
		return check_sa(s, at, end);
	case IKE_V1_PAYLOAD_NONCE:
		return size < NONCE_MIN || size > NONCE_MAX ? ike_fail(s, at, IKE_FAULT_NONCE_SIZE) : IKE_OK;
	case IKE_V1_PAYLOAD_NOTIFY:
		return p[5] > size - 8 ? ike_fail(s, at + 5, IKE_FAULT_SPI_SIZE) : IKE_OK;
	case IKE_V1_PAYLOAD_DELETE:
		return check_delete(s, at, end);
	case IKE_V1_PAYLOAD_FRAGMENT:
		return p[2] == 0 ? ike_fail(s, at + 2, IKE_FAULT_FRAGMENT_NUMBER) : IKE_OK;
	default:
		return IKE_OK;
	}
}

static void read_notify(const uint8_t *msg, uint32_t at, uint32_t end, struct ike_message *ret)
{
	const uint8_t *p = msg + at;
	struct ike_notify *n;

	if (end - at < 8 || p[5] > end - at - 8)
		return;
	if (ike_get16(p + 6) == IKE_V1_NOTIFY_INITIAL_CONTACT)
		ret->initial_contact = true;
	n = ike_take(ret, notifies, notify_count);
	if (n)
		*n = (struct ike_notify){
			.type = ike_get16(p + 6),
			.protocol = p[4],
			.spi = {at + 8, p[5]},
			.data = {at + 8 + p[5], end - at - 8 - p[5]},
		};
}

static void read_delete(const uint8_t *msg, uint32_t at, uint32_t end, struct ike_message *ret)
{
	const uint8_t *p = msg + at;
	struct ike_delete *d;

	if (end - at < 8)
		return;
	d = ike_take(ret, deletes, delete_count);
	if (d)
		*d = (struct ike_delete){
			.protocol = p[4],
			.spi_size = p[5],
			.count = ike_get16(p + 6),
			.spis = {at + 8, end - at - 8},
		};
}

static void read_nat_d(uint8_t type, uint32_t at, uint32_t end, struct ike_message *ret)
{
	/* RFC 3947 section 3.2: the first is of the remote end, the others of the local ends. */
	enum ike_nat_side side = ret->nat_hash_count ? IKE_NAT_SOURCE : IKE_NAT_DESTINATION;
	struct ike_nat_hash *h = ike_take(ret, nat_hashes, nat_hash_count);

	if (h)
		*h = (struct ike_nat_hash){side, type, {at, end - at}};
}

static void read_id(const uint8_t *msg, uint32_t at, uint32_t end, struct ike_message *ret)
{
	if (end - at < 4 || ret->has_id)
		return;
	ret->has_id = true;
	ret->id_type = msg[at];
	ret->id = (struct ike_data){at + 4, end - at - 4};
}

void ike_v1_read_body(const uint8_t *msg, uint8_t type, uint32_t at, uint32_t end, bool whole,
		      struct ike_message *ret)
{
	const uint8_t *p = msg + at;
	struct ike_data body = {at, end - at};
	struct ike_data *vendor;

	if (ike_v1_nat_d(ret->exchange, type)) {
		if (whole)
			read_nat_d(type, at, end, ret);
		return;
	}
	switch (type) {
	case IKE_V1_PAYLOAD_SA:
		if (end - at >= IKE_V1_SA_FIXED && ike_v1_sa_readable(ike_get32(p), ike_get32(p + 4)))
			ike_sa_read(msg, end, at + IKE_V1_SA_FIXED, end, ret);
		break;
	case IKE_V1_PAYLOAD_KE:
		ret->has_ke = true;
		ret->ke = body;
		break;
	case IKE_V1_PAYLOAD_NONCE:
		ret->nonce = body;
		break;
	case IKE_V1_PAYLOAD_ID:
		read_id(msg, at, end, ret);
		break;
	case IKE_V1_PAYLOAD_CERT:
		ret->certificates++;
		break;
	case IKE_V1_PAYLOAD_CERTREQ:
		if (ret->certificate_requests++ == 0 && body.length)
			ret->certificate_request_encoding = p[0];
		break;
	case IKE_V1_PAYLOAD_NOTIFY:
		read_notify(msg, at, end, ret);
		break;
	case IKE_V1_PAYLOAD_DELETE:
		read_delete(msg, at, end, ret);
		break;
	case IKE_V1_PAYLOAD_VENDOR_ID:
		vendor = whole ? ike_take(ret, vendors, vendor_count) : NULL;
		if (vendor)
			*vendor = body;
		break;
	case IKE_V1_PAYLOAD_FRAGMENT:
		if (body.length >= 4)
			ret->fragment = (struct ike_fragment){p[2], 0, ike_get16(p), p[3] & FRAGMENT_LAST};
		break;
	}
}

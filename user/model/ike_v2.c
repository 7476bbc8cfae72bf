// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ike_v2.c - payload bodies of IKEv2 (RFC 7296 section 3, RFC 7383), checked and read
 */
#include "model/ike_wire.h"

enum {
	CRITICAL = 0x80,
	NONCE_MIN = 16, /* RFC 7296 section 3.9 */
	NONCE_MAX = 256,
	NAT_HASH = 20,	 /* SHA-1: section 2.23 */
	COOKIE_MAX = 64, /* section 2.6 */
	SKF_FIXED = 4,	 /* fragment number and total: RFC 7383 section 2.5 */
	/* The least that any cipher and integrity algorithm of IKEv2 yields: IV 8, pad length 1, ICV 8 (RFC
	   5282). */
	ENCRYPTED_MIN = 17,
};

static uint32_t fixed_size(uint8_t type)
{
	switch (type) {
	case IKE_V2_PAYLOAD_KE:
		return 5; /* group, reserved, and at least one byte of key */
	case IKE_V2_PAYLOAD_IDi:
	case IKE_V2_PAYLOAD_IDr:
	case IKE_V2_PAYLOAD_IDg:
	case IKE_V2_PAYLOAD_AUTH:
	case IKE_V2_PAYLOAD_NOTIFY:
	case IKE_V2_PAYLOAD_DELETE:
	case IKE_V2_PAYLOAD_TSi:
	case IKE_V2_PAYLOAD_TSr:
	case IKE_V2_PAYLOAD_CP:
	case IKE_V2_PAYLOAD_EAP:
	case IKE_V2_PAYLOAD_SKF:
		return 4;
	case IKE_V2_PAYLOAD_CERT:
	case IKE_V2_PAYLOAD_CERTREQ:
		return 1;
	default:
		return 0;
	}
}

static enum ike_fault check_notify(struct ike_scan *s, uint32_t at, uint32_t end)
{
	const uint8_t *p = s->msg + at;
	uint32_t size = end - at - 4;
	bool good = true;

	if (p[1] > size)
		return ike_fail(s, at + 1, IKE_FAULT_SPI_SIZE);
	size -= p[1];
	switch (ike_get16(p + 2)) {
	case IKE_V2_NOTIFY_INVALID_KE_PAYLOAD:
		good = size == 2;
		break;
	case IKE_V2_NOTIFY_NAT_DETECTION_SOURCE_IP:
	case IKE_V2_NOTIFY_NAT_DETECTION_DESTINATION_IP:
		good = size == NAT_HASH;
		break;
	case IKE_V2_NOTIFY_COOKIE:
		good = size >= 1 && size <= COOKIE_MAX;
		break;
	}
	return good ? IKE_OK : ike_fail(s, at + 4 + p[1], IKE_FAULT_NOTIFY_DATA);
}

static enum ike_fault check_delete(struct ike_scan *s, uint32_t at, uint32_t end)
{
	const uint8_t *p = s->msg + at;

	/* At most 255 * 65535: cannot overflow 32 bits. */
	if ((uint32_t)p[1] * ike_get16(p + 2) != end - at - 4)
		return ike_fail(s, at + 2, IKE_FAULT_DELETE_COUNT);
	return IKE_OK;
}

static enum ike_fault check_skf(struct ike_scan *s, uint32_t at, uint32_t end)
{
	uint16_t number = ike_get16(s->msg + at), total = ike_get16(s->msg + at + 2);

	if (number == 0 || number > total)
		return ike_fail(s, at, IKE_FAULT_FRAGMENT_NUMBER);
	if (end - at < SKF_FIXED + ENCRYPTED_MIN)
		return ike_fail(s, at, IKE_FAULT_ENCRYPTED_SIZE);
	return IKE_OK;
}

enum ike_fault ike_v2_check_body(struct ike_scan *s, uint8_t type, uint32_t at, uint32_t end)
{
	uint32_t size = end - at;
	bool known = type >= IKE_V2_PAYLOAD_SA && type <= IKE_V2_PAYLOAD_PS;
	enum ike_fault fault;

	/* RFC 7296 section 2.5: on a known payload the bit means nothing, an unknown one without it is
	 * skipped. */
	if (!known && (s->msg[at - IKE_PAYLOAD_HEADER + 1] & CRITICAL))
		return ike_fail(s, at - IKE_PAYLOAD_HEADER, IKE_FAULT_PAYLOAD_CRITICAL);
	fault = ike_need(s, at, fixed_size(type), end, IKE_FAULT_PAYLOAD_BODY);
	if (fault)
		return fault;
	switch (type) {
	case IKE_V2_PAYLOAD_SA:
		return ike_sa_check(s, at, end);
	case IKE_V2_PAYLOAD_NONCE:
		return size < NONCE_MIN || size > NONCE_MAX ? ike_fail(s, at, IKE_FAULT_NONCE_SIZE) : IKE_OK;
	case IKE_V2_PAYLOAD_NOTIFY:
		return check_notify(s, at, end);
	case IKE_V2_PAYLOAD_DELETE:
		return check_delete(s, at, end);
	case IKE_V2_PAYLOAD_SK:
		return size < ENCRYPTED_MIN ? ike_fail(s, at, IKE_FAULT_ENCRYPTED_SIZE) : IKE_OK;
	case IKE_V2_PAYLOAD_SKF:
		return check_skf(s, at, end);
	default:
		return IKE_OK;
	}
}

static void read_nat_hash(uint16_t type, struct ike_data data, struct ike_message *ret)
{
	enum ike_nat_side side =
		type == IKE_V2_NOTIFY_NAT_DETECTION_SOURCE_IP ? IKE_NAT_SOURCE : IKE_NAT_DESTINATION;
	struct ike_nat_hash *h = ike_take(ret, nat_hashes, nat_hash_count);

	if (h)
		*h = (struct ike_nat_hash){side, IKE_V2_PAYLOAD_NOTIFY, data};
}

/* What a few notifies say is also put where it is looked for. */
static void read_notify_meaning(const uint8_t *msg, uint16_t type, struct ike_data data, bool whole,
				struct ike_message *ret)
{
	switch (type) {
	case IKE_V2_NOTIFY_INITIAL_CONTACT:
		ret->initial_contact = true;
		break;
	case IKE_V2_NOTIFY_COOKIE:
		ret->cookie = data;
		break;
	case IKE_V2_NOTIFY_INVALID_KE_PAYLOAD:
		if (data.length >= 2)
			ret->invalid_ke_group = ike_get16(msg + data.offset);
		break;
	case IKE_V2_NOTIFY_NAT_DETECTION_SOURCE_IP:
	case IKE_V2_NOTIFY_NAT_DETECTION_DESTINATION_IP:
		if (whole)
			read_nat_hash(type, data, ret);
		break;
	}
}

static void read_notify(const uint8_t *msg, uint32_t at, uint32_t end, bool whole, struct ike_message *ret)
{
	const uint8_t *p = msg + at;
	struct ike_data data;
	struct ike_notify *n;

	if (end - at < 4 || p[1] > end - at - 4)
		return;
	data = (struct ike_data){at + 4 + p[1], end - at - 4 - p[1]};
	read_notify_meaning(msg, ike_get16(p + 2), data, whole, ret);
	n = ike_take(ret, notifies, notify_count);
	if (n)
		*n = (struct ike_notify){ike_get16(p + 2), p[0], {at + 4, p[1]}, data};
}

static void read_delete(const uint8_t *msg, uint32_t at, uint32_t end, struct ike_message *ret)
{
	const uint8_t *p = msg + at;
	struct ike_delete *d;

	if (end - at < 4)
		return;
	d = ike_take(ret, deletes, delete_count);
	if (d)
		*d = (struct ike_delete){p[0], p[1], ike_get16(p + 2), {at + 4, end - at - 4}};
}

void ike_v2_read_body(const uint8_t *msg, uint8_t type, uint32_t at, uint32_t end, bool whole,
		      struct ike_message *ret)
{
	const uint8_t *p = msg + at;
	struct ike_data body = {at, end - at};
	struct ike_data *vendor;

	switch (type) {
	case IKE_V2_PAYLOAD_SA:
		ike_sa_read(msg, end, at, end, ret);
		break;
	case IKE_V2_PAYLOAD_KE:
		if (body.length < 4)
			break;
		ret->has_ke = true;
		ret->ke_group = ike_get16(p);
		ret->ke = (struct ike_data){at + 4, body.length - 4};
		break;
	case IKE_V2_PAYLOAD_NONCE:
		ret->nonce = body;
		break;
	case IKE_V2_PAYLOAD_CERT:
		ret->certificates++;
		break;
	case IKE_V2_PAYLOAD_CERTREQ:
		if (ret->certificate_requests++ == 0 && body.length)
			ret->certificate_request_encoding = p[0];
		break;
	case IKE_V2_PAYLOAD_NOTIFY:
		read_notify(msg, at, end, whole, ret);
		break;
	case IKE_V2_PAYLOAD_DELETE:
		read_delete(msg, at, end, ret);
		break;
	case IKE_V2_PAYLOAD_VENDOR_ID:
		vendor = whole ? ike_take(ret, vendors, vendor_count) : NULL;
		if (vendor)
			*vendor = body;
		break;
	case IKE_V2_PAYLOAD_SKF:
		if (body.length < SKF_FIXED)
			break;
		ret->fragment = (struct ike_fragment){ike_get16(p), ike_get16(p + 2), 0, false};
		ret->fragment.last = ret->fragment.number == ret->fragment.total;
		break;
	}
}

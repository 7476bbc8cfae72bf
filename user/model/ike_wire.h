/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ike_wire.h - what the files of the IKE parser share; nobody else includes it
 *
 * Layout of ISAKMP and IKEv2 structures, as offsets from their first byte:
 *   header     0 initiator SPI, 8 responder SPI, 16 next payload, 17 version, 18 exchange, 19 flags, 20
 * message id, 24 length payload    0 next payload, 1 critical bit (IKEv2) or reserved, 2 length proposal   0
 * next (0, 2), 1 reserved, 2 length, 4 number, 5 protocol, 6 SPI size, 7 transforms, 8 SPI transform  0 next
 * (0, 3), 1 reserved, 2 length, then IKEv2: 4 type, 5 reserved, 6 id; IKEv1: 4 number, 5 id, 6 reserved
 *   attribute  0 format bit and type, 2 value (format bit set) or length and then the value
 */
#ifndef ESPIAL_MODEL_IKE_WIRE_H
#define ESPIAL_MODEL_IKE_WIRE_H

#include "model/ike_parse.h"

enum {
	IKE_AT_NEXT = 16,
	IKE_AT_VERSION = 17,
	IKE_AT_EXCHANGE = 18,
	IKE_AT_FLAGS = 19,
	IKE_AT_MESSAGE_ID = 20,
	IKE_AT_LENGTH = 24,
	IKE_PAYLOAD_HEADER = 4,
	IKE_PROPOSAL_HEADER = 8,
	IKE_TRANSFORM_HEADER = 8,
	IKE_ATTRIBUTE_HEADER = 4,
	IKE_ATTRIBUTE_FIXED = 0x8000, /* the AF bit */
	IKE_V2_ATTRIBUTE_KEY_LENGTH = 14,
	IKE_V2_SA_FIXED = 0,
	IKE_V1_SA_FIXED = 8, /* DOI and situation */
	IKE_DOI_IPSEC = 1,
	IKE_SITUATION_IDENTITY =
		1, /* RFC 2407 section 4.2: with the other bits, labels precede the proposals */
	IKE_SITUATION_LABELLED = 6,
};

/*
 * One message under examination. `end` is where the message ends by its header (within the datagram), `have`
 * where the capture does: have <= end. `at` is where the verdict other than OK was found.
 */
struct ike_scan {
	const uint8_t *msg;
	uint32_t have, end, at;
	uint8_t major, exchange, flags;
	uint64_t seen; /* payload types below 64 met so far */
};

static inline uint16_t ike_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t ike_get32(const uint8_t *p)
{
	return (uint32_t)ike_get16(p) << 16 | ike_get16(p + 2);
}

static inline uint64_t ike_get64(const uint8_t *p)
{
	return (uint64_t)ike_get32(p) << 32 | ike_get32(p + 4);
}

static inline enum ike_fault ike_fail(struct ike_scan *s, uint32_t at, enum ike_fault fault)
{
	s->at = at;
	return fault;
}

/*
 * May `size` bytes at `at` (at <= end) be read? `fault` if they do not fit below `end`, the end of what
 * encloses them; IKE_TRUNCATED if they do, but were not captured.
 */
static inline enum ike_fault ike_need(struct ike_scan *s, uint32_t at, uint32_t size, uint32_t end,
				      enum ike_fault fault)
{
	if (size > end - at)
		return ike_fail(s, at, fault);
	if (at > s->have || size > s->have - at)
		return ike_fail(s, s->have, IKE_TRUNCATED);
	return IKE_OK;
}

/* Is this IKEv1 exchange one of phase 1? Its message id is zero and its first message opens with an SA
 * payload. */
static inline bool ike_v1_phase1(uint8_t exchange)
{
	return exchange == IKE_V1_EXCHANGE_BASE || exchange == IKE_V1_EXCHANGE_MAIN_MODE ||
	       exchange == IKE_V1_EXCHANGE_AGGRESSIVE_MODE;
}

/* Is everything behind the header encrypted? Fragments are not, whatever the flag says: each is a clear
 * payload. */
static inline bool ike_v1_encrypted(uint8_t flags, uint8_t next_payload)
{
	return (flags & IKE_V1_FLAG_ENCRYPTED) && next_payload != IKE_V1_PAYLOAD_FRAGMENT;
}

/* Payload types that are NAT-D: 15 came to mean something else in group keying, whose exchanges are others.
 */
static inline bool ike_v1_nat_d(uint8_t exchange, uint8_t type)
{
	return type == IKE_V1_PAYLOAD_NAT_D || type == IKE_V1_PAYLOAD_NAT_D_DRAFT_00 ||
	       (type == IKE_V1_PAYLOAD_NAT_D_DRAFT_04 && ike_v1_phase1(exchange));
}

/* May an SA payload with this DOI and situation (at `sa`) be walked? Labels and foreign DOIs are left alone.
 */
static inline bool ike_v1_sa_readable(uint32_t doi, uint32_t situation)
{
	return doi == 0 || (doi == IKE_DOI_IPSEC && !(situation & IKE_SITUATION_LABELLED));
}

/*
 * The body [at, end) of one payload of `type`, whose declared end is within the message. Each checks what its
 * version prescribes and may return IKE_TRUNCATED.
 */
enum ike_fault ike_v1_check_body(struct ike_scan *s, uint8_t type, uint32_t at, uint32_t end);
enum ike_fault ike_v2_check_body(struct ike_scan *s, uint8_t type, uint32_t at, uint32_t end);

/* The proposals [at, end) of an SA payload, of either version. */
enum ike_fault ike_sa_check(struct ike_scan *s, uint32_t at, uint32_t end);

/* Copy them to ret->proposals and ret->transforms, as far as `have`. */
void ike_sa_read(const uint8_t *msg, uint32_t have, uint32_t at, uint32_t end, struct ike_message *ret);

/* One payload's body [at, end), already cut to what was captured; `whole`: nothing was cut. */
void ike_v1_read_body(const uint8_t *msg, uint8_t type, uint32_t at, uint32_t end, bool whole,
		      struct ike_message *ret);
void ike_v2_read_body(const uint8_t *msg, uint8_t type, uint32_t at, uint32_t end, bool whole,
		      struct ike_message *ret);

/* Take the next free entry of a list, or NULL (and count it) when the list is full. */
#define ike_take(ret, list, count)                                                                           \
	((ret)->count < sizeof((ret)->list) / sizeof((ret)->list[0]) ? &(ret)->list[(ret)->count++]          \
								     : ((ret)->overflow++, NULL))

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * capfile_ng.c - pcapng: blocks, sections, packets (draft-ietf-opsawg-pcapng)
 *
 * Everything is a block: type, total length, body, total length again; lengths are multiples of 4. A section
 * header sets the byte order and forgets the interfaces, so that files can simply be concatenated. Packets
 * and interface descriptions are read where they lie in the buffer; all other blocks (names, statistics,
 * decryption secrets, what others invented) are passed over without being kept.
 */
#include "source/capfile_internal.h"

enum block_type {
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET_OLD = 2, /* obsolete, still written by a few tools */
	BLOCK_PACKET_SIMPLE = 3,
	BLOCK_PACKET = 6,
	BLOCK_SECTION = 0x0a0d0d0a, /* a palindrome: known before the byte order is */
};

#define BLOCK_OVERHEAD (CAPFILE_BLOCK_HEADER + 4) /* and the length behind */
#define SECTION_MIN 28u
#define PACKET_BODY 20u
#define SIMPLE_BODY 4u

#define BYTE_ORDER_MAGIC 0x1a2b3c4du

static int check_length(struct capfile_reader *r, uint32_t type, uint32_t len, uint32_t min)
{
	if (__builtin_expect(len >= min && len % 4 == 0 && len <= CAPFILE_BLOCK_MAX, 1))
		return 0;
	return capfile_fail(r, CAPFILE_FAULT_BLOCK_LENGTH,
			    "block of type 0x%x claims %u bytes (a multiple of 4, %u to %u, is possible)",
			    type, len, min, CAPFILE_BLOCK_MAX);
}

static int check_trailer(struct capfile_reader *r, const uint8_t *trailer, uint32_t len)
{
	uint32_t again = capfile_get32(trailer, r->swap);

	if (__builtin_expect(again == len, 1))
		return 0;
	return capfile_fail(r, CAPFILE_FAULT_BLOCK_TRAILER, "block of %u bytes ends with a length of %u", len,
			    again);
}

/* Passes over a block of @len bytes without holding it. */
static int skip_block(struct capfile_reader *r, uint32_t len)
{
	struct capfile_input *in = &r->in;
	int err;

	if (!capfile_input_skip(in, len - 4) || !capfile_input_have(in, 4))
		return capfile_fail_input(r, "block", len);
	err = check_trailer(r, capfile_input_at(in), len);
	if (!err)
		in->pos += 4;
	return err;
}

static int section_block(struct capfile_reader *r)
{
	struct capfile_input *in = &r->in;
	const uint8_t *p;
	uint32_t magic, len;
	unsigned int major;
	int err;

	if (!capfile_input_have(in, SECTION_MIN))
		return capfile_fail_input(r, "section header", SECTION_MIN);
	p = capfile_input_at(in);
	magic = capfile_get32(p + 8, false);
	if (magic != BYTE_ORDER_MAGIC && magic != __builtin_bswap32(BYTE_ORDER_MAGIC))
		return capfile_fail(r, CAPFILE_FAULT_BYTE_ORDER,
				    "section header without byte-order magic (0x%08x)", magic);
	r->swap = magic != BYTE_ORDER_MAGIC;
	len = capfile_get32(p + 4, r->swap);
	err = check_length(r, BLOCK_SECTION, len, SECTION_MIN);
	if (err)
		return err;
	/* Minor versions are compatible by definition. */
	major = capfile_get16(p + 12, r->swap);
	if (major != 1)
		return capfile_fail(r, CAPFILE_FAULT_VERSION, "pcapng version %u.%u, only 1.x is known",
				    major, capfile_get16(p + 14, r->swap));
	r->local_count = 0;
	return skip_block(r, len);
}

static const struct capfile_local *packet_iface(struct capfile_reader *r, uint32_t iface)
{
	if (__builtin_expect(iface < r->local_count, 1))
		return &r->local[iface];
	capfile_fail(r, CAPFILE_FAULT_INTERFACE, "packet of interface %u, but only %u were described", iface,
		     r->local_count);
	return NULL;
}

static int fail_caplen(struct capfile_reader *r, uint32_t caplen, uint32_t room)
{
	return capfile_fail(r, CAPFILE_FAULT_CAPLEN, "damaged packet: it claims %u captured bytes, above %u",
			    caplen, room < CAPFILE_CAPLEN_MAX ? room : CAPFILE_CAPLEN_MAX);
}

/* Enhanced and obsolete packet blocks differ only in how they write the interface. */
static int packet_block(struct capfile_reader *r, const uint8_t *p, uint32_t type, uint32_t len,
			struct capfile_packet *ret_packet)
{
	const uint8_t *body = p + CAPFILE_BLOCK_HEADER;
	uint32_t room = len - BLOCK_OVERHEAD - PACKET_BODY;
	const struct capfile_local *l;
	uint32_t caplen, wirelen;
	uint64_t ticks, ns;

	l = packet_iface(r,
			 type == BLOCK_PACKET ? capfile_get32(body, r->swap) : capfile_get16(body, r->swap));
	if (!l)
		return r->state;
	caplen = capfile_get32(body + 12, r->swap);
	wirelen = capfile_get32(body + 16, r->swap);
	if (caplen > room || caplen > CAPFILE_CAPLEN_MAX)
		return fail_caplen(r, caplen, room);
	ticks = (uint64_t)capfile_get32(body + 4, r->swap) << 32 | capfile_get32(body + 8, r->swap);
	if (!capfile_ticks_to_ns(l, ticks, &ns))
		return capfile_fail(r, CAPFILE_FAULT_TIMESTAMP,
				    "damaged packet: its time is not in 1970 to 2554");
	ret_packet->ts_ns = ns;
	ret_packet->data = body + PACKET_BODY;
	ret_packet->caplen = caplen;
	ret_packet->wirelen = wirelen > caplen ? wirelen : caplen;
	ret_packet->linktype = l->linktype;
	ret_packet->iface = l->iface;
	ret_packet->number = ++r->packets;
	return 1;
}

/* No time, no captured length: interface 0, and as much as its snap length lets through. */
static int simple_block(struct capfile_reader *r, const uint8_t *p, uint32_t len,
			struct capfile_packet *ret_packet)
{
	const uint8_t *body = p + CAPFILE_BLOCK_HEADER;
	uint32_t room = len - BLOCK_OVERHEAD - SIMPLE_BODY;
	const struct capfile_local *l = packet_iface(r, 0);
	uint32_t caplen, wirelen;

	if (!l)
		return r->state;
	wirelen = capfile_get32(body, r->swap);
	caplen = l->snaplen && l->snaplen < wirelen ? l->snaplen : wirelen;
	if (caplen > room || caplen > CAPFILE_CAPLEN_MAX)
		return fail_caplen(r, caplen, room);
	ret_packet->ts_ns = 0;
	ret_packet->data = body + SIMPLE_BODY;
	ret_packet->caplen = caplen;
	ret_packet->wirelen = wirelen;
	ret_packet->linktype = l->linktype;
	ret_packet->iface = l->iface;
	ret_packet->number = ++r->packets;
	return 1;
}

/* A block that is read in place. 1: a packet; 0: not one, go on; -errno. */
static int whole_block(struct capfile_reader *r, uint32_t type, uint32_t len,
		       struct capfile_packet *ret_packet)
{
	struct capfile_input *in = &r->in;
	const uint8_t *p;
	int rc;

	rc = check_length(r, type, len,
			  BLOCK_OVERHEAD + (type == BLOCK_INTERFACE	  ? CAPFILE_IFACE_BODY
					    : type == BLOCK_PACKET_SIMPLE ? SIMPLE_BODY
									  : PACKET_BODY));
	if (rc)
		return rc;
	if (!capfile_input_have(in, len))
		return capfile_fail_input(r, type == BLOCK_INTERFACE ? "interface block" : "packet", len);
	p = capfile_input_at(in);
	rc = check_trailer(r, p + len - 4, len);
	if (rc)
		return rc;
	if (type == BLOCK_INTERFACE)
		rc = capfile_iface_block(r, p, len);
	else if (type == BLOCK_PACKET_SIMPLE)
		rc = simple_block(r, p, len, ret_packet);
	else
		rc = packet_block(r, p, type, len, ret_packet);
	if (rc >= 0)
		in->pos += len;
	return rc;
}

static int ng_next(struct capfile_reader *r, struct capfile_packet *ret_packet)
{
	struct capfile_input *in = &r->in;
	int rc;

	do {
		uint32_t type, len;

		r->record = capfile_input_tell(in);
		if (!capfile_input_have(in, CAPFILE_BLOCK_HEADER)) {
			if (!in->err && !capfile_input_left(in))
				return r->state = 0;
			return capfile_fail_input(r, "block header", CAPFILE_BLOCK_HEADER);
		}
		type = capfile_get32(capfile_input_at(in), r->swap);
		len = capfile_get32(capfile_input_at(in) + 4, r->swap);
		switch (type) {
		case BLOCK_PACKET:
		case BLOCK_PACKET_OLD:
		case BLOCK_PACKET_SIMPLE:
		case BLOCK_INTERFACE:
			rc = whole_block(r, type, len, ret_packet);
			break;
		case BLOCK_SECTION:
			rc = section_block(r);
			break;
		default:
			rc = check_length(r, type, len, BLOCK_OVERHEAD);
			if (!rc)
				rc = skip_block(r, len);
		}
	} while (!rc);
	return rc;
}

int capfile_ng_begin(struct capfile_reader *r)
{
	int err = section_block(r);

	if (!err)
		r->next = ng_next;
	return err;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * conversation_nat.c - who is behind a NAT, from the NAT detection hashes recomputed
 *
 * RFC 7296 section 2.23, RFC 3947 section 3.2: hash(SPIs | address | port) of the source and of the destination as the sender
 * sees them. What we see at our place of the path must give the same, unless something translates between the sender and us;
 * what translates on the other side of us shows in the peer's hashes. So an end is behind a NAT when its own source hashes, or
 * the peer's destination hash, do not fit. (A sender may forge a hash to force UDP encapsulation: that looks the same.)
 *
 * The hashes are those of gnutls, which the HTTP server already brings in.
 */
#include "model/conversation_internal.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <string.h>

#include "model/address.h"

enum {
	V1_HASH_MD5 = 1, /* RFC 2409 appendix A; from 4 on RFC 4868 */
	V1_HASH_SHA1 = 2,
	V1_HASH_SHA256 = 4,
	V1_HASH_SHA384 = 5,
	V1_HASH_SHA512 = 6,
	HASH_MAX = 64,
};

static gnutls_digest_algorithm_t digest_of(uint16_t algorithm)
{
	switch (algorithm) {
	case 0: /* IKEv2 */
	case V1_HASH_SHA1:
		return GNUTLS_DIG_SHA1;
	case V1_HASH_MD5:
		return GNUTLS_DIG_MD5;
	case V1_HASH_SHA256:
		return GNUTLS_DIG_SHA256;
	case V1_HASH_SHA384:
		return GNUTLS_DIG_SHA384;
	case V1_HASH_SHA512:
		return GNUTLS_DIG_SHA512;
	default:
		return GNUTLS_DIG_UNKNOWN;
	}
}

/* The length of the hash of that end, or 0. SPIs as they stand in this message: zero in an IKE_SA_INIT request. */
static unsigned int hash_end(const struct fold *f, gnutls_digest_algorithm_t algorithm,
			     const struct conversation_endpoint *end, uint8_t ret[HASH_MAX])
{
	uint8_t text[16 + 16 + 2];
	unsigned int n = 16, length = gnutls_hash_get_len(algorithm);

	memcpy(text, f->packet->message, 16);
	if (address_family(end->address) == 4) {
		memcpy(text + n, end->address + 12, 4);
		n += 4;
	} else {
		memcpy(text + n, end->address, 16);
		n += 16;
	}
	text[n++] = (uint8_t)(end->port >> 8);
	text[n++] = (uint8_t)end->port;
	if (length == 0 || length > HASH_MAX || gnutls_hash_fast(algorithm, text, n, ret) < 0)
		return 0;
	return length;
}

/* -1: there is no such hash; 1: one of them is that of the end; 0: none */
static int any_fits(const struct fold *f, enum ike_nat_side side, gnutls_digest_algorithm_t algorithm,
		    const struct conversation_endpoint *end)
{
	uint8_t hash[HASH_MAX];
	unsigned int length = 0;
	int fits = -1;
	uint16_t i;

	for (i = 0; i < f->m->nat_hash_count; i++) {
		const struct ike_data *seen = &f->m->nat_hashes[i].hash;

		if (f->m->nat_hashes[i].side != side)
			continue;
		if (!length)
			length = hash_end(f, algorithm, end, hash);
		if (!length)
			return -1;
		if (seen->length == length && !memcmp(f->packet->message + seen->offset, hash, length))
			return 1;
		fits = 0;
	}
	return fits;
}

static void note(struct conversation_sa *sa, enum conversation_side side, uint8_t bit, int fits)
{
	if (fits < 0)
		return;
	sa->nat_seen[side] |= bit;
	if (fits == 0)
		sa->nat_found[side] |= bit;
	else
		sa->nat_found[side] &= (uint8_t)~bit;
}

void nat_check(struct fold *f, uint16_t algorithm)
{
	gnutls_digest_algorithm_t digest = digest_of(algorithm);

	if (digest == GNUTLS_DIG_UNKNOWN || f->m->nat_hash_count == 0)
		return;
	note(&f->entry->sa, f->side, 1, any_fits(f, IKE_NAT_SOURCE, digest, &f->packet->source));
	note(&f->entry->sa, other_side(f->side), 2,
	     any_fits(f, IKE_NAT_DESTINATION, digest, &f->packet->destination));
}

void nat_check_request(struct fold *f)
{
	const struct conversation_kept *kept = &f->entry->sa.kept[CONVERSATION_INITIATOR];
	struct conversation_packet packet = {
		.source = f->packet->destination,
		.destination = f->packet->source,
		.message = kept->message,
		.captured = kept->captured,
		.length = kept->length,
	};
	struct fold request = {
		.packet = &packet, .m = &f->c->request, .entry = f->entry, .side = CONVERSATION_INITIATOR};
	uint32_t offset;

	if (kept->message &&
	    !ike_is_fault(ike_parse(kept->message, kept->captured, kept->length, &f->c->request, &offset)))
		nat_check(&request, 0);
}

enum conversation_nat conversation_nat(const struct conversation_sa *sa)
{
	bool initiator = sa->nat_found[CONVERSATION_INITIATOR],
	     responder = sa->nat_found[CONVERSATION_RESPONDER];

	if (initiator || responder)
		return initiator && responder ? CONVERSATION_NAT_BOTH
		       : initiator	      ? CONVERSATION_NAT_INITIATOR
					      : CONVERSATION_NAT_RESPONDER;
	/* That nobody is takes the hashes of both: a NAT beyond us shows only in those of the far end. */
	return sa->nat_seen[0] == 3 && sa->nat_seen[1] == 3 ? CONVERSATION_NAT_NONE
							    : CONVERSATION_NAT_UNKNOWN;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * conversation_size.c - what the size of a ciphertext allows to be inside, and what that makes likely
 *
 * The plaintext of an SK payload has as many bytes as the ciphertext without IV, ICV, padding and the padding's length. With the
 * suite known that is exact to a block. All verdicts here are `likely` at best.
 */
#include "model/conversation_internal.h"

enum {
	/* Plaintext bytes, by RFC 7296 section 3 */
	AUTH_LEAST = 24, /* AUTH payload with 16 bytes; no error notify is that long */
	CHILD_LEAST =
		20 + 20 +
		2 * 24, /* SA with one proposal of one transform, nonce, two traffic selectors of IPv4 */
	ID_LEAST = 12,
	AES_CTR = 13, /* transform ids */
	CAMELLIA_CTR = 24,
	PAD = 4, /* to which some pad where they need not; a delete has 8 bytes */
	CBC_64 = 8,
	CBC_128 = 16,
};

static unsigned int cipher_block(uint16_t encr)
{
	switch (encr) {
	case 1 ... 9: /* DES, 3DES, RC5, IDEA, CAST, Blowfish (block of 8) */
		return CBC_64;
	case 12: /* AES_CBC */
	case 23: /* CAMELLIA_CBC */
		return CBC_128;
	default:
		return 0;
	}
}

/* IV and ICV of the combined modes: RFC 5282, 4106, 7634, 8750 (without IV). 0: not one. */
static unsigned int aead_icv(uint16_t encr, uint8_t *ret_iv)
{
	*ret_iv = 8;
	switch (encr) {
	case 14:
	case 18:
	case 25:
		return 8;
	case 15:
	case 19:
	case 26:
		return 12;
	case 16:
	case 20:
	case 27:
	case 28:
		return 16;
	case 29:
		*ret_iv = 0;
		return 8;
	case 30:
	case 31:
		*ret_iv = 0;
		return 16;
	default:
		return 0;
	}
}

static unsigned int integrity_icv(uint16_t integ)
{
	static const uint8_t icv[] = {0, 12, 12, 8, 16, 12, 16, 20, 12, 16, 16, 16, 16, 24, 32};

	return integ < sizeof(icv) ? icv[integ] : 0;
}

static unsigned int prf_size(uint16_t prf)
{
	static const uint8_t size[] = {16, 16, 20, 24, 16, 32, 48, 64, 16};

	return prf < sizeof(size) ? size[prf] : 16;
}

static void learn_v2(struct conversation_suite *suite, const struct ike_message *m)
{
	const struct ike_proposal *p = &m->proposals[0];
	uint16_t i, encr = 0, integ = 0, prf = 0;
	unsigned int block, icv;
	uint8_t iv;

	for (i = 0; i < p->transforms; i++) {
		const struct ike_transform *t = &m->transforms[p->first_transform + i];

		if (t->type == IKE_TRANSFORM_TYPE_ENCR)
			encr = t->id;
		else if (t->type == IKE_TRANSFORM_TYPE_INTEG)
			integ = t->id;
		else if (t->type == IKE_TRANSFORM_TYPE_PRF)
			prf = t->id;
	}
	block = cipher_block(encr);
	icv = aead_icv(encr, &iv);
	if (block) {
		iv = (uint8_t)block;
		icv = integrity_icv(integ);
	} else if (icv || encr == AES_CTR || encr == CAMELLIA_CTR) {
		block = 1;
		icv = icv ? icv : integrity_icv(integ);
	} else {
		return;
	}
	*suite = (struct conversation_suite){
		.iv = iv, .block = (uint8_t)block, .icv = (uint8_t)icv, .auth = (uint8_t)prf_size(prf)};
}

void suite_learn(struct conversation_entry *e, const struct ike_message *m)
{
	if (m->proposal_count == 0 || m->transform_count == 0)
		return;
	if (m->major == 1)
		e->suite.hash = m->transforms[0].hash;
	else
		learn_v2(&e->suite, m);
}

/* Least and most plaintext. Each fragment has IV, ICV and padding of its own. Without the suite: whatever is in use. */
static void size_range(const struct conversation_entry *e, const struct conversation_half *half,
		       uint32_t *ret_least, uint32_t *ret_most)
{
	const struct conversation_suite *s = &e->suite;
	uint32_t pieces = half->fragments ? half->fragments : 1, encrypted = half->encrypted;
	uint32_t head = 8u + 8u, tail = 16u + 32u, block = 16;

	if (s->block) {
		head = tail = (uint32_t)s->iv + s->icv;
		block = s->block;
	}
	head = (head + 1) * pieces;
	tail = (tail + block) * pieces;
	*ret_most = encrypted > head ? encrypted - head : 0;
	*ret_least = encrypted > tail ? encrypted - tail : 0;
}

static void judge(struct conversation_exchange *x, enum conversation_outcome outcome,
		  enum conversation_confidence confidence)
{
	x->outcome = (uint8_t)outcome;
	x->outcome_confidence = (uint8_t)confidence;
}

/*
 * A refusal is an error notify and little else. An answer that accepts has IDr and AUTH; one that also makes the child SA has SA
 * and two traffic selectors, too. Certificates and long identities hide the lack of the latter.
 */
void size_judge_auth(struct conversation_entry *e, struct conversation_exchange *x)
{
	uint32_t least, most, auth = e->suite.auth ? e->suite.auth : 16;
	uint32_t with_child = ID_LEAST + 8 + auth + CHILD_LEAST - 20;

	size_range(e, &x->response, &least, &most);
	if (most < AUTH_LEAST)
		judge(x, CONVERSATION_OUTCOME_FAILURE, CONVERSATION_LIKELY);
	else if (e->suite.block && most < with_child)
		judge(x, CONVERSATION_OUTCOME_NO_CHILD, CONVERSATION_LIKELY);
	else
		judge(x, CONVERSATION_OUTCOME_SUCCESS,
		      least < with_child ? CONVERSATION_POSSIBLE : CONVERSATION_LIKELY);
}

void size_judge_child(struct conversation_entry *e, struct conversation_exchange *x)
{
	uint32_t least, most;

	size_range(e, &x->response, &least, &most);
	judge(x, most < CHILD_LEAST ? CONVERSATION_OUTCOME_FAILURE : CONVERSATION_OUTCOME_SUCCESS,
	      CONVERSATION_LIKELY);
}

bool size_follows_rekey(const struct conversation_entry *e, const struct conversation_exchange *x)
{
	uint32_t i;

	if (x->request_ns >= e->child_answered_ns[x->by] + SECOND)
		return false; /* and no need to look */
	for (i = e->sa.exchange_count; i > 0; i--) {
		const struct conversation_exchange *before = conversation_exchange_at(&e->sa, i - 1);

		if (before == x || before->by != x->by || before->type == IKE_V2_EXCHANGE_IKE_FOLLOWUP_KE)
			continue; /* RFC 9370 section 2.2.4: more key exchanges belong to the same rekey */
		return before->type == IKE_V2_EXCHANGE_CREATE_CHILD_SA && before->response_ns &&
		       before->outcome == CONVERSATION_OUTCOME_SUCCESS &&
		       x->request_ns < before->response_ns + SECOND;
	}
	return false;
}

/*
 * Empty is what is as small as the suite allows, or as the smallest of this IKE SA both ways. With a block cipher an empty
 * one and a delete are of the same size, and only that the IKE SA goes on makes DPD likely (later_answered()); with a combined mode
 * a larger one is certainly not empty, yet not certainly a delete.
 */
void size_judge_informational(struct conversation_entry *e, struct conversation_exchange *x)
{
	uint32_t smallest =
		x->request.encrypted < x->response.encrypted ? x->request.encrypted : x->response.encrypted;
	uint32_t largest = x->request.encrypted + x->response.encrypted - smallest;
	uint32_t least, most;
	bool known = e->suite.block != 0, combined = known && e->suite.block <= PAD, empty;

	if (smallest && (!e->empty_size || smallest < e->empty_size))
		e->empty_size = smallest;
	size_range(e, x->request.encrypted > x->response.encrypted ? &x->request : &x->response, &least,
		   &most);
	empty = largest <= e->empty_size || (known && most < (combined ? PAD : e->suite.block));
	x->kind = empty ? CONVERSATION_KIND_DPD : CONVERSATION_KIND_OTHER;
	x->kind_confidence = empty && !combined ? CONVERSATION_POSSIBLE : CONVERSATION_LIKELY;
	if (size_follows_rekey(e, x) && (!empty || !combined))
		x->kind = CONVERSATION_KIND_DELETE;
}

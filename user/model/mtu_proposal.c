// SPDX-License-Identifier: GPL-2.0-or-later
/* mtu_proposal.c - proposals as strongSwan writes them, and the sizes of their transforms */
#include "model/mtu.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct mtu_cipher ciphers[] = {
#define MTU_CIPHER(name, iv, block, icv, iana, source) {name, iv, block, icv, iana, source},
#include "model/mtu_transforms.def"
};

static const struct mtu_integrity integrities[] = {
#define MTU_INTEGRITY(name, iv, icv, iana, source) {name, iv, icv, iana, source},
#include "model/mtu_transforms.def"
};

/* Keywords of strongSwan (proposal_keywords_static.txt) that choose no cipher and no integrity: key exchange, PRF, ESN. */
static const char *const sizeless[] = {
	"none",	     "modpnone",  "modp768",   "modp1024",     "modp1536",     "modp2048",
	"modp3072",  "modp4096",  "modp6144",  "modp8192",     "ecp192",       "ecp224",
	"ecp256",    "ecp384",	  "ecp521",    "modp1024s160", "modp2048s224", "ecp224bp",
	"ecp256bp",  "ecp384bp",  "ecp512bp",  "modp2048s256", "curve25519",   "x25519",
	"curve448",  "x448",	  "mlkem512",  "mlkem768",     "mlkem1024",    "ntru112",
	"ntru128",   "ntru192",	  "ntru256",   "newhope128",   "prfmd5",       "prfsha1",
	"prfsha256", "prfsha384", "prfsha512", "prfaesxcbc",   "prfaescmac",   "prfcamelliaxcbc",
	"esn",	     "noesn",
};

/* Of key exchanges that were tried before the standard the names have many forms. */
static const char *const experimental[] = {"kyber", "saber", "bike", "frodo", "hqc", "sike"};

const struct mtu_cipher *mtu_cipher(size_t index)
{
	return index < COUNT(ciphers) ? &ciphers[index] : NULL;
}

const struct mtu_integrity *mtu_integrity(size_t index)
{
	return index < COUNT(integrities) ? &integrities[index] : NULL;
}

static const struct mtu_cipher *find_cipher(const char *word)
{
	size_t i;

	for (i = 0; i < COUNT(ciphers); i++)
		if (strcasecmp(word, ciphers[i].name) == 0)
			return &ciphers[i];
	return NULL;
}

static const struct mtu_integrity *find_integrity(const char *word)
{
	size_t i;

	for (i = 0; i < COUNT(integrities); i++)
		if (strcasecmp(word, integrities[i].name) == 0)
			return &integrities[i];
	return NULL;
}

static bool is_sizeless(const char *word)
{
	size_t i;

	/* Additional key exchanges of RFC 9370: ke1_mlkem768 */
	if (strncasecmp(word, "ke", 2) == 0 && word[2] >= '1' && word[2] <= '7' && word[3] == '_')
		word += 4;
	for (i = 0; i < COUNT(sizeless); i++)
		if (strcasecmp(word, sizeless[i]) == 0)
			return true;
	for (i = 0; i < COUNT(experimental); i++)
		if (strncasecmp(word, experimental[i], strlen(experimental[i])) == 0)
			return true;
	return false;
}

static enum mtu_fault take_cipher(struct mtu_proposal *p, const struct mtu_cipher *cipher)
{
	const struct mtu_cipher *had = p->cipher;

	if (had && (had->iv != cipher->iv || had->block != cipher->block || had->icv != cipher->icv))
		return MTU_FAULT_SEVERAL;
	if (!had)
		p->cipher = cipher;
	return MTU_FAULT_NONE;
}

static enum mtu_fault take_integrity(struct mtu_proposal *p, const struct mtu_integrity *integrity)
{
	const struct mtu_integrity *had = p->integrity;

	if (had && (had->iv != integrity->iv || had->icv != integrity->icv))
		return MTU_FAULT_SEVERAL;
	if (!had)
		p->integrity = integrity;
	return MTU_FAULT_NONE;
}

static enum mtu_fault take_word(struct mtu_proposal *p, const char *word)
{
	const struct mtu_cipher *cipher = find_cipher(word);
	const struct mtu_integrity *integrity = find_integrity(word);

	if (p->protocol == MTU_AH && integrity)
		return take_integrity(p, integrity);
	if (p->protocol == MTU_AH && cipher)
		return MTU_FAULT_CIPHER_IN_AH;
	if (cipher)
		return take_cipher(p, cipher);
	if (integrity)
		return take_integrity(p, integrity);
	return is_sizeless(word) ? MTU_FAULT_NONE : MTU_FAULT_UNKNOWN;
}

static enum mtu_fault complete(struct mtu_proposal *p)
{
	if (p->protocol == MTU_AH)
		return p->integrity ? MTU_FAULT_NONE : MTU_FAULT_NO_INTEGRITY;
	if (!p->cipher)
		return MTU_FAULT_NO_CIPHER;
	if (p->cipher->icv) {
		/* As strongSwan does: an AEAD is never negotiated with an integrity algorithm (RFC 7296 3.3) */
		p->unused = p->integrity;
		p->integrity = NULL;
	} else if (!p->integrity && strcmp(p->cipher->name, "null") == 0) {
		return MTU_FAULT_NO_INTEGRITY; /* RFC 4303 3.2: not both NULL */
	}
	return MTU_FAULT_NONE;
}

int mtu_proposal_parse(enum mtu_protocol protocol, const char *text, struct mtu_proposal *ret,
		       struct mtu_proposal_fault *ret_fault)
{
	struct mtu_proposal p = {.protocol = protocol};
	struct mtu_proposal_fault f = {.fault = *text ? MTU_FAULT_NONE : MTU_FAULT_EMPTY};
	const char *at = text;

	while (!f.fault) {
		/* The '!' at the end of a proposal in ipsec.conf: nothing else is accepted */
		size_t length = strcspn(at, "-!");

		memset(f.word, 0, sizeof(f.word));
		memcpy(f.word, at, length < sizeof(f.word) ? length : sizeof(f.word) - 1);
		if (length >= sizeof(f.word))
			f.fault = MTU_FAULT_TOO_LONG;
		else
			f.fault = take_word(&p, f.word);
		if (!at[length] || strcmp(at + length, "!") == 0)
			break;
		at += length + 1;
	}
	if (!f.fault)
		f.fault = complete(&p);
	if (f.fault) {
		*ret_fault = f;
		return -EINVAL;
	}
	*ret = p;
	return 0;
}

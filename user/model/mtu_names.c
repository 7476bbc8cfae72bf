// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/mtu_names.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct name {
	const char *theirs;
	const char *ours, *mode; /* the length of the key is between them; NULL: that is not told */
	unsigned int salt;	 /* bits that the kernel counts as key */
	unsigned int icv;	 /* bits; 0: any */
};

/* net/xfrm/xfrm_algo.c; their IV and their blocks are those of the RFCs in mtu_transforms.def. */
static const struct name kernel_ciphers[] = {
	{"rfc4106(gcm(aes))", "aes", "gcm8", 32, 64},
	{"rfc4106(gcm(aes))", "aes", "gcm12", 32, 96},
	{"rfc4106(gcm(aes))", "aes", "gcm16", 32, 128},
	{"rfc4309(ccm(aes))", "aes", "ccm8", 24, 64},
	{"rfc4309(ccm(aes))", "aes", "ccm12", 24, 96},
	{"rfc4309(ccm(aes))", "aes", "ccm16", 24, 128},
	{"rfc4543(gcm(aes))", "aes", "gmac", 32, 128},
	{"rfc7539esp(chacha20,poly1305)", "chacha20poly1305", NULL, 0, 128},
	{"ecb(cipher_null)", "null", NULL, 0, 0},
	{"cbc(des)", "des", NULL, 0, 0},
	{"cbc(des3_ede)", "3des", NULL, 0, 0},
	{"cbc(cast5)", "cast128", NULL, 0, 0},
	{"cbc(blowfish)", "blowfish", NULL, 0, 0},
	{"cbc(aes)", "aes", "", 0, 0},
	{"cbc(serpent)", "serpent", "", 0, 0},
	{"cbc(camellia)", "camellia", "", 0, 0},
	{"cbc(twofish)", "twofish", "", 0, 0},
	{"cbc(sm4)", "sm4", NULL, 0, 0},
	{"rfc3686(ctr(aes))", "aes", "ctr", 32, 0},
};

/* The first of a name is what the kernel takes when nobody says how much is sent of it. */
static const struct name kernel_integrity[] = {
	{"hmac(md5)", "md5", NULL, 0, 96},	    {"hmac(md5)", "md5_128", NULL, 0, 128},
	{"hmac(sha1)", "sha1", NULL, 0, 96},	    {"hmac(sha1)", "sha1_160", NULL, 0, 160},
	{"hmac(sha256)", "sha256_96", NULL, 0, 96}, {"hmac(sha256)", "sha256", NULL, 0, 128},
	{"hmac(sha384)", "sha384", NULL, 0, 192},   {"hmac(sha512)", "sha512", NULL, 0, 256},
	{"xcbc(aes)", "aesxcbc", NULL, 0, 96},	    {"cmac(aes)", "aescmac", NULL, 0, 96},
	{"hmac(rmd160)", "rmd160", NULL, 0, 96},    {"hmac(sm3)", "sm3", NULL, 0, 256},
};

/* strongSwan's long names, with the length of the key at the end. */
static const struct name daemon_names[] = {
	{"AES_GCM_16", "aes", "gcm16", 0, 0},
	{"AES_GCM_12", "aes", "gcm12", 0, 0},
	{"AES_GCM_8", "aes", "gcm8", 0, 0},
	{"AES_CCM_16", "aes", "ccm16", 0, 0},
	{"AES_CCM_12", "aes", "ccm12", 0, 0},
	{"AES_CCM_8", "aes", "ccm8", 0, 0},
	{"AES_CTR", "aes", "ctr", 0, 0},
	{"AES_CBC", "aes", "", 0, 0},
	{"NULL_AES_GMAC", "aes", "gmac", 0, 0},
	{"CHACHA20_POLY1305", "chacha20poly1305", NULL, 0, 0},
	{"CAMELLIA_CBC", "camellia", "", 0, 0},
	{"CAMELLIA_CTR", "camellia", "ctr", 0, 0},
	{"CAMELLIA_CCM_16", "camellia", "ccm16", 0, 0},
	{"CAMELLIA_CCM_12", "camellia", "ccm12", 0, 0},
	{"CAMELLIA_CCM_8", "camellia", "ccm8", 0, 0},
	{"SERPENT_CBC", "serpent", "", 0, 0},
	{"TWOFISH_CBC", "twofish", "", 0, 0},
	{"BLOWFISH_CBC", "blowfish", NULL, 0, 0},
	{"CAST_CBC", "cast128", NULL, 0, 0},
	{"3DES_CBC", "3des", NULL, 0, 0},
	{"DES_CBC", "des", NULL, 0, 0},
	{"NULL", "null", NULL, 0, 0},
	{"HMAC_MD5_96", "md5", NULL, 0, 0},
	{"HMAC_MD5_128", "md5_128", NULL, 0, 0},
	{"HMAC_SHA1_96", "sha1", NULL, 0, 0},
	{"HMAC_SHA1_160", "sha1_160", NULL, 0, 0},
	{"HMAC_SHA2_256_128", "sha256", NULL, 0, 0},
	{"HMAC_SHA2_256_96", "sha256_96", NULL, 0, 0},
	{"HMAC_SHA2_384_192", "sha384", NULL, 0, 0},
	{"HMAC_SHA2_512_256", "sha512", NULL, 0, 0},
	{"AES_XCBC_96", "aesxcbc", NULL, 0, 0},
	{"AES_CMAC_96", "aescmac", NULL, 0, 0},
	{"CAMELLIA_XCBC_96", "camelliaxcbc", NULL, 0, 0},
	{"AES_128_GMAC", "aes128gmac", NULL, 0, 0},
	{"AES_192_GMAC", "aes192gmac", NULL, 0, 0},
	{"AES_256_GMAC", "aes256gmac", NULL, 0, 0},
};

static void add(char proposal[static MTU_NAMES], const struct name *name, unsigned int key)
{
	size_t used = strlen(proposal);

	/* Of a key whose length is not told: it changes no size */
	if (key != 128 && key != 192 && key != 256)
		key = 128;
	if (!name->mode)
		snprintf(proposal + used, MTU_NAMES - used, "%s%s", used ? "-" : "", name->ours);
	else
		snprintf(proposal + used, MTU_NAMES - used, "%s%s%u%s", used ? "-" : "", name->ours, key,
			 name->mode);
}

/* ---- the kernel */

static const struct name *find(const struct name *names, size_t count, const struct fact_algorithm *algorithm)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i].theirs, algorithm->name) == 0 &&
		    (!names[i].icv || !algorithm->icv_bits || names[i].icv == algorithm->icv_bits))
			return &names[i];
	return NULL;
}

static bool add_kernel(char proposal[static MTU_NAMES], const struct name *names, size_t count,
		       const struct fact_algorithm *algorithm, const char **ret_unknown)
{
	const struct name *name;

	if (!algorithm->name[0] || strcmp(algorithm->name, "digest_null") == 0)
		return true;
	name = find(names, count, algorithm);
	if (name)
		add(proposal, name, algorithm->key_bits - name->salt);
	else if (ret_unknown)
		*ret_unknown = algorithm->name;
	return name != NULL;
}

int mtu_names_kernel(const struct fact_sa *sa, char ret[static MTU_NAMES], const char **ret_unknown)
{
	bool known;

	*ret = '\0';
	if (ret_unknown)
		*ret_unknown = "";
	known = add_kernel(ret, kernel_ciphers, COUNT(kernel_ciphers), &sa->aead, ret_unknown);
	if (known && sa->protocol == IPPROTO_ESP)
		known = add_kernel(ret, kernel_ciphers, COUNT(kernel_ciphers), &sa->encryption, ret_unknown);
	known = known &&
		add_kernel(ret, kernel_integrity, COUNT(kernel_integrity), &sa->integrity, ret_unknown);
	if (known && *ret)
		return 0;
	*ret = '\0';
	return -EINVAL;
}

/* ---- daemons */

/* "AES_CBC_256" begins with "AES_CBC", and behind that is nothing or a number. */
static bool is_named(const char *word, const char *theirs, unsigned int *ret_key)
{
	size_t length = strlen(theirs);
	char *end;

	*ret_key = 0;
	if (strncmp(word, theirs, length) != 0)
		return false;
	if (!word[length])
		return true;
	if (word[length] != '_' || word[length + 1] < '0' || word[length + 1] > '9')
		return false;
	*ret_key = (unsigned int)strtoul(word + length + 1, &end, 10);
	return !*end;
}

int mtu_names_daemon(const char *suite, char ret[static MTU_NAMES])
{
	char copy[160], *rest = copy, *word;

	*ret = '\0';
	snprintf(copy, sizeof(copy), "%s", suite);
	while ((word = strsep(&rest, "/"))) {
		unsigned int key;

		/* Groups and ESN, which change no size, are not in the table */
		for (size_t i = 0; i < COUNT(daemon_names); i++) {
			if (!is_named(word, daemon_names[i].theirs, &key))
				continue;
			add(ret, &daemon_names[i], key);
			break;
		}
	}
	return *ret ? 0 : -EINVAL;
}

int mtu_names_mode(enum fact_mode mode, enum mtu_mode *ret)
{
	static const enum mtu_mode modes[] = {
		[FACT_TRANSPORT] = MTU_TRANSPORT, [FACT_TUNNEL] = MTU_TUNNEL, [FACT_BEET] = MTU_BEET};

	if (mode == FACT_MODE_UNKNOWN || mode >= COUNT(modes))
		return -EINVAL;
	*ret = modes[mode];
	return 0;
}

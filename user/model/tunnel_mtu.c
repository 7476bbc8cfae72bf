// SPDX-License-Identifier: GPL-2.0-or-later
/* tunnel_mtu.c - from the path MTU and a child SA's transforms to what fits inside */
#include "model/tunnel_internal.h"

#include <stdio.h>
#include <string.h>

#include "model/mtu.h"

/* Beginnings of names as IKE and the kernel have them; a key's length changes no size. The longer first. */
static const struct {
	const char *theirs, *ours;
	uint32_t icv; /* bits that the kernel gives with it; 0: any */
} words[] = {
	{"AES_GCM_16", "aes128gcm16", 0},
	{"AES_GCM_12", "aes128gcm12", 0},
	{"AES_GCM_8", "aes128gcm8", 0},
	{"AES_CCM_16", "aes128ccm16", 0},
	{"AES_CCM_12", "aes128ccm12", 0},
	{"AES_CCM_8", "aes128ccm8", 0},
	{"AES_CTR", "aes128ctr", 0},
	{"AES_CBC", "aes128", 0},
	{"CAMELLIA_CBC", "camellia128", 0},
	{"CHACHA20_POLY1305", "chacha20poly1305", 0},
	{"NULL_AES_GMAC", "aes128gmac", 0},
	{"NULL", "null", 0},
	{"3DES", "3des", 0},
	{"DES", "des", 0},
	{"HMAC_SHA2_256_128", "sha256", 0},
	{"HMAC_SHA2_256_96", "sha256_96", 0},
	{"HMAC_SHA2_384", "sha384", 0},
	{"HMAC_SHA2_512", "sha512", 0},
	{"HMAC_SHA1_160", "sha1_160", 0},
	{"HMAC_SHA1", "sha1", 0},
	{"HMAC_MD5_128", "md5_128", 0},
	{"HMAC_MD5", "md5", 0},
	{"AES_XCBC", "aesxcbc", 0},
	{"AES_CMAC", "aescmac", 0},
	{"rfc4106(gcm(aes))", "aes128gcm16", 128},
	{"rfc4106(gcm(aes))", "aes128gcm12", 96},
	{"rfc4106(gcm(aes))", "aes128gcm8", 64},
	{"rfc4309(ccm(aes))", "aes128ccm16", 128},
	{"rfc4309(ccm(aes))", "aes128ccm12", 96},
	{"rfc4309(ccm(aes))", "aes128ccm8", 64},
	{"rfc4543(gcm(aes))", "aes128gmac", 0},
	{"rfc7539esp(chacha20,poly1305)", "chacha20poly1305", 0},
	{"rfc3686(ctr(aes))", "aes128ctr", 0},
	{"cbc(aes)", "aes128", 0},
	{"cbc(camellia)", "camellia128", 0},
	{"cbc(des3_ede)", "3des", 0},
	{"cbc(des)", "des", 0},
	{"ecb(cipher_null)", "null", 0},
	{"cipher_null", "null", 0},
	{"hmac(sha256)", "sha256", 128},
	{"hmac(sha256)", "sha256_96", 96},
	{"hmac(sha384)", "sha384", 0},
	{"hmac(sha512)", "sha512", 0},
	{"hmac(sha1)", "sha1", 0},
	{"hmac(md5)", "md5", 0},
	{"xcbc(aes)", "aesxcbc", 0},
	{"cmac(aes)", "aescmac", 0},
};

static const char *translate(const char *theirs, uint32_t icv)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strncmp(words[i].theirs, theirs, strlen(words[i].theirs)) == 0 &&
		    (!words[i].icv || words[i].icv == icv))
			return words[i].ours;
	return NULL;
}

static bool read_suite(const struct tunnel *tunnel, enum mtu_protocol protocol, struct mtu_proposal *ret)
{
	char proposal[128] = "", copy[sizeof(tunnel->suite)], *word, *rest = copy;
	struct mtu_proposal_fault fault;

	memcpy(copy, tunnel->suite, sizeof(copy));
	while ((word = strsep(&rest, "/"))) {
		const char *ours = translate(word, tunnel->suite_kernel ? tunnel->suite_icv : 0);
		size_t length = strlen(proposal);

		/* Of AH the cipher is not there; groups and ESN change no size */
		if (ours)
			snprintf(proposal + length, sizeof(proposal) - length, "%s%s", length ? "-" : "",
				 ours);
	}
	return proposal[0] && mtu_proposal_parse(protocol, proposal, ret, &fault) == 0;
}

void tunnel_mtu_refresh(struct tunnel *tunnel)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	const struct tunnel_child *child = LIST_FIRST(&tunnel->children);
	struct mtu_spec spec = {.mode = tunnel->suite_transport ? MTU_TRANSPORT : MTU_TUNNEL,
				.outer = memcmp(tunnel->remote, mapped, sizeof(mapped)) ? 6 : 4};
	unsigned int inner;

	tunnel->inner_mtu = tunnel->mss4 = tunnel->mss6 = 0;
	if (!tunnel->path_mtu || !child)
		return;
	spec.proposal.protocol = child->protocol == 51 ? MTU_AH : MTU_ESP;
	spec.encapsulation = tunnel->suite_udp ? MTU_UDP : MTU_PLAIN;
	if (!read_suite(tunnel, spec.proposal.protocol, &spec.proposal) || mtu_conflict(&spec) ||
	    mtu_solve(&spec, tunnel->path_mtu, &inner) < 0)
		return;
	tunnel->inner_mtu = inner;
	tunnel->mss4 = mtu_mss(inner, 4);
	tunnel->mss6 = mtu_mss(inner, 6);
}

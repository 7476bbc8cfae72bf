// SPDX-License-Identifier: GPL-2.0-or-later
/* What the kernel and strongSwan call transforms, as proposals: and every proposal is one that the arithmetic knows */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/mtu_names.h"

struct kernel_case {
	uint8_t protocol;
	const char *aead, *encryption, *integrity;
	unsigned int key, icv; /* of the AEAD, or of the cipher and the integrity algorithm */
	const char *proposal;
	unsigned int inner; /* of a link of 1500, tunnel mode, IPv4; by hand, RFC 4303 */
};

/* 1500 - 20 - 8 - IV - ICV, down to whole blocks (of 4 at least), less 2 */
static const struct kernel_case kernel_cases[] = {
	{50, "rfc4106(gcm(aes))", "", "", 160, 128, "aes128gcm16", 1446},
	{50, "rfc4106(gcm(aes))", "", "", 288, 128, "aes256gcm16", 1446},
	{50, "rfc4106(gcm(aes))", "", "", 224, 96, "aes192gcm12", 1450},
	{50, "rfc4106(gcm(aes))", "", "", 160, 64, "aes128gcm8", 1454},
	{50, "rfc4309(ccm(aes))", "", "", 280, 128, "aes256ccm16", 1446},
	{50, "rfc4309(ccm(aes))", "", "", 152, 64, "aes128ccm8", 1454},
	{50, "rfc4543(gcm(aes))", "", "", 160, 128, "aes128gmac", 1446},
	{50, "rfc7539esp(chacha20,poly1305)", "", "", 288, 128, "chacha20poly1305", 1446},
	{50, "", "cbc(aes)", "hmac(sha256)", 256, 128, "aes256-sha256", 1438},
	{50, "", "cbc(aes)", "hmac(sha256)", 128, 96, "aes128-sha256_96", 1438},
	{50, "", "cbc(aes)", "hmac(sha512)", 256, 256, "aes256-sha512", 1422},
	{50, "", "cbc(aes)", "hmac(sha384)", 192, 192, "aes192-sha384", 1422},
	{50, "", "cbc(aes)", "hmac(sha1)", 128, 96, "aes128-sha1", 1438},
	{50, "", "cbc(aes)", "hmac(sha1)", 128, 160, "aes128-sha1_160", 1422},
	{50, "", "rfc3686(ctr(aes))", "hmac(sha256)", 160, 128, "aes128ctr-sha256", 1446},
	{50, "", "cbc(camellia)", "xcbc(aes)", 256, 96, "camellia256-aesxcbc", 1438},
	{50, "", "cbc(des3_ede)", "hmac(md5)", 192, 96, "3des-md5", 1446},
	{50, "", "cbc(serpent)", "cmac(aes)", 128, 96, "serpent128-aescmac", 1438},
	{50, "", "ecb(cipher_null)", "hmac(sha1)", 0, 96, "null-sha1", 1458},
	{50, "", "cbc(aes)", "digest_null", 128, 0, "aes128", 1454},
	{50, "", "cbc(sm4)", "hmac(sm3)", 128, 256, "sm4-sm3", 1422},
	{50, "", "ecb(cipher_null)", "hmac(rmd160)", 0, 96, "null-rmd160", 1458},
	{51, "", "", "hmac(sha256)", 256, 128, "sha256", 1452},
};

static void name(char to[FACT_ALGORITHM], const char *text)
{
	snprintf(to, FACT_ALGORITHM, "%s", text);
}

static void fill(const struct kernel_case *c, struct fact_sa *ret)
{
	*ret = (struct fact_sa){.protocol = c->protocol, .family = 4, .mode = FACT_TUNNEL};
	name(ret->aead.name, c->aead);
	name(ret->encryption.name, c->encryption);
	name(ret->integrity.name, c->integrity);
	ret->aead.key_bits = ret->encryption.key_bits = c->key;
	ret->aead.icv_bits = ret->integrity.icv_bits = c->icv;
}

static void test_kernel(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(kernel_cases) / sizeof(kernel_cases[0]); i++) {
		const struct kernel_case *c = &kernel_cases[i];
		struct mtu_proposal_fault fault;
		struct mtu_spec spec = {.outer = 4,
					.proposal.protocol = c->protocol == 51 ? MTU_AH : MTU_ESP};
		char proposal[MTU_NAMES];
		unsigned int inner;
		struct fact_sa sa;

		fill(c, &sa);
		assert_int_equal(mtu_names_kernel(&sa, proposal, NULL), 0);
		assert_string_equal(proposal, c->proposal);
		assert_int_equal(mtu_proposal_parse(spec.proposal.protocol, proposal, &spec.proposal, &fault),
				 0);
		assert_int_equal(mtu_solve(&spec, 1500, &inner), 0);
		assert_int_equal(inner, c->inner);
	}
}

static void refused(const struct kernel_case *c, const char *which)
{
	char proposal[MTU_NAMES] = "before";
	const char *unknown;
	struct fact_sa sa;

	fill(c, &sa);
	assert_int_equal(mtu_names_kernel(&sa, proposal, &unknown), -22);
	assert_string_equal(proposal, "");
	assert_string_equal(unknown, which);
}

/* What is not known is not guessed: an ICV of another length, or another algorithm, has other sizes. */
static void test_kernel_unknown(void **unused)
{
	(void)unused;
	refused(&(struct kernel_case){50, "rfc4106(gcm(sm4))", "", "", 160, 128, "", 0}, "rfc4106(gcm(sm4))");
	refused(&(struct kernel_case){50, "rfc4106(gcm(aes))", "", "", 160, 120, "", 0}, "rfc4106(gcm(aes))");
	refused(&(struct kernel_case){50, "", "cbc(aes)", "hmac(sha256)", 128, 80, "", 0}, "hmac(sha256)");
	refused(&(struct kernel_case){50, "", "cbc(aes)", "hmac(streebog256)", 128, 256, "", 0},
		"hmac(streebog256)");
	refused(&(struct kernel_case){50, "", "cbc(aes) ", "hmac(sha1)", 128, 96, "", 0}, "cbc(aes) ");
	refused(&(struct kernel_case){50, "", "", "", 0, 0, "", 0}, "");
	refused(&(struct kernel_case){51, "", "cbc(aes)", "", 0, 0, "", 0}, "");
}

/* A key that is shorter than its salt, as no kernel has it, is no other algorithm. */
static void test_kernel_odd_keys(void **unused)
{
	struct kernel_case c = kernel_cases[0];
	char proposal[MTU_NAMES];
	struct fact_sa sa;

	(void)unused;
	for (c.key = 0; c.key < 300; c.key++) {
		fill(&c, &sa);
		assert_int_equal(mtu_names_kernel(&sa, proposal, NULL), 0);
		assert_int_equal(strncmp(proposal, "aes", 3), 0);
		assert_non_null(strstr(proposal, "gcm16"));
	}
}

static void daemon_is(const char *suite, const char *wanted)
{
	char proposal[MTU_NAMES] = "before";

	assert_int_equal(mtu_names_daemon(suite, proposal), *wanted ? 0 : -22);
	assert_string_equal(proposal, wanted);
}

static void test_daemon(void **unused)
{
	(void)unused;
	daemon_is("AES_GCM_16_256", "aes256gcm16");
	daemon_is("AES_GCM_16_128/ESN", "aes128gcm16");
	daemon_is("AES_GCM_8_192", "aes192gcm8");
	daemon_is("AES_CBC_256/HMAC_SHA2_256_128", "aes256-sha256");
	daemon_is("AES_CBC_256/HMAC_SHA2_256_128/MODP_2048/ESN", "aes256-sha256");
	daemon_is("AES_CBC_128/HMAC_SHA2_256_96", "aes128-sha256_96");
	daemon_is("AES_CBC/HMAC_SHA1_96", "aes128-sha1");
	daemon_is("AES_CTR_256/AES_XCBC_96", "aes256ctr-aesxcbc");
	daemon_is("CHACHA20_POLY1305", "chacha20poly1305");
	daemon_is("CHACHA20_POLY1305_256", "chacha20poly1305");
	daemon_is("NULL_AES_GMAC_256", "aes256gmac");
	daemon_is("NULL/HMAC_SHA2_512_256", "null-sha512");
	daemon_is("3DES_CBC/HMAC_MD5_96/PRF_HMAC_MD5", "3des-md5");
	daemon_is("CAMELLIA_CBC_256/HMAC_SHA2_384_192", "camellia256-sha384");
	daemon_is("AES_256_GMAC", "aes256gmac");
	daemon_is("HMAC_SHA2_256_128", "sha256");
	daemon_is("", "");
	daemon_is("ESN", "");
	daemon_is("AES_CBCX/aes", "");
	daemon_is("(1234)/(99)", "");
	daemon_is("AES_CBC_256_/AES_CBC_x", "");
}

static void test_daemon_long(void **unused)
{
	char suite[400] = "", proposal[MTU_NAMES];

	(void)unused;
	while (strlen(suite) < 380)
		strcat(suite, "AES_GCM_16_256/");
	assert_int_equal(mtu_names_daemon(suite, proposal), 0);
	assert_true(strlen(proposal) < MTU_NAMES);
}

static void test_mode(void **unused)
{
	enum mtu_mode mode;

	(void)unused;
	assert_int_equal(mtu_names_mode(FACT_TUNNEL, &mode), 0);
	assert_int_equal(mode, MTU_TUNNEL);
	assert_int_equal(mtu_names_mode(FACT_TRANSPORT, &mode), 0);
	assert_int_equal(mode, MTU_TRANSPORT);
	assert_int_equal(mtu_names_mode(FACT_BEET, &mode), 0);
	assert_int_equal(mode, MTU_BEET);
	assert_int_equal(mtu_names_mode(FACT_MODE_UNKNOWN, &mode), -22);
	assert_int_equal(mtu_names_mode(FACT_IPTFS, &mode), -22);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernel),		cmocka_unit_test(test_kernel_unknown),
		cmocka_unit_test(test_kernel_odd_keys), cmocka_unit_test(test_daemon),
		cmocka_unit_test(test_daemon_long),	cmocka_unit_test(test_mode),
	};

	return cmocka_run_group_tests_name("mtu names", tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* test_mtu_proposal.c - proposals as strongSwan writes them, and the lines that are advised */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mtu_spec.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void test_proposals(void **state)
{
	struct mtu_spec spec;

	(void)state;
	spec = spec_of(MTU_ESP, "aes256-sha256-modp2048-curve25519-esn!");
	assert_string_equal(spec.proposal.cipher->name, "aes256");
	assert_string_equal(spec.proposal.integrity->name, "sha256");
	/* The order is free, the sizes of equals are */
	spec = spec_of(MTU_ESP, "sha1-aes128-AES256-ke1_mlkem768");
	assert_string_equal(spec.proposal.cipher->name, "aes128");
	spec = spec_of(MTU_ESP, "aes256gcm16-prfsha384-sha384-ecp384");
	assert_null(spec.proposal.integrity);
	assert_string_equal(spec.proposal.unused->name, "sha384");
	spec = spec_of(MTU_AH, "aes128gmac");
	assert_int_equal(spec.proposal.integrity->iv, 8);
	spec = spec_of(MTU_ESP, "null-sha256");
	assert_string_equal(spec.proposal.cipher->name, "null");
}

static void test_faults_of_proposals(void **state)
{
	static const struct {
		enum mtu_protocol protocol;
		const char *text;
		enum mtu_fault fault;
		const char *word;
	} rows[] = {
		{MTU_ESP, "", MTU_FAULT_EMPTY, ""},
		{MTU_ESP, "aes512", MTU_FAULT_UNKNOWN, "aes512"},
		{MTU_ESP, "aes256gcm16-modp1234", MTU_FAULT_UNKNOWN, "modp1234"},
		{MTU_ESP, "aes128-", MTU_FAULT_UNKNOWN, ""},
		{MTU_ESP, "aes128!-sha1", MTU_FAULT_UNKNOWN, ""},
		{MTU_ESP, "aes128-sha1!!", MTU_FAULT_UNKNOWN, ""},
		{MTU_ESP, "aes128-3des-sha1", MTU_FAULT_SEVERAL, "3des"},
		{MTU_ESP, "aes128-sha1-sha256", MTU_FAULT_SEVERAL, "sha256"},
		{MTU_ESP, "sha256", MTU_FAULT_NO_CIPHER, "sha256"},
		{MTU_ESP, "null", MTU_FAULT_NO_INTEGRITY, "null"},
		{MTU_AH, "modp2048", MTU_FAULT_NO_INTEGRITY, "modp2048"},
		{MTU_AH, "aes128", MTU_FAULT_CIPHER_IN_AH, "aes128"},
		{MTU_ESP, "aes128aes128aes128aes128aes128aes128", MTU_FAULT_TOO_LONG,
		 "aes128aes128aes128aes128aes128a"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		struct mtu_proposal_fault fault = {0};
		struct mtu_proposal proposal = {.protocol = (enum mtu_protocol)77};

		assert_int_equal(mtu_proposal_parse(rows[i].protocol, rows[i].text, &proposal, &fault),
				 -EINVAL);
		if (fault.fault != rows[i].fault)
			fail_msg("%s: fault %d", rows[i].text, fault.fault);
		assert_memory_equal(fault.word, rows[i].word, strlen(rows[i].word));
		assert_int_equal(proposal.protocol, 77);
	}
}

/* Any bytes: no reading or writing beyond them (ASan), and an answer. */
static void test_noise_as_proposal(void **state)
{
	static const char letters[] = "aes128gcmsh256-!_3d\x1b\xff";
	unsigned int seed = 4303;
	size_t i, j;

	(void)state;
	for (i = 0; i < 50000; i++) {
		size_t length = (size_t)(i % 60);
		char *text = malloc(length + 1);
		struct mtu_proposal_fault fault;
		struct mtu_proposal proposal;

		assert_non_null(text);
		for (j = 0; j < length; j++) {
			seed = seed * 1103515245 + 12345;
			text[j] = letters[(seed >> 16) % (sizeof(letters) - 1)];
		}
		text[length] = '\0';
		(void)mtu_proposal_parse(i % 2 ? MTU_ESP : MTU_AH, text, &proposal, &fault);
		free(text);
	}
}

/* ---- advice */

static bool advises(const struct mtu_advice *advice, size_t count, const char *platform, const char *part)
{
	while (count--)
		if (strcmp(advice[count].platform, platform) == 0 && strstr(advice[count].command, part))
			return true;
	return false;
}

static void test_advice(void **state)
{
	struct mtu_spec spec = spec_of(MTU_ESP, "aes128gcm16");
	struct mtu_advice advice[MTU_ADVICE_MAX];
	size_t count;

	(void)state;
	count = mtu_advice(&spec, 1446, advice);
	assert_true(advises(advice, count, "linux",
			    "rt ipsec exists tcp flags syn tcp option maxseg size set 1406"));
	assert_true(advises(advice, count, "linux", "maxseg size set 1386"));
	assert_true(advises(advice, count, "linux", "mtu 1446 advmss 1406"));
	assert_true(advises(advice, count, "strongswan", "mtu = 1446"));
	assert_true(advises(advice, count, "cisco", "ip mtu 1446"));
	assert_true(advises(advice, count, "cisco", "ip tcp adjust-mss 1406"));
	assert_true(advises(advice, count, "huawei", "tcp adjust-mss 1406"));

	/* Below 1280 there is no IPv6 to configure, and beyond the routers' ranges no MSS */
	count = mtu_advice(&spec, 1240, advice);
	assert_false(advises(advice, count, "linux", "ipv6"));
	assert_false(advises(advice, count, "cisco", "ipv6"));
	count = mtu_advice(&spec, 8946, advice);
	assert_true(advises(advice, count, "cisco", "ip mtu 8946"));
	assert_false(advises(advice, count, "cisco", "adjust-mss"));
	assert_false(advises(advice, count, "huawei", "adjust-mss"));
}

static void test_advice_by_mode(void **state)
{
	struct mtu_spec spec = spec_of(MTU_ESP, "aes128gcm16");
	struct mtu_advice advice[MTU_ADVICE_MAX];
	size_t count, i;

	(void)state;
	spec.mode = MTU_TRANSPORT;
	count = mtu_advice(&spec, 1466, advice);
	assert_true(advises(advice, count, "linux", "PEER"));
	assert_false(advises(advice, count, "linux", "nft"));
	assert_false(advises(advice, count, "strongswan", "mtu"));
	spec.insides = 1;
	spec.inside[0] = (struct mtu_carrier){MTU_CARRIER_GRE, 0, 4};
	count = mtu_advice(&spec, 1442, advice);
	assert_true(advises(advice, count, "linux", "ip link set dev gre1 mtu 1442"));
	assert_true(advises(advice, count, "linux", "oifname gre1"));
	assert_true(advises(advice, count, "linux", "iifname gre1"));
	/* Nothing was cut off, with the longest names and numbers */
	spec.inside[0].kind = MTU_CARRIER_VXLAN;
	count = mtu_advice(&spec, 65535, advice);
	assert_true(count <= MTU_ADVICE_MAX);
	assert_true(
		advises(advice, count, "linux",
			"meta nfproto ipv6 iifname vxlan0 tcp flags syn tcp option maxseg size set 65475"));
	spec = spec_of(MTU_ESP, "aes128gcm16");
	count = mtu_advice(&spec, 65535, advice);
	for (i = 0; i < count; i++)
		assert_true(strlen(advice[i].command) + 1 < sizeof(advice[i].command));
	assert_true(advises(
		advice, count, "linux",
		"meta nfproto ipv6 meta ipsec exists tcp flags syn tcp option maxseg size set 65475"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_proposals),	  cmocka_unit_test(test_faults_of_proposals),
		cmocka_unit_test(test_noise_as_proposal), cmocka_unit_test(test_advice),
		cmocka_unit_test(test_advice_by_mode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

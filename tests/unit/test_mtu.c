// SPDX-License-Identifier: GPL-2.0-or-later
/* test_mtu.c - sizes of IPsec packets: reference values, the table, the picture, the limits */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mtu_spec.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static unsigned int solved(const struct mtu_spec *spec, unsigned int link)
{
	unsigned int inner = 0;

	assert_int_equal(mtu_solve(spec, link, &inner), 0);
	return inner;
}

/* ---- arithmetic.md, row by row */

static void test_reference_values(void **state)
{
	static const struct {
		const char *proposal;
		int outer;
		bool udp;
		unsigned int link, inner;
	} rows[] = {
		{"aes128gcm16", 4, false, 1500, 1446},	   {"aes128gcm16", 4, true, 1500, 1438},
		{"aes128gcm16", 4, true, 1492, 1430},	   {"aes128gcm16", 6, true, 1500, 1418},
		{"aes128gcm16", 6, true, 1492, 1410},	   {"aes128-sha256", 4, false, 1500, 1438},
		{"aes128gcm16-esn", 4, false, 1500, 1446},
	};
	struct mtu_packet packet;
	struct mtu_spec spec;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		spec = spec_of(MTU_ESP, rows[i].proposal);
		spec.outer = rows[i].outer;
		spec.encapsulation = rows[i].udp ? MTU_UDP : MTU_PLAIN;
		assert_int_equal(solved(&spec, rows[i].link), rows[i].inner);
	}
	spec = spec_of(MTU_ESP, "aes128-sha1");
	assert_int_equal(mtu_packet_build(&spec, 100, &packet), 0);
	assert_int_equal(packet.size, 168);
	assert_int_equal(packet.padding, 10);
}

/*
 * Packets of others: public captures of the tcpdump project, 3DES with a 96-bit ICV, decrypted with the published key. Each
 * holds a ping of 84 bytes (02-sunrise-sunset-esp.pcap, espudp1.pcap).
 */
static void test_captured_packets(void **state)
{
	struct mtu_spec spec = spec_of(MTU_ESP, "3des-md5");
	struct mtu_packet packet;

	(void)state;
	assert_int_equal(mtu_packet_build(&spec, 84, &packet), 0);
	assert_int_equal(packet.size, 136);
	spec.encapsulation = MTU_UDP;
	assert_int_equal(mtu_packet_build(&spec, 84, &packet), 0);
	assert_int_equal(packet.size, 144);
}

/* 16 bytes of link decide nothing, the next one a whole block. */
static void test_is_a_step_function(void **state)
{
	struct mtu_spec spec = spec_of(MTU_ESP, "aes256-sha256");
	unsigned int link;

	(void)state;
	for (link = 1484; link < 1500; link++)
		assert_int_equal(solved(&spec, link), 1422);
	assert_int_equal(solved(&spec, 1500), 1438);
}

static void test_mss(void **state)
{
	(void)state;
	assert_int_equal(mtu_mss(1446, 4), 1406);
	assert_int_equal(mtu_mss(1446, 6), 1386);
	assert_int_equal(mtu_mss(41, 4), 1);
	assert_int_equal(mtu_mss(40, 4), 0);
	assert_int_equal(mtu_mss(60, 6), 0);
}

/* ---- the table: sizes written down a second time */

static void test_cipher_sizes(void **state)
{
	static const struct {
		const char *name;
		unsigned int iv, block, icv;
	} rows[] = {
		{"null", 0, 1, 0},
		{"des", 8, 8, 0},
		{"3des", 8, 8, 0},
		{"cast128", 8, 8, 0},
		{"blowfish256", 8, 8, 0},
		{"aes", 16, 16, 0},
		{"aes192", 16, 16, 0},
		{"aes256ctr", 8, 1, 0},
		{"aes128ccm8", 8, 1, 8},
		{"aes256ccm64", 8, 1, 8},
		{"aes128ccm12", 8, 1, 12},
		{"aes128ccm96", 8, 1, 12},
		{"aes256ccm16", 8, 1, 16},
		{"aes256ccm128", 8, 1, 16},
		{"aes128ccm", 8, 1, 16},
		{"aes128gcm8", 8, 1, 8},
		{"aes192gcm12", 8, 1, 12},
		{"aes256gcm16", 8, 1, 16},
		{"aes256gcm", 8, 1, 16},
		{"aes256gmac", 8, 1, 16},
		{"chacha20poly1305", 8, 1, 16},
		{"camellia256", 16, 16, 0},
		{"camellia128ctr", 8, 1, 0},
		{"camellia192ccm8", 8, 1, 8},
		{"camellia256ccm96", 8, 1, 12},
		{"camellia256ccm128", 8, 1, 16},
		{"serpent256", 16, 16, 0},
		{"twofish", 16, 16, 0},
	};
	const struct mtu_cipher *cipher;
	size_t i, j;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		for (j = 0; (cipher = mtu_cipher(j)) && strcmp(cipher->name, rows[i].name) != 0; j++)
			;
		if (!cipher) {
			fail_msg("no %s", rows[i].name);
			return;
		}
		assert_int_equal(cipher->iv, rows[i].iv);
		assert_int_equal(cipher->block, rows[i].block);
		assert_int_equal(cipher->icv, rows[i].icv);
	}
}

static void test_integrity_sizes(void **state)
{
	/* Bits, as the algorithms are named; in the order of the table */
	static const struct {
		const char *name;
		unsigned int bits;
	} rows[] = {
		{"md5", 96},	     {"md5_128", 128},	   {"sha", 96},		{"sha1", 96},
		{"sha1_160", 160},   {"sha256", 128},	   {"sha2_256", 128},	{"sha256_96", 96},
		{"sha2_256_96", 96}, {"sha384", 192},	   {"sha2_384", 192},	{"sha512", 256},
		{"sha2_512", 256},   {"aesxcbc", 96},	   {"aescmac", 96},	{"rmd160", 96},
		{"sm3", 256},	     {"camelliaxcbc", 96}, {"aes128gmac", 128}, {"aes192gmac", 128},
		{"aes256gmac", 128},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		assert_string_equal(mtu_integrity(i)->name, rows[i].name);
		assert_int_equal(8 * mtu_integrity(i)->icv, rows[i].bits);
	}
	assert_null(mtu_integrity(i));
}

/* As many keywords as strongSwan 5.9 has, and sm4, each once; of one IANA number all rows are equal. */
static void test_table_is_consistent(void **state)
{
	const struct mtu_cipher *a, *b;
	size_t i, j;

	(void)state;
	for (i = 0; (a = mtu_cipher(i)); i++) {
		assert_true(a->source[0]);
		for (j = 0; j < i; j++) {
			b = mtu_cipher(j);
			assert_string_not_equal(a->name, b->name);
			if (a->iana == b->iana) {
				assert_int_equal(a->iv, b->iv);
				assert_int_equal(a->block, b->block);
				assert_int_equal(a->icv, b->icv);
				assert_string_equal(a->iana ? a->source : "", a->iana ? b->source : "");
			}
		}
	}
	assert_int_equal(i, 96);
}

/* ---- the picture adds up */

static void test_layers_add_up(void **state)
{
	static const char *const proposals[] = {"aes128gcm16", "aes256-sha512", "null-sha256", "aes128gmac"};
	static const struct {
		enum mtu_mode mode;
		int inner;
	} ways[] = {{MTU_TUNNEL, 0}, {MTU_TRANSPORT, 0}, {MTU_BEET, 4}, {MTU_BEET, 6}};
	unsigned int bytes, inner;
	struct mtu_packet packet;
	struct mtu_spec spec;
	size_t i, p, w;
	int overhead;

	(void)state;
	for (p = 0; p < COUNT(proposals); p++)
		for (w = 0; w < COUNT(ways); w++)
			for (inner = 60; inner < 1500; inner++) {
				spec = spec_of(MTU_ESP, proposals[p]);
				spec.mode = ways[w].mode;
				spec.inner = ways[w].inner;
				spec.encapsulation = MTU_UDP;
				assert_int_equal(mtu_packet_build(&spec, inner, &packet), 0);
				for (i = 0, bytes = 0, overhead = 0; i < packet.layers; i++) {
					bytes += packet.layer[i].bytes;
					overhead += packet.layer[i].overhead;
				}
				assert_int_equal(bytes, packet.size);
				assert_int_equal((int)inner + overhead, (int)packet.size);
			}
}

static void test_what_is_protected(void **state)
{
	static const struct {
		const char *proposal;
		bool encrypted, authenticated;
	} rows[] = {{"aes128gcm16", true, true},
		    {"aes128gmac", false, true},
		    {"null-sha1", false, true},
		    {"aes128", true, false}};
	struct mtu_packet packet;
	struct mtu_spec spec;
	size_t i, l;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		spec = spec_of(MTU_ESP, rows[i].proposal);
		assert_int_equal(mtu_packet_build(&spec, 500, &packet), 0);
		assert_false(packet.layer[0].encrypted || packet.layer[0].authenticated);
		for (l = 0; l < packet.layers; l++)
			if (packet.layer[l].id == MTU_LAYER_INNER) {
				assert_int_equal(packet.layer[l].encrypted, rows[i].encrypted);
				assert_int_equal(packet.layer[l].authenticated, rows[i].authenticated);
			}
	}
}

/* The most that can be asked for fits into struct mtu_packet. */
static void test_the_longest_packet(void **state)
{
	const struct mtu_carrier widest = {MTU_CARRIER_GRE, MTU_GRE_KEY | MTU_GRE_CHECKSUM | MTU_GRE_SEQUENCE,
					   6};
	const struct mtu_carrier longest = {MTU_CARRIER_L2TP, MTU_L2TP_SEQUENCE, 6};
	struct mtu_spec spec = spec_of(MTU_ESP, "aes256-sha512");
	struct mtu_packet packet;
	size_t i;

	(void)state;
	spec.encapsulation = MTU_TCP;
	spec.tcp_timestamps = spec.pppoe = true;
	spec.vlan_tags = 2;
	spec.tfc = 1;
	spec.outsides = spec.insides = MTU_CARRIERS;
	for (i = 0; i < MTU_CARRIERS; i++)
		spec.outside[i] = spec.inside[i] = i % 2 ? widest : longest;
	assert_int_equal(mtu_packet_build(&spec, 1000, &packet), 0);
	assert_true(packet.layers <= MTU_LAYERS);
}

/* ---- limits and conflicts */

static void test_too_small(void **state)
{
	struct mtu_spec spec = spec_of(MTU_ESP, "aes128gcm16");
	unsigned int inner = 12345, smallest;

	(void)state;
	/* 68 of payload and 2 of trailer make 72; 52 are around them */
	smallest = mtu_smallest_link(&spec);
	assert_int_equal(smallest, 72 + 52);
	assert_int_equal(mtu_solve(&spec, smallest - 1, &inner), -EMSGSIZE);
	assert_int_equal(inner, 12345);
	assert_int_equal(solved(&spec, smallest), 70);
	/* AH rounds nothing: 20 and 28 are around */
	spec = spec_of(MTU_AH, "sha256");
	assert_int_equal(mtu_smallest_link(&spec), MTU_INNER_MIN + 48);
	assert_int_equal(solved(&spec, MTU_INNER_MIN + 48), MTU_INNER_MIN);
	spec = spec_of(MTU_ESP, "aes128gcm16");
	spec.tfc = MTU_LINK_MAX;
	assert_int_equal(mtu_smallest_link(&spec), 0);
}

static void test_packet_smaller_than_its_header(void **state)
{
	struct mtu_spec spec = spec_of(MTU_ESP, "aes128gcm16");
	struct mtu_packet packet;

	(void)state;
	assert_int_equal(mtu_packet_build(&spec, 19, &packet), -EINVAL);
	assert_int_equal(mtu_packet_build(&spec, 20, &packet), 0);
	spec.mode = MTU_TRANSPORT;
	spec.outer = 6;
	assert_int_equal(mtu_packet_build(&spec, 39, &packet), -EINVAL);
	assert_int_equal(mtu_packet_build(&spec, 40, &packet), 0);
}

static void test_conflicts(void **state)
{
	struct mtu_spec ah = spec_of(MTU_AH, "sha256"), esp = spec_of(MTU_ESP, "aes128gcm16"), spec;

	(void)state;
	assert_null(mtu_conflict(&ah));
	spec = ah;
	spec.encapsulation = MTU_UDP;
	assert_non_null(mtu_conflict(&spec));
	spec = ah;
	spec.tfc = 1;
	assert_non_null(mtu_conflict(&spec));
	spec = ah;
	spec.mode = MTU_BEET;
	assert_non_null(mtu_conflict(&spec));
	spec = esp;
	spec.ah_align8 = true;
	assert_non_null(mtu_conflict(&spec));
	spec = esp;
	spec.mode = MTU_TRANSPORT;
	spec.inner = 6;
	assert_non_null(mtu_conflict(&spec));
	spec.insides = 1;
	assert_null(mtu_conflict(&spec));
}

static void test_inner_family(void **state)
{
	struct mtu_spec spec = {.outer = 6};

	(void)state;
	assert_int_equal(mtu_inner_family(&spec), 0);
	spec.mode = MTU_TRANSPORT;
	assert_int_equal(mtu_inner_family(&spec), 6);
	spec.mode = MTU_BEET;
	assert_int_equal(mtu_inner_family(&spec), 6);
	spec.inner = 4;
	assert_int_equal(mtu_inner_family(&spec), 4);
	spec = (struct mtu_spec){.outer = 6, .mode = MTU_TRANSPORT, .insides = 1};
	assert_int_equal(mtu_inner_family(&spec), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reference_values),
		cmocka_unit_test(test_captured_packets),
		cmocka_unit_test(test_is_a_step_function),
		cmocka_unit_test(test_mss),
		cmocka_unit_test(test_cipher_sizes),
		cmocka_unit_test(test_integrity_sizes),
		cmocka_unit_test(test_table_is_consistent),
		cmocka_unit_test(test_layers_add_up),
		cmocka_unit_test(test_what_is_protected),
		cmocka_unit_test(test_the_longest_packet),
		cmocka_unit_test(test_too_small),
		cmocka_unit_test(test_packet_smaller_than_its_header),
		cmocka_unit_test(test_conflicts),
		cmocka_unit_test(test_inner_family),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_ike_parse.c - what the IKE parser reads: real messages, and constructed ones for what those lack
 */
#include "ike_text.h"

static const struct vector {
	const char *name;
	enum ike_fault verdict;
	size_t wire_len;
	const char *text;
} vectors[] = {
#define IKE_VECTOR(name, verdict, wire_len, text) {name, IKE_FAULT_##verdict, wire_len, text},
#include "ike_vectors.def"
};

static void parse_vector(const char *name)
{
	size_t i, n;

	for (i = 0; i < COUNT(vectors); i++)
		if (!strcmp(vectors[i].name, name))
			break;
	assert_true(i < COUNT(vectors));
	n = from_text(vectors[i].text, bytes, sizeof(bytes));
	assert_int_equal(parse(bytes, n, vectors[i].wire_len), vectors[i].verdict);
}

static void assert_suite(size_t i, bool detail, const char *expected)
{
	char text[512];

	assert_int_equal(ike_suite_print(&m, i, detail, text, sizeof(text)), strlen(expected));
	assert_string_equal(text, expected);
}

static void assert_vendor(unsigned int i, const char *expected)
{
	char text[256];

	assert_true(i < m.vendor_count);
	ike_vendor_print(bytes + m.vendors[i].offset, m.vendors[i].length, text, sizeof(text));
	assert_string_equal(text, expected);
}

static void every_vector_has_its_verdict(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(vectors); i++) {
		parse_vector(vectors[i].name);
		assert_true(m.header_valid);
	}
}

/* Cut by the capture at every length: nothing is wrong, only missing. Cut on the wire: always a fault. */
static void every_vector_truncated_at_every_length(void **state)
{
	size_t i, cut;

	(void)state;
	for (i = 0; i < COUNT(vectors); i++) {
		size_t n = from_text(vectors[i].text, bytes, sizeof(bytes));
		uint16_t payloads = 0;

		for (cut = 0; cut < n; cut++) {
			enum ike_fault fault = parse(bytes, cut, vectors[i].wire_len);

			assert_int_equal(m.header_valid, cut >= IKE_HEADER_SIZE);
			if (vectors[i].verdict == IKE_OK) {
				assert_int_equal(fault, IKE_TRUNCATED);
				assert_int_equal(offset, cut);
				assert_true(m.truncated);
				assert_true(m.payload_count >= payloads);
				payloads = m.payload_count;
				assert_true(ike_is_fault(parse(bytes, cut, cut)));
			} else {
				assert_true(fault == IKE_TRUNCATED || fault == vectors[i].verdict);
			}
		}
	}
}

static void ikev2_of_a_capture(void **state)
{
	(void)state;
	parse_vector("ikev2four_1");
	assert_int_equal(m.major, 2);
	assert_true(m.initiator && !m.response && !m.truncated);
	assert_int_equal(m.ke_group, 2);
	assert_int_equal(m.ke.length, 128);
	assert_int_equal(m.nonce.length, 32);
	assert_int_equal(ike_suite_count(&m), 1);
	assert_suite(0, false,
		     "AES_CBC_128/AES_CBC_256/AES_CBC_192/3DES_CBC/HMAC_SHA1_96/HMAC_MD5_96/AES_XCBC_96/"
		     "PRF_HMAC_SHA1/PRF_HMAC_MD5/PRF_AES128_XCBC/MODP_1024/MODP_2048");
	assert_int_equal(m.nat_hash_count, 2);
	assert_int_equal(m.nat_hashes[0].side, IKE_NAT_SOURCE);
	assert_int_equal(m.nat_hashes[1].side, IKE_NAT_DESTINATION);
	assert_int_equal(m.nat_hashes[1].hash.length, 20);
	parse_vector("ikev2four_2");
	assert_true(m.response && !m.initiator);
	assert_int_equal(m.cookie.length, 24);
	assert_non_null(ike_find_notify(&m, IKE_V2_NOTIFY_COOKIE));
	assert_null(ike_find_notify(&m, IKE_V2_NOTIFY_REDIRECT));
	parse_vector("ikev2four_5");
	assert_int_equal(m.exchange, IKE_V2_EXCHANGE_IKE_AUTH);
	assert_int_equal(m.encrypted_size, 204);
	assert_int_equal(m.encrypted_first, IKE_V2_PAYLOAD_IDi);
	parse_vector("ikev2pi2_1");
	assert_int_equal(ike_suite_count(&m), 6);
	assert_suite(5, true, "3DES_CBC/HMAC_SHA1_96/PRF_HMAC_MD5/MODP_1024");
	assert_true(m.payloads[0].critical && !m.payloads[1].critical);
	assert_vendor(0, "FreeS/WAN or Openswan");
	parse_vector("ikev2pi2_segfault_1");
	assert_int_equal(offset, 56);
	assert_int_equal(m.payload_count, 0);
}

static void ikev1_of_captures(void **state)
{
	(void)state;
	parse_vector("isakmp4500_3");
	assert_int_equal(m.major, 1);
	assert_int_equal(ike_suite_count(&m), 4);
	assert_suite(0, false, "3DES_CBC/HMAC_MD5_96/PRF_HMAC_MD5/MODP_1536");
	assert_suite(3, true, "3DES_CBC/HMAC_MD5_96/PRF_HMAC_MD5/MODP_1024/RSA_SIGNATURES/3600s");
	assert_int_equal(m.vendor_count, 6);
	assert_vendor(1, "DPD (RFC 3706)");
	assert_vendor(2, "NAT-T (RFC 3947)");
	parse_vector("isakmp4500_5");
	assert_int_equal(m.nat_hash_count, 2);
	assert_int_equal(m.nat_hashes[0].side, IKE_NAT_DESTINATION);
	assert_int_equal(m.nat_hashes[0].hash.length, 16);
	assert_int_equal(m.nat_hashes[1].side, IKE_NAT_SOURCE);
	parse_vector("isakmp4500_7");
	assert_int_equal(m.encrypted_size, 324 - 28);
	assert_int_equal(m.encrypted_first, IKE_V1_PAYLOAD_ID);
	/* Payload 15 of NAT-T draft 07, which one analyser takes for group keying and calls malformed. */
	parse_vector("isakmp_sa_setup_3");
	assert_int_equal(m.nat_hash_count, 2);
	assert_int_equal(m.nat_hashes[0].payload, 15);
	/* SHA-1 of the SPIs, 10.0.0.2 and port 500 was found at this offset, that of 10.0.0.1 at the other. */
	assert_int_equal(m.nat_hashes[0].hash.offset, 228);
	assert_int_equal(m.nat_hashes[1].hash.offset, 252);
	assert_int_equal(m.nat_hashes[0].hash.length, 20);
	assert_vendor(0, "Cisco Unity");
	assert_vendor(2, "3ac5957214a85b93db6a509869fdb330");
	assert_vendor(3, "XAUTH");
}

static void messages_of_strongswan(void **state)
{
	(void)state;
	parse_vector("lab_v2_1");
	assert_suite(0, false, "AES_CBC_128/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/CURVE_25519");
	assert_non_null(ike_find_notify(&m, IKE_V2_NOTIFY_IKEV2_FRAGMENTATION_SUPPORTED));
	assert_vendor(0, "strongSwan");
	parse_vector("lab_v2ke_1");
	assert_int_equal(ike_suite_count(&m), 2);
	assert_suite(1, false, "AES_GCM_16_256/PRF_HMAC_SHA2_384/ECP_384");
	parse_vector("lab_v2ke_2");
	assert_int_equal(m.invalid_ke_group, 14);
	parse_vector("lab_v2noprop_2");
	assert_int_equal(m.notifies[0].type, IKE_V2_NOTIFY_NO_PROPOSAL_CHOSEN);
	parse_vector("lab_v2frag_3");
	assert_int_equal(m.fragment.number, 1);
	assert_int_equal(m.fragment.total, 3);
	assert_false(m.fragment.last);
	assert_int_equal(m.encrypted_first, IKE_V2_PAYLOAD_IDi);
	parse_vector("lab_v2frag_5");
	assert_true(m.fragment.last);
	parse_vector("lab_v1aggr_1");
	assert_int_equal(ike_suite_count(&m), 2);
	assert_suite(0, false, "AES_CBC_256/HMAC_SHA2_512_256/PRF_HMAC_SHA2_512/MODP_3072");
	assert_suite(1, true, "3DES_CBC/HMAC_MD5_96/PRF_HMAC_MD5/MODP_1024/PRE_SHARED_KEY/15840s");
	assert_true(m.has_id);
	assert_int_equal(m.id_type, 2);
	assert_int_equal(m.id.length, 4);
	assert_memory_equal(bytes + m.id.offset, "left", 4);
	parse_vector("lab_v1frag_1");
	assert_int_equal(m.fragment.number, 1);
	assert_int_equal(m.fragment.total, 0);
	assert_false(m.fragment.last);
	parse_vector("lab_v1frag_2");
	assert_true(m.fragment.last);
	parse_vector("lab_v1noprop_2");
	assert_int_equal(m.notifies[0].type, IKE_V1_NOTIFY_NO_PROPOSAL_CHOSEN);
	assert_false(m.initial_contact);
}

static void post_quantum_and_certificate_request(void **state)
{
	(void)state;
	assert_int_equal(parse_text(SPI_I SPI_R V2("21", "22", "20") "00000000 L " SA2 KE("28")
					    NONCE("26") "29000009 04"
							"77*4 00000008 00004036"),
			 IKE_OK);
	assert_suite(0, false, "AES_CBC_256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_2048/KE1_ML_KEM_768");
	assert_int_equal(m.certificate_requests, 1);
	assert_int_equal(m.certificate_request_encoding, 4);
	assert_non_null(ike_find_notify(&m, IKE_V2_NOTIFY_INTERMEDIATE_EXCHANGE_SUPPORTED));
	assert_int_equal(m.responder_spi, 0x9999999999999999);
	assert_int_equal(m.initiator_spi, 0x1122334455667788);
	assert_true(m.payload_mask & 1ull << IKE_V2_PAYLOAD_CERTREQ);
}

static void unknown_transforms_print_their_numbers(void **state)
{
	char text[64];

	(void)state;
	assert_int_equal(
		parse_text(INIT
			   "2200003c 00000038 01010006 03000008 010004d2 03000008 430000aa "
			   "03000008 02000063 03000008 030003e7 03000008 0c001000 00000008 0400ffff " TAIL),
		IKE_OK);
	assert_suite(0, false, "ENCR_1234/INTEG_999/PRF_99/GROUP_65535/KE7_4096/TRANSFORM_TYPE_67_170");
	assert_int_equal(ike_suite_print(&m, 0, false, text, 10), 69);
	assert_string_equal(text, "ENCR_1234");
	assert_int_equal(ike_suite_print(&m, 0, false, NULL, 0), 69);
	assert_int_equal(ike_suite_print(&m, 1, false, text, sizeof(text)), 0);
	assert_string_equal(text, "");
}

static void ikev1_transform_attributes(void **state)
{
	(void)state;
	/* 12 attributes: vendor's authentication method, both lifetimes, one of them longer than 64 bits. */
	assert_int_equal(
		parse_text(MAIN("01") "00000053 0000000100000001 00000047 00010001 0000003f 05010000 "
				      "80010005 8002ea60 8003fde9 80040002 800d0007 "
				      "800b0001 000c0002 0e10 800b0002 000c0009 01 00*8 800e0000 80100001"),
		IKE_OK);
	assert_int_equal(m.transforms[0].number, 5);
	assert_int_equal(m.transforms[0].authentication, 65001);
	assert_int_equal(m.transforms[0].life_seconds, 3600);
	assert_true(m.transforms[0].life_kilobytes == UINT64_MAX);
	assert_suite(0, true,
		     "3DES_CBC/HASH_60000/PRF_7/MODP_1024/XAUTH_INIT_PSK/3600s/18446744073709551615kB");
	assert_suite(0, false, "3DES_CBC/HASH_60000/PRF_7/MODP_1024");
	/* Quick mode in clear, as only a debugging peer sends it: ESP and AH proposal of one number. */
	assert_int_equal(
		parse_text(SPI_I SPI_R V1(
			"08", "20",
			"00") "00000009 L 01000014 05*16 0000004c 0000000100000001 "
			      "02000028 01030401 01020304 0000001c 010c0000 80010001 80020e10 80040001 "
			      "80050005 80060080 00000018 01020001 00000010 01030000 80050002 8003000e"),
		IKE_OK);
	assert_int_equal(ike_suite_count(&m), 2);
	assert_suite(0, true, "AES_CBC_128/HMAC_SHA2_256_128/3600s");
	assert_suite(1, true, "HMAC_SHA1_96/MODP_2048");
	assert_int_equal(m.proposals[0].spi.length, 4);
	assert_int_equal(bytes[m.proposals[0].spi.offset], 1);
}

static void attributes_that_are_not_given(void **state)
{
	(void)state;
	assert_int_equal(
		parse_text(
			MAIN("01") "0000002c 0000000100000001 00000020 01010002 0300000c 01010000 80020002 "
				   "0000000c 02010000 80040005"),
		IKE_OK);
	assert_suite(0, true, "HMAC_SHA1_96/PRF_HMAC_SHA1");
	assert_suite(1, true, "MODP_1536");
	assert_int_equal(
		parse_text(MAIN("01") "0000001c 0000000100000001 00000010 01010001 00000008 01010000"),
		IKE_OK);
	assert_suite(0, true, "");
}

static void certificate_requests_of_ikev1(void **state)
{
	(void)state;
	assert_int_equal(parse_text(MAIN3("07") "07000008 04303132 06000005 02 00000008 05414243"), IKE_OK);
	assert_int_equal(m.certificate_requests, 2);
	assert_int_equal(m.certificate_request_encoding, 4);
	assert_int_equal(m.certificates, 1);
}

static void deletes_and_notifies_in_clear(void **state)
{
	(void)state;
	assert_int_equal(
		parse_text(INFO1("0c") "0b000014 00000001 03040002 0102030405060708 "
				       "0b00001c 00000001 01106002 11*16 00000020 00000001 01108d28 22*16 "
				       "00000007"),
		IKE_OK);
	assert_int_equal(m.delete_count, 1);
	assert_int_equal(m.deletes[0].protocol, IKE_PROTOCOL_ESP);
	assert_int_equal(m.deletes[0].count, 2);
	assert_int_equal(m.deletes[0].spis.length, 8);
	assert_true(m.initial_contact);
	assert_int_equal(m.notifies[1].type, IKE_V1_NOTIFY_R_U_THERE);
	assert_int_equal(m.notifies[1].spi.length, 16);
	assert_int_equal(m.notifies[1].data.length, 4);
	assert_int_equal(bytes[m.notifies[1].data.offset + 3], 7);
	assert_int_equal(parse_text(INFO2("29") "2a000008 00004000 00000010 03040002 0102030405060708"),
			 IKE_OK);
	assert_true(m.initial_contact);
	assert_int_equal(m.deletes[0].spi_size, 4);
}

static void bytes_behind_the_message_are_counted(void **state)
{
	size_t n;

	(void)state;
	n = from_text(INFO2("29") "00000008 0000000e", bytes, sizeof(bytes));
	bytes[n] = bytes[n + 1] = 0x55;
	assert_int_equal(parse(bytes, n + 2, n + 2), IKE_OK);
	assert_int_equal(m.trailing, 2);
	assert_false(m.truncated);
	assert_int_equal(m.payload_count, 1);
	/* All of the message is there: what is missing of the datagram does not matter. */
	assert_int_equal(parse(bytes, n, n + 2), IKE_OK);
	assert_int_equal(parse(bytes, n + 2, n), IKE_OK);
	assert_int_equal(m.trailing, 0);
	assert_int_equal(parse(bytes, n, ((size_t)1 << 32) + 4), IKE_OK);
	assert_true(m.trailing > 0xffff0000);
	assert_int_equal(parse(NULL, 0, n), IKE_TRUNCATED);
	assert_false(m.header_valid);
}

static void a_capture_keeps_what_is_whole(void **state)
{
	size_t n;

	(void)state;
	n = from_text(INIT SA2 TAIL, bytes, sizeof(bytes));
	/* Inside the second transform: the first is complete. */
	assert_int_equal(parse(bytes, 28 + 4 + 8 + 12 + 5, n), IKE_TRUNCATED);
	assert_int_equal(m.transform_count, 1);
	assert_suite(0, false, "AES_CBC_256/...");
	/* Inside the first one's key length: a cipher without it would be another. */
	assert_int_equal(parse(bytes, 28 + 4 + 8 + 11, n), IKE_TRUNCATED);
	assert_int_equal(m.transform_count, 0);
	n = from_text(INFO2("2e") "290000f4 77*240 ", bytes, sizeof(bytes));
	assert_int_equal(parse(bytes, 40, n), IKE_TRUNCATED);
	assert_int_equal(m.encrypted_size, 240);
	n = from_text(INFO2("29") "0000001c 00004004 77*20 ", bytes, sizeof(bytes));
	assert_int_equal(parse(bytes, n - 1, n), IKE_TRUNCATED);
	assert_int_equal(m.nat_hash_count, 0);
}

/* A message whose lists overflow: 40 proposals, then 200 payloads of many kinds. */
static void lists_overflow_by_counting(void **state)
{
	uint32_t i, at;

	(void)state;
	at = (uint32_t)from_text(SPI_I ZERO V2("21", "22", "20") "00000000 L ", bytes, sizeof(bytes));
	memcpy(bytes + at, (uint8_t[]){41, 0, (40 * 16 + 4) >> 8, (40 * 16 + 4) & 0xff}, 4);
	at += 4;
	for (i = 0; i < 40; i++, at += 16)
		memcpy(bytes + at,
		       (uint8_t[]){i < 39 ? 2 : 0, 0, 0, 16, (uint8_t)(i + 1), 1, 0, 1, 0, 0, 0, 8, 1, 0, 0,
				   12},
		       16);
	for (i = 0; i < 100; i++, at += 8)
		memcpy(bytes + at, (uint8_t[]){i < 99 ? 41 : 43, 0, 0, 8, 0, 0, 0x40, 0}, 8);
	for (i = 0; i < 100; i++, at += 8)
		memcpy(bytes + at, (uint8_t[]){i < 99 ? 43 : 0, 0, 0, 8, 1, 2, 3, 4}, 8);
	bytes[26] = (uint8_t)(at >> 8);
	bytes[27] = (uint8_t)at;
	assert_int_equal(parse(bytes, at, at), IKE_OK);
	assert_int_equal(m.payload_count, IKE_MAX_PAYLOADS);
	assert_int_equal(m.proposal_count, IKE_MAX_PROPOSALS);
	assert_int_equal(m.notify_count, IKE_MAX_NOTIFIES);
	assert_int_equal(m.vendor_count, IKE_MAX_VENDORS);
	assert_int_equal(m.overflow, (201 - IKE_MAX_PAYLOADS) + (40 - IKE_MAX_PROPOSALS) +
					     (100 - IKE_MAX_NOTIFIES) + (100 - IKE_MAX_VENDORS));
}

/* One proposal of 200 transforms in phase 1, then 30 payloads each of NAT-D, notify, delete and vendor id. */
static void lists_of_ikev1_overflow_by_counting(void **state)
{
	static const uint8_t next[] = {20, 11, 12, 13};
	uint32_t i, at, size = 8 + 200 * 8, nat_hashes = 30;

	(void)state;
	at = (uint32_t)from_text(MAIN("01") "1400ffff 0000000100000001 0000ffff 010100c8 ", bytes,
				 sizeof(bytes));
	memcpy(bytes + 30, (uint8_t[]){(uint8_t)((size + 12) >> 8), (uint8_t)(size + 12)}, 2);
	memcpy(bytes + 42, (uint8_t[]){(uint8_t)(size >> 8), (uint8_t)size}, 2);
	for (i = 0; i < 200; i++, at += 8)
		memcpy(bytes + at, (uint8_t[]){i < 199 ? 3 : 0, 0, 0, 8, (uint8_t)i, 1, 0, 0}, 8);
	for (i = 0; i < 120; i++, at += 20) {
		memset(bytes + at, 0, 20);
		bytes[at] = i < 119 ? next[(i + 1) / 30] : 0;
		bytes[at + 3] = 20;
		if (i / 30 == 2) /* a delete of two SPIs of 4 bytes */
			memcpy(bytes + at + 8, (uint8_t[]){3, 4, 0, 2}, 4);
	}
	bytes[26] = (uint8_t)(at >> 8);
	bytes[27] = (uint8_t)at;
	assert_int_equal(parse(bytes, at, at), IKE_OK);
	assert_int_equal(m.transform_count, IKE_MAX_TRANSFORMS);
	assert_int_equal(m.nat_hash_count, IKE_MAX_NAT_HASHES);
	assert_int_equal(m.delete_count, IKE_MAX_DELETES);
	assert_int_equal(m.overflow, (200 - IKE_MAX_TRANSFORMS) + (121 - IKE_MAX_PAYLOADS) +
					     (nat_hashes - IKE_MAX_NAT_HASHES) + (30 - IKE_MAX_NOTIFIES) +
					     (30 - IKE_MAX_DELETES) + (30 - IKE_MAX_VENDORS));
}

/* The same of IKEv2, whose NAT detection hashes are notifies. */
static void lists_of_ikev2_overflow_by_counting(void **state)
{
	uint32_t i, at;

	(void)state;
	at = (uint32_t)from_text(INFO2("29"), bytes, sizeof(bytes));
	for (i = 0; i < 60; i++) {
		at += (uint32_t)(i < 30 ? from_text(i < 29 ? "2900001c 00004004 77*20 "
							   : "2a00001c 00004005 77*20 ",
						    bytes + at, 28)
					: from_text(i < 59 ? "2a000008 01000000" : "00000008 01000000",
						    bytes + at, 8));
	}
	bytes[26] = (uint8_t)(at >> 8);
	bytes[27] = (uint8_t)at;
	assert_int_equal(parse(bytes, at, at), IKE_OK);
	assert_int_equal(m.overflow, (60 - IKE_MAX_PAYLOADS) + (30 - IKE_MAX_NAT_HASHES) +
					     (30 - IKE_MAX_NOTIFIES) + (30 - IKE_MAX_DELETES));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_vector_has_its_verdict),
		cmocka_unit_test(every_vector_truncated_at_every_length),
		cmocka_unit_test(ikev2_of_a_capture),
		cmocka_unit_test(ikev1_of_captures),
		cmocka_unit_test(messages_of_strongswan),
		cmocka_unit_test(post_quantum_and_certificate_request),
		cmocka_unit_test(unknown_transforms_print_their_numbers),
		cmocka_unit_test(ikev1_transform_attributes),
		cmocka_unit_test(attributes_that_are_not_given),
		cmocka_unit_test(certificate_requests_of_ikev1),
		cmocka_unit_test(deletes_and_notifies_in_clear),
		cmocka_unit_test(bytes_behind_the_message_are_counted),
		cmocka_unit_test(a_capture_keeps_what_is_whole),
		cmocka_unit_test(lists_overflow_by_counting),
		cmocka_unit_test(lists_of_ikev1_overflow_by_counting),
		cmocka_unit_test(lists_of_ikev2_overflow_by_counting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

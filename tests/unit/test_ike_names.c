// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_ike_names.c - names of the IANA registries and of vendor ids
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/ike_parse.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void numbers_have_names(void **state)
{
	char text[32];

	(void)state;
	assert_string_equal(ike_exchange_name(2, 44), "IKE_FOLLOWUP_KE");
	assert_string_equal(ike_exchange_name(1, 2), "MAIN_MODE");
	assert_null(ike_exchange_name(2, 45));
	assert_string_equal(ike_payload_name(2, 53), "SKF");
	assert_string_equal(ike_payload_name(1, 132), "FRAGMENT");
	assert_string_equal(ike_notify_name(2, 16441), "ADDITIONAL_KEY_EXCHANGE");
	assert_string_equal(ike_notify_name(2, 17), "INVALID_KE_PAYLOAD");
	assert_string_equal(ike_notify_name(1, 36136), "R_U_THERE");
	assert_string_equal(ike_group_name(35), "ML_KEM_512");
	assert_string_equal(ike_group_name(37), "ML_KEM_1024");
	assert_string_equal(ike_name(IKE_REGISTRY_ENCR, 3), "3DES_CBC");
	assert_string_equal(ike_name(IKE_REGISTRY_TRANSFORM_TYPE, 12), "ADDKE7");
	assert_string_equal(ike_name(IKE_REGISTRY_CERT, 4), "X509_SIGNATURE");
	assert_string_equal(ike_name(IKE_REGISTRY_ID, 2), "FQDN");
	assert_null(ike_name(IKE_REGISTRY_COUNT, 1));
	assert_int_equal(ike_exchange_print(2, 99, text, sizeof(text)), 11);
	assert_string_equal(text, "EXCHANGE_99");
	assert_int_equal(ike_notify_print(1, 40501, text, 4), 12);
	assert_string_equal(text, "NOT");
	assert_true(ike_notify_is_error(2, 14) && !ike_notify_is_error(2, 16384));
	assert_true(ike_notify_is_error(1, 14) && !ike_notify_is_error(1, 24578));
}

/* MD5 (RFC 1321), to recompute the vendor ids from the strings they are made of. */
static void md5(const char *text, uint8_t ret[16])
{
	static const uint8_t shifts[16] = {7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21};
	uint32_t h[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476}, k[64];
	size_t n = strlen(text), blocks = (n + 8) / 64 + 1, b, i;
	uint8_t data[256] = {0};

	assert_true(blocks * 64 <= sizeof(data));
	for (i = 0; i < 64; i++) { /* floor(2^32 * |sin(i + 1)|), by the series, in long double */
		long double x = (long double)(i + 1), term, sum, pi = 3.14159265358979323846264338327950288L;

		while (x > pi)
			x -= 2 * pi;
		term = sum = x;
		for (int j = 1; j < 20; j++) {
			term *= -x * x / (long double)((2 * j) * (2 * j + 1));
			sum += term;
		}
		k[i] = (uint32_t)((sum < 0 ? -sum : sum) * 4294967296.0L);
	}
	memcpy(data, text, n);
	data[n] = 0x80;
	data[blocks * 64 - 8] = (uint8_t)(n * 8);
	data[blocks * 64 - 7] = (uint8_t)(n * 8 >> 8);
	for (b = 0; b < blocks; b++) {
		uint32_t v[4], w[16];

		memcpy(v, h, sizeof(v));
		for (i = 0; i < 16; i++)
			w[i] = data[b * 64 + i * 4] | (uint32_t)data[b * 64 + i * 4 + 1] << 8 |
			       (uint32_t)data[b * 64 + i * 4 + 2] << 16 |
			       (uint32_t)data[b * 64 + i * 4 + 3] << 24;
		for (i = 0; i < 64; i++) {
			uint32_t f, x;
			size_t g, s = shifts[i / 16 * 4 + i % 4];

			if (i < 16)
				f = (v[1] & v[2]) | (~v[1] & v[3]), g = i;
			else if (i < 32)
				f = (v[3] & v[1]) | (~v[3] & v[2]), g = (5 * i + 1) % 16;
			else if (i < 48)
				f = v[1] ^ v[2] ^ v[3], g = (3 * i + 5) % 16;
			else
				f = v[2] ^ (v[1] | ~v[3]), g = 7 * i % 16;
			x = v[0] + f + k[i] + w[g];
			v[0] = v[3];
			v[3] = v[2];
			v[2] = v[1];
			v[1] += x << s | x >> (32 - s);
		}
		for (i = 0; i < 4; i++)
			h[i] += v[i];
	}
	for (i = 0; i < 16; i++)
		ret[i] = (uint8_t)(h[i / 4] >> i % 4 * 8);
}

static const struct {
	enum ike_vendor_kind kind;
	const char *name, *source, *bytes;
	size_t length;
} known[] = {
#define IKE_VENDOR(kind, match, name, source, bytes)                                                         \
	{IKE_VENDOR_##kind, name, source, bytes, sizeof(bytes) - 1},
#include "model/ike_vendors.def"
};

static void vendor_ids_are_what_they_say(void **state)
{
	size_t i, hashed = 0;
	uint8_t hash[16];

	(void)state;
	md5("", hash);
	assert_memory_equal(hash, "\xd4\x1d\x8c\xd9\x8f\x00\xb2\x04\xe9\x80\x09\x98\xec\xf8\x42\x7e", 16);
	for (i = 0; i < COUNT(known); i++) {
		const char *name;

		if (known[i].source) {
			md5(known[i].source, hash);
			assert_memory_equal(known[i].bytes, hash, sizeof(hash));
			hashed++;
		}
		/* No row hides another. Only the beginning of a FreeS/WAN id is fixed. */
		if (known[i].length < 8)
			continue;
		assert_int_equal(ike_vendor_find((const uint8_t *)known[i].bytes, known[i].length, &name),
				 known[i].kind);
		assert_string_equal(name, known[i].name);
	}
	assert_true(hashed > 30);
	/* Two products whose published id is the beginning of a hash. */
	md5("CISCO-UNITY", hash);
	assert_int_equal(ike_vendor_find(hash, 16, NULL), IKE_VENDOR_UNITY);
	md5("FORTIGATE", hash);
	assert_int_equal(ike_vendor_find(hash, 16, NULL), IKE_VENDOR_PRODUCT);
}

static void assert_vendor_text(const char *id, size_t length, const char *expected)
{
	char text[128];

	assert_int_equal(ike_vendor_print((const uint8_t *)id, length, text, sizeof(text)), strlen(expected));
	assert_string_equal(text, expected);
}

static void vendor_ids_print_harmlessly(void **state)
{
	char text[8];

	(void)state;
	assert_vendor_text("OE-Libreswan-4.10", 17, "Libreswan 4.10");
	assert_vendor_text("OE-Libreswan-\"<x>", 17, "Libreswan");
	assert_vendor_text("OE-Libreswan-", 13, "Libreswan");
	assert_vendor_text("OEkRbGXRvmPE", 12, "FreeS/WAN or Openswan");
	assert_vendor_text("OEkRbGXRvm E", 12, "\"OEkRbGXRvm E\"");
	assert_vendor_text("Acme VPN 1.0", 12, "\"Acme VPN 1.0\"");
	assert_vendor_text("Acme\033[2J", 8, "41636d651b5b324a");
	assert_vendor_text("abc", 3, "616263");
	assert_vendor_text("azAZ09", 6, "\"azAZ09\"");
	assert_vendor_text("OE@\x7f"
			   "345678@_",
			   12, "4f45407f333435363738405f");
	assert_vendor_text("OE@\x7f@GHIJKLM", 12, "FreeS/WAN or Openswan");
	assert_vendor_text("OEkRbGXRvmPEx", 13, "\"OEkRbGXRvmPEx\"");
	assert_vendor_text("FLEXVPN-SUPPORTED!", 18, "464c455856504e2d535550504f5254454421");
	assert_vendor_text("", 0, "");
	assert_vendor_text("\x40\x48\xb7\xd5\x6e\xbc\xe8\x85\x25\xe7\xde\x7f\x00\xd6\xc2\xd3\xc0\x00\x00\x00",
			   20, "IKE fragmentation (Cisco, Microsoft)");
	assert_vendor_text("\x1e\x2b\x51\x69\x05\x99\x1c\x7d\x7c\x96\xfc\xbf\xb5\x87\xe4\x61\x00\x00\x00\x07",
			   20, "Windows 7");
	assert_int_equal(ike_vendor_print((const uint8_t *)"\x01\x02\x03\x04\x05", 5, text, sizeof(text)),
			 10);
	assert_string_equal(text, "010203");
	assert_int_equal(ike_vendor_print((const uint8_t *)"\x01\x02", 2, NULL, 0), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_have_names),
		cmocka_unit_test(vendor_ids_are_what_they_say),
		cmocka_unit_test(vendor_ids_print_harmlessly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

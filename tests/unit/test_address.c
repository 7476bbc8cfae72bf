/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>
#include <string.h>

#include "model/address.h"

static void test_texts_and_back(void **state)
{
	static const struct {
		const char *text;
		uint8_t family;
	} cases[] = {{"192.0.2.1", 4},	 {"0.0.0.0", 4}, {"255.255.255.255", 4},
		     {"2001:db8::1", 6}, {"fe80::1", 6}, {"::", 6}};
	char text[ADDRESS_TEXT];
	uint8_t address[16];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(address_parse(cases[i].text, address));
		assert_int_equal(address_family(address), cases[i].family);
		assert_string_equal(address_text(address, text), cases[i].text);
		assert_string_equal(address_text_of(cases[i].family, address, text), cases[i].text);
	}
}

static void test_what_is_no_address_leaves_it(void **state)
{
	static const char *const bad[] = {
		NULL, "", "192.0.2", "192.0.2.256", "192.0.2.1/24", "2001:db8::1%eth0", "[::1]", "gate"};
	uint8_t address[16], before[16];

	(void)state;
	memset(before, 0xa5, sizeof(before));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memcpy(address, before, sizeof(address));
		assert_false(address_parse(bad[i], address));
		assert_memory_equal(address, before, sizeof(address));
	}
}

static void test_unknown(void **state)
{
	uint8_t any[16] = {0}, v4_any[16];
	char text[ADDRESS_TEXT];

	(void)state;
	assert_true(address_is_any(any));
	assert_null(address_text_known(any, text));
	/* IPv4 in whole zeros, as selectors have it, and as it is mapped */
	assert_string_equal(address_text_of(4, any, text), "0.0.0.0");
	assert_true(address_parse("0.0.0.0", v4_any));
	assert_false(address_is_any(v4_any));
	assert_string_equal(address_text_known(v4_any, text), "0.0.0.0");
	assert_string_equal(address_text_of(0, any, text), "?");
}

static void test_ports(void **state)
{
	char text[ADDRESS_PORT_TEXT];
	uint8_t address[16];

	(void)state;
	address_parse("192.0.2.1", address);
	assert_int_equal(address_print(address, 500, text, sizeof(text)), 13);
	assert_string_equal(text, "192.0.2.1:500");
	address_print(address, 0, text, sizeof(text));
	assert_string_equal(text, "192.0.2.1");
	address_parse("2001:db8:1111:2222:3333:4444:5555:6666", address);
	address_print(address, 65535, text, sizeof(text));
	assert_string_equal(text, "[2001:db8:1111:2222:3333:4444:5555:6666]:65535");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts_and_back),
		cmocka_unit_test(test_what_is_no_address_leaves_it),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

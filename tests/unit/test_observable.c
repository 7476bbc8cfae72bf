// SPDX-License-Identifier: GPL-2.0-or-later
/* Where the hooks are blind, and whose counters are taken then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model/observable.h"

#define NATIVE OBSERVABLE_HOOK_XDP_NATIVE
#define GENERIC OBSERVABLE_HOOK_XDP_GENERIC
#define TC OBSERVABLE_HOOK_TC
#define NONE OBSERVABLE_HOOK_NONE

static void reasons(void **state)
{
	static const struct {
		uint8_t family, protocol;
		enum fact_direction direction;
		enum fact_offload offload;
		struct observable_place place;
		enum observable wanted;
	} cases[] = {
		{4, 50, FACT_IN, FACT_OFFLOAD_NONE, {NATIVE, TC, true, true, true}, OBSERVABLE},
		{4, 50, FACT_IN, FACT_OFFLOAD_CRYPTO, {NATIVE, TC, true, true, true}, OBSERVABLE},
		{4,
		 50,
		 FACT_IN,
		 FACT_OFFLOAD_PACKET,
		 {NATIVE, TC, true, true, true},
		 NOT_OBSERVABLE_PACKET_OFFLOAD},
		{4,
		 50,
		 FACT_OUT,
		 FACT_OFFLOAD_PACKET,
		 {NATIVE, TC, true, true, true},
		 NOT_OBSERVABLE_PACKET_OFFLOAD},
		{4, 50, FACT_OUT, FACT_OFFLOAD_CRYPTO, {NATIVE, TC, true, true, true}, OBSERVABLE},
		{4,
		 50,
		 FACT_OUT,
		 FACT_OFFLOAD_NONE,
		 {NATIVE, NONE, true, false, false},
		 NOT_OBSERVABLE_UNHOOKED},
		{4, 50, FACT_IN, FACT_OFFLOAD_NONE, {NONE, TC, true, false, false}, NOT_OBSERVABLE_UNHOOKED},
		{4, 50, FACT_IN, FACT_OFFLOAD_NONE, {GENERIC, TC, true, true, false}, NOT_OBSERVABLE_GRO},
		{4, 50, FACT_IN, FACT_OFFLOAD_NONE, {TC, TC, true, true, false}, NOT_OBSERVABLE_GRO},
		{4,
		 50,
		 FACT_DIRECTION_UNKNOWN,
		 FACT_OFFLOAD_NONE,
		 {TC, TC, true, true, false},
		 NOT_OBSERVABLE_GRO},
		{6, 50, FACT_IN, FACT_OFFLOAD_NONE, {TC, TC, true, true, false}, OBSERVABLE},
		{6, 50, FACT_IN, FACT_OFFLOAD_NONE, {TC, TC, true, false, true}, NOT_OBSERVABLE_GRO},
		{4, 50, FACT_IN, FACT_OFFLOAD_NONE, {TC, TC, false, true, true}, OBSERVABLE},
		{4, 51, FACT_IN, FACT_OFFLOAD_NONE, {TC, TC, true, true, true}, OBSERVABLE},
		{4, 50, FACT_IN, FACT_OFFLOAD_NONE, {TC, TC, true, false, false}, OBSERVABLE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fact_sa sa = {.family = cases[i].family,
				     .protocol = cases[i].protocol,
				     .direction = cases[i].direction,
				     .offload = cases[i].offload};

		if (observable_sa(&sa, &cases[i].place) != cases[i].wanted)
			fail_msg("case %zu", i);
	}
}

static void texts(void **state)
{
	(void)state;
	assert_string_equal(observable_name(OBSERVABLE), "");
	for (int i = OBSERVABLE + 1; i < OBSERVABLE_REASONS; i++) {
		assert_true(strlen(observable_name((enum observable)i)) > 2);
		assert_true(strlen(observable_text((enum observable)i)) > 40);
	}
	assert_int_equal(observable_hook("xdp native"), NATIVE);
	assert_int_equal(observable_hook("xdp generic"), GENERIC);
	assert_int_equal(observable_hook("tcx"), TC);
	assert_int_equal(observable_hook("clsact"), TC);
	assert_int_equal(observable_hook("none"), NONE);
}

/* One source or the other, never the sum. */
static void counters(void **state)
{
	const struct fact_sa sa = {.packets = 1000, .bytes = 90000};
	const struct observable_counters seen = {.packets = 990, .bytes = 150000};
	struct observable_counters c;

	(void)state;
	c = observable_counters(OBSERVABLE, &sa, &seen);
	assert_false(c.kernel);
	assert_int_equal(c.packets, 990);
	c = observable_counters(NOT_OBSERVABLE_GRO, &sa, &seen);
	assert_true(c.kernel);
	assert_int_equal(c.packets, 1000);
	assert_int_equal(c.bytes, 90000);
	c = observable_counters(OBSERVABLE, &sa, NULL);
	assert_true(c.kernel);
	assert_int_equal(c.packets, 1000);
}

static void seen_twice(void **state)
{
	struct fact_sa sa = {.direction = FACT_IN, .mode = FACT_TUNNEL};
	struct observable_place place = {.ingress = GENERIC};

	(void)state;
	assert_true(observable_twice(&sa, &place));
	place.ingress = TC;
	assert_true(observable_twice(&sa, &place));
	place.ingress = NATIVE;
	assert_false(observable_twice(&sa, &place));
	place.ingress = TC;
	sa.if_id = 42;
	assert_false(observable_twice(&sa, &place));
	sa.if_id = 0;
	sa.mode = FACT_TRANSPORT;
	assert_false(observable_twice(&sa, &place));
	sa.mode = FACT_TUNNEL;
	sa.direction = FACT_OUT;
	assert_false(observable_twice(&sa, &place));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reasons),
		cmocka_unit_test(texts),
		cmocka_unit_test(counters),
		cmocka_unit_test(seen_twice),
	};

	return cmocka_run_group_tests_name("observable", tests, NULL, NULL);
}

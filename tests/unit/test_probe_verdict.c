// SPDX-License-Identifier: GPL-2.0-or-later
/* From counts to words: silence is unknown unless something alike was answered; which number is the path MTU */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "source/probe.h"

static void test_silence(void **state)
{
	static const struct {
		enum probe_state before[PROBE_METHODS], after[PROBE_METHODS];
	} rows[] = {
		/* nobody answers: nothing is known */
		{{PROBE_SILENT, PROBE_SILENT, PROBE_SILENT, PROBE_SILENT},
		 {PROBE_SILENT, PROBE_SILENT, PROBE_SILENT, PROBE_SILENT}},
		/* a host that does not do IKE with us */
		{{PROBE_ANSWERED, PROBE_SILENT, PROBE_SILENT, PROBE_SILENT},
		 {PROBE_ANSWERED, PROBE_SILENT, PROBE_SILENT, PROBE_SILENT}},
		/* one of two ports */
		{{PROBE_ANSWERED, PROBE_ANSWERED, PROBE_SILENT, PROBE_SILENT},
		 {PROBE_ANSWERED, PROBE_ANSWERED, PROBE_FILTERED, PROBE_SILENT}},
		{{PROBE_SILENT, PROBE_SILENT, PROBE_ANSWERED, PROBE_SILENT},
		 {PROBE_FILTERED, PROBE_FILTERED, PROBE_ANSWERED, PROBE_SILENT}},
		/* a closed port is no answer of a daemon */
		{{PROBE_SILENT, PROBE_CLOSED, PROBE_SILENT, PROBE_REJECTED},
		 {PROBE_SILENT, PROBE_CLOSED, PROBE_SILENT, PROBE_REJECTED}},
		{{PROBE_UNTRIED, PROBE_ANSWERED, PROBE_UNTRIED, PROBE_UNTRIED},
		 {PROBE_UNTRIED, PROBE_ANSWERED, PROBE_UNTRIED, PROBE_UNTRIED}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct probe_result r = {0};

		for (size_t m = 0; m < PROBE_METHODS; m++)
			r.reach[m].state = rows[i].before[m];
		probe_judge(&r);
		for (size_t m = 0; m < PROBE_METHODS; m++)
			assert_int_equal(r.reach[m].state, rows[i].after[m]);
		assert_int_equal(r.path_mtu, 0);
		assert_int_equal(r.df_honoured, -1);
		assert_int_equal(r.measured_by, PROBE_METHODS);
	}
}

static void test_mtu(void **state)
{
	static const struct {
		unsigned int echo, ike, natt, path, back;
		enum probe_method by;
		bool closed; /* the UDP ports */
	} rows[] = {
		{1400, 1400, 1400, 1400, 0, PROBE_NATT, false},
		{1300, 1400, 1400, 1400, 1300, PROBE_NATT, false}, /* asymmetric */
		{1400, 0, 0, 1400, 0, PROBE_ECHO, false},
		{0, 1400, 0, 1400, 0, PROBE_IKE, false},
		{1400, 1400, 1390, 1390, 0, PROBE_NATT, false}, /* the ports differ: the smaller */
		{1400, 1380, 1390, 1380, 0, PROBE_IKE, false},
		{1500, 1500, 1500, 1500, 1500, PROBE_NATT, false}, /* the interface is the limit, both ways */
		{0, 1400, 1400, 1400, 0, PROBE_NATT, true},	   /* port unreachable measures too */
		{1380, 1400, 0, 1380, 0, PROBE_ECHO, true},	   /* but what is answered comes first */
		{0, 0, 0, 0, 0, PROBE_METHODS, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const unsigned int mtus[] = {rows[i].echo, rows[i].ike, rows[i].natt};
		struct probe_result r = {.link_mtu = 1500};

		for (size_t m = 0; m < PROBE_ESP; m++) {
			r.threshold[m] = (struct probe_threshold){.mtu = mtus[m], .limited = mtus[m] == 1500};
			r.reach[m].state = !mtus[m]			       ? PROBE_SILENT
					   : rows[i].closed && m != PROBE_ECHO ? PROBE_CLOSED
									       : PROBE_ANSWERED;
		}
		probe_judge(&r);
		assert_int_equal(r.path_mtu, rows[i].path);
		assert_int_equal(r.measured_by, rows[i].by);
		assert_int_equal(r.return_mtu, rows[i].back);
		/* Judging twice changes nothing */
		probe_judge(&r);
		assert_int_equal(r.path_mtu, rows[i].path);
	}
}

static void test_black_hole(void **state)
{
	struct probe_result r = {
		.reach[PROBE_IKE].state = PROBE_ANSWERED,
		.threshold[PROBE_IKE] = {.mtu = 1400, .above = {1401, 5, 0}, .below = {1400, 5, 5}}};

	(void)state;
	probe_judge(&r);
	assert_true(r.black_hole);
	assert_int_equal(r.df_honoured, 1);
	r.threshold[PROBE_IKE].told = true;
	probe_judge(&r);
	assert_false(r.black_hole);
	assert_int_equal(r.df_honoured, 1);
	/* The interface is the limit: nothing is known about larger packets */
	r.threshold[PROBE_IKE] =
		(struct probe_threshold){.mtu = 1500, .limited = true, .below = {1500, 5, 5}};
	probe_judge(&r);
	assert_false(r.black_hole);
	assert_int_equal(r.df_honoured, -1);
}

/* Echo whose answers were cut on the way back: nothing was dropped for its size. */
static void test_cut_answers(void **state)
{
	struct probe_result r = {
		.reach[PROBE_ECHO].state = PROBE_ANSWERED,
		.threshold[PROBE_ECHO] = {
			.mtu = 1400, .above = {1401, 5, 0}, .below = {1400, 5, 5}, .by_answer = true}};

	(void)state;
	probe_judge(&r);
	assert_false(r.black_hole);
	assert_int_equal(r.df_honoured, -1);
	assert_int_equal(r.return_mtu, 1400);
}

/* Echo that got there in fragments: the way back, and by which way echo alone was limited. */
static void test_way_back(void **state)
{
	static const struct {
		unsigned int echo, natt, way_back, back;
		bool forward;
	} rows[] = {
		{1400, 1400, 1500, 1500, true}, {1400, 1400, 1400, 1400, true}, {1400, 1400, 0, 0, true},
		{1400, 0, 1500, 1500, true},	{1400, 0, 1400, 1400, false},	{1400, 0, 0, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct probe_result r = {.link_mtu = 1500,
					 .reach[PROBE_ECHO].state = PROBE_ANSWERED,
					 .threshold[PROBE_ECHO].mtu = rows[i].echo,
					 .threshold[PROBE_NATT].mtu = rows[i].natt,
					 .way_back.mtu = rows[i].way_back};

		r.reach[PROBE_NATT].state = rows[i].natt ? PROBE_ANSWERED : PROBE_SILENT;
		probe_judge(&r);
		assert_int_equal(r.path_mtu, 1400);
		assert_int_equal(r.return_mtu, rows[i].back);
		assert_int_equal(r.forward, rows[i].forward);
	}
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(probe_method_name(PROBE_ECHO), "icmp");
	assert_string_equal(probe_method_name(PROBE_ESP), "esp");
	assert_string_equal(probe_method_name(PROBE_METHODS), "none");
	assert_string_equal(probe_state_name(PROBE_FILTERED), "filtered");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_silence),	   cmocka_unit_test(test_mtu),
		cmocka_unit_test(test_black_hole), cmocka_unit_test(test_cut_answers),
		cmocka_unit_test(test_way_back),   cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

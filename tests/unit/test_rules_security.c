// SPDX-License-Identifier: GPL-2.0-or-later
/* test_rules_security.c - floods and slow answers of IKE, each moved across its threshold both ways */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rules_build.h"

/* So many IKE SAs begun in each second; the last look's finding. */
static const struct finding *flood(unsigned int rate, unsigned int seconds)
{
	const struct finding *f = NULL;

	for (; seconds; seconds--) {
		for (unsigned int i = 0; i < rate; i++) {
			spi_i++;
			init_request(1, 0);
			after(SECOND / rate);
		}
		f = look(FINDING_IKE_FLOOD);
	}
	return f;
}

static void ike_flood(void **unused)
{
	const struct finding *f;

	(void)unused;
	assert_null(flood(90, 10)); /* fewer than 100 in a second */
	anew();
	assert_null(flood(110, 2));
	f = flood(110, 3);
	assert_non_null(f);
	assert_int_equal(f->severity, SEVERITY_CRITICAL); /* more than there is room for */
	assert_true(has_evidence(f, "half-open IKE SAs"));
	assert_non_null(f->action);
	assert_non_null(flood(30, 20)); /* 20 and more go on being one */
	assert_null(flood(2, 45));
}

/* Each request is answered after so long. */
static const struct finding *answered_after(uint64_t ns)
{
	anew();
	init_request(1, 0);
	after(ns);
	init_response();
	after(2 * MS);
	sk(LEFT, AUTH, false, 1, 288);
	after(ns);
	sk(RIGHT, AUTH, true, 1, AUTH_GOOD);
	after(2 * MS);
	return look(FINDING_IKE_SLOW);
}

static void ike_slow(void **unused)
{
	const struct finding *f;

	(void)unused;
	assert_null(answered_after(SECOND - 2 * MS));
	f = answered_after(SECOND + 2 * MS);
	assert_whole(f);
	assert_int_equal(f->severity, SEVERITY_INFO);
	assert_non_null(strstr(f->meaning, "1002 ms at best"));
	/* One fast answer of the last three is enough: it can */
	pair(LEFT, INFO, 2, 40, 40);
	assert_non_null(look(FINDING_IKE_SLOW));
	assert_null(seconds(61, FINDING_IKE_SLOW));
	/* One slow answer alone decides nothing */
	anew();
	init_request(1, 0);
	after(2 * SECOND);
	init_response();
	assert_null(look(FINDING_IKE_SLOW));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(ike_flood, begin, end),
		cmocka_unit_test_setup_teardown(ike_slow, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

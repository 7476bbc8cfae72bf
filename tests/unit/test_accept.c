// SPDX-License-Identifier: GPL-2.0-or-later
/* test_accept.c - which metrics format an Accept header asks for */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "export/accept.h"

static void headers(void **state)
{
	static const struct {
		const char *accept;
		bool open;
	} cases[] = {
		{NULL, false},
		{"", false},
		{"*/*", false},
		{"text/plain", false},
		{"text/html, */*;q=0.1", false},
		{"application/openmetrics-text", true},
		{"Application/OpenMetrics-Text; version=1.0.0", true},
		/* Prometheus 2.42 */
		{"application/openmetrics-text;version=1.0.0,application/"
		 "openmetrics-text;version=0.0.1;q=0.75,"
		 "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
		 true},
		/* Prometheus 2.5x and later */
		{"application/"
		 "vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,"
		 "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/"
		 "plain;version=0.0.4;q=0.4,*/*;q=0.3",
		 true},
		{"text/plain;version=0.0.4;q=1,application/openmetrics-text;q=0.5", false},
		{"text/plain;q=0.5,application/openmetrics-text;q=0.5", true},
		{"application/openmetrics-text;q=0", false},
		{"application/openmetrics-text;q=0.000, text/plain", false},
		{"application/openmetrics-text ; q=0.9 , text/plain ; q=0.8", true},
		{"application/openmetrics-textile", false},
		{"application/openmetrics-nest", false},
		{"xapplication/openmetrics-text", false},
		{",,;;,application/openmetrics-text;;q=,;", true},
		{"application/openmetrics-text;", true},
		{"application/openmetrics-text;Q=0.4, text/plain;Q=0.5", false},
		/* What is no weight counts as 1, as does more than 1 */
		{"application/openmetrics-text;q=x, text/plain;q=1", true},
		{"application/openmetrics-text;q=1.9, text/plain;q=1", true},
		{"application/openmetrics-text;q=0.99999, text/plain;q=0.99", true},
		{"application/openmetrics-text;q=0.9:, text/plain;q=0.9", true},
		{"application/openmetrics-text;q=0./, text/plain;q=0", false},
		{"application/openmetrics-text;quality=0", true},
		/* The best of several */
		{"application/openmetrics-text;q=0.9,application/openmetrics-text;q=0.1,text/plain;q=0.5",
		 true},
		{"application/openmetrics-text q=0", true},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (accept_openmetrics(cases[i].accept) != cases[i].open)
			fail_msg("'%s' should be %s", cases[i].accept,
				 cases[i].open ? "OpenMetrics" : "the classic format");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

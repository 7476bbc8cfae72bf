/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_export_metrics.c - the metrics, line by line, in both formats */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "export/export.h"
#include "state_sample.h"

static bool has_line(const char *text, const char *line)
{
	size_t length = strlen(line);

	for (const char *at = text; (at = strstr(at, line)) != NULL; at++)
		if ((at == text || at[-1] == '\n') && at[length] == '\n')
			return true;
	return false;
}

static void expect_lines(const char *text, const char *const *lines)
{
	for (; *lines; lines++)
		if (!has_line(text, *lines))
			fail_msg("no line '%s' in:\n%s", *lines, text);
}

static char *metrics_of_sample(bool openmetrics)
{
	struct state_sample s;
	size_t length;
	char *text;

	sample_fill(&s);
	text = export_metrics(&s.state, openmetrics, false, &length);
	assert_non_null(text);
	assert_int_equal(strlen(text), length);
	return text;
}

static const char *const samples[] = {
	"espial_packets_total{interface=\"eth0\",direction=\"in\",class=\"esp_udp\"} 1007",
	"espial_packets_total{interface=\"eth0\",direction=\"in\",class=\"ah\"} 0",
	"espial_packets_total{interface=\"eth0\",direction=\"out\",class=\"ah\"} 1",
	"espial_bytes_total{interface=\"eth0\",direction=\"in\"} 500000",
	"espial_bytes_total{interface=\"eth0\",direction=\"out\"} 96",
	"espial_rejected_packets_total{reason=\"esp_short\"} 2",
	"espial_rejected_packets_total{reason=\"not_captured\"} 0",
	"espial_unobserved_total{reason=\"evicted\"} 21",
	"espial_unobserved_total{reason=\"contended\"} 22",
	"espial_interface_up{interface=\"eth0\"} 1",
	"espial_interface_mtu_bytes{interface=\"eth0\"} 1500",
	"espial_sas{direction=\"in\",protocol=\"esp\"} 1",
	"espial_sas{direction=\"in\",protocol=\"ah\"} 0",
	"espial_newcomer_sas{direction=\"out\",protocol=\"ah\"} 1",
	"espial_sa_packets_total{direction=\"in\",protocol=\"esp\"} 1007",
	"espial_sa_bytes_total{direction=\"in\",protocol=\"esp\"} 402800",
	"espial_sa_received_packets_total{direction=\"in\",protocol=\"esp\"} 1001",
	"espial_sa_lost_packets_total{direction=\"in\",protocol=\"esp\"} 31",
	"espial_sa_late_packets_total{direction=\"in\",protocol=\"esp\"} 13",
	"espial_sa_duplicate_packets_total{direction=\"in\",protocol=\"esp\"} 3",
	"espial_sa_too_old_packets_total{direction=\"in\",protocol=\"esp\"} 2",
	"espial_sa_outlier_packets_total{direction=\"in\",protocol=\"esp\"} 1",
	"espial_sa_restarts_total{direction=\"in\",protocol=\"esp\"} 0",
	"espial_sa_fragmented_packets_total{direction=\"in\",protocol=\"esp\"} 4",
	"espial_sa_fragments_total{direction=\"in\",protocol=\"esp\"} 9",
	"espial_sa_incomplete_packets_total{direction=\"in\",protocol=\"esp\"} 1",
	"espial_sa_endpoint_changes_total{direction=\"in\",protocol=\"esp\"} 2",
	"espial_sa_packets_total{direction=\"out\",protocol=\"ah\"} 0",
	"espial_table_slots{table=\"sa\"} 8192",
	"espial_table_used_slots{table=\"newcomer\"} 1",
	"espial_table_memory_bytes 20000000",
	"espial_agent_events_total 40",
	"espial_agent_polls_total 41",
	"espial_agent_poll_duration_seconds 0.000300000",
	"espial_agent_cpu_seconds_total 1.500000000",
	"espial_agent_resident_memory_bytes 8000000",
	"espial_agent_start_timestamp_seconds 1700000000.123456789",
	"espial_build_info{version=\"1.2.3\"} 1",
	NULL,
};

static void test_classic(void **unused)
{
	static const char *const metadata[] = {
		"# TYPE espial_packets_total counter",
		"# HELP espial_bytes_total IP bytes of all packets seen, header included.",
		"# TYPE espial_sas gauge",
		"# TYPE espial_build_info gauge",
		NULL,
	};
	char *text = metrics_of_sample(false);

	(void)unused;
	expect_lines(text, samples);
	expect_lines(text, metadata);
	assert_null(strstr(text, "# UNIT"));
	assert_null(strstr(text, "# EOF"));
	free(text);
}

static void test_openmetrics(void **unused)
{
	static const char *const metadata[] = {
		"# TYPE espial_packets counter", "# TYPE espial_bytes counter",
		"# UNIT espial_bytes bytes",	 "# UNIT espial_agent_cpu_seconds seconds",
		"# TYPE espial_build info",	 NULL,
	};
	char *text = metrics_of_sample(true);

	(void)unused;
	expect_lines(text, samples);
	expect_lines(text, metadata);
	assert_string_equal(text + strlen(text) - 6, "# EOF\n");
	free(text);
}

/* Each sample belongs to the metadata before it, each family comes once, and a unit ends its family's name. */
static void test_structure(void **unused)
{
	char *text = metrics_of_sample(true), *line, *rest = text, family[128] = "", seen[8192] = "",
	     word[130];

	(void)unused;
	while ((line = strsep(&rest, "\n")) != NULL && *line) {
		char unit[32], name[128];

		if (sscanf(line, "# TYPE %127s", name) == 1) {
			snprintf(word, sizeof(word), " %s ", name);
			assert_null(strstr(seen, word));
			snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%s", word);
			snprintf(family, sizeof(family), "%s", name);
		} else if (sscanf(line, "# UNIT %127s %31s", name, unit) == 2) {
			assert_string_equal(name, family);
			assert_true(strlen(name) > strlen(unit) + 1);
			assert_string_equal(name + strlen(name) - strlen(unit), unit);
		} else if (line[0] != '#') {
			assert_int_equal(strncmp(line, family, strlen(family)), 0);
		}
	}
	free(text);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Prometheus keeps one of two samples with the same labels, and promtool does not complain. */
static void test_no_series_twice(void **unused)
{
	static char *series[4096];
	char *text = metrics_of_sample(false), *line, *rest = text;
	size_t count = 0;

	(void)unused;
	while ((line = strsep(&rest, "\n")) != NULL && *line) {
		if (line[0] == '#')
			continue;
		assert_true(count < sizeof(series) / sizeof(series[0]));
		*strrchr(line, ' ') = '\0';
		series[count++] = line;
	}
	assert_true(count > 100);
	qsort(series, count, sizeof(series[0]), by_text);
	for (size_t i = 1; i < count; i++)
		assert_string_not_equal(series[i - 1], series[i]);
	free(text);
}

static void test_no_spi(void **unused)
{
	char *text = metrics_of_sample(false);

	(void)unused;
	assert_null(strstr(text, "c0ffee"));
	assert_null(strstr(text, "spi="));
	free(text);
}

static void test_hostile_name(void **unused)
{
	struct state_interface interface = {.name = "a\"b\\c\nd\xff"};
	struct state state = {.interfaces = &interface, .interface_count = 1, .version = "v"};
	char *text = export_metrics(&state, true, false, NULL);

	(void)unused;
	if (!strstr(text, "espial_interface_up{interface=\"a\\\"b\\\\c\\\\x0ad\xef\xbf\xbd\"} 0\n"))
		fail_msg("not escaped: %s", text);
	free(text);
}

/* A capture's SAs have no direction: they are in no sum rather than in a wrong one. */
static void test_without_interfaces(void **unused)
{
	struct state_sample s;
	char *text;

	(void)unused;
	sample_fill(&s);
	s.state.interface_count = 0;
	s.state.sums[esp_sums_index(esp_sa_id(1, 50, 4, ESP_DIR_UNKNOWN))].sas = 1;
	s.state.sums[esp_sums_index(esp_sa_id(1, 50, 4, ESP_DIR_IN))].sas = 0;
	text = export_metrics(&s.state, true, false, NULL);
	assert_true(has_line(text, "espial_sas{direction=\"in\",protocol=\"esp\"} 0"));
	assert_null(strstr(text, "espial_packets_total{"));
	free(text);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classic),		cmocka_unit_test(test_openmetrics),
		cmocka_unit_test(test_structure),	cmocka_unit_test(test_no_spi),
		cmocka_unit_test(test_hostile_name),	cmocka_unit_test(test_without_interfaces),
		cmocka_unit_test(test_no_series_twice),
	};

	if (argc > 1) { /* for promtool check metrics */
		char *text = metrics_of_sample(strcmp(argv[1], "openmetrics") == 0);

		fputs(text, stdout);
		free(text);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_metrics_sas.c - the SAs one by one: which are told, with which labels, and what a large gateway's answer costs */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export/export.h"

static struct state_sa sa_of(uint32_t spi, uint8_t side)
{
	struct state_sa sa = {.family = 4,
			      .protocol = 50,
			      .spi = spi,
			      .side = side,
			      .direction = side == 2 ? ESP_DIR_OUT : ESP_DIR_IN,
			      .packets = 90,
			      .first_ns = 1700000000000000001};

	memcpy(sa.destination, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1", 16);
	sa.sequence.first = 1;
	sa.sequence.highest = 100;
	sa.sequence.received = 90;
	sa.sequence.lost = 7;
	sa.sequence.pending = 3;
	sa.sequence.max_late_distance = 5;
	return sa;
}

static void labels_and_values(void **unused)
{
	static const char *const labels = "{tunnel=\"a\\\"b\",direction=\"in\",protocol=\"esp\",spi="
					  "\"0x0000c0de\",destination=\"192.0.2.1\"} ";
	static const struct {
		const char *name, *value;
	} wanted[] = {
		{"first_number", "1\n"},
		{"highest_number", "100\n"},
		{"received_packets_total", "90\n"},
		{"missing_numbers", "10\n"},
		{"max_late_distance", "5\n"},
		{"first_timestamp_seconds", "1700000000.000000001\n"},
	};
	struct state_sa sa = sa_of(0xc0de, 1);
	struct state_tunnel tunnel = {.name = "a\"b"};
	struct state state = {
		.sas = &sa, .sa_count = 1, .tunnels = &tunnel, .tunnel_count = 1, .version = "v"};

	(void)unused;
	for (int open = 0; open < 2; open++) {
		size_t length;
		char *text = export_metrics(&state, open, true, &length);

		assert_int_equal(strlen(text), length);
		for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
			char line[256];

			snprintf(line, sizeof(line), "\nespial_child_sa_%s%s%s", wanted[i].name, labels,
				 wanted[i].value);
			if (!strstr(text, line))
				fail_msg("no '%s' in:\n%s", line, text);
		}
		assert_int_equal(strcmp(text + length - 6, "# EOF\n") == 0, open);
		free(text);
	}
}

/* Of what strangers can make, and of what only passes, there are no series; and of one series never two samples. */
static void who_is_told(void **unused)
{
	struct state_sa sas[6] = {sa_of(1, 1), sa_of(2, 1), sa_of(3, 1),
				  sa_of(4, 1), sa_of(5, 2), sa_of(5, 2)};
	struct state_tunnel tunnels[2] = {{.name = "ours"}, {.name = "transit", .transit = true}};
	struct state state = {
		.sas = sas, .sa_count = 6, .tunnels = tunnels, .tunnel_count = 2, .version = "v"};
	char *text, *first;

	(void)unused;
	sas[0].newcomer = true;
	sas[1].tunnel = STATE_NO_TUNNEL;
	sas[2].tunnel = 1;
	sas[3].side = 0;
	sas[5].packets = 100;
	sas[5].sequence.highest = 200;
	text = export_metrics(&state, false, true, NULL);
	for (int spi = 1; spi <= 4; spi++) {
		char label[32];

		snprintf(label, sizeof(label), "spi=\"0x%08x\"", (unsigned int)spi);
		assert_null(strstr(text, label));
	}
	first = strstr(text, "\nespial_child_sa_highest_number{");
	assert_non_null(first);
	assert_null(strstr(first + 1, "\nespial_child_sa_highest_number{"));
	assert_memory_equal(strchr(first, '}'), "} 200\n", 6);
	free(text);
}

/* One that was replaced is told until its end has been seen from the other side too; a live one however long it is quiet. */
static void ended(void **unused)
{
	struct state_sa sas[4] = {sa_of(1, 1), sa_of(2, 1), sa_of(3, 1), sa_of(4, 1)};
	struct state_tunnel tunnel = {.name = "t"};
	struct state state = {
		.sas = sas, .sa_count = 4, .tunnels = &tunnel, .tunnel_count = 1, .version = "v"};
	char *text;

	(void)unused;
	for (int i = 0; i < 4; i++)
		sas[i].last_ns = UINT64_C(1700000000000000000);
	sas[0].last_ns += UINT64_C(300000000001);
	sas[1].last_ns += 1;
	sas[2].live = true;
	text = export_metrics(&state, false, true, NULL);
	assert_non_null(strstr(text, "spi=\"0x00000001\""));
	assert_non_null(strstr(text, "spi=\"0x00000002\""));
	assert_non_null(strstr(text, "spi=\"0x00000003\""));
	assert_null(strstr(text, "spi=\"0x00000004\""));
	free(text);
}

/* 10 000 SAs of 5 000 tunnels; the time is told and not judged here: this is built with sanitizers. */
static void large(void **unused)
{
	enum { TUNNELS = 5000, SAS = 2 * TUNNELS };
	struct state_tunnel *tunnels = calloc(TUNNELS, sizeof(*tunnels));
	struct state_sa *sas = calloc(SAS, sizeof(*sas));
	struct state state = {
		.sas = sas, .sa_count = SAS, .tunnels = tunnels, .tunnel_count = TUNNELS, .version = "v"};
	size_t length;
	char *text;

	(void)unused;
	assert_non_null(tunnels);
	assert_non_null(sas);
	for (uint32_t i = 0; i < SAS; i++) {
		sas[i] = sa_of(0xc0000000 + i, (uint8_t)(1 + i % 2));
		sas[i].tunnel = i / 2;
		snprintf(tunnels[i / 2].name, sizeof(tunnels->name), "site-%u-to-head-office", i / 2);
	}
	text = export_metrics(&state, true, false, &length);
	assert_non_null(text);
	assert_true(length < 20000000);
	free(text);
	text = export_metrics(&state, true, true, &length);
	assert_non_null(text);
	assert_true(length < 32 << 20); /* deploy/prometheus/prometheus.yml */
	free(text);
	free(tunnels);
	free(sas);
}

/* Bit by bit it is the same, whatever the bits: and nothing of the state is needed any more. */
static void page(void **unused)
{
	static const size_t sizes[] = {1, 7, 4096, 100000};

	(void)unused;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct state_tunnel *tunnels = calloc(600, sizeof(*tunnels));
		struct state_sa *sas = calloc(600, sizeof(*sas));
		struct state state = {
			.sas = sas, .sa_count = 600, .tunnels = tunnels, .tunnel_count = 600, .version = "v"};
		struct metrics_page *p;
		size_t length, at = 0;
		char *text, *bit = malloc(sizes[i]);
		ssize_t n;

		assert_true(tunnels && sas && bit);
		for (uint32_t k = 0; k < 600; k++) {
			sas[k] = sa_of(600 - k, (uint8_t)(1 + k % 2));
			sas[k].tunnel = k;
			snprintf(tunnels[k].name, sizeof(tunnels->name), "t%u", k);
		}
		text = export_metrics(&state, i % 2, true, &length);
		p = export_metrics_page(&state, i % 2, true);
		assert_true(text && p);
		free(tunnels);
		free(sas);
		while ((n = metrics_page_read(p, bit, sizes[i])) > 0) {
			assert_true(at + (size_t)n <= length);
			assert_memory_equal(text + at, bit, (size_t)n);
			at += (size_t)n;
		}
		assert_int_equal(n, 0);
		assert_int_equal(at, length);
		metrics_page_free(p);
		free(text);
		free(bit);
	}
	metrics_page_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels_and_values),
		cmocka_unit_test(who_is_told),
		cmocka_unit_test(ended),
		cmocka_unit_test(page),
		cmocka_unit_test(large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

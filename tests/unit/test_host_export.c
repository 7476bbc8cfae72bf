/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_host_export.c - the host's counters as metrics, JSON and text; what is not known is absent, and not 0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "export/export.h"
#include "model/host.h"
#include "state_sample.h"
#include "ui/ui.h"

static struct host_facts host;
static struct state_sample sample;

static void fill(void)
{
	host = (struct host_facts){
		.taken_ns = SAMPLE_LAST,
		.has_xfrm = true,
		.has_softnet = true,
		.has_drops = true,
		.xfrm = {{"XfrmInError", 0, 0}, {"XfrmInNoStates", 17, 12}},
		.xfrm_count = 2,
		.softnet_processed = 1000,
		.softnet_dropped = 5,
		.softnet_squeezed = 6,
		.cpu_softirq = 0.125,
		.cpu_busy = 0.5,
		.nics = {{.name = "eth0",
			  .rx_dropped = 21,
			  .rx_missed = 22,
			  .rx_errors = 23,
			  .tx_dropped = 24,
			  .tx_errors = 25,
			  .ring = {{"rx_out_of_buffer", 26, 0}, {"rx_fifo_errors", 0, 0}},
			  .ring_count = 2}},
		.nic_count = 1,
		.queues = {{.interface = "eth0", .name = "rx-0", .packets = 41, .bytes = 42},
			   {.interface = "eth0",
			    .name = "rx-1",
			    .packets = 43,
			    .dropped = 44,
			    .no_buffer = 45}},
		.queue_count = 2,
		.queues_rest = 46,
		.follows_xfrm = true,
		.spaces = {{.available = true, .sas = 3, .notices = {1, 2}, .overruns = 5},
			   {.name = "vpn",
			    .available = true,
			    .sas = 7,
			    .policies = 8,
			    .notices = {10, 20, [4] = 30},
			    .overruns = 50,
			    .has_xfrm = true,
			    .xfrm = {{"XfrmInNoStates", 9, 0}},
			    .xfrm_count = 1},
			   {.name = "gone", .why = "network namespace gone: not there"}},
		.space_count = 3,
		.drops = {{2, "eth0", "NO_SOCKET", HOST_DROP_OUTER, 31, 0},
			  {2, "eth0", "XFRM_POLICY", HOST_DROP_INNER, 32, 0},
			  {2, "eth0", "PKT_TOO_BIG", HOST_DROP_OTHER, 33, 0}},
		.drop_count = 3,
		.drops_rest = 34,
		.esp4_offload = true,
	};
	sample_fill(&sample);
	sample.state.host = &host;
}

static void expect(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no '%s' in:\n%s", part, text);
}

static void metrics(void **unused)
{
	static const char *const lines[] = {
		"espial_host_xfrm_errors_total{counter=\"XfrmInNoStates\"} 17\n",
		"espial_host_xfrm_errors_total{counter=\"XfrmInError\"} 0\n",
		"espial_host_drops_total{interface=\"eth0\",packet=\"outer\",reason=\"NO_SOCKET\"} 31\n",
		"espial_host_drops_total{interface=\"eth0\",packet=\"inner\",reason=\"XFRM_POLICY\"} 32\n",
		"espial_host_drops_total{interface=\"eth0\",packet=\"other\",reason=\"PKT_TOO_BIG\"} 33\n",
		"espial_host_drops_unlisted_total 34\n",
		"espial_host_nic_dropped_total{interface=\"eth0\",counter=\"rx_dropped\"} 21\n",
		"espial_host_nic_dropped_total{interface=\"eth0\",counter=\"rx_missed\"} 22\n",
		"espial_host_nic_dropped_total{interface=\"eth0\",counter=\"rx_errors\"} 23\n",
		"espial_host_nic_dropped_total{interface=\"eth0\",counter=\"tx_dropped\"} 24\n",
		"espial_host_nic_dropped_total{interface=\"eth0\",counter=\"tx_errors\"} 25\n",
		"espial_host_nic_ring_dropped_total{interface=\"eth0\",counter=\"rx_out_of_buffer\"} 26\n",
		"espial_host_nic_queue_packets_total{interface=\"eth0\",queue=\"rx-0\"} 41\n",
		"espial_host_nic_queue_dropped_total{interface=\"eth0\",queue=\"rx-1\"} 44\n",
		"espial_xfrm_notices_total{kind=\"added\"} 11\n",
		"espial_xfrm_notices_total{kind=\"removed\"} 22\n",
		"espial_xfrm_notices_total{kind=\"acquire\"} 30\n",
		"espial_xfrm_overruns_total 55\n",
		"espial_host_softnet_dropped_total 5\n",
		"espial_host_softnet_squeezed_total 6\n",
		"espial_host_cpu_softirq_ratio 0.125000000\n",
	};
	char *text;

	(void)unused;
	fill();
	text = export_metrics(&sample.state, false, false, NULL);
	assert_non_null(text);
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		expect(text, lines[i]);
	free(text);
}

static void absent_metrics(void **unused)
{
	(void)unused;
	fill();
	for (int without = 0; without < 2; without++) {
		char *text;

		host = (struct host_facts){.taken_ns = 1, .cpu_softirq = -1};
		sample.state.host = without ? NULL : &host;
		text = export_metrics(&sample.state, true, false, NULL);
		assert_non_null(text);
		for (const char *at = text; (at = strstr(at, "\nespial_host_")) != NULL; at++)
			fail_msg("%.60s", at + 1);
		for (const char *at = text; (at = strstr(at, "\nespial_xfrm_")) != NULL; at++)
			fail_msg("%.60s", at + 1);
		free(text);
	}
}

static json_t *document(void)
{
	char *text = export_state_json(&sample.state, NULL);
	json_t *ret = json_loads(text, 0, NULL);

	assert_non_null(ret);
	free(text);
	return ret;
}

static void json(void **unused)
{
	json_t *d, *drop;
	const char *interface, *packet, *reason;
	json_int_t no_states, packets, unlisted, missed, dropped, softirq;
	int esp4, esp6;

	(void)unused;
	fill();
	d = document();
	assert_int_equal(json_unpack(d, "{s:{s:{s:I}, s:I, s:[{s:I}], s:{s:I}, s:{s:I}, s:b, s:b}}", "host",
				     "xfrm", "XfrmInNoStates", &no_states, "drops_unlisted", &unlisted,
				     "nics", "rx_missed", &missed, "softnet", "dropped", &dropped, "cpu",
				     "softirq_permille", &softirq, "esp4_offload", &esp4, "esp6_offload",
				     &esp6),
			 0);
	assert_true(no_states == 17 && unlisted == 34 && missed == 22 && dropped == 5 && softirq == 125);
	assert_true(esp4 && !esp6);
	drop = json_array_get(json_object_get(json_object_get(d, "host"), "drops"), 1);
	assert_int_equal(json_unpack(drop, "{s:s, s:s, s:s, s:I}", "interface", &interface, "packet", &packet,
				     "reason", &reason, "packets", &packets),
			 0);
	assert_string_equal(interface, "eth0");
	assert_string_equal(packet, "inner");
	assert_string_equal(reason, "XFRM_POLICY");
	assert_int_equal(packets, 32);
	json_decref(d);

	host = (struct host_facts){.taken_ns = 1, .cpu_softirq = -1};
	d = document();
	assert_int_equal(json_unpack(d, "{s:{s:n, s:n, s:n, s:n, s:n}}", "host", "xfrm", "drops",
				     "drops_unlisted", "softnet", "cpu"),
			 0);
	json_decref(d);
	sample.state.host = NULL;
	d = document();
	assert_true(json_is_null(json_object_get(d, "host")));
	json_decref(d);
}

static void json_of_spaces(void **unused)
{
	const char *name, *why, *queue;
	json_int_t own, sas, refused, removed, dropped, ring, rest;
	json_t *d, *host_part;

	(void)unused;
	fill();
	d = document();
	host_part = json_object_get(d, "host");
	assert_int_equal(json_unpack(json_array_get(json_object_get(host_part, "namespaces"), 0),
				     "{s:n, s:n, s:I}", "name", "why", "sas", &own),
			 0);
	assert_int_equal(json_unpack(json_array_get(json_object_get(host_part, "namespaces"), 1),
				     "{s:s, s:I, s:{s:I}, s:{s:I}}", "name", &name, "sas", &sas, "xfrm",
				     "XfrmInNoStates", &refused, "notices", "removed", &removed),
			 0);
	assert_string_equal(name, "vpn");
	assert_true(own == 3 && sas == 7 && refused == 9 && removed == 20);
	assert_int_equal(json_unpack(json_array_get(json_object_get(host_part, "namespaces"), 2),
				     "{s:b, s:s, s:n, s:n}", "available", &(int){0}, "why", &why, "xfrm",
				     "synced"),
			 0);
	assert_string_equal(why, "network namespace gone: not there");
	assert_int_equal(json_unpack(json_array_get(json_object_get(host_part, "queues"), 1), "{s:s, s:I}",
				     "queue", &queue, "dropped", &dropped),
			 0);
	assert_string_equal(queue, "rx-1");
	assert_int_equal(json_unpack(host_part, "{s:[{s:{s:I}}], s:I}", "nics", "ring", "rx_out_of_buffer",
				     &ring, "queues_unlisted", &rest),
			 0);
	assert_true(dropped == 44 && ring == 26 && rest == 46);
	json_decref(d);
	host.follows_xfrm = false;
	d = document();
	assert_true(json_is_null(json_object_get(json_object_get(d, "host"), "namespaces")));
	json_decref(d);
}

static char *view(void)
{
	json_t *d = document();
	size_t length;
	char *text;
	FILE *out = open_memstream(&text, &length);

	assert_int_equal(ui_print_state(out, d, "host", &(struct ui_options){.width = 120}), 0);
	fclose(out);
	json_decref(d);
	return text;
}

static void text(void **unused)
{
	char *shown;

	(void)unused;
	fill();
	shown = view();
	expect(shown, "XfrmInNoStates         17\n");
	assert_null(strstr(shown, "XfrmInError"));
	expect(shown, "inner   XFRM_POLICY       32\n");
	expect(shown, "12.5% in softirq, 50.0% busy");
	expect(shown, "5 packets dropped, out of budget 6 times");
	expect(shown, "esp4_offload is loaded");
	expect(shown, "vpn                  7         8        9            50  \n");
	expect(shown, "gone                 0         0        0             0  network namespace gone: not "
		      "there\n");
	expect(shown, "eth0       rx-1        43       44         45\n");
	assert_null(strstr(shown, "rx-0"));
	expect(shown, "eth0: rx_out_of_buffer 26\n");
	assert_null(strstr(shown, "rx_fifo_errors"));
	assert_null(strstr(shown, "esp6_offload"));
	free(shown);
	host = (struct host_facts){.taken_ns = 1, .cpu_softirq = -1, .has_drops = true, .has_xfrm = true};
	shown = view();
	expect(shown, "IPsec has refused no packet");
	expect(shown, "has dropped no packet of IPsec");
	free(shown);
	host.has_drops = host.has_xfrm = false;
	shown = view();
	expect(shown, "no /proc/net/xfrm_stat");
	expect(shown, "see the agent's log");
	free(shown);
	sample.state.host = NULL;
	shown = view();
	expect(shown, "Nothing is known of the host");
	free(shown);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metrics),	  cmocka_unit_test(absent_metrics), cmocka_unit_test(json),
		cmocka_unit_test(json_of_spaces), cmocka_unit_test(text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

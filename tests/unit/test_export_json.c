/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_export_json.c - the JSON document, member for member, read back by jansson */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "export/export.h"
#include "state_sample.h"

static json_t *document_of(const struct state *state, bool pretty)
{
	size_t length = 0;
	char *text = pretty ? export_state_json_pretty(state, &length) : export_state_json(state, &length);
	json_error_t error;
	json_t *document;

	assert_non_null(text);
	assert_int_equal(strlen(text), length);
	document = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
	if (!document)
		fail_msg("%s at byte %d of: %s", error.text, error.position, text);
	free(text);
	return document;
}

/* Every member of `wanted` is in `got` with that value; arrays and what is no object must be equal. */
static void expect(const json_t *got, const char *wanted)
{
	json_error_t error;
	json_t *tree = json_loads(wanted, JSON_DECODE_ANY, &error), *value;
	const char *key;

	if (!tree)
		fail_msg("the test itself: %s in %s", error.text, wanted);
	json_object_foreach(tree, key, value) {
		json_t *found = json_object_get(got, key);

		if (!json_equal(found, value)) {
			char *a = json_dumps(found, JSON_ENCODE_ANY | JSON_COMPACT);
			char *b = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

			fail_msg("%s: got %s, wanted %s", key, a ? a : "nothing", b);
		}
	}
	json_decref(tree);
}

static void check_sample(const json_t *d)
{
	const json_t *sas = json_object_get(d, "sas"), *packets = json_object_get(d, "packets");

	expect(d,
	       "{\"espial\": {\"version\": \"1.2.3\", \"schema\": 1}, \"source\": {\"kind\": \"live\", "
	       "\"name\": \"gateway\","
	       "\"first\": \"2023-11-14T22:13:20.123456789Z\", \"last\": \"2023-11-14T22:14:20.000000001Z\"},"
	       "\"ike_sas\": [], \"tunnels\": [], \"findings\": [], \"losses\": {\"evicted\": 21, "
	       "\"refused\": 0,"
	       "\"ring_overrun\": 0, \"events_limited\": 0, \"fragments_untracked\": 0, \"contended\": 22}}");
	expect(packets,
	       "{\"seen\": 1020, \"bytes\": 500000, \"rejected\": {\"esp_short\": 2}, \"class\": {\"esp\": 0,"
	       "\"esp_udp\": 1007, \"ah\": 1, \"ike\": 0, \"ike_natt\": 0, \"nat_keepalive\": 0, \"ipcomp\": "
	       "0,"
	       "\"icmp_quote\": 0, \"fragment\": 0, \"tcp_encap\": 0, \"other\": 10}}");
	assert_int_equal(json_array_size(sas), 2);
	expect(json_array_get(sas, 0),
	       "{\"interface\": \"eth0\", \"direction\": \"in\", \"family\": 4, \"protocol\": \"esp\", "
	       "\"encapsulation\": \"udp\","
	       "\"source\": \"192.0.2.1\", \"source_port\": 1024, \"destination\": \"198.51.100.7\", "
	       "\"destination_port\": 4500,"
	       "\"spi\": \"0x00c0ffee\", \"known\": null, \"tunnel\": null, \"newcomer\": false, "
	       "\"packets\": 1007,"
	       "\"bytes\": 402800, \"first\": \"2023-11-14T22:13:20.123456789Z\", \"last\": "
	       "\"2023-11-14T22:14:20.000000001Z\","
	       "\"sequence\": {\"first\": 5, \"highest\": 4294967305, \"received\": 1001, \"lost\": 31, "
	       "\"pending\": 2, \"late\": 13,"
	       "\"max_late_distance\": 100, \"duplicate\": 3, \"too_old\": 2, \"outlier\": 1, \"restarts\": "
	       "0, \"contended\": 0,"
	       "\"window\": 2016, \"late_distance\": [7, 5, 0, 0, 0, 0, 1], \"burst_length\": [11, 10],"
	       "\"window_drops\": {\"32\": 3, \"64\": 3, \"128\": 2, \"256\": 2, \"512\": 2, \"1024\": 2, "
	       "\"2048\": null,"
	       "\"4096\": null}},"
	       "\"size\": {\"min\": 120, \"max\": 1480}, \"df\": 1000, \"fragmented\": 4, \"fragments\": 9,"
	       "\"fragments_incomplete\": 1, \"dscp\": {\"0\": 900, \"46\": 107}, \"ecn_ce\": 6,"
	       "\"ttl\": {\"min\": 57, \"max\": 60, \"changes\": 8}, \"endpoint_changes\": 2,"
	       "\"interfaces\": [{\"name\": \"eth0\", \"packets\": 1000, \"bytes\": 400000},"
	       "{\"name\": \"eth1\", \"packets\": 7, \"bytes\": 2800}]}");
	expect(json_array_get(sas, 1), "{\"interface\": null, \"direction\": \"out\", \"family\": 6, "
				       "\"protocol\": \"ah\", \"encapsulation\": \"none\","
				       "\"source\": \"2001:db8::1\", \"source_port\": null, \"destination\": "
				       "\"2001:db8::2\", \"destination_port\": null,"
				       "\"spi\": \"0x00000001\", \"known\": true, \"newcomer\": true, "
				       "\"first\": null, \"last\": null,"
				       "\"size\": {\"min\": null, \"max\": null}, \"dscp\": {}, \"ttl\": "
				       "{\"min\": null, \"max\": null, \"changes\": 0},"
				       "\"interfaces\": []}");
	expect(json_object_get(json_array_get(sas, 1), "sequence"),
	       "{\"late_distance\": [0], \"burst_length\": [0]}");
	expect(json_array_get(json_object_get(d, "interfaces"), 0),
	       "{\"name\": \"eth0\", \"ifindex\": 2, \"ingress\": \"xdp native\", \"egress\": \"tcx\","
	       "\"note\": \"foreign program left alone\", \"up\": true, \"mtu\": 1500}");
	expect(json_object_get(json_array_get(json_object_get(d, "interfaces"), 0), "out"),
	       "{\"seen\": 1, \"bytes\": 96}");
	expect(json_object_get(d, "self"), "{\"pid\": 4711, \"started\": \"2023-11-14T22:13:20.123456789Z\", "
					   "\"cpu_ns\": 1500000000, \"rss_bytes\": 8000000,"
					   "\"sa_table\": {\"slots\": 8192, \"used\": 1}, "
					   "\"newcomer_table\": {\"slots\": 4096, \"used\": 1},"
					   "\"memory_bytes\": 20000000, \"bytes_per_sa\": 2500, \"events\": "
					   "40, \"polls\": 41, \"poll_ns_last\": 300000,"
					   "\"tick_hz\": 250}");
	assert_null(json_object_get(d, "ike"));
}

static void test_compact(void **unused)
{
	struct state_sample s;
	json_t *d;
	char *text;

	(void)unused;
	sample_fill(&s);
	d = document_of(&s.state, false);
	check_sample(d);
	json_decref(d);
	text = export_state_json(&s.state, NULL);
	assert_null(strchr(text, '\n'));
	assert_null(strstr(text, "\": "));
	free(text);
}

static void test_pretty(void **unused)
{
	struct state_sample s;
	json_t *d;
	char *text;

	(void)unused;
	sample_fill(&s);
	d = document_of(&s.state, true);
	check_sample(d);
	json_decref(d);
	text = export_state_json_pretty(&s.state, NULL);
	assert_non_null(strstr(text, "\n        \"late_distance\": [7, 5, 0, 0, 0, 0, 1],\n"));
	assert_non_null(strstr(text, "\n      \"dscp\": {\"0\": 900, \"46\": 107},\n"));
	assert_string_equal(text + strlen(text) - 3, "\n}\n");
	free(text);
}

static void test_empty_capture(void **unused)
{
	struct state state = {.kind = STATE_CAPTURE, .name = "-", .version = "v"};
	json_t *d = document_of(&state, false);

	(void)unused;
	expect(d, "{\"source\": {\"kind\": \"pcap\", \"name\": \"-\", \"first\": null, \"last\": null}, "
		  "\"sas\": [],"
		  "\"interfaces\": [], \"self\": null}");
	json_decref(d);
}

static void test_capture_interface(void **unused)
{
	struct state_interface interface = {.ingress = "capture"};
	struct state state = {.interfaces = &interface, .interface_count = 1};
	json_t *d = document_of(&state, false);

	(void)unused;
	expect(json_array_get(json_object_get(d, "interfaces"), 0),
	       "{\"name\": null, \"ifindex\": null, \"ingress\": \"capture\","
	       "\"egress\": null, \"note\": null, \"up\": null, \"mtu\": null}");
	json_decref(d);
}

static void test_unknown_direction(void **unused)
{
	struct state_sample s;
	json_t *d;

	(void)unused;
	sample_fill(&s);
	s.sas[0].direction = ESP_DIR_UNKNOWN;
	s.sas[0].known = 0;
	s.sas[0].encapsulation = ESP_PKT_TCP;
	d = document_of(&s.state, false);
	expect(json_array_get(json_object_get(d, "sas"), 0),
	       "{\"direction\": null, \"known\": false, \"encapsulation\": \"tcp\"}");
	json_decref(d);
}

/* Counters beyond what JSON libraries read stay readable. */
static void test_large_counters(void **unused)
{
	struct state state = {.total.seen = UINT64_MAX, .total.bytes = INT64_MAX};
	json_t *d = document_of(&state, false);

	(void)unused;
	expect(json_object_get(d, "packets"),
	       "{\"seen\": 9223372036854775807, \"bytes\": 9223372036854775807}");
	json_decref(d);
}

static void test_hostile_names(void **unused)
{
	static const struct {
		const char *name, *json;
	} cases[] = {
		{"a\"b\\c", "a\"b\\c"},
		{"\x1b[31mred\x07\x7f",
		 "\x1b[31mred\x07\x7f"}, /* escaped on the way, so the same afterwards */
		{"tab\tline\n", "tab\tline\n"},
		{"bad \xff\xc0\xaf", "bad \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"cut \xe2\x82", "cut \xef\xbf\xbd\xef\xbf\xbd"},
		{"surrogate \xed\xa0\x80", "surrogate \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"good \xe2\x82\xac \xf0\x9f\x94\x92", "good \xe2\x82\xac \xf0\x9f\x94\x92"},
		{"order \xe2\x80\xae.pcap", "order \xe2\x80\xae.pcap"},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct state state = {0};
		json_t *d;
		char *text;

		snprintf(state.name, sizeof(state.name), "%s", cases[i].name);
		d = document_of(&state, false);
		assert_string_equal(json_string_value(json_object_get(json_object_get(d, "source"), "name")),
				    cases[i].json);
		json_decref(d);
		text = export_state_json(&state, NULL);
		for (const char *c = text; *c; c++)
			assert_true((unsigned char)*c >= 0x20 && *c != 0x7f);
		assert_null(strstr(text, "\xe2\x80\xae"));
		free(text);
	}
}

static void test_ike(void **unused)
{
	uint64_t verdicts[IKE_FAULT_COUNT] = {0};
	const struct export_json_options options = {.ike_verdicts = verdicts};
	struct state state = {0};
	json_t *d;
	char *text;

	(void)unused;
	verdicts[IKE_OK] = 10;
	verdicts[IKE_TRUNCATED] = 2;
	verdicts[IKE_FAULT_PAYLOAD_LENGTH] = 3;
	text = export_state_json_with(&state, &options, NULL);
	d = json_loads(text, 0, NULL);
	expect(d, "{\"ike\": {\"messages\": 15, \"truncated\": 2, \"malformed\": {\"payload_length_short\": "
		  "3}}}");
	json_decref(d);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compact),		  cmocka_unit_test(test_pretty),
		cmocka_unit_test(test_empty_capture),	  cmocka_unit_test(test_capture_interface),
		cmocka_unit_test(test_unknown_direction), cmocka_unit_test(test_large_counters),
		cmocka_unit_test(test_hostile_names),	  cmocka_unit_test(test_ike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

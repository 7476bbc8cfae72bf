// SPDX-License-Identifier: GPL-2.0-or-later
/* test_finding_read.c - findings to JSON and back, and into the timeline */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "diagnose/finding_timeline.h"
#include "export/finding_json.h"
#include "ui/finding_read.h"

#define AT UINT64_C(1781735477000000000)

static void make(struct findings *list)
{
	struct finding *f = findings_add(list, FINDING_DPD_TIMEOUT);

	finding_tunnel(f, "left-\"right\"");
	finding_peer(f, "203.0.113.7");
	finding_spi(f, 0xdeadbeef);
	finding_last_good(f, AT - 1, "INFORMATIONAL 6");
	finding_evidence(f, ORIGIN_WIRE, AT, "given up", "after 5");
	finding_evidence_number(f, ORIGIN_KERNEL, 0, "XfrmInError", UINT64_C(1) << 40);
	finding_explains(f, FINDING_PATH_LOSS);
	f->since_ns = AT;
	f->shape = SHAPE_STAYS_DOWN;
	f->confidence = CONFIDENCE_LIKELY;
	f = findings_add(list, FINDING_PATH_LOSS);
	finding_interface(f, "eth0");
	f->until_ns = AT + 5;
	assert_int_equal(findings_finish(list), 0);
}

static char *text_of(const struct findings *list)
{
	struct json_writer w = {0};

	json_write_open(&w, NULL, '{');
	finding_json_write(&w, "findings", list);
	json_write_close(&w, '}');
	return text_take(&w.text, NULL);
}

static void test_round_trip(void **state)
{
	struct findings one = {0}, two = {0};
	json_t *document;
	size_t unknown = 0;
	char *a, *b;

	(void)state;
	make(&one);
	a = text_of(&one);
	document = json_loads(a, 0, NULL);
	assert_non_null(document);
	assert_int_equal(finding_read(json_object_get(document, "findings"), &two, &unknown), 0);
	assert_int_equal(unknown, 0);
	assert_int_equal(two.count, 2);
	b = text_of(&two);
	assert_string_equal(a, b);
	assert_non_null(strstr(a, "\"0xdeadbeef\""));
	json_decref(document);
	free(a);
	free(b);
	findings_free(&one);
	findings_free(&two);
}

/* A document of another version, or of nobody. */
static void test_strange(void **state)
{
	static const char *const texts[] = {
		"[{\"id\": \"no-such-finding\"}, {}, 7, null, {\"id\": 5}]",
		"[{\"id\": \"path-loss\"}]",
		"[{\"id\": \"path-loss\", \"severity\": \"dreadful\", \"subject\": [], \"evidence\": {}}]",
		"[{\"id\": \"path-loss\", \"evidence\": [{}, 1, {\"value\": -3}], \"remedies\": [{}, null]}]",
		"{}",
	};
	static const size_t counts[] = {0, 1, 1, 1, 0}, unknowns[] = {5, 0, 0, 0, 0};

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		json_t *array = json_loads(texts[i], 0, NULL);
		struct findings list = {0};
		size_t unknown = 0;
		char *text;

		assert_non_null(array);
		assert_int_equal(finding_read(array, &list, &unknown), 0);
		assert_int_equal(list.count, counts[i]);
		assert_int_equal(unknown, unknowns[i]);
		text = text_of(&list); /* and nothing of it is missing */
		assert_non_null(text);
		free(text);
		findings_free(&list);
		json_decref(array);
	}
}

static void test_timeline(void **state)
{
	struct timeline_entry entry;
	struct findings list = {0};
	uint8_t peer[16] = {[10] = 0xff, [11] = 0xff, [12] = 203, [14] = 113, [15] = 7};

	(void)state;
	make(&list);
	finding_timeline(list.list[0], true, AT + 60, &entry);
	assert_int_equal(entry.kind, TIMELINE_FINDING_RAISED);
	assert_int_equal(entry.time_ns, AT + 60); /* since when it is so is not when it was told */
	assert_string_equal(entry.id, "dpd-timeout");
	assert_string_equal(entry.tunnel, "left-\"right\"");
	assert_memory_equal(entry.peer, peer, 16);
	assert_int_equal(entry.evidence_count, 3);
	assert_string_equal(entry.evidence[0].what, "since");
	assert_int_equal(entry.evidence[0].at_ns, AT);
	assert_string_equal(entry.evidence[2].value, "1099511627776");
	assert_int_equal(entry.evidence[2].origin, TIMELINE_FROM_KERNEL);
	assert_int_equal(entry.confidence, TIMELINE_LIKELY);
	finding_timeline(list.list[0], true, AT, &entry);
	assert_int_equal(entry.evidence_count, 2);
	finding_timeline(list.list[1], false, AT + 15, &entry);
	assert_int_equal(entry.kind, TIMELINE_FINDING_CLEARED);
	assert_int_equal(entry.time_ns, AT + 15);
	assert_string_equal(entry.evidence[0].what, "until");
	assert_int_equal(entry.evidence[0].at_ns, AT + 5);
	assert_int_equal(entry.severity, TIMELINE_INFO);
	finding_timeline(list.list[1], true, 77, &entry); /* it does not know since when */
	assert_int_equal(entry.time_ns, 77);
	findings_free(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_strange),
		cmocka_unit_test(test_timeline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* test_finding.c - the catalogue as a whole, findings, and their JSON */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "diagnose/catalogue.h"
#include "export/finding_json.h"
#include "ui/finding_text.h"

static const char *nothing(const void *arg, const char *key, size_t length)
{
	(void)arg;
	assert_true(length > 0 && length < 16 && islower((unsigned char)*key));
	return NULL;
}

static char *expanded(const char *sentence, bool command,
		      const char *(*value)(const void *arg, const char *key, size_t length))
{
	size_t size;
	char *text = NULL;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	catalogue_expand(out, sentence, command, value, NULL);
	assert_int_equal(fclose(out), 0);
	return text;
}

/* Every sentence reads well when nothing is known */
static void check_prose(const char *sentence, bool command)
{
	char *text = expanded(sentence, command, nothing);

	assert_true(*text);
	assert_null(strstr(text, "  "));
	assert_null(strstr(text, " ,"));
	assert_null(strstr(text, " ."));
	assert_null(strstr(text, ".."));
	assert_int_not_equal(text[strlen(text) - 1], ' ');
	if (!command) {
		assert_null(strchr(text, '{'));
		assert_null(strchr(text, '}'));
	}
	free(text);
}

static void catalogue_reads_well(void **state)
{
	(void)state;
	for (size_t i = 0; i < FINDING_COUNT; i++) {
		const struct catalogue_row *row = catalogue_row((enum finding_id)i);
		char *meaning = expanded(row->meaning, false, nothing);

		assert_int_equal(strspn(row->id, "abcdefghijklmnopqrstuvwxyz-"), strlen(row->id));
		assert_int_equal(catalogue_find(row->id), i); /* thus unique */
		assert_in_range(row->section, 'A', 'E');
		assert_true(row->sources && row->sources < FROM(ORIGINS));
		check_prose(row->meaning, false);
		check_prose(row->action, false);
		assert_true(isupper((unsigned char)*meaning));
		assert_int_equal(meaning[strlen(meaning) - 1], '.');
		free(meaning);
		assert_true(row->remedy_count > 0);
		for (size_t k = 0; k < row->remedy_count; k++) {
			check_prose(row->remedies[k].text, false);
			if (row->remedies[k].command)
				check_prose(row->remedies[k].command, true);
		}
	}
	assert_int_equal(catalogue_find("no-such-finding"), FINDING_COUNT);
}

static const char *given(const void *arg, const char *key, size_t length)
{
	(void)arg;
	if (length == 4 && memcmp(key, "safe", 4) == 0)
		return "10.0.0.1";
	if (length == 4 && memcmp(key, "evil", 4) == 0)
		return "x; reboot";
	return NULL;
}

static void check_expansion(const char *sentence, bool command, const char *wanted)
{
	char *text = expanded(sentence, command, given);

	assert_string_equal(text, wanted);
	free(text);
}

static void expansion(void **state)
{
	(void)state;
	check_expansion("a {safe|b} c", false, "a 10.0.0.1 c");
	check_expansion("a {safe} c", false, "a 10.0.0.1 c");
	check_expansion("a{none} c", false, "a c");
	check_expansion("a {none|from {safe|x}} c", false, "a from 10.0.0.1 c");
	check_expansion("a {none|from {none|x}} c", false, "a from x c");
	check_expansion("{evil|y}", false, "x; reboot");
	check_expansion("ping {evil|<peer>}", true, "ping <peer>");
	check_expansion("ping {safe|<peer>} | grep x", true, "ping 10.0.0.1 | grep x");
	check_expansion("meter '{ ip saddr }' {safe}", true, "meter '{ ip saddr }' 10.0.0.1");
	check_expansion("cut {safe", false, "cut 10.0.0.1");
	check_expansion("cut {", false, "cut {");
}

static struct finding *sample(struct findings *list)
{
	struct finding *f = findings_add(list, FINDING_DPD_TIMEOUT);

	assert_non_null(f);
	finding_peer(f, "203.0.113.7");
	finding_tunnel(f, "hq\033[2J");
	finding_spi(f, 0xc0ffee);
	finding_set(f, "detail", ": %u retransmissions", 4);
	finding_set(f, "detail", ": %u retransmissions", 5);
	finding_last_good(f, 1700000000000000000, "INFORMATIONAL 7");
	finding_evidence(f, ORIGIN_WIRE, 1700000001000000000, "retransmit", "of \"7\"");
	finding_evidence_number(f, ORIGIN_KERNEL, 0, "XfrmInNoStates", 12);
	finding_explains(f, FINDING_TUNNEL_FLAPPING);
	finding_explains(f, FINDING_TUNNEL_FLAPPING);
	f->since_ns = 1700000002000000000;
	f->shape = SHAPE_STAYS_DOWN;
	return f;
}

static void order_and_search(void **state)
{
	struct findings list = {0};
	struct finding *f;

	(void)state;
	findings_add(&list, FINDING_WEAK_CRYPTO);
	f = findings_add(&list, FINDING_TUNNEL_FLAPPING);
	finding_peer(f, "b");
	f = findings_add(&list, FINDING_TUNNEL_FLAPPING);
	finding_peer(f, "a");
	findings_add(&list, FINDING_IKE_AUTH_FAILED);
	assert_int_equal(findings_finish(&list), 0);
	assert_int_equal(list.list[0]->id, FINDING_IKE_AUTH_FAILED);
	assert_string_equal(list.list[1]->peer, "a");
	assert_string_equal(list.list[2]->peer, "b");
	assert_int_equal(list.list[3]->id, FINDING_WEAK_CRYPTO);
	assert_ptr_equal(findings_find(&list, FINDING_TUNNEL_FLAPPING, "b"), list.list[2]);
	assert_ptr_equal(findings_find(&list, FINDING_WEAK_CRYPTO, ""), list.list[3]);
	assert_null(findings_find(&list, FINDING_WEAK_CRYPTO, "b"));
	findings_remove(&list, list.list[1]);
	assert_int_equal(list.count, 3);
	assert_non_null(findings_find(&list, FINDING_TUNNEL_FLAPPING, NULL));
	assert_null(findings_find(&list, FINDING_TUNNEL_FLAPPING, "a"));
	findings_free(&list);
	/* Memory that ran out is a NULL finding, which all take */
	finding_peer(NULL, "x");
	finding_set(NULL, "x", "y");
	finding_evidence(NULL, ORIGIN_LOG, 0, "x", "y");
	finding_explains(NULL, FINDING_WEAK_CRYPTO);
}

static void as_json(void **state)
{
	struct findings list = {0};
	struct json_writer w = {0};
	json_t *document, *f;
	char *text;

	(void)state;
	sample(&list);
	assert_int_equal(findings_finish(&list), 0);
	finding_json_write(&w, NULL, &list);
	text = text_take(&w.text, NULL);
	assert_non_null(text);
	document = json_loads(text, 0, NULL);
	assert_non_null(document);
	f = json_array_get(document, 0);
	assert_string_equal(json_string_value(json_object_get(f, "id")), "dpd-timeout");
	assert_string_equal(json_string_value(json_object_get(f, "severity")), "critical");
	assert_string_equal(json_string_value(json_object_get(f, "confidence")), "certain");
	assert_string_equal(json_string_value(json_object_get(f, "shape")), "stays-down");
	assert_true(json_is_null(json_object_get(f, "until")));
	assert_string_equal(json_string_value(json_object_get(json_object_get(f, "subject"), "spi")),
			    "0x00c0ffee");
	assert_true(json_is_null(json_object_get(json_object_get(f, "subject"), "interface")));
	assert_string_equal(json_string_value(json_object_get(f, "meaning")),
			    "203.0.113.7 stopped answering and was declared dead: 5 retransmissions.");
	assert_int_equal(json_array_size(json_object_get(f, "evidence")), 2);
	assert_int_equal(json_array_size(json_object_get(f, "explains")), 1);
	assert_string_equal(json_string_value(json_object_get(
				    json_array_get(json_object_get(f, "remedies"), 0), "command")),
			    "ping -c 3 203.0.113.7; traceroute -U -p 500 203.0.113.7");
	json_decref(document);
	free(text);
	findings_free(&list);
}

static void as_text(void **state)
{
	const struct finding_text_options full = {0}, brief = {.brief = true};
	const struct ui_options plain = {0};
	struct findings list = {0};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	sample(&list);
	assert_int_equal(findings_finish(&list), 0);
	ui_print_findings(out, &list, &brief, &plain);
	fflush(out);
	assert_string_equal(text, "CRITICAL hq\\x1b[2J, since 2023-11-14 22:13:22 UTC: 203.0.113.7 stopped "
				  "answering and was declared dead: 5 "
				  "retransmissions. To do: check the path to 203.0.113.7 and whether it "
				  "restarted.\n");
	ui_print_findings(out, &list, &full, &plain);
	assert_int_equal(fclose(out), 0);
	assert_null(strchr(text, '\033'));
	assert_non_null(strstr(text, "since 2023-11-14 22:13:22 UTC; the tunnel went down and stays down\n"));
	assert_non_null(strstr(text, "last good INFORMATIONAL 7, 2023-11-14 22:13:20 UTC\n"));
	assert_non_null(strstr(text, "because   22:13:21 retransmit: of \"7\"\n"));
	assert_non_null(strstr(text, "XfrmInNoStates: 12\n"));
	free(text);
	findings_free(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(catalogue_reads_well),
		cmocka_unit_test(expansion),
		cmocka_unit_test(order_and_search),
		cmocka_unit_test(as_json),
		cmocka_unit_test(as_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_ui.c - what people read: numbers, alignment, widths, colours, and text of others that stays harmless */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "export/export.h"
#include "export/text.h"
#include "state_sample.h"
#include "ui/format.h"
#include "ui/ui.h"
#include "ui/view.h"

/* ---- helpers ---- */

static char *view_of(json_t *document, const char *view, struct ui_options options, int wanted)
{
	size_t length;
	char *text;
	FILE *out = open_memstream(&text, &length);

	assert_int_equal(ui_print_state(out, document, view, &options), wanted);
	fclose(out);
	return text;
}

static json_t *document_of(const struct state *state)
{
	char *text = export_state_json(state, NULL);
	json_t *document = json_loads(text, 0, NULL);

	assert_non_null(document);
	free(text);
	return document;
}

static json_t *sample_document(void)
{
	struct state_sample s;

	sample_fill(&s);
	return document_of(&s.state);
}

static void expect(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no '%s' in:\n%s", part, text);
}

static unsigned int widest_line(const char *text)
{
	unsigned int widest = 0;
	char *copy = strdup(text), *rest = copy, *line;

	while ((line = strsep(&rest, "\n")) != NULL)
		if (format_columns(line) > widest)
			widest = format_columns(line);
	free(copy);
	return widest;
}

/* ---- numbers ---- */

static void test_count(void **unused)
{
	static const struct {
		uint64_t value;
		const char *text;
	} cases[] = {
		{0, "0"},
		{99999, "99999"},
		{100000, "100k"},
		{999499, "999k"},
		{999500, "1.00M"},
		{1234567, "1.23M"},
		{9995000, "10.0M"},
		{12345678, "12.3M"},
		{999999999, "1.00G"},
		{UINT64_MAX, "18.4E"},
	};
	char text[FORMAT_SIZE];

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		format_count(cases[i].value, text);
		assert_string_equal(text, cases[i].text);
	}
}

static void test_bytes_and_percent(void **unused)
{
	char text[FORMAT_SIZE];

	(void)unused;
	format_bytes(999, text);
	assert_string_equal(text, "999 B");
	format_bytes(1000, text);
	assert_string_equal(text, "1.00 kB");
	format_bytes(1500000, text);
	assert_string_equal(text, "1.50 MB");
	format_percent(0, 0, text);
	assert_string_equal(text, "-");
	format_percent(0, 10, text);
	assert_string_equal(text, "0%");
	format_percent(1, 1000000, text);
	assert_string_equal(text, "<0.01%");
	format_percent(1, 100, text);
	assert_string_equal(text, "1.00%");
	format_percent(UINT64_MAX, UINT64_MAX, text);
	assert_string_equal(text, "100.0%");
}

static void test_duration(void **unused)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} cases[] = {
		{0, "0.000 s"},
		{1500000000, "1.500 s"},
		{59900000000, "59.9 s"},
		{60000000000, "1 min 0 s"},
		{3599000000000, "59 min 59 s"},
		{3600000000000, "1 h 0 min"},
		{90000000000000, "1 d 1 h"},
	};
	char text[FORMAT_SIZE];

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		format_duration(cases[i].ns, text);
		assert_string_equal(text, cases[i].text);
	}
}

static void test_time(void **unused)
{
	char text[TEXT_TIME_SIZE];

	(void)unused;
	assert_true(text_time(SAMPLE_FIRST, text));
	assert_string_equal(text, "2023-11-14T22:13:20.123456789Z");
	assert_int_equal(format_parse_time(text), SAMPLE_FIRST);
	assert_true(text_time(UINT64_MAX, text));
	assert_int_equal(format_parse_time(text), UINT64_MAX);
	assert_int_equal(format_parse_time(""), 0);
	assert_int_equal(format_parse_time("2023-11-14T22:13:20Z"), 0);
	assert_int_equal(format_parse_time("never"), 0);
}

static void test_fit(void **unused)
{
	(void)unused;
	assert_int_equal(format_fit("abc", 2), 2);
	assert_int_equal(format_fit("abc", 5), 3);
	assert_int_equal(format_fit("\xe2\x82\xac\xe2\x82\xac", 1), 3);
	assert_int_equal(format_columns("a\xe2\x82\xac"), 2);
}

/* ---- views ---- */

static void test_summary(void **unused)
{
	json_t *d = sample_document();
	char *text = view_of(d, NULL, (struct ui_options){0}, 0);

	(void)unused;
	expect(text, "live on gateway\n");
	expect(text, "watched     eth0: in by xdp native, out by tcx (foreign program left alone)\n");
	expect(text, "2023-11-14 22:13:20 to 22:14:20 UTC, 59.9 s\n");
	expect(text, "1020, 500 kB of IP: esp_udp 1007, ah 1, other 10\n");
	expect(text, "rejected    2 esp_short: packet ends inside the ESP header\n");
	expect(text, "unobserved  21 evicted: packets of SAs whose entry was replaced");
	expect(text, "2, 1 with loss, 1 too new to be sure of, 2 numbers skipped that may still come\n");
	expect(text, "192.0.2.1:1024 -> 198.51.100.7:4500  0x00c0ffee  esp/udp");
	expect(text, "2001:db8::1 -> 2001:db8::2");
	assert_null(strchr(text, '\t'));
	assert_null(strchr(text, '\033'));
	assert_null(strstr(text, "LOST never came")); /* legends are for terminals */
	free(text);
	json_decref(d);
}

static void test_sas(void **unused)
{
	json_t *d = sample_document();
	char *text = view_of(d, "sas", (struct ui_options){0}, 0);

	(void)unused;
	expect(text, "  in   192.0.2.1:1024 -> 198.51.100.7:4500  0x00c0ffee  esp/udp     1007  403 kB      "
		     "1001    31  3.00%    13 (100)  "
		     "  3        2     1         0           4 (1)  120-1480  22:14:20\n");
	expect(text, "  out  2001:db8::1 -> 2001:db8::2           0x00000001  ah             1    96 B       "
		     "  1     0     0%           0 "
		     "   0        0     0         0               0         -  -\n");
	free(text);
	json_decref(d);
}

/* Whoever loses most comes first, whatever the order in the document. */
static void test_worst_first(void **unused)
{
	struct state_sample s;
	json_t *d;
	char *text;

	(void)unused;
	sample_fill(&s);
	s.sas[1].sequence.lost = 32;
	d = document_of(&s.state);
	text = view_of(d, "sas", (struct ui_options){0}, 0);
	assert_true(strstr(text, "0x00000001") < strstr(text, "0x00c0ffee"));
	free(text);
	json_decref(d);
}

static void test_many_sas(void **unused)
{
	struct state_sa sas[25];
	struct state state = {.sas = sas, .sa_count = 25};
	char *text;
	json_t *d;

	(void)unused;
	for (uint32_t i = 0; i < 25; i++) {
		sample_first_sa(&sas[i]);
		sas[i].spi = i;
	}
	d = document_of(&state);
	text = view_of(d, NULL, (struct ui_options){0}, 0);
	expect(text, "and 15 more");
	free(text);
	text = view_of(d, "sas", (struct ui_options){0}, 0);
	expect(text, "0x00000018");
	free(text);
	json_decref(d);
}

static void test_width(void **unused)
{
	json_t *d = sample_document();

	(void)unused;
	for (unsigned int width = 80; width <= 200; width += 10) {
		char *text = view_of(d, "sas", (struct ui_options){.width = width}, 0);

		if (widest_line(text) >
		    width + 20) /* legends may be wider than a narrow terminal; rows may not */
			fail_msg("wider than %u:\n%s", width, text);
		for (char *rest = text, *line; (line = strsep(&rest, "\n")) != NULL;)
			if (strstr(line, "0x00c0ffee"))
				assert_true(format_columns(line) <= width);
		free(text);
	}
	json_decref(d);
}

/* What matters most goes last: on 80 columns the loss is still there. */
static void test_narrow_keeps_loss(void **unused)
{
	json_t *d = sample_document();
	char *text = view_of(d, "sas", (struct ui_options){.width = 80}, 0);

	(void)unused;
	expect(text, "LOSS");
	expect(text, "3.00%");
	expect(text, "on a wider terminal");
	free(text);
	json_decref(d);
}

static void test_color(void **unused)
{
	json_t *d = sample_document();
	char *text = view_of(d, "sas", (struct ui_options){.width = 200, .color = true}, 0);

	(void)unused;
	expect(text, "\033[1;31m31\033[0m");
	expect(text, "\033[33m3\033[0m");
	free(text);
	json_decref(d);
}

static void test_interfaces(void **unused)
{
	json_t *d = sample_document();
	char *text = view_of(d, "interfaces", (struct ui_options){0}, 0);

	(void)unused;
	expect(text, "  eth0  up    xdp native  tcx     1500  1020      1007    500 kB    1          1       "
		     "96 B         2\n");
	expect(text, "  eth0: foreign program left alone\n");
	free(text);
	json_decref(d);
}

static void test_self(void **unused)
{
	struct state capture = {.kind = STATE_CAPTURE};
	json_t *d = sample_document();
	char *text = view_of(d, "self", (struct ui_options){0}, 0);

	(void)unused;
	expect(text, "espial 1.2.3\n");
	expect(text, "process         4711\n");
	expect(text, "started         2023-11-14 22:13:20 UTC\n");
	expect(text, "CPU time        1.500 s\n");
	expect(text, "SA table        1 of 8192 used, 0.01%\n");
	expect(text, "last poll       0.300 ms\n");
	free(text);
	json_decref(d);
	d = document_of(&capture);
	text = view_of(d, "self", (struct ui_options){0}, 0);
	expect(text, "no agent");
	free(text);
	json_decref(d);
}

static void test_nothing_seen(void **unused)
{
	struct state state = {.kind = STATE_CAPTURE, .name = "empty.pcap"};
	json_t *d = document_of(&state);
	char *text = view_of(d, NULL, (struct ui_options){.width = 80}, 0);

	(void)unused;
	expect(text, "capture empty.pcap\n");
	expect(text, "none: no ESP and no AH was seen\n");
	free(text);
	text = view_of(d, "sas", (struct ui_options){0}, 0);
	expect(text, "No security associations");
	free(text);
	text = view_of(d, "interfaces", (struct ui_options){0}, 0);
	expect(text, "No interfaces.\n");
	free(text);
	json_decref(d);
}

/* ---- documents of others ---- */

static void test_wrong_documents(void **unused)
{
	static const char *const documents[] = {"{}", "[]", "{\"espial\": 1}",
						"{\"espial\": {\"schema\": 2}}"};

	(void)unused;
	for (size_t i = 0; i < sizeof(documents) / sizeof(*documents); i++) {
		json_t *d = json_loads(documents[i], 0, NULL);
		char *text = view_of(d, NULL, (struct ui_options){0}, -EINVAL);

		assert_string_equal(text, "");
		free(text);
		json_decref(d);
	}
}

static void test_unknown_view(void **unused)
{
	json_t *d = sample_document();
	char *text = view_of(d, "sums", (struct ui_options){0}, -EINVAL);
	const char *const *words;
	size_t count;

	(void)unused;
	free(text);
	words = ui_view_words(&count);
	for (size_t i = 0; i < count; i++) {
		text = view_of(d, words[i], (struct ui_options){0}, 0);
		assert_true(*text != '\0');
		free(text);
	}
	json_decref(d);
}

/* Members missing or of another type: every view still ends well. */
static void test_odd_members(void **unused)
{
	static const char *const documents[] = {
		"{\"espial\": {\"schema\": 1}}",
		"{\"espial\": {\"schema\": 1}, \"sas\": [1, null, {}, {\"spi\": 3, \"sequence\": []}], "
		"\"packets\": 7,"
		"\"interfaces\": [null, {\"name\": 1, \"in\": 5}], \"source\": \"x\", \"self\": "
		"{\"started\": \"y\"}, \"ike\": []}",
		"{\"espial\": {\"schema\": 1}, \"sas\": {}, \"interfaces\": 3, \"packets\": {\"class\": [], "
		"\"rejected\": {\"a\": -1}},"
		"\"source\": {\"first\": \"2\", \"last\": \"3\"}}",
	};
	static const char *const views[] = {NULL, "sas", "interfaces", "self"};

	(void)unused;
	for (size_t i = 0; i < sizeof(documents) / sizeof(*documents); i++)
		for (size_t v = 0; v < sizeof(views) / sizeof(*views); v++) {
			json_t *d = json_loads(documents[i], 0, NULL);

			assert_non_null(d);
			free(view_of(d, views[v], (struct ui_options){.width = 60, .color = true}, 0));
			json_decref(d);
		}
}

static void test_hostile_text(void **unused)
{
	json_t *d = json_loads(
		"{\"espial\": {\"schema\": 1, \"version\": \"\\u001b[1m\"}, \"source\": {\"kind\": \"pcap\","
		"\"name\": \"\\u001b]0;owned\\u0007\\u202e\\u009b\"}, \"packets\": {\"class\": "
		"{\"\\u001b[2J\": 3}},"
		"\"interfaces\": [{\"name\": \"a\\nb\\t\\u001b[31m\", \"note\": \"\\u001b[0m\"}],"
		"\"sas\": [{\"source\": \"\\u001b[1m\", \"spi\": \"\\r\", \"direction\": \"\\u007f\"}], "
		"\"self\": {}}",
		0, NULL);
	static const char *const views[] = {NULL, "sas", "interfaces", "self"};

	(void)unused;
	assert_non_null(d);
	for (size_t v = 0; v < sizeof(views) / sizeof(*views); v++) {
		char *text = view_of(d, views[v], (struct ui_options){0}, 0);

		for (const char *c = text; *c; c++)
			assert_true((unsigned char)*c >= 0x20 ? *c != 0x7f : *c == '\n');
		assert_null(strstr(text, "\xc2\x9b"));
		assert_null(strstr(text, "\xe2\x80\xae"));
		free(text);
	}
	free(view_of(d, NULL, (struct ui_options){0}, 0));
	json_decref(d);
}

static void test_clean(void **unused)
{
	struct text t = {0};
	char *text;

	(void)unused;
	text_clean(&t, "a\x1b\xe2\x80\xae\xff\xc3\xa9");
	text = text_take(&t, NULL);
	assert_string_equal(text, "a\\x1b\\u202e\xef\xbf\xbd\xc3\xa9");
	free(text);
}

/* All code points there and back; everything that is not UTF-8 becomes U+FFFD, one per byte. */
static void test_utf8(void **unused)
{
	(void)unused;
	for (uint32_t rune = 1; rune <= 0x10ffff; rune++) {
		struct text t = {0};
		const char *pos;
		char *text;

		if (rune == 0xd800)
			rune = 0xe000;
		if (rune > 0x3000 && rune % 97)
			continue;
		text_rune(&t, rune);
		text = text_take(&t, NULL);
		pos = text;
		assert_int_equal(text_next_rune(&pos), rune);
		assert_int_equal(text_next_rune(&pos), 0);
		free(text);
	}
	for (unsigned int first = 0x80; first < 0x100; first++) {
		char alone[] = {(char)first, '\0'};
		const char *pos = alone;

		assert_int_equal(text_next_rune(&pos), 0xfffd);
		assert_int_equal(text_next_rune(&pos), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_bytes_and_percent),
		cmocka_unit_test(test_duration),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_fit),
		cmocka_unit_test(test_summary),
		cmocka_unit_test(test_sas),
		cmocka_unit_test(test_worst_first),
		cmocka_unit_test(test_many_sas),
		cmocka_unit_test(test_width),
		cmocka_unit_test(test_narrow_keeps_loss),
		cmocka_unit_test(test_color),
		cmocka_unit_test(test_interfaces),
		cmocka_unit_test(test_self),
		cmocka_unit_test(test_nothing_seen),
		cmocka_unit_test(test_wrong_documents),
		cmocka_unit_test(test_unknown_view),
		cmocka_unit_test(test_odd_members),
		cmocka_unit_test(test_hostile_text),
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

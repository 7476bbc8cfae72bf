// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_log.c - libFuzzer target of `espial explain`: any text as a log, up to its findings and their JSON
 *
 * Beside memory safety (ASan, UBSan) it asserts that lines are counted once, that findings have evidence and sentences, and that
 * the document is JSON.
 */
#include "diagnose/log_diagnose.h"

#include <jansson.h>

#include "export/log_json.h"
#include "fuzz/fuzz.h"
#include "source/log_load.h"

static void check_findings(const struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *f = findings->list[i];

		CHECK(f->meaning && *f->meaning && f->action && *f->action);
		CHECK(f->evidence_count > 0 && f->remedy_count > 0);
		CHECK(!f->until_ns || f->until_ns >= f->since_ns);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct log_load_options load = {.now_ns = 1773144000000000000ULL};
	const struct log_diagnose_options limits = {0};
	const struct log_json_options json = {.version = "fuzz", .name = "fuzz", .limits = &limits};
	static struct log_matcher *matcher; /* made once: it is never written to */
	struct findings findings = {0};
	struct log_timeline t;
	json_t *document;
	size_t length;
	char *text;

	if (!matcher)
		matcher = log_matcher_new();
	if (log_timeline_init(&t, matcher))
		return 0;
	t.keep_unknown = true;
	if (!log_load_text(&t, "fuzz.log", (const char *)data, size, &load) && !log_timeline_finish(&t) &&
	    !log_diagnose(&t, &limits, &findings)) {
		CHECK(t.lines == t.recognised + t.unknown + t.foreign);
		CHECK(t.count <= t.recognised);
		check_findings(&findings);
		text = export_log_json(&t, &findings, &json, &length);
		if (text) {
			document = json_loadb(text, length, 0, NULL);
			CHECK(document);
			json_decref(document);
		}
		free(text);
	}
	findings_free(&findings);
	log_timeline_destroy(&t);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log_explained.h - lines of a log, and what is said of them; behind cmocka.h */
#ifndef ESPIAL_TESTS_UNIT_LOG_EXPLAINED_H
#define ESPIAL_TESTS_UNIT_LOG_EXPLAINED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "diagnose/catalogue.h"
#include "diagnose/log_diagnose.h"
#include "source/log_load.h"

#define SECOND 1000000000ULL
#define REFERENCE (1773144000ULL * SECOND) /* 2026-03-10T12:00:00Z */

struct explained {
	struct log_timeline t;
	struct findings findings;
};

static inline struct explained explain_within(const char *text, const struct log_diagnose_options *limits)
{
	const struct log_load_options options = {.now_ns = REFERENCE};
	struct explained e = {0};

	setenv("TZ", "UTC", 1);
	tzset();
	assert_int_equal(log_timeline_init(&e.t, NULL), 0);
	assert_int_equal(log_load_text(&e.t, "gw.log", text, strlen(text), &options), 0);
	assert_int_equal(log_timeline_finish(&e.t), 0);
	assert_int_equal(log_diagnose(&e.t, limits, &e.findings), 0);
	return e;
}

static inline struct explained explain(const char *text)
{
	const struct log_diagnose_options no_limits = {0};

	return explain_within(text, &no_limits);
}

static inline void forget(struct explained *e)
{
	findings_free(&e->findings);
	log_timeline_destroy(&e->t);
}

/* Exactly these findings, "id peer" each, in order, between blanks */
static inline void says(const char *text, const char *wanted)
{
	struct explained e = explain(text);
	char said[512] = "";

	for (size_t i = 0; i < e.findings.count; i++) {
		const struct finding *f = e.findings.list[i];
		size_t used = strlen(said);

		snprintf(said + used, sizeof(said) - used, "%s%s %s", i ? " " : "", catalogue_row(f->id)->id,
			 f->peer ? f->peer : "-");
	}
	assert_string_equal(said, wanted);
	forget(&e);
}

#define UP(t, id) "2026-03-01T" t " 08[IKE] IKE_SA hq[" id "] established between 10.1.0.2[a]...10.2.0.2[b]\n"
#define CHARON(t, m) "2026-03-01T" t " 08[IKE] <hq|1> " m "\n"

#endif

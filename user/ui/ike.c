// SPDX-License-Identifier: GPL-2.0-or-later
/* ike.c - the table of IKE SAs: what needs a look comes first, and says why below it */
#include "ui/view.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ui/format.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *name;
	unsigned int order; /* in the table: lowest first */
	enum ui_style style;
} states[] = {
	{"dead", 0, UI_BAD},	      {"failed", 1, UI_BAD},  {"negotiating", 2, UI_WARN},
	{"established", 3, UI_PLAIN}, {"deleted", 4, UI_DIM}, {"rekeyed", 5, UI_DIM},
};

static size_t state_of(const json_t *ike)
{
	const char *name = view_string(ike, "state");
	size_t i;

	for (i = 0; i < COUNT(states) - 1 && strcmp(states[i].name, name) != 0; i++)
		;
	return i;
}

static int by_state(const void *a, const void *b)
{
	const json_t *const *x = a, *const *y = b;
	unsigned int left = states[state_of(*x)].order, right = states[state_of(*y)].order;

	if (left != right)
		return left < right ? -1 : 1;
	return -strcmp(view_string(*x, "last"), view_string(*y, "last")); /* the latest first */
}

static void add_count(struct ui_table *t, uint64_t value, enum ui_style style)
{
	char number[FORMAT_SIZE];

	format_count(value, number);
	ui_table_add(t, value ? style : UI_DIM, number);
}

/* "INFORMATIONAL 7 ok 12.3 ms", "IKE_AUTH 1 no answer". */
static void add_last_exchange(struct ui_table *t, const json_t *ike)
{
	json_t *exchanges = view_get(ike, "exchanges"), *x, *last = NULL;
	const char *outcome = "no answer yet";
	char text[128];
	size_t i;

	json_array_foreach(exchanges, i, x) {
		if (!last || strcmp(view_string(x, "request"), view_string(last, "request")) >= 0)
			last = x;
	}
	if (!last) {
		ui_table_add(t, UI_DIM, "-");
		return;
	}
	if (*view_string(last, "response"))
		outcome = *view_string(last, "outcome") ? view_string(last, "outcome") : "answered";
	else if (*view_string(last, "given_up"))
		outcome = "given up";
	snprintf(text, sizeof(text), "%.40s %" PRIu64 " %.40s", view_string(last, "type"),
		 view_number(last, "message_id"), outcome);
	ui_table_add(t, *view_string(last, "response") ? UI_PLAIN : UI_WARN, text);
}

static void add_time(struct ui_table *t, const char *time)
{
	char text[32];

	if (strlen(time) < 20) {
		ui_table_add(t, UI_DIM, "-");
		return;
	}
	snprintf(text, sizeof(text), "%.10s %.8s", time, time + 11);
	ui_table_add(t, UI_PLAIN, text);
}

static void add_row(struct ui_table *t, const json_t *ike)
{
	const char *nat = view_string(ike, "nat"), *mode = view_string(ike, "mode");
	char text[64];

	ui_table_add(t, states[state_of(ike)].style, view_string(ike, "state"));
	snprintf(text, sizeof(text), "v%.1s%s%.12s", view_string(ike, "version"), *mode ? " " : "", mode);
	ui_table_add(t, UI_PLAIN, text);
	ui_table_add(t, UI_BOLD, view_string(ike, "initiator"));
	ui_table_add(t, UI_BOLD, view_string(ike, "responder"));
	add_time(t, view_string(ike, "since"));
	add_count(t, view_number(ike, "messages"), UI_PLAIN);
	add_count(t, view_number(ike, "retransmits"), UI_WARN);
	add_last_exchange(t, ike);
	ui_table_add(t, *nat && strcmp(nat, "none") != 0 ? UI_PLAIN : UI_DIM, *nat ? nat : "-");
	ui_table_add(t, UI_DIM, view_string(ike, "initiator_spi"));
}

/* Why a row is not as it should be is too long for a column. */
static void print_reasons(FILE *out, json_t *const *sorted, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (states[state_of(sorted[i])].order > 1)
			continue;
		fputs("  ", out);
		ui_clean(out, view_string(sorted[i], "initiator"));
		fputs(" - ", out);
		ui_clean(out, view_string(sorted[i], "responder"));
		fprintf(out, ": %s", *view_string(sorted[i], "confidence") == 'c' ? "" : "probably: ");
		ui_clean(out, view_string(sorted[i], "evidence"));
		fputc('\n', out);
	}
}

int view_ike(FILE *out, json_t *document, const struct ui_options *options)
{
	static const struct ui_column columns[] = {
		{"STATE", false, 0},	     {"IKE", false, 5},		  {"INITIATOR", false, 0},
		{"RESPONDER", false, 0},     {"SINCE (UTC)", false, 2},	  {"MESSAGES", true, 4},
		{"RETRANS", true, 1},	     {"LAST EXCHANGE", false, 3}, {"NAT", false, 6},
		{"INITIATOR SPI", false, 7},
	};
	json_t *list = view_get(document, "ike_sas"), *ike, **sorted;
	size_t count = json_array_size(list), i;
	struct ui_table t;
	int hidden;

	if (!count) {
		fputs("No IKE messages were seen.\n", out);
		return 0;
	}
	sorted = calloc(count, sizeof(json_t *));
	if (!sorted)
		return -ENOMEM;
	json_array_foreach(list, i, ike) {
		sorted[i] = ike;
	}
	qsort(sorted, count, sizeof(json_t *), by_state);
	ui_table_begin(&t, columns, COUNT(columns));
	for (i = 0; i < count; i++)
		add_row(&t, sorted[i]);
	hidden = ui_table_print(out, &t, options);
	if (hidden >= 0)
		print_reasons(out, sorted, count);
	free(sorted);
	return hidden < 0 ? hidden : 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* tunnels.c - the table of tunnels: what is down comes first, and says why below it */
#include "ui/view.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ui/format.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *name;
	enum ui_style style;
} states[] = {
	{"down", UI_BAD},
	{"negotiating", UI_WARN},
	{"up", UI_PLAIN},
	{"idle", UI_DIM},
};

static size_t state_of(const json_t *tunnel)
{
	const char *name = view_string(tunnel, "state");
	size_t i;

	for (i = 0; i < COUNT(states) - 1 && strcmp(states[i].name, name) != 0; i++)
		;
	return i;
}

/* The latest change first, among those in one state. */
static int by_state(const void *a, const void *b)
{
	const json_t *const *x = a, *const *y = b;
	size_t left = state_of(*x), right = state_of(*y);
	int order = -strcmp(view_string(*x, "since"), view_string(*y, "since"));

	if (left != right)
		return left < right ? -1 : 1;
	return order ? order : strcmp(view_string(*x, "name"), view_string(*y, "name"));
}

static void add_count(struct ui_table *t, uint64_t value, enum ui_style style)
{
	char number[FORMAT_SIZE];

	format_count(value, number);
	ui_table_add(t, value ? style : UI_DIM, number);
}

/* Of what should have come: received or given up. */
static void add_loss(struct ui_table *t, const json_t *counters)
{
	uint64_t lost = view_number(counters, "lost"), whole = lost + view_number(counters, "received");
	char text[FORMAT_SIZE];

	format_percent(lost, whole, text);
	ui_table_add(t, lost ? UI_BAD : UI_DIM, text);
}

/* With the date only where it is another than that of the document's end. */
static void add_time(struct ui_table *t, const char *time, const char *last, enum ui_style style)
{
	char text[32];

	if (strlen(time) < 20) {
		ui_table_add(t, UI_DIM, "-");
		return;
	}
	if (strncmp(time, last, 10) == 0)
		snprintf(text, sizeof(text), "%.8s", time + 11);
	else
		snprintf(text, sizeof(text), "%.10s %.8s", time, time + 11);
	ui_table_add(t, style, text);
}

static void add_row(struct ui_table *t, const json_t *tunnel, const char *last)
{
	const json_t *in = view_get(tunnel, "in"), *out = view_get(tunnel, "out");
	const char *remote = view_string(tunnel, "remote"), *cause = view_string(tunnel, "down_cause");

	ui_table_add(t, UI_BOLD, view_string(tunnel, "name"));
	ui_table_add(t, states[state_of(tunnel)].style, view_string(tunnel, "state"));
	add_time(t, view_string(tunnel, "since"), last, UI_PLAIN);
	ui_table_add(t, UI_PLAIN, *remote ? remote : "-");
	add_count(t, view_number(in, "packets"), UI_PLAIN);
	add_loss(t, in);
	add_count(t, view_number(out, "packets"), UI_PLAIN);
	add_loss(t, out);
	add_count(t, view_number(tunnel, "rekeys"), UI_PLAIN);
	add_count(t, view_number(tunnel, "flaps"), UI_WARN);
	add_time(t, view_string(tunnel, "last_down"), last, UI_WARN);
	ui_table_add(t, *cause ? UI_WARN : UI_DIM, *cause ? cause : "-");
}

/* Why a tunnel is not up, and what makes one doubtful that is, are too long for a column. */
static void print_reasons(FILE *out, json_t *const *sorted, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *confidence = view_string(sorted[i], "confidence"),
			   *evidence = view_string(sorted[i], "evidence");
		bool fell = state_of(sorted[i]) < 2;

		if (!*evidence || (!fell && strcmp(confidence, "possible") != 0))
			continue;
		fputs("  ", out);
		ui_clean(out, view_string(sorted[i], "name"));
		fputs(": ", out);
		if (fell && strcmp(confidence, "certain") != 0)
			fputs(strcmp(confidence, "likely") == 0 ? "likely: " : "possibly: ", out);
		ui_clean(out, evidence);
		fputc('\n', out);
	}
}

static void print_hidden(FILE *out, const struct ui_options *options, int hidden)
{
	char line[96];

	if (!options->width || hidden <= 0)
		return;
	snprintf(line, sizeof(line), "  %d more column%s: on a wider terminal, in a pipe, or with --json.\n",
		 hidden, hidden == 1 ? "" : "s");
	ui_styled(out, options, UI_DIM, line);
}

int view_tunnel_table(FILE *out, json_t *document, const struct ui_options *options, size_t limit)
{
	static const struct ui_column columns[] = {
		{"TUNNEL", false, 0}, {"STATE", false, 0},  {"SINCE (UTC)", false, 1}, {"PEER", false, 9},
		{"IN", true, 4},      {"LOSS IN", true, 3}, {"OUT", true, 5},	       {"LOSS OUT", true, 6},
		{"REKEYS", true, 8},  {"FLAPS", true, 2},   {"LAST FALL", false, 7},   {"CAUSE", false, 2},
	};
	const json_t *list = view_get(document, "tunnels");
	const char *last = view_string(view_get(document, "source"), "last");
	size_t count = json_array_size(list), shown;
	json_t **sorted = calloc(count + 1, sizeof(json_t *));
	struct ui_table t;
	int hidden;

	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		sorted[i] = json_array_get(list, i);
	qsort(sorted, count, sizeof(json_t *), by_state);
	shown = limit && limit < count ? limit : count;
	ui_table_begin(&t, columns, COUNT(columns));
	for (size_t i = 0; i < shown; i++)
		add_row(&t, sorted[i], last);
	hidden = ui_table_print(out, &t, options);
	if (hidden >= 0) {
		print_reasons(out, sorted, shown);
		print_hidden(out, options, hidden);
	}
	free(sorted);
	return hidden < 0 ? hidden : 0;
}

int view_tunnels(FILE *out, json_t *document, const struct ui_options *options)
{
	int err;

	if (!json_array_size(view_get(document, "tunnels"))) {
		fputs("No tunnels: neither IKE between two ends nor ESP was seen.\n", out);
		return 0;
	}
	err = view_tunnel_table(out, document, options, 0);
	return err ? err : view_not_observable(out, document, options);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* cmd_diagnose_all.c - espial diagnose --all: each finding of the catalogue once, and what became of it */
#include "cmd_diagnose.h"

#include <stdbool.h>
#include <string.h>

#include "diagnose/catalogue.h"
#include "ui/table.h"
#include "ui/view.h"

#define WIDTH 100 /* where no terminal says */
#define LEGEND 16 /* needs that there may be */

/* ---- what became of one */

static const json_t *row_of(const json_t *document, const char *id)
{
	json_t *row;
	size_t i;

	json_array_foreach(json_object_get(document, "findings_undecided"), i, row) {
		if (strcmp(view_string(row, "id"), id) == 0)
			return row;
	}
	return NULL;
}

static bool explains(const json_t *finding, const char *id)
{
	json_t *other;
	size_t i;

	json_array_foreach(json_object_get(finding, "explains"), i, other) {
		if (json_string_value(other) && strcmp(json_string_value(other), id) == 0)
			return true;
	}
	return false;
}

static const char *state_of(const json_t *document, const json_t *chosen, const char *id)
{
	bool found = false, cleared = false, explained = false;
	json_t *finding;
	size_t i;

	json_array_foreach(chosen, i, finding) {
		bool now = json_is_null(json_object_get(finding, "until"));

		if (strcmp(view_string(finding, "id"), id) == 0) {
			found |= now;
			cleared |= !now;
		}
		explained |= now && explains(finding, id);
	}
	if (found)
		return "found";
	if (explained)
		return "explained";
	if (cleared)
		return "cleared";
	return row_of(document, id) ? "undecided" : "not-found";
}

json_t *diagnose_all(const json_t *document, json_t *chosen)
{
	json_t *catalogue = json_array();
	int err = catalogue ? 0 : -1;

	for (int id = 0; !err && id < FINDING_COUNT; id++) {
		const char *name = catalogue_row((enum finding_id)id)->id;
		const char *state = state_of(document, chosen, name);
		json_t *needs = json_object_get(row_of(document, name), "needs");

		needs = strcmp(state, "undecided") == 0 && needs ? json_incref(needs) : json_array();
		err = json_array_append_new(
			catalogue, json_pack("{s:s, s:s, s:o}", "id", name, "state", state, "needs", needs));
	}
	if (!err)
		return json_pack("{s:O, s:o}", "findings", chosen, "catalogue", catalogue);
	json_decref(catalogue);
	return NULL;
}

/* ---- for people */

/* "the firewall's NAT rules: run the agent …": what it is, and how to have it */
static size_t name_length(const char *need)
{
	const char *colon = strstr(need, ": ");

	return colon ? (size_t)(colon - need) : strlen(need);
}

static void print_needs(const json_t *needs, const char *legend[static LEGEND])
{
	json_t *need;
	size_t i, k;

	json_array_foreach(needs, i, need) {
		const char *text = json_string_value(need);

		if (!text)
			continue;
		printf("%s%.*s", i ? "; " : "", (int)name_length(text), text);
		for (k = 0; k < LEGEND && legend[k] && strcmp(legend[k], text) != 0; k++)
			;
		if (k < LEGEND)
			legend[k] = text;
	}
	putchar('\n');
}

static void print_undecided(const json_t *document, const json_t *chosen)
{
	const char *legend[LEGEND] = {NULL};
	size_t told = 0;

	for (int id = 0; id < FINDING_COUNT; id++) {
		const char *name = catalogue_row((enum finding_id)id)->id;

		if (strcmp(state_of(document, chosen, name), "undecided") != 0)
			continue;
		if (!told++)
			fputs("\nNot decided, for want of:\n", stdout);
		printf("  %-26s", name);
		print_needs(json_object_get(row_of(document, name), "needs"), legend);
	}
	for (size_t k = 0; k < LEGEND && legend[k]; k++)
		printf("%s  %s\n", k ? "" : "To have it:\n", legend[k]);
}

static void print_not_found(const json_t *document, const json_t *chosen, size_t width)
{
	size_t column = width, count = 0;

	for (int id = 0; id < FINDING_COUNT; id++)
		count += strcmp(state_of(document, chosen, catalogue_row((enum finding_id)id)->id),
				"not-found") == 0;
	printf("\nLooked for, and not found (%zu of %d):", count, FINDING_COUNT);
	for (int id = 0; id < FINDING_COUNT; id++) {
		const char *name = catalogue_row((enum finding_id)id)->id;

		if (strcmp(state_of(document, chosen, name), "not-found") != 0)
			continue;
		if (column + 1 + strlen(name) > width) {
			fputs("\n ", stdout);
			column = 1;
		}
		printf(" %s", name);
		column += 1 + strlen(name);
	}
	putchar('\n');
}

void diagnose_print_all(const json_t *document, const json_t *chosen, const struct ui_options *ui)
{
	print_not_found(document, chosen, ui->width ? ui->width : WIDTH);
	print_undecided(document, chosen);
}

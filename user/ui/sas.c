/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sas.c - the table of security associations: one row of sa_columns is a column */
#include "ui/view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ui/format.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define CELL 128

/* Writes the cell of an SA, returns its style. */
typedef enum ui_style sa_cell(const json_t *sa, const json_t *sequence, char text[static CELL]);

static void put(char text[static CELL], const char *value)
{
	snprintf(text, CELL, "%s", *value ? value : "-");
}

static void put_count(char text[static CELL], uint64_t value)
{
	char number[FORMAT_SIZE];

	format_count(value, number);
	snprintf(text, CELL, "%s", number);
}

static enum ui_style cell_direction(const json_t *sa, const json_t *sequence, char text[static CELL])
{
	(void)sequence;
	put(text, view_string(sa, "direction"));
	return UI_PLAIN;
}

static void put_endpoint(char text[static CELL / 2], const char *address, uint64_t port)
{
	if (!*address)
		address = "-";
	if (!port)
		snprintf(text, CELL / 2, "%.46s", address);
	else if (strchr(address, ':'))
		snprintf(text, CELL / 2, "[%.46s]:%u", address, (unsigned int)(port & 0xffff));
	else
		snprintf(text, CELL / 2, "%.46s:%u", address, (unsigned int)(port & 0xffff));
}

static enum ui_style cell_path(const json_t *sa, const json_t *sequence, char text[static CELL])
{
	char source[CELL / 2], destination[CELL / 2];

	(void)sequence;
	put_endpoint(source, view_string(sa, "source"), view_number(sa, "source_port"));
	put_endpoint(destination, view_string(sa, "destination"), view_number(sa, "destination_port"));
	snprintf(text, CELL, "%.61s -> %.61s", source, destination);
	return UI_PLAIN;
}

static enum ui_style cell_spi(const json_t *sa, const json_t *sequence, char text[static CELL])
{
	(void)sequence;
	put(text, view_string(sa, "spi"));
	return UI_PLAIN;
}

static enum ui_style cell_protocol(const json_t *sa, const json_t *sequence, char text[static CELL])
{
	const char *encapsulation = view_string(sa, "encapsulation");

	(void)sequence;
	put(text, view_string(sa, "protocol"));
	if (*encapsulation && strcmp(encapsulation, "none") != 0)
		snprintf(text, CELL, "%.32s/%.32s", view_string(sa, "protocol"), encapsulation);
	return UI_PLAIN;
}

static enum ui_style cell_packets(const json_t *sa, const json_t *sequence, char text[static CELL])
{
	(void)sequence;
	put_count(text, view_number(sa, "packets"));
	return UI_PLAIN;
}

static enum ui_style cell_bytes(const json_t *sa, const json_t *sequence, char text[static CELL])
{
	char number[FORMAT_SIZE];

	(void)sequence;
	format_bytes(view_number(sa, "bytes"), number);
	put(text, number);
	return UI_PLAIN;
}

static enum ui_style cell_received(const json_t *sa, const json_t *sequence, char text[static CELL])
{
	(void)sa;
	put_count(text, view_number(sequence, "received"));
	return UI_PLAIN;
}

static enum ui_style cell_lost(const json_t *sa, const json_t *sequence, char text[static CELL])
{
	(void)sa;
	put_count(text, view_number(sequence, "lost"));
	return view_number(sequence, "lost") ? UI_BAD : UI_DIM;
}

static enum ui_style cell_loss(const json_t *sa, const json_t *sequence, char text[static CELL])
{
	uint64_t lost = view_number(sequence, "lost");
	char percent[FORMAT_SIZE];

	(void)sa;
	format_percent(lost, lost + view_number(sequence, "received"), percent);
	put(text, percent);
	return lost ? UI_BAD : UI_DIM;
}

/* A number that is a symptom when it is not 0. */
static enum ui_style symptom(const json_t *object, const char *key, char text[static CELL])
{
	put_count(text, view_number(object, key));
	return view_number(object, key) ? UI_WARN : UI_DIM;
}

static enum ui_style cell_late(const json_t *sa, const json_t *sequence, char text[static CELL])
{
	uint64_t late = view_number(sequence, "late");
	char count[FORMAT_SIZE], distance[FORMAT_SIZE];

	(void)sa;
	format_count(late, count);
	format_count(view_number(sequence, "max_late_distance"), distance);
	if (late)
		snprintf(text, CELL, "%s (%s)", count, distance);
	else
		put(text, "0");
	return late ? UI_WARN : UI_DIM;
}

static enum ui_style cell_duplicate(const json_t *sa, const json_t *sequence, char text[static CELL])
{
	(void)sa;
	return symptom(sequence, "duplicate", text);
}

static enum ui_style cell_too_old(const json_t *sa, const json_t *sequence, char text[static CELL])
{
	(void)sa;
	return symptom(sequence, "too_old", text);
}

static enum ui_style cell_outlier(const json_t *sa, const json_t *sequence, char text[static CELL])
{
	(void)sa;
	return symptom(sequence, "outlier", text);
}

static enum ui_style cell_restarts(const json_t *sa, const json_t *sequence, char text[static CELL])
{
	(void)sa;
	return symptom(sequence, "restarts", text);
}

static enum ui_style cell_fragmented(const json_t *sa, const json_t *sequence, char text[static CELL])
{
	char whole[FORMAT_SIZE], incomplete[FORMAT_SIZE];

	(void)sequence;
	if (!view_number(sa, "fragments_incomplete"))
		return symptom(sa, "fragmented", text);
	format_count(view_number(sa, "fragmented"), whole);
	format_count(view_number(sa, "fragments_incomplete"), incomplete);
	snprintf(text, CELL, "%s (%s)", whole, incomplete);
	return UI_BAD;
}

static enum ui_style cell_size(const json_t *sa, const json_t *sequence, char text[static CELL])
{
	const json_t *size = view_get(sa, "size");

	(void)sequence;
	if (!view_number(size, "max"))
		put(text, "-");
	else if (view_number(size, "min") == view_number(size, "max"))
		put_count(text, view_number(size, "max"));
	else
		snprintf(text, CELL, "%u-%u", (unsigned int)view_number(size, "min"),
			 (unsigned int)view_number(size, "max"));
	return UI_PLAIN;
}

/* The time of day: the date is in the summary. */
static enum ui_style cell_last(const json_t *sa, const json_t *sequence, char text[static CELL])
{
	const char *last = view_string(sa, "last");

	(void)sequence;
	if (strlen(last) > 19)
		snprintf(text, CELL, "%.8s", last + 11);
	else
		put(text, "-");
	return UI_PLAIN;
}

static const struct sa_column {
	struct ui_column column;
	bool wide; /* not in the summary */
	sa_cell *cell;
} sa_columns[] = {
	{{"DIR", false, 1}, false, cell_direction},
	{{"SOURCE -> DESTINATION", false, 0}, false, cell_path},
	{{"SPI", false, 0}, false, cell_spi},
	{{"PROTO", false, 9}, false, cell_protocol},
	{{"PACKETS", true, 3}, false, cell_packets},
	{{"BYTES", true, 10}, false, cell_bytes},
	{{"RECEIVED", true, 14}, true, cell_received},
	{{"LOST", true, 2}, false, cell_lost},
	{{"LOSS", true, 0}, false, cell_loss},
	{{"LATE (MAX)", true, 4}, false, cell_late},
	{{"DUP", true, 5}, false, cell_duplicate},
	{{"TOO OLD", true, 6}, false, cell_too_old},
	{{"OUTL", true, 12}, true, cell_outlier},
	{{"RESTARTS", true, 11}, true, cell_restarts},
	{{"FRAG (INCOMPL)", true, 7}, true, cell_fragmented},
	{{"SIZE", true, 13}, true, cell_size},
	{{"LAST", false, 8}, false, cell_last},
};

/* The most lost first, then the busiest; stable for the rest, because times in the document are in order. */
static int worst_first(const void *a, const void *b)
{
	const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
	uint64_t lost_x = view_number(view_get(x, "sequence"), "lost"),
		 lost_y = view_number(view_get(y, "sequence"), "lost");
	uint64_t packets_x = view_number(x, "packets"), packets_y = view_number(y, "packets");

	if (lost_x != lost_y)
		return lost_x > lost_y ? -1 : 1;
	if (packets_x != packets_y)
		return packets_x > packets_y ? -1 : 1;
	return strcmp(view_string(x, "spi"), view_string(y, "spi"));
}

static void print_legend(FILE *out, const struct ui_options *options, int hidden)
{
	char line[CELL];

	if (!options->width)
		return;
	ui_styled(out, options, UI_DIM,
		  "  LOST: never came; direction out: dropped on this host. LATE: overtaken (by how many).");
	ui_styled(out, options, UI_DIM, "\n  TOO OLD: below the window, late or duplicate. Times are UTC.");
	if (hidden) {
		snprintf(line, sizeof(line),
			 "\n  %d more column%s: on a wider terminal, in a pipe, or with --json.", hidden,
			 hidden == 1 ? "" : "s");
		ui_styled(out, options, UI_DIM, line);
	}
	fputc('\n', out);
}

int view_sa_table(FILE *out, json_t *document, const struct ui_options *options, bool wide, size_t limit)
{
	const json_t *sas = view_get(document, "sas");
	size_t count = json_array_size(sas), columns = 0;
	struct ui_column shown[COUNT(sa_columns)];
	json_t **sorted = calloc(count + 1, sizeof(json_t *));
	char text[CELL];
	struct ui_table t;
	int hidden;

	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		sorted[i] = json_array_get(sas, i);
	qsort(sorted, count, sizeof(json_t *), worst_first);
	for (size_t c = 0; c < COUNT(sa_columns); c++)
		if (wide || !sa_columns[c].wide)
			shown[columns++] = sa_columns[c].column;
	ui_table_begin(&t, shown, columns);
	for (size_t i = 0; i < count && (!limit || i < limit); i++)
		for (size_t c = 0; c < COUNT(sa_columns); c++) {
			enum ui_style style;

			if (!wide && sa_columns[c].wide)
				continue;
			style = sa_columns[c].cell(sorted[i], view_get(sorted[i], "sequence"), text);
			ui_table_add(&t, style, text);
		}
	free(sorted);
	hidden = ui_table_print(out, &t, options);
	if (hidden >= 0)
		print_legend(out, options, hidden);
	return hidden < 0 ? hidden : 0;
}

int view_sas(FILE *out, json_t *document, const struct ui_options *options)
{
	int err;

	if (!json_array_size(view_get(document, "sas"))) {
		fputs("No security associations: no ESP and no AH was seen.\n", out);
		return view_not_observable(out, document, options);
	}
	err = view_sa_table(out, document, options, true, 0);
	if (!err)
		err = view_not_observable(out, document, options);
	return err ? err : view_unknown(out, document, options);
}

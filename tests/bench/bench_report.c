// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bench_report.c - the rows of a run as one JSON document, as a table, and against an earlier run
 *
 *   bench_report -j FILE KEY=VALUE… <ROWS    writes the document: what the run was, and its rows
 *   bench_report -t FILE [-c OLD]            prints it; with the change since OLD
 *   bench_report -m FILE                     the rows with a budget as a Markdown table, for the README
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

static int write_document(const char *path, char **pairs)
{
	json_t *document = json_object(), *rows = json_array();
	char line[4096];
	int err;

	for (; *pairs; pairs++) {
		char *equals = strchr(*pairs, '=');

		if (!equals)
			return -EINVAL;
		*equals = 0;
		json_object_set_new(document, *pairs, json_string(equals + 1));
	}
	while (fgets(line, sizeof(line), stdin)) {
		json_t *row = json_loads(line, 0, NULL);

		if (row)
			json_array_append_new(rows, row);
	}
	json_object_set_new(document, "rows", rows);
	err = json_dump_file(document, path, JSON_INDENT(1) | JSON_REAL_PRECISION(6)) ? -EIO : 0;
	json_decref(document);
	return err;
}

static json_t *load(const char *path)
{
	json_error_t error;
	json_t *document = json_load_file(path, 0, &error);

	if (!document)
		fprintf(stderr, "bench_report: %s: %s\n", path, error.text);
	return document;
}

static const char *text(const json_t *row, const char *key)
{
	const char *s = json_string_value(json_object_get(row, key));

	return s ? s : "";
}

/* "-" for null. */
static const char *figure(const json_t *row, const char *key, const char *format, char *buffer, size_t size)
{
	const json_t *value = json_object_get(row, key);

	if (json_is_number(value))
		snprintf(buffer, size, format, json_number_value(value));
	else
		snprintf(buffer, size, "-");
	return buffer;
}

static const json_t *find_row(const json_t *document, const json_t *like)
{
	const json_t *rows = document ? json_object_get(document, "rows") : NULL;

	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);

		if (!strcmp(text(row, "group"), text(like, "group")) &&
		    !strcmp(text(row, "name"), text(like, "name")))
			return row;
	}
	return NULL;
}

/* By the ratio where there is one: values drift from machine to machine. */
static void print_change(const json_t *old, const json_t *row)
{
	const char *key = json_is_number(json_object_get(row, "ratio")) ? "ratio" : "value";
	double before = old ? json_number_value(json_object_get(old, key)) : 0;
	double now = json_number_value(json_object_get(row, key));

	if (before > 0)
		printf(" %+7.1f %%", (now / before - 1) * 100);
	else
		printf(" %9s", "new");
}

static int print_table(const json_t *document, const json_t *old)
{
	const json_t *rows = json_object_get(document, "rows");
	const char *group = "", *key;
	unsigned over = 0, judged = 0;
	json_t *value;
	char b[6][32];

	json_object_foreach((json_t *)document, key, value)
		if (json_is_string(value))
			printf("%-10s %s\n", key, json_string_value(value));
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);
		char name[128];

		if (strcmp(group, text(row, "group")) != 0) {
			group = text(row, "group");
			printf("\n%-46s %9s %9s %9s %7s %-12s %5s %5s %-5s%s\n", group, "middle", "min",
			       "max", "ratio", "of", "must", "aim", "", old ? "    change" : "");
		}
		snprintf(name, sizeof(name), "%s, %s", text(row, "name"), text(row, "unit"));
		printf("%-46s %9s %9s %9s %7s %-12s %5s %5s %-5s", name,
		       figure(row, "value", "%.5g", b[0], 32), figure(row, "min", "%.5g", b[1], 32),
		       figure(row, "max", "%.5g", b[2], 32), figure(row, "ratio", "%.2f", b[3], 32),
		       text(row, "of"), figure(row, "must", "%g", b[4], 32),
		       figure(row, "aim", "%g", b[5], 32), text(row, "verdict"));
		if (old)
			print_change(find_row(old, row), row);
		printf("%s%s\n", *text(row, "note") ? "  " : "", text(row, "note"));
		judged += *text(row, "verdict") != 0;
		over += !strcmp(text(row, "verdict"), "OVER");
	}
	printf("\n%u rows with a budget, %u over it. OK: as aimed; must: within what it must; OVER: not.\n",
	       judged, over);
	return 0;
}

static int print_markdown(const json_t *document)
{
	const json_t *rows = json_object_get(document, "rows");
	char b[4][32];

	printf("%s, Linux %s, %s\n\n", text(document, "machine"), text(document, "kernel"),
	       text(document, "date"));
	printf("| what | measured | ratio | must | aim |\n| --- | ---: | --- | ---: | ---: |\n");
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);

		if (!*text(row, "verdict"))
			continue;
		printf("| %s: %s | %s %s | %s %s | %s | %s |\n", text(row, "group"), text(row, "name"),
		       figure(row, "value", "%.4g", b[0], 32), text(row, "unit"),
		       figure(row, "ratio", "%.2f", b[1], 32), text(row, "of"),
		       figure(row, "must", "%g", b[2], 32), figure(row, "aim", "%g", b[3], 32));
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *write = NULL, *table = NULL, *markdown = NULL, *compare = NULL;
	json_t *document, *old = NULL;
	int c;

	while ((c = getopt(argc, argv, "j:t:m:c:")) != -1) {
		if (c == 'j')
			write = optarg;
		else if (c == 't')
			table = optarg;
		else if (c == 'm')
			markdown = optarg;
		else if (c == 'c')
			compare = optarg;
		else
			return 2;
	}
	if (write) {
		int err = write_document(write, argv + optind);

		if (err)
			fprintf(stderr, "bench_report: %s: %s\n", write, strerror(-err));
		return err ? 3 : 0;
	}
	if (!table && !markdown)
		return 2;
	document = load(table ? table : markdown);
	if (compare)
		old = load(compare);
	if (!document || (compare && !old))
		return 3;
	if (table)
		print_table(document, old);
	else
		print_markdown(document);
	json_decref(document);
	json_decref(old);
	return 0;
}

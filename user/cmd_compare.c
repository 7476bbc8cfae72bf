// SPDX-License-Identifier: GPL-2.0-or-later
/* cmd_compare.c - espial compare: two ends of the same tunnels, from their agents or from what they wrote down */
#include "cmd_compare.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "cmd_ask.h"
#include "model/state.h"
#include "ui/format.h"
#include "ui/view.h"

enum { KEY_JSON = 0x100, KEY_EXIT_CODE, KEY_SAS };

struct compare_arguments {
	const char *ends[2];
	size_t count;
	bool json, exit_code, sas;
};

static const struct argp_option options[] = {
	{.name = "exit-code", .key = KEY_EXIT_CODE, .doc = "exit with 1 when packets were lost for certain"},
	{.name = "json", .key = KEY_JSON, .doc = "the comparison as JSON"},
	{.name = "sas", .key = KEY_SAS, .doc = "each SA, not only the sums of tunnels"},
	{0},
};

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct compare_arguments *a = state->input;

	switch (key) {
	case KEY_JSON:
		a->json = true;
		return 0;
	case KEY_EXIT_CODE:
		a->exit_code = true;
		return 0;
	case KEY_SAS:
		a->sas = true;
		return 0;
	case ARGP_KEY_ARG:
		if (a->count == 2)
			cmd_usage("'%s': only two ends can be compared", value);
		a->ends[a->count++] = value;
		return 0;
	case ARGP_KEY_END:
		if (a->count != 2)
			cmd_usage("two ends are needed, each a file of `espial status --json`, an agent's "
				  "socket or "
				  "http://HOST:PORT: espial compare left.json http://192.0.2.1:9641");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* ---- reading an end */

/* What is missing when the SA's last packet was long ago will not come any more. */
static void settle(const json_t *from, uint64_t read_ns, struct compare_sa *sa)
{
	uint64_t last_ns = format_parse_time(view_string(from, "last"));

	if (!last_ns || read_ns < last_ns + STATE_LATEST_NS)
		return;
	sa->lost += sa->pending;
	sa->pending = 0;
}

static const struct {
	const char *name;
	size_t at;
} numbers[] = {
	{"first", offsetof(struct compare_sa, first)},
	{"highest", offsetof(struct compare_sa, highest)},
	{"received", offsetof(struct compare_sa, received)},
	{"lost", offsetof(struct compare_sa, lost)},
	{"pending", offsetof(struct compare_sa, pending)},
	{"too_old", offsetof(struct compare_sa, too_old)},
	{"restarts", offsetof(struct compare_sa, restarts)},
};

/* A number that is missing or makes no sense would be taken for 0, and a damaged file for one without losses. NULL: fine; else which. */
static const char *read_sa(const json_t *from, uint64_t read_ns, struct compare_sa *sa)
{
	const json_t *q = json_object_get(from, "sequence");
	const char *direction = view_string(from, "direction"), *spi = view_string(from, "spi");
	char *end;

	sa->tunnel = json_string_value(json_object_get(from, "tunnel"));
	snprintf(sa->source, sizeof(sa->source), "%s", view_string(from, "source"));
	snprintf(sa->destination, sizeof(sa->destination), "%s", view_string(from, "destination"));
	sa->direction = strcmp(direction, "in") == 0	? COMPARE_IN
			: strcmp(direction, "out") == 0 ? COMPARE_OUT
							: COMPARE_UNKNOWN;
	sa->spi = (uint32_t)strtoul(spi, &end, 16);
	if (!sa->spi || *end)
		return "spi";
	if (!*sa->source || !*sa->destination)
		return *sa->source ? "destination" : "source";
	sa->protocol = strcmp(view_string(from, "protocol"), "ah") == 0 ? 51 : 50;
	sa->first_ns = format_parse_time(view_string(from, "first"));
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		const json_t *number = json_object_get(q, numbers[i].name);

		if (!json_is_integer(number) || json_integer_value(number) < 0)
			return numbers[i].name;
		*(uint64_t *)((char *)sa + numbers[i].at) = (uint64_t)json_integer_value(number);
	}
	settle(from, read_ns, sa);
	return NULL;
}

/* An agent watches since it started, or since the packets that one before it left counted. */
static uint64_t since(const json_t *document)
{
	uint64_t started = format_parse_time(view_string(json_object_get(document, "self"), "started"));
	uint64_t first = format_parse_time(view_string(json_object_get(document, "source"), "first"));

	return !started || (first && first < started) ? first : started;
}

/* CMD_OK, or a status: it was said what is wrong. ret->sas is to be freed in any case. */
static int read_end(const char *name, const json_t *document, struct compare_end *ret)
{
	const json_t *list = json_object_get(document, "sas");
	struct compare_sa *sas = calloc(json_array_size(list) + 1, sizeof(*sas));
	uint64_t read_ns = format_parse_time(view_string(json_object_get(document, "source"), "last"));
	json_t *from;
	size_t i;

	if (!sas)
		return cmd_cannot("out of memory");
	ret->sas = sas;
	ret->count = json_array_size(list);
	ret->since_ns = since(document);
	json_array_foreach(list, i, from) {
		const char *wrong = read_sa(from, read_ns, &sas[i]);

		if (wrong)
			return cmd_cannot("%s: sas[%zu]: '%s' is missing, or is not what an SA has there: "
					  "give what `espial status --json` or `espial read --json` wrote",
					  name, i, wrong);
	}
	return CMD_OK;
}

/* ---- names */

/* The host's, when they differ; else what was asked for. */
static void choose_names(json_t *const documents[2], const struct compare_arguments *a, const char *ret[2])
{
	for (size_t i = 0; i < 2; i++)
		ret[i] = view_string(json_object_get(documents[i], "source"), "name");
	if (!*ret[0] || !*ret[1] || strcmp(ret[0], ret[1]) == 0) {
		ret[0] = a->ends[0];
		ret[1] = a->ends[1];
	}
	if (strcmp(ret[0], ret[1]) == 0) {
		ret[0] = "A";
		ret[1] = "B";
	}
}

static int show(const struct compare_arguments *a, json_t *const documents[2], const struct compare *c)
{
	struct compare_sums sums = {0};
	const char *names[2];
	json_t *document;
	int status = CMD_OK;

	choose_names(documents, a, names);
	if (compare_sum_up(c, &sums) != 0)
		return cmd_cannot("out of memory");
	if (a->json) {
		document = compare_document(c, &sums, names);
		if (!document)
			status = cmd_cannot("out of memory");
		else if (json_dumpf(document, stdout, JSON_INDENT(1)) == 0)
			putchar('\n');
		json_decref(document);
	} else if (compare_print(c, &sums, names, a->sas) != 0) {
		status = cmd_cannot("out of memory");
	}
	/* Nothing was compared: that is no all-clear */
	if (status == CMD_OK && a->exit_code && !sums.count)
		status = CMD_CANNOT;
	for (size_t i = 0; status == CMD_OK && a->exit_code && i < sums.count; i++)
		if (sums.list[i].lost_surely)
			status = CMD_FINDINGS;
	free(sums.list);
	return status;
}

int cmd_compare(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "A B",
		.doc = "How many packets one end of a tunnel sent and the other did not get, and where they "
		       "were lost. "
		       "A and B are each a file of `espial status --json` or `espial read --json`, - for "
		       "standard "
		       "input, an agent's socket, or http://HOST:PORT.",
	};
	struct compare_arguments a = {0};
	json_t *documents[2] = {0};
	struct compare_end ends[2] = {0};
	struct compare c = {0};
	int status = CMD_OK;

	cmd_parse(&argp, argc, argv, &a);
	for (size_t i = 0; i < 2 && status == CMD_OK; i++) {
		status = cmd_ask_state(a.ends[i], &documents[i]);
		if (status != CMD_OK)
			break;
		status = read_end(a.ends[i], documents[i], &ends[i]);
	}
	if (status == CMD_OK && compare_ends(&ends[0], &ends[1], &c) != 0)
		status = cmd_cannot("out of memory");
	if (status == CMD_OK) {
		status = show(&a, documents, &c);
		if (cmd_close_output() != CMD_OK)
			status = CMD_CANNOT;
	}
	compare_free(&c);
	for (size_t i = 0; i < 2; i++) {
		free((void *)ends[i].sas);
		json_decref(documents[i]);
	}
	return status;
}

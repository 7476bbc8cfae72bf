// SPDX-License-Identifier: GPL-2.0-or-later
/* cmd_detach.c - espial detach: what agents left in the kernel goes */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "cmd.h"
#include "config.h"
#include "source/bpf_detach.h"
#include "source/bpf_pin.h"

enum { KEY_BPFFS = 0x100, KEY_JSON };

struct detach_arguments {
	const char *bpffs;
	bool json;
	size_t count;
	json_t *removed, *spared;
};

static const struct argp_option options[] = {
	{.name = "bpffs",
	 .key = KEY_BPFFS,
	 .arg = "PATH",
	 .doc = "directory of what was kept (default " PIN_DIRECTORY ")"},
	{.name = "json", .key = KEY_JSON, .doc = "what was removed, as JSON"},
	{0},
};

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct detach_arguments *arguments = state->input;

	switch (key) {
	case KEY_BPFFS:
		arguments->bpffs = value;
		return 0;
	case KEY_JSON:
		arguments->json = true;
		return 0;
	case ARGP_KEY_ARG:
		cmd_usage("'%s': detach takes options only", value);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void on_removed(void *arg, const struct detached *detached)
{
	struct detach_arguments *arguments = arg;
	const char *interface = detached->interface;

	arguments->count++;
	if (arguments->json) {
		json_array_append_new(arguments->removed,
				      json_pack("{s:s, s:s?, s:s, s:s}", "what", detached->what, "interface",
						interface, "side", detached->side, "path", detached->path));
		return;
	}
	if (!strcmp(detached->what, "tables") || !strcmp(detached->what, "directory"))
		printf("%s: removed (%s)\n", detached->path, detached->what);
	else if (!strcmp(detached->what, "qdisc"))
		printf("%s: clsact qdisc removed: it was made for espial, and nobody else uses it\n",
		       interface);
	else
		printf("%s: %s by %s removed\n", interface ? interface : "(no interface any more)",
		       detached->side, detached->what);
}

static void on_spared(void *arg, const char *line)
{
	struct detach_arguments *arguments = arg;

	if (arguments->json)
		json_array_append_new(arguments->spared, json_string(line));
	else
		printf("%s\n", line);
}

int cmd_detach(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "Removes what agents that have ended left in the kernel: programs on interfaces of "
		       "this "
		       "network namespace, tables, and a qdisc that was made for them.\vWhat others put "
		       "there "
		       "stays. Refuses while an agent uses it.",
	};
	struct detach_arguments arguments = {.bpffs = PIN_DIRECTORY};
	const struct detach_sink sink = {.removed = on_removed, .spared = on_spared, .arg = &arguments};
	char error[CONFIG_ERROR] = "";
	int err;

	cmd_parse(&argp, argc, argv, &arguments);
	if (arguments.json) {
		arguments.removed = json_array();
		arguments.spared = json_array();
	}
	err = detach_all(arguments.bpffs, &sink, error, sizeof(error));
	if (arguments.json && !err) {
		json_t *document =
			json_pack("{s:o, s:o}", "removed", arguments.removed, "spared", arguments.spared);

		json_dumpf(document, stdout, JSON_INDENT(1));
		putchar('\n');
		json_decref(document);
	} else if (!arguments.json && !err && !arguments.count) {
		puts("nothing of espial's is attached or kept here");
	}
	if (err)
		return cmd_cannot("%s", error);
	return cmd_close_output();
}

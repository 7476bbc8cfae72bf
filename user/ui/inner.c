// SPDX-License-Identifier: GPL-2.0-or-later
/* inner.c - inner interfaces: what TCP agrees on there, and whether it fits the tunnels */
#include "ui/view.h"

#include <inttypes.h>
#include <stdio.h>

#include "ui/format.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void add_number(struct ui_table *t, enum ui_style style, uint64_t value)
{
	char number[FORMAT_SIZE];

	format_count(value, number);
	ui_table_add(t, value ? style : UI_DIM, number);
}

/* A size in bytes, exact; 0: not known. */
static void add_size(struct ui_table *t, enum ui_style style, uint64_t value)
{
	char number[24];

	snprintf(number, sizeof(number), "%" PRIu64, value);
	ui_table_add(t, value ? style : UI_DIM, value ? number : "-");
}

static uint64_t kind(const json_t *side, const char *of, const char *name)
{
	return view_number(view_get(view_get(side, of), "kinds"), name);
}

static void add_interface(struct ui_table *t, const json_t *e)
{
	static const char *const families[] = {"ipv4", "ipv6"};

	ui_table_add(t, UI_BOLD, view_string(e, "name"));
	ui_table_add(t, json_is_false(view_get(e, "up")) ? UI_BAD : UI_PLAIN,
		     json_is_false(view_get(e, "up")) ? "down" : "up");
	ui_table_add(t, UI_PLAIN, view_string(e, "ingress"));
	add_size(t, UI_PLAIN, view_number(e, "mtu"));
	add_number(t, UI_PLAIN, kind(e, "in", "syn"));
	for (size_t f = 0; f < COUNT(families); f++)
		add_size(t, UI_PLAIN, view_number(view_get(view_get(e, "in"), families[f]), "max"));
	add_number(t, UI_PLAIN, kind(e, "out", "syn"));
	for (size_t f = 0; f < COUNT(families); f++)
		add_size(t, UI_PLAIN, view_number(view_get(view_get(e, "out"), families[f]), "max"));
	add_number(t, UI_WARN, view_number(view_get(view_get(e, "out"), "own"), "too_big"));
	add_number(t, UI_WARN,
		   view_number(view_get(e, "in"), "missed") + view_number(view_get(e, "out"), "missed"));
}

static int print_interfaces(FILE *out, json_t *interfaces, const struct ui_options *options)
{
	static const struct ui_column columns[] = {
		{"INNER", false, 0},   {"LINK", false, 5},    {"BY", false, 6},	    {"MTU", true, 3},
		{"SYN IN", true, 2},   {"MSS4 IN", true, 1},  {"MSS6 IN", true, 4}, {"SYN OUT", true, 0},
		{"MSS4 OUT", true, 0}, {"MSS6 OUT", true, 3}, {"TOO BIG", true, 0}, {"MISSED", true, 7},
	};
	struct ui_table t;
	json_t *e;
	int hidden;
	size_t i;

	ui_table_begin(&t, columns, COUNT(columns));
	json_array_foreach(interfaces, i, e) {
		add_interface(&t, e);
	}
	hidden = ui_table_print(out, &t, options);
	json_array_foreach(interfaces, i, e) {
		if (!*view_string(e, "note"))
			continue;
		fputs("  ", out);
		ui_clean(out, view_string(e, "name"));
		fputs(": ", out);
		ui_clean(out, view_string(e, "note"));
		fputc('\n', out);
	}
	return hidden < 0 ? hidden : 0;
}

static int print_tunnels(FILE *out, json_t *tunnels, const struct ui_options *options)
{
	static const struct ui_column columns[] = {
		{"TUNNEL", false, 0},	 {"MSS4 FITS", true, 0}, {"MSS6 FITS", true, 3},
		{"SYN IN", true, 2},	 {"LATEST IN", true, 1}, {"SYN OUT", true, 0},
		{"LATEST OUT", true, 0}, {"TOO LARGE", true, 0}, {"TOO BIG", true, 0},
		{"MTU TOLD", true, 2},
	};
	struct ui_table t;
	json_t *e;
	int hidden;
	size_t i;

	if (!json_array_size(tunnels)) {
		fputs("  No TCP connection into a tunnel began since the agent started.\n", out);
		return 0;
	}
	ui_table_begin(&t, columns, COUNT(columns));
	json_array_foreach(tunnels, i, e) {
		const json_t *in = view_get(e, "in"), *told = view_get(e, "out"),
			     *errors = view_get(e, "too_big");
		bool above = view_number(told, "recent_above") > 0;
		char share[64];

		ui_table_add(&t, UI_BOLD, view_string(e, "tunnel"));
		add_size(&t, UI_PLAIN, view_number(e, "mss4"));
		add_size(&t, UI_PLAIN, view_number(e, "mss6"));
		add_number(&t, UI_PLAIN, view_number(in, "syn") + view_number(in, "syn_ack"));
		add_size(&t, UI_PLAIN, view_number(in, "latest"));
		add_number(&t, UI_PLAIN, view_number(told, "syn") + view_number(told, "syn_ack"));
		add_size(&t, above ? UI_WARN : UI_PLAIN, view_number(told, "latest"));
		snprintf(share, sizeof(share), "%" PRIu64 " of %" PRIu64, view_number(told, "recent_above"),
			 view_number(told, "recent"));
		ui_table_add(&t, above ? UI_WARN : UI_DIM, view_number(told, "recent") ? share : "-");
		add_number(&t, UI_WARN, view_number(errors, "packets"));
		add_size(&t, UI_PLAIN, view_number(errors, "mtu"));
	}
	hidden = ui_table_print(out, &t, options);
	return hidden < 0 ? hidden : 0;
}

int view_inner(FILE *out, json_t *document, const struct ui_options *options)
{
	const json_t *inner = view_get(document, "inner");
	int err;

	if (!json_is_object(inner)) {
		fputs("No inner interface is watched: espial run --inner NAME.\n", out);
		return 0;
	}
	if (!json_array_size(view_get(inner, "interfaces"))) {
		fputs("No interface is there that --inner names.\n", out);
		return 0;
	}
	err = print_interfaces(out, view_get(inner, "interfaces"), options);
	if (!err) {
		fputc('\n', out);
		err = print_tunnels(out, view_get(inner, "tunnels"), options);
	}
	if (!err && options->width)
		ui_styled(out, options, UI_DIM,
			  "  SYN and MSS: of TCP's SYN and SYN-ACK. IN arrived from inner hosts, OUT left to "
			  "them, "
			  "after any clamp here.\n  TOO LARGE: of the latest ones OUT. TOO BIG: ICMP errors "
			  "that this "
			  "host sent to inner hosts.\n");
	return err;
}

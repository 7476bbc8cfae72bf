/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ui/ui.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ui/format.h"
#include "ui/view.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define UI_SCHEMA 1
#define UI_WIDTH_MAX 10000

void ui_options_detect(FILE *out, struct ui_options *ret)
{
	const char *columns = getenv("COLUMNS"), *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	struct winsize size;

	*ret = (struct ui_options){0};
	if (!isatty(fileno(out)))
		return;
	if (columns && strtoul(columns, NULL, 10) <= UI_WIDTH_MAX)
		ret->width = (unsigned int)strtoul(columns, NULL, 10);
	if (!ret->width && ioctl(fileno(out), TIOCGWINSZ, &size) == 0)
		ret->width = size.ws_col;
	if (!ret->width)
		ret->width = 80;
	ret->color = !(no_color && *no_color) && term && *term && strcmp(term, "dumb") != 0;
}

uint64_t view_number(const json_t *object, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(object, key));

	return value < 0 ? 0 : (uint64_t)value;
}

const char *view_string(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : "";
}

/* ---- interfaces ---- */

static uint64_t ipsec_packets(const json_t *counters)
{
	json_t *classes = view_get(counters, "class"), *value;
	uint64_t sum = 0;
	const char *name;

	json_object_foreach(classes, name, value) {
		if (strcmp(name, "other") != 0 && json_integer_value(value) > 0)
			sum += (uint64_t)json_integer_value(value);
	}
	return sum;
}

static uint64_t rejected_packets(const json_t *counters)
{
	json_t *reasons = view_get(counters, "rejected"), *value;
	uint64_t sum = 0;
	const char *name;

	json_object_foreach(reasons, name, value) {
		if (json_integer_value(value) > 0)
			sum += (uint64_t)json_integer_value(value);
	}
	return sum;
}

static void add_count(struct ui_table *t, uint64_t value, enum ui_style style)
{
	char number[FORMAT_SIZE];

	format_count(value, number);
	ui_table_add(t, value ? style : UI_DIM, number);
}

static void add_string(struct ui_table *t, enum ui_style style, const char *value)
{
	ui_table_add(t, style, *value ? value : "-");
}

static void add_interface(struct ui_table *t, const json_t *interface)
{
	const json_t *in = view_get(interface, "in"), *out = view_get(interface, "out"),
		     *up = view_get(interface, "up");
	char bytes[FORMAT_SIZE];

	add_string(t, UI_BOLD, view_string(interface, "name"));
	ui_table_add(t, json_is_false(up) ? UI_BAD : UI_PLAIN,
		     json_is_true(up)	 ? "up"
		     : json_is_false(up) ? "down"
					 : "-");
	add_string(t, UI_PLAIN, view_string(interface, "ingress"));
	add_string(t, UI_PLAIN, view_string(interface, "egress"));
	if (view_number(interface, "mtu"))
		add_count(t, view_number(interface, "mtu"), UI_PLAIN);
	else
		ui_table_add(t, UI_DIM, "-");
	add_count(t, view_number(in, "seen"), UI_PLAIN);
	add_count(t, ipsec_packets(in), UI_PLAIN);
	format_bytes(view_number(in, "bytes"), bytes);
	ui_table_add(t, UI_PLAIN, bytes);
	add_count(t, view_number(out, "seen"), UI_PLAIN);
	add_count(t, ipsec_packets(out), UI_PLAIN);
	format_bytes(view_number(out, "bytes"), bytes);
	ui_table_add(t, UI_PLAIN, bytes);
	add_count(t, rejected_packets(in) + rejected_packets(out), UI_WARN);
}

int view_interfaces(FILE *out, json_t *document, const struct ui_options *options)
{
	static const struct ui_column columns[] = {
		{"NAME", false, 0}, {"LINK", false, 5},	    {"INGRESS", false, 1},  {"EGRESS", false, 1},
		{"MTU", true, 8},   {"IN", true, 2},	    {"IN IPSEC", true, 2},  {"IN BYTES", true, 7},
		{"OUT", true, 2},   {"OUT IPSEC", true, 2}, {"OUT BYTES", true, 7}, {"REJECTED", true, 4},
	};
	json_t *interfaces = view_get(document, "interfaces"), *interface;
	struct ui_table t;
	int hidden;
	size_t i;

	if (!json_array_size(interfaces)) {
		fputs("No interfaces.\n", out);
		return 0;
	}
	ui_table_begin(&t, columns, COUNT(columns));
	json_array_foreach(interfaces, i, interface) {
		add_interface(&t, interface);
	}
	hidden = ui_table_print(out, &t, options);
	/* Why something is not what was asked for is too long for a column */
	json_array_foreach(interfaces, i, interface) {
		if (!*view_string(interface, "note"))
			continue;
		fputs("  ", out);
		ui_clean(out, view_string(interface, "name"));
		fputs(": ", out);
		ui_clean(out, view_string(interface, "note"));
		fputc('\n', out);
	}
	if (options->width)
		ui_styled(out, options, UI_DIM,
			  "  IN and OUT are packets; IPSEC are those of IPsec and IKE.\n");
	return hidden < 0 ? hidden : 0;
}

/* ---- the agent itself ---- */

static void print_line(FILE *out, const struct ui_options *options, const char *label, const char *value)
{
	char padded[24];

	snprintf(padded, sizeof(padded), "%-16s", label);
	ui_styled(out, options, UI_DIM, padded);
	fputs(*value ? value : "-", out);
	fputc('\n', out);
}

static void print_number(FILE *out, const struct ui_options *options, const char *label, uint64_t value,
			 void (*format)(uint64_t value, char ret[static FORMAT_SIZE]))
{
	char number[FORMAT_SIZE];

	format(value, number);
	print_line(out, options, label, number);
}

static void print_table_use(FILE *out, const struct ui_options *options, const char *label,
			    const json_t *table)
{
	char used[FORMAT_SIZE], slots[FORMAT_SIZE], percent[FORMAT_SIZE];
	char line[3 * FORMAT_SIZE + 16];

	format_count(view_number(table, "used"), used);
	format_count(view_number(table, "slots"), slots);
	format_percent(view_number(table, "used"), view_number(table, "slots"), percent);
	snprintf(line, sizeof(line), "%s of %s used, %s", used, slots, percent);
	print_line(out, options, label, line);
}

int view_self(FILE *out, json_t *document, const struct ui_options *options)
{
	const json_t *self = view_get(document, "self"), *losses = view_get(document, "losses");
	const char *started = view_string(self, "started");
	char line[64];

	if (!json_is_object(self)) {
		fputs("A capture file has no agent to speak of.\n", out);
		return 0;
	}
	fputs("espial ", out);
	ui_clean(out, view_string(view_get(document, "espial"), "version"));
	fputc('\n', out);
	snprintf(line, sizeof(line), "%" PRIu64, view_number(self, "pid"));
	print_line(out, options, "process", line);
	snprintf(line, sizeof(line), "%.10s %.8s UTC", started, strlen(started) > 19 ? started + 11 : "");
	print_line(out, options, "started", *started ? line : "-");
	print_number(out, options, "CPU time", view_number(self, "cpu_ns"), format_duration);
	print_number(out, options, "memory", view_number(self, "rss_bytes"), format_bytes);
	print_number(out, options, "kernel tables", view_number(self, "memory_bytes"), format_bytes);
	print_number(out, options, "per SA", view_number(self, "bytes_per_sa"), format_bytes);
	print_table_use(out, options, "SA table", view_get(self, "sa_table"));
	print_table_use(out, options, "newcomers", view_get(self, "newcomer_table"));
	print_number(out, options, "events", view_number(self, "events"), format_count);
	print_number(out, options, "polls", view_number(self, "polls"), format_count);
	snprintf(line, sizeof(line), "%.3f ms", (double)view_number(self, "poll_ns_last") / 1e6);
	print_line(out, options, "last poll", line);
	print_number(out, options, "evicted", view_number(losses, "evicted"), format_count);
	print_number(out, options, "refused", view_number(losses, "refused"), format_count);
	print_number(out, options, "ring overrun", view_number(losses, "ring_overrun"), format_count);
	print_number(out, options, "events limited", view_number(losses, "events_limited"), format_count);
	return 0;
}

/* ---- views ---- */

static int (*const views[])(FILE *out, json_t *document, const struct ui_options *options) = {
	view_tunnels, view_sas, view_ike, view_interfaces, view_inner, view_host, view_self,
};

static const char *const words[] = {"tunnels", "sas", "ike", "interfaces", "inner", "host", "self"};

_Static_assert(COUNT(views) == COUNT(words), "a function per view");

const char *const *ui_view_words(size_t *ret_count)
{
	*ret_count = COUNT(words);
	return words;
}

int ui_print_state(FILE *out, json_t *document, const char *view, const struct ui_options *options)
{
	int err = -EINVAL;

	if (view_number(view_get(document, "espial"), "schema") != UI_SCHEMA)
		return -EINVAL;
	if (!view)
		err = view_summary(out, document, options);
	for (size_t i = 0; view && i < COUNT(words); i++)
		if (strcmp(words[i], view) == 0)
			err = views[i](out, document, options);
	if (!err && ferror(out))
		err = -EIO;
	return err;
}

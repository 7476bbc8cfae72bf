/* SPDX-License-Identifier: GPL-2.0-or-later */
/* summary.c - the first look: what, when, what is wrong, the worst security associations */
#include "ui/view.h"

#include <string.h>

#include "model/ike_parse.h"
#include "model/state.h"
#include "ui/format.h"

#define SUMMARY_SAS 10
#define SUMMARY_INTERFACES 8
#define SUMMARY_LABEL 12 /* columns */

static void print_label(FILE *out, const struct ui_options *options, const char *label)
{
	char padded[SUMMARY_LABEL + 1];

	snprintf(padded, sizeof(padded), "%-*s", SUMMARY_LABEL, label);
	ui_styled(out, options, UI_DIM, padded);
}

/* ---- what and when ---- */

static void print_source(FILE *out, json_t *document, const struct ui_options *options)
{
	const json_t *source = view_get(document, "source");
	const char *first = view_string(source, "first"), *last = view_string(source, "last");
	char duration[FORMAT_SIZE];

	ui_styled(out, options, UI_BOLD,
		  strcmp(view_string(source, "kind"), "live") == 0 ? "live on " : "capture ");
	ui_clean(out, view_string(source, "name"));
	fputc('\n', out);
	if (!format_parse_time(first) || !format_parse_time(last))
		return;
	format_duration(format_parse_time(last) - format_parse_time(first), duration);
	print_label(out, options, "time");
	fprintf(out, "%.10s %.8s to ", first, first + 11);
	if (strncmp(first, last, 10) != 0)
		fprintf(out, "%.10s ", last);
	fprintf(out, "%.8s UTC, %s\n", last + 11, duration);
}

/* Zeros mean something else where nothing is watched, so this comes before them. */
static void print_watched(FILE *out, json_t *document, const struct ui_options *options)
{
	const json_t *interfaces = view_get(document, "interfaces");
	size_t count = json_array_size(interfaces), i;

	print_label(out, options, "watched");
	if (!count)
		ui_styled(out, options, UI_WARN,
			  "no interface: none matches what the agent was told to watch\n");
	for (i = 0; i < count && i < SUMMARY_INTERFACES; i++) {
		json_t *e = json_array_get(interfaces, i);
		const char *ingress = view_string(e, "ingress"), *note = view_string(e, "note");

		if (i)
			print_label(out, options, "");
		ui_clean(out, view_string(e, "name"));
		if (*ingress && strcmp(ingress, "none") != 0) {
			fputs(": in by ", out);
			ui_clean(out, ingress);
			fputs(", out by ", out);
			ui_clean(out, view_string(e, "egress"));
			if (!json_is_true(view_get(e, "up")))
				ui_styled(out, options, UI_WARN, ", link down");
		} else {
			ui_styled(out, options, UI_WARN, ": not any more");
		}
		if (*note) {
			fputs(" (", out);
			ui_clean(out, note);
			fputc(')', out);
		}
		fputc('\n', out);
	}
	if (count > i) {
		print_label(out, options, "");
		fprintf(out, "… and %zu more: the view `interfaces` shows all\n", count - i);
	}
}

/* "name count, name count", those that are not 0, broken where the screen ends. Returns how many. */
static unsigned int print_list(FILE *out, json_t *numbers, const struct ui_options *options,
			       unsigned int column)
{
	unsigned int count = 0, at = column;
	const char *name;
	json_t *value;

	json_object_foreach(numbers, name, value) {
		char number[FORMAT_SIZE];
		unsigned int width;

		if (json_integer_value(value) <= 0)
			continue;
		format_count((uint64_t)json_integer_value(value), number);
		width = format_columns(name) + 1 + (unsigned int)strlen(number);
		if (count++)
			fputc(',', out);
		if (count > 1 && options->width && at + 2 + width > options->width) {
			fprintf(out, "\n%*s", SUMMARY_LABEL, "");
			at = SUMMARY_LABEL;
		} else if (count > 1) {
			fputc(' ', out);
			at += 2;
		}
		ui_clean(out, name);
		fprintf(out, " %s", number);
		at += width;
	}
	return count;
}

static void print_packets(FILE *out, const json_t *packets, const struct ui_options *options)
{
	char seen[FORMAT_SIZE], bytes[FORMAT_SIZE];
	char line[2 * FORMAT_SIZE + 16];

	format_count(view_number(packets, "seen"), seen);
	format_bytes(view_number(packets, "bytes"), bytes);
	print_label(out, options, "packets");
	snprintf(line, sizeof(line), "%s, %s of IP: ", seen, bytes);
	fputs(line, out);
	if (!print_list(out, view_get(packets, "class"), options, SUMMARY_LABEL + (unsigned int)strlen(line)))
		fputs("nothing classified", out);
	fputc('\n', out);
}

/* ---- what is wrong: a line each, with what its name means ---- */

static const char *reason_help(const char *name)
{
	for (int i = 0; i < ESP_REASON_COUNT; i++)
		if (strcmp(esp_reason_name((enum esp_reason)i), name) == 0)
			return esp_reason_help((enum esp_reason)i);
	return "";
}

static const char *loss_help(const char *name)
{
	for (int i = 0; i < ESP_LOSS_COUNT; i++)
		if (strcmp(esp_loss_name((enum esp_loss)i), name) == 0)
			return esp_loss_help((enum esp_loss)i);
	return "";
}

static const char *fault_help(const char *name)
{
	for (int i = 0; i < IKE_FAULT_COUNT; i++)
		if (strcmp(ike_fault_name((enum ike_fault)i), name) == 0)
			return ike_fault_help((enum ike_fault)i);
	return "";
}

static void print_wrong(FILE *out, json_t *numbers, const struct ui_options *options, const char *label,
			const char *(*help)(const char *name))
{
	const char *name, *once = label;
	json_t *value;

	json_object_foreach(numbers, name, value) {
		char number[FORMAT_SIZE];

		if (json_integer_value(value) <= 0)
			continue;
		format_count((uint64_t)json_integer_value(value), number);
		print_label(out, options, once);
		ui_styled(out, options, UI_WARN, number);
		fputc(' ', out);
		ui_clean(out, name);
		if (*help(name))
			fprintf(out, ": %s", help(name));
		fputc('\n', out);
		once = "";
	}
}

static void print_ike(FILE *out, const json_t *ike, const struct ui_options *options)
{
	char messages[FORMAT_SIZE], truncated[FORMAT_SIZE];

	if (!view_number(ike, "messages"))
		return;
	format_count(view_number(ike, "messages"), messages);
	format_count(view_number(ike, "truncated"), truncated);
	print_label(out, options, "IKE");
	fprintf(out, "%s message%s", messages, view_number(ike, "messages") == 1 ? "" : "s");
	if (view_number(ike, "truncated"))
		fprintf(out, ", %s cut off by the capture", truncated);
	fputc('\n', out);
	print_wrong(out, view_get(ike, "malformed"), options, "malformed", fault_help);
}

/* ---- tunnels ---- */

static int print_tunnels(FILE *out, json_t *document, const struct ui_options *options)
{
	const json_t *tunnels = view_get(document, "tunnels");
	const json_t *states_told = view_get(document, "tunnel_states"); /* when not all tunnels are there */
	size_t count = json_array_size(tunnels), in_state, i, shown = 0;
	json_t *tunnel;
	char line[80];
	int err;

	if (!count)
		return 0;
	if (states_told) {
		count = 0;
		for (int s = 0; s < STATE_TUNNEL_STATES; s++)
			count += (size_t)view_number(states_told,
						     state_tunnel_state_name((enum state_tunnel_state)s));
	}
	print_label(out, options, "tunnels");
	fprintf(out, "%zu:", count);
	for (int s = 0; s < STATE_TUNNEL_STATES; s++) {
		in_state =
			(size_t)view_number(states_told, state_tunnel_state_name((enum state_tunnel_state)s));
		json_array_foreach(tunnels, i, tunnel) {
			in_state += !states_told &&
				    strcmp(view_string(tunnel, "state"),
					   state_tunnel_state_name((enum state_tunnel_state)s)) == 0;
		}
		if (!in_state)
			continue;
		snprintf(line, sizeof(line), "%s %zu %s", shown++ ? "," : "", in_state,
			 state_tunnel_state_name((enum state_tunnel_state)s));
		ui_styled(out, options, s == 0 ? UI_BAD : s == 1 ? UI_WARN : UI_PLAIN, line);
	}
	fputs("\n\n", out);
	err = view_tunnel_table(out, document, options, UI_SUMMARY_TUNNELS);
	if (!err && count > UI_SUMMARY_TUNNELS) {
		snprintf(line, sizeof(line), "  … and %zu more: the view `tunnels` shows all\n",
			 count - UI_SUMMARY_TUNNELS);
		ui_styled(out, options, UI_DIM, line);
	}
	fputc('\n', out);
	return err;
}

/* ---- security associations ---- */

static int print_sas(FILE *out, json_t *document, const struct ui_options *options)
{
	const json_t *sas = view_get(document, "sas");
	size_t count = json_array_size(sas), with_loss = 0, newcomers = 0, i;
	uint64_t pending = 0;
	json_t *sa;
	char line[128], number[FORMAT_SIZE];
	int err;

	json_array_foreach(sas, i, sa) {
		with_loss += view_number(view_get(sa, "sequence"), "lost") != 0;
		pending += view_number(view_get(sa, "sequence"), "pending");
		newcomers += json_is_true(view_get(sa, "newcomer"));
	}
	print_label(out, options, "SAs");
	if (!count) {
		fputs("none: no ESP and no AH was seen\n", out);
		return 0;
	}
	fprintf(out, "%zu, ", count);
	snprintf(line, sizeof(line), "%zu with loss", with_loss);
	ui_styled(out, options, with_loss ? UI_BAD : UI_PLAIN, with_loss ? line : "none with loss");
	if (newcomers)
		fprintf(out, ", %zu too new to be sure of", newcomers);
	format_count(pending, number);
	if (pending)
		fprintf(out, ", %s number%s skipped that may still come", number, pending == 1 ? "" : "s");
	fputs("\n\n", out);
	err = view_sa_table(out, document, options, false, SUMMARY_SAS);
	if (!err && count > SUMMARY_SAS) {
		snprintf(line, sizeof(line), "  … and %zu more: the view `sas` shows all\n",
			 count - SUMMARY_SAS);
		ui_styled(out, options, UI_DIM, line);
	}
	return err;
}

int view_summary(FILE *out, json_t *document, const struct ui_options *options)
{
	const json_t *packets = view_get(document, "packets");
	int err;

	print_source(out, document, options);
	if (strcmp(view_string(view_get(document, "source"), "kind"), "live") == 0)
		print_watched(out, document, options);
	print_packets(out, packets, options);
	print_wrong(out, view_get(packets, "rejected"), options, "rejected", reason_help);
	print_ike(out, view_get(document, "ike"), options);
	print_wrong(out, view_get(document, "losses"), options, "unobserved", loss_help);
	err = print_tunnels(out, document, options);
	return err ? err : print_sas(out, document, options);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* host.c - what the host itself refused or dropped, and how busy it is: what is 0 is not listed */
#include "ui/view.h"

#include <inttypes.h>
#include <string.h>

#include "ui/format.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void add_count(struct ui_table *t, uint64_t value, enum ui_style style)
{
	char number[FORMAT_SIZE];

	format_count(value, number);
	ui_table_add(t, value ? style : UI_DIM, number);
}

static int view_xfrm(FILE *out, const json_t *host, const struct ui_options *options)
{
	static const struct ui_column columns[] = {{"REFUSED BY IPSEC", false, 0}, {"PACKETS", true, 0}};
	json_t *counters = view_get(host, "xfrm"), *value;
	struct ui_table t;
	bool any = false;
	const char *name;

	if (!json_is_object(counters)) {
		fputs("  The kernel has no /proc/net/xfrm_stat: what IPsec refuses is not counted.\n", out);
		return 0;
	}
	json_object_foreach(counters, name, value) {
		any = any || json_integer_value(value) > 0;
	}
	if (!any) {
		fputs("  IPsec has refused no packet since boot.\n", out);
		return 0;
	}
	ui_table_begin(&t, columns, COUNT(columns));
	json_object_foreach(counters, name, value) {
		if (json_integer_value(value) <= 0)
			continue;
		ui_table_add(&t, UI_BOLD, name);
		add_count(&t, (uint64_t)json_integer_value(value), UI_WARN);
	}
	return ui_table_print(out, &t, options);
}

/* Only where there is more than one, or something wrong: else `status sas` says it all. */
static int view_spaces(FILE *out, const json_t *host, const struct ui_options *options)
{
	static const struct ui_column columns[] = {{"NETWORK NAMESPACE", false, 0}, {"SAS", true, 0},
						   {"POLICIES", true, 0},	    {"REFUSED", true, 0},
						   {"LOST NOTICES", true, 0},	    {"", false, 0}};
	json_t *spaces = view_get(host, "namespaces"), *space, *value;
	const char *name;
	struct ui_table t;
	size_t i;

	if (json_array_size(spaces) < 2)
		return 0;
	ui_table_begin(&t, columns, COUNT(columns));
	json_array_foreach(spaces, i, space) {
		bool available = json_is_true(view_get(space, "available"));
		uint64_t refused = 0;

		json_object_foreach(view_get(space, "xfrm"), name, value) {
			refused += (uint64_t)json_integer_value(value);
		}
		ui_table_add(&t, UI_BOLD, i ? view_string(space, "name") : "(its own)");
		add_count(&t, view_number(space, "sas"), UI_PLAIN);
		add_count(&t, view_number(space, "policies"), UI_PLAIN);
		add_count(&t, refused, UI_WARN);
		add_count(&t, view_number(space, "overruns"), UI_WARN);
		ui_table_add(&t, UI_WARN, available ? "" : view_string(space, "why"));
	}
	if (ui_table_print(out, &t, options) < 0)
		return -1;
	fputc('\n', out);
	return 0;
}

/* Queues that dropped something; packets by queue are for `--json` and metrics. */
static int view_queues(FILE *out, const json_t *host, const struct ui_options *options)
{
	static const struct ui_column columns[] = {{"INTERFACE", false, 0},
						   {"QUEUE", false, 0},
						   {"PACKETS", true, 0},
						   {"DROPPED", true, 0},
						   {"NO BUFFER", true, 0}};
	json_t *queues = view_get(host, "queues"), *queue;
	bool any = false;
	struct ui_table t;
	size_t i;

	json_array_foreach(queues, i, queue) {
		if (!view_number(queue, "dropped") && !view_number(queue, "no_buffer"))
			continue;
		if (!any)
			ui_table_begin(&t, columns, COUNT(columns));
		any = true;
		ui_table_add(&t, UI_BOLD, view_string(queue, "interface"));
		ui_table_add(&t, UI_PLAIN, view_string(queue, "queue"));
		add_count(&t, view_number(queue, "packets"), UI_PLAIN);
		add_count(&t, view_number(queue, "dropped"), UI_WARN);
		add_count(&t, view_number(queue, "no_buffer"), UI_WARN);
	}
	if (!any) {
		if (json_array_size(queues))
			fprintf(out, "  None of %zu queues of network cards has dropped a packet.\n",
				json_array_size(queues));
		return 0;
	}
	return ui_table_print(out, &t, options);
}

/* What found no room in a card, by the names that its driver gives: where it is not 0. */
static void view_rings(FILE *out, const json_t *host, const struct ui_options *options)
{
	json_t *nics = view_get(host, "nics"), *nic, *value;
	const char *name;
	size_t i;

	json_array_foreach(nics, i, nic) {
		json_object_foreach(view_get(nic, "ring"), name, value) {
			char count[FORMAT_SIZE], line[160];

			if (json_integer_value(value) <= 0)
				continue;
			format_count((uint64_t)json_integer_value(value), count);
			snprintf(line, sizeof(line), "  %s: %s %s\n", view_string(nic, "interface"), name,
				 count);
			ui_styled(out, options, UI_WARN, line);
		}
	}
}

static int view_drops(FILE *out, const json_t *host, const struct ui_options *options)
{
	static const struct ui_column columns[] = {
		{"DROPPED ON", false, 0}, {"PACKET", false, 0}, {"REASON", false, 0}, {"PACKETS", true, 0}};
	json_t *drops = view_get(host, "drops"), *drop;
	struct ui_table t;
	size_t i;

	if (!json_is_array(drops)) {
		fputs("  Why this host drops packets is not known here: see the agent's log.\n", out);
		return 0;
	}
	if (!json_array_size(drops)) {
		fputs("  This host has dropped no packet of IPsec since the agent started.\n", out);
		return 0;
	}
	ui_table_begin(&t, columns, COUNT(columns));
	json_array_foreach(drops, i, drop) {
		ui_table_add(&t, UI_BOLD, view_string(drop, "interface"));
		ui_table_add(&t, UI_PLAIN, view_string(drop, "packet"));
		ui_table_add(&t, UI_PLAIN, view_string(drop, "reason"));
		add_count(&t, view_number(drop, "packets"), UI_WARN);
	}
	if (view_number(host, "drops_unlisted")) {
		ui_table_add(&t, UI_DIM, "others");
		ui_table_add(&t, UI_DIM, "-");
		ui_table_add(&t, UI_DIM, "-");
		add_count(&t, view_number(host, "drops_unlisted"), UI_WARN);
	}
	return ui_table_print(out, &t, options);
}

static int view_nics(FILE *out, const json_t *host, const struct ui_options *options)
{
	static const struct ui_column columns[] = {{"INTERFACE", false, 0}, {"RX DROPPED", true, 0},
						   {"RX MISSED", true, 0},  {"RX ERRORS", true, 0},
						   {"TX DROPPED", true, 0}, {"TX ERRORS", true, 0}};
	static const char *const counters[] = {"rx_dropped", "rx_missed", "rx_errors", "tx_dropped",
					       "tx_errors"};
	json_t *nics = view_get(host, "nics"), *nic;
	struct ui_table t;
	size_t i;

	if (!json_array_size(nics))
		return 0;
	ui_table_begin(&t, columns, COUNT(columns));
	json_array_foreach(nics, i, nic) {
		ui_table_add(&t, UI_BOLD, view_string(nic, "interface"));
		for (size_t c = 0; c < COUNT(counters); c++)
			add_count(&t, view_number(nic, counters[c]), UI_WARN);
	}
	return ui_table_print(out, &t, options);
}

static void view_load(FILE *out, const json_t *host, const struct ui_options *options)
{
	const json_t *softnet = view_get(host, "softnet"), *cpu = view_get(host, "cpu");
	uint64_t softirq = view_number(cpu, "softirq_permille"), busy = view_number(cpu, "busy_permille");
	char dropped[FORMAT_SIZE], squeezed[FORMAT_SIZE], line[128];

	if (json_is_object(cpu)) {
		snprintf(line, sizeof(line),
			 "  CPU: %" PRIu64 ".%" PRIu64 "%% in softirq, %" PRIu64 ".%" PRIu64 "%% busy\n",
			 softirq / 10, softirq % 10, busy / 10, busy % 10);
		fputs(line, out);
	}
	if (json_is_object(softnet)) {
		format_count(view_number(softnet, "dropped"), dropped);
		format_count(view_number(softnet, "squeezed"), squeezed);
		snprintf(line, sizeof(line), "  CPU backlog: %s packets dropped, out of budget %s times\n",
			 dropped, squeezed);
		ui_styled(out, options, view_number(softnet, "dropped") ? UI_WARN : UI_PLAIN, line);
	}
	for (int v6 = 0; v6 < 2; v6++)
		if (json_is_true(view_get(host, v6 ? "esp6_offload" : "esp4_offload"))) {
			snprintf(line, sizeof(line),
				 "  esp%d_offload is loaded: GRO may take ESP that arrives before tc "
				 "ingress; see "
				 "`espial check`\n",
				 v6 ? 6 : 4);
			fputs(line, out);
		}
}

int view_host(FILE *out, json_t *document, const struct ui_options *options)
{
	const json_t *host = view_get(document, "host");
	int err;

	if (!json_is_object(host)) {
		fputs("Nothing is known of the host: a capture file, or an agent that has just begun.\n",
		      out);
		return 0;
	}
	err = view_spaces(out, host, options);
	if (err >= 0)
		err = view_xfrm(out, host, options);
	if (err >= 0) {
		fputc('\n', out);
		err = view_drops(out, host, options);
	}
	if (err >= 0) {
		fputc('\n', out);
		err = view_nics(out, host, options);
	}
	if (err >= 0) {
		view_rings(out, host, options);
		err = view_queues(out, host, options);
	}
	if (err < 0)
		return err;
	fputc('\n', out);
	view_load(out, host, options);
	if (options->width)
		ui_styled(out, options, UI_DIM,
			  "  Counts of IPsec, interfaces and CPUs are since boot, those of drops since the "
			  "agent "
			  "started.\n");
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* cmd_probe_print.c - espial probe: the result for people */
#include "cmd.h"

#include <string.h>

#include "cmd_probe.h"
#include "ui/format.h"
#include "ui/table.h"
#include "ui/ui.h"

static const char *const labels[PROBE_METHODS] = {[PROBE_ECHO] = "ICMP echo",
						  [PROBE_IKE] = "UDP 500",
						  [PROBE_NATT] = "UDP 4500",
						  [PROBE_ESP] = "protocol 50"};

/* "0.04 ms", "12.3 ms". */
static const char *rtt_text(uint32_t us, char *ret, size_t size)
{
	if (us < 1000)
		snprintf(ret, size, "0.%02u ms", us / 10);
	else
		snprintf(ret, size, "%u.%u ms", us / 1000, us % 1000 / 100);
	return ret;
}

static enum ui_style style_of(enum probe_state state)
{
	return state == PROBE_REJECTED || state == PROBE_FILTERED || state == PROBE_CLOSED ? UI_BAD
											   : UI_PLAIN;
}

static void print_heading(const struct probe_request *q, const struct probe_result *r)
{
	char source[PROBE_ADDRESS_SIZE], target[PROBE_ADDRESS_SIZE], took[FORMAT_SIZE];

	probe_address_text(&r->source, source);
	probe_address_text(&r->target, target);
	format_duration(r->duration_ns, took);
	if (q->through) {
		fputs("Through ", stdout);
		ui_clean(stdout, q->through);
		fputs(": ", stdout);
	}
	printf("%s (%s, MTU %u) to %s", source, r->interface, r->link_mtu, target);
	if (strcmp(r->name, target) != 0) {
		fputs(" (", stdout);
		ui_clean(stdout, r->name);
		putchar(')');
	}
	printf(": %u packets in %s\n\n", r->packets, took);
}

static void print_reach(const struct probe_result *r, const struct ui_options *ui)
{
	enum probe_method method;
	char why[200], state[16], rtt[24];

	for (method = PROBE_ECHO; method < PROBE_METHODS; method++) {
		const struct probe_reach *reach = &r->reach[method];

		if (reach->state == PROBE_UNTRIED)
			continue;
		probe_state_text(r, method, why, sizeof(why));
		snprintf(state, sizeof(state), "%-8s", probe_state_name(reach->state));
		printf("%-13s", labels[method]);
		ui_styled(stdout, ui, style_of(reach->state), state);
		printf("  %u of %u", reach->answered, reach->sent);
		if (reach->rtt_us)
			printf(", %s", rtt_text(reach->rtt_us, rtt, sizeof(rtt)));
		if (reach->source_port &&
		    (reach->source_port != PROBE_PORT_IKE && reach->source_port != PROBE_PORT_NATT))
			printf(", from port %u", reach->source_port);
		printf("%s%s\n", *why ? ": " : "", why);
	}
}

static void print_threshold(const struct probe_result *r, const struct probe_threshold *t)
{
	char by[PROBE_ADDRESS_SIZE];

	printf("%13s", "");
	printf("%u of %u packets of %u bytes passed", t->below.passed, t->below.sent, t->below.size);
	if (t->above.size)
		printf(", %u of %u of %u", t->above.passed, t->above.sent, t->above.size);
	else if (t->limited)
		fputs(t->mtu < r->link_mtu ? ", and larger ones were not to be tried (--max-size)"
					   : ", and the interface takes no larger ones",
		      stdout);
	printf("%s\n", t->confirmed ? "" : " (NOT confirmed)");
	if (t->limited)
		return;
	probe_address_text(&t->reporter, by);
	if (t->told && t->reported)
		printf("%13s%s reports %u\n", "", by, t->reported);
	else if (t->told)
		printf("%13s%s reports that packets are too large, but not by how much\n", "", by);
	else if (r->black_hole)
		printf("%13snobody reports larger ones: a black hole\n", "");
	if (t->loss >= 0.01)
		printf("%13s%.0f %% of the packets that fit were not answered either: loss%s\n", "",
		       100 * t->loss, r->slowed ? ", or a limit on answers" : "");
}

static void print_mtu(const struct probe_request *q, const struct probe_result *r,
		      const struct ui_options *ui)
{
	const struct probe_threshold *t;
	enum probe_method method;
	unsigned int at_least = 0;
	char number[16];

	printf("\n%-13s", q->through ? "Inner MTU" : "Path MTU");
	if (!r->path_mtu) {
		for (method = PROBE_ECHO; method < PROBE_ESP; method++)
			if (r->threshold[method].at_least > at_least)
				at_least = r->threshold[method].at_least;
		if (at_least)
			printf("at least %u: %s\n", at_least,
			       r->out_of_time || r->out_of_packets
				       ? "the limit of time or packets was reached before more "
					 "was known (--time, --packets)"
				       : "not found");
		else
			printf("unknown: nothing was answered\n");
		return;
	}
	t = &r->threshold[r->measured_by];
	snprintf(number, sizeof(number), "%u", r->path_mtu);
	ui_styled(stdout, ui, UI_BOLD, number);
	if (!r->forward)
		printf("  the smaller of both directions, by ICMP echo\n");
	else
		printf("  towards the peer, by %s%s\n", r->measured_by == PROBE_ECHO ? "" : "IKE on ",
		       labels[r->measured_by]);
	print_threshold(r, t);
	if (r->measured_by == PROBE_ECHO && t->by_answer && t->largest_answered > r->path_mtu)
		printf("%-13s%u: answers above it came back in fragments; %u bytes got there\n", "Way back",
		       r->path_mtu, t->largest_answered);
}

/* "here -> there 1400, there -> here 1500", and how each is known. */
static void print_ways(const struct probe_request *q, const struct probe_ways *w)
{
	if (q->through || !w->there)
		return;
	printf("%-13shere -> there %u%s, ", "Each way", w->there, w->there_at_least ? " or more" : "");
	if (!w->back) {
		fputs("there -> here unknown: no echo, and no agent of the peer that knows it\n", stdout);
		return;
	}
	printf("there -> here %u%s: %s; %s\n", w->back, w->back_at_least ? " or more" : "", w->there_by,
	       w->back_by);
}

static void print_peer(const struct probe_request *q, const struct probe_peer *p, const struct ui_options *ui)
{
	char text[FORMAT_SIZE];

	if (!p)
		return;
	printf("%-13s", "Peer's agent");
	ui_clean(stdout, q->peer_agent);
	if (p->found) {
		fputs(": tunnel ", stdout);
		ui_clean(stdout, p->tunnel);
	}
	if (p->mtu && !*p->problem) {
		printf(": path MTU to here %u, source ", p->mtu);
		ui_clean(stdout, p->source);
		if (p->age_ns) {
			format_duration(p->age_ns, text);
			printf(", %s ago", text);
		}
	}
	putchar('\n');
	if (p->arrived) {
		format_count(p->arrived_packets, text);
		printf("%13sthe largest of %s ESP packets from here that arrived there had %u bytes", "",
		       text, p->arrived);
		if (p->arrived_cut) {
			format_count(p->arrived_cut, text);
			fputs(", ", stdout);
			ui_styled(stdout, ui, UI_WARN, text);
			fputs(" came in fragments", stdout);
		}
		putchar('\n');
	}
	if (*p->problem)
		printf("%13s%s\n", "", p->problem);
}

static void print_fragment(const char *what, int verdict, unsigned int passed, unsigned int sent)
{
	if (verdict >= 0)
		printf("%s %s (%u of %u)", what, verdict ? "pass" : "are LOST", passed, sent);
}

static void print_fragments(const struct probe_result *r)
{
	const struct probe_fragments *f = &r->fragments;

	if (f->by_source < 0 && f->by_router < 0)
		return;
	printf("%-13s", "Fragments");
	print_fragment("cut by the sender", f->by_source, f->source_passed, f->source_sent);
	if (f->by_source >= 0 && f->by_router >= 0)
		fputs("; ", stdout);
	print_fragment("cut by routers, without DF,", f->by_router, f->router_passed, f->router_sent);
	putchar('\n');
}

static void print_size(const char *label, const struct probe_sizes *s)
{
	if (s->inner)
		printf("%-13s%9u  %11u  %11u\n", label, s->inner, s->mss4, s->mss6);
	else
		printf("%-13s nothing fits\n", label);
}

static void print_sizes(const struct probe_request *q, const struct probe_result *r)
{
	static const char *const modes[] = {
		[MTU_TUNNEL] = "tunnel", [MTU_TRANSPORT] = "transport", [MTU_BEET] = "beet"};
	struct probe_sizes s;

	if (!r->path_mtu)
		return;
	if (q->through) {
		probe_sizes(q, r, r->path_mtu, false, &s);
		printf("TCP MSS      %u with IPv4, %u with IPv6\n", s.mss4, s.mss6);
		return;
	}
	printf("\nESP %s, %s mode, IPv%d outside%s:\n", q->proposal ? q->proposal : PROBE_PROPOSAL,
	       modes[q->spec.mode], r->target.family,
	       q->proposal ? "" : " (an assumption: --esp tells the real one)");
	printf("             Inner MTU  MSS of IPv4  MSS of IPv6\n");
	if (q->spec.encapsulation != MTU_UDP) {
		probe_sizes(q, r, r->path_mtu, false, &s);
		print_size("ESP", &s);
	}
	probe_sizes(q, r, r->path_mtu, true, &s);
	print_size("ESP in UDP", &s);
}

static int print_hops(const struct probe_request *q, const struct probe_result *r,
		      const struct ui_options *ui)
{
	static const struct ui_column columns[] = {
		{.head = "HOP", .right = true},	      {.head = "ADDRESS"},
		{.head = "RTT", .right = true},	      {.head = "MTU", .right = true},
		{.head = "INNER MTU", .right = true}, {.head = "MSS IPv4", .right = true},
		{.head = "MSS IPv6", .right = true},
	};
	struct ui_table table;
	struct probe_sizes s;
	char text[PROBE_ADDRESS_SIZE];
	size_t i;

	if (!q->options.hops)
		return 0;
	if (!r->hop_count) {
		printf("\nNo hop answered.\n");
		return 0;
	}
	putchar('\n');
	ui_table_begin(&table, columns, sizeof(columns) / sizeof(*columns));
	for (i = 0; i < r->hop_count; i++) {
		const struct probe_hop *hop = &r->hops[i];
		const unsigned int *values[] = {&hop->mtu, &s.inner, &s.mss4, &s.mss6};
		size_t k;

		probe_sizes(q, r, hop->mtu, q->spec.encapsulation == MTU_UDP, &s);
		snprintf(text, sizeof(text), "%zu", i + 1);
		ui_table_add(&table, UI_PLAIN, text);
		ui_table_add(&table, UI_PLAIN,
			     hop->address.family ? probe_address_text(&hop->address, text) : "*");
		ui_table_add(&table, UI_PLAIN, hop->rtt_us ? rtt_text(hop->rtt_us, text, sizeof(text)) : "-");
		for (k = 0; k < 4; k++) {
			snprintf(text, sizeof(text), "%u", *values[k]);
			ui_table_add(&table, UI_PLAIN, *values[k] ? text : "-");
		}
	}
	return ui_table_print(stdout, &table, ui);
}

static void print_findings(const struct probe_finding *findings, size_t count, const struct ui_options *ui)
{
	size_t i;

	for (i = 0; i < count; i++) {
		const struct probe_finding *f = &findings[i];

		putchar('\n');
		ui_styled(stdout, ui, strcmp(f->severity, "info") == 0 ? UI_BOLD : UI_WARN, f->severity);
		printf(" %s, %s: %s.\n  %s.\n", f->id, f->confidence, f->meaning, f->remedy);
		if (*f->command)
			printf("  The lines for it: %s\n", f->command);
	}
}

int probe_print_text(const struct probe_request *q, const struct probe_told *told)
{
	const struct probe_result *r = told->result;
	struct ui_options ui;
	size_t i;

	ui_options_detect(stdout, &ui);
	print_heading(q, r);
	print_reach(r, &ui);
	print_mtu(q, r, &ui);
	print_ways(q, &told->ways);
	print_peer(q, told->peer, &ui);
	print_fragments(r);
	print_sizes(q, r);
	if (print_hops(q, r, &ui) < 0)
		return cmd_cannot("out of memory");
	print_findings(told->findings, told->count, &ui);
	for (i = 0; i < r->note_count; i++)
		printf("%sNote: %s.\n", i ? "" : "\n", r->notes[i]);
	if (r->out_of_time || r->out_of_packets)
		printf("\nNot all was done within the limits: --time and --packets give more.\n");
	return CMD_OK;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* cmd_compare_print.c - the comparison as a sentence, a table, and JSON */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_compare.h"
#include "ui/format.h"
#include "ui/table.h"

/* ---- sums */

static bool same_tunnel(const struct compare_flow *x, const struct compare_flow *y)
{
	const char *one = x->sent->tunnel, *other = y->sent->tunnel;

	if (x->from_a != y->from_a)
		return false;
	if (one && other)
		return strcmp(one, other) == 0;
	return !one && !other && strcmp(x->sent->source, y->sent->source) == 0 &&
	       strcmp(x->sent->destination, y->sent->destination) == 0;
}

static void add(struct compare_sum *sum, const struct compare_flow *f)
{
	sum->sas++;
	sum->by_spi += f->by_spi;
	if (f->verdict == COMPARE_RESTARTED) {
		sum->restarted++;
		return;
	}
	sum->silent += f->verdict == COMPARE_NOTHING;
	sum->sent += f->arrived + f->lost_most;
	sum->arrived += f->arrived;
	sum->lost_least += f->lost_least;
	sum->lost_surely += f->lost_least > f->pending ? f->lost_least - f->pending : 0;
	sum->lost_most += f->lost_most;
	sum->dropped += f->dropped;
	sum->pending += f->pending;
	sum->beyond += f->beyond;
	sum->unwatched += f->unwatched;
}

static int by_tunnel(const void *x, const void *y)
{
	const struct compare_flow *one = *(const struct compare_flow *const *)x;
	const struct compare_flow *other = *(const struct compare_flow *const *)y;
	int order = strcmp(one->sent->tunnel ? one->sent->tunnel : "",
			   other->sent->tunnel ? other->sent->tunnel : "");

	if (!order)
		order = (int)other->from_a - (int)one->from_a;
	if (!order)
		order = strcmp(one->sent->source, other->sent->source);
	return order ? order : strcmp(one->sent->destination, other->sent->destination);
}

static int by_loss(const void *x, const void *y)
{
	const struct compare_sum *one = x, *other = y;

	if (one->lost_least != other->lost_least)
		return one->lost_least > other->lost_least ? -1 : 1;
	if (one->lost_most != other->lost_most)
		return one->lost_most > other->lost_most ? -1 : 1;
	return by_tunnel(&one->flow, &other->flow);
}

int compare_sum_up(const struct compare *c, struct compare_sums *ret)
{
	const struct compare_flow **sorted = calloc(c->count + 1, sizeof(const struct compare_flow *));
	struct compare_sum *list = calloc(c->count + 1, sizeof(*list));
	size_t count = 0;

	if (!sorted || !list) {
		free(sorted);
		free(list);
		return -ENOMEM;
	}
	for (size_t i = 0; i < c->count; i++)
		sorted[i] = &c->flows[i];
	if (c->count)
		qsort(sorted, c->count, sizeof(const struct compare_flow *), by_tunnel);
	for (size_t i = 0; i < c->count; i++) {
		if (!i || !same_tunnel(sorted[i - 1], sorted[i])) {
			list[count].tunnel = sorted[i]->sent->tunnel;
			list[count++].flow = sorted[i];
		}
		add(&list[count - 1], sorted[i]);
	}
	if (count)
		qsort(list, count, sizeof(*list), by_loss);
	free(sorted);
	*ret = (struct compare_sums){.list = list, .count = count};
	return 0;
}

static void tunnel_name(const struct compare_flow *f, char ret[128])
{
	if (f->sent->tunnel)
		snprintf(ret, 128, "%s", f->sent->tunnel);
	else
		snprintf(ret, 128, "%s-%s", f->sent->source, f->sent->destination);
}

/* ---- JSON */

static json_t *lost_object(uint64_t least, uint64_t most)
{
	return json_pack("{sIsI}", "least", (json_int_t)least, "most", (json_int_t)most);
}

static json_t *flow_object(const struct compare_flow *f, const char *const names[2])
{
	char spi[16], tunnel[128];

	snprintf(spi, sizeof(spi), "0x%08x", f->sent->spi);
	tunnel_name(f, tunnel);
	return json_pack("{ss,ss,ss,ss,ss,ss,ss,sI,sI,sI,so,sI,sI,sI,sI,sb,sb}", "tunnel", tunnel, "from",
			 names[!f->from_a], "to", names[f->from_a], "spi", spi, "protocol",
			 f->sent->protocol == 51 ? "ah" : "esp", "destination", f->sent->destination,
			 "verdict", compare_verdict_name(f->verdict), "first", (json_int_t)f->from, "highest",
			 (json_int_t)f->to, "arrived", (json_int_t)f->arrived, "lost",
			 lost_object(f->lost_least, f->lost_most), "dropped_by_sender",
			 (json_int_t)f->dropped, "pending", (json_int_t)f->pending, "beyond",
			 (json_int_t)f->beyond, "unwatched", (json_int_t)f->unwatched, "by_spi", f->by_spi,
			 "direction_inferred", f->inferred);
}

static json_t *sum_object(const struct compare_sum *s, const char *const names[2])
{
	char tunnel[128];

	tunnel_name(s->flow, tunnel);
	return json_pack("{ss,ss,ss,sI,sI,sI,so,sI,sI,sI,sI,sI,sI,sb}", "name", tunnel, "from",
			 names[!s->flow->from_a], "to", names[s->flow->from_a], "sas", (json_int_t)s->sas,
			 "sent", (json_int_t)s->sent, "arrived", (json_int_t)s->arrived, "lost",
			 lost_object(s->lost_least, s->lost_most), "dropped_by_sender",
			 (json_int_t)s->dropped, "pending", (json_int_t)s->pending, "beyond",
			 (json_int_t)s->beyond, "unwatched", (json_int_t)s->unwatched, "sas_silent",
			 (json_int_t)s->silent, "sas_restarted", (json_int_t)s->restarted, "exact",
			 s->lost_least == s->lost_most && !s->restarted);
}

json_t *compare_document(const struct compare *c, const struct compare_sums *sums, const char *const names[2])
{
	json_t *tunnels = json_array(), *sas = json_array();
	bool failed = !tunnels || !sas;

	for (size_t i = 0; i < sums->count && !failed; i++)
		failed = json_array_append_new(tunnels, sum_object(&sums->list[i], names)) != 0;
	for (size_t i = 0; i < c->count && !failed; i++)
		failed = json_array_append_new(sas, flow_object(&c->flows[i], names)) != 0;
	if (failed) {
		json_decref(tunnels);
		json_decref(sas);
		return NULL;
	}
	return json_pack("{ss,ss,so,so,sI,sI}", "a", names[0], "b", names[1], "tunnels", tunnels, "sas", sas,
			 "only_a", (json_int_t)c->only_a, "only_b", (json_int_t)c->only_b);
}

/* ---- text */

static const struct ui_column columns[] = {
	{.head = "TUNNEL"},
	{.head = "FROM"},
	{.head = "SPI", .priority = 5},
	{.head = "SENT", .right = true},
	{.head = "ARRIVED", .right = true},
	{.head = "LOST", .right = true},
	{.head = "LOSS", .right = true},
	{.head = "WHERE", .priority = 3},
};

static void add_number(struct ui_table *t, enum ui_style style, uint64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, number); /* exact: that is what this is for */
	ui_table_add(t, style, text);
}

static void add_row(struct ui_table *t, const struct compare_sum *s, const char *spi,
		    const char *const names[2])
{
	enum ui_style style = s->lost_least ? UI_BAD : UI_PLAIN;
	char text[128], where[160] = "";

	tunnel_name(s->flow, text);
	ui_table_add(t, UI_PLAIN, text);
	ui_table_add(t, UI_PLAIN, names[!s->flow->from_a]);
	ui_table_add(t, UI_PLAIN, spi);
	add_number(t, UI_PLAIN, s->sent);
	add_number(t, UI_PLAIN, s->arrived);
	if (s->lost_least == s->lost_most)
		snprintf(text, sizeof(text), "%" PRIu64, s->lost_most);
	else
		snprintf(text, sizeof(text), "%" PRIu64 " to %" PRIu64, s->lost_least, s->lost_most);
	ui_table_add(t, style, text);
	format_percent(s->lost_least, s->sent, text);
	ui_table_add(t, style, s->sent ? text : "-");
	if (s->restarted == s->sas)
		snprintf(where, sizeof(where), "numbers began anew: not comparable");
	else if (s->silent == s->sas)
		snprintf(where, sizeof(where), "nothing arrives at %s", names[s->flow->from_a]);
	else if (s->lost_most)
		snprintf(where, sizeof(where), "between %s and %s", names[!s->flow->from_a],
			 names[s->flow->from_a]);
	if (s->dropped)
		snprintf(where + strlen(where), sizeof(where) - strlen(where),
			 "%s%" PRIu64 " at %s, before the wire", *where ? "; " : "", s->dropped,
			 names[!s->flow->from_a]);
	ui_table_add(t, UI_PLAIN, *where ? where : "-");
}

static void print_verdict(const struct compare_sums *sums, const char *const names[2])
{
	const struct compare_sum *worst = &sums->list[0];
	char tunnel[128], percent[FORMAT_SIZE];

	tunnel_name(worst->flow, tunnel);
	format_percent(worst->lost_least, worst->sent, percent);
	if (!worst->lost_most) {
		fputs("No packet was lost between ", stdout);
		ui_clean(stdout, names[0]);
		fputs(" and ", stdout);
		ui_clean(stdout, names[1]);
		fputs(".\n", stdout);
		return;
	}
	if (worst->lost_least == worst->lost_most)
		printf("%" PRIu64 " of %" PRIu64 " packets (%s) from ", worst->lost_least, worst->sent,
		       percent);
	else
		printf("%" PRIu64 " to %" PRIu64 " of %" PRIu64 " packets from ", worst->lost_least,
		       worst->lost_most, worst->sent);
	ui_clean(stdout, names[!worst->flow->from_a]);
	fputs(" did not reach ", stdout);
	ui_clean(stdout, names[worst->flow->from_a]);
	fputs(", tunnel ", stdout);
	ui_clean(stdout, tunnel);
	fputs(".\n", stdout);
}

static void print_notes(const struct compare *c, const struct compare_sums *sums)
{
	uint64_t beyond = 0, unwatched = 0, pending = 0;
	size_t by_spi = 0;

	for (size_t i = 0; i < sums->count; i++) {
		beyond += sums->list[i].beyond;
		unwatched += sums->list[i].unwatched;
		pending += sums->list[i].pending;
		by_spi += sums->list[i].by_spi;
	}
	if (beyond)
		printf("\n%" PRIu64 " packet%s more %s sent after the last that arrived: on the way, sent "
		       "after the other end was "
		       "read, or lost. Compare again.\n",
		       beyond, beyond == 1 ? "" : "s", beyond == 1 ? "was" : "were");
	if (pending)
		printf("\n%" PRIu64 " of the lost are so recent that they may still come.\n", pending);
	if (unwatched)
		printf("\n%" PRIu64 " packets were sent before the other end watched: not compared.\n",
		       unwatched);
	if (by_spi)
		printf("\n%zu SAs were matched by their SPI alone: a NAT changes the address.\n", by_spi);
	if (c->only_a + c->only_b)
		printf("\nNot compared: %zu SAs that only the first end has, and %zu that only the second "
		       "has.\n",
		       c->only_a, c->only_b);
}

int compare_print(const struct compare *c, const struct compare_sums *sums, const char *const names[2],
		  bool each_sa)
{
	struct ui_options ui;
	struct ui_table table;
	char text[32];
	int hidden;

	if (!sums->count) {
		if (c->same_side)
			puts("The two are readings of the same end: each SA goes the same way in both. "
			     "Compare "
			     "one end of a tunnel with the other.");
		else
			puts("The two ends have no SA in common: are they of the same tunnel, and both "
			     "watched "
			     "where ESP passes?");
		print_notes(c, sums);
		return 0;
	}
	print_verdict(sums, names);
	putchar('\n');
	ui_options_detect(stdout, &ui);
	ui_table_begin(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; !each_sa && i < sums->count; i++) {
		snprintf(text, sizeof(text), "%zu SA%s", sums->list[i].sas,
			 sums->list[i].sas == 1 ? "" : "s");
		add_row(&table, &sums->list[i], text, names);
	}
	for (size_t i = 0; each_sa && i < c->count; i++) {
		struct compare_sum one = {.flow = &c->flows[i]};

		add(&one, &c->flows[i]);
		snprintf(text, sizeof(text), "0x%08x", c->flows[i].sent->spi);
		add_row(&table, &one, text, names);
	}
	hidden = ui_table_print(stdout, &table, &ui);
	print_notes(c, sums);
	return hidden < 0 ? hidden : 0;
}

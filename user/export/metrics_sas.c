// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * metrics_sas.c - the SAs one by one, for whoever asks for them: what lets both ends of a tunnel be compared elsewhere
 *
 * SPI and destination name an SA on both its gateways alike. Each rekeying makes new series, so that these are not in the
 * answer that everybody gets; and only SAs that belong to a tunnel of this host are told, which is what a stranger who sends
 * packets with invented SPIs cannot bring about.
 */
#include "export/metrics_sas.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/address.h"

/*
 * An SA that has ended is told for so long after its last packet: whoever compares both ends looks at a minute ago, and needs
 * to see the end. Without this bound each rekeying of a quiet gateway would add series until the table of SAs is full.
 */
#define ENDED_NS (300 * UINT64_C(1000000000))

/* As in struct state_sa */
enum {
	SIDE_IN = 1,
	SIDE_OUT = 2,
};

struct family {
	const char *name, *unit, *help;
	bool counter;
	uint64_t (*value)(const struct state_sa *sa);
};

static uint64_t first_number(const struct state_sa *sa)
{
	return sa->sequence.first;
}

static uint64_t highest_number(const struct state_sa *sa)
{
	return sa->sequence.highest;
}

static uint64_t received(const struct state_sa *sa)
{
	return sa->sequence.received;
}

static uint64_t missing(const struct state_sa *sa)
{
	return sa->sequence.lost + sa->sequence.pending;
}

static uint64_t late(const struct state_sa *sa)
{
	return sa->sequence.max_late_distance;
}

static uint64_t first_time(const struct state_sa *sa)
{
	return sa->first_ns;
}

static const struct family families[] = {
	{"espial_child_sa_first_number", "", "First sequence number seen of the SA.", false, first_number},
	{"espial_child_sa_highest_number", "", "Highest sequence number seen of the SA.", false,
	 highest_number},
	{"espial_child_sa_received_packets", "", "Distinct sequence numbers seen of the SA.", true, received},
	{"espial_child_sa_missing_numbers", "",
	 "Sequence numbers below the highest that have not come: lost, or still to come.", false, missing},
	{"espial_child_sa_max_late_distance", "",
	 "Largest distance behind the highest number at which a packet came.", false, late},
	{"espial_child_sa_first_timestamp_seconds", "seconds", "When its first packet was seen, Unix time.",
	 false, first_time},
};

static bool is_told(const struct state *state, const struct state_sa *sa, uint64_t newest_ns)
{
	return !sa->newcomer && (sa->live || sa->last_ns + ENDED_NS >= newest_ns) &&
	       sa->tunnel < state->tunnel_count && !state->tunnels[sa->tunnel].transit &&
	       ((sa->side == SIDE_IN && sa->direction == ESP_DIR_IN) ||
		(sa->side == SIDE_OUT && sa->direction == ESP_DIR_OUT));
}

/* By all that the labels tell; of those alike the busiest first. */
static int compare(const void *a, const void *b)
{
	const struct state_sa *x = *(const struct state_sa *const *)a,
			      *y = *(const struct state_sa *const *)b;
	int order = memcmp(x->destination, y->destination, sizeof(x->destination));

	if (order)
		return order;
	if (x->spi != y->spi)
		return x->spi < y->spi ? -1 : 1;
	if (x->protocol != y->protocol)
		return x->protocol < y->protocol ? -1 : 1;
	if (x->side != y->side)
		return x->side < y->side ? -1 : 1;
	return (x->packets < y->packets) - (x->packets > y->packets);
}

static bool is_same(const struct state_sa *x, const struct state_sa *y)
{
	return memcmp(x->destination, y->destination, sizeof(x->destination)) == 0 && x->spi == y->spi &&
	       x->protocol == y->protocol && x->side == y->side;
}

static struct metrics_labels add_labels(struct metrics_page *page, const struct state *state,
					const struct state_sa *sa, struct text *scratch)
{
	char address[ADDRESS_TEXT];

	address_text_of(sa->family, sa->destination, address);
	scratch->length = 0;
	text_string(scratch, "tunnel=\"");
	metrics_label(scratch, state->tunnels[sa->tunnel].name);
	text_string(scratch, sa->side == SIDE_OUT ? "\",direction=\"out\"" : "\",direction=\"in\"");
	text_string(scratch, sa->protocol == 51 ? ",protocol=\"ah\",spi=\"0x" : ",protocol=\"esp\",spi=\"0x");
	text_hex(scratch, sa->spi, 8);
	text_string(scratch, "\",destination=\"");
	text_string(scratch, address);
	text_char(scratch, '"');
	return metrics_page_labels(page, scratch->data, scratch->length);
}

static void add_family(struct metrics_page *page, const struct family *family, bool openmetrics)
{
	const char *total = family->counter ? "_total" : "", *suffix = openmetrics ? "" : total;
	struct text *t = metrics_page_text(page);

	text_printf(t, "# TYPE %s%s %s\n", family->name, suffix, family->counter ? "counter" : "gauge");
	if (openmetrics && *family->unit)
		text_printf(t, "# UNIT %s %s\n", family->name, family->unit);
	text_printf(t, "# HELP %s%s %s\n", family->name, suffix, family->help);
	metrics_page_family(page, family->name, total, *family->unit ? METRICS_BILLIONTHS : METRICS_INTEGER);
}

/* Those that are told, in order, of each series one; ret[] has room for all. Their number. */
static size_t choose(const struct state *state, const struct state_sa **ret)
{
	size_t told = 0, count = 0;
	uint64_t newest_ns = 0; /* the clock, as far as packets tell it */

	for (size_t i = 0; i < state->sa_count; i++)
		if (state->sas[i].last_ns > newest_ns)
			newest_ns = state->sas[i].last_ns;
	for (size_t i = 0; i < state->sa_count; i++)
		if (is_told(state, &state->sas[i], newest_ns))
			ret[told++] = &state->sas[i];
	qsort(ret, told, sizeof(const struct state_sa *), compare);
	for (size_t i = 0; i < told; i++)
		if (!count || !is_same(ret[count - 1], ret[i]))
			ret[count++] = ret[i];
	return count;
}

void metrics_sas_add(struct metrics_page *page, const struct state *state, bool openmetrics)
{
	const struct state_sa **list = calloc(state->sa_count + 1, sizeof(const struct state_sa *));
	struct metrics_labels *labels = calloc(state->sa_count + 1, sizeof(*labels));
	struct text scratch = {0};
	size_t count;

	if (!list || !labels) {
		metrics_page_text(page)->failed = true;
		goto out;
	}
	count = choose(state, list);
	for (size_t i = 0; i < count; i++)
		labels[i] = add_labels(page, state, list[i], &scratch);
	for (size_t f = 0; f < sizeof(families) / sizeof(families[0]); f++) {
		add_family(page, &families[f], openmetrics);
		for (size_t i = 0; i < count; i++)
			metrics_page_sample(page, labels[i], families[f].value(list[i]));
	}
	metrics_page_text(page)->failed |= scratch.failed;
out:
	text_free(&scratch);
	free(labels);
	free(list);
}

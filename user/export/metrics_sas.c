// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * metrics_sas.c - the SAs one by one, for whoever asks for them: what lets both ends of a tunnel be compared elsewhere
 *
 * SPI and destination name an SA on both its gateways alike. Each rekeying makes new series, so that these are not in the
 * answer that everybody gets; and only SAs that belong to a tunnel of this host are told, which is what a stranger who sends
 * packets with invented SPIs cannot bring about.
 */
#include "export/metrics_sas.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "espial_child_sa_"

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
	{"first_number", "", "First sequence number seen of the SA.", false, first_number},
	{"highest_number", "", "Highest sequence number seen of the SA.", false, highest_number},
	{"received_packets", "", "Distinct sequence numbers seen of the SA.", true, received},
	{"missing_numbers", "",
	 "Sequence numbers below the highest that have not come: lost, or still to come.", false, missing},
	{"max_late_distance", "", "Largest distance behind the highest number at which a packet came.", false,
	 late},
	{"first_timestamp_seconds", "seconds", "When its first packet was seen, Unix time.", false,
	 first_time},
};

static bool is_told(const struct state *state, const struct state_sa *sa)
{
	return !sa->newcomer && sa->tunnel < state->tunnel_count && !state->tunnels[sa->tunnel].transit &&
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

static void write_labels(struct text *t, const struct state *state, const struct state_sa *sa)
{
	char address[INET6_ADDRSTRLEN] = "";

	if (sa->family == 4)
		inet_ntop(AF_INET, sa->destination + 12, address, sizeof(address));
	else
		inet_ntop(AF_INET6, sa->destination, address, sizeof(address));
	text_string(t, "{tunnel=\"");
	metrics_label(t, state->tunnels[sa->tunnel].name);
	text_printf(t, "\",direction=\"%s\",protocol=\"%s\",spi=\"0x%08x\",destination=\"%s\"}",
		    sa->side == SIDE_OUT ? "out" : "in", sa->protocol == 51 ? "ah" : "esp", sa->spi, address);
}

static void write_family(struct text *t, const struct family *family, const struct state *state,
			 const struct state_sa *const *list, size_t count, bool openmetrics)
{
	const char *total = family->counter ? "_total" : "", *suffix = openmetrics ? "" : total;

	text_printf(t, "# TYPE " PREFIX "%s%s %s\n", family->name, suffix,
		    family->counter ? "counter" : "gauge");
	if (openmetrics && *family->unit)
		text_printf(t, "# UNIT " PREFIX "%s %s\n", family->name, family->unit);
	text_printf(t, "# HELP " PREFIX "%s%s %s\n", family->name, suffix, family->help);
	for (size_t i = 0; i < count; i++) {
		uint64_t value = family->value(list[i]);

		if (i && is_same(list[i - 1], list[i]))
			continue;
		text_printf(t, PREFIX "%s%s", family->name, total);
		write_labels(t, state, list[i]);
		if (*family->unit)
			text_printf(t, " %llu.%09llu\n", (unsigned long long)(value / 1000000000U),
				    (unsigned long long)(value % 1000000000U));
		else
			text_printf(t, " %llu\n", (unsigned long long)value);
	}
}

void metrics_sas_write(struct text *t, const struct state *state, bool openmetrics)
{
	const struct state_sa **list = calloc(state->sa_count + 1, sizeof(const struct state_sa *));
	size_t count = 0;

	if (!list) {
		t->failed = true;
		return;
	}
	for (size_t i = 0; i < state->sa_count; i++)
		if (is_told(state, &state->sas[i]))
			list[count++] = &state->sas[i];
	qsort(list, count, sizeof(const struct state_sa *), compare);
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		write_family(t, &families[i], state, list, count, openmetrics);
	free(list);
}

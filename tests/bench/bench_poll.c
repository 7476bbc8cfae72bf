// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bench_poll.c - reading 10 000 SAs out of the mapped tables: what the agent does at every poll
 *
 * Usage: bench_poll [-n SAS] [-r ROUNDS]
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/measure.h"
#include "bench/rig.h"

int main(int argc, char **argv)
{
	static const char *const programs[] = {"bx_fill", NULL};
	struct rig_options options = {.programs = programs, .slots = 32768, .sets = 1024, .hash_entries = 1};
	uint32_t sas = 10000, rounds = 15;
	struct state_context context;
	struct esp_tables tables;
	struct series poll = {0}, whole = {0};
	char note[96], name[64];
	struct row row;
	struct rig rig;
	int c, err;

	while ((c = getopt(argc, argv, "n:r:")) != -1) {
		if (c == 'n')
			sas = (uint32_t)strtoul(optarg, NULL, 10);
		else if (c == 'r')
			rounds = (uint32_t)strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	while (options.slots < 2 * sas)
		options.slots *= 2;
	pin_to((unsigned)libbpf_num_possible_cpus() - 1);
	err = rig_open(&options, &rig);
	if (!err)
		err = rig_fill(&rig, "bx_fill", sas, false);
	if (!err)
		err = rig_tables(&rig, &tables);
	if (err) {
		fprintf(stderr, "bench_poll: loading: %s\n", strerror(-err));
		return 3;
	}
	context = rig_context(&rig);
	for (uint32_t i = 0; i <= rounds; i++) { /* the first warms up */
		double begin = now_ns();
		struct state state;

		context.only_sums = true;
		err = state_collect(&tables, &context, &state);
		if (err)
			return 3;
		if (i)
			series_add(&poll, (now_ns() - begin) / 1e6);
		state_free(&state);
		context.only_sums = false;
		begin = now_ns();
		err = state_collect(&tables, &context, &state);
		if (err)
			return 3;
		if (i)
			series_add(&whole, (now_ns() - begin) / 1e6);
		snprintf(note, sizeof(note), "%zu SAs found, %u slots", state.sa_count, options.slots);
		state_free(&state);
	}
	row_head("poll");
	snprintf(name, sizeof(name), "counters of %" PRIu32 " SAs, as a scrape reads them", sas);
	row = row_of("poll", name, "ms", &poll);
	row.ratio = row.value;
	row.of = "ms";
	row.must = 3;
	row.aim = 0.3;
	row.better = ROW_LESS;
	row.note = note;
	row_put(&row);
	/* All that is known of each, as /api/v1/state wants it: 4 KB read and written per SA. No budget. */
	snprintf(name, sizeof(name), "the whole state of %" PRIu32 " SAs", sas);
	row = row_of("poll", name, "ms", &whole);
	row.ratio = row.value;
	row.of = "ms";
	row.note = note;
	row_put(&row);
	rig_close(&rig);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bench_contended.c - one SA on two CPUs at once, against hash and spin lock, and whether every number is accounted for
 *
 * Both CPUs draw from one sequence. Afterwards the tables must say exactly what was drawn: as many packets, none twice,
 * and received + lost + pending = span. Programs of tc: their wall time has nothing else in it.
 * Usage: bench_contended [-n REPEAT] [-r ROUNDS]
 */
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/measure.h"
#include "bench/rig.h"

struct worker {
	pthread_barrier_t *barrier;
	int program;
	unsigned cpu;
	uint32_t repeat;
	double begin, end;
	int failed;
};

static void *work(void *arg)
{
	struct worker *w = arg;
	uint8_t frame[RIG_FRAME];

	rig_frame(RIG_ESP, frame);
	w->failed = pin_to(w->cpu);
	pthread_barrier_wait(w->barrier);
	w->begin = now_ns();
	if (isnan(rig_run(w->program, true, frame, w->repeat)))
		w->failed = 1;
	w->end = now_ns();
	return NULL;
}

/* Nanoseconds per packet of each CPU while both run; NAN on failure. */
static double run_both(int program, uint32_t repeat)
{
	pthread_barrier_t barrier;
	struct worker w[2];
	pthread_t thread[2];
	double sum = 0;

	pthread_barrier_init(&barrier, NULL, 2);
	for (unsigned i = 0; i < 2; i++) {
		w[i] = (struct worker){.barrier = &barrier, .program = program, .cpu = i, .repeat = repeat};
		if (pthread_create(&thread[i], NULL, work, &w[i]))
			abort(); /* the other would wait for ever */
	}
	for (unsigned i = 0; i < 2; i++) {
		pthread_join(thread[i], NULL);
		sum += w[i].failed ? NAN : (w[i].end - w[i].begin) / repeat;
	}
	pthread_barrier_destroy(&barrier);
	return sum / 2;
}

/* What the tables must say after `issued` numbers, the first of which is 1. Prints the difference; 0 when exact. */
static int check_exact(struct rig *rig, uint64_t issued)
{
	struct state_context context = rig_context(rig);
	struct esp_tables tables;
	struct state state;
	const struct state_sequence *s;
	int bad = 1;

	if (rig_tables(rig, &tables) || state_collect(&tables, &context, &state))
		return 1;
	if (state.sa_count == 1) {
		s = &state.sas[0].sequence;
		bad = state.sas[0].packets != issued || s->duplicate || s->outlier ||
		      s->received + s->too_old + s->contended != issued || s->highest != issued ||
		      s->first != 1 || s->received + s->lost + s->pending != s->highest;
		printf("%s: issued %" PRIu64 ", packets %" PRIu64 ", received %" PRIu64 ", late %" PRIu64
		       ", lost %" PRIu64 ", pending %" PRIu64 ", too old %" PRIu64 ", contended %" PRIu64
		       "\n",
		       bad ? "NOT EXACT" : "exact", issued, state.sas[0].packets, s->received, s->late,
		       s->lost, s->pending, s->too_old, s->contended);
	}
	state_free(&state);
	return bad;
}

int main(int argc, char **argv)
{
	static const char *const programs[] = {"bt_fill", "bt_both", "btc_both", "bt_lock_both", NULL};
	const struct rig_options options = {
		.programs = programs, .slots = 8192, .sets = 1024, .hash_entries = 1};
	uint32_t repeat = 2000000, rounds = 7;
	struct series control = {0}, ours = {0}, lock = {0};
	struct row row;
	struct rig rig;
	int c, err, bad;
	char note[96];

	while ((c = getopt(argc, argv, "n:r:")) != -1) {
		if (c == 'n')
			repeat = (uint32_t)strtoul(optarg, NULL, 10);
		else if (c == 'r')
			rounds = (uint32_t)strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	if (libbpf_num_possible_cpus() < 2) {
		fprintf(stderr, "bench_contended: skipped: one CPU\n");
		return 0;
	}
	err = rig_open(&options, &rig);
	if (!err)
		err = rig_fill(&rig, "bt_fill", 1, false);
	if (!err)
		err = rig_lock_entry(&rig);
	if (err) {
		fprintf(stderr, "bench_contended: loading: %s\n", strerror(-err));
		return 3;
	}
	row_head("one SA on two CPUs at once (tc)");
	rig_restart_numbers(&rig, 4);
	for (uint32_t i = 0; i <= rounds; i++) { /* the first warms up */
		uint64_t last = rig_numbers(&rig);
		double a, b, x;

		b = run_both(rig_program(&rig, "bt_lock_both"), repeat);
		x = run_both(rig_program(&rig, "btc_both"), repeat);
		rig_restart_numbers(&rig, last);
		a = run_both(rig_program(&rig, "bt_both"), repeat);
		if (isnan(a) || isnan(b) || isnan(x))
			return 3;
		if (!i)
			continue;
		series_add(&ours, a);
		series_add(&lock, b);
		series_add(&control, x);
	}
	row = row_of("contended", "empty program, shared sequence", "ns per packet and CPU", &control);
	row_put(&row);
	row = row_of("contended", "hash and spin lock", "ns per packet and CPU", &lock);
	row_put(&row);
	row = row_of("contended", "espial", "ns per packet and CPU", &ours);
	row.ratio = series_iqm(&lock) / series_iqm(&ours);
	row.of = "lock/espial";
	row.must = 1;
	row.aim = 2;
	row.better = ROW_MORE;
	bad = check_exact(&rig, rig_numbers(&rig));
	snprintf(note, sizeof(note), "%s, %" PRIu64 " packets", bad ? "NOT EXACT" : "exact",
		 rig_numbers(&rig));
	row.note = note;
	row_put(&row);
	rig_close(&rig);
	return bad ? 1 : 0;
}

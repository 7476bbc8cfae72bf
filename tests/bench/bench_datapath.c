// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bench_datapath.c - cost of a packet, per class and hook, against an empty program and against a hash lookup
 *
 * Every figure: shipped program behind a bench-only one that varies the packet, less what the varying costs, which a control
 * program in the same round tells. Usage: bench_datapath [-n REPEAT] [-r ROUNDS] [-c CPU] [-k xdp|tc]
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/measure.h"
#include "bench/rig.h"

struct options {
	uint32_t repeat, rounds;
	unsigned cpu;
	const char *hook; /* NULL: both */
};

struct row_case {
	const char *name;
	enum rig_frame frame;
	const char *program, *control; /* without their prefix; control NULL: nothing is varied */
	const char *hash;	       /* the hash program, or NULL */
	double must, aim; /* ratio to the empty program, or to the hash if there is one and `of_hash` */
	bool of_hash;
};

struct table_case {
	const char *name;
	uint32_t slots, order; /* SAs: 2^order */
	const struct row_case *rows;
};

static const struct row_case small_rows[] = {
	{"other: TCP", RIG_TCP, "entry", NULL, NULL, 1.3, 1.15, false},
	{"other: UDP", RIG_UDP, "entry", NULL, NULL, 1.3, 1.15, false},
	{"other: ARP", RIG_ARP, "entry", NULL, NULL, 1.3, 1.15, false},
	{"ESP, one SA", RIG_ESP, "one", "one", "hash_one", 2.0, 1.6, false},
	{"ESP in UDP, one SA", RIG_ESP_UDP, "udp", "udp", NULL, 2.1, 1.7, false},
	{0},
};
static const struct row_case thousand_rows[] = {
	{"ESP, 1024 SAs", RIG_ESP, "many", "many", "hash_many", 0.9, 0.7, true},
	{"unknown random SPIs", RIG_ESP, "flood", "flood", NULL, 4.5, 3, false},
	{0},
};
static const struct row_case large_rows[] = {
	{"ESP, 65536 SAs", RIG_ESP, "many", "many", "hash_many", 1.1, 0.8, true},
	{0},
};

/* What the agent would choose: twice the SAs, at least its default of 8192 slots. */
static const struct table_case tables[] = {
	{"8192 slots", 8192, 0, small_rows},
	{"8192 slots", 8192, 10, thousand_rows},
	{"131072 slots", 131072, 16, large_rows},
};

struct runner {
	const struct options *o;
	struct rig rig;
	bool tc;
	int pass;
};

struct names {
	char name[64];
};

static struct names program_name(bool tc, const char *kind, const char *name)
{
	struct names ret;

	if (!strcmp(name, "entry"))
		snprintf(ret.name, sizeof(ret.name), "%s", tc ? "esp_tc_out" : "esp_xdp_in");
	else
		snprintf(ret.name, sizeof(ret.name), "%s%s_%s", tc ? "bt" : "bx", kind, name);
	return ret;
}

struct quantities {
	struct series pass, control, hash, ours, net, ratio, hash_net;
};

/* One round of one row: the empty program, the control, the hash, ours, back to back. */
static int measure_round(struct runner *r, const struct row_case *c, struct quantities *q, uint32_t repeat)
{
	int program = rig_program(&r->rig, program_name(r->tc, "", c->program).name);
	double pass, control, ours, hash = NAN, vary;
	uint8_t frame[RIG_FRAME];

	rig_frame(c->frame, frame);
	pass = rig_run(r->pass, r->tc, frame, repeat);
	control = pass;
	if (c->control)
		control = rig_run(rig_program(&r->rig, program_name(r->tc, "c", c->control).name), r->tc,
				  frame, repeat);
	vary = control - pass;
	if (c->hash)
		hash = rig_run(rig_program(&r->rig, program_name(r->tc, "", c->hash).name), r->tc, frame,
			       repeat) -
		       vary;
	ours = rig_run(program, r->tc, frame, repeat);
	if (isnan(ours) || isnan(pass) || isnan(control))
		return -EIO;
	if (!q)
		return 0;
	series_add(&q->pass, pass);
	series_add(&q->control, control);
	series_add(&q->ours, ours);
	series_add(&q->net, ours - vary);
	if (c->hash)
		series_add(&q->hash_net, hash);
	series_add(&q->ratio, (ours - vary) / pass);
	return 0;
}

static void put_rows(const struct runner *r, const struct row_case *c, const struct quantities *q)
{
	const char *group = r->tc ? "tc egress" : "XDP";
	double pass = series_iqm(&q->pass), net = series_iqm(&q->net), hash = series_iqm(&q->hash_net);
	struct row row = row_of(group, c->name, "ns", &q->net);
	char name[64], note[96];

	snprintf(note, sizeof(note), "P %.1f ns, varying %.1f ns, of minima %.2f", pass,
		 series_iqm(&q->control) - pass, row.min / series_min(&q->pass));
	row.note = note;
	row.ratio = net / pass;
	row.of = "P";
	row.better = c->of_hash ? ROW_NONE : ROW_LESS;
	if (!c->of_hash) {
		row.must = c->must;
		row.aim = c->aim;
	}
	row_put(&row);
	if (!c->hash)
		return;
	snprintf(name, sizeof(name), "%s, against H", c->name);
	snprintf(note, sizeof(note), "H %.1f ns, of minima %.2f", hash, row.min / series_min(&q->hash_net));
	row.name = name;
	row.ratio = net / hash;
	row.of = "H";
	row.better = ROW_LESS;
	row.must = c->of_hash ? c->must : 1;
	row.aim = c->of_hash ? c->aim : NAN;
	row_put(&row);
}

static int open_rig(struct runner *r, const struct table_case *t)
{
	struct names names[32];
	const char *list[33];
	size_t n = 0;
	struct rig_options options = {
		.programs = list, .slots = t->slots, .sets = 1024, .hash_entries = 1U << t->order};

	names[n++] = program_name(r->tc, "", "pass");
	names[n++] = program_name(r->tc, "", "fill");
	for (const struct row_case *c = t->rows; c->name; c++) {
		names[n++] = program_name(r->tc, "", c->program);
		if (c->control)
			names[n++] = program_name(r->tc, "c", c->control);
		if (c->hash)
			names[n++] = program_name(r->tc, "", c->hash);
	}
	for (size_t i = 0; i < n; i++)
		list[i] = names[i].name;
	list[n] = NULL;
	return rig_open(&options, &r->rig);
}

static int run_table(struct runner *r, const struct table_case *t)
{
	struct quantities *q;
	uint32_t admitted;
	size_t rows = 0;
	int err;

	while (t->rows[rows].name)
		rows++;
	err = open_rig(r, t);
	if (err) {
		fprintf(stderr, "bench_datapath: loading with %s: %s\n", t->name, strerror(-err));
		return err;
	}
	q = calloc(rows + 1, sizeof(*q));
	err = q ? rig_fill(&r->rig, r->tc ? "bt_fill" : "bx_fill", 1U << t->order, true) : -ENOMEM;
	if (err)
		goto out;
	admitted = rig_admitted(&r->rig);
	if (admitted != 1U << t->order)
		fprintf(stderr, "bench_datapath: %u of %u SAs have a slot\n", admitted, 1U << t->order);
	r->pass = rig_program(&r->rig, program_name(r->tc, "", "pass").name);
	for (size_t i = 0; i < rows && !err; i++) /* warm up */
		err = measure_round(r, &t->rows[i], NULL, r->o->repeat / 4 + 1);
	for (uint32_t round = 0; round < r->o->rounds && !err; round++)
		for (size_t i = 0; i < rows && !err; i++)
			err = measure_round(r, &t->rows[i], &q[i], r->o->repeat);
	for (size_t i = 0; i < rows && !err; i++)
		put_rows(r, &t->rows[i], &q[i]);
out:
	free(q);
	rig_close(&r->rig);
	return err;
}

int main(int argc, char **argv)
{
	struct options o = {.repeat = 1000000, .rounds = 9, .cpu = (unsigned)libbpf_num_possible_cpus() - 1};
	int c, err = 0;

	while ((c = getopt(argc, argv, "n:r:c:k:")) != -1) {
		if (c == 'n')
			o.repeat = (uint32_t)strtoul(optarg, NULL, 10);
		else if (c == 'r')
			o.rounds = (uint32_t)strtoul(optarg, NULL, 10);
		else if (c == 'c')
			o.cpu = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 'k')
			o.hook = optarg;
		else
			return 2;
	}
	if (!o.repeat || !o.rounds || o.rounds > MEASURE_MAX)
		return 2;
	if (pin_to(o.cpu))
		fprintf(stderr, "bench_datapath: cannot pin to CPU %u\n", o.cpu);
	for (int tc = 0; tc < 2 && !err; tc++) {
		struct runner r = {.o = &o, .tc = tc};

		if (o.hook && strcmp(o.hook, tc ? "tc" : "xdp") != 0)
			continue;
		row_head(tc ? "tc egress" : "XDP");
		for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]) && !err; i++)
			err = run_table(&r, &tables[i]);
	}
	return err ? 3 : 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * probe_hops.c - the routers on the way, and how large a packet gets to each
 *
 * A hop is asked with the size that came to the one before; a path does not become wider again. Routers limit how many such
 * errors they send, so that no more is asked than needed.
 */
#include "source/probe_run.h"

#include <errno.h>
#include <stdlib.h>

#define GROUP 6	      /* hops that are asked at the same time */
#define SILENT_END 12 /* so many silent hops in a row: nothing more comes */
#define TRIES 6
#define CONFIRM 3
#define DOUBT 0.05 /* more would take long: many routers send one such error in a second */

static void begin(struct probe_task *t, enum probe_method by, unsigned int ttl, unsigned int base,
		  unsigned int limit)
{
	*t = (struct probe_task){.what = "hops", .method = by, .ttl = ttl, .hop = true};
	probe_search_begin(&t->search, base, limit, 0);
	t->search.base_tries = TRIES;
}

static int find_group(struct probe_engine *e, struct probe_result *r, enum probe_method by,
		      struct probe_task *tasks, unsigned int first, unsigned int count)
{
	struct probe_task *list[GROUP];
	unsigned int i;
	int err;

	for (i = 0; i < count; i++) {
		begin(&tasks[i], by, first + i, PROBE_SIZE_BASE, PROBE_SIZE_BASE);
		list[i] = &tasks[i];
	}
	err = probe_engine_run(e, list, count, PROBE_SEARCH_DONE);
	/* A late answer must not be taken for that of a hop of the next group */
	probe_engine_forget(e, tasks, count);
	for (i = 0; i < count && !r->hops_complete; i++) {
		struct probe_hop *hop = &r->hops[r->hop_count++];

		*hop = (struct probe_hop){.rtt_us = tasks[i].rtt_us};
		if (tasks[i].target_answered) {
			hop->address = r->target;
			hop->target = r->hops_complete = true;
		} else if (tasks[i].search.low) {
			hop->address = tasks[i].router;
		} else if (tasks[i].refused) {
			/* Who says no is the end of the way */
			hop->address = tasks[i].refusal.from;
		}
	}
	return err;
}

static int find_routers(struct probe_engine *e, struct probe_result *r, enum probe_method by)
{
	struct probe_task *tasks = calloc(GROUP, sizeof(*tasks));
	unsigned int first, count, silent = 0, i;
	int err = tasks ? 0 : -ENOMEM;

	for (first = 1; !err && !r->hops_complete && first <= e->options->max_hops; first += count) {
		count = e->options->max_hops - first + 1 < GROUP ? e->options->max_hops - first + 1 : GROUP;
		err = find_group(e, r, by, tasks, first, count);
		for (i = first - 1; i < r->hop_count; i++)
			silent = r->hops[i].address.family ? 0 : silent + 1;
		if (silent >= SILENT_END)
			break;
	}
	/* Silence at the end of an unfinished way are no hops */
	while (r->hop_count && !r->hops[r->hop_count - 1].address.family)
		r->hop_count--;
	free(tasks);
	return err;
}

/* How large a packet gets to one hop, of those that get to the one before. */
static int measure(struct probe_engine *e, const struct probe_result *r, enum probe_method by,
		   unsigned int ttl, unsigned int limit, unsigned int *ret_mtu)
{
	struct probe_task *t = malloc(sizeof(*t));
	unsigned int base = r->path_mtu ? r->path_mtu : PROBE_SIZE_BASE;
	int err;

	if (!t)
		return -ENOMEM;
	begin(t, by, ttl, base < limit ? base : limit, limit);
	t->search.confirm = CONFIRM;
	t->search.doubt = DOUBT;
	err = probe_engine_run(e, &t, 1, PROBE_SEARCH_DONE);
	if (t->search.phase == PROBE_SEARCH_DONE && probe_search_found(&t->search))
		*ret_mtu = t->search.low;
	probe_engine_forget(e, t, 1);
	free(t);
	return err;
}

static int measure_hops(struct probe_engine *e, struct probe_result *r, enum probe_method by)
{
	unsigned int limit = r->link_mtu, narrow = 0, i;
	int err = 0;

	if (e->options->max_size && e->options->max_size < limit)
		limit = e->options->max_size;
	for (i = 0; i < r->hop_count && !err; i++) {
		struct probe_hop *hop = &r->hops[i];

		/* What came all the way came here, and behind the narrowest hop nothing is larger */
		if (r->path_mtu && (r->path_mtu == limit || hop->target)) {
			hop->mtu = r->path_mtu;
		} else if (hop->address.family) {
			err = measure(e, r, by, i + 1, narrow ? narrow : limit, &hop->mtu);
			if (hop->mtu)
				limit = narrow = hop->mtu;
		}
	}
	return err;
}

int probe_find_hops(struct probe_engine *e, struct probe_result *r)
{
	enum probe_method by = r->measured_by < PROBE_METHODS ? r->measured_by : PROBE_ECHO;
	int err;

	if (e->link.fd[by] < 0)
		by = PROBE_IKE;
	if (e->link.fd[by] < 0)
		return 0;
	err = find_routers(e, r, by);
	return err ? err : measure_hops(e, r, by);
}

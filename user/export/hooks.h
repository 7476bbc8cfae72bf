/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hooks.h - runs a command of the operator's, or tells a web address, when a finding is raised or cleared
 *
 * One JSON object: {"event": "raised"|"cleared", "time", "findings": [{…}]} with the one finding. A command gets it on standard input, and in its
 * environment ESPIAL_EVENT, ESPIAL_FINDING, ESPIAL_SEVERITY, ESPIAL_TUNNEL and ESPIAL_PEER; it is run by /bin/sh -c. An address gets it
 * as the body of a POST, by curl (as a child: a library would bring thirty others, and threads for names), which tries twice, HOOKS_TRY_S each.
 *
 * Nothing here blocks: at most HOOKS_CHILDREN run at once, HOOKS_WAITING more wait, what comes beyond that or faster than HOOKS_BURST at once and
 * HOOKS_PER_MINUTE in a minute is left out and counted. What takes longer than HOOKS_TIMEOUT_MS is killed with all it started.
 */
#ifndef ESPIAL_EXPORT_HOOKS_H
#define ESPIAL_EXPORT_HOOKS_H

#include <stdbool.h>
#include <stdint.h>

#include "diagnose/finding.h"

#define HOOKS_CHILDREN 4
#define HOOKS_WAITING 64
#define HOOKS_BURST 20
#define HOOKS_PER_MINUTE 60
#define HOOKS_TIMEOUT_MS 30000
#define HOOKS_TRY_S 10

struct hooks;

struct hooks_stats {
	uint64_t run, failed, timed_out; /* begun; of these: could not be started or ended badly; killed */
	uint64_t left_out;
	unsigned int running, waiting;
};

struct hooks_options {
	const char *command; /* this, or: */
	const char *url;     /* http:// or https:// */
	int timeout_ms;	     /* 0: HOOKS_TIMEOUT_MS */
	/* One line for the log; NULL: none. */
	void (*tell)(void *arg, const char *line);
	void *arg;
};

/* Command and address are copied. Says so when there is no curl, and goes on: it may come. 0 or -errno. */
int hooks_open(const struct hooks_options *options, struct hooks **ret);
/* Kills what still runs, and leaves out what waits. NULL is fine. */
void hooks_close(struct hooks *h);

/* `now_ms` is of CLOCK_MONOTONIC. NULL hooks: nothing is done. */
void hooks_finding(struct hooks *h, const struct finding *f, bool raised, uint64_t wall_ns, int64_t now_ms);
/* Reaps, kills and starts. To be called often, as every 100 ms. */
void hooks_tick(struct hooks *h, int64_t now_ms);

void hooks_stats(const struct hooks *h, struct hooks_stats *ret);

#endif

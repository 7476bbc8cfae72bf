/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probing.h - the agent measures paths: from time to time, or when a finding asks for it; off unless configured
 *
 * A probe takes seconds and sends packets, so it is a child of ours, `espial probe --json`, one at a time, a bounded number per
 * hour, and never again to a peer within ten minutes. Nothing here blocks. The child has our privileges (CAP_NET_RAW) or does
 * what it can without them.
 */
#ifndef ESPIAL_AGENT_PROBING_H
#define ESPIAL_AGENT_PROBING_H

#include <stddef.h>
#include <stdint.h>

#include "agent/log.h"
#include "diagnose/finding.h"
#include "model/model.h"
#include "model/timeline.h"

struct probing;

struct probing_options {
	uint64_t interval_ns; /* each tunnel so often; 0: only for findings */
	const char *program;  /* "espial"; NULL: this program */
	const struct log *log;
	/* The result of a probe, and a line for the journal. `path` is NULL when nothing was measured. */
	void (*result)(void *arg, const struct model_path *path, const struct timeline_entry *entry);
	void *arg;
};

/* 0 or -ENOMEM. `log` must outlive it. */
int probing_open(const struct probing_options *options, struct probing **ret);
/* Ends the probe under way. NULL is fine, here and below. */
void probing_close(struct probing *p);

/* A look at the tunnels: those whose time has come will be probed. Those that are only forwarded never are. */
void probing_look(struct probing *p, const struct state_tunnel *tunnels, size_t count, uint64_t now_ns);
/* A finding was raised: when a probe can settle it, the path of its tunnel, as of the latest looks, will be probed. */
void probing_found(struct probing *p, const struct finding *f, uint64_t now_ns);
/* Some times a second: begins the next one, and takes in what the one under way says. */
void probing_tick(struct probing *p, uint64_t now_ns);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* probe_run.h - between probe_run.c, probe_report.c and probe_hops.c */
#ifndef ESPIAL_SOURCE_PROBE_RUN_H
#define ESPIAL_SOURCE_PROBE_RUN_H

#include "source/probe_engine.h"

struct probe_course {
	struct probe_engine engine;
	struct probe_task main[PROBE_METHODS];
	struct probe_task by_source, by_router; /* fragments; `what` is NULL when it was not tried */
	struct probe_task way_back;		/* the same */
	bool wanted[PROBE_METHODS];
};

/* Everything in *r but the hops and the verdicts. */
void probe_report(struct probe_course *run, const struct probe_options *o, struct probe_result *r);

/* The routers on the way, and how far which size gets; r->path_mtu and the like are known. As probe_engine_run(). */
int probe_find_hops(struct probe_engine *e, struct probe_result *r);

__attribute__((format(printf, 2, 3))) void probe_note(struct probe_result *r, const char *format, ...);

#endif

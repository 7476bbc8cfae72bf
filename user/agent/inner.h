/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inner.h - the inner interfaces as a source of the agent: attached, counted, and told by tunnel */
#ifndef ESPIAL_AGENT_INNER_H
#define ESPIAL_AGENT_INNER_H

#include "agent/log.h"
#include "config.h"
#include "model/fact.h"
#include "model/state.h"
#include "model/timeline.h"

struct inner;

/*
 * Attaches to those of the configuration; with none nothing is loaded and *ret is NULL, which all of these take. `note` hears
 * lines for the journal. 0, or -errno with a line in `error`.
 */
int inner_open(const struct config *config, const struct log *log, void (*note)(void *arg, const char *line),
	       void *arg, struct inner **ret, char *error, size_t error_size);
void inner_close(struct inner *inner);
/* The configuration names others. On an error what was watched is watched on. */
int inner_reload(struct inner *inner, const struct config *config, char *error, size_t error_size);

/* Every 100 ms. */
void inner_tick(struct inner *inner, uint64_t now_ns);
/* A look: reads the counters, learns whose networks are whose, and shows both. 0 or -ENOMEM. */
int inner_look(struct inner *inner, struct state *state, const struct fact_kernel *kernel,
	       const struct fact_daemon *daemons, size_t daemon_count);
/* Sets state->inner, as of the latest look. */
void inner_show(struct inner *inner, struct state *state);

#endif

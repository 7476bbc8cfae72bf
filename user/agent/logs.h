/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * logs.h - logs of IKE daemons and routers as a source of the agent
 *
 * Followed and understood in a thread of their own: disks block, and a burst of lines takes time. The thread shares nothing with the
 * loop but finished lists of findings, and lines for the log, that it hands over. Memory is bounded: the latest LOGS_EVENTS messages.
 */
#ifndef ESPIAL_AGENT_LOGS_H
#define ESPIAL_AGENT_LOGS_H

#include "agent/log.h"
#include "config.h"
#include "diagnose/finding.h"
#include "model/state.h"

#define LOGS_EVENTS 20000
#define LOGS_BYTES (8U << 20) /* of their lines */
#define LOGS_PAST_H 24	      /* at the start, what is older is not read */

struct logs;

/* *ret is NULL when the configuration names no logs. 0 or -errno. */
int logs_open(const struct config *config, const struct log *log, uint64_t now_ns, struct logs **ret);
void logs_close(struct logs *l); /* NULL is fine */
/* What ails tunnels, or did, as far as the logs tell; valid until the next call. Also writes what there is to tell to the log. */
const struct findings *logs_findings(struct logs *l);
/* NULL: none are followed. */
void logs_stats(struct logs *l, struct state_logs *ret);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * knowledge.h - what the agent knows beside the datapath's tables: the model, its diagnosis, and the sources and the journal
 * around them
 *
 * Everything runs in the agent's loop and nothing here blocks. What is missing (no journal, no daemon, no XFRM) is told once and
 * costs only what it would have added.
 */
#ifndef ESPIAL_AGENT_KNOWLEDGE_H
#define ESPIAL_AGENT_KNOWLEDGE_H

#include "agent/log.h"
#include "config.h"
#include "espial/abi.h"
#include "model/event.h"
#include "model/state.h"
#include "model/timeline.h"

struct knowledge;

/* 0, or -errno with a line in `error`. `config` and `log` must outlive it. */
int knowledge_open(const struct config *config, const struct log *log, uint64_t now_ns,
		   struct knowledge **ret, char *error, size_t error_size);
/* Saves what must survive. NULL is fine. */
void knowledge_close(struct knowledge *k, uint64_t now_ns);

/*
 * The sources that need the datapath, before anything below is called: the kernel's SADB, which is mirrored into it, and IKE daemons.
 * What cannot be had is told in the log. 0 or -ENOMEM. Ended before live_close().
 */
int knowledge_follow(struct knowledge *k, struct live *live);
void knowledge_unfollow(struct knowledge *k);
/*
 * The inner interfaces that the configuration names now; after knowledge_follow(), and again when it has changed. 0, or -errno
 * with a line in `error`, and those from before stay.
 */
int knowledge_inner(struct knowledge *k, char *error, size_t error_size);

/* Polls readable when knowledge_run() has something to do: the kernel's SADB, IKE daemons. */
int knowledge_fd(const struct knowledge *k);
void knowledge_run(struct knowledge *k);

/* One event of the datapath: raw, and decoded. */
void knowledge_event(struct knowledge *k, const struct esp_event *raw, const struct esp_ports *ports,
		     const struct event *event);
/* Every 100 ms. True: it is time to read the whole state and give it to knowledge_update(). */
bool knowledge_tick(struct knowledge *k, uint64_t now_ns);
/*
 * A whole state: takes in what changed, and adds tunnels, IKE and findings to it. `cost_ns`: what reading it took, so that looking
 * does not cost more than it should. 0 or -ENOMEM. The state must not outlive `k`.
 */
int knowledge_update(struct knowledge *k, struct state *state, uint64_t now_ns, uint64_t cost_ns);
/* Adds them to a state as they were at the last update. 0 or -ENOMEM. */
int knowledge_show(const struct knowledge *k, struct state *state);

/* Something about the agent itself, for the journal. */
void knowledge_note(struct knowledge *k, enum timeline_kind kind, uint64_t now_ns, const char *text);

#endif

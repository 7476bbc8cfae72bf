/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe_engine.h - the loop between searches (what to send) and a link (how): pacing, timeouts, who an answer belongs to
 *
 * Manners: no faster than the rate that was asked for, slower when answers appear to be limited in number, never more packets
 * or time than allowed. Nothing is sent in bursts, and an IKE daemon, which may limit its answers, is never asked for more than a
 * few at once.
 */
#ifndef ESPIAL_SOURCE_PROBE_ENGINE_H
#define ESPIAL_SOURCE_PROBE_ENGINE_H

#include "source/probe_link.h"
#include "source/probe_search.h"

/* One question: a search with one kind of packet. Outlives the engine's attempts that point to it. */
struct probe_task {
	const char *what; /* for progress */
	enum probe_method method;
	unsigned int ttl; /* 0: as far as it goes */
	bool no_df;
	unsigned int fragment;	      /* sizes above the base go in fragments of at most this size */
	bool hop;		      /* "hop limit used up" is an answer */
	bool way_back;		      /* sent in fragments, and answered in one piece: that is what passes */
	bool old_form;		      /* IKE: struct probe_packet */
	uint64_t spacing_ns, next_ns; /* not 0: no more often than that, and when next */
	struct probe_search search;

	/* what was heard */
	bool target_answered;	     /* the target itself, be it by refusing */
	struct probe_address router; /* hop: who answered */
	uint32_t rtt_us;	     /* the shortest; 0: none */
	bool refused;		     /* below: an ICMP error that says no */
	struct probe_event refusal;
	bool send_refused; /* by this host's own firewall */
	bool unsupported;
	bool told; /* a router told of a smaller MTU */
	struct probe_address reporter;
	unsigned int reported;
	unsigned int largest_answered; /* echo: by whatever pieces */
	bool answer_fragmented;
	struct probe_size_rtt {
		unsigned int size;
		uint32_t rtt_us;
	} rtts[PROBE_SEARCH_SIZES];
	size_t rtt_count;
};

struct probe_attempt {
	struct probe_task *task; /* NULL: over */
	unsigned int size;
	enum probe_search_role role;
	bool lost; /* given up; may still be answered */
	uint64_t sent_ns, deadline_ns;
};

/* Who limits answers does so for all that it answers: an IKE daemon for both ports, the host for echo, routers for errors. */
enum probe_answerer { PROBE_BY_HOST, PROBE_BY_DAEMON, PROBE_BY_ROUTER, PROBE_ANSWERERS };

struct probe_pace {
	uint64_t interval_ns, next_ns;
	uint64_t since_ns;		 /* when what is counted here began; 0: not yet */
	unsigned int outcomes, answered; /* since the pace was last changed */
	bool slowed;
};

struct probe_engine {
	const struct probe_options *options;
	struct probe_link link;
	struct probe_attempt *attempts; /* by token - 1 */
	unsigned int count;		/* of them = packets sent */
	unsigned int first_open;	/* those before it are over or lost */
	uint64_t started_ns, ends_ns, next_send_ns, interval_ns;
	double srtt_ns, rttvar_ns; /* RFC 6298 */
	struct probe_pace pace[PROBE_ANSWERERS];
	bool impatient; /* a run ends with -EAGAIN when answers appear to be limited */
	bool slowed, out_of_time, out_of_packets, canceled;
};

int probe_engine_begin(struct probe_engine *e, const struct probe_options *options);
void probe_engine_end(struct probe_engine *e);
/*
 * Until every task has come to `phase`. 0; -ECANCELED by progress(); -ETIME or -ENOSPC when time or packets were used up, which
 * ends every later run at once too; -errno of a socket.
 */
int probe_engine_run(struct probe_engine *e, struct probe_task *const *tasks, size_t count,
		     enum probe_search_phase phase);
/* Nothing is told to these tasks any more, which may end before the engine does. */
void probe_engine_forget(struct probe_engine *e, const struct probe_task *tasks, size_t count);

#endif

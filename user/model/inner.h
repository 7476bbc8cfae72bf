/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inner.h - what was seen on inner interfaces: sizes that TCP agrees on, and whom this host told that a packet is too big
 *
 * Counts by interface are the datapath's and exact. What they tell of a tunnel comes from events, one for each SYN and each
 * "too big": those that a full ring buffer lost are counted, and are of no tunnel. Pure: no I/O, no clock.
 */
#ifndef ESPIAL_MODEL_INNER_H
#define ESPIAL_MODEL_INNER_H

#include "espial/inner.h"
#include "model/fact.h"
#include "model/state.h"
#include "model/timeline.h"

#define INNER_RECENT 32	   /* SYNs by which a tunnel is judged */
#define INNER_FIT 8	   /* when so many in a row fit, it is well again */
#define INNER_ERRORS 4	   /* "too big" of which the time is known */
#define INNER_TUNNELS 1024 /* with inner traffic, at most */

struct inner_interface {
	char name[STATE_NAME];
	uint32_t ifindex;
	char ingress[32], egress[32]; /* as in struct state_interface */
	char note[160];
	bool up;
	uint32_t mtu;
	struct esp_inner_stats stats[2]; /* by enum esp_direction */
};

/* Filled by source/bpf_inner.c. */
struct inner_facts {
	struct inner_interface interfaces[ESP_INNER_SLOTS];
	size_t interface_count;
	uint64_t events; /* read from the ring buffer */
};

struct inner_recent {
	uint64_t at_ns;
	uint32_t mss;
	uint8_t family;
};

/* SYNs of a tunnel's connections in one direction of the inner interfaces. */
struct inner_side {
	uint64_t syns, syn_acks, without; /* without an MSS, or garbled */
	uint32_t mss_max, mss_last;	  /* 0: none yet */
	uint64_t last_ns;
	struct inner_recent
		recent[INNER_RECENT]; /* a ring of those with an MSS: `told` is how many there were */
	uint64_t told;
};

/* "Too big", about packets that were to go through the tunnel. */
struct inner_errors {
	uint64_t count;
	uint32_t mtu;		      /* the latest one told; 0: none */
	uint8_t host[16], target[16]; /* who sent the latest packet, and to whom; zero: unknown */
	uint64_t first_ns, last_ns;
	uint64_t recent_ns[INNER_ERRORS]; /* a ring */
};

struct inner_tunnel {
	char name[TIMELINE_TUNNEL];
	uint32_t tunnel;		 /* in state->tunnels; STATE_NO_TUNNEL: it is not there any more */
	struct inner_side side[2];	 /* by enum esp_direction */
	struct inner_errors own, passed; /* sent by this host; by others */
};

/* What state->inner is. */
struct inner_view {
	const struct inner_facts *facts;
	const struct inner_tunnel *tunnels;
	size_t tunnel_count;
	uint64_t matched, unmatched; /* events, by whether their tunnel is known */
};

struct inner_book;

struct inner_book *inner_book_new(void);       /* NULL: no memory */
void inner_book_free(struct inner_book *book); /* NULL is fine */

/* One event; `at_ns`: when, since the epoch. */
void inner_book_event(struct inner_book *book, const struct esp_inner_event *event, uint64_t at_ns);
/* At each look, when the state has its tunnels: which networks are whose. 0 or -ENOMEM. */
int inner_book_look(struct inner_book *book, const struct state *state, const struct fact_kernel *kernel,
		    const struct fact_daemon *daemons, size_t daemon_count);
/* With `facts` for state->inner; numbers of tunnels are those of that state. Valid until the next call of any. */
const struct inner_view *inner_book_show(struct inner_book *book, const struct inner_facts *facts,
					 const struct state *state);

/* *sum += *part */
void inner_stats_add(const struct esp_inner_stats *part, struct esp_inner_stats *sum);

/* The largest MSS that fits a tunnel; 0: not known. */
uint32_t inner_limit(const struct state_tunnel *tunnel, uint8_t family);
/*
 * Of the latest SYNs, not older than `since_ns`: how many, how many announce more than fits, and the largest. When the latest
 * INNER_FIT all fit, none does: somebody has set a clamp.
 */
struct inner_judgement {
	uint32_t seen, above, largest;
	uint8_t family;		    /* of the largest that is too large; else 0 */
	uint64_t first_ns, last_ns; /* of those above */
};
uint32_t inner_errors_since(const struct inner_errors *errors, uint64_t since_ns);
struct inner_judgement inner_judge(const struct inner_side *side, const struct state_tunnel *tunnel,
				   uint64_t since_ns);

const char *inner_kind_name(enum esp_inner_kind kind);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tunnel.h - tunnels: pairs of peers, the IKE SAs and child SAs between them, and what became of them
 *
 * Pure: no I/O, no clock. tunnels_update() folds one look at everything (the SAs of the datapath with their counters, the IKE
 * conversations, the facts of kernel and daemons) into the tunnels; call it every second or two, or, with a capture, whenever
 * its time has gone on as much. Counters of a tunnel never go back: they sum what each of its SAs gained since the look
 * before, whatever SAs come and go. Memory is bounded; what found no place is counted.
 *
 * A tunnel is a connection of a daemon where that is known; else a pair of addresses with reqid or if_id where the kernel
 * tells; else the pair of addresses. It keeps its name and its counters when more becomes known, and when an end moves to
 * another address (MOBIKE, a NAT's new mapping).
 */
#ifndef ESPIAL_MODEL_TUNNEL_H
#define ESPIAL_MODEL_TUNNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/conversation.h"
#include "model/fact.h"
#include "model/state.h"
#include "model/timeline.h"

/* 0 takes the default. */
struct tunnel_limits {
	uint32_t tunnels; /* default 16384 */
	uint32_t sas;	  /* child SAs, both directions; default 65536 */
	uint64_t idle_ns; /* without a packet for so long a tunnel that is up is idle; default 60 s */
	uint64_t
		gone_ns; /* without any sign of life for so long it is forgotten when it is down; default 1 day */
};

struct tunnel_input {
	uint64_t now_ns;
	const struct state *state; /* sas[]: not of only_sums; NULL: a look at the IKE conversations only */
	/* NULL: none; told of what ESP proves of its IKE SAs, besides what tunnels_ended() is for */
	struct conversations *ike;
	const struct fact_kernel *kernel;
	const struct fact_daemon *daemons;
	size_t daemon_count;
	/* Whose view: an address of this host? NULL: not known (a capture); then directions of SAs and who comes first decide. */
	bool (*is_local)(void *arg, const uint8_t address[16]);
	void *arg;
	bool final; /* nothing more will come (the end of a capture): judge now what else would wait for its aftermath */
};

struct tunnel_stats {
	uint32_t tunnels, sas;
	uint64_t refused;   /* SAs and IKE SAs without a place for their tunnel */
	uint64_t forgotten; /* tunnels that were down for longer than gone_ns, or had to make room */
};

struct tunnels;

struct tunnels *tunnels_new(const struct tunnel_limits *limits); /* NULL: no memory */
void tunnels_free(struct tunnels *t);				 /* NULL is fine */

/* Tell `entry` of what happens to tunnels (TIMELINE_TUNNEL_*, SA_*, REKEY, IKE_REKEY). Not to call back into `t`. */
void tunnels_observe(struct tunnels *t, void (*entry)(void *arg, const struct timeline_entry *entry),
		     void *arg);

/* 0 or -ENOMEM. `conversations` is told through conversation_traffic_ended() by the caller: see tunnels_ended(). */
int tunnels_update(struct tunnels *t, const struct tunnel_input *input);

/* IKE SAs whose ESP stopped both ways since the look before: for conversation_traffic_ended(). */
void tunnels_ended(const struct tunnels *t,
		   void (*each)(void *arg, uint64_t conversation_id, uint64_t since_ns), void *arg);

/* Fills state->tunnels and each state_sa's `tunnel`. 0 or -ENOMEM. */
int tunnels_fill(const struct tunnels *t, struct state *state);
const struct tunnel_stats *tunnels_stats(const struct tunnels *t);

/* The name of the tunnel between these two addresses, whichever is local; NULL: none. For entries that only know addresses. */
const char *tunnels_name(const struct tunnels *t, const uint8_t one[16], const uint8_t other[16]);

/*
 * A path MTU to `remote` became known (ICMP, probe, largest packet); 0 bytes: unknown again. `source` is a stable name:
 * "icmp", "probe", "interface".
 */
void tunnels_path_mtu(struct tunnels *t, const uint8_t local[16], const uint8_t remote[16], uint32_t bytes,
		      const char *source, uint64_t at_ns);

/*
 * What has to survive the agent, so that counters never go back: the sums of each tunnel, and of each live SA how much of it
 * is already in there. Plain data; names are stable, so an older record of a tunnel that is there already is added to it
 * only before its first update.
 */
struct tunnel_record {
	char name[TIMELINE_TUNNEL];
	uint8_t local[16], remote[16];
	uint64_t since_ns, last_down_ns;
	uint64_t flaps, rekeys, ike_rekeys;
	uint32_t state; /* enum state_tunnel_state */
	char down_cause[40];
	struct state_tunnel_counters in, out;
};
struct tunnel_sa_record {
	char tunnel[TIMELINE_TUNNEL];
	uint8_t destination[16];
	uint32_t spi;
	uint8_t protocol, family;
	uint8_t direction; /* enum esp_direction */
	uint64_t first_ns; /* of the SA: the same SPI used anew is another SA */
	struct state_tunnel_counters counted;
};
int tunnels_save(const struct tunnels *t,
		 int (*tunnel)(void *arg,
			       const struct tunnel_record *record), /* ends when not 0, and returns it */
		 int (*sa)(void *arg, const struct tunnel_sa_record *record), void *arg);
int tunnels_restore_tunnel(struct tunnels *t, const struct tunnel_record *record); /* 0, -ENOMEM, -ENOSPC */
int tunnels_restore_sa(struct tunnels *t, const struct tunnel_sa_record *record);

#endif

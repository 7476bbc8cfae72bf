/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host.h - what the kernel counts for the whole host: /proc/net/xfrm_stat, softnet, NIC queues, drop reasons
 *
 * Plain data, filled by source/host_stat, bpf_drops and agent/sadb. Counters are since boot (or since the tracepoint was attached); the agent hands the
 * previous look along, so that readers see deltas.
 */
#ifndef ESPIAL_MODEL_HOST_H
#define ESPIAL_MODEL_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/fact.h"

#define HOST_XFRM_COUNTERS 40
#define HOST_DROP_REASONS 64
#define HOST_NICS 32
#define HOST_CPUS 256	/* that are told apart */
#define HOST_QUEUES 128 /* of all cards together */
#define HOST_RINGS 8	/* of one card */
#define HOST_SPACES 9	/* network namespaces: our own and eight more */

struct host_counter {
	char name[40]; /* "XfrmInNoStates", "PKT_TOO_BIG" */
	uint64_t value, before;
};

struct host_nic {
	char name[16];
	uint64_t rx_dropped, rx_missed, rx_errors, tx_dropped, tx_errors; /* since boot */
	uint64_t rx_dropped_before, rx_missed_before;
	struct host_counter
		ring[HOST_RINGS]; /* its driver's own counts of packets that found no room on arrival */
	size_t ring_count;
};

/* A queue of a network card, as its driver counts; what a driver does not tell is 0. */
struct host_queue {
	char interface[16];
	char name[8]; /* "rx-0", "tx-12" */
	bool tx;
	uint16_t number;
	uint64_t packets, bytes;
	uint64_t dropped;   /* for want of room, or not fit to be taken */
	uint64_t no_buffer; /* times that there was no memory to receive into */
	uint64_t dropped_before;
};

/* A network namespace whose IPsec is followed: struct fact_space says what its members mean. */
struct host_space {
	char name[112]; /* "" the one that we are in */
	bool available, has_xfrm;
	char why[160];
	uint64_t sas, policies, overruns, synced_ns;
	uint64_t notices[FACT_NOTICES];
	struct host_counter xfrm[HOST_XFRM_COUNTERS]; /* since boot, or since we look at it */
	uint64_t xfrm_base[HOST_XFRM_COUNTERS];	      /* of namespaces of that name that are gone */
	size_t xfrm_count;
};

/* What was dropped. In a gateway's own words: the packet on the wire, the one inside, another that was too big. */
enum host_drop_kind {
	HOST_DROP_OUTER, /* ESP, AH, IKE */
	HOST_DROP_INNER, /* came out of an SA, or was to go into one */
	HOST_DROP_OTHER, /* only with reason PKT_TOO_BIG */
	HOST_DROP_KINDS
};

struct host_drop { /* kfree_skb of what concerns IPsec */
	uint32_t ifindex;
	char interface[16];
	char reason[40]; /* as in enum skb_drop_reason of the kernel; "NOT_SPECIFIED": it does not say */
	enum host_drop_kind kind;
	uint64_t value, before;
};

struct host_facts {
	uint64_t taken_ns, before_ns; /* of this look, and of the one before; 0: none */
	bool has_xfrm, has_softnet, has_drops;
	struct host_counter xfrm[HOST_XFRM_COUNTERS]; /* of all namespaces together */
	size_t xfrm_count;
	struct host_space spaces[HOST_SPACES]; /* our own first */
	size_t space_count;
	bool follows_xfrm; /* what spaces[] tell of SAs and policies is asked for */
	uint64_t softnet_processed, softnet_dropped, softnet_squeezed;
	uint64_t softnet_dropped_before, softnet_squeezed_before;
	uint64_t cpu_before[3];	      /* ticks: all, softirq, idle */
	double cpu_softirq, cpu_busy; /* share of all CPUs since the look before, 0 to 1; negative: unknown */
	double cpu_softirq_most;      /* the same of the one that does most of it */
	uint64_t cpus_before[HOST_CPUS][2]; /* ticks of each: all, softirq */
	struct host_nic nics[HOST_NICS];
	size_t nic_count;
	struct host_queue queues[HOST_QUEUES];
	size_t queue_count;
	uint64_t queues_rest; /* queues that found no place among these */
	uint64_t
		queues_taken_ns; /* of the latest look at them and at ring[], which is not each look; 0: none */
	struct host_drop drops[HOST_DROP_REASONS];
	size_t drop_count;
	uint64_t drops_rest;		 /* packets that found no place among these */
	bool esp4_offload, esp6_offload; /* modules: GRO takes ESP before tc ingress */
};

/* The gain of a counter by name since the look before; 0: none, or no such. */
uint64_t host_xfrm_gain(const struct host_facts *host, const char *name);

/*
 * Packets that the card itself lost on arrival since the look before, at least: its counters count the same packets in several
 * places, so it is the largest of them and not their sum.
 */
uint64_t host_nic_lost(const struct host_facts *host, const struct host_nic *nic);

/* "outer", "inner", "other". */
const char *host_drop_kind_name(enum host_drop_kind kind);

#endif

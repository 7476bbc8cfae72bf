/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host.h - what the kernel counts for the whole host: /proc/net/xfrm_stat, softnet, NIC queues, drop reasons
 *
 * Plain data, filled by source/host. Counters are since boot (or since the tracepoint was attached); the agent hands the
 * previous look along, so that readers see deltas.
 */
#ifndef ESPIAL_MODEL_HOST_H
#define ESPIAL_MODEL_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOST_XFRM_COUNTERS 40
#define HOST_DROP_REASONS 64
#define HOST_NICS 32

struct host_counter {
	char name[40]; /* "XfrmInNoStates", "PKT_TOO_BIG" */
	uint64_t value, before;
};

struct host_nic {
	char name[16];
	uint64_t rx_dropped, rx_missed, rx_errors, tx_dropped, tx_errors; /* since boot */
	uint64_t rx_dropped_before, rx_missed_before;
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
	struct host_counter xfrm[HOST_XFRM_COUNTERS];
	size_t xfrm_count;
	uint64_t softnet_processed, softnet_dropped, softnet_squeezed;
	uint64_t softnet_dropped_before, softnet_squeezed_before;
	uint64_t cpu_before[3];	      /* ticks: all, softirq, idle */
	double cpu_softirq, cpu_busy; /* share of all CPUs since the look before, 0 to 1; negative: unknown */
	struct host_nic nics[HOST_NICS];
	size_t nic_count;
	struct host_drop drops[HOST_DROP_REASONS];
	size_t drop_count;
	uint64_t drops_rest;		 /* packets that found no place among these */
	bool esp4_offload, esp6_offload; /* modules: GRO below generic XDP and tc takes ESP */
};

/* The gain of a counter by name since the look before; 0: none, or no such. */
uint64_t host_xfrm_gain(const struct host_facts *host, const char *name);

/* "outer", "inner", "other". */
const char *host_drop_kind_name(enum host_drop_kind kind);

#endif

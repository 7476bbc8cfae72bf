/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * abi.h - what the datapath and the agent share: tables, configuration, events
 *
 * Bump ESP_ABI_VERSION on any change of layout or meaning. Everything is naturally aligned and in host byte order,
 * addresses excepted. The tables are plain arrays, which the agent maps and reads without a system call. The
 * datapath alone writes them; user space never writes a counter.
 */
#ifndef ESPIAL_ABI_H
#define ESPIAL_ABI_H

#include "classify.h"

#define ESP_ABI_VERSION 2

/* ---- security associations ---- */

#define ESP_EPOCH_BITS 5 /* 32 sequence numbers to an epoch */
#define ESP_WINDOW_EPOCHS 64
/* Numbers below the highest that are in the window at any alignment, the highest included. */
#define ESP_WINDOW ((ESP_WINDOW_EPOCHS - 1) << ESP_EPOCH_BITS)
/* A number that is further ahead of the highest than this is tentative. */
#define ESP_AHEAD (ESP_WINDOW_EPOCHS << ESP_EPOCH_BITS)

/*
 * The shadow replay window and what a packet needs to find it. All numbers are 64-bit internal ones:
 * sequence number on the wire, its inferred high half included, + delta. See replay.h.
 */
struct esp_sa {
	struct esp_sa_key key;
	__u64 top;	  /* highest epoch that a packet reached */
	__u64 carry;	  /* next epoch to retire : 32 | started : 1 | open run of lost numbers : 31 */
	__u64 delta;	  /* internal number - number on the wire */
	__u64 tentative;  /* candidates for a jump: base : 32 | seen from base on : 16 | mark : 16 */
	__u32 reach;	  /* as home of a set: how far keys that hash here were displaced; see table.h */
	__u32 generation; /* how often this slot was given to an SA; odd while that is being done */
	__u64 word[ESP_WINDOW_EPOCHS]; /* frozen : 1 | epoch : 31 | seen : 32 */
};

/* Per SA and CPU: the counters of every packet. One writer each, plain adds. */
struct esp_lane {
	__u64 packets, bytes, received;
	__u64 last;		      /* time of the last packet, in the datapath's clock */
	__u64 signature[2];	      /* what the current run of packets has in common: esp_signature() */
	__u32 size_max, size_min_inv; /* inverted, so that zeroed memory is a valid start */
	__u64 run_packets;	      /* `packets` when the current run began */
	__u64 run_bytes;
	__u64 src[2]; /* of the run's packets, as are the ports */
	__u16 source_port, destination_port;
	__u32 reserved0;
	__u64 reserved[4];
};

#define ESP_SA_INTERFACES 4
#define ESP_HISTOGRAM 32
#define ESP_LATE_BUCKETS 16 /* distances in the window are below 2048: the first 11 */

struct esp_sa_interface {
	__u32 ifindex; /* 0: unused; ESP_INTERFACE_REST: what found no entry of its own */
	__u32 reserved;
	__u64 packets, bytes;
};
#define ESP_INTERFACE_REST 0xffffffffU

/* Per SA: what changes seldom. Shared by all CPUs, atomic adds. */
struct esp_sa_rare {
	__u64 first_time;
	__u64 first; /* lowest internal number seen; valid once the carry says `started` */
	__u64 lost, late, late_max, duplicate, too_old, outlier, restarts, contended;
	__u64 confirmed; /* received numbers that were an outlier or too old at first */
	__u64 df, ecn_ce, ttl_changes, fragmented, fragments, incomplete;
	__u32 ttl_current, ttl_max, ttl_min_inv; /* 0 and inverted: zeroed memory is a valid start */
	__u32 reserved;
	__u64 endpoint; /* signature of the last source address and ports */
	__u64 endpoint_changes;
	__u64 late_distance[ESP_LATE_BUCKETS];
	__u64 burst_length[ESP_HISTOGRAM];
	__u64 dscp[64];
	struct esp_sa_interface interfaces[ESP_SA_INTERFACES];
};

/* Is the SA in the kernel's SADB? */
enum esp_known_state {
	ESP_KNOWN_NOT_LOOKED_UP, /* nothing tells what is in the SADB */
	ESP_KNOWN_EARLY, /* not in there since its first packet, which is less than cfg.grace old: it may be about to be */
	ESP_KNOWN_IN,
	ESP_KNOWN_LATE, /* was, until less than cfg.grace ago: packets that were under way */
	ESP_KNOWN_UNKNOWN,
};

/*
 * Per SA, beside its counters. The datapath writes it when it gives the slot to an SA, and never again; the agent does when
 * the SADB changes (model/known.h). Packets since the state began are the SA's packets - base, so that no packet pays for
 * being counted as known or unknown.
 */
struct esp_sa_known {
	__u32 state; /* enum esp_known_state */
	__u32 reserved0;
	__u64 since; /* when the state began, in the datapath's clock */
	__u64 base;  /* packets of the SA at that time */
	__u64 unknown,
		grace; /* packets of earlier states: of UNKNOWN; of LATE, and of EARLY that ended well */
	__u64 reserved[3];
};

/*
 * Most SPIs of strangers are told from the SADB's by one bit, without a search: bits by hash, set by the agent. A power
 * of two; with twice as many bits set as there are SAs (one for each direction), 64 KiB serve some 30000 well.
 */
#define ESP_FILTER_WORDS 8192U
ESP_INLINE __u32 esp_filter_bit(__u64 hash)
{
	return (__u32)(hash >> 20) & (ESP_FILTER_WORDS * 64 - 1);
}

/* An SA in the SADB is there for both directions. */
#define ESP_SADB_ID(id) ((id) & ~0xffULL)

/* ---- newcomers: SAs that have not yet shown to be one ---- */

#define ESP_NEW_RECORDS 3 /* the packet after these promotes */
#define ESP_NEW_WAYS 4

struct esp_newcomer {
	struct esp_sa_key key;
	__u64 first;	 /* time */
	__u32 packets;	 /* all that came, of which … */
	__u32 records;	 /* … so many are below */
	__u64 bytes;	 /* of packets without a record, and of later fragments */
	__u32 fragments; /* later ones */
	__u32 incomplete;
	struct esp_record record[ESP_NEW_RECORDS];
};

/* What a search and the choice of a victim look at is together, in one cache line. */
struct esp_new_set {
	__u32 lock;
	__u32 turn;		     /* counts the packets that found the set full */
	__u32 tag[ESP_NEW_WAYS];     /* esp_new_tag() of the way's key; 0: empty */
	__u32 packets[ESP_NEW_WAYS]; /* as in the way */
	__u64 last[ESP_NEW_WAYS];    /* time of the last packet */
	struct esp_newcomer way[ESP_NEW_WAYS];
} __attribute__((aligned(64)));

/* ---- fragments ---- */

#define ESP_FRAGMENT_WAYS 4
#define ESP_FRAGMENT_PIECES 8

struct esp_fragment_set { /* one fragmented packet */
	__u64 src[2], dst[2];
	__u64 id; /* fragment id << 32 | protocol << 16 | family << 8 | direction | ESP_FRAGMENT_USED */
	struct esp_sa_key sa; /* id 0: a class without SAs, or first fragment not yet seen */
	__u64 first_time;
	__u32 have, total; /* payload bytes so far; of the whole packet, 0: last fragment not yet seen */
	__u32 header;	   /* IP header of the first fragment, bytes */
	__u32 orphan_bytes, orphans;	 /* pieces that came before the first fragment */
	__u8 pieces, state, reserved[2]; /* enum esp_fragment_state */
	__u16 offset
		[ESP_FRAGMENT_PIECES]; /* of the pieces, in units of 8 bytes: a repeated piece completes nothing */
};
#define ESP_FRAGMENT_USED 0x80

enum esp_fragment_state {
	ESP_FRAGMENT_ORPHAN, /* only later fragments so far */
	ESP_FRAGMENT_OPEN,   /* first fragment seen, one of ours */
	ESP_FRAGMENT_COMPLETE,
};

struct esp_fragment_bucket {
	__u32 lock, reserved;
	struct esp_fragment_set way[ESP_FRAGMENT_WAYS];
};

/* ---- counters of the datapath itself ---- */

#define ESP_IF_SLOTS 64
#define ESP_IF_HASH 1024

/*
 * Per interface slot, direction and CPU. seen = sum of classes + sum of reasons, counted each on its own. The sizes are
 * powers of two: an index is then masked, which every verifier understands, and a row shifted to.
 */
#define ESP_CLASS_ROOM 16
#define ESP_REASON_ROOM 32
struct esp_if_stats {
	__u64 seen, bytes;
	__u64 cls[ESP_CLASS_ROOM];
	__u64 rejected[ESP_REASON_ROOM]; /* [0], ESP_OK, stays 0 */
	__u64 reserved[14];
} __attribute__((aligned(64)));
ESP_ASSERT(ESP_CLASS_COUNT < ESP_CLASS_ROOM && ESP_REASON_COUNT <= ESP_REASON_ROOM, "room for all");

enum esp_loss {
#define ESP_LOSS(sym, name, help) ESP_LOSS_##sym,
#include "reasons.def"
#undef ESP_LOSS
	ESP_LOSS_COUNT
};

/* What is to be done with a number that is not the next in order: replay.h. Working memory. */
struct esp_plan {
	__u64 number;  /* internal */
	__u64 base;    /* internal number of bit 0 of … */
	__u32 seen;    /* … the numbers whose flags are to be set */
	__u32 kind;    /* enum esp_plan_kind */
	__s64 ahead;   /* distance of the number from the highest */
	__u64 retire;  /* epochs below this one must be retired first */
	__u32 verdict; /* enum esp_verdict that stands when nothing is done */
	__u32 reserved;
};

/* What the SAs whose entries were replaced had, so that sums over all SAs never go back. */
struct esp_sums {
	__u64 packets, bytes, received, lost, late, duplicate, too_old, outlier, restarts;
	__u64 fragmented, fragments, incomplete, endpoint_changes;
	__u64 unknown; /* packets of SAs that were not in the SADB */
	__u64 reserved[2];
};

/* By direction and protocol. */
#define ESP_SUMS 8
ESP_INLINE __u32 esp_sums_index(__u64 id)
{
	return ((__u32)id & 3) * 2 + (((__u32)(id >> 16) & 0xff) == ESP_IPPROTO_AH);
}

/* Per CPU. One writer each; evictions by other CPUs go to the evicting CPU's own. */
struct esp_cpu {
	__u64 loss[ESP_LOSS_COUNT];
	__u64 events; /* given to the ring buffer */
	struct esp_sums retired[ESP_SUMS];
	__u64 tokens, refilled;	      /* rate limit: events left, time of the last refill */
	struct esp_newcomer promoted; /* one that was given a slot, until its packets are replayed there */
	struct esp_plan plan;
} __attribute__((aligned(64)));

/* What the agent tells the datapath of an interface, at index ifindex mod ESP_IF_HASH of esp_if[]. */
struct esp_if_config {
	__u32 ifindex; /* 0: nothing told */
	__u32 row;     /* of its counters, direction 0: slot * 3 * cpus */
	__u16 slot;
	__u8 link; /* enum esp_link */
	__u8 reserved[5];
};

/* ---- configuration: read-only data, set before loading ---- */

struct esp_config {
	struct esp_ports ports;
	__u32 cpus;	     /* lanes per SA */
	__u32 sa_mask;	     /* slots - 1; slots a power of two */
	__u32 new_mask;	     /* newcomer sets - 1 */
	__u32 fragment_mask; /* fragment buckets - 1 */
	__u64 idle;	     /* an SA silent for so long may be replaced; clock ticks */
	__u64 new_fresh; /* a newcomer of one packet is replaced only every 8th time while younger; clock ticks */
	__u64 new_hold; /* a newcomer of several packets is kept so long after its last; clock ticks */
	__u64 fragment_timeout; /* a set is incomplete after so long (30 s, RFC 791, RFC 8200: 60 s); clock ticks */
	__u64 event_interval; /* clock ticks in which one CPU gives at most … */
	__u64 event_burst;    /* … so many events */
	__u64 seed;	      /* of the hashes */
	__u64 grace; /* around an SA's time in the SADB, for packets that come too early or too late; clock ticks */
};

/* One instant on both clocks: the datapath's ticks (jiffies) and CLOCK_MONOTONIC nanoseconds. */
struct esp_clock {
	__u64 jiffies, monotonic;
};

struct esp_tables; /* behind the accessors of table.h */

/* Where and when a packet was seen. */
struct esp_at {
	struct esp_tables *t;
	__u64 now; /* clock ticks */
	__u32 cpu;
	__u32 ifindex;
	enum esp_direction direction;
};

/* ---- events ---- */

enum esp_event_kind {
	ESP_EVENT_PACKET,   /* IKE message or ICMP error: the IP packet follows */
	ESP_EVENT_ENDPOINT, /* a UDP-encapsulated SA comes from another address or port */
};

#define ESP_EVENT_DATA 1500

struct esp_event {
	__u64 time; /* nanoseconds, CLOCK_MONOTONIC; a capture: since the epoch */
	__u32 ifindex;
	__u8 kind, direction, cls, reserved;
	__u32 length;		      /* of the IP packet on the wire, bytes */
	__u32 captured;		      /* bytes of it in data */
	struct esp_sa_key sa;	      /* ESP_EVENT_ENDPOINT */
	__u64 old_src[2], new_src[2]; /* ESP_EVENT_ENDPOINT */
	__u16 old_port, new_port;     /* ESP_EVENT_ENDPOINT */
	__u32 reserved2;
	__u8 data[];
};

ESP_ASSERT(sizeof(struct esp_sa_key) == 24, "SA key");
ESP_ASSERT(sizeof(struct esp_sa) == 64 + 8 * ESP_WINDOW_EPOCHS, "SA state: one cache line and the window");
ESP_ASSERT(sizeof(struct esp_lane) == 128, "lane: two cache lines");
ESP_ASSERT(sizeof(struct esp_sa_known) == 64, "known: one cache line");
ESP_ASSERT(sizeof(struct esp_record) == 48, "record");
ESP_ASSERT(sizeof(struct esp_newcomer) == 24 + 4 * 8 + 3 * 48, "newcomer");
ESP_ASSERT(sizeof(struct esp_event) == 88, "event header");

#endif

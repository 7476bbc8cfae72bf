/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * state.h - what espial knows at one moment: the contract between the sources and everything that shows it
 *
 * One document for `read`, `status` and the API (output.md). Filled by state_collect() from the datapath's tables,
 * live or offline; printed by export/. Plain data, no I/O, no clock.
 */
#ifndef ESPIAL_MODEL_STATE_H
#define ESPIAL_MODEL_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "espial/abi.h"
#include "espial/replay.h"

struct conversations;
struct diagnosis;
struct host_facts;
struct unknown_peers;
struct inner_view;

#define STATE_NAME 64
#define STATE_DROP_WINDOWS 8 /* 32, 64, … 4096 */

extern const uint32_t state_drop_window[STATE_DROP_WINDOWS];

enum state_kind {
	STATE_CAPTURE,
	STATE_LIVE,
};

#define STATE_NO_TUNNEL UINT32_MAX

struct state_interface_share {
	char name[STATE_NAME];
	uint64_t packets, bytes;
};

/* Nothing comes later than that after what was sent behind it: what is missing for longer is lost. */
#define STATE_LATEST_NS UINT64_C(10000000000)

/* Sequence numbers of one SA as output.md defines them. All 64-bit numbers are as on the wire, ESN inferred. */
struct state_sequence {
	uint64_t first, highest, received, lost, pending, late, max_late_distance;
	uint64_t duplicate, too_old, outlier, restarts, contended;
	uint64_t window; /* numbers, at least */
	uint64_t late_distance[ESP_LATE_BUCKETS];
	uint64_t burst_length[ESP_HISTOGRAM];
	uint64_t window_drops[STATE_DROP_WINDOWS]; /* UINT64_MAX: unknown, the window is larger than ours */
};

struct state_sa {
	char interface[STATE_NAME];		/* the last one used; "" unknown */
	enum esp_direction direction;		/* ESP_DIR_UNKNOWN prints as null */
	uint8_t family;				/* 4 or 6 */
	uint8_t protocol;			/* 50 or 51 */
	uint8_t encapsulation;			/* 0 none, ESP_PKT_UDP, ESP_PKT_TCP */
	uint8_t source[16], destination[16];	/* IPv4 in the last four bytes, ::ffff: before */
	uint16_t source_port, destination_port; /* 0: none */
	uint32_t spi;
	int known;		/* 1, 0; -1: not looked up */
	uint32_t tunnel;	/* index in state->tunnels; STATE_NO_TUNNEL, and then the next are 0 */
	uint32_t partner_spi;	/* of the SA in the other direction; 0: not known */
	uint32_t replaced_spi;	/* of the SA in whose place it came; 0: none, or not known */
	uint8_t side;		/* seen from the tunnel's local end: 1 in, 2 out */
	bool partner_exact;	/* by the kernel or a daemon; else inferred from time */
	uint8_t not_observable; /* enum observable: why not all of its packets are seen */
	bool live;		/* not replaced, and its tunnel did not fall */
	bool newcomer;		/* not yet promoted: numbers are those of its first packets */
	uint64_t packets, bytes;
	uint64_t unknown_packets;   /* of those: while the SA was not in the SADB */
	uint64_t grace_packets;	    /* of those: while it was about to be, or had just been */
	uint64_t first_ns, last_ns; /* since the epoch */
	struct state_sequence sequence;
	uint32_t size_min, size_max; /* bytes; 0: unknown */
	uint64_t df, fragmented, fragments, fragments_incomplete;
	uint64_t dscp[64], ecn_ce;
	uint32_t ttl_min, ttl_max; /* UINT32_MAX, 0: unknown */
	uint64_t ttl_changes, endpoint_changes;
	struct state_interface_share interfaces[ESP_SA_INTERFACES];
	uint32_t interface_count;
};

enum state_tunnel_state {
	STATE_TUNNEL_DOWN,
	STATE_TUNNEL_NEGOTIATING,
	STATE_TUNNEL_IDLE, /* up, and nothing passes */
	STATE_TUNNEL_UP,
	STATE_TUNNEL_STATES
};

/* "down", "negotiating", "idle", "up" */
const char *state_tunnel_state_name(enum state_tunnel_state state);

struct state_tunnel_counters {
	uint64_t packets, bytes, received, lost, late, duplicate, too_old, fragmented, fragments_incomplete;
};

#define STATE_FALLS 8 /* the latest ones of a tunnel that are told */

struct state_tunnel_fall {
	uint64_t at_ns;
	char cause[40]; /* finding id; "" unknown */
};

/* One tunnel: see model/tunnel.h. */
struct state_tunnel {
	char name[128];
	bool named;			  /* by the IKE daemon; else made of the addresses */
	bool transit;			  /* neither end is ours: forwarded */
	uint8_t local[16], remote[16];	  /* mapped like those of SAs */
	uint16_t local_port, remote_port; /* where a NAT made them unusual; else 0 */
	enum state_tunnel_state state;
	uint8_t confidence;    /* enum timeline_confidence */
	char evidence[160];    /* why the state is what it is: one sentence */
	uint64_t since_ns;     /* of the state */
	uint64_t last_down_ns; /* when it last fell; 0: never seen to */
	char down_cause
		[40]; /* finding id: of the latest fall, or why it does not come up; "" unknown or never */
	struct state_tunnel_fall falls[STATE_FALLS]; /* the latest first; failed attempts are none */
	size_t fall_count;
	uint64_t last_good_ns; /* last answered IKE exchange or ESP packet from the peer */
	uint64_t flaps, rekeys, ike_rekeys;
	struct state_tunnel_counters in, out;
	uint32_t *spis; /* of its live SAs */
	size_t spi_count;
	uint64_t *ike_spis; /* initiator SPIs of its IKE SAs, newest first */
	size_t ike_count;
	const char *
		netns; /* not owned: the other network namespace whose kernel has its SAs; NULL: our own, or unknown */
	uint32_t reqid, if_id; /* of its newest child SA, by facts; 0: unknown */
	char proposal
		[64]; /* of its newest child SA, by facts, as strongSwan writes it; "" unknown, and so the next */
	const char *mode; /* "tunnel", "transport" or "beet" */
	uint8_t protocol; /* 50, 51 */
	bool udp;	  /* ESP in UDP */
	char local_ts[160],
		remote_ts
			[160]; /* traffic selectors of its newest child SA, by its daemon, comma separated; "" unknown */
	uint32_t path_mtu; /* bytes; 0: unknown, as are the next */
	uint32_t inner_mtu, mss4, mss6;
	char mtu_source
		[16];	 /* "icmp", "probe"; "interface": nobody told, so it is what the path is at most */
	uint64_t mtu_ns; /* when it was learned; 0: interface */
};

#define STATE_RTT_BUCKETS 12
#define STATE_IKE_EXCHANGES 64 /* exchange types: 0 to 33 are IKEv1's, 34 and above IKEv2's */
#define STATE_IKE_OUTCOMES 8   /* at least CONVERSATION_OUTCOMES */
#define STATE_IKE_STATES 8     /* at least CONVERSATION_STATES */

extern const uint64_t
	state_rtt_us[STATE_RTT_BUCKETS]; /* upper bounds; what is above all of them has a bucket more */

/* What IKE did since the start: only conversations in which messages were seen. */
struct state_ike_counters {
	uint64_t messages, malformed, retransmits, moves;
	uint64_t exchanges[STATE_IKE_EXCHANGES][STATE_IKE_OUTCOMES]; /* ended: by enum conversation_outcome */
	uint64_t states[STATE_IKE_STATES]; /* how often one became so: enum conversation_state */
	uint64_t rtt[STATE_RTT_BUCKETS + 1], rtt_us;
	uint64_t half_open_evicted, refused;
	uint64_t now[STATE_IKE_STATES]; /* IKE SAs in each state */
	uint32_t sas, half_open;	/* now */
};

/* One direction of one interface. */
struct state_counters {
	uint64_t seen, bytes;
	uint64_t cls[ESP_CLASS_COUNT];
	uint64_t rejected[ESP_REASON_COUNT];
};

struct state_interface {
	char name[STATE_NAME];
	uint32_t ifindex;
	char ingress[32]; /* "xdp native", "xdp generic", "tcx", "clsact", "none"; "capture" */
	char egress[32];
	char note[160]; /* why it is not what was asked for; "" nothing to say */
	bool up;
	uint32_t mtu;		       /* bytes; 0 unknown */
	struct state_counters in, out; /* a capture: all in `in` */
};

/* What is told of findings to others */
enum { STATE_HOOK_COMMAND, STATE_HOOK_URL, STATE_HOOKS };

struct state_hook {
	bool used;
	uint64_t sent, failed, dropped;
};

/* Logs that are followed */
struct state_logs {
	bool used;
	uint64_t lines, recognised, forgotten; /* forgotten: older messages, for want of room */
	uint64_t missing;		       /* sources that cannot be read now */
};

/* The agent's own: for `status self`. Zero in captures. */
struct state_self {
	uint64_t started_ns;
	uint64_t cpu_ns, rss_bytes;
	uint64_t table_slots, table_used, newcomer_slots, newcomer_used, memory_bytes;
	uint64_t bytes_per_sa;
	uint64_t events;	      /* read from the ring */
	uint64_t polls, poll_ns_last; /* of the tables */
	uint32_t tick_hz;
	uint32_t pid;
	struct state_hook hooks[STATE_HOOKS];
	struct state_logs logs;
};

/*
 * All SAs of a direction and protocol. The counters never go back: they hold what replaced entries had, and neither
 * newcomers nor packets that successors may yet confirm.
 */
struct state_sums {
	uint64_t sas, newcomers;
	struct esp_sums of;
};

/* An SA of the kernel whose packets the datapath does not see: see model/observable.h. */
struct state_hidden_sa {
	uint32_t tunnel; /* index in state->tunnels */
	uint32_t spi;
	uint8_t side; /* seen from the tunnel's local end: 1 in, 2 out */
	uint8_t family, protocol;
	uint8_t reason; /* enum observable */
	uint8_t destination[16];
	uint64_t packets, bytes; /* the kernel's, since the SA was made; bytes of the packets inside */
};

struct state {
	enum state_kind kind;
	char name[256]; /* the file, or the host */
	char version[64];
	uint64_t first_ns, last_ns; /* of the packets; 0: none; live: last is when this was read */
	struct state_counters total;
	uint64_t loss[ESP_LOSS_COUNT];
	uint64_t
		retired; /* of those evicted: packets of SAs that had been silent for minutes, and were read to the last */
	struct state_sums sums[ESP_SUMS]; /* by direction and protocol: esp_sums_index() */
	struct state_sa *sas;
	size_t sa_count;
	struct state_interface *interfaces;
	size_t interface_count;
	struct state_self self;
	struct state_tunnel *tunnels;
	size_t tunnel_count;
	struct state_hidden_sa *hidden;
	size_t hidden_count;
	const struct conversations *ike; /* not owned; NULL: none */
	struct state_ike_counters ike_counters;
	const struct diagnosis *diagnosis;   /* not owned; NULL: none */
	const struct host_facts *host;	     /* not owned; NULL: none */
	const struct unknown_peers *unknown; /* not owned; NULL: none */
	const struct inner_view *inner;	     /* not owned; NULL: no inner interface is watched */
};

/* What turns the datapath's clock and interface numbers into what people read. */
struct state_context {
	/* Nanoseconds since the epoch of a time in clock ticks. */
	uint64_t (*time)(void *arg, uint64_t ticks);
	/* Name of an interface index, or NULL. */
	const char *(*ifname)(void *arg, uint32_t ifindex);
	void *arg;
	uint64_t now;	/* clock ticks */
	bool only_sums; /* no sas[]: a scrape needs none, and reads a fifth of the memory */
	bool final; /* nothing more will come: what is pending is lost, open fragment sets are incomplete */
};

struct esp_tables;

/*
 * Fills `ret` (sas, total, loss, first and last times) from the tables; the caller adds names and interfaces. SAs are
 * ordered by first time, then SPI. 0 or -ENOMEM; on error *ret is empty. Free with state_free().
 */
int state_collect(struct esp_tables *tables, const struct state_context *context, struct state *ret);
void state_free(struct state *state);

const char *esp_class_name(enum esp_class cls);
const char *esp_class_help(enum esp_class cls);
const char *esp_reason_name(enum esp_reason reason);
const char *esp_reason_help(enum esp_reason reason);
const char *esp_loss_name(enum esp_loss loss);
const char *esp_loss_help(enum esp_loss loss);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tunnel_internal.h - what the files of the tunnel model share; nobody else includes it */
#ifndef ESPIAL_MODEL_TUNNEL_INTERNAL_H
#define ESPIAL_MODEL_TUNNEL_INTERNAL_H

#include <sys/queue.h>

#include "model/address.h"
#include "model/mtu_names.h"
#include "model/observable.h"
#include "model/tunnel.h"

#define TUNNEL_SECOND 1000000000ull
#define TUNNEL_OVERLAP (2 * TUNNEL_SECOND) /* packets in flight, and the other end's delay, when an SA ends */
#define TUNNEL_SETTLE (3 * TUNNEL_SECOND) /* after its first packet it can be said what a child SA replaced */
#define TUNNEL_QUIET                                                                                         \
	(11 * TUNNEL_SECOND) /* no ESP for so long: it stopped (DELETE_SOON of the tracker is 10 s) */
#define TUNNEL_CHILD_WAIT (30 * TUNNEL_SECOND) /* IKEv1: from phase 1 to the first quick mode, at most */

enum {
	SIDE_IN, /* as the local end sees it */
	SIDE_OUT,
	SIDES,
	MAKINGS = 16,
	LINKS = 32,	 /* half-open IKE SAs of one tunnel */
	CHILDREN = 1024, /* of one tunnel */
	NEWCOMERS = 4,	 /* that may be child SAs, of one tunnel: there may be a flood of invented SPIs */
};

LIST_HEAD(tunnel_head, tunnel);
LIST_HEAD(tunnel_child_head, tunnel_child);
LIST_HEAD(tunnel_link_head, tunnel_link);
TAILQ_HEAD(tunnel_queue, tunnel);

/* A negotiation that made a child SA. */
struct tunnel_making {
	uint64_t ns, link_id;
	uint64_t request_ns;
	uint8_t major, by; /* by: enum conversation_side */
	bool fresh;	   /* the first of a new IKE SA, which replaces nothing by itself */
	bool judged;	   /* whether it is a rekey */
	bool rekey;	   /* it is, and was counted */
};

/* What the kernel has counted of an SA, and the datapath at that time: up to there everything is in the sums. */
struct tunnel_kernel_count {
	bool known;
	uint64_t packets, bytes, wire;
	uint64_t wire_most;	    /* `wire` at most: the dump was between two looks */
	uint64_t wire_last;	    /* the datapath's packets at the look before */
	uint64_t first_ns, last_ns; /* looks in which it had gained, while it was hidden; 0: none */
};

/* Sequence numbers that had not come, at a look. */
struct tunnel_missing {
	uint64_t ns; /* 0: no look yet */
	uint64_t numbers, late;
};

/* A child SA in one direction: what the datapath counts, or the kernel has, or both. */
struct tunnel_child {
	LIST_ENTRY(tunnel_child) in_tunnel, in_hash;
	struct tunnel *tunnel;
	uint8_t destination[16];
	uint32_t spi;
	uint8_t protocol, family;
	uint8_t direction; /* of the entry that is counted: a forwarded SA has one of each */
	uint8_t side;
	bool settled; /* it was judged what it replaced */
	bool newcomer;
	bool told_gone;
	struct state_tunnel_counters counted;
	struct tunnel_missing missing[2]; /* STATE_LATEST_NS ago or longer; and since */
	uint64_t first_ns, last_ns;	  /* packets; 0: none yet */
	uint64_t added_ns;		  /* by the kernel; 0: not told */
	uint32_t seen, installed;	  /* looks in which the datapath and the facts had it; 0: never */
	uint32_t reqid, if_id;
	struct tunnel_child *partner, *replaces;
	bool partner_exact;
	bool replaced;	    /* by a newer one */
	bool rekey_counted; /* this end of a pair stands for a counted rekey */
	uint64_t ended_ns;  /* 0: it lives */
	struct tunnel_kernel_count kernel;
	const struct fact_sa *fact; /* during an update; NULL: the kernel does not have it */
	uint8_t hidden;		    /* enum observable: why the datapath does not see it */
};

/* An IKE SA, as the tracker had it at the look before. */
struct tunnel_link {
	LIST_ENTRY(tunnel_link) in_tunnel, in_hash;
	struct tunnel *tunnel;
	uint64_t id, initiator_spi, responder_spi;
	const struct conversation_sa *sa; /* valid during an update */
	uint32_t seen;
	uint8_t local_side; /* enum conversation_side of the tunnel's local end */
	uint8_t major;
	enum conversation_state state;
	enum conversation_confidence confidence;
	enum conversation_reason reason;
	uint64_t first_ns, since_ns, established_ns, messages;
	uint32_t moves;
	bool child;    /* a child SA was made */
	bool no_child; /* its first one was refused, as far as sizes tell */
	bool ike_rekey_told;
	uint32_t child_failures;		    /* CREATE_CHILD_SA refused, in a row */
	uint64_t child_failing_ns, child_failed_ns; /* the first and the latest of them */
	uint64_t making_ns;			    /* makings up to here are known */
	uint64_t good_ns;			    /* latest answered exchange */
	uint64_t waiting_ns; /* what waits for an answer and was sent again, since; 0: nothing */
	uint32_t waiting_id, waiting_again;
};

/* What facts say of a tunnel, at one look. */
enum tunnel_told { TOLD_NOTHING, TOLD_DOWN, TOLD_INSTALLED, TOLD_CONNECTING, TOLD_IKE_ONLY, TOLD_UP };

/* What they said last, and since when they have said it; it stands when nobody can be asked. */
struct tunnel_word {
	enum tunnel_told what;
	enum timeline_origin by;
	uint64_t ns, since_ns;
};

/* What decides the sizes of a tunnel's packets. */
struct tunnel_suite {
	char proposal[MTU_NAMES]; /* as strongSwan writes it; "" unknown */
	enum mtu_protocol protocol;
	enum mtu_mode mode;
	bool udp, by_kernel;
};

struct tunnel_sized {
	uint32_t mtu;
	int outer;
	struct tunnel_suite suite;
};

struct tunnel {
	TAILQ_ENTRY(tunnel) in_all;
	LIST_ENTRY(tunnel) in_pair, in_names;
	struct tunnel_link_head links; /* the newest first, as are the children */
	struct tunnel_child_head children;
	char name[TIMELINE_TUNNEL];
	bool named, transit;
	bool provisional; /* never up, and nobody configured it: it may be an invention */
	uint8_t local[16], remote[16];
	uint16_t port[2]; /* of the local and the remote end, where a NAT made them unusual; else 0 */
	uint32_t reqid, if_id;
	uint64_t first_ns;
	uint32_t newcomers; /* counted anew at each look */
	uint64_t
		retired_ns; /* its SAs that were not used since then are counted, and no longer kept; 0: all are */
	uint32_t link_count, child_count, unsettled;
	uint32_t changed; /* look in which a link or a child changed */
	uint32_t index;	  /* in state->tunnels, while filling */

	enum state_tunnel_state state;
	bool judged, was_up, fell; /* has a state; was up ever; fell since */
	enum timeline_confidence confidence;
	char evidence[160];
	uint64_t since_ns, down_since_ns, last_down_ns;
	char cause[40];
	struct state_tunnel_fall falls[STATE_FALLS]; /* the latest first */
	uint32_t fall_count;
	uint64_t flaps, rekeys, ike_rekeys;
	struct state_tunnel_counters counters[SIDES];
	uint64_t first_esp_ns[SIDES], last_esp_ns[SIDES], good_ns;
	struct tunnel_making makings[MAKINGS];
	uint32_t making_count;
	uint64_t makings_gone_ns; /* of the latest one that found no room: what came until then was judged */
	uint64_t ended_ns;	  /* ESP stopped both ways then */
	uint32_t ended_look;	  /* in which that was found */

	enum tunnel_told told;
	enum timeline_origin told_by;
	uint64_t told_ns;
	struct tunnel_word word;
	bool daemon_had, kernel_had; /* there were facts that it was up */
	bool kernel_asked;	     /* the kernel tells what it has */
	bool on_demand;		     /* it has no child SA, and a policy of the kernel that asks for one */
	char told_text[96];

	uint32_t path_mtu, inner_mtu, mss4, mss6;
	char mtu_source[16];
	uint64_t mtu_ns;
	uint32_t link_mtu;		    /* of the interface that its ESP leaves by; 0: unknown */
	struct tunnel_suite suite;	    /* of a child, by facts */
	char local_ts[160], remote_ts[160]; /* the same, by its daemon; "" unknown */
	struct tunnel_sized sized;	    /* what inner_mtu and the next are computed from */
	const char *netns;		    /* as struct state_tunnel has it */
	uint8_t kernel_sides;		    /* bit by side: the kernel has an SA */
	uint32_t hidden;		    /* children that the datapath does not see */
	bool unhooked;			    /* what comes in, because it passes where nothing is attached */
};

/* An IKE SA became so: applied in the order of time, because two ends of one tunnel may lie between two looks. */
struct tunnel_change {
	uint64_t link_id; /* the link may be gone until then, with a tunnel that made room */
	uint64_t ns;
	uint32_t number; /* in which it was found */
	enum conversation_state state;
};

struct tunnels {
	struct tunnel_limits limits;
	struct tunnel_stats stats;
	uint32_t look, sa_look,
		fact_look;	     /* counts of updates, of those with SAs, of those with facts; from 1 */
	uint64_t now_ns, started_ns; /* of the latest update, and of the first that had SAs */
	uint64_t sa_ns;		     /* of the latest look at the SAs */
	uint64_t sa_before_ns;	     /* and of the one before */
	uint32_t provisional;
	bool failed;		 /* out of memory, in this update */
	struct tunnel_queue all; /* in order of creation */
	struct tunnel_head *pairs, *names;
	struct tunnel_child_head *children;
	struct tunnel_link_head *links;
	uint32_t pair_mask, child_mask, link_mask;
	struct tunnel_child **order; /* by number in state->sas of the look before */
	size_t order_count, order_room;
	uint64_t order_removals, removals; /* of children: after one the order is not to be used */
	struct tunnel_change *changes;	   /* of this update */
	size_t change_count, change_room;
	const struct tunnel_input *input; /* during an update */
	void (*entry)(void *arg, const struct timeline_entry *entry);
	void *entry_arg;
};

static inline bool address_is(const uint8_t a[16], const uint8_t b[16])
{
	return __builtin_memcmp(a, b, 16) == 0;
}

static inline bool address_known(const uint8_t a[16])
{
	return !address_is_any(a);
}

static inline uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static inline uint16_t unusual_port(uint16_t port)
{
	return port == 500 || port == 4500 ? 0 : port;
}

/* Two ends in the order in which they were found, before anybody knows which is local. */
struct tunnel_pair {
	const uint8_t *address[2];
	uint16_t port[2]; /* unusual ones */
	bool first_local; /* when nothing else tells */
};

/* tunnel_table.c */
int tunnel_table_open(struct tunnels *t);
void tunnel_table_close(struct tunnels *t);
struct tunnel *tunnel_table_named(const struct tunnels *t, const char *name);
/* *ret_local: which of the two ends is the tunnel's local one. NULL: there is none. */
struct tunnel *tunnel_table_pair(const struct tunnels *t, const struct tunnel_pair *pair,
				 unsigned int *ret_local);
/* Found or made; NULL: no place, or no memory (t->failed). `sure`: both ends take part, or we are one of them. */
/* The next between these two addresses whatever their ports, `after` NULL: the first. */
struct tunnel *tunnel_table_between(const struct tunnels *t, const uint8_t one[16], const uint8_t other[16],
				    const struct tunnel *after);
struct tunnel *tunnel_table_tunnel(struct tunnels *t, const struct tunnel_pair *pair, bool sure,
				   uint64_t first_ns, unsigned int *ret_local);
struct tunnel *tunnel_table_new(struct tunnels *t, const uint8_t local[16], const uint8_t remote[16],
				const uint16_t port[2], uint64_t first_ns);
void tunnel_table_remove_tunnel(struct tunnels *t, struct tunnel *tunnel);
/* Its ends have changed. */
void tunnel_table_move(struct tunnels *t, struct tunnel *tunnel, const uint8_t local[16],
		       const uint8_t remote[16]);
/* All of `from` becomes part of `to`. */
void tunnel_table_absorb(struct tunnels *t, struct tunnel *to, struct tunnel *from);
void tunnel_table_settle(struct tunnels *t, struct tunnel *tunnel); /* it is no invention */
/* tunnel_members.c */
struct tunnel_child *tunnel_table_child(const struct tunnels *t, const uint8_t destination[16], uint32_t spi,
					uint8_t protocol, uint8_t family);
struct tunnel_child *tunnel_table_new_child(struct tunnels *t, struct tunnel *tunnel,
					    const uint8_t destination[16], uint32_t spi, uint8_t protocol,
					    uint8_t family);
void tunnel_table_remove_child(struct tunnels *t, struct tunnel_child *child);
void tunnel_table_move_child(struct tunnel_child *child, struct tunnel *to);
struct tunnel_link *tunnel_table_link(const struct tunnels *t, uint64_t id);
struct tunnel_link *tunnel_table_new_link(struct tunnels *t, struct tunnel *tunnel, uint64_t id);
void tunnel_table_remove_link(struct tunnel_link *link);
void tunnel_table_move_link(struct tunnel_link *link, struct tunnel *to);
void tunnel_table_rename(struct tunnels *t, struct tunnel *tunnel, const char *name, bool named);

/* tunnel_name.c */
void tunnel_name_by_address(struct tunnels *t, const struct tunnel *tunnel, char ret[static TIMELINE_TUNNEL]);
bool tunnel_name_is_by_address(const char *name, const uint8_t local[16], const uint8_t remote[16]);
/* "00:31:02" UTC */
#define NAME_TIME 16
const char *tunnel_name_time(uint64_t ns, char ret[static NAME_TIME]);

/* tunnel_ike.c: the conversations; then, when the SAs are known, what became of them, in the order of time */
void tunnel_ike_fold(struct tunnels *t);
void tunnel_ike_apply(struct tunnels *t);

/* tunnel_making.c: what exchanges say of child SAs */
void tunnel_making_fold(struct tunnels *t, struct tunnel_link *link);
void tunnel_making_judge(struct tunnels *t, struct tunnel *tunnel);
/* The latest that came before a packet at that time; NULL: none seen. */
struct tunnel_making *tunnel_making_before(struct tunnel *tunnel, uint64_t ns);
/* Was it counted as a rekey, itself or as one of two that both ends made at once? */
bool tunnel_making_counted(const struct tunnel *tunnel, const struct tunnel_making *making);
/* One rekey more; `child`: the new SA, or NULL. */
void tunnel_making_rekey(struct tunnels *t, struct tunnel *tunnel, uint64_t ns,
			 const struct tunnel_child *child, enum timeline_confidence confidence,
			 const char *how);

/* tunnel_sa.c: the datapath's SAs */
void tunnel_sa_fold(struct tunnels *t);
void tunnel_sa_begins(struct tunnels *t, struct tunnel_child *child, uint64_t at_ns,
		      enum timeline_origin origin);
void tunnel_sa_ends(struct tunnels *t, struct tunnel_child *child, uint64_t at_ns,
		    enum timeline_confidence confidence, const char *why);
/* Those that nobody has any more. */
void tunnel_sa_sweep(struct tunnels *t, struct tunnel *tunnel);
/* tunnel_pair.c */
void tunnel_pair_judge(struct tunnels *t, struct tunnel *tunnel);
void tunnel_pair_exact(struct tunnel_child *in, struct tunnel_child *out);
bool tunnel_child_is_live(const struct tunnels *t, const struct tunnel_child *child);

/* tunnel_facts.c: kernel and daemons; before the rest, so that what follows finds its tunnel */
void tunnel_facts_fold(struct tunnels *t);
void tunnel_facts_kernel(struct tunnels *t, const struct fact_kernel *kernel); /* tunnel_kernel.c */
/* Traffic would make the kernel ask for a child SA. */
bool tunnel_kernel_asks(const struct fact_kernel *kernel, const struct tunnel *tunnel);
struct tunnel_child *tunnel_facts_child(struct tunnels *t, struct tunnel *tunnel,
					const uint8_t destination[16], uint32_t spi, uint8_t protocol,
					uint64_t added_ns, enum timeline_origin origin);

/* tunnel_hidden.c: after both the kernel's SAs and the datapath's; and what is told of it */
void tunnel_hidden_fold(struct tunnels *t);
int tunnel_hidden_fill(const struct tunnels *t, struct state *state);

/* tunnel_judge.c */
struct tunnel_verdict {
	enum state_tunnel_state state;
	enum timeline_confidence confidence;
	enum timeline_origin origin;
	uint64_t since_ns;
	const char *cause;
	const struct tunnel_link *link; /* that explains it; NULL: none */
	bool text;			/* the sentence is wanted: it costs more than all the rest */
	char evidence[160];
};

/* The IKE SAs of a tunnel by what they are now; NULL: none such. */
struct tunnel_standing {
	const struct tunnel_link *up, *negotiating, *ended;
};

void tunnel_look_at_links(const struct tunnel *tunnel, struct tunnel_standing *ret);
void tunnel_judge_ended(const struct tunnel_link *ended, struct tunnel_verdict *v);
/* What it is at that time; `text`: with the sentence. */
void tunnel_judge(const struct tunnels *t, const struct tunnel *tunnel, uint64_t at_ns, bool text,
		  struct tunnel_verdict *v);

/* tunnel_state.c */
void tunnel_state_judge(struct tunnels *t, struct tunnel *tunnel, uint64_t at_ns);
/* As of the latest update; reads no conversation of a tunnel that stands. */
void tunnel_state_evidence(const struct tunnels *t, const struct tunnel *tunnel, char *buffer, size_t size);
/* tunnel_cause.c: the finding that explains how this IKE SA ended; "" none */
const char *tunnel_cause_of(const struct tunnel_link *link);
/* One sentence, and evidence in the entry. */
void tunnel_cause_explain(const struct tunnel_link *link, struct timeline_entry *entry);

/* tunnel_told.c: entries. tunnel_told_begin() fills in what every entry has */
void tunnel_told_begin(const struct tunnel *tunnel, enum timeline_kind kind, uint64_t at_ns,
		       struct timeline_entry *ret);
void tunnel_tell(struct tunnels *t, const struct timeline_entry *entry);

/* tunnel_mtu.c */
void tunnel_mtu_refresh(struct tunnel *tunnel);
/* The MTU of the path, or else of the interface; 0: neither is known. */
uint32_t tunnel_mtu_outside(const struct tunnel *tunnel);
/* Finds the interfaces that the tunnels leave by. */
void tunnel_mtu_links(const struct tunnels *t, const struct state *state);

#endif

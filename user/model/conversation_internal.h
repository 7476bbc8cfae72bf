/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conversation_internal.h - what the files of the conversation tracker share; nobody else includes it */
#ifndef ESPIAL_MODEL_CONVERSATION_INTERNAL_H
#define ESPIAL_MODEL_CONVERSATION_INTERNAL_H

#include "model/conversation.h"

#define SECOND 1000000000ull

enum {
	WHEEL_SLOTS = 256,   /* of one second each */
	KEPT_MAX = 4096,     /* bytes of a message kept: an SA payload never comes late in it */
	FLOOD_AGE = 30,	     /* seconds: a half-open IKE SA that young should not have to go */
	FIRST_ANSWER = 30,   /* seconds to wait for an answer to what was never sent again */
	STALL = 60,	     /* seconds after which a negotiation without a next message has stopped */
	RESTART_QUIET = 120, /* seconds without use after which a replaced IKE SA is no longer there */
	DELETE_QUIET = 30,   /* seconds without use after the delete of one that was replaced */
	DAEMON_QUIET =
		60, /* seconds for which a daemon's word that it stands is better than what may be inferred */
	DELETE_SOON = 10, /* seconds between a delete and what replaces the IKE SA, at most */
	AUTH_SOON = 2, /* seconds between a refused authentication and the initiator's saying so, at most */
};

struct link {
	struct link *next, *previous;
};

struct conversation_entry {
	struct conversation_sa sa;
	struct link all, use, peer,
		wheel; /* in order of creation; of last use; same pair of addresses; by deadline */
	struct conversation_entry *hash_next;
	uint64_t deadline_ns; /* 0: none */
	uint64_t
		queued_second; /* when it is looked at next: not after the deadline; 0: it is not in the wheel */
	uint64_t next_id[2];		 /* by side: above all message ids of its exchanges */
	uint8_t use_list;		 /* 1 + use_list; 0: in none */
	bool moved;			 /* its path is not the one under which it is listed with its peers */
	struct conversation_move *moves; /* of CONVERSATION_MOVES; NULL until it moves, which few do */
	struct conversation_path candidate; /* ends that one side used and the other has not confirmed */
	uint64_t candidate_ns;
	uint8_t candidate_by;	   /* 1 + conversation_side; 0: there is no candidate */
	uint8_t proof;		   /* bit by side: used the other's SPI (the initiator: in ciphertext) */
	bool cookie_proof;	   /* brought back the responder's cookie: its address is true */
	uint8_t unanswered_by;	   /* IKEv1: 1 + side whose informational messages get no answer */
	uint32_t unanswered;	   /* how many in a row */
	uint64_t unanswered_ns[2]; /* when: the latest, and the one before */
	uint32_t empty_size;	   /* smallest ciphertext of an IKEv2 INFORMATIONAL so far; 0: none */
	uint64_t
		informational_ns[2]
				[4]; /* IKEv2: when each side sent INFORMATIONAL requests, the latest first */
	uint64_t child_answered_ns[2]; /* IKEv2: the latest CREATE_CHILD_SA of each side; 0: none */
	uint64_t replaced_ns;	       /* another IKE SA of the same ends was established; 0: none */
	uint64_t daemon_ns;	       /* the daemon of one end had it established then; 0: nobody said so */
	uint32_t open[2]; /* requests of each side that wait for an answer and were not given up */
	uint32_t answered_after_auth; /* exchanges */
	bool joined;		      /* its beginning was not seen */
	uint64_t established_ns;
	struct conversation_suite {
		uint8_t iv, block, icv,
			auth;  /* bytes; auth: least AUTH data with a pre-shared key. block 0: unknown */
		uint16_t hash; /* IKEv1 */
	} suite;
};

/* Lists by last use, oldest first. */
enum use_list { USE_HALF_OPEN, USE_LIVE, USE_ENDED, USE_LISTS };

struct conversations {
	struct conversation_limits limits;
	struct conversation_stats stats;
	struct ike_message message; /* scratch: the one being folded */
	struct ike_message request; /* scratch: the one that it answers */
	struct conversation_entry **hash;
	struct link *peers;
	uint32_t hash_mask, peer_mask;
	struct link all, use[USE_LISTS], wheel[WHEEL_SLOTS];
	uint64_t now_ns, swept_second, next_id;
	uint32_t rate;
	void (*event)(void *arg, const struct conversation_event *event);
	void *event_arg;
};

/* The message being folded, with what was found out about it. */
struct fold {
	struct conversations *c;
	const struct conversation_packet *packet;
	const struct ike_message *m;
	struct conversation_entry *entry;
	enum conversation_side side; /* sender */
	struct conversation_path path;
	uint64_t digest;
};

#define entry_of(pointer, member)                                                                            \
	((struct conversation_entry *)(void *)((char *)(pointer)-offsetof(struct conversation_entry, member)))

static inline struct conversation_entry *entry_of_sa(const struct conversation_sa *sa)
{
	return (struct conversation_entry *)sa; /* its first member */
}

static inline enum conversation_side other_side(enum conversation_side side)
{
	return side == CONVERSATION_INITIATOR ? CONVERSATION_RESPONDER : CONVERSATION_INITIATOR;
}

static inline bool state_is_end(enum conversation_state state)
{
	return state != CONVERSATION_NEGOTIATING && state != CONVERSATION_ESTABLISHED;
}

/* conversation_table.c. Doubly linked rings with a head; an element outside of any points to itself */
void link_init(struct link *link);
void link_remove(struct link *link);
void link_append(struct link *head, struct link *link);

int table_init(struct conversations *c);
void table_free(struct conversations *c);
struct conversation_entry *table_find(struct conversations *c, const struct conversation_packet *packet,
				      const struct ike_message *m);
struct conversation_entry *table_add(struct conversations *c, const struct conversation_packet *packet,
				     const struct ike_message *m);
/* Put it at the end of its list of use; true when its proof has just brought it out of the half-open table. */
bool table_use(struct conversations *c, struct conversation_entry *e);
/* Its state has changed: to the list that fits. */
void table_settle(struct conversations *c, struct conversation_entry *e);
/* The next that is not half-open and has the same two addresses, in any order of ends; `after` NULL begins. */
struct conversation_entry *table_next_of_peers(struct conversations *c, const struct conversation_entry *of,
					       const struct conversation_entry *after);
void table_keep(struct conversation_entry *e, enum conversation_side side,
		const struct conversation_packet *packet);

/* conversation_exchange.c */
struct conversation_exchange *exchange_add(struct fold *f, enum conversation_side by);
/* The latest with that message id that `by` began; any exchange type if `type` is 0. */
struct conversation_exchange *exchange_find(struct conversation_entry *e, enum conversation_side by,
					    uint32_t message_id, uint8_t type);
struct conversation_exchange *exchange_last(struct conversation_entry *e);
enum half_result {
	HALF_MORE,   /* a fragment, and others are missing */
	HALF_WHOLE,  /* now it is complete, for the first time */
	HALF_REPEAT, /* seen before: a retransmission begins */
	HALF_REST,   /* of a retransmission that was counted already, or behind a complete one */
};
enum half_result exchange_half(struct conversation_half *half, const struct fold *f);
void exchange_sent_again(struct fold *f, struct conversation_exchange *x);
void exchange_wait(struct fold *f, struct conversation_exchange *x); /* from now on an answer is due */
void exchange_close(struct conversation_entry *e, struct conversation_exchange *x); /* no more */
/* When the next transmission would have been due, and when it is late enough to say that there will be none. */
uint64_t exchange_overdue(const struct conversation_exchange *x, uint64_t *ret_given_up);
void exchange_notifies(struct fold *f, struct conversation_exchange *x);

/* conversation_nat.c: compare the NAT detection hashes of a message with its addresses. `algorithm`: IKEv1's hash, 0: IKEv2 */
void nat_check(struct fold *f, uint16_t algorithm);
/* The same of the IKE_SA_INIT request that this message answers: a flood of requests without answers is not worth the hashing. */
void nat_check_request(struct fold *f);

/* conversation_size.c: what the size of a ciphertext allows */
void suite_learn(struct conversation_entry *e, const struct ike_message *m);
void size_judge_auth(struct conversation_entry *e, struct conversation_exchange *x);
void size_judge_child(struct conversation_entry *e, struct conversation_exchange *x);
void size_judge_informational(struct conversation_entry *e, struct conversation_exchange *x);
/* The same side has just rekeyed something: with this it deletes what was replaced (RFC 7296 section 2.8). */
bool size_follows_rekey(const struct conversation_entry *e, const struct conversation_exchange *x);

/* conversation_v1.c, conversation_v2.c */
void fold_v1(struct fold *f);
void fold_v2(struct fold *f);

/* conversation_state.c */
void state_set(struct conversations *c, struct conversation_entry *e, enum conversation_state state,
	       enum conversation_confidence confidence, enum conversation_reason reason, uint64_t since_ns,
	       uint32_t id, uint32_t number);
void state_event(struct conversations *c, enum conversation_event_kind kind, struct conversation_entry *e,
		 const struct conversation_exchange *x, uint64_t time_ns);
/* An inferred end is disproved: the IKE SA is used. Not so for what was rekeyed. */
void state_revive(struct fold *f);
/* The request was not answered, and its sender will not send it again. */
void state_give_up(struct conversations *c, struct conversation_entry *e, struct conversation_exchange *x,
		   uint64_t since_ns);
void state_schedule(struct conversations *c, struct conversation_entry *e);
void state_sweep(struct conversations *c, uint64_t now_ns);

/* conversation_aftermath.c: what happens on one IKE SA tells about another of the same ends */
void aftermath_negotiation_begins(struct conversations *c, struct conversation_entry *e);
void aftermath_established(struct conversations *c, struct conversation_entry *e);
/* `proven`: both ends take part. If not, it may be an invention, and no other IKE SA is judged by it. */
void aftermath_rekey_born(struct conversations *c, struct conversation_entry *e, bool proven);
/* Did it end in silence? Changes the state if so; returns when to look again, 0: never. */
uint64_t aftermath_silence(struct conversations *c, struct conversation_entry *e, uint64_t now_ns);

#endif

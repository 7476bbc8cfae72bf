/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conversation.h - what two IKE daemons say to each other, rebuilt from the messages on the wire
 *
 * Pure: no I/O, no clock. Time comes with the messages, in nanoseconds since the epoch; conversation_tick() brings it on when
 * none come. Memory is bounded by struct conversation_limits. Nothing is decrypted: what only a ciphertext could tell is
 * inferred from sizes, order and aftermath, and carries a confidence and its evidence. Size alone never makes `certain`.
 *
 * IKE SAs that have not shown that both ends take part live in a table of their own (half-open), so that a flood of
 * IKE_SA_INIT, or of messages with invented SPIs, replaces only its like.
 *
 * Addresses are 16 bytes, IPv4 as ::ffff:a.b.c.d. Numbers are in host byte order.
 */
#ifndef ESPIAL_MODEL_CONVERSATION_H
#define ESPIAL_MODEL_CONVERSATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/ike_parse.h"

enum {
	CONVERSATION_STEPS = 6,	       /* of an IKEv1 exchange: main mode has six messages */
	CONVERSATION_RETRANSMITS = 12, /* times kept per exchange; charon makes 5 by default */
	CONVERSATION_EXCHANGE_NOTIFIES = 8,
	CONVERSATION_SA_NOTIFIES = 24,
	CONVERSATION_MOVES = 8, /* kept per IKE SA, the latest */
};

enum conversation_side {
	CONVERSATION_INITIATOR, /* of the IKE SA, not of an exchange */
	CONVERSATION_RESPONDER,
};

struct conversation_endpoint {
	uint8_t address[16];
	uint16_t port;
};

/* Who the two ends are, by conversation_side. */
struct conversation_path {
	struct conversation_endpoint end[2];
};

enum conversation_state {
	CONVERSATION_NEGOTIATING,
	CONVERSATION_ESTABLISHED,
	CONVERSATION_REKEYED, /* replaced by another IKE SA */
	CONVERSATION_DELETED,
	CONVERSATION_DEAD,   /* it was established, and one end no longer answers */
	CONVERSATION_FAILED, /* it never was established */
	CONVERSATION_STATES
};

enum conversation_confidence {
	CONVERSATION_POSSIBLE,
	CONVERSATION_LIKELY,
	CONVERSATION_CERTAIN,
};

/* Why a state is what it is; conversation_evidence() says it in a sentence. */
enum conversation_reason {
#define CONVERSATION_REASON(symbol, name, text) CONVERSATION_REASON_##symbol,
#include "model/conversation_reasons.def"
	CONVERSATION_REASON_COUNT
};

enum conversation_nat {
	CONVERSATION_NAT_UNKNOWN, /* not enough hashes seen */
	CONVERSATION_NAT_NONE,
	CONVERSATION_NAT_INITIATOR,
	CONVERSATION_NAT_RESPONDER,
	CONVERSATION_NAT_BOTH,
};

/* What an encrypted exchange was about, by its sizes and what followed. */
enum conversation_kind {
	CONVERSATION_KIND_UNKNOWN,
	CONVERSATION_KIND_DPD,	     /* as small as can be, both ways */
	CONVERSATION_KIND_DELETE,    /* nothing followed on this IKE SA */
	CONVERSATION_KIND_OTHER,     /* larger than an empty one */
	CONVERSATION_KIND_IKE_REKEY, /* CREATE_CHILD_SA after which a new IKE SA appeared */
	CONVERSATION_KINDS
};

enum conversation_outcome {
	CONVERSATION_OUTCOME_UNKNOWN,
	CONVERSATION_OUTCOME_SUCCESS,
	CONVERSATION_OUTCOME_FAILURE,
	CONVERSATION_OUTCOME_NO_CHILD, /* IKE_AUTH: the IKE SA came up, its child SA did not */
	CONVERSATION_OUTCOME_RETRY, /* COOKIE, INVALID_KE_PAYLOAD or REDIRECT: asked to come again, or elsewhere */
	CONVERSATION_OUTCOME_NO_ANSWER,
	CONVERSATION_OUTCOMES
};

/* One direction of an exchange. Sizes are of IKE messages, headers included, retransmissions not. */
struct conversation_half {
	uint64_t seen;	    /* bit n-1: fragment n of this round; bit 0: the message */
	uint32_t bytes;	    /* of all fragments of the first round */
	uint32_t encrypted; /* bytes of ciphertext with IV and ICV, likewise */
	uint16_t
		fragments; /* RFC 7383 fragments seen in the first round, or IKEv1's of all messages; 0: none */
	uint16_t total;	   /* that there should be; 0: unknown or not fragmented */
};

/*
 * One exchange. IKEv2: a request and its response by message id. IKEv1: all messages of one exchange type and message id:
 * `request` is the first, `response` the first of the other side.
 */
struct conversation_exchange {
	uint8_t type; /* as in the header */
	uint8_t major;
	enum conversation_side by; /* who began it */
	uint32_t message_id;
	uint64_t request_ns;  /* 0: not seen */
	uint64_t response_ns; /* when it was complete; 0: not yet */
	uint64_t last_ns;     /* of its latest message */
	uint64_t sent_ns;     /* latest transmission of what is not answered yet */
	uint64_t gap_ns[2];   /* between its transmissions: the latest and the one before; 0: none */
	uint64_t given_up_ns; /* when the sender should have sent again and did not; 0: not so */
	uint64_t digest[CONVERSATION_STEPS];
	struct conversation_half request, response;
	uint32_t retransmits;				  /* of the side that waited */
	uint32_t response_repeats;			  /* answers sent again */
	uint32_t retransmit_us[CONVERSATION_RETRANSMITS]; /* after request_ns */
	uint32_t step_us[CONVERSATION_STEPS];		  /* IKEv1: of each message, after request_ns */
	uint32_t peer_message_id; /* IKEv1 DPD: of the informational exchange that answered; 0: none */
	uint8_t steps;		  /* IKEv1: highest message seen, from 1 */
	uint8_t step_mask;	  /* IKEv1: bit n-1: message n was seen */
	uint8_t fragment_last;	  /* IKEv1: number of the last fragment of message `steps`; 0: not seen yet */
	bool in_fragments;	  /* IKEv1: message `steps` came in fragments */
	uint8_t repeated_step; /* IKEv1: the latest message of this exchange was this step again; 0: it was new */
	bool waiting;	       /* an answer is due */
	bool altered;	       /* a retransmission was not identical, which RFC 7296 section 2.1 forbids */
	bool ip_fragments;     /* came in IP fragments */
	bool cookie;	       /* IKE_SA_INIT: the request brings a cookie */
	uint8_t kind, outcome;
	uint8_t kind_confidence, outcome_confidence;
	uint8_t notify_count;
	uint16_t notifies[CONVERSATION_EXCHANGE_NOTIFIES]; /* in clear, both ways */
};

/* The ends changed: port float, MOBIKE or a NAT's new mapping. */
struct conversation_move {
	uint64_t time_ns;
	struct conversation_path from;
};

/* A piece of a message kept as it was: conversation_offered() and the like read it. NULL: not seen. */
struct conversation_kept {
	uint8_t *message;
	uint32_t captured, length;
};

struct conversation_sa {
	uint64_t id; /* counts up; never reused */
	uint64_t initiator_spi, responder_spi;
	uint8_t major, minor;
	uint8_t mode;		       /* IKEv1: IKE_V1_EXCHANGE_MAIN_MODE or _AGGRESSIVE_MODE; 0: unknown */
	bool initiator_known;	       /* IKEv1: the first message was seen, not only later ones */
	bool half_open;		       /* in the half-open table */
	struct conversation_path path; /* current */
	struct conversation_path first_path;
	uint64_t first_ns, last_ns;
	uint64_t heard_ns[2]; /* latest message of each side; 0: none */

	enum conversation_state state;
	enum conversation_confidence confidence;
	enum conversation_reason reason;
	uint64_t since_ns;
	uint32_t reason_id;	/* message id that the evidence is about */
	uint32_t reason_number; /* and its number: bytes, retransmissions, notify type */

	uint64_t messages, bytes;
	uint64_t retransmits, response_repeats;
	uint64_t malformed;   /* messages with these SPIs that the parser refused; otherwise without effect */
	uint8_t phase1_step;  /* IKEv1: highest message of phase 1 seen, 1 to 6 */
	bool initial_contact; /* in clear, which only IKEv1 allows */
	uint8_t certificate_requests; /* bit by side: it asked for a certificate in clear */
	bool encrypted_seen;
	uint32_t cookies, invalid_ke; /* challenges */
	uint32_t window[2];	      /* most requests of that side in flight at once */
	uint32_t moves;
	uint64_t
		float_ns; /* first message on another port pair than IKE_SA_INIT's, answered or not; 0: none */
	bool float_answered;

	/* NAT detection: per side, were its own address and port as its hashes and the peer's say? */
	uint8_t nat_seen[2];  /* bit 0: by its own source hashes, bit 1: by the peer's destination hash */
	uint8_t nat_found[2]; /* likewise: they differ */

	uint64_t successor, predecessor;  /* ids of rekeyed IKE SAs; 0: none */
	struct conversation_kept kept[2]; /* by side: the message with what it offers or chooses */

	struct conversation_exchange *exchanges; /* ring: conversation_exchange_at() */
	uint32_t exchange_count, exchange_capacity, exchange_first;
	uint64_t exchanges_forgotten;

	/* What few messages touch is at the end. */
	uint8_t notify_count;
	uint16_t notifies[CONVERSATION_SA_NOTIFIES];
	const struct conversation_move *move; /* number n is move[n % CONVERSATION_MOVES]; never NULL */
};

/* 0 takes the default. */
struct conversation_limits {
	uint32_t sas;	    /* default 16384 */
	uint32_t half_open; /* default 4096 */
	uint32_t exchanges; /* per IKE SA, default 32 */
	uint64_t seed;	    /* of the hash, where senders are not to be trusted */
};

struct conversation_stats {
	uint64_t messages, malformed, truncated;
	uint64_t orphans; /* INVALID_IKE_SPI and the like about an IKE SA that was never seen */
	uint64_t retransmits;
	uint64_t created, half_open_evicted, ended_evicted;
	uint64_t refused; /* both ends take part, but the table is full of live IKE SAs: stays half-open */
	uint32_t sas, half_open;
	uint32_t half_open_rate,
		half_open_rate_peak; /* created per second: the last whole second, and ever */
	uint64_t flood_ns; /* latest time at which a half-open IKE SA younger than 30 s had to go; 0: never */
	uint64_t no_memory; /* messages lost to it */
	uint64_t retracted; /* inferred ends that later messages disproved */
};

/* A change worth a line in a journal. Pointers are valid during the call. */
enum conversation_event_kind {
	CONVERSATION_EVENT_STATE,      /* state, reason or confidence changed; `old` is the state before */
	CONVERSATION_EVENT_EXCHANGE,   /* an exchange was answered */
	CONVERSATION_EVENT_RETRANSMIT, /* a request was sent again */
	CONVERSATION_EVENT_GIVE_UP,    /* and is not sent any more */
	CONVERSATION_EVENT_MOVE,       /* an end's address or port changed */
};

struct conversation_event {
	enum conversation_event_kind kind;
	uint64_t time_ns; /* when it happened, which may be before it could be told */
	const struct conversation_sa *sa;
	const struct conversation_exchange *exchange; /* NULL: not about one */
	enum conversation_state old;
};

/* In place of the time of a message that has none (time_ns 0), because 0 here always means "not seen". */
#define CONVERSATION_NO_TIME 1

struct conversation_packet {
	uint64_t time_ns; /* 0: not known; then the time of the message before stands for it */
	struct conversation_endpoint source, destination;
	bool ip_fragments;	   /* the datagram came in IP fragments, of which this is what there is */
	const uint8_t *message;	   /* IKE header first: behind the non-ESP marker */
	uint32_t captured, length; /* bytes there; bytes on the wire */
};

struct conversations;

struct conversations *conversation_new(const struct conversation_limits *limits); /* NULL: no memory */
void conversation_free(struct conversations *c);				  /* NULL is fine */
/* Tell `event` of changes; NULL: nobody. It must not call back into `c`. */
void conversation_observe(struct conversations *c,
			  void (*event)(void *arg, const struct conversation_event *event), void *arg);

/* Fold one IKE message in. Returns the parser's verdict. Messages should come in the order of time. */
enum ike_fault conversation_packet(struct conversations *c, const struct conversation_packet *given);

/* Time has come to `now_ns`: give up what is overdue. Each message does it too, for its own time. */
void conversation_tick(struct conversations *c, uint64_t now_ns);

/*
 * The ESP that belongs to this IKE SA stopped both ways at `since_ns` and did not come back: with an INFORMATIONAL exchange
 * just before, that was a delete. For the tunnel model, which knows. Returns whether the state is now `deleted`.
 */
bool conversation_traffic_ended(struct conversations *c, uint64_t id, uint64_t since_ns, uint64_t now_ns);

/*
 * The IKE daemon of one end says that this IKE SA ended: the INFORMATIONAL exchange just before was a delete, for certain, also
 * where its answer did not come; after a request that was sent again in vain the peer is `dead`. Returns whether it is one of both.
 */
bool conversation_daemon_ended(struct conversations *c, uint64_t initiator_spi, uint64_t responder_spi,
			       uint64_t at_ns);

/* The same of one that it has established, as of `at_ns`: no inference says then that it was deleted before. */
void conversation_daemon_has(struct conversations *c, uint64_t initiator_spi, uint64_t responder_spi,
			     uint64_t at_ns);

/*
 * The initiator sent ESP under an SPI that is newer than IKE_AUTH, and it ended this IKE SA later: it had accepted the responder's
 * authentication. For the tunnel model; it changes a `failed` by CONVERSATION_REASON_AUTH_REVOKED into `deleted`.
 */
void conversation_traffic_began(struct conversations *c, const struct conversation_sa *sa);

/* All IKE SAs in the order in which they were first seen: NULL begins, NULL ends. */
const struct conversation_sa *conversation_next(const struct conversations *c,
						const struct conversation_sa *previous);
const struct conversation_sa *conversation_find(const struct conversations *c, uint64_t initiator_spi,
						uint64_t responder_spi);
const struct conversation_stats *conversation_stats(const struct conversations *c);

/* Exchange i of exchange_count, oldest first. */
static inline const struct conversation_exchange *conversation_exchange_at(const struct conversation_sa *sa,
									   uint32_t i)
{
	return &sa->exchanges[(sa->exchange_first + i) % sa->exchange_capacity];
}

enum conversation_nat conversation_nat(const struct conversation_sa *sa);
/* Microseconds from request to response; -1: no answer, or it was sent again and nobody knows which one was answered. */
int64_t conversation_rtt_us(const struct conversation_exchange *exchange);

/* Text (conversation_text.c). Names are stable; the _print forms return as snprintf(). */
const char *conversation_state_name(enum conversation_state state);
const char *conversation_confidence_name(enum conversation_confidence confidence);
const char *conversation_reason_name(enum conversation_reason reason);
const char *conversation_nat_name(enum conversation_nat nat);		  /* NULL: unknown */
const char *conversation_kind_name(enum conversation_kind kind);	  /* NULL: unknown */
const char *conversation_outcome_name(enum conversation_outcome outcome); /* NULL: unknown */
const char *conversation_mode_name(const struct conversation_sa *sa);	  /* "main", "aggressive" or NULL */
int conversation_evidence(const struct conversation_sa *sa, char *buffer, size_t size);
int conversation_endpoint_print(const struct conversation_endpoint *endpoint, char *buffer,
				size_t size); /* [v6]:port */

/*
 * What was offered, chosen, and which vendor ids were sent: `each` is called with one text after the other. Read from the
 * messages kept, so it costs a parse: for showing, not for each packet.
 */
void conversation_offered(const struct conversation_sa *sa, void (*each)(void *arg, const char *text),
			  void *arg);
bool conversation_chosen(const struct conversation_sa *sa, char *buffer, size_t size); /* false: not known */
void conversation_vendor_ids(const struct conversation_sa *sa, void (*each)(void *arg, const char *text),
			     void *arg);

#endif

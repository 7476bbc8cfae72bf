/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log_case.h - one conversation while it is followed: its state, and what ails it
 *
 * An ailment is a finding in the making: how often, since when, until when, and which lines say so. It has episodes: what the
 * tunnel's return ends can begin anew.
 */
#ifndef ESPIAL_DIAGNOSE_LOG_CASE_H
#define ESPIAL_DIAGNOSE_LOG_CASE_H

#include "diagnose/log_diagnose.h"

#define AILMENT_FIRST 3
#define AILMENT_LAST 4
#define CASE_TRIES 6
#define CASE_FALLS 64
#define CASE_LIVE 16
#define CASE_DETAIL 640

struct ailment {
	unsigned int count;	     /* how often it was raised */
	bool never_up;		     /* the tunnel had not been up when it began */
	bool open;		     /* nothing has ended it since */
	uint64_t first_ns, since_ns; /* of all; of the present episode */
	uint64_t last_ns, until_ns;
	const struct log_event *good; /* the last good one before the present episode */
	/* lines: the first ones and the last ones */
	const struct log_event *first[AILMENT_FIRST], *last[AILMENT_LAST];
	unsigned int lines;
	enum finding_confidence confidence; /* the best that there was */
	/* for the sentences: what is known beyond the id; particular: not only that the other end said no */
	char detail[CASE_DETAIL], fix[CASE_DETAIL];
	bool particular;
};

enum case_state {
	CASE_UNKNOWN, /* the log begins in the middle */
	CASE_DOWN,
	CASE_UP,
};

struct log_case {
	const struct log_timeline *t;
	const struct log_conversation *conversation;
	size_t at;	 /* the event of it that is followed */
	uint64_t end_ns; /* so far is it followed */
	struct ailment ailments[FINDING_COUNT];

	enum case_state state;
	bool ever_up, ever_child, ended_here; /* ended_here: down because this end wanted it */
	uint32_t live[CASE_LIVE];	      /* numbers of IKE SAs; 0: one without */
	size_t live_count;
	unsigned int children;
	uint64_t child_ns; /* since when the latest of them stands */
	uint64_t expired_ns;
	bool expired;	   /* the last of them went while its rekeying failed */
	bool ever_expired; /* and one came back later */
	uint64_t up_ns;

	/* the negotiation that goes on */
	uint64_t attempt_ns, decrypt_failed_ns;
	unsigned int parsed;	  /* messages of it that arrived */
	bool got_4500, sent_4500; /* on that port */
	uint32_t sent_size;
	const struct log_event *received, *configured; /* proposals */
	const struct log_event *refused; /* an offer, perhaps only the first of several: not yet told */
	enum finding_id
		told; /* the reason why it fails, if that was said: what follows is none of its own; FINDING_COUNT */
	const struct log_event *difference; /* the last attribute of it that differs */
	char offer[CASE_DETAIL], differs[CASE_DETAIL];
	char own[CASE_DETAIL]; /* pluto: proposals of its own, "IKE=…; ESP=…" */
	bool offer_is_child;

	const struct log_event *good;
	const struct log_event *tries[CASE_TRIES]; /* retransmissions since then */
	size_t try_count;
	unsigned int dpd_unanswered;

	uint64_t fall_ns[CASE_FALLS]; /* the last so many */
	enum finding_id fall_cause;   /* of the last; FINDING_COUNT: not known */
	unsigned int falls, returns;
	const struct log_event *fall, *comeback,
		*fall_good;		 /* fall_good: the last good one before the fall */
	bool fell;			 /* and is not back */
	bool tries_since;		 /* and negotiations since then were not answered */
	const struct log_event *deleted; /* by the peer: a fall unless it comes back at once */
};

/* ---- log_case.c */

struct ailment *case_raise(struct log_case *c, enum finding_id id, const struct log_event *e,
			   enum finding_confidence confidence);
/* One more line for it, without raising it. */
void case_note(struct log_case *c, enum finding_id id, const struct log_event *e);
/* It is over, without the tunnel having returned. */
void case_close(struct log_case *c, enum finding_id id, const struct log_event *e);
/* The ailments that a tunnel's return ends: all that keep IKE from coming up, and with `child` those of CHILD_SAs. */
void case_recover(struct log_case *c, const struct log_event *e, bool child);
bool case_has(const struct log_case *c, enum finding_id id);
/* Findings of what ails it. */
void case_tell(struct log_case *c, struct findings *ret, const struct log_diagnose_options *options);

/* ---- log_walk.c */

void case_follow(struct log_case *c, const struct log_event *e);
void case_end(struct log_case *c, uint64_t end_ns);

/* The tunnel is down from now on; FINDING_COUNT: it is not known why. */
void case_fall(struct log_case *c, const struct log_event *e, enum finding_id cause);

/* ---- log_children.c */

/* A CHILD_SA is refused: the rekeying of one that stands, or one that is not there? */
enum finding_id case_child_id(const struct log_case *c, const struct log_event *e);
void case_child_up(struct log_case *c, const struct log_event *e);
void case_child_failed(struct log_case *c, const struct log_event *e);
void case_child_gone(struct log_case *c, const struct log_event *e);

/* ---- log_unanswered.c */

void case_unanswered(struct log_case *c, const struct log_event *e, enum finding_confidence confidence);

/* ---- log_refusal.c */

/* Proposals, selectors, authentication: false when the event is not about them. */
bool case_refusal(struct log_case *c, const struct log_event *e);
void case_tell_refused(struct log_case *c);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* talk.h - one IKE conversation as rules look at it: who of the two is ours, whose tunnel it is, and what was said */
#ifndef ESPIAL_DIAGNOSE_TALK_H
#define ESPIAL_DIAGNOSE_TALK_H

#include "diagnose/rule.h"

struct talk {
	const struct conversation_sa *sa;
	enum conversation_side local; /* in a capture from anywhere: the initiator */
	bool transit;		      /* neither end is ours */
	struct rule_subject subject;
};

void talk_begin(const struct rule_run *r, const struct conversation_sa *sa, struct talk *ret);

/* Calls back for each conversation, but for those between others. */
void talk_each(struct rule_run *r, void (*each)(struct rule_run *r, const struct talk *talk));

/* The last exchange that was not answered, or NULL. */
const struct conversation_exchange *talk_unanswered(const struct conversation_sa *sa);
/* The first answered one of this type; NULL: none. */
const struct conversation_exchange *talk_answered(const struct conversation_sa *sa, uint8_t type);
/* Between the same two addresses, whoever began. */
bool talk_same_ends(const struct conversation_sa *a, const struct conversation_sa *b);
bool talk_notified(const struct conversation_sa *sa, uint16_t notify);
bool exchange_notified(const struct conversation_exchange *x, uint16_t notify);

/* ---- what is said of it */

/* Request, retransmissions, give-up, or the answer. */
void talk_exchange_evidence(struct finding *f, const struct talk *talk,
			    const struct conversation_exchange *x);
/* The last good exchange before `before_ns` (0: at all), or the tunnel's last sign of life. */
void talk_last_good(struct finding *f, const struct talk *talk, uint64_t before_ns);
/* Never up, flap, stays down: by what the tunnel did. */
void talk_shape(struct finding *f, const struct talk *talk);
/*
 * The peer's host itself said since then that nothing listens on the UDP port that was asked: 0: it did not; else the port, with evidence. Then
 * it is neither the path nor the ISP.
 */
uint16_t talk_refusal(const struct rule_run *r, struct finding *f, const struct talk *talk,
		      uint64_t since_ns);
/* What was offered (`what` says by whom) and chosen, as evidence. */
void talk_suites(struct finding *f, const struct conversation_sa *sa, const char *what);

#endif

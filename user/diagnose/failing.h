/* SPDX-License-Identifier: GPL-2.0-or-later */
/* failing.h - negotiations that fail: what the rules about them have in common */
#ifndef ESPIAL_DIAGNOSE_FAILING_H
#define ESPIAL_DIAGNOSE_FAILING_H

#include "diagnose/talk.h"

/* How far a later negotiation has to come to prove that what this one failed by is over. */
enum proof { PROOF_ANSWERED, PROOF_AGREED, PROOF_FLOATED, PROOF_STOOD };

/*
 * Neither it nor what came after it works: a negotiation that failed is history when another has succeeded, and then what the rule said of it
 * is over.
 */
bool failing_still(struct rule_run *r, const struct talk *talk, enum proof proof);
/* What was wrong with this very negotiation is over, if something was: it goes on. */
void failing_no_more_if(struct rule_run *r, const struct talk *talk, bool goes_on);

/* rule_hit() with when it began, the shape, the last good exchange, and `x` as evidence. */
struct finding *failing_hit(struct rule_run *r, const struct talk *talk, double value, uint64_t samples,
			    const struct conversation_exchange *x);

bool failing_first_exchange(const struct conversation_exchange *x);

#endif

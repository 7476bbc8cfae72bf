// SPDX-License-Identifier: GPL-2.0-or-later
/* log_children.c - the CHILD_SAs of a tunnel: how many stand, and what it means that one is refused or gone */
#include "diagnose/log_case.h"

#define SECOND 1000000000ULL
/* Closed so soon after another was made, it is the one which that replaces */
#define REPLACED_NS (10 * SECOND)

void case_child_up(struct log_case *c, const struct log_event *e)
{
	c->children++;
	c->child_ns = e->order_ns;
	c->ever_child = true;
	/* What is closed in the moment in which another is made was replaced by it, whichever was logged first */
	c->ever_expired |= c->expired && e->order_ns >= c->expired_ns + SECOND;
	c->expired = false;
}

enum finding_id case_child_id(const struct log_case *c, const struct log_event *e)
{
	bool stands = c->children != 0;

	if (e->kind == LOG_REKEY_FAILED || (e->flags & LOG_REKEY))
		return FINDING_CHILD_REKEY_FAILING;
	/* What is tried after that fails for the same reason */
	if (c->expired && c->ailments[FINDING_CHILD_REKEY_FAILING].open)
		return FINDING_CHILD_REKEY_FAILING;
	/* The first one of an IKE SA, or one beside it */
	if (e->exchange == LOG_IKE_AUTH || (e->exchange == LOG_CREATE_CHILD_SA && (e->flags & LOG_SELECTORS)))
		stands = false;
	return stands ? FINDING_CHILD_REKEY_FAILING : FINDING_CHILD_SA_FAILED;
}

void case_child_failed(struct log_case *c, const struct log_event *e)
{
	enum finding_id id = case_child_id(c, e);

	/* The reason stands in front of it */
	if (c->ailments[id].open)
		case_note(c, id, e);
	else if (!c->ailments[FINDING_CHILD_REKEY_FAILING].open && !c->ailments[FINDING_CHILD_SA_FAILED].open)
		case_raise(c, id, e, CONFIDENCE_CERTAIN);
}

void case_child_gone(struct log_case *c, const struct log_event *e)
{
	struct ailment *a = &c->ailments[FINDING_CHILD_REKEY_FAILING];

	if (!e->child || !c->children)
		return;
	/* The log begins in the middle: the one that was replaced was never seen to stand */
	if (c->children == 1 && !a->open && e->order_ns < c->child_ns + REPLACED_NS)
		return;
	c->children--;
	if (!c->children && a->open) {
		case_note(c, FINDING_CHILD_REKEY_FAILING, e);
		a->last_ns = e->at_ns;
		c->expired = true;
		c->expired_ns = e->order_ns;
	}
}

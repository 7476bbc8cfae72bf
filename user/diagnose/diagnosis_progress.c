// SPDX-License-Identifier: GPL-2.0-or-later
/* diagnosis_progress.c - how far IKE between the ends of each tunnel came: what a later success disproves, and when somebody last tried */
#include "diagnose/diagnosis_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SOON (2 * DIAGNOSIS_SECOND)

/* The initiator may refuse the answer to its IKE_AUTH: it sends one INFORMATIONAL at once, and of the rest only the next attempt tells. */
static bool may_be_refused(const struct conversation_sa *sa)
{
	const struct conversation_exchange *last =
		sa->exchange_count ? conversation_exchange_at(sa, sa->exchange_count - 1) : NULL;

	return sa->reason == CONVERSATION_REASON_AUTH_ANSWERED && last &&
	       last->type == IKE_V2_EXCHANGE_INFORMATIONAL && last->by == CONVERSATION_INITIATOR &&
	       last->request_ns <= sa->since_ns + SOON;
}

static bool has_stood(const struct conversation_sa *sa)
{
	if (sa->half_open || sa->state == CONVERSATION_NEGOTIATING || sa->state == CONVERSATION_FAILED)
		return false;
	return sa->state != CONVERSATION_ESTABLISHED || !may_be_refused(sa);
}

/* The other end said no, which is an answer, too. */
static bool is_refused(const struct conversation_sa *sa)
{
	switch (sa->reason) {
	case CONVERSATION_REASON_INIT_REFUSED:
	case CONVERSATION_REASON_NOTIFIED:
	case CONVERSATION_REASON_AUTH_SHORT:
	case CONVERSATION_REASON_AUTH_REVOKED:
	case CONVERSATION_REASON_PHASE1_REFUSED:
		return true;
	default:
		return false;
	}
}

/* When it was last tried to have this IKE SA. */
static uint64_t tried_at(const struct conversation_sa *sa, uint64_t now_ns)
{
	if (sa->state == CONVERSATION_NEGOTIATING)
		return now_ns;
	if (sa->state == CONVERSATION_FAILED)
		return sa->last_ns > sa->since_ns ? sa->last_ns : sa->since_ns;
	return sa->first_ns;
}

static void latest(uint64_t *at, uint64_t ns)
{
	if (ns > *at)
		*at = ns;
}

static void note(struct rule_progress *p, const struct conversation_sa *sa, const struct state_tunnel *t,
		 uint64_t now_ns)
{
	bool by_other = memcmp(sa->path.end[CONVERSATION_INITIATOR].address, t->local, 16) != 0;
	bool stood = has_stood(sa);

	latest(&p->tried_ns, tried_at(sa, now_ns));
	if (!sa->heard_ns[CONVERSATION_RESPONDER])
		return;
	latest(&p->answered_ns[by_other], sa->first_ns);
	if (stood || is_refused(sa) || sa->float_answered)
		latest(&p->talked_ns[by_other], sa->first_ns);
	if (sa->float_answered)
		latest(&p->floated_ns, sa->first_ns);
	if (stood || sa->kept[CONVERSATION_RESPONDER].message)
		latest(&p->agreed_ns, sa->first_ns);
	if (stood)
		latest(&p->stood_ns, sa->first_ns);
}

int diagnosis_progress(struct diagnosis *d, const struct diagnose_input *input)
{
	const struct state *state = input->state;
	const struct conversation_sa *sa = NULL;
	size_t nth = 0;

	if (state->tunnel_count > d->progress_room) {
		struct rule_progress *more =
			realloc(d->progress, state->tunnel_count * sizeof(struct rule_progress));

		if (!more)
			return -ENOMEM;
		d->progress = more;
		d->progress_room = state->tunnel_count;
	}
	if (!d->progress)
		return 0; /* no tunnel yet */
	memset(d->progress, 0, state->tunnel_count * sizeof(*d->progress));
	while (state->ike && (sa = conversation_next(state->ike, sa))) {
		uint32_t tunnel = d->talks.slots[nth++];

		if (tunnel)
			note(&d->progress[tunnel - 1], sa, &state->tunnels[tunnel - 1], input->now_ns);
	}
	return 0;
}

const struct rule_progress *rule_progress(const struct rule_run *r, const struct state_tunnel *tunnel)
{
	const struct state_tunnel *first = rule_tunnel_of(r, tunnel->local, tunnel->remote);

	return &r->d->progress[first - r->input->state->tunnels];
}

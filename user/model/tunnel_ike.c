// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tunnel_ike.c - the IKE SAs of each tunnel: which tunnel is theirs, and what became of them since the look before
 *
 * An IKE SA is its tunnel's by the one that it replaced, by what a daemon says of it, or by its ends. What became of it is
 * applied in the order of time and not in that of the table: a fall and the way up again may lie between two looks.
 */
#include "model/tunnel_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A message that anybody may have invented makes no tunnel; one that was answered or sent again may make a provisional one. */
static bool is_wanted(const struct tunnels *t, const struct conversation_sa *sa, bool *ret_sure)
{
	const struct tunnel_input *in = t->input;

	*ret_sure = !sa->half_open ||
		    (in->is_local && in->is_local(in->arg, sa->path.end[CONVERSATION_INITIATOR].address));
	return *ret_sure || sa->heard_ns[CONVERSATION_RESPONDER] || sa->retransmits;
}

/* Where it was before it moved: a tunnel is named after where it began. */
static const struct conversation_path *first_path(const struct conversation_sa *sa)
{
	if (!sa->moves)
		return &sa->path;
	return sa->moves <= CONVERSATION_MOVES ? &sa->move[0].from : &sa->first_path;
}

static struct tunnel_link *join(struct tunnels *t, const struct conversation_sa *sa)
{
	const struct conversation_path *path = first_path(sa);
	struct tunnel_pair pair = {.address = {path->end[0].address, path->end[1].address},
				   .port = {unusual_port(path->end[0].port), unusual_port(path->end[1].port)},
				   .first_local = true};
	struct tunnel_link *before = sa->predecessor ? tunnel_table_link(t, sa->predecessor) : NULL, *link;
	struct tunnel *tunnel = before ? before->tunnel : NULL;
	unsigned int local = 0;
	bool sure;

	if (tunnel) {
		local = address_is(pair.address[0], tunnel->local) ? 0 : 1;
	} else {
		tunnel = tunnel_table_pair(t, &pair, &local);
		if (sa->half_open && tunnel && tunnel->link_count >= LINKS)
			return NULL;
		if (!is_wanted(t, sa, &sure) && !tunnel)
			return NULL;
		tunnel = tunnel_table_tunnel(t, &pair, sure, sa->first_ns, &local);
	}
	link = tunnel ? tunnel_table_new_link(t, tunnel, sa->id) : NULL;
	if (!link)
		return NULL;
	link->local_side = (uint8_t)local;
	link->first_ns = sa->first_ns;
	link->major = sa->major;
	link->initiator_spi = sa->initiator_spi;
	return link;
}

/* The tracker may learn late whose successor it is. */
static void rejoin(struct tunnels *t, struct tunnel_link *link, const struct conversation_sa *sa)
{
	struct tunnel_link *before = sa->predecessor ? tunnel_table_link(t, sa->predecessor) : NULL;

	if (!before || before->tunnel == link->tunnel || link->tunnel->named)
		return;
	link->local_side = address_is(sa->path.end[0].address, before->tunnel->local) ? 0 : 1;
	tunnel_table_move_link(link, before->tunnel);
}

/* The ends have moved, and the tunnel with them: what is between the new ones already is part of it. */
static void follow(struct tunnels *t, struct tunnel_link *link, const struct conversation_sa *sa)
{
	const uint8_t *local = sa->path.end[link->local_side].address,
		      *remote = sa->path.end[!link->local_side].address;
	struct tunnel *tunnel = link->tunnel, *there;
	struct tunnel_pair pair = {.address = {local, remote}};
	unsigned int side;

	pair.port[0] = unusual_port(sa->path.end[link->local_side].port);
	pair.port[1] = unusual_port(sa->path.end[!link->local_side].port);
	if (sa->state == CONVERSATION_ESTABLISHED || tunnel->link_count == 1)
		memcpy(tunnel->port, pair.port, sizeof(tunnel->port));
	if (sa->moves == link->moves)
		return;
	link->moves = sa->moves;
	if (sa->state != CONVERSATION_ESTABLISHED ||
	    (address_is(tunnel->local, local) && address_is(tunnel->remote, remote)))
		return;
	there = tunnel_table_pair(t, &pair, &side);
	if (there && there != tunnel && !there->named && LIST_EMPTY(&there->links))
		tunnel_table_absorb(t, tunnel, there);
	tunnel_table_move(t, tunnel, local, remote);
}

static void change(struct tunnels *t, struct tunnel_link *link, uint64_t ns, enum conversation_state state)
{
	if (t->change_count == t->change_room) {
		size_t room = t->change_room ? 2 * t->change_room : 64;
		struct tunnel_change *more = realloc(t->changes, room * sizeof(*more));

		if (!more) {
			t->failed = true;
			return;
		}
		t->changes = more;
		t->change_room = room;
	}
	t->changes[t->change_count] = (struct tunnel_change){
		.link_id = link->id, .ns = ns, .number = (uint32_t)t->change_count, .state = state};
	t->change_count++;
}

/* When authentication was complete, if the exchange is still kept. */
static uint64_t established_at(const struct conversation_sa *sa)
{
	for (uint32_t i = 0; i < sa->exchange_count; i++) {
		const struct conversation_exchange *x = conversation_exchange_at(sa, i);
		bool v1_phase1 = x->major == 1 && x->message_id == 0 && x->response_ns;

		if (v1_phase1)
			return x->last_ns;
		if (x->major == 2 && x->type == IKE_V2_EXCHANGE_IKE_AUTH && x->response_ns)
			return x->response_ns;
	}
	return sa->first_ns;
}

static bool was_established(enum conversation_state state)
{
	return state == CONVERSATION_REKEYED || state == CONVERSATION_DELETED || state == CONVERSATION_DEAD;
}

static void note_changes(struct tunnels *t, struct tunnel_link *link, bool new)
{
	const struct conversation_sa *sa = link->sa;
	uint64_t up_ns;

	if (new && sa->state != CONVERSATION_NEGOTIATING && sa->first_ns < sa->since_ns)
		change(t, link, sa->first_ns, CONVERSATION_NEGOTIATING);
	if (was_established(sa->state) && (new || link->state == CONVERSATION_NEGOTIATING)) {
		up_ns = established_at(sa);
		change(t, link, up_ns < sa->since_ns ? up_ns : sa->since_ns, CONVERSATION_ESTABLISHED);
	}
	if (new || link->state != sa->state || link->reason != sa->reason ||
	    link->confidence != sa->confidence)
		change(t, link, sa->since_ns, sa->state);
}

/* The initiator's ESP, with an SPI that is younger than the IKE SA, while that was there. */
static bool initiator_used(const struct state *state, const struct conversation_sa *sa)
{
	const struct conversation_endpoint *from = &sa->path.end[CONVERSATION_INITIATOR];

	for (size_t i = 0; i < state->sa_count; i++) {
		const struct state_sa *esp = &state->sas[i];

		if (esp->first_ns >= sa->first_ns && esp->first_ns <= sa->since_ns &&
		    address_is(esp->source, from->address) &&
		    address_is(esp->destination, sa->path.end[CONVERSATION_RESPONDER].address) &&
		    (!esp->encapsulation || esp->source_port == from->port))
			return true;
	}
	return false;
}

/* Before anybody is told: what looks like an authentication that the initiator refused, and was used, was not refused. */
static void check_revoked(struct tunnels *t, const struct conversation_sa *sa)
{
	const struct state *state = t->input->state;

	if (sa->state == CONVERSATION_FAILED && sa->reason == CONVERSATION_REASON_AUTH_REVOKED && state &&
	    sa->since_ns + TUNNEL_QUIET > t->sa_before_ns && initiator_used(state, sa))
		conversation_traffic_began(t->input->ike, sa);
}

static void fold_one(struct tunnels *t, const struct conversation_sa *sa)
{
	struct tunnel_link *link = tunnel_table_link(t, sa->id);
	bool new = !link;

	check_revoked(t, sa);
	if (new) {
		link = join(t, sa);
		if (!link)
			return;
	}
	link->sa = sa;
	link->seen = t->look;
	if (!new && link->messages == sa->messages && link->state == sa->state &&
	    link->reason == sa->reason && link->confidence == sa->confidence)
		return;
	if (!new)
		rejoin(t, link, sa);
	if (!sa->half_open)
		tunnel_table_settle(t, link->tunnel);
	link->tunnel->changed = t->look;
	link->responder_spi = sa->responder_spi;
	link->messages = sa->messages;
	note_changes(t, link, new);
	follow(t, link, sa);
	tunnel_making_fold(t, link);
}

void tunnel_ike_fold(struct tunnels *t)
{
	const struct conversation_sa *sa = NULL;

	t->change_count = 0;
	while ((sa = conversation_next(t->input->ike, sa)))
		fold_one(t, sa);
}

/* At one time: first what comes up, then what it replaced. */
static int by_time(const void *a, const void *b)
{
	const struct tunnel_change *x = a, *y = b;
	bool x_up = x->state == CONVERSATION_ESTABLISHED, y_up = y->state == CONVERSATION_ESTABLISHED;

	if (x->ns != y->ns)
		return x->ns < y->ns ? -1 : 1;
	if (x->link_id != y->link_id && x_up != y_up)
		return x_up ? -1 : 1;
	return x->number < y->number ? -1 : 1;
}

static void tell_rekey(struct tunnels *t, struct tunnel_link *link)
{
	struct tunnel *tunnel = link->tunnel;
	struct timeline_entry e;
	char evidence[sizeof(e.evidence[0].value)];

	if (link->ike_rekey_told)
		return;
	link->ike_rekey_told = true;
	tunnel->ike_rekeys++;
	tunnel_told_begin(tunnel, TIMELINE_IKE_REKEY, link->since_ns, &e);
	e.confidence = (enum timeline_confidence)link->confidence;
	e.initiator_spi = link->initiator_spi;
	e.responder_spi = link->responder_spi;
	e.major = link->sa->major;
	conversation_evidence(link->sa, evidence, sizeof(evidence));
	snprintf(e.text, sizeof(e.text), "another IKE SA took the place of 0x%016llx",
		 (unsigned long long)link->initiator_spi);
	timeline_evidence_add(&e, TIMELINE_FROM_WIRE, link->since_ns, conversation_reason_name(link->reason),
			      "%s", evidence);
	tunnel_tell(t, &e);
}

void tunnel_ike_apply(struct tunnels *t)
{
	if (!t->change_count)
		return;
	qsort(t->changes, t->change_count, sizeof(*t->changes), by_time);
	for (size_t i = 0; i < t->change_count; i++) {
		const struct tunnel_change *change = &t->changes[i];
		struct tunnel_link *link = tunnel_table_link(t, change->link_id);
		bool final;

		if (!link)
			continue;
		final = change->state == link->sa->state;
		link->state = change->state;
		link->since_ns = change->ns;
		link->confidence = final ? link->sa->confidence : CONVERSATION_LIKELY;
		link->reason = final ? link->sa->reason : CONVERSATION_REASON_STARTED;
		if (link->state == CONVERSATION_ESTABLISHED && !link->established_ns)
			link->established_ns = change->ns;
		if (link->state == CONVERSATION_REKEYED)
			tell_rekey(t, link);
		tunnel_state_judge(t, link->tunnel, change->ns);
	}
}

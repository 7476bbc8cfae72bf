// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rules_ike_setup.c - family A, what is agreed wrongly or never begun: child SAs, NAT traversal, connections that nobody starts
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "diagnose/failing.h"
#include "diagnose/rules.h"
#include "model/address.h"

#define SECOND UINT64_C(1000000000)

/* ---- child SAs */

static bool makes_child(const struct conversation_exchange *x)
{
	if (x->major == 1)
		return x->type == IKE_V1_EXCHANGE_QUICK_MODE;
	return x->type == IKE_V2_EXCHANGE_IKE_AUTH || x->type == IKE_V2_EXCHANGE_CREATE_CHILD_SA;
}

static bool is_refused(const struct conversation_exchange *x)
{
	if (x->outcome == CONVERSATION_OUTCOME_NO_CHILD)
		return true;
	/* A failed IKE_AUTH is about who they are. */
	return x->outcome == CONVERSATION_OUTCOME_FAILURE &&
	       (x->major == 1 || x->type != IKE_V2_EXCHANGE_IKE_AUTH);
}

/* The latest refusal, if none of the IKE SA's attempts to make a child SA went well: when one did, it is about a rekeying. */
static const struct conversation_exchange *refused_child(const struct conversation_sa *sa)
{
	const struct conversation_exchange *latest = NULL;

	for (uint32_t i = 0; i < sa->exchange_count; i++) {
		const struct conversation_exchange *x = conversation_exchange_at(sa, i);

		if (!makes_child(x))
			continue;
		if (is_refused(x))
			latest = x;
		else if (x->outcome == CONVERSATION_OUTCOME_SUCCESS)
			return NULL;
	}
	return latest;
}

static bool carries_traffic(const struct state_tunnel *t)
{
	return t && t->spi_count > 0;
}

/* What a daemon says of a connection between these two: an IKE SA without any child. */
static bool daemon_agrees(const struct rule_run *r, const struct talk *talk)
{
	for (size_t d = 0; d < r->input->daemon_count; d++) {
		const struct fact_daemon *daemon = &r->input->daemons[d];

		for (size_t i = 0; daemon->available && i < daemon->ike_count; i++) {
			size_t children = 0;

			if (daemon->ikes[i].initiator_spi != talk->sa->initiator_spi)
				continue;
			for (size_t c = 0; c < daemon->child_count; c++)
				children += daemon->children[c].ike_unique_id == daemon->ikes[i].unique_id;
			return children == 0;
		}
	}
	return false;
}

/* Value: 1 when the IKE SA stands, its child SA was refused, and no ESP is there. */
static void child_failed(struct rule_run *r, const struct talk *talk)
{
	const struct conversation_exchange *x;
	struct finding *f;

	failing_no_more_if(r, talk, carries_traffic(talk->subject.tunnel));
	if (talk->sa->state != CONVERSATION_ESTABLISHED || carries_traffic(talk->subject.tunnel))
		return;
	x = refused_child(talk->sa);
	if (!x)
		return;
	f = rule_hit(r, &talk->subject, 1, 1);
	if (!f)
		return;
	f->since_ns = x->request_ns;
	f->confidence = daemon_agrees(r, talk) ? CONFIDENCE_CERTAIN : CONFIDENCE_LIKELY;
	talk_shape(f, talk);
	talk_last_good(f, talk, x->request_ns);
	talk_exchange_evidence(f, talk, x);
	finding_evidence_number(f, ORIGIN_WIRE, x->response_ns,
				"bytes of ciphertext in the answer, too few for a child SA",
				x->response.encrypted);
	if (f->confidence == CONFIDENCE_CERTAIN)
		finding_evidence(f, ORIGIN_VICI, r->input->now_ns,
				 "child SAs of this IKE SA, the daemon says", "none");
}

void rule_child_sa_failed(struct rule_run *r)
{
	talk_each(r, child_failed);
}

/* ---- NAT */

static bool behind_nat(const struct conversation_sa *sa)
{
	enum conversation_nat nat = conversation_nat(sa);

	return nat == CONVERSATION_NAT_INITIATOR || nat == CONVERSATION_NAT_RESPONDER ||
	       nat == CONVERSATION_NAT_BOTH;
}

/* A live SA of the tunnel with this protocol and encapsulation; NULL: none. */
static const struct state_sa *sa_of(const struct rule_run *r, const struct state_tunnel *t, uint8_t protocol,
				    bool encapsulated)
{
	const struct state *state = r->input->state;

	for (size_t i = 0; t && i < state->sa_count; i++) {
		const struct state_sa *sa = &state->sas[i];

		if (sa->tunnel != STATE_NO_TUNNEL && &state->tunnels[sa->tunnel] == t &&
		    sa->protocol == protocol && (sa->encapsulation != 0) == encapsulated &&
		    rule_recent(r, sa->last_ns))
			return sa;
	}
	return NULL;
}

/* Value: packets of raw ESP between two ends that a NAT is between. */
static void natt_not_negotiated(struct rule_run *r, const struct talk *talk)
{
	const struct conversation_sa *sa = talk->sa;
	const struct state_sa *esp;
	struct finding *f;

	if (sa->state != CONVERSATION_ESTABLISHED || !behind_nat(sa) || sa->float_answered)
		return;
	esp = sa_of(r, talk->subject.tunnel, 50, false);
	if (!esp)
		return;
	f = rule_hit(r, &talk->subject, (double)esp->packets, esp->packets);
	if (!f)
		return;
	finding_evidence(f, ORIGIN_WIRE, sa->first_ns, "behind a NAT, by the NAT detection hashes",
			 conversation_nat_name(conversation_nat(sa)));
	finding_evidence_number(f, ORIGIN_WIRE, esp->last_ns, "ESP packets without UDP", esp->packets);
	finding_spi(f, esp->spi);
}

void rule_nat_t_not_negotiated(struct rule_run *r)
{
	talk_each(r, natt_not_negotiated);
}

/* Value: packets of AH between two ends that a NAT is between. */
static void ah_behind_nat(struct rule_run *r, const struct talk *talk)
{
	const struct state_sa *ah;
	struct finding *f;

	if (!behind_nat(talk->sa))
		return;
	ah = sa_of(r, talk->subject.tunnel, 51, false);
	if (!ah)
		return;
	f = rule_hit(r, &talk->subject, (double)ah->packets, ah->packets);
	if (!f)
		return;
	finding_evidence(f, ORIGIN_WIRE, talk->sa->first_ns, "behind a NAT, by the NAT detection hashes",
			 conversation_nat_name(conversation_nat(talk->sa)));
	finding_evidence_number(f, ORIGIN_WIRE, ah->last_ns, "AH packets", ah->packets);
}

void rule_ah_behind_nat(struct rule_run *r)
{
	talk_each(r, ah_behind_nat);
}

/* ---- who can start */

struct starters {
	uint64_t failed[2], succeeded[2]; /* by who began: as in this talk, the other end */
	uint64_t first_success_ns;	  /* of the other end */
};

static void count_starters(const struct rule_run *r, const struct conversation_sa *as, struct starters *ret)
{
	const struct conversation_sa *sa = NULL;

	*ret = (struct starters){0};
	while ((sa = conversation_next(r->input->state->ike, sa))) {
		bool crossed = memcmp(sa->path.end[0].address, as->path.end[0].address, 16) != 0;

		/* Without any answer it is about the path, and not about who asks. */
		if (!talk_same_ends(sa, as) || !sa->heard_ns[0] || !sa->heard_ns[1] || sa->predecessor)
			continue;
		if (sa->state == CONVERSATION_FAILED || refused_child(sa)) {
			ret->failed[crossed]++;
		} else if (sa->state != CONVERSATION_NEGOTIATING) {
			ret->succeeded[crossed]++;
			if (crossed && !ret->first_success_ns)
				ret->first_success_ns = sa->first_ns;
		}
	}
}

/*
 * Value: negotiations that one end began and that failed, while those of the other end succeed. One of them failed after one of
 * the others went well: else something may just have been mended.
 */
static void one_side(struct rule_run *r, const struct talk *talk)
{
	const struct conversation_sa *sa = talk->sa;
	const struct state_tunnel *t = talk->subject.tunnel;
	bool failed = sa->state == CONVERSATION_FAILED || refused_child(sa);
	struct starters s;
	struct finding *f;

	/* Only pairs of which something failed lately, and something went well, are worth the search. */
	if (!failed || !rule_recent(r, sa->since_ns) || !t || !t->last_good_ns)
		return;
	count_starters(r, sa, &s);
	if (s.succeeded[0] || s.failed[1] || !s.first_success_ns || sa->first_ns < s.first_success_ns)
		return;
	f = rule_hit(r, &talk->subject, (double)s.failed[0], s.failed[0]);
	if (!f)
		return;
	f->confidence = CONFIDENCE_LIKELY;
	finding_set(f, "starter", "%s", talk->local == CONVERSATION_INITIATOR ? "the peer" : "this end");
	talk_shape(f, talk);
	talk_last_good(f, talk, 0);
	finding_evidence_number(f, ORIGIN_WIRE, sa->first_ns,
				talk->local == CONVERSATION_INITIATOR
					? "negotiations begun by us that failed"
					: "negotiations begun by the peer that failed",
				s.failed[0]);
	finding_evidence_number(f, ORIGIN_WIRE, s.first_success_ns,
				"negotiations begun by the other end that went well", s.succeeded[1]);
}

void rule_only_one_side_can_start(struct rule_run *r)
{
	talk_each(r, one_side);
}

/* ---- nobody starts */

static bool any(const uint8_t address[16])
{
	static const uint8_t zero[16];

	return memcmp(address, zero, 16) == 0;
}

static bool daemon_has(const struct fact_daemon *daemon, const char *connection)
{
	for (size_t i = 0; i < daemon->ike_count; i++)
		if (strcmp(daemon->ikes[i].connection, connection) == 0)
			return true;
	return false;
}

static bool talked_to(const struct rule_run *r, const uint8_t peer[16])
{
	const struct conversation_sa *sa = NULL;

	while (r->input->state->ike && (sa = conversation_next(r->input->state->ike, sa)))
		for (int side = 0; side < 2; side++)
			if (memcmp(sa->path.end[side].address, peer, 16) == 0 && rule_recent(r, sa->last_ns))
				return true;
	return false;
}

static uint64_t acquires_for(const struct rule_run *r, const uint8_t peer[16])
{
	const struct fact_kernel *kernel = r->input->kernel;
	uint64_t count = 0;

	for (size_t i = 0; kernel && kernel->available && i < kernel->acquire_count; i++)
		if (memcmp(kernel->acquires[i].destination, peer, 16) == 0)
			count += kernel->acquires[i].count;
	return count;
}

/* Value: 1 for each configured connection to one address of which neither daemon nor wire shows anything. */
void rule_ike_not_started(struct rule_run *r)
{
	for (size_t d = 0; d < r->input->daemon_count; d++) {
		const struct fact_daemon *daemon = &r->input->daemons[d];

		for (size_t i = 0; daemon->available && i < daemon->connection_count; i++) {
			const struct fact_connection *c = &daemon->connections[i];
			char peer[ADDRESS_TEXT];
			struct rule_subject subject = {.peer = peer};
			uint64_t acquires;
			struct finding *f;

			if (any(c->remote) || !c->child_count || daemon_has(daemon, c->name) ||
			    talked_to(r, c->remote))
				continue;
			address_text(c->remote, peer);
			f = rule_hit(r, &subject, 1, 1);
			if (!f)
				continue;
			f->shape = SHAPE_NEVER_UP;
			finding_tunnel(f, c->name);
			acquires = acquires_for(r, c->remote);
			if (r->input->kernel && r->input->kernel->available)
				finding_set(f, "detail",
					    acquires ? ": traffic reaches the policy, but the IKE daemon "
						       "does not act on it"
						     : ": no traffic reaches its policy");
			finding_evidence(f, ORIGIN_VICI, daemon->snapshot_ns,
					 "connection configured, without an IKE SA", c->name);
			finding_evidence(f, ORIGIN_WIRE, r->input->now_ns, "IKE messages to or from the peer",
					 "none");
			if (r->input->kernel && r->input->kernel->available)
				finding_evidence_number(f, ORIGIN_KERNEL, r->input->now_ns,
							"packets that asked for an SA", acquires);
		}
	}
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "diagnose/talk.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "model/address.h"

static void begin(const struct rule_run *r, const struct conversation_sa *sa, const struct state_tunnel *t,
		  struct talk *ret)
{
	const uint8_t *initiator = sa->path.end[CONVERSATION_INITIATOR].address;
	const uint8_t *responder = sa->path.end[CONVERSATION_RESPONDER].address;

	memset(ret, 0, sizeof(*ret));
	ret->sa = sa;
	ret->local =
		t && memcmp(t->local, responder, 16) == 0 ? CONVERSATION_RESPONDER : CONVERSATION_INITIATOR;
	ret->transit = t && t->transit && r->input->live;
	ret->subject.tunnel = t;
	ret->subject.address = ret->local == CONVERSATION_INITIATOR ? responder : initiator;
}

void talk_begin(const struct rule_run *r, const struct conversation_sa *sa, struct talk *ret)
{
	begin(r, sa, rule_tunnel_of(r, sa->path.end[0].address, sa->path.end[1].address), ret);
}

void talk_each(struct rule_run *r, void (*each)(struct rule_run *r, const struct talk *talk))
{
	const struct conversation_sa *sa = NULL;
	struct talk talk;
	size_t nth = 0;

	while (r->input->state->ike && (sa = conversation_next(r->input->state->ike, sa))) {
		begin(r, sa, rule_tunnel_of_talk(r, nth++), &talk);
		if (!talk.transit)
			each(r, &talk);
	}
}

const struct conversation_exchange *talk_unanswered(const struct conversation_sa *sa)
{
	for (uint32_t i = sa->exchange_count; i-- > 0;) {
		const struct conversation_exchange *x = conversation_exchange_at(sa, i);

		if (x->request_ns && !x->response_ns && (x->waiting || x->given_up_ns))
			return x;
	}
	return NULL;
}

const struct conversation_exchange *talk_answered(const struct conversation_sa *sa, uint8_t type)
{
	for (uint32_t i = 0; i < sa->exchange_count; i++) {
		const struct conversation_exchange *x = conversation_exchange_at(sa, i);

		if (x->type == type && x->response_ns)
			return x;
	}
	return NULL;
}

bool exchange_notified(const struct conversation_exchange *x, uint16_t notify)
{
	for (unsigned int i = 0; i < x->notify_count; i++)
		if (x->notifies[i] == notify)
			return true;
	return false;
}

static bool ends_are(const struct conversation_sa *sa, const uint8_t *initiator, const uint8_t *responder)
{
	return memcmp(sa->path.end[CONVERSATION_INITIATOR].address, initiator, 16) == 0 &&
	       memcmp(sa->path.end[CONVERSATION_RESPONDER].address, responder, 16) == 0;
}

bool talk_same_ends(const struct conversation_sa *a, const struct conversation_sa *b)
{
	return ends_are(a, b->path.end[0].address, b->path.end[1].address) ||
	       ends_are(a, b->path.end[1].address, b->path.end[0].address);
}

bool talk_notified(const struct conversation_sa *sa, uint16_t notify)
{
	for (unsigned int i = 0; i < sa->notify_count; i++)
		if (sa->notifies[i] == notify)
			return true;
	return false;
}

static void exchange_name(const struct conversation_exchange *x, char *ret, size_t size)
{
	char type[48];

	ike_exchange_print(x->major, x->type, type, sizeof(type));
	if (x->major >= 2)
		snprintf(ret, size, "%s, message id %u", type, x->message_id);
	else
		snprintf(ret, size, "%s, message id 0x%08x", type, x->message_id);
}

void talk_exchange_evidence(struct finding *f, const struct talk *talk, const struct conversation_exchange *x)
{
	char what[128], name[80];

	if (!f || !x)
		return;
	exchange_name(x, name, sizeof(name));
	snprintf(what, sizeof(what), "%s by %s", name, x->by == talk->local ? "us" : "the peer");
	finding_evidence(f, ORIGIN_WIRE, x->request_ns, what, x->request.bytes ? "sent" : NULL);
	for (uint32_t i = 0; i < x->retransmits && i < CONVERSATION_RETRANSMITS; i++)
		finding_evidence_number(f, ORIGIN_WIRE, x->request_ns + x->retransmit_us[i] * UINT64_C(1000),
					"sent again, time number", i + 1);
	if (x->response_ns) {
		snprintf(what, sizeof(what), "answered with %u bytes", x->response.bytes);
		finding_evidence(f, ORIGIN_WIRE, x->response_ns, what, NULL);
	} else if (x->given_up_ns) {
		finding_evidence(f, ORIGIN_WIRE, x->given_up_ns, "given up, no answer came", NULL);
	}
}

static const struct conversation_exchange *last_good_of(const struct conversation_sa *sa, uint64_t before_ns)
{
	const struct conversation_exchange *best = NULL;

	for (uint32_t i = 0; i < sa->exchange_count; i++) {
		const struct conversation_exchange *x = conversation_exchange_at(sa, i);

		if (x->response_ns && (!before_ns || x->response_ns < before_ns) &&
		    x->outcome != CONVERSATION_OUTCOME_FAILURE && x->outcome != CONVERSATION_OUTCOME_RETRY &&
		    (!best || x->response_ns > best->response_ns))
			best = x;
	}
	return best;
}

void talk_last_good(struct finding *f, const struct talk *talk, uint64_t before_ns)
{
	const struct conversation_exchange *best = last_good_of(talk->sa, before_ns);
	const struct state_tunnel *t = talk->subject.tunnel;
	char name[80];

	if (!f)
		return;
	if (best) {
		exchange_name(best, name, sizeof(name));
		finding_last_good(f, best->response_ns, name);
	} else if (t && t->last_good_ns && (!before_ns || t->last_good_ns < before_ns)) {
		finding_last_good(f, t->last_good_ns, "last sign of life of the peer, in an earlier IKE SA");
	}
}

void talk_shape(struct finding *f, const struct talk *talk)
{
	const struct state_tunnel *t = talk->subject.tunnel;

	if (!f || !t)
		return;
	if (rule_tunnel_up(t))
		f->shape = t->flaps ? SHAPE_FLAP : SHAPE_NONE;
	else
		f->shape = t->last_down_ns ? SHAPE_STAYS_DOWN : SHAPE_NEVER_UP;
}

uint16_t talk_refusal(const struct rule_run *r, struct finding *f, const struct talk *talk, uint64_t since_ns)
{
	const uint8_t *local = talk->sa->path.end[talk->local].address,
		      *peer = talk->sa->path.end[!talk->local].address;

	for (size_t i = 0; f && i < r->input->path_count; i++) {
		const struct model_path *path = &r->input->paths[i];

		if (!path->refusals || path->refused_ns < since_ns || memcmp(path->local, local, 16) != 0 ||
		    memcmp(path->peer, peer, 16) != 0)
			continue;
		finding_evidence_number(f, ORIGIN_WIRE, path->refused_ns,
					"the peer's host says by ICMP that nothing listens on its UDP port",
					path->refused_port);
		finding_evidence_number(f, ORIGIN_WIRE, path->refused_ns, "such ICMP errors", path->refusals);
		finding_spare(f, PLATFORM_ISP);
		return path->refused_port;
	}
	return 0;
}

struct suites {
	struct finding *f;
	uint64_t at_ns;
	const char *what;
	unsigned int count;
};

static void on_suite(void *arg, const char *text)
{
	struct suites *s = arg;

	if (s->count++ < 8)
		finding_evidence(s->f, ORIGIN_WIRE, s->at_ns, s->what, text);
}

void talk_suites(struct finding *f, const struct conversation_sa *sa, const char *what)
{
	struct suites suites = {f, sa->first_ns, what, 0};
	char chosen[1024];

	if (!f)
		return;
	conversation_offered(sa, on_suite, &suites);
	if (conversation_chosen(sa, chosen, sizeof(chosen)))
		finding_evidence(f, ORIGIN_WIRE, sa->first_ns, "chosen", chosen);
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "diagnose/log_wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SENTENCE 256
/* Clocks of the log's host and of the capture's may differ by so much */
#define SKEW_NS 2000000000ULL

/* "10.0.0.1:500" or "[2001:db8::1]:500" is of this address */
static bool is_of(const struct conversation_endpoint *endpoint, const char *address)
{
	char text[64];
	const char *from = text;
	size_t length = strlen(address);

	conversation_endpoint_print(endpoint, text, sizeof(text));
	from += *from == '[';
	return strncmp(from, address, length) == 0 &&
	       (from[length] == ':' || from[length] == ']' || !from[length]) &&
	       (*text == '[' || !strchr(address, ':'));
}

struct wire {
	const struct conversation_sa *sa; /* the latest of the peer */
	const struct conversation_exchange *answered;
};

/* A little later than the log says is as good: clocks differ */
static bool is_before(uint64_t ns, const struct finding *f)
{
	return !f->since_ns || ns <= f->since_ns + SKEW_NS;
}

static struct wire find(const struct conversations *conversations, const struct finding *f)
{
	const struct conversation_sa *sa = NULL;
	struct wire wire = {0};

	while ((sa = conversation_next(conversations, sa)) != NULL) {
		if (!is_of(&sa->path.end[CONVERSATION_INITIATOR], f->peer) &&
		    !is_of(&sa->path.end[CONVERSATION_RESPONDER], f->peer))
			continue;
		if (is_before(sa->first_ns, f))
			wire.sa = sa;
		for (uint32_t i = 0; i < sa->exchange_count; i++) {
			const struct conversation_exchange *e = conversation_exchange_at(sa, i);

			if (e->response_ns && is_before(e->response_ns, f) &&
			    (!wire.answered || e->response_ns >= wire.answered->response_ns))
				wire.answered = e;
		}
	}
	return wire;
}

/* Latest packet of an SA from this peer; 0: none */
static uint64_t last_esp(const struct state *state, const char *peer)
{
	uint64_t last = 0;

	for (size_t i = 0; i < state->sa_count; i++) {
		const struct state_sa *sa = &state->sas[i];
		char source[INET6_ADDRSTRLEN];

		if (!inet_ntop(sa->family == 4 ? AF_INET : AF_INET6, sa->source + (sa->family == 4 ? 12 : 0),
			       source, sizeof(source)) ||
		    strcmp(source, peer) != 0)
			continue;
		last = sa->last_ns > last ? sa->last_ns : last;
	}
	return last;
}

static void join(struct finding *f, const struct conversations *conversations, const struct state *state)
{
	struct wire wire = find(conversations, f);
	uint64_t esp = last_esp(state, f->peer);
	char text[SENTENCE], name[48];

	/* A capture of another time says nothing */
	if (f->since_ns &&
	    (f->since_ns + SKEW_NS < state->first_ns || f->since_ns > state->last_ns + SKEW_NS))
		return;
	if (!wire.sa && !esp) {
		finding_evidence(f, ORIGIN_WIRE, 0, "no packet of this peer in the capture", NULL);
		return;
	}
	if (wire.answered) {
		ike_exchange_print(wire.answered->major, wire.answered->type, name, sizeof(name));
		snprintf(text, sizeof(text), "%s %" PRIu32, name, wire.answered->message_id);
		finding_evidence(f, ORIGIN_WIRE, wire.answered->response_ns,
				 "the last answered exchange on the wire", text);
	}
	if (wire.sa) {
		conversation_evidence(wire.sa, text, sizeof(text));
		snprintf(name, sizeof(name), "the IKE SA on the wire is %s",
			 conversation_state_name(wire.sa->state));
		finding_evidence(f, ORIGIN_WIRE, wire.sa->since_ns, name, text);
	}
	if (esp)
		finding_evidence(f, ORIGIN_WIRE, esp,
				 f->since_ns && esp > f->since_ns + SKEW_NS
					 ? "ESP of the peer came even later: only its IKE is silent"
					 : "the last ESP packet of the peer",
				 NULL);
}

int log_wire_join(struct findings *findings, const struct conversations *conversations,
		  const struct state *state)
{
	for (size_t i = 0; i < findings->count; i++)
		if (findings->list[i]->peer)
			join(findings->list[i], conversations, state);
	return findings->failed ? -ENOMEM : 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* model.c - facts in, timeline and state out */
#include "model/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/address.h"
#include "model/ike_timeline.h"
#include "model/mtu.h"

/* Entries about half-open IKE SAs per second: a flood of them is one line, not a journal full. */
#define HALF_OPEN_ENTRIES 20
#define SECOND UINT64_C(1000000000)
#define ENDED 256 /* IKE SAs ended within a second or so */
_Static_assert(CONVERSATION_OUTCOMES <= STATE_IKE_OUTCOMES && CONVERSATION_STATES <= STATE_IKE_STATES,
	       "room");

enum {
	ICMP_UNREACHABLE = 3,
	ICMP_PORT = 3, /* codes */
	ICMP6_UNREACHABLE = 1,
	ICMP6_PORT = 4,
};

#define PATH_AGAIN (600 * SECOND) /* an MTU that is told again and again has a line so often */
#define FLOOD_AGAIN (60 * SECOND) /* a flood that goes on is told again after so long */

struct model {
	struct model_options options;
	struct conversations *ike;
	struct tunnels *tunnels;
	struct state_ike_counters counters;
	uint64_t budget_second, budget; /* for half-open entries */
	uint64_t unsaid, unsaid_ns;	/* entries that were over it */
	uint64_t flood_told_ns, now_ns;
	struct {
		uint64_t initiator_spi, responder_spi, at_ns;
	} ended[ENDED]; /* IKE SAs that a daemon has ended, until the messages about it have come, too */
	size_t ended_count;
	struct model_path paths[MODEL_PATHS];
	uint64_t path_told_ns[MODEL_PATHS]; /* when there was a line about it */
	size_t path_count;
};

static enum conversation_side local_side(const struct model *m, const struct conversation_sa *sa)
{
	if (m->options.is_local && !m->options.is_local(m->options.arg, sa->path.end[0].address) &&
	    m->options.is_local(m->options.arg, sa->path.end[1].address))
		return CONVERSATION_RESPONDER;
	return CONVERSATION_INITIATOR;
}

static void tell(struct model *m, struct timeline_entry *entry)
{
	const char *name;

	if (!m->options.entry)
		return;
	if (!entry->tunnel[0]) {
		name = tunnels_name(m->tunnels, entry->local, entry->peer);
		snprintf(entry->tunnel, sizeof(entry->tunnel), "%s", name ? name : "");
	}
	m->options.entry(m->options.arg, entry);
}

static void on_tunnel(void *arg, const struct timeline_entry *entry)
{
	struct model *m = arg;

	if (m->options.entry)
		m->options.entry(m->options.arg, entry);
}

/* ---- IKE */

static void count_rtt(struct state_ike_counters *counters, int64_t us)
{
	size_t i = 0;

	while (i < STATE_RTT_BUCKETS && (uint64_t)us > state_rtt_us[i])
		i++;
	counters->rtt[i]++;
	counters->rtt_us += (uint64_t)us;
}

static void count(struct model *m, const struct conversation_event *event)
{
	const struct conversation_exchange *x = event->exchange;
	struct state_ike_counters *c = &m->counters;
	unsigned int outcome;
	int64_t rtt;

	if (event->kind == CONVERSATION_EVENT_MOVE)
		c->moves++;
	if (event->kind == CONVERSATION_EVENT_STATE && event->old != event->sa->state)
		c->states[event->sa->state]++;
	if (!x || x->type >= STATE_IKE_EXCHANGES)
		return;
	if (event->kind == CONVERSATION_EVENT_GIVE_UP) {
		c->exchanges[x->type][CONVERSATION_OUTCOME_NO_ANSWER]++;
	} else if (event->kind == CONVERSATION_EVENT_EXCHANGE) {
		outcome = x->outcome < CONVERSATION_OUTCOMES ? x->outcome : CONVERSATION_OUTCOME_UNKNOWN;
		c->exchanges[x->type][outcome]++;
		rtt = conversation_rtt_us(x);
		if (rtt >= 0)
			count_rtt(c, rtt);
	}
}

/* False: too many already in this second. */
static bool affordable(struct model *m, const struct conversation_event *event)
{
	uint64_t second = event->time_ns / SECOND;

	if (!event->sa->half_open)
		return true;
	if (second != m->budget_second) {
		m->budget_second = second;
		m->budget = HALF_OPEN_ENTRIES;
	}
	if (m->budget) {
		m->budget--;
		return true;
	}
	m->unsaid++;
	m->unsaid_ns = event->time_ns;
	return false;
}

static void on_conversation(void *arg, const struct conversation_event *event)
{
	enum conversation_side local;
	struct timeline_entry entry;
	struct model *m = arg;

	count(m, event);
	if (!m->options.entry || !affordable(m, event))
		return;
	local = local_side(m, event->sa);
	if (ike_timeline_wants_last_good(event) &&
	    ike_timeline_last_good(event->sa, local, event->time_ns, &entry))
		tell(m, &entry);
	if (ike_timeline_entry(event, local, &entry))
		tell(m, &entry);
}

static void tell_flood(struct model *m, uint64_t now_ns)
{
	const struct conversation_stats *s = conversation_stats(m->ike);
	struct timeline_entry entry = {.time_ns = now_ns,
				       .kind = TIMELINE_IKE_FLOOD,
				       .severity = TIMELINE_WARNING,
				       .confidence = TIMELINE_CERTAIN,
				       .origin = TIMELINE_FROM_WIRE};
	bool flood = s->flood_ns && (!m->flood_told_ns || s->flood_ns > m->flood_told_ns + FLOOD_AGAIN);

	if (!flood && !m->unsaid)
		return;
	if (!flood && now_ns < m->unsaid_ns + SECOND)
		return;
	if (flood)
		m->flood_told_ns = s->flood_ns;
	snprintf(entry.text, sizeof(entry.text),
		 flood ? "more half-open IKE SAs than are kept (%u): the oldest were let "
			 "go; at most %u "
			 "began in one second"
		       : "many half-open IKE SAs: %u now, at most %u began in one second",
		 s->half_open, s->half_open_rate_peak);
	timeline_evidence_add(&entry, TIMELINE_FROM_WIRE, now_ns, "half-open", "%u", s->half_open);
	timeline_evidence_add(&entry, TIMELINE_FROM_WIRE, now_ns, "begun per second", "%u",
			      s->half_open_rate);
	timeline_evidence_add(&entry, TIMELINE_FROM_SELF, now_ns, "lines left out", "%llu",
			      (unsigned long long)m->unsaid);
	m->unsaid = 0;
	tell(m, &entry);
}

enum ike_fault model_ike(struct model *m, const struct conversation_packet *packet)
{
	return conversation_packet(m->ike, packet);
}

/* Daemons are quicker than the ring buffer: what they say is looked at when its messages have come. */
void model_ike_ended(struct model *m, uint64_t initiator_spi, uint64_t responder_spi, uint64_t at_ns)
{
	if (m->ended_count == ENDED)
		return;
	m->ended[m->ended_count].initiator_spi = initiator_spi;
	m->ended[m->ended_count].responder_spi = responder_spi;
	m->ended[m->ended_count++].at_ns = at_ns;
}

static void settle_ended(struct model *m, uint64_t now_ns)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->ended_count; i++) {
		if (now_ns < m->ended[i].at_ns + SECOND / 2)
			m->ended[kept++] = m->ended[i];
		else
			conversation_daemon_ended(m->ike, m->ended[i].initiator_spi,
						  m->ended[i].responder_spi, m->ended[i].at_ns);
	}
	m->ended_count = kept;
}

void model_tick(struct model *m, uint64_t now_ns)
{
	m->now_ns = now_ns;
	conversation_tick(m->ike, now_ns);
	settle_ended(m, now_ns);
	if (m->options.entry)
		tell_flood(m, now_ns);
}

/* ---- what else the wire tells */

/* The place of this path: its own, a free one, or that of the longest unheard of. */
static struct model_path *path_of(struct model *m, const uint8_t local[16], const uint8_t peer[16])
{
	struct model_path *oldest = NULL;

	for (size_t i = 0; i < m->path_count; i++) {
		struct model_path *p = &m->paths[i];

		if (memcmp(p->local, local, 16) == 0 && memcmp(p->peer, peer, 16) == 0)
			return p;
		if (!oldest || p->last_ns < oldest->last_ns)
			oldest = p;
	}
	if (m->path_count < MODEL_PATHS)
		oldest = &m->paths[m->path_count++];
	memset(oldest, 0, sizeof(*oldest));
	m->path_told_ns[oldest - m->paths] = 0;
	memcpy(oldest->local, local, 16);
	memcpy(oldest->peer, peer, 16);
	return oldest;
}

void model_probed(struct model *m, const struct model_path *result)
{
	struct model_path before;
	struct model_path *p;

	if (!result->mtu)
		return; /* nothing answered: what was known still is */
	p = path_of(m, result->local, result->peer);
	before = *p;
	*p = *result;
	p->probed = true;
	p->reports = before.reports + result->reports;
	p->first_ns = before.first_ns ? before.first_ns : result->last_ns;
	p->refusals = before.refusals;
	p->refused_ns = before.refused_ns;
	p->refused_port = before.refused_port;
	tunnels_path_mtu(m->tunnels, p->local, p->peer, p->mtu, "probe", p->last_ns);
}

const struct model_path *model_paths(const struct model *m, size_t *ret_count)
{
	*ret_count = m->path_count;
	return m->paths;
}

/* Less than any link of the family carries is a mistake or a lie (RFC 791, RFC 8201 4). */
static bool is_plausible(const struct event *event)
{
	return event->icmp.quoted && event->icmp.mtu >= (event->family == 6 ? MTU_IPV6_MIN : MTU_LINK_MIN);
}

/*
 * Notes one ICMP error. Of several routers on the way the smallest MTU counts: larger ones are only taken when nobody has
 * told the smaller one for so long that the kernel, too, would have forgotten it. True: it is to be told.
 */
static bool note_icmp(struct model *m, const struct event *event)
{
	const struct event_icmp *icmp = &event->icmp;
	struct model_path *p = path_of(m, icmp->source.bytes, icmp->destination.bytes);
	uint64_t *told_ns = &m->path_told_ns[p - m->paths];
	bool changed = icmp->mtu != p->mtu;

	p->reports++;
	if (p->mtu && icmp->mtu > p->mtu && event->time_ns < p->last_ns + PATH_AGAIN)
		return false;
	if (!p->first_ns || changed)
		p->first_ns = event->time_ns;
	if (changed)
		p->probed = p->blackhole = false; /* what a probe said was about another MTU */
	p->mtu = icmp->mtu;
	p->last_ns = event->time_ns;
	memcpy(p->reporter, event->source.bytes, sizeof(p->reporter));
	p->spi = icmp->has_spi ? icmp->spi : 0;
	tunnels_path_mtu(m->tunnels, p->local, p->peer, p->mtu, "icmp", event->time_ns);
	if (!changed && event->time_ns < *told_ns + PATH_AGAIN)
		return false;
	*told_ns = event->time_ns;
	return true;
}

/* "Port unreachable" (RFC 792; RFC 4443 section 3.1) by the host that it was sent to. */
static bool is_refusal(const struct event *event)
{
	const struct event_icmp *icmp = &event->icmp;
	bool port = event->family == 6 ? icmp->type == ICMP6_UNREACHABLE && icmp->code == ICMP6_PORT
				       : icmp->type == ICMP_UNREACHABLE && icmp->code == ICMP_PORT;

	return port && icmp->quoted && icmp->destination.port &&
	       memcmp(event->source.bytes, icmp->destination.bytes, sizeof(event->source.bytes)) == 0;
}

static void note_refusal(struct model *m, const struct event *event)
{
	const struct event_icmp *icmp = &event->icmp;
	struct model_path *p = path_of(m, icmp->source.bytes, icmp->destination.bytes);

	p->refusals++;
	p->refused_ns = event->time_ns;
	p->refused_port = icmp->destination.port;
}

static void on_icmp(struct model *m, const struct event *event)
{
	char reporter[ADDRESS_PORT_TEXT];
	const struct event_icmp *icmp = &event->icmp;
	struct timeline_entry entry = {.time_ns = event->time_ns,
				       .kind = TIMELINE_PMTU,
				       .severity = TIMELINE_WARNING,
				       .confidence = TIMELINE_LIKELY, /* anyone can send an ICMP error */
				       .origin = TIMELINE_FROM_WIRE,
				       .spi = icmp->has_spi ? icmp->spi : 0};

	if (is_refusal(event))
		note_refusal(m, event);
	if (!is_plausible(event) || !note_icmp(m, event))
		return;
	memcpy(entry.local, icmp->source.bytes, sizeof(entry.local));
	memcpy(entry.peer, icmp->destination.bytes, sizeof(entry.peer));
	address_print(event->source.bytes, event->source.port, reporter, sizeof(reporter));
	snprintf(entry.text, sizeof(entry.text),
		 "%s says that packets above %u bytes do not pass towards the peer", reporter, icmp->mtu);
	timeline_evidence_add(&entry, TIMELINE_FROM_WIRE, event->time_ns, "ICMP from", "%s", reporter);
	timeline_evidence_add(&entry, TIMELINE_FROM_WIRE, event->time_ns, "MTU", "%u", icmp->mtu);
	tell(m, &entry);
}

static void on_endpoint(struct model *m, const struct event *event)
{
	char old[ADDRESS_PORT_TEXT], new[ADDRESS_PORT_TEXT];
	struct timeline_entry entry = {.time_ns = event->time_ns,
				       .kind = TIMELINE_ENDPOINT,
				       .confidence = TIMELINE_CERTAIN,
				       .origin = TIMELINE_FROM_WIRE,
				       .spi = event->endpoint.spi,
				       .peer_port = event->endpoint.new.port};

	memcpy(entry.local, event->destination.bytes, sizeof(entry.local));
	memcpy(entry.peer, event->endpoint.new.bytes, sizeof(entry.peer));
	address_print(event->endpoint.old.bytes, event->endpoint.old.port, old, sizeof(old));
	address_print(event->endpoint.new.bytes, event->endpoint.new.port, new, sizeof(new));
	snprintf(entry.text, sizeof(entry.text), "ESP 0x%08x comes from %s, before from %s",
		 event->endpoint.spi, new, old);
	timeline_evidence_add(&entry, TIMELINE_FROM_WIRE, event->time_ns, "from", "%s", old);
	timeline_evidence_add(&entry, TIMELINE_FROM_WIRE, event->time_ns, "to", "%s", new);
	tell(m, &entry);
}

void model_event(struct model *m, const struct event *event)
{
	if (event->kind == EVENT_ICMP)
		on_icmp(m, event);
	else if (event->kind == EVENT_ENDPOINT)
		on_endpoint(m, event);
}

/* ---- a look at everything */

struct ended {
	struct model *m;
	uint64_t now_ns;
};

static void on_ended(void *arg, uint64_t id, uint64_t since_ns)
{
	const struct ended *ended = arg;

	conversation_traffic_ended(ended->m->ike, id, since_ns, ended->now_ns);
}

static void hear_daemon(struct model *m, const struct fact_daemon *daemon)
{
	if (!daemon->available)
		return;
	for (size_t i = 0; i < daemon->ike_count; i++) {
		const struct fact_ike *ike = &daemon->ikes[i];

		if (ike->state == FACT_IKE_ESTABLISHED || ike->state == FACT_IKE_REKEYING)
			conversation_daemon_has(m->ike, ike->initiator_spi, ike->responder_spi,
						daemon->snapshot_ns);
	}
}

int model_update(struct model *m, const struct state *state, const struct fact_kernel *kernel,
		 const struct fact_daemon *daemons, size_t daemon_count, uint64_t now_ns)
{
	const struct tunnel_input input = {.now_ns = now_ns,
					   .state = state,
					   .ike = m->ike,
					   .kernel = kernel,
					   .daemons = daemons,
					   .daemon_count = daemon_count,
					   .is_local = m->options.is_local,
					   .arg = m->options.arg};
	struct ended ended = {m, now_ns};
	int err;

	for (size_t i = 0; i < daemon_count; i++)
		hear_daemon(m, &daemons[i]);
	err = tunnels_update(m->tunnels, &input);
	if (!err)
		tunnels_ended(m->tunnels, on_ended, &ended);
	return err;
}

int model_show(const struct model *m, struct state *state)
{
	const struct conversation_stats *s = conversation_stats(m->ike);
	const struct conversation_sa *sa = NULL;

	state->ike = m->ike;
	state->ike_counters = m->counters;
	while ((sa = conversation_next(m->ike, sa)))
		state->ike_counters.now[sa->state]++;
	state->ike_counters.messages = s->messages;
	state->ike_counters.malformed = s->malformed;
	state->ike_counters.retransmits = s->retransmits;
	state->ike_counters.half_open = s->half_open;
	state->ike_counters.sas = s->sas;
	state->ike_counters.half_open_evicted = s->half_open_evicted;
	state->ike_counters.refused = s->refused;
	return tunnels_fill(m->tunnels, state);
}

struct conversations *model_conversations(const struct model *m)
{
	return m->ike;
}

struct tunnels *model_tunnels(struct model *m)
{
	return m->tunnels;
}

struct model *model_new(const struct model_options *options)
{
	struct model *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->options = *options;
	m->ike = conversation_new(&options->ike);
	m->tunnels = tunnels_new(&options->tunnels);
	if (!m->ike || !m->tunnels) {
		model_free(m);
		return NULL;
	}
	conversation_observe(m->ike, on_conversation, m);
	if (options->entry)
		tunnels_observe(m->tunnels, on_tunnel, m);
	return m;
}

void model_free(struct model *m)
{
	if (!m)
		return;
	conversation_free(m->ike);
	tunnels_free(m->tunnels);
	free(m);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * collect.c - from the datapath's tables to a state
 *
 * Reads only; live tables change meanwhile, so that numbers of one SA may be a few packets apart from each other. Each is
 * exact once no packet is in flight.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/state.h"
#include "source/tables.h"

#include "espial/pipeline.h"

const uint32_t state_drop_window[STATE_DROP_WINDOWS] = {32, 64, 128, 256, 512, 1024, 2048, 4096};
const uint64_t state_rtt_us[STATE_RTT_BUCKETS] = {1000,	  2500,	  5000,	  10000,   25000,   50000,
						  100000, 250000, 500000, 1000000, 2500000, 10000000};

/* Room for one SA: where a newcomer's records are replayed to see what they amount to. */
struct workbench {
	struct esp_tables tables;
	struct esp_sa sa;
	struct esp_sa_rare rare;
	struct esp_lane lane;
	struct esp_cpu cpu;
};

/* An SA or newcomer that is there: slot, or number of slots + set * ways + way. */
struct entry {
	uint64_t first, id;
	uint32_t index;
};

struct collection {
	struct esp_tables *tables;
	const struct state_context *context;
	struct state *state;
	struct workbench bench;
	uint32_t *
		rank; /* 1 + index in state->sas of each slot's SA, then of each newcomer, set * ways + way; 0: none */
	struct entry *entries;
	size_t entry_count, entry_room;
};

/* ---- sequence numbers ---- */

/* The flags of `epoch` in the window, 0 where its slot is another's. */
static uint32_t epoch_seen(const struct esp_sa *sa, uint64_t epoch)
{
	uint64_t word = sa->word[epoch % ESP_WINDOW_EPOCHS];

	return esp_word_epoch(word) == (epoch & ESP_EPOCH_MASK) ? (uint32_t)word : 0;
}

/* Walks what is still in the window: pending numbers, the first if none has been retired, the highest. */
static void collect_window(const struct esp_sa *sa, const struct esp_sa_rare *rare, bool final,
			   struct state_sequence *q)
{
	uint64_t epoch = esp_carry_epoch(sa->carry, sa->top), run = sa->carry & ESP_RUN_MASK,
		 first = rare->first, highest = 0;
	struct esp_sa_rare ended; /* only its bursts are used */
	bool started = sa->carry & ESP_STARTED;

	for (uint64_t e = sa->top; e + ESP_WINDOW_EPOCHS > sa->top && e >= epoch; e--)
		if (epoch_seen(sa, e)) {
			highest = (e << ESP_EPOCH_BITS) + esp_fls32(epoch_seen(sa, e));
			break;
		}
	for (; epoch <= sa->top && highest; epoch++) {
		uint32_t seen = epoch_seen(sa, epoch), expected = 0xffffffffU, missing;

		if (epoch << ESP_EPOCH_BITS > highest)
			break;
		if ((!seen && !started) || (seen == 0xffffffffU && started && !run))
			continue; /* the common cases: nothing to add */
		if (!started) {
			first = (epoch << ESP_EPOCH_BITS) + esp_ctz32(seen);
			expected &= 0xffffffffU << esp_ctz32(seen);
			started = true;
		}
		if (highest >> ESP_EPOCH_BITS == epoch)
			expected &= 0xffffffffU >> (31 - (highest & 31));
		missing = esp_popcount32(expected & ~seen);
		if (final) {
			q->lost += missing;
			memset(ended.burst_length, 0, sizeof(ended.burst_length));
			run = esp_runs(&ended, seen, expected, run);
			for (int i = 0; i < ESP_HISTOGRAM; i++)
				q->burst_length[i] += ended.burst_length[i];
		} else {
			q->pending += missing;
		}
	}
	if (run && esp_log2(run) < ESP_HISTOGRAM)
		q->burst_length[esp_log2(run)]++;
	if (!started)
		return;
	/* Back to the wire's numbers; what came before number 0 is told by a high half of its own. */
	q->first = first - sa->delta;
	q->highest = highest - sa->delta;
	if (first < sa->delta) {
		q->first += 1ULL << 32;
		q->highest += 1ULL << 32;
	}
}

static void collect_sequence(const struct esp_sa *sa, const struct esp_sa_rare *rare, uint64_t received,
			     bool final, struct state_sequence *q)
{
	q->received = received + rare->confirmed;
	q->lost = rare->lost;
	q->late = rare->late;
	q->max_late_distance = rare->late_max;
	q->duplicate = rare->duplicate;
	q->too_old = rare->too_old;
	q->outlier = rare->outlier;
	q->restarts = rare->restarts;
	q->contended = rare->contended;
	q->window = ESP_WINDOW;
	if (q->late)
		memcpy(q->late_distance, rare->late_distance, sizeof(q->late_distance));
	if (q->lost)
		memcpy(q->burst_length, rare->burst_length, sizeof(q->burst_length));
	collect_window(sa, rare, final, q);
	for (int i = 0; i < STATE_DROP_WINDOWS; i++) {
		if (state_drop_window[i] > ESP_WINDOW) {
			q->window_drops[i] = UINT64_MAX;
			continue;
		}
		q->window_drops[i] = q->too_old;
		for (uint32_t b = esp_log2(state_drop_window[i]); b < ESP_LATE_BUCKETS; b++)
			q->window_drops[i] += q->late_distance[b];
	}
}

/* ---- one SA ---- */

static void interface_name(const struct collection *c, uint32_t ifindex, char *ret)
{
	const char *name = c->context->ifname ? c->context->ifname(c->context->arg, ifindex) : NULL;

	if (name)
		strncpy(ret, name, STATE_NAME - 1);
}

static uint64_t ticks_to_ns(const struct collection *c, uint64_t ticks)
{
	return c->context->time ? c->context->time(c->context->arg, ticks) : ticks;
}

/* What is there, in the order of the state: by first time, then SPI. */
static int by_first(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static void note(struct collection *c, uint64_t first, uint64_t id, uint32_t index)
{
	if (id && c->entry_count < c->entry_room)
		c->entries[c->entry_count++] = (struct entry){.first = first, .id = id, .index = index};
}

/* Lists the entries first and fills them in afterwards: the large ones are never moved. */
static int list_entries(struct collection *c)
{
	struct esp_tables *t = c->tables;
	uint32_t newcomers = (t->cfg.new_mask + 1) * ESP_NEW_WAYS;

	c->entry_room = (size_t)t->cfg.sa_mask + 1 + newcomers;
	c->entries = malloc(c->entry_room * sizeof(*c->entries));
	if (!c->entries)
		return -ENOMEM;
	for (uint32_t slot = 0; slot <= t->cfg.sa_mask; slot++)
		if (ESP_READ(t->sa[slot].key.id))
			note(c, t->rare[slot].first_time, ESP_READ(t->sa[slot].key.id), slot);
	for (uint32_t i = 0; i < newcomers; i++) {
		const struct esp_newcomer *n = &t->newcomer[i / ESP_NEW_WAYS].way[i % ESP_NEW_WAYS];

		note(c, n->first, ESP_READ(n->key.id), t->cfg.sa_mask + 1 + i);
	}
	qsort(c->entries, c->entry_count, sizeof(*c->entries), by_first);
	c->rank = calloc(c->entry_room, sizeof(*c->rank));
	c->state->sas = calloc(c->entry_count + 1, sizeof(*c->state->sas));
	if (!c->rank || !c->state->sas)
		return -ENOMEM;
	for (size_t i = 0; i < c->entry_count; i++)
		c->rank[c->entries[i].index] = (uint32_t)i + 1;
	c->state->sa_count = c->entry_count;
	return 0;
}

/* The SA's shares by interface, by index until all are known. */
struct shares {
	struct esp_sa_interface of[ESP_SA_INTERFACES];
};

static void add_share(struct shares *shares, uint32_t ifindex, uint64_t packets, uint64_t bytes)
{
	for (int i = 0; i < ESP_SA_INTERFACES; i++) {
		struct esp_sa_interface *e = &shares->of[i];

		if (i == ESP_SA_INTERFACES - 1)
			ifindex = ESP_INTERFACE_REST;
		if (e->ifindex && e->ifindex != ifindex)
			continue;
		e->ifindex = ifindex;
		e->packets += packets;
		e->bytes += bytes;
		return;
	}
}

static void collect_interfaces(const struct collection *c, const struct shares *shares, struct state_sa *sa)
{
	for (int i = 0; i < ESP_SA_INTERFACES; i++) {
		const struct esp_sa_interface *e = &shares->of[i];
		struct state_interface_share *share = &sa->interfaces[sa->interface_count];

		if (!e->ifindex)
			continue;
		if (e->ifindex == ESP_INTERFACE_REST)
			strcpy(share->name, "(others)");
		else
			interface_name(c, e->ifindex, share->name);
		share->packets = e->packets;
		share->bytes = e->bytes;
		sa->interface_count++;
	}
}

/* The run that is open in a lane, which the datapath adds to the shared counters when it ends: esp_end_run(). */
static void add_open_run(const struct esp_lane *lane, struct state_sa *sa, struct shares *shares)
{
	uint64_t packets = lane->packets - lane->run_packets, bytes = lane->bytes - lane->run_bytes;
	uint64_t signature = lane->signature[0];
	uint32_t tos = (uint32_t)(signature >> 24) & 0xff;

	if (!packets && !bytes)
		return;
	sa->dscp[tos >> 2] += packets;
	if ((tos & 3) == 3)
		sa->ecn_ce += packets;
	if (signature & ESP_PKT_DF)
		sa->df += packets;
	add_share(shares, (uint32_t)(signature >> 32), packets, bytes);
}

/* `lanes`: one per CPU. `sa` is zeroed. */
static void collect_sa(const struct collection *c, struct state_sa *sa, const struct esp_sa *live,
		       const struct esp_sa_rare *rare, const struct esp_lane *lanes, uint32_t cpus)
{
	uint64_t received = 0, last = 0, id = ESP_READ(live->key.id);
	uint32_t size_min_inv = 0, ifindex = 0;
	struct shares shares;
	bool runs = false;

	memset(&shares, 0, sizeof(shares));
	/* Most SAs' packets all look alike: then no run has ended, and these are zero and need not be fetched. */
	for (uint32_t i = 0; i < cpus && !runs; i++)
		runs = lanes[i].run_packets || lanes[i].run_bytes;
	if (runs) {
		memcpy(sa->dscp, rare->dscp, sizeof(sa->dscp));
		memcpy(shares.of, rare->interfaces, sizeof(shares.of));
		sa->df = rare->df;
		sa->ecn_ce = rare->ecn_ce;
	}
	for (uint32_t i = 0; i < cpus; i++) {
		const struct esp_lane *lane = &lanes[i];

		if (!lane->packets && !lane->bytes)
			continue;
		sa->packets += lane->packets;
		sa->bytes += lane->bytes;
		received += lane->received;
		if (lane->size_max > sa->size_max)
			sa->size_max = lane->size_max;
		if (lane->size_min_inv > size_min_inv)
			size_min_inv = lane->size_min_inv;
		if (lane->last >= last && lane->signature[0]) {
			last = lane->last;
			ifindex = (uint32_t)(lane->signature[0] >> 32);
			sa->encapsulation = (uint8_t)lane->signature[0] & (ESP_PKT_UDP | ESP_PKT_TCP);
			memcpy(sa->source, lane->src, 16);
			sa->source_port = lane->source_port;
			sa->destination_port = lane->destination_port;
		}
		add_open_run(lane, sa, &shares);
	}
	interface_name(c, ifindex, sa->interface);
	sa->direction = (enum esp_direction)(id & 0xff);
	sa->family = (uint8_t)(id >> 8);
	sa->protocol = (uint8_t)(id >> 16);
	sa->spi = (uint32_t)(id >> 32);
	memcpy(sa->destination, live->key.dst, 16);
	sa->known = -1;
	sa->tunnel = STATE_NO_TUNNEL;
	sa->first_ns = ticks_to_ns(c, rare->first_time);
	sa->last_ns = ticks_to_ns(c, last);
	collect_sequence(live, rare, received, c->context->final, &sa->sequence);
	sa->size_min = size_min_inv ? ~size_min_inv : 0;
	sa->fragmented = rare->fragmented;
	sa->fragments = rare->fragments;
	sa->fragments_incomplete = rare->incomplete;
	sa->ttl_max = rare->ttl_max;
	sa->ttl_min = 255 - rare->ttl_min_inv;
	sa->ttl_changes = rare->ttl_changes;
	sa->endpoint_changes = rare->endpoint_changes;
	collect_interfaces(c, &shares, sa);
}

/* Packets of a newcomer that is not in the SADB now; it may have come and gone with fewer packets than make an SA. */
static void collect_unknown(const struct collection *c, struct state_sa *sa, const struct esp_newcomer *n)
{
	const struct esp_tables *t = c->tables;
	struct esp_sa_key any = n->key;

	any.id = ESP_SADB_ID(any.id);
	for (uint32_t i = 0; i < n->records && t->was_in_sadb; i++)
		sa->grace_packets += t->was_in_sadb(t->in_sadb_arg, &any, n->record[i].now) > 0;
	sa->unknown_packets = n->packets - sa->grace_packets;
}

static void collect_known(struct state_sa *sa, const struct esp_sa_known *known)
{
	if (!known)
		return;
	if (known->state != ESP_KNOWN_EARLY && known->state != ESP_KNOWN_NOT_LOOKED_UP)
		sa->known = known->state != ESP_KNOWN_UNKNOWN;
	sa->unknown_packets = esp_unknown_packets(known, sa->packets);
	sa->grace_packets = known->grace;
	if (known->state == ESP_KNOWN_LATE)
		sa->grace_packets += sa->packets - known->base;
}

/* A slot that is given to another SA while it is read tells a mixture of both: it is left out. */
static void collect_slot(const struct collection *c, struct state_sa *sa, uint32_t slot)
{
	const struct esp_tables *t = c->tables;
	const struct esp_sa *live = &t->sa[slot];
	uint32_t generation = ESP_READ(live->generation);

	if (generation & 1 || !ESP_READ(live->key.id))
		return;
	collect_sa(c, sa, live, &t->rare[slot], esp_lane_at(t, slot, 0), t->cfg.cpus);
	collect_known(sa, esp_known_at(t, slot));
	if (ESP_READ(live->generation) != generation)
		memset(sa, 0, sizeof(*sa));
}

static bool is_of(const struct state_sa *sa, const struct esp_sa_key *key)
{
	return sa->spi == (uint32_t)(key->id >> 32) && sa->protocol == (uint8_t)(key->id >> 16) &&
	       !memcmp(sa->destination, key->dst, 16);
}

/*
 * It was listed as a newcomer, and has been given a slot since: it is told from there, unless that slot was listed as well, for the SA
 * that had it before, and has been read as this one by now. Else, and when it is gone altogether, it is left out, and the next look
 * has it.
 */
static void collect_promoted(const struct collection *c, struct state_sa *sa, struct esp_sa_key key,
			     uint64_t id)
{
	uint32_t slot;

	key.id = id;
	slot = esp_find(c->tables, &key, esp_sa_hash(&key, c->tables->cfg.seed));
	if (slot != ESP_NO_SLOT && !(c->rank[slot] && is_of(&c->state->sas[c->rank[slot] - 1], &key)))
		collect_slot(c, sa, slot);
}

/* A newcomer as the SA that it would be, its records replayed on the workbench. `id`: that it was listed with. */
static void collect_newcomer(struct collection *c, struct state_sa *sa, const struct esp_newcomer *live,
			     uint64_t id)
{
	struct esp_newcomer n = *live;
	struct workbench *b = &c->bench;
	struct esp_at at = {.t = &b->tables, .direction = (enum esp_direction)(n.key.id & 0xff)};

	if (!n.key.id) {
		collect_promoted(c, sa, n.key, id);
		return;
	}
	if (n.records > ESP_NEW_RECORDS)
		n.records = 0; /* being written at this moment */
	memset(&b->sa, 0, sizeof(b->sa));
	memset(&b->rare, 0, sizeof(b->rare));
	memset(&b->lane, 0, sizeof(b->lane));
	esp_window_init(&b->sa, n.record[0].sequence);
	b->sa.key = n.key;
	b->rare.first_time = n.first;
	for (uint32_t i = 0; i < n.records; i++) {
		at.now = n.record[i].now;
		at.ifindex = n.record[i].ifindex;
		esp_account_sa(&at, 0, &n.key, &n.record[i], 1);
	}
	b->lane.packets += n.packets - n.records;
	b->lane.bytes += n.bytes;
	b->rare.outlier += n.packets - n.records;
	b->rare.fragments += n.fragments;
	b->rare.incomplete += n.incomplete;
	collect_sa(c, sa, &b->sa, &b->rare, &b->lane, 1);
	sa->newcomer = true;
	if (!c->tables->in_sadb)
		return;
	sa->known = esp_in_sadb(c->tables, &n.key, 0) > 0 ? 1 : 0;
	if (!sa->known && (int64_t)(c->context->now - n.first) < (int64_t)c->tables->cfg.grace)
		sa->known = -1;
	if (!sa->known)
		collect_unknown(c, sa, &n);
}

/* ---- everything ---- */

/* In the order in which they lie in memory, each to its place in the state. */
static void collect_sas(struct collection *c)
{
	struct esp_tables *t = c->tables;
	uint32_t slots = t->cfg.sa_mask + 1, newcomers = (t->cfg.new_mask + 1) * ESP_NEW_WAYS;

	for (uint32_t slot = 0; slot < slots; slot++)
		if (c->rank[slot])
			collect_slot(c, &c->state->sas[c->rank[slot] - 1], slot);
	for (uint32_t i = 0; i < newcomers; i++) {
		uint32_t rank = c->rank[slots + i];

		if (rank)
			collect_newcomer(c, &c->state->sas[rank - 1],
					 &t->newcomer[i / ESP_NEW_WAYS].way[i % ESP_NEW_WAYS],
					 c->entries[rank - 1].id);
	}
}

/* What was on its way from one place to another when it was read has no protocol. */
static void leave_out(struct state *state)
{
	size_t kept = 0;

	for (size_t i = 0; i < state->sa_count; i++) {
		if (!state->sas[i].protocol)
			continue;
		if (kept != i)
			state->sas[kept] = state->sas[i];
		kept++;
	}
	state->sa_count = kept;
}

static struct state_sa *find_sa(const struct collection *c, const struct esp_sa_key *key)
{
	struct esp_tables *t = c->tables;
	uint64_t hash = esp_sa_hash(key, t->cfg.seed);
	uint32_t slot = esp_find(t, key, hash), index = 0;

	if (slot != ESP_NO_SLOT) {
		index = c->rank[slot];
	} else {
		uint32_t set = (uint32_t)(hash >> 40) & t->cfg.new_mask;

		for (uint32_t way = 0; way < ESP_NEW_WAYS; way++)
			if (!memcmp(&t->newcomer[set].way[way].key, key, sizeof(*key)))
				index = c->rank[t->cfg.sa_mask + 1 + set * ESP_NEW_WAYS + way];
	}
	return index ? &c->state->sas[index - 1] : NULL;
}

/* Sets that have been open for too long, or that nothing will complete any more. */
static void collect_fragments(struct collection *c)
{
	struct esp_tables *t = c->tables;

	for (uint32_t i = 0; i <= t->cfg.fragment_mask; i++)
		for (int way = 0; way < ESP_FRAGMENT_WAYS; way++) {
			const struct esp_fragment_set *s = &t->fragment[i].way[way];
			struct state_sa *sa;

			if (!s->id || s->state != ESP_FRAGMENT_OPEN || !s->sa.id)
				continue;
			if (!c->context->final && c->context->now - s->first_time < t->cfg.fragment_timeout)
				continue;
			sa = find_sa(c, &s->sa);
			if (sa)
				sa->fragments_incomplete++;
		}
}

/* All members are counters. */
static void add_sums(struct esp_sums *to, const struct esp_sums *from)
{
	uint64_t *t = (uint64_t *)to;
	const uint64_t *f = (const uint64_t *)from;

	for (size_t i = 0; i < sizeof(*to) / sizeof(*t); i++)
		t[i] += f[i];
}

static void sum_sa(const struct esp_tables *t, uint32_t slot, struct esp_sums *sums)
{
	const struct esp_sa_rare *rare = &t->rare[slot];
	const struct esp_sa_known *known = esp_known_at(t, slot);
	struct esp_lanes lanes = {.packets = 0};
	uint64_t candidates = ESP_READ(t->sa[slot].tentative);
	uint32_t count = esp_popcount32((uint32_t)(candidates >> 16) & 0xffff);

	for (uint32_t cpu = 0; cpu < t->cfg.cpus; cpu++) {
		const struct esp_lane *lane = esp_lane_at(t, slot, cpu);

		lanes.packets += lane->packets;
		lanes.bytes += lane->bytes;
		lanes.received += lane->received;
	}
	esp_retire_counters(sums, &lanes, rare);
	if (known)
		sums->unknown += esp_unknown_packets(known, lanes.packets);
	/* They may yet turn out to be received (replay.h, esp_tentative(): bit 0 is the side). */
	if (candidates & 1)
		sums->outlier -= count;
	else
		sums->too_old -= count;
}

static void collect_sums(struct collection *c)
{
	struct esp_tables *t = c->tables;

	for (uint32_t slot = 0; slot <= t->cfg.sa_mask; slot++) {
		uint64_t id = ESP_READ(t->sa[slot].key.id);
		struct state_sums *sums = &c->state->sums[esp_sums_index(id)];

		if (!id)
			continue;
		sums->sas++;
		sum_sa(t, slot, &sums->of);
	}
	for (uint32_t set = 0; set <= t->cfg.new_mask; set++)
		for (uint32_t way = 0; way < ESP_NEW_WAYS; way++)
			if (ESP_READ(t->newcomer[set].tag[way])) {
				uint64_t id = ESP_READ(t->newcomer[set].way[way].key.id);

				c->state->sums[esp_sums_index(id)].sas++;
				c->state->sums[esp_sums_index(id)].newcomers++;
			}
	for (uint32_t cpu = 0; cpu < t->cfg.cpus; cpu++)
		for (int j = 0; j < ESP_SUMS; j++) {
			add_sums(&c->state->sums[j].of, &t->cpu[cpu].retired[j]);
			c->state->retired += t->cpu[cpu].retired[j].packets;
		}
}

static void collect_totals(struct collection *c)
{
	struct esp_tables *t = c->tables;
	struct state_counters *total = &c->state->total;

	for (size_t i = 0; i < (size_t)ESP_IF_SLOTS * 3 * t->cfg.cpus; i++) {
		const struct esp_if_stats *s = &t->stats[i];

		if (!s->seen)
			continue;
		total->seen += s->seen;
		total->bytes += s->bytes;
		for (int j = 0; j < ESP_CLASS_COUNT; j++)
			total->cls[j] += s->cls[j];
		for (int j = 0; j < ESP_REASON_COUNT; j++)
			total->rejected[j] += s->rejected[j];
	}
	for (uint32_t cpu = 0; cpu < t->cfg.cpus; cpu++)
		for (int j = 0; j < ESP_LOSS_COUNT; j++)
			c->state->loss[j] += t->cpu[cpu].loss[j];
}

int state_collect(struct esp_tables *tables, const struct state_context *context, struct state *ret)
{
	struct collection c = {.tables = tables, .context = context, .state = ret};
	int err;

	memset(ret, 0, sizeof(*ret));
	c.bench.tables = (struct esp_tables){
		.cfg = {.cpus = 1, .ports = tables->cfg.ports},
		.sa = &c.bench.sa,
		.rare = &c.bench.rare,
		.lane = &c.bench.lane,
		.cpu = &c.bench.cpu,
	};
	collect_totals(&c);
	collect_sums(&c);
	if (context->only_sums)
		return 0;
	err = list_entries(&c);
	if (!err) {
		collect_sas(&c);
		collect_fragments(&c);
		leave_out(ret);
	}
	free(c.entries);
	free(c.rank);
	if (err)
		state_free(ret);
	return err;
}

void state_free(struct state *state)
{
	for (size_t i = 0; i < state->tunnel_count; i++) {
		free(state->tunnels[i].spis);
		free(state->tunnels[i].ike_spis);
	}
	free(state->tunnels);
	free(state->hidden);
	free(state->sas);
	free(state->interfaces);
	memset(state, 0, sizeof(*state));
}

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

/* Room for one SA: where a newcomer's records are replayed to see what they amount to. */
struct workbench {
	struct esp_tables tables;
	struct esp_sa sa;
	struct esp_sa_rare rare;
	struct esp_lane lane;
	struct esp_cpu cpu;
};

struct collection {
	struct esp_tables *tables;
	const struct state_context *context;
	struct state *state;
	struct workbench bench;
	uint32_t *by_slot;     /* 1 + index in state->sas of each slot's SA; 0: none */
	uint32_t *by_newcomer; /* the same of each newcomer, set * ways + way */
	size_t room;
};

/* ---- sequence numbers ---- */

/* The flags of `epoch` in the window, 0 where its slot is another's. */
static uint32_t epoch_seen(const struct esp_sa *sa, uint64_t epoch)
{
	uint64_t word = sa->word[epoch % ESP_WINDOW_EPOCHS];

	return esp_word_epoch(word) == (epoch & ESP_EPOCH_MASK) ? (uint32_t)word : 0;
}

/* Walks what is still in the window: pending numbers, the first if none has been retired, the highest. */
static void collect_window(const struct esp_sa *sa, struct esp_sa_rare *rare, bool final,
			   struct state_sequence *q)
{
	uint64_t epoch = esp_carry_epoch(sa->carry, sa->top), run = sa->carry & ESP_RUN_MASK,
		 first = rare->first, highest = 0;
	bool started = sa->carry & ESP_STARTED;

	for (uint64_t e = sa->top; e + ESP_WINDOW_EPOCHS > sa->top && e >= epoch; e--)
		if (epoch_seen(sa, e)) {
			highest = (e << ESP_EPOCH_BITS) + esp_fls32(epoch_seen(sa, e));
			break;
		}
	for (; epoch <= sa->top && highest; epoch++) {
		uint32_t seen = epoch_seen(sa, epoch), expected = ~esp_skipped(rare, epoch), missing;

		if (epoch << ESP_EPOCH_BITS > highest)
			break;
		if (!started) {
			if (!seen)
				continue;
			first = (epoch << ESP_EPOCH_BITS) + esp_ctz32(seen);
			expected &= 0xffffffffU << esp_ctz32(seen);
			started = true;
		}
		if (highest >> ESP_EPOCH_BITS == epoch)
			expected &= 0xffffffffU >> (31 - (highest & 31));
		missing = esp_popcount32(expected & ~seen);
		if (final) {
			q->lost += missing;
			run = esp_runs(rare, seen, expected, run);
		} else {
			q->pending += missing;
		}
	}
	if (run)
		esp_count_burst(rare, run);
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

static void collect_sequence(const struct esp_sa *sa, struct esp_sa_rare *rare, uint64_t received, bool final,
			     struct state_sequence *q)
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
	collect_window(sa, rare, final, q);
	memcpy(q->late_distance, rare->late_distance, sizeof(q->late_distance));
	memcpy(q->burst_length, rare->burst_length, sizeof(q->burst_length));
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

/* The next free place in the state, zeroed; NULL: no memory. */
static struct state_sa *append(struct collection *c)
{
	struct state *s = c->state;

	if (s->sa_count == c->room) {
		size_t room = c->room ? 2 * c->room : 64;
		struct state_sa *grown = realloc(s->sas, room * sizeof(*grown));

		if (!grown)
			return NULL;
		s->sas = grown;
		c->room = room;
	}
	return memset(&s->sas[s->sa_count++], 0, sizeof(*s->sas));
}

static void collect_interfaces(const struct collection *c, const struct esp_sa_rare *rare,
			       struct state_sa *sa)
{
	for (int i = 0; i < ESP_SA_INTERFACES; i++) {
		const struct esp_sa_interface *e = &rare->interfaces[i];
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

/* `lanes`: one per CPU. Returns the index in the state plus one, or 0: no memory. */
static uint32_t collect_sa(struct collection *c, const struct esp_sa *live,
			   const struct esp_sa_rare *live_rare, const struct esp_lane *lanes, uint32_t cpus)
{
	struct esp_sa_rare rare = *live_rare;
	struct esp_sa copy = *live;
	struct state_sa *sa = append(c);
	uint64_t received = 0, last = 0;
	uint32_t size_min_inv = 0, ifindex = 0;

	if (!sa)
		return 0;
	for (uint32_t i = 0; i < cpus; i++) {
		struct esp_lane lane = lanes[i];

		if (!lane.packets && !lane.bytes)
			continue;
		sa->packets += lane.packets;
		sa->bytes += lane.bytes;
		received += lane.received;
		if (lane.size_max > sa->size_max)
			sa->size_max = lane.size_max;
		if (lane.size_min_inv > size_min_inv)
			size_min_inv = lane.size_min_inv;
		if (lane.last >= last && lane.signature[0]) {
			last = lane.last;
			ifindex = (uint32_t)(lane.signature[0] >> 32);
			sa->encapsulation = (uint8_t)lane.signature[0] & (ESP_PKT_UDP | ESP_PKT_TCP);
			memcpy(sa->source, lane.src, 16);
			sa->source_port = lane.source_port;
			sa->destination_port = lane.destination_port;
		}
		esp_end_run(&lane, &rare);
	}
	interface_name(c, ifindex, sa->interface);
	sa->direction = (enum esp_direction)(copy.key.id & 0xff);
	sa->family = (uint8_t)(copy.key.id >> 8);
	sa->protocol = (uint8_t)(copy.key.id >> 16);
	sa->spi = (uint32_t)(copy.key.id >> 32);
	memcpy(sa->destination, copy.key.dst, 16);
	sa->known = -1;
	sa->first_ns = ticks_to_ns(c, rare.first_time);
	sa->last_ns = ticks_to_ns(c, last);
	collect_sequence(&copy, &rare, received, c->context->final, &sa->sequence);
	sa->size_min = size_min_inv ? ~size_min_inv : 0;
	sa->df = rare.df;
	sa->fragmented = rare.fragmented;
	sa->fragments = rare.fragments;
	sa->fragments_incomplete = rare.incomplete;
	memcpy(sa->dscp, rare.dscp, sizeof(sa->dscp));
	sa->ecn_ce = rare.ecn_ce;
	sa->ttl_max = rare.ttl_max;
	sa->ttl_min = 255 - rare.ttl_min_inv;
	sa->ttl_changes = rare.ttl_changes;
	sa->endpoint_changes = rare.endpoint_changes;
	collect_interfaces(c, &rare, sa);
	return (uint32_t)c->state->sa_count;
}

/* A newcomer as the SA that it would be, its records replayed on the workbench. */
static uint32_t collect_newcomer(struct collection *c, const struct esp_newcomer *live)
{
	struct esp_newcomer n = *live;
	struct workbench *b = &c->bench;
	struct esp_at at = {.t = &b->tables, .direction = (enum esp_direction)(n.key.id & 0xff)};
	uint32_t index;

	if (!n.records || n.records > ESP_NEW_RECORDS)
		return 0; /* being written at this moment */
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
	index = collect_sa(c, &b->sa, &b->rare, &b->lane, 1);
	if (index)
		c->state->sas[index - 1].newcomer = true;
	return index;
}

/* ---- everything ---- */

static int collect_sas(struct collection *c)
{
	struct esp_tables *t = c->tables;

	for (uint32_t slot = 0; slot <= t->cfg.sa_mask; slot++) {
		if (!ESP_READ(t->sa[slot].key.id))
			continue;
		c->by_slot[slot] =
			collect_sa(c, &t->sa[slot], &t->rare[slot], esp_lane_at(t, slot, 0), t->cfg.cpus);
		if (!c->by_slot[slot])
			return -ENOMEM;
	}
	for (uint32_t set = 0; set <= t->cfg.new_mask; set++)
		for (uint32_t way = 0; way < ESP_NEW_WAYS; way++)
			if (ESP_READ(t->newcomer[set].way[way].key.id))
				c->by_newcomer[set * ESP_NEW_WAYS + way] =
					collect_newcomer(c, &t->newcomer[set].way[way]);
	return 0;
}

static struct state_sa *find_sa(const struct collection *c, const struct esp_sa_key *key)
{
	struct esp_tables *t = c->tables;
	uint64_t hash = esp_sa_hash(key, t->cfg.seed);
	uint32_t slot = esp_find(t, key, hash), index = 0;

	if (slot != ESP_NO_SLOT) {
		index = c->by_slot[slot];
	} else {
		uint32_t set = (uint32_t)(hash >> 40) & t->cfg.new_mask;

		for (uint32_t way = 0; way < ESP_NEW_WAYS; way++)
			if (!memcmp(&t->newcomer[set].way[way].key, key, sizeof(*key)))
				index = c->by_newcomer[set * ESP_NEW_WAYS + way];
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

static int by_first(const void *a, const void *b)
{
	const struct state_sa *x = a, *y = b;

	if (x->first_ns != y->first_ns)
		return x->first_ns < y->first_ns ? -1 : 1;
	if (x->spi != y->spi)
		return x->spi < y->spi ? -1 : 1;
	return memcmp(x->destination, y->destination, 16);
}

int state_collect(struct esp_tables *tables, const struct state_context *context, struct state *ret)
{
	struct collection c = {.tables = tables, .context = context, .state = ret};
	int err = -ENOMEM;

	memset(ret, 0, sizeof(*ret));
	c.bench.tables = (struct esp_tables){
		.cfg = {.cpus = 1, .ports = tables->cfg.ports},
		.sa = &c.bench.sa,
		.rare = &c.bench.rare,
		.lane = &c.bench.lane,
		.cpu = &c.bench.cpu,
	};
	c.by_slot = calloc((size_t)tables->cfg.sa_mask + 1, sizeof(*c.by_slot));
	c.by_newcomer = calloc(((size_t)tables->cfg.new_mask + 1) * ESP_NEW_WAYS, sizeof(*c.by_newcomer));
	if (c.by_slot && c.by_newcomer)
		err = collect_sas(&c);
	if (!err) {
		collect_fragments(&c);
		collect_totals(&c);
		if (ret->sa_count)
			qsort(ret->sas, ret->sa_count, sizeof(*ret->sas), by_first);
	}
	free(c.by_slot);
	free(c.by_newcomer);
	if (err)
		state_free(ret);
	return err;
}

void state_free(struct state *state)
{
	free(state->sas);
	free(state->interfaces);
	memset(state, 0, sizeof(*state));
}

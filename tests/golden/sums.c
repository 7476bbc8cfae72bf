// SPDX-License-Identifier: GPL-2.0-or-later
#include "golden/sums.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Which of the epoch's numbers came; those of an epoch that the ring does not hold: none. */
static uint32_t flags_of(const struct esp_sa *sa, uint64_t epoch)
{
	uint64_t word = sa->word[epoch % ESP_WINDOW_EPOCHS];

	return ((word >> 32) & 0x7fffffff) == (epoch & 0x7fffffff) ? (uint32_t)word : 0;
}

void sums_of(const struct esp_sa *sa, const struct esp_sa_rare *rare, struct sa_sums *ret)
{
	uint32_t carry = (uint32_t)(sa->carry >> 32);
	uint64_t oldest = sa->top - ((uint32_t)sa->top - carry), missing = 0, n;
	int started = (int)(sa->carry >> 31 & 1);

	ret->duplicate = rare->duplicate;
	ret->too_old = rare->too_old;
	ret->outlier = rare->outlier;
	ret->contended = rare->contended;
	ret->lost = rare->lost;
	ret->late = rare->late;
	ret->late_max = rare->late_max;
	ret->restarts = rare->restarts;
	memcpy(ret->late_distance, rare->late_distance, sizeof(ret->late_distance));
	memcpy(ret->burst_length, rare->burst_length, sizeof(ret->burst_length));
	ret->first = started ? rare->first : 0;
	ret->highest = 0;
	ret->pending = 0;
	for (n = oldest * 32; n < (sa->top + 1) * 32; n++) {
		if (flags_of(sa, n / 32) >> (n % 32) & 1) {
			if (!started) {
				ret->first = n;
				started = 1;
				missing = 0;
			}
			ret->pending += missing;
			missing = 0;
			ret->highest = n;
		} else {
			missing++;
		}
	}
}

void sums_of_slot(const struct esp_tables *t, __u32 slot, struct sa_sums *ret)
{
	const struct esp_sa_rare *rare = esp_rare_at(t, slot);

	memset(ret, 0, sizeof(*ret));
	ret->slot = slot;
	sums_of(esp_sa_at(t, slot), rare, ret);
	ret->received = rare->confirmed;
	for (uint32_t cpu = 0; cpu < t->cfg.cpus; cpu++) {
		const struct esp_lane *lane = esp_lane_at(t, slot, cpu);

		ret->packets += lane->packets;
		ret->bytes += lane->bytes;
		ret->received += lane->received;
	}
}

int sums_find(const struct esp_tables *t, __u32 spi)
{
	for (uint32_t slot = 0; slot <= t->cfg.sa_mask; slot++)
		if (t->sa[slot].key.id && t->sa[slot].key.id >> 32 == spi)
			return (int)slot;
	return -1;
}

const char *sums_broken(const struct sa_sums *s)
{
	if (s->packets != s->received + s->duplicate + s->too_old + s->outlier + s->contended)
		return "packets = received + duplicate + too_old + outlier";
	if (!s->restarts && s->received && s->highest - s->first + 1 != s->received + s->lost + s->pending)
		return "highest - first + 1 = received + lost + pending";
	if (s->late > s->received)
		return "late is part of received";
	return NULL;
}

void sums_of_tables(const struct esp_tables *t, struct table_sums *ret)
{
	uint64_t i;

	memset(ret, 0, sizeof(*ret));
	for (i = 0; i <= t->cfg.sa_mask; i++) {
		ret->slots_used += t->sa[i].key.id != 0;
		for (uint32_t cpu = 0; t->sa[i].key.id && cpu < t->cfg.cpus; cpu++)
			ret->in_slots += t->lane[i * t->cfg.cpus + cpu].packets;
	}
	for (i = 0; i <= t->cfg.new_mask; i++)
		for (uint32_t way = 0; way < ESP_NEW_WAYS; way++)
			if (t->newcomer[i].way[way].key.id)
				ret->in_newcomers += t->newcomer[i].way[way].packets;
	for (i = 0; i < t->cfg.cpus; i++) {
		ret->evicted += t->cpu[i].loss[ESP_LOSS_EVICTED];
		ret->refused += t->cpu[i].loss[ESP_LOSS_REFUSED];
		ret->contended += t->cpu[i].loss[ESP_LOSS_CONTENDED];
	}
	for (i = 0; i < (uint64_t)ESP_IF_SLOTS * 3 * t->cfg.cpus; i++) {
		static const struct esp_if_stats none;
		const struct esp_if_stats *s = &t->stats[i];

		if (memcmp(s, &none, sizeof(none)) == 0)
			continue;
		ret->seen += s->seen;
		for (int k = 0; k < ESP_CLASS_COUNT; k++)
			ret->classes += s->cls[k];
		for (int k = 0; k < ESP_REASON_COUNT; k++)
			ret->rejected += s->rejected[k];
		ret->sa_class += s->cls[ESP_CLASS_ESP] + s->cls[ESP_CLASS_ESP_UDP] + s->cls[ESP_CLASS_AH];
	}
}

const char *sums_tables_broken(const struct esp_tables *t)
{
	struct table_sums s;

	sums_of_tables(t, &s);
	if (s.seen != s.classes + s.rejected)
		return "seen = sum of classes + sum of rejected";
	if (s.sa_class != s.in_slots + s.in_newcomers + s.evicted + s.refused)
		return "ESP and AH packets = packets in entries + evicted + refused";
	return NULL;
}

static int same(const char *name, const void *a, const void *b, size_t count, size_t size)
{
	const uint8_t *x = a, *y = b;

	if (memcmp(a, b, count * size) == 0)
		return 1;
	for (size_t i = 0; i < count * size; i++) {
		if (x[i] == y[i])
			continue;
		fprintf(stderr, "%s[%zu] differs at byte %zu: 0x%02x, 0x%02x\n", name, i / size, i % size,
			x[i], y[i]);
		return 0;
	}
	return 1;
}

const char *tables_differ(const struct esp_tables *a, const struct esp_tables *b)
{
	size_t slots = a->cfg.sa_mask + 1UL, cpus = a->cfg.cpus;
	static const enum esp_loss losses[] = {ESP_LOSS_EVICTED, ESP_LOSS_REFUSED,
					       ESP_LOSS_FRAGMENTS_UNTRACKED, ESP_LOSS_CONTENDED};

	if (!same("esp_sa", a->sa, b->sa, slots, sizeof(*a->sa)))
		return "esp_sa";
	if (!same("esp_rare", a->rare, b->rare, slots, sizeof(*a->rare)))
		return "esp_rare";
	if (!same("esp_lane", a->lane, b->lane, slots * cpus, sizeof(*a->lane)))
		return "esp_lane";
	if (!same("esp_known", a->known, b->known, slots, sizeof(*a->known)))
		return "esp_known";
	if (!same("esp_new", a->newcomer, b->newcomer, a->cfg.new_mask + 1UL, sizeof(*a->newcomer)))
		return "esp_new";
	if (!same("esp_frag", a->fragment, b->fragment, a->cfg.fragment_mask + 1UL, sizeof(*a->fragment)))
		return "esp_frag";
	if (!same("esp_stats", a->stats, b->stats, ESP_IF_SLOTS * 3 * cpus, sizeof(*a->stats)))
		return "esp_stats";
	for (size_t cpu = 0; cpu < cpus; cpu++)
		if (!same("esp_percpu.retired", a->cpu[cpu].retired, b->cpu[cpu].retired, ESP_SUMS,
			  sizeof(a->cpu->retired[0])))
			return "esp_percpu";
	for (size_t cpu = 0; cpu < cpus; cpu++) /* the rate of events is the ring buffer's business */
		for (size_t i = 0; i < sizeof(losses) / sizeof(losses[0]); i++)
			if (a->cpu[cpu].loss[losses[i]] != b->cpu[cpu].loss[losses[i]])
				return "losses";
	return NULL;
}

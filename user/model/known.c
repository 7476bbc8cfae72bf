/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/known.h"

#include "espial/table.h"

static uint64_t packets_of(const struct esp_tables *t, uint32_t slot)
{
	uint64_t packets = 0;

	for (uint32_t cpu = 0; cpu < t->cfg.cpus; cpu++)
		packets += ESP_READ(esp_lane_at(t, slot, cpu)->packets);
	return packets;
}

/* The datapath's clock may have been read a little before a packet that it has stamped. */
static bool is_over(const struct esp_tables *t, const struct esp_sa_known *known, uint64_t now)
{
	return (int64_t)(now - known->since) >= (int64_t)t->cfg.grace;
}

static void enter(struct esp_sa_known *known, enum esp_known_state state, uint64_t now, uint64_t packets)
{
	known->since = now;
	known->base = packets;
	ESP_WRITE(known->state, state);
}

static void step_in(struct esp_sa_known *known, uint64_t now, uint64_t packets)
{
	switch (known->state) {
	case ESP_KNOWN_IN:
		return;
	case ESP_KNOWN_EARLY:
	case ESP_KNOWN_LATE:
		known->grace += packets - known->base;
		break;
	case ESP_KNOWN_UNKNOWN:
		known->unknown += packets - known->base;
		break;
	}
	enter(known, ESP_KNOWN_IN, now, packets);
}

static void step_out(const struct esp_tables *t, struct esp_sa_known *known, uint64_t now, uint64_t packets)
{
	switch (known->state) {
	case ESP_KNOWN_NOT_LOOKED_UP:
		enter(known, ESP_KNOWN_EARLY, now, packets);
		break;
	case ESP_KNOWN_IN:
		enter(known, ESP_KNOWN_LATE, now, packets);
		break;
	case ESP_KNOWN_EARLY: /* from its start on */
		if (is_over(t, known, now))
			ESP_WRITE(known->state, ESP_KNOWN_UNKNOWN);
		break;
	case ESP_KNOWN_LATE:
		if (is_over(t, known, now)) {
			known->grace += packets - known->base;
			enter(known, ESP_KNOWN_UNKNOWN, now, packets);
		}
		break;
	}
}

/* Nobody tells any more. What has been counted stays. */
static void step_off(struct esp_sa_known *known, uint64_t now, uint64_t packets)
{
	if (known->state == ESP_KNOWN_UNKNOWN)
		known->unknown += packets - known->base;
	enter(known, ESP_KNOWN_NOT_LOOKED_UP, now, packets);
}

static void step(struct esp_tables *t, uint32_t slot, uint64_t now, int in_sadb)
{
	struct esp_sa_known *known = esp_known_at(t, slot);
	const struct esp_sa *sa = esp_sa_at(t, slot);
	uint32_t generation = ESP_READ(sa->generation);
	uint64_t packets;

	if (!known || generation & 1 || !ESP_READ(sa->key.id))
		return; /* being given to an SA at this moment: the next sweep */
	if (in_sadb > 0 && known->state == ESP_KNOWN_IN)
		return;
	if (in_sadb < 0 && known->state == ESP_KNOWN_NOT_LOOKED_UP)
		return;
	packets = packets_of(t, slot);
	if (in_sadb > 0)
		step_in(known, now, packets);
	else if (!in_sadb)
		step_out(t, known, now, packets);
	else
		step_off(known, now, packets);
	/* The slot went to another SA meanwhile, which takes minutes of silence: it begins anew. */
	if (ESP_READ(sa->generation) != generation) {
		known->unknown = known->grace = 0;
		enter(known, ESP_KNOWN_NOT_LOOKED_UP, now, 0);
	}
}

void known_change(struct esp_tables *t, const struct esp_sa_key *key, uint64_t now, bool in_sadb)
{
	for (enum esp_direction direction = ESP_DIR_IN; direction <= ESP_DIR_OUT; direction++) {
		struct esp_sa_key directed = *key;
		uint32_t slot;

		directed.id = ESP_SADB_ID(key->id) | direction;
		slot = esp_find(t, &directed, esp_sa_hash(&directed, t->cfg.seed));
		if (slot != ESP_NO_SLOT)
			step(t, slot, now, in_sadb);
	}
}

void known_sweep(struct esp_tables *t, uint64_t now)
{
	for (uint32_t slot = 0; slot <= t->cfg.sa_mask; slot++) {
		struct esp_sa_key key = t->sa[slot].key;

		if (!key.id)
			continue;
		key.id = ESP_SADB_ID(key.id);
		step(t, slot, now, t->in_sadb ? t->in_sadb(t->in_sadb_arg, &key) : -1);
	}
}

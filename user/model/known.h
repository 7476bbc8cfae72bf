/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * known.h - SAs of the datapath against the kernel's SADB: which packets came for an SA that was not in there
 *
 * The datapath asks the SADB's mirror once per SA, when it gives it a place. From then on this module keeps struct
 * esp_sa_known, by what the agent hears of the SADB: a state, and the SA's packets when it began, so that every packet is
 * counted in exactly one state and none pays for it.
 *
 *   EARLY    not in the SADB so far. Added within cfg.grace of its first packet, its packets so far are grace: the peer was
 *            quicker than our side (a rekey). Else all of them were unknown.
 *   IN       in the SADB.
 *   LATE     removed less than cfg.grace ago: packets still under way, grace.
 *   UNKNOWN  not in the SADB: each packet is dropped by the kernel, for want of an SA.
 *
 * A change counts from when the agent hears of it, some milliseconds after the kernel made it; grace covers that. No
 * I/O, no clock: `now` is in ticks of the datapath's clock.
 */
#ifndef ESPIAL_MODEL_KNOWN_H
#define ESPIAL_MODEL_KNOWN_H

#include <stdbool.h>
#include <stdint.h>

#include "source/tables.h"

/* The SA `key` (id as ESP_SADB_ID() makes it) was added to or removed from the SADB. */
void known_change(struct esp_tables *t, const struct esp_sa_key *key, uint64_t now, bool in_sadb);

/*
 * Brings all SAs up to `now`, by t->in_sadb, which is asked with ids of ESP_SADB_ID(): ends grace, and finds what
 * known_change() was not told. To be called every second or so. NULL there: what the SADB has is no longer known.
 */
void known_sweep(struct esp_tables *t, uint64_t now);

#endif

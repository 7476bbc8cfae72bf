/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bpf_sadb.h - the kernel's SADB mirrored into the datapath
 *
 * The datapath asks the mirror when it meets an SA for the first time: one that is in there is given its place at
 * once. While the mirror is kept, packets of SAs that are not in the SADB are counted as unknown; model/known.h tells how.
 *
 * What XFRM tells is passed on as it comes: live_sadb_add() and live_sadb_remove(), and live_sadb_keep() when the first dump
 * is through, before which nothing that is missing means anything.
 */
#ifndef ESPIAL_SOURCE_BPF_SADB_H
#define ESPIAL_SOURCE_BPF_SADB_H

#include <stdbool.h>
#include <stddef.h>

#include "model/fact.h"
#include "source/bpf_live.h"

/*
 * 0, -ENOMEM, or -ENOSPC: more SAs than `sa_capacity` twice over, and the mirror is no longer kept. ESP and AH only,
 * others are passed over. SAs that differ in their marks alone are one.
 */
int live_sadb_add(struct live *live, const struct fact_sa *sa);
void live_sadb_remove(struct live *live, const struct fact_sa *sa);
/* From now on what is not in the mirror is not in the SADB; false: nobody tells any more. */
int live_sadb_keep(struct live *live, bool keep);
/* To be called every second: grace ends. */
int live_sadb_tick(struct live *live);

/* SAs in the mirror, each once. */
size_t live_sadb_count(const struct live *live);

/* For live_close(). */
void live_sadb_free(struct live *live);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rule_episode.h - counters of the kernel, which only ever grow, as what went wrong lately */
#ifndef ESPIAL_DIAGNOSE_RULE_EPISODE_H
#define ESPIAL_DIAGNOSE_RULE_EPISODE_H

#include "diagnose/rule.h"

/*
 * Is this the first look of the rule (or the first after its sources were away)? Then what counters already hold says nothing about
 * now; later, a counter that was never shown to rule_episode() was 0 until now. Once in each run.
 */
bool rule_episode_first(struct rule_run *r);

/*
 * What `total` gained since it last stood still for a minute; 0: nothing in this look. Once in each run for each subject. Callers may leave
 * out totals of 0.
 */
uint64_t rule_episode(struct rule_run *r, const struct rule_subject *subject, uint64_t total, bool first);

#endif

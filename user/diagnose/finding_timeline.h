/* SPDX-License-Identifier: GPL-2.0-or-later */
/* finding_timeline.h - a finding that was raised or cleared, as an entry of the timeline */
#ifndef ESPIAL_DIAGNOSE_FINDING_TIMELINE_H
#define ESPIAL_DIAGNOSE_FINDING_TIMELINE_H

#include "diagnose/finding.h"
#include "model/timeline.h"

/*
 * After findings_finish(). At `now_ns`, when it was raised or cleared: what was told before must not be contradicted by an entry that is dated
 * back. Since or until when it was so is its first evidence, where that is earlier.
 */
void finding_timeline(const struct finding *f, bool raised, uint64_t now_ns, struct timeline_entry *ret);

#endif

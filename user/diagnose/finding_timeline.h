/* SPDX-License-Identifier: GPL-2.0-or-later */
/* finding_timeline.h - a finding that was raised or cleared, as an entry of the timeline */
#ifndef ESPIAL_DIAGNOSE_FINDING_TIMELINE_H
#define ESPIAL_DIAGNOSE_FINDING_TIMELINE_H

#include "diagnose/finding.h"
#include "model/timeline.h"

/* After findings_finish(). Raised: at since_ns, or `now_ns` when that is not known; cleared: at until_ns. */
void finding_timeline(const struct finding *f, bool raised, uint64_t now_ns, struct timeline_entry *ret);

#endif

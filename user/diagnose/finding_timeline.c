// SPDX-License-Identifier: GPL-2.0-or-later
#include "diagnose/finding_timeline.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "diagnose/catalogue.h"
#include "model/address.h"

void finding_timeline(const struct finding *f, bool raised, uint64_t now_ns, struct timeline_entry *ret)
{
	static const enum timeline_origin origins[ORIGINS] = {
		[ORIGIN_WIRE] = TIMELINE_FROM_WIRE,   [ORIGIN_KERNEL] = TIMELINE_FROM_KERNEL,
		[ORIGIN_VICI] = TIMELINE_FROM_VICI,   [ORIGIN_LOG] = TIMELINE_FROM_LOG,
		[ORIGIN_PROBE] = TIMELINE_FROM_PROBE, [ORIGIN_PEER] = TIMELINE_FROM_PEER};
	uint64_t at = raised ? f->since_ns : f->until_ns;

	memset(ret, 0, sizeof(*ret));
	ret->time_ns = now_ns;
	ret->kind = raised ? TIMELINE_FINDING_RAISED : TIMELINE_FINDING_CLEARED;
	ret->severity = raised ? (enum timeline_severity)f->severity : TIMELINE_INFO;
	ret->confidence = (enum timeline_confidence)f->confidence;
	ret->origin = f->evidence_count ? origins[f->evidence[0].origin] : TIMELINE_FROM_SELF;
	ret->spi = f->has_spi ? f->spi : 0;
	snprintf(ret->tunnel, sizeof(ret->tunnel), "%s", f->tunnel ? f->tunnel : "");
	snprintf(ret->id, sizeof(ret->id), "%s", catalogue_row(f->id)->id);
	snprintf(ret->text, sizeof(ret->text), "%s%s",
		 raised ? "" : "no more: ", f->meaning ? f->meaning : "");
	address_parse(f->peer, ret->peer);
	if (at && at < now_ns)
		timeline_evidence_add(ret, ret->origin, at, raised ? "since" : "until", "%s", "");
	for (size_t i = 0; i < f->evidence_count; i++) {
		const struct finding_evidence *e = &f->evidence[i];

		if (e->has_number)
			timeline_evidence_add(ret, origins[e->origin], e->at_ns, e->what, "%" PRIu64,
					      e->number);
		else
			timeline_evidence_add(ret, origins[e->origin], e->at_ns, e->what, "%s",
					      e->text ? e->text : "");
	}
}

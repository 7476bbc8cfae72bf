/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ike_timeline.h - what the conversation tracker tells, as entries of the timeline */
#ifndef ESPIAL_MODEL_IKE_TIMELINE_H
#define ESPIAL_MODEL_IKE_TIMELINE_H

#include "model/conversation.h"
#include "model/timeline.h"

/*
 * The entry for `event`; `local` is the side of the IKE SA that is ours. False: nothing worth a line (an answered DPD is
 * the normal course of things: ike_timeline_last_good() tells of the last one when it matters).
 */
bool ike_timeline_entry(const struct conversation_event *event, enum conversation_side local,
			struct timeline_entry *ret);

/* Is what comes now (a first retransmission, a fall) a reason to tell of the last good exchange before it? */
bool ike_timeline_wants_last_good(const struct conversation_event *event);

/* The last answered exchange of this IKE SA before `time_ns`. False: none is kept. */
bool ike_timeline_last_good(const struct conversation_sa *sa, enum conversation_side local, uint64_t time_ns,
			    struct timeline_entry *ret);

#endif

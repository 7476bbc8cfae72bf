/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log_wire.h - what a capture of the same time says to the findings of a log
 *
 * Joined by the address of the peer and by time. Adds evidence from the wire: the last exchange that was answered, how the IKE SA
 * ended there, and whether ESP of the peer came when its IKE was silent. Pure.
 */
#ifndef ESPIAL_DIAGNOSE_LOG_WIRE_H
#define ESPIAL_DIAGNOSE_LOG_WIRE_H

#include "diagnose/finding.h"
#include "model/conversation.h"
#include "model/state.h"

/* After log_diagnose(). 0 or -ENOMEM. */
int log_wire_join(struct findings *findings, const struct conversations *conversations,
		  const struct state *state);

#endif

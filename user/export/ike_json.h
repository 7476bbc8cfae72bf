/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ike_json.h - IKE conversations as the ike_sas[] of output.md
 *
 * Beside the fields listed there: confidence, reason and evidence of the state; address changes; IKEv1 steps; per exchange the
 * times of retransmissions, kind and outcome with their confidence; who asked for certificates in clear; how many requests were in
 * flight at most; `altered` where a retransmission was not the same message. What is not known is null or left out, never 0.
 */
#ifndef ESPIAL_EXPORT_IKE_JSON_H
#define ESPIAL_EXPORT_IKE_JSON_H

#include "export/json_writer.h"
#include "model/conversation.h"

/* One array under `key`; NULL conversations: an empty one. */
void export_ike_sas(struct json_writer *w, const char *key, const struct conversations *conversations);
/* As far as tables show them: of the exchanges the latest, and nothing of what was offered. For many IKE SAs at once. */
void export_ike_sas_brief(struct json_writer *w, const char *key, const struct conversations *conversations);
/* One element of it. */
void export_ike_sa(struct json_writer *w, const struct conversation_sa *sa);
/* The tracker's own counters, an object under `key`. */
void export_ike_tracker(struct json_writer *w, const char *key, const struct conversations *conversations);

#endif

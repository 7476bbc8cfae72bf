/* SPDX-License-Identifier: GPL-2.0-or-later */
/* diagnosis_json.h - what the engine knows, as JSON */
#ifndef ESPIAL_EXPORT_DIAGNOSIS_JSON_H
#define ESPIAL_EXPORT_DIAGNOSIS_JSON_H

#include "export/json_writer.h"
#include "model/state.h"

/* findings[], findings_cleared[] and findings_undecided[] of an object; empty without a diagnosis. */
void export_diagnosis(struct json_writer *w, const struct state *state);

/*
 * A document of these alone with the state of each tunnel: {"espial", "source", "findings", "findings_cleared",
 * "findings_undecided", "tunnels": [{"name", "remote", "state"}]}. malloc'ed; NULL: no memory.
 */
char *export_diagnosis_json(const struct state *state, size_t *ret_length);

#endif

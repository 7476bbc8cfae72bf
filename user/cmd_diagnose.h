/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmd_diagnose.h - the whole catalogue for `espial diagnose --all`: what was found, what not, what could not be decided
 *
 * `document` is the agent's diagnosis, `chosen` what is shown of its findings.
 */
#ifndef ESPIAL_CMD_DIAGNOSE_H
#define ESPIAL_CMD_DIAGNOSE_H

#include <stdio.h>

#include <jansson.h>

#include "ui/ui.h"

/*
 * {"findings": chosen, "catalogue": [{"id", "state": "found"|"cleared"|"explained"|"undecided"|"not-found", "needs": [...]}]},
 * one row for each finding that there is. NULL: no memory.
 */
json_t *diagnose_all(const json_t *document, json_t *chosen);
/* The same for people: what could not be decided and what it would need, and what was looked for and is not so. */
void diagnose_print_all(const json_t *document, const json_t *chosen, const struct ui_options *ui);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* finding_read.h - findings[] of a document back into findings, to be shown as those made here */
#ifndef ESPIAL_UI_FINDING_READ_H
#define ESPIAL_UI_FINDING_READ_H

#include <jansson.h>

#include "diagnose/finding.h"

/*
 * Appends what `array` holds; findings with an id of another version are left out, and counted in *ret_unknown (may be NULL).
 * Members that are missing stay empty. 0 or -ENOMEM. Not to be finished again: sentences come from the document.
 */
int finding_read(const json_t *array, struct findings *list, size_t *ret_unknown);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* finding_json.h - findings[] of output.md */
#ifndef ESPIAL_EXPORT_FINDING_JSON_H
#define ESPIAL_EXPORT_FINDING_JSON_H

#include "diagnose/finding.h"
#include "export/json_writer.h"

/* The array, as member `key`. After findings_finish(). Beside what output.md lists: action, shape, last_good, explains. */
void finding_json_write(struct json_writer *w, const char *key, const struct findings *list);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unknown_json.h - packets of SPIs that the kernel does not have, by peer, as JSON */
#ifndef ESPIAL_EXPORT_UNKNOWN_JSON_H
#define ESPIAL_EXPORT_UNKNOWN_JSON_H

#include "export/json_writer.h"
#include "model/unknown.h"

/*
 * null where the kernel does not tell what it has; else what came since the agent began:
 *
 *   {"packets": n,                          # of all peers
 *    "others": n,                           # of those, of peers that are not listed or not known
 *    "peers": [{"peer": address, "packets": n,
 *               "estimated": n,             # of those, shared out by a sample and not counted one by one
 *               "first": time, "last": time}]}
 */
void export_unknown(struct json_writer *w, const char *key, const struct unknown_peers *unknown);

#endif

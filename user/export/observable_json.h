/* SPDX-License-Identifier: GPL-2.0-or-later */
/* observable_json.h - SAs of the kernel whose packets the datapath does not see, as JSON */
#ifndef ESPIAL_EXPORT_OBSERVABLE_JSON_H
#define ESPIAL_EXPORT_OBSERVABLE_JSON_H

#include "export/json_writer.h"
#include "model/state.h"

/*
 * An array, empty where everything is seen:
 *
 *   {"tunnel", "direction": "in"|"out", "protocol": "esp"|"ah", "destination", "spi": "0x…",
 *    "reason": "packet_offload"|"gro"|"unhooked", "text": a sentence with the remedy,
 *    "packets": n, "bytes": n}                          # the kernel's; bytes of the packets inside
 */
void export_not_observable(struct json_writer *w, const char *key, const struct state *state);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* host_json.h - what the kernel counts for the whole host, as JSON */
#ifndef ESPIAL_EXPORT_HOST_JSON_H
#define ESPIAL_EXPORT_HOST_JSON_H

#include "export/json_writer.h"
#include "model/host.h"

/*
 * An object, or null for NULL and before the first look:
 *
 *   {"taken": time, "xfrm": {"XfrmInNoStates": n, …} | null,
 *    "drops": [{"interface", "packet": "outer"|"inner"|"other", "reason", "packets"}] | null, "drops_unlisted": n,
 *    "nics": [{"interface", "rx_dropped", "rx_missed", "rx_errors", "tx_dropped", "tx_errors"}],
 *    "softnet": {"processed", "dropped", "squeezed"} | null,
 *    "cpu": {"softirq_permille", "busy_permille"} | null, "esp4_offload": bool, "esp6_offload": bool}
 *
 * Counters are since boot, `drops` since the agent started.
 */
void export_host(struct json_writer *w, const char *key, const struct host_facts *host);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inner_json.h - what was seen on inner interfaces, as JSON */
#ifndef ESPIAL_EXPORT_INNER_JSON_H
#define ESPIAL_EXPORT_INNER_JSON_H

#include "export/json_writer.h"
#include "model/state.h"

/*
 * An object; null where no inner interface is watched:
 *
 *   {"interfaces": [{"name", "ifindex", "ingress", "egress", "note", "up", "mtu", "in": side, "out": side}],
 *    "matched": n, "unmatched": n,
 *    "tunnels": [{"tunnel", "mss4": n|null, "mss6": n|null, "in": told, "out": told, "too_big": errors|null,
 *                 "too_big_forwarded": errors|null}]}
 *
 *   side: {"seen", "kinds": {"other", "syn", "too_big", "unreachable"}, "own": {the same}, "rejected": {reason: n}, "missed",
 *          "ipv4": mss, "ipv6": mss};  seen = sum of kinds + sum of rejected
 *   mss: {"syn", "syn_ack", "without_mss", "garbled", "min": n|null, "max": n|null, "largest_of": {"1460": n, …}};
 *          syn + syn_ack = without_mss + garbled + sum of largest_of, whose keys are upper bounds
 *   told: {"syn", "syn_ack", "without_mss", "max": n|null, "latest": n|null, "last": time, "recent": n, "recent_above": n}
 *   errors: {"packets", "mtu": n|null, "host", "target", "first": time, "last": time}
 *
 * "in" arrived by the interface, from an inner host; "out" left by it, after any clamp of this host. matched + unmatched + the sum of
 * missed = all SYNs and "too big" of all interfaces, but for those still on their way.
 */
void export_inner(struct json_writer *w, const char *key, const struct state *state);

#endif

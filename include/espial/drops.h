/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * drops.h - packets that this host dropped: between drops.bpf.c and source/bpf_drops.c
 *
 * What the kernel frees as dropped and what concerns IPsec, by interface, reason and kind. Numbers are in host order.
 */
#ifndef ESPIAL_DROPS_H
#define ESPIAL_DROPS_H

#include <linux/types.h>

#include "espial/abi.h"

#define ESP_DROP_KEYS 512 /* at most so many different ones; packets of others are counted as one */

/* What was dropped. */
enum esp_drop_kind {
	ESP_DROP_OUTER, /* ESP, AH, IKE, ESP in UDP */
	ESP_DROP_INNER, /* came out of an SA, or was to go into one */
	ESP_DROP_OTHER, /* neither, but too big */
	ESP_DROP_KINDS
};

struct esp_drop_key {
	__u32 ifindex; /* 0: on no device yet */
	__u32 reason; /* enum skb_drop_reason of the running kernel; ESP_DROP_UNTOLD on those that have none */
	__u32 kind;
};

#define ESP_DROP_UNTOLD 0

/* Set before the program is loaded. */
struct esp_drop_config {
	__u32 netns; /* inode number of the network namespace that is watched */
	struct esp_ports ports;
};

_Static_assert(sizeof(struct esp_drop_key) == 12, "no padding in a key");

#endif

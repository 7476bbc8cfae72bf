/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * firewall.h - this host's NAT rules, read now and then by way of the firewall's own programs
 *
 * nft writes what nftables has, and iptables-save what iptables has, whichever of the two kinds it is; nothing is changed, and no
 * module is loaded by it. For one loop: nothing blocks, one program runs at a time, and none for long.
 */
#ifndef ESPIAL_SOURCE_FIREWALL_H
#define ESPIAL_SOURCE_FIREWALL_H

#include "model/firewall.h"

struct firewall_source;

int firewall_open(struct firewall_source **ret); /* 0 or -ENOMEM */
void firewall_close(struct firewall_source *s);	 /* ends what runs; NULL is fine */

/* Every second or so; since the epoch. */
void firewall_tick(struct firewall_source *s, uint64_t now_ns);
/* As it was when it was last read; valid until the next tick. */
const struct firewall *firewall_now(const struct firewall_source *s);

#endif

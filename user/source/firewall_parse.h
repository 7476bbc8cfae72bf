/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * firewall_parse.h - the dialects of a firewall, as text, into NAT rules. Pure.
 *
 * Each adds to what is there. 0, -EBADMSG (it is something else), or -ENOMEM; what was added until then stays.
 */
#ifndef ESPIAL_SOURCE_FIREWALL_PARSE_H
#define ESPIAL_SOURCE_FIREWALL_PARSE_H

#include "model/firewall.h"

/* nft -j list ruleset */
int firewall_read_nft(const char *text, size_t size, struct firewall *ret);
/* iptables-save -t nat */
int firewall_read_iptables(const char *text, size_t size, struct firewall *ret);

/* ---- what they share */

enum parsed { PARSED, PARSED_UNKNOWN, PARSED_NO_MEMORY };

enum parsed firewall_parse_address(struct firewall_match *match, const char *text, int bits);
/* A protocol, a port or a family by its name or number. */
bool firewall_parse_word(enum firewall_field field, const char *text, unsigned int *ret);

#endif

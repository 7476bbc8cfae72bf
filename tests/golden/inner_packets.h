/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inner_packets.h - packets of inner interfaces written down once, with what they tell: rows of inner_packets.def
 *
 * Built with packets.h; addresses are its PACKET_SOURCE4 and PACKET_DESTINATION4, and those of its IPv6.
 */
#ifndef ESPIAL_TESTS_GOLDEN_INNER_PACKETS_H
#define ESPIAL_TESTS_GOLDEN_INNER_PACKETS_H

#include "golden/packets.h"

#include "espial/inner.h"

struct inner_case {
	const char *name;
	enum esp_link link;
	enum esp_reason bad; /* ESP_OK: the next three say what it tells */
	enum esp_inner_kind kind;
	uint8_t flags;
	uint32_t value;
	void (*recipe)(struct packet *b);
};

extern const struct inner_case inner_cases[];
extern const size_t inner_case_count;

void inner_build(const struct inner_case *c, struct packet *ret);

#endif

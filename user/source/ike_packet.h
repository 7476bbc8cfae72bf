/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ike_packet.h - from an IP packet that the classifier called IKE to what the conversation tracker takes: live and offline alike */
#ifndef ESPIAL_SOURCE_IKE_PACKET_H
#define ESPIAL_SOURCE_IKE_PACKET_H

#include "espial/classify.h"
#include "model/conversation.h"

/*
 * `ip` starts at the IP header; `captured` bytes of `length` are there. False when it is no IKE message after all. ret->message
 * points into `ip`.
 */
bool ike_packet_find(const struct esp_ports *ports, const uint8_t *ip, uint32_t captured, uint32_t length,
		     uint64_t time_ns, struct conversation_packet *ret);

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/ike_packet.h"

#include <string.h>

#include "model/address.h"

static struct conversation_endpoint endpoint(const uint8_t *ip, unsigned int end, uint16_t port)
{
	struct conversation_endpoint ret = {.port = port};

	if (ip[0] >> 4 == 4)
		address_from_v4(ip + 12 + 4 * end, ret.address); /* RFC 791 section 3.1 */
	else
		memcpy(ret.address, ip + 8 + 16 * end, 16); /* RFC 8200 section 3 */
	return ret;
}

/* The classifier has looked at every header up to the IKE header: they are there. */
bool ike_packet_find(const struct esp_ports *ports, const uint8_t *ip, uint32_t captured, uint32_t length,
		     uint64_t time_ns, struct conversation_packet *ret)
{
	struct esp_packet p = {0};
	uint32_t at, udp;

	if (esp_classify(ip, ip + captured, length, ESP_LINK_IP, ports, &p) ||
	    (p.cls != ESP_CLASS_IKE && p.cls != ESP_CLASS_IKE_NATT))
		return false;
	at = p.r.ip_length - p.payload_length;
	udp = esp_be16(((const struct esp_udp *)(ip + at))->length_be);
	if (p.cls == ESP_CLASS_IKE_NATT) {
		at += sizeof(struct esp_natt_marker);
		udp -= sizeof(struct esp_natt_marker);
	}
	at += sizeof(struct esp_udp);
	udp -= sizeof(struct esp_udp);
	*ret = (struct conversation_packet){
		.time_ns = time_ns,
		.source = endpoint(ip, 0, p.r.source_port),
		.destination = endpoint(ip, 1, p.r.destination_port),
		.ip_fragments = p.flags & ESP_PKT_FIRST,
		.message = ip + at,
		.captured = captured - at < udp ? captured - at : udp,
		.length = udp,
	};
	return true;
}

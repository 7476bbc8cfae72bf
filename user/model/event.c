// SPDX-License-Identifier: GPL-2.0-or-later
/* event.c - what the datapath gives whole, decoded as far as the headers */
#include "model/event.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "espial/classify.h"

static void copy_name(char ret[STATE_NAME], const char *name)
{
	size_t i;

	for (i = 0; name && name[i] && i < STATE_NAME - 1; i++)
		ret[i] = name[i] >= ' ' && name[i] <= '~' ? name[i]
							  : '?'; /* the kernel allows nearly every byte */
	ret[i] = '\0';
}

static void copy_address(struct event_address *ret, const void *bytes, uint16_t port)
{
	memcpy(ret->bytes, bytes, sizeof(ret->bytes));
	ret->port = port;
}

static void decode_ike(const uint8_t *message, size_t captured, size_t wire, struct event *ret)
{
	struct ike_message m;
	uint32_t offset;

	ret->ike_fault = ike_parse(message, captured, wire, &m, &offset);
	if (ike_is_fault(ret->ike_fault))
		ret->fault = ike_fault_name(ret->ike_fault);
	ret->ike = (struct event_ike){
		.header_valid = m.header_valid,
		.truncated = ret->ike_fault == IKE_TRUNCATED,
		.initiator_spi = m.initiator_spi,
		.responder_spi = m.responder_spi,
		.message_id = m.message_id,
		.length = m.length,
		.major = m.major,
		.minor = m.minor,
		.exchange = m.exchange,
		.flags = m.flags,
	};
	if (!ret->fault) {
		ret->ike.fragment = m.fragment.number;
		ret->ike.fragments = m.fragment.total;
	}
}

/* RFC 1191: unreachable 3/4 and the lower half of the word; RFC 4443: type 2 and all of it. */
static uint32_t mtu_of(uint8_t family, const struct esp_icmp *h)
{
	if (family == 4)
		return h->type == 3 && h->code == 4 ? esp_be32(h->rest_be) & 0xffff : 0;
	return h->type == 2 ? esp_be32(h->rest_be) : 0;
}

static void decode_icmp(const uint8_t *message, size_t captured, const struct esp_ports *ports,
			struct event *ret)
{
	struct esp_packet quote;
	struct esp_icmp h;

	if (captured < sizeof(h)) {
		ret->fault = esp_reason_name(ESP_BAD_ICMP_SHORT);
		return;
	}
	memcpy(&h, message, sizeof(h));
	ret->icmp.type = h.type;
	ret->icmp.code = h.code;
	ret->icmp.mtu = mtu_of(ret->family, &h);
	/* Errors quote a beginning only: what its lengths say is not there, and not amiss. */
	memset(&quote, 0, sizeof(quote));
	esp_classify(message + sizeof(h), message + captured, ESP_WIRE_UNKNOWN, ESP_LINK_IP, ports, &quote);
	if (quote.family != ret->family) {
		ret->fault = esp_reason_name(ESP_BAD_ICMP_QUOTE_SHORT);
		return;
	}
	ret->icmp.quoted = true;
	ret->icmp.protocol = quote.protocol;
	ret->icmp.spi = quote.spi;
	ret->icmp.has_spi = quote.spi != 0;
	copy_address(&ret->icmp.source, quote.r.src, quote.r.source_port);
	copy_address(&ret->icmp.destination, quote.key.dst, quote.r.destination_port);
}

static int decode_packet(const struct esp_event *raw, const struct esp_ports *ports, struct event *ret)
{
	const uint8_t *ip = raw->data, *end = ip + raw->captured;
	struct esp_packet p;
	enum esp_reason bad;
	size_t header, skip, wire;

	memset(&p, 0, sizeof(p));
	bad = esp_classify(ip, end, raw->length, ESP_LINK_IP, ports, &p);
	ret->cls = raw->cls < ESP_CLASS_COUNT ? (enum esp_class)raw->cls : ESP_CLASS_OTHER;
	ret->kind = ret->cls == ESP_CLASS_ICMP_QUOTE ? EVENT_ICMP : EVENT_IKE;
	ret->family = p.family;
	copy_address(&ret->source, p.r.src, p.r.source_port);
	copy_address(&ret->destination, p.key.dst, p.r.destination_port);
	if (bad) { /* the datapath thought otherwise: only when it could not copy the packet */
		ret->fault = esp_reason_name(bad);
		return 0;
	}
	header = p.r.ip_length - p.payload_length;
	skip = header;
	if (ret->kind == EVENT_IKE)
		skip += sizeof(struct esp_udp) + (ret->cls == ESP_CLASS_IKE_NATT ? 4 : 0);
	if (skip > raw->captured) {
		ret->fault = esp_reason_name(ESP_BAD_NOT_CAPTURED);
		return 0;
	}
	if (ret->kind == EVENT_ICMP) {
		decode_icmp(ip + skip, raw->captured - skip, ports, ret);
	} else {
		struct esp_udp udp;

		/* Of a first fragment, what the whole datagram carried. */
		memcpy(&udp, ip + header, sizeof(udp));
		wire = header + esp_be16(udp.length_be);
		decode_ike(ip + skip, raw->captured - skip, wire > skip ? wire - skip : 0, ret);
	}
	return 0;
}

int event_decode(const struct esp_event *raw, size_t size, uint64_t offset_ns, const char *interface,
		 const struct esp_ports *ports, struct event *ret)
{
	if (size < sizeof(*raw))
		return -EINVAL;
	memset(ret, 0, sizeof(*ret));
	ret->time_ns = raw->time + offset_ns;
	copy_name(ret->interface, interface);
	ret->direction =
		raw->direction <= ESP_DIR_UNKNOWN ? (enum esp_direction)raw->direction : ESP_DIR_UNKNOWN;
	ret->length = raw->length;
	switch (raw->kind) {
	case ESP_EVENT_PACKET:
		if (raw->captured > size - sizeof(*raw))
			return -EINVAL;
		return decode_packet(raw, ports, ret);
	case ESP_EVENT_ENDPOINT:
		ret->kind = EVENT_ENDPOINT;
		ret->cls = ESP_CLASS_COUNT;
		ret->family = (uint8_t)(raw->sa.id >> 8);
		copy_address(&ret->destination, raw->sa.dst, 0);
		copy_address(&ret->source, raw->new_src, raw->new_port);
		ret->endpoint.spi = (uint32_t)(raw->sa.id >> 32);
		copy_address(&ret->endpoint.old, raw->old_src, raw->old_port);
		copy_address(&ret->endpoint.new, raw->new_src, raw->new_port);
		return 0;
	default:
		return -EINVAL;
	}
}

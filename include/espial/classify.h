/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * classify.h - what a packet is: one of the classes, or rejected for a named reason
 *
 * esp_classify() is the whole classifier, for every link type and hook. It decides from headers alone and keeps no
 * state: whether a later fragment belongs to one of ours is decided by the fragment table (fragment.h).
 */
#ifndef ESPIAL_CLASSIFY_H
#define ESPIAL_CLASSIFY_H

#include "parse.h"

/* Ports to recognise, host order. An unused second port repeats the first. */
struct esp_ports {
	__u16 ike[2], natt[2];
	__u64 others; /* bit n: none of them has n in its low six bits; 0: nobody has looked, and each is compared */
};

/* What is not given, 0, is the usual, or the same as the first. */
ESP_INLINE void esp_ports_settle(struct esp_ports *ports)
{
	if (!ports->ike[0])
		ports->ike[0] = ESP_PORT_IKE;
	if (!ports->ike[1])
		ports->ike[1] = ports->ike[0];
	if (!ports->natt[0])
		ports->natt[0] = ESP_PORT_NATT;
	if (!ports->natt[1])
		ports->natt[1] = ports->natt[0];
	ports->others = ~(1ULL << (ports->ike[0] & 63) | 1ULL << (ports->ike[1] & 63) |
			  1ULL << (ports->natt[0] & 63) | 1ULL << (ports->natt[1] & 63));
}

ESP_INLINE int esp_is_ike_port(const struct esp_ports *ports, __u16 port)
{
	return ESP_UNLIKELY(port == ports->ike[0]) || ESP_UNLIKELY(port == ports->ike[1]);
}

ESP_INLINE int esp_is_natt_port(const struct esp_ports *ports, __u16 port)
{
	return ESP_UNLIKELY(port == ports->natt[0]) || ESP_UNLIKELY(port == ports->natt[1]);
}

/* A first fragment must hold the whole header of its protocol; else its parts cannot be told. */
ESP_INLINE enum esp_reason esp_short_payload(const struct esp_packet *p, enum esp_reason reason)
{
	return p->flags & ESP_PKT_FIRST ? ESP_BAD_FRAGMENT_TINY : reason;
}

/* `left`: bytes of payload from the cursor on, as the headers before say. */
ESP_INLINE enum esp_reason esp_classify_esp(struct esp_cursor *c, struct esp_packet *p, __u32 left,
					    enum esp_class cls)
{
	const struct esp_esp *h = (const struct esp_esp *)c->pos;

	if (left < sizeof(*h))
		return esp_short_payload(p, ESP_BAD_ESP_SHORT);
	if (!ESP_FITS(c, sizeof(*h)))
		return esp_short(c, sizeof(*h), ESP_BAD_ESP_SHORT);
	p->spi = esp_be32(h->spi_be);
	p->r.sequence = esp_be32(h->sequence_be);
	if (!p->spi)
		return ESP_BAD_ESP_SPI_ZERO;
	p->cls = cls;
	return ESP_OK;
}

ESP_INLINE enum esp_reason esp_classify_ah(struct esp_cursor *c, struct esp_packet *p)
{
	const struct esp_ah *h = (const struct esp_ah *)c->pos;
	__u32 size;

	if (p->payload_length < sizeof(*h))
		return esp_short_payload(p, ESP_BAD_AH_SHORT);
	if (!ESP_FITS(c, sizeof(*h)))
		return esp_short(c, sizeof(*h), ESP_BAD_AH_SHORT);
	size = ((__u32)h->length + 2) * 4;
	if (size < sizeof(*h) || size > p->payload_length)
		return p->flags & ESP_PKT_FIRST && size >= sizeof(*h) ? ESP_BAD_FRAGMENT_TINY
								      : ESP_BAD_AH_LENGTH;
	p->spi = esp_be32(h->spi_be);
	p->r.sequence = esp_be32(h->sequence_be);
	if (!p->spi)
		return ESP_BAD_ESP_SPI_ZERO;
	p->cls = ESP_CLASS_AH;
	return ESP_OK;
}

ESP_INLINE enum esp_reason esp_classify_ike(struct esp_cursor *c, struct esp_packet *p, __u32 left,
					    enum esp_class cls)
{
	const struct esp_ike *h = (const struct esp_ike *)c->pos;
	__u32 length;

	if (left < sizeof(*h))
		return esp_short_payload(p, ESP_BAD_IKE_SHORT);
	if (!ESP_FITS(c, sizeof(*h)))
		return esp_short(c, sizeof(*h), ESP_BAD_IKE_SHORT);
	length = esp_be32(h->length_be);
	if (length < sizeof(*h) || (length > left && !(p->flags & ESP_PKT_FIRST)))
		return ESP_BAD_IKE_LENGTH;
	p->cls = cls;
	return ESP_OK;
}

/* The NAT traversal port: keepalive, IKE behind four zero bytes, or ESP (RFC 3948 section 2). */
ESP_INLINE enum esp_reason esp_classify_natt(struct esp_cursor *c, struct esp_packet *p, __u32 left)
{
	const struct esp_natt_marker *marker;

	if (left == 1) {
		if (c->pos + 1 > c->end)
			return esp_short(c, 1, ESP_BAD_NATT_SHORT);
		if (*c->pos != 0xff)
			return ESP_BAD_NATT_SHORT;
		p->cls = ESP_CLASS_NAT_KEEPALIVE;
		return ESP_OK;
	}
	marker = (const struct esp_natt_marker *)c->pos;
	if (left < sizeof(*marker))
		return esp_short_payload(p, ESP_BAD_NATT_SHORT);
	if (!ESP_FITS(c, sizeof(*marker)))
		return esp_short(c, sizeof(*marker), ESP_BAD_NATT_SHORT);
	if (!marker->zero_be) {
		c->pos += sizeof(*marker);
		return esp_classify_ike(c, p, left - sizeof(*marker), ESP_CLASS_IKE_NATT);
	}
	p->flags |= ESP_PKT_UDP;
	return esp_classify_esp(c, p, left, ESP_CLASS_ESP_UDP);
}

/*
 * `ike` and `natt` ports; the datagram's either port identifies the flow, because NAT rewrites the other.
 * A port that is both (a vendor's single port) counts as NAT traversal.
 */
ESP_INLINE enum esp_reason esp_classify_udp(struct esp_cursor *c, struct esp_packet *p,
					    const struct esp_ports *ports)
{
	const struct esp_udp *h = (const struct esp_udp *)c->pos;
	__u32 length;
	int natt;

	if (p->payload_length < sizeof(*h))
		return esp_short_payload(p, ESP_BAD_UDP_SHORT);
	if (!ESP_FITS(c, sizeof(*h)))
		return esp_short(c, sizeof(*h), ESP_BAD_UDP_SHORT);
	p->r.source_port = esp_be16(h->sport_be);
	p->r.destination_port = esp_be16(h->dport_be);
	natt = esp_is_natt_port(ports, p->r.source_port) || esp_is_natt_port(ports, p->r.destination_port);
	if (!natt && !esp_is_ike_port(ports, p->r.source_port) &&
	    !esp_is_ike_port(ports, p->r.destination_port)) {
		p->cls = ESP_CLASS_OTHER;
		return ESP_OK;
	}
	length = esp_be16(h->length_be);
	if (length < sizeof(*h) || (length > p->payload_length && !(p->flags & ESP_PKT_FIRST)))
		return ESP_BAD_UDP_LENGTH;
	if (p->flags & ESP_PKT_FIRST && length > p->payload_length)
		length = p->payload_length;
	c->pos += sizeof(*h);
	length -= sizeof(*h);
	return natt ? esp_classify_natt(c, p, length) : esp_classify_ike(c, p, length, ESP_CLASS_IKE);
}

/*
 * The quoted transport header, of which `left` bytes were quoted: only the 4 of the ports are certain. Without them it
 * is nobody's.
 */
ESP_INLINE enum esp_reason esp_classify_quoted_ports(struct esp_cursor *c, struct esp_packet *p, __u32 left,
						     __u8 protocol, const struct esp_ports *ports)
{
	const __u8 *h = c->pos;
	__u16 sport, dport;

	if (left < 4)
		return ESP_OK;
	if (h + 4 > c->end)
		return esp_short(c, 4, ESP_BAD_ICMP_QUOTE_SHORT);
	sport = (__u16)(h[0] << 8 | h[1]);
	dport = (__u16)(h[2] << 8 | h[3]);
	if (esp_is_natt_port(ports, sport) || esp_is_natt_port(ports, dport) ||
	    (protocol == ESP_IPPROTO_UDP && (esp_is_ike_port(ports, sport) || esp_is_ike_port(ports, dport))))
		p->cls = ESP_CLASS_ICMP_QUOTE;
	return ESP_OK;
}

/*
 * An ICMP error and the packet that it quotes. The quote of a later fragment has no ports: ESP, AH and IPComp are
 * still known by their protocol. Quoted IPv6 extension headers other than the fragment header are not walked: what IPsec
 * sends carries none.
 */
ESP_INLINE enum esp_reason esp_classify_icmp(struct esp_cursor *c, struct esp_packet *p,
					     const struct esp_ports *ports)
{
	const struct esp_icmp *h = (const struct esp_icmp *)c->pos;
	__u32 left = p->payload_length, later;
	__u8 protocol;

	if (left < sizeof(*h))
		return esp_short_payload(p, ESP_BAD_ICMP_SHORT);
	if (!ESP_FITS(c, sizeof(*h)))
		return esp_short(c, sizeof(*h), ESP_BAD_ICMP_SHORT);
	p->cls = ESP_CLASS_OTHER;
	/* Errors: unreachable, source quench, redirect, time exceeded, parameter problem (RFC 792); 1 to 4 (RFC 4443). */
	if (p->family == 4 ? !(h->type == 3 || h->type == 4 || h->type == 5 || h->type == 11 || h->type == 12)
			   : !(h->type >= 1 && h->type <= 4))
		return ESP_OK;
	c->pos += sizeof(*h);
	left -= sizeof(*h);
	if (p->family == 4) {
		const struct esp_ipv4 *q = (const struct esp_ipv4 *)c->pos;
		__u32 header;

		if (left < sizeof(*q))
			return ESP_BAD_ICMP_QUOTE_SHORT;
		if (!ESP_FITS(c, sizeof(*q)))
			return esp_short(c, sizeof(*q), ESP_BAD_ICMP_QUOTE_SHORT);
		header = (q->version_ihl & 15U) * 4;
		if (q->version_ihl >> 4 != 4 || header < sizeof(*q) || header > left)
			return ESP_BAD_ICMP_QUOTE_SHORT;
		protocol = q->protocol;
		later = esp_be16(q->fragment_be) & ESP_IPV4_OFFSET;
		left -= header;
		esp_skip(c, header);
	} else {
		const struct esp_ipv6 *q = (const struct esp_ipv6 *)c->pos;

		if (left < sizeof(*q))
			return ESP_BAD_ICMP_QUOTE_SHORT;
		if (!ESP_FITS(c, sizeof(*q)))
			return esp_short(c, sizeof(*q), ESP_BAD_ICMP_QUOTE_SHORT);
		if ((esp_be32(q->flow_be) >> 28) != 6)
			return ESP_BAD_ICMP_QUOTE_SHORT;
		protocol = q->next_header;
		later = 0;
		left -= sizeof(*q);
		c->pos += sizeof(*q);
		if (protocol == ESP_IPPROTO_FRAGMENT) {
			const struct esp_ipv6_fragment *f = (const struct esp_ipv6_fragment *)c->pos;

			if (left < sizeof(*f))
				return ESP_OK;
			if (!ESP_FITS(c, sizeof(*f)))
				return esp_short(c, sizeof(*f), ESP_BAD_ICMP_QUOTE_SHORT);
			protocol = f->next_header;
			later = esp_be16(f->offset_be) & 0xfff8;
			left -= sizeof(*f);
			c->pos += sizeof(*f);
		}
	}
	if (protocol == ESP_IPPROTO_ESP || protocol == ESP_IPPROTO_AH || protocol == ESP_IPPROTO_IPCOMP) {
		p->cls = ESP_CLASS_ICMP_QUOTE;
		return ESP_OK;
	}
	if (later || (protocol != ESP_IPPROTO_UDP && protocol != ESP_IPPROTO_TCP))
		return ESP_OK;
	return esp_classify_quoted_ports(c, p, left, protocol, ports);
}

ESP_INLINE enum esp_reason esp_classify_tcp(struct esp_cursor *c, struct esp_packet *p,
					    const struct esp_ports *ports)
{
	const __u8 *h = c->pos;

	if (p->payload_length < 4)
		return esp_short_payload(p, ESP_BAD_TCP_SHORT);
	if (h + 4 > c->end)
		return esp_short(c, 4, ESP_BAD_TCP_SHORT);
	p->cls = esp_is_natt_port(ports, (__u16)(h[0] << 8 | h[1])) ||
				 esp_is_natt_port(ports, (__u16)(h[2] << 8 | h[3]))
			 ? ESP_CLASS_TCP_ENCAP
			 : ESP_CLASS_OTHER;
	return ESP_OK;
}

/* What is behind the IP header of a whole packet or a first fragment. */
ESP_INLINE enum esp_reason esp_classify_transport(struct esp_cursor *c, struct esp_packet *p,
						  const struct esp_ports *ports)
{
	switch (p->protocol) {
	case ESP_IPPROTO_ESP:
		return esp_classify_esp(c, p, p->payload_length, ESP_CLASS_ESP);
	case ESP_IPPROTO_UDP:
		return esp_classify_udp(c, p, ports);
	case ESP_IPPROTO_AH:
		return esp_classify_ah(c, p);
	case ESP_IPPROTO_IPCOMP:
		if (p->payload_length < 4)
			return esp_short_payload(p, ESP_BAD_IPCOMP_SHORT);
		p->cls = ESP_CLASS_IPCOMP;
		return ESP_OK;
	case ESP_IPPROTO_ICMP:
		if (p->family == 4)
			return esp_classify_icmp(c, p, ports);
		break;
	case ESP_IPPROTO_ICMPV6:
		if (p->family == 6)
			return esp_classify_icmp(c, p, ports);
		break;
	case ESP_IPPROTO_TCP:
		return esp_classify_tcp(c, p, ports);
	default:
		break;
	}
	p->cls = ESP_CLASS_OTHER;
	return ESP_OK;
}

/* The IP payload at the cursor. A first fragment that is cut short is that, whatever else is wrong with it. */
ESP_INLINE enum esp_reason esp_classify_payload(struct esp_cursor *c, struct esp_packet *p,
						const struct esp_ports *ports)
{
	enum esp_reason bad = ESP_OK;

	if (ESP_UNLIKELY(p->flags & ESP_PKT_LATER))
		p->cls = ESP_CLASS_FRAGMENT; /* provisional: the fragment table knows whose it is */
	else
		bad = esp_classify_transport(c, p, ports);
	if (!bad && ESP_UNLIKELY(p->flags & (ESP_PKT_FIRST | ESP_PKT_LATER)))
		bad = esp_check_fragment(p);
	return bad;
}

/*
 * Classifies the frame [start, end) of `wire` bytes. On ESP_OK, p->cls is the class and the fields of struct
 * esp_packet that belong to it are valid; on anything else, p->r.ip_length is valid when not 0.
 */
ESP_INLINE enum esp_reason esp_classify(const __u8 *start, const __u8 *end, __u32 wire, enum esp_link link,
					const struct esp_ports *ports, struct esp_packet *p)
{
	struct esp_cursor c = {.start = start, .pos = start, .end = end, .wire = wire};
	enum esp_reason bad;

	p->l3_offset = 0;
	p->r.ip_length = 0;
	p->cls = ESP_CLASS_OTHER;
	p->r.source_port = 0;
	p->r.destination_port = 0;
	bad = esp_parse_frame(&c, link, p);
	if (!bad && p->family)
		bad = esp_classify_payload(&c, p, ports);
	p->reason = c.reason;
	return bad;
}

/*
 * What esp_classify() would have returned with `wire` bytes on the wire, of which it saw `linear`, after it was called
 * with ESP_WIRE_UNKNOWN.
 */
ESP_INLINE enum esp_reason esp_settle(enum esp_reason bad, const struct esp_packet *p, __u32 linear,
				      __u32 wire)
{
	if (p->r.ip_length && p->l3_offset + p->r.ip_length > wire && bad != ESP_BAD_IPV4_LENGTH)
		return ESP_BAD_IP_TRUNCATED;
	if (bad == ESP_BAD_NOT_CAPTURED && linear == wire)
		return (enum esp_reason)p->reason;
	return bad;
}

#endif

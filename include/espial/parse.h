/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * parse.h - from a frame to its IP payload, checked step by step
 *
 * Contract: never reads outside [pos, end); converts network order once, here; everything in struct esp_packet
 * is in host order except the addresses, which stay as bytes. A step returns a reason, 0 being success.
 *
 * `wire` is what the frame had on the wire, which can be more than [pos, end) holds: a capture with a snap length,
 * a packet whose tail lies in fragments. A header that is not there is `not_captured` when the wire had it, and the
 * named truncation when the wire had not.
 */
#ifndef ESPIAL_PARSE_H
#define ESPIAL_PARSE_H

#include "wire.h"

enum esp_class {
#define ESP_CLASS(sym, name, help) ESP_CLASS_##sym,
#include "reasons.def"
#undef ESP_CLASS
	ESP_CLASS_COUNT
};

enum esp_reason {
	ESP_OK,
#define ESP_REASON(sym, name, help) ESP_BAD_##sym,
#include "reasons.def"
#undef ESP_REASON
	ESP_REASON_COUNT
};

/* What the first byte of a frame belongs to. */
enum esp_link {
	ESP_LINK_ETHERNET,
	ESP_LINK_IP,	/* no link header: the version nibble decides (tun, ppp, xfrm, wwan; DLT_RAW) */
	ESP_LINK_NULL,	/* BSD loopback: 4-byte address family in either byte order (DLT_NULL, DLT_LOOP) */
	ESP_LINK_SLL,	/* Linux cooked v1 */
	ESP_LINK_SLL2,	/* Linux cooked v2 */
	ESP_LINK_PPP,	/* PPP, with or without HDLC-like framing (RFC 1662) */
	ESP_LINK_PPPOE, /* PPPoE session header (DLT_PPP_ETHER) */
	ESP_LINK_UNKNOWN,
};

enum esp_packet_flag {
	ESP_PKT_DF =
		1 << 0, /* IPv4 don't fragment; IPv6 never fragments on the way, which is not this flag */
	ESP_PKT_FIRST = 1 << 1, /* first fragment of a fragmented packet */
	ESP_PKT_LATER = 1 << 2, /* later fragment: no transport header */
	ESP_PKT_LAST = 1 << 3,	/* the fragment that ends the packet */
	ESP_PKT_UDP = 1 << 4,	/* ESP in UDP */
	ESP_PKT_TCP = 1 << 5,	/* ESP in TCP */
};

enum esp_direction {
	ESP_DIR_IN,
	ESP_DIR_OUT,
	ESP_DIR_UNKNOWN, /* a capture */
};

/* SA identity (RFC 4301 section 4.1 and direction); the SPI alone names nothing. A zero `id` is an empty entry. */
struct esp_sa_key {
	__u64 dst[2];
	__u64 id; /* spi << 32 | protocol << 16 | family << 8 | direction; protocol is 50 also for ESP in UDP */
};

ESP_INLINE __u64 esp_sa_id(__u32 spi, __u8 protocol, __u8 family, enum esp_direction dir)
{
	return (__u64)spi << 32 | (__u32)protocol << 16 | (__u32)family << 8 | (__u32)dir;
}

/* What accounting needs of a packet, kept so that promotion can replay it. */
struct esp_record {
	__u64 now;
	__u64 src[2];
	__u32 sequence, ip_length, ifindex;
	__u16 source_port, destination_port;
	__u8 tos, ttl;
	__u8 flags;	/* those of a run: DF, encapsulation */
	__u8 fragment;	/* ESP_PKT_FIRST, or 0 */
	__u32 segments; /* sequence numbers that it carries: 1, or more for GSO */
};

/*
 * One packet, as far as it was understood. `cls` is valid when the classifier returned ESP_OK. The record and the
 * key are filled in place, as accounting wants them.
 */
struct esp_packet {
	struct esp_record
		r; /* src, sequence, ip_length (of this packet or fragment), ports (UDP; else 0), tos, ttl */
	struct esp_sa_key key; /* dst; id once it is accounted */
	__u32 spi;	       /* ESP, AH */
	__u32 fragment_id;
	__u16 fragment_offset; /* bytes */
	__u16 payload_length;  /* behind the IP header and the extension headers, bytes */
	__u16 fragment_length; /* of a fragment: what of the packet it carries, extension headers included, bytes */
	__u16 l3_offset;       /* of the IP header from the first byte of the frame */
	__u8 cls;	       /* enum esp_class */
	__u8 family;	       /* 4, 6; 0: not IP */
	__u8 protocol;	       /* IP protocol after the extension headers */
	__u8 flags;	       /* enum esp_packet_flag */
	__u8 reason;	       /* what NOT_CAPTURED would be if the frame ended there: esp_settle() */
};

/* Where the parser stands. */
struct esp_cursor {
	const __u8 *start, *pos, *end;
	__u32 wire; /* length of the whole frame on the wire, from start, or ESP_WIRE_UNKNOWN */
	__u8 reason; /* enum esp_reason that a NOT_CAPTURED stands for, should the frame end where the buffer does */
};

/* The length is dear to get (XDP, frames of several buffers): classify first, then esp_settle(). */
#define ESP_WIRE_UNKNOWN 0xffffffffU

/* Are `n` more bytes in the buffer? Always asked right before they are read: clang would else separate the two. */
#define ESP_FITS(c, n) ((c)->pos + (n) <= (c)->end)

/* `reason`, or `not_captured` when `need` more bytes were on the wire but not in the buffer. */
ESP_INLINE enum esp_reason esp_short(struct esp_cursor *c, __u32 need, enum esp_reason reason)
{
	c->reason = (__u8)reason;
	return (__u32)(c->pos - c->start) + need <= c->wire ? ESP_BAD_NOT_CAPTURED : reason;
}

ESP_INLINE __u32 esp_consumed(const struct esp_cursor *c)
{
	return (__u32)(c->pos - c->start);
}

/* All ones when a == b, else 0, without a branch. */
ESP_INLINE __u32 esp_equal_mask(__u8 a, __u8 b)
{
	__u32 x = (__u32)(a ^ b) - 1; /* wraps below 0 only when equal */

	ESP_OPAQUE(x);
	return (__u32)((__s32)x >> 31);
}

/* `p + n` for a variable n below 2^16, in the form the verifier tracks. */
ESP_INLINE void esp_skip(struct esp_cursor *c, __u32 n)
{
	ESP_OPAQUE(n);
	c->pos += n & 0x7ff;
}

/*
 * The verifier follows what comes next once for each way in which the cursor got here. Where there are many, the position
 * goes through a function that it does not look into, and they become one. Costs a call: not for the common case.
 */
ESP_SLOW __u32 esp_forget(__u32 x)
{
	return x;
}

ESP_INLINE void esp_join(struct esp_cursor *c)
{
	__u32 consumed = esp_forget(esp_consumed(c));

	ESP_OPAQUE(consumed);
	c->pos = c->start + (consumed & 0x7fff); /* 8 extension headers of 2048 bytes are below that */
}

/* PPP protocol field: two bytes, or one when compressed (RFC 1661 section 2: then its lowest bit is set). */
ESP_INLINE enum esp_reason esp_parse_ppp(struct esp_cursor *c, __u16 *ret_ethertype)
{
	const __u8 *p = (const __u8 *)c->pos;
	__u16 protocol;

	if (!ESP_FITS(c, sizeof(*p)))
		return esp_short(c, 1, ESP_BAD_PPP_SHORT);
	protocol = *p;
	c->pos += 1;
	if (!(protocol & 1)) {
		p = (const __u8 *)c->pos;
		if (!ESP_FITS(c, sizeof(*p)))
			return esp_short(c, 1, ESP_BAD_PPP_SHORT);
		protocol = (__u16)(protocol << 8 | *p);
		c->pos += 1;
	}
	*ret_ethertype = protocol == ESP_PPP_IPV4   ? ESP_ETH_IPV4
			 : protocol == ESP_PPP_IPV6 ? ESP_ETH_IPV6
						    : ESP_ETH_NONE;
	return ESP_OK;
}

ESP_INLINE enum esp_reason esp_parse_pppoe(struct esp_cursor *c, __u16 *ret_ethertype)
{
	const struct esp_pppoe *h = (const struct esp_pppoe *)c->pos;

	if (!ESP_FITS(c, sizeof(*h)))
		return esp_short(c, sizeof(*h), ESP_BAD_PPP_SHORT);
	c->pos += sizeof(*h);
	if (h->version_type != 0x11 || h->code != 0) {
		*ret_ethertype = ESP_ETH_NONE; /* not a session packet */
		return ESP_OK;
	}
	return esp_parse_ppp(c, ret_ethertype);
}

ESP_INLINE int esp_is_vlan(__u16 ethertype)
{
	return ethertype == ESP_ETH_VLAN || ethertype == ESP_ETH_QINQ || ethertype == ESP_ETH_QINQ_OLD;
}

/* VLAN tags and PPPoE behind an ethertype (host order), which is replaced by that of the payload. */
ESP_INLINE enum esp_reason esp_parse_ethertype(struct esp_cursor *c, __u16 *ethertype)
{
	__u32 type = *ethertype;

	if (ESP_LIKELY(type == ESP_ETH_IPV4 || type == ESP_ETH_IPV6))
		return ESP_OK;
#if defined(__bpf__)
#pragma unroll
#endif
	for (int i = 0; i < ESP_VLAN_DEPTH; i++) {
		const struct esp_vlan *h = (const struct esp_vlan *)c->pos;

		if (!esp_is_vlan((__u16)type))
			break;
		if (!ESP_FITS(c, sizeof(*h)))
			return esp_short(c, sizeof(*h), ESP_BAD_VLAN_SHORT);
		type = esp_be16(h->type_be);
		c->pos += sizeof(*h);
	}
	*ethertype = (__u16)type;
	if (esp_is_vlan((__u16)type))
		return ESP_BAD_VLAN_DEPTH;
	if (type == ESP_ETH_PPPOE)
		return esp_parse_pppoe(c, ethertype);
	return ESP_OK;
}

ESP_INLINE enum esp_reason esp_parse_ethernet(struct esp_cursor *c, __u16 *ret_ethertype)
{
	const struct esp_eth *h = (const struct esp_eth *)c->pos;

	if (!ESP_FITS(c, sizeof(*h)))
		return esp_short(c, sizeof(*h), ESP_BAD_LINK_SHORT);
	*ret_ethertype = esp_be16(h->type_be);
	c->pos += sizeof(*h);
	return esp_parse_ethertype(c, ret_ethertype);
}

ESP_INLINE enum esp_reason esp_parse_version(struct esp_cursor *c, __u16 *ret_ethertype)
{
	const __u8 *p = (const __u8 *)c->pos;

	if (!ESP_FITS(c, sizeof(*p)))
		return esp_short(c, 1, ESP_BAD_LINK_SHORT);
	*ret_ethertype = *p >> 4 == 4 ? ESP_ETH_IPV4 : *p >> 4 == 6 ? ESP_ETH_IPV6 : ESP_ETH_NONE;
	return ESP_OK;
}

/* The rarer link types, only met in captures. */
ESP_INLINE enum esp_reason esp_parse_capture_link(struct esp_cursor *c, enum esp_link link,
						  __u16 *ret_ethertype)
{
	const __u8 *p = c->pos;
	__u32 family;

	switch (link) {
	case ESP_LINK_NULL:
		if (p + 4 > c->end)
			return esp_short(c, 4, ESP_BAD_LINK_SHORT);
		/* AF_INET is 2 everywhere; AF_INET6 is 10, 24, 28 or 30, in the byte order of whoever wrote the file. */
		family = p[0] | p[1] | p[2] | p[3];
		*ret_ethertype = family == 2 ? ESP_ETH_IPV4
				 : family == 10 || family == 24 || family == 28 || family == 30
					 ? ESP_ETH_IPV6
					 : ESP_ETH_NONE;
		c->pos += 4;
		return ESP_OK;
	case ESP_LINK_SLL: /* LINKTYPE_LINUX_SLL: the protocol is the last of 16 bytes */
		if (p + 16 > c->end)
			return esp_short(c, 16, ESP_BAD_LINK_SHORT);
		*ret_ethertype = (__u16)(p[14] << 8 | p[15]);
		c->pos += 16;
		return esp_parse_ethertype(c, ret_ethertype);
	case ESP_LINK_SLL2: /* LINKTYPE_LINUX_SLL2: the protocol is the first of 20 bytes */
		if (p + 20 > c->end)
			return esp_short(c, 20, ESP_BAD_LINK_SHORT);
		*ret_ethertype = (__u16)(p[0] << 8 | p[1]);
		c->pos += 20;
		return esp_parse_ethertype(c, ret_ethertype);
	case ESP_LINK_PPP:
		/* Address and control, RFC 1662 section 3.1. */
		if (p + 1 <= c->end && p[0] == 0xff) {
			if (p + 2 > c->end)
				return esp_short(c, 2, ESP_BAD_PPP_SHORT);
			if (p[1] == 0x03)
				c->pos += 2;
		}
		return esp_parse_ppp(c, ret_ethertype);
	case ESP_LINK_PPPOE:
		return esp_parse_pppoe(c, ret_ethertype);
	default:
		*ret_ethertype = ESP_ETH_NONE;
		return ESP_OK;
	}
}

/*
 * A packet of ours on its way to segmentation (BIG TCP) is longer than its length field can say, which is then 0. No
 * packet on a wire is so long, and none of IPsec.
 */
ESP_INLINE int esp_is_big(const struct esp_cursor *c, __u32 start)
{
	return c->wire != ESP_WIRE_UNKNOWN && c->wire > start + 65535;
}

ESP_INLINE enum esp_reason esp_big(const struct esp_cursor *c, __u32 start, struct esp_packet *p)
{
	p->r.ip_length = c->wire - start;
	p->payload_length = 0;
	p->flags = 0;
	p->protocol = ESP_IPPROTO_NONE;
	return ESP_OK;
}

/* The second half of ::ffff:a.b.c.d; the first is 0. */
ESP_INLINE __u64 esp_mapped(__be32 address_be)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return 0xffff0000ULL | (__u64)address_be << 32;
#else
	return 0x0000ffff00000000ULL | address_be;
#endif
}

ESP_INLINE enum esp_reason esp_parse_ipv4(struct esp_cursor *c, struct esp_packet *p)
{
	const struct esp_ipv4 *h = (const struct esp_ipv4 *)c->pos;
	__u32 header, fragment, start = esp_consumed(c);
	__u8 flags = 0;

	if (!ESP_FITS(c, sizeof(*h)))
		return esp_short(c, sizeof(*h), ESP_BAD_IPV4_SHORT);
	if (h->version_ihl >> 4 != 4)
		return ESP_BAD_IPV4_VERSION;
	header = (h->version_ihl & 15U) * 4;
	if (header < sizeof(*h))
		return ESP_BAD_IPV4_IHL;
	p->family = 4;
	p->r.ip_length = esp_be16(h->total_length_be);
	if (ESP_UNLIKELY(!p->r.ip_length && esp_is_big(c, start)))
		return esp_big(c, start, p);
	if (p->r.ip_length < header)
		return ESP_BAD_IPV4_LENGTH;
	p->l3_offset = (__u16)start;
	if (start + p->r.ip_length > c->wire)
		return ESP_BAD_IP_TRUNCATED;
	p->r.tos = h->tos;
	p->r.ttl = h->ttl;
	p->protocol = h->protocol;
	p->r.src[0] = 0;
	p->r.src[1] = esp_mapped(h->src_be);
	p->key.dst[0] = 0;
	p->key.dst[1] = esp_mapped(h->dst_be);
	p->payload_length = (__u16)(p->r.ip_length - header);
	fragment = esp_be16(h->fragment_be);
	if (fragment & ESP_IPV4_DF)
		flags = ESP_PKT_DF;
	if (ESP_UNLIKELY(fragment & (ESP_IPV4_MF | ESP_IPV4_OFFSET))) {
		p->fragment_id = esp_be16(h->id_be);
		p->fragment_length = p->payload_length;
		p->fragment_offset = (__u16)((fragment & ESP_IPV4_OFFSET) * 8);
		flags |= p->fragment_offset ? ESP_PKT_LATER : ESP_PKT_FIRST;
		flags |= fragment & ESP_IPV4_MF ? 0 : ESP_PKT_LAST;
	}
	p->flags = flags;
	if (ESP_UNLIKELY(header > sizeof(*h) && c->pos + sizeof(*h) + 40 > c->end)) {
		/* Near the end: the exact check, which the verifier need not follow. */
		if (esp_consumed(c) + header > (__u32)(c->end - c->start))
			return ESP_BAD_NOT_CAPTURED; /* total length, checked above, covers the header */
	}
	esp_skip(c, header);
	return ESP_OK;
}

/*
 * Walks the extension headers up to the first that is not one of routing, fragment and the two kinds of options.
 * AH ends the walk: it is one of our classes. Behind a later fragment there is nothing to walk.
 */
ESP_INLINE enum esp_reason esp_parse_ipv6_extensions(struct esp_cursor *c, struct esp_packet *p)
{
	__u8 next = p->protocol;
	__u32 left = p->payload_length;

#if defined(__bpf__)
#pragma unroll
#endif
	for (int i = 0; i <= ESP_IPV6_EXT_DEPTH; i++) {
		const __u8 *h;
		__u32 size;

		if (next != ESP_IPPROTO_HOPOPTS && next != ESP_IPPROTO_ROUTING &&
		    next != ESP_IPPROTO_DSTOPTS && next != ESP_IPPROTO_FRAGMENT &&
		    next != ESP_IPPROTO_MOBILITY) {
			p->protocol = next;
			p->payload_length = (__u16)left;
			esp_join(c);
			return ESP_OK;
		}
		if (i == ESP_IPV6_EXT_DEPTH)
			break;
		if (left < 8)
			return ESP_BAD_IPV6_EXT_SHORT;
		h = c->pos;
		if (h + 8 > c->end)
			return esp_short(c, 8, ESP_BAD_IPV6_EXT_SHORT);
		/* A fragment header has 8 bytes and no length. Branch-free: one path for the verifier. */
		size = 8 + (((__u32)h[1] * 8) & ~esp_equal_mask(next, ESP_IPPROTO_FRAGMENT));
		if (size > left)
			return ESP_BAD_IPV6_EXT_SHORT;
		if (next == ESP_IPPROTO_FRAGMENT) {
			const struct esp_ipv6_fragment *f = (const void *)h;
			__u32 offset = esp_be16(f->offset_be);

			if (offset &
			    0xfff9) { /* not atomic: an atomic fragment is a whole packet (RFC 6946) */
				p->fragment_id = esp_be32(f->id_be);
				p->fragment_length = (__u16)(left - 8);
				p->fragment_offset = (__u16)(offset & 0xfff8);
				p->flags = (p->fragment_offset ? ESP_PKT_LATER : ESP_PKT_FIRST) |
					   (offset & 1 ? 0 : ESP_PKT_LAST);
			}
			if (offset & 0xfff8) {
				p->protocol = h[0];
				p->payload_length = (__u16)(left - 8);
				return ESP_OK;
			}
		}
		next = h[0];
		left -= size;
		ESP_OPAQUE(size);
		c->pos += size & 0xfff;
	}
	return ESP_BAD_IPV6_EXT_DEPTH;
}

ESP_INLINE enum esp_reason esp_parse_ipv6(struct esp_cursor *c, struct esp_packet *p)
{
	const struct esp_ipv6 *h = (const struct esp_ipv6 *)c->pos;
	__u32 start = esp_consumed(c), class_label;

	if (!ESP_FITS(c, sizeof(*h)))
		return esp_short(c, sizeof(*h), ESP_BAD_IPV6_SHORT);
	class_label = esp_be32(h->flow_be);
	if (class_label >> 28 != 6)
		return ESP_BAD_IPV6_VERSION;
	p->family = 6;
	p->payload_length = esp_be16(h->payload_length_be);
	p->r.ip_length = p->payload_length + sizeof(*h);
	if (ESP_UNLIKELY(!p->payload_length && esp_is_big(c, start)))
		return esp_big(c, start, p);
	p->l3_offset = (__u16)start;
	if (start + p->r.ip_length > c->wire)
		return ESP_BAD_IP_TRUNCATED;
	p->r.tos = (__u8)(class_label >> 20);
	p->r.ttl = h->hop_limit;
	p->protocol = h->next_header;
	__builtin_memcpy(p->r.src, h->src_be, sizeof(p->r.src));
	__builtin_memcpy(p->key.dst, h->dst_be, sizeof(p->key.dst));
	p->flags = 0;
	c->pos += sizeof(*h);
	if (ESP_LIKELY(p->protocol == ESP_IPPROTO_ESP || p->protocol == ESP_IPPROTO_UDP))
		return ESP_OK;
	return esp_parse_ipv6_extensions(c, p);
}

/*
 * Link and IP header of the frame that begins at the cursor, which is left behind them and the IPv6 extension headers.
 * p->family stays 0 when it is no IP packet.
 */
ESP_INLINE enum esp_reason esp_parse_frame(struct esp_cursor *c, enum esp_link link, struct esp_packet *p)
{
	enum esp_reason bad = ESP_OK;
	__u16 ethertype = ESP_ETH_NONE;

	p->family = 0;
	p->flags = 0;
	if (ESP_LIKELY(link == ESP_LINK_ETHERNET))
		bad = esp_parse_ethernet(c, &ethertype);
	else if (link == ESP_LINK_IP)
		bad = esp_parse_version(c, &ethertype);
#ifndef __bpf__ /* no interface of the kernel has the link types of captures */
	else
		bad = esp_parse_capture_link(c, link, &ethertype);
#endif
	if (bad)
		return bad;
	if (ESP_UNLIKELY(c->pos != c->start + sizeof(struct esp_eth)))
		esp_join(c);
	if (ethertype == ESP_ETH_IPV4)
		return esp_parse_ipv4(c, p);
	if (ethertype == ESP_ETH_IPV6)
		return esp_parse_ipv6(c, p);
	return ESP_OK;
}

/* What a fragment may look like at all (RFC 791, RFC 8200 section 4.5). */
ESP_INLINE enum esp_reason esp_check_fragment(const struct esp_packet *p)
{
	if ((__u32)p->fragment_offset + p->fragment_length > 65535)
		return ESP_BAD_FRAGMENT_RANGE;
	if (!p->fragment_length || (!(p->flags & ESP_PKT_LAST) && p->fragment_length % 8))
		return ESP_BAD_FRAGMENT_SIZE;
	return ESP_OK;
}

#endif

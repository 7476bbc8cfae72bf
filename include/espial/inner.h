/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * inner.h - what passes on an inner interface: how large TCP may send, and who is told that a packet is too big
 *
 * Of the plain packets that are to go into a tunnel, or came out of one, two kinds tell of sizes: TCP's SYN, with the MSS
 * that one end announces, and the ICMP errors that say "too big". All others are only counted. One parser and one set of
 * counters for the kernel (bpf/inner.bpf.c) and for the agent. Numbers are in host order, addresses as in struct esp_sa_key.
 *
 * A packet that left by the interface has been through this host's firewall, and a clamp there: its MSS is what the other
 * end will go by. One that arrived has not.
 */
#ifndef ESPIAL_INNER_H
#define ESPIAL_INNER_H

#include "parse.h"

#define ESP_INNER_SLOTS 32 /* interfaces */
#define ESP_INNER_HASH 256
#define ESP_INNER_PROBES 4 /* places in which an interface may be found */
#define ESP_INNER_PULL 256 /* bytes: headers and options of all but the oddest packets */

enum esp_inner_kind {
	ESP_INNER_OTHER,
	ESP_INNER_SYN,	       /* TCP, SYN or SYN-ACK */
	ESP_INNER_TOO_BIG,     /* ICMP type 3 code 4 (RFC 1191), ICMPv6 type 2 (RFC 4443) */
	ESP_INNER_UNREACHABLE, /* ICMP type 3 of another code, ICMPv6 type 1 */
	ESP_INNER_KINDS
};

enum esp_inner_flag {
	ESP_INNER_ACK = 1 << 0,	    /* SYN-ACK */
	ESP_INNER_TOLD = 1 << 1,    /* there is an MSS, or an MTU */
	ESP_INNER_GARBLED = 1 << 2, /* TCP options that do not add up */
	ESP_INNER_OWN = 1 << 3,	    /* this host sent it, and does not forward it */
};

/* A packet of one of the kinds. */
struct esp_inner_packet {
	__u8 kind, flags, family;
	__u8 reserved;
	__u32 value; /* MSS or MTU; 0 without ESP_INNER_TOLD */
	/* Of the TCP packet; of an ICMP error those of the packet that it quotes, or 0. */
	__u64 src[2], dst[2];
};

/* To the agent: a SYN, or "too big". */
struct esp_inner_event {
	__u64 time; /* CLOCK_MONOTONIC, ns */
	__u32 ifindex;
	__u8 direction, reserved[3];
	struct esp_inner_packet packet;
};

/* Bounds of MSS: 536, 1160, then every 20 bytes to 1460, 8960, and what is above. */
#define ESP_INNER_STEP_FIRST 1160
#define ESP_INNER_STEP 20
#define ESP_INNER_STEP_LAST 1460
#define ESP_INNER_BUCKETS ((ESP_INNER_STEP_LAST - ESP_INNER_STEP_FIRST) / ESP_INNER_STEP + 4)

/* SYNs of one family: syn + syn_ack = without + garbled + all buckets. */
struct esp_inner_mss {
	__u64 syn, syn_ack;
	__u64 without; /* an MSS */
	__u64 garbled;
	__u64 bucket[ESP_INNER_BUCKETS];
	__u32 min, max; /* 0: none was seen */
};

/* One direction of one interface: seen = all kinds + all rejected. */
struct esp_inner_stats {
	__u64 seen;
	__u64 kind[ESP_INNER_KINDS];
	__u64 own[ESP_INNER_KINDS]; /* of those: sent by this host */
	__u64 rejected[ESP_REASON_COUNT];
	__u64 missed;		     /* of those to be told: the ring buffer was full */
	struct esp_inner_mss mss[2]; /* IPv4, IPv6 */
};

/* Where an interface has its counters. The agent's to write. */
struct esp_inner_place {
	__u32 ifindex; /* 0: none */
	__u16 slot;
	__u8 link; /* enum esp_link */
	__u8 reserved;
};

ESP_ASSERT(sizeof(struct esp_inner_packet) == 40, "no padding in a packet");
ESP_ASSERT(sizeof(struct esp_inner_event) == 56, "no padding in an event");
ESP_ASSERT(sizeof(struct esp_inner_place) == 8, "no padding in a place");

/* Which bucket an MSS falls into. */
ESP_INLINE __u32 esp_inner_bucket(__u32 mss)
{
	if (mss <= 536)
		return 0;
	if (mss <= ESP_INNER_STEP_FIRST)
		return 1;
	if (mss <= ESP_INNER_STEP_LAST)
		return 2 + (mss - ESP_INNER_STEP_FIRST - 1) / ESP_INNER_STEP;
	return mss <= 8960 ? ESP_INNER_BUCKETS - 2 : ESP_INNER_BUCKETS - 1;
}

/* The largest MSS of a bucket. */
ESP_INLINE __u32 esp_inner_bound(__u32 bucket)
{
	if (bucket == 0)
		return 536;
	if (bucket <= ESP_INNER_BUCKETS - 3)
		return ESP_INNER_STEP_FIRST + (bucket - 1) * ESP_INNER_STEP;
	return bucket == ESP_INNER_BUCKETS - 2 ? 8960 : 65535;
}

#define ESP_TCP_FIN 1
#define ESP_TCP_SYN 2
#define ESP_TCP_RST 4
#define ESP_TCP_ACK 16
#define ESP_TCP_HEADER 20
#define ESP_TCP_OPTIONS 40 /* at most, RFC 9293 section 3.1 */

struct esp_inner_options {
	__u8 byte[64]; /* ESP_TCP_OPTIONS are used; a power of two, so that a mask is a bound */
	__u32 length;
	__u32 at; /* where the walk stands: in memory, where the verifier does not follow it */
};

#define ESP_INNER_OPTIONS_BAD (1U << 31)
#define ESP_INNER_OPTIONS_MSS (1U << 30)

/*
 * The MSS among TCP's options (RFC 9293 section 3.2, RFC 6691), with ESP_INNER_OPTIONS_MSS when there is one, the last one as
 * Linux does; ESP_INNER_OPTIONS_BAD when an option is shorter than itself or reaches beyond the header.
 */
ESP_SLOW __u32 esp_inner_options(struct esp_inner_options *o)
{
	__u32 found = 0;

	if (!o)
		return ESP_INNER_OPTIONS_BAD;
	ESP_WRITE(o->at, 0);
	for (__u32 i = 0; i < ESP_TCP_OPTIONS; i++) {
		__u32 at = ESP_READ(o->at), length = ESP_READ(o->length), kind, size;

		if (at >= length)
			return found;
		kind = o->byte[at & 63];
		if (kind == 0) /* the end */
			return found;
		if (kind == 1) { /* padding */
			ESP_WRITE(o->at, at + 1);
			continue;
		}
		if (at + 2 > length)
			return ESP_INNER_OPTIONS_BAD;
		size = o->byte[(at + 1) & 63];
		if (size < 2 || at + size > length)
			return ESP_INNER_OPTIONS_BAD;
		if (kind == 2) {
			if (size != 4)
				return ESP_INNER_OPTIONS_BAD;
			found = ESP_INNER_OPTIONS_MSS | (__u32)o->byte[(at + 2) & 63] << 8 |
				o->byte[(at + 3) & 63];
		}
		ESP_WRITE(o->at, at + size);
	}
	return found;
}

/* Room to work in: on a BPF stack the verifier would follow each of its values. */
struct esp_inner_work {
	struct esp_packet p;
	struct esp_inner_options options;
};

/* The bytes of the options, four at a time as they come. False: the buffer ends before. */
ESP_INLINE int esp_inner_copy(const struct esp_cursor *c, __u32 length, struct esp_inner_options *o)
{
	const __u8 *p = c->pos;

	for (__u32 i = 0; i < ESP_TCP_OPTIONS && i < length; i += 4) {
		if (p + 4 > c->end)
			return 0;
		o->byte[i] = p[0];
		o->byte[i + 1] = p[1];
		o->byte[i + 2] = p[2];
		o->byte[i + 3] = p[3];
		p += 4;
	}
	o->length = length;
	return 1;
}

/* A first fragment must hold what tells what it is. */
ESP_INLINE enum esp_reason esp_inner_short(const struct esp_packet *p, enum esp_reason reason)
{
	return p->flags & ESP_PKT_FIRST ? ESP_BAD_FRAGMENT_TINY : reason;
}

ESP_INLINE enum esp_reason esp_inner_tcp(struct esp_cursor *c, struct esp_inner_work *w,
					 struct esp_inner_packet *ret)
{
	const struct esp_packet *p = &w->p;
	const __u8 *h = c->pos;
	__u32 size, flags, found;

	if (p->payload_length < ESP_TCP_HEADER)
		return esp_inner_short(p, ESP_BAD_TCP_SHORT);
	if (h + ESP_TCP_HEADER > c->end)
		return esp_short(c, ESP_TCP_HEADER, ESP_BAD_TCP_SHORT);
	flags = h[13];
	if (ESP_LIKELY((flags & (ESP_TCP_SYN | ESP_TCP_RST | ESP_TCP_FIN)) != ESP_TCP_SYN))
		return ESP_OK;
	size = (h[12] >> 4) * 4U;
	if (size < ESP_TCP_HEADER || size > p->payload_length)
		return esp_inner_short(p, ESP_BAD_TCP_SHORT);
	c->pos += ESP_TCP_HEADER;
	size -= ESP_TCP_HEADER;
	if (!esp_inner_copy(c, size, &w->options))
		return esp_short(c, size, ESP_BAD_TCP_SHORT);
	ret->kind = ESP_INNER_SYN;
	ret->flags = flags & ESP_TCP_ACK ? ESP_INNER_ACK : 0;
	found = size ? esp_inner_options(&w->options) : 0;
	if (found & ESP_INNER_OPTIONS_BAD) {
		ret->flags |= ESP_INNER_GARBLED;
	} else if (found & ESP_INNER_OPTIONS_MSS) {
		ret->flags |= ESP_INNER_TOLD;
		ret->value = found & 0xffff;
	}
	ret->src[0] = p->r.src[0];
	ret->src[1] = p->r.src[1];
	ret->dst[0] = p->key.dst[0];
	ret->dst[1] = p->key.dst[1];
	return ESP_OK;
}

/* Who sent the quoted packet to whom; what is quoted is short, or no IP: nobody knows, and it still was an error. */
ESP_INLINE enum esp_reason esp_inner_quote(struct esp_cursor *c, __u32 left, int family,
					   struct esp_inner_packet *ret)
{
	if (family == 4) {
		const struct esp_ipv4 *q = (const struct esp_ipv4 *)c->pos;

		if (left < sizeof(*q))
			return ESP_OK;
		if (!ESP_FITS(c, sizeof(*q)))
			return esp_short(c, sizeof(*q), ESP_BAD_ICMP_QUOTE_SHORT);
		if (q->version_ihl >> 4 != 4)
			return ESP_OK;
		ret->src[1] = esp_mapped(q->src_be);
		ret->dst[1] = esp_mapped(q->dst_be);
	} else {
		const struct esp_ipv6 *q = (const struct esp_ipv6 *)c->pos;

		if (left < sizeof(*q))
			return ESP_OK;
		if (!ESP_FITS(c, sizeof(*q)))
			return esp_short(c, sizeof(*q), ESP_BAD_ICMP_QUOTE_SHORT);
		if (esp_be32(q->flow_be) >> 28 != 6)
			return ESP_OK;
		__builtin_memcpy(ret->src, q->src_be, sizeof(ret->src));
		__builtin_memcpy(ret->dst, q->dst_be, sizeof(ret->dst));
	}
	return ESP_OK;
}

ESP_INLINE enum esp_reason esp_inner_icmp(struct esp_cursor *c, const struct esp_packet *p,
					  struct esp_inner_packet *ret)
{
	const struct esp_icmp *h = (const struct esp_icmp *)c->pos;
	__u32 rest;

	if (p->payload_length < sizeof(*h))
		return esp_inner_short(p, ESP_BAD_ICMP_SHORT);
	if (!ESP_FITS(c, sizeof(*h)))
		return esp_short(c, sizeof(*h), ESP_BAD_ICMP_SHORT);
	rest = esp_be32(h->rest_be);
	if (p->family == 4 ? h->type != 3 : h->type != 1 && h->type != 2)
		return ESP_OK;
	if (p->family == 4 ? h->code != 4 : h->type != 2) {
		ret->kind = ESP_INNER_UNREACHABLE;
		return ESP_OK;
	}
	c->pos += sizeof(*h);
	/* RFC 1191 section 4: the lower 16 bits, 0 by routers that know no better; RFC 4443 section 3.2: all 32. */
	ret->value = p->family == 4 ? rest & 0xffff : rest;
	ret->kind = ESP_INNER_TOO_BIG;
	if (ret->value)
		ret->flags = ESP_INNER_TOLD;
	return esp_inner_quote(c, p->payload_length - sizeof(*h), p->family, ret);
}

/*
 * The frame [start, end) of `wire` bytes. On ESP_OK *ret says of what kind it is, all else 0; on anything else *ret means
 * nothing.
 */
ESP_INLINE enum esp_reason esp_inner_parse(const __u8 *start, const __u8 *end, __u32 wire, enum esp_link link,
					   struct esp_inner_work *w, struct esp_inner_packet *ret)
{
	struct esp_cursor c = {.start = start, .pos = start, .end = end, .wire = wire};
	struct esp_packet *p = &w->p;
	enum esp_reason bad;

	__builtin_memset(ret, 0, sizeof(*ret));
	bad = esp_parse_frame(&c, link, p);
	if (bad || !p->family || p->flags & ESP_PKT_LATER)
		return bad;
	ret->family = p->family;
	if (p->protocol == ESP_IPPROTO_TCP)
		return esp_inner_tcp(&c, w, ret);
	if (p->protocol == (p->family == 4 ? ESP_IPPROTO_ICMP : ESP_IPPROTO_ICMPV6))
		return esp_inner_icmp(&c, p, ret);
	return ESP_OK;
}

ESP_INLINE void esp_inner_count_mss(struct esp_inner_mss *m, const struct esp_inner_packet *p)
{
	__u32 bucket;

	if (p->flags & ESP_INNER_ACK)
		m->syn_ack++;
	else
		m->syn++;
	if (p->flags & ESP_INNER_GARBLED) {
		m->garbled++;
		return;
	}
	if (!(p->flags & ESP_INNER_TOLD)) {
		m->without++;
		return;
	}
	bucket = esp_inner_bucket(p->value);
	ESP_OPAQUE(bucket); /* the verifier does not follow a division */
	if (bucket < ESP_INNER_BUCKETS)
		m->bucket[bucket]++;
	if (p->value > m->max)
		m->max = p->value;
	if (!m->min || p->value < m->min)
		m->min = p->value;
}

/* Counts a parsed frame. `own`: this host sent it. True: the agent is to be told of it. */
ESP_INLINE int esp_inner_count(struct esp_inner_stats *s, enum esp_reason bad, struct esp_inner_packet *p,
			       int own)
{
	__u32 kind = p->kind;

	ESP_OPAQUE(kind); /* else its bound is that of another copy */
	s->seen++;
	if (bad) {
		if (bad < ESP_REASON_COUNT)
			s->rejected[bad]++;
		return 0;
	}
	if (kind >= ESP_INNER_KINDS)
		return 0;
	s->kind[kind]++;
	if (own) {
		s->own[kind]++;
		p->flags |= ESP_INNER_OWN;
	}
	if (kind == ESP_INNER_SYN)
		esp_inner_count_mss(&s->mss[p->family == 6], p);
	return kind == ESP_INNER_SYN || kind == ESP_INNER_TOO_BIG;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * quick.h - the usual frame, without the detour through struct esp_packet
 *
 * Ethernet, and IPv4 without options, whole: what is none of ours, and the next packet of an SA that is in its home slot
 * and looks like the packet before it. Whatever is the least bit unusual is left to the general way, before anything was
 * counted. Nothing is decided here otherwise than by esp_classify() and esp_observe(): the same, with all values in
 * registers, where those go through memory. First esp_quick(), which looks at headers only, then, for what is of an SA,
 * esp_quick_sa(): what is needed for SAs alone is not fetched for the others.
 */
#ifndef ESPIAL_QUICK_H
#define ESPIAL_QUICK_H

#include "pipeline.h"

/* Link, IP, and what of the transport is looked at: the UDP header, and the ESP header behind it. */
#define ESP_QUICK_HEADERS                                                                                    \
	(sizeof(struct esp_eth) + sizeof(struct esp_ipv4) + sizeof(struct esp_udp) + sizeof(struct esp_esp))

ESP_INLINE void esp_quick_count(struct esp_if_stats *stats, enum esp_class cls, __u32 length)
{
	stats->seen++;
	stats->bytes += length;
	stats->cls[cls]++;
}

/*
 * What the Ethernet frame [start, end) of `wire` bytes (not ESP_WIRE_UNKNOWN) is. ESP_CLASS_OTHER is counted, which is all
 * that there is to do; ESP_CLASS_ESP and ESP_CLASS_ESP_UDP are for esp_quick_sa(). ESP_CLASS_COUNT: nothing was done.
 */
ESP_INLINE enum esp_class esp_quick(const struct esp_ports *ports, const __u8 *start, const __u8 *end,
				    __u32 wire, struct esp_if_stats *stats)
{
	const struct esp_ipv4 *ip = (const struct esp_ipv4 *)(start + sizeof(struct esp_eth));
	const struct esp_udp *udp = (const struct esp_udp *)(ip + 1);
	const __u8 *last = (const __u8 *)udp;
	__u32 length, sport, dport;
	__be16 type;

	if (ESP_UNLIKELY(start + sizeof(struct esp_eth) > end))
		return ESP_CLASS_COUNT;
	type = ((const struct esp_eth *)start)->type_be;
	if (ESP_UNLIKELY(type != esp_be16(ESP_ETH_IPV4))) {
		/* Those that the general way follows; all others, ARP among them, are `other`. */
		if (type == esp_be16(ESP_ETH_IPV6) || type == esp_be16(ESP_ETH_VLAN) ||
		    type == esp_be16(ESP_ETH_QINQ) || type == esp_be16(ESP_ETH_QINQ_OLD) ||
		    type == esp_be16(ESP_ETH_PPPOE))
			return ESP_CLASS_COUNT;
		esp_quick_count(stats, ESP_CLASS_OTHER, 0);
		return ESP_CLASS_OTHER;
	}
	if (ESP_UNLIKELY(start + ESP_QUICK_HEADERS > end || ip->version_ihl != 0x45))
		return ESP_CLASS_COUNT;
	length = esp_be16(ip->total_length_be);
	if (ESP_UNLIKELY(ip->fragment_be & esp_be16(ESP_IPV4_MF | ESP_IPV4_OFFSET) ||
			 length < ESP_QUICK_HEADERS - sizeof(struct esp_eth) ||
			 length + sizeof(struct esp_eth) > wire))
		return ESP_CLASS_COUNT;
	if (ip->protocol == ESP_IPPROTO_ESP)
		return ESP_CLASS_ESP;
	if (ESP_UNLIKELY(ip->protocol != ESP_IPPROTO_TCP && ip->protocol != ESP_IPPROTO_UDP))
		return ESP_CLASS_COUNT;
	/* One look at the last byte of each tells most, instead of a comparison with every port of ours. */
	if (ESP_LIKELY(ports->others >> (last[1] & 63) & ports->others >> (last[3] & 63) & 1)) {
		esp_quick_count(stats, ESP_CLASS_OTHER, length);
		return ESP_CLASS_OTHER;
	}
	sport = esp_be16(udp->sport_be);
	dport = esp_be16(udp->dport_be);
	if (esp_is_natt_port(ports, sport) || esp_is_natt_port(ports, dport)) {
		__u32 covered = esp_be16(udp->length_be);

		return ip->protocol == ESP_IPPROTO_UDP && covered <= length - sizeof(*ip) &&
				       covered >= sizeof(*udp) + sizeof(struct esp_esp) &&
				       !esp_is_ike_port(ports, sport) && !esp_is_ike_port(ports, dport)
			       ? ESP_CLASS_ESP_UDP
			       : ESP_CLASS_COUNT;
	}
	if (ip->protocol == ESP_IPPROTO_UDP &&
	    (esp_is_ike_port(ports, sport) || esp_is_ike_port(ports, dport)))
		return ESP_CLASS_COUNT;
	esp_quick_count(stats, ESP_CLASS_OTHER, length);
	return ESP_CLASS_OTHER;
}

ESP_INLINE struct esp_sa_key esp_quick_key(const struct esp_at *at, const struct esp_ipv4 *ip,
					   const struct esp_esp *esp)
{
	return (struct esp_sa_key){
		.dst = {0, esp_mapped(ip->dst_be)},
		.id = esp_sa_id(esp_be32(esp->spi_be), ESP_IPPROTO_ESP, 4, at->direction),
	};
}

/*
 * A packet that esp_quick() said to be of class `cls`, a constant. What is needed again behind a lookup is read from the
 * packet again: to the compiler that is a call, and there are no registers to keep it in.
 */
ESP_INLINE int esp_quick_account(const struct esp_at *at, const __u8 *start, enum esp_class cls,
				 struct esp_if_stats *stats)
{
	const struct esp_ipv4 *ip = (const struct esp_ipv4 *)(start + sizeof(struct esp_eth));
	const struct esp_udp *udp = (const struct esp_udp *)(ip + 1);
	const struct esp_esp *esp = (const struct esp_esp *)(cls == ESP_CLASS_ESP ? udp : udp + 1);
	const struct esp_config *cfg = esp_cfg(at->t);
	struct esp_sa_key key = esp_quick_key(at, ip, esp);
	__u32 slot = (__u32)esp_sa_hash(&key, cfg->seed) & cfg->sa_mask, length;
	struct esp_sa *sa = esp_sa_at(at->t, slot);
	__u64 signature, endpoint;
	struct esp_lane *lane;

	if (!sa || !esp->spi_be)
		return 0;
	key = esp_quick_key(at, ip, esp);
	if (ESP_UNLIKELY(!esp_same_sa(sa, &key)))
		return 0;
	lane = esp_lane_at(at->t, slot, at->cpu);
	if (!lane)
		return 0;
	signature = (__u64)at->ifindex << 32 | (__u32)ip->tos << 24 | (__u32)ip->ttl << 16;
	if (ip->fragment_be & esp_be16(ESP_IPV4_DF))
		signature |= ESP_PKT_DF;
	endpoint = esp_mapped(ip->src_be);
	if (cls == ESP_CLASS_ESP_UDP) {
		signature |= ESP_PKT_UDP;
		endpoint ^= (__u32)esp_be16(udp->sport_be) ^ (__u32)esp_be16(udp->dport_be) << 16;
	}
	if (ESP_UNLIKELY(lane->signature[0] != signature || lane->signature[1] != endpoint))
		return 0;
	length = esp_be16(ip->total_length_be);
	if (ESP_UNLIKELY(length > lane->size_max || ~length > lane->size_min_inv))
		return 0;
	if (ESP_UNLIKELY(!esp_window_fast(sa, esp_be32(esp->sequence_be))))
		return 0;
	lane->received++;
	lane->packets++;
	lane->bytes += length;
	lane->last = at->now;
	esp_quick_count(stats, cls, length);
	return 1;
}

/*
 * A packet of one sequence number that esp_quick() said to be of class `cls`, ESP or ESP in UDP. Returns 1 when it is dealt
 * with and counted, 0 when nothing was done.
 */
ESP_INLINE int esp_quick_sa(const struct esp_at *at, const __u8 *start, enum esp_class cls,
			    struct esp_if_stats *stats)
{
	if (cls == ESP_CLASS_ESP)
		return esp_quick_account(at, start, ESP_CLASS_ESP, stats);
	return esp_quick_account(at, start, ESP_CLASS_ESP_UDP, stats);
}

#endif

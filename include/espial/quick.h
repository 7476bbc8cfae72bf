/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * quick.h - the usual frame, without the detour through struct esp_packet
 *
 * Ethernet, and IPv4 without options, whole: what is none of ours, and the next packet of an SA that is in its home slot
 * and looks like the packet before it. Whatever is the least bit unusual is left to the general way, before anything was
 * counted. Nothing is decided here otherwise than by esp_classify() and esp_observe(): the same, with all values in
 * registers, where those go through memory.
 */
#ifndef ESPIAL_QUICK_H
#define ESPIAL_QUICK_H

#include "pipeline.h"

/* Link, IP, and what of the transport is looked at: the UDP header, and the ESP header behind it. */
#define ESP_QUICK_HEADERS                                                                                    \
	(sizeof(struct esp_eth) + sizeof(struct esp_ipv4) + sizeof(struct esp_udp) + sizeof(struct esp_esp))

ESP_INLINE int esp_quick_sa(const struct esp_at *at, const struct esp_config *cfg, const struct esp_ipv4 *ip,
			    const struct esp_esp *esp, __u32 length, __u32 flags, __u32 ports)
{
	const struct esp_sa_key key = {
		.dst = {0, esp_mapped(ip->dst_be)},
		.id = esp_sa_id(esp_be32(esp->spi_be), ESP_IPPROTO_ESP, 4, at->direction),
	};
	__u64 src = esp_mapped(ip->src_be);
	__u64 signature = (__u64)at->ifindex << 32 | (__u32)ip->tos << 24 | (__u32)ip->ttl << 16 | flags;
	__u32 slot = (__u32)esp_sa_hash(&key, cfg->seed) & cfg->sa_mask;
	struct esp_sa *sa = esp_sa_at(at->t, slot);
	struct esp_lane *lane;

	if (!sa)
		return 0;
	if (!esp_same_sa(sa, &key))
		return 0;
	lane = esp_lane_at(at->t, slot, at->cpu);
	if (!lane)
		return 0;
	if (lane->signature[0] != signature || lane->signature[1] != (src ^ ports))
		return 0;
	if (length > lane->size_max || ~length > lane->size_min_inv)
		return 0;
	if (!esp_window_fast(sa, esp_be32(esp->sequence_be)))
		return 0;
	lane->received++;
	lane->packets++;
	lane->bytes += length;
	lane->last = at->now;
	return 1;
}

/*
 * The Ethernet frame [start, end) of `wire` bytes (not ESP_WIRE_UNKNOWN); `single`: it carries one sequence number.
 * Returns 1 when it is dealt with and counted, 0 when nothing was done.
 */
ESP_INLINE int esp_quick(const struct esp_at *at, const __u8 *start, const __u8 *end, __u32 wire, int single,
			 struct esp_if_stats *stats)
{
	const struct esp_ipv4 *ip = (const struct esp_ipv4 *)(start + sizeof(struct esp_eth));
	const struct esp_udp *udp = (const struct esp_udp *)(ip + 1);
	const struct esp_esp *esp = (const struct esp_esp *)udp;
	const struct esp_config *cfg = esp_cfg(at->t);
	__u32 length, fragment, flags, sport, dport, ports = 0, cls;
	__be16 type;

	if (start + sizeof(struct esp_eth) > end)
		return 0;
	type = ((const struct esp_eth *)start)->type_be;
	if (type != esp_be16(ESP_ETH_IPV4)) {
		/* Those that the general way follows; all others, ARP among them, are `other`. */
		if (type == esp_be16(ESP_ETH_IPV6) || type == esp_be16(ESP_ETH_VLAN) ||
		    type == esp_be16(ESP_ETH_QINQ) || type == esp_be16(ESP_ETH_QINQ_OLD) ||
		    type == esp_be16(ESP_ETH_PPPOE))
			return 0;
		stats->seen++;
		stats->cls[ESP_CLASS_OTHER]++;
		return 1;
	}
	if (start + ESP_QUICK_HEADERS > end || ip->version_ihl != 0x45)
		return 0;
	length = esp_be16(ip->total_length_be);
	fragment = ip->fragment_be;
	if (fragment & esp_be16(ESP_IPV4_MF | ESP_IPV4_OFFSET) ||
	    length < ESP_QUICK_HEADERS - sizeof(struct esp_eth) || length + sizeof(struct esp_eth) > wire)
		return 0;
	flags = fragment & esp_be16(ESP_IPV4_DF) ? ESP_PKT_DF : 0;
	if (ip->protocol == ESP_IPPROTO_ESP) {
		cls = ESP_CLASS_ESP;
	} else if (ip->protocol == ESP_IPPROTO_TCP || ip->protocol == ESP_IPPROTO_UDP) {
		sport = esp_be16(udp->sport_be);
		dport = esp_be16(udp->dport_be);
		cls = ESP_CLASS_OTHER;
		if (ip->protocol == ESP_IPPROTO_UDP &&
		    (esp_is_ike_port(&cfg->ports, sport) || esp_is_ike_port(&cfg->ports, dport)))
			return 0;
		if (esp_is_natt_port(&cfg->ports, sport) || esp_is_natt_port(&cfg->ports, dport)) {
			__u32 covered = esp_be16(udp->length_be);

			if (ip->protocol == ESP_IPPROTO_TCP || covered > length - sizeof(*ip) ||
			    covered < sizeof(*udp) + sizeof(*esp))
				return 0;
			cls = ESP_CLASS_ESP_UDP;
			esp = (const struct esp_esp *)(udp + 1);
			ports = sport ^ dport << 16;
			flags |= ESP_PKT_UDP;
		}
	} else {
		return 0;
	}
	if (cls != ESP_CLASS_OTHER &&
	    (!esp->spi_be || !single || !esp_quick_sa(at, cfg, ip, esp, length, flags, ports)))
		return 0;
	stats->seen++;
	stats->bytes += length;
	stats->cls[cls]++;
	return 1;
}

#endif

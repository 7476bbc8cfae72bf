/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * wire.h - layouts and constants of what is on the wire, each with its source
 *
 * Fields are in network byte order and named so (_be). Our own structs and not those of vmlinux.h: those are
 * CO-RE relocated and fail to load where the kernel keeps the type in a module (struct ip_esp_hdr on 6.1).
 */
#ifndef ESPIAL_WIRE_H
#define ESPIAL_WIRE_H

#include "portable.h"

/* Ethertypes, IEEE 802 numbers (IANA registry "ieee-802-numbers"). */
enum esp_ethertype {
	ESP_ETH_IPV4 = 0x0800,
	ESP_ETH_IPV6 = 0x86dd,
	ESP_ETH_VLAN = 0x8100,	   /* 802.1Q */
	ESP_ETH_QINQ = 0x88a8,	   /* 802.1ad */
	ESP_ETH_QINQ_OLD = 0x9100, /* pre-standard stacked tag, still sent by some switches */
	ESP_ETH_PPPOE = 0x8864,	   /* PPPoE session, RFC 2516 */
	ESP_ETH_NONE = 0,	   /* nothing that we follow */
};

/* PPP protocol numbers, IANA registry "ppp-numbers". */
enum esp_ppp_protocol {
	ESP_PPP_IPV4 = 0x0021,
	ESP_PPP_IPV6 = 0x0057,
};

/* IP protocol numbers, IANA registry "protocol-numbers". */
enum esp_ip_protocol {
	ESP_IPPROTO_HOPOPTS = 0,
	ESP_IPPROTO_ICMP = 1,
	ESP_IPPROTO_TCP = 6,
	ESP_IPPROTO_UDP = 17,
	ESP_IPPROTO_ROUTING = 43,
	ESP_IPPROTO_FRAGMENT = 44,
	ESP_IPPROTO_ESP = 50,
	ESP_IPPROTO_AH = 51,
	ESP_IPPROTO_ICMPV6 = 58,
	ESP_IPPROTO_DSTOPTS = 60,
	ESP_IPPROTO_IPCOMP = 108,
	ESP_IPPROTO_MOBILITY = 135, /* RFC 6275 */
	ESP_IPPROTO_NONE = 255,	    /* reserved: nothing that we follow */
};

struct esp_eth {
	__u8 dst[6], src[6];
	__be16 type_be;
} ESP_ON_WIRE;

struct esp_vlan { /* what follows the tag's own ethertype */
	__be16 tci_be, type_be;
} ESP_ON_WIRE;

struct esp_pppoe { /* RFC 2516 section 4 */
	__u8 version_type, code;
	__be16 session_be, length_be;
} ESP_ON_WIRE;

struct esp_ipv4 { /* RFC 791 section 3.1 */
	__u8 version_ihl, tos;
	__be16 total_length_be, id_be, fragment_be;
	__u8 ttl, protocol;
	__be16 checksum_be;
	__be32 src_be, dst_be;
} ESP_ON_WIRE;
#define ESP_IPV4_DF 0x4000
#define ESP_IPV4_MF 0x2000
#define ESP_IPV4_OFFSET 0x1fff /* in units of 8 bytes */

struct esp_ipv6 { /* RFC 8200 section 3 */
	__be32 flow_be;
	__be16 payload_length_be;
	__u8 next_header, hop_limit;
	__be32 src_be[4], dst_be[4];
} ESP_ON_WIRE;

struct esp_ipv6_fragment { /* RFC 8200 section 4.5 */
	__u8 next_header, reserved;
	__be16 offset_be; /* upper 13 bits: offset in units of 8 bytes; bit 0: more fragments */
	__be32 id_be;
} ESP_ON_WIRE;

struct esp_udp { /* RFC 768 */
	__be16 sport_be, dport_be, length_be, checksum_be;
} ESP_ON_WIRE;

struct esp_esp { /* RFC 4303 section 2 */
	__be32 spi_be, sequence_be;
} ESP_ON_WIRE;

struct esp_ah { /* RFC 4302 section 2; length in 32-bit words minus 2, unlike an IPv6 option's 8-byte unit */
	__u8 next_header, length;
	__be16 reserved_be;
	__be32 spi_be, sequence_be;
} ESP_ON_WIRE;

struct esp_ike { /* RFC 7296 section 3.1, RFC 2408 section 3.1 */
	__be32 initiator_spi_be[2], responder_spi_be[2];
	__u8 next_payload, version, exchange, flags;
	__be32 message_id_be, length_be;
} ESP_ON_WIRE;

struct esp_natt_marker { /* RFC 3948 section 2.2: four zero bytes where ESP has its SPI */
	__be32 zero_be;
} ESP_ON_WIRE;

struct esp_icmp { /* RFC 792, RFC 4443; `rest` holds the MTU of packet-too-big */
	__u8 type, code;
	__be16 checksum_be;
	__be32 rest_be;
} ESP_ON_WIRE;

ESP_ASSERT(sizeof(struct esp_eth) == 14, "Ethernet header");
ESP_ASSERT(sizeof(struct esp_ipv4) == 20, "IPv4 header");
ESP_ASSERT(sizeof(struct esp_ipv6) == 40, "IPv6 header");
ESP_ASSERT(sizeof(struct esp_ah) == 12, "AH header");
ESP_ASSERT(sizeof(struct esp_ike) == 28, "IKE header");

/* UDP ports, IANA registry "service-names-port-numbers"; both configurable, since some vendors use others. */
#define ESP_PORT_IKE 500
#define ESP_PORT_NATT 4500

#define ESP_VLAN_DEPTH 3
#define ESP_IPV6_EXT_DEPTH 8

#endif

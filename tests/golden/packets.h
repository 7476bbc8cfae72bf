// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * packets.h - packets written down once, as recipes, with what they are
 *
 * Rows of packets.def are built by the small builder below; the classifier's test, the golden test of kernel and twin and
 * the fuzz corpus use the same ones. Lengths of IP and UDP headers are filled in by packet_finish(), unless patched.
 */
#ifndef ESPIAL_TESTS_GOLDEN_PACKETS_H
#define ESPIAL_TESTS_GOLDEN_PACKETS_H

#include <stddef.h>
#include <stdint.h>

#include "espial/parse.h"

/* Fields that are equal in all rows. */
#define PACKET_SPI 0x11223344U
#define PACKET_SEQUENCE 0x55667788U
#define PACKET_TOS 0xb8
#define PACKET_TTL 57
#define PACKET_SOURCE4 0x0a010203U	/* 10.1.2.3 */
#define PACKET_DESTINATION4 0xc0000207U /* 192.0.2.7 */

#define PACKET_MAX 8192

struct packet {
	uint8_t data[PACKET_MAX];
	size_t length;
	size_t ip; /* offset of the last IP header */
	size_t l4; /* of the last header behind it */
	struct {
		size_t at, trailer; /* trailer: bytes behind the packet that do not belong to it */
		int kind;	    /* 4, 6: IP; 17: UDP */
	} layer[8];
	int layers;
	struct {
		size_t at;
		uint16_t value;
		int wide;
	} patch[8];
	int patches;
};

/* Link layers. Types are those of what follows. */
void eth(struct packet *b, uint16_t type);
void vlan(struct packet *b, uint16_t id, uint16_t type);
void pppoe(struct packet *b);
void ppp(struct packet *b, uint16_t protocol);
void null_link(struct packet *b, uint32_t family, int swapped);
void sll(struct packet *b, uint16_t type);
void sll2(struct packet *b, uint16_t type);
void byte(struct packet *b, uint8_t value);

/* IP and what is behind. */
void ip4(struct packet *b, uint8_t protocol);
void ip4_options(struct packet *b, uint8_t protocol, int words);
void ip4_fragment(struct packet *b, uint8_t protocol, uint16_t flags_offset, uint16_t id);
void ip6(struct packet *b, uint8_t next);
void ext(struct packet *b, uint8_t next, int units); /* 8 + 8 * units bytes */
void ip6_fragment(struct packet *b, uint8_t next, uint16_t offset, int more, uint32_t id);
void udp(struct packet *b, uint16_t source, uint16_t destination);
void tcp(struct packet *b, uint16_t source, uint16_t destination);
void icmp(struct packet *b, uint8_t type, uint8_t code);
void esp(struct packet *b, uint32_t spi, uint32_t sequence);
void ah(struct packet *b, uint8_t next, uint8_t length, uint32_t spi, uint32_t sequence);
void marker(struct packet *b);
void ike(struct packet *b, uint32_t length); /* the 28 bytes of its header */
void fill(struct packet *b, size_t count);

/* Bytes behind the IP packet: padding of a short Ethernet frame. */
void trailer(struct packet *b, size_t count);

/* After the lengths are filled in: another value at an offset from the last IP or transport header. */
void set8_ip(struct packet *b, size_t at, uint8_t value);
void set16_ip(struct packet *b, size_t at, uint16_t value);
void set16_l4(struct packet *b, size_t at, uint16_t value);

/* Removes bytes from the end so that the packet begins anew; fills in lengths; called by packet_build(). */
void packet_begin(struct packet *b);
void packet_finish(struct packet *b);

struct packet_case {
	const char *name;
	enum esp_link link;
	enum esp_reason bad; /* ESP_OK: `cls` says what it is */
	enum esp_class cls;
	void (*recipe)(struct packet *b);
};

extern const struct packet_case packet_cases[];
extern const size_t packet_case_count;

void packet_build(const struct packet_case *c, struct packet *ret);

#endif

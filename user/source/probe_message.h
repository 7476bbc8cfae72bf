/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe_message.h - the packets of a probe, and how their answers are recognised
 *
 * Pure. Each packet carries a token of 16 bits: the low half of an IKE SPI's last four bytes, the sequence of an echo, the low
 * half of an ESP SPI, and besides the identification of an IPv4 header. Numbers are in host byte order.
 */
#ifndef ESPIAL_SOURCE_PROBE_MESSAGE_H
#define ESPIAL_SOURCE_PROBE_MESSAGE_H

#include <sys/types.h>

#include "source/probe.h"

#define PROBE_PORT_IKE 500
#define PROBE_PORT_NATT 4500

/* What makes the packets of one run ours. */
struct probe_key {
	struct probe_address source, target;
	uint8_t spi[6];			/* the first bytes of every IKE SPI; never all zero */
	uint16_t echo_id, esp_spi_high; /* the latter above 0: SPIs to 255 are reserved (RFC 4303 2.1) */
	uint16_t port[PROBE_METHODS];	/* our side's, of the UDP methods */
};

struct probe_packet {
	enum probe_method method;
	uint16_t token;
	unsigned int size; /* of the IP packet */
	unsigned int ttl;
	bool df;
	unsigned int fragment; /* not 0: sent in fragments of at most this size */
	bool old_form;	       /* IKE: an IKE_SA_INIT that nobody can accept */
};

enum probe_event_kind {
	PROBE_EVENT_ANSWER,
	PROBE_EVENT_TOO_BIG,
	PROBE_EVENT_EXPIRED,	 /* its hop limit was used up */
	PROBE_EVENT_CLOSED,	 /* port or protocol unreachable */
	PROBE_EVENT_PROHIBITED,	 /* by an administrator, they say */
	PROBE_EVENT_UNREACHABLE, /* for another reason */
};

struct probe_event {
	enum probe_event_kind kind;
	enum probe_method method;
	uint16_t token;
	struct probe_address from;
	unsigned int mtu;      /* TOO_BIG; 0: not told */
	unsigned int fragment; /* ANSWER: it came in fragments, the largest of this size; 0: in one piece */
	uint8_t type, code;    /* of the ICMP message */
	uint64_t at_ns;
};

unsigned int probe_header_size(int family); /* IPv4 20, IPv6 40 */

/*
 * What follows the IP header, with checksums: `size` of it is packet->size less the IP header. -EMSGSIZE when the packet is
 * too small for its method or larger than `room`; else the length.
 */
ssize_t probe_build_transport(const struct probe_key *key, const struct probe_packet *packet, uint8_t *ret,
			      size_t room);
/* What a UDP socket is given: the same without the UDP header. */
ssize_t probe_build_ike(const struct probe_key *key, const struct probe_packet *packet, uint8_t *ret,
			size_t room);
/*
 * One IP packet out of `part` bytes at `offset` of what follows the header; `more` fragments behind it. `part` is the whole and
 * offset 0 for a packet in one piece. Its length; ret has room for part + 48 bytes.
 */
size_t probe_build_ip(const struct probe_key *key, const struct probe_packet *packet,
		      const uint8_t *transport, size_t offset, size_t part, bool more, uint8_t *ret);
/* Bytes that a fragment of at most `size` carries: a multiple of 8, at least 8. */
size_t probe_fragment_payload(int family, unsigned int size);

/* What a UDP datagram holds: a message of ours, or an answer to it; to which? */
bool probe_match_ike(const struct probe_key *key, enum probe_method method, const uint8_t *data,
		     size_t length, uint16_t *ret_token);
/* The same, of answers only: our own message comes back from a reflector, and proves nothing about IKE there. */
bool probe_match_answer(const struct probe_key *key, enum probe_method method, const uint8_t *data,
			size_t length, uint16_t *ret_token);
/* An ICMP message from its first byte: an answer to our echo, or an error that quotes a packet of ours. */
bool probe_match_icmp(const struct probe_key *key, const uint8_t *icmp, size_t length,
		      struct probe_event *ret);
/* Fills kind and mtu from type, code and the second word of an ICMP error. False: no error that concerns a probe. */
bool probe_read_error(int family, uint8_t type, uint8_t code, uint32_t word, struct probe_event *ret);

#endif

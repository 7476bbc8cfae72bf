/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * event.h - one IKE message, ICMP error or change of endpoint, as far as its headers tell
 *
 * Decoded from what the datapath gives (struct esp_event, abi.h) by the classifier that the datapath itself uses, and by
 * the IKE parser. Pure: no memory, no I/O, no clock. Numbers are in host order, addresses in network order.
 */
#ifndef ESPIAL_MODEL_EVENT_H
#define ESPIAL_MODEL_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/ike_parse.h"
#include "model/state.h"

enum event_kind {
	EVENT_IKE,
	EVENT_ICMP,
	EVENT_ENDPOINT,
};

struct event_address {
	uint8_t bytes[16]; /* IPv4 in the last four, ::ffff: before */
	uint16_t port;	   /* 0: none */
};

struct event_ike { /* all of the header; valid when header_valid */
	bool header_valid, truncated;
	uint64_t initiator_spi, responder_spi;
	uint32_t message_id, length;
	uint8_t major, minor, exchange, flags;
	uint16_t fragment, fragments; /* IKE fragment number and total; 0: none */
};

struct event_icmp {
	uint8_t type, code;
	uint32_t mtu; /* of fragmentation needed, packet too big; 0: not told */
	bool quoted;  /* what follows is valid: the packet that the error is about */
	uint8_t protocol;
	bool has_spi;
	uint32_t spi;
	struct event_address source, destination;
};

struct event_endpoint { /* a UDP-encapsulated SA comes from another address or port */
	uint32_t spi;
	struct event_address old, new;
};

struct event {
	uint64_t time_ns;	    /* since the epoch */
	char interface[STATE_NAME]; /* printable ASCII; "" unknown */
	enum event_kind kind;
	enum esp_direction direction;
	enum esp_class cls;			  /* ESP_CLASS_COUNT: no packet */
	uint8_t family;				  /* 4, 6; 0: not told */
	uint32_t length;			  /* of the IP packet */
	struct event_address source, destination; /* ICMP: the source is who reports */
	const char *fault;			  /* name of what is wrong with the message; NULL: nothing */
	enum ike_fault ike_fault;		  /* EVENT_IKE */
	union {
		struct event_ike ike;
		struct event_icmp icmp;
		struct event_endpoint endpoint;
	};
};

/*
 * `size`: bytes at `raw`. `offset_ns`: what makes its clock time since the epoch. `interface`: a name, or NULL. 0, or
 * -EINVAL when the event is none that we know (or shorter than it says).
 */
int event_decode(const struct esp_event *raw, size_t size, uint64_t offset_ns, const char *interface,
		 const struct esp_ports *ports, struct event *ret);

#endif

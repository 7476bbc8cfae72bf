/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * twin.h - the offline twin of the datapath: the same code over tables of our own
 *
 * Time is in nanoseconds: ticks of the configuration are nanoseconds here.
 */
#ifndef ESPIAL_SOURCE_TWIN_H
#define ESPIAL_SOURCE_TWIN_H

#include <stdbool.h>
#include <stdint.h>

#include "source/tables.h"

/* Sizes: powers of two. 0 takes the default. */
struct twin_options {
	uint32_t sa_slots;	/* default 65536 */
	uint32_t new_sets;	/* default 4096 (four ways each) */
	uint32_t fragment_sets; /* default 4096 (four ways each) */
	uint32_t cpus;		/* default 1 */
	struct esp_ports ports; /* all 0: 500 and 4500 */
	uint64_t seed;
};

/* A packet that the agent would have been given: IKE message or ICMP error. `ip` starts at the IP header. */
struct twin_packet {
	uint64_t time_ns;
	uint32_t ifindex;
	enum esp_direction direction;
	enum esp_class cls;
	const uint8_t *ip;
	uint32_t captured, length; /* bytes of it in memory; on the wire */
};

struct twin {
	struct esp_tables tables;
	void (*packet)(void *arg, const struct twin_packet *packet); /* NULL: nobody listens */
	void *packet_arg;
	bool thorough; /* never by quick.h, whose results are the same: for the test that they are */
};

/* 0, -EINVAL for a size that is no power of two, -ENOMEM. On error *ret is zeroed. */
int twin_init(struct twin *ret, const struct twin_options *options);
void twin_destroy(struct twin *twin);

/*
 * One frame through classifier and accounting. `ifindex` from 1; interface counters go to slot (ifindex - 1) mod
 * ESP_IF_SLOTS. Returns the class, or ESP_CLASS_COUNT and *ret_bad when it was rejected (ret_bad may be NULL).
 */
enum esp_class twin_frame(struct twin *twin, const uint8_t *frame, uint32_t captured, uint32_t wire,
			  enum esp_link link, uint64_t time_ns, uint32_t ifindex,
			  enum esp_direction direction, uint32_t segments, uint32_t cpu,
			  enum esp_reason *ret_bad);

/* The link type of a LINKTYPE_ number of a capture file, or ESP_LINK_UNKNOWN. */
enum esp_link twin_link(uint32_t linktype);

#endif

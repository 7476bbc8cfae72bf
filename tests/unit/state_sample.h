/* SPDX-License-Identifier: GPL-2.0-or-later */
/* state_sample.h - a state written down by hand, whose every number is different from its neighbours */
#ifndef ESPIAL_TESTS_STATE_SAMPLE_H
#define ESPIAL_TESTS_STATE_SAMPLE_H

#include <string.h>

#include "model/state.h"

#define SAMPLE_FIRST 1700000000123456789ULL /* 2023-11-14T22:13:20.123456789Z */
#define SAMPLE_LAST 1700000060000000001ULL  /* 2023-11-14T22:14:20.000000001Z */

/* Two SAs: an inbound one in UDP over IPv4 with everything wrong, an outbound AH one over IPv6 of one packet. */
struct state_sample {
	struct state state;
	struct state_sa sas[2];
	struct state_interface interfaces[1];
};

static inline void sample_first_sa(struct state_sa *sa)
{
	static const uint8_t source[16] = {[10] = 0xff, [11] = 0xff, 192, 0, 2, 1},
			     destination[16] = {[10] = 0xff, [11] = 0xff, 198, 51, 100, 7};

	*sa = (struct state_sa){
		.interface = "eth0",
		.direction = ESP_DIR_IN,
		.family = 4,
		.protocol = 50,
		.encapsulation = ESP_PKT_UDP,
		.source_port = 1024,
		.destination_port = 4500,
		.spi = 0xc0ffee,
		.known = -1,
		.packets = 1007,
		.bytes = 402800,
		.first_ns = SAMPLE_FIRST,
		.last_ns = SAMPLE_LAST,
		.sequence = {.first = 5,
			     .highest = (1ULL << 32) + 9,
			     .received = 1001,
			     .lost = 31,
			     .pending = 2,
			     .late = 13,
			     .max_late_distance = 100,
			     .duplicate = 3,
			     .too_old = 2,
			     .outlier = 1,
			     .restarts = 0,
			     .contended = 0,
			     .window = 2016,
			     .late_distance = {7, 5, 0, 0, 0, 0, 1},
			     .burst_length = {11, 10},
			     .window_drops = {3, 3, 2, 2, 2, 2, UINT64_MAX, UINT64_MAX}},
		.size_min = 120,
		.size_max = 1480,
		.df = 1000,
		.fragmented = 4,
		.fragments = 9,
		.fragments_incomplete = 1,
		.dscp = {[0] = 900, [46] = 107},
		.ecn_ce = 6,
		.ttl_min = 57,
		.ttl_max = 60,
		.ttl_changes = 8,
		.endpoint_changes = 2,
		.interfaces = {{"eth0", 1000, 400000}, {"eth1", 7, 2800}},
		.interface_count = 2,
	};
	memcpy(sa->source, source, 16);
	memcpy(sa->destination, destination, 16);
}

static inline void sample_second_sa(struct state_sa *sa)
{
	*sa = (struct state_sa){
		.direction = ESP_DIR_OUT,
		.family = 6,
		.protocol = 51,
		.source = {0x20, 0x01, 0x0d, 0xb8, [15] = 1},
		.destination = {0x20, 0x01, 0x0d, 0xb8, [15] = 2},
		.spi = 1,
		.known = 1,
		.newcomer = true,
		.packets = 1,
		.bytes = 96,
		.sequence = {.first = 1,
			     .highest = 1,
			     .received = 1,
			     .window = 2016,
			     .window_drops = {0, 0, 0, 0, 0, 0, UINT64_MAX, UINT64_MAX}},
		.ttl_min = UINT32_MAX,
	};
}

static inline void sample_fill(struct state_sample *s)
{
	*s = (struct state_sample){
		.state = {.kind = STATE_LIVE,
			  .name = "gateway",
			  .version = "1.2.3",
			  .first_ns = SAMPLE_FIRST,
			  .last_ns = SAMPLE_LAST,
			  .sa_count = 2,
			  .interface_count = 1},
		.interfaces = {{.name = "eth0",
				.ifindex = 2,
				.ingress = "xdp native",
				.egress = "tcx",
				.note = "foreign program left alone",
				.up = true,
				.mtu = 1500}},
	};
	s->state.total.seen = 1020;
	s->state.total.bytes = 500000;
	s->state.total.cls[ESP_CLASS_ESP_UDP] = 1007;
	s->state.total.cls[ESP_CLASS_AH] = 1;
	s->state.total.cls[ESP_CLASS_OTHER] = 10;
	s->state.total.rejected[ESP_BAD_ESP_SHORT] = 2;
	s->state.loss[ESP_LOSS_EVICTED] = 21;
	s->state.loss[ESP_LOSS_CONTENDED] = 22;
	s->interfaces[0].in = s->state.total;
	s->interfaces[0].in.cls[ESP_CLASS_AH] = 0;
	s->interfaces[0].out.seen = 1;
	s->interfaces[0].out.bytes = 96;
	s->interfaces[0].out.cls[ESP_CLASS_AH] = 1;
	s->state.self = (struct state_self){.started_ns = SAMPLE_FIRST,
					    .cpu_ns = 1500000000,
					    .rss_bytes = 8000000,
					    .table_slots = 8192,
					    .table_used = 1,
					    .newcomer_slots = 4096,
					    .newcomer_used = 1,
					    .memory_bytes = 20000000,
					    .bytes_per_sa = 2500,
					    .events = 40,
					    .polls = 41,
					    .poll_ns_last = 300000,
					    .tick_hz = 250,
					    .pid = 4711};
	sample_first_sa(&s->sas[0]);
	sample_second_sa(&s->sas[1]);
	s->state.sas = s->sas;
	s->state.sums[esp_sums_index(esp_sa_id(1, 50, 4, ESP_DIR_IN))] =
		(struct state_sums){.sas = 1,
				    .of = {.packets = 1007,
					   .bytes = 402800,
					   .received = 1001,
					   .lost = 31,
					   .late = 13,
					   .duplicate = 3,
					   .too_old = 2,
					   .outlier = 1,
					   .fragmented = 4,
					   .fragments = 9,
					   .incomplete = 1,
					   .endpoint_changes = 2}};
	s->state.sums[esp_sums_index(esp_sa_id(1, 51, 6, ESP_DIR_OUT))] =
		(struct state_sums){.sas = 1, .newcomers = 1};
	s->state.interfaces = s->interfaces;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ike_traffic.h - captures of IKE in any number, made of real messages with other SPIs, message ids and addresses */
#ifndef BENCH_IKE_TRAFFIC_H
#define BENCH_IKE_TRAFFIC_H

#include <stdint.h>

/* Messages of IKEv2 that are taken from a capture, each with its Ethernet, IPv4 and UDP headers. */
enum ike_sample {
	IKE_SAMPLE_INIT,
	IKE_SAMPLE_INIT_ANSWER,
	IKE_SAMPLE_AUTH,
	IKE_SAMPLE_AUTH_ANSWER,
	IKE_SAMPLE_CHILD,
	IKE_SAMPLE_CHILD_ANSWER,
	IKE_SAMPLE_INFORMATIONAL,
	IKE_SAMPLE_INFORMATIONAL_ANSWER,
	IKE_SAMPLES
};

enum { IKE_FRAME_MAX = 600 };

struct ike_samples {
	uint8_t frame[IKE_SAMPLES][IKE_FRAME_MAX];
	uint32_t length[IKE_SAMPLES]; /* 0: not found */
};

/* From a capture on Ethernet, the first of each. 0 or -errno; -ENOENT when one is not in it. */
int ike_samples_read(const char *path, struct ike_samples *ret);

/*
 * Writes a capture of `messages`, 100 000 per minute. 0 or -errno.
 * ike_traffic_tunnels: `tunnels` IKE SAs come up, then each in turn has INFORMATIONAL exchanges and at every tenth a rekey.
 * ike_traffic_flood: IKE_SA_INIT requests, each from another address with another SPI.
 */
int ike_traffic_tunnels(const char *path, const struct ike_samples *samples, uint32_t messages,
			uint32_t tunnels);
int ike_traffic_flood(const char *path, const struct ike_samples *samples, uint32_t messages);

#endif

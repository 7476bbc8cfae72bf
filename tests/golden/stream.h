// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stream.h - a pseudo-random stream of Ethernet frames: SAs with losses, reordering and jumps, strangers, fragments,
 * damaged packets of the packet set
 */
#ifndef ESPIAL_TESTS_GOLDEN_STREAM_H
#define ESPIAL_TESTS_GOLDEN_STREAM_H

#include "golden/packets.h"

#define STREAM_SAS 24

struct stream {
	uint64_t random;
	uint32_t next[STREAM_SAS];
};

void stream_start(struct stream *s, uint64_t seed);
uint32_t stream_random(struct stream *s);

/* Length of the next frame; 0: none this time. */
uint32_t stream_frame(struct stream *s, struct packet *b, uint32_t *ret_segments);

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
#include "golden/stream.h"

void stream_start(struct stream *s, uint64_t seed)
{
	s->random = seed * 0x9e3779b97f4a7c15ULL + 1;
	for (uint32_t i = 0; i < STREAM_SAS; i++)
		s->next[i] = i % 4 ? 1 : stream_random(s);
}

uint32_t stream_random(struct stream *s)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 7;
	s->random ^= s->random << 17;
	return (uint32_t)(s->random >> 32);
}

uint32_t stream_frame(struct stream *s, struct packet *b, uint32_t *ret_segments)
{
	uint32_t kind = stream_random(s) % 100, sa = stream_random(s) % STREAM_SAS, number;

	*ret_segments = 1;
	packet_begin(b);
	if (kind < 70) {
		if (kind < 60) {
			number = s->next[sa]++;
			if (stream_random(s) % 20 == 0)
				number -= stream_random(s) % 100;
			if (stream_random(s) % 50 == 0)
				s->next[sa] += stream_random(s) % 3000;
			if (stream_random(s) % 2000 == 0)
				s->next[sa] = stream_random(s) % 3 ? s->next[sa] + stream_random(s) / 2 : 1;
			if (stream_random(s) % 20 == 0)
				*ret_segments = 1 + stream_random(s) % 44;
			s->next[sa] += *ret_segments - 1;
		} else {
			sa = stream_random(s);
			number = stream_random(s);
		}
		eth(b, sa & 1 ? 0x86dd : 0x0800);
		if (sa & 1)
			ip6(b, sa % 3 == 0 ? 17 : sa % 3 == 1 ? 50 : 51);
		else
			ip4_options(b, sa % 3 == 0 ? 17 : sa % 3 == 1 ? 50 : 51, sa % 7 == 0 ? 2 : 0);
		if (sa % 3 == 0)
			udp(b, stream_random(s) % 500 ? 4500 : 4501, 4500);
		if (sa % 3 == 2)
			ah(b, 50, 4, sa + 1, number), fill(b, 20);
		else
			esp(b, sa + 1, number), fill(b, stream_random(s) % 300);
		if (stream_random(s) % 50 == 0)
			set8_ip(b, sa & 1 ? 7 : 8, (uint8_t)stream_random(s));
		packet_finish(b);
	} else if (kind < 85) {
		uint16_t id = (uint16_t)(stream_random(s) % 64);
		uint32_t part = stream_random(s) % 3;

		eth(b, 0x0800);
		ip4_fragment(b, 50, part == 0 ? 0x2000 : part == 1 ? 0x2005 : 10, id);
		if (part == 0)
			esp(b, 2, s->next[1]++), fill(b, 32);
		else
			fill(b, part == 1 ? 40 : 17);
		packet_finish(b);
	} else {
		const struct packet_case *c = &packet_cases[stream_random(s) % packet_case_count];

		packet_build(c, b);
		if (b->length > 3000 || b->length < 20)
			return 0;
		for (int flips = (int)(stream_random(s) % 4); flips > 0; flips--)
			b->data[stream_random(s) % b->length] ^= (uint8_t)(1 << stream_random(s) % 8);
		if (stream_random(s) % 4 == 0)
			b->length = 15 + stream_random(s) % (b->length - 15);
	}
	return (uint32_t)b->length;
}

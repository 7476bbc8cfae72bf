// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_inner.c - libFuzzer target: the parser of inner interfaces, on frames and on TCP options
 *
 * The first byte is the link type, the second how much of the frame was captured of what was on the wire; the frame follows. The
 * counters add up, what is told has the addresses of the frame's own bytes, and the walk over the options says the same as one
 * written for this test.
 */
#include "espial/inner.h"
#include "fuzz/fuzz.h"

/* RFC 9293 section 3.2, with a pointer that goes forward. */
static uint32_t slow_options(const uint8_t *byte, size_t length)
{
	uint32_t found = 0;

	while (length) {
		if (byte[0] == 0)
			break;
		if (byte[0] == 1) {
			byte++;
			length--;
			continue;
		}
		if (length < 2 || byte[1] < 2 || byte[1] > length)
			return ESP_INNER_OPTIONS_BAD;
		if (byte[0] == 2 && byte[1] != 4)
			return ESP_INNER_OPTIONS_BAD;
		if (byte[0] == 2)
			found = ESP_INNER_OPTIONS_MSS | (uint32_t)byte[2] << 8 | byte[3];
		length -= byte[1];
		byte += byte[1];
	}
	return found;
}

static void check_options(const uint8_t *data, size_t size)
{
	struct esp_inner_options options = {
		.length = (uint32_t)(size > ESP_TCP_OPTIONS ? ESP_TCP_OPTIONS : size)};

	memcpy(options.byte, data, options.length);
	CHECK(esp_inner_options(&options) == slow_options(data, options.length));
}

static uint64_t sum(const __u64 *values, size_t count)
{
	uint64_t n = 0;

	for (size_t i = 0; i < count; i++)
		n += values[i];
	return n;
}

static void check_stats(const struct esp_inner_stats *s)
{
	CHECK(s->seen == 1 && sum(s->kind, ESP_INNER_KINDS) + sum(s->rejected, ESP_REASON_COUNT) == 1);
	CHECK(sum(s->own, ESP_INNER_KINDS) == sum(s->kind, ESP_INNER_KINDS));
	for (int f = 0; f < 2; f++) {
		const struct esp_inner_mss *m = &s->mss[f];

		CHECK(m->syn + m->syn_ack == m->without + m->garbled + sum(m->bucket, ESP_INNER_BUCKETS));
		CHECK(m->min <= m->max);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct esp_inner_stats stats = {0};
	struct esp_inner_packet p;
	struct esp_inner_work work;
	enum esp_reason bad;
	uint32_t length, wire;
	uint8_t *frame;
	int told;

	if (size < 2)
		return 0;
	length = (uint32_t)size - 2;
	wire = length + (data[1] & 0x80 ? data[1] & 0x7fU : 0);
	frame = fuzz_copy(data + 2, length);
	bad = esp_inner_parse(frame, frame + length, wire, (enum esp_link)(data[0] % (ESP_LINK_UNKNOWN + 1)),
			      &work, &p);
	CHECK(bad != ESP_BAD_NOT_CAPTURED || wire > length);
	told = esp_inner_count(&stats, bad, &p, 1);
	check_stats(&stats);
	if (bad) {
		CHECK(!told);
	} else {
		CHECK(p.kind < ESP_INNER_KINDS && p.value <= (p.kind == ESP_INNER_SYN ? 65535 : UINT32_MAX));
		CHECK(told == (p.kind == ESP_INNER_SYN || p.kind == ESP_INNER_TOO_BIG));
		CHECK(p.flags & ESP_INNER_TOLD || !p.value);
		CHECK(!told || p.family == 4 || p.family == 6);
	}
	check_options(frame, length);
	free(frame);
	return 0;
}

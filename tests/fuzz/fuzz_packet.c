// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_packet.c - libFuzzer target of the datapath: whole frames through the twin, into tiny tables
 *
 * The input is a row of frames, each behind 4 bytes: link type and flags, sequence step, snap length, length. After each input
 * the equations of output.md hold, and the quick way has said the same as the thorough one.
 */

#include "fuzz/fuzz.h"
#include "golden/sums.h"
#include "source/twin.h"

/* Tables are made once, and emptied for each input. */
static void start(struct twin *t, bool thorough)
{
	struct twin_options o = {.sa_slots = 8, .new_sets = 1, .fragment_sets = 1, .cpus = 2, .seed = 5};
	struct esp_tables *tables = &t->tables;

	if (!tables->sa) {
		CHECK(twin_init(t, &o) == 0);
		t->thorough = thorough;
		return;
	}
	memset(tables->sa, 0, 8 * sizeof(*tables->sa));
	memset(tables->rare, 0, 8 * sizeof(*tables->rare));
	memset(tables->lane, 0, 8UL * 2 * sizeof(*tables->lane));
	memset(tables->newcomer, 0, sizeof(*tables->newcomer));
	memset(tables->fragment, 0, sizeof(*tables->fragment));
	memset(tables->stats, 0, 3UL * 2 * 2 * sizeof(*tables->stats)); /* of two interfaces */
	memset(tables->cpu, 0, 2 * sizeof(*tables->cpu));
}

static void check(struct twin *t)
{
	CHECK(!sums_tables_broken(&t->tables));
	for (uint32_t slot = 0; slot <= t->tables.cfg.sa_mask; slot++) {
		struct sa_sums s;

		if (!t->tables.sa[slot].key.id)
			continue;
		sums_of_slot(&t->tables, slot, &s);
		CHECK(!sums_broken(&s));
		CHECK(s.contended == 0 && s.outlier <= s.packets && s.too_old <= s.packets &&
		      s.duplicate <= s.packets);
	}
}

/* One frame, `repeat` times, the sequence number (where ESP behind 34 bytes has it) advancing by `step`. */
static void frames(struct twin *quick, struct twin *thorough, const uint8_t *header, uint8_t *frame,
		   uint32_t captured, uint64_t *now)
{
	enum esp_link link = (enum esp_link)((header[0] & 7) % (ESP_LINK_UNKNOWN + 1));
	uint32_t wire = captured + (header[2] & 0x80 ? header[2] & 0x7fU : 0),
		 repeat = 1 + (header[0] >> 6) * 2U, cpu = header[0] >> 3 & 1;
	uint32_t segments = header[0] & 0x20 ? 1 + header[2] % 5U : 1, ifindex = 1 + (header[0] >> 4 & 1U);

	for (; repeat > 0; repeat--) {
		enum esp_reason bad;
		enum esp_class cls = twin_frame(quick, frame, captured, wire, link, *now, ifindex, ESP_DIR_IN,
						segments, cpu, &bad);

		CHECK(bad != ESP_BAD_NOT_CAPTURED || wire > captured);
		CHECK((cls == ESP_CLASS_COUNT) == (bad != ESP_OK));
		CHECK(twin_frame(thorough, frame, captured, wire, link, *now, ifindex, ESP_DIR_IN, segments,
				 cpu, NULL) == cls);
		if (captured >= 42) {
			uint32_t number = (uint32_t)frame[38] << 24 | (uint32_t)frame[39] << 16 |
					  (uint32_t)frame[40] << 8 | frame[41];

			number += header[1] & 0x80   ? (uint32_t)(header[1] & 0x7f) << 9
				  : header[1] & 0x40 ? 0U - (header[1] & 0x3f)
						     : header[1];
			for (int i = 0; i < 4; i++)
				frame[38 + i] = (uint8_t)(number >> (24 - 8 * i));
		}
		*now += header[1] == 0x3f ? 400000000000ULL : 1000;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct twin quick, thorough;
	uint64_t now = 1;

	start(&quick, false);
	start(&thorough, true);
	while (size > 4) {
		uint32_t length = data[3];
		uint8_t *frame;

		if (length > size - 4)
			length = (uint32_t)size - 4;
		frame = fuzz_copy(data + 4, length);
		frames(&quick, &thorough, data, frame, length, &now);
		free(frame);
		data += 4 + length;
		size -= 4 + length;
	}
	check(&quick);
	CHECK(!tables_differ(&quick.tables, &thorough.tables));
	return 0;
}

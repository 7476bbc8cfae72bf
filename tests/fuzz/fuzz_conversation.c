// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_conversation.c - libFuzzer target of the conversation tracker
 *
 * The input is a sequence of records: one byte of flags, one of time, two of length, then an IKE message. Small limits, so that
 * eviction happens. Beside memory safety it asserts the bounds that the tracker promises, and that all texts and JSON can be made.
 */
#include "export/ike_json.h"
#include "fuzz/fuzz.h"
#include "model/conversation.h"

enum {
	SAS = 6,
	HALF_OPEN = 4,
	EXCHANGES = 5,
	RECORD = 4,
	FLAG_RIGHT = 1, /* who sends */
	FLAG_NATT = 2,
	FLAG_MOVED = 4,
	FLAG_V6 = 8,
	FLAG_CUT = 16,	/* captured only in part */
	FLAG_LONG = 32, /* minutes pass, not milliseconds */
};

static struct conversation_endpoint endpoint(unsigned int last, uint8_t flags)
{
	struct conversation_endpoint ret = {.port = flags & FLAG_NATT ? 4500 : 500};

	if (!(flags & FLAG_V6))
		ret.address[10] = ret.address[11] = 0xff;
	ret.address[15] = (uint8_t)last;
	return ret;
}

static void check(const struct conversations *c)
{
	const struct conversation_stats *stats = conversation_stats(c);
	const struct conversation_sa *sa = NULL;
	uint32_t sas = 0, half_open = 0;

	while ((sa = conversation_next(c, sa))) {
		char evidence[8];

		sas += !sa->half_open;
		half_open += sa->half_open;
		CHECK(sa->exchange_count <= EXCHANGES && sa->state < CONVERSATION_STATES);
		CHECK(sa->window[0] <= EXCHANGES + 1 && sa->window[1] <= EXCHANGES + 1);
		CHECK(sa->since_ns && sa->first_ns && sa->last_ns >= sa->first_ns);
		CHECK(conversation_evidence(sa, evidence, sizeof(evidence)) > 0);
		CHECK(strlen(evidence) < sizeof(evidence));
	}
	CHECK(sas == stats->sas && half_open == stats->half_open);
	CHECK(sas <= SAS && half_open <= HALF_OPEN + SAS);
	CHECK(stats->created == sas + half_open + stats->half_open_evicted + stats->ended_evicted);
}

static void write_json(const struct conversations *c)
{
	struct json_writer w = {0};

	export_ike_sas(&w, NULL, c);
	free(text_take(&w.text, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conversations *c = conversation_new(
		&(struct conversation_limits){.sas = SAS, .half_open = HALF_OPEN, .exchanges = EXCHANGES});
	uint64_t now = 1700000000ull * 1000000000ull;

	CHECK(c);
	while (size > RECORD) {
		uint8_t flags = data[0];
		size_t length = (size_t)data[2] << 8 | data[3];
		struct conversation_packet packet = {0};
		uint8_t *copy;

		if (length > size - RECORD)
			length = size - RECORD;
		now += (uint64_t)data[1] * (flags & FLAG_LONG ? 60000000000ull : 1000000ull);
		packet.time_ns = now;
		packet.source = endpoint(flags & FLAG_MOVED ? 9 : 1 + (flags & FLAG_RIGHT), flags);
		packet.destination = endpoint(2 - (flags & FLAG_RIGHT), flags);
		packet.length = (uint32_t)length;
		packet.captured = (uint32_t)(flags & FLAG_CUT ? length / 2 : length);
		copy = fuzz_copy(data + RECORD, packet.captured);
		packet.message = copy;
		conversation_packet(c, &packet);
		free(copy);
		check(c);
		data += RECORD + length;
		size -= RECORD + length;
	}
	write_json(c);
	conversation_tick(c, now + 3600000000000ull);
	check(c);
	write_json(c);
	conversation_free(c);
	return 0;
}

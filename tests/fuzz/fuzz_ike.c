// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_ike.c - libFuzzer target of the IKE parser
 *
 * The input is one IKE message. Beside memory safety (ASan, UBSan) it asserts what the parser promises:
 * offsets inside the message, counts inside the lists, verdicts that agree between the whole message and its
 * prefixes.
 */
#include "fuzz/fuzz.h"
#include "model/ike_parse.h"

static void check_data(struct ike_data d, size_t captured)
{
	CHECK(d.offset <= captured && d.length <= captured - d.offset);
}

static void check_lists(const struct ike_message *m, size_t captured)
{
	unsigned int i;

	CHECK(m->payload_count <= IKE_MAX_PAYLOADS && m->proposal_count <= IKE_MAX_PROPOSALS);
	CHECK(m->transform_count <= IKE_MAX_TRANSFORMS && m->notify_count <= IKE_MAX_NOTIFIES);
	CHECK(m->vendor_count <= IKE_MAX_VENDORS && m->delete_count <= IKE_MAX_DELETES);
	CHECK(m->nat_hash_count <= IKE_MAX_NAT_HASHES);
	for (i = 0; i < m->payload_count; i++)
		CHECK(m->payloads[i].offset + 4 <= captured && m->payloads[i].length >= 4);
	for (i = 0; i < m->proposal_count; i++) {
		CHECK(m->proposals[i].first_transform + m->proposals[i].transforms <= m->transform_count);
		check_data(m->proposals[i].spi, captured);
	}
	for (i = 0; i < m->notify_count; i++) {
		check_data(m->notifies[i].spi, captured);
		check_data(m->notifies[i].data, captured);
	}
	for (i = 0; i < m->vendor_count; i++)
		check_data(m->vendors[i], captured);
	for (i = 0; i < m->delete_count; i++)
		check_data(m->deletes[i].spis, captured);
	for (i = 0; i < m->nat_hash_count; i++)
		check_data(m->nat_hashes[i].hash, captured);
	check_data(m->ke, captured);
	check_data(m->nonce, captured);
	check_data(m->cookie, captured);
	check_data(m->id, captured);
}

/* Text must fit where it says it fits, and say how much it wanted. */
static void check_text(const struct ike_message *m, const uint8_t *data)
{
	char text[512], small[7];
	size_t i;

	for (i = 0; i < ike_suite_count(m); i++) {
		int wanted = ike_suite_print(m, i, i & 1, text, sizeof(text));

		CHECK(wanted >= 0);
		CHECK(strlen(text) == ((size_t)wanted < sizeof(text) ? (size_t)wanted : sizeof(text) - 1));
		CHECK(ike_suite_print(m, i, i & 1, small, sizeof(small)) == wanted);
		CHECK(strlen(small) < sizeof(small) && !strncmp(small, text, strlen(small)));
	}
	for (i = 0; i < m->vendor_count; i++) {
		ike_vendor_print(data + m->vendors[i].offset, m->vendors[i].length, text, sizeof(text));
		CHECK(strlen(text) < sizeof(text));
	}
	for (i = 0; i < m->notify_count; i++)
		CHECK(ike_notify_print(m->major, m->notifies[i].type, text, sizeof(text)) > 0);
	CHECK(ike_exchange_print(m->major, m->exchange, text, sizeof(text)) > 0);
}

/* The message with only its first `captured` bytes, in memory of exactly that size. */
static enum ike_fault parse_prefix(const uint8_t *data, size_t captured, size_t wire_len)
{
	static struct ike_message m;
	uint8_t *copy = fuzz_copy(data, captured);
	enum ike_fault fault;
	uint32_t offset;

	fault = ike_parse(copy, captured, wire_len, &m, &offset);
	CHECK(offset <= wire_len && fault < IKE_FAULT_COUNT && ike_fault_name(fault));
	check_lists(&m, captured);
	check_text(&m, copy);
	CHECK(m.truncated == (fault == IKE_TRUNCATED));
	if (ike_is_fault(fault))
		CHECK(m.payload_count == 0 && m.transform_count == 0 &&
		      m.header_valid == (captured >= IKE_HEADER_SIZE));
	/* Safe on its own, too, on what validation refused. */
	ike_interpret(copy, captured, wire_len, &m);
	check_lists(&m, captured);
	free(copy);
	return fault;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum ike_fault whole = parse_prefix(data, size, size), prefix;
	size_t cut, length;

	CHECK(whole != IKE_TRUNCATED);
	if (size == 0)
		return 0;
	/* Cut somewhere that the input itself decides: never another fault than the whole message has. */
	cut = (data[size - 1] * 257u + data[size / 2]) % size;
	prefix = parse_prefix(data, cut, size);
	CHECK(prefix == whole || prefix == IKE_TRUNCATED || (whole == IKE_OK && prefix == IKE_OK));
	if (size < IKE_HEADER_SIZE)
		return 0;
	/* The same bytes as the beginning of the message that their length field announces. */
	length = (size_t)data[26] << 8 | data[27];
	if (length > size)
		parse_prefix(data, size, length);
	return 0;
}

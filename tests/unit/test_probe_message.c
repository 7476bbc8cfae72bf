// SPDX-License-Identifier: GPL-2.0-or-later
/* The packets of a probe: well-formed to our own parsers, of the size asked for, and recognised in whatever comes back */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "model/ike_parse.h"
#include "source/probe_message.h"

#define ROOM 70000

static const struct probe_key key4 = {
	.source = {.family = 4, .bytes = {192, 0, 2, 1}},
	.target = {.family = 4, .bytes = {198, 51, 100, 7}},
	.spi = {1, 2, 3, 4, 5, 6},
	.echo_id = 0x4242,
	.esp_spi_high = 0x1234,
	.port = {[PROBE_IKE] = 500, [PROBE_NATT] = 40001},
};

static const struct probe_key key6 = {
	.source = {.family = 6, .bytes = {0x20, 1, 0xd, 0xb8, [15] = 1}},
	.target = {.family = 6, .bytes = {0x20, 1, 0xd, 0xb8, [15] = 7}},
	.spi = {1, 2, 3, 4, 5, 6},
	.echo_id = 0x4242,
	.esp_spi_high = 0x1234,
	.port = {[PROBE_IKE] = 40000, [PROBE_NATT] = 40001},
};

static const struct probe_key *const keys[] = {&key4, &key6};
static uint8_t transport[ROOM], packet[ROOM];

static uint32_t get(const uint8_t *p, unsigned int bytes)
{
	uint32_t value = 0;

	while (bytes--)
		value = value << 8 | *p++;
	return value;
}

/* One's complement sum over data with a pseudo header: 0 when the checksum in it is right. */
static uint16_t verify(const struct probe_key *key, unsigned int protocol, const uint8_t *data, size_t length)
{
	size_t address = key->target.family == 6 ? 16 : 4, i;
	uint32_t sum = 0;

	if (protocol != 1) {
		for (i = 0; i < address; i += 2)
			sum += get(key->source.bytes + i, 2) + get(key->target.bytes + i, 2);
		sum += protocol + (uint32_t)length;
	}
	for (i = 0; i < length; i++)
		sum += i % 2 ? data[i] : (uint32_t)data[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static size_t build(const struct probe_key *key, const struct probe_packet *p)
{
	ssize_t length = probe_build_transport(key, p, transport, ROOM);

	assert_int_equal(length, p->size - probe_header_size(key->target.family));
	return probe_build_ip(key, p, transport, 0, (size_t)length, false, packet);
}

static void check_ike(const struct probe_key *key, const struct probe_packet *p, const uint8_t *udp,
		      size_t length)
{
	size_t marker = p->method == PROBE_NATT ? 4 : 0;
	const uint8_t *message = udp + 8 + marker;
	static struct ike_message parsed;
	static uint8_t known[ROOM];
	uint16_t token;
	uint32_t at;

	assert_int_equal(get(udp, 2), key->port[p->method]);
	assert_int_equal(get(udp + 2, 2), p->method == PROBE_NATT ? 4500 : 500);
	assert_int_equal(get(udp + 4, 2), length);
	if (marker)
		assert_int_equal(get(udp + 8, 4), 0);
	assert_memory_equal(message, key->spi, 6);
	assert_int_equal(get(message + 24, 4), length - 8 - marker);
	assert_int_equal(message[17], p->old_form ? 0x20 : 0x30);
	/* Well-formed, were the version known */
	memcpy(known, message, length - 8 - marker);
	known[17] = 0x20;
	if (p->old_form) {
		assert_int_equal(ike_parse(known, length - 8 - marker, length - 8 - marker, &parsed, &at),
				 IKE_OK);
		assert_int_equal(parsed.proposal_count, 1);
		assert_int_equal(parsed.transform_count, 4);
		assert_int_equal(parsed.transforms[0].id, 65001);
		assert_int_equal(parsed.notify_count, 1);
	} else {
		assert_int_equal(known[16], IKE_V2_PAYLOAD_VENDOR_ID);
		assert_int_equal(get(known + 28, 2), 0);
		assert_int_equal(get(known + 30, 2), length - 8 - marker - 28);
	}
	assert_true(probe_match_ike(key, p->method, udp + 8, length - 8, &token));
	assert_int_equal(token, p->token);
	assert_int_equal(verify(key, 17, udp, length), 0);
}

static void test_packets(void **state)
{
	unsigned int sizes[] = {300, 301, 1280, 1499, 1500, 9000, 65535};

	(void)state;
	for (size_t k = 0; k < 2; k++)
		for (size_t s = 0; s < sizeof(sizes) / sizeof(*sizes); s++)
			for (enum probe_method m = PROBE_ECHO; m < PROBE_METHODS; m++)
				for (unsigned int form = 0; form < 2; form++) {
					struct probe_packet p = {.method = m,
								 .token = (uint16_t)(s * 100 + m + 1),
								 .size = sizes[s],
								 .ttl = 9,
								 .df = true,
								 .old_form = form};
					bool is_v6 = keys[k] == &key6;
					unsigned int header = is_v6 ? 40 : 20;

					assert_int_equal(build(keys[k], &p), sizes[s]);
					assert_int_equal(packet[0] >> 4, is_v6 ? 6 : 4);
					assert_int_equal(is_v6 ? get(packet + 4, 2) + 40 : get(packet + 2, 2),
							 sizes[s]);
					assert_int_equal(packet[is_v6 ? 7 : 8], 9);
					if (!is_v6) {
						assert_int_equal(get(packet + 6, 2), 0x4000);
						assert_int_equal(get(packet + 4, 2), p.token);
						assert_int_equal(verify(&key4, 1, packet, 20), 0);
					}
					if (m == PROBE_ECHO)
						assert_int_equal(verify(keys[k], is_v6 ? 58 : 1,
									packet + header, sizes[s] - header),
								 0);
					else if (m != PROBE_ESP)
						check_ike(keys[k], &p, packet + header, sizes[s] - header);
				}
}

static void test_sizes(void **state)
{
	struct probe_packet p = {.method = PROBE_IKE, .token = 1, .size = 299};

	(void)state;
	assert_int_equal(probe_build_transport(&key4, &p, transport, ROOM), -EMSGSIZE);
	p.size = 1500;
	assert_int_equal(probe_build_transport(&key4, &p, transport, 1479), -EMSGSIZE);
	assert_int_equal(probe_build_transport(&key4, &p, transport, 1480), 1480);
	assert_int_equal(probe_build_ike(&key4, &p, transport, 1471), -EMSGSIZE);
	assert_int_equal(probe_build_ike(&key4, &p, transport, 1472), 1472);
}

/* Fragments cover the packet, none is larger than asked for, and all but the last are multiples of 8. */
static void test_fragments(void **state)
{
	(void)state;
	for (size_t k = 0; k < 2; k++)
		for (unsigned int most = 68; most <= 1500; most += 13) {
			struct probe_packet p = {
				.method = PROBE_NATT, .token = 77, .size = 1700, .fragment = most};
			unsigned int header = k ? 48 : 20;
			size_t part = probe_fragment_payload(k ? 6 : 4, most), offset, length, size, sum = 0;

			length = (size_t)probe_build_transport(keys[k], &p, transport, ROOM);
			assert_int_equal(part % 8, 0);
			assert_true(part + header <= most && part + 8 + header > most);
			for (offset = 0; offset < length; offset += part) {
				size_t left = length - offset;
				bool more = left > part;

				size = probe_build_ip(keys[k], &p, transport, offset, more ? part : left,
						      more, packet);
				assert_true(size <= most);
				assert_memory_equal(packet + header, transport + offset, more ? part : left);
				if (k) {
					assert_int_equal(packet[6], 44);
					assert_int_equal(packet[40], 17);
					assert_int_equal(get(packet + 42, 2), offset | more);
				} else {
					assert_int_equal(get(packet + 6, 2),
							 offset / 8 | (more ? 0x2000 : 0));
				}
				sum += size - header;
			}
			assert_int_equal(sum, length);
		}
}

/* An ICMP error about `p`, which quotes `quoted` bytes of it. */
static bool quote(const struct probe_key *key, const struct probe_packet *p, size_t quoted,
		  struct probe_event *ret)
{
	bool is_v6 = key == &key6;
	uint8_t icmp[2000] = {is_v6 ? 2 : 3, is_v6 ? 0 : 4};

	build(key, p);
	icmp[6] = 1400 >> 8;
	icmp[7] = 1400 & 255;
	memcpy(icmp + 8, packet, quoted);
	return probe_match_icmp(key, icmp, 8 + quoted, ret);
}

static void test_quotes(void **state)
{
	(void)state;
	for (size_t k = 0; k < 2; k++)
		for (enum probe_method m = PROBE_ECHO; m < PROBE_METHODS; m++)
			for (size_t quoted = 0; quoted <= 600; quoted++) {
				struct probe_packet p = {
					.method = m, .token = 0x1357, .size = 1450, .ttl = 1};
				struct probe_event event = {0};
				size_t header = k ? 40 : 20, wanted = header + 8;
				/* Of IPv6 UDP the ports alone tell nothing; there, routers quote 1232 bytes */
				if (k && m == PROBE_IKE)
					wanted += 28;
				if (k && m == PROBE_NATT)
					wanted += 32;
				assert_int_equal(quote(keys[k], &p, quoted, &event), quoted >= wanted);
				if (quoted < wanted)
					continue;
				assert_int_equal(event.kind, PROBE_EVENT_TOO_BIG);
				assert_int_equal(event.method, m);
				assert_int_equal(event.token, 0x1357);
				assert_int_equal(event.mtu, 1400);
			}
}

/* Quotes of other people's packets. */
static void test_foreign_quotes(void **state)
{
	struct probe_packet p = {.method = PROBE_IKE, .token = 5, .size = 400};
	struct probe_event event = {0};
	struct probe_key other = key4;
	uint8_t icmp[600] = {3, 3};

	(void)state;
	build(&key4, &p);
	memcpy(icmp + 8, packet, 400);
	assert_true(probe_match_icmp(&key4, icmp, 408, &event));
	assert_int_equal(event.kind, PROBE_EVENT_CLOSED);
	other.target.bytes[3] = 8;
	assert_false(probe_match_icmp(&other, icmp, 408, &event));
	other = key4;
	other.port[PROBE_IKE] = 501;
	assert_false(probe_match_icmp(&other, icmp, 408, &event));
	/* Our port, but an IKE daemon's message */
	other = key4;
	other.spi[0] = 9;
	assert_false(probe_match_icmp(&other, icmp, 408, &event));
	/* A later fragment has no ports */
	icmp[8 + 7] = 1;
	assert_false(probe_match_icmp(&key4, icmp, 408, &event));
	icmp[8 + 7] = 0;
	icmp[8] = 0x44;
	assert_false(probe_match_icmp(&key4, icmp, 408, &event));
	icmp[8] = 0x4f; /* a header of 60 bytes: the ports are elsewhere */
	assert_false(probe_match_icmp(&key4, icmp, 408, &event));
	icmp[8] = 0x45;
	icmp[0] = 5; /* a redirect */
	assert_false(probe_match_icmp(&key4, icmp, 408, &event));
}

static void test_answers(void **state)
{
	uint8_t echo[] = {0, 0, 0, 0, 0x42, 0x42, 0x12, 0x34, 1},
		message[40] = {1, 2, 3, 4, 5, 6, 0xab, 0xcd};
	uint8_t marked[44] = {0};
	struct probe_event event = {.fragment = 1396};
	uint16_t token;

	(void)state;
	assert_true(probe_match_icmp(&key4, echo, sizeof(echo), &event));
	assert_int_equal(event.kind, PROBE_EVENT_ANSWER);
	assert_int_equal(event.method, PROBE_ECHO);
	assert_int_equal(event.token, 0x1234);
	assert_int_equal(event.fragment, 1396);
	assert_false(probe_match_icmp(&key4, echo, 7, &event));
	assert_false(probe_match_icmp(&key6, echo, sizeof(echo), &event));
	echo[0] = 129;
	assert_true(probe_match_icmp(&key6, echo, sizeof(echo), &event));
	echo[4] = 0;
	assert_false(probe_match_icmp(&key6, echo, sizeof(echo), &event));

	memcpy(marked + 4, message, 40);
	assert_true(probe_match_ike(&key4, PROBE_IKE, message, 28, &token));
	assert_int_equal(token, 0xabcd);
	assert_false(probe_match_ike(&key4, PROBE_IKE, message, 27, &token));
	assert_false(probe_match_ike(&key4, PROBE_IKE, marked, 44, &token));
	assert_true(probe_match_ike(&key4, PROBE_NATT, marked, 32, &token));
	assert_false(probe_match_ike(&key4, PROBE_NATT, marked, 31, &token));
	assert_false(probe_match_ike(&key4, PROBE_NATT, message, 40, &token));
	assert_false(probe_match_ike(&key4, PROBE_NATT, marked, 3, &token));
	/* Our own message, reflected */
	message[19] = IKE_V2_FLAG_RESPONSE;
	marked[23] = IKE_V2_FLAG_RESPONSE;
	assert_true(probe_match_answer(&key4, PROBE_IKE, message, 28, &token));
	assert_true(probe_match_answer(&key4, PROBE_NATT, marked, 32, &token));
	message[19] = marked[23] = IKE_V2_FLAG_INITIATOR;
	assert_false(probe_match_answer(&key4, PROBE_IKE, message, 28, &token));
	assert_false(probe_match_answer(&key4, PROBE_NATT, marked, 32, &token));
	message[5] ^= 1;
	assert_false(probe_match_ike(&key4, PROBE_IKE, message, 40, &token));
}

static void test_errors(void **state)
{
	static const struct {
		int family;
		uint8_t type, code;
		int kind; /* -1: none */
		unsigned int mtu;
	} rows[] = {
		{4, 3, 0, PROBE_EVENT_UNREACHABLE, 0},
		{4, 3, 1, PROBE_EVENT_UNREACHABLE, 0},
		{4, 3, 2, PROBE_EVENT_CLOSED, 0},
		{4, 3, 3, PROBE_EVENT_CLOSED, 0},
		{4, 3, 4, PROBE_EVENT_TOO_BIG, 1400},
		{4, 3, 9, PROBE_EVENT_PROHIBITED, 0},
		{4, 3, 10, PROBE_EVENT_PROHIBITED, 0},
		{4, 3, 13, PROBE_EVENT_PROHIBITED, 0},
		{4, 11, 0, PROBE_EVENT_EXPIRED, 0},
		{4, 11, 1, -1, 0},
		{4, 0, 0, -1, 0},
		{4, 8, 0, -1, 0},
		{6, 1, 0, PROBE_EVENT_UNREACHABLE, 0},
		{6, 1, 1, PROBE_EVENT_PROHIBITED, 0},
		{6, 1, 4, PROBE_EVENT_CLOSED, 0},
		{6, 1, 5, PROBE_EVENT_PROHIBITED, 0},
		{6, 1, 6, PROBE_EVENT_PROHIBITED, 0},
		{6, 2, 0, PROBE_EVENT_TOO_BIG, 0x30578},
		{6, 3, 0, PROBE_EVENT_EXPIRED, 0},
		{6, 3, 1, -1, 0},
		{6, 4, 1, PROBE_EVENT_CLOSED, 0},
		{6, 4, 0, -1, 0},
		{6, 128, 0, -1, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct probe_event event = {0};
		/* Above the 16 bits of IPv4's field there may be anything */
		bool known =
			probe_read_error(rows[i].family, rows[i].type, rows[i].code, 0x30000 | 1400, &event);

		assert_int_equal(known, rows[i].kind >= 0);
		if (known) {
			assert_int_equal(event.kind, rows[i].kind);
			assert_int_equal(event.mtu, rows[i].mtu);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packets),	       cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_fragments),      cmocka_unit_test(test_quotes),
		cmocka_unit_test(test_foreign_quotes), cmocka_unit_test(test_answers),
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

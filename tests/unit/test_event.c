// SPDX-License-Identifier: GPL-2.0-or-later
/* test_event.c - what the datapath gives, decoded, as JSON and as a line */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "export/event_json.h"
#include "model/event.h"

static const struct esp_ports ports = {.ike = {500, 500}, .natt = {4500, 4500}};

#define TIME 1700000000123456789ull

/* An event whose packet is in memory of just its size, so that a step beyond is found. */
static struct esp_event *make(enum esp_class cls, const uint8_t *packet, uint32_t captured, uint32_t length)
{
	struct esp_event *event = calloc(1, sizeof(*event) + captured);

	assert_non_null(event);
	event->time = 1000;
	event->ifindex = 7;
	event->kind = ESP_EVENT_PACKET;
	event->direction = ESP_DIR_IN;
	event->cls = cls;
	event->length = length;
	event->captured = captured;
	memcpy(event->data, packet, captured);
	return event;
}

static void decode_part(enum esp_class cls, const uint8_t *packet, uint32_t captured, uint32_t length,
			struct event *ret)
{
	struct esp_event *raw = make(cls, packet, captured, length);

	assert_int_equal(event_decode(raw, sizeof(*raw) + captured, TIME - 1000, "eth0", &ports, ret), 0);
	free(raw);
}

#define DECODE(cls, packet, ret) decode_part(cls, packet, sizeof(packet), sizeof(packet), ret)

static void is_line(const struct event *event, const char *wanted)
{
	char line[512];
	json_t *json = event_json(event);

	assert_non_null(json);
	assert_int_equal(event_text(json, line, sizeof(line)), 0);
	assert_string_equal(line, wanted);
	json_decref(json);
}

static void is_json(const struct event *event, const char *wanted)
{
	json_t *json = event_json(event), *other = json_loads(wanted, 0, NULL);
	char *text = json_dumps(json, JSON_COMPACT);

	assert_non_null(other);
	if (!json_equal(json, other))
		fail_msg("got %s", text);
	free(text);
	json_decref(json);
	json_decref(other);
}

/* INFORMATIONAL response: header and SK of 44 bytes. */
#define IKE_INFORMATIONAL                                                                                    \
	0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0x01, 46,  \
		0x20, 37, 0x20, 0, 0, 0, 5, 0, 0, 0, 72, 0, 0, 0, 44, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, \
		13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35,  \
		36, 37, 38, 39, 40

static const uint8_t ike_natt[] = {
	0x45,
	0,
	0,
	104,
	0,
	1,
	0x40,
	0,
	64,
	17,
	0,
	0,
	192,
	0,
	2,
	1,
	198,
	51,
	100,
	2, /* IPv4 */
	0x11,
	0x94,
	0x2a,
	0xf8,
	0,
	84,
	0,
	0,
	0,
	0,
	0,
	0,
	IKE_INFORMATIONAL, /* UDP 4500 > 11000, marker */
};

static void ike_over_nat(void **state)
{
	struct event e;

	(void)state;
	DECODE(ESP_CLASS_IKE_NATT, ike_natt, &e);
	assert_null(e.fault);
	is_line(&e, "2023-11-14T22:13:20.123456789Z eth0 in 192.0.2.1:4500 > 198.51.100.2:11000 IKEv2 "
		    "INFORMATIONAL response id 5 "
		    "spi 0x1122334455667788/0x99aabbccddeeff01 from responder length 104");
	is_json(&e, "{\"time\":\"2023-11-14T22:13:20.123456789Z\",\"kind\":\"ike\",\"interface\":\"eth0\","
		    "\"direction\":\"in\","
		    "\"class\":\"ike_natt\",\"source\":\"192.0.2.1:4500\",\"destination\":\"198.51.100.2:"
		    "11000\",\"length\":104,"
		    "\"malformed\":null,\"ike\":{\"initiator_spi\":\"0x1122334455667788\",\"responder_spi\":"
		    "\"0x99aabbccddeeff01\","
		    "\"version\":\"2.0\",\"exchange\":\"INFORMATIONAL\",\"exchange_type\":37,\"message_id\":"
		    "5,\"flags\":[\"response\"],"
		    "\"length\":72,\"truncated\":false,\"fragment\":null}}");
}

/* A request has no flag of its own, and "initiator" is whose the IKE SA is, not whose the exchange. */
static void ike_words(void **state)
{
	uint8_t packet[sizeof(ike_natt)];
	struct event e;

	(void)state;
	memcpy(packet, ike_natt, sizeof(packet));
	packet[32 + 19] = 0x08;
	DECODE(ESP_CLASS_IKE_NATT, packet, &e);
	is_line(&e, "2023-11-14T22:13:20.123456789Z eth0 in 192.0.2.1:4500 > 198.51.100.2:11000 IKEv2 "
		    "INFORMATIONAL request id 5 "
		    "spi 0x1122334455667788/0x99aabbccddeeff01 from initiator length 104");
	packet[32 + 18] = 34; /* IKE_SA_INIT: who sends what is clear; without SA it is no good */
	DECODE(ESP_CLASS_IKE_NATT, packet, &e);
	is_line(&e, "2023-11-14T22:13:20.123456789Z eth0 in 192.0.2.1:4500 > 198.51.100.2:11000 IKEv2 "
		    "IKE_SA_INIT request id 5 "
		    "spi 0x1122334455667788/0x99aabbccddeeff01 length 104 malformed: responder_spi");
	packet[32 + 17] = 0x10; /* IKEv1 */
	packet[32 + 18] = 32;
	packet[32 + 19] = 0x01;
	DECODE(ESP_CLASS_IKE_NATT, packet, &e);
	is_line(&e, "2023-11-14T22:13:20.123456789Z eth0 in 192.0.2.1:4500 > 198.51.100.2:11000 IKEv1 "
		    "QUICK_MODE encrypted id 5 "
		    "spi 0x1122334455667788/0x99aabbccddeeff01 length 104 malformed: encrypted_size");
}

static void ike_over_ipv6(void **state)
{
	static const uint8_t packet[] = {
		0x60, 0,    0, 0,    0,	   80,	 17,
		64,   0x20, 1, 0xd,  0xb8, 0,	 0,
		0,    0,    0, 0,    0,	   0,	 0,
		0,    0,    1, 0x20, 1,	   0xd,	 0xb8,
		0,    0,    0, 0,    0,	   0,	 0,
		0,    0,    0, 0,    2,	   0x01, 0xf4,
		0x01, 0xf4, 0, 80,   0,	   0,	 IKE_INFORMATIONAL,
	};
	struct event e;

	(void)state;
	DECODE(ESP_CLASS_IKE, packet, &e);
	e.direction = ESP_DIR_OUT;
	is_line(&e, "2023-11-14T22:13:20.123456789Z eth0 out [2001:db8::1]:500 > [2001:db8::2]:500 IKEv2 "
		    "INFORMATIONAL response id 5 "
		    "spi 0x1122334455667788/0x99aabbccddeeff01 from responder length 120");
}

static void ike_malformed(void **state)
{
	uint8_t packet[sizeof(ike_natt)];
	struct event e;

	(void)state;
	memcpy(packet, ike_natt, sizeof(packet));
	packet[32 + 28 + 3] = 3; /* SK's length below its own header */
	DECODE(ESP_CLASS_IKE_NATT, packet, &e);
	assert_string_equal(e.fault, "payload_length_short");
	assert_true(e.ike.header_valid);
	is_line(&e, "2023-11-14T22:13:20.123456789Z eth0 in 192.0.2.1:4500 > 198.51.100.2:11000 IKEv2 "
		    "INFORMATIONAL response id 5 "
		    "spi 0x1122334455667788/0x99aabbccddeeff01 from responder length 104 malformed: "
		    "payload_length_short");
}

/* The datapath gives at most 1500 bytes, and nothing when it could not copy: never more than a fault. */
static void truncated_anywhere(void **state)
{
	struct event e;
	uint32_t n;

	(void)state;
	for (n = 0; n <= sizeof(ike_natt); n++) {
		decode_part(ESP_CLASS_IKE_NATT, ike_natt, n, sizeof(ike_natt), &e);
		if (n < 32 + 28)
			assert_string_equal(e.fault, "not_captured");
		else if (n < sizeof(ike_natt))
			assert_true(!e.fault && e.ike.truncated);
		else
			assert_true(!e.fault && !e.ike.truncated);
		assert_int_equal(e.family, n < 20 ? (n ? e.family : 0) : 4);
		json_decref(event_json(&e));
	}
}

/* Port unreachable and fragmentation needed, quoting 8 bytes of ESP behind a header with options. */
static const uint8_t icmp_esp[] = {
	0x45, 0, 0, 60, 0,   0,	 0,    0,    60,   1, 0, 0,    203,  0,	   113,	 9,    192, 0,	2, 1,
	3,    4, 0, 0,	0,   0,	 0x05, 0x78, 0x46, 0, 5, 0xdc, 0,    7,	   0x40, 0,    63,  50, 0, 0,
	192,  0, 2, 1,	198, 51, 100,  2,    1,	   1, 1, 0,    0xca, 0xfe, 0xba, 0xbe, 0,   0,	0, 9,
};

static void icmp_about_esp(void **state)
{
	struct event e;

	(void)state;
	DECODE(ESP_CLASS_ICMP_QUOTE, icmp_esp, &e);
	is_line(&e, "2023-11-14T22:13:20.123456789Z eth0 in 203.0.113.9 > 192.0.2.1 ICMP fragmentation "
		    "needed mtu 1400, about esp "
		    "192.0.2.1 > 198.51.100.2 spi 0xcafebabe length 60");
	is_json(&e, "{\"time\":\"2023-11-14T22:13:20.123456789Z\",\"kind\":\"icmp\",\"interface\":\"eth0\","
		    "\"direction\":\"in\","
		    "\"class\":\"icmp_quote\",\"source\":\"203.0.113.9\",\"destination\":\"192.0.2.1\","
		    "\"length\":60,"
		    "\"malformed\":null,\"icmp\":{\"type\":3,\"code\":4,\"name\":\"fragmentation "
		    "needed\",\"mtu\":1400,"
		    "\"quote\":{\"protocol\":\"esp\",\"source\":\"192.0.2.1\",\"destination\":\"198.51.100."
		    "2\",\"spi\":\"0xcafebabe\"}}}");
}

static void icmp_about_udp(void **state)
{
	/* A host is to quote 8 bytes (RFC 792): of ESP in UDP the ports, and no SPI. */
	uint8_t packet[] = {
		0x45, 0, 0,   56, 0, 0, 0,   0,	 60,  1,    0,	  0,	198,  51,   100, 2,    192, 0,	2,
		1,    3, 3,   0,  0, 0, 0,   0,	 0,   0x45, 0,	  0,	0x80, 0,    7,	 0x40, 0,   63, 17,
		0,    0, 192, 0,  2, 1, 198, 51, 100, 2,    0x11, 0x94, 0x11, 0x94, 0,	 0x6c, 0,   0,
	};
	struct event e;

	(void)state;
	DECODE(ESP_CLASS_ICMP_QUOTE, packet, &e);
	is_line(&e, "2023-11-14T22:13:20.123456789Z eth0 in 198.51.100.2 > 192.0.2.1 ICMP port unreachable, "
		    "about udp "
		    "192.0.2.1:4500 > 198.51.100.2:4500 length 56");
	packet[20] = 11;
	packet[21] = 9; /* a code that nobody defined */
	DECODE(ESP_CLASS_ICMP_QUOTE, packet, &e);
	is_line(&e, "2023-11-14T22:13:20.123456789Z eth0 in 198.51.100.2 > 192.0.2.1 ICMP type 11 code 9, "
		    "about udp "
		    "192.0.2.1:4500 > 198.51.100.2:4500 length 56");
}

static void icmpv6_about_esp_in_udp(void **state)
{
	static const uint8_t packet[] = {
		0x60, 0,    0,	  0,	0, 68, 58, 64, 0xfe, 0x80, 0,	 0,    0, 0, 0,	 0,
		0,    0,    0,	  0,	0, 0,  0,  1,  0x20, 1,	   0xd,	 0xb8, 0, 0, 0,	 0,
		0,    0,    0,	  0,	0, 0,  0,  1, /* ICMPv6 packet too big, mtu 1280 */
		2,    0,    0,	  0,	0, 0,  5,  0,  0x60, 0,	   0,	 0,    5, 0, 17, 64,
		0x20, 1,    0xd,  0xb8, 0, 0,  0,  0,  0,    0,	   0,	 0,    0, 0, 0,	 1,
		0x20, 1,    0xd,  0xb8, 0, 0,  0,  0,  0,    0,	   0,	 0,    0, 0, 0,	 2,
		0x11, 0x94, 0x11, 0x94, 5, 0,  0,  0,  0xc0, 0xff, 0xee, 1,    0, 0, 0,	 1};
	uint8_t whole[sizeof(packet)];
	struct event e;

	(void)state;
	memcpy(whole, packet, sizeof(whole));
	whole[5] = sizeof(whole) - 40;
	DECODE(ESP_CLASS_ICMP_QUOTE, whole, &e);
	is_line(&e, "2023-11-14T22:13:20.123456789Z eth0 in fe80::1 > 2001:db8::1 ICMP packet too big mtu "
		    "1280, about udp "
		    "[2001:db8::1]:4500 > [2001:db8::2]:4500 spi 0xc0ffee01 length 104");
}

static void icmp_truncated_anywhere(void **state)
{
	struct event e;
	uint32_t n;

	(void)state;
	for (n = 0; n < sizeof(icmp_esp); n++) {
		decode_part(ESP_CLASS_ICMP_QUOTE, icmp_esp, n, sizeof(icmp_esp), &e);
		assert_true(e.fault || e.icmp.quoted);
		if (e.kind == EVENT_ICMP && e.icmp.quoted)
			assert_true(n >= 48 && (!e.icmp.has_spi || n == sizeof(icmp_esp)));
		json_decref(event_json(&e));
	}
}

static void endpoint(void **state)
{
	static const uint8_t from[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1},
			     to[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 2},
			     us[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 9};
	struct esp_event raw = {.time = 1000,
				.kind = ESP_EVENT_ENDPOINT,
				.cls = ESP_CLASS_COUNT,
				.old_port = 4500,
				.new_port = 1024};
	struct event e;

	(void)state;
	raw.sa.id = esp_sa_id(0xabcd, 50, 4, ESP_DIR_IN);
	memcpy(raw.sa.dst, us, 16);
	memcpy(raw.old_src, from, 16);
	memcpy(raw.new_src, to, 16);
	assert_int_equal(event_decode(&raw, sizeof(raw), TIME - 1000, NULL, &ports, &e), 0);
	is_line(&e, "2023-11-14T22:13:20.123456789Z in 10.0.0.2:1024 > 10.0.0.9 endpoint of SA 0x0000abcd "
		    "was 10.0.0.1:4500, is "
		    "10.0.0.2:1024");
	is_json(&e,
		"{\"time\":\"2023-11-14T22:13:20.123456789Z\",\"kind\":\"endpoint\",\"interface\":null,"
		"\"direction\":\"in\","
		"\"class\":null,\"source\":\"10.0.0.2:1024\",\"destination\":\"10.0.0.9\",\"length\":null,"
		"\"malformed\":null,"
		"\"endpoint\":{\"spi\":\"0x0000abcd\",\"old\":\"10.0.0.1:4500\",\"new\":\"10.0.0.2:1024\"}}");
}

static void not_events(void **state)
{
	struct esp_event *raw = make(ESP_CLASS_IKE_NATT, ike_natt, sizeof(ike_natt), sizeof(ike_natt));
	struct event e;

	(void)state;
	assert_int_equal(event_decode(raw, sizeof(*raw) - 1, 0, NULL, &ports, &e), -EINVAL);
	assert_int_equal(event_decode(raw, sizeof(*raw) + sizeof(ike_natt) - 1, 0, NULL, &ports, &e),
			 -EINVAL);
	raw->kind = 9;
	assert_int_equal(event_decode(raw, sizeof(*raw) + sizeof(ike_natt), 0, NULL, &ports, &e), -EINVAL);
	free(raw);
}

/* Names of interfaces and what comes from an agent are anyone's. */
static void harmless_text(void **state)
{
	struct esp_event *raw = make(ESP_CLASS_IKE_NATT, ike_natt, sizeof(ike_natt), sizeof(ike_natt));
	json_t *json = json_loads("{\"kind\":\"\\u001b[31m\",\"interface\":\"a\\nb\",\"ike\":3}", 0, NULL);
	char line[64], name[200];
	struct event e;

	(void)state;
	assert_int_equal(event_decode(raw, sizeof(*raw) + sizeof(ike_natt), 0, "\x1b[1m\xff\n", &ports, &e),
			 0);
	assert_string_equal(e.interface, "?[1m??");
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(event_decode(raw, sizeof(*raw) + sizeof(ike_natt), 0, name, &ports, &e), 0);
	assert_int_equal(strlen(e.interface), STATE_NAME - 1);
	free(raw);
	assert_int_equal(event_text(json, line, sizeof(line)), 0);
	assert_string_equal(line, " a?b ?[31m");
	assert_int_equal(event_text(json, line, 4), 0);
	assert_string_equal(line, " a?");
	json_decref(json);
	json = json_loads("[1]", 0, NULL);
	assert_int_equal(event_text(json, line, sizeof(line)), -EINVAL);
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ike_over_nat),
		cmocka_unit_test(ike_words),
		cmocka_unit_test(ike_over_ipv6),
		cmocka_unit_test(ike_malformed),
		cmocka_unit_test(truncated_anywhere),
		cmocka_unit_test(icmp_about_esp),
		cmocka_unit_test(icmp_about_udp),
		cmocka_unit_test(icmpv6_about_esp_in_udp),
		cmocka_unit_test(icmp_truncated_anywhere),
		cmocka_unit_test(endpoint),
		cmocka_unit_test(not_events),
		cmocka_unit_test(harmless_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

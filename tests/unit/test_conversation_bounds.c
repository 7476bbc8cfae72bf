// SPDX-License-Identifier: GPL-2.0-or-later
/* test_conversation_bounds.c - limits, floods, damaged messages, NAT detection, texts and JSON of the conversation tracker */
#include "conversation_build.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <jansson.h>

#include "export/ike_json.h"

static void count_text(void *arg, const char *text)
{
	char *last = arg;

	snprintf(last, 256, "%s", text);
}

static void flood_of_init(void **state)
{
	const struct conversation_stats *stats = conversation_stats(c);
	unsigned int i;

	(void)state;
	up();
	pair(LEFT, CHILD, 2, CHILD_GOOD, CHILD_GOOD);
	for (i = 0; i < 10000; i++) {
		spi_i = 0xf000000000000000ull + i;
		address(LEFT, i & 1 ? 1 : i % 250); /* also from the true peer's address */
		init_request((uint8_t)i, 0);
		if (i & 2) {
			spi_r = spi_i + 1;
			init_response(); /* the gateway answers everybody */
		}
		after(MS / 10);
	}
	assert_int_equal(stats->half_open, 64);
	assert_int_equal(stats->sas, 1);
	assert_int_equal(stats->created, 10001);
	assert_int_equal(stats->half_open_evicted, 10000 - 64);
	assert_true(stats->flood_ns > START);
	assert_in_range(stats->half_open_rate_peak, 9000, 10001);
	/* It is over when it is over, not when the next one begins */
	after(SECOND);
	conversation_tick(c, now);
	assert_in_range(stats->half_open_rate, 1, 10001);
	after(SECOND);
	conversation_tick(c, now);
	assert_int_equal(stats->half_open_rate, 0);
	assert_int_equal(sa_count(), 65);
	assert_state(sa_at(0), "established", "certain", "active");
	assert_int_equal(sa_at(0)->messages, 6);
	/* And it still is followed. */
	address(LEFT, 1);
	spi_i = SPI_I;
	spi_r = SPI_R;
	pair(LEFT, INFO, 3, EMPTY, EMPTY);
	assert_int_equal(sa_at(0)->messages, 8);
}

static void flood_of_invented_spis(void **state)
{
	unsigned int i;

	(void)state;
	up();
	pair(LEFT, CHILD, 2, CHILD_GOOD, CHILD_GOOD);
	for (i = 0; i < 1000; i++) {
		spi_i = 0xf000000000000000ull + i;
		spi_r = i + 1;
		sk(LEFT, INFO, false, i & 1, EMPTY);
	}
	assert_int_equal(conversation_stats(c)->half_open, 64);
	assert_state(sa_at(0), "established", "certain", "active");
}

static void table_full(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 70; i++) {
		spi_i++;
		spi_r++;
		address(LEFT, i);
		up();
	}
	/* Live ones are not replaced: the latest stay half-open. */
	assert_int_equal(conversation_stats(c)->sas, 64);
	assert_int_equal(conversation_stats(c)->half_open, 6);
	assert_true(conversation_stats(c)->refused >= 6);
	assert_int_equal(conversation_stats(c)->ended_evicted, 0);
	/* One that has ended is: the oldest dies of an unanswered request. */
	spi_i = SPI_I + 1;
	spi_r = SPI_R + 1;
	address(LEFT, 0);
	sk(LEFT, INFO, false, 2, EMPTY);
	after(SECOND);
	sk(LEFT, INFO, false, 2, EMPTY);
	conversation_tick(c, now + 30 * SECOND);
	now += 31 * SECOND;
	spi_i = SPI_I + 100;
	spi_r = SPI_R + 100;
	address(LEFT, 100);
	up();
	assert_int_equal(conversation_stats(c)->ended_evicted, 1);
	assert_int_equal(conversation_stats(c)->sas, 64);
	assert_null(conversation_find(c, SPI_I + 1, SPI_R + 1));
	assert_false(conversation_find(c, SPI_I + 100, SPI_R + 100)->half_open);
}

static void exchanges_are_bounded(void **state)
{
	const struct conversation_sa *sa;
	uint32_t i;

	(void)state;
	up();
	for (i = 0; i < 100; i++)
		pair(LEFT, INFO, 2 + i, EMPTY, EMPTY);
	sa = sa_at(0);
	assert_int_equal(sa->exchange_count, 32);
	assert_int_equal(sa->exchanges_forgotten, 70);
	for (i = 0; i < 32; i++)
		assert_int_equal(exchange_at(sa, i)->message_id, 70 + i);
	/* Those that wait are forgotten, too, without a trace in what is open. */
	for (i = 0; i < 100; i++)
		sk(RIGHT, INFO, false, i, EMPTY);
	assert_int_equal(sa->window[1], 32);
}

static void damaged_messages(void **state)
{
	const struct conversation_endpoint *left = &ends[LEFT], *right = &ends[RIGHT];

	(void)state;
	up();
	build_sk(true, INFO, false, 2, EMPTY);
	message[30] = 0xff; /* payload length beyond the message */
	assert_true(ike_is_fault(deliver(left, right)));
	assert_int_equal(sa_at(0)->malformed, 1);
	assert_int_equal(sa_at(0)->messages, 4);
	assert_int_equal(conversation_stats(c)->malformed, 1);
	message_length = 28;
	memset(message, 0, 28);
	assert_true(ike_is_fault(deliver(left, right)));
	assert_int_equal(sa_count(), 1);
	/* INVALID_IKE_SPI in clear about what we never saw makes nothing. */
	header(1, 2, 41, 0x20, INFO, 0x20, 0);
	notify(0, 4, 0, 0);
	send_from(RIGHT);
	assert_int_equal(sa_count(), 1);
	assert_int_equal(conversation_stats(c)->orphans, 1);
	/* Nor does the answer to a version that nobody has, which is what a probe asks for. */
	header(3, 0, 41, 0x20, IKE_V2_EXCHANGE_IKE_SA_INIT, 0x20, 0);
	notify(0, IKE_V2_NOTIFY_INVALID_MAJOR_VERSION, 0, 0);
	send_from(RIGHT);
	assert_int_equal(sa_count(), 1);
	assert_int_equal(conversation_stats(c)->orphans, 2);
}

static void without_time(void **state)
{
	(void)state;
	now = 0;
	init_request(1, 0);
	now = 0;
	init_response();
	now = 0;
	init_request(1, 0);
	assert_int_equal(sa_at(0)->retransmits, 1);
	assert_int_equal(conversation_rtt_us(exchange_at(sa_at(0), 0)), -1);
	/* Time that goes back is no harm. */
	now = START;
	init_request(1, 0);
	now = START - 100 * SECOND;
	init_request(1, 0);
	assert_int_equal(sa_at(0)->retransmits, 3);
}

/* ---- NAT detection ---- */

static void nat_hash(uint64_t responder, const struct conversation_endpoint *end, uint8_t ret[20])
{
	uint8_t text[34];
	unsigned int i, n = 0, v4 = end->address[10] == 0xff ? 12 : 0;

	for (i = 0; i < 8; i++)
		text[n++] = (uint8_t)(spi_i >> (56 - 8 * i));
	for (i = 0; i < 8; i++)
		text[n++] = (uint8_t)(responder >> (56 - 8 * i));
	for (i = v4; i < 16; i++)
		text[n++] = end->address[i];
	text[n++] = (uint8_t)(end->port >> 8);
	text[n++] = (uint8_t)end->port;
	assert_int_equal(gnutls_hash_fast(GNUTLS_DIG_SHA1, text, n, ret), 0);
}

/* IKE_SA_INIT with the hashes of `source` and `destination`, which may differ from the ends it travels between. */
static void nat_message(enum end from, const struct conversation_endpoint *source,
			const struct conversation_endpoint *destination)
{
	uint64_t responder = from == LEFT ? 0 : spi_r;
	uint8_t hash[20];

	header(spi_i, responder, 33, 0x20, 34, from == LEFT ? 0x08 : 0x20, 0);
	sa_payload(34);
	ke_and_nonce(41, 1);
	notify(41, 16388, 20, 0);
	nat_hash(responder, source, hash);
	memcpy(message + message_length - 20, hash, 20);
	notify(0, 16389, 20, 0);
	nat_hash(responder, destination, hash);
	memcpy(message + message_length - 20, hash, 20);
	send_from(from);
}

static void assert_nat(const char *expected)
{
	assert_string_equal(conversation_nat_name(conversation_nat(sa_at(0))), expected);
}

static void nat_positions(void **state)
{
	struct conversation_endpoint inside;

	(void)state;
	nat_message(LEFT, &ends[LEFT], &ends[RIGHT]);
	assert_null(conversation_nat_name(
		conversation_nat(sa_at(0)))); /* one direction does not say that there is none */
	nat_message(RIGHT, &ends[RIGHT], &ends[LEFT]);
	assert_nat("none");
	/* We see it translated: left's own address is another one. */
	stop(NULL);
	start(NULL);
	inside = ends[LEFT];
	inside.address[15] = 99;
	nat_message(LEFT, &inside, &ends[RIGHT]);
	nat_message(RIGHT, &ends[RIGHT], &ends[LEFT]);
	assert_nat("initiator");
	/* We are inside: only right's answer tells, by the destination that it sends to. */
	stop(NULL);
	start(NULL);
	inside = ends[LEFT];
	inside.port = 1025; /* the port alone was translated */
	nat_message(LEFT, &ends[LEFT], &ends[RIGHT]);
	nat_message(RIGHT, &ends[RIGHT], &inside);
	assert_nat("initiator");
	/* The responder's side. */
	stop(NULL);
	start(NULL);
	inside = ends[RIGHT];
	inside.address[15] = 99;
	nat_message(LEFT, &ends[LEFT], &ends[RIGHT]);
	nat_message(RIGHT, &inside, &ends[LEFT]);
	assert_nat("responder");
	stop(NULL);
	start(NULL);
	nat_message(LEFT, &inside, &inside);
	init_notify(14, 0); /* refused, but answered */
	assert_nat("both");
	/* IPv6 */
	stop(NULL);
	start(NULL);
	memset(ends[LEFT].address, 0x20, 16);
	memset(ends[RIGHT].address, 0x30, 16);
	nat_message(LEFT, &ends[LEFT], &ends[RIGHT]);
	nat_message(RIGHT, &ends[RIGHT], &ends[LEFT]);
	assert_nat("none");
}

/* ---- text ---- */

static void texts(void **state)
{
	char text[256];

	(void)state;
	up();
	conversation_offered(sa_at(0), count_text, text);
	assert_string_equal(text, "AES_CBC_128/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/CURVE_25519");
	assert_true(conversation_chosen(sa_at(0), text, sizeof(text)));
	assert_string_equal(text, "AES_CBC_128/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/CURVE_25519");
	conversation_endpoint_print(&sa_at(0)->path.end[0], text, sizeof(text));
	assert_string_equal(text, "10.0.0.1:500");
	memset(ends[LEFT].address, 0, 16);
	ends[LEFT].address[15] = 1;
	conversation_endpoint_print(&ends[LEFT], text, sizeof(text));
	assert_string_equal(text, "[::1]:500");
	assert_int_equal(conversation_evidence(sa_at(0), text, 5),
			 strlen("IKE_AUTH (message id 1) was answered with 240 bytes "
				"of ciphertext, room for an identity and AUTH"));
	assert_string_equal(text, "IKE_");
	assert_null(conversation_mode_name(sa_at(0)));
}

/* Every field that output.md lists is there, with its type. */
static void json(void **state)
{
	struct json_writer w = {0};
	json_t *document, *sa, *exchange;
	char *text;

	(void)state;
	up();
	sk(LEFT, INFO, false, 2, EMPTY);
	export_ike_sas(&w, NULL, c);
	text = text_take(&w.text, NULL);
	document = json_loads(text, 0, NULL);
	assert_non_null(document);
	sa = json_array_get(document, 0);
	assert_string_equal(json_string_value(json_object_get(sa, "initiator")), "10.0.0.1:500");
	assert_string_equal(json_string_value(json_object_get(sa, "responder")), "10.0.0.2:500");
	assert_string_equal(json_string_value(json_object_get(sa, "initiator_spi")), "0x1122334455667788");
	assert_string_equal(json_string_value(json_object_get(sa, "responder_spi")), "0x99aabbccddeeff00");
	assert_string_equal(json_string_value(json_object_get(sa, "version")), "2.0");
	assert_true(json_is_null(json_object_get(sa, "mode")));
	assert_true(json_is_null(json_object_get(sa, "nat")));
	assert_string_equal(json_string_value(json_object_get(sa, "state")), "established");
	assert_string_equal(json_string_value(json_object_get(sa, "since")),
			    "2023-11-14T22:13:20.006000000Z");
	assert_int_equal(json_integer_value(json_object_get(sa, "messages")), 5);
	assert_int_equal(json_integer_value(json_object_get(sa, "retransmits")), 0);
	assert_int_equal(json_array_size(json_object_get(sa, "offered")), 1);
	assert_true(json_is_string(json_object_get(sa, "chosen")));
	assert_true(json_is_array(json_object_get(sa, "vendor_ids")));
	assert_true(json_is_array(json_object_get(sa, "notifies")));
	assert_int_equal(json_array_size(json_object_get(sa, "exchanges")), 3);
	exchange = json_array_get(json_object_get(sa, "exchanges"), 1);
	assert_string_equal(json_string_value(json_object_get(exchange, "type")), "IKE_AUTH");
	assert_string_equal(json_string_value(json_object_get(exchange, "by")), "initiator");
	assert_int_equal(json_integer_value(json_object_get(exchange, "message_id")), 1);
	assert_int_equal(json_integer_value(json_object_get(exchange, "rtt_us")), 2000);
	assert_int_equal(json_integer_value(json_object_get(exchange, "request_bytes")), 288 + 32);
	assert_int_equal(json_integer_value(json_object_get(exchange, "response_bytes")), AUTH_GOOD + 32);
	assert_int_equal(json_integer_value(json_object_get(exchange, "fragments")), 0);
	exchange = json_array_get(json_object_get(sa, "exchanges"), 2);
	assert_true(json_is_null(json_object_get(exchange, "response")));
	assert_true(json_is_null(json_object_get(exchange, "response_bytes")));
	assert_true(json_is_null(json_object_get(exchange, "rtt_us")));
	json_decref(document);
	free(text);
}

/* What tables need: the latest exchange, and the rest without what was offered. */
static void json_in_brief(void **state)
{
	struct json_writer w = {0};
	json_t *document, *sa, *exchanges;
	char *text;

	(void)state;
	up();
	pair(LEFT, INFO, 2, EMPTY, EMPTY);
	after(MS);
	sk(RIGHT, INFO, false, 0, EMPTY);
	export_ike_sas_brief(&w, NULL, c);
	text = text_take(&w.text, NULL);
	document = json_loads(text, 0, NULL);
	assert_non_null(document);
	assert_int_equal(json_array_size(document), 1);
	sa = json_array_get(document, 0);
	assert_string_equal(json_string_value(json_object_get(sa, "state")), "established");
	assert_int_equal(json_integer_value(json_object_get(sa, "messages")), 7);
	assert_null(json_object_get(sa, "offered"));
	assert_null(json_object_get(sa, "moved"));
	exchanges = json_object_get(sa, "exchanges");
	assert_int_equal(json_array_size(exchanges), 1);
	assert_string_equal(json_string_value(json_object_get(json_array_get(exchanges, 0), "by")),
			    "responder");
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(sa, "in_flight_max"), "initiator")), 1);
	json_decref(document);
	free(text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
	const struct CMUnitTest tests[] = {
		TEST(flood_of_init),
		TEST(flood_of_invented_spis),
		TEST(table_full),
		TEST(exchanges_are_bounded),
		TEST(damaged_messages),
		TEST(without_time),
		TEST(nat_positions),
		TEST(texts),
		TEST(json),
		TEST(json_in_brief),
	};

	(void)begin_another;
	(void)skf;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

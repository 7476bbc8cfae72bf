/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conversation_build.h - conversations written down as calls, for the tests of the tracker
 *
 * `left` (10.0.0.1) is the initiator unless a test says otherwise. Time is in `now`, in nanoseconds, and moves by after().
 */
#ifndef ESPIAL_TESTS_CONVERSATION_BUILD_H
#define ESPIAL_TESTS_CONVERSATION_BUILD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/conversation.h"

#define SECOND 1000000000ull
#define START (1700000000ull * SECOND)
#define MS 1000000ull
#define SPI_I 0x1122334455667788ull
#define SPI_R 0x99aabbccddeeff00ull
/* Ciphertext sizes with AES_CBC and HMAC_SHA2_256_128: IV 16, ICV 16, blocks of 16. */
#define EMPTY 48
#define NOTIFY 48
#define AUTH_GOOD 240
#define AUTH_NO_CHILD 112
#define CHILD_GOOD 208

enum end {
	LEFT,
	RIGHT,
};

static struct conversations *c;
static uint64_t now;
static struct conversation_endpoint ends[2];
static uint64_t spi_i, spi_r;
static uint8_t message[8192];
static unsigned int message_length;
static unsigned int events[CONVERSATION_EVENT_MOVE + 1];

static inline void put(unsigned int bytes, uint64_t value)
{
	while (bytes--)
		message[message_length++] = (uint8_t)(value >> 8 * bytes);
}

static inline void fill(unsigned int bytes, uint8_t value)
{
	memset(message + message_length, value, bytes);
	message_length += bytes;
}

static inline void header(uint64_t initiator, uint64_t responder, unsigned int next, unsigned int version,
			  unsigned int exchange, unsigned int flags, uint32_t id)
{
	message_length = 0;
	put(8, initiator);
	put(8, responder);
	put(1, next);
	put(1, version);
	put(1, exchange);
	put(1, flags);
	put(4, id);
	put(4, 0);
}

static inline enum ike_fault deliver(const struct conversation_endpoint *from,
				     const struct conversation_endpoint *to)
{
	struct conversation_packet packet = {.time_ns = now, .source = *from, .destination = *to};
	uint8_t *copy = malloc(message_length);
	enum ike_fault fault;

	message[26] = (uint8_t)(message_length >> 8);
	message[27] = (uint8_t)message_length;
	memcpy(copy, message, message_length); /* so that ASan sees the first byte read beyond */
	packet.message = copy;
	packet.captured = packet.length = message_length;
	fault = conversation_packet(c, &packet);
	free(copy);
	return fault;
}

static inline void send_from(enum end from)
{
	assert_int_equal(deliver(&ends[from], &ends[!from]), IKE_OK);
}

static inline void after(uint64_t ns)
{
	now += ns;
}

static inline void on_event(void *arg, const struct conversation_event *event)
{
	(void)arg;
	events[event->kind]++;
}

static inline void port(uint16_t number)
{
	ends[LEFT].port = ends[RIGHT].port = number;
}

static inline void address(enum end end, unsigned int last)
{
	memset(&ends[end].address, 0, 16);
	memset(ends[end].address + 10, 0xff, 2);
	ends[end].address[12] = 10;
	ends[end].address[15] = (uint8_t)last;
}

static inline int start(void **state)
{
	(void)state;
	c = conversation_new(&(struct conversation_limits){.sas = 64, .half_open = 64, .exchanges = 32});
	conversation_observe(c, on_event, NULL);
	memset(events, 0, sizeof(events));
	now = START;
	spi_i = SPI_I;
	spi_r = SPI_R;
	address(LEFT, 1);
	address(RIGHT, 2);
	port(500);
	return 0;
}

static inline int stop(void **state)
{
	(void)state;
	conversation_free(c);
	return 0;
}

/* The IKE SA with that number, from 0, in the order of their beginning. */
static inline const struct conversation_sa *sa_at(unsigned int number)
{
	const struct conversation_sa *sa = conversation_next(c, NULL);

	while (sa && number--)
		sa = conversation_next(c, sa);
	assert_non_null(sa);
	return sa;
}

static inline unsigned int sa_count(void)
{
	const struct conversation_sa *sa = NULL;
	unsigned int count = 0;

	while ((sa = conversation_next(c, sa)))
		count++;
	return count;
}

static inline const struct conversation_exchange *exchange_at(const struct conversation_sa *sa,
							      unsigned int number)
{
	assert_true(number < sa->exchange_count);
	return conversation_exchange_at(sa, number);
}

static inline void assert_state(const struct conversation_sa *sa, const char *state, const char *confidence,
				const char *reason)
{
	char evidence[512];

	assert_string_equal(conversation_reason_name(sa->reason), reason);
	assert_string_equal(conversation_state_name(sa->state), state);
	assert_string_equal(conversation_confidence_name(sa->confidence), confidence);
	assert_true(conversation_evidence(sa, evidence, sizeof(evidence)) > 0);
	assert_null(strchr(evidence, '$'));
}

/* ---- IKEv2 ---- */

static inline void sa_payload(unsigned int next)
{
	static const uint8_t transforms[] = {3, 0,  0, 12, 1, 0, 0, 12, 0x80, 14, 0, 128, 3, 0, 0, 8, 3, 0,
					     0, 12, 3, 0,  0, 8, 2, 0,	0,    5,  0, 0,	  0, 8, 4, 0, 0, 31};

	put(1, next);
	put(1, 0);
	put(2, 4 + 8 + sizeof(transforms));
	put(4, 8 + sizeof(transforms)); /* last, reserved, length */
	put(4, 0x01010004);
	memcpy(message + message_length, transforms, sizeof(transforms));
	message_length += sizeof(transforms);
}

static inline void notify(unsigned int next, unsigned int type, unsigned int bytes, uint8_t value)
{
	put(1, next);
	put(1, 0);
	put(2, 8 + bytes);
	put(2, 0);
	put(2, type);
	fill(bytes, value);
}

static inline void ke_and_nonce(unsigned int next, uint8_t value)
{
	put(4, 0x28000028);
	put(4, 31u << 16);
	fill(32, value);
	put(1, next);
	put(3, 0x000024);
	fill(32, value);
}

/* IKE_SA_INIT from left; `value` makes another one of it, `cookie` its bytes. */
static inline void init_request(uint8_t value, unsigned int cookie)
{
	header(spi_i, 0, cookie ? 41 : 33, 0x20, 34, 0x08, 0);
	if (cookie)
		notify(33, 16390, cookie, 0xcc);
	sa_payload(34);
	ke_and_nonce(0, value);
	send_from(LEFT);
}

static inline void init_response(void)
{
	header(spi_i, spi_r, 33, 0x20, 34, 0x20, 0);
	sa_payload(34);
	ke_and_nonce(0, 7);
	send_from(RIGHT);
}

/* Answered by a notify alone. */
static inline void init_notify(unsigned int type, unsigned int bytes)
{
	header(spi_i, 0, 41, 0x20, 34, 0x20, 0);
	notify(0, type, bytes, 0);
	send_from(RIGHT);
}

/* Encrypted. Flags follow from who sends: `owner` is the original initiator. */
static inline void build_sk(bool from_initiator, unsigned int exchange, bool response, uint32_t id,
			    unsigned int size)
{
	header(spi_i, spi_r, 46, 0x20, exchange, (from_initiator ? 0x08u : 0) | (response ? 0x20u : 0), id);
	put(1, 41);
	put(1, 0);
	put(2, 4 + size);
	fill(size, (uint8_t)(id + 1));
}

static inline void sk(enum end from, unsigned int exchange, bool response, uint32_t id, unsigned int size)
{
	build_sk(from == LEFT, exchange, response, id, size);
	send_from(from);
}

static inline void skf(enum end from, unsigned int exchange, bool response, uint32_t id, unsigned int number,
		       unsigned int total)
{
	header(spi_i, spi_r, 53, 0x20, exchange, (from == LEFT ? 0x08u : 0) | (response ? 0x20u : 0), id);
	put(1, number == 1 ? 35 : 0);
	put(1, 0);
	put(2, 4 + 4 + 100);
	put(2, number);
	put(2, total);
	fill(100, (uint8_t)number);
	send_from(from);
}

#define AUTH 35
#define CHILD 36
#define INFO 37

static inline void pair(enum end from, unsigned int exchange, uint32_t id, unsigned int request,
			unsigned int response)
{
	sk(from, exchange, false, id, request);
	after(2 * MS);
	sk(!from, exchange, true, id, response);
	after(2 * MS);
}

static inline void init_pair(void)
{
	init_request(1, 0);
	after(2 * MS);
	init_response();
	after(2 * MS);
}

static inline void up(void)
{
	init_pair();
	pair(LEFT, AUTH, 1, 288, AUTH_GOOD);
}

/* Another IKE SA of the same ends, up to its IKE_AUTH request. */
static inline void begin_another(void)
{
	spi_i++;
	spi_r++;
	init_pair();
	sk(LEFT, AUTH, false, 1, 288);
}

#endif

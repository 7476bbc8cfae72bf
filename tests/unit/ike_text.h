/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ike_text.h - IKE messages written down as text, for the tests of the IKE parser
 *
 * Hex, in which "66*32 " is 32 times 0x66 and "L" is the length of the whole message in 4 bytes. Each message
 * is parsed in memory of exactly its captured size, so that ASan sees the first byte read beyond.
 */
#ifndef ESPIAL_TESTS_IKE_TEXT_H
#define ESPIAL_TESTS_IKE_TEXT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/ike_parse.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static size_t from_text(const char *text, uint8_t *ret, size_t size)
{
	size_t n = 0, length_at = SIZE_MAX;

	while (*text) {
		unsigned int byte, times = 1;

		if (*text == ' ') {
			text++;
			continue;
		}
		if (*text == 'L') {
			text++;
			length_at = n;
			n += 4;
			continue;
		}
		assert_int_equal(sscanf(text, "%2x", &byte), 1);
		text += 2;
		if (*text == '*')
			times = (unsigned int)strtoul(text + 1, (char **)&text, 10);
		assert_true(n + times <= size);
		memset(ret + n, (int)byte, times);
		n += times;
	}
	if (length_at != SIZE_MAX) {
		ret[length_at] = ret[length_at + 1] = 0;
		ret[length_at + 2] = (uint8_t)(n >> 8);
		ret[length_at + 3] = (uint8_t)n;
	}
	return n;
}

static struct ike_message m; /* of the last parse() */
static uint8_t bytes[65536]; /* of the last parse_text() */
static uint32_t offset;

static enum ike_fault parse(const uint8_t *msg, size_t captured, size_t wire_len)
{
	uint8_t *copy = malloc(captured ? captured : 1);
	enum ike_fault fault;

	assert_non_null(copy);
	if (captured)
		memcpy(copy, msg, captured);
	memset(&m, 0xa5, sizeof(m));
	fault = ike_parse(copy, captured, wire_len, &m, &offset);
	free(copy);
	return fault;
}

static enum ike_fault parse_text(const char *text)
{
	size_t n = from_text(text, bytes, sizeof(bytes));

	return parse(bytes, n, n);
}

/* Pieces of messages: header up to the length, payloads by their next payload, proposals. */
#define SPI_I "1122334455667788 "
#define SPI_R "99*8 "
#define ZERO "00*8 "
#define V2(next, exchange, flags) next " 20 " exchange " " flags " "
#define V1(next, exchange, flags) next " 10 " exchange " " flags " "
#define INIT SPI_I ZERO V2("21", "22", "08") "00000000 L "
#define INFO2(next) SPI_I SPI_R V2(next, "25", "08") "00000000 L "
#define MAIN(next) SPI_I ZERO V1(next, "02", "00") "00000000 L "
#define MAIN3(next) SPI_I SPI_R V1(next, "02", "00") "00000000 L "
#define QUICK SPI_I SPI_R V1("01", "20", "00") "00000007 L "
#define INFO1(next) SPI_I SPI_R V1(next, "05", "00") "00000007 L "

#define KE(next) next " 000028 000e0000 55*32 "
#define NONCE(next) next " 000024 66*32 "
#define TAIL KE("28") NONCE("00")
#define AES "0300000c 0100000c 800e0100 "
#define REST "030000080300000c 0300000802000005 030000080400000e 0000000806000024 "
#define SUITE AES REST
#define PROPOSAL "00000034 01010005 " SUITE
#define SA2 "22 000038 " PROPOSAL
#define OAKLEY "80010007 800e0100 80020004 80030001 8004000e 800b0001 000c000400015180 "
#define TRANSFORM1 "00000028 01010000 " OAKLEY
#define PROPOSAL1 "00000030 01010001 " TRANSFORM1
#define SA1(next) next " 00003c 00000001 00000001 " PROPOSAL1

#endif

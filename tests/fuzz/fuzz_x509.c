// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_x509.c - libFuzzer target of certificates: any bytes as one, and one made of these bytes
 *
 * Of any bytes it asserts, beside memory safety, that texts end, that times are known, that what follows the certificate makes no
 * difference, that a byte less is no certificate, and that of what is none nothing is taken. Of the one that it makes itself, that
 * names and times come out as they went in.
 */
#include <stdbool.h>
#include <stdio.h>

#include "fuzz/fuzz.h"
#include "source/x509.h"

static int read_copy(const uint8_t *der, size_t size, struct fact_certificate *ret)
{
	uint8_t *copy = fuzz_copy(der, size);
	int err = x509_read(copy, size, ret);

	free(copy);
	return err;
}

static bool same(const struct fact_certificate *a, const struct fact_certificate *b)
{
	return !strcmp(a->subject, b->subject) && !strcmp(a->issuer, b->issuer) &&
	       !strcmp(a->names, b->names) && a->own == b->own && a->ca == b->ca &&
	       a->not_before_ns == b->not_before_ns && a->not_after_ns == b->not_after_ns;
}

/* Bytes of the outermost element, which has been read without a complaint */
static size_t whole(const uint8_t *der)
{
	size_t length = 0;

	if (der[1] < 0x80)
		return 2 + (size_t)der[1];
	for (unsigned int i = 0; i < (der[1] & 0x7fU); i++)
		length = length << 8 | der[2 + i];
	return 2 + (der[1] & 0x7fU) + length;
}

static void any(const uint8_t *data, size_t size)
{
	const struct fact_certificate before = {.subject = "s",
						.issuer = "i",
						.names = "n",
						.own = true,
						.not_before_ns = 3,
						.not_after_ns = 4};
	struct fact_certificate c = before, again = before;
	size_t used;

	if (read_copy(data, size, &c)) {
		CHECK(same(&c, &before));
		return;
	}
	TERMINATED(c.subject);
	TERMINATED(c.issuer);
	TERMINATED(c.names);
	CHECK(c.own && !c.ca && c.not_before_ns && c.not_after_ns);
	used = whole(data);
	CHECK(used <= size);
	CHECK(!read_copy(data, used, &again) && same(&again, &c));
	again = before;
	CHECK(read_copy(data, used - 1, &again) && same(&again, &before));
}

/* ---- one that is made */

struct made {
	uint8_t data[2048];
	size_t at; /* what is made stands at the end, so that lengths are known when they are written */
};

static void put(struct made *m, const void *bytes, size_t size)
{
	CHECK(size <= m->at);
	m->at -= size;
	memcpy(m->data + m->at, bytes, size);
}

/* Puts tag and length before what has been put since `end`. `wide`: a longer length than is needed, which BER has and DER has not */
static void wrap(struct made *m, uint8_t tag, size_t end, bool wide)
{
	size_t length = end - m->at;
	uint8_t head[4] = {tag, (uint8_t)length};
	size_t size = 2;

	if (wide || length > 255) {
		head[1] = 0x82;
		head[2] = (uint8_t)(length >> 8);
		head[3] = (uint8_t)length;
		size = 4;
	} else if (length > 127) {
		head[1] = 0x81;
		head[2] = (uint8_t)length;
		size = 3;
	}
	put(m, head, size);
}

static void put_name(struct made *m, uint8_t attribute, const char *text, bool wide)
{
	const uint8_t oid[] = {0x06, 3, 0x55, 4, attribute};
	size_t end = m->at;

	put(m, text, strlen(text));
	wrap(m, 0x0c, end, wide);
	put(m, oid, sizeof(oid));
	wrap(m, 0x30, end, wide);
	wrap(m, 0x31, end, false);
	wrap(m, 0x30, end, wide);
}

static void put_validity(struct made *m, unsigned int year, bool wide)
{
	size_t end = m->at, middle;
	char text[32];

	snprintf(text, sizeof(text), "%04u1231235959Z", year);
	put(m, text, 15);
	wrap(m, 0x18, end, false);
	middle = m->at;
	put(m, "260101000000Z", 13);
	wrap(m, 0x17, middle, wide);
	wrap(m, 0x30, end, wide);
}

static void put_extensions(struct made *m, const char *dns, bool wide)
{
	const uint8_t oid[] = {0x06, 3, 0x55, 0x1d, 0x11}, critical[] = {1, 1, 0xff};
	const uint8_t address[] = {0x87, 4, 192, 0, 2, 1};
	size_t end = m->at;

	put(m, address, sizeof(address));
	put(m, dns, strlen(dns));
	wrap(m, 0x82, end - sizeof(address), wide);
	wrap(m, 0x30, end, wide);
	wrap(m, 0x04, end, false);
	if (wide)
		put(m, critical, sizeof(critical));
	put(m, oid, sizeof(oid));
	wrap(m, 0x30, end, false);
	wrap(m, 0x30, end, wide);
	wrap(m, 0xa3, end, false);
}

/* Up to `most` bytes as a text without NUL, none of them when there is none */
static void take_text(const uint8_t **data, size_t *size, size_t most, char *ret)
{
	size_t n = *size < most ? *size : most;

	for (size_t i = 0; i < n; i++)
		ret[i] = (*data)[i] ? (char)(*data)[i] : '?';
	ret[n] = '\0';
	*data += n;
	*size -= n;
}

static void made_of(const uint8_t *data, size_t size)
{
	static const uint8_t version[] = {0xa0, 3, 2, 1, 2}, serial[] = {2, 1, 7}, algorithm[] = {0x30, 0},
			     key[] = {0x30, 2, 5, 0}, signature[] = {0x30, 0, 3, 1, 0};
	char subject[161], issuer[161], dns[161], text[256];
	struct fact_certificate c = {.ca = true};
	struct made m = {.at = sizeof(m.data)};
	bool wide = size && data[0] & 1, with_version = size && data[0] & 2;
	unsigned int year = size ? 2026 + data[0] : 2026;

	take_text(&data, &size, 160, subject);
	take_text(&data, &size, 160, issuer);
	take_text(&data, &size, 160, dns);
	put(&m, signature, sizeof(signature));
	put_extensions(&m, dns, wide);
	put(&m, key, sizeof(key));
	put_name(&m, 3, subject, wide);
	put_validity(&m, year, wide);
	put_name(&m, 10, issuer, wide);
	put(&m, algorithm, sizeof(algorithm));
	put(&m, serial, sizeof(serial));
	if (with_version)
		put(&m, version, sizeof(version));
	wrap(&m, 0x30, sizeof(m.data) - sizeof(signature), false);
	wrap(&m, 0x30, sizeof(m.data), wide);
	CHECK(read_copy(m.data + m.at, sizeof(m.data) - m.at, &c) == 0);
	snprintf(text, sizeof(text), "CN=%s", subject);
	CHECK(!strcmp(c.subject, text));
	snprintf(text, sizeof(text), "O=%s", issuer);
	CHECK(!strcmp(c.issuer, text));
	snprintf(text, sizeof(text), dns[0] ? "%s, 192.0.2.1" : "%s192.0.2.1", dns);
	CHECK(!strcmp(c.names, text));
	CHECK(c.ca && !c.own && c.not_before_ns == UINT64_C(1767225600) * 1000000000);
	CHECK(c.not_after_ns > c.not_before_ns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	any(data, size);
	made_of(data, size);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/x509.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "model/address.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SECOND UINT64_C(1000000000)

/* Tags of DER that a certificate has (X.690 section 8.1.2) */
enum {
	INTEGER = 0x02,
	OCTETS = 0x04,
	OID = 0x06,
	UTC_TIME = 0x17,
	GENERALIZED_TIME = 0x18,
	SEQUENCE = 0x30,
	SET = 0x31,
	VERSION = 0xa0,	   /* [0] of TBSCertificate */
	EXTENSIONS = 0xa3, /* [3] */
	NAME_EMAIL = 0x81, /* of GeneralName */
	NAME_DNS = 0x82,
	NAME_ADDRESS = 0x87,
};

/* What is still to be read. */
struct der {
	const uint8_t *at, *end;
};

static size_t left(const struct der *der)
{
	return (size_t)(der->end - der->at);
}

/* The next element. False: there is none, or it is damaged. Lengths are definite in DER, and none is above 4 bytes long. */
static bool next(struct der *from, uint8_t *ret_tag, struct der *ret)
{
	size_t length, bytes;
	uint8_t tag;

	if (left(from) < 2)
		return false;
	tag = from->at[0];
	length = from->at[1];
	from->at += 2;
	if (length & 0x80) {
		bytes = length & 0x7f;
		if (bytes == 0 || bytes > 4 || left(from) < bytes)
			return false;
		for (length = 0; bytes; bytes--)
			length = length << 8 | *from->at++;
	}
	if (length > left(from))
		return false;
	*ret_tag = tag;
	*ret = (struct der){from->at, from->at + length};
	from->at += length;
	return true;
}

/* The next, which has to be this. */
static bool take(struct der *from, uint8_t wanted, struct der *ret)
{
	uint8_t tag;

	return next(from, &tag, ret) && tag == wanted;
}

static bool is(const struct der *der, const char *bytes, size_t size)
{
	return left(der) == size && memcmp(der->at, bytes, size) == 0;
}

/* ---- text */

static void append(char *text, size_t size, const char *more, size_t length)
{
	size_t used = strlen(text);

	for (size_t i = 0; i < length && used + 1 < size; i++)
		text[used++] = more[i] ? more[i] : '?';
	text[used] = '\0';
}

static const char *attribute_name(const struct der *oid)
{
	/* 2.5.4.N, and those that are elsewhere */
	static const struct {
		char bytes[11];
		uint8_t size;
		const char *name;
	} rows[] = {
		{"\x55\x04\x03", 3, "CN"},
		{"\x55\x04\x04", 3, "S"},
		{"\x55\x04\x05", 3, "SN"},
		{"\x55\x04\x06", 3, "C"},
		{"\x55\x04\x07", 3, "L"},
		{"\x55\x04\x08", 3, "ST"},
		{"\x55\x04\x0a", 3, "O"},
		{"\x55\x04\x0b", 3, "OU"},
		{"\x55\x04\x0c", 3, "T"},
		{"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01", 10, "UID"},
		{"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19", 10, "DC"},
		{"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", 9, "E"},
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		if (is(oid, rows[i].bytes, rows[i].size))
			return rows[i].name;
	return "?";
}

/* RFC 5280 section 4.1.2.4 */
static bool read_name(struct der name, char *ret, size_t size)
{
	struct der set, attribute, oid, value;
	uint8_t tag;

	ret[0] = '\0';
	while (left(&name)) {
		if (!take(&name, SET, &set))
			return false;
		while (left(&set)) {
			const char *type;

			if (!take(&set, SEQUENCE, &attribute) || !take(&attribute, OID, &oid) ||
			    !next(&attribute, &tag, &value))
				return false;
			type = attribute_name(&oid);
			if (ret[0])
				append(ret, size, ", ", 2);
			append(ret, size, type, strlen(type));
			append(ret, size, "=", 1);
			append(ret, size, (const char *)value.at, left(&value));
		}
	}
	return true;
}

/* ---- times: "YYMMDDHHMMSSZ", "YYYYMMDDHHMMSSZ" (RFC 5280 section 4.1.2.5) */

static bool digits(const uint8_t *at, unsigned int count, int *ret)
{
	int value = 0;

	for (; count; count--, at++) {
		if (*at < '0' || *at > '9')
			return false;
		value = value * 10 + *at - '0';
	}
	*ret = value;
	return true;
}

static bool read_time(struct der *from, uint64_t *ret_ns)
{
	struct der text;
	struct tm tm = {0};
	size_t year_digits;
	time_t seconds;
	uint8_t tag;
	int year;

	if (!next(from, &tag, &text) || (tag != UTC_TIME && tag != GENERALIZED_TIME))
		return false;
	year_digits = tag == UTC_TIME ? 2 : 4;
	if (left(&text) != year_digits + 11 || text.end[-1] != 'Z' ||
	    !digits(text.at, (unsigned int)year_digits, &year))
		return false;
	text.at += year_digits;
	if (!digits(text.at, 2, &tm.tm_mon) || !digits(text.at + 2, 2, &tm.tm_mday) ||
	    !digits(text.at + 4, 2, &tm.tm_hour) || !digits(text.at + 6, 2, &tm.tm_min) ||
	    !digits(text.at + 8, 2, &tm.tm_sec))
		return false;
	if (tag == UTC_TIME)
		year += year < 50 ? 2000 : 1900;
	tm.tm_year = year - 1900;
	tm.tm_mon--;
	seconds = timegm(&tm);
	if (seconds <= 0)
		*ret_ns = 1; /* long ago; 0 would be unknown */
	else if ((uint64_t)seconds >= UINT64_MAX / SECOND)
		*ret_ns = UINT64_MAX; /* 99991231235959Z: never */
	else
		*ret_ns = (uint64_t)seconds * SECOND;
	return true;
}

/* ---- other names of the subject (RFC 5280 section 4.2.1.6) */

static void read_names(struct der names, char *ret, size_t size)
{
	struct der list, name;
	uint8_t tag;

	if (!take(&names, SEQUENCE, &list))
		return;
	while (left(&list) && next(&list, &tag, &name)) {
		char text[ADDRESS_TEXT];
		uint8_t address[16];
		const char *from = (const char *)name.at;
		size_t length = left(&name);

		if (tag == NAME_ADDRESS && (length == 4 || length == 16)) {
			if (length == 4)
				address_from_v4(name.at, address);
			else
				memcpy(address, name.at, 16);
			from = address_text(address, text);
			length = strlen(text);
		} else if (tag != NAME_DNS && tag != NAME_EMAIL) {
			continue;
		}
		if (ret[0])
			append(ret, size, ", ", 2);
		append(ret, size, from, length);
	}
}

static void read_extensions(struct der wrapped, char *ret_names, size_t size)
{
	struct der list, extension, oid, value;
	uint8_t tag;

	if (!take(&wrapped, SEQUENCE, &list))
		return;
	while (left(&list) && take(&list, SEQUENCE, &extension)) {
		if (!take(&extension, OID, &oid) || !is(&oid, "\x55\x1d\x11", 3))
			continue;
		while (left(&extension) && next(&extension, &tag, &value))
			if (tag == OCTETS)
				read_names(value, ret_names, size);
	}
}

int x509_read(const uint8_t *der, size_t size, struct fact_certificate *ret)
{
	struct fact_certificate c = {.own = ret->own, .ca = ret->ca};
	struct der all, certificate, tbs, part, name;
	uint8_t tag;

	if (!size)
		return -EBADMSG; /* and there may be no `der` to add to */
	all = (struct der){der, der + size};
	if (!take(&all, SEQUENCE, &certificate) || !take(&certificate, SEQUENCE, &tbs) ||
	    !next(&tbs, &tag, &part))
		return -EBADMSG;
	if (tag == VERSION && !next(&tbs, &tag, &part))
		return -EBADMSG;
	if (tag != INTEGER)
		return -EBADMSG; /* the serial number */
	if (!take(&tbs, SEQUENCE, &part) || !take(&tbs, SEQUENCE, &name) ||
	    !read_name(name, c.issuer, sizeof(c.issuer)) || !take(&tbs, SEQUENCE, &part) ||
	    !read_time(&part, &c.not_before_ns) || !read_time(&part, &c.not_after_ns) ||
	    !take(&tbs, SEQUENCE, &name) || !read_name(name, c.subject, sizeof(c.subject)))
		return -EBADMSG;
	while (left(&tbs) && next(&tbs, &tag, &part))
		if (tag == EXTENSIONS)
			read_extensions(part, c.names, sizeof(c.names));
	*ret = c;
	return 0;
}

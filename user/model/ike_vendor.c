// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ike_vendor.c - vendor ids to names, from ike_vendors.def
 */
#include "model/ike_parse.h"

#include <stdio.h>
#include <string.h>

enum match {
	EXACT,
	PREFIX,
	TEXT,
	FSWAN,
};

static const struct vendor {
	enum ike_vendor_kind kind;
	enum match match;
	const char *name;
	const char *bytes;
	size_t length;
} vendors[] = {
#define IKE_VENDOR(kind, match, name, source, bytes)                                                         \
	{IKE_VENDOR_##kind, match, name, bytes, sizeof(bytes) - 1},
#include "model/ike_vendors.def"
};

static bool is_fswan(const uint8_t *id, size_t length)
{
	size_t i;

	if (length != 12)
		return false;
	for (i = 2; i < length; i++)
		if (id[i] < 0x40 || id[i] > 0x7f)
			return false;
	return true;
}

static const struct vendor *find(const uint8_t *id, size_t length)
{
	size_t i;

	for (i = 0; i < sizeof(vendors) / sizeof(vendors[0]); i++) {
		const struct vendor *v = &vendors[i];

		if (length < v->length || memcmp(id, v->bytes, v->length))
			continue;
		if (v->match == EXACT && length != v->length)
			continue;
		if (v->match == FSWAN && !is_fswan(id, length))
			continue;
		return v;
	}
	return NULL;
}

/* Text that needs escaping nowhere: terminal, JSON, HTML, Prometheus label. */
static bool is_harmless(const uint8_t *text, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++) {
		uint8_t c = text[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      (c && strchr(" ._-+()/,:", c))))
			return false;
	}
	return length > 0;
}

enum ike_vendor_kind ike_vendor_find(const uint8_t *id, size_t length, const char **ret_name)
{
	const struct vendor *v = find(id, length);

	if (ret_name)
		*ret_name = v ? v->name : NULL;
	return v ? v->kind : IKE_VENDOR_UNKNOWN;
}

static int print_hex(const uint8_t *id, size_t length, char *buffer, size_t size)
{
	size_t at = 0, i;

	if (size)
		buffer[0] = '\0';
	for (i = 0; i < length; i++, at += 2)
		if (at + 2 < size)
			snprintf(buffer + at, size - at, "%02x", id[i]);
	return (int)at;
}

int ike_vendor_print(const uint8_t *id, size_t length, char *buffer, size_t size)
{
	const struct vendor *v = find(id, length);

	if (!v && length >= 4 && is_harmless(id, length))
		return snprintf(buffer, size, "\"%.*s\"", (int)length, (const char *)id);
	if (!v)
		return print_hex(id, length, buffer, size);
	if (v->match == TEXT && is_harmless(id + v->length, length - v->length))
		return snprintf(buffer, size, "%s %.*s", v->name, (int)(length - v->length),
				(const char *)id + v->length);
	return snprintf(buffer, size, "%s", v->name);
}

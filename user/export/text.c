/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "export/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "model/conversation.h"

#define TEXT_FIRST 4096
#define RUNE_REPLACEMENT 0xfffdU

static bool text_reserve(struct text *t, size_t more)
{
	size_t capacity = t->capacity ? t->capacity : TEXT_FIRST;
	char *grown;

	if (t->failed)
		return false;
	if (t->capacity - t->length >= more)
		return true;
	while (capacity - t->length < more)
		capacity *= 2;
	grown = realloc(t->data, capacity);
	if (!grown) {
		t->failed = true;
		return false;
	}
	t->data = grown;
	t->capacity = capacity;
	return true;
}

void text_append(struct text *t, const char *data, size_t length)
{
	if (!text_reserve(t, length))
		return;
	memcpy(t->data + t->length, data, length);
	t->length += length;
}

void text_string(struct text *t, const char *string)
{
	text_append(t, string, strlen(string));
}

void text_char(struct text *t, char c)
{
	text_append(t, &c, 1);
}

void text_unsigned(struct text *t, uint64_t value)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	text_append(t, digits + at, sizeof(digits) - at);
}

void text_hex(struct text *t, uint64_t value, unsigned int digits)
{
	while (digits--)
		text_char(t, "0123456789abcdef"[value >> 4 * digits & 15]);
}

void text_printf(struct text *t, const char *format, ...)
{
	va_list args, again;
	int length;

	va_start(args, format);
	va_copy(again, args);
	length = vsnprintf(NULL, 0, format, args);
	if (length >= 0 && text_reserve(t, (size_t)length + 1)) {
		vsnprintf(t->data + t->length, (size_t)length + 1, format, again);
		t->length += (size_t)length;
	}
	va_end(again);
	va_end(args);
}

char *text_take(struct text *t, size_t *ret_length)
{
	char *data;

	text_char(t, '\0');
	if (t->failed) {
		text_free(t);
		errno = ENOMEM;
		return NULL;
	}
	data = t->data;
	if (ret_length)
		*ret_length = t->length - 1;
	*t = (struct text){0};
	return data;
}

void text_free(struct text *t)
{
	free(t->data);
	*t = (struct text){0};
}

bool text_time(uint64_t ns, char ret[static TEXT_TIME_SIZE])
{
	time_t seconds = (time_t)(ns / 1000000000U);
	struct tm tm;

	if (ns <= CONVERSATION_NO_TIME || !gmtime_r(&seconds, &tm) || tm.tm_year < 0 ||
	    tm.tm_year + 1900 > 9999)
		return false;
	/* The casts tell the compiler the width of each field */
	snprintf(ret, TEXT_TIME_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%09uZ",
		 (unsigned int)(tm.tm_year + 1900) % 10000U, (unsigned int)(tm.tm_mon + 1) % 100U,
		 (unsigned int)tm.tm_mday % 100U, (unsigned int)tm.tm_hour % 100U,
		 (unsigned int)tm.tm_min % 100U, (unsigned int)tm.tm_sec % 100U,
		 (unsigned int)(ns % 1000000000U));
	return true;
}

uint32_t text_next_rune(const char **pos)
{
	const unsigned char *p = (const unsigned char *)*pos;
	unsigned int more = p[0] < 0x80 ? 0 : p[0] >= 0xf0 ? 3 : p[0] >= 0xe0 ? 2 : 1;
	static const uint32_t lowest[] = {0, 0x80, 0x800, 0x10000};
	uint32_t rune = p[0];

	if (!rune)
		return 0;
	++*pos;
	if (rune < 0x80)
		return rune;
	if (rune < 0xc2 || rune > 0xf4)
		return RUNE_REPLACEMENT;
	rune &= 0x3fU >> more;
	for (unsigned int i = 1; i <= more; i++) {
		if ((p[i] & 0xc0) != 0x80) /* the terminator, too */
			return RUNE_REPLACEMENT;
		rune = rune << 6 | (p[i] & 0x3fU);
	}
	if (rune < lowest[more] || rune > 0x10ffff || (rune >= 0xd800 && rune <= 0xdfff))
		return RUNE_REPLACEMENT;
	*pos += more;
	return rune;
}

void text_rune(struct text *t, uint32_t rune)
{
	char bytes[4];
	size_t length = 0;

	if (rune < 0x80) {
		bytes[length++] = (char)rune;
	} else if (rune < 0x800) {
		bytes[length++] = (char)(0xc0 | rune >> 6);
		bytes[length++] = (char)(0x80 | (rune & 0x3f));
	} else if (rune < 0x10000) {
		bytes[length++] = (char)(0xe0 | rune >> 12);
		bytes[length++] = (char)(0x80 | (rune >> 6 & 0x3f));
		bytes[length++] = (char)(0x80 | (rune & 0x3f));
	} else {
		bytes[length++] = (char)(0xf0 | rune >> 18);
		bytes[length++] = (char)(0x80 | (rune >> 12 & 0x3f));
		bytes[length++] = (char)(0x80 | (rune >> 6 & 0x3f));
		bytes[length++] = (char)(0x80 | (rune & 0x3f));
	}
	text_append(t, bytes, length);
}

bool text_is_plain(uint32_t rune)
{
	if (rune < 0x20 || (rune >= 0x7f && rune <= 0x9f)) /* C0, DEL, C1 */
		return false;
	if (rune == 0x2028 || rune == 0x2029) /* line and paragraph separator */
		return false;
	/* Marks, embeddings, overrides and isolates of the bidirectional algorithm; the zero-width no-break space */
	return !(rune == 0x61c || rune == 0x200e || rune == 0x200f || (rune >= 0x202a && rune <= 0x202e) ||
		 (rune >= 0x2066 && rune <= 0x2069) || rune == 0xfeff);
}

void text_clean(struct text *t, const char *string)
{
	uint32_t rune;

	while ((rune = text_next_rune(&string)) != 0) {
		if (text_is_plain(rune)) {
			text_rune(t, rune);
		} else if (rune < 0x100) {
			text_string(t, "\\x");
			text_hex(t, rune, 2);
		} else {
			text_string(t, "\\u");
			text_hex(t, rune, 4);
		}
	}
}

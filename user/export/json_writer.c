/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "export/json_writer.h"

#include "export/export.h"
#include "model/address.h"

static void json_line(struct json_writer *w)
{
	if (!w->pretty || w->flat)
		return;
	text_char(&w->text, '\n');
	for (unsigned int i = 0; i < w->depth; i++)
		text_string(&w->text, "  ");
}

/* How much of it can be written as it is: printable ASCII without quotes, which is nearly all there ever is */
static size_t plain_length(const char *string)
{
	size_t length = 0;

	while (string[length] >= ' ' && string[length] < 0x7f && string[length] != '"' &&
	       string[length] != '\\')
		length++;
	return length;
}

static void json_quoted(struct json_writer *w, const char *string)
{
	uint32_t rune;
	size_t plain;

	text_char(&w->text, '"');
	while (*string) {
		plain = plain_length(string);
		text_append(&w->text, string, plain);
		string += plain;
		rune = text_next_rune(&string);
		if (!rune)
			break;
		if (rune == '"' || rune == '\\') {
			text_char(&w->text, '\\');
			text_char(&w->text, (char)rune);
		} else if (text_is_plain(rune)) {
			text_rune(&w->text, rune);
		} else {
			text_string(&w->text, "\\u");
			text_hex(&w->text, rune, 4);
		}
	}
	text_char(&w->text, '"');
}

/* What comes before a value. Keys are ours and need no escaping. */
static void json_key(struct json_writer *w, const char *key)
{
	if (w->filled)
		text_append(&w->text, w->flat && w->pretty ? ", " : ",", w->flat && w->pretty ? 2 : 1);
	w->filled = true;
	if (w->depth)
		json_line(w);
	if (!key)
		return;
	text_char(&w->text, '"');
	text_string(&w->text, key);
	text_append(&w->text, "\": ", w->pretty ? 3 : 2);
}

void json_write_open(struct json_writer *w, const char *key, char bracket)
{
	json_key(w, key);
	text_char(&w->text, bracket);
	w->depth++;
	w->filled = false;
}

void json_write_flat(struct json_writer *w, const char *key, char bracket)
{
	json_write_open(w, key, bracket);
	if (!w->flat)
		w->flat = w->depth;
}

void json_write_close(struct json_writer *w, char bracket)
{
	w->depth--;
	if (w->filled)
		json_line(w);
	if (w->depth < w->flat)
		w->flat = 0;
	w->filled = true;
	text_char(&w->text, bracket);
}

void json_write_number(struct json_writer *w, const char *key, uint64_t value)
{
	json_key(w, key);
	text_unsigned(&w->text, value < EXPORT_INTEGER_MAX ? value : EXPORT_INTEGER_MAX);
}

void json_write_string(struct json_writer *w, const char *key, const char *value)
{
	json_key(w, key);
	json_quoted(w, value);
}

void json_write_bool(struct json_writer *w, const char *key, bool value)
{
	json_key(w, key);
	text_string(&w->text, value ? "true" : "false");
}

void json_write_null(struct json_writer *w, const char *key)
{
	json_key(w, key);
	text_string(&w->text, "null");
}

void json_write_time(struct json_writer *w, const char *key, uint64_t ns)
{
	char time[TEXT_TIME_SIZE];

	if (!text_time(ns, time))
		json_write_null(w, key);
	else
		json_write_string(w, key, time);
}

void json_write_hex(struct json_writer *w, const char *key, uint64_t value, unsigned int digits)
{
	json_key(w, key);
	text_string(&w->text, "\"0x");
	text_hex(&w->text, value, digits);
	text_char(&w->text, '"');
}

void json_write_address(struct json_writer *w, const char *key, uint8_t family, const uint8_t address[16])
{
	char text[ADDRESS_TEXT];

	if (family)
		json_write_string(w, key, address_text_of(family, address, text));
	else
		json_write_null(w, key);
}

void json_write_known_address(struct json_writer *w, const char *key, const uint8_t address[16])
{
	json_write_address(w, key, address_is_any(address) ? 0 : address_family(address), address);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vici_build.h - VICI packets written down: packet(…, section("t"), key("state", "UP"), list("ts", "a", "b"), end())
 *
 * A builder appends; what it holds is a packet, and frame_of() puts the length before it.
 */
#ifndef ESPIAL_TESTS_VICI_BUILD_H
#define ESPIAL_TESTS_VICI_BUILD_H

#include <stdint.h>
#include <string.h>

#include "source/vici_wire.h"

struct build {
	uint8_t data[65536];
	size_t size;
};

static inline void build_byte(struct build *b, unsigned int byte)
{
	if (b->size < sizeof(b->data))
		b->data[b->size++] = (uint8_t)byte;
}

static inline void build_text(struct build *b, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		build_byte(b, (uint8_t)text[i]);
}

static inline void build_name(struct build *b, const char *name)
{
	build_byte(b, (unsigned int)strlen(name));
	build_text(b, name, strlen(name));
}

static inline void build_value(struct build *b, const char *value)
{
	build_byte(b, (unsigned int)(strlen(value) >> 8));
	build_byte(b, (unsigned int)strlen(value) & 0xff);
	build_text(b, value, strlen(value));
}

/* A packet of this type; `name` NULL: of a type without one. */
static inline void build_packet(struct build *b, enum vici_packet_type type, const char *name)
{
	b->size = 0;
	build_byte(b, type);
	if (name)
		build_name(b, name);
}

static inline void build_section(struct build *b, const char *name)
{
	build_byte(b, VICI_SECTION_START);
	build_name(b, name);
}

static inline void build_end(struct build *b)
{
	build_byte(b, VICI_SECTION_END);
}

static inline void build_key(struct build *b, const char *name, const char *value)
{
	build_byte(b, VICI_KEY_VALUE);
	build_name(b, name);
	build_value(b, value);
}

/* NULL ends the items. */
static inline void build_list(struct build *b, const char *name, const char *const *items)
{
	build_byte(b, VICI_LIST_START);
	build_name(b, name);
	for (; *items; items++) {
		build_byte(b, VICI_LIST_ITEM);
		build_value(b, *items);
	}
	build_byte(b, VICI_LIST_END);
}

/*
 * The same from text, one word after the other: "t{", "}", "key=value", "list=[a b]" - as swanctl --raw prints it, but for
 * values with spaces, in which '~' stands for the space.
 */
static inline void build_message(struct build *b, const char *text)
{
	char word[512], *equals;
	bool in_list = false;

	while (*text) {
		size_t n = strcspn(text, " \n\t"), length = n < sizeof(word) ? n : sizeof(word) - 1;
		bool closes;

		memcpy(word, text, length);
		word[length] = 0;
		text += n + strspn(text + n, " \n\t");
		if (!*word)
			continue;
		for (char *c = word; *c; c++)
			if (*c == '~')
				*c = ' ';
		closes = word[length - 1] == ']';
		if (closes)
			word[--length] = 0;
		equals = strchr(word, '=');
		if (in_list) {
			if (*word) {
				build_byte(b, VICI_LIST_ITEM);
				build_value(b, word);
			}
		} else if (!strcmp(word, "}")) {
			build_end(b);
		} else if (word[length - 1] == '{') {
			word[length - 1] = 0;
			build_section(b, word);
		} else if (equals && equals[1] == '[') {
			*equals = 0;
			in_list = true;
			build_byte(b, VICI_LIST_START);
			build_name(b, word);
			if (equals[2]) {
				build_byte(b, VICI_LIST_ITEM);
				build_value(b, equals + 2);
			}
		} else if (equals) {
			*equals = 0;
			build_key(b, word, equals + 1);
		}
		if (in_list && closes) {
			build_byte(b, VICI_LIST_END);
			in_list = false;
		}
	}
}

#endif

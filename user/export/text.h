/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * text.h - a text that grows, and what must happen to text of others before it is shown
 *
 * A text that ran out of memory stays failed and swallows what comes: check once, with text_take().
 */
#ifndef ESPIAL_EXPORT_TEXT_H
#define ESPIAL_EXPORT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
	char *data; /* not terminated until text_take() */
	size_t length, capacity;
	bool failed;
};

void text_append(struct text *t, const char *data, size_t length);
void text_string(struct text *t, const char *string);
void text_char(struct text *t, char c);
void text_unsigned(struct text *t, uint64_t value);
void text_hex(struct text *t, uint64_t value, unsigned int digits);
__attribute__((format(printf, 2, 3))) void text_printf(struct text *t, const char *format, ...);

/* The text, terminated, now the caller's to free; NULL with errno ENOMEM when it failed. *ret_length may be NULL. */
char *text_take(struct text *t, size_t *ret_length);
void text_free(struct text *t);

/* RFC 3339 UTC with nine digits, or false for no time and outside the years that it can write. 31 bytes with the terminator. */
#define TEXT_TIME_SIZE 31
bool text_time(uint64_t ns, char ret[static TEXT_TIME_SIZE]);

/*
 * The next code point of the terminated string at *pos, which is advanced; 0 at its end. What is not UTF-8 (RFC 3629:
 * overlong, surrogate, cut off, above U+10FFFF) yields U+FFFD per offending byte.
 */
uint32_t text_next_rune(const char **pos);
/* Appends the code point as UTF-8. */
void text_rune(struct text *t, uint32_t rune);
/* Can it be shown as it is? Not: control characters, which move the cursor, and those that reorder text. */
bool text_is_plain(uint32_t rune);
/* Appends the string with what is not plain written as \x1b or \u202e: for terminals and labels. */
void text_clean(struct text *t, const char *string);

#endif

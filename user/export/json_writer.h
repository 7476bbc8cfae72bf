/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * json_writer.h - writes JSON from the first byte to the last, without a tree
 *
 * Why not jansson: see export/json.c. A key of NULL is for elements of an array and for the document itself.
 */
#ifndef ESPIAL_EXPORT_JSON_WRITER_H
#define ESPIAL_EXPORT_JSON_WRITER_H

#include "export/text.h"

struct json_writer {
	struct text text;
	unsigned int depth;
	bool pretty;
	bool filled;	   /* the innermost object or array has a member: a comma comes first */
	unsigned int flat; /* pretty: what is open at this depth and below stays on one line; 0: nothing */
};

void json_write_open(struct json_writer *w, const char *key, char bracket); /* '{' or '[' */
/* The same, on one line even when pretty: for what is short, or long and dull. */
void json_write_flat(struct json_writer *w, const char *key, char bracket);
void json_write_close(struct json_writer *w, char bracket); /* '}' or ']' */

void json_write_number(struct json_writer *w, const char *key,
		       uint64_t value); /* clamped to EXPORT_INTEGER_MAX */
void json_write_string(struct json_writer *w, const char *key, const char *value);
void json_write_bool(struct json_writer *w, const char *key, bool value);
void json_write_null(struct json_writer *w, const char *key);
/* Time in nanoseconds since the epoch; 0 and what has no date: null. */
void json_write_time(struct json_writer *w, const char *key, uint64_t ns);
/* "0x…" with that many digits. */
void json_write_hex(struct json_writer *w, const char *key, uint64_t value, unsigned int digits);
/* By its form; null: unknown, or any. */
void json_write_known_address(struct json_writer *w, const char *key, const uint8_t address[16]);
/* An address of that family (4, 6); 0: null. */
void json_write_address(struct json_writer *w, const char *key, uint8_t family, const uint8_t address[16]);

#endif

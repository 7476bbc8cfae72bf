/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vici_field.h - keys of a VICI section into the fields of a struct, by a table
 */
#ifndef ESPIAL_SOURCE_VICI_FIELD_H
#define ESPIAL_SOURCE_VICI_FIELD_H

#include "source/vici_wire.h"

enum vici_field_kind {
	VICI_FIELD_TEXT,    /* char[] */
	VICI_FIELD_LIST,    /* char[]: a list, comma separated; a plain value too */
	VICI_FIELD_NUMBER,  /* decimal, unsigned of 1, 2, 4 or 8 bytes; what does not fit stays 0 */
	VICI_FIELD_HEX,	    /* the same, hexadecimal */
	VICI_FIELD_YES,	    /* bool: "yes" or "1" */
	VICI_FIELD_ADDRESS, /* uint8_t[16] */
	VICI_FIELD_PAST,    /* uint64_t: that many seconds before now, in nanoseconds since the epoch */
	VICI_FIELD_FUTURE,  /* after now; may be negative */
};

struct vici_field {
	const char *key;
	enum vici_field_kind kind;
	size_t offset, size;
};

/* A row of a table: struct, member. A nested member is fine. */
#define VICI_FIELD(key, kind, type, member)                                                                  \
	{                                                                                                    \
		key, VICI_FIELD_##kind, offsetof(type, member), sizeof(((type *)0)->member)                  \
	}

/* Terminated, cut to fit; bytes of zero become '?'. */
void vici_text_copy(struct vici_text text, char *ret, size_t size);
/* IPv4 as ::ffff:a.b.c.d. False, and nothing written: it is no address. */
bool vici_text_address(struct vici_text text, uint8_t ret[16]);
/* Appends to a comma separated list, or what fits of it. */
void vici_text_append(struct vici_text text, char *list, size_t size);

/*
 * Puts a key's value, or a list with all its items, where the table says. The reader stands behind `item`, and behind the end
 * of the list afterwards. False: not in the table; a list is then still to be skipped.
 */
bool vici_field_read(const struct vici_field *table, size_t count, struct vici_reader *reader,
		     const struct vici_item *item, uint64_t now_ns, void *ret);

#endif

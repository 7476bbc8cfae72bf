/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vici_wire.h - strongSwan's VICI protocol as bytes: frames, packets, elements of messages. Pure.
 *
 * A frame is a 32-bit length in network order and that many bytes: a packet. A packet is a type, for some types a name (8-bit
 * length and text), and for some a message: nested sections, keys with values, and lists. Texts have no terminator, are
 * not trusted and may hold any byte. Documented in strongSwan's src/libcharon/plugins/vici/README.md.
 */
#ifndef ESPIAL_SOURCE_VICI_WIRE_H
#define ESPIAL_SOURCE_VICI_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VICI_HEADER 4
#define VICI_FRAME_MOST (512U * 1024) /* bytes of a packet: charon's own limit */
#define VICI_DEPTH_MOST 16	      /* sections within each other; charon's own messages have 5 */

enum vici_packet_type {
	VICI_CMD_REQUEST,
	VICI_CMD_RESPONSE,
	VICI_CMD_UNKNOWN,
	VICI_EVENT_REGISTER,
	VICI_EVENT_UNREGISTER,
	VICI_EVENT_CONFIRM,
	VICI_EVENT_UNKNOWN,
	VICI_EVENT,
	VICI_PACKET_TYPES,
};

enum vici_element {
	VICI_SECTION_START = 1,
	VICI_SECTION_END,
	VICI_KEY_VALUE,
	VICI_LIST_START,
	VICI_LIST_ITEM,
	VICI_LIST_END,
};

/* Not terminated. */
struct vici_text {
	const char *data;
	size_t length;
};

struct vici_packet {
	enum vici_packet_type type;
	struct vici_text name;
	const uint8_t *message;
	size_t size; /* of the message */
};

struct vici_item {
	enum vici_element type;
	struct vici_text name;	/* of a section, key or list */
	struct vici_text value; /* of a key or list item */
};

/* A walk through a message. Begin with vici_reader(). */
struct vici_reader {
	const uint8_t *data;
	size_t size, at;
	unsigned int depth;
	bool in_list;
};

/*
 * Is there a whole frame at the head of `data`? *ret_size is its packet's size then (the packet begins at VICI_HEADER).
 * 1: yes. 0: more bytes are needed. -EMSGSIZE: it claims to be empty, or larger than the limit.
 */
int vici_frame(const uint8_t *data, size_t size, size_t *ret_size);

/* Takes a packet apart and checks its message to the end. 0, -EBADMSG, or -EMSGSIZE: nested too deeply. */
int vici_packet(const uint8_t *data, size_t size, struct vici_packet *ret);

struct vici_reader vici_reader(const uint8_t *message, size_t size);
/* The next element: 1; 0: the end, with everything closed; else as vici_packet(). */
int vici_next(struct vici_reader *reader, struct vici_item *ret);
/* After a section's or list's start: on to behind its end. */
void vici_skip(struct vici_reader *reader);

bool vici_is(struct vici_text text, const char *word);

/* The whole frame of a packet with a name, into `ret`; with a message of one key and its value, unless `key` is NULL. Its size; 0: no room. */
size_t vici_encode(enum vici_packet_type type, const char *name, const char *key, const char *value,
		   uint8_t *ret, size_t room);

#endif

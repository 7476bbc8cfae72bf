// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/vici_wire.h"

#include <errno.h>
#include <string.h>

#define NAME_MOST 255

int vici_frame(const uint8_t *data, size_t size, size_t *ret_size)
{
	size_t length;

	if (size < VICI_HEADER)
		return 0;
	length = (size_t)data[0] << 24 | (size_t)data[1] << 16 | (size_t)data[2] << 8 | data[3];
	if (!length || length > VICI_FRAME_MOST)
		return -EMSGSIZE;
	if (size - VICI_HEADER < length)
		return 0;
	*ret_size = length;
	return 1;
}

static bool has_name(enum vici_packet_type type)
{
	return type == VICI_CMD_REQUEST || type == VICI_EVENT_REGISTER || type == VICI_EVENT_UNREGISTER ||
	       type == VICI_EVENT;
}

static bool has_message(enum vici_packet_type type)
{
	return type == VICI_CMD_REQUEST || type == VICI_CMD_RESPONSE || type == VICI_EVENT;
}

int vici_packet(const uint8_t *data, size_t size, struct vici_packet *ret)
{
	struct vici_packet packet = {0};
	struct vici_reader reader;
	struct vici_item item;
	size_t at = 1;
	int more;

	if (!size || data[0] >= VICI_PACKET_TYPES)
		return -EBADMSG;
	packet.type = (enum vici_packet_type)data[0];
	if (has_name(packet.type)) {
		if (size < 2 || size - 2 < data[1])
			return -EBADMSG;
		packet.name = (struct vici_text){(const char *)data + 2, data[1]};
		at = 2 + packet.name.length;
	}
	packet.message = data + at;
	packet.size = size - at;
	if (!has_message(packet.type) && packet.size)
		return -EBADMSG;
	reader = vici_reader(packet.message, packet.size);
	while ((more = vici_next(&reader, &item)) > 0)
		;
	if (more < 0)
		return more;
	*ret = packet;
	return 0;
}

/* ---- elements */

struct vici_reader vici_reader(const uint8_t *message, size_t size)
{
	return (struct vici_reader){.data = message, .size = size};
}

/* A text behind its length of `width` bytes. */
static int take_text(struct vici_reader *r, size_t width, struct vici_text *ret)
{
	size_t length = 0;

	if (r->size - r->at < width)
		return -EBADMSG;
	for (; width > 0; width--)
		length = length << 8 | r->data[r->at++];
	if (r->size - r->at < length)
		return -EBADMSG;
	*ret = (struct vici_text){(const char *)r->data + r->at, length};
	r->at += length;
	return 0;
}

/* A list holds items and nothing else, and items are nowhere else. */
static int check_place(const struct vici_reader *r, enum vici_element type)
{
	switch (type) {
	case VICI_SECTION_START:
		if (r->in_list)
			return -EBADMSG;
		return r->depth < VICI_DEPTH_MOST ? 0 : -EMSGSIZE;
	case VICI_SECTION_END:
		return !r->in_list && r->depth ? 0 : -EBADMSG;
	case VICI_KEY_VALUE:
	case VICI_LIST_START:
		return r->in_list ? -EBADMSG : 0;
	case VICI_LIST_ITEM:
	case VICI_LIST_END:
		return r->in_list ? 0 : -EBADMSG;
	}
	return -EBADMSG;
}

int vici_next(struct vici_reader *reader, struct vici_item *ret)
{
	struct vici_item item = {0};
	int err;

	if (reader->at == reader->size)
		return reader->depth || reader->in_list ? -EBADMSG : 0;
	item.type = (enum vici_element)reader->data[reader->at++];
	err = check_place(reader, item.type);
	if (!err &&
	    (item.type == VICI_SECTION_START || item.type == VICI_KEY_VALUE || item.type == VICI_LIST_START))
		err = take_text(reader, 1, &item.name);
	if (!err && (item.type == VICI_KEY_VALUE || item.type == VICI_LIST_ITEM))
		err = take_text(reader, 2, &item.value);
	if (err)
		return err;
	if (item.type == VICI_SECTION_START)
		reader->depth++;
	else if (item.type == VICI_SECTION_END)
		reader->depth--;
	else if (item.type == VICI_LIST_START || item.type == VICI_LIST_END)
		reader->in_list = item.type == VICI_LIST_START;
	*ret = item;
	return 1;
}

void vici_skip(struct vici_reader *reader)
{
	unsigned int depth = reader->depth;
	bool list = reader->in_list;
	struct vici_item item;

	while (vici_next(reader, &item) > 0)
		if (list ? !reader->in_list : reader->depth < depth)
			return;
}

bool vici_is(struct vici_text text, const char *word)
{
	return text.length == strlen(word) && (!text.length || !memcmp(text.data, word, text.length));
}

size_t vici_encode(enum vici_packet_type type, const char *name, const char *key, const char *value,
		   uint8_t *ret, size_t room)
{
	size_t length = strlen(name), key_length = key ? strlen(key) : 0;
	size_t value_length = key ? strlen(value) : 0;
	size_t packet = 2 + length + (key ? 4 + key_length + value_length : 0);

	if (length > NAME_MOST || key_length > NAME_MOST || packet > UINT16_MAX ||
	    room < VICI_HEADER + packet)
		return 0;
	*ret++ = 0;
	*ret++ = 0;
	*ret++ = (uint8_t)(packet >> 8);
	*ret++ = (uint8_t)packet;
	*ret++ = (uint8_t)type;
	*ret++ = (uint8_t)length;
	memcpy(ret, name, length);
	if (!key)
		return VICI_HEADER + packet;
	ret += length;
	*ret++ = VICI_KEY_VALUE;
	*ret++ = (uint8_t)key_length;
	memcpy(ret, key, key_length);
	ret += key_length;
	*ret++ = (uint8_t)(value_length >> 8);
	*ret++ = (uint8_t)value_length;
	memcpy(ret, value, value_length);
	return VICI_HEADER + packet;
}

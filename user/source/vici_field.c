// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/vici_field.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/address.h"

#define SECOND_NS 1000000000LL

void vici_text_copy(struct vici_text text, char *ret, size_t size)
{
	size_t length = text.length < size ? text.length : size - 1;

	for (size_t i = 0; i < length; i++)
		ret[i] = text.data[i] ? text.data[i] : '?';
	ret[length] = 0;
}

bool vici_text_address(struct vici_text text, uint8_t ret[16])
{
	char address[ADDRESS_TEXT], *scope;

	if (text.length >= sizeof(address))
		return false;
	vici_text_copy(text, address, sizeof(address));
	scope = strchr(address, '%');
	if (scope && scope != address) /* "%any" is no scope */
		*scope = 0;
	return address_parse(address, ret);
}

void vici_text_append(struct vici_text text, char *list, size_t size)
{
	size_t used = strlen(list);

	if (used && used + 2 < size)
		list[used++] = ',';
	vici_text_copy(text, list + used, size - used);
}

/* Decimal and signed, or hexadecimal; the whole text. */
static bool read_number(struct vici_text text, int base, int64_t *ret_signed, uint64_t *ret)
{
	char digits[32], *end;

	if (!text.length || text.length >= sizeof(digits))
		return false;
	vici_text_copy(text, digits, sizeof(digits));
	errno = 0;
	if (base == 16 || *digits != '-') {
		*ret = strtoull(digits, &end, base);
		*ret_signed = *ret <= INT64_MAX ? (int64_t)*ret : INT64_MAX;
	} else {
		*ret_signed = strtoll(digits, &end, base);
		*ret = 0;
	}
	return !errno && !*end && end != digits;
}

static void store(uint64_t value, void *ret, size_t size)
{
	if (size < 8 && value >> (size * 8))
		return;
	switch (size) {
	case 1:
		*(uint8_t *)ret = (uint8_t)value;
		break;
	case 2:
		*(uint16_t *)ret = (uint16_t)value;
		break;
	case 4:
		*(uint32_t *)ret = (uint32_t)value;
		break;
	default:
		*(uint64_t *)ret = value;
		break;
	}
}

/* Seconds beyond these are nonsense, and would overflow. */
#define SECONDS_MOST (100LL * 366 * 86400)

static void store_time(int64_t seconds, uint64_t now_ns, void *ret)
{
	int64_t time;

	if (seconds > SECONDS_MOST || seconds < -SECONDS_MOST)
		return;
	time = (int64_t)now_ns + seconds * SECOND_NS;
	*(uint64_t *)ret = time > 0 ? (uint64_t)time : 0;
}

static void read_value(const struct vici_field *field, struct vici_text value, uint64_t now_ns, void *ret)
{
	uint64_t number;
	int64_t sign;

	switch (field->kind) {
	case VICI_FIELD_TEXT:
	case VICI_FIELD_LIST:
		vici_text_copy(value, ret, field->size);
		break;
	case VICI_FIELD_NUMBER:
	case VICI_FIELD_HEX:
		if (read_number(value, field->kind == VICI_FIELD_HEX ? 16 : 10, &sign, &number))
			store(number, ret, field->size);
		break;
	case VICI_FIELD_YES:
		*(bool *)ret = vici_is(value, "yes") || vici_is(value, "1");
		break;
	case VICI_FIELD_ADDRESS:
		(void)vici_text_address(value, ret);
		break;
	case VICI_FIELD_PAST:
	case VICI_FIELD_FUTURE:
		if (read_number(value, 10, &sign, &number) && sign > -INT64_MAX)
			store_time(field->kind == VICI_FIELD_PAST ? -sign : sign, now_ns, ret);
		break;
	}
}

static void read_list(const struct vici_field *field, struct vici_reader *reader, char *ret)
{
	struct vici_item item;

	*ret = 0;
	while (vici_next(reader, &item) > 0 && item.type == VICI_LIST_ITEM)
		vici_text_append(item.value, ret, field->size);
}

bool vici_field_read(const struct vici_field *table, size_t count, struct vici_reader *reader,
		     const struct vici_item *item, uint64_t now_ns, void *ret)
{
	for (size_t i = 0; i < count; i++) {
		const struct vici_field *field = &table[i];
		char *at = (char *)ret + field->offset;

		if (!vici_is(item->name, field->key))
			continue;
		if (item->type == VICI_KEY_VALUE) {
			read_value(field, item->value, now_ns, at);
			return true;
		}
		if (item->type == VICI_LIST_START && field->kind == VICI_FIELD_LIST) {
			read_list(field, reader, at);
			return true;
		}
	}
	return false;
}

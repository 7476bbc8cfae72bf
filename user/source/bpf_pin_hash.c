// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bpf_pin_hash.c - whether tables that are there mean what this program means: by hashes
 *
 * Of the types of all maps, as the compiler describes them (BTF): names, offsets and sizes of every member, to the bottom. So a
 * change that nobody thought of is found too.
 */
#include "source/bpf_pin.h"

#include <string.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#define HASH_START 0xcbf29ce484222325ULL /* FNV-1a */
#define HASH_PRIME 0x100000001b3ULL
#define HASH_DEPTH 16

static uint64_t add(uint64_t hash, const void *data, size_t size)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * HASH_PRIME;
	return hash;
}

static uint64_t add_text(uint64_t hash, const char *text)
{
	return add(hash, text ? text : "", text ? strlen(text) + 1 : 1);
}

static uint64_t add_number(uint64_t hash, uint64_t number)
{
	return add(hash, &number, sizeof(number));
}

/* Depth is bounded by the types of our tables: pointers are not followed, and nothing else can turn back. */
static uint64_t add_type(uint64_t hash, const struct btf *btf, uint32_t id, int depth)
{
	const struct btf_type *type = btf__type_by_id(btf, id);

	while (type && (btf_is_mod(type) || btf_is_typedef(type)))
		type = btf__type_by_id(btf, type->type);
	if (!type || !depth)
		return add_number(hash, id);
	hash = add_number(hash, btf_kind(type));
	hash = add_text(hash, btf__name_by_offset(btf, type->name_off));
	if (btf_is_array(type)) {
		hash = add_number(hash, btf_array(type)->nelems);
		return add_type(hash, btf, btf_array(type)->type, depth - 1);
	}
	if (btf_is_int(type) || btf_is_any_enum(type) || btf_is_composite(type))
		hash = add_number(hash, type->size);
	if (btf_is_composite(type)) {
		for (uint32_t i = 0; i < btf_vlen(type); i++) {
			hash = add_text(hash, btf__name_by_offset(btf, btf_members(type)[i].name_off));
			hash = add_number(hash, btf_member_bit_offset(type, i));
			hash = add_type(hash, btf, btf_members(type)[i].type, depth - 1);
		}
	}
	if (btf_is_datasec(type)) {
		for (uint32_t i = 0; i < btf_vlen(type); i++) {
			const struct btf_var_secinfo *of = &btf_var_secinfos(type)[i];
			const struct btf_type *variable = btf__type_by_id(btf, of->type);

			hash = add_number(hash, of->offset);
			hash = add_number(hash, of->size);
			if (!variable)
				continue;
			hash = add_text(hash, btf__name_by_offset(btf, variable->name_off));
			hash = add_type(hash, btf, variable->type, depth - 1);
		}
	}
	return hash;
}

/* The names of data sections are cut to what the kernel keeps, and prefixed: only their suffix tells them. */
static const char *short_name(const struct bpf_map *map)
{
	const char *dot = strchr(bpf_map__name(map), '.');

	return dot ? dot : bpf_map__name(map);
}

static uint64_t add_map(uint64_t hash, const struct btf *btf, const struct bpf_map *map)
{
	const char *name = short_name(map);
	int section = *name == '.' ? btf__find_by_name_kind(btf, name, BTF_KIND_DATASEC) : 0;

	hash = add_text(hash, name);
	hash = add_number(hash, bpf_map__type(map));
	hash = add_number(hash, bpf_map__map_flags(map));
	hash = add_number(hash, bpf_map__key_size(map));
	hash = add_number(hash, bpf_map__value_size(map));
	if (section > 0)
		return add_type(hash, btf, (uint32_t)section, HASH_DEPTH);
	if (bpf_map__btf_value_type_id(map))
		hash = add_type(hash, btf, bpf_map__btf_value_type_id(map), HASH_DEPTH);
	return hash;
}

uint64_t pin_hash_abi(const struct bpf_object *object, const struct layout *layout)
{
	static const char *const names[] = {
#define ESP_CLASS(symbol, name, help) name,
#define ESP_REASON(symbol, name, help) name,
#define ESP_LOSS(symbol, name, help) name,
#include "espial/reasons.def"
#undef ESP_CLASS
#undef ESP_REASON
#undef ESP_LOSS
	};
	const struct btf *btf = bpf_object__btf(object);
	uint64_t hash = add_number(HASH_START, ESP_ABI_VERSION);
	const struct bpf_map *map;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		hash = add_text(hash, names[i]);
	/* The numbers of entries are not the ABI's: pin_hash_sizes(). */
	hash = add(hash, &layout->item[LAYOUT_SA_SIZE],
		   (LAYOUT_ITEMS - LAYOUT_SA_SIZE) * sizeof(*layout->item));
	for (map = bpf_object__next_map(object, NULL); map; map = bpf_object__next_map(object, map))
		if (pin_is_kept(map))
			hash = add_map(hash, btf, map);
	return hash;
}

uint64_t pin_hash_code(const void *elf, size_t size)
{
	uint64_t hash = add(HASH_START, elf, size);

	return hash ? hash : 1;
}

uint64_t pin_hash_sizes(const struct bpf_object *object, const void *constants, size_t size)
{
	uint64_t hash = add(HASH_START, constants, size);
	const struct bpf_map *map;

	for (map = bpf_object__next_map(object, NULL); map; map = bpf_object__next_map(object, map))
		if (pin_is_kept(map))
			hash = add_number(hash, bpf_map__max_entries(map));
	return hash;
}

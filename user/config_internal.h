/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config_internal.h - between the table of settings (config_values.c) and what reads them (config.c) */
#ifndef ESPIAL_CONFIG_INTERNAL_H
#define ESPIAL_CONFIG_INTERNAL_H

#include "config.h"

struct setting;

/* Stores `value`; false: not allowed, which setting->allowed describes. */
typedef bool (*setter)(const struct setting *setting, struct config *config, const char *value);

struct setting {
	setter set;
	size_t offset, size; /* of the member */
	size_t count_offset; /* of the number of values; SIZE_MAX: one value */
	size_t max_count;
	uint64_t low, high;
	bool text; /* of characters up to a 0, each value */
	const char *allowed;
};

#define DEFAULT_SOCKET "/run/espial/espial.sock"
#define DEFAULT_BPFFS "/sys/fs/bpf/espial"
#define CONFIG_KEYS 27

extern const struct config_key config_key_table[CONFIG_KEYS];
extern const struct setting config_settings[CONFIG_KEYS];

/* A decimal number in range. */
bool config_number(const char *text, uint64_t low, uint64_t high, uint64_t *ret);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config_key.h - the place of a key of the configuration, by its name; after cmocka.h */
#ifndef ESPIAL_TESTS_UNIT_CONFIG_KEY_H
#define ESPIAL_TESTS_UNIT_CONFIG_KEY_H

#include <string.h>

#include "config.h"

static size_t key(const char *name)
{
	const struct config_key *keys;
	size_t count, i;

	keys = config_keys(&count);
	for (i = 0; i < count; i++)
		if (strcmp(keys[i].name, name) == 0)
			return i;
	fail_msg("no key %s", name);
	return 0;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz.h - what every fuzz target begins with */
#ifndef ESPIAL_TESTS_FUZZ_H
#define ESPIAL_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What has to hold for any input. abort() is what libFuzzer takes for a finding. */
#define CHECK(condition)                                                                                     \
	do {                                                                                                 \
		if (!(condition))                                                                            \
			abort();                                                                             \
	} while (0)

/* An array of characters that holds a terminated text */
#define TERMINATED(array) CHECK(memchr(array, 0, sizeof(array)))

/* Bytes in an allocation of exactly their size, so that ASan sees the first byte that is read beyond them. To be freed. */
static inline void *fuzz_copy(const void *data, size_t size)
{
	void *copy = malloc(size ? size : 1);

	CHECK(copy);
	if (size)
		memcpy(copy, data, size);
	return copy;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * complain.h - the line that tells an error: object, cause, remedy
 */
#ifndef ESPIAL_COMPLAIN_H
#define ESPIAL_COMPLAIN_H

#include <stddef.h>

/* Writes the line into `error` (`size` bytes, cut to fit) and returns `err`, for `return complain(…, -EINVAL, …)`. */
int complain(char *error, size_t size, int err, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
#include "complain.h"

#include <stdarg.h>
#include <stdio.h>

int complain(char *error, size_t size, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error, size, format, args);
	va_end(args);
	return err;
}

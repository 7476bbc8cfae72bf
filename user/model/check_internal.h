/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check_internal.h - what check.c and check_interface.c share */
#ifndef ESPIAL_MODEL_CHECK_INTERNAL_H
#define ESPIAL_MODEL_CHECK_INTERNAL_H

#include "model/check.h"

/* A row more; never NULL. */
struct check_row *check_add(struct check_rows *rows, const char *area, const char *id, const char *title,
			    enum check_status status, const char *format, ...)
	__attribute__((format(printf, 6, 7)));
/* NAME in the remedy stands for the row's interface. */
void check_say(struct check_row *row, const char *consequence, const char *remedy);

/* False: the programs do not load on this kernel, whoever tries. */
bool check_kernel_suits(const struct check_host *host);

/* The rows of one interface. */
void check_interface(const struct check_host *host, const struct check_interface *interface,
		     struct check_rows *rows);

#endif

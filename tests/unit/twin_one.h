/* SPDX-License-Identifier: GPL-2.0-or-later */
/* twin_one.h - the tables of a test, which makes them; in the end their equations hold. After the headers of cmocka. */
#ifndef ESPIAL_TESTS_TWIN_ONE_H
#define ESPIAL_TESTS_TWIN_ONE_H

#include "golden/sums.h"
#include "source/twin.h"

static struct twin twin;

static int end(void **state)
{
	(void)state;
	assert_null(sums_tables_broken(&twin.tables));
	twin_destroy(&twin);
	return 0;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* oracle_sums.h - what the tables say of an SA is what the oracle says. After cmocka.h. */
#ifndef ESPIAL_TESTS_UNIT_ORACLE_SUMS_H
#define ESPIAL_TESTS_UNIT_ORACLE_SUMS_H

#include "golden/sums.h"
#include "replay_oracle.h"

static inline void oracle_sums_agree(const struct sa_sums *s, const struct oracle *o)
{
	assert_int_equal(s->packets, o->packets);
	assert_int_equal(s->received, o->received);
	assert_int_equal(s->duplicate, o->duplicate);
	assert_int_equal(s->too_old, o->too_old);
	assert_int_equal(s->outlier, o->outlier);
	assert_int_equal(s->lost, o->lost);
	assert_int_equal(s->late, o->late);
	assert_int_equal(s->late_max, o->late_max);
	assert_int_equal(s->restarts, o->restarts);
	assert_int_equal(s->highest, o->highest);
	assert_int_equal(s->first, o->first);
	assert_int_equal(s->pending, oracle_pending(o));
	assert_memory_equal(s->late_distance, o->late_distance, sizeof(o->late_distance));
	assert_memory_equal(s->burst_length, o->burst_length, sizeof(o->burst_length));
}

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sums.h - what the tables say, added up: for tests that compare them with an oracle
 *
 * Reads struct esp_tables only, and counts what is pending flag by flag. No code of the datapath but its layout.
 */
#ifndef ESPIAL_TESTS_GOLDEN_SUMS_H
#define ESPIAL_TESTS_GOLDEN_SUMS_H

#include "source/tables.h"

struct sa_sums {
	__u64 packets, bytes, received; /* lanes and confirmed outliers */
	__u64 duplicate, too_old, outlier, contended;
	__u64 first, highest, lost, pending; /* first and highest: 64 bits, wire's alignment */
	__u64 late, late_max, restarts;
	__u64 late_distance[ESP_LATE_BUCKETS], burst_length[ESP_HISTOGRAM];
	__u32 slot;
};

/* Slot of the SA with this SPI, or -1. The tests give each SA an SPI of its own. */
int sums_find(const struct esp_tables *t, __u32 spi);

void sums_of_slot(const struct esp_tables *t, __u32 slot, struct sa_sums *ret);
void sums_of(const struct esp_sa *sa, const struct esp_sa_rare *rare, struct sa_sums *ret);

/* NULL, or which of the two equations of output.md does not hold. */
const char *sums_broken(const struct sa_sums *s);

struct table_sums {
	__u64 in_slots, in_newcomers, evicted, refused, contended;
	__u64 seen, classes, rejected, sa_class; /* of all interfaces; sa_class: esp + esp_udp + ah */
	__u32 slots_used;
};

void sums_of_tables(const struct esp_tables *t, struct table_sums *ret);

/* NULL, or which equation between the counters of the whole does not hold. */
const char *sums_tables_broken(const struct esp_tables *t);

/* NULL, or the table of two of the same sizes that is not byte-identical; where, goes to stderr. */
const char *tables_differ(const struct esp_tables *a, const struct esp_tables *b);

#endif

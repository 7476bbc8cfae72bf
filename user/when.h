/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * when.h - times and durations as people type them
 *
 * Times are nanoseconds since the epoch. What names no zone is in the local one (TZ). No clock: `now_ns` is an argument.
 */
#ifndef ESPIAL_WHEN_H
#define ESPIAL_WHEN_H

#include <stdint.h>

/* For messages about what was not understood. */
#define WHEN_EXAMPLES "'2 hours ago', 'yesterday 22:00', '2026-06-18 00:31:17' or '@1781735477'"

/*
 * "now", "today", "yesterday", "tomorrow" (0 o'clock), each also with a time of day; "2 hours ago", "1h 30min ago", "-10min",
 * "10min" (ago, too); "2026-06-18", "2026-06-18 00:31[:17[.5]]" or with a T, and a zone: Z, UTC, +02:00; "23:50[:00]": the
 * last time that it was so late; "@1781735477[.5]". 0; -EINVAL: none of these, or no such date; -ERANGE: before 1970, or far
 * off.
 */
int when_parse(const char *text, uint64_t now_ns, uint64_t *ret_ns);

/* "90d", "1h 30min", "2 weeks": ms, s, min (m), h, d, w and their words; nanoseconds. 0, -EINVAL, -ERANGE (over 584 years). */
int when_duration(const char *text, uint64_t *ret_ns);

#endif

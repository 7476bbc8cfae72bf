/* SPDX-License-Identifier: GPL-2.0-or-later */
/* format.h - numbers and times as people read them. Exact ones are in --json. */
#ifndef ESPIAL_UI_FORMAT_H
#define ESPIAL_UI_FORMAT_H

#include <stdint.h>

#define FORMAT_SIZE 32

/* 99999, then 100k, 1.23M, 12.3G: at least three digits. */
void format_count(uint64_t value, char ret[static FORMAT_SIZE]);
/* 999 B, 1.23 MB: powers of 1000, as network people count. */
void format_bytes(uint64_t bytes, char ret[static FORMAT_SIZE]);
/* part/whole as 0.31%; "<0.01%" rather than 0; "-" of nothing. */
void format_percent(uint64_t part, uint64_t whole, char ret[static FORMAT_SIZE]);
/* 12.3 s, 4 min 5 s, 3 h 12 min, 5 d 2 h. */
void format_duration(uint64_t ns, char ret[static FORMAT_SIZE]);
/* Nanoseconds since the epoch of an RFC 3339 UTC time as text_time() writes it; 0: it is not one. */
uint64_t format_parse_time(const char *time);
/* Columns on a terminal: code points. */
unsigned int format_columns(const char *utf8);
/* Bytes of the first `columns` code points. */
int format_fit(const char *utf8, unsigned int columns);

#endif

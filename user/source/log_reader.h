/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log_reader.h - the lines of one log, one by one, into a timeline */
#ifndef ESPIAL_SOURCE_LOG_READER_H
#define ESPIAL_SOURCE_LOG_READER_H

#include "model/log_timeline.h"

#define LOG_LINE_MAX 65536U /* bytes; of longer lines the rest is passed over */

struct log_reader;

struct log_reader_options {
	/* Lines without a host are of the host that the file is named after, rotated files of one name being one; "-": of none */
	const char *path;
	uint64_t
		reference_ns; /* when the last line was written: what is not said of times is completed by it */
	uint64_t oldest_ns;   /* lines before it are left out; 0: none are */
	int year; /* of lines that do not say; 0: the newest that is not in the future of the reference */
};

/* Another file of this timeline begins. 0 or -ENOMEM (also told by t->failed). */
int log_reader_open(struct log_timeline *t, const struct log_reader_options *options,
		    struct log_reader **ret);
void log_reader_line(struct log_reader *r, const char *text, size_t length);
/*
 * All that was there is read: lines that say only the time of day get their day. What comes after this is written now: such lines, and
 * those without any time, are of `now_ns`, as the next calls tell it. At least once before the timeline is made use of.
 */
void log_reader_now(struct log_reader *r, uint64_t now_ns);
void log_reader_close(struct log_reader *r); /* settles what log_reader_now() would; NULL is fine */

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log_load.h - log files, plain or gzip, into a timeline */
#ifndef ESPIAL_SOURCE_LOG_LOAD_H
#define ESPIAL_SOURCE_LOG_LOAD_H

#include "model/log_timeline.h"

#define LOG_LOAD_ERROR 512

struct log_load_options {
	uint64_t
		now_ns; /* since the epoch: what lines without a year are measured by, where the file has no time of its own */
	int year; /* of lines that do not say; 0: the newest that is not in the future of the file */
	/* Called now and then: bytes read of the file, its size (0: unknown). NULL: not wanted */
	void (*progress)(void *arg, const char *path, uint64_t offset, uint64_t size);
	void *progress_arg;
};

/*
 * Adds the lines of a file ("-": standard input). Lines without a host are of the host that the file is named after, rotated
 * files of one name being one. 0, or -errno with one line in `error`: what was read before it stays.
 */
int log_load(struct log_timeline *t, const char *path, const struct log_load_options *options, char *error,
	     size_t error_size);
/* The same of the systemd journal, as log_child_start() has it. */
int log_load_journal(struct log_timeline *t, const char *unit, uint64_t since_ns,
		     const struct log_load_options *options, char *error, size_t error_size);
/* The same of text in memory, as if it stood in a file of that name and was written at `now_ns`. 0 or -ENOMEM. */
int log_load_text(struct log_timeline *t, const char *name, const char *text, size_t length,
		  const struct log_load_options *options);

#endif

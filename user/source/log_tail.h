/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log_tail.h - a file that grows, through rotation (renamed, or copied and truncated) and absence
 *
 * Looked at, and not watched: that works on any file system. Lines are whole; the last one of a file that was rotated away is, too.
 */
#ifndef ESPIAL_SOURCE_LOG_TAIL_H
#define ESPIAL_SOURCE_LOG_TAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef void (*log_line_fn)(void *arg, const char *text, size_t length);

/* Bytes into lines */
struct log_splitter {
	char *rest; /* of a line whose end has not come: LOG_LINE_MAX bytes of room, or NULL */
	size_t used;
	bool skip; /* up to the next end: the line is too long, or its beginning was not read */
};

/* 0 or -ENOMEM. */
int log_split(struct log_splitter *s, const char *bytes, size_t size, log_line_fn line, void *arg);
/* What is left is a line, too. */
void log_split_end(struct log_splitter *s, log_line_fn line, void *arg);

struct log_tail {
	char *path;
	int fd; /* -1: not there */
	dev_t device;
	ino_t inode;
	off_t offset;
	struct log_splitter splitter;
};

/* Only the last `most` bytes of what is there now will be read; 0: all. 0 or -ENOMEM; a file that is not there yet is none. */
int log_tail_open(struct log_tail *t, const char *path, off_t most);
/*
 * Gives what came since, about `most` bytes of it. How much it was, 0: nothing; -errno when the file cannot be read now, or is none
 * (-EISDIR, -EINVAL): it is tried again with the next call.
 */
ssize_t log_tail_read(struct log_tail *t, size_t most, log_line_fn line, void *arg);
void log_tail_close(struct log_tail *t);

#endif

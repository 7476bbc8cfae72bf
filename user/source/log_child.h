/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log_child.h - the systemd journal, by way of its own reader: journalctl as a child, as JSON
 *
 * The child is told where to go on (cursor), so that one that ended is followed by another without a line lost or doubled. Nothing
 * blocks: the pipe is polled.
 */
#ifndef ESPIAL_SOURCE_LOG_CHILD_H
#define ESPIAL_SOURCE_LOG_CHILD_H

#include "source/log_tail.h"

#define LOG_CURSOR 256
#define LOG_CHILD_ERROR 200

struct log_child {
	pid_t pid; /* 0: none runs */
	int fd;	   /* -1: none; polls readable when there is something */
	int complaints;
	struct log_splitter splitter;
	char cursor[LOG_CURSOR]; /* of the last line; "": none yet */
};

/* `unit` as for journalctl -u; "": what IKE daemons wrote, whatever they run as. Since `since_ns`, 0: all that is kept. `follow`: and what comes. 0 or -errno. */
int log_child_start(struct log_child *c, const char *unit, uint64_t since_ns, bool follow);
/*
 * Gives what came. Bytes; 0: nothing now; -EPIPE: the child ended, and with another status than 0 `error` (LOG_CHILD_ERROR) says what it
 * said, else it is "".
 */
ssize_t log_child_read(struct log_child *c, size_t most, log_line_fn line, void *arg, char *error);
/* Ends it. What it knows of the cursor stays, for another start. */
void log_child_stop(struct log_child *c);
void log_child_free(struct log_child *c);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log_follow.h - logs that go on: files and the systemd journal, in one timeline of bounded memory
 *
 * What a line means depends on those before it, so that they are kept, and looked at anew when something came.
 * Files may be rotated and come later, journalctl may end: it goes on, and is told once. Blocks on nothing but disks.
 */
#ifndef ESPIAL_SOURCE_LOG_FOLLOW_H
#define ESPIAL_SOURCE_LOG_FOLLOW_H

#include "model/log_timeline.h"

struct log_follow;

struct log_follow_options {
	const char *const *files;
	size_t file_count;
	const char *const *units; /* of the journal, "": IKE daemons, whatever they run as */
	size_t unit_count;
	uint64_t oldest_ns; /* earlier lines are left out; 0: none */
	uint64_t most_past; /* bytes at the end of each file that are read at first; 0: all of it */
	size_t most_events, most_bytes; /* kept; see log_timeline_trim() */
	int year;
	void (*tell)(void *arg, const char *line); /* what goes wrong, once for as long as it lasts */
	void *arg;
};

/* What is pointed to must outlive it. 0 or -ENOMEM. */
int log_follow_open(const struct log_follow_options *options, uint64_t now_ns, struct log_follow **ret);
void log_follow_close(struct log_follow *f); /* NULL is fine */

/* Takes in what came. True: something that matters did. */
bool log_follow_read(struct log_follow *f, uint64_t now_ns);
/* Waits for the journal, or so long; `fd`: also for this one to be readable, -1: none. */
void log_follow_wait(const struct log_follow *f, int fd, int timeout_ms);
/* What is kept, finished, until the next log_follow_read(); log_timeline_destroy() ends it. 0 or -ENOMEM. */
int log_follow_view(const struct log_follow *f, struct log_timeline *ret);
/* Lines read, of them understood, and those that could not be kept. */
struct log_follow_stats {
	uint64_t lines, recognised, forgotten;
	size_t missing; /* sources that cannot be read now */
};
void log_follow_stats(const struct log_follow *f, struct log_follow_stats *ret);

#endif

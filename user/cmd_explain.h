/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmd_explain.h - what the files of `espial explain` share */
#ifndef ESPIAL_CMD_EXPLAIN_H
#define ESPIAL_CMD_EXPLAIN_H

#include <arpa/inet.h>
#include <stdbool.h>

#include "diagnose/log_diagnose.h"
#include "source/log_load.h"

struct explain_options {
	char **files;
	int file_count;
	const char *since, *until, *peer, *with;
	char peer_text[INET6_ADDRSTRLEN];
	int year;
	bool json, exit_code, unknown, timeline, brief, follow;
};

/* Reads all files, and says which could not be read: how many. */
int explain_read(struct log_timeline *t, const struct explain_options *o);
/* Prints what is found, and then what changes, until a signal ends it. An exit status. */
int explain_follow(const struct explain_options *o, const struct log_diagnose_options *limits);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmd_explain.h - what the files of `espial explain` share */
#ifndef ESPIAL_CMD_EXPLAIN_H
#define ESPIAL_CMD_EXPLAIN_H

#include <arpa/inet.h>
#include <stdbool.h>

#include "diagnose/log_diagnose.h"
#include "source/log_load.h"

#define EXPLAIN_UNITS 8

struct explain_options {
	char **files;
	int file_count;
	const char *units[EXPLAIN_UNITS]; /* of the journal; "": IKE daemons */
	size_t unit_count;
	const char *since, *until, *peer, *with;
	char peer_text[INET6_ADDRSTRLEN];
	int year;
	bool json, exit_code, unknown, timeline, brief, follow;
};

/* "espial: …" on stderr. The line names files: what a name contains must not reach the terminal as it is */
void explain_complain(const char *line);
uint64_t explain_now_ns(void); /* since the epoch */
/* Into `t`; what cannot be read is told. How many could not. */
int explain_read(struct log_timeline *t, const struct explain_options *o,
		 const struct log_diagnose_options *limits);
/* From when on the journal is read; 0: all of it */
uint64_t explain_journal_since(const struct log_diagnose_options *limits);
/* Adds what was seen elsewhere, and findings that only were seen. CMD_OK, or CMD_CANNOT, which was said. */
int explain_with(struct findings *findings, const struct log_timeline *t,
		 const struct log_diagnose_options *limits, const char *with);
/* Prints what is found, and then what changes, until a signal ends it. An exit status. */
int explain_follow(const struct explain_options *o, const struct log_diagnose_options *limits);

#endif

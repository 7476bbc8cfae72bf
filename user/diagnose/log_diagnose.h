/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log_diagnose.h - a timeline of logs to findings: which tunnel, since when, the last good exchange, what happened, why
 *
 * Pure. Each conversation is followed through its states; what both ends logged of one fault becomes one finding.
 */
#ifndef ESPIAL_DIAGNOSE_LOG_DIAGNOSE_H
#define ESPIAL_DIAGNOSE_LOG_DIAGNOSE_H

#include "diagnose/finding.h"
#include "model/log_timeline.h"

struct log_diagnose_options {
	uint64_t since_ns,
		until_ns; /* since the epoch; 0: no limit. Findings that were over before `since` are left out */
	uint64_t
		now_ns; /* of logs that go on: how late it is, though nothing came; 0: as late as the last line */
	const char *peer; /* only this address; NULL: all */
};

/* Of a finished timeline. Adds to `ret`, and finishes it. 0 or -ENOMEM. */
int log_diagnose(const struct log_timeline *t, const struct log_diagnose_options *options,
		 struct findings *ret);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log_json.h - what `espial explain --json` prints */
#ifndef ESPIAL_EXPORT_LOG_JSON_H
#define ESPIAL_EXPORT_LOG_JSON_H

#include "diagnose/log_diagnose.h"
#include "export/json_writer.h"

struct log_json_options {
	const char *version, *name; /* of espial; of what was read */
	bool pretty;
	const struct log_diagnose_options *limits; /* of the timeline: since, until, peer */
};

/* The document, malloc'ed; NULL with errno ENOMEM. "unknown" is there when the timeline kept unknown lines. */
char *export_log_json(const struct log_timeline *t, const struct findings *findings,
		      const struct log_json_options *options, size_t *ret_length);
/* Is the event one that a timeline shows, within these limits? */
bool log_json_shows(const struct log_timeline *t, const struct log_event *e,
		    const struct log_diagnose_options *limits);

#endif

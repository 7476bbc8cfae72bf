/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * catalogue.h - every finding that there is: one row of catalogue.def each
 *
 * A new finding is a row there and a rule in an engine; JSON, text, documentation and tests follow from the row.
 */
#ifndef ESPIAL_DIAGNOSE_CATALOGUE_H
#define ESPIAL_DIAGNOSE_CATALOGUE_H

#include <stddef.h>
#include <stdio.h>

#include "diagnose/finding.h"

/* Bit of an origin, for `sources` */
#define FROM(origin) (1U << (origin))

struct catalogue_remedy {
	enum finding_platform platform;
	const char *text;
	const char *command; /* NULL: none */
};

struct catalogue_row {
	const char *id; /* the public name: never changes meaning */
	char section;	/* A to E of the symptoms */
	enum finding_severity severity;
	unsigned int sources; /* FROM(): any one of these can decide it */
	const char *
		meaning; /* sentence with {key|default}; a default may be empty, and the key may be without one */
	const char *action;			 /* what to do, a few words, imperative; with keys too */
	const struct catalogue_remedy *remedies; /* ordered */
	size_t remedy_count;
};

const struct catalogue_row *catalogue_row(enum finding_id id);
/* FINDING_COUNT: no such id. */
enum finding_id catalogue_find(const char *id);

/*
 * Writes the sentence with each {key|default} replaced by what `value` returns for the key, or by the default when that is
 * NULL. `command`: values that a shell might misread count as NULL too.
 */
void catalogue_expand(FILE *out, const char *sentence, bool command,
		      const char *(*value)(const void *arg, const char *key, size_t length), const void *arg);

#endif

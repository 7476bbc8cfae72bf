/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * metrics_page.h - an answer to a scrape, kept as numbers and written bit by bit: between metrics.c and metrics_sas.c
 *
 * Of a large gateway the text is ten megabytes. What is kept are the values of one moment and each set of labels once, a
 * fifth of that; metrics_page_read() makes lines of it as fast as they are taken, in pieces that hold nobody up.
 */
#ifndef ESPIAL_EXPORT_METRICS_PAGE_H
#define ESPIAL_EXPORT_METRICS_PAGE_H

#include "export/export.h"
#include "export/text.h"

/* Labels as they are written between the braces, in the page. */
struct metrics_labels {
	uint32_t at, length;
};

/* How a value is written. */
enum metrics_form {
	METRICS_INTEGER,
	METRICS_BILLIONTHS, /* with nine decimals */
};

struct metrics_page *
metrics_page_new(void); /* NULL: no memory. What fails later is told by metrics_page_done(). */

/* Text that stands before the next family: whole lines are appended to it. */
struct text *metrics_page_text(struct metrics_page *p);
/* A family of samples begins: `name` and `suffix` are joined, and must outlive the page. */
void metrics_page_family(struct metrics_page *p, const char *name, const char *suffix,
			 enum metrics_form form);
/* Keeps labels that several samples have: not between the text of a family and its beginning */
struct metrics_labels metrics_page_labels(struct metrics_page *p, const char *labels, size_t length);
void metrics_page_sample(struct metrics_page *p, struct metrics_labels labels, uint64_t value);

/* All is there. The page, or NULL with errno ENOMEM, and then it is freed. */
struct metrics_page *metrics_page_done(struct metrics_page *p);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* journal_build.h - journals in a directory of their own, entries with a number, and what is in them */
#ifndef TESTS_UNIT_JOURNAL_BUILD_H
#define TESTS_UNIT_JOURNAL_BUILD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "export/journal.h"
#include "export/journal_read.h"
#include "export/journal_store.h"

#define S 1000000000ull
#define T0 (1781735477 * S)

struct place {
	char directory[128], path[160];
};

static inline int place_make(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	const char *tmp = getenv("TMPDIR");

	snprintf(p->directory, sizeof(p->directory), "%s/journal.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(p->directory))
		return -1;
	snprintf(p->path, sizeof(p->path), "%s/journal.db", p->directory);
	*state = p;
	return 0;
}

static inline int place_remove(void **state)
{
	struct place *p = *state;
	char command[200];

	snprintf(command, sizeof(command), "rm -rf '%s'", p->directory);
	if (system(command) != 0) /* NOLINT(bugprone-command-processor): the test's own directory */
		return -1;
	free(p);
	return 0;
}

static inline struct journal *open_with(const struct journal_options *options)
{
	struct journal *j = NULL;
	char error[JOURNAL_LINE] = "";

	if (journal_open(options, &j, error, sizeof(error)) != 0)
		fail_msg("%s", error);
	return j;
}

/* Batches at once, as a test has no second to wait. */
static inline struct journal *open_fast(const struct place *p)
{
	return open_with(&(struct journal_options){.path = p->path, .batch_ms = 1});
}

/* The n-th entry: its number is in its time, its message id and its text. */
static inline void numbered(uint32_t n, struct timeline_entry *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->time_ns = T0 + n * S / 100;
	ret->kind = TIMELINE_IKE_EXCHANGE;
	ret->confidence = TIMELINE_CERTAIN;
	snprintf(ret->tunnel, sizeof(ret->tunnel), "tunnel-%u", n % 3);
	ret->peer[10] = ret->peer[11] = 0xff;
	ret->peer[12] = 10;
	ret->peer[15] = (uint8_t)(n % 3 + 1);
	ret->message_id = n;
	snprintf(ret->text, sizeof(ret->text), "exchange %u was answered", n);
}

static inline void add_numbered(struct journal *j, uint32_t from, uint32_t to)
{
	struct timeline_entry e;

	for (; from < to; from++) {
		numbered(from, &e);
		journal_add(j, &e);
	}
}

struct numbers {
	uint32_t next, count;
	bool from_anywhere; /* the first need not be 0; each is the one after the one before */
};

static inline int check_number(void *arg, const struct journal_row *row)
{
	struct numbers *n = arg;

	if (row->entry.kind != TIMELINE_IKE_EXCHANGE)
		return 0;
	if (n->from_anywhere && !n->count)
		n->next = row->entry.message_id;
	if (row->entry.message_id != n->next)
		fail_msg("entry %u where %u should be", row->entry.message_id, n->next);
	n->next = row->entry.message_id + 1;
	n->count++;
	return 0;
}

/* How many numbered entries there are; they have to be 0, 1, 2 … without a gap. */
static inline uint32_t count_numbered(const char *path)
{
	struct numbers n = {.next = 0};
	struct journal_query all = {.since_ns = 0};
	struct journal_reader *r = NULL;
	char error[JOURNAL_LINE] = "";

	if (journal_reader_open(path, &r, error, sizeof(error)) != 0)
		fail_msg("%s", error);
	assert_int_equal(journal_read(r, &all, check_number, &n), 0);
	journal_reader_close(r);
	return n.count;
}

/* Lines that the journal has for the log, one after the other; the next one has to contain `part`. */
static inline void expect_news(struct journal *j, const char *part)
{
	char line[JOURNAL_LINE];

	if (!journal_tick(j, T0, line))
		fail_msg("no line with '%s'", part);
	if (!strstr(line, part))
		fail_msg("no '%s' in '%s'", part, line);
}

static inline void expect_no_news(struct journal *j)
{
	char line[JOURNAL_LINE];

	if (journal_tick(j, T0, line))
		fail_msg("'%s' was told", line);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* journal_read_internal.h - between journal_read.c and journal_traffic.c */
#ifndef ESPIAL_EXPORT_JOURNAL_READ_INTERNAL_H
#define ESPIAL_EXPORT_JOURNAL_READ_INTERNAL_H

#include "export/journal_read.h"
#include "export/journal_store.h"

struct journal_reader {
	struct store store; /* db, path, cause, device and inode are in use */
	bool immutable;	    /* there was no write-ahead log */
	int64_t schema;
};

#endif

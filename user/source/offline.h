/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * offline.h - capture files into a state: capfile, the offline twin and the IKE parser, one packet at a time
 *
 * Several files are read one after the other into the same tables, as if they were one. Memory does not grow with their
 * length. Nothing here prints.
 */
#ifndef ESPIAL_SOURCE_OFFLINE_H
#define ESPIAL_SOURCE_OFFLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/conversation.h"
#include "model/ike_parse.h"
#include "model/model.h"
#include "model/state.h"

#define OFFLINE_LINKS 16

struct offline_options {
	bool final; /* nothing more will come: pending numbers are lost */
	/* Called now and then while reading: bytes read of the file, its size (0: unknown). NULL: not wanted */
	void (*progress)(void *arg, const char *path, uint64_t offset, uint64_t size);
	void *progress_arg;
	/* Whose view: an address of the gateway whose tunnels these are? NULL: not known; then who begins is local. */
	bool (*is_local)(void *arg, const uint8_t address[16]);
	void *local_arg;
	/*
	 * Called about once a second of capture time with what is known then (no interfaces, no name), in silence at growing
	 * steps, and by offline_state() with what it is about to return. Not 0 ends the reading with that error. NULL: not wanted
	 */
	int (*look)(void *arg, const struct state *state, uint64_t now_ns);
	void *look_arg;
};

/* What a reader should know of how far the numbers can be trusted. */
struct offline_notes {
	uint64_t packets;   /* read from all files */
	uint64_t untimed;   /* … that have no time in the file and were given that of the one before */
	uint64_t backwards; /* how often time went back by more than a second */
	uint64_t backwards_max_ns; /* … and by how much at most */
	struct offline_link {
		uint32_t linktype; /* LINKTYPE_ number that we do not know */
		uint64_t packets;  /* counted as `other` */
	} links[OFFLINE_LINKS];
	size_t link_count;
};

struct offline;

/* 0 or -ENOMEM. `options` is copied. */
int offline_open(const struct offline_options *options, struct offline **ret);
/*
 * Reads the whole file ("-": standard input). 0, or -errno with one line in `error` (CAPFILE_ERROR_MAX holds all of it):
 * what was read before it stays counted.
 */
int offline_read(struct offline *o, const char *path, char *error, size_t error_size);
/*
 * The state after what was read so far, judged as if nothing more came. 0 or -ENOMEM. Free with state_free(), before
 * offline_close().
 */
int offline_state(struct offline *o, struct state *ret);
const struct offline_notes *offline_notes(const struct offline *o);
/* What was told of paths; also during `look`. */
const struct model_path *offline_paths(const struct offline *o, size_t *ret_count);
/* [IKE_FAULT_COUNT]: IKE messages by what ike_parse() said of them. */
const uint64_t *offline_ike_verdicts(const struct offline *o);
/* The IKE conversations as far as offline_state() has brought them; owned by `o`. */
const struct conversations *offline_conversations(const struct offline *o);
void offline_close(struct offline *o); /* NULL is fine */

#endif

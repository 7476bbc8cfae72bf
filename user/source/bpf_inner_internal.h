/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bpf_inner_internal.h - the inner interfaces from within: bpf_inner.c (open, events, counters), bpf_inner_follow.c (who is attached) */
#ifndef ESPIAL_SOURCE_BPF_INNER_INTERNAL_H
#define ESPIAL_SOURCE_BPF_INNER_INTERNAL_H

#include <stdbool.h>

#include "source/bpf_attach.h"
#include "source/bpf_inner.h"
#include "source/links.h"

struct inner_bpf;
struct ring_buffer;

/* Kept when the interface is gone, by its name. */
struct inner_slot {
	bool used, present, retry;
	bool told; /* that it cannot be attached */
	struct link link;
	struct attachment attachment;
	uint64_t left; /* order of leaving */
};

struct inner_live {
	struct inner_bpf *skel;
	struct ring_buffer *ring;
	struct links *links;
	struct inner_live_options options; /* without the interfaces */
	char (*pattern)[STATE_NAME];
	size_t pattern_count;
	struct inner_slot slot[ESP_INNER_SLOTS];
	uint64_t departures, events;
	unsigned int at_once;
	int cpus;
	struct esp_inner_stats *stats; /* of one place, by CPU */
};

/*
 * Makes the attached interfaces those that are wanted; `keep`: those that are attached stay whatever they are called. With
 * `error`, the first failure of a plain name is written there and returned; the rest is done all the same.
 */
int inner_reconcile(struct inner_live *inner, bool keep, char *error, size_t error_size);
/* Is every plain name there? -ENODEV with a line in `error`. */
int inner_check_names(const struct inner_live *inner, char *error, size_t error_size);
/* Attaches again where somebody else has removed our programs. */
void inner_check_hooks(struct inner_live *inner);
void inner_detach(struct inner_live *inner);

#endif

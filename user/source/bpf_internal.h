/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bpf_internal.h - the live source from within: bpf_live.c (open, close, tables), bpf_follow.c (interfaces),
 * bpf_clock.c (time), bpf_state.c (what there is to tell)
 */
#ifndef ESPIAL_SOURCE_BPF_INTERNAL_H
#define ESPIAL_SOURCE_BPF_INTERNAL_H

#include <net/if.h>

#include "source/bpf_attach.h"
#include "source/bpf_live.h"
#include "source/links.h"
#include "source/tables.h"

#define LIVE_NS_PER_S 1000000000ULL
#define LIVE_NAMES 512 /* interface indices remembered for the SAs that used them */

struct espial_bpf;
struct ring_buffer;

/* Converts jiffies. Both clocks stand still in suspend and follow the same corrections, hence one anchor. */
struct live_clock {
	uint32_t hz;
	int64_t offset; /* CLOCK_MONOTONIC, in ns, at jiffy 0 */
};

/* One place for the counters of an interface: a row of esp_stats. Kept when the interface is gone. */
struct live_interface {
	bool used;
	bool present; /* a device is watched or was to be; else it is gone or no longer asked for */
	char name[IFNAMSIZ];
	uint32_t ifindex;      /* the last one */
	uint64_t serial;       /* of the device: struct link */
	bool up, named, retry; /* retry: attach anew, something has changed */
	uint32_t mtu;
	uint64_t since; /* order of leaving */
	struct attachment attachment;
	char note[ATTACH_TEXT];
	struct state_counters before[2]; /* counted here for an earlier owner of the place: in, out */
};

struct live_name {
	uint32_t ifindex;
	char name[IFNAMSIZ];
};

struct live {
	struct espial_bpf *skel;
	struct esp_tables tables; /* mapped, read-only */
	size_t memory;		  /* bytes of all maps */
	struct ring_buffer *ring;
	struct links *links;
	struct live_sink sink;
	struct live_clock clock;
	uint64_t now_ns_offset; /* CLOCK_REALTIME - CLOCK_MONOTONIC, of the state being made */
	uint64_t started_ns;
	uint64_t events;
	uint64_t departures;

	char (*pattern)[STATE_NAME];
	size_t pattern_count;
	enum live_xdp_mode mode;
	unsigned int without;

	struct live_interface interface[ESP_IF_SLOTS];
	struct live_name name[LIVE_NAMES]; /* a ring */
	size_t name_count;
	struct {
		uint32_t ifindex, because;
		uint64_t serial;
	} said[ESP_IF_SLOTS]; /* what was told of interfaces that are not wanted, a ring */
	size_t said_count;
};

/* ---- bpf_live.c */

/* One line to the sink. */
void live_say(const struct live *live, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- bpf_follow.c */

/*
 * Makes the attached interfaces those that are wanted; `keep`: those that are attached stay whatever they are called. With `error`, the first failure that the user must hear of is written there
 * and returned; the rest is done all the same.
 */
int live_reconcile(struct live *live, bool keep, char *error, size_t error_size);
/* Attaches again where somebody else has removed our programs. */
int live_check_hooks(struct live *live);
/* Detaches from all. */
void live_detach(struct live *live);
/* Is every plain name there? -ENODEV with a line in `error`. */
int live_check_names(const struct live *live, const struct live_options *options, char *error,
		     size_t error_size);
/* The name that an interface index has or had, or NULL. */
const char *live_ifname(const struct live *live, uint32_t ifindex);

/* ---- bpf_clock.c */

/* Finds the length of a jiffy; takes some 60 ms. */
int live_clock_calibrate(struct live *live);
/* Both clocks now. */
int live_clock_read(struct live *live, struct esp_clock *ret);
/* Takes a reading into account: the anchor follows the clocks. */
void live_clock_follow(struct live_clock *clock, const struct esp_clock *reading);
/* CLOCK_MONOTONIC, ns, when the jiffy began. */
uint64_t live_clock_monotonic(const struct live_clock *clock, uint64_t jiffies);

/* ---- bpf_state.c */

/* What a place has counted in a direction since it has its owner. */
void live_count(const struct live *live, size_t place, enum esp_direction direction,
		struct state_counters *ret);

#endif

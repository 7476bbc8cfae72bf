/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bpf_internal.h - the live source from within: bpf_live.c (open, close, events), bpf_load.c (tables), bpf_follow.c (interfaces),
 * bpf_adopt.c (what an earlier agent left), bpf_clock.c (time), bpf_state.c (what there is to tell)
 */
#ifndef ESPIAL_SOURCE_BPF_INTERNAL_H
#define ESPIAL_SOURCE_BPF_INTERNAL_H

#include <net/if.h>

#include "source/bpf_attach.h"
#include "source/bpf_live.h"
#include "source/bpf_pin.h"
#include "source/links.h"
#include "source/tables.h"

#define LIVE_NS_PER_S 1000000000ULL
#define LIVE_NAMES PIN_NAMES /* interface indices remembered for the SAs that used them */

struct espial_bpf;
struct live_sadb;
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

struct live {
	struct espial_bpf *skel;
	struct esp_tables tables; /* mapped, read-only */
	size_t memory;		  /* bytes of all maps */
	struct ring_buffer *ring;
	struct links *links;
	struct live_sadb *sadb; /* bpf_sadb.c */
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
	struct pin_name name[LIVE_NAMES]; /* a ring */
	size_t name_count;
	struct {
		uint32_t ifindex, because;
		uint64_t serial;
	} said[ESP_IF_SLOTS]; /* what was told of interfaces that are not wanted, a ring */
	size_t said_count;

	/* What outlives us; pin NULL: nothing does. */
	struct pin *pin;
	struct pin_record *record; /* of our generation; before live_adopt(): of the one that was there */
	uint32_t generation;
	uint64_t abi, sizes, code; /* as in the record */
	struct attach_programs
		pinned; /* used instead of those in the skeleton, which are not loaded then; else -1 */
	struct layout layout;
	struct layout_sums carried; /* what tables had counted that are no more … */
	uint64_t absorbed;	    /* … those of generations up to this one */
	bool keep;		    /* it stays when we go */
	bool found;		    /* it was there when we came … */
	bool noted;		    /* … and the record is ours to write now */
	bool opened, closing;
};

/* ---- bpf_live.c */

/* One line to the sink. */
void live_say(const struct live *live, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Reads the events that wait in another ring buffer, and closes its descriptor. */
void live_drain(struct live *live, int fd);

/* ---- bpf_load.c */

/* The tick must be known before the programs are loaded, whose constants are in ticks: a clock alone goes first. */
int live_learn_tick(struct live *live, char *error, size_t error_size);
/* *ret_same: the tables are those that an earlier agent left. */
int live_load(struct live *live, const struct live_options *options, bool *ret_same, char *error,
	      size_t error_size);
int live_map_tables(struct live *live, char *error, size_t error_size);
void live_unmap_tables(struct live *live);

/* ---- bpf_follow.c */

/* What the datapath knows of the interface's index. `place` NULL: nothing any more. */
void live_tell(const struct live *live, uint32_t ifindex, const struct live_interface *place,
	       enum esp_link link);
enum esp_link live_link_type(const struct link *link);
struct attach_programs live_programs(const struct live *live);
struct attach_request live_request(const struct live *live, const struct link *link);

/*
 * Makes the attached interfaces those that are wanted; `keep`: those that are attached stay whatever they are called. With `error`, the first failure that the user must hear of is written there
 * and returned; the rest is done all the same.
 */
int live_reconcile(struct live *live, bool keep, char *error, size_t error_size);
/* Attaches again where somebody else has removed our programs. */
int live_check_hooks(struct live *live);
/* Detaches from all. */
void live_detach(struct live *live);
/* Lets go of all: what is pinned stays, and counts. */
void live_release(struct live *live);
/* Is every plain name there? -ENODEV with a line in `error`. */
int live_check_names(const struct live *live, const struct live_options *options, char *error,
		     size_t error_size);
/* The name that an interface index has or had, or NULL. */
const char *live_ifname(const struct live *live, uint32_t ifindex);

/* ---- bpf_adopt.c */

/* Opens the directory and finds what is there. 0, also when there is nothing and nothing can be kept: then live->pin is NULL. */
int live_pins_open(struct live *live, const struct live_options *options, char *error, size_t error_size);
/* The object is open, its sizes set: are the tables that are there such as these? */
bool live_pins_fit(struct live *live, uint64_t salt);
/* The object has the tables that are there: does it have the programs, too? Then these are used. */
void live_pins_programs(struct live *live);
/* Takes over what is there; `same`: we have its tables. Makes a new generation when there is none such. */
int live_adopt(struct live *live, bool same, char *error, size_t error_size);
/* `stay`: all that is pinned. Else it goes, too. */
void live_pins_close(struct live *live, bool stay);

/* ---- bpf_record.c */

/* Notes for the next agent how things stand. */
void live_save(struct live *live);
/* What the record says of the interfaces. `same`: its tables are ours, else they begin at 0. */
void live_load_places(struct live *live, const struct pin_state *state, bool same);
/* Our own tables as a new generation. Its record knows the interfaces, but no program of theirs: all are to be exchanged. */
int live_make_generation(struct live *live, char *error, size_t error_size);
/* Those that were loaded, for the next agent. Without them it loads its own. */
void live_keep_programs(struct live *live);
void live_counters_from(const struct layout_counters *from, struct state_counters *ret);

/* ---- bpf_absorb.c */

/* Adds the sums of all older generations to ours, and removes them. All programs are ours by now. */
void live_absorb_all(struct live *live);

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
/* *sum -= *what */
void live_counters_subtract(const struct state_counters *what, struct state_counters *sum);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* offline_internal.h - of offline.c, which reads packets, and offline_look.c, which looks at what they made */
#ifndef ESPIAL_SOURCE_OFFLINE_INTERNAL_H
#define ESPIAL_SOURCE_OFFLINE_INTERNAL_H

#include "model/model.h"
#include "source/capfile.h"
#include "source/offline.h"
#include "source/twin.h"

/* Numbers of interfaces: 1 to ESP_IF_SLOTS - 1 by name, the last for those that found no number. */
#define OFFLINE_IF_REST ESP_IF_SLOTS
#define OFFLINE_MORE 24 /* bytes: " and 4294967295 more" */
#define OFFLINE_NAME (sizeof(((struct state *)0)->name) - OFFLINE_MORE)
#define OFFLINE_SECOND 1000000000ULL
#define OFFLINE_PROGRESS_EVERY 8192 /* packets; a power of two */

struct offline {
	struct offline_options options;
	struct offline_notes notes;
	struct twin twin;
	struct model *model;
	/* Looks at the model while reading: packets and time of the latest, and whether IKE was seen since */
	uint64_t looked_packets, looked_ns, ike_packets, ike_ns;
	bool ike_seen;
	/* Looks at all, and for options.look: packets and time of the latest, how many there were, and SAs in it */
	uint64_t shown_packets, shown_ns, shown_count;
	size_t shown_sas;
	uint64_t ike_verdicts[IKE_FAULT_COUNT];
	uint64_t first_ns, last_ns; /* earliest and latest time of all packets */
	uint64_t now;		    /* given to the twin with the last packet */
	char name[OFFLINE_NAME];
	uint32_t files, files_unnamed;
	char *interfaces[ESP_IF_SLOTS + 1]; /* by number; NULL: the one without a name */
	uint32_t interface_count;	    /* numbers given, from 1; OFFLINE_IF_REST is not counted */
	bool rest_used;
	/* Of the file that is being read */
	uint32_t ifindex[CAPFILE_IFACE_MAX]; /* by its interface numbers; 0: not yet asked */
};

/* NULL: the one without a name. */
const char *offline_interface_name(const struct offline *o, uint32_t ifindex);

/* A packet was folded in: now and then that is reason to look at the tables. 0 or -ENOMEM. */
int offline_look(struct offline *o);
/* Time comes to `next_ns` with the next packet: looks for options.look, before it is folded in. What `look` returned, or -ENOMEM. */
int offline_look_until(struct offline *o, uint64_t next_ns);
/* The tables' part of a state at this time. 0 or -ENOMEM. */
int offline_collect(struct offline *o, uint64_t now_ns, bool final, struct state *ret);
/* And the model's, after all that was read. 0 or -ENOMEM. */
int offline_fill_last(struct offline *o, struct state *state);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * observable.h - which packets of an SA our hooks cannot see, why, and whose counters stand for them
 *
 * Pure. Where the hooks are blind the kernel's own counters of the SA are the source, and only they: what the hooks saw of
 * such an SA is never added to them.
 */
#ifndef ESPIAL_MODEL_OBSERVABLE_H
#define ESPIAL_MODEL_OBSERVABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/fact.h"

enum observable {
	OBSERVABLE,
	NOT_OBSERVABLE_PACKET_OFFLOAD, /* the device encrypts and decrypts whole packets: no hook ever sees ESP */
	NOT_OBSERVABLE_GRO,	       /* GRO takes ESP of SAs that the kernel has before our hook runs */
	NOT_OBSERVABLE_UNHOOKED,       /* none of our programs is attached where its packets pass */
	OBSERVABLE_REASONS
};

enum observable_hook {
	OBSERVABLE_HOOK_NONE,
	OBSERVABLE_HOOK_XDP_NATIVE,  /* in the driver: before GRO */
	OBSERVABLE_HOOK_XDP_GENERIC, /* after GRO */
	OBSERVABLE_HOOK_TC,	     /* after GRO; out: before the device's own work */
};

/* What decides, beside the SA itself. */
struct observable_place {
	enum observable_hook ingress, egress; /* of the interface that its packets use */
	bool gro;			      /* of that interface; true when not known */
	bool esp4_offload, esp6_offload;      /* modules that are loaded: they bring GRO of ESP */
};

/* The hook of a name as state_interface has it: "xdp native", "xdp generic", "tcx", "clsact", "none". */
enum observable_hook observable_hook(const char *name);

/*
 * Can the hooks see the SA's packets? `sa->direction` unknown is taken for in. The kernel's SAs only: for an SA that it does
 * not have GRO steps aside.
 */
enum observable observable_sa(const struct fact_sa *sa, const struct observable_place *place);

/* "packet_offload" …, stable; and a sentence with the remedy. "" for OBSERVABLE. */
const char *observable_name(enum observable reason);
const char *observable_text(enum observable reason);

struct observable_counters {
	bool kernel; /* else the hooks' */
	uint64_t packets, bytes;
};

/*
 * The counters that stand for the SA. `seen` by the hooks, NULL: not at all. The kernel's `bytes` are those of the
 * packets inside, the hooks' those of the IP packets outside.
 */
struct observable_counters observable_counters(enum observable reason, const struct fact_sa *sa,
					       const struct observable_counters *seen);

/*
 * Do packets come past the interface's ingress hook a second time, decrypted? In tunnel mode, without an xfrm interface
 * of their own, they do below everything but native XDP: they are in its counts as `other`.
 */
bool observable_twice(const struct fact_sa *sa, const struct observable_place *place);

#endif

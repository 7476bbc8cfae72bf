/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * diagnosis.h - from what is known to what is wrong: raises findings, keeps them, clears them
 *
 * Pure: no I/O, no clock. diagnosis_update() looks at one input, which is the model as it is now; what it was before is kept
 * here, as far as rules need it. Each rule is a row of rules.def with its thresholds. A finding is raised when its rule has held for
 * hold_s, and cleared when it has not for calm_s. A cause suppresses its consequences, and lists them. What was not
 * observed raises nothing but `observation-gap`.
 */
#ifndef ESPIAL_DIAGNOSE_DIAGNOSIS_H
#define ESPIAL_DIAGNOSE_DIAGNOSIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "diagnose/finding.h"
#include "model/conversation.h"
#include "model/fact.h"
#include "model/firewall.h"
#include "model/host.h"
#include "model/model.h"
#include "model/state.h"

/* What a rule has to have; what is missing is told by diagnosis_undecided(). */
enum diagnose_need {
	NEED_NOTHING = 0,
	NEED_LIVE = 1 << 0,   /* this host's own view, not a capture from somewhere */
	NEED_KERNEL = 1 << 1, /* XFRM */
	NEED_DAEMON = 1 << 2, /* VICI */
	NEED_HOST = 1 << 3,   /* xfrm_stat, softnet, drop reasons */
	NEED_PROBE = 1 << 4,
	NEED_PEER = 1 << 5, /* the other end's espial */
	NEED_LOG = 1 << 6,
	NEED_INNER = 1 << 7,	/* an inner interface is watched too */
	NEED_FIREWALL = 1 << 8, /* its rules */
	NEED_PURPOSE = 1 << 9,	/* XFRM or VICI: which traffic an SA is for */
	/* What the kernel can only tell of IPsec that it does itself */
	NEED_IPSEC = 1 << 10,	   /* it has SAs or policies, or no tunnel is up */
	NEED_POLICY = 1 << 11,	   /* for every tunnel, one of outbound traffic */
	NEED_STATISTICS = 1 << 12, /* xfrm_stat */
	NEED_DROPS = 1 << 13,	   /* why packets are dropped */
};
/* Without these a rule runs, and may raise its finding; but that it does not says nothing. */
#define NEED_FOR_NO(needs) ((unsigned int)(needs) << 16)

struct diagnose_input {
	uint64_t now_ns;
	bool live;
	const struct state *state;	  /* with tunnels, sas and ike */
	const struct fact_kernel *kernel; /* NULL, or not available: absent */
	const struct fact_daemon *daemons;
	size_t daemon_count;
	const struct firewall *firewall; /* NULL, or not available: absent */
	const struct host_facts *host;	 /* NULL: absent */
	const struct findings *logs;	 /* finished, of all times; NULL: none are followed */
	const struct model_path *paths;
	size_t path_count;
};

struct diagnosis;
struct rule;

struct diagnosis *diagnosis_new(void); /* NULL: no memory */
/* With rules of one's own, for tests. */
struct diagnosis *diagnosis_new_with(const struct rule *rules, size_t count);
void diagnosis_free(struct diagnosis *d); /* NULL is fine */

/* `f` was raised, or cleared (f->until_ns is set). Valid during the call. */
void diagnosis_observe(struct diagnosis *d, void (*change)(void *arg, const struct finding *f, bool raised),
		       void *arg);

/* 0 or -ENOMEM: then what was raised stays. */
int diagnosis_update(struct diagnosis *d, const struct diagnose_input *input);

/* What is raised now and not suppressed, severe first, causes before symptoms; valid until the next update. */
const struct findings *diagnosis_raised(const struct diagnosis *d);
/* What was raised and is cleared, the latest first, as many as are kept; valid until the next update. */
const struct findings *diagnosis_cleared(const struct diagnosis *d);
/* How often each was raised. */
uint64_t diagnosis_raised_total(const struct diagnosis *d, enum finding_id id);

/* Rules that could not be decided with the last input: which needs are absent. */
void diagnosis_undecided(const struct diagnosis *d,
			 void (*each)(void *arg, enum finding_id id, unsigned int missing), void *arg);
/* "the kernel's SADB (XFRM): …": what to do to have it. */
const char *diagnose_need_text(enum diagnose_need need);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* diagnosis_internal.h - the engine's own: diagnosis.c, diagnosis_memory.c */
#ifndef ESPIAL_DIAGNOSE_DIAGNOSIS_INTERNAL_H
#define ESPIAL_DIAGNOSE_DIAGNOSIS_INTERNAL_H

#include "diagnose/rule.h"

#include "model/address.h"

#define DIAGNOSIS_CLEARED 256	/* kept after they were cleared */
#define DIAGNOSIS_ENTRIES 65536 /* raised or about to be */
#define DIAGNOSIS_BUCKETS 4096	/* of each table */
#define DIAGNOSIS_STEP_S 10	/* between kept counters of a tunnel */
#define DIAGNOSIS_STEPS (RULE_WINDOW / DIAGNOSIS_STEP_S + 1)
#define DIAGNOSIS_SECOND UINT64_C(1000000000)

/* What a finding or a number is about: all of it, and nothing else, is compared. */
struct subject_key {
	char tunnel[128], peer[ADDRESS_TEXT], interface[STATE_NAME], object[STATE_NAME];
	uint32_t spi, rule; /* index in the rules */
	bool has_spi;
};

/* A finding that is raised, or whose rule holds and that waits. */
struct diagnosis_entry {
	struct subject_key key;
	uint64_t look; /* number of the look in which the rule last held */
	uint64_t true_ns, false_ns;
	bool raised, suppressed;
	bool told;		    /* that it was raised */
	uint64_t over;		    /* number of the look in which it was disproved */
	struct findings now, fresh; /* one finding each, or none */
	struct diagnosis_entry *next;
};

struct diagnosis_number {
	struct subject_key key;
	uint64_t look, value;
	struct diagnosis_number *next;
};

struct diagnosis_step {
	uint64_t ns;
	struct state_tunnel_counters in, out;
};

/* What the counters of a tunnel were, every DIAGNOSIS_STEP_S: a ring. */
struct diagnosis_history {
	char tunnel[128];
	uint64_t look, count;
	struct diagnosis_step steps[DIAGNOSIS_STEPS];
	struct diagnosis_history *next;
};

/* Where in an array something is, by a hash: made anew for each look. */
struct diagnosis_index {
	uint32_t *slots; /* position + 1; 0: free */
	size_t mask, room;
};

struct diagnosis {
	const struct rule *rules;
	size_t rule_count;
	uint64_t look; /* counts updates */
	uint64_t now_ns;
	bool no_memory; /* in this look */
	void (*change)(void *arg, const struct finding *f, bool raised);
	void *change_arg;
	struct diagnosis_entry *entries[DIAGNOSIS_BUCKETS];
	struct diagnosis_number *numbers[DIAGNOSIS_BUCKETS];
	struct diagnosis_history *histories[DIAGNOSIS_BUCKETS];
	size_t entry_count;
	struct findings shown;			    /* of the entries: not owned */
	struct findings cleared[DIAGNOSIS_CLEARED]; /* ring */
	uint64_t cleared_count;
	struct finding *cleared_list[DIAGNOSIS_CLEARED]; /* the latest first */
	struct findings cleared_view;			 /* of these: not owned */
	uint64_t totals[FINDING_COUNT];
	unsigned int missing;		   /* enum diagnose_need that the last input lacked */
	struct diagnosis_index pairs;	   /* of addresses: tunnels */
	struct diagnosis_index kernel_sas; /* by SPI, protocol and destination */
	struct diagnosis_index talks;	   /* no hash: tunnels, in the order of conversation_next() */
	struct rule_progress *progress;	   /* by tunnel, of those of `pairs` */
	size_t progress_room;
};

void subject_key_make(const struct rule_run *r, const struct rule_subject *subject, struct subject_key *ret);
/* Returns what is there or, when `make`, a new one; NULL: none, or no memory (d->no_memory). */
struct diagnosis_entry *diagnosis_entry(struct diagnosis *d, const struct subject_key *key, bool make);
void diagnosis_entry_free(struct diagnosis_entry *entry);
/* 0 or -ENOMEM. Also forgets numbers and histories that the last look had no use for. */
int diagnosis_remember(struct diagnosis *d, const struct diagnose_input *input);
void diagnosis_forget(struct diagnosis *d, bool all);
/* 0 or -ENOMEM. Behind diagnosis_remember(). */
int diagnosis_progress(struct diagnosis *d, const struct diagnose_input *input);
/* Its tunnel has come up since: it does not stay down. */
void diagnosis_reshape(const struct diagnose_input *input, struct finding *f);
/* Takes the finding that it is. */
void diagnosis_keep_cleared(struct diagnosis *d, struct findings *cleared);
void diagnosis_review_cleared(struct diagnosis *d, const struct diagnose_input *input);

/* enum diagnose_need: which of them this input does not have. After diagnosis_remember(). */
unsigned int diagnosis_missing(struct diagnosis *d, const struct diagnose_input *input);

#endif

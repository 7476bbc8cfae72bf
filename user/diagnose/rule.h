/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rule.h - what a rule is made of, and what it may call
 *
 * A rule measures one value per subject and says so with rule_hit(); the engine compares it with the row's thresholds, with
 * hysteresis. It adds evidence to what rule_hit() returns. Rules keep nothing themselves: rule_tunnel_before() gives what a tunnel's
 * counters were, rule_memory() a number of their own per subject.
 */
#ifndef ESPIAL_DIAGNOSE_RULE_H
#define ESPIAL_DIAGNOSE_RULE_H

#include "diagnose/diagnosis.h"

struct rule_run;

struct rule {
	enum finding_id id;
	void (*run)(struct rule_run *r);
	double raise, clear; /* raised at `raise` and above; stays until below `clear` */
	uint64_t samples;    /* fewer than these decide nothing */
	uint32_t hold_s, calm_s;
	unsigned int needs; /* enum diagnose_need, all of them */
};

struct rule_run {
	const struct diagnose_input *input;
	const struct rule *row;
	struct diagnosis *d;
};

struct rule_subject {
	const struct state_tunnel *tunnel; /* NULL: none */
	const char *peer;		   /* address as text; NULL: the tunnel's, if there is one */
	const char *interface;		   /* NULL: none */
	uint32_t spi;
	bool has_spi;
};

/*
 * The value of this subject, out of so many samples. NULL: it is not (any more) a finding, or there is no memory; else add evidence. A rule
 * that is certain without measuring gives value 1 and row->samples.
 */
struct finding *rule_hit(struct rule_run *r, const struct rule_subject *subject, double value,
			 uint64_t samples);

/*
 * What the counters of a tunnel gained in the last `seconds` (at most RULE_WINDOW), or since it is known, when that is
 * shorter; *ret_ns is how long that is. False: seen for the first time.
 */
#define RULE_WINDOW 120
bool rule_tunnel_gain(struct rule_run *r, const struct state_tunnel *tunnel, uint32_t seconds,
		      struct state_tunnel_counters *ret_in, struct state_tunnel_counters *ret_out,
		      uint64_t *ret_ns);

/*
 * A number kept from one look to the next, per rule and subject; 0 at first. NULL: no memory. Forgotten when the rule does not
 * ask for it in one look.
 */
uint64_t *rule_memory(struct rule_run *r, const struct rule_subject *subject);

/* Text of an address, "2001:db8::1". */
#define RULE_ADDRESS 46
const char *rule_address(const uint8_t address[16], char ret[RULE_ADDRESS]);

/* The tunnel between these two, whichever is local; NULL: none. */
const struct state_tunnel *rule_tunnel_of(const struct rule_run *r, const uint8_t one[16],
					  const uint8_t other[16]);

/* The kernel's own SA behind one that was seen; NULL: it has none, or is not asked. */
const struct fact_sa *rule_kernel_sa(const struct rule_run *r, const struct state_sa *sa);

/* All rules: rules.def says which and with what thresholds. */
extern const struct rule rule_table[];
extern const size_t rule_count;

/* Which finding is a consequence of which, when both are about the same tunnel or peer (or the cause is about the whole host). */
struct rule_cause {
	enum finding_id cause, consequence;
};
extern const struct rule_cause rule_causes[];
extern const size_t rule_cause_count;

#endif

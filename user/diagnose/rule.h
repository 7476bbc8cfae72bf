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
	const char *peer;		   /* address as text; NULL: the next, or else the tunnel's */
	const uint8_t *address;		   /* the peer's; NULL: none */
	const char *interface;		   /* NULL: none */
	const char *object; /* tells several about the same apart, and is not shown; NULL: there is one */
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
 * For rules that say what another row of the same finding may say, too, from another source: what that said in this look, so that evidence is
 * added to it instead of a second finding; NULL: nothing. Of rows in front of it.
 */
struct finding *rule_also(struct rule_run *r, const struct rule_subject *subject);
/*
 * What this rule said of the subject is disproved by a success since: it is cleared in this look and not after calm_s, unless the rule hits
 * it in this look, too.
 */
void rule_over(struct rule_run *r, const struct rule_subject *subject);
/* Was this subject raised in the look before? */
bool rule_is_raised(struct rule_run *r, const struct rule_subject *subject);

/*
 * What the counters of a tunnel gained in the last `seconds` (at most RULE_WINDOW), or since it is known, when that is
 * shorter; *ret_ns is how long that is. False: seen for the first time.
 */
#define RULE_WINDOW 120
bool rule_tunnel_gain(struct rule_run *r, const struct state_tunnel *tunnel, uint32_t seconds,
		      struct state_tunnel_counters *ret_in, struct state_tunnel_counters *ret_out,
		      uint64_t *ret_ns);

/*
 * The same, of a window of span_ns that ended ago_ns before now; both together at most RULE_WINDOW, and no further back than is known. For
 * what is told late, and has to be compared with the traffic among which it happened.
 */
void rule_tunnel_gain_before(struct rule_run *r, const struct state_tunnel *tunnel, uint64_t span_ns,
			     uint64_t ago_ns, struct state_tunnel_counters *ret_in,
			     struct state_tunnel_counters *ret_out);

/*
 * A number kept from one look to the next, per rule and subject; 0 at first. NULL: no memory. Forgotten when the rule does not
 * ask for it in one look.
 */
uint64_t *rule_memory(struct rule_run *r, const struct rule_subject *subject);

/* The tunnel between these two, whichever is local; NULL: none. */
const struct state_tunnel *rule_tunnel_of(const struct rule_run *r, const uint8_t one[16],
					  const uint8_t other[16]);
/* That of the nth conversation, 0 for the one that conversation_next() gives first; NULL: none. */
const struct state_tunnel *rule_tunnel_of_talk(const struct rule_run *r, size_t nth);

/* Of the IKE SAs between the ends of a tunnel that came so far, when the latest began; 0: none. */
struct rule_progress {
	uint64_t answered_ns[2]; /* begun by this end, by the other: the first message was answered */
	uint64_t talked_ns[2];	 /* likewise: and so was what came after it, if only by a no */
	uint64_t agreed_ns;	 /* on how to encrypt IKE */
	uint64_t floated_ns;	 /* UDP 4500 was answered */
	uint64_t stood_ns;
	uint64_t tried_ns; /* not when it began: when somebody last tried to have one */
};
const struct rule_progress *rule_progress(const struct rule_run *r, const struct state_tunnel *tunnel);

/* The kernel's own SA behind one that was seen; NULL: it has none, or is not asked. */
const struct fact_sa *rule_kernel_sa(const struct rule_run *r, const struct state_sa *sa);

/* Lately: what was mended, or failed, longer ago and was not tried again is for the journal. */
#define RULE_RECENT (UINT64_C(600) * 1000000000)
bool rule_recent(const struct rule_run *r, uint64_t at_ns);

/* It stands, with or without traffic. NULL: it does not. */
bool rule_tunnel_up(const struct state_tunnel *tunnel);

/* The values "mtu" and "mss" of a sentence: what fits into the tunnel, as far as it is known. NULL: nothing is. */
void rule_set_mtu(struct finding *f, const struct state_tunnel *tunnel);

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

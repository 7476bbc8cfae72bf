/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe_search.h - finds the largest size that passes, on a path that also loses packets at random
 *
 * Pure: it is told what happened to each packet and says what to send next. A size is known to pass by one answer. It is
 * taken for lost only after so many unanswered packets that random loss explains them with less than one chance in a
 * thousand, while packets of a size that is known to pass (controls) were answered; how many that takes follows from the
 * loss of the controls. An answer that comes late corrects the verdict.
 */
#ifndef ESPIAL_SOURCE_PROBE_SEARCH_H
#define ESPIAL_SOURCE_PROBE_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROBE_SEARCH_SIZES 48

enum probe_search_role {
	PROBE_ROLE_TRY,
	PROBE_ROLE_CONTROL,
	PROBE_ROLE_BELOW, /* confirming */
	PROBE_ROLE_ABOVE,
};

enum probe_search_phase {
	PROBE_SEARCH_BASE,    /* is anything answered? */
	PROBE_SEARCH_BRACKET, /* between the largest that passes and the smallest that does not */
	PROBE_SEARCH_CONFIRM,
	PROBE_SEARCH_DONE,
};

struct probe_size {
	unsigned int size;
	unsigned int sent, passed, lost, too_big; /* sent - passed - lost - too_big: still on their way */
	unsigned int controls_before;		  /* answered controls when it was first tried */
	bool refused;
};

struct probe_tally {
	unsigned int size, sent, passed, lost;
};

struct probe_search {
	unsigned int base, limit; /* smallest and largest size to send */
	unsigned int confirm;	  /* packets; 0: not wanted */
	double doubt;		  /* that may remain when it is confirmed */
	unsigned int base_tries;
	bool single; /* only `limit` is of interest: passes or not */
	enum probe_search_phase phase;
	unsigned int low, high; /* low 0: nothing was answered yet; high limit + 1: nothing was refused yet */
	unsigned int hint, hint2; /* to be tried first, 0: none */
	struct probe_size sizes[PROBE_SEARCH_SIZES];
	size_t count;
	double recent_passed, recent_lost; /* at sizes known to pass, older ones fading */
	unsigned int controls;		   /* answered, all */
	unsigned int known_passed, known_lost;
	uint32_t
		random; /* orders tries and controls: in step with a limit on answers, it would hit always the same */
	struct probe_tally below, above;
	unsigned int target; /* of each, while confirming */
};

void probe_search_begin(struct probe_search *s, unsigned int base, unsigned int limit, unsigned int confirm);

/*
 * The size to send now and what for, which is then taken for sent; 0: nothing until something more is known, or done. The
 * outcome of each packet is to be reported with the same size and role.
 */
unsigned int probe_search_next(struct probe_search *s, enum probe_search_role *ret_role);

void probe_search_passed(struct probe_search *s, unsigned int size, enum probe_search_role role);
/* Its time is over. When it is answered after all: probe_search_late(), not passed(). */
void probe_search_lost(struct probe_search *s, unsigned int size, enum probe_search_role role);
void probe_search_late(struct probe_search *s, unsigned int size, enum probe_search_role role);
/* Someone said that it is too large; mtu is what would fit, 0: not told. */
void probe_search_too_big(struct probe_search *s, unsigned int size, enum probe_search_role role,
			  unsigned int mtu);

/*
 * Elsewhere the threshold was found to be this one: try it first, and the size above it. As they were chosen before anything of them
 * was seen, the packets count for the confirmation too.
 */
void probe_search_hint(struct probe_search *s, unsigned int mtu);

/*
 * It goes on slower, because answers appear to be limited in number: what was not answered says nothing, and what is on its way will
 * not be reported. The confirmation begins anew.
 */
void probe_search_slower(struct probe_search *s);

/* The share of packets of sizes known to pass that is not answered, lately. */
double probe_search_loss(const struct probe_search *s);
/* Unanswered packets that it takes to believe that a size is lost. */
unsigned int probe_search_needed(const struct probe_search *s);
/*
 * The chance that, were both sizes alike, of so many answers none fell to the larger one (hypergeometric): what is left of doubt.
 * Holds for limits on answers too, since the order of the two is random. 1: nothing was answered.
 */
double probe_search_doubt(unsigned int below_sent, unsigned int below_passed, unsigned int above_sent);
/* Has the threshold been found: low passes, and low + 1 does not or cannot be sent? */
bool probe_search_found(const struct probe_search *s);

#endif

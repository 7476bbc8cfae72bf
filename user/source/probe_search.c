// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/probe_search.h"

#include <math.h>

#define DOUBT 1e-3    /* that random loss looks like a threshold, for each size */
#define NEEDED_MIN 3  /* and never less: the estimate of loss is one */
#define NEEDED_MAX 60 /* a path worse than that is not measured */
#define CONFIRM_DOUBT 0.005
#define EXTRA 4	  /* of each, when that many did not convince */
#define FADE 0.93 /* of what is known about loss, per packet: the last dozen count */
#define COMMON_ETHERNET 1500
#define COMMON_IPV6 1280

void probe_search_begin(struct probe_search *s, unsigned int base, unsigned int limit, unsigned int confirm)
{
	*s = (struct probe_search){
		.base = base,
		.limit = limit > base ? limit : base,
		.confirm = confirm,
		.base_tries = 12,
		.doubt = CONFIRM_DOUBT,
		.random = 1,
		.high = (limit > base ? limit : base) + 1,
	};
}

double probe_search_loss(const struct probe_search *s)
{
	/* One packet and a half of optimism about the path, and half a one of doubt, until more is known */
	return (s->recent_lost + 0.5) / (s->recent_lost + s->recent_passed + 2);
}

unsigned int probe_search_needed(const struct probe_search *s)
{
	double needed = ceil(log(DOUBT) / log(probe_search_loss(s)));

	return needed < NEEDED_MIN ? NEEDED_MIN : needed > NEEDED_MAX ? NEEDED_MAX : (unsigned int)needed;
}

double probe_search_doubt(unsigned int below_sent, unsigned int below_passed, unsigned int above_sent)
{
	double ret = 1;
	unsigned int i;

	/* (below over passed) by (all over passed) */
	for (i = 0; i < below_passed && i < below_sent; i++)
		ret *= (double)(below_sent - i) / (below_sent + above_sent - i);
	return ret;
}

bool probe_search_found(const struct probe_search *s)
{
	return s->low && s->low + 1 == s->high;
}

/* The entry of a size; of too many, the oldest that says nothing any more is given up. */
static struct probe_size *entry(struct probe_search *s, unsigned int size)
{
	size_t i, worst = 0;

	for (i = 0; i < s->count; i++)
		if (s->sizes[i].size == size)
			return &s->sizes[i];
	if (s->count < PROBE_SEARCH_SIZES) {
		i = s->count++;
	} else {
		for (i = 0; i < s->count; i++) {
			unsigned int far = s->sizes[i].size < s->low ? s->low - s->sizes[i].size
								     : s->sizes[i].size - s->low;
			unsigned int farthest = s->sizes[worst].size < s->low ? s->low - s->sizes[worst].size
									      : s->sizes[worst].size - s->low;

			if (far > farthest)
				worst = i;
		}
		i = worst;
	}
	s->sizes[i] = (struct probe_size){.size = size, .controls_before = s->controls};
	return &s->sizes[i];
}

/* From what is known of each size. */
static void update_bracket(struct probe_search *s)
{
	size_t i;

	s->low = 0;
	s->high = s->limit + 1;
	for (i = 0; i < s->count; i++)
		if (s->sizes[i].passed && s->sizes[i].size > s->low)
			s->low = s->sizes[i].size;
	for (i = 0; i < s->count; i++)
		if (s->sizes[i].refused && s->sizes[i].size > s->low && s->sizes[i].size < s->high)
			s->high = s->sizes[i].size;
}

static void update_phase(struct probe_search *s)
{
	update_bracket(s);
	if (s->phase == PROBE_SEARCH_BASE && s->low)
		s->phase = PROBE_SEARCH_BRACKET;
	if (s->phase == PROBE_SEARCH_BRACKET && (probe_search_found(s) || (s->single && s->high == s->limit)))
		s->phase = s->confirm && !s->single ? PROBE_SEARCH_CONFIRM : PROBE_SEARCH_DONE;
	else if (s->phase >= PROBE_SEARCH_CONFIRM && s->low && !probe_search_found(s) && !s->single)
		s->phase = PROBE_SEARCH_BRACKET; /* the verdict did not stand */
	if (s->phase < PROBE_SEARCH_CONFIRM || !s->confirm)
		return;
	/* Packets of an earlier confirmation of the same size may still be on their way: they count */
	if (s->below.size != s->low || s->above.size != s->high) {
		s->target = 0;
		if (s->phase == PROBE_SEARCH_DONE)
			s->phase = PROBE_SEARCH_CONFIRM; /* a late answer moved it by one */
		if (s->below.size != s->low)
			s->below = (struct probe_tally){.size = s->low};
		if (s->above.size != s->high)
			s->above = (struct probe_tally){.size = s->high};
	}
}

/* ---- what to send */

/* One of `n`, as good as at random (Numerical Recipes' generator). */
static bool chance(struct probe_search *s, unsigned int n)
{
	s->random = s->random * 1664525U + 1013904223U;
	return (s->random >> 16) % n == 0;
}

static unsigned int candidate(const struct probe_search *s)
{
	static const unsigned int common[] = {COMMON_ETHERNET, COMMON_IPV6};
	unsigned int hints[] = {s->hint2, s->hint2 + 1, s->hint, s->hint + 1}, i;

	for (i = 0; i < 2 && !s->single; i++)
		if (hints[i] > 1 && hints[i] > s->low && hints[i] < s->high)
			return hints[i];
	if (s->single || (s->high > s->limit && s->limit <= COMMON_ETHERNET))
		return s->limit;
	for (i = 2; i < 4; i++)
		if (hints[i] > 1 && hints[i] > s->low && hints[i] < s->high)
			return hints[i];
	for (i = 0; i < 2; i++)
		if (common[i] > s->low && common[i] < s->high)
			return common[i];
	/* Jumbo frames: they either work or they do not */
	if (s->high > s->limit)
		return s->limit;
	return s->low + (s->high - s->low) / 2;
}

static unsigned int next_of_base(struct probe_search *s)
{
	struct probe_size *e = entry(s, s->base);

	if (e->sent >= s->base_tries) {
		if (e->lost + e->too_big == e->sent)
			s->phase = PROBE_SEARCH_DONE;
		return 0;
	}
	return s->base;
}

/* A single size is not confirmed afterwards: twice as many. */
static unsigned int tries(const struct probe_search *s)
{
	return probe_search_needed(s) * (s->single ? 2 : 1);
}

/* Refused when enough are lost, and the path was alive meanwhile. */
static void judge(struct probe_search *s, struct probe_size *e)
{
	if (e->passed)
		e->refused = false;
	else if (e->too_big || (e->lost >= tries(s) && s->controls > e->controls_before))
		e->refused = true;
}

/* Packets of the two sizes that are presumed to be the threshold count for the confirmation. */
static enum probe_search_role role_of(const struct probe_search *s, unsigned int size,
				      enum probe_search_role otherwise)
{
	return size == s->below.size   ? PROBE_ROLE_BELOW
	       : size == s->above.size ? PROBE_ROLE_ABOVE
				       : otherwise;
}

static unsigned int next_of_bracket(struct probe_search *s, enum probe_search_role *ret_role)
{
	unsigned int size = candidate(s), needed = tries(s);
	struct probe_size *e = entry(s, size);

	judge(s, e);
	if (e->refused) {
		update_phase(s);
		return 0;
	}
	/* A control for every two; more when the candidate's are on their way and the controls were all lost */
	if (chance(s, 3)) {
		*ret_role = role_of(s, s->low, PROBE_ROLE_CONTROL);
		return s->low;
	}
	*ret_role = role_of(s, size, PROBE_ROLE_TRY);
	if (e->sent < needed)
		return size;
	if (e->lost < e->sent)
		return 0;
	/* All are lost, and not one control came through since: is the path alive at all? */
	*ret_role = role_of(s, s->low, PROBE_ROLE_CONTROL);
	return s->low;
}

/*
 * As many of each as were asked for, and more while random loss, or a limit on answers, might still be the explanation. Until one
 * above is answered, which ends it.
 */
static unsigned int next_of_confirm(struct probe_search *s, enum probe_search_role *ret_role)
{
	const struct probe_tally *below = &s->below, *above = &s->above;
	bool has_above = s->high <= s->limit, below_done, above_done;
	unsigned int needed = probe_search_needed(s);

	if (!s->target)
		s->target = s->confirm > needed ? s->confirm : needed;
	below_done = below->sent >= s->target;
	above_done = !has_above || above->sent >= s->target;
	if (below_done && above_done) {
		if (below->lost + below->passed != below->sent || above->lost + above->passed != above->sent)
			return 0;
		if ((below->passed && (!has_above || probe_search_doubt(below->sent, below->passed,
									above->sent) <= s->doubt)) ||
		    s->target >= s->confirm + NEEDED_MAX) {
			s->phase = PROBE_SEARCH_DONE;
			return 0;
		}
		s->target += EXTRA;
		below_done = false;
		above_done = !has_above;
	}
	*ret_role = below_done || (!above_done && chance(s, 2)) ? PROBE_ROLE_ABOVE : PROBE_ROLE_BELOW;
	return *ret_role == PROBE_ROLE_ABOVE ? s->high : s->low;
}

unsigned int probe_search_next(struct probe_search *s, enum probe_search_role *ret_role)
{
	unsigned int size = 0;
	enum probe_search_role role = PROBE_ROLE_TRY;

	switch (s->phase) {
	case PROBE_SEARCH_BASE:
		size = next_of_base(s);
		break;
	case PROBE_SEARCH_BRACKET:
		size = next_of_bracket(s, &role);
		break;
	case PROBE_SEARCH_CONFIRM:
		size = next_of_confirm(s, &role);
		break;
	case PROBE_SEARCH_DONE:
		break;
	}
	if (!size)
		return 0;
	entry(s, size)->sent++;
	if (role == PROBE_ROLE_BELOW)
		s->below.sent++;
	if (role == PROBE_ROLE_ABOVE)
		s->above.sent++;
	*ret_role = role;
	return size;
}

/* ---- what became of it */

/* NULL: counts for none. */
static struct probe_tally *tally(struct probe_search *s, unsigned int size, enum probe_search_role role)
{
	struct probe_tally *t = role == PROBE_ROLE_BELOW   ? &s->below
				: role == PROBE_ROLE_ABOVE ? &s->above
							   : NULL;

	return t && t->size == size ? t : NULL;
}

/* What a size that passes tells of random loss. */
static void learn(struct probe_search *s, bool passed)
{
	s->recent_passed *= FADE;
	s->recent_lost *= FADE;
	*(passed ? &s->recent_passed : &s->recent_lost) += 1;
	if (passed)
		s->known_passed++;
	else
		s->known_lost++;
}

void probe_search_passed(struct probe_search *s, unsigned int size, enum probe_search_role role)
{
	struct probe_size *e = entry(s, size);

	/* Lost ones of this size before it are known only now for random loss */
	if (!e->passed && size > s->low)
		for (unsigned int i = 0; i < e->lost; i++)
			learn(s, false);
	learn(s, true);
	e->passed++;
	e->refused = false;
	if (role != PROBE_ROLE_TRY)
		s->controls++;
	if (tally(s, size, role))
		tally(s, size, role)->passed++;
	update_phase(s);
}

void probe_search_lost(struct probe_search *s, unsigned int size, enum probe_search_role role)
{
	struct probe_size *e = entry(s, size);

	e->lost++;
	if (s->low && size <= s->low)
		learn(s, false);
	if (tally(s, size, role))
		tally(s, size, role)->lost++;
	if (s->phase == PROBE_SEARCH_BRACKET && size > s->low)
		judge(s, e);
	update_phase(s);
}

void probe_search_late(struct probe_search *s, unsigned int size, enum probe_search_role role)
{
	struct probe_size *e = entry(s, size);

	if (e->lost)
		e->lost--;
	if (tally(s, size, role) && tally(s, size, role)->lost)
		tally(s, size, role)->lost--;
	if (s->known_lost && size <= s->low) {
		s->known_lost--;
		if (s->recent_lost > 1)
			s->recent_lost -= 1;
	}
	probe_search_passed(s, size, role);
}

void probe_search_too_big(struct probe_search *s, unsigned int size, enum probe_search_role role,
			  unsigned int mtu)
{
	struct probe_size *e = entry(s, size);

	e->too_big++;
	judge(s, e);
	if (tally(s, size, role))
		tally(s, size, role)->lost++;
	/* Only to be tried: anyone can send such an error */
	if (mtu >= s->base && mtu < size)
		s->hint = mtu;
	update_phase(s);
}

void probe_search_hint(struct probe_search *s, unsigned int mtu)
{
	if (mtu <= s->base || mtu > s->limit)
		return;
	s->hint2 = mtu;
	if (s->below.size || !s->confirm)
		return;
	s->below.size = mtu;
	s->above.size = mtu + 1;
}

void probe_search_slower(struct probe_search *s)
{
	for (size_t i = 0; i < s->count; i++) {
		struct probe_size *e = &s->sizes[i];

		e->lost = 0;
		e->sent = e->passed + e->too_big;
		e->controls_before = s->controls;
	}
	s->below = (struct probe_tally){.size = s->below.size};
	s->above = (struct probe_tally){.size = s->above.size};
	s->target = 0;
	s->recent_passed = s->recent_lost = 0;
}

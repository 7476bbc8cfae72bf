/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source/select.h"

#include <fnmatch.h>
#include <string.h>

#define SELECT_DEPTH 8 /* of stacks; the kernel's own limit */

struct selection {
	const struct link *link;
	size_t count;
	const struct select *of;
};

bool select_is_name(const char *pattern)
{
	return strcmp(pattern, SELECT_AUTO) && !strpbrk(pattern, "*?[\\");
}

static void match(const struct link *link, const char *const *pattern, size_t count, struct select *ret)
{
	for (size_t i = 0; i < count; i++) {
		if (!strcmp(pattern[i], SELECT_AUTO)) {
			ret->matched |= link->default_route && !link->loopback;
		} else if (select_is_name(pattern[i])) {
			ret->named |= !strcmp(pattern[i], link->name);
		} else {
			/* Everything on the loopback device is seen twice, and nobody means it by `*`. */
			ret->matched |= !link->loopback && !fnmatch(pattern[i], link->name, 0);
		}
	}
	ret->matched |= ret->named || ret->kept;
}

static const struct link *by_index(const struct selection *s, uint32_t ifindex, const struct select **ret)
{
	size_t low = 0, high = s->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->link[middle].ifindex < ifindex)
			low = middle + 1;
		else
			high = middle;
	}
	if (!ifindex || low == s->count || s->link[low].ifindex != ifindex)
		return NULL;
	*ret = &s->of[low];
	return &s->link[low];
}

/* A matched device below `link` that shows everything that it shows; 0: none. */
static uint32_t shown_below(const struct selection *s, const struct link *link, int depth)
{
	const struct select *of;
	const struct link *below;
	uint32_t found;

	if (!depth)
		return 0;
	if (link->stack == LINK_ON_LOWER) {
		below = by_index(s, link->lower, &of);
		if (!below)
			return 0;
		return of->matched ? below->ifindex : shown_below(s, below, depth - 1);
	}
	if (link->stack == LINK_ALONE)
		return 0;
	for (size_t i = 0; i < s->count; i++) {
		if (s->link[i].master != link->ifindex)
			continue;
		/* Of a bond's slaves only those count that will be watched come what may. */
		if (link->stack == LINK_OF_SLAVES ? s->of[i].named : s->of[i].matched)
			return s->link[i].ifindex;
		found = shown_below(s, &s->link[i], depth - 1);
		if (found && link->stack == LINK_OF_PORTS)
			return found;
	}
	return 0;
}

/* The bond above `link` when it is to be watched; 0: none. */
static uint32_t shown_above(const struct selection *s, const struct link *link)
{
	const struct select *of;
	const struct link *above = by_index(s, link->master, &of);

	if (!above || above->stack != LINK_OF_SLAVES || !of->matched)
		return 0;
	return of->named || !shown_below(s, above, SELECT_DEPTH) ? above->ifindex : 0;
}

void select_links(const struct link *link, size_t count, const char *const *pattern, size_t pattern_count,
		  struct select *ret)
{
	static const char *const otherwise[] = {SELECT_AUTO};
	struct selection s = {.link = link, .count = count, .of = ret};

	for (size_t i = 0; i < count; i++) {
		ret[i] = (struct select){.kept = ret[i].kept};
		match(&link[i], pattern_count ? pattern : otherwise, pattern_count ? pattern_count : 1,
		      &ret[i]);
	}
	for (size_t i = 0; i < count; i++) {
		uint32_t same;

		if (!ret[i].matched)
			continue;
		same = shown_below(&s, &link[i], SELECT_DEPTH);
		if (!same)
			same = shown_above(&s, &link[i]);
		ret[i].wanted = ret[i].named || !same;
		if (ret[i].wanted)
			ret[i].twice = same;
		else
			ret[i].because = same;
	}
}

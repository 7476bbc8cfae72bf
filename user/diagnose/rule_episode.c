// SPDX-License-Identifier: GPL-2.0-or-later
#include "diagnose/rule_episode.h"

#include <stdio.h>

#define QUIET (60 * UINT64_C(1000000000))

/* One of several numbers of a subject. */
static uint64_t *number(struct rule_run *r, const struct rule_subject *subject, const char *which)
{
	struct rule_subject with = *subject;
	char name[STATE_NAME];

	snprintf(name, sizeof(name), "%s %.40s", which, subject->object ? subject->object : "");
	with.object = name;
	return rule_memory(r, &with);
}

bool rule_episode_first(struct rule_run *r)
{
	const struct rule_subject none = {0};
	uint64_t *looked = number(r, &none, "looked");
	bool first = !looked || !*looked;

	if (looked)
		*looked = 1;
	return first;
}

uint64_t rule_episode(struct rule_run *r, const struct rule_subject *subject, uint64_t total, bool first)
{
	uint64_t *before = number(r, subject, "before"); /* all plus 1: 0 is never seen */
	uint64_t *base = number(r, subject, "base");
	uint64_t *at = number(r, subject, "at");
	uint64_t last, now = r->input->now_ns;

	if (!before || !base || !at)
		return 0;
	last = *before ? *before - 1 : first ? total : 0;
	*before = total + 1;
	if (total < last) { /* counts anew */
		*base = total;
		return 0;
	}
	if (total == last)
		return 0;
	if (!*at || now < *at || now - *at > QUIET)
		*base = last;
	*at = now;
	return total - *base;
}

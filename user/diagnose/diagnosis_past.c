// SPDX-License-Identifier: GPL-2.0-or-later
/* diagnosis_past.c - findings that are over: kept for a while, and told as what they are by now */
#include "diagnose/diagnosis_internal.h"

#include <string.h>

#define LOOKED_AT 32 /* of those that are kept, in each look */

static const struct state_tunnel *tunnel_named(const struct state *state, const char *name)
{
	for (size_t i = 0; name && i < state->tunnel_count; i++)
		if (strcmp(state->tunnels[i].name, name) == 0)
			return &state->tunnels[i];
	return NULL;
}

void diagnosis_reshape(const struct diagnose_input *input, struct finding *f)
{
	if (f->shape != SHAPE_STAYS_DOWN && f->shape != SHAPE_NEVER_UP)
		return;
	if (rule_tunnel_up(tunnel_named(input->state, f->tunnel)))
		f->shape = f->shape == SHAPE_STAYS_DOWN ? SHAPE_FLAP : SHAPE_NONE;
}

void diagnosis_keep_cleared(struct diagnosis *d, struct findings *cleared)
{
	struct findings *place = &d->cleared[d->cleared_count % DIAGNOSIS_CLEARED];

	findings_free(place);
	*place = *cleared;
	memset(cleared, 0, sizeof(*cleared));
	for (size_t i = 0; i < place->count; i++)
		place->list[i]->list = place;
	d->cleared_count++;
	memmove(d->cleared_list + 1, d->cleared_list, (DIAGNOSIS_CLEARED - 1) * sizeof(struct finding *));
	d->cleared_list[0] = place->list[0];
	d->cleared_view.list = d->cleared_list;
	d->cleared_view.count =
		d->cleared_count < DIAGNOSIS_CLEARED ? (size_t)d->cleared_count : DIAGNOSIS_CLEARED;
}

/* A tunnel that stayed down when its finding was cleared, because another cause took over, comes back in the end. */
void diagnosis_review_cleared(struct diagnosis *d, const struct diagnose_input *input)
{
	size_t count = d->cleared_view.count, looked = count < LOOKED_AT ? count : LOOKED_AT;

	for (size_t i = 0; i < looked; i++)
		diagnosis_reshape(input, d->cleared_list[(d->look * LOOKED_AT + i) % count]);
}

const struct findings *diagnosis_cleared(const struct diagnosis *d)
{
	return &d->cleared_view;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* tunnel_told.c - what happens to tunnels, as entries of the timeline */
#include "model/tunnel_internal.h"

#include <stdio.h>
#include <string.h>

void tunnel_told_begin(const struct tunnel *tunnel, enum timeline_kind kind, uint64_t at_ns,
		       struct timeline_entry *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->time_ns = at_ns;
	ret->kind = kind;
	ret->confidence = TIMELINE_CERTAIN;
	ret->origin = TIMELINE_FROM_WIRE;
	snprintf(ret->tunnel, sizeof(ret->tunnel), "%s", tunnel->name);
	memcpy(ret->local, tunnel->local, 16);
	memcpy(ret->peer, tunnel->remote, 16);
	ret->local_port = tunnel->port[0];
	ret->peer_port = tunnel->port[1];
}

void tunnel_tell(struct tunnels *t, const struct timeline_entry *entry)
{
	if (t->entry)
		t->entry(t->entry_arg, entry);
}

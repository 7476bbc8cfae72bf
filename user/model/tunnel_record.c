// SPDX-License-Identifier: GPL-2.0-or-later
/* tunnel_record.c - what outlives the agent: the sums of each tunnel, and how much of each SA is in them */
#include "model/tunnel_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int save_sas(const struct tunnel *tunnel, int (*sa)(void *arg, const struct tunnel_sa_record *record),
		    void *arg)
{
	const struct tunnel_child *child;
	struct tunnel_sa_record r;
	int err;

	LIST_FOREACH(child, &tunnel->children, in_tunnel)
	{
		if (!child->first_ns)
			continue; /* nothing of it was counted */
		memset(&r, 0, sizeof(r));
		memcpy(r.tunnel, tunnel->name, sizeof(r.tunnel));
		memcpy(r.destination, child->destination, 16);
		r.spi = child->spi;
		r.protocol = child->protocol;
		r.family = child->family;
		r.direction = child->direction;
		r.first_ns = child->first_ns;
		r.counted = child->counted;
		err = sa(arg, &r);
		if (err)
			return err;
	}
	return 0;
}

int tunnels_save(const struct tunnels *t, int (*tunnel)(void *arg, const struct tunnel_record *record),
		 int (*sa)(void *arg, const struct tunnel_sa_record *record), void *arg)
{
	const struct tunnel *at;
	struct tunnel_record r;
	int err;

	TAILQ_FOREACH(at, &t->all, in_all)
	{
		if (at->provisional || !at->judged)
			continue;
		memset(&r, 0, sizeof(r));
		memcpy(r.name, at->name, sizeof(r.name));
		memcpy(r.local, at->local, 16);
		memcpy(r.remote, at->remote, 16);
		r.since_ns = at->since_ns;
		r.last_down_ns = at->last_down_ns;
		r.flaps = at->flaps;
		r.rekeys = at->rekeys;
		r.ike_rekeys = at->ike_rekeys;
		r.state = at->state;
		memcpy(r.down_cause, at->cause, sizeof(r.down_cause));
		r.in = at->counters[SIDE_IN];
		r.out = at->counters[SIDE_OUT];
		err = tunnel(arg, &r);
		if (!err && sa)
			err = save_sas(at, sa, arg);
		if (err)
			return err;
	}
	return 0;
}

static void add(struct state_tunnel_counters *to, const struct state_tunnel_counters *from)
{
	uint64_t *sum = (uint64_t *)to;
	const uint64_t *more = (const uint64_t *)from;

	for (size_t i = 0; i < sizeof(*to) / sizeof(*sum); i++)
		sum[i] += more[i];
}

/* The port of a NAT is in the name alone. */
static void restore_port(struct tunnel *tunnel)
{
	const char *colon = strrchr(tunnel->name, ':'), *bracket = strrchr(tunnel->name, ']');
	bool v4 = strchr(tunnel->name, ':') == colon;
	unsigned int port = 0;

	if (!tunnel->named && colon && (v4 || (bracket && bracket < colon)) &&
	    sscanf(colon + 1, "%u", &port) == 1 && port < 65536 && colon > strchr(tunnel->name, '-'))
		tunnel->port[1] = (uint16_t)port;
}

int tunnels_restore_tunnel(struct tunnels *t, const struct tunnel_record *record)
{
	struct tunnel *tunnel = tunnel_table_named(t, record->name);

	t->failed = false;
	if (tunnel && t->look)
		return 0; /* it has begun to count */
	if (!tunnel) {
		tunnel = tunnel_table_new(t, record->local, record->remote, (const uint16_t[2]){0, 0},
					  record->since_ns);
		if (!tunnel)
			return t->failed ? -ENOMEM : -ENOSPC;
		tunnel_table_rename(t, tunnel, record->name,
				    !tunnel_name_is_by_address(record->name, record->local, record->remote));
		restore_port(tunnel);
	}
	tunnel->since_ns = record->since_ns;
	tunnel->last_down_ns = record->last_down_ns;
	tunnel->flaps += record->flaps;
	tunnel->rekeys += record->rekeys;
	tunnel->ike_rekeys += record->ike_rekeys;
	add(&tunnel->counters[SIDE_IN], &record->in);
	add(&tunnel->counters[SIDE_OUT], &record->out);
	tunnel->state = record->state < STATE_TUNNEL_STATES ? (enum state_tunnel_state)record->state
							    : STATE_TUNNEL_DOWN;
	tunnel->judged = true;
	tunnel->confidence = TIMELINE_POSSIBLE;
	tunnel->was_up = tunnel->state == STATE_TUNNEL_UP || tunnel->state == STATE_TUNNEL_IDLE ||
			 record->last_down_ns;
	tunnel->fell = tunnel->was_up &&
		       (tunnel->state == STATE_TUNNEL_DOWN || tunnel->state == STATE_TUNNEL_NEGOTIATING);
	tunnel->down_since_ns = tunnel->state == STATE_TUNNEL_DOWN ? record->since_ns : 0;
	snprintf(tunnel->cause, sizeof(tunnel->cause), "%.*s", (int)sizeof(tunnel->cause) - 1,
		 record->down_cause);
	snprintf(tunnel->evidence, sizeof(tunnel->evidence), "as it was when the agent last ran");
	if (record->last_down_ns) {
		tunnel->fall_count = 1;
		tunnel->falls[0].at_ns = record->last_down_ns;
		/* Of one that is down it may be why it does not come back */
		if (!tunnel->fell)
			memcpy(tunnel->falls[0].cause, tunnel->cause, sizeof(tunnel->falls[0].cause));
	}
	return 0;
}

/* It had as many as are kept: there may be more in the tables, from before the oldest of these. */
static void restore_retired(struct tunnel *tunnel)
{
	struct tunnel_child *child;

	if (tunnel->child_count < CHILDREN)
		return;
	tunnel->retired_ns = UINT64_MAX;
	LIST_FOREACH(child, &tunnel->children, in_tunnel)
	{
		if (child->first_ns <= tunnel->retired_ns)
			tunnel->retired_ns = child->first_ns - 1;
	}
}

int tunnels_restore_sa(struct tunnels *t, const struct tunnel_sa_record *record)
{
	struct tunnel *tunnel = tunnel_table_named(t, record->tunnel);
	struct tunnel_child *child;

	t->failed = false;
	if (t->look || !tunnel ||
	    tunnel_table_child(t, record->destination, record->spi, record->protocol, record->family))
		return 0;
	child = tunnel_table_new_child(t, tunnel, record->destination, record->spi, record->protocol,
				       record->family);
	if (!child)
		return t->failed ? -ENOMEM : -ENOSPC;
	child->side = address_is(record->destination, tunnel->remote) ? SIDE_OUT : SIDE_IN;
	child->direction = record->direction;
	child->first_ns = record->first_ns;
	child->counted = record->counted;
	child->settled = true; /* it was judged when it was new */
	tunnel->unsettled--;
	restore_retired(tunnel);
	return 0;
}

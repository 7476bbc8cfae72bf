// SPDX-License-Identifier: GPL-2.0-or-later
/* offline_look.c - when to look at what the packets of a capture made of tables and model, and the looks */
#include <errno.h>

#include "source/offline_internal.h"

static const char *context_ifname(void *arg, uint32_t ifindex)
{
	return offline_interface_name(arg, ifindex);
}

static uint64_t identity(void *arg, uint64_t ns)
{
	(void)arg;
	return ns;
}

int offline_collect(struct offline *o, uint64_t now_ns, bool final, struct state *ret)
{
	const struct state_context context = {
		.time = identity,
		.ifname = context_ifname,
		.arg = o,
		.now = now_ns,
		.final = final,
	};

	return state_collect(&o->twin.tables, &context, ret);
}

/* ---- so that nothing is lost on the way ---- */

/*
 * When to look. Everything that has a time of its own (messages, first and last packet of an SA) is found by the look at the
 * end, too, so the looks on the way need not be many: they keep what the tables may lose. By counts and not by a clock, so
 * that one file gives one answer on any machine, and so rare that they are a few percent of the reading.
 */
#define LOOK_PACKETS (1U << 18)	     /* a look at the tables, at most once per second of capture time */
#define LOOK_PACKETS_SLOW (1U << 14) /* and after a minute of it */
#define LOOK_SLOW (60 * OFFLINE_SECOND)
#define LOOK_IKE                                                                                             \
	16 /* packets per IKE SA and tunnel between looks at IKE alone, which cost some 100 ns for each */

static struct tunnel_input model_input(const struct offline *o, uint64_t now_ns, const struct state *state,
				       bool final)
{
	return (struct tunnel_input){.now_ns = now_ns,
				     .state = state,
				     .ike = model_conversations(o->model),
				     .is_local = o->options.is_local,
				     .arg = o->options.local_arg,
				     .final = final};
}

static int look_at_all(struct offline *o)
{
	struct tunnel_input input;
	struct state state;
	int err = offline_collect(o, o->now, false, &state);

	if (err)
		return err;
	model_tick(o->model, o->now);
	state.kind = STATE_CAPTURE;
	input = model_input(o, o->now, &state, false);
	err = tunnels_update(model_tunnels(o->model), &input);
	state_free(&state);
	o->looked_packets = o->ike_packets = o->notes.packets;
	o->looked_ns = o->ike_ns = o->now;
	o->ike_seen = false;
	return err;
}

static int look_at_ike(struct offline *o)
{
	struct tunnel_input input = model_input(o, o->now, NULL, false);

	o->ike_packets = o->notes.packets;
	o->ike_ns = o->now;
	o->ike_seen = false;
	return tunnels_update(model_tunnels(o->model), &input);
}

int offline_look(struct offline *o)
{
	uint64_t packets = o->notes.packets - o->looked_packets;
	const struct conversation_stats *ike;
	uint64_t work;

	if (!o->ike_seen && o->notes.packets & (LOOK_PACKETS_SLOW - 1))
		return 0;
	if (!o->looked_ns)
		o->looked_ns = o->now;
	if ((packets >= LOOK_PACKETS && o->now >= o->looked_ns + OFFLINE_SECOND) ||
	    (packets >= LOOK_PACKETS_SLOW && o->now >= o->looked_ns + LOOK_SLOW))
		return look_at_all(o);
	if (!o->ike_seen || o->now < o->ike_ns + OFFLINE_SECOND)
		return 0;
	ike = conversation_stats(model_conversations(o->model));
	work = (uint64_t)ike->sas + ike->half_open + tunnels_stats(model_tunnels(o->model))->tunnels;
	return o->notes.packets - o->ike_packets >= LOOK_IKE * work ? look_at_ike(o) : 0;
}

/* ---- for who wants to follow, and for the model, which must not depend on whether somebody does ---- */

/*
 * About once a second of capture time. A look costs a microsecond for each SA and tunnel, an IKE SA and a packet a tenth of that:
 * where there are more than LOOK_FREE, looks wait for as many packets as keep them within the cost of reading, at most
 * LOOK_LONGEST, or a minute where there are thousands. So do they after LOOK_MANY: whatever its size, a look goes through the
 * slots of all SAs, and a capture may be of days.
 */
#define LOOK_FREE 32
#define LOOK_EACH 32 /* packets */
#define LOOK_IKE_LESS 10
#define LOOK_MANY 1000
#define LOOK_AT_LEAST 2500 /* packets */
#define LOOK_LONGEST (10 * OFFLINE_SECOND)
#define LOOK_THOUSANDS 4096

static bool affordable(const struct offline *o)
{
	uint64_t packets = o->shown_sas > LOOK_FREE ? LOOK_EACH * (o->shown_sas - LOOK_FREE) : 0;

	if (o->shown_count > LOOK_MANY)
		packets += LOOK_AT_LEAST;
	return o->notes.packets - o->shown_packets >= packets;
}

static bool is_overdue(const struct offline *o, uint64_t now_ns)
{
	uint64_t longest = o->shown_sas < LOOK_THOUSANDS ? LOOK_LONGEST : 60 * OFFLINE_SECOND;

	return now_ns >= o->shown_ns + longest;
}

static void on_ended(void *arg, uint64_t id, uint64_t since_ns)
{
	struct offline *o = arg;

	conversation_traffic_ended(model_conversations(o->model), id, since_ns, o->now);
}

/* What the tunnels tell of the IKE SAs may change these, and that the tunnels: at the end that is seen at once. */
static int fill_tunnels(struct offline *o, uint64_t now_ns, bool final, struct state *state)
{
	struct tunnels *tunnels = model_tunnels(o->model);
	struct tunnel_input input = model_input(o, now_ns, state, final);
	int err;

	model_tick(o->model, now_ns); /* packets that are not IKE bring time on, too */
	err = tunnels_update(tunnels, &input);
	if (err)
		return err;
	tunnels_ended(tunnels, on_ended, o);
	if (final)
		err = tunnels_update(tunnels, &input);
	/* What nobody looks at need not be written. */
	return err || !(final || o->options.look) ? err : model_show(o->model, state);
}

/* When it is known whose view this is, so is where packets go. */
static void fill_directions(const struct offline *o, struct state *state)
{
	for (size_t i = 0; i < state->sa_count && o->options.is_local; i++) {
		struct state_sa *sa = &state->sas[i];
		bool from = o->options.is_local(o->options.local_arg, sa->source);
		bool to = o->options.is_local(o->options.local_arg, sa->destination);

		if (sa->direction == ESP_DIR_UNKNOWN && from != to)
			sa->direction = to ? ESP_DIR_IN : ESP_DIR_OUT;
	}
}

static int show(struct offline *o, const struct state *state, uint64_t now_ns)
{
	const struct conversation_stats *ike = conversation_stats(model_conversations(o->model));

	o->shown_packets = o->looked_packets = o->ike_packets = o->notes.packets;
	o->shown_ns = o->looked_ns = o->ike_ns = now_ns;
	o->shown_count++;
	o->shown_sas = state->sa_count + tunnels_stats(model_tunnels(o->model))->tunnels +
		       (ike->sas + ike->half_open) / LOOK_IKE_LESS;
	o->ike_seen = false;
	return o->options.look ? o->options.look(o->options.look_arg, state, now_ns) : 0;
}

static int show_at(struct offline *o, uint64_t now_ns)
{
	struct state state;
	int err = offline_collect(o, now_ns, false, &state);

	if (err)
		return err;
	state.kind = STATE_CAPTURE;
	err = fill_tunnels(o, now_ns, false, &state);
	if (!err) {
		fill_directions(o, &state);
		err = show(o, &state, now_ns);
	}
	state_free(&state);
	return err;
}

int offline_look_until(struct offline *o, uint64_t next_ns)
{
	uint64_t step = OFFLINE_SECOND, at;
	int err = 0;

	if (!o->shown_ns)
		o->shown_ns = next_ns;
	/* Time that went back is waited for. */
	if (next_ns < o->shown_ns + step || (!affordable(o) && !is_overdue(o, next_ns)))
		return 0;
	/* In silence at growing steps: what waits or is given up does so in its time. */
	for (at = o->shown_ns + step > o->now ? o->shown_ns + step : o->now; at < next_ns && !err;
	     at += step) {
		err = show_at(o, at);
		step *= 2;
	}
	return err;
}

int offline_fill_last(struct offline *o, struct state *state)
{
	int err = fill_tunnels(o, o->now, true, state);

	if (err)
		return err;
	fill_directions(o, state);
	if (!o->options.look)
		return 0;
	return show(o, state, o->now > o->shown_ns ? o->now : o->shown_ns);
}

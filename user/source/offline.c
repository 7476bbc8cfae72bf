/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source/offline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "espial/classify.h"
#include "model/model.h"
#include "source/capfile.h"
#include "source/ike_packet.h"
#include "source/twin.h"

/* Numbers of interfaces: 1 to ESP_IF_SLOTS - 1 by name, the last for those that found no number. */
#define OFFLINE_IF_REST ESP_IF_SLOTS
#define OFFLINE_MORE 24 /* bytes: " and 4294967295 more" */
#define OFFLINE_NAME (sizeof(((struct state *)0)->name) - OFFLINE_MORE)
#define OFFLINE_SECOND 1000000000ULL
#define OFFLINE_PROGRESS_EVERY 8192 /* packets; a power of two */

struct offline {
	struct offline_options options;
	struct offline_notes notes;
	struct twin twin;
	struct model *model;
	/* Looks at the model while reading: packets and time of the latest, and whether IKE was seen since */
	uint64_t looked_packets, looked_ns, ike_packets, ike_ns;
	bool ike_seen;
	uint64_t ike_verdicts[IKE_FAULT_COUNT];
	uint64_t first_ns, last_ns; /* earliest and latest time of all packets */
	uint64_t now;		    /* given to the twin with the last packet */
	char name[OFFLINE_NAME];
	uint32_t files, files_unnamed;
	char *interfaces[ESP_IF_SLOTS + 1]; /* by number; NULL: the one without a name */
	uint32_t interface_count;	    /* numbers given, from 1; OFFLINE_IF_REST is not counted */
	bool rest_used;
	/* Of the file that is being read */
	uint32_t ifindex[CAPFILE_IFACE_MAX]; /* by its interface numbers; 0: not yet asked */
};

/* ---- interfaces ---- */

static bool same_name(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* The number of the interface with this name (NULL: it has none), the same in all files. 0: no memory. */
static uint32_t interface_number(struct offline *o, const char *name)
{
	char *copy = NULL;

	for (uint32_t i = 1; i <= o->interface_count; i++)
		if (same_name(o->interfaces[i], name))
			return i;
	if (o->interface_count == OFFLINE_IF_REST - 1) {
		o->rest_used = true;
		return OFFLINE_IF_REST;
	}
	if (name) {
		copy = strdup(name);
		if (!copy)
			return 0;
	}
	o->interfaces[++o->interface_count] = copy;
	return o->interface_count;
}

static const char *interface_name(const struct offline *o, uint32_t ifindex)
{
	if (ifindex == OFFLINE_IF_REST)
		return "(others)";
	return ifindex <= o->interface_count ? o->interfaces[ifindex] : NULL;
}

static const char *context_ifname(void *arg, uint32_t ifindex)
{
	return interface_name(arg, ifindex);
}

/* ---- time ---- */

static uint64_t identity(void *arg, uint64_t ns)
{
	(void)arg;
	return ns;
}

/*
 * The datapath's clock never goes back, that of a capture may: by microseconds, where several queues or interfaces were
 * merged, which is smoothed; or because files are out of order, which is followed and told.
 */
static uint64_t packet_time(struct offline *o, uint64_t ns)
{
	if (!ns) {
		o->notes.untimed++;
		return o->now;
	}
	if (ns < o->first_ns || !o->first_ns)
		o->first_ns = ns;
	if (ns > o->last_ns)
		o->last_ns = ns;
	if (ns < o->now) {
		uint64_t back = o->now - ns;

		if (back <= OFFLINE_SECOND)
			return o->now;
		o->notes.backwards++;
		if (back > o->notes.backwards_max_ns)
			o->notes.backwards_max_ns = back;
	}
	o->now = ns;
	return ns;
}

/* ---- IKE ---- */

static void offline_ike(void *arg, const struct twin_packet *packet)
{
	struct offline *o = arg;
	struct conversation_packet message;

	if (packet->cls != ESP_CLASS_IKE && packet->cls != ESP_CLASS_IKE_NATT)
		return;
	if (ike_packet_find(&o->twin.tables.cfg.ports, packet->ip, packet->captured, packet->length,
			    packet->time_ns, &message))
		o->ike_verdicts[model_ike(o->model, &message)]++;
	o->ike_seen = true;
}

/* ---- the model ---- */

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

static struct tunnel_input model_input(const struct offline *o, const struct state *state, bool final)
{
	return (struct tunnel_input){.now_ns = o->now,
				     .state = state,
				     .ike = model_conversations(o->model),
				     .is_local = o->options.is_local,
				     .arg = o->options.local_arg,
				     .final = final};
}

static int collect(struct offline *o, bool final, struct state *ret);

static int look_at_all(struct offline *o)
{
	struct tunnel_input input;
	struct state state;
	int err = collect(o, false, &state);

	if (err)
		return err;
	model_tick(o->model, o->now);
	state.kind = STATE_CAPTURE;
	input = model_input(o, &state, false);
	err = tunnels_update(model_tunnels(o->model), &input);
	state_free(&state);
	o->looked_packets = o->ike_packets = o->notes.packets;
	o->looked_ns = o->ike_ns = o->now;
	o->ike_seen = false;
	return err;
}

static int look_at_ike(struct offline *o)
{
	struct tunnel_input input = model_input(o, NULL, false);

	o->ike_packets = o->notes.packets;
	o->ike_ns = o->now;
	o->ike_seen = false;
	return tunnels_update(model_tunnels(o->model), &input);
}

static int look(struct offline *o)
{
	uint64_t packets = o->notes.packets - o->looked_packets;
	const struct conversation_stats *ike;
	uint64_t work;

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

/* ---- packets ---- */

static void note_link(struct offline *o, uint32_t linktype)
{
	struct offline_notes *n = &o->notes;
	size_t i;

	for (i = 0; i < n->link_count && n->links[i].linktype != linktype; i++)
		;
	if (i == OFFLINE_LINKS)
		return;
	if (i == n->link_count) {
		n->links[i].linktype = linktype;
		n->link_count++;
	}
	n->links[i].packets++;
}

static int offline_packet(struct offline *o, const struct capfile_reader *reader,
			  const struct capfile_packet *packet)
{
	enum esp_link link = twin_link(packet->linktype);
	uint32_t *ifindex = &o->ifindex[packet->iface % CAPFILE_IFACE_MAX];

	if (!*ifindex) {
		*ifindex = interface_number(o, capfile_iface_name(reader, packet->iface));
		if (!*ifindex)
			return -ENOMEM;
	}
	if (link == ESP_LINK_UNKNOWN)
		note_link(o, packet->linktype);
	o->notes.packets++;
	twin_frame(&o->twin, packet->data, packet->caplen, packet->wirelen, link,
		   packet_time(o, packet->ts_ns), *ifindex, ESP_DIR_UNKNOWN, 1, 0, NULL);
	return o->ike_seen || !(o->notes.packets & (LOOK_PACKETS_SLOW - 1)) ? look(o) : 0;
}

/* "a.pcap, b.pcap and 3 more" */
static void add_name(struct offline *o, const char *path)
{
	size_t length = strlen(o->name);

	if (!o->files++) {
		snprintf(o->name, sizeof(o->name), "%s", path);
		return;
	}
	if (!o->files_unnamed && length + 2 + strlen(path) < sizeof(o->name))
		snprintf(o->name + length, sizeof(o->name) - length, ", %s", path);
	else
		o->files_unnamed++;
}

static int read_packets(struct offline *o, struct capfile_reader *reader, const char *path)
{
	struct capfile_packet packet;
	uint64_t number = 0;
	int err;

	while ((err = capfile_next(reader, &packet)) == 1) {
		err = offline_packet(o, reader, &packet);
		if (err)
			return err;
		if (!(++number & (OFFLINE_PROGRESS_EVERY - 1)) && o->options.progress)
			o->options.progress(o->options.progress_arg, path, capfile_offset(reader),
					    capfile_size(reader));
	}
	return err;
}

int offline_open(const struct offline_options *options, struct offline **ret)
{
	struct offline *o = calloc(1, sizeof(*o));
	int err;

	if (!o)
		return -ENOMEM;
	o->options = *options;
	o->model =
		model_new(&(struct model_options){.is_local = options->is_local, .arg = options->local_arg});
	err = o->model ? twin_init(&o->twin, NULL) : -ENOMEM;
	if (err) {
		model_free(o->model);
		free(o);
		return err;
	}
	o->twin.packet = offline_ike;
	o->twin.packet_arg = o;
	*ret = o;
	return 0;
}

int offline_read(struct offline *o, const char *path, char *error, size_t error_size)
{
	struct capfile_reader *reader = NULL;
	int err = capfile_open(path, &reader, error, error_size);

	if (err)
		return err;
	add_name(o, path);
	memset(o->ifindex, 0, sizeof(o->ifindex));
	err = read_packets(o, reader, path);
	if (err == -ENOMEM)
		snprintf(error, error_size, "%s: out of memory", path);
	else if (err)
		snprintf(error, error_size, "%s", capfile_error(reader));
	capfile_close(reader);
	return err;
}

/* ---- state ---- */

static void add_counters(struct state_counters *sum, const struct esp_if_stats *s)
{
	sum->seen += s->seen;
	sum->bytes += s->bytes;
	for (int i = 0; i < ESP_CLASS_COUNT; i++)
		sum->cls[i] += s->cls[i];
	for (int i = 0; i < ESP_REASON_COUNT; i++)
		sum->rejected[i] += s->rejected[i];
}

static void describe_interface(const struct offline *o, uint32_t ifindex, struct state_interface *ret)
{
	const char *name = interface_name(o, ifindex);

	snprintf(ret->name, sizeof(ret->name), "%s", name ? name : "");
	snprintf(ret->ingress, sizeof(ret->ingress), "capture");
	add_counters(&ret->in, esp_if_stats_at(&o->twin.tables, ifindex - 1, ESP_DIR_UNKNOWN, 0));
}

static int collect(struct offline *o, bool final, struct state *ret)
{
	const struct state_context context = {
		.time = identity,
		.ifname = context_ifname,
		.arg = o,
		.now = o->now,
		.final = final,
	};

	return state_collect(&o->twin.tables, &context, ret);
}

static int fill_interfaces(const struct offline *o, struct state *state)
{
	state->interfaces = calloc(o->interface_count + 1, sizeof(*state->interfaces));
	if (!state->interfaces)
		return -ENOMEM;
	for (uint32_t i = 1; i <= o->interface_count; i++)
		describe_interface(o, i, &state->interfaces[state->interface_count++]);
	if (o->rest_used)
		describe_interface(o, OFFLINE_IF_REST, &state->interfaces[state->interface_count++]);
	return 0;
}

static void on_ended(void *arg, uint64_t id, uint64_t since_ns)
{
	struct offline *o = arg;

	conversation_traffic_ended((struct conversations *)model_conversations(o->model), id, since_ns,
				   o->now);
}

/* What the tunnels tell of the IKE SAs may change these, and that the tunnels. */
static int fill_tunnels(struct offline *o, struct state *state)
{
	struct tunnels *tunnels = model_tunnels(o->model);
	struct tunnel_input input = model_input(o, state, true);
	int err;

	model_tick(o->model, o->now); /* packets that are not IKE bring time on, too */
	err = tunnels_update(tunnels, &input);
	if (err)
		return err;
	tunnels_ended(tunnels, on_ended, o);
	err = tunnels_update(tunnels, &input);
	return err ? err : model_show(o->model, state);
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

int offline_state(struct offline *o, struct state *ret)
{
	struct state state;
	int err = collect(o, o->options.final, &state);

	if (err)
		return err;
	state.kind = STATE_CAPTURE;
	err = fill_interfaces(o, &state);
	if (!err)
		err = fill_tunnels(o, &state);
	if (err) {
		state_free(&state);
		return err;
	}
	fill_directions(o, &state);
	if (o->files_unnamed)
		snprintf(state.name, sizeof(state.name), "%s and %u more", o->name, o->files_unnamed);
	else
		snprintf(state.name, sizeof(state.name), "%s", o->name);
	state.first_ns = o->first_ns;
	state.last_ns = o->last_ns;
	*ret = state;
	return 0;
}

const struct offline_notes *offline_notes(const struct offline *o)
{
	return &o->notes;
}

const struct conversations *offline_conversations(const struct offline *o)
{
	return model_conversations(o->model);
}

const uint64_t *offline_ike_verdicts(const struct offline *o)
{
	return o->ike_verdicts;
}

void offline_close(struct offline *o)
{
	if (!o)
		return;
	for (uint32_t i = 1; i <= o->interface_count; i++)
		free(o->interfaces[i]);
	model_free(o->model);
	twin_destroy(&o->twin);
	free(o);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source/offline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "espial/classify.h"
#include "source/ike_packet.h"
#include "source/offline_internal.h"

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

const char *offline_interface_name(const struct offline *o, uint32_t ifindex)
{
	if (ifindex == OFFLINE_IF_REST)
		return "(others)";
	return ifindex <= o->interface_count ? o->interfaces[ifindex] : NULL;
}

/* ---- time ---- */

/*
 * The datapath's clock never goes back, that of a capture may: by microseconds, where several queues or interfaces were
 * merged, which is smoothed; or because files are out of order, which is followed and told.
 */
static uint64_t packet_time(struct offline *o, uint64_t ns)
{
	if (!ns) {
		o->notes.untimed++;
		if (!o->now)
			o->now = CONVERSATION_NO_TIME; /* for SAs, too, 0 is "never" */
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

/* ---- IKE and ICMP ---- */

/* In the form in which the datapath hands on packets. */
static void offline_icmp(struct offline *o, const struct twin_packet *packet)
{
	union {
		struct esp_event event;
		uint8_t bytes[sizeof(struct esp_event) + ESP_EVENT_DATA];
	} raw = {.event = {.time = packet->time_ns,
			   .kind = ESP_EVENT_PACKET,
			   .direction = packet->direction,
			   .cls = packet->cls,
			   .length = packet->length}};
	struct event event;

	raw.event.captured = packet->captured < ESP_EVENT_DATA ? packet->captured : ESP_EVENT_DATA;
	memcpy(raw.event.data, packet->ip, raw.event.captured);
	if (event_decode(&raw.event, sizeof(raw.event) + raw.event.captured, 0, NULL,
			 &o->twin.tables.cfg.ports, &event) == 0)
		model_event(o->model, &event);
}

static void offline_packet_seen(void *arg, const struct twin_packet *packet)
{
	struct offline *o = arg;
	struct conversation_packet message;

	if (packet->cls == ESP_CLASS_ICMP_QUOTE)
		offline_icmp(o, packet);
	if (packet->cls != ESP_CLASS_IKE && packet->cls != ESP_CLASS_IKE_NATT)
		return;
	if (ike_packet_find(&o->twin.tables.cfg.ports, packet->ip, packet->captured, packet->length,
			    packet->time_ns, &message))
		o->ike_verdicts[model_ike(o->model, &message)]++;
	o->ike_seen = true;
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
	int err = packet->ts_ns ? offline_look_until(o, packet->ts_ns) : 0;

	if (err)
		return err;
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
	return offline_look(o);
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
	o->twin.packet = offline_packet_seen;
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
	const char *name = offline_interface_name(o, ifindex);

	snprintf(ret->name, sizeof(ret->name), "%s", name ? name : "");
	snprintf(ret->ingress, sizeof(ret->ingress), "capture");
	add_counters(&ret->in, esp_if_stats_at(&o->twin.tables, ifindex - 1, ESP_DIR_UNKNOWN, 0));
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

int offline_state(struct offline *o, struct state *ret)
{
	struct state state;
	int err = offline_collect(o, o->now, o->options.final, &state);

	if (err)
		return err;
	state.kind = STATE_CAPTURE;
	err = fill_interfaces(o, &state);
	if (!err)
		err = offline_fill_last(o, &state);
	if (err) {
		state_free(&state);
		return err;
	}
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

const struct model_path *offline_paths(const struct offline *o, size_t *ret_count)
{
	return model_paths(o->model, ret_count);
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

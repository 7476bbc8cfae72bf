/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bpf_follow.c - the interfaces that are watched: what comes, goes and changes
 */
#include "source/bpf_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_arp.h>

#include "espial.skel.h"
#include "source/bpf_sadb.h"
#include "source/select.h"
#include "suggest.h"

/* The first failure that the user must hear of. */
struct failure {
	char *text;
	size_t size;
	int err;
};

/* ---- names */

const char *live_ifname(const struct live *live, uint32_t ifindex)
{
	size_t kept = live->name_count < LIVE_NAMES ? live->name_count : LIVE_NAMES;

	for (size_t i = 1; i <= kept; i++) { /* the newest first: indices are used again */
		const struct pin_name *name = &live->name[(live->name_count - i) % LIVE_NAMES];

		if (name->ifindex == ifindex)
			return name->name;
	}
	return NULL;
}

static void set_name(struct live *live, struct live_interface *place, const struct link *link)
{
	const char *known = live_ifname(live, link->ifindex);

	memcpy(place->name, link->name, sizeof(place->name));
	if (!known || strcmp(known, link->name)) {
		struct pin_name *name = &live->name[live->name_count++ % LIVE_NAMES];

		name->ifindex = link->ifindex;
		memcpy(name->name, link->name, sizeof(name->name));
	}
}

/* The name that is most like `name`, or NULL. */
static const char *like(const struct link *link, size_t count, const char *name)
{
	const char **names = calloc(count + 1, sizeof(*names));
	const char *found;

	if (!names)
		return NULL;
	for (size_t i = 0; i < count; i++)
		names[i] = link[i].name;
	found = suggest_nearest(name, names, count);
	free(names);
	return found;
}

int live_check_names(const struct live *live, const struct live_options *options, char *error,
		     size_t error_size)
{
	size_t count;
	const struct link *link = links_all(live->links, &count);

	for (size_t i = 0; i < options->interface_count; i++) {
		const char *name = options->interfaces[i], *near;
		size_t j = 0;

		if (!select_is_name(name))
			continue;
		while (j < count && strcmp(link[j].name, name))
			j++;
		if (j < count)
			continue;
		near = like(link, count, name);
		if (near)
			snprintf(error, error_size, "interface '%s': there is none: did you mean '%s'?", name,
				 near);
		else
			snprintf(error, error_size, "interface '%s': there is none: see `ip -brief link`",
				 name);
		return -ENODEV;
	}
	return 0;
}

/* ---- places */

static bool is_attached(const struct live_interface *place)
{
	return place->attachment.in.kind != HOOK_NONE || place->attachment.out.kind != HOOK_NONE;
}

void live_tell(const struct live *live, uint32_t ifindex, const struct live_interface *place,
	       enum esp_link link)
{
	esp_tell_interface(live->skel->bss->esp_if, ifindex, place ? (int)(place - live->interface) : -1,
			   link, live->skel->rodata->esp_config.cpus);
}

static const struct live_interface *colliding(const struct live *live, uint32_t ifindex)
{
	for (size_t i = 0; i < ESP_IF_SLOTS; i++) {
		const struct live_interface *place = &live->interface[i];

		if (is_attached(place) && place->ifindex != ifindex &&
		    place->ifindex % ESP_IF_HASH == ifindex % ESP_IF_HASH)
			return place;
	}
	return NULL;
}

/* The place of that name before, else a new one, else that of the interface that left first. */
static struct live_interface *find_place(struct live *live, const char *name)
{
	struct live_interface *unused = NULL, *oldest = NULL;

	for (size_t i = 0; i < ESP_IF_SLOTS; i++) {
		struct live_interface *place = &live->interface[i];

		if (!place->used) {
			unused = unused ? unused : place;
		} else if (!place->present) {
			if (!strcmp(place->name, name))
				return place;
			if (!oldest || place->since < oldest->since)
				oldest = place;
		}
	}
	if (unused)
		return unused;
	if (oldest) {
		struct state_counters more[2];
		size_t index = (size_t)(oldest - live->interface);

		live_say(live, "%s: its counters are forgotten: all %d places are in use", oldest->name,
			 ESP_IF_SLOTS);
		live_count(live, index, ESP_DIR_IN, &more[0]);
		live_count(live, index, ESP_DIR_OUT, &more[1]);
		for (int d = 0; d < 2; d++) {
			uint64_t *sum = (uint64_t *)&oldest->before[d], *add = (uint64_t *)&more[d];

			for (size_t i = 0; i < sizeof(more[d]) / sizeof(*sum); i++)
				sum[i] += add[i];
		}
		oldest->used = false;
	}
	return oldest;
}

static void leave(struct live *live, struct live_interface *place, bool exists, const char *note)
{
	attach_remove(&place->attachment, exists);
	if (!colliding(live, place->ifindex))
		live_tell(live, place->ifindex, NULL, ESP_LINK_UNKNOWN);
	place->present = place->retry = false;
	place->since = ++live->departures;
	snprintf(place->note, sizeof(place->note), "%s", note);
}

enum esp_link live_link_type(const struct link *link)
{
	return link->type == ARPHRD_ETHER || link->type == ARPHRD_LOOPBACK ? ESP_LINK_ETHERNET : ESP_LINK_IP;
}

static void say_attached(const struct live *live, const struct live_interface *place)
{
	live_say(live, "%s: watched, in by %s, out by %s%s%s", place->name,
		 hook_name(place->attachment.in.kind), hook_name(place->attachment.out.kind),
		 *place->note ? ": " : "", place->note);
}

struct attach_programs live_programs(const struct live *live)
{
	if (live->pinned.xdp_in >= 0)
		return live->pinned;
	return (struct attach_programs){
		.xdp_in = bpf_program__fd(live->skel->progs.esp_xdp_in),
		.tc_in = bpf_program__fd(live->skel->progs.esp_tc_in),
		.tc_out = bpf_program__fd(live->skel->progs.esp_tc_out),
	};
}

struct attach_request live_request(const struct live *live, const struct link *link)
{
	return (struct attach_request){
		.ifindex = link->ifindex,
		.ethernet = live_link_type(link) == ESP_LINK_ETHERNET,
		.mode = live->mode,
		.without = live->without,
		.links = live->pin ? pin_links(live->pin) : NULL,
	};
}

/* Attaches the place's device anew. */
static int attach_place(struct live *live, struct live_interface *place, const struct link *link)
{
	struct attach_programs programs = live_programs(live);
	struct attach_request request = live_request(live, link);
	const struct live_interface *other;
	int err;

	attach_remove(&place->attachment, true);
	place->retry = false;
	other = colliding(live, link->ifindex);
	if (other) {
		snprintf(place->note, sizeof(place->note),
			 "index %u is equal to that of %s modulo %d: create the device again", link->ifindex,
			 other->name, ESP_IF_HASH);
		err = -ENOSPC;
	} else {
		/* First, so that nothing passes the programs uncounted. */
		live_tell(live, link->ifindex, place, live_link_type(link));
		err = attach_interface(&programs, &request, &place->attachment);
		memcpy(place->note, place->attachment.note, sizeof(place->note));
	}
	if (!err) {
		say_attached(live, place);
		return 0;
	}
	if (!other)
		live_tell(live, link->ifindex, NULL, ESP_LINK_UNKNOWN);
	live_say(live, "%s: not watched: %s", place->name, place->note);
	return err;
}

/* Once for each device and reason: the one of its stack, or its own index for want of a place. */
static bool is_news(struct live *live, const struct link *link, uint32_t because)
{
	size_t kept = live->said_count < ESP_IF_SLOTS ? live->said_count : ESP_IF_SLOTS, next;

	for (size_t i = 0; i < kept; i++)
		if (live->said[i].ifindex == link->ifindex && live->said[i].serial == link->serial &&
		    live->said[i].because == because)
			return false;
	next = live->said_count++ % ESP_IF_SLOTS;
	live->said[next].ifindex = link->ifindex;
	live->said[next].serial = link->serial;
	live->said[next].because = because;
	return true;
}

static int arrive(struct live *live, const struct link *link, bool named)
{
	struct live_interface *place = find_place(live, link->name);

	if (!place) {
		if (is_news(live, link, link->ifindex))
			live_say(live, "%s: not watched: %d interfaces at once are the limit", link->name,
				 ESP_IF_SLOTS);
		return -ENOSPC;
	}
	if (!place->used) {
		struct state_counters before[2];

		memcpy(before, place->before, sizeof(before));
		memset(place, 0, sizeof(*place));
		memcpy(place->before, before, sizeof(before));
		attach_init(&place->attachment);
	}
	place->used = place->present = true;
	place->ifindex = link->ifindex;
	place->serial = link->serial;
	place->up = link->up;
	place->mtu = link->mtu;
	place->named = named;
	set_name(live, place, link);
	/* Before the datapath counts for it: who comes after a crash must know whose the numbers are. */
	live_save(live);
	return attach_place(live, place, link);
}

/* ---- what has changed of one that is there */

static void follow_place(struct live *live, struct live_interface *place)
{
	const struct link *link = links_find(live->links, place->ifindex);

	if (!link || link->serial != place->serial) {
		leave(live, place, false, "gone");
		live_say(live, "%s: gone; its counters are kept", place->name);
		return;
	}
	if (strcmp(link->name, place->name)) {
		live_say(live, "%s: is called %s now", place->name, link->name);
		set_name(live, place, link);
	}
	if (link->up != place->up || link->mtu != place->mtu) {
		if (link->up != place->up)
			live_say(live, "%s: is %s", place->name, link->up ? "up" : "down");
		if (link->mtu != place->mtu)
			live_say(live, "%s: MTU is %u, was %u", place->name, link->mtu, place->mtu);
		/* What was refused may be had now, by another MTU for one. */
		place->retry |=
			place->attachment.in.kind == HOOK_NONE || place->attachment.out.kind == HOOK_NONE;
	}
	place->up = link->up;
	place->mtu = link->mtu;
}

static struct live_interface *place_of(struct live *live, const struct link *link)
{
	for (size_t i = 0; i < ESP_IF_SLOTS; i++) {
		struct live_interface *place = &live->interface[i];

		if (place->present && place->ifindex == link->ifindex && place->serial == link->serial)
			return place;
	}
	return NULL;
}

static void drop_unwanted(struct live *live, const struct link *link, const struct select *select)
{
	struct live_interface *place = place_of(live, link);
	const struct link *because = select->because ? links_find(live->links, select->because) : NULL;

	if (place) {
		leave(live, place, true,
		      because ? "its packets are seen on another interface of its stack"
			      : "not asked for any more");
		live_say(live, "%s: not watched any more", place->name);
	}
	if (because && is_news(live, link, select->because))
		live_say(live, "%s: not watched: its packets are seen on %s, and would be counted twice",
			 link->name, because->name);
}

static void fail(struct failure *failure, const struct live *live, const struct link *link, int err)
{
	const struct live_interface *place = NULL;

	if (!failure->text || failure->err)
		return;
	for (size_t i = 0; i < ESP_IF_SLOTS; i++)
		if (live->interface[i].present && live->interface[i].ifindex == link->ifindex)
			place = &live->interface[i];
	failure->err = err;
	snprintf(failure->text, failure->size, "interface '%s': %s%s", link->name,
		 place ? place->note : "there are too many: name fewer",
		 err != -EBUSY && live->mode != LIVE_XDP_AUTO && live->mode != LIVE_XDP_OFF
			 ? ": --xdp-mode auto takes what works"
			 : "");
}

static void take_wanted(struct live *live, const struct link *link, const struct select *select,
			struct failure *named, struct failure *any)
{
	struct live_interface *place = place_of(live, link);
	const struct link *twice = select->twice ? links_find(live->links, select->twice) : NULL;
	int err = 0;

	if (place && place->retry)
		err = attach_place(live, place, link);
	else if (!place)
		err = arrive(live, link, select->named);
	else
		return;
	if (err)
		fail(select->named ? named : any, live, link, err);
	else if (twice && is_news(live, link, select->twice))
		live_say(live,
			 "%s: shows packets that are seen on %s too: they are counted twice, as both are "
			 "asked for",
			 link->name, twice->name);
}

static void mark_kept(struct live *live, const struct link *link, size_t count, struct select *select)
{
	for (size_t i = 0; i < count; i++) {
		const struct live_interface *place = place_of(live, &link[i]);

		select[i].kept = place != NULL;
	}
}

static int reconcile(struct live *live, bool keep, char *error, size_t error_size)
{
	char other[256];
	struct failure named = {.text = error, .size = error_size},
		       any = {.text = error ? other : NULL, .size = sizeof(other)};
	const char **pattern = calloc(live->pattern_count + 1, sizeof(*pattern));
	size_t count, attached = 0;
	const struct link *link = links_all(live->links, &count);
	struct select *select = calloc(count + 1, sizeof(*select));
	int err = 0;

	if (!pattern || !select) {
		err = -ENOMEM;
		goto out;
	}
	for (size_t i = 0; i < live->pattern_count; i++)
		pattern[i] = live->pattern[i];
	for (size_t i = 0; i < ESP_IF_SLOTS; i++)
		if (live->interface[i].present)
			follow_place(live, &live->interface[i]);
	if (keep)
		mark_kept(live, link, count, select);
	select_links(link, count, pattern, live->pattern_count, select);
	for (size_t i = 0; i < count; i++)
		if (!select[i].wanted)
			drop_unwanted(live, &link[i], &select[i]);
	for (size_t i = 0; i < count; i++)
		if (select[i].wanted)
			take_wanted(live, &link[i], &select[i], &named, &any);
	for (size_t i = 0; i < ESP_IF_SLOTS; i++)
		attached += is_attached(&live->interface[i]);
	err = named.err;
	/* Of globs and `auto` one failure is a line in the log, unless nothing else is left. */
	if (!err && any.err && !attached) {
		err = any.err;
		snprintf(error, error_size, "%s", other);
	}
out:
	free(pattern);
	free(select);
	return err;
}

int live_reconcile(struct live *live, bool keep, char *error, size_t error_size)
{
	int err = reconcile(live, keep, error, error_size);

	if (err == -ENOMEM && error && !*error)
		snprintf(error, error_size, "interfaces: out of memory");
	live_save(live);
	return err;
}

int live_check_hooks(struct live *live)
{
	bool lost = false;
	int err = live_follow(live); /* what is gone has lost its programs too */

	for (size_t i = 0; i < ESP_IF_SLOTS && !err; i++) {
		struct live_interface *place = &live->interface[i];

		if (!is_attached(place) || attach_is_whole(&place->attachment))
			continue;
		live_say(live, "%s: somebody has removed our programs: attaching again", place->name);
		place->retry = lost = true;
	}
	return lost ? live_reconcile(live, true, NULL, 0) : err;
}

int live_follow(struct live *live)
{
	int changed = links_update(live->links);

	return changed > 0 ? live_reconcile(live, true, NULL, 0) : changed;
}

void live_detach(struct live *live)
{
	(void)links_update(live->links);
	for (size_t i = 0; i < ESP_IF_SLOTS; i++) {
		struct live_interface *place = &live->interface[i];
		const struct link *link;

		if (!place->present)
			continue;
		link = links_find(live->links, place->ifindex);
		leave(live, place, link && link->serial == place->serial, "");
	}
}

void live_release(struct live *live)
{
	live->closing = true;
	if (live->opened)
		(void)live_sadb_keep(live, false); /* nobody keeps it until the next agent does */
	live_save(live);
	if (live->opened)
		live_say(live,
			 "%s: programs and tables stay and go on counting: `espial detach` removes them",
			 pin_directory(live->pin));
	for (size_t i = 0; i < ESP_IF_SLOTS; i++)
		attach_release(&live->interface[i].attachment);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* bpf_inner_follow.c - the inner interfaces that are watched: what comes, goes and changes */
#include "source/bpf_inner_internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "complain.h"
#include "source/bpf_internal.h"
#include "source/select.h"

#include "inner.skel.h" /* needs espial/inner.h */

__attribute__((format(printf, 2, 3))) static void say(const struct inner_live *inner, const char *format, ...)
{
	char line[320];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	inner->options.say(inner->options.arg, line);
}

/* ---- what the datapath knows of an index */

static int place(struct inner_live *inner, const struct inner_slot *slot)
{
	struct esp_inner_place *table = inner->skel->bss->esp_inner_place;

	for (uint32_t i = 0; i < ESP_INNER_PROBES; i++) {
		struct esp_inner_place *p = &table[(slot->link.ifindex + i) % ESP_INNER_HASH];

		if (p->ifindex && p->ifindex != slot->link.ifindex)
			continue;
		p->slot = (uint16_t)(slot - inner->slot);
		p->link = (uint8_t)live_link_type(&slot->link);
		ESP_WRITE(p->ifindex, slot->link.ifindex);
		return 0;
	}
	return -ENOSPC;
}

static void displace(struct inner_live *inner, uint32_t ifindex)
{
	for (size_t i = 0; i < ESP_INNER_HASH; i++)
		if (inner->skel->bss->esp_inner_place[i].ifindex == ifindex)
			ESP_WRITE(inner->skel->bss->esp_inner_place[i].ifindex, 0);
}

static int clear_counters(struct inner_live *inner, const struct inner_slot *slot)
{
	uint32_t key = (uint32_t)(slot - inner->slot) * 2;
	int map = bpf_map__fd(inner->skel->maps.esp_inner_stats);

	memset(inner->stats, 0, (size_t)inner->cpus * sizeof(*inner->stats));
	for (uint32_t i = 0; i < 2; i++, key++)
		if (bpf_map_update_elem(map, &key, inner->stats, BPF_ANY) != 0)
			return -errno;
	return 0;
}

/* ---- interfaces */

static struct inner_slot *slot_of(struct inner_live *inner, const struct link *link)
{
	for (size_t i = 0; i < ESP_INNER_SLOTS; i++) {
		struct inner_slot *slot = &inner->slot[i];

		if (slot->present && slot->link.ifindex == link->ifindex && slot->link.serial == link->serial)
			return slot;
	}
	return NULL;
}

/* That of the same name before, else a new one, else that of the interface that left first. */
static struct inner_slot *free_slot(struct inner_live *inner, const char *name)
{
	struct inner_slot *unused = NULL, *oldest = NULL;

	for (size_t i = 0; i < ESP_INNER_SLOTS; i++) {
		struct inner_slot *slot = &inner->slot[i];

		if (!slot->used)
			unused = unused ? unused : slot;
		else if (!slot->present && strcmp(slot->link.name, name) == 0)
			return slot;
		else if (!slot->present && (!oldest || slot->left < oldest->left))
			oldest = slot;
	}
	return unused ? unused : oldest;
}

static void leave(struct inner_live *inner, struct inner_slot *slot, bool exists, const char *why)
{
	attach_remove(&slot->attachment, exists);
	displace(inner, slot->link.ifindex);
	snprintf(slot->attachment.note, sizeof(slot->attachment.note), "%s", why);
	slot->present = slot->retry = false;
	slot->left = ++inner->departures;
	if (*why)
		say(inner, "%s: not watched as an inner interface any more: %s", slot->link.name, why);
}

static int attach(struct inner_live *inner, struct inner_slot *slot)
{
	struct attach_programs programs = {.xdp_in = -1,
					   .tc_in = bpf_program__fd(inner->skel->progs.esp_tc_lan_in),
					   .tc_out = bpf_program__fd(inner->skel->progs.esp_tc_lan_out)};
	struct attach_request request = {.ifindex = slot->link.ifindex,
					 .mode = LIVE_XDP_OFF,
					 .ethernet = live_link_type(&slot->link) == ESP_LINK_ETHERNET,
					 .without = inner->options.without};
	struct attachment *a = &slot->attachment;
	int err;

	attach_remove(a, true);
	slot->retry = false;
	/* First, so that nothing passes the programs uncounted. */
	err = place(inner, slot);
	if (err) {
		snprintf(a->note, sizeof(a->note), "no place for index %u: create the device again",
			 slot->link.ifindex);
	} else {
		err = attach_interface(&programs, &request, a);
		if (err)
			displace(inner, slot->link.ifindex);
	}
	if (err == -EBUSY)
		snprintf(a->note, sizeof(a->note),
			 "it is watched by --interface, or by another agent: name it in one place only");
	if (!err)
		say(inner, "%s: watched as an inner interface, in by %s, out by %s%s%s", slot->link.name,
		    hook_name(a->in.kind), hook_name(a->out.kind), *a->note ? ": " : "", a->note);
	else if (!slot->told)
		say(inner, "%s: not watched as an inner interface: %s", slot->link.name, a->note);
	slot->told = err != 0;
	return err;
}

static int arrive(struct inner_live *inner, const struct link *link, struct inner_slot **ret)
{
	struct inner_slot *slot = free_slot(inner, link->name);

	*ret = slot;
	if (!slot)
		return -ENOSPC;
	if (!slot->used || strcmp(slot->link.name, link->name) != 0) {
		int err = clear_counters(inner, slot);

		if (err)
			return err;
		memset(slot, 0, sizeof(*slot));
		attach_init(&slot->attachment);
	}
	slot->used = slot->present = true;
	slot->link = *link;
	return attach(inner, slot);
}

static void follow(struct inner_live *inner, struct inner_slot *slot)
{
	const struct link *link = links_find(inner->links, slot->link.ifindex);

	if (!link || link->serial != slot->link.serial) {
		leave(inner, slot, false, "it is gone; its counters are kept");
		return;
	}
	if (strcmp(link->name, slot->link.name) != 0)
		say(inner, "%s: is called %s now", slot->link.name, link->name);
	if (link->up != slot->link.up || link->mtu != slot->link.mtu)
		slot->retry |=
			slot->attachment.in.kind == HOOK_NONE || slot->attachment.out.kind == HOOK_NONE;
	slot->link = *link;
}

int inner_reconcile(struct inner_live *inner, bool keep, char *error, size_t error_size)
{
	size_t count, i;
	const struct link *link = links_all(inner->links, &count);
	struct select *select = calloc(count + 1, sizeof(*select));
	const char **pattern = calloc(inner->pattern_count + 1, sizeof(const char *));
	int first = select && pattern ? 0 : -ENOMEM;

	for (i = 0; !first && i < ESP_INNER_SLOTS; i++)
		if (inner->slot[i].present)
			follow(inner, &inner->slot[i]);
	for (i = 0; !first && i < inner->pattern_count; i++)
		pattern[i] = inner->pattern[i];
	for (i = 0; !first && i < count; i++)
		select[i].kept = keep && slot_of(inner, &link[i]);
	if (!first)
		select_links(link, count, pattern, inner->pattern_count, select);
	for (i = 0; select && pattern && i < count; i++) {
		struct inner_slot *slot = slot_of(inner, &link[i]);
		int err = 0;

		if (!select[i].wanted) {
			if (slot)
				leave(inner, slot, true, "not asked for any more");
			continue;
		}
		if (!slot)
			err = arrive(inner, &link[i], &slot);
		else if (slot->retry)
			err = attach(inner, slot);
		if (!err || first || !error || !select[i].named)
			continue;
		first = err;
		if (slot)
			complain(error, error_size, err, "inner interface '%s': %s", link[i].name,
				 slot->attachment.note);
		else
			complain(error, error_size, err,
				 "inner interface '%s': there are %d already: name fewer", link[i].name,
				 ESP_INNER_SLOTS);
	}
	free(select);
	free(pattern);
	return first;
}

int inner_check_names(const struct inner_live *inner, char *error, size_t error_size)
{
	size_t count, j;
	const struct link *link = links_all(inner->links, &count);

	for (size_t i = 0; i < inner->pattern_count; i++) {
		const char *name = inner->pattern[i];

		if (!select_is_name(name))
			continue;
		for (j = 0; j < count && strcmp(link[j].name, name) != 0; j++)
			;
		if (j == count)
			return complain(error, error_size, -ENODEV,
					"inner interface '%s': there is none: see `ip -brief link`", name);
	}
	return 0;
}

void inner_check_hooks(struct inner_live *inner)
{
	bool lost = false;

	for (size_t i = 0; i < ESP_INNER_SLOTS; i++) {
		struct inner_slot *slot = &inner->slot[i];
		const struct attachment *a = &slot->attachment;

		if (!slot->present || (a->in.kind == HOOK_NONE && a->out.kind == HOOK_NONE) ||
		    attach_is_whole(a))
			continue;
		say(inner, "%s: somebody has removed our programs: attaching again", slot->link.name);
		slot->retry = lost = true;
	}
	if (lost)
		(void)inner_reconcile(inner, true, NULL, 0);
}

void inner_detach(struct inner_live *inner)
{
	(void)links_update(inner->links);
	for (size_t i = 0; i < ESP_INNER_SLOTS; i++) {
		struct inner_slot *slot = &inner->slot[i];
		const struct link *link = slot->present ? links_find(inner->links, slot->link.ifindex) : NULL;

		if (slot->present)
			leave(inner, slot, link && link->serial == slot->link.serial, "");
	}
}

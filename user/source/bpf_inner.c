// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/bpf_inner.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "complain.h"
#include "source/bpf_host.h"
#include "source/bpf_inner_internal.h"

#include "inner.skel.h" /* needs espial/inner.h */

#define EVENTS_AT_ONCE 1000 /* what a flood of SYNs may cost; the rest waits, or is missed and counted */

/* ---- open and close */

static int on_event(void *arg, void *data, size_t size)
{
	struct inner_live *inner = arg;

	if (size >= sizeof(struct esp_inner_event))
		inner->options.event(inner->options.arg, data);
	inner->events++;
	return ++inner->at_once < EVENTS_AT_ONCE ? 0 : -E2BIG; /* it is not seen again */
}

static int load(struct inner_live *inner)
{
	int err;

	inner->cpus = libbpf_num_possible_cpus();
	if (inner->cpus <= 0)
		return inner->cpus;
	inner->stats = calloc((size_t)inner->cpus, sizeof(*inner->stats));
	if (!inner->stats)
		return -ENOMEM;
	inner->skel = inner_bpf__open();
	if (!inner->skel)
		return -errno;
	err = inner_bpf__load(inner->skel);
	if (err)
		return err;
	inner->ring =
		ring_buffer__new(bpf_map__fd(inner->skel->maps.esp_inner_events), on_event, inner, NULL);
	return inner->ring ? 0 : -errno;
}

static int set_patterns(struct inner_live *inner, const char *const *interfaces, size_t count)
{
	char(*pattern)[STATE_NAME] = calloc(count + 1, sizeof(*pattern));

	if (!pattern)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		snprintf(pattern[i], sizeof(pattern[i]), "%s", interfaces[i]);
	free(inner->pattern);
	inner->pattern = pattern;
	inner->pattern_count = count;
	return 0;
}

int inner_live_open(const struct inner_live_options *options, struct inner_live **ret, char *error,
		    size_t error_size)
{
	struct inner_live *inner = calloc(1, sizeof(*inner));
	int err;

	if (!inner)
		return complain(error, error_size, -ENOMEM, "inner interfaces: %s", strerror(ENOMEM));
	inner->options = *options;
	for (size_t i = 0; i < ESP_INNER_SLOTS; i++)
		attach_init(&inner->slot[i].attachment);
	host_complaint_clear();
	err = load(inner);
	if (err) {
		complain(error, error_size, err, "inner interfaces: the kernel refuses the programs: %s: %s",
			 *host_complaint() ? host_complaint() : strerror(-err), host_load_remedy(err));
		goto out;
	}
	err = links_open(false, &inner->links);
	if (!err)
		err = set_patterns(inner, options->interfaces, options->interface_count);
	if (err) {
		complain(error, error_size, err, "inner interfaces: rtnetlink: %s", strerror(-err));
		goto out;
	}
	err = inner_check_names(inner, error, error_size);
	if (!err)
		err = inner_reconcile(inner, false, error, error_size);
out:
	if (err)
		inner_live_close(inner);
	else
		*ret = inner;
	return err;
}

void inner_live_close(struct inner_live *inner)
{
	if (!inner)
		return;
	if (inner->links)
		inner_detach(inner);
	ring_buffer__free(inner->ring);
	inner_bpf__destroy(inner->skel);
	links_close(inner->links);
	free(inner->pattern);
	free(inner->stats);
	free(inner);
}

int inner_live_set(struct inner_live *inner, const char *const *interfaces, size_t count, char *error,
		   size_t error_size)
{
	char(*before)[STATE_NAME] = inner->pattern;
	size_t before_count = inner->pattern_count;
	int err;

	inner->pattern = NULL;
	(void)links_update(inner->links);
	err = set_patterns(inner, interfaces, count);
	if (err)
		complain(error, error_size, err, "inner interfaces: %s", strerror(-err));
	else
		err = inner_check_names(inner, error, error_size);
	if (!err)
		err = inner_reconcile(inner, false, error, error_size);
	if (!err) {
		free(before);
		return 0;
	}
	free(inner->pattern);
	inner->pattern = before;
	inner->pattern_count = before_count;
	(void)inner_reconcile(inner, false, NULL, 0);
	return err;
}

/* ---- running */

int inner_live_run(struct inner_live *inner)
{
	int changed, err;

	inner->at_once = 0;
	err = ring_buffer__consume(inner->ring);
	changed = links_update(inner->links);
	if (changed > 0)
		changed = inner_reconcile(inner, true, NULL, 0);
	if (err < 0 && err != -E2BIG)
		return err;
	return changed < 0 ? changed : 0;
}

static int read_side(struct inner_live *inner, uint32_t key, struct esp_inner_stats *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (bpf_map_lookup_elem(bpf_map__fd(inner->skel->maps.esp_inner_stats), &key, inner->stats) != 0)
		return -errno;
	for (int cpu = 0; cpu < inner->cpus; cpu++)
		inner_stats_add(&inner->stats[cpu], ret);
	return 0;
}

int inner_live_read(struct inner_live *inner, struct inner_facts *ret)
{
	int err = inner_live_run(inner); /* what is gone has lost its programs too */

	inner_check_hooks(inner);
	ret->interface_count = 0;
	ret->events = inner->events;
	for (uint32_t i = 0; i < ESP_INNER_SLOTS; i++) {
		const struct inner_slot *slot = &inner->slot[i];
		struct inner_interface *e = &ret->interfaces[ret->interface_count];

		if (!slot->used)
			continue;
		memset(e, 0, sizeof(*e));
		snprintf(e->name, sizeof(e->name), "%s", slot->link.name);
		e->ifindex = slot->link.ifindex;
		snprintf(e->ingress, sizeof(e->ingress), "%s", hook_name(slot->attachment.in.kind));
		snprintf(e->egress, sizeof(e->egress), "%s", hook_name(slot->attachment.out.kind));
		snprintf(e->note, sizeof(e->note), "%s", slot->attachment.note);
		e->up = slot->present && slot->link.up;
		e->mtu = slot->link.mtu;
		for (uint32_t d = 0; d < 2; d++) {
			int bad = read_side(inner, i * 2 + d, &e->stats[d]);

			err = err ? err : bad;
		}
		ret->interface_count++;
	}
	return err;
}

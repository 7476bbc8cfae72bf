// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/bpf_drops.h"

#include <errno.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "complain.h"
#include "espial/drops.h"
#include "source/bpf_host.h"

#include "drops.skel.h" /* needs espial/drops.h */

#define NAMES 256 /* reasons of the kernel's core; some 120 in 2026 */
#define NAME_SIZE sizeof(((struct host_drop *)NULL)->reason)
#define UNTOLD "NOT_SPECIFIED" /* what kernels that have reasons call it */
#define SUBSYSTEM_SHIFT 16     /* enum skb_drop_reason_subsys, since 6.4 */

_Static_assert((int)HOST_DROP_OUTER == ESP_DROP_OUTER && (int)HOST_DROP_INNER == ESP_DROP_INNER &&
		       (int)HOST_DROP_OTHER == ESP_DROP_OTHER,
	       "the same kinds");

#define DEVICES 64

struct drops {
	struct drops_bpf *skel;
	int cpus;
	uint64_t *values; /* of one key, by CPU */
	char names[NAMES][NAME_SIZE];
	struct {
		uint32_t ifindex;
		char name[IF_NAMESIZE];
	} devices[DEVICES];
	size_t device_count;
};

/* ---- the names of reasons, whose numbers differ from kernel to kernel */

static void learn_names(struct drops *d, const struct btf *btf)
{
	static const char prefix[] = "SKB_DROP_REASON_";
	int id = btf__find_by_name_kind(btf, "skb_drop_reason", BTF_KIND_ENUM);
	const struct btf_type *type = id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;
	const struct btf_enum *e = type ? btf_enum(type) : NULL;

	for (int i = 0; e && i < btf_vlen(type); i++) {
		const char *name = btf__name_by_offset(btf, e[i].name_off);

		if (!name || e[i].val < 0 || e[i].val >= NAMES)
			continue;
		if (!strncmp(name, prefix, sizeof(prefix) - 1))
			name += sizeof(prefix) - 1;
		snprintf(d->names[e[i].val], NAME_SIZE, "%s", name);
	}
}

static void name_reason(const struct drops *d, uint32_t reason, char ret[static NAME_SIZE])
{
	if (reason == ESP_DROP_UNTOLD)
		snprintf(ret, NAME_SIZE, UNTOLD);
	else if (reason < NAMES && d->names[reason][0])
		memcpy(ret, d->names[reason], NAME_SIZE);
	else if (reason >> SUBSYSTEM_SHIFT)
		snprintf(ret, NAME_SIZE, "SUBSYSTEM_%u_%u", reason >> SUBSYSTEM_SHIFT,
			 reason & ((1U << SUBSYSTEM_SHIFT) - 1));
	else
		snprintf(ret, NAME_SIZE, "REASON_%u", reason);
}

/* ---- open and close */

static int load(struct drops *d, const struct esp_ports *ports)
{
	struct esp_drop_config config = {.ports = *ports};
	struct stat ns;
	int err;

	if (stat("/proc/self/ns/net", &ns) != 0)
		return -errno;
	config.netns = (__u32)ns.st_ino;
	esp_ports_settle(&config.ports);
	d->skel = drops_bpf__open();
	if (!d->skel)
		return -errno;
	/* The skeleton gives it as constant, which it is for the program. */
	memcpy((void *)(uintptr_t)&d->skel->rodata->esp_drop_config, &config, sizeof(config));
	err = drops_bpf__load(d->skel);
	return err ? err : drops_bpf__attach(d->skel);
}

int drops_open(const struct esp_ports *ports, struct drops **ret, char *error, size_t error_size)
{
	struct drops *d = calloc(1, sizeof(*d));
	struct btf *btf;
	int err;

	if (!d)
		return complain(error, error_size, -ENOMEM, "drop reasons: %s", strerror(ENOMEM));
	host_complaint_clear();
	d->cpus = libbpf_num_possible_cpus();
	d->values = d->cpus > 0 ? calloc((size_t)d->cpus, sizeof(*d->values)) : NULL;
	err = d->values ? load(d, ports) : d->cpus > 0 ? -ENOMEM : d->cpus;
	if (err) {
		complain(error, error_size, err, "drop reasons: tracepoint kfree_skb: %s: %s",
			 *host_complaint() ? host_complaint() : strerror(-err),
			 err == -EPERM ? "needs CAP_BPF and CAP_PERFMON, and no kernel lockdown"
				       : "they are not counted, all else goes on");
		drops_close(d);
		return err;
	}
	btf = btf__load_vmlinux_btf();
	if (btf)
		learn_names(d, btf);
	btf__free(btf);
	*ret = d;
	return 0;
}

void drops_close(struct drops *d)
{
	if (!d)
		return;
	drops_bpf__destroy(d->skel);
	free(d->values);
	free(d);
}

/* ---- reading */

static uint64_t sum(const struct drops *d)
{
	uint64_t n = 0;

	for (int i = 0; i < d->cpus; i++)
		n += d->values[i];
	return n;
}

/* The name under which it was first met: a counter that moved to another name would go back. */
static void name_device(struct drops *d, uint32_t ifindex, char ret[static IF_NAMESIZE])
{
	size_t i;

	for (i = 0; i < d->device_count; i++)
		if (d->devices[i].ifindex == ifindex) {
			memcpy(ret, d->devices[i].name, IF_NAMESIZE);
			return;
		}
	if (!if_indextoname(ifindex, ret)) /* gone already */
		snprintf(ret, IF_NAMESIZE, "if%u", ifindex);
	if (i == DEVICES)
		return;
	d->device_count++;
	d->devices[i].ifindex = ifindex;
	memcpy(d->devices[i].name, ret, IF_NAMESIZE);
}

/* Rows are by name, as labels are: a device that was made anew is the same one. */
static struct host_drop *place_of(struct host_facts *facts, const struct host_drop *wanted)
{
	struct host_drop *drop;
	size_t i;

	for (i = 0; i < facts->drop_count; i++) {
		drop = &facts->drops[i];
		if (drop->kind == wanted->kind && !strcmp(drop->interface, wanted->interface) &&
		    !strcmp(drop->reason, wanted->reason))
			return drop;
	}
	if (i == HOST_DROP_REASONS)
		return NULL;
	facts->drop_count++;
	facts->drops[i] = *wanted;
	return &facts->drops[i];
}

static int read_rest(const struct drops *d, uint64_t *ret)
{
	uint32_t zero = 0;

	if (bpf_map_lookup_elem(bpf_map__fd(d->skel->maps.esp_drops_rest), &zero, d->values) != 0)
		return -errno;
	*ret = sum(d);
	return 0;
}

int drops_read(struct drops *d, struct host_facts *facts)
{
	struct esp_drop_key key, *before = NULL;
	uint64_t rest = 0;
	int map, err;

	facts->has_drops = false;
	if (!d)
		return 0;
	for (size_t i = 0; i < facts->drop_count; i++)
		facts->drops[i].before = facts->drops[i].value;
	err = read_rest(d, &rest);
	if (err)
		return err;
	for (size_t i = 0; i < facts->drop_count; i++)
		facts->drops[i].value = 0;
	/* Nothing is ever removed from the map: a walk finds all that was there when it began. */
	map = bpf_map__fd(d->skel->maps.esp_drops);
	for (; bpf_map_get_next_key(map, before, &key) == 0; before = &key) {
		struct host_drop wanted = {.ifindex = key.ifindex, .kind = (enum host_drop_kind)key.kind};
		struct host_drop *drop;

		if (bpf_map_lookup_elem(map, &key, d->values) != 0)
			continue;
		name_reason(d, key.reason, wanted.reason);
		name_device(d, key.ifindex, wanted.interface);
		drop = place_of(facts, &wanted);
		if (!drop) {
			rest += sum(d);
			continue;
		}
		drop->value += sum(d);
	}
	facts->drops_rest = rest;
	facts->has_drops = true;
	return 0;
}

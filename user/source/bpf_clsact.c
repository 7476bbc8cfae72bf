// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/bpf_clsact.h"

#include <errno.h>
#include <string.h>

#include <bpf/libbpf.h>

#define CLSACT_PRIORITIES 8

static void on_filter(void *arg, const struct filter *filter)
{
	struct clsact_filters *found = arg;
	bool ours = (filter->handle & ~CLSACT_HANDLE_QDISC) == CLSACT_HANDLE &&
		    !strncmp(filter->name, CLSACT_NAME, strlen(CLSACT_NAME));

	if (ours && found->our_count < sizeof(found->ours) / sizeof(*found->ours)) {
		found->ours[found->our_count++] = *filter;
	} else if (!ours) {
		found->other_count++;
		if (!found->first_other || filter->priority < found->first_other)
			found->first_other = filter->priority;
	}
}

struct clsact_filters clsact_find(uint32_t ifindex, bool egress)
{
	struct clsact_filters found = {};

	(void)filters_each(ifindex, egress, on_filter, &found);
	return found;
}

int clsact_make_qdisc(uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, both, .ifindex = (int)ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);

	return bpf_tc_hook_create(&both);
}

int clsact_attach(uint32_t ifindex, bool egress, int program, bool qdisc_ours, struct filter *ret)
{
	uint32_t handle = CLSACT_HANDLE | (qdisc_ours ? CLSACT_HANDLE_QDISC : 0);
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex,
		    .attach_point = egress ? BPF_TC_EGRESS : BPF_TC_INGRESS);
	int err = -EINVAL;

	/* A priority is of one kind and protocol: one that is taken by another is refused. 0: the kernel's choice. */
	for (uint32_t i = 1; i <= CLSACT_PRIORITIES + 1 && err; i++) {
		uint32_t priority = i <= CLSACT_PRIORITIES ? i : 0;
		LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = program, .handle = handle, .priority = priority);

		err = bpf_tc_attach(&hook, &opts);
		if (!err)
			*ret = (struct filter){
				.handle = handle, .priority = opts.priority, .prog_id = opts.prog_id};
	}
	return err;
}

int clsact_replace(uint32_t ifindex, bool egress, int program, struct filter *filter)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex,
		    .attach_point = egress ? BPF_TC_EGRESS : BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = program, .handle = filter->handle,
		    .priority = filter->priority, .flags = BPF_TC_F_REPLACE);
	int err = bpf_tc_attach(&hook, &opts);

	if (!err)
		filter->prog_id = opts.prog_id;
	return err;
}

void clsact_remove(uint32_t ifindex, bool egress, uint32_t handle, uint32_t priority)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex,
		    .attach_point = egress ? BPF_TC_EGRESS : BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = handle, .priority = priority);

	(void)bpf_tc_detach(&hook, &opts);
}

bool clsact_remove_qdisc_if_unused(uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, both, .ifindex = (int)ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);

	for (int egress = 0; egress < 2; egress++) {
		struct clsact_filters found = clsact_find(ifindex, egress);

		if (found.our_count || found.other_count)
			return false;
	}
	return !bpf_tc_hook_destroy(&both);
}

bool clsact_remove_all(uint32_t ifindex, size_t *ret_count)
{
	bool qdisc_ours = false;
	size_t count = 0;

	for (int egress = 0; egress < 2; egress++) {
		struct clsact_filters found = clsact_find(ifindex, egress);

		for (size_t i = 0; i < found.our_count; i++) {
			qdisc_ours |= found.ours[i].handle & CLSACT_HANDLE_QDISC;
			clsact_remove(ifindex, egress, found.ours[i].handle, found.ours[i].priority);
			count++;
		}
	}
	*ret_count = count;
	return qdisc_ours;
}

bool clsact_is_there(uint32_t ifindex, bool egress, uint32_t handle, uint32_t priority, uint32_t prog_id)
{
	LIBBPF_OPTS(bpf_tc_hook, where, .ifindex = (int)ifindex,
		    .attach_point = egress ? BPF_TC_EGRESS : BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = handle, .priority = priority);

	return !bpf_tc_query(&where, &opts) && opts.prog_id == prog_id;
}

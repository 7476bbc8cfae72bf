// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/bpf_hook.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include "source/bpf_clsact.h"

#define HOOK_BEFORE (1U << 3) /* BPF_F_BEFORE */
#define HOOK_PATH 400

const char *hook_name(enum hook_kind kind)
{
	switch (kind) {
	case HOOK_XDP_NATIVE:
		return "xdp native";
	case HOOK_XDP_GENERIC:
		return "xdp generic";
	case HOOK_TCX:
		return "tcx";
	case HOOK_CLSACT:
		return "clsact";
	case HOOK_NONE:
		break;
	}
	return "none";
}

static enum bpf_attach_type tcx_type(bool egress)
{
	return egress ? HOOK_TCX_EGRESS : HOOK_TCX_INGRESS;
}

/* A program of our own: we have its descriptor, and so need no privilege to look. */
static void note_program(struct hook *hook, int program)
{
	struct bpf_prog_info info = {};
	uint32_t length = sizeof(info);

	hook->prog_id = 0;
	hook->prog_tag = 0;
	if (bpf_obj_get_info_by_fd(program, &info, &length))
		return;
	hook->prog_id = info.id;
	memcpy(&hook->prog_tag, info.tag, sizeof(hook->prog_tag));
}

/* ---- putting it there */

int hook_xdp(uint32_t ifindex, bool native, int program, struct hook *ret)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE);
	int fd = bpf_link_create(program, (int)ifindex, BPF_XDP, &opts);

	if (fd < 0)
		return fd;
	*ret = (struct hook){.kind = native ? HOOK_XDP_NATIVE : HOOK_XDP_GENERIC, .link_fd = fd};
	note_program(ret, program);
	return 0;
}

int hook_tcx(uint32_t ifindex, bool egress, int program, struct hook *ret)
{
	LIBBPF_OPTS(bpf_link_create_opts, first, .flags = HOOK_BEFORE);
	int fd = bpf_link_create(program, (int)ifindex, tcx_type(egress), &first);

	if (fd < 0)
		fd = bpf_link_create(program, (int)ifindex, tcx_type(egress), NULL);
	if (fd < 0)
		return fd;
	*ret = (struct hook){.kind = HOOK_TCX, .link_fd = fd};
	note_program(ret, program);
	return 0;
}

static void of_filter(const struct filter *filter, struct hook *ret)
{
	*ret = (struct hook){.kind = HOOK_CLSACT,
			     .link_fd = -1,
			     .handle = filter->handle,
			     .priority = filter->priority,
			     .prog_id = filter->prog_id};
}

int hook_clsact(uint32_t ifindex, bool egress, int program, bool qdisc_ours, struct hook *ret)
{
	struct filter filter;
	uint32_t id;
	int err = clsact_attach(ifindex, egress, program, qdisc_ours, &filter);

	if (err)
		return err;
	of_filter(&filter, ret);
	id = ret->prog_id;
	note_program(ret, program);
	ret->prog_id = id;
	return 0;
}

/* ---- pins */

static void pin_path(char ret[HOOK_PATH], const char *links, uint32_t ifindex, bool egress)
{
	snprintf(ret, HOOK_PATH, "%s/%s-%u", links, egress ? "out" : "in", ifindex);
}

int hook_pin(const struct hook *hook, const char *links, uint32_t ifindex, bool egress)
{
	char path[HOOK_PATH];

	if (hook->link_fd < 0)
		return 0;
	pin_path(path, links, ifindex, egress);
	(void)unlink(path);
	return bpf_obj_pin(hook->link_fd, path) ? -errno : 0;
}

void hook_unpin(const char *links, uint32_t ifindex, bool egress)
{
	char path[HOOK_PATH];

	pin_path(path, links, ifindex, egress);
	(void)unlink(path);
}

/* ---- taking over */

static bool tcx_has(uint32_t ifindex, bool egress, uint32_t prog_id)
{
	uint32_t ids[HOOK_TCX_MOST];
	LIBBPF_OPTS(bpf_prog_query_opts, opts, .prog_ids = ids, .prog_cnt = HOOK_TCX_MOST);

	if (bpf_prog_query_opts((int)ifindex, tcx_type(egress), &opts))
		return false;
	for (uint32_t i = 0; i < opts.prog_cnt && i < HOOK_TCX_MOST; i++)
		if (ids[i] == prog_id)
			return true;
	return false;
}

/*
 * What the link is on this interface. A device that moved to another namespace takes its link along, and another may have its
 * index here: so the interface is asked too.
 */
static enum hook_kind kind_of(const struct bpf_link_info *info, uint32_t ifindex, bool egress)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);

	if (info->xdp.ifindex != ifindex)
		return HOOK_NONE;
	if (info->type != BPF_LINK_TYPE_XDP)
		return tcx_has(ifindex, egress, info->prog_id) ? HOOK_TCX : HOOK_NONE;
	if (egress || bpf_xdp_query((int)ifindex, 0, &query))
		return HOOK_NONE;
	if (query.drv_prog_id == info->prog_id)
		return HOOK_XDP_NATIVE;
	return query.skb_prog_id == info->prog_id ? HOOK_XDP_GENERIC : HOOK_NONE;
}

/* Does the program that hangs there do what ours does, on the same tables? */
static bool is_same(const struct hook *ours, uint32_t prog_id, const struct hook *before)
{
	return before->prog_tag && before->prog_tag == ours->prog_tag && before->prog_id == prog_id;
}

static int adopt_link(uint32_t ifindex, bool egress, int xdp, int tc, int fd, const struct hook *before,
		      struct hook *ret)
{
	struct bpf_link_info info = {};
	uint32_t length = sizeof(info);
	struct hook hook = {.link_fd = fd};
	int program;

	if (bpf_obj_get_info_by_fd(fd, &info, &length))
		return -errno;
	hook.kind = kind_of(&info, ifindex, egress);
	if (hook.kind == HOOK_NONE)
		return -ESTALE;
	program = hook.kind == HOOK_TCX ? tc : xdp;
	note_program(&hook, program);
	if (is_same(&hook, info.prog_id, before))
		hook.prog_id = info.prog_id;
	else if (bpf_link_update(fd, program, NULL))
		return -errno;
	*ret = hook;
	return 0;
}

static int adopt_filter(uint32_t ifindex, bool egress, int program, const struct hook *before,
			struct hook *ret)
{
	struct clsact_filters found = clsact_find(ifindex, egress);
	struct hook ours = {.link_fd = -1};
	struct filter *filter = &found.ours[0];

	if (!found.our_count)
		return -ESTALE;
	/* One is enough. */
	for (size_t i = 1; i < found.our_count; i++)
		clsact_remove(ifindex, egress, found.ours[i].handle, found.ours[i].priority);
	note_program(&ours, program);
	if (!is_same(&ours, filter->prog_id, before)) {
		int err = clsact_replace(ifindex, egress, program, filter);

		if (err) {
			clsact_remove(ifindex, egress, filter->handle, filter->priority);
			return err;
		}
	}
	of_filter(filter, ret);
	ret->prog_tag = ours.prog_tag;
	return 0;
}

int hook_adopt(uint32_t ifindex, bool egress, int xdp, int tc, const char *links, const struct hook *before,
	       struct hook *ret)
{
	char path[HOOK_PATH];
	int fd, err;

	pin_path(path, links, ifindex, egress);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return adopt_filter(ifindex, egress, tc, before, ret);
	err = adopt_link(ifindex, egress, xdp, tc, fd, before, ret);
	if (err) {
		(void)unlink(path);
		close(fd);
	}
	return err;
}

/* ---- afterwards */

bool hook_is_whole(const struct hook *hook, uint32_t ifindex, bool egress)
{
	struct bpf_link_info info = {};
	uint32_t length = sizeof(info);

	if (hook->kind == HOOK_CLSACT)
		return clsact_is_there(ifindex, egress, hook->handle, hook->priority, hook->prog_id);
	/* A link that hangs on nothing any more has index 0, which is in the same place for XDP and TCX. */
	return hook->link_fd < 0 || bpf_obj_get_info_by_fd(hook->link_fd, &info, &length) || info.xdp.ifindex;
}

void hook_remove(const struct hook *hook, const char *links, uint32_t ifindex, bool egress, bool exists)
{
	if (hook->link_fd >= 0) {
		if (links)
			hook_unpin(links, ifindex, egress);
		close(hook->link_fd);
	}
	/* Somebody may have removed it, and put something else in its place. */
	if (hook->kind == HOOK_CLSACT && exists && hook_is_whole(hook, ifindex, egress))
		clsact_remove(ifindex, egress, hook->handle, hook->priority);
}

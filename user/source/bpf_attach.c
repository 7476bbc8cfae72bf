/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source/bpf_attach.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include "source/bpf_host.h"
#include "source/filters.h"

/* Kernel 6.6; not in the headers of older ones, nor is what bpf_link_create() takes for them. */
#define ATTACH_TCX_INGRESS ((enum bpf_attach_type)46)
#define ATTACH_TCX_EGRESS ((enum bpf_attach_type)47)
#define ATTACH_F_BEFORE (1U << 3) /* BPF_F_BEFORE */
#define ATTACH_TCX_MOST 64	  /* programs on one hook: BPF_MPROG_MAX */

/*
 * Handle of our clsact filters: anyone's to choose, so it can tell the next agent what a crash leaves unsaid: whether the qdisc
 * is ours too.
 */
#define ATTACH_HANDLE 0xe591a100U
#define ATTACH_HANDLE_QDISC 1U /* and the qdisc was made for it */
#define ATTACH_PRIORITIES 8

#define ATTACH_NAME_XDP "esp_xdp_in"
#define ATTACH_NAME_TC "esp_tc_"

const char *attach_hook_name(enum hook_kind kind)
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

void attach_init(struct attachment *ret)
{
	*ret = (struct attachment){.in.link_fd = -1, .out.link_fd = -1, .guard = -1};
}

__attribute__((format(printf, 2, 3))) static void note(struct attachment *a, const char *format, ...)
{
	size_t used = strlen(a->note);
	va_list args;

	if (used && used + 2 < sizeof(a->note)) {
		memcpy(a->note + used, "; ", 3);
		used += 2;
	}
	va_start(args, format);
	vsnprintf(a->note + used, sizeof(a->note) - used, format, args);
	va_end(args);
}

/* What the kernel says of itself says more than the error number. */
static const char *reason(int err)
{
	const char *complaint = host_complaint();

	return *complaint ? complaint : strerror(-err);
}

/* ---- who is there already */

/* The name needs CAP_SYS_ADMIN, which we need not have: "" then. */
static void program_name(uint32_t id, char *ret, size_t size)
{
	struct bpf_prog_info info = {};
	uint32_t length = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id);

	*ret = 0;
	if (fd < 0)
		return;
	if (!bpf_obj_get_info_by_fd(fd, &info, &length))
		snprintf(ret, size, "%s", info.name);
	close(fd);
}

/* Held for as long as we are attached: an abstract socket is its namespace's own, as is the ifindex, and dies with us. */
static int guard_take(uint32_t ifindex)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int length =
		snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "espial/interface/%u", ifindex);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length))) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

static bool has_our_tcx(uint32_t ifindex, enum bpf_attach_type type)
{
	uint32_t ids[ATTACH_TCX_MOST];
	char name[BPF_OBJ_NAME_LEN];
	LIBBPF_OPTS(bpf_prog_query_opts, opts, .prog_ids = ids, .prog_cnt = ATTACH_TCX_MOST);

	if (bpf_prog_query_opts((int)ifindex, type, &opts))
		return false;
	for (uint32_t i = 0; i < opts.prog_cnt && i < ATTACH_TCX_MOST; i++) {
		program_name(ids[i], name, sizeof(name));
		if (!strncmp(name, ATTACH_NAME_TC, strlen(ATTACH_NAME_TC)))
			return true;
	}
	return false;
}

struct found_filters {
	struct filter ours[4];
	size_t our_count, other_count;
	uint32_t first_other; /* priority */
};

static void on_filter(void *arg, const struct filter *filter)
{
	struct found_filters *found = arg;
	bool ours = (filter->handle & ~ATTACH_HANDLE_QDISC) == ATTACH_HANDLE &&
		    !strncmp(filter->name, ATTACH_NAME_TC, strlen(ATTACH_NAME_TC));

	if (ours && found->our_count < sizeof(found->ours) / sizeof(*found->ours)) {
		found->ours[found->our_count++] = *filter;
	} else if (!ours) {
		found->other_count++;
		if (!found->first_other || filter->priority < found->first_other)
			found->first_other = filter->priority;
	}
}

static struct found_filters find_filters(uint32_t ifindex, bool egress)
{
	struct found_filters found = {};

	(void)filters_each(ifindex, egress, on_filter, &found);
	return found;
}

/* ---- clsact */

static void remove_filter(uint32_t ifindex, bool egress, uint32_t handle, uint32_t priority)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex,
		    .attach_point = egress ? BPF_TC_EGRESS : BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = handle, .priority = priority);

	(void)bpf_tc_detach(&hook, &opts);
}

/* The qdisc goes when it was made for us and nobody has come to use it since. */
static void remove_qdisc_if_unused(uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, both, .ifindex = (int)ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);

	for (int egress = 0; egress < 2; egress++) {
		struct found_filters found = find_filters(ifindex, egress);

		if (found.our_count || found.other_count)
			return;
	}
	(void)bpf_tc_hook_destroy(&both);
}

/* What an agent left that was killed. Returns whether the qdisc was that agent's, and is now ours. */
static bool remove_stale(uint32_t ifindex)
{
	bool qdisc_ours = false;

	for (int egress = 0; egress < 2; egress++) {
		struct found_filters found = find_filters(ifindex, egress);

		for (size_t i = 0; i < found.our_count; i++) {
			qdisc_ours |= found.ours[i].handle & ATTACH_HANDLE_QDISC;
			remove_filter(ifindex, egress, found.ours[i].handle, found.ours[i].priority);
		}
	}
	return qdisc_ours;
}

/* First of all filters where that can be had, since one that returns a verdict ends the chain. */
static int attach_clsact(struct attachment *a, bool egress, int program, bool qdisc_ours, struct hook *ret)
{
	struct found_filters found = find_filters(a->ifindex, egress);
	uint32_t handle = ATTACH_HANDLE | (qdisc_ours ? ATTACH_HANDLE_QDISC : 0);
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)a->ifindex,
		    .attach_point = egress ? BPF_TC_EGRESS : BPF_TC_INGRESS);
	int err = -EINVAL;

	/* A priority is of one kind and protocol: one that is taken by another is refused. 0: the kernel's choice. */
	for (uint32_t i = 1; i <= ATTACH_PRIORITIES + 1 && err; i++) {
		uint32_t priority = i <= ATTACH_PRIORITIES ? i : 0;
		LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = program, .handle = handle, .priority = priority);

		err = bpf_tc_attach(&hook, &opts);
		if (err)
			continue;
		*ret = (struct hook){.kind = HOOK_CLSACT,
				     .link_fd = -1,
				     .handle = handle,
				     .priority = opts.priority,
				     .prog_id = opts.prog_id};
		if (found.first_other && found.first_other < opts.priority)
			note(a, "%s: a tc filter of someone else comes first and may end the chain",
			     egress ? "out" : "in");
	}
	return err;
}

/* ---- links */

static int attach_tcx(uint32_t ifindex, bool egress, int program)
{
	enum bpf_attach_type type = egress ? ATTACH_TCX_EGRESS : ATTACH_TCX_INGRESS;
	LIBBPF_OPTS(bpf_link_create_opts, first, .flags = ATTACH_F_BEFORE);
	int fd = bpf_link_create(program, (int)ifindex, type, &first);

	return fd < 0 ? bpf_link_create(program, (int)ifindex, type, NULL) : fd;
}

static int attach_xdp(uint32_t ifindex, bool native, int program)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE);

	return bpf_link_create(program, (int)ifindex, BPF_XDP, &opts);
}

/* ---- which of them */

struct attempt {
	const struct attach_programs *programs;
	const struct attach_request *request;
	struct attachment *a;
	bool qdisc_asked, qdisc_ours;
};

static int try_tc(struct attempt *t, bool egress, struct hook *ret)
{
	int program = egress ? t->programs->tc_out : t->programs->tc_in;
	uint32_t ifindex = t->a->ifindex;
	int err;

	if (!(t->request->without & LIVE_WITHOUT_TCX)) {
		int fd = attach_tcx(ifindex, egress, program);

		if (fd >= 0) {
			*ret = (struct hook){.kind = HOOK_TCX, .link_fd = fd};
			return 0;
		}
	}
	host_complaint_clear();
	if (!t->qdisc_asked) {
		LIBBPF_OPTS(bpf_tc_hook, both, .ifindex = (int)ifindex,
			    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);

		err = bpf_tc_hook_create(&both);
		if (err && err != -EEXIST)
			return err;
		t->qdisc_asked = true;
		t->qdisc_ours |= !err;
		host_complaint_clear();
	}
	return attach_clsact(t->a, egress, program, t->qdisc_ours, ret);
}

static bool wants_native(const struct attach_request *request)
{
	return request->mode == LIVE_XDP_AUTO || request->mode == LIVE_XDP_NATIVE;
}

static bool wants_generic(const struct attach_request *request)
{
	return request->mode == LIVE_XDP_AUTO || request->mode == LIVE_XDP_GENERIC;
}

/* Whether XDP is there for us; says why it is not, unless nobody asked for it. */
static bool xdp_is_free(struct attempt *t)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	char name[BPF_OBJ_NAME_LEN];
	uint32_t id;

	if (t->request->mode == LIVE_XDP_OFF)
		return false;
	if (!t->request->ethernet) {
		note(t->a, "in: no link header, hence no XDP: tc is used");
		return false;
	}
	if (bpf_xdp_query((int)t->a->ifindex, 0, &query))
		return true; /* the attempt will tell */
	id = query.prog_id ? query.prog_id : query.drv_prog_id ? query.drv_prog_id : query.skb_prog_id;
	if (!id)
		id = query.hw_prog_id;
	if (!id)
		return true;
	program_name(id, name, sizeof(name));
	note(t->a, "in: XDP is taken by program %u%s%s%s", id, *name ? " (" : "", name, *name ? ")" : "");
	return false;
}

/* XDP as the mode says. A link descriptor in *ret_fd and the kind, or an error and the cause in `why`. */
static int try_xdp(struct attempt *t, struct hook *ret, char *why, size_t why_size)
{
	int fd = -EOPNOTSUPP;

	*why = 0;
	if (wants_native(t->request)) {
		host_complaint_clear();
		fd = t->request->without & LIVE_WITHOUT_NATIVE
			     ? -EOPNOTSUPP
			     : attach_xdp(t->a->ifindex, true, t->programs->xdp_in);
		if (fd >= 0) {
			*ret = (struct hook){.kind = HOOK_XDP_NATIVE, .link_fd = fd};
			return 0;
		}
		snprintf(why, why_size, "native XDP is refused (%s)", reason(fd));
	}
	if (wants_generic(t->request)) {
		size_t used = strlen(why);

		host_complaint_clear();
		fd = t->request->without & LIVE_WITHOUT_GENERIC
			     ? -EOPNOTSUPP
			     : attach_xdp(t->a->ifindex, false, t->programs->xdp_in);
		if (fd >= 0) {
			*ret = (struct hook){.kind = HOOK_XDP_GENERIC, .link_fd = fd};
			return 0;
		}
		snprintf(why + used, why_size - used, "%sgeneric XDP is refused (%s)", used ? ", " : "",
			 reason(fd));
	}
	return fd;
}

static int attach_ingress(struct attempt *t)
{
	char why[ATTACH_TEXT];
	int err;

	if (xdp_is_free(t)) {
		err = try_xdp(t, &t->a->in, why, sizeof(why));
		if (!err) {
			if (*why)
				note(t->a, "in: %s", why);
			return 0;
		}
		note(t->a, "in: %s", why);
		if (t->request->mode != LIVE_XDP_AUTO)
			return err;
	} else if (t->request->ethernet && t->request->mode != LIVE_XDP_AUTO &&
		   t->request->mode != LIVE_XDP_OFF) {
		return -EEXIST; /* somebody's; asked for nonetheless */
	}
	host_complaint_clear();
	err = try_tc(t, false, &t->a->in);
	if (err)
		note(t->a, "in: tc ingress is refused (%s)", reason(err));
	return err;
}

/* With these loaded GRO takes ESP out of the stream before both generic XDP and tc ingress. */
static void note_offload(struct attachment *a)
{
	bool v4 = !access("/sys/module/esp4_offload", F_OK), v6 = !access("/sys/module/esp6_offload", F_OK);

	if (a->in.kind != HOOK_NONE && a->in.kind != HOOK_XDP_NATIVE && (v4 || v6))
		note(a,
		     "in: %s is loaded, so that ESP may be taken away before it is seen: unload it or use "
		     "native XDP",
		     v4 ? "esp4_offload" : "esp6_offload");
}

/* -EBUSY: an agent is at work here. What one left that is no more is removed: returns 0, or 1 when the qdisc is ours now. */
static int look_for_agents(struct attachment *a)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	char name[BPF_OBJ_NAME_LEN] = "";
	bool busy;

	a->guard = guard_take(a->ifindex);
	if (!bpf_xdp_query((int)a->ifindex, 0, &query) && query.prog_id)
		program_name(query.prog_id, name, sizeof(name));
	busy = !strcmp(name, ATTACH_NAME_XDP) || has_our_tcx(a->ifindex, ATTACH_TCX_INGRESS) ||
	       has_our_tcx(a->ifindex, ATTACH_TCX_EGRESS);
	/* Without CAP_SYS_ADMIN nobody tells us a program's name: then the socket that an agent holds decides. */
	if (a->guard == -EADDRINUSE && query.prog_id && !*name)
		busy = true;
	/* Filters outlive their agent, links do not. */
	if (!busy && a->guard < 0)
		busy = find_filters(a->ifindex, false).our_count || find_filters(a->ifindex, true).our_count;
	if (busy) {
		note(a, "another espial agent watches it: stop that one first (see `espial status self`, "
			"`bpftool net`)");
		return -EBUSY;
	}
	return remove_stale(a->ifindex);
}

int attach_interface(const struct attach_programs *programs, const struct attach_request *request,
		     struct attachment *ret)
{
	struct attempt t = {.programs = programs, .request = request, .a = ret};
	int in, out, found;

	attach_init(ret);
	ret->ifindex = request->ifindex;
	found = look_for_agents(ret);
	if (found < 0) {
		attach_remove(ret, true);
		return found;
	}
	t.qdisc_ours = found;
	in = attach_ingress(&t);
	if (in && request->mode != LIVE_XDP_AUTO) { /* what was asked for cannot be had */
		out = in;
	} else {
		host_complaint_clear();
		out = try_tc(&t, true, &ret->out);
		if (out)
			note(ret, "out: tc egress is refused (%s)", reason(out));
	}
	if (in && out) {
		attach_remove(ret, true);
		if (t.qdisc_ours)
			remove_qdisc_if_unused(request->ifindex);
		return in;
	}
	if (t.qdisc_ours && ret->in.kind != HOOK_CLSACT && ret->out.kind != HOOK_CLSACT)
		remove_qdisc_if_unused(request->ifindex);
	note_offload(ret);
	return 0;
}

/* Whether the clsact filter at its place is still ours. */
static bool has_our_filter(const struct attachment *a, bool egress, const struct hook *hook)
{
	LIBBPF_OPTS(bpf_tc_hook, where, .ifindex = (int)a->ifindex,
		    .attach_point = egress ? BPF_TC_EGRESS : BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = hook->handle, .priority = hook->priority);

	return !bpf_tc_query(&where, &opts) && opts.prog_id == hook->prog_id;
}

static bool hook_is_whole(const struct attachment *a, bool egress, const struct hook *hook)
{
	struct bpf_link_info info = {};
	uint32_t length = sizeof(info);

	if (hook->kind == HOOK_CLSACT)
		return has_our_filter(a, egress, hook);
	/* A link that hangs on nothing any more has index 0, which is in the same place for XDP and TCX. */
	return hook->link_fd < 0 || bpf_obj_get_info_by_fd(hook->link_fd, &info, &length) || info.xdp.ifindex;
}

bool attach_is_whole(const struct attachment *attachment)
{
	return hook_is_whole(attachment, false, &attachment->in) &&
	       hook_is_whole(attachment, true, &attachment->out);
}

static void remove_hook(const struct attachment *a, bool egress, const struct hook *hook, bool exists)
{
	if (hook->link_fd >= 0)
		close(hook->link_fd);
	/* Somebody may have removed it, and put something else in its place. */
	if (hook->kind == HOOK_CLSACT && exists && has_our_filter(a, egress, hook))
		remove_filter(a->ifindex, egress, hook->handle, hook->priority);
}

void attach_remove(struct attachment *attachment, bool exists)
{
	char text[ATTACH_TEXT];
	bool qdisc_ours = (attachment->in.handle | attachment->out.handle) & ATTACH_HANDLE_QDISC;

	remove_hook(attachment, false, &attachment->in, exists);
	remove_hook(attachment, true, &attachment->out, exists);
	if (qdisc_ours && exists)
		remove_qdisc_if_unused(attachment->ifindex);
	if (attachment->guard >= 0)
		close(attachment->guard);
	memcpy(text, attachment->note, sizeof(text));
	attach_init(attachment);
	memcpy(attachment->note, text, sizeof(text));
}

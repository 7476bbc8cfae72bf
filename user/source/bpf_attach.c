/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source/bpf_attach.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include "source/bpf_clsact.h"
#include "source/bpf_hook.h"
#include "source/bpf_host.h"

#define ATTACH_NAME_XDP "esp_xdp_in"
#define ATTACH_WAIT_NS 20000000
#define ATTACH_WAITS 25

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
	uint32_t ids[HOOK_TCX_MOST];
	char name[BPF_OBJ_NAME_LEN];
	LIBBPF_OPTS(bpf_prog_query_opts, opts, .prog_ids = ids, .prog_cnt = HOOK_TCX_MOST);

	if (bpf_prog_query_opts((int)ifindex, type, &opts))
		return false;
	for (uint32_t i = 0; i < opts.prog_cnt && i < HOOK_TCX_MOST; i++) {
		host_program_name(ids[i], name, sizeof(name));
		if (!strncmp(name, CLSACT_NAME, strlen(CLSACT_NAME)))
			return true;
	}
	return false;
}

/* ---- which of them */

struct attempt {
	const struct attach_programs *programs;
	const struct attach_request *request;
	struct attachment *a;
	bool qdisc_asked, qdisc_ours;
};

/* So that it stays when we go. It is none the worse for us when that fails. */
static void pin(struct attempt *t, bool egress, const struct hook *hook)
{
	int err = t->a->links ? hook_pin(hook, t->a->links, t->a->ifindex, egress) : 0;

	if (err)
		note(t->a, "%s: ends with the agent: it cannot be pinned in %s (%s)", egress ? "out" : "in",
		     t->a->links, strerror(-err));
}

static int try_clsact(struct attempt *t, bool egress, int program, struct hook *ret)
{
	struct clsact_filters found = clsact_find(t->a->ifindex, egress);
	int err;

	if (!t->qdisc_asked) {
		err = clsact_make_qdisc(t->a->ifindex);
		if (err && err != -EEXIST)
			return err;
		t->qdisc_asked = true;
		t->qdisc_ours |= !err;
		host_complaint_clear();
	}
	err = hook_clsact(t->a->ifindex, egress, program, t->qdisc_ours, ret);
	if (!err && found.first_other && found.first_other < ret->priority)
		note(t->a, "%s: a tc filter of someone else comes first and may end the chain",
		     egress ? "out" : "in");
	return err;
}

static int try_tc(struct attempt *t, bool egress, struct hook *ret)
{
	int program = egress ? t->programs->tc_out : t->programs->tc_in;

	if (!(t->request->without & LIVE_WITHOUT_TCX) && !hook_tcx(t->a->ifindex, egress, program, ret)) {
		pin(t, egress, ret);
		return 0;
	}
	host_complaint_clear();
	return try_clsact(t, egress, program, ret);
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
	host_program_name(id, name, sizeof(name));
	note(t->a, "in: XDP is taken by program %u%s%s%s", id, *name ? " (" : "", name, *name ? ")" : "");
	return false;
}

/* XDP as the mode says. 0, or an error; and the cause in `why` when the first choice was refused. */
static int try_xdp(struct attempt *t, struct hook *ret, char *why, size_t why_size)
{
	int err = -EOPNOTSUPP;

	*why = 0;
	if (wants_native(t->request)) {
		host_complaint_clear();
		if (!(t->request->without & LIVE_WITHOUT_NATIVE))
			err = hook_xdp(t->a->ifindex, true, t->programs->xdp_in, ret);
		if (!err)
			return 0;
		snprintf(why, why_size, "native XDP is refused (%s)", reason(err));
	}
	if (wants_generic(t->request)) {
		size_t used = strlen(why);

		err = -EOPNOTSUPP;
		host_complaint_clear();
		if (!(t->request->without & LIVE_WITHOUT_GENERIC))
			err = hook_xdp(t->a->ifindex, false, t->programs->xdp_in, ret);
		if (!err)
			return 0;
		snprintf(why + used, why_size - used, "%sgeneric XDP is refused (%s)", used ? ", " : "",
			 reason(err));
	}
	return err;
}

static int attach_ingress(struct attempt *t)
{
	char why[ATTACH_TEXT];
	int err;

	if (xdp_is_free(t)) {
		err = try_xdp(t, &t->a->in, why, sizeof(why));
		if (*why)
			note(t->a, "in: %s", why);
		if (!err) {
			pin(t, false, &t->a->in);
			return 0;
		}
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

/* With these loaded GRO takes ESP out of the stream before tc ingress. It does nothing where generic XDP is attached. */
static void note_offload(struct attachment *a)
{
	bool v4 = !access("/sys/module/esp4_offload", F_OK), v6 = !access("/sys/module/esp6_offload", F_OK);

	if (a->in.kind != HOOK_NONE && a->in.kind != HOOK_XDP_NATIVE && a->in.kind != HOOK_XDP_GENERIC &&
	    (v4 || v6))
		note(a,
		     "in: %s is loaded, so that ESP may be taken away before it is seen: unload it or use "
		     "XDP",
		     v4 ? "esp4_offload" : "esp6_offload");
}

static bool has_our_links(uint32_t ifindex, bool guarded)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	char name[BPF_OBJ_NAME_LEN] = "";

	if (!bpf_xdp_query((int)ifindex, 0, &query) && query.prog_id)
		host_program_name(query.prog_id, name, sizeof(name));
	/* Without CAP_SYS_ADMIN nobody tells us a program's name: then the socket that an agent holds decides. */
	if (guarded && query.prog_id && !*name)
		return true;
	return !strcmp(name, ATTACH_NAME_XDP) || has_our_tcx(ifindex, HOOK_TCX_INGRESS) ||
	       has_our_tcx(ifindex, HOOK_TCX_EGRESS);
}

/* -EBUSY: an agent is at work here. What one left that is no more is removed: returns 0, or 1 when the qdisc is ours now. */
static int look_for_agents(struct attachment *a)
{
	const struct timespec pause = {.tv_nsec = ATTACH_WAIT_NS};
	bool guarded, busy;
	size_t count;

	a->guard = guard_take(a->ifindex);
	guarded = a->guard == -EADDRINUSE;
	busy = has_our_links(a->ifindex, guarded);
	/* The kernel lets go of a dead agent's links a moment after it is dead. */
	for (int i = 0; i < ATTACH_WAITS && busy && !guarded; i++) {
		nanosleep(&pause, NULL);
		busy = has_our_links(a->ifindex, guarded);
	}
	/* Filters outlive their agent, links do not. */
	if (!busy && a->guard < 0)
		busy = clsact_find(a->ifindex, false).our_count || clsact_find(a->ifindex, true).our_count;
	if (busy && guarded)
		note(a, "another espial agent watches it: stop that one first (see `espial status self`, "
			"`bpftool net`)");
	else if (busy)
		note(a, "programs that an espial agent left are on it: take them over with its --bpffs, or "
			"remove them: `espial detach`");
	return busy ? -EBUSY : clsact_remove_all(a->ifindex, &count);
}

int attach_interface(const struct attach_programs *programs, const struct attach_request *request,
		     struct attachment *ret)
{
	struct attempt t = {.programs = programs, .request = request, .a = ret};
	int in, out, found;

	attach_init(ret);
	ret->ifindex = request->ifindex;
	ret->links = request->links;
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
			clsact_remove_qdisc_if_unused(request->ifindex);
		return in;
	}
	if (t.qdisc_ours && ret->in.kind != HOOK_CLSACT && ret->out.kind != HOOK_CLSACT)
		clsact_remove_qdisc_if_unused(request->ifindex);
	note_offload(ret);
	return 0;
}

bool attach_suits(const struct attachment *attachment, const struct attach_request *request)
{
	enum hook_kind kind = attachment->in.kind;

	switch (request->mode) {
	case LIVE_XDP_NATIVE:
		return kind == HOOK_XDP_NATIVE;
	case LIVE_XDP_GENERIC:
		return kind == HOOK_XDP_GENERIC;
	case LIVE_XDP_OFF:
		return kind != HOOK_XDP_NATIVE && kind != HOOK_XDP_GENERIC;
	case LIVE_XDP_AUTO:
		break;
	}
	return true;
}

int attach_adopt(const struct attach_programs *programs, const struct attach_request *request,
		 const struct attachment *before, struct attachment *ret)
{
	struct hook in = {.link_fd = -1}, out = {.link_fd = -1};
	/* Nothing was noted yet of an agent that was killed while it attached: then both must be there. */
	bool begun = before->in.kind == HOOK_NONE && before->out.kind == HOOK_NONE;

	attach_init(ret);
	ret->ifindex = request->ifindex;
	ret->links = request->links;
	ret->guard = guard_take(request->ifindex);
	if (!hook_adopt(request->ifindex, false, programs->xdp_in, programs->tc_in, request->links,
			&before->in, &in))
		ret->in = in;
	if (!hook_adopt(request->ifindex, true, -1, programs->tc_out, request->links, &before->out, &out))
		ret->out = out;
	memcpy(ret->note, before->note, sizeof(ret->note));
	if ((begun || before->in.kind != HOOK_NONE) && ret->in.kind == HOOK_NONE)
		return -ESTALE;
	return (begun || before->out.kind != HOOK_NONE) && ret->out.kind == HOOK_NONE ? -ESTALE : 0;
}

bool attach_is_whole(const struct attachment *attachment)
{
	return hook_is_whole(&attachment->in, attachment->ifindex, false) &&
	       hook_is_whole(&attachment->out, attachment->ifindex, true);
}

static void forget(struct attachment *attachment)
{
	char text[ATTACH_TEXT];

	if (attachment->guard >= 0)
		close(attachment->guard);
	memcpy(text, attachment->note, sizeof(text));
	attach_init(attachment);
	memcpy(attachment->note, text, sizeof(text));
}

void attach_remove(struct attachment *attachment, bool exists)
{
	bool qdisc_ours = (attachment->in.handle | attachment->out.handle) & CLSACT_HANDLE_QDISC;

	hook_remove(&attachment->in, attachment->links, attachment->ifindex, false, exists);
	hook_remove(&attachment->out, attachment->links, attachment->ifindex, true, exists);
	if (qdisc_ours && exists)
		clsact_remove_qdisc_if_unused(attachment->ifindex);
	forget(attachment);
}

void attach_release(struct attachment *attachment)
{
	if (attachment->in.link_fd >= 0)
		close(attachment->in.link_fd);
	if (attachment->out.link_fd >= 0)
		close(attachment->out.link_fd);
	forget(attachment);
}

bool attach_is_guarded(uint32_t ifindex)
{
	int fd = guard_take(ifindex);

	if (fd >= 0)
		close(fd);
	return fd == -EADDRINUSE;
}

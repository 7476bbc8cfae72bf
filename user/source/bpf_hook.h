/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bpf_hook.h - one program of ours on one side of an interface: XDP, TCX or a clsact filter; pinned, and adopted again
 */
#ifndef ESPIAL_SOURCE_BPF_HOOK_H
#define ESPIAL_SOURCE_BPF_HOOK_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/bpf.h>

/* Kernel 6.6; not in the headers of older ones, nor is what bpf_link_create() takes for them. */
#define HOOK_TCX_INGRESS ((enum bpf_attach_type)46)
#define HOOK_TCX_EGRESS ((enum bpf_attach_type)47)
#define HOOK_TCX_MOST 64 /* programs on one hook: BPF_MPROG_MAX */

enum hook_kind {
	HOOK_NONE,
	HOOK_XDP_NATIVE,
	HOOK_XDP_GENERIC,
	HOOK_TCX,
	HOOK_CLSACT,
};

struct hook {
	enum hook_kind kind;
	int link_fd;		   /* XDP, TCX; else -1 */
	uint32_t handle, priority; /* clsact */
	uint32_t prog_id;
	uint64_t prog_tag; /* of the program's instructions */
};

/* As in struct state_interface. */
const char *hook_name(enum hook_kind kind);

/* Links: 0 or -errno. */
int hook_xdp(uint32_t ifindex, bool native, int program, struct hook *ret);
int hook_tcx(uint32_t ifindex, bool egress, int program, struct hook *ret);
/* First of all filters if that can be had. The qdisc is there. */
int hook_clsact(uint32_t ifindex, bool egress, int program, bool qdisc_ours, struct hook *ret);

/* So that the link outlives us. Filters do anyway: 0. */
int hook_pin(const struct hook *hook, const char *links, uint32_t ifindex, bool egress);
void hook_unpin(const char *links, uint32_t ifindex, bool egress);

/*
 * What an earlier agent left: a pinned link, or a filter. Our program for that hook takes the place of the one that hangs there,
 * unless `before` says that it is of the same instructions already (prog_tag; 0: it is not to be believed). -ESTALE:
 * there is nothing that works, and nothing is left of it.
 */
int hook_adopt(uint32_t ifindex, bool egress, int xdp, int tc, const char *links, const struct hook *before,
	       struct hook *ret);

/* False when somebody has removed it, or the interface is gone. */
bool hook_is_whole(const struct hook *hook, uint32_t ifindex, bool egress);
/* `exists`: false when the interface is gone and with it what hung on it. `links`: pinned there, or NULL. */
void hook_remove(const struct hook *hook, const char *links, uint32_t ifindex, bool egress, bool exists);

#endif

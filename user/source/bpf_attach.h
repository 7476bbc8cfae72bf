/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bpf_attach.h - our programs on one interface: XDP native or generic, TCX or clsact, whichever works
 *
 * XDP and TCX programs hang on links, which the kernel removes when the agent dies. A clsact filter stays then: the next
 * agent knows it by its handle and program name, and removes it. Nothing of anybody else is touched.
 */
#ifndef ESPIAL_SOURCE_BPF_ATTACH_H
#define ESPIAL_SOURCE_BPF_ATTACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "source/bpf_live.h"

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
};

struct attach_programs {
	int xdp_in, tc_in, tc_out; /* file descriptors */
};

#define ATTACH_TEXT 160

struct attachment {
	uint32_t ifindex;
	struct hook in, out;
	int guard;		/* keeps other agents away; -1: none */
	char note[ATTACH_TEXT]; /* why it is not what was asked for; "" nothing to say */
};

struct attach_request {
	uint32_t ifindex;
	bool ethernet; /* else there is no link header: tc only */
	enum live_xdp_mode mode;
	unsigned int without; /* enum live_without */
};

/* As in struct state_interface. */
const char *attach_hook_name(enum hook_kind kind);

/* An attachment to nothing. */
void attach_init(struct attachment *ret);
/*
 * Ingress and egress. 0 when at least one of them is seen, and then `note` says what is not as asked for; else -EBUSY (another
 * agent, nothing done), or -errno, with the cause and the remedy in `note` and nothing left behind.
 */
int attach_interface(const struct attach_programs *programs, const struct attach_request *request,
		     struct attachment *ret);
/* False when somebody has removed a program of ours, or the interface is gone. */
bool attach_is_whole(const struct attachment *attachment);
/* Removes ours. `exists`: false when the interface is gone and with it what hung on it. */
void attach_remove(struct attachment *attachment, bool exists);

#endif

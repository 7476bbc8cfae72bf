/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bpf_attach.h - our programs on one interface: XDP native or generic, TCX or clsact, whichever works
 *
 * XDP and TCX programs hang on links, which the kernel removes when the agent dies, unless they are pinned. A clsact filter
 * stays anyway: the next agent knows it by its handle and program name, and adopts or removes it. Nothing of anybody else
 * is touched.
 */
#ifndef ESPIAL_SOURCE_BPF_ATTACH_H
#define ESPIAL_SOURCE_BPF_ATTACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "source/bpf_hook.h"
#include "source/bpf_live.h"

struct attach_programs {
	int xdp_in, tc_in, tc_out; /* file descriptors */
};

#define ATTACH_TEXT 160

struct attachment {
	uint32_t ifindex;
	struct hook in, out;
	int guard;		/* keeps other agents away; -1: none */
	const char *links;	/* links are pinned in this directory; NULL: they are not */
	char note[ATTACH_TEXT]; /* why it is not what was asked for; "" nothing to say */
};

struct attach_request {
	uint32_t ifindex;
	bool ethernet; /* else there is no link header: tc only */
	enum live_xdp_mode mode;
	unsigned int without; /* enum live_without */
	const char *links;    /* as in struct attachment, which keeps it */
};

/* An attachment to nothing. */
void attach_init(struct attachment *ret);
/*
 * Ingress and egress. 0 when at least one of them is seen, and then `note` says what is not as asked for; else -EBUSY (another
 * agent, nothing done), or -errno, with the cause and the remedy in `note` and nothing left behind.
 */
int attach_interface(const struct attach_programs *programs, const struct attach_request *request,
		     struct attachment *ret);
/*
 * What an earlier agent left pinned, which was before.in and before.out. -ESTALE when that is not whole any more; *ret is
 * then what is left of it.
 */
int attach_adopt(const struct attach_programs *programs, const struct attach_request *request,
		 const struct attachment *before, struct attachment *ret);
/* False when somebody has removed a program of ours, or the interface is gone. */
bool attach_is_whole(const struct attachment *attachment);
/* Is it what this mode asks for, as far as is known without an attempt? */
bool attach_suits(const struct attachment *attachment, const struct attach_request *request);
/* Removes ours. `exists`: false when the interface is gone and with it what hung on it. */
void attach_remove(struct attachment *attachment, bool exists);
/* Lets go of it: what is pinned stays. */
void attach_release(struct attachment *attachment);

/* Does another agent watch the interface at this moment? */
bool attach_is_guarded(uint32_t ifindex);

#endif

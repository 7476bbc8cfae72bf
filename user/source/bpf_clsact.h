/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bpf_clsact.h - our tc filters on an interface's clsact qdisc: put there, found again, taken away
 *
 * A filter outlives its agent. Ours are known by handle and name. Filters and qdiscs of others are never touched.
 */
#ifndef ESPIAL_SOURCE_BPF_CLSACT_H
#define ESPIAL_SOURCE_BPF_CLSACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "source/filters.h"

/*
 * Handle of our clsact filters: anyone's to choose, so it can tell the next agent what a crash leaves unsaid: whether the qdisc
 * is ours too.
 */
#define CLSACT_HANDLE 0xe591a100U
#define CLSACT_HANDLE_QDISC 1U /* and the qdisc was made for it */

#define CLSACT_NAME "esp_tc_" /* our programs' names begin with it */

struct clsact_filters {
	struct filter ours[4];
	size_t our_count, other_count;
	uint32_t first_other; /* priority */
};

struct clsact_filters clsact_find(uint32_t ifindex, bool egress);
/* 0: made, -EEXIST: it is there, or -errno. */
int clsact_make_qdisc(uint32_t ifindex);
/* First of all filters where that can be had, since one that returns a verdict ends the chain. */
int clsact_attach(uint32_t ifindex, bool egress, int program, bool qdisc_ours, struct filter *ret);
/* Another program in the filter's place, without a packet between the two. */
int clsact_replace(uint32_t ifindex, bool egress, int program, struct filter *filter);
void clsact_remove(uint32_t ifindex, bool egress, uint32_t handle, uint32_t priority);
/* The qdisc goes when it was made for us and nobody has come to use it since: true. */
bool clsact_remove_qdisc_if_unused(uint32_t ifindex);
/* What an agent left that was killed. Returns whether the qdisc was that agent's, and is now ours. */
bool clsact_remove_all(uint32_t ifindex, size_t *ret_count);
/* Whether the filter at its place is that program's. */
bool clsact_is_there(uint32_t ifindex, bool egress, uint32_t handle, uint32_t priority, uint32_t prog_id);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * filters.h - the tc filters on an interface's clsact or ingress hook, by rtnetlink: to spare those of others
 */
#ifndef ESPIAL_SOURCE_FILTERS_H
#define ESPIAL_SOURCE_FILTERS_H

#include <stdbool.h>
#include <stdint.h>

struct filter {
	uint32_t priority, handle;
	uint16_t protocol; /* ethertype, host order */
	char kind[16];	   /* "bpf", "u32", … */
	char name[64];	   /* of a BPF filter */
	uint32_t prog_id;  /* of a BPF filter; 0: none */
};

/* Calls for each filter in the order in which the kernel tells them. 0, also where there is no hook, or -errno. */
int filters_each(uint32_t ifindex, bool egress, void (*each)(void *arg, const struct filter *filter),
		 void *arg);

#endif

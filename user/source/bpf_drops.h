/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bpf_drops.h - which packets of IPsec this host drops itself, and why: the kernel's tracepoint kfree_skb
 *
 * Counts from drops_open() on, in this network namespace only, and begins at 0 with each agent. Needs CAP_BPF and
 * CAP_PERFMON. Kernels before 5.17 count without a reason.
 */
#ifndef ESPIAL_SOURCE_BPF_DROPS_H
#define ESPIAL_SOURCE_BPF_DROPS_H

#include <stddef.h>

#include "espial/abi.h"
#include "model/host.h"

struct drops;

/* `ports`: all 0 for 500 and 4500. 0, or -errno with "object: cause: remedy" in `error`, and everything else goes on without. */
int drops_open(const struct esp_ports *ports, struct drops **ret, char *error, size_t error_size);
/* Nothing is left behind. NULL is fine. */
void drops_close(struct drops *d);

/* A look: facts->drops, what was there before moved aside. NULL: has_drops becomes false. 0 or -errno. */
int drops_read(struct drops *d, struct host_facts *facts);

#endif

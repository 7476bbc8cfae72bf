/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bpf_check.h - what the kernel's BPF offers, and whose programs hang on interfaces, for `espial check`
 *
 * Programs of two or three instructions are loaded to try what the kernel takes; none is attached.
 */
#ifndef ESPIAL_SOURCE_BPF_CHECK_H
#define ESPIAL_SOURCE_BPF_CHECK_H

#include "model/check.h"

/* The host's probes and TCX, and of each interface who holds XDP and TCX. After check_look_at_interfaces(). */
void bpf_check_look(struct check_host *host);

#endif

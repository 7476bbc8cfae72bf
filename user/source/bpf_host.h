/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bpf_host.h - what the host must offer, and what it says when it does not
 */
#ifndef ESPIAL_SOURCE_BPF_HOST_H
#define ESPIAL_SOURCE_BPF_HOST_H

#include <stddef.h>
#include <stdint.h>

/* The oldest kernel that runs the programs. */
#define HOST_KERNEL_MAJOR 6
#define HOST_KERNEL_MINOR 1

/* Kernel and privileges: 0, -ENOTSUP or -EPERM, with "object: cause: remedy" in `error`. */
int host_check(char *error, size_t error_size);

/* What to do when the kernel refuses to load the programs with `err`, in words. */
const char *host_load_remedy(int err);

/* Of a BPF program; "" without CAP_SYS_ADMIN, which the agent need not have. */
void host_program_name(uint32_t id, char *ret, size_t size);

/* From now on libbpf's complaints are kept instead of printed. */
void host_complaint_keep(void);
/* libbpf's first complaint since the last clear, or the kernel's through it, in one line; "" none. */
const char *host_complaint(void);
void host_complaint_clear(void);

#endif

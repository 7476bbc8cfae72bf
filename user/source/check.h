/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * check.h - looks at the host for `espial check`: reads and asks, attaches and changes nothing
 *
 * Each fills its part of struct check_host, and leaves as unseen what it may not see. No libbpf; that part is in bpf_check.h.
 */
#ifndef ESPIAL_SOURCE_CHECK_H
#define ESPIAL_SOURCE_CHECK_H

#include "model/check.h"

/* Kernel, file systems, privileges, the kernel's IPsec. */
void check_look_at_host(struct check_host *ret);
/* The other network namespaces: those that `ip netns` names, and those that processes are in. After check_look_at_host(). */
void check_look_at_namespaces(struct check_host *ret);
/*
 * How many SAs the namespace has that we are in: no keys come with that, unlike with a dump of them. 0, -EPROTONOSUPPORT
 * (no XFRM here), or -errno: the kernel does not tell.
 */
int check_count_sas(uint64_t *ret);
/* IKE daemons: strongSwan by these sockets (none: the usual one), waiting up to `wait_ms` for all; libreswan by its own. */
void check_look_at_daemons(const char *const *sockets, size_t count, unsigned int wait_ms,
			   struct check_host *ret);
/*
 * The interfaces of this namespace, in order of ifindex: those that are named, or all that are up but loopback. Free them. -ENODEV: there is
 * none of the name that *ret_missing (may be NULL) then is; or -errno.
 */
int check_look_at_interfaces(const char *const *names, size_t count, struct check_host *ret,
			     const char **ret_missing);

/* The driver's own features and what the device tells of XDP: of one interface. Used by the above. */
void check_look_at_device(struct check_interface *interface);

#endif

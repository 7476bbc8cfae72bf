/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mtu_names.h - the transforms of an SA as the kernel or an IKE daemon names them, written as strongSwan writes proposals
 *
 * Pure. The kernel says "rfc4106(gcm(aes))" with a key of 288 bits, the daemon "AES_GCM_16_256", the proposal "aes256gcm16".
 */
#ifndef ESPIAL_MODEL_MTU_NAMES_H
#define ESPIAL_MODEL_MTU_NAMES_H

#include <stddef.h>

#include "model/fact.h"
#include "model/mtu.h"

#define MTU_NAMES 64 /* bytes of a proposal, terminated */

/* 0, or -EINVAL: a transform whose sizes nobody knows, of which *ret_unknown (may be NULL) is the name within `sa`. */
int mtu_names_kernel(const struct fact_sa *sa, char ret[static MTU_NAMES], const char **ret_unknown);

/* Of fact_child.suite. 0, or -EINVAL: nothing in it is an encryption or integrity algorithm that is known. */
int mtu_names_daemon(const char *suite, char ret[static MTU_NAMES]);

/* FACT_MODE_UNKNOWN and IPTFS, which has sizes of its own: -EINVAL. */
int mtu_names_mode(enum fact_mode mode, enum mtu_mode *ret);

#endif

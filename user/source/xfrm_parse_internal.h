/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xfrm_parse_internal.h - the parser of XFRM messages from within: xfrm_parse.c (SAs, notices), xfrm_parse_policy.c */
#ifndef ESPIAL_SOURCE_XFRM_PARSE_INTERNAL_H
#define ESPIAL_SOURCE_XFRM_PARSE_INTERNAL_H

#include <stddef.h>

#include <linux/xfrm.h>

#include "source/xfrm_parse.h"

struct nlattr;

/* ---- xfrm_parse.c */

void xfrm_put_address(const xfrm_address_t *from, uint16_t family, uint8_t ret[16]);
uint8_t xfrm_family(uint16_t family);
enum fact_mode xfrm_mode(uint8_t mode);
/* The fixed part of an attribute's value, or NULL when it is shorter. Netlink aligns to four bytes only. */
const void *xfrm_fixed(const struct nlattr *attr, size_t size);
/* 0 when it is shorter. */
uint32_t xfrm_number(const struct nlattr *attr);
void xfrm_read_mark(const struct nlattr *attr, uint32_t *ret_mark, uint32_t *ret_mask);

/* ---- xfrm_parse_policy.c */

void xfrm_read_policy(const struct xfrm_userpolicy_info *info, struct fact_policy *ret);
/* The attributes behind the first `head` bytes of the payload. */
void xfrm_read_policy_attributes(const struct nlmsghdr *message, size_t head, struct fact_policy *ret);
int xfrm_parse_policy(const struct nlmsghdr *message, size_t head, enum xfrm_kind kind,
		      struct xfrm_message *ret);
int xfrm_parse_policy_gone(const struct nlmsghdr *message, struct xfrm_message *ret);
int xfrm_parse_policy_expire(const struct nlmsghdr *message, struct xfrm_message *ret);

#endif

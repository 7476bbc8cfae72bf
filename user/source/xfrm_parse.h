/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xfrm_parse.h - one message of the kernel's XFRM netlink family, read in place
 *
 * Pure. Messages carry keys: of the attributes that do, only the names and sizes in front of the key are read, and
 * nothing is copied from behind them. Whoever owns the buffer wipes it.
 */
#ifndef ESPIAL_SOURCE_XFRM_PARSE_H
#define ESPIAL_SOURCE_XFRM_PARSE_H

#include <linux/netlink.h>
#include <linux/xfrm.h>

#include "model/fact.h"

/* Came to the headers of Debian 12 with one of its updates; not everybody has it */
#ifndef XFRM_OFFLOAD_PACKET
#define XFRM_OFFLOAD_PACKET 4
#endif

enum xfrm_kind {
	XFRM_OTHER, /* nothing that concerns us */
	XFRM_SA,    /* an SA is, or is now, like this */
	XFRM_SA_GONE,
	XFRM_SA_EXPIRED, /* `hard`: and is gone */
	XFRM_SA_FLUSHED, /* all of sa.protocol; 0: of any */
	XFRM_POLICY,
	XFRM_POLICY_GONE,
	XFRM_POLICY_EXPIRED,
	XFRM_POLICIES_FLUSHED,
	XFRM_ACQUIRE, /* traffic wants an SA: policy, sa.source, sa.destination, sa.protocol, sa.reqid */
	XFRM_MAPPED, /* a peer's NAT gave it another address or port: sa as it was, new_source, new_source_port */
	XFRM_MIGRATED,
};

struct xfrm_message {
	enum xfrm_kind kind;
	bool hard;
	uint8_t new_source[16];
	uint16_t new_source_port;
	struct fact_sa sa;
	struct fact_policy policy;
};

/* Is a whole message in the `left` bytes? (mnl_nlmsg_ok() takes lengths above 2 GiB for negative ones, which fit.) */
static inline bool xfrm_fits(const struct nlmsghdr *message, int left)
{
	return left >= (int)sizeof(*message) && message->nlmsg_len >= sizeof(*message) &&
	       message->nlmsg_len <= (uint32_t)left;
}

/*
 * `message` with its whole nlmsg_len in memory. 0, or -EBADMSG when it is shorter than its type promises. SAs without an
 * SPI (which the kernel makes while it waits for a daemon) are XFRM_OTHER. Of SAs that are gone only the identity, and
 * of policies that are gone only index and direction, need be right.
 */
int xfrm_parse(const struct nlmsghdr *message, struct xfrm_message *ret);

#endif

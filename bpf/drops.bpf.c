/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * drops.bpf.c - counts the packets of IPsec that this host drops, and all that are too big, by the kernel's reason
 *
 * On the tracepoint kfree_skb, which every dropped packet of every network namespace passes: others are left as soon as
 * possible. The kernel's structures are read through CO-RE and never written. Dropped packets are no hot path, and raw
 * tracepoints load on hosts that refuse BTF ones.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "espial/drops.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile struct esp_drop_config esp_drop_config = {};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, ESP_DROP_KEYS);
	__type(key, struct esp_drop_key);
	__type(value, __u64);
} esp_drops SEC(".maps");

/* Packets whose key found no place. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} esp_drops_rest SEC(".maps");

/* ---- what is read of the kernel: fields and numbers are where that kernel has them */

#define KERNEL __attribute__((preserve_access_index))

struct ns_common {
	unsigned int inum;
} KERNEL;

struct net {
	struct ns_common ns;
} KERNEL;

typedef struct {
	struct net *net;
} possible_net_t;

struct net_device {
	int ifindex;
	possible_net_t nd_net;
} KERNEL;

struct xfrm_state;

struct dst_entry {
	struct net_device *dev;
	struct xfrm_state *xfrm;
} KERNEL;

struct sk_buff {
	struct net_device *dev;
	unsigned long _skb_refdst;
	__u8 active_extensions;
	__be16 protocol;
	__u16 network_header;
	unsigned char *head;
} KERNEL;

enum skb_ext_id {
	SKB_EXT_SEC_PATH = 1,
};

enum skb_drop_reason {
	SKB_DROP_REASON_PKT_TOO_BIG = 72,
};

struct trace_event_raw_kfree_skb {
	enum skb_drop_reason reason; /* of the kernel's kind, or it is taken for absent */
} KERNEL;

#define REFDST_FLAG 1ul /* SKB_DST_NOREF, include/linux/skbuff.h */

/* Since 5.17. The event's fields are those of the tracepoint. */
static __always_inline __u32 drop_reason(const struct bpf_raw_tracepoint_args *ctx)
{
	if (!bpf_core_field_exists(((struct trace_event_raw_kfree_skb *)0)->reason))
		return ESP_DROP_UNTOLD;
	return (__u32)ctx->args[2];
}

static __always_inline bool is_too_big(__u32 reason)
{
	return bpf_core_enum_value_exists(enum skb_drop_reason, SKB_DROP_REASON_PKT_TOO_BIG) &&
	       reason == bpf_core_enum_value(enum skb_drop_reason, SKB_DROP_REASON_PKT_TOO_BIG);
}

/* ---- is it ours? */

static __always_inline bool is_port(__u16 port)
{
	const volatile struct esp_ports *p = &esp_drop_config.ports;

	return port == p->ike[0] || port == p->ike[1] || port == p->natt[0] || port == p->natt[1];
}

static __always_inline bool is_ipsec(__u8 protocol, const __u8 *transport)
{
	__be16 port[2];

	if (protocol == IPPROTO_ESP || protocol == IPPROTO_AH)
		return true;
	if (protocol != IPPROTO_UDP || bpf_probe_read_kernel(port, sizeof(port), transport))
		return false;
	return is_port(bpf_ntohs(port[0])) || is_port(bpf_ntohs(port[1]));
}

/*
 * The packet on the wire, by its outermost IP header: extension headers other than AH, and later fragments of UDP, are
 * not looked into, since nothing depends on a count of drops being complete.
 */
static __always_inline bool is_outer(const struct sk_buff *skb)
{
	__be16 protocol = BPF_CORE_READ(skb, protocol);
	const __u8 *ip;
	__u8 h[20];

	if (protocol != bpf_htons(ETH_P_IP) && protocol != bpf_htons(ETH_P_IPV6))
		return false;
	ip = BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, network_header);
	if (bpf_probe_read_kernel(h, sizeof(h), ip))
		return false;
	if (h[0] >> 4 == 6)
		return is_ipsec(h[6], ip + 40);
	if (h[0] >> 4 != 4 || (h[0] & 15) < 5)
		return false;
	if (h[9] == IPPROTO_UDP && ((h[6] & 0x1f) || h[7])) /* no ports in there */
		return false;
	return is_ipsec(h[9], ip + 4 * (h[0] & 15));
}

static __always_inline const struct dst_entry *skb_dst(const struct sk_buff *skb)
{
	return (const struct dst_entry *)(BPF_CORE_READ(skb, _skb_refdst) & ~REFDST_FLAG);
}

/* It has a security path, or its route leads into an SA. */
static __always_inline bool is_inner(const struct sk_buff *skb, const struct dst_entry *dst)
{
	if (bpf_core_field_exists(skb->active_extensions) &&
	    bpf_core_enum_value_exists(enum skb_ext_id, SKB_EXT_SEC_PATH) &&
	    BPF_CORE_READ(skb, active_extensions) >> bpf_core_enum_value(enum skb_ext_id, SKB_EXT_SEC_PATH) &
		    1)
		return true;
	return bpf_core_field_exists(dst->xfrm) && dst && BPF_CORE_READ(dst, xfrm);
}

/* Every network namespace drops packets here, and their interface numbers are the same. */
static __always_inline bool is_here(const struct net_device *dev)
{
	return BPF_CORE_READ(dev, nd_net.net, ns.inum) == esp_drop_config.netns;
}

static __always_inline void count(const struct esp_drop_key *key)
{
	__u64 one = 1, *value = bpf_map_lookup_elem(&esp_drops, key);
	__u32 zero = 0;

	if (!value && !bpf_map_update_elem(&esp_drops, key, &one, BPF_NOEXIST))
		return;
	if (!value) /* it is there by now, from another CPU, or there is no place */
		value = bpf_map_lookup_elem(&esp_drops, key);
	if (!value)
		value = bpf_map_lookup_elem(&esp_drops_rest, &zero);
	if (value)
		(*value)++;
}

SEC("raw_tp/kfree_skb")
int esp_drop(struct bpf_raw_tracepoint_args *ctx)
{
	const struct sk_buff *skb = (const struct sk_buff *)ctx->args[0];
	const struct dst_entry *dst = skb_dst(skb);
	const struct net_device *dev;
	struct esp_drop_key key = {.reason = drop_reason(ctx)};

	if (is_outer(skb))
		key.kind = ESP_DROP_OUTER;
	else if (is_inner(skb, dst))
		key.kind = ESP_DROP_INNER;
	else if (is_too_big(key.reason))
		key.kind = ESP_DROP_OTHER;
	else
		return 0;
	/* Once in a socket's queue or among fragments the field is used for something else: then it is nobody's here. */
	dev = BPF_CORE_READ(skb, dev);
	if (!dev && dst)
		dev = BPF_CORE_READ(dst, dev);
	if (!dev || !is_here(dev))
		return 0;
	key.ifindex = (__u32)BPF_CORE_READ(dev, ifindex);
	count(&key);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * inner.bpf.c - both directions of the inner interfaces: MSS of TCP SYNs, ICMP errors about sizes
 *
 * Thin, as espial.bpf.c: the frame goes to inner.h. The verdict is always to pass, and nothing is written to a packet.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

#include "espial/inner.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* The agent's to write, before it attaches. */
struct esp_inner_place esp_inner_place[ESP_INNER_HASH] = {};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ESP_INNER_SLOTS * 2);
	__type(key, __u32);
	__type(value, struct esp_inner_stats);
} esp_inner_stats SEC(".maps");

/* Working memory: what lies in a map the verifier does not follow value by value, which is a tenth of the work for it. */
struct esp_inner_scratch {
	struct esp_inner_work work;
	struct esp_inner_packet packet;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct esp_inner_scratch);
} esp_inner_room SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 << 10);
} esp_inner_events SEC(".maps");

/* Interfaces have numbers that grow: those of a host seldom meet, and then they are in neighbouring places. */
static __always_inline const struct esp_inner_place *find(__u32 ifindex)
{
#pragma unroll
	for (__u32 i = 0; i < ESP_INNER_PROBES; i++) {
		const struct esp_inner_place *place = &esp_inner_place[(ifindex + i) % ESP_INNER_HASH];

		if (place->ifindex == ifindex)
			return place;
	}
	return NULL;
}

/* The agent looks by itself, every 100 ms: nobody is woken. */
static __always_inline void tell(const struct __sk_buff *skb, enum esp_direction direction,
				 struct esp_inner_stats *stats, const struct esp_inner_packet *packet)
{
	struct esp_inner_event *event = bpf_ringbuf_reserve(&esp_inner_events, sizeof(*event), 0);

	if (!event) {
		stats->missed++;
		return;
	}
	event->time = bpf_ktime_get_ns();
	event->ifindex = skb->ifindex;
	event->direction = (__u8)direction;
	event->reserved[0] = event->reserved[1] = event->reserved[2] = 0;
	event->packet = *packet;
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
}

static __always_inline enum esp_reason look(const struct __sk_buff *skb, enum esp_link link,
					    struct esp_inner_scratch *s)
{
	return esp_inner_parse((const __u8 *)(long)skb->data, (const __u8 *)(long)skb->data_end, skb->len,
			       link, &s->work, &s->packet);
}

static __always_inline int inner(struct __sk_buff *skb, enum esp_direction direction)
{
	const struct esp_inner_place *place = find(skb->ifindex);
	struct esp_inner_scratch *s;
	struct esp_inner_stats *stats;
	enum esp_reason bad;
	enum esp_link link;
	__u32 slot, zero = 0;

	if (!place)
		return TC_ACT_UNSPEC;
	slot = place->slot * 2U + (direction == ESP_DIR_OUT);
	link = (enum esp_link)place->link;
	stats = bpf_map_lookup_elem(&esp_inner_stats, &slot);
	s = bpf_map_lookup_elem(&esp_inner_room, &zero);
	if (!stats || !s)
		return TC_ACT_UNSPEC;
	bad = look(skb, link, s);
	if (ESP_UNLIKELY(bad == ESP_BAD_NOT_CAPTURED)) {
		/*
		 * Headers in the skb's pages: made linear, which moves bytes and changes none, and looked at once more. Not as
		 * a loop: a call that falls through to its head is a back edge, which 6.1 refuses.
		 */
		bpf_skb_pull_data(skb, skb->len < ESP_INNER_PULL ? skb->len : ESP_INNER_PULL);
		bad = look(skb, link, s);
	}
	/* What this host sends has come in nowhere. */
	if (ESP_UNLIKELY(esp_inner_count(stats, bad, &s->packet,
					 direction == ESP_DIR_OUT && !skb->ingress_ifindex)))
		tell(skb, direction, stats, &s->packet);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int esp_tc_lan_in(struct __sk_buff *skb)
{
	return inner(skb, ESP_DIR_IN);
}

SEC("tc")
int esp_tc_lan_out(struct __sk_buff *skb)
{
	return inner(skb, ESP_DIR_OUT);
}

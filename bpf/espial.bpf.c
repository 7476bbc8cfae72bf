/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * espial.bpf.c - the entry points: XDP ingress, tc ingress, tc egress
 *
 * Thin: they bring the frame to the shared pipeline and give IKE messages and ICMP errors to the agent. The verdict is
 * always to pass, and nothing is written to a packet.
 */
#include "tables.bpf.h"

#include <linux/pkt_cls.h>

#include "espial/quick.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Small and whole: bpf_ringbuf_reserve() takes constant sizes only. */
#define ESP_EVENT_SMALL (sizeof(struct esp_event) + 256)
#define ESP_EVENT_LARGE (sizeof(struct esp_event) + ESP_EVENT_DATA)

/* Waking the agent costs microseconds: it looks by itself every so often, and is woken only when the ring fills up. */
static __always_inline __u64 esp_ring_flags(void)
{
	__u64 size = bpf_ringbuf_query(&esp_events, BPF_RB_RING_SIZE),
	      used = bpf_ringbuf_query(&esp_events, BPF_RB_AVAIL_DATA);

	return used > size / 4 ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

/* Field by field: a compound literal would be built on the stack first, which is short. */
static __always_inline void esp_event_head(struct esp_event *event, const struct esp_at *at,
					   enum esp_event_kind kind)
{
	event->time = bpf_ktime_get_ns();
	event->ifindex = at->ifindex;
	event->kind = kind;
	event->direction = at->direction;
	event->reserved = 0;
	event->reserved2 = 0;
}

static __always_inline void esp_emit_endpoint(const struct esp_at *at, const struct esp_sa_key *key,
					      const struct esp_lane *lane, const struct esp_record *record)
{
	struct esp_cpu *cpu = esp_cpu_at(at->t, at->cpu);
	struct esp_event *event;

	if (!cpu || !esp_may_emit(esp_cfg(at->t), cpu, at->now))
		return;
	event = bpf_ringbuf_reserve(&esp_events, sizeof(*event), 0);
	if (!event) {
		cpu->loss[ESP_LOSS_RING_OVERRUN]++;
		return;
	}
	esp_event_head(event, at, ESP_EVENT_ENDPOINT);
	event->cls = ESP_CLASS_COUNT;
	event->length = 0;
	event->captured = 0;
	event->sa = *key;
	event->old_src[0] = lane->src[0];
	event->old_src[1] = lane->src[1];
	event->new_src[0] = record->src[0];
	event->new_src[1] = record->src[1];
	event->old_port = lane->source_port;
	event->new_port = record->source_port;
	bpf_ringbuf_submit(event, esp_ring_flags());
	cpu->events++;
}

/* The IP packet to the agent. `load` is bpf_xdp_load_bytes or bpf_skb_load_bytes: the same but for the context. */
#define ESP_EMIT_PACKET(ctx, load, p, at, cls)                                                               \
	do {                                                                                                 \
		struct esp_cpu *cpu_ = esp_cpu_at(NULL, (at)->cpu);                                          \
		__u32 length_ = (p)->r.ip_length > ESP_EVENT_DATA ? ESP_EVENT_DATA : (p)->r.ip_length;       \
		struct esp_event *event_;                                                                    \
                                                                                                             \
		if (!cpu_ || !length_ || !esp_may_emit(esp_cfg(NULL), cpu_, (at)->now))                      \
			break;                                                                               \
		ESP_OPAQUE(length_);                                                                         \
		event_ = length_ <= 256 ? bpf_ringbuf_reserve(&esp_events, ESP_EVENT_SMALL, 0)               \
					: bpf_ringbuf_reserve(&esp_events, ESP_EVENT_LARGE, 0);              \
		if (!event_) {                                                                               \
			cpu_->loss[ESP_LOSS_RING_OVERRUN]++;                                                 \
			break;                                                                               \
		}                                                                                            \
		esp_event_head(event_, at, ESP_EVENT_PACKET);                                                \
		event_->cls = cls;                                                                           \
		event_->length = (p)->r.ip_length;                                                           \
		event_->captured = length_;                                                                  \
		if (length_ <= 256) {                                                                        \
			__u32 small_ = ((length_ - 1) & 255) + 1; /* 1 to 256, in a form that 6.1 follows */ \
                                                                                                             \
			ESP_OPAQUE(small_);                                                                  \
			if (load(ctx, (p)->l3_offset, event_->data, small_))                                 \
				event_->captured = 0;                                                        \
		} else if (length_ > ESP_EVENT_DATA || load(ctx, (p)->l3_offset, event_->data, length_)) {   \
			event_->captured = 0;                                                                \
		}                                                                                            \
		bpf_ringbuf_submit(event_, esp_ring_flags());                                                \
		cpu_->events++;                                                                              \
	} while (0)

/* May be that of another: an interface that the agent has not told about. */
static __always_inline const struct esp_if_config *esp_interface(__u32 ifindex)
{
	return &esp_if[ifindex % ESP_IF_HASH];
}

/* Where; and where to count it. The time is left to those who need it. */
static __always_inline struct esp_if_stats *esp_begin(const struct esp_if_config *interface, __u32 ifindex,
						      enum esp_direction direction, struct esp_at *ret_at)
{
	__u32 cpu = bpf_get_smp_processor_id();

	ret_at->t = NULL;
	ret_at->cpu = cpu;
	ret_at->ifindex = ifindex;
	ret_at->direction = direction;
	return esp_if_stats_at(interface, direction, cpu);
}

/*
 * Behind it nothing is known of what was found out before it. The general way begins with that: what it had in common with
 * the quick way would be kept for it, on the stack, and each packet of the quick way would pay for that.
 */
#define ESP_AFRESH(ctx) asm volatile("" : "+r"(ctx) : : "memory")

/*
 * The working memory of this CPU, for the general way. Written field by field: what is written to the stack in halves and
 * copied in whole words stalls until it is in the cache.
 */
static __always_inline struct esp_scratch *esp_scratch_for(__u32 ifindex, enum esp_direction direction)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct esp_scratch *s = bpf_map_lookup_elem(&esp_scratch, &cpu);

	if (s) {
		s->at.t = NULL;
		s->at.now = bpf_jiffies64();
		s->at.cpu = cpu;
		s->at.ifindex = ifindex;
		s->at.direction = direction;
	}
	return s;
}

static __always_inline int esp_xdp_general(struct xdp_md *ctx)
{
	__u32 ifindex = ctx->ingress_ifindex;
	const struct esp_if_config *interface = esp_interface(ifindex);
	const __u8 *data, *end;
	struct esp_if_stats *stats;
	struct esp_scratch *s;
	enum esp_reason bad;
	enum esp_class cls;
	__u32 linear;

	if (interface->ifindex != ifindex)
		return XDP_PASS;
	s = esp_scratch_for(ifindex, ESP_DIR_IN);
	if (!s)
		return XDP_PASS;
	stats = esp_if_stats_at(interface, ESP_DIR_IN, s->at.cpu);
	if (!stats)
		return XDP_PASS;
	data = (const __u8 *)(long)ctx->data;
	end = (const __u8 *)(long)ctx->data_end;
	linear = (__u32)(end - data);
	bad = esp_classify(data, end, ESP_WIRE_UNKNOWN, (enum esp_link)interface->link, &esp_cfg(NULL)->ports,
			   &s->p);
	if (ESP_UNLIKELY(bad == ESP_BAD_NOT_CAPTURED ||
			 (s->p.r.ip_length && s->p.l3_offset + s->p.r.ip_length > linear)))
		bad = esp_settle(bad, &s->p, linear, (__u32)bpf_xdp_get_buff_len(ctx));
	cls = esp_observe(&s->at, stats, bad, &s->p, 1);
	if (ESP_UNLIKELY(esp_wants_packet(cls)))
		ESP_EMIT_PACKET(ctx, bpf_xdp_load_bytes, &s->p, &s->at, cls);
	return XDP_PASS;
}

SEC("xdp.frags")
int esp_xdp_in(struct xdp_md *ctx)
{
	__u32 ifindex = ctx->ingress_ifindex;
	const struct esp_if_config *interface = esp_interface(ifindex);
	const __u8 *data, *end;
	struct esp_if_stats *stats;
	struct esp_at at;
	enum esp_class cls;

	if (interface->ifindex != ifindex)
		return XDP_PASS;
	if (ESP_LIKELY(interface->link == ESP_LINK_ETHERNET)) {
		stats = esp_begin(interface, ifindex, ESP_DIR_IN, &at);
		if (!stats)
			return XDP_PASS;
		data = (const __u8 *)(long)ctx->data;
		end = (const __u8 *)(long)ctx->data_end;
		cls = esp_quick(&esp_cfg(NULL)->ports, data, end, (__u32)(end - data), stats);
		if (cls == ESP_CLASS_OTHER)
			return XDP_PASS;
		at.now = bpf_jiffies64();
		if (cls != ESP_CLASS_COUNT && esp_quick_sa(&at, data, cls, stats))
			return XDP_PASS;
	}
	ESP_AFRESH(ctx);
	return esp_xdp_general(ctx);
}

/* Link, VLAN, IP and transport headers of all but the oddest packets. */
#define ESP_TC_LINEAR 128

static __always_inline int esp_tc_general(struct __sk_buff *skb, enum esp_direction direction)
{
	__u32 ifindex = skb->ifindex, segments = 1;
	const struct esp_if_config *interface = esp_interface(ifindex);
	struct esp_if_stats *stats;
	const __u8 *data, *end;
	struct esp_scratch *s;
	enum esp_reason bad;
	enum esp_class cls;

	if (interface->ifindex != ifindex)
		return TC_ACT_UNSPEC;
	s = esp_scratch_for(ifindex, direction);
	if (!s)
		return TC_ACT_UNSPEC;
	stats = esp_if_stats_at(interface, direction, s->at.cpu);
	if (!stats)
		return TC_ACT_UNSPEC;
	data = (const __u8 *)(long)skb->data;
	end = (const __u8 *)(long)skb->data_end;
	if (ESP_UNLIKELY(end - data < ESP_TC_LINEAR && skb->len > (__u32)(end - data))) {
		/* Headers in the skb's pages: made linear, which moves bytes and changes none. */
		bpf_skb_pull_data(skb, skb->len < ESP_TC_LINEAR ? skb->len : ESP_TC_LINEAR);
		data = (const __u8 *)(long)skb->data;
		end = (const __u8 *)(long)skb->data_end;
	}
	bad = esp_classify(data, end, skb->len, (enum esp_link)interface->link, &esp_cfg(NULL)->ports, &s->p);
	if (!bad && esp_has_sa((enum esp_class)s->p.cls) && ESP_UNLIKELY(skb->gso_segs > 1)) {
		segments = skb->gso_segs;
		esp_segmented(&s->p, segments);
	}
	cls = esp_observe(&s->at, stats, bad, &s->p, segments);
	if (ESP_UNLIKELY(esp_wants_packet(cls)))
		ESP_EMIT_PACKET(skb, bpf_skb_load_bytes, &s->p, &s->at, cls);
	return TC_ACT_UNSPEC;
}

static __always_inline int esp_tc(struct __sk_buff *skb, enum esp_direction direction)
{
	__u32 ifindex = skb->ifindex;
	const struct esp_if_config *interface = esp_interface(ifindex);
	struct esp_if_stats *stats;
	const __u8 *data;
	struct esp_at at;
	enum esp_class cls;

	if (interface->ifindex != ifindex)
		return TC_ACT_UNSPEC;
	if (ESP_LIKELY(interface->link == ESP_LINK_ETHERNET)) {
		stats = esp_begin(interface, ifindex, direction, &at);
		if (!stats)
			return TC_ACT_UNSPEC;
		data = (const __u8 *)(long)skb->data;
		cls = esp_quick(&esp_cfg(NULL)->ports, data, (const __u8 *)(long)skb->data_end, skb->len,
				stats);
		if (cls == ESP_CLASS_OTHER)
			return TC_ACT_UNSPEC;
		at.now = bpf_jiffies64();
		/* The number of segments is in a cache line of its own. */
		if (cls != ESP_CLASS_COUNT && skb->gso_segs <= 1 && esp_quick_sa(&at, data, cls, stats))
			return TC_ACT_UNSPEC;
	}
	ESP_AFRESH(skb);
	return esp_tc_general(skb, direction);
}

SEC("tc")
int esp_tc_in(struct __sk_buff *skb)
{
	return esp_tc(skb, ESP_DIR_IN);
}

SEC("tc")
int esp_tc_out(struct __sk_buff *skb)
{
	return esp_tc(skb, ESP_DIR_OUT);
}

/* What the agent converts jiffies with. */
struct esp_clock esp_clock_now = {};

SEC("syscall")
int esp_read_clock(void *ctx)
{
	(void)ctx;
	esp_clock_now.jiffies = bpf_jiffies64();
	esp_clock_now.monotonic = bpf_ktime_get_ns();
	return 0;
}

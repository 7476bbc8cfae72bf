/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pipeline.h - one frame through everything: classify, count, account
 *
 * What the entry points in bpf/ and the reader of captures call. They bring the frame and the tables, and give
 * IKE messages and ICMP errors to the agent; nothing about a protocol is decided there.
 */
#ifndef ESPIAL_PIPELINE_H
#define ESPIAL_PIPELINE_H

#include "fragment.h"

/* Classes whose packets the agent wants whole. */
ESP_INLINE int esp_wants_packet(enum esp_class cls)
{
	return cls == ESP_CLASS_IKE || cls == ESP_CLASS_IKE_NATT || cls == ESP_CLASS_ICMP_QUOTE;
}

/* Is it a packet of a security association? */
ESP_INLINE int esp_has_sa(enum esp_class cls)
{
	return cls == ESP_CLASS_ESP || cls == ESP_CLASS_ESP_UDP || cls == ESP_CLASS_AH;
}

/* A GSO packet: each of its segments will have the headers of its own that are known here, up to the sequence number. */
ESP_INLINE void esp_segmented(struct esp_packet *p, __u32 segments)
{
	__u32 headers = p->r.ip_length - p->payload_length +
			(p->cls == ESP_CLASS_AH ? sizeof(struct esp_ah) : sizeof(struct esp_esp)) +
			(p->flags & ESP_PKT_UDP ? sizeof(struct esp_udp) : 0);

	p->r.ip_length += (segments - 1) * headers;
}

/* One event more for this CPU? At most event_burst per event_interval. */
ESP_INLINE int esp_may_emit(const struct esp_config *cfg, struct esp_cpu *cpu, __u64 now)
{
	if (now - cpu->refilled >= cfg->event_interval) {
		cpu->refilled = now;
		cpu->tokens = cfg->event_burst;
	}
	if (!cpu->tokens) {
		cpu->loss[ESP_LOSS_EVENTS_LIMITED]++;
		return 0;
	}
	cpu->tokens--;
	return 1;
}

/* The part that only classes of ours need. Returns the final class. */
ESP_INLINE enum esp_class esp_observe_ours(const struct esp_at *at, struct esp_packet *p, __u32 segments)
{
	int sa = esp_has_sa((enum esp_class)p->cls);

	if (ESP_LIKELY(sa))
		esp_account(at, p, segments);
	if (ESP_UNLIKELY(p->flags & (ESP_PKT_FIRST | ESP_PKT_LATER))) {
		if (!sa)
			p->key.id = 0;
		if (!esp_fragment(at, p))
			return ESP_CLASS_OTHER;
	}
	return (enum esp_class)p->cls;
}

/* Is there nothing to do but to count it? */
ESP_INLINE int esp_only_counted(enum esp_reason bad, const struct esp_packet *p)
{
	return bad || p->cls == ESP_CLASS_OTHER;
}

/* Counts a packet of class `cls`, or rejected for `bad`, of `segments` packets on the wire. */
ESP_INLINE void esp_count(struct esp_if_stats *stats, enum esp_reason bad, enum esp_class cls,
			  __u32 ip_length, __u32 segments)
{
	__u64 index;

	stats->seen += segments;
	stats->bytes += ip_length;
	if (ESP_UNLIKELY(bad)) {
		index = bad & (ESP_REASON_ROOM - 1);
		ESP_OPAQUE(index);
		stats->rejected[index] += segments;
	} else {
		index = cls & (ESP_CLASS_ROOM - 1);
		ESP_OPAQUE(index);
		stats->cls[index] += segments;
	}
}

/*
 * Counts and accounts the classified packet; `bad` is what the classifier returned, `segments` the sequence numbers
 * that the packet carries (1, more for GSO). Returns its class, or ESP_CLASS_COUNT when it was rejected.
 */
ESP_INLINE enum esp_class esp_observe(const struct esp_at *at, struct esp_if_stats *stats,
				      enum esp_reason bad, struct esp_packet *p, __u32 segments)
{
	enum esp_class cls = (enum esp_class)p->cls;

	if (!esp_only_counted(bad, p))
		cls = esp_observe_ours(at, p, segments);
	esp_count(stats, bad, cls, p->r.ip_length, segments);
	return bad ? ESP_CLASS_COUNT : cls;
}

#endif

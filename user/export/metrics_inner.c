// SPDX-License-Identifier: GPL-2.0-or-later
#include "export/metrics_inner.h"

#include "model/inner.h"

/* ---- labels ---- */

const char *metric_label_inner_interface(struct sample *s, size_t i)
{
	const struct inner_view *view = s->state->inner;

	if (!view || i >= view->facts->interface_count)
		return NULL;
	s->inner = &view->facts->interfaces[i];
	return s->inner->name;
}

const char *metric_label_inner_kind(struct sample *s, size_t i)
{
	s->inner_kind = i;
	return i < ESP_INNER_KINDS ? inner_kind_name((enum esp_inner_kind)i) : NULL;
}

const char *metric_label_inner_family(struct sample *s, size_t i)
{
	static const char *const names[] = {"ipv4", "ipv6"};

	s->inner_family = i;
	return i < 2 ? names[i] : NULL;
}

const char *metric_label_inner_tunnel(struct sample *s, size_t i)
{
	const struct inner_view *view = s->state->inner;

	if (!view || i >= view->tunnel_count)
		return NULL;
	s->inner_tunnel = &view->tunnels[i];
	return s->inner_tunnel->tunnel == STATE_NO_TUNNEL ? "" : s->inner_tunnel->name;
}

/* ---- values ---- */

static const struct esp_inner_stats *stats(const struct sample *s)
{
	return &s->inner->stats[s->direction];
}

static const struct inner_side *side(const struct sample *s)
{
	return &s->inner_tunnel->side[s->direction];
}

uint64_t metric_inner_packets(const struct sample *s)
{
	return stats(s)->kind[s->inner_kind];
}

uint64_t metric_inner_too_big(const struct sample *s)
{
	return s->inner->stats[ESP_DIR_OUT].own[ESP_INNER_TOO_BIG];
}

uint64_t metric_inner_missed(const struct sample *s)
{
	return s->inner->stats[ESP_DIR_IN].missed + s->inner->stats[ESP_DIR_OUT].missed;
}

uint64_t metric_inner_mss_max(const struct sample *s)
{
	uint32_t max = stats(s)->mss[s->inner_family].max;

	return max ? max : METRIC_ABSENT;
}

uint64_t metric_inner_tunnel_syns(const struct sample *s)
{
	return side(s)->syns + side(s)->syn_acks;
}

uint64_t metric_inner_tunnel_mss(const struct sample *s)
{
	return side(s)->mss_last ? side(s)->mss_last : METRIC_ABSENT;
}

uint64_t metric_inner_tunnel_too_big(const struct sample *s)
{
	return s->inner_tunnel->own.count;
}

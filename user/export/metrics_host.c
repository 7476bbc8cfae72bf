// SPDX-License-Identifier: GPL-2.0-or-later
#include "export/metrics_host.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- labels ---- */

const char *metric_label_host_xfrm(struct sample *s, size_t i)
{
	const struct host_facts *host = s->state->host;

	if (!host || !host->has_xfrm || i >= host->xfrm_count)
		return NULL;
	s->xfrm = &host->xfrm[i];
	return s->xfrm->name;
}

const char *metric_label_host_nic(struct sample *s, size_t i)
{
	const struct host_facts *host = s->state->host;

	if (!host || i >= host->nic_count)
		return NULL;
	s->nic = &host->nics[i];
	return s->nic->name;
}

const char *metric_label_host_nic_counter(struct sample *s, size_t i)
{
	static const char *const names[] = {"rx_dropped", "rx_missed", "rx_errors", "tx_dropped",
					    "tx_errors"};

	s->nic_counter = i;
	return i < COUNT(names) ? names[i] : NULL;
}

/* The labels of a drop are those of its row: the first walks, the others follow. */
const char *metric_label_host_drop_interface(struct sample *s, size_t i)
{
	const struct host_facts *host = s->state->host;

	if (!host || !host->has_drops || i >= host->drop_count)
		return NULL;
	s->drop = &host->drops[i];
	return s->drop->interface;
}

const char *metric_label_host_drop_kind(struct sample *s, size_t i)
{
	return i ? NULL : host_drop_kind_name(s->drop->kind);
}

const char *metric_label_host_drop_reason(struct sample *s, size_t i)
{
	return i ? NULL : s->drop->reason;
}

const char *metric_label_host_ring_interface(struct sample *s, size_t i)
{
	const char *name = metric_label_host_nic(s, i);

	return !name || s->nic->ring_count ? name : "";
}

const char *metric_label_host_ring(struct sample *s, size_t i)
{
	if (i >= s->nic->ring_count)
		return NULL;
	s->ring = &s->nic->ring[i];
	return s->ring->name;
}

/* Both labels of a queue are those of its row. */
const char *metric_label_host_queue_interface(struct sample *s, size_t i)
{
	const struct host_facts *host = s->state->host;

	if (!host || i >= host->queue_count)
		return NULL;
	s->queue = &host->queues[i];
	return s->queue->interface;
}

const char *metric_label_host_queue(struct sample *s, size_t i)
{
	return i ? NULL : s->queue->name;
}

const char *metric_label_host_notice(struct sample *s, size_t i)
{
	if (!s->state->host || !s->state->host->follows_xfrm)
		return NULL;
	s->notice = i;
	return fact_notice_name(i);
}

/* ---- values ---- */

static uint64_t value_softnet(const struct sample *s, uint64_t value)
{
	return s->state->host && s->state->host->has_softnet ? value : METRIC_ABSENT;
}

uint64_t metric_host_softnet_dropped(const struct sample *s)
{
	return value_softnet(s, s->state->host ? s->state->host->softnet_dropped : 0);
}

uint64_t metric_host_softnet_squeezed(const struct sample *s)
{
	return value_softnet(s, s->state->host ? s->state->host->softnet_squeezed : 0);
}

uint64_t metric_host_cpu_softirq(const struct sample *s)
{
	const struct host_facts *host = s->state->host;

	if (!host || !host->taken_ns || host->cpu_softirq < 0)
		return METRIC_ABSENT;
	return (uint64_t)(host->cpu_softirq * 1e9);
}

uint64_t metric_host_nic(const struct sample *s)
{
	const uint64_t values[] = {s->nic->rx_dropped, s->nic->rx_missed, s->nic->rx_errors,
				   s->nic->tx_dropped, s->nic->tx_errors};

	return values[s->nic_counter];
}

uint64_t metric_host_drops_rest(const struct sample *s)
{
	return s->state->host && s->state->host->has_drops ? s->state->host->drops_rest : METRIC_ABSENT;
}

uint64_t metric_host_xfrm(const struct sample *s)
{
	return s->xfrm->value;
}

uint64_t metric_host_drops(const struct sample *s)
{
	return s->drop->value;
}

uint64_t metric_host_ring(const struct sample *s)
{
	return s->ring->value;
}

uint64_t metric_host_queue_packets(const struct sample *s)
{
	return s->queue->packets;
}

uint64_t metric_host_queue_dropped(const struct sample *s)
{
	return s->queue->dropped;
}

/* Of all namespaces together. */
uint64_t metric_host_notices(const struct sample *s)
{
	const struct host_facts *host = s->state->host;
	uint64_t sum = 0;

	for (size_t i = 0; i < host->space_count; i++)
		sum += host->spaces[i].notices[s->notice];
	return sum;
}

uint64_t metric_host_overruns(const struct sample *s)
{
	const struct host_facts *host = s->state->host;
	uint64_t sum = 0;

	if (!host || !host->follows_xfrm)
		return METRIC_ABSENT;
	for (size_t i = 0; i < host->space_count; i++)
		sum += host->spaces[i].overruns;
	return sum;
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/host.h"

#include <string.h>

uint64_t host_xfrm_gain(const struct host_facts *host, const char *name)
{
	for (size_t i = 0; i < host->xfrm_count; i++) {
		const struct host_counter *c = &host->xfrm[i];

		if (strcmp(c->name, name) == 0)
			return host->before_ns && c->value > c->before ? c->value - c->before : 0;
	}
	return 0;
}

uint64_t host_nic_lost(const struct host_facts *host, const struct host_nic *nic)
{
	uint64_t most = nic->rx_missed - nic->rx_missed_before, queues = 0;

	for (size_t i = 0; i < nic->ring_count; i++) {
		uint64_t gain = nic->ring[i].value - nic->ring[i].before;

		most = gain > most ? gain : most;
	}
	for (size_t i = 0; i < host->queue_count; i++) {
		const struct host_queue *q = &host->queues[i];

		if (!q->tx && strcmp(q->interface, nic->name) == 0)
			queues += q->dropped - q->dropped_before;
	}
	return queues > most ? queues : most;
}

const char *host_drop_kind_name(enum host_drop_kind kind)
{
	static const char *const names[HOST_DROP_KINDS] = {
		[HOST_DROP_OUTER] = "outer", [HOST_DROP_INNER] = "inner", [HOST_DROP_OTHER] = "other"};

	return kind < HOST_DROP_KINDS ? names[kind] : "";
}

/* In the order of enum xfrm_change. */
const char *fact_notice_name(size_t notice)
{
	static const char *const names[FACT_NOTICES] = {"added",   "removed", "soft_expired", "hard_expired",
							"acquire", "mapping", "migrate",      "dump"};

	return notice < FACT_NOTICES ? names[notice] : NULL;
}

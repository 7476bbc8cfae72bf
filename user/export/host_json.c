// SPDX-License-Identifier: GPL-2.0-or-later
#include "export/host_json.h"

static void write_xfrm(struct json_writer *w, bool has, const struct host_counter *xfrm, size_t count)
{
	if (!has) {
		json_write_null(w, "xfrm");
		return;
	}
	json_write_open(w, "xfrm", '{');
	for (size_t i = 0; i < count; i++)
		json_write_number(w, xfrm[i].name, xfrm[i].value);
	json_write_close(w, '}');
}

static void write_notices(struct json_writer *w, const struct host_space *space)
{
	json_write_flat(w, "notices", '{');
	for (size_t i = 0; i < FACT_NOTICES; i++)
		json_write_number(w, fact_notice_name(i), space->notices[i]);
	json_write_close(w, '}');
}

static void write_space(struct json_writer *w, const struct host_space *space)
{
	json_write_open(w, NULL, '{');
	if (space->name[0])
		json_write_string(w, "name", space->name);
	else
		json_write_null(w, "name");
	json_write_bool(w, "available", space->available);
	if (space->available || !space->why[0])
		json_write_null(w, "why");
	else
		json_write_string(w, "why", space->why);
	json_write_number(w, "sas", space->sas);
	json_write_number(w, "policies", space->policies);
	json_write_time(w, "synced", space->synced_ns);
	json_write_number(w, "overruns", space->overruns);
	write_notices(w, space);
	write_xfrm(w, space->has_xfrm, space->xfrm, space->xfrm_count);
	json_write_close(w, '}');
}

static void write_spaces(struct json_writer *w, const struct host_facts *host)
{
	if (!host->follows_xfrm) {
		json_write_null(w, "namespaces");
		return;
	}
	json_write_open(w, "namespaces", '[');
	for (size_t i = 0; i < host->space_count; i++)
		write_space(w, &host->spaces[i]);
	json_write_close(w, ']');
}

static void write_drops(struct json_writer *w, const struct host_facts *host)
{
	if (!host->has_drops) {
		json_write_null(w, "drops");
		json_write_null(w, "drops_unlisted");
		return;
	}
	json_write_open(w, "drops", '[');
	for (size_t i = 0; i < host->drop_count; i++) {
		const struct host_drop *drop = &host->drops[i];

		json_write_flat(w, NULL, '{');
		json_write_string(w, "interface", drop->interface);
		json_write_string(w, "packet", host_drop_kind_name(drop->kind));
		json_write_string(w, "reason", drop->reason);
		json_write_number(w, "packets", drop->value);
		json_write_close(w, '}');
	}
	json_write_close(w, ']');
	json_write_number(w, "drops_unlisted", host->drops_rest);
}

static void write_nics(struct json_writer *w, const struct host_facts *host)
{
	json_write_open(w, "nics", '[');
	for (size_t i = 0; i < host->nic_count; i++) {
		const struct host_nic *nic = &host->nics[i];

		json_write_flat(w, NULL, '{');
		json_write_string(w, "interface", nic->name);
		json_write_number(w, "rx_dropped", nic->rx_dropped);
		json_write_number(w, "rx_missed", nic->rx_missed);
		json_write_number(w, "rx_errors", nic->rx_errors);
		json_write_number(w, "tx_dropped", nic->tx_dropped);
		json_write_number(w, "tx_errors", nic->tx_errors);
		json_write_flat(w, "ring", '{');
		for (size_t r = 0; r < nic->ring_count; r++)
			json_write_number(w, nic->ring[r].name, nic->ring[r].value);
		json_write_close(w, '}');
		json_write_close(w, '}');
	}
	json_write_close(w, ']');
}

static void write_queues(struct json_writer *w, const struct host_facts *host)
{
	json_write_open(w, "queues", '[');
	for (size_t i = 0; i < host->queue_count; i++) {
		const struct host_queue *q = &host->queues[i];

		json_write_flat(w, NULL, '{');
		json_write_string(w, "interface", q->interface);
		json_write_string(w, "queue", q->name);
		json_write_number(w, "packets", q->packets);
		json_write_number(w, "bytes", q->bytes);
		json_write_number(w, "dropped", q->dropped);
		json_write_number(w, "no_buffer", q->no_buffer);
		json_write_close(w, '}');
	}
	json_write_close(w, ']');
	json_write_number(w, "queues_unlisted", host->queues_rest);
}

static void write_load(struct json_writer *w, const struct host_facts *host)
{
	if (host->has_softnet) {
		json_write_flat(w, "softnet", '{');
		json_write_number(w, "processed", host->softnet_processed);
		json_write_number(w, "dropped", host->softnet_dropped);
		json_write_number(w, "squeezed", host->softnet_squeezed);
		json_write_close(w, '}');
	} else {
		json_write_null(w, "softnet");
	}
	if (host->cpu_softirq >= 0) {
		json_write_flat(w, "cpu", '{');
		json_write_number(w, "softirq_permille", (uint64_t)(host->cpu_softirq * 1000));
		json_write_number(w, "busy_permille", (uint64_t)(host->cpu_busy * 1000));
		json_write_close(w, '}');
	} else {
		json_write_null(w, "cpu");
	}
}

void export_host(struct json_writer *w, const char *key, const struct host_facts *host)
{
	if (!host || !host->taken_ns) {
		json_write_null(w, key);
		return;
	}
	json_write_open(w, key, '{');
	json_write_time(w, "taken", host->taken_ns);
	write_xfrm(w, host->has_xfrm, host->xfrm, host->xfrm_count);
	write_spaces(w, host);
	write_drops(w, host);
	write_nics(w, host);
	write_queues(w, host);
	write_load(w, host);
	json_write_bool(w, "esp4_offload", host->esp4_offload);
	json_write_bool(w, "esp6_offload", host->esp6_offload);
	json_write_close(w, '}');
}

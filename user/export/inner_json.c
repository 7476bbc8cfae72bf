// SPDX-License-Identifier: GPL-2.0-or-later
#include "export/inner_json.h"

#include <stdio.h>

#include "model/inner.h"

static void number_or_null(struct json_writer *w, const char *key, uint64_t value)
{
	if (value)
		json_write_number(w, key, value);
	else
		json_write_null(w, key);
}

static void string_or_null(struct json_writer *w, const char *key, const char *value)
{
	if (*value)
		json_write_string(w, key, value);
	else
		json_write_null(w, key);
}

static void write_kinds(struct json_writer *w, const char *key, const __u64 kinds[static ESP_INNER_KINDS])
{
	json_write_flat(w, key, '{');
	for (int i = 0; i < ESP_INNER_KINDS; i++)
		json_write_number(w, inner_kind_name((enum esp_inner_kind)i), kinds[i]);
	json_write_close(w, '}');
}

static void write_mss(struct json_writer *w, const char *key, const struct esp_inner_mss *m)
{
	char bound[16];

	json_write_open(w, key, '{');
	json_write_number(w, "syn", m->syn);
	json_write_number(w, "syn_ack", m->syn_ack);
	json_write_number(w, "without_mss", m->without);
	json_write_number(w, "garbled", m->garbled);
	number_or_null(w, "min", m->min);
	number_or_null(w, "max", m->max);
	json_write_flat(w, "largest_of", '{');
	for (uint32_t i = 0; i < ESP_INNER_BUCKETS; i++) {
		if (!m->bucket[i])
			continue;
		snprintf(bound, sizeof(bound), "%u", esp_inner_bound(i));
		json_write_number(w, bound, m->bucket[i]);
	}
	json_write_close(w, '}');
	json_write_close(w, '}');
}

static void write_side(struct json_writer *w, const char *key, const struct esp_inner_stats *s)
{
	json_write_open(w, key, '{');
	json_write_number(w, "seen", s->seen);
	write_kinds(w, "kinds", s->kind);
	write_kinds(w, "own", s->own);
	json_write_flat(w, "rejected", '{');
	for (int i = 0; i < ESP_REASON_COUNT; i++)
		if (s->rejected[i])
			json_write_number(w, esp_reason_name((enum esp_reason)i), s->rejected[i]);
	json_write_close(w, '}');
	json_write_number(w, "missed", s->missed);
	write_mss(w, "ipv4", &s->mss[0]);
	write_mss(w, "ipv6", &s->mss[1]);
	json_write_close(w, '}');
}

static void write_told(struct json_writer *w, const char *key, const struct inner_side *side,
		       const struct state_tunnel *tunnel)
{
	struct inner_judgement judgement = inner_judge(side, tunnel, 0);

	json_write_flat(w, key, '{');
	json_write_number(w, "syn", side->syns);
	json_write_number(w, "syn_ack", side->syn_acks);
	json_write_number(w, "without_mss", side->without);
	number_or_null(w, "max", side->mss_max);
	number_or_null(w, "latest", side->mss_last);
	json_write_time(w, "last", side->last_ns);
	json_write_number(w, "recent", judgement.seen);
	json_write_number(w, "recent_above", judgement.above);
	json_write_close(w, '}');
}

static void write_errors(struct json_writer *w, const char *key, const struct inner_errors *e)
{
	if (!e->count) {
		json_write_null(w, key);
		return;
	}
	json_write_flat(w, key, '{');
	json_write_number(w, "packets", e->count);
	number_or_null(w, "mtu", e->mtu);
	json_write_known_address(w, "host", e->host);
	json_write_known_address(w, "target", e->target);
	json_write_time(w, "first", e->first_ns);
	json_write_time(w, "last", e->last_ns);
	json_write_close(w, '}');
}

static void write_tunnel(struct json_writer *w, const struct inner_tunnel *t,
			 const struct state_tunnel *tunnel)
{
	json_write_open(w, NULL, '{');
	json_write_string(w, "tunnel", t->name);
	number_or_null(w, "mss4", tunnel->mss4);
	number_or_null(w, "mss6", tunnel->mss6);
	write_told(w, "in", &t->side[ESP_DIR_IN], tunnel);
	write_told(w, "out", &t->side[ESP_DIR_OUT], tunnel);
	write_errors(w, "too_big", &t->own);
	write_errors(w, "too_big_forwarded", &t->passed);
	json_write_close(w, '}');
}

void export_inner(struct json_writer *w, const char *key, const struct state *state)
{
	const struct inner_view *view = state->inner;

	if (!view) {
		json_write_null(w, key);
		return;
	}
	json_write_open(w, key, '{');
	json_write_open(w, "interfaces", '[');
	for (size_t i = 0; i < view->facts->interface_count; i++) {
		const struct inner_interface *e = &view->facts->interfaces[i];

		json_write_open(w, NULL, '{');
		json_write_string(w, "name", e->name);
		json_write_number(w, "ifindex", e->ifindex);
		json_write_string(w, "ingress", e->ingress);
		json_write_string(w, "egress", e->egress);
		string_or_null(w, "note", e->note);
		json_write_bool(w, "up", e->up);
		number_or_null(w, "mtu", e->mtu);
		write_side(w, "in", &e->stats[ESP_DIR_IN]);
		write_side(w, "out", &e->stats[ESP_DIR_OUT]);
		json_write_close(w, '}');
	}
	json_write_close(w, ']');
	json_write_number(w, "matched", view->matched);
	json_write_number(w, "unmatched", view->unmatched);
	json_write_open(w, "tunnels", '[');
	for (size_t i = 0; i < view->tunnel_count; i++)
		if (view->tunnels[i].tunnel < state->tunnel_count)
			write_tunnel(w, &view->tunnels[i], &state->tunnels[view->tunnels[i].tunnel]);
	json_write_close(w, ']');
	json_write_close(w, '}');
}

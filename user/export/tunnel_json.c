// SPDX-License-Identifier: GPL-2.0-or-later
#include "export/tunnel_json.h"

#include <stdlib.h>

#include <string.h>

#include "model/timeline.h"

static void number_or_null(struct json_writer *w, const char *key, uint64_t value)
{
	if (value)
		json_write_number(w, key, value);
	else
		json_write_null(w, key);
}

static void write_counters(struct json_writer *w, const char *key, const struct state_tunnel_counters *c)
{
	json_write_flat(w, key, '{');
	json_write_number(w, "packets", c->packets);
	json_write_number(w, "bytes", c->bytes);
	json_write_number(w, "received", c->received);
	json_write_number(w, "lost", c->lost);
	json_write_number(w, "late", c->late);
	json_write_number(w, "duplicate", c->duplicate);
	json_write_number(w, "too_old", c->too_old);
	json_write_number(w, "fragmented", c->fragmented);
	json_write_number(w, "fragments_incomplete", c->fragments_incomplete);
	json_write_close(w, '}');
}

static void write_mtu(struct json_writer *w, const struct state_tunnel *tunnel)
{
	if (!tunnel->path_mtu) {
		json_write_null(w, "mtu");
		return;
	}
	json_write_flat(w, "mtu", '{');
	json_write_number(w, "path", tunnel->path_mtu);
	number_or_null(w, "inner", tunnel->inner_mtu);
	number_or_null(w, "mss4", tunnel->mss4);
	number_or_null(w, "mss6", tunnel->mss6);
	json_write_string(w, "source", tunnel->mtu_source);
	json_write_time(w, "at", tunnel->mtu_ns);
	json_write_close(w, '}');
}

static void write_child(struct json_writer *w, const struct state_tunnel *tunnel)
{
	if (!tunnel->proposal[0]) {
		json_write_null(w, "child");
		return;
	}
	json_write_flat(w, "child", '{');
	json_write_string(w, "protocol", tunnel->protocol == 51 ? "ah" : "esp");
	json_write_string(w, "proposal", tunnel->proposal);
	json_write_string(w, "mode", tunnel->mode);
	json_write_string(w, "encapsulation", tunnel->udp ? "udp" : "none");
	json_write_close(w, '}');
}

static void write_selectors(struct json_writer *w, const struct state_tunnel *tunnel)
{
	if (!tunnel->local_ts[0] || !tunnel->remote_ts[0]) {
		json_write_null(w, "selectors");
		return;
	}
	json_write_flat(w, "selectors", '{');
	json_write_string(w, "local", tunnel->local_ts);
	json_write_string(w, "remote", tunnel->remote_ts);
	json_write_close(w, '}');
}

static void write_falls(struct json_writer *w, const struct state_tunnel *tunnel)
{
	json_write_flat(w, "falls", '[');
	for (size_t i = 0; i < tunnel->fall_count; i++) {
		json_write_flat(w, NULL, '{');
		json_write_time(w, "at", tunnel->falls[i].at_ns);
		if (tunnel->falls[i].cause[0])
			json_write_string(w, "cause", tunnel->falls[i].cause);
		else
			json_write_null(w, "cause");
		json_write_close(w, '}');
	}
	json_write_close(w, ']');
}

void export_tunnel(struct json_writer *w, const struct state_tunnel *tunnel)
{
	json_write_open(w, NULL, '{');
	json_write_string(w, "name", tunnel->name);
	json_write_bool(w, "named", tunnel->named);
	json_write_known_address(w, "local", tunnel->local);
	number_or_null(w, "local_port", tunnel->local_port);
	json_write_known_address(w, "remote", tunnel->remote);
	number_or_null(w, "remote_port", tunnel->remote_port);
	json_write_bool(w, "transit", tunnel->transit);
	if (tunnel->netns)
		json_write_string(w, "netns", tunnel->netns);
	else
		json_write_null(w, "netns");
	json_write_string(w, "state", state_tunnel_state_name(tunnel->state));
	json_write_string(w, "confidence",
			  timeline_confidence_name((enum timeline_confidence)tunnel->confidence));
	json_write_string(w, "evidence", tunnel->evidence);
	json_write_time(w, "since", tunnel->since_ns);
	json_write_time(w, "last_good", tunnel->last_good_ns);
	json_write_time(w, "last_down", tunnel->last_down_ns);
	if (tunnel->down_cause[0])
		json_write_string(w, "down_cause", tunnel->down_cause);
	else
		json_write_null(w, "down_cause");
	write_falls(w, tunnel);
	json_write_number(w, "flaps", tunnel->flaps);
	json_write_number(w, "rekeys", tunnel->rekeys);
	json_write_number(w, "ike_rekeys", tunnel->ike_rekeys);
	write_counters(w, "in", &tunnel->in);
	write_counters(w, "out", &tunnel->out);
	json_write_flat(w, "sas", '[');
	for (size_t i = 0; i < tunnel->spi_count; i++)
		json_write_hex(w, NULL, tunnel->spis[i], 8);
	json_write_close(w, ']');
	json_write_flat(w, "ike_sas", '[');
	for (size_t i = 0; i < tunnel->ike_count; i++)
		json_write_hex(w, NULL, tunnel->ike_spis[i], 16);
	json_write_close(w, ']');
	number_or_null(w, "reqid", tunnel->reqid);
	number_or_null(w, "if_id", tunnel->if_id);
	write_child(w, tunnel);
	write_selectors(w, tunnel);
	write_mtu(w, tunnel);
	json_write_close(w, '}');
}

/* As the tables of ui/ are sorted: by state, the latest change first, then by name. */
static int by_need(const void *a, const void *b)
{
	const struct state_tunnel *const *x = a, *const *y = b;

	if ((*x)->state != (*y)->state)
		return (*x)->state < (*y)->state ? -1 : 1;
	if ((*x)->since_ns != (*y)->since_ns)
		return (*x)->since_ns > (*y)->since_ns ? -1 : 1;
	return strcmp((*x)->name, (*y)->name);
}

static void write_some(struct json_writer *w, const char *key, const struct state *state, size_t most)
{
	const struct state_tunnel **sorted = calloc(state->tunnel_count, sizeof(const struct state_tunnel *));
	uint64_t counts[STATE_TUNNEL_STATES] = {0};

	if (!sorted) {
		w->text.failed = true;
		return;
	}
	for (size_t i = 0; i < state->tunnel_count; i++) {
		sorted[i] = &state->tunnels[i];
		counts[sorted[i]->state]++;
	}
	qsort(sorted, state->tunnel_count, sizeof(const struct state_tunnel *), by_need);
	json_write_open(w, key, '[');
	for (size_t i = 0; i < most; i++)
		export_tunnel(w, sorted[i]);
	json_write_close(w, ']');
	json_write_flat(w, "tunnel_states", '{');
	for (int i = 0; i < STATE_TUNNEL_STATES; i++)
		json_write_number(w, state_tunnel_state_name((enum state_tunnel_state)i), counts[i]);
	json_write_close(w, '}');
	free(sorted);
}

void export_tunnels(struct json_writer *w, const char *key, const struct state *state, size_t most)
{
	if (most && most < state->tunnel_count) {
		write_some(w, key, state, most);
		return;
	}
	json_write_open(w, key, '[');
	for (size_t i = 0; i < state->tunnel_count; i++)
		export_tunnel(w, &state->tunnels[i]);
	json_write_close(w, ']');
}

static void write_spi(struct json_writer *w, const char *key, uint32_t spi)
{
	if (spi)
		json_write_hex(w, key, spi, 8);
	else
		json_write_null(w, key);
}

void export_sa_tunnel(struct json_writer *w, const struct state *state, const struct state_sa *sa)
{
	if (sa->tunnel >= state->tunnel_count) {
		json_write_null(w, "tunnel");
		return;
	}
	json_write_string(w, "tunnel", state->tunnels[sa->tunnel].name);
	json_write_string(w, "side", sa->side == 2 ? "out" : "in");
	json_write_bool(w, "live", sa->live);
	write_spi(w, "partner", sa->partner_spi);
	if (sa->partner_spi)
		json_write_bool(w, "partner_exact", sa->partner_exact);
	write_spi(w, "replaced", sa->replaced_spi);
}

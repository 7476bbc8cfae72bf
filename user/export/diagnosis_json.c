// SPDX-License-Identifier: GPL-2.0-or-later
#include "export/diagnosis_json.h"

#include "diagnose/catalogue.h"
#include "diagnose/rule.h"
#include "export/finding_json.h"
#include "model/address.h"

static void on_undecided(void *arg, enum finding_id id, unsigned int missing)
{
	struct json_writer *w = arg;

	json_write_flat(w, NULL, '{');
	json_write_string(w, "id", catalogue_row(id)->id);
	json_write_flat(w, "needs", '[');
	for (unsigned int bit = 1; bit && bit <= missing; bit <<= 1)
		if (missing & bit)
			json_write_string(w, NULL, diagnose_need_text((enum diagnose_need)bit));
	json_write_close(w, ']');
	json_write_close(w, '}');
}

void export_diagnosis(struct json_writer *w, const struct state *state)
{
	static const struct findings none;
	const struct diagnosis *d = state->diagnosis;

	finding_json_write(w, "findings", d ? diagnosis_raised(d) : &none);
	finding_json_write(w, "findings_cleared", d ? diagnosis_cleared(d) : &none);
	json_write_open(w, "findings_undecided", '[');
	if (d)
		diagnosis_undecided(d, on_undecided, w);
	json_write_close(w, ']');
}

char *export_diagnosis_json(const struct state *state, size_t *ret_length)
{
	char address[ADDRESS_TEXT];
	struct json_writer w = {0};

	json_write_open(&w, NULL, '{');
	json_write_flat(&w, "espial", '{');
	json_write_string(&w, "version", state->version);
	json_write_number(&w, "schema", 1);
	json_write_close(&w, '}');
	json_write_flat(&w, "source", '{');
	json_write_string(&w, "kind", state->kind == STATE_LIVE ? "live" : "pcap");
	json_write_string(&w, "name", state->name);
	json_write_time(&w, "first", state->first_ns);
	json_write_time(&w, "last", state->last_ns);
	json_write_close(&w, '}');
	export_diagnosis(&w, state);
	json_write_open(&w, "tunnels", '[');
	for (size_t i = 0; i < state->tunnel_count; i++) {
		const struct state_tunnel *t = &state->tunnels[i];

		json_write_flat(&w, NULL, '{');
		json_write_string(&w, "name", t->name);
		json_write_string(&w, "remote", address_text(t->remote, address));
		json_write_string(&w, "state", state_tunnel_state_name(t->state));
		json_write_close(&w, '}');
	}
	json_write_close(&w, ']');
	json_write_close(&w, '}');
	return text_take(&w.text, ret_length);
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "export/observable_json.h"

#include "model/observable.h"

void export_not_observable(struct json_writer *w, const char *key, const struct state *state)
{
	json_write_open(w, key, '[');
	for (size_t i = 0; i < state->hidden_count; i++) {
		const struct state_hidden_sa *h = &state->hidden[i];

		json_write_open(w, NULL, '{');
		json_write_string(w, "tunnel", state->tunnels[h->tunnel].name);
		json_write_string(w, "direction", h->side == 1 ? "in" : "out");
		json_write_string(w, "protocol", h->protocol == ESP_IPPROTO_AH ? "ah" : "esp");
		json_write_address(w, "destination", h->family, h->destination);
		json_write_hex(w, "spi", h->spi, 8);
		json_write_string(w, "reason", observable_name((enum observable)h->reason));
		json_write_string(w, "text", observable_text((enum observable)h->reason));
		json_write_number(w, "packets", h->packets);
		json_write_number(w, "bytes", h->bytes);
		json_write_close(w, '}');
	}
	json_write_close(w, ']');
}

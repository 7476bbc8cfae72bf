// SPDX-License-Identifier: GPL-2.0-or-later
#include "export/observable_json.h"

#include <arpa/inet.h>

#include "model/observable.h"

static void write_address(struct json_writer *w, const char *key, uint8_t family, const uint8_t address[16])
{
	char text[INET6_ADDRSTRLEN];

	if (inet_ntop(family == 4 ? AF_INET : AF_INET6, family == 4 ? address + 12 : address, text,
		      sizeof(text)))
		json_write_string(w, key, text);
	else
		json_write_null(w, key);
}

void export_not_observable(struct json_writer *w, const char *key, const struct state *state)
{
	json_write_open(w, key, '[');
	for (size_t i = 0; i < state->hidden_count; i++) {
		const struct state_hidden_sa *h = &state->hidden[i];

		json_write_open(w, NULL, '{');
		json_write_string(w, "tunnel", state->tunnels[h->tunnel].name);
		json_write_string(w, "direction", h->side == 1 ? "in" : "out");
		json_write_string(w, "protocol", h->protocol == ESP_IPPROTO_AH ? "ah" : "esp");
		write_address(w, "destination", h->family, h->destination);
		json_write_hex(w, "spi", h->spi, 8);
		json_write_string(w, "reason", observable_name((enum observable)h->reason));
		json_write_string(w, "text", observable_text((enum observable)h->reason));
		json_write_number(w, "packets", h->packets);
		json_write_number(w, "bytes", h->bytes);
		json_write_close(w, '}');
	}
	json_write_close(w, ']');
}

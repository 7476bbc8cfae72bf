/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "export/unknown_json.h"

#include "model/address.h"

void export_unknown(struct json_writer *w, const char *key, const struct unknown_peers *unknown)
{
	char address[ADDRESS_TEXT];

	if (!unknown || (!unknown->known && !unknown->packets)) {
		json_write_null(w, key);
		return;
	}
	json_write_open(w, key, '{');
	json_write_number(w, "packets", unknown->packets);
	json_write_number(w, "others", unknown->others);
	json_write_open(w, "peers", '[');
	for (size_t i = 0; i < unknown->count; i++) {
		const struct unknown_peer *peer = &unknown->peer[i];

		json_write_flat(w, NULL, '{');
		json_write_string(w, "peer", address_text(peer->address, address));
		json_write_number(w, "packets", peer->packets);
		json_write_number(w, "estimated", peer->estimated);
		json_write_time(w, "first", peer->first_ns);
		json_write_time(w, "last", peer->last_ns);
		json_write_close(w, '}');
	}
	json_write_close(w, ']');
	json_write_close(w, '}');
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "export/check_json.h"

#include <string.h>

#include "export/json_writer.h"

static void write_text(struct json_writer *w, const char *key, const char *text)
{
	if (*text)
		json_write_string(w, key, text);
	else
		json_write_null(w, key);
}

static void write_row(struct json_writer *w, const struct check_row *row)
{
	json_write_open(w, NULL, '{');
	json_write_string(w, "area", row->area);
	json_write_string(w, "id", row->id);
	write_text(w, "interface", row->interface);
	json_write_string(w, "status", check_status_name(row->status));
	json_write_string(w, "value", row->value);
	write_text(w, "consequence", row->consequence);
	write_text(w, "remedy", row->remedy);
	json_write_close(w, '}');
}

static void write_seen(struct json_writer *w, const char *key, enum check_seen seen)
{
	if (seen == CHECK_UNSEEN)
		json_write_null(w, key);
	else
		json_write_bool(w, key, seen == CHECK_YES);
}

static void write_xdp(struct json_writer *w, const struct check_interface *i)
{
	static const char *const modes[] = {
		[CHECK_XDP_FREE] = "free",	 [CHECK_XDP_NATIVE] = "native",
		[CHECK_XDP_GENERIC] = "generic", [CHECK_XDP_HARDWARE] = "hardware",
		[CHECK_XDP_SEVERAL] = "several", [CHECK_XDP_UNSEEN] = "",
	};

	json_write_flat(w, "xdp", '{');
	write_text(w, "mode", modes[i->xdp_mode]);
	if (i->xdp_id)
		json_write_number(w, "program", i->xdp_id);
	else
		json_write_null(w, "program");
	write_text(w, "name", i->xdp_name);
	write_seen(w, "native", i->native_xdp);
	json_write_close(w, '}');
}

static void write_tc(struct json_writer *w, const struct check_interface *i)
{
	json_write_open(w, "tc", '[');
	for (size_t n = 0; n < i->tc_count && n < CHECK_TC; n++) {
		const struct check_tc *tc = &i->tc[n];

		json_write_flat(w, NULL, '{');
		json_write_string(w, "direction", tc->egress ? "out" : "in");
		json_write_string(w, "hook", tc->tcx ? "tcx" : "clsact");
		json_write_string(w, "kind", tc->kind);
		if (tc->id)
			json_write_number(w, "program", tc->id);
		else
			json_write_null(w, "program");
		write_text(w, "name", tc->name);
		json_write_close(w, '}');
	}
	json_write_close(w, ']');
}

static void write_feature(struct json_writer *w, const char *key, const struct check_interface *i,
			  enum check_feature feature)
{
	if (!i->features_seen || feature == CHECK_FEATURE_ABSENT)
		json_write_null(w, key);
	else
		json_write_bool(w, key, feature == CHECK_FEATURE_ON);
}

static void write_interface(struct json_writer *w, const struct check_host *host,
			    const struct check_interface *i)
{
	struct check_plan plan = check_plan(host, i);

	json_write_open(w, NULL, '{');
	json_write_string(w, "name", i->name);
	write_text(w, "driver", i->driver);
	json_write_bool(w, "up", i->up);
	json_write_number(w, "mtu", i->mtu);
	write_text(w, "stack", i->stack);
	json_write_string(w, "ingress", plan.ingress);
	json_write_string(w, "egress", plan.egress);
	write_xdp(w, i);
	write_tc(w, i);
	json_write_flat(w, "offload", '{');
	write_feature(w, "esp", i, i->esp_hw_offload);
	write_feature(w, "esp_checksum", i, i->esp_tx_csum);
	write_feature(w, "gro", i, i->gro);
	write_feature(w, "gro_hw", i, i->gro_hw);
	write_feature(w, "lro", i, i->lro);
	json_write_close(w, '}');
	json_write_close(w, '}');
}

char *check_json(const struct check_host *host, const struct check_rows *rows, bool pretty,
		 size_t *ret_length)
{
	struct json_writer w = {.pretty = pretty};

	json_write_open(&w, NULL, '{');
	json_write_flat(&w, "espial", '{');
	json_write_string(&w, "version", ESPIAL_VERSION);
	json_write_number(&w, "schema", 1);
	json_write_close(&w, '}');
	json_write_string(&w, "host", host->name);
	json_write_string(&w, "kernel", host->release);
	json_write_number(&w, "uid", host->uid);
	json_write_open(&w, "summary", '{');
	for (int status = 0; status < CHECK_STATUSES; status++) {
		uint64_t count = 0;

		for (size_t i = 0; i < rows->count; i++)
			count += rows->row[i].status == (enum check_status)status;
		json_write_number(&w, check_status_name((enum check_status)status), count);
	}
	json_write_close(&w, '}');
	json_write_open(&w, "checks", '[');
	for (size_t i = 0; i < rows->count; i++)
		write_row(&w, &rows->row[i]);
	json_write_close(&w, ']');
	json_write_open(&w, "interfaces", '[');
	for (size_t i = 0; i < host->interface_count; i++)
		write_interface(&w, host, &host->interfaces[i]);
	json_write_close(&w, ']');
	json_write_close(&w, '}');
	if (pretty)
		text_char(&w.text, '\n');
	return text_take(&w.text, ret_length);
}

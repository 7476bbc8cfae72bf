/* SPDX-License-Identifier: GPL-2.0-or-later */
/* view.h - what the views of ui.c share. Reading a document never fails: what is missing is 0, NULL or "-". */
#ifndef ESPIAL_UI_VIEW_H
#define ESPIAL_UI_VIEW_H

#include <stdint.h>

#include "ui/table.h"

/* One level down; NULL where there is none. */
static inline json_t *view_get(const json_t *object, const char *key)
{
	return json_object_get(object, key);
}

/* Not negative; 0 where there is none. */
uint64_t view_number(const json_t *object, const char *key);
/* "" where there is none. */
const char *view_string(const json_t *object, const char *key);

/* 0 or -ENOMEM. */
int view_summary(FILE *out, json_t *document, const struct ui_options *options);
int view_tunnels(FILE *out, json_t *document, const struct ui_options *options);
int view_sas(FILE *out, json_t *document, const struct ui_options *options);
int view_interfaces(FILE *out, json_t *document, const struct ui_options *options);
int view_inner(FILE *out, json_t *document, const struct ui_options *options);
int view_host(FILE *out, json_t *document, const struct ui_options *options);
int view_self(FILE *out, json_t *document, const struct ui_options *options);
int view_ike(FILE *out, json_t *document, const struct ui_options *options);

/* The SAs that the datapath does not see, and why; nothing where there are none. 0 or -ENOMEM. */
int view_not_observable(FILE *out, json_t *document, const struct ui_options *options);

/* Packets of SPIs that the kernel does not have, by peer; nothing where there are none. 0 or -ENOMEM. */
int view_unknown(FILE *out, json_t *document, const struct ui_options *options);

/* The table of tunnels, those that are down first, at most `limit` of them (0: all); then why they are. */
int view_tunnel_table(FILE *out, json_t *document, const struct ui_options *options, size_t limit);
/* The table of SAs, the worst first, at most `limit` of them (0: all). `wide`: every column. */
int view_sa_table(FILE *out, json_t *document, const struct ui_options *options, bool wide, size_t limit);

#endif

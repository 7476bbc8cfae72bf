/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tunnel_json.h - tunnels[] of output.md */
#ifndef ESPIAL_EXPORT_TUNNEL_JSON_H
#define ESPIAL_EXPORT_TUNNEL_JSON_H

#include "export/json_writer.h"
#include "model/state.h"

void export_tunnel(struct json_writer *w, const struct state_tunnel *tunnel);
/*
 * `most`: no more than so many, those that need a look first, and then also how many there are of each state, as tunnel_states; 0: all,
 * as they come.
 */
void export_tunnels(struct json_writer *w, const char *key, const struct state *state, size_t most);
/* The members of an SA that say whose it is: within its object. */
void export_sa_tunnel(struct json_writer *w, const struct state *state, const struct state_sa *sa);

#endif

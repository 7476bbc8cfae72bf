/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inner_networks.h - which tunnel carries what goes from one inner address to another: policies of the kernel, selectors of
 * daemons
 *
 * Pure. Made anew at each look, asked for each packet that tells something: a search per length of prefix that occurs.
 */
#ifndef ESPIAL_MODEL_INNER_NETWORKS_H
#define ESPIAL_MODEL_INNER_NETWORKS_H

#include "model/fact.h"
#include "model/state.h"

#define INNER_NETWORKS 65536 /* pairs of networks, at most: those beyond match nothing */

struct inner_networks;

struct inner_networks *inner_networks_new(void);    /* NULL: no memory */
void inner_networks_free(struct inner_networks *n); /* NULL is fine */

/* Out of the facts about `state`'s tunnels. 0, or -ENOMEM and there are none. */
int inner_networks_learn(struct inner_networks *n, const struct state *state,
			 const struct fact_kernel *kernel, const struct fact_daemon *daemons,
			 size_t daemon_count);
/*
 * The tunnel between these two inner addresses: its number in the state of the latest inner_networks_learn(); STATE_NO_TUNNEL:
 * there is none. Of several the one with the longest prefix at the far end, then at the near end.
 */
uint32_t inner_networks_find(const struct inner_networks *n, const uint8_t one[16], const uint8_t other[16]);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmd_tunnel.h - for commands about one tunnel: what an agent has of it, and what the kernel has. Those that fail said why. */
#ifndef ESPIAL_CMD_TUNNEL_H
#define ESPIAL_CMD_TUNNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>

struct xfrm;

/* The document of the agent at `socket` (client.h), to be freed with json_decref(): CMD_OK or CMD_CANNOT. */
int cmd_tunnel_state(const char *socket, json_t **ret);
/* The same without a word: 0, -errno of client_get(), or -EPROTO: no such document. */
int cmd_tunnel_state_quiet(const char *socket, json_t **ret);
/* The tunnel of that name in there; NULL: none. */
const json_t *cmd_tunnel_find(const json_t *document, const char *name);
/* The same; NULL: said why not, with `option` as what it was asked for by. */
const json_t *cmd_tunnel_named(const json_t *document, const char *option, const char *name);
/* Says that no tunnel has this at `key` ("name", "remote"), and which there are. */
void cmd_tunnel_unknown(const json_t *document, const char *option, const char *key, const char *value);
/* Has the object this string at `key`? */
bool cmd_tunnel_is(const json_t *object, const char *key, const char *value);

/* The kernel's SAs and policies, whole: 0, then for xfrm_facts() and xfrm_close(); -errno, with a line in `error`. */
int cmd_tunnel_kernel(struct xfrm **ret, char *error, size_t size);

#endif

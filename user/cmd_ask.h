/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmd_ask.h - what the commands that ask the agent share */
#ifndef ESPIAL_CMD_ASK_H
#define ESPIAL_CMD_ASK_H

#include <stdbool.h>

#include <jansson.h>

#include "client.h"

/* The option of all of them */
#define CMD_ASK_SOCKET(option_key)                                                                           \
	{                                                                                                    \
		.name = "socket", .key = (option_key), .arg = "PATH",                                        \
		.doc = "the agent's socket (default " CMD_DEFAULT_SOCKET ")"                                 \
	}

/* Says why the agent could not be asked, from client_get()'s error and HTTP's status (when err is 0); CMD_CANNOT. */
int cmd_ask_failed(const char *socket, int err, int status);
/* What it answers to GET `path`, to be freed with client_free(): CMD_OK, or CMD_CANNOT when it did not, which was said. */
int cmd_ask(const char *socket, const char *path, struct client_reply *ret);
/*
 * A state: from a file of `espial status --json` or `espial read --json`, "-" for standard input, an agent's socket, or the http:// address
 * of one. CMD_OK, or CMD_CANNOT, which was said.
 */
int cmd_ask_state(const char *name, json_t **ret);
/* Is it the socket or the address of an agent? */
bool cmd_ask_is_agent(const char *name);

#endif

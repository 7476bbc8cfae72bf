/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmd_ask.h - what the commands that ask the agent share */
#ifndef ESPIAL_CMD_ASK_H
#define ESPIAL_CMD_ASK_H

#include "client.h"

/* Says why the agent could not be asked, from client_get()'s error and HTTP's status (when err is 0); CMD_CANNOT. */
int cmd_ask_failed(const char *socket, int err, int status);

#endif

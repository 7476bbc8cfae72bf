/* SPDX-License-Identifier: GPL-2.0-or-later */
/* agent.h - the agent: the live source, the sockets that it answers on, and the one loop around them */
#ifndef ESPIAL_AGENT_AGENT_H
#define ESPIAL_AGENT_AGENT_H

#include <stddef.h>

#include "agent/log.h"
#include "config.h"

struct agent_options {
	const char *file;		/* configuration file; NULL: none */
	const struct config_list *list; /* the command line's settings, laid over the file again on SIGHUP */
	struct config config;		/* both together */
	struct log log;
};

/*
 * Runs until SIGTERM or SIGINT: 0. Else -errno, and a line "object: cause: remedy" in `error`. Blocks SIGTERM, SIGINT
 * and SIGHUP for the rest of the program.
 */
int agent_run(const struct agent_options *options, char *error, size_t error_size);

#endif

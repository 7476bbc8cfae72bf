// SPDX-License-Identifier: GPL-2.0-or-later
/* cmd_ask.c - no answer, and what to do about it */
#include "cmd_ask.h"

#include <errno.h>
#include <string.h>

#include "cmd.h"

int cmd_ask_failed(const char *socket, int err, int status)
{
	switch (err) {
	case 0:
		return cmd_cannot("agent at %s: answered with HTTP status %d: see its log, and whether it is "
				  "of this version",
				  socket, status);
	case -ENOENT:
	case -ECONNREFUSED:
	case -ENOTDIR:
		return cmd_cannot("no agent answers at %s: start it with `espial run`, or name its socket "
				  "with --socket",
				  socket);
	case -EACCES:
	case -EPERM:
		return cmd_cannot(
			"agent at %s: permission denied: ask as root, or join the group of the socket",
			socket);
	case -ENOTSOCK:
		return cmd_cannot("%s is no socket: name the agent's with --socket", socket);
	case -ENAMETOOLONG:
		return cmd_cannot("%s: path too long for a socket: at most 107 bytes", socket);
	case -ETIMEDOUT:
		return cmd_cannot("agent at %s: no answer within %d s: it may hang; restart it", socket,
				  CLIENT_DEADLINE_MS / 1000);
	case -EPROTO:
	case -EPIPE:
	case -ECONNRESET:
		return cmd_cannot("%s: what answers there is no espial agent, or it broke off: name its "
				  "socket with --socket",
				  socket);
	case -EMSGSIZE:
		return cmd_cannot("agent at %s: the answer is larger than %zu MiB", socket,
				  CLIENT_LIMIT >> 20);
	default:
		return cmd_cannot("agent at %s: %s", socket, strerror(-err));
	}
}

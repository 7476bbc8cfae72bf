/* SPDX-License-Identifier: GPL-2.0-or-later */
/* socket.h - where the agent listens. Errors: a line "object: cause: remedy" in the caller's buffer. */
#ifndef ESPIAL_AGENT_SOCKET_H
#define ESPIAL_AGENT_SOCKET_H

#include <stddef.h>
#include <sys/types.h>

/* A bound socket in the file system, to be removed only as long as it is still that one. */
struct socket_file {
	char path[108];
	dev_t device;
	ino_t inode;
};

/*
 * Listens at `path`, mode 0660, of group espial when there is one; its directory is made (0750) when it is missing. A socket
 * that nobody answers at is replaced. -EADDRINUSE: an agent answers there; -EEXIST: there is something else.
 */
int socket_listen_unix(const char *path, int *ret_fd, struct socket_file *ret_file, char *error,
		       size_t error_size);
void socket_remove(const struct socket_file *file);

/* `listen` as config_listen() takes it. */
int socket_listen_tcp(const char *listen, int *ret_fd, char *error, size_t error_size);

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
/* socket.c - the Unix socket and the TCP address that the agent listens on */
#include "agent/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "complain.h"
#include "config.h"

#define BACKLOG 64
#define GROUP "espial"

/* The group that may ask, or (gid_t)-1: chown() then leaves the group as it is. */
static gid_t group_of_readers(void)
{
	const struct group *group = getgrnam(GROUP);

	return group ? group->gr_gid : (gid_t)-1;
}

static int make_directory(const char *path, char *error, size_t error_size)
{
	char directory[108];
	const char *slash = strrchr(path, '/');
	int err;

	if (!slash || slash == path)
		return 0;
	snprintf(directory, sizeof(directory), "%.*s", (int)(slash - path), path);
	if (mkdir(directory, 0750) == 0) {
		if (chown(directory, (uid_t)-1, group_of_readers()) != 0 && errno != EPERM)
			return complain(error, error_size, -errno, "directory %s: %s", directory,
					strerror(errno));
		return 0;
	}
	err = -errno;
	if (err == -EEXIST)
		return 0;
	return complain(error, error_size, err,
			"directory %s of the socket: %s: make it, or choose another with --socket", directory,
			strerror(-err));
}

/* Is somebody there? 0: no, and what was there was removed. */
static int clear_way(const struct sockaddr_un *address, char *error, size_t error_size)
{
	const char *path = address->sun_path;
	struct ucred peer = {0};
	socklen_t size = sizeof(peer);
	struct stat st;
	int fd, err = 0;

	if (lstat(path, &st) != 0)
		return errno == ENOENT
			       ? 0
			       : complain(error, error_size, -errno, "socket %s: %s", path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return complain(error, error_size, -EEXIST,
				"socket %s: something that is no socket is there: remove it, or choose "
				"another with --socket",
				path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return complain(error, error_size, -errno, "socket %s: %s", path, strerror(errno));
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN) {
		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid > 0)
			err = complain(error, error_size, -EADDRINUSE,
				       "socket %s: another agent runs (pid %d): stop it, or choose another "
				       "with --socket",
				       path, peer.pid);
		else
			err = complain(
				error, error_size, -EADDRINUSE,
				"socket %s: another agent runs: stop it, or choose another with --socket",
				path);
	} else if (errno != ECONNREFUSED) {
		err = complain(error, error_size, -errno, "socket %s: %s", path, strerror(errno));
	} else if (unlink(path) != 0) {
		err = complain(error, error_size, -errno,
			       "socket %s: left behind by an agent that is gone, but: %s", path,
			       strerror(errno));
	}
	close(fd);
	return err;
}

int socket_listen_unix(const char *path, int *ret_fd, struct socket_file *ret_file, char *error,
		       size_t error_size)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat st;
	mode_t mask;
	int fd, err;

	if (strlen(path) >= sizeof(address.sun_path))
		return complain(error, error_size, -ENAMETOOLONG,
				"socket %s: path too long: at most %zu bytes", path,
				sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, strlen(path) + 1);
	err = make_directory(path, error, error_size);
	if (!err)
		err = clear_way(&address, error, error_size);
	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return complain(error, error_size, -errno, "socket %s: %s", path, strerror(errno));
	mask = umask(0117); /* 0660 from the first moment */
	err = bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ? -errno : 0;
	umask(mask);
	if (err) {
		close(fd);
		return complain(error, error_size, err, "socket %s: %s: choose another with --socket", path,
				strerror(-err));
	}
	/* Without the right to give it to the group, its own users may still ask. */
	if ((chown(path, (uid_t)-1, group_of_readers()) != 0 && errno != EPERM) || listen(fd, BACKLOG) != 0 ||
	    lstat(path, &st) != 0) {
		err = -errno;
		unlink(path);
		close(fd);
		return complain(error, error_size, err, "socket %s: %s", path, strerror(-err));
	}
	*ret_fd = fd;
	*ret_file = (struct socket_file){.device = st.st_dev, .inode = st.st_ino};
	memcpy(ret_file->path, path, strlen(path) + 1);
	return 0;
}

void socket_remove(const struct socket_file *file)
{
	struct stat st;

	if (file->path[0] && lstat(file->path, &st) == 0 && st.st_dev == file->device &&
	    st.st_ino == file->inode)
		unlink(file->path);
}

int socket_listen_tcp(const char *listen_on, int *ret_fd, char *error, size_t error_size)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	char host[64];
	uint16_t port;
	int fd, err, yes = 1;
	bool is_v6;

	err = config_listen(listen_on, host, &port, error, error_size);
	if (err)
		return err;
	is_v6 = strchr(host, ':');
	v4.sin_port = v6.sin6_port = htons(port);
	inet_pton(is_v6 ? AF_INET6 : AF_INET, host, is_v6 ? (void *)&v6.sin6_addr : (void *)&v4.sin_addr);
	fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return complain(error, error_size, -errno, "listen %s: %s", listen_on, strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (is_v6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes));
	if (bind(fd, is_v6 ? (void *)&v6 : (void *)&v4, is_v6 ? sizeof(v6) : sizeof(v4)) != 0 ||
	    listen(fd, BACKLOG) != 0) {
		err = -errno;
		close(fd);
		return complain(error, error_size, err, "listen %s: %s: %s", listen_on, strerror(-err),
				err == -EADDRNOTAVAIL
					? "give an address of this host, or only a port for loopback"
				: err == -EADDRINUSE ? "choose another port"
						     : "choose another address and port");
	}
	*ret_fd = fd;
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* client.c - the way to an agent: a Unix socket or TCP */
#include "client.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "client_internal.h"

/* 0 when it has passed: what is there already is taken still */
static int left_ms(int64_t end)
{
	int64_t now = client_now_ms();

	return now < end ? (int)(end - now) : 0;
}

int client_split(const char *url, char host[CLIENT_HOST], char port[CLIENT_PORT_TEXT])
{
	const char *at, *stop, *colon = NULL;
	size_t length;
	long number;

	if (strncmp(url, CLIENT_HTTP, strlen(CLIENT_HTTP)) != 0)
		return -EINVAL;
	at = url + strlen(CLIENT_HTTP);
	stop = at + strcspn(at, "/?#");
	if (stop[0] && (stop[0] != '/' || stop[1])) /* the path is ours to say */
		return -EINVAL;
	if (*at == '[') {
		const char *bracket = memchr(at, ']', (size_t)(stop - at));

		if (!bracket)
			return -EINVAL;
		at++;
		length = (size_t)(bracket - at);
		if (bracket + 1 < stop) {
			colon = bracket + 1;
			if (*colon != ':')
				return -EINVAL;
		}
	} else {
		colon = memchr(at, ':', (size_t)(stop - at));
		length = (size_t)((colon ? colon : stop) - at);
	}
	if (!length || length >= CLIENT_HOST || (colon && (stop - colon < 2 || stop - colon > 6)))
		return -EINVAL;
	memcpy(host, at, length);
	host[length] = '\0';
	snprintf(port, CLIENT_PORT_TEXT, "%.*s", colon ? (int)(stop - colon - 1) : 4,
		 colon ? colon + 1 : CLIENT_PORT);
	/* getaddrinfo() would take 70000, and mean 4464 */
	number = port[strspn(port, "0123456789")] ? 0 : strtol(port, NULL, 10);
	return number < 1 || number > 65535 ? -EINVAL : 0;
}

static int connect_one(const struct addrinfo *address, int64_t end, int *ret_fd)
{
	socklen_t size = sizeof(int);
	int fd, err = 0;

	fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, address->ai_addr, address->ai_addrlen) != 0) {
		err = -errno;
		if (err == -EINPROGRESS)
			err = client_wait(fd, POLLOUT, end);
		if (!err && getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &size) == 0)
			err = -err;
	}
	if (err) {
		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

/* Each address of the host, until one answers. Resolving a name is the one thing that heeds no deadline. */
static int connect_url(const char *url, int64_t end, int *ret_fd)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *list, *at;
	char host[CLIENT_HOST], port[CLIENT_PORT_TEXT];
	int err;

	err = client_split(url, host, port);
	if (err)
		return err;
	err = getaddrinfo(host, port, &hints, &list);
	if (err)
		return err == EAI_MEMORY ? -ENOMEM : -EHOSTUNREACH;
	err = -EHOSTUNREACH;
	for (at = list; at; at = at->ai_next) {
		err = connect_one(at, end, ret_fd);
		if (!err)
			break;
	}
	freeaddrinfo(list);
	return err;
}

static int connect_to(const char *path, int64_t end, int *ret_fd)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat st;
	int fd, err;

	if (strncmp(path, CLIENT_HTTP, strlen(CLIENT_HTTP)) == 0)
		return connect_url(path, end, ret_fd);
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* EAGAIN: the agent's queue is full. There is nothing to poll for on an unconnected Unix socket. */
	while (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		err = -errno;
		if (err == -EAGAIN && client_now_ms() < end) {
			poll(NULL, 0, 20);
			continue;
		}
		if (err == -ECONNREFUSED && stat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
			err = -ENOTSOCK;
		close(fd);
		return err == -EAGAIN ? -ETIMEDOUT : err;
	}
	*ret_fd = fd;
	return 0;
}

int client_get(const char *socket, const char *path, int deadline_ms, size_t limit, struct client_reply *ret)
{
	int64_t end = client_now_ms() + deadline_ms;
	int fd = -1, err;

	err = connect_to(socket, end, &fd);
	if (err)
		return err;
	err = client_get_on(fd, path, left_ms(end), limit, ret);
	close(fd);
	return err;
}

int client_follow(const char *socket, const char *path, int deadline_ms,
		  int (*line)(void *arg, const char *text, size_t length), void *arg, int *ret_status)
{
	int64_t end = client_now_ms() + deadline_ms;
	int fd = -1, err;

	err = connect_to(socket, end, &fd);
	if (err)
		return err;
	err = client_follow_on(fd, path, left_ms(end), line, arg, ret_status);
	close(fd);
	return err;
}

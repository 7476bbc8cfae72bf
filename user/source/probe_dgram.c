// SPDX-License-Identifier: GPL-2.0-or-later
/* probe_dgram.c - probes without privileges: a ping socket where the host allows it, UDP sockets, and their error queues */
#include "source/probe_link.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* Behind <time.h>: it wants struct timespec */
#include <linux/errqueue.h>

static int set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

/* Connected, so that only the target is heard and ICMP errors come to its error queue. */
static int open_connected(struct probe_link *l, enum probe_method method)
{
	bool is_v6 = l->key.target.family == 6;
	int protocol = method != PROBE_ECHO ? 0 : is_v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	int fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol),
	    err = 0;
	union probe_sockaddr address;
	socklen_t length = probe_to_sockaddr(&l->key.source, 0, &address);

	if (fd < 0)
		return -errno;
	if (bind(fd, &address.any, length) < 0)
		err = -errno;
	length = probe_to_sockaddr(&l->key.target, method == PROBE_NATT ? PROBE_PORT_NATT : PROBE_PORT_IKE,
				   &address);
	if (!err && connect(fd, &address.any, length) < 0)
		err = -errno;
	length = sizeof(address);
	if (!err && getsockname(fd, &address.any, &length) < 0)
		err = -errno;
	if (!err)
		err = is_v6 ? set(fd, IPPROTO_IPV6, IPV6_RECVERR, 1) : set(fd, IPPROTO_IP, IP_RECVERR, 1);
	if (err) {
		close(fd);
		return err;
	}
	(void)(is_v6 ? set(fd, IPPROTO_IPV6, IPV6_RECVFRAGSIZE, 1) : set(fd, IPPROTO_IP, IP_RECVFRAGSIZE, 1));
	/* Of a ping socket the kernel chooses the identifier and calls it a port */
	l->key.port[method] = ntohs(is_v6 ? address.v6.sin6_port : address.v4.sin_port);
	if (method == PROBE_ECHO)
		l->key.echo_id = l->key.port[method];
	return fd;
}

int probe_dgram_open(struct probe_link *l)
{
	enum probe_method method;

	for (method = PROBE_ECHO; method < PROBE_ESP; method++) {
		if (l->fd[method] >= 0)
			close(l->fd[method]);
		l->fd[method] = -1;
		if (method != PROBE_ECHO && l->inside)
			continue;
		l->fd[method] = open_connected(l, method);
		if (method == PROBE_ECHO)
			l->has_echo = l->fd[method] >= 0;
		if (l->fd[method] < 0 && (method != PROBE_ECHO || l->inside))
			return l->fd[method];
	}
	return 0;
}

static int prepare(struct probe_link *l, int fd, const struct probe_packet *packet)
{
	bool whole = packet->df || (l->key.target.family == 6 && !packet->fragment);
	int err;

	if (l->key.target.family == 6) {
		err = set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER,
			  whole ? IPV6_PMTUDISC_PROBE : IPV6_PMTUDISC_DONT);
		if (!err)
			err = set(fd, IPPROTO_IPV6, IPV6_DONTFRAG, whole);
		return err ? err : set(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, (int)packet->ttl);
	}
	err = set(fd, IPPROTO_IP, IP_MTU_DISCOVER, whole ? IP_PMTUDISC_PROBE : IP_PMTUDISC_DONT);
	return err ? err : set(fd, IPPROTO_IP, IP_TTL, (int)packet->ttl);
}

int probe_dgram_send(struct probe_link *l, const struct probe_packet *packet)
{
	int fd = packet->method < PROBE_ESP ? l->fd[packet->method] : -1, tries, err;
	ssize_t length;

	/* The kernel cuts at the interface's MTU, and nowhere else */
	if (fd < 0 || (packet->fragment && packet->fragment < l->link_mtu))
		return -EOPNOTSUPP;
	length = packet->method == PROBE_ECHO
			 ? probe_build_transport(&l->key, packet, l->transport, PROBE_SIZE_MAX)
			 : probe_build_ike(&l->key, packet, l->transport, PROBE_SIZE_MAX);
	if (length < 0)
		return (int)length;
	err = prepare(l, fd, packet);
	if (err)
		return err;
	/* An error that came in for an earlier packet is told at the next call, once */
	for (tries = 0; tries < 3; tries++) {
		if (send(fd, l->transport, (size_t)length, 0) == length) {
			l->sent_bytes += packet->size;
			l->last[packet->method] = *packet;
			return 0;
		}
		err = -errno;
		if (err == -EMSGSIZE && packet->size > l->link_mtu)
			return err;
	}
	return err == -EWOULDBLOCK || err == -ENOBUFS ? -EAGAIN : err;
}

/* One entry of the error queue. 1: an event; 0: of no concern; -errno: none. */
static int receive_error(struct probe_link *l, enum probe_method method, struct probe_event *ret)
{
	union {
		char bytes[512];
		struct cmsghdr align;
	} control;
	struct iovec data = {.iov_base = l->frame, .iov_len = PROBE_SIZE_MAX};
	struct msghdr message = {.msg_iov = &data,
				 .msg_iovlen = 1,
				 .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes)};
	const struct sock_extended_err *error = NULL;
	const struct cmsghdr *c;
	union probe_sockaddr from = {0};
	bool is_v6 = l->key.target.family == 6;
	ssize_t got = recvmsg(l->fd[method], &message, MSG_ERRQUEUE);

	if (got < 0)
		return -errno;
	for (c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, (struct cmsghdr *)c))
		if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
		    (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR))
			error = (const struct sock_extended_err *)CMSG_DATA(c);
	if (!error || error->ee_origin != (is_v6 ? SO_EE_ORIGIN_ICMP6 : SO_EE_ORIGIN_ICMP))
		return 0;
	memcpy(&from, SO_EE_OFFENDER(error), is_v6 ? sizeof(from.v6) : sizeof(from.v4));
	*ret = (struct probe_event){
		.method = method, .at_ns = probe_now_ns(), .type = error->ee_type, .code = error->ee_code};
	probe_from_sockaddr(&from, &ret->from);
	if (!probe_read_error(l->key.target.family, error->ee_type, error->ee_code, error->ee_info, ret))
		return 0;
	/* What was quoted of our data, which may be nothing */
	if (method == PROBE_ECHO && got >= 8)
		ret->token = (uint16_t)(l->frame[6] << 8 | l->frame[7]);
	else if (method == PROBE_ECHO ||
		 !probe_match_ike(&l->key, method, l->frame, (size_t)got, &ret->token))
		ret->token = l->last[method].token;
	return 1;
}

static int receive_echo(struct probe_link *l, struct probe_event *ret)
{
	char control[128];
	struct iovec data = {.iov_base = l->frame, .iov_len = PROBE_SIZE_MAX};
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct cmsghdr *c;
	ssize_t got = recvmsg(l->fd[PROBE_ECHO], &message, 0);
	int fragment = 0;

	if (got < 0)
		return -errno;
	for (c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c))
		if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVFRAGSIZE) ||
		    (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVFRAGSIZE))
			memcpy(&fragment, CMSG_DATA(c), sizeof(fragment));
	*ret = (struct probe_event){.from = l->key.target,
				    .at_ns = probe_now_ns(),
				    .fragment = fragment > 0 ? (unsigned int)fragment : 0};
	return probe_match_icmp(&l->key, l->frame, (size_t)got, ret);
}

int probe_dgram_receive(struct probe_link *l, struct probe_event *ret)
{
	enum probe_method method;
	int got, tries;

	for (method = PROBE_ECHO; method < PROBE_ESP; method++) {
		if (l->fd[method] < 0)
			continue;
		do
			got = receive_error(l, method, ret);
		while (got == 0 || got == -EINTR);
		if (got > 0)
			return 1;
		/* The error of a packet is told here too, once for each: behind it there may be an answer */
		for (tries = 0; tries < 16; tries++) {
			got = method == PROBE_ECHO ? receive_echo(l, ret) : probe_udp_receive(l, method, ret);
			if (got > 0)
				return 1;
			if (got == -EWOULDBLOCK)
				break;
		}
	}
	return 0;
}

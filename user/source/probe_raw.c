// SPDX-License-Identifier: GPL-2.0-or-later
/* probe_raw.c - probes by raw sockets */
#include "source/probe_link.h"

#include <errno.h>
#include <linux/icmp.h>
#include <linux/in6.h>
#include <linux/xfrm.h>
#include <netinet/icmp6.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FOREIGN 1000   /* messages that are not ours, in a row */
#define FRAME_EXTRA 64 /* headers of IP and of a fragment */

uint64_t probe_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static int set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

/*
 * IKE and the outer packets pass beside the IPsec policies, like those of an IKE daemon. Without XFRM in the kernel there are
 * none, and without CAP_NET_ADMIN it is refused: then a policy that covers the peer's own address applies.
 */
static void bypass_policies(const struct probe_link *l, int fd)
{
	bool is_v6 = l->key.target.family == 6;
	struct xfrm_userpolicy_info policy = {.sel.family = is_v6 ? AF_INET6 : AF_INET,
					      .action = XFRM_POLICY_ALLOW,
					      .dir = XFRM_POLICY_OUT};

	if (l->inside)
		return;
	(void)setsockopt(fd, is_v6 ? IPPROTO_IPV6 : IPPROTO_IP, is_v6 ? IPV6_XFRM_POLICY : IP_XFRM_POLICY,
			 &policy, sizeof(policy));
	policy.dir = XFRM_POLICY_IN;
	(void)setsockopt(fd, is_v6 ? IPPROTO_IPV6 : IPPROTO_IP, is_v6 ? IPV6_XFRM_POLICY : IP_XFRM_POLICY,
			 &policy, sizeof(policy));
}

/* A socket that neither asks the path MTU cache nor, through ICMP errors about its packets, writes to it. */
static int open_socket(const struct probe_link *l, int type, int protocol)
{
	bool is_v6 = l->key.target.family == 6;
	int fd = socket(is_v6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol), err;

	if (fd < 0)
		return -errno;
	err = is_v6 ? set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_INTERFACE)
		    : set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_INTERFACE);
	if (err) {
		close(fd);
		return err;
	}
	bypass_policies(l, fd);
	return fd;
}

static int open_icmp(struct probe_link *l)
{
	bool is_v6 = l->key.target.family == 6;
	struct icmp6_filter filter6;
	struct icmp_filter filter4 = {.data = ~(1U << ICMP_ECHOREPLY | 1U << ICMP_DEST_UNREACH |
						1U << ICMP_TIME_EXCEEDED | 1U << ICMP_PARAMETERPROB)};
	int fd = open_socket(l, SOCK_RAW, is_v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);

	if (fd < 0)
		return fd;
	/* In vain on kernels before 4.12; then answers in fragments cannot be told from whole ones */
	if (is_v6) {
		ICMP6_FILTER_SETBLOCKALL(&filter6);
		ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter6);
		ICMP6_FILTER_SETPASS(ICMP6_DST_UNREACH, &filter6);
		ICMP6_FILTER_SETPASS(ICMP6_PACKET_TOO_BIG, &filter6);
		ICMP6_FILTER_SETPASS(ICMP6_TIME_EXCEEDED, &filter6);
		ICMP6_FILTER_SETPASS(ICMP6_PARAM_PROB, &filter6);
		(void)setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter6, sizeof(filter6));
		(void)set(fd, IPPROTO_IPV6, IPV6_RECVFRAGSIZE, 1);
	} else {
		(void)setsockopt(fd, SOL_RAW, ICMP_FILTER, &filter4, sizeof(filter4));
		(void)set(fd, IPPROTO_IP, IP_RECVFRAGSIZE, 1);
	}
	(void)set(fd, SOL_SOCKET, SO_RCVBUF, 1 << 20);
	return fd;
}

/*
 * The socket that hears the answers, and whose port the packets bear. The IKE port if nobody has it: some firewalls want it on
 * both sides. Where an IKE daemon has it, another port is taken; sharing the daemon's would take packets from it.
 */
static int open_udp(struct probe_link *l, enum probe_method method)
{
	union probe_sockaddr address;
	uint16_t port = method == PROBE_IKE ? PROBE_PORT_IKE : PROBE_PORT_NATT;
	int fd = open_socket(l, SOCK_DGRAM, 0);
	socklen_t length;

	if (fd < 0)
		return fd;
	/* Of this host itself the port is the daemon's: with ours there, we would ask ourselves */
	length = probe_to_sockaddr(&l->key.source,
				   probe_address_equal(&l->key.source, &l->key.target) ? 0 : port, &address);
	if (bind(fd, &address.any, length) < 0) {
		length = probe_to_sockaddr(&l->key.source, 0, &address);
		if (bind(fd, &address.any, length) < 0) {
			int err = -errno;

			close(fd);
			return err;
		}
	}
	length = sizeof(address);
	if (getsockname(fd, &address.any, &length) < 0) {
		close(fd);
		return -EIO;
	}
	l->key.port[method] = ntohs(l->key.target.family == 6 ? address.v6.sin6_port : address.v4.sin_port);
	return fd;
}

int probe_raw_open(struct probe_link *l)
{
	union probe_sockaddr address;
	socklen_t length = probe_to_sockaddr(&l->key.source, 0, &address);
	int err;

	l->raw_fd = open_socket(l, SOCK_RAW, IPPROTO_RAW);
	if (l->raw_fd < 0)
		return l->raw_fd;
	if (bind(l->raw_fd, &address.any, length) < 0)
		return -errno;
	/* Or connection tracking of this host would put our fragments together again */
	if (l->key.target.family == 4)
		(void)set(l->raw_fd, IPPROTO_IP, IP_NODEFRAG, 1);
	(void)set(l->raw_fd, SOL_SOCKET, SO_SNDBUF, 1 << 20);
	l->fd[PROBE_ECHO] = err = open_icmp(l);
	if (err < 0)
		return err;
	l->has_echo = true;
	if (l->inside)
		return 0;
	l->fd[PROBE_IKE] = err = open_udp(l, PROBE_IKE);
	if (err < 0)
		return err;
	l->fd[PROBE_NATT] = err = open_udp(l, PROBE_NATT);
	return err < 0 ? err : 0;
}

int probe_raw_send(struct probe_link *l, const struct probe_packet *packet)
{
	ssize_t length = probe_build_transport(&l->key, packet, l->transport, PROBE_SIZE_MAX);
	size_t part = packet->fragment ? probe_fragment_payload(l->key.target.family, packet->fragment)
				       : PROBE_SIZE_MAX;
	union probe_sockaddr address;
	socklen_t address_length = probe_to_sockaddr(&l->key.target, 0, &address);
	size_t offset, frame;

	if (length < 0)
		return (int)length;
	for (offset = 0; offset < (size_t)length; offset += part) {
		size_t left = (size_t)length - offset;

		frame = probe_build_ip(&l->key, packet, l->transport, offset, left < part ? left : part,
				       left > part, l->frame);
		if (sendto(l->raw_fd, l->frame, frame, 0, &address.any, address_length) < 0)
			return errno == EWOULDBLOCK || errno == ENOBUFS ? -EAGAIN : -errno;
		l->sent_bytes += frame;
	}
	return 0;
}

/* ---- receiving */

/* The size of the largest fragment, if the message came in several. */
static unsigned int fragment_size(struct msghdr *message)
{
	struct cmsghdr *c;
	int size = 0;

	for (c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c))
		if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVFRAGSIZE) ||
		    (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVFRAGSIZE))
			memcpy(&size, CMSG_DATA(c), sizeof(size));
	return size > 0 ? (unsigned int)size : 0;
}

static ssize_t receive(struct probe_link *l, int fd, struct probe_event *ret)
{
	char control[256];
	union probe_sockaddr from;
	struct iovec data = {.iov_base = l->frame, .iov_len = PROBE_SIZE_MAX};
	struct msghdr message = {.msg_name = &from,
				 .msg_namelen = sizeof(from),
				 .msg_iov = &data,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	ssize_t got = recvmsg(fd, &message, 0);

	if (got < 0)
		return -errno;
	*ret = (struct probe_event){.at_ns = probe_now_ns(), .fragment = fragment_size(&message)};
	probe_from_sockaddr(&from, &ret->from);
	return got;
}

int probe_udp_receive(struct probe_link *l, enum probe_method method, struct probe_event *ret)
{
	ssize_t got = receive(l, l->fd[method], ret);

	if (got < 0)
		return (int)got;
	if (!probe_address_equal(&ret->from, &l->key.target) ||
	    !probe_match_answer(&l->key, method, l->frame, (size_t)got, &ret->token))
		return 0;
	ret->kind = PROBE_EVENT_ANSWER;
	ret->method = method;
	return 1;
}

static int receive_icmp(struct probe_link *l, struct probe_event *ret)
{
	ssize_t got = receive(l, l->fd[PROBE_ECHO], ret);
	size_t header = 0;

	if (got < 0)
		return (int)got;
	if (l->key.target.family == 4) { /* raw IPv4 sockets get the header too */
		header = got ? (size_t)(l->frame[0] & 15) * 4 : 0;
		if (header < 20 || header > (size_t)got)
			return 0;
	}
	if (!probe_match_icmp(&l->key, l->frame + header, (size_t)got - header, ret))
		return 0;
	return ret->kind != PROBE_EVENT_ANSWER || probe_address_equal(&ret->from, &l->key.target);
}

int probe_raw_receive(struct probe_link *l, struct probe_event *ret)
{
	enum probe_method method;
	int got, tries;

	for (method = PROBE_ECHO; method < PROBE_ESP; method++) {
		if (l->fd[method] < 0)
			continue;
		/* A raw socket hears all ICMP of the host: a flood of it must not keep us here */
		for (tries = 0; tries < FOREIGN; tries++) {
			got = method == PROBE_ECHO ? receive_icmp(l, ret) : probe_udp_receive(l, method, ret);
			if (got > 0)
				return 1;
			if (got < 0 && got != -EINTR)
				break;
		}
	}
	return 0;
}

/* ---- either kind */

int probe_link_open(struct probe_link *l, bool unprivileged)
{
	int err = -EPERM;
	size_t i;

	l->raw_fd = -1;
	for (i = 0; i < PROBE_METHODS; i++)
		l->fd[i] = -1;
	l->transport = malloc(PROBE_SIZE_MAX + FRAME_EXTRA);
	l->frame = malloc(PROBE_SIZE_MAX + FRAME_EXTRA);
	if (!l->transport || !l->frame) {
		probe_link_close(l);
		return -ENOMEM;
	}
	if (!unprivileged) {
		l->raw = true;
		err = probe_raw_open(l);
	}
	if (err == -EPERM || err == -EACCES) {
		l->raw = false;
		err = probe_dgram_open(l);
	}
	if (err)
		probe_link_close(l);
	return err;
}

void probe_link_close(struct probe_link *l)
{
	size_t i;

	if (l->raw_fd >= 0)
		close(l->raw_fd);
	for (i = 0; i < PROBE_METHODS; i++)
		if (l->fd[i] >= 0)
			close(l->fd[i]);
	free(l->transport);
	free(l->frame);
	*l = (struct probe_link){.raw_fd = -1, .fd = {-1, -1, -1, -1}};
}

int probe_link_send(struct probe_link *l, const struct probe_packet *packet)
{
	return l->raw ? probe_raw_send(l, packet) : probe_dgram_send(l, packet);
}

int probe_link_receive(struct probe_link *l, struct probe_event *ret)
{
	return l->raw ? probe_raw_receive(l, ret) : probe_dgram_receive(l, ret);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source/xfrm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>

#include "complain.h"
#include "source/netns.h"

#define XFRM_RECEIVE 32768 /* bytes; the kernel fills no more of it with one message of a dump */
#define XFRM_QUEUE (4U << 20)
#define XFRM_BATCH 64 /* receives before the loop gets its turn */

enum dump_phase {
	DUMP_NONE,
	DUMP_SAS,
	DUMP_POLICIES,
};

struct xfrm {
	struct xfrm_table table;
	struct mnl_socket *events, *query;
	int listeners; /* the list of netlink sockets of the namespace; negative: cannot be told */
	int epoll;
	enum dump_phase phase;
	bool again; /* dump once more when this dump is through */
	bool ready; /* one dump went through */
	bool asks;  /* is a member of XFRMNLGRP_ACQUIRE */
	uint32_t sequence;
	struct xfrm_options options;
	struct fact_kernel facts;
	uint64_t heard[XFRM_CHANGES];
	char buffer[XFRM_RECEIVE] __attribute__((aligned(8)));
};

int xfrm_protect_process(void)
{
	static const struct rlimit none;

	if (setrlimit(RLIMIT_CORE, &none) || prctl(PR_SET_DUMPABLE, 0))
		return -errno;
	return 0;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

/* ---- who else is asked */

/*
 * Without anybody in XFRMNLGRP_ACQUIRE the kernel drops what has no SA at once; with a member it keeps the traffic waiting for
 * an SA that we would never make. So we are one only while somebody else is, an IKE daemon. Groups are in hexadecimal,
 * bit 0 is group 1.
 */
static bool others_are_asked(const struct xfrm *x)
{
	unsigned int protocol, port, groups, ours = mnl_socket_get_portid(x->events);
	/* A stream of its own each time: one that is rewound may tell what its buffer still has */
	int fd = x->listeners >= 0 ? fcntl(x->listeners, F_DUPFD_CLOEXEC, 0) : -1;
	FILE *list = fd >= 0 ? fdopen(fd, "r") : NULL;
	bool found = false;
	char line[256];

	if (!list) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	if (lseek(fd, 0, SEEK_SET) == 0)
		while (!found && fgets(line, sizeof(line), list))
			found = sscanf(line, "%*s %u %u %x", &protocol, &port, &groups) == 3 &&
				protocol == NETLINK_XFRM && port != ours && port &&
				groups & 1U << (XFRMNLGRP_ACQUIRE - 1);
	(void)fclose(list);
	return found;
}

static int join(struct xfrm *x, int group, bool in)
{
	return mnl_socket_setsockopt(x->events, in ? NETLINK_ADD_MEMBERSHIP : NETLINK_DROP_MEMBERSHIP, &group,
				     sizeof(group)) < 0
		       ? -errno
		       : 0;
}

static void follow_acquires(struct xfrm *x)
{
	bool wanted = others_are_asked(x);

	if (wanted != x->asks && !join(x, XFRMNLGRP_ACQUIRE, wanted))
		x->asks = wanted;
}

/* ---- dumps */

static int ask(struct xfrm *x, uint16_t type)
{
	char request[MNL_NLMSG_HDRLEN + sizeof(struct xfrm_userpolicy_id)] __attribute__((aligned(8)));
	struct nlmsghdr *header = mnl_nlmsg_put_header(request);

	header->nlmsg_type = type;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	header->nlmsg_seq = ++x->sequence;
	mnl_nlmsg_put_extra_header(header, type == XFRM_MSG_GETPOLICY ? sizeof(struct xfrm_userpolicy_id)
								      : sizeof(struct xfrm_usersa_id));
	return mnl_socket_sendto(x->query, header, header->nlmsg_len) < 0 ? -errno : 0;
}

static int dump_begin(struct xfrm *x)
{
	int err;

	follow_acquires(x);
	x->again = false;
	err = ask(x, XFRM_MSG_GETSA);
	if (err)
		return err;
	x->phase = DUMP_SAS;
	xfrm_table_dump_begin(&x->table);
	return 0;
}

/* One part of a dump is through, or was refused with `error`. */
static int dump_step(struct xfrm *x, int error)
{
	int err = error;

	if (!err && x->phase == DUMP_SAS) {
		x->phase = DUMP_POLICIES;
		err = ask(x, XFRM_MSG_GETPOLICY);
		if (!err)
			return 0;
	}
	x->phase = DUMP_NONE;
	if (!err) {
		x->ready = true;
		x->facts.synced_ns = now_ns();
	}
	xfrm_table_dump_end(&x->table, !err);
	return err;
}

int xfrm_refresh(struct xfrm *x)
{
	return x->phase == DUMP_NONE ? dump_begin(x) : 0;
}

/* ---- messages */

static int on_dumped(struct xfrm *x, const struct nlmsghdr *header, const struct xfrm_message *message)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(header);

	if (header->nlmsg_seq != x->sequence || x->phase == DUMP_NONE)
		return 0; /* of a dump that was broken off */
	if (header->nlmsg_type == NLMSG_DONE)
		return dump_step(x, 0);
	if (header->nlmsg_type == NLMSG_ERROR)
		return dump_step(x, mnl_nlmsg_get_payload_len(header) < sizeof(*error) ? -EBADMSG
										       : error->error);
	return xfrm_table_fold(&x->table, message, true, now_ns());
}

/* All messages of one receive. */
static int take_in(struct xfrm *x, size_t size, bool dumped)
{
	const struct nlmsghdr *header = (const struct nlmsghdr *)x->buffer;
	struct xfrm_message message;
	int left = (int)size, err = 0;

	for (; xfrm_fits(header, left) && !err; header = mnl_nlmsg_next(header, &left)) {
		if (xfrm_parse(header, &message))
			continue; /* nothing that a kernel sends */
		if (dumped)
			err = on_dumped(x, header, &message);
		else
			err = xfrm_table_fold(&x->table, &message, false, now_ns());
	}
	return err;
}

/* 1: taken in, 0: nothing there, -errno */
static int receive(struct xfrm *x, struct mnl_socket *from)
{
	ssize_t size = mnl_socket_recvfrom(from, x->buffer, sizeof(x->buffer));
	int err;

	if (size < 0) {
		if (errno == EAGAIN)
			return 0;
		if (errno == EINTR)
			return 1;
		if (errno != ENOBUFS)
			return -errno;
		x->facts.overruns++;
		x->again = true;
		if (from == x->query) { /* what was lost may have been its end */
			x->phase = DUMP_NONE;
			xfrm_table_dump_end(&x->table, false);
		}
		return 1;
	}
	err = take_in(x, (size_t)size, from == x->query);
	explicit_bzero(x->buffer, (size_t)size);
	return err ? err : 1;
}

/* Notices first: what a dump says meanwhile is older, or as old. */
static int receive_all(struct xfrm *x)
{
	int more = 1;

	for (int i = 0; i < XFRM_BATCH && more > 0; i++)
		more = receive(x, x->events);
	if (more < 0)
		return more;
	more = 1;
	for (int i = 0; i < XFRM_BATCH && more > 0; i++)
		more = receive(x, x->query);
	return more < 0 ? more : 0;
}

static void on_change(void *arg, enum xfrm_change change, const struct fact_sa *sa,
		      const struct xfrm_message *message)
{
	struct xfrm *x = arg;

	x->heard[change]++;
	if (change == XFRM_MIGRATION)
		x->again = true;
	if (x->options.changed)
		x->options.changed(x->options.arg, change, sa, message);
}

static void publish(struct xfrm *x)
{
	struct fact_kernel *f = &x->facts;

	if (x->table.changed)
		xfrm_table_directions(&x->table, x->options.is_local, x->options.arg);
	f->available = x->ready;
	f->sas = x->table.sa;
	f->sa_count = x->table.sas.count;
	f->policies = x->table.policy;
	f->policy_count = x->table.policies.count;
	f->acquires = x->table.acquire;
	f->acquire_count = x->table.acquire_count;
}

int xfrm_run(struct xfrm *x)
{
	int err = receive_all(x);
	bool changed;

	x->again |= x->table.stale;
	if (!err && x->again && x->phase == DUMP_NONE)
		err = dump_begin(x);
	publish(x);
	changed = x->table.changed;
	x->table.changed = false;
	return err ? err : changed;
}

const struct fact_kernel *xfrm_facts(const struct xfrm *x)
{
	return &x->facts;
}

/* ---- opening */

static int open_sockets(void *arg)
{
	struct xfrm *x = arg;
	static const int groups[] = {XFRMNLGRP_EXPIRE, XFRMNLGRP_SA, XFRMNLGRP_POLICY, XFRMNLGRP_MIGRATE,
				     XFRMNLGRP_MAPPING};
	int size = (int)(x->options.queue_bytes ? x->options.queue_bytes : XFRM_QUEUE), err = 0;

	/* Like sockets, it goes on telling of the namespace that it was opened in. */
	x->listeners = open("/proc/thread-self/net/netlink", O_RDONLY | O_CLOEXEC);
	x->events = mnl_socket_open2(NETLINK_XFRM, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (x->events)
		x->query = mnl_socket_open2(NETLINK_XFRM, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (!x->query)
		return -errno;
	/* Beyond net.core.rmem_max, if we may */
	if (setsockopt(mnl_socket_get_fd(x->events), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		(void)setsockopt(mnl_socket_get_fd(x->events), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (mnl_socket_bind(x->events, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_bind(x->query, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups) && !err; i++)
		err = join(x, groups[i], true);
	return err;
}

static int watch(struct xfrm *x)
{
	struct epoll_event event = {.events = EPOLLIN};

	x->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (x->epoll < 0 || epoll_ctl(x->epoll, EPOLL_CTL_ADD, mnl_socket_get_fd(x->events), &event) ||
	    epoll_ctl(x->epoll, EPOLL_CTL_ADD, mnl_socket_get_fd(x->query), &event))
		return -errno;
	return 0;
}

static const char *remedy(int err, const char *netns)
{
	switch (err) {
	case -EPERM:
	case -EACCES:
		return netns ? ": other network namespaces need CAP_SYS_ADMIN, and CAP_NET_ADMIN in there"
			     : ": run with CAP_NET_ADMIN";
	case -EPROTONOSUPPORT:
		return ": this kernel is built without CONFIG_XFRM_USER, or its module xfrm_user is missing";
	case -EINVAL:
		return netns ? ": that is no network namespace" : "";
	case -ENOENT:
		return ": `ip netns` lists namespaces by name, /run/netns/NAME is their path";
	default:
		return "";
	}
}

int xfrm_open(const struct xfrm_options *options, struct xfrm **ret, char *error, size_t error_size)
{
	struct xfrm *x = calloc(1, sizeof(*x));
	int err;

	*error = 0;
	if (!x)
		return complain(error, error_size, -ENOMEM, "XFRM: out of memory");
	x->epoll = x->listeners = -1;
	x->options = *options;
	xfrm_table_init(&x->table, on_change, x);
	err = options->netns ? netns_call(options->netns, open_sockets, x) : open_sockets(x);
	if (!err)
		err = watch(x);
	if (!err)
		err = dump_begin(x);
	if (err) {
		xfrm_close(x);
		return complain(error, error_size, err, "XFRM%s%s: %s%s", options->netns ? " in " : "",
				options->netns ? options->netns : "", strerror(-err),
				remedy(err, options->netns));
	}
	*ret = x;
	return 0;
}

void xfrm_close(struct xfrm *x)
{
	if (!x)
		return;
	if (x->epoll >= 0)
		close(x->epoll);
	if (x->events)
		mnl_socket_close(x->events);
	if (x->query)
		mnl_socket_close(x->query);
	if (x->listeners >= 0)
		close(x->listeners);
	xfrm_table_free(&x->table);
	explicit_bzero(x->buffer, sizeof(x->buffer));
	free(x);
}

int xfrm_fd(const struct xfrm *x)
{
	return x->epoll;
}

const uint64_t *xfrm_heard(const struct xfrm *x)
{
	return x->heard;
}

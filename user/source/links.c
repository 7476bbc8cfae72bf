/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source/links.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#define LINKS_RECEIVE 32768 /* bytes; the kernel fills no more of it with one message of a dump */
#define LINKS_QUEUE (1 << 20)
#define LINKS_TRIES 5

struct links {
	struct mnl_socket *events, *query;
	struct link *link;
	size_t count, room;
	uint64_t serial;
	bool follow_routes, routes_stale, changed, failed;
	char buffer[LINKS_RECEIVE];
};

static size_t position(const struct links *links, uint32_t ifindex)
{
	size_t low = 0, high = links->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (links->link[middle].ifindex < ifindex)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct link *links_find(const struct links *links, uint32_t ifindex)
{
	size_t at = position(links, ifindex);

	return at < links->count && links->link[at].ifindex == ifindex ? &links->link[at] : NULL;
}

const struct link *links_all(const struct links *links, size_t *ret_count)
{
	*ret_count = links->count;
	return links->link;
}

static void link_remove(struct links *links, uint32_t ifindex)
{
	size_t at = position(links, ifindex);

	if (at >= links->count || links->link[at].ifindex != ifindex)
		return;
	memmove(&links->link[at], &links->link[at + 1], (links->count - at - 1) * sizeof(*links->link));
	links->count--;
	links->changed = true;
}

static void link_set(struct links *links, const struct link *link)
{
	size_t at = position(links, link->ifindex);
	struct link *place;

	if (at < links->count && links->link[at].ifindex == link->ifindex) {
		struct link next = *link;

		place = &links->link[at];
		next.serial = place->serial;
		next.default_route = place->default_route;
		*place = next;
		return;
	}
	if (links->count == links->room) {
		size_t room = links->room ? links->room * 2 : 32;
		struct link *grown = realloc(links->link, room * sizeof(*grown));

		if (!grown) {
			links->failed = true;
			return;
		}
		links->link = grown;
		links->room = room;
	}
	place = &links->link[at];
	memmove(place + 1, place, (links->count - at) * sizeof(*place));
	*place = *link;
	place->serial = ++links->serial;
	links->count++;
}

static enum link_stack stack_of(const char *kind)
{
	static const struct {
		const char *kind;
		enum link_stack stack;
	} known[] = {
		{"vlan", LINK_ON_LOWER},   {"macvlan", LINK_ON_LOWER}, {"macvtap", LINK_ON_LOWER},
		{"ipvlan", LINK_ON_LOWER}, {"ipvtap", LINK_ON_LOWER},  {"bridge", LINK_OF_PORTS},
		{"vrf", LINK_OF_PORTS},	   {"bond", LINK_OF_SLAVES},   {"team", LINK_OF_SLAVES},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (!strcmp(kind, known[i].kind))
			return known[i].stack;
	/* Also tunnels: what they show is inside of what their lower device shows, and not the same packets. */
	return LINK_ALONE;
}

static enum link_stack stack_of_info(const struct nlattr *info)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(
		attr, info) if (mnl_attr_get_type(attr) == IFLA_INFO_KIND &&
				!mnl_attr_validate(
					attr, MNL_TYPE_NUL_STRING)) return stack_of(mnl_attr_get_str(attr));
	return LINK_ALONE;
}

/* One RTM_NEWLINK or RTM_DELLINK. */
static void on_link(const struct nlmsghdr *message, struct links *links)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
	struct link link = {.ifindex = (uint32_t)info->ifi_index, .type = info->ifi_type};
	bool elsewhere = false;
	const struct nlattr *attr;

	/* A bridge tells of its ports in the same group: a "deleted" there has only left the bridge. */
	if (info->ifi_family != AF_UNSPEC || info->ifi_index <= 0)
		return;
	if (message->nlmsg_type == RTM_DELLINK) {
		link_remove(links, link.ifindex);
		return;
	}
	mnl_attr_for_each(attr, message, sizeof(*info))
	{
		switch (mnl_attr_get_type(attr)) {
		case IFLA_IFNAME:
			if (!mnl_attr_validate(attr, MNL_TYPE_NUL_STRING))
				strncpy(link.name, mnl_attr_get_str(attr), sizeof(link.name) - 1);
			break;
		case IFLA_MTU:
			link.mtu = mnl_attr_get_u32(attr);
			break;
		case IFLA_MASTER:
			link.master = mnl_attr_get_u32(attr);
			break;
		case IFLA_LINK:
			link.lower = mnl_attr_get_u32(attr);
			break;
		case IFLA_LINK_NETNSID:
			elsewhere = true;
			break;
		case IFLA_LINKINFO:
			link.stack = stack_of_info(attr);
			break;
		case IFLA_WIRELESS: /* an event of a driver, with nothing else in it */
			return;
		}
	}
	link.up = info->ifi_flags & IFF_UP;
	link.loopback = info->ifi_flags & IFF_LOOPBACK;
	if (elsewhere || link.stack != LINK_ON_LOWER)
		link.lower = 0;
	link_set(links, &link);
	links->changed = true;
}

static void has_default_route(struct links *links, uint32_t ifindex)
{
	size_t at = position(links, ifindex);

	if (at < links->count && links->link[at].ifindex == ifindex)
		links->link[at].default_route = true;
}

static bool is_default_route(const struct nlmsghdr *message)
{
	const struct rtmsg *route = mnl_nlmsg_get_payload(message);

	return !route->rtm_dst_len && route->rtm_table == RT_TABLE_MAIN && route->rtm_type == RTN_UNICAST &&
	       !(route->rtm_flags & RTM_F_CLONED);
}

static void on_route(const struct nlmsghdr *message, struct links *links)
{
	const struct nlattr *attr;

	if (!is_default_route(message))
		return;
	mnl_attr_for_each(attr, message, sizeof(struct rtmsg))
	{
		if (mnl_attr_get_type(attr) == RTA_OIF) {
			has_default_route(links, mnl_attr_get_u32(attr));
		} else if (mnl_attr_get_type(attr) == RTA_MULTIPATH) {
			struct rtnexthop *hop = mnl_attr_get_payload(attr);
			int left = mnl_attr_get_payload_len(attr);

			for (; RTNH_OK(hop, left); left -= RTNH_ALIGN(hop->rtnh_len), hop = RTNH_NEXT(hop))
				has_default_route(links, (uint32_t)hop->rtnh_ifindex);
		}
	}
}

static int on_message(const struct nlmsghdr *message, void *arg)
{
	struct links *links = arg;

	switch (message->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		if (mnl_nlmsg_get_payload_len(message) >= sizeof(struct ifinfomsg))
			on_link(message, links);
		/* Routes go with a link that goes down, and IPv4 says nothing of those. */
		links->routes_stale = true;
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		if (mnl_nlmsg_get_payload_len(message) >= sizeof(struct rtmsg) && is_default_route(message))
			links->routes_stale = true;
		break;
	}
	return MNL_CB_OK;
}

static int on_route_message(const struct nlmsghdr *message, void *arg)
{
	if (message->nlmsg_type == RTM_NEWROUTE && mnl_nlmsg_get_payload_len(message) >= sizeof(struct rtmsg))
		on_route(message, arg);
	return MNL_CB_OK;
}

/* Sends the request in the buffer and gives each answer to `callback`. -EINTR: the kernel's table changed meanwhile. */
static int dump_once(struct links *links, struct nlmsghdr *request, mnl_cb_t callback)
{
	unsigned int port = mnl_socket_get_portid(links->query);
	uint32_t sequence = (uint32_t)++links->serial;

	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	request->nlmsg_seq = sequence;
	if (mnl_socket_sendto(links->query, request, request->nlmsg_len) < 0)
		return -errno;
	for (;;) {
		ssize_t size = mnl_socket_recvfrom(links->query, links->buffer, sizeof(links->buffer));
		int more;

		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0)
			return -errno;
		more = mnl_cb_run(links->buffer, (size_t)size, sequence, port, callback, links);
		if (more < 0) {
			/* An answer that is left to an earlier, broken off dump */
			if (errno == EPROTO || errno == ESRCH)
				continue;
			return -errno;
		}
		if (!more)
			return 0;
	}
}

/* What is left of a dump that was broken off would be taken for the next one's. */
static int query_open(struct links *links)
{
	int on = 1;

	if (links->query)
		mnl_socket_close(links->query);
	links->query = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!links->query)
		return -errno;
	if (mnl_socket_bind(links->query, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	/* Filters are obeyed only so (5.0): of a full Internet table only the main one's routes are sent. */
	(void)setsockopt(mnl_socket_get_fd(links->query), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on,
			 sizeof(on));
	return 0;
}

static int dump_links(struct links *links)
{
	struct link *old = links->link;
	size_t old_count = links->count;
	struct nlmsghdr *request;
	struct ifinfomsg *info;
	int err;

	links->link = NULL;
	links->count = links->room = 0;
	request = mnl_nlmsg_put_header(links->buffer);
	request->nlmsg_type = RTM_GETLINK;
	info = mnl_nlmsg_put_extra_header(request, sizeof(*info));
	info->ifi_family = AF_UNSPEC;
	mnl_attr_put_u32(request, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	err = dump_once(links, request, on_message);
	if (!err && links->failed)
		err = -ENOMEM;
	if (err) {
		free(links->link);
		links->link = old;
		links->count = links->room = old_count;
		return err;
	}
	for (size_t i = 0, j = 0; i < links->count; i++) {
		while (j < old_count && old[j].ifindex < links->link[i].ifindex)
			j++;
		if (j < old_count && old[j].ifindex == links->link[i].ifindex)
			links->link[i].serial = old[j].serial;
	}
	free(old);
	links->changed = true;
	return 0;
}

static int dump_routes_of(struct links *links, unsigned char family)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(links->buffer);
	struct rtmsg *route = mnl_nlmsg_put_extra_header(request, sizeof(*route));
	int err;

	request->nlmsg_type = RTM_GETROUTE;
	route->rtm_family = family;
	route->rtm_table = RT_TABLE_MAIN;
	err = dump_once(links, request, on_route_message);
	/* No such table, or no such family: no routes. */
	return err == -ENOENT || err == -EAFNOSUPPORT || err == -EOPNOTSUPP ? 0 : err;
}

static int dump_routes(struct links *links)
{
	int err;

	for (size_t i = 0; i < links->count; i++)
		links->link[i].default_route = false;
	err = dump_routes_of(links, AF_INET);
	return err ? err : dump_routes_of(links, AF_INET6);
}

static int dump(struct links *links, int (*what)(struct links *))
{
	int err = -EINTR;

	for (int i = 0; i < LINKS_TRIES && err == -EINTR; i++) {
		err = what(links);
		if (err) {
			int reopened = query_open(links);

			if (reopened)
				return reopened;
		}
	}
	return err;
}

static int refresh_routes(struct links *links)
{
	if (!links->follow_routes || !links->routes_stale)
		return 0;
	links->routes_stale = false;
	links->changed = true;
	return dump(links, dump_routes);
}

int links_update(struct links *links)
{
	int err;

	links->changed = links->failed = false;
	for (;;) {
		ssize_t size = mnl_socket_recvfrom(links->events, links->buffer, sizeof(links->buffer));

		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (size < 0 && errno == ENOBUFS) { /* notices were lost: look at everything again */
			links->routes_stale = true;
			err = dump(links, dump_links);
			if (err)
				return err;
			continue;
		}
		if (size < 0)
			return -errno;
		/* Port 0 and sequence 0: notices come from the kernel and answer nobody. */
		(void)mnl_cb_run(links->buffer, (size_t)size, 0, 0, on_message, links);
	}
	if (links->failed)
		return -ENOMEM;
	err = refresh_routes(links);
	return err ? err : links->changed;
}

static int join(struct links *links, int group)
{
	return mnl_socket_setsockopt(links->events, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0
		       ? -errno
		       : 0;
}

int links_follow_routes(struct links *links)
{
	int err;

	if (links->follow_routes)
		return 0;
	err = join(links, RTNLGRP_IPV4_ROUTE);
	if (!err)
		err = join(links, RTNLGRP_IPV6_ROUTE);
	if (err)
		return err;
	links->follow_routes = links->routes_stale = true;
	return refresh_routes(links);
}

int links_open(bool follow_routes, struct links **ret)
{
	struct links *links = calloc(1, sizeof(*links));
	int size = LINKS_QUEUE, err;

	if (!links)
		return -ENOMEM;
	links->events = mnl_socket_open2(NETLINK_ROUTE, SOCK_NONBLOCK | SOCK_CLOEXEC);
	err = links->events ? query_open(links) : -errno;
	if (err)
		goto fail;
	(void)setsockopt(mnl_socket_get_fd(links->events), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (mnl_socket_bind(links->events, 0, MNL_SOCKET_AUTOPID) < 0) {
		err = -errno;
		goto fail;
	}
	err = join(links, RTNLGRP_LINK); /* before the dump: what changes meanwhile is then notified */
	if (!err)
		err = dump(links, dump_links);
	if (!err && follow_routes)
		err = links_follow_routes(links);
	if (err)
		goto fail;
	*ret = links;
	return 0;
fail:
	links_close(links);
	return err;
}

void links_close(struct links *links)
{
	if (!links)
		return;
	if (links->events)
		mnl_socket_close(links->events);
	if (links->query)
		mnl_socket_close(links->query);
	free(links->link);
	free(links);
}

int links_fd(const struct links *links)
{
	return mnl_socket_get_fd(links->events);
}

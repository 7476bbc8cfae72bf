// SPDX-License-Identifier: GPL-2.0-or-later
/* probe_route.c - names, addresses, and which way the kernel sends */
#include "source/probe_link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <libmnl/libmnl.h>

const char *probe_address_text(const struct probe_address *a, char ret[static PROBE_ADDRESS_SIZE])
{
	char name[IF_NAMESIZE];
	size_t used;

	*ret = '\0';
	if (!a->family || !inet_ntop(a->family == 6 ? AF_INET6 : AF_INET, a->bytes, ret, INET6_ADDRSTRLEN))
		return ret;
	if (a->scope && if_indextoname(a->scope, name)) {
		used = strlen(ret);
		snprintf(ret + used, PROBE_ADDRESS_SIZE - used, "%%%s", name);
	}
	return ret;
}

bool probe_address_equal(const struct probe_address *a, const struct probe_address *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, a->family == 6 ? 16 : 4) == 0;
}

socklen_t probe_to_sockaddr(const struct probe_address *a, uint16_t port, union probe_sockaddr *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (a->family == 6) {
		ret->v6.sin6_family = AF_INET6;
		ret->v6.sin6_port = htons(port);
		ret->v6.sin6_scope_id = a->scope;
		memcpy(&ret->v6.sin6_addr, a->bytes, 16);
		return sizeof(ret->v6);
	}
	ret->v4.sin_family = AF_INET;
	ret->v4.sin_port = htons(port);
	memcpy(&ret->v4.sin_addr, a->bytes, 4);
	return sizeof(ret->v4);
}

void probe_from_sockaddr(const union probe_sockaddr *from, struct probe_address *ret)
{
	*ret = (struct probe_address){0};
	if (from->any.sa_family == AF_INET6) {
		ret->family = 6;
		memcpy(ret->bytes, &from->v6.sin6_addr, 16);
		if (IN6_IS_ADDR_LINKLOCAL(&from->v6.sin6_addr))
			ret->scope = from->v6.sin6_scope_id;
	} else if (from->any.sa_family == AF_INET) {
		ret->family = 4;
		memcpy(ret->bytes, &from->v4.sin_addr, 4);
	}
}

int probe_resolve(const char *name, int family, struct probe_address *ret)
{
	struct addrinfo hints = {.ai_family = family == 6   ? AF_INET6
					      : family == 4 ? AF_INET
							    : AF_UNSPEC,
				 .ai_socktype = SOCK_DGRAM};
	struct addrinfo *list, *a;
	int status = getaddrinfo(name, NULL, &hints, &list);
	union probe_sockaddr address;

	if (status == EAI_AGAIN)
		return -EAGAIN;
	if (status)
		return -ENOENT;
	*ret = (struct probe_address){0};
	for (a = list; a && !ret->family; a = a->ai_next) {
		memcpy(&address, a->ai_addr, a->ai_addrlen);
		probe_from_sockaddr(&address, ret);
	}
	freeaddrinfo(list);
	return ret->family ? 0 : -ENOENT;
}

static int read_oif(const struct nlmsghdr *message, void *context)
{
	const struct nlattr *attribute;
	unsigned int *ret = context;

	mnl_attr_for_each(attribute, message,
			  sizeof(struct rtmsg)) if (mnl_attr_get_type(attribute) == RTA_OIF) *ret =
		mnl_attr_get_u32(attribute);
	return MNL_CB_OK;
}

/* The index of the interface that a packet from source to target leaves by; 0 when the kernel does not say. */
static unsigned int route_interface(const struct probe_address *target, const struct probe_address *source)
{
	char buffer[8192];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	size_t length = target->family == 6 ? 16 : 4;
	struct mnl_socket *netlink;
	struct rtmsg *route;
	unsigned int ret = 0;
	ssize_t got;

	request->nlmsg_type = RTM_GETROUTE;
	request->nlmsg_flags = NLM_F_REQUEST;
	route = mnl_nlmsg_put_extra_header(request, sizeof(*route));
	route->rtm_family = target->family == 6 ? AF_INET6 : AF_INET;
	route->rtm_dst_len = (unsigned char)(8 * length);
	route->rtm_src_len = (unsigned char)(8 * length);
	mnl_attr_put(request, RTA_DST, length, target->bytes);
	mnl_attr_put(request, RTA_SRC, length, source->bytes);
	if (target->scope)
		mnl_attr_put_u32(request, RTA_OIF, target->scope);
	netlink = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!netlink)
		return 0;
	if (mnl_socket_bind(netlink, 0, MNL_SOCKET_AUTOPID) == 0 &&
	    mnl_socket_sendto(netlink, request, request->nlmsg_len) >= 0) {
		got = mnl_socket_recvfrom(netlink, buffer, sizeof(buffer));
		if (got > 0)
			mnl_cb_run(buffer, (size_t)got, 0, mnl_socket_get_portid(netlink), read_oif, &ret);
	}
	mnl_socket_close(netlink);
	return ret;
}

int probe_route(const struct probe_address *target, const struct probe_address *source,
		struct probe_address *ret_source, char ret_interface[static 16], unsigned int *ret_mtu)
{
	union probe_sockaddr address;
	socklen_t length;
	struct ifreq request = {0};
	int fd = socket(target->family == 6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

	if (fd < 0)
		return -errno;
	if (source && source->family) {
		length = probe_to_sockaddr(source, 0, &address);
		if (bind(fd, &address.any, length) < 0) {
			err = -errno;
			goto out;
		}
	}
	/* Connecting sends nothing: the kernel chooses the source */
	length = probe_to_sockaddr(target, PROBE_PORT_IKE, &address);
	if (connect(fd, &address.any, length) < 0) {
		err = -errno;
		goto out;
	}
	length = sizeof(address);
	if (getsockname(fd, &address.any, &length) < 0) {
		err = -errno;
		goto out;
	}
	probe_from_sockaddr(&address, ret_source);
	request.ifr_ifindex = (int)route_interface(target, ret_source);
	if (!request.ifr_ifindex || ioctl(fd, SIOCGIFNAME, &request) < 0) {
		err = -ENETUNREACH;
		goto out;
	}
	memcpy(ret_interface, request.ifr_name, 16);
	ret_interface[15] = '\0';
	if (ioctl(fd, SIOCGIFMTU, &request) < 0) {
		err = -errno;
		goto out;
	}
	*ret_mtu = (unsigned int)request.ifr_mtu;
out:
	close(fd);
	return err == -EHOSTUNREACH || err == -EACCES || err == -EINVAL ? -ENETUNREACH : err;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source/filters.h"

#include <errno.h>
#include <string.h>

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#define FILTERS_RECEIVE 32768 /* bytes of one message of a dump, at most */

struct visit {
	void (*each)(void *arg, const struct filter *filter);
	void *arg;
};

static void read_text(const struct nlattr *attr, char *ret, size_t size)
{
	if (!mnl_attr_validate(attr, MNL_TYPE_NUL_STRING))
		strncpy(ret, mnl_attr_get_str(attr), size - 1);
}

static int on_filter(const struct nlmsghdr *message, void *arg)
{
	const struct visit *visit = arg;
	const struct tcmsg *tc = mnl_nlmsg_get_payload(message);
	const struct nlattr *attr, *option;
	struct filter filter = {
		.priority = TC_H_MAJ(tc->tcm_info) >> 16,
		.handle = tc->tcm_handle,
		.protocol = ntohs((uint16_t)TC_H_MIN(tc->tcm_info)),
	};

	/* A handle of 0 stands for the whole priority, and its filters follow. */
	if (message->nlmsg_type != RTM_NEWTFILTER || !tc->tcm_handle)
		return MNL_CB_OK;
	mnl_attr_for_each(attr, message, sizeof(*tc))
	{
		if (mnl_attr_get_type(attr) == TCA_KIND)
			read_text(attr, filter.kind, sizeof(filter.kind));
		if (mnl_attr_get_type(attr) != TCA_OPTIONS || strcmp(filter.kind, "bpf"))
			continue;
		mnl_attr_for_each_nested(option, attr)
		{
			if (mnl_attr_get_type(option) == TCA_BPF_NAME)
				read_text(option, filter.name, sizeof(filter.name));
			else if (mnl_attr_get_type(option) == TCA_BPF_ID)
				filter.prog_id = mnl_attr_get_u32(option);
		}
	}
	visit->each(visit->arg, &filter);
	return MNL_CB_OK;
}

static int receive(struct mnl_socket *socket, uint32_t sequence, struct visit *visit)
{
	char buffer[FILTERS_RECEIVE];

	for (;;) {
		ssize_t size = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
		int more;

		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0)
			return -errno;
		more = mnl_cb_run(buffer, (size_t)size, sequence, mnl_socket_get_portid(socket), on_filter,
				  visit);
		if (more <= 0) /* EINVAL, ENOENT: no such hook */
			return more < 0 && errno != EINVAL && errno != ENOENT ? -errno : 0;
	}
}

int filters_each(uint32_t ifindex, bool egress, void (*each)(void *arg, const struct filter *filter),
		 void *arg)
{
	struct visit visit = {.each = each, .arg = arg};
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	char buffer[256];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct tcmsg *tc = mnl_nlmsg_put_extra_header(request, sizeof(*tc));
	int err = 0;

	if (!socket)
		return -errno;
	request->nlmsg_type = RTM_GETTFILTER;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	request->nlmsg_seq = 1;
	tc->tcm_family = AF_UNSPEC;
	tc->tcm_ifindex = (int)ifindex;
	tc->tcm_parent = TC_H_MAKE(TC_H_CLSACT, egress ? TC_H_MIN_EGRESS : TC_H_MIN_INGRESS);
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
		err = -errno;
	if (!err)
		err = receive(socket, 1, &visit);
	mnl_socket_close(socket);
	return err;
}

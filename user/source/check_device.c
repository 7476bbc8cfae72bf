// SPDX-License-Identifier: GPL-2.0-or-later
/* check_device.c - a device's driver, its features as ethtool tells them, and what netdev's netlink family tells of XDP */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>

#include "source/check.h"
#include "source/ethtool.h"

#define FEATURES_MOST 256 /* bits; there are some 60 */

/* linux/netdev.h, kernel 6.3: not in older headers */
#define FAMILY "netdev"
#define FAMILY_DEV_GET 1
#define FAMILY_DEV_IFINDEX 1
#define FAMILY_DEV_XDP_FEATURES 3
#define FAMILY_XDP_BASIC 1U
#define FAMILY_XDP_RX_SG 32U

/* ---- ethtool */

static void look_at_driver(int fd, struct check_interface *i)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};

	if (!ethtool_ask(fd, i->name, &info))
		memcpy(i->driver, info.driver, sizeof(i->driver)); /* the kernel ends it */
}

struct wanted {
	const char *name;
	enum check_feature *ret;
};

static void take_feature(const struct wanted *wanted, size_t wanted_count, const char *name,
			 const struct ethtool_get_features_block *block, uint32_t bit)
{
	for (size_t w = 0; w < wanted_count; w++)
		if (!strncmp(wanted[w].name, name, ETH_GSTRING_LEN)) {
			if (block->active & bit)
				*wanted[w].ret = CHECK_FEATURE_ON;
			else
				*wanted[w].ret =
					block->available & bit ? CHECK_FEATURE_OFF : CHECK_FEATURE_ABSENT;
		}
}

static void look_at_features(int fd, struct check_interface *i)
{
	const struct wanted wanted[] = {
		{"esp-hw-offload", &i->esp_hw_offload},
		{"esp-tx-csum-hw-offload", &i->esp_tx_csum},
		{"rx-gro", &i->gro},
		{"rx-gro-hw", &i->gro_hw},
		{"rx-lro", &i->lro},
	};
	struct ethtool_gstrings *names = ethtool_names(fd, i->name, ETH_SS_FEATURES, FEATURES_MOST);
	uint32_t count = names ? names->len : 0, blocks = (count + 31) / 32;
	struct ethtool_gfeatures *bits =
		calloc(1, sizeof(*bits) + blocks * sizeof(struct ethtool_get_features_block));

	if (!count || !bits)
		goto out;
	bits->cmd = ETHTOOL_GFEATURES;
	bits->size = blocks;
	i->features_seen = !ethtool_ask(fd, i->name, bits);
	for (uint32_t n = 0; i->features_seen && n < count; n++)
		take_feature(wanted, sizeof(wanted) / sizeof(wanted[0]),
			     (const char *)names->data + (size_t)n * ETH_GSTRING_LEN, &bits->features[n / 32],
			     1U << n % 32);
out:
	free(names);
	free(bits);
}

/* ---- netdev: native XDP, before it is tried */

struct family {
	uint16_t id;
	uint64_t features;
	bool told;
};

static int on_family(const struct nlmsghdr *message, void *arg)
{
	struct family *family = arg;
	const struct nlattr *attr;

	mnl_attr_for_each(attr, message, sizeof(struct genlmsghdr))
	{
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID && !mnl_attr_validate(attr, MNL_TYPE_U16))
			family->id = mnl_attr_get_u16(attr);
	}
	return MNL_CB_OK;
}

static int on_device(const struct nlmsghdr *message, void *arg)
{
	struct family *family = arg;
	const struct nlattr *attr;

	mnl_attr_for_each(attr, message, sizeof(struct genlmsghdr))
	{
		if (mnl_attr_get_type(attr) == FAMILY_DEV_XDP_FEATURES &&
		    !mnl_attr_validate(attr, MNL_TYPE_U64)) {
			family->features = mnl_attr_get_u64(attr);
			family->told = true;
		}
	}
	return MNL_CB_OK;
}

static struct nlmsghdr *request_of(char *buffer, uint16_t type, uint8_t command, uint8_t version)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct genlmsghdr *header;

	request->nlmsg_type = type;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	request->nlmsg_seq = 1;
	header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
	header->cmd = command;
	header->version = version;
	return request;
}

/* Sends, and takes answers up to the acknowledgement. */
static bool ask_family(struct mnl_socket *socket, struct nlmsghdr *request, mnl_cb_t on_answer,
		       struct family *family)
{
	char buffer[8192];

	if (mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
		return false;
	for (;;) {
		ssize_t size = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
		int more;

		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0)
			return false;
		more = mnl_cb_run(buffer, (size_t)size, 1, mnl_socket_get_portid(socket), on_answer, family);
		if (more <= 0)
			return !more;
	}
}

static void look_at_xdp_features(struct check_interface *i)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	struct timeval patience = {.tv_sec = 1};
	struct family family = {0};
	struct nlmsghdr *request;
	char buffer[256];

	if (!socket)
		return;
	(void)setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	request = request_of(buffer, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);
	mnl_attr_put_strz(request, CTRL_ATTR_FAMILY_NAME, FAMILY);
	if (!mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) &&
	    ask_family(socket, request, on_family, &family) && family.id) {
		request = request_of(buffer, family.id, FAMILY_DEV_GET, 1);
		mnl_attr_put_u32(request, FAMILY_DEV_IFINDEX, i->ifindex);
		(void)ask_family(socket, request, on_device, &family);
	}
	mnl_socket_close(socket);
	if (!family.told)
		return;
	i->native_xdp = family.features & FAMILY_XDP_BASIC ? CHECK_YES : CHECK_NO;
	i->xdp_frags = family.features & FAMILY_XDP_RX_SG ? CHECK_YES : CHECK_NO;
}

void check_look_at_device(struct check_interface *interface)
{
	int fd = ethtool_open();

	if (fd >= 0) {
		look_at_driver(fd, interface);
		look_at_features(fd, interface);
		close(fd);
	}
	look_at_xdp_features(interface);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* check_xfrm.c - how many SAs the kernel has: here, and in the other network namespaces of this host */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <libmnl/libmnl.h>
#include <linux/capability.h>
#include <linux/xfrm.h>

#include "source/check.h"
#include "source/netns.h"

#define NAMESPACES_MOST 1024

/* ---- the one that we are in */

static int on_sad(const struct nlmsghdr *message, void *arg)
{
	uint64_t *count = arg;
	const struct nlattr *attr;

	if (message->nlmsg_type != XFRM_MSG_NEWSADINFO)
		return MNL_CB_OK;
	mnl_attr_for_each(attr, message, sizeof(uint32_t))
	{
		if (mnl_attr_get_type(attr) == XFRMA_SAD_CNT && !mnl_attr_validate(attr, MNL_TYPE_U32))
			*count = mnl_attr_get_u32(attr);
	}
	return MNL_CB_STOP;
}

static int ask_count(struct mnl_socket *socket, uint64_t *ret)
{
	struct timeval patience = {.tv_sec = 1};
	struct nlmsghdr *request;
	char buffer[8192];
	ssize_t size;

	request = mnl_nlmsg_put_header(buffer);
	request->nlmsg_type = XFRM_MSG_GETSADINFO;
	request->nlmsg_flags = NLM_F_REQUEST;
	request->nlmsg_seq = 1;
	*(uint32_t *)mnl_nlmsg_put_extra_header(request, sizeof(uint32_t)) = UINT32_MAX; /* flags, unused */
	(void)setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
		return -errno;
	size = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
	if (size < 0 || mnl_cb_run(buffer, (size_t)size, 1, mnl_socket_get_portid(socket), on_sad, ret) < 0)
		return -errno;
	return 0;
}

int check_count_sas(uint64_t *ret)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_XFRM, SOCK_CLOEXEC);
	uint64_t count = 0;
	int err;

	if (!socket)
		return -EPROTONOSUPPORT;
	err = ask_count(socket, &count);
	mnl_socket_close(socket);
	if (!err)
		*ret = count;
	return err;
}

/* ---- the others */

struct search {
	struct check_host *host;
	struct netns_id known[NAMESPACES_MOST]; /* our own among them */
	size_t count;
};

static int count_there(void *arg)
{
	return check_count_sas(arg);
}

/* False: known already, or none. */
static bool is_new(struct search *s, const char *path)
{
	struct netns_id id;

	int err = netns_identify(path, &id);

	/* Who may look at all processes is still refused one or the other that is special. */
	if ((err == -EACCES || err == -EPERM) && !check_has_capability(s->host, CAP_SYS_PTRACE))
		s->host->spaces_hidden = true;
	if (err || s->count == NAMESPACES_MOST)
		return false;
	for (size_t i = 0; i < s->count; i++)
		if (netns_same(&s->known[i], &id))
			return false;
	s->known[s->count++] = id;
	return true;
}

static void look_into(struct search *s, const char *path, const char *name, const char *held_by)
{
	struct check_host *host = s->host;
	uint64_t sas = 0;
	int err;

	if (!is_new(s, path))
		return;
	err = netns_call(path, count_there, &sas);
	if (err == -EINVAL) /* a name whose namespace is gone, or not yet there */
		return;
	host->other_spaces++;
	if (err && err != -EPROTONOSUPPORT)
		host->unseen_spaces++;
	if (!sas || host->space_count++ >= CHECK_SPACES)
		return;
	host->spaces[host->space_count - 1].sas = sas;
	snprintf(host->spaces[host->space_count - 1].name, sizeof(host->spaces[0].name), "%s", name);
	snprintf(host->spaces[host->space_count - 1].held_by, sizeof(host->spaces[0].held_by), "%s", held_by);
}

static void look_at_names(struct search *s)
{
	DIR *directory = opendir(NETNS_DIRECTORY);
	const struct dirent *entry;

	while (directory && (entry = readdir(directory)) != NULL) {
		char path[NETNS_PATH];

		if (*entry->d_name == '.' || strlen(entry->d_name) >= 100)
			continue;
		netns_path(entry->d_name, path);
		look_into(s, path, entry->d_name, "");
	}
	if (directory)
		(void)closedir(directory);
}

static void look_at_processes(struct search *s)
{
	DIR *directory = opendir("/proc");
	const struct dirent *entry;

	while (directory && (entry = readdir(directory)) != NULL) {
		unsigned long pid = strtoul(entry->d_name, NULL, 10);
		char path[NETNS_PATH], of[64], name[16] = "";
		FILE *file;

		if (!pid)
			continue;
		snprintf(of, sizeof(of), "/proc/%lu/comm", pid);
		file = fopen(of, "re");
		if (file && fgets(name, sizeof(name), file))
			name[strcspn(name, "\n")] = 0;
		if (file)
			(void)fclose(file);
		snprintf(path, sizeof(path), "/proc/%lu/ns/net", pid);
		look_into(s, path, path, name);
	}
	if (directory)
		(void)closedir(directory);
}

void check_look_at_namespaces(struct check_host *ret)
{
	struct search *s = calloc(1, sizeof(*s));

	if (s && !netns_identify_own(&s->known[0])) {
		s->host = ret;
		s->count = 1;
		look_at_names(s);
		look_at_processes(s);
	}
	free(s);
}

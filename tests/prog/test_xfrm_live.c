// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * XFRM netlink against the kernel, in a network namespace of our own: policies, reserved SPIs (no cipher is needed for
 * these), notices that are lost, and the mirror of SAs in the datapath.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "source/xfrm.h"
#include "unit/xfrm_build.h"

/* A machine under load may be slow; a test that fails waits so long. */
#define PATIENCE_MS 30000

struct kernel_side {
	struct mnl_socket *socket;
	uint32_t sequence;
	char buffer[16384];
};

static void kernel_open(struct kernel_side *k)
{
	memset(k, 0, sizeof(*k));
	k->socket = mnl_socket_open(NETLINK_XFRM);
	assert_non_null(k->socket);
	assert_true(mnl_socket_bind(k->socket, 0, MNL_SOCKET_AUTOPID) >= 0);
}

/* Sends and waits for the verdict: 0 or -errno. */
static int kernel_do(struct kernel_side *k, struct nlmsghdr *header)
{
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE;
	header->nlmsg_seq = ++k->sequence;
	assert_true(mnl_socket_sendto(k->socket, header, header->nlmsg_len) > 0);
	for (;;) {
		ssize_t size = mnl_socket_recvfrom(k->socket, k->buffer, sizeof(k->buffer));
		int more = mnl_cb_run(k->buffer, (size_t)size, k->sequence, 0, NULL, NULL);

		if (more < 0)
			return -errno;
		if (!more)
			return 0;
	}
}

static void add_policy(struct kernel_side *k, uint32_t number)
{
	struct xfrm_bytes b;
	struct nlmsghdr *header = xfrm_build_policy(&b, 0, XFRM_POLICY_OUT);
	struct xfrm_userpolicy_info *info = mnl_nlmsg_get_payload(header);

	info->sel.daddr.a4 = htonl(0x0a000000 + number);
	info->sel.prefixlen_d = 32;
	info->share = XFRM_SHARE_ANY;
	memset(&info->lft, 0xff, offsetof(struct xfrm_lifetime_cfg, soft_add_expires_seconds));
	assert_int_equal(kernel_do(k, header), 0);
}

static void delete_policy(struct kernel_side *k, uint32_t number)
{
	struct xfrm_bytes b;
	struct nlmsghdr *header = xfrm_begin(&b, XFRM_MSG_DELPOLICY);
	struct xfrm_userpolicy_id id = {.sel = xfrm_policy_info(0, XFRM_POLICY_OUT).sel,
					.dir = XFRM_POLICY_OUT};

	id.sel.daddr.a4 = htonl(0x0a000000 + number);
	id.sel.prefixlen_d = 32;
	memcpy(mnl_nlmsg_put_extra_header(header, sizeof(id)), &id, sizeof(id));
	assert_int_equal(kernel_do(k, header), 0);
}

/* An SPI without keys: all that a kernel without ciphers can hold. */
static void reserve_spi(struct kernel_side *k, uint32_t spi)
{
	struct xfrm_userspi_info request = {.info = xfrm_sa_info(0, IPPROTO_ESP), .min = spi, .max = spi};
	struct xfrm_bytes b;
	struct nlmsghdr *header = xfrm_begin(&b, XFRM_MSG_ALLOCSPI);

	request.info.seq = spi;
	memcpy(mnl_nlmsg_put_extra_header(header, sizeof(request)), &request, sizeof(request));
	header->nlmsg_flags = NLM_F_REQUEST;
	header->nlmsg_seq = ++k->sequence;
	assert_true(mnl_socket_sendto(k->socket, header, header->nlmsg_len) > 0);
	assert_true(mnl_socket_recvfrom(k->socket, k->buffer, sizeof(k->buffer)) > 0);
	header = (struct nlmsghdr *)k->buffer;
	assert_int_equal(header->nlmsg_type, XFRM_MSG_NEWSA);
}

static void delete_sa(struct kernel_side *k, uint32_t spi)
{
	struct xfrm_usersa_info info = xfrm_sa_info(spi, IPPROTO_ESP);
	struct xfrm_usersa_id id = {
		.daddr = info.id.daddr, .spi = info.id.spi, .family = AF_INET, .proto = IPPROTO_ESP};
	struct xfrm_bytes b;
	struct nlmsghdr *header = xfrm_begin(&b, XFRM_MSG_DELSA);

	memcpy(mnl_nlmsg_put_extra_header(header, sizeof(id)), &id, sizeof(id));
	assert_int_equal(kernel_do(k, header), 0);
}

struct watched {
	struct xfrm *xfrm;
	unsigned int added, removed, synced;
};

static void hear(void *arg, enum xfrm_change change, const struct fact_sa *sa,
		 const struct xfrm_message *message)
{
	struct watched *w = arg;

	(void)sa;
	(void)message;
	w->added += change == XFRM_ADDED;
	w->removed += change == XFRM_REMOVED;
	w->synced += change == XFRM_SYNCED;
}

static void watch(struct watched *w, uint32_t queue)
{
	struct xfrm_options options = {.queue_bytes = queue, .changed = hear, .arg = w};
	char error[256];

	memset(w, 0, sizeof(*w));
	if (xfrm_open(&options, &w->xfrm, error, sizeof(error)))
		fail_msg("%s", error);
}

/* Until nothing more comes: 200 ms of silence, which a dump under way does not keep. */
static void settle(const struct watched *w)
{
	struct pollfd poll_fd = {.fd = xfrm_fd(w->xfrm), .events = POLLIN};

	do {
		assert_true(xfrm_run(w->xfrm) >= 0);
	} while (poll(&poll_fd, 1, 200) > 0);
}

static void until_policies(const struct watched *w, size_t count)
{
	for (int i = 0; i < PATIENCE_MS / 200; i++) {
		settle(w);
		if (xfrm_facts(w->xfrm)->available && xfrm_facts(w->xfrm)->policy_count == count)
			return;
	}
	fail_msg("%zu policies, wanted %zu", xfrm_facts(w->xfrm)->policy_count, count);
}

/* The number in the selector of each policy that is there. */
static void assert_policies(const struct watched *w, uint32_t first, uint32_t count)
{
	const struct fact_kernel *facts = xfrm_facts(w->xfrm);
	bool *seen = calloc(count, sizeof(*seen));

	until_policies(w, count);
	for (size_t i = 0; i < facts->policy_count; i++) {
		const uint8_t *d = facts->policies[i].selector.destination;
		uint32_t number = (uint32_t)d[13] << 16 | (uint32_t)d[14] << 8 | d[15];

		assert_in_range(number, first, first + count - 1);
		assert_false(seen[number - first]);
		seen[number - first] = true;
		assert_int_equal(facts->policies[i].reqid, 9);
		assert_int_equal(facts->policies[i].direction, FACT_OUT);
	}
	free(seen);
}

static int own_namespace(void **state)
{
	(void)state;
	return unshare(CLONE_NEWNET);
}

static void dump_and_follow(void **state)
{
	struct kernel_side k;
	struct watched w;

	(void)state;
	kernel_open(&k);
	for (uint32_t i = 1; i <= 50; i++)
		add_policy(&k, i);
	watch(&w, 0);
	assert_policies(&w, 1, 50);
	for (uint32_t i = 51; i <= 80; i++)
		add_policy(&k, i);
	assert_policies(&w, 1, 80);
	for (uint32_t i = 1; i <= 10; i++)
		delete_policy(&k, i);
	assert_policies(&w, 11, 70);
	assert_int_equal(xfrm_facts(w.xfrm)->overruns, 0);
	assert_int_equal(w.synced, 1);
	for (uint32_t i = 11; i <= 80; i++)
		delete_policy(&k, i);
	assert_policies(&w, 1, 0);
	xfrm_close(w.xfrm);
	mnl_socket_close(k.socket);
}

/* A queue of a few kilobytes while hundreds of notices come: counted, and all there in the end. */
static void lost_notices(void **state)
{
	struct kernel_side k;
	struct watched w;

	(void)state;
	kernel_open(&k);
	watch(&w, 1024);
	until_policies(&w, 0);
	for (uint32_t i = 1; i <= 500; i++)
		add_policy(&k, i);
	assert_policies(&w, 1, 500);
	assert_true(xfrm_facts(w.xfrm)->overruns > 0);
	assert_true(w.synced >= 2);
	for (uint32_t i = 1; i <= 490; i++)
		delete_policy(&k, i);
	assert_policies(&w, 491, 10);
	for (uint32_t i = 491; i <= 500; i++)
		delete_policy(&k, i);
	until_policies(&w, 0);
	xfrm_close(w.xfrm);
	mnl_socket_close(k.socket);
}

static void reserved_spis(void **state)
{
	struct kernel_side k;
	struct watched w;

	(void)state;
	kernel_open(&k);
	for (uint32_t spi = 0x100; spi < 0x200; spi++)
		reserve_spi(&k, spi);
	watch(&w, 0);
	until_policies(&w, 0);
	assert_int_equal(xfrm_facts(w.xfrm)->sa_count, 256);
	assert_int_equal(w.added, 256);
	for (size_t i = 0; i < 256; i++) {
		const struct fact_sa *sa = &xfrm_facts(w.xfrm)->sas[i];

		assert_in_range(sa->spi, 0x100, 0x1ff);
		assert_int_equal(sa->protocol, IPPROTO_ESP);
		assert_true(sa->larval);
	}
	for (uint32_t spi = 0x100; spi < 0x180; spi++)
		delete_sa(&k, spi);
	settle(&w);
	assert_int_equal(xfrm_facts(w.xfrm)->sa_count, 128);
	assert_int_equal(w.removed, 128);
	/* Nobody tells of an SPI that is only reserved: the next dump does. */
	reserve_spi(&k, 0x300);
	assert_int_equal(xfrm_refresh(w.xfrm), 0);
	settle(&w);
	assert_int_equal(xfrm_facts(w.xfrm)->sa_count, 129);
	for (uint32_t spi = 0x180; spi < 0x200; spi++)
		delete_sa(&k, spi);
	delete_sa(&k, 0x300);
	settle(&w);
	assert_int_equal(xfrm_facts(w.xfrm)->sa_count, 0);
	xfrm_close(w.xfrm);
	mnl_socket_close(k.socket);
}

/* With nobody else to be asked for SAs we must not be, or the kernel would hold traffic back. */
static uint32_t asked(void)
{
	FILE *list = fopen("/proc/thread-self/net/netlink", "r");
	unsigned int protocol, port, groups;
	uint32_t count = 0;
	char line[256];

	assert_non_null(list);
	while (fgets(line, sizeof(line), list))
		if (sscanf(line, "%*s %u %u %x", &protocol, &port, &groups) == 3 &&
		    protocol == NETLINK_XFRM && port && groups & 1)
			count++;
	fclose(list);
	return count;
}

static void asked_only_beside_a_daemon(void **state)
{
	int group = XFRMNLGRP_ACQUIRE;
	struct kernel_side daemon;
	struct watched w;

	(void)state;
	watch(&w, 0);
	until_policies(&w, 0);
	assert_int_equal(asked(), 0);
	kernel_open(&daemon);
	assert_true(mnl_socket_setsockopt(daemon.socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) >= 0);
	assert_int_equal(xfrm_refresh(w.xfrm), 0);
	settle(&w);
	assert_int_equal(asked(), 2);
	mnl_socket_close(daemon.socket);
	assert_int_equal(xfrm_refresh(w.xfrm), 0);
	settle(&w);
	assert_int_equal(asked(), 0);
	xfrm_close(w.xfrm);
}

/* A socket belongs to the namespace that it was opened in, and we stay in ours. */
static void other_namespace(void **state)
{
	struct xfrm_options options = {.netns = NULL};
	int before = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	char path[64], here[64] = "", then[64] = "", error[256];
	struct kernel_side k;
	struct watched w = {.added = 0};

	(void)state;
	assert_true(before >= 0);
	kernel_open(&k);
	add_policy(&k, 1);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	assert_true(readlink("/proc/thread-self/ns/net", here, sizeof(here) - 1) > 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", before);
	options.netns = path;
	if (xfrm_open(&options, &w.xfrm, error, sizeof(error)))
		fail_msg("%s", error);
	assert_true(readlink("/proc/thread-self/ns/net", then, sizeof(then) - 1) > 0);
	assert_string_equal(here, then);
	assert_policies(&w, 1, 1);
	delete_policy(&k, 1);
	until_policies(&w, 0);
	xfrm_close(w.xfrm);
	mnl_socket_close(k.socket);
	options.netns = "/run/netns/espial-no-such-namespace";
	assert_int_equal(xfrm_open(&options, &w.xfrm, error, sizeof(error)), -ENOENT);
	assert_non_null(strstr(error, "ip netns"));
	close(before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dump_and_follow), cmocka_unit_test(lost_notices),
		cmocka_unit_test(reserved_spis),   cmocka_unit_test(asked_only_beside_a_daemon),
		cmocka_unit_test(other_namespace),
	};

	return cmocka_run_group_tests_name("xfrm_live", tests, own_namespace, NULL);
}

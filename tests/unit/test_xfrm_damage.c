// SPDX-License-Identifier: GPL-2.0-or-later
/* test_xfrm_damage.c - XFRM messages with attributes too short, values unknown, and parts that are rare */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "source/xfrm_parse.h"

#include "xfrm_build.h"

#define SA_DIR 33 /* XFRMA_SA_DIR of Linux 6.10 */
#define IPTFS 5	  /* XFRM_MODE_IPTFS of Linux 6.14 */

/* In a buffer of exactly its length, so that the sanitizers see every step beyond it. */
static int parse(const struct nlmsghdr *message, struct xfrm_message *ret)
{
	struct nlmsghdr *copy = calloc(1, MNL_ALIGN(message->nlmsg_len));
	int err;

	memcpy(copy, message, message->nlmsg_len);
	err = xfrm_parse(copy, ret);
	free(copy);
	return err;
}

static bool same(const void *a, const void *b, size_t size)
{
	return memcmp(a, b, size) == 0;
}

/* An attribute with fewer bytes than its struct is as none at all; with all of them, it says something. */
static void short_attributes(void **state)
{
	static const struct {
		uint16_t type;
		size_t size;
	} attributes[] = {
		{XFRMA_ALG_CRYPT, sizeof(struct xfrm_algo)},
		{XFRMA_ALG_AUTH, sizeof(struct xfrm_algo)},
		{XFRMA_ALG_AUTH_TRUNC, sizeof(struct xfrm_algo_auth)},
		{XFRMA_ALG_AEAD, sizeof(struct xfrm_algo_aead)},
		{XFRMA_REPLAY_ESN_VAL, sizeof(struct xfrm_replay_state_esn)},
		{XFRMA_REPLAY_VAL, sizeof(struct xfrm_replay_state)},
		{XFRMA_ENCAP, sizeof(struct xfrm_encap_tmpl)},
		{XFRMA_OFFLOAD_DEV, sizeof(struct xfrm_user_offload)},
		{XFRMA_MARK, sizeof(struct xfrm_mark)},
		{XFRMA_IF_ID, sizeof(uint32_t)},
		{SA_DIR, 1},
	};
	struct xfrm_message without, with;
	struct xfrm_bytes b;
	uint8_t ones[256];

	(void)state;
	memset(ones, 1, sizeof(ones));
	assert_int_equal(parse(xfrm_build_sa(&b, XFRM_MSG_NEWSA, 0x1000, IPPROTO_ESP), &without), 0);
	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
		for (size_t size = 0; size <= attributes[i].size; size++) {
			struct nlmsghdr *message = xfrm_build_sa(&b, XFRM_MSG_NEWSA, 0x1000, IPPROTO_ESP);

			mnl_attr_put(message, attributes[i].type, size, ones);
			assert_int_equal(parse(message, &with), 0);
			if ((size < attributes[i].size) != same(&with, &without, sizeof(with)))
				fail_msg("attribute %d with %zu of %zu bytes", attributes[i].type, size,
					 attributes[i].size);
		}
	}
}

static void modes(void **state)
{
	static const struct {
		uint8_t mode;
		enum fact_mode wanted;
	} cases[] = {
		{XFRM_MODE_TRANSPORT, FACT_TRANSPORT},
		{XFRM_MODE_TUNNEL, FACT_TUNNEL},
		{XFRM_MODE_BEET, FACT_BEET},
		{IPTFS, FACT_IPTFS},
		{2, FACT_MODE_UNKNOWN},
		{255, FACT_MODE_UNKNOWN},
	};
	struct xfrm_message m;
	struct xfrm_bytes b;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nlmsghdr *message = xfrm_build_sa(&b, XFRM_MSG_UPDSA, 0x1000, IPPROTO_AH);
		struct xfrm_usersa_info *info = mnl_nlmsg_get_payload(message);

		info->mode = cases[i].mode;
		assert_int_equal(parse(message, &m), 0);
		assert_int_equal(m.sa.mode, cases[i].wanted);
	}
}

/* XFRMA_SA_DIR says it; else the offload does; the offload does not contradict it. */
static void directions(void **state)
{
	static const struct {
		int dir, offload; /* -1: not there */
		enum fact_direction wanted;
	} cases[] = {
		{-1, -1, FACT_DIRECTION_UNKNOWN},
		{1, -1, FACT_IN},
		{2, -1, FACT_OUT},
		{3, -1, FACT_DIRECTION_UNKNOWN},
		{-1, 0, FACT_OUT},
		{-1, XFRM_OFFLOAD_INBOUND, FACT_IN},
		{1, 0, FACT_IN},
		{2, XFRM_OFFLOAD_INBOUND, FACT_OUT},
	};
	struct xfrm_message m;
	struct xfrm_bytes b;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nlmsghdr *message = xfrm_build_sa(&b, XFRM_MSG_NEWSA, 0x1000, IPPROTO_ESP);
		struct xfrm_user_offload offload = {.ifindex = 3, .flags = (uint8_t)cases[i].offload};

		if (cases[i].dir >= 0)
			mnl_attr_put_u8(message, SA_DIR, (uint8_t)cases[i].dir);
		if (cases[i].offload >= 0)
			mnl_attr_put(message, XFRMA_OFFLOAD_DEV, sizeof(offload), &offload);
		assert_int_equal(parse(message, &m), 0);
		assert_int_equal(m.sa.direction, cases[i].wanted);
	}
}

static void expired_policies(void **state)
{
	struct xfrm_user_polexpire expire = {.pol = xfrm_policy_info(17, XFRM_POLICY_OUT), .hard = 1};
	struct nlmsghdr *message;
	struct xfrm_message m;
	struct xfrm_bytes b;

	(void)state;
	for (int hard = 0; hard <= 1; hard++) {
		expire.hard = (uint8_t)hard;
		message = xfrm_begin(&b, XFRM_MSG_POLEXPIRE);
		memcpy(mnl_nlmsg_put_extra_header(message, sizeof(expire)), &expire, sizeof(expire));
		assert_int_equal(parse(message, &m), 0);
		assert_int_equal(m.kind, XFRM_POLICY_EXPIRED);
		assert_int_equal(m.hard, hard);
		assert_int_equal(m.policy.index, 17);
	}
	message->nlmsg_len -= 8;
	assert_int_equal(parse(message, &m), -EBADMSG);
}

/* A notice of deletion may carry the policy as it was; half of one is none. */
static void gone_policies(void **state)
{
	const struct xfrm_userpolicy_info info = xfrm_policy_info(99, XFRM_POLICY_FWD);
	struct xfrm_userpolicy_id id = {.index = 42, .dir = XFRM_POLICY_IN};
	struct nlmsghdr *message;
	struct xfrm_message m;
	struct xfrm_bytes b;

	(void)state;
	for (size_t size = 0; size <= sizeof(info); size += sizeof(info) / 4) {
		message = xfrm_begin(&b, XFRM_MSG_DELPOLICY);
		memcpy(mnl_nlmsg_put_extra_header(message, sizeof(id)), &id, sizeof(id));
		mnl_attr_put(message, XFRMA_MARK, sizeof(info), &info); /* as long as one, but another */
		mnl_attr_put(message, XFRMA_POLICY, size, &info);
		assert_int_equal(parse(message, &m), 0);
		assert_int_equal(m.kind, XFRM_POLICY_GONE);
		assert_int_equal(m.policy.index, size < sizeof(info) ? 42 : 99);
		assert_int_equal(m.policy.direction, size < sizeof(info) ? FACT_IN : FACT_FORWARD);
	}
	id.dir = 7; /* a socket's */
	message = xfrm_begin(&b, XFRM_MSG_DELPOLICY);
	memcpy(mnl_nlmsg_put_extra_header(message, sizeof(id)), &id, sizeof(id));
	assert_int_equal(parse(message, &m), 0);
	assert_int_equal(m.kind, XFRM_OTHER);
	message->nlmsg_len -= 4;
	assert_int_equal(parse(message, &m), -EBADMSG);
}

static void socket_policies(void **state)
{
	struct xfrm_userpolicy_info info = xfrm_policy_info(3, 4);
	struct nlmsghdr *message;
	struct xfrm_message m;
	struct xfrm_bytes b;

	(void)state;
	message = xfrm_begin(&b, XFRM_MSG_UPDPOLICY);
	memcpy(mnl_nlmsg_put_extra_header(message, sizeof(info)), &info, sizeof(info));
	assert_int_equal(parse(message, &m), 0);
	assert_int_equal(m.kind, XFRM_OTHER);
}

/* IPComp in tunnel mode puts two templates into one policy: the outer addresses are in the one that has some. */
static void templates(void **state)
{
	const struct xfrm_userpolicy_info info = xfrm_policy_info(5, XFRM_POLICY_OUT);
	struct xfrm_user_tmpl list[3] = {
		{.family = AF_INET, .mode = XFRM_MODE_TRANSPORT, .reqid = 1},
		{.family = AF_INET, .mode = XFRM_MODE_TUNNEL, .reqid = 2},
		{.family = AF_INET, .mode = XFRM_MODE_TUNNEL, .reqid = 3, .optional = 1},
	};
	static const uint32_t wanted[] = {0, 1, 1, 3};
	struct nlmsghdr *message;
	struct xfrm_message m;
	struct xfrm_bytes b;

	(void)state;
	list[2].id.daddr.a4 = inet_addr("10.0.0.2");
	for (size_t count = 0; count <= 3; count++) {
		message = xfrm_begin(&b, XFRM_MSG_NEWPOLICY);
		memcpy(mnl_nlmsg_put_extra_header(message, sizeof(info)), &info, sizeof(info));
		mnl_attr_put(message, XFRMA_TMPL, count * sizeof(list[0]), list);
		assert_int_equal(parse(message, &m), 0);
		assert_int_equal(m.kind, XFRM_POLICY);
		assert_int_equal(m.policy.has_template, count > 0);
		assert_int_equal(m.policy.reqid, wanted[count]);
	}
	assert_true(m.policy.optional);
	/* Half a template is none */
	message = xfrm_begin(&b, XFRM_MSG_NEWPOLICY);
	memcpy(mnl_nlmsg_put_extra_header(message, sizeof(info)), &info, sizeof(info));
	mnl_attr_put(message, XFRMA_TMPL, sizeof(list[0]) - 1, list);
	assert_int_equal(parse(message, &m), 0);
	assert_false(m.policy.has_template);
}

static void other_messages(void **state)
{
	static const uint16_t types[] = {0, XFRM_MSG_NEWAE, XFRM_MSG_REPORT, XFRM_MSG_NEWSPDINFO, 0xffff};
	struct xfrm_message m;
	struct xfrm_bytes b;

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		assert_int_equal(parse(xfrm_begin(&b, types[i]), &m), 0);
		assert_int_equal(m.kind, XFRM_OTHER);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_attributes), cmocka_unit_test(modes),
		cmocka_unit_test(directions),	    cmocka_unit_test(expired_policies),
		cmocka_unit_test(gone_policies),    cmocka_unit_test(socket_policies),
		cmocka_unit_test(templates),	    cmocka_unit_test(other_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

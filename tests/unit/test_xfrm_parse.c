// SPDX-License-Identifier: GPL-2.0-or-later
/* XFRM messages, field by field, at every length, and with keys that must not come through. */
#include <setjmp.h>
#include <stdarg.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "source/xfrm_parse.h"

#include "xfrm_build.h"

/* In a buffer of exactly its length, so that the sanitizers see every step beyond it. */
static int parse(const struct nlmsghdr *message, struct xfrm_message *ret)
{
	struct nlmsghdr *copy = calloc(1, MNL_ALIGN(message->nlmsg_len)); /* messages are padded */
	int err;

	memcpy(copy, message, message->nlmsg_len);
	err = xfrm_parse(copy, ret);
	free(copy);
	assert_null(memmem(ret, sizeof(*ret), XFRM_KEY, 8));
	return err;
}

static void assert_ipv4(const uint8_t address[16], const char *text)
{
	uint8_t wanted[16] = {[10] = 0xff, [11] = 0xff};

	assert_int_equal(inet_pton(AF_INET, text, wanted + 12), 1);
	assert_memory_equal(address, wanted, 16);
}

static void sa_fields(void **state)
{
	struct xfrm_user_offload offload = {.ifindex = 7,
					    .flags = XFRM_OFFLOAD_INBOUND | XFRM_OFFLOAD_PACKET};
	struct xfrm_encap_tmpl encap = {
		.encap_type = 2, .encap_sport = htons(4500), .encap_dport = htons(4501)};
	struct xfrm_mark mark = {.v = 0x10, .m = 0xff};
	struct xfrm_bytes b;
	struct nlmsghdr *header = xfrm_build_sa(&b, XFRM_MSG_NEWSA, 0xc0de0001, IPPROTO_ESP);
	struct xfrm_message m;

	(void)state;
	xfrm_put_aead(header, "rfc4106(gcm(aes))", 160, 128);
	mnl_attr_put(header, XFRMA_ENCAP, sizeof(encap), &encap);
	mnl_attr_put(header, XFRMA_MARK, sizeof(mark), &mark);
	mnl_attr_put_u32(header, XFRMA_IF_ID, 42);
	mnl_attr_put(header, XFRMA_OFFLOAD_DEV, sizeof(offload), &offload);
	assert_int_equal(parse(header, &m), 0);
	assert_int_equal(m.kind, XFRM_SA);
	assert_int_equal(m.sa.family, 4);
	assert_int_equal(m.sa.protocol, IPPROTO_ESP);
	assert_int_equal(m.sa.spi, 0xc0de0001);
	assert_ipv4(m.sa.source, "10.0.0.1");
	assert_ipv4(m.sa.destination, "10.0.0.2");
	assert_int_equal(m.sa.reqid, 9);
	assert_int_equal(m.sa.mode, FACT_TUNNEL);
	assert_string_equal(m.sa.aead.name, "rfc4106(gcm(aes))");
	assert_int_equal(m.sa.aead.key_bits, 160);
	assert_int_equal(m.sa.aead.icv_bits, 128);
	assert_false(m.sa.larval);
	assert_int_equal(m.sa.encap_source_port, 4500);
	assert_int_equal(m.sa.encap_destination_port, 4501);
	assert_int_equal(m.sa.mark, 0x10);
	assert_int_equal(m.sa.mark_mask, 0xff);
	assert_int_equal(m.sa.if_id, 42);
	assert_int_equal(m.sa.offload, FACT_OFFLOAD_PACKET);
	assert_int_equal(m.sa.offload_ifindex, 7);
	assert_int_equal(m.sa.direction, FACT_IN);
	assert_int_equal(m.sa.replay_window, 32);
	assert_false(m.sa.esn);
	assert_int_equal(m.sa.lifetime.soft_bytes, 0);
	assert_int_equal(m.sa.lifetime.hard_bytes, 5000000);
	assert_int_equal(m.sa.lifetime.soft_seconds, 3000);
	assert_int_equal(m.sa.lifetime.hard_seconds, 3600);
	assert_int_equal(m.sa.bytes, 1234);
	assert_int_equal(m.sa.packets, 7);
	assert_int_equal(m.sa.added_ns, 1700000000ULL * 1000000000);
	assert_int_equal(m.sa.used_ns, 1700000005ULL * 1000000000);
	assert_int_equal(m.sa.failed_window, 3);
	assert_int_equal(m.sa.failed_replay, 4);
	assert_int_equal(m.sa.failed_integrity, 5);
}

static void separate_algorithms(void **state)
{
	struct xfrm_bytes b;
	struct nlmsghdr *header = xfrm_build_sa(&b, XFRM_MSG_UPDSA, 1, IPPROTO_ESP);
	struct xfrm_message m;

	(void)state;
	xfrm_put_algo(header, XFRMA_ALG_AUTH, "hmac(sha256)", 256);
	xfrm_put_trunc(header, "hmac(sha256)", 256, 128);
	xfrm_put_algo(header, XFRMA_ALG_CRYPT, "cbc(aes)", 192);
	assert_int_equal(parse(header, &m), 0);
	assert_int_equal(m.kind, XFRM_SA);
	assert_string_equal(m.sa.encryption.name, "cbc(aes)");
	assert_int_equal(m.sa.encryption.key_bits, 192);
	assert_string_equal(m.sa.integrity.name, "hmac(sha256)");
	assert_int_equal(m.sa.integrity.key_bits, 256);
	assert_int_equal(m.sa.integrity.icv_bits, 128);
	assert_string_equal(m.sa.aead.name, "");
}

static void esn_and_ipv6(void **state)
{
	struct xfrm_replay_state_esn esn = {
		.bmp_len = 0, .oseq = 5, .seq = 6, .oseq_hi = 1, .seq_hi = 2, .replay_window = 1024};
	struct xfrm_usersa_info info = xfrm_sa_info(77, IPPROTO_AH);
	struct xfrm_bytes b;
	struct nlmsghdr *header = xfrm_begin(&b, XFRM_MSG_NEWSA);
	uint8_t wanted[16];
	struct xfrm_message m;

	(void)state;
	info.family = AF_INET6;
	info.mode = XFRM_MODE_TRANSPORT;
	info.flags = XFRM_STATE_ESN;
	inet_pton(AF_INET6, "2001:db8::1", &info.saddr);
	inet_pton(AF_INET6, "2001:db8::2", &info.id.daddr);
	inet_pton(AF_INET6, "2001:db8::2", wanted);
	memcpy(mnl_nlmsg_put_extra_header(header, sizeof(info)), &info, sizeof(info));
	mnl_attr_put(header, XFRMA_REPLAY_ESN_VAL, sizeof(esn), &esn);
	mnl_attr_put_u8(header, 33, 2); /* XFRMA_SA_DIR */
	assert_int_equal(parse(header, &m), 0);
	assert_int_equal(m.sa.family, 6);
	assert_memory_equal(m.sa.destination, wanted, 16);
	assert_true(m.sa.esn);
	assert_int_equal(m.sa.replay_window, 1024);
	assert_int_equal(m.sa.sequence_in, (2ULL << 32) + 6);
	assert_int_equal(m.sa.sequence_out, (1ULL << 32) + 5);
	assert_int_equal(m.sa.mode, FACT_TRANSPORT);
	assert_int_equal(m.sa.direction, FACT_OUT);
	assert_true(m.sa.larval);
}

static void replay_state(void **state)
{
	struct xfrm_replay_state replay = {.oseq = 11, .seq = 22};
	struct xfrm_bytes b;
	struct nlmsghdr *header = xfrm_build_sa(&b, XFRM_MSG_NEWSA, 5, IPPROTO_ESP);
	struct xfrm_message m;

	(void)state;
	mnl_attr_put(header, XFRMA_REPLAY_VAL, sizeof(replay), &replay);
	assert_int_equal(parse(header, &m), 0);
	assert_int_equal(m.sa.sequence_out, 11);
	assert_int_equal(m.sa.sequence_in, 22);
}

static void gone_and_expired(void **state)
{
	struct xfrm_bytes b;
	struct xfrm_message m;

	(void)state;
	assert_int_equal(parse(xfrm_build_gone(&b, 0xabc), &m), 0);
	assert_int_equal(m.kind, XFRM_SA_GONE);
	assert_int_equal(m.sa.spi, 0xabc);
	assert_ipv4(m.sa.destination, "10.0.0.2");
	assert_ipv4(m.sa.source, "10.0.0.1");
	assert_string_equal(m.sa.aead.name, "rfc4106(gcm(aes))");
	for (int hard = 0; hard < 2; hard++) {
		assert_int_equal(parse(xfrm_build_expire(&b, 0xabd, hard), &m), 0);
		assert_int_equal(m.kind, XFRM_SA_EXPIRED);
		assert_int_equal(m.hard, hard);
		assert_int_equal(m.sa.spi, 0xabd);
	}
	assert_int_equal(parse(xfrm_build_flush(&b, 255), &m), 0);
	assert_int_equal(m.kind, XFRM_SA_FLUSHED);
	assert_int_equal(m.sa.protocol, 0);
	assert_int_equal(parse(xfrm_build_flush(&b, IPPROTO_AH), &m), 0);
	assert_int_equal(m.sa.protocol, IPPROTO_AH);
}

static void policies(void **state)
{
	struct xfrm_bytes b;
	struct xfrm_message m;

	(void)state;
	assert_int_equal(parse(xfrm_build_policy(&b, 0x91, XFRM_POLICY_OUT), &m), 0);
	assert_int_equal(m.kind, XFRM_POLICY);
	assert_int_equal(m.policy.direction, FACT_OUT);
	assert_int_equal(m.policy.index, 0x91);
	assert_int_equal(m.policy.priority, 1000);
	assert_false(m.policy.block);
	assert_ipv4(m.policy.selector.source, "192.168.1.0");
	assert_ipv4(m.policy.selector.destination, "192.168.2.0");
	assert_int_equal(m.policy.selector.destination_prefix, 24);
	assert_true(m.policy.has_template);
	assert_int_equal(m.policy.protocol, IPPROTO_ESP);
	assert_int_equal(m.policy.mode, FACT_TUNNEL);
	assert_int_equal(m.policy.reqid, 9);
	assert_false(m.policy.optional);
	assert_ipv4(m.policy.destination, "10.0.0.2");
	assert_ipv4(m.policy.source, "10.0.0.1");
	assert_int_equal(parse(xfrm_build_policy_gone(&b, 0x91, XFRM_POLICY_OUT), &m), 0);
	assert_int_equal(m.kind, XFRM_POLICY_GONE);
	assert_int_equal(m.policy.index, 0x91);
	assert_int_equal(m.policy.direction, FACT_OUT);
	/* Of a socket */
	assert_int_equal(parse(xfrm_build_policy(&b, 0x93, 4), &m), 0);
	assert_int_equal(m.kind, XFRM_OTHER);
}

static void notices(void **state)
{
	struct xfrm_bytes b;
	struct xfrm_message m;

	(void)state;
	assert_int_equal(parse(xfrm_build_acquire(&b, 0x91), &m), 0);
	assert_int_equal(m.kind, XFRM_ACQUIRE);
	assert_int_equal(m.policy.index, 0x91);
	assert_ipv4(m.sa.destination, "10.0.0.2");
	assert_ipv4(m.sa.source, "10.0.0.1");
	assert_int_equal(m.sa.reqid, 9);
	assert_int_equal(parse(xfrm_build_mapping(&b, 0x55), &m), 0);
	assert_int_equal(m.kind, XFRM_MAPPED);
	assert_int_equal(m.sa.spi, 0x55);
	assert_ipv4(m.sa.source, "10.0.0.1");
	assert_ipv4(m.new_source, "10.0.0.9");
	assert_int_equal(m.sa.encap_source_port, 4500);
	assert_int_equal(m.new_source_port, 61000);
	assert_int_equal(parse(xfrm_begin(&b, XFRM_MSG_FLUSHPOLICY), &m), 0);
	assert_int_equal(m.kind, XFRM_POLICIES_FLUSHED);
	assert_int_equal(parse(xfrm_begin(&b, NLMSG_DONE), &m), 0);
	assert_int_equal(m.kind, XFRM_OTHER);
}

/* The kernel holds traffic back with an SA of SPI 0 until the daemon has made a real one. */
static void no_spi(void **state)
{
	struct xfrm_bytes b;
	struct xfrm_message m;

	(void)state;
	assert_int_equal(parse(xfrm_build_sa(&b, XFRM_MSG_NEWSA, 0, IPPROTO_ESP), &m), 0);
	assert_int_equal(m.kind, XFRM_OTHER);
}

static void full_sa(struct xfrm_bytes *b)
{
	struct nlmsghdr *header = xfrm_build_sa(b, XFRM_MSG_NEWSA, 1, IPPROTO_ESP);
	struct xfrm_replay_state_esn esn = {.replay_window = 64};

	xfrm_put_algo(header, XFRMA_ALG_CRYPT, "cbc(aes)", 192);
	xfrm_put_trunc(header, "hmac(sha256)", 256, 128);
	xfrm_put_aead(header, "rfc4106(gcm(aes))", 160, 128);
	mnl_attr_put(header, XFRMA_REPLAY_ESN_VAL, sizeof(esn), &esn);
}

/* Each message at every length below its own: refused or read as far as it goes, never beyond. */
static void truncated(void **state)
{
	static struct xfrm_bytes b[9];
	struct xfrm_message m;

	(void)state;
	full_sa(&b[0]);
	xfrm_build_gone(&b[1], 1);
	xfrm_build_expire(&b[2], 1, 1);
	xfrm_build_policy(&b[3], 1, XFRM_POLICY_IN);
	xfrm_build_policy_gone(&b[4], 1, XFRM_POLICY_IN);
	xfrm_build_acquire(&b[5], 1);
	xfrm_build_mapping(&b[6], 1);
	xfrm_build_flush(&b[7], 0);
	xfrm_begin(&b[8], XFRM_MSG_POLEXPIRE);
	for (size_t i = 0; i < sizeof(b) / sizeof(*b); i++) {
		struct nlmsghdr *header = (struct nlmsghdr *)b[i].bytes;
		uint32_t whole = header->nlmsg_len;

		for (uint32_t length = MNL_NLMSG_HDRLEN; length < whole; length++) {
			header->nlmsg_len = length;
			(void)parse(header, &m);
			if (length == MNL_NLMSG_HDRLEN)
				assert_int_equal(parse(header, &m), -EBADMSG);
		}
	}
}

/* An algorithm's name that no byte ends, and a key length that is a lie. */
static void lying_algorithm(void **state)
{
	struct xfrm_bytes b;
	struct nlmsghdr *header = xfrm_build_sa(&b, XFRM_MSG_NEWSA, 1, IPPROTO_ESP);
	struct xfrm_algo algo = {.alg_key_len = 0xffffffff};
	struct xfrm_message m;

	(void)state;
	memset(algo.alg_name, 'x', sizeof(algo.alg_name));
	mnl_attr_put(header, XFRMA_ALG_CRYPT, sizeof(algo), &algo);
	assert_int_equal(parse(header, &m), 0);
	assert_int_equal(strlen(m.sa.encryption.name), FACT_ALGORITHM - 1);
	assert_int_equal(m.sa.encryption.key_bits, 0xffffffff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sa_fields),	    cmocka_unit_test(separate_algorithms),
		cmocka_unit_test(esn_and_ipv6),	    cmocka_unit_test(replay_state),
		cmocka_unit_test(gone_and_expired), cmocka_unit_test(policies),
		cmocka_unit_test(notices),	    cmocka_unit_test(no_spi),
		cmocka_unit_test(truncated),	    cmocka_unit_test(lying_algorithm),
	};

	return cmocka_run_group_tests_name("xfrm_parse", tests, NULL, NULL);
}

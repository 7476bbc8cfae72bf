/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xfrm_build.h - messages as the kernel's XFRM sends them, with keys in them that nothing may keep */
#ifndef ESPIAL_TESTS_XFRM_BUILD_H
#define ESPIAL_TESTS_XFRM_BUILD_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/xfrm.h>

/* What must be found nowhere but in the buffers of the tests. */
#define XFRM_KEY "\xde\xad\xbe\xef planted key \xca\xfe\xba\xbe\x01\x02\x03"
#define XFRM_KEY_SIZE 24

struct xfrm_bytes {
	char bytes[8192] __attribute__((aligned(8)));
};

static inline struct nlmsghdr *xfrm_begin(struct xfrm_bytes *b, uint16_t type)
{
	struct nlmsghdr *header;

	memset(b, 0, sizeof(*b));
	header = mnl_nlmsg_put_header(b->bytes);
	header->nlmsg_type = type;
	return header;
}

static inline struct xfrm_usersa_info xfrm_sa_info(uint32_t spi, uint8_t protocol)
{
	struct xfrm_usersa_info info = {
		.id = {.daddr = {.a4 = inet_addr("10.0.0.2")}, .spi = htonl(spi), .proto = protocol},
		.saddr = {.a4 = inet_addr("10.0.0.1")},
		.lft = {.soft_byte_limit = XFRM_INF,
			.hard_byte_limit = 5000000,
			.soft_packet_limit = XFRM_INF,
			.hard_packet_limit = XFRM_INF,
			.soft_add_expires_seconds = 3000,
			.hard_add_expires_seconds = 3600},
		.curlft = {.bytes = 1234, .packets = 7, .add_time = 1700000000, .use_time = 1700000005},
		.stats = {.replay_window = 3, .replay = 4, .integrity_failed = 5},
		.reqid = 9,
		.family = AF_INET,
		.mode = XFRM_MODE_TUNNEL,
		.replay_window = 32,
	};

	return info;
}

static inline void xfrm_put_aead(struct nlmsghdr *header, const char *name, uint32_t key_bits,
				 uint32_t icv_bits)
{
	char value[sizeof(struct xfrm_algo_aead) + XFRM_KEY_SIZE];
	struct xfrm_algo_aead *algo = (struct xfrm_algo_aead *)value;

	memset(value, 0, sizeof(value));
	memcpy(algo->alg_name, name, strlen(name));
	algo->alg_key_len = key_bits;
	algo->alg_icv_len = icv_bits;
	memcpy(algo->alg_key, XFRM_KEY, XFRM_KEY_SIZE);
	mnl_attr_put(header, XFRMA_ALG_AEAD, sizeof(value), value);
}

/* Encryption (XFRMA_ALG_CRYPT) and integrity (XFRMA_ALG_AUTH): the same struct. */
static inline void xfrm_put_algo(struct nlmsghdr *header, uint16_t type, const char *name, uint32_t key_bits)
{
	char value[sizeof(struct xfrm_algo) + XFRM_KEY_SIZE];
	struct xfrm_algo *algo = (struct xfrm_algo *)value;

	memset(value, 0, sizeof(value));
	memcpy(algo->alg_name, name, strlen(name));
	algo->alg_key_len = key_bits;
	memcpy(algo->alg_key, XFRM_KEY, XFRM_KEY_SIZE);
	mnl_attr_put(header, type, sizeof(value), value);
}

static inline void xfrm_put_trunc(struct nlmsghdr *header, const char *name, uint32_t key_bits,
				  uint32_t icv_bits)
{
	char value[sizeof(struct xfrm_algo_auth) + XFRM_KEY_SIZE];
	struct xfrm_algo_auth *algo = (struct xfrm_algo_auth *)value;

	memset(value, 0, sizeof(value));
	memcpy(algo->alg_name, name, strlen(name));
	algo->alg_key_len = key_bits;
	algo->alg_trunc_len = icv_bits;
	memcpy(algo->alg_key, XFRM_KEY, XFRM_KEY_SIZE);
	mnl_attr_put(header, XFRMA_ALG_AUTH_TRUNC, sizeof(value), value);
}

static inline struct nlmsghdr *xfrm_build_sa(struct xfrm_bytes *b, uint16_t type, uint32_t spi,
					     uint8_t protocol)
{
	struct xfrm_usersa_info info = xfrm_sa_info(spi, protocol);
	struct nlmsghdr *header = xfrm_begin(b, type);

	memcpy(mnl_nlmsg_put_extra_header(header, sizeof(info)), &info, sizeof(info));
	return header;
}

/* A notice of deletion: the identity, and the SA as it was, in an attribute. */
static inline struct nlmsghdr *xfrm_build_gone(struct xfrm_bytes *b, uint32_t spi)
{
	struct xfrm_usersa_info info = xfrm_sa_info(spi, IPPROTO_ESP);
	struct xfrm_usersa_id id = {
		.daddr = info.id.daddr, .spi = info.id.spi, .family = info.family, .proto = info.id.proto};
	struct nlmsghdr *header = xfrm_begin(b, XFRM_MSG_DELSA);

	memcpy(mnl_nlmsg_put_extra_header(header, sizeof(id)), &id, sizeof(id));
	mnl_attr_put(header, XFRMA_SA, sizeof(info), &info);
	xfrm_put_aead(header, "rfc4106(gcm(aes))", 160, 128);
	return header;
}

static inline struct nlmsghdr *xfrm_build_expire(struct xfrm_bytes *b, uint32_t spi, int hard)
{
	struct xfrm_user_expire expire = {.state = xfrm_sa_info(spi, IPPROTO_ESP), .hard = (uint8_t)hard};
	struct nlmsghdr *header = xfrm_begin(b, XFRM_MSG_EXPIRE);

	memcpy(mnl_nlmsg_put_extra_header(header, sizeof(expire)), &expire, sizeof(expire));
	return header;
}

static inline struct xfrm_userpolicy_info xfrm_policy_info(uint32_t index, uint8_t dir)
{
	struct xfrm_userpolicy_info info = {
		.sel = {.daddr = {.a4 = inet_addr("192.168.2.0")},
			.saddr = {.a4 = inet_addr("192.168.1.0")},
			.prefixlen_d = 24,
			.prefixlen_s = 24,
			.family = AF_INET},
		.priority = 1000,
		.index = index,
		.dir = dir,
	};

	return info;
}

/* Two templates: compression in transport mode first, then the one with the outer addresses. */
static inline void xfrm_put_templates(struct nlmsghdr *header)
{
	struct xfrm_user_tmpl template[2] = {
		{.id = {.proto = IPPROTO_COMP},
		 .family = AF_INET,
		 .mode = XFRM_MODE_TRANSPORT,
		 .optional = 1},
		{.id = {.daddr = {.a4 = inet_addr("10.0.0.2")}, .proto = IPPROTO_ESP},
		 .family = AF_INET,
		 .saddr = {.a4 = inet_addr("10.0.0.1")},
		 .reqid = 9,
		 .mode = XFRM_MODE_TUNNEL},
	};

	mnl_attr_put(header, XFRMA_TMPL, sizeof(template), template);
}

static inline struct nlmsghdr *xfrm_build_policy(struct xfrm_bytes *b, uint32_t index, uint8_t dir)
{
	struct xfrm_userpolicy_info info = xfrm_policy_info(index, dir);
	struct nlmsghdr *header = xfrm_begin(b, XFRM_MSG_NEWPOLICY);

	memcpy(mnl_nlmsg_put_extra_header(header, sizeof(info)), &info, sizeof(info));
	xfrm_put_templates(header);
	return header;
}

static inline struct nlmsghdr *xfrm_build_policy_gone(struct xfrm_bytes *b, uint32_t index, uint8_t dir)
{
	struct xfrm_userpolicy_info info = xfrm_policy_info(index, dir);
	struct xfrm_userpolicy_id id = {.sel = info.sel, .index = index, .dir = dir};
	struct nlmsghdr *header = xfrm_begin(b, XFRM_MSG_DELPOLICY);

	memcpy(mnl_nlmsg_put_extra_header(header, sizeof(id)), &id, sizeof(id));
	mnl_attr_put(header, XFRMA_POLICY, sizeof(info), &info);
	return header;
}

static inline struct nlmsghdr *xfrm_build_acquire(struct xfrm_bytes *b, uint32_t index)
{
	struct xfrm_user_acquire acquire = {
		.id = {.daddr = {.a4 = inet_addr("10.0.0.2")}, .proto = IPPROTO_ESP},
		.saddr = {.a4 = inet_addr("10.0.0.1")},
		.sel = xfrm_policy_info(index, XFRM_POLICY_OUT).sel,
		.policy = xfrm_policy_info(index, XFRM_POLICY_OUT),
	};
	struct nlmsghdr *header = xfrm_begin(b, XFRM_MSG_ACQUIRE);

	memcpy(mnl_nlmsg_put_extra_header(header, sizeof(acquire)), &acquire, sizeof(acquire));
	xfrm_put_templates(header);
	return header;
}

static inline struct nlmsghdr *xfrm_build_mapping(struct xfrm_bytes *b, uint32_t spi)
{
	struct xfrm_user_mapping mapping = {
		.id = {.daddr = {.a4 = inet_addr("10.0.0.2")},
		       .spi = htonl(spi),
		       .family = AF_INET,
		       .proto = IPPROTO_ESP},
		.reqid = 9,
		.old_saddr = {.a4 = inet_addr("10.0.0.1")},
		.new_saddr = {.a4 = inet_addr("10.0.0.9")},
		.old_sport = htons(4500),
		.new_sport = htons(61000),
	};
	struct nlmsghdr *header = xfrm_begin(b, XFRM_MSG_MAPPING);

	memcpy(mnl_nlmsg_put_extra_header(header, sizeof(mapping)), &mapping, sizeof(mapping));
	return header;
}

static inline struct nlmsghdr *xfrm_build_flush(struct xfrm_bytes *b, uint8_t protocol)
{
	struct xfrm_usersa_flush flush = {.proto = protocol};
	struct nlmsghdr *header = xfrm_begin(b, XFRM_MSG_FLUSHSA);

	memcpy(mnl_nlmsg_put_extra_header(header, sizeof(flush)), &flush, sizeof(flush));
	return header;
}

#endif

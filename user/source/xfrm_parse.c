/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source/xfrm_parse_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/ipsec.h>

#include "model/address.h"

#define NS_PER_S 1000000000ULL

/* Newer than the headers of Debian 12 */
#define XFRM_ATTRIBUTE_SA_DIR 33 /* 6.10 */
#define XFRM_MODE_IPTFS_ 5	 /* 6.14 */
#define XFRM_DIR_IN 1
#define XFRM_DIR_OUT 2

void xfrm_put_address(const xfrm_address_t *from, uint16_t family, uint8_t ret[16])
{
	memset(ret, 0, 16);
	if (family == AF_INET6)
		memcpy(ret, from, 16);
	else if (from->a4)
		address_from_v4((const uint8_t *)&from->a4, ret);
}

uint8_t xfrm_family(uint16_t family)
{
	return family == AF_INET6 ? 6 : 4;
}

enum fact_mode xfrm_mode(uint8_t mode)
{
	switch (mode) {
	case XFRM_MODE_TRANSPORT:
		return FACT_TRANSPORT;
	case XFRM_MODE_TUNNEL:
		return FACT_TUNNEL;
	case XFRM_MODE_BEET:
		return FACT_BEET;
	case XFRM_MODE_IPTFS_:
		return FACT_IPTFS;
	default:
		return FACT_MODE_UNKNOWN;
	}
}

static uint64_t limit(uint64_t value)
{
	return value == XFRM_INF ? 0 : value;
}

/* ---- attributes */

const void *xfrm_fixed(const struct nlattr *attr, size_t size)
{
	return mnl_attr_get_payload_len(attr) >= size ? mnl_attr_get_payload(attr) : NULL;
}

uint32_t xfrm_number(const struct nlattr *attr)
{
	const void *at = xfrm_fixed(attr, sizeof(uint32_t));
	uint32_t value = 0;

	if (at)
		memcpy(&value, at, sizeof(value));
	return value;
}

/*
 * Name and length; where the key lies, behind `head` bytes, nobody looks. `icv_at`: where the length of the ICV is, 0:
 * nowhere.
 */
static void read_algorithm(const struct nlattr *attr, size_t head, size_t icv_at, struct fact_algorithm *ret)
{
	const char *at = xfrm_fixed(attr, head);
	size_t length;

	if (!at)
		return;
	memset(ret->name, 0, sizeof(ret->name));
	length = strnlen(at, sizeof(((struct xfrm_algo *)NULL)->alg_name));
	memcpy(ret->name, at, length < sizeof(ret->name) ? length : sizeof(ret->name) - 1);
	memcpy(&ret->key_bits, at + offsetof(struct xfrm_algo, alg_key_len), sizeof(ret->key_bits));
	if (icv_at)
		memcpy(&ret->icv_bits, at + icv_at, sizeof(ret->icv_bits));
}

static void read_esn(const struct nlattr *attr, struct fact_sa *ret)
{
	struct xfrm_replay_state_esn state;
	const void *at = xfrm_fixed(attr, sizeof(state));

	if (!at)
		return;
	memcpy(&state, at, sizeof(state));
	ret->replay_window = state.replay_window;
	ret->sequence_in = (uint64_t)state.seq_hi << 32 | state.seq;
	ret->sequence_out = (uint64_t)state.oseq_hi << 32 | state.oseq;
}

static void read_replay(const struct nlattr *attr, struct fact_sa *ret)
{
	struct xfrm_replay_state state;
	const void *at = xfrm_fixed(attr, sizeof(state));

	if (!at)
		return;
	memcpy(&state, at, sizeof(state));
	ret->sequence_in = state.seq;
	ret->sequence_out = state.oseq;
}

static void read_encapsulation(const struct nlattr *attr, struct fact_sa *ret)
{
	struct xfrm_encap_tmpl encap;
	const void *at = xfrm_fixed(attr, sizeof(encap));

	if (!at)
		return;
	memcpy(&encap, at, sizeof(encap));
	ret->encap_source_port = ntohs(encap.encap_sport);
	ret->encap_destination_port = ntohs(encap.encap_dport);
}

static void read_offload(const struct nlattr *attr, struct fact_sa *ret)
{
	struct xfrm_user_offload offload;
	const void *at = xfrm_fixed(attr, sizeof(offload));

	if (!at)
		return;
	memcpy(&offload, at, sizeof(offload));
	ret->offload = offload.flags & XFRM_OFFLOAD_PACKET ? FACT_OFFLOAD_PACKET : FACT_OFFLOAD_CRYPTO;
	ret->offload_ifindex = (uint32_t)offload.ifindex;
	if (ret->direction == FACT_DIRECTION_UNKNOWN)
		ret->direction = offload.flags & XFRM_OFFLOAD_INBOUND ? FACT_IN : FACT_OUT;
}

void xfrm_read_mark(const struct nlattr *attr, uint32_t *ret_mark, uint32_t *ret_mask)
{
	struct xfrm_mark mark;
	const void *at = xfrm_fixed(attr, sizeof(mark));

	if (!at)
		return;
	memcpy(&mark, at, sizeof(mark));
	*ret_mark = mark.v;
	*ret_mask = mark.m;
}

static void read_sa_attribute(const struct nlattr *attr, struct fact_sa *ret)
{
	switch (mnl_attr_get_type(attr)) {
	case XFRMA_ALG_CRYPT:
		read_algorithm(attr, sizeof(struct xfrm_algo), 0, &ret->encryption);
		break;
	case XFRMA_ALG_AUTH: /* comes before the next, which says more */
		read_algorithm(attr, sizeof(struct xfrm_algo), 0, &ret->integrity);
		break;
	case XFRMA_ALG_AUTH_TRUNC:
		read_algorithm(attr, sizeof(struct xfrm_algo_auth),
			       offsetof(struct xfrm_algo_auth, alg_trunc_len), &ret->integrity);
		break;
	case XFRMA_ALG_AEAD:
		read_algorithm(attr, sizeof(struct xfrm_algo_aead),
			       offsetof(struct xfrm_algo_aead, alg_icv_len), &ret->aead);
		break;
	case XFRMA_REPLAY_ESN_VAL:
		read_esn(attr, ret);
		break;
	case XFRMA_REPLAY_VAL:
		read_replay(attr, ret);
		break;
	case XFRMA_ENCAP:
		read_encapsulation(attr, ret);
		break;
	case XFRMA_OFFLOAD_DEV:
		read_offload(attr, ret);
		break;
	case XFRMA_MARK:
		xfrm_read_mark(attr, &ret->mark, &ret->mark_mask);
		break;
	case XFRMA_IF_ID:
		ret->if_id = xfrm_number(attr);
		break;
	case XFRM_ATTRIBUTE_SA_DIR:
		if (mnl_attr_get_payload_len(attr) < 1)
			break;
		ret->direction = mnl_attr_get_u8(attr) == XFRM_DIR_IN	 ? FACT_IN
				 : mnl_attr_get_u8(attr) == XFRM_DIR_OUT ? FACT_OUT
									 : FACT_DIRECTION_UNKNOWN;
		break;
	}
}

/* ---- SAs */

static void read_sa(const struct xfrm_usersa_info *info, struct fact_sa *ret)
{
	ret->family = xfrm_family(info->family);
	ret->protocol = info->id.proto;
	ret->mode = xfrm_mode(info->mode);
	xfrm_put_address(&info->saddr, info->family, ret->source);
	xfrm_put_address(&info->id.daddr, info->family, ret->destination);
	ret->spi = ntohl(info->id.spi);
	ret->reqid = info->reqid;
	ret->replay_window = info->replay_window;
	ret->esn = info->flags & XFRM_STATE_ESN;
	ret->align4 = info->flags & XFRM_STATE_ALIGN4;
	ret->lifetime = (struct fact_lifetime){
		.soft_bytes = limit(info->lft.soft_byte_limit),
		.hard_bytes = limit(info->lft.hard_byte_limit),
		.soft_packets = limit(info->lft.soft_packet_limit),
		.hard_packets = limit(info->lft.hard_packet_limit),
		.soft_seconds = info->lft.soft_add_expires_seconds,
		.hard_seconds = info->lft.hard_add_expires_seconds,
	};
	ret->bytes = info->curlft.bytes;
	ret->packets = info->curlft.packets;
	ret->added_ns = info->curlft.add_time * NS_PER_S;
	ret->used_ns = info->curlft.use_time * NS_PER_S;
	ret->failed_window = info->stats.replay_window;
	ret->failed_replay = info->stats.replay;
	ret->failed_integrity = info->stats.integrity_failed;
}

/* An SA of a known protocol, whose attributes begin behind `head` bytes of the payload. */
static enum xfrm_kind finish_sa(const struct nlmsghdr *message, size_t head, enum xfrm_kind kind,
				struct fact_sa *ret)
{
	const struct nlattr *attr;

	if (!ret->spi)
		return XFRM_OTHER;
	mnl_attr_for_each(attr, message, head)
	{
		read_sa_attribute(attr, ret);
	}
	/* Whoever has reserved an SPI for IPsec has not yet said how it will be protected. */
	ret->larval = (ret->protocol == IPPROTO_ESP || ret->protocol == IPPROTO_AH) && !*ret->aead.name &&
		      !*ret->encryption.name && !*ret->integrity.name;
	return kind;
}

static int parse_sa(const struct nlmsghdr *message, size_t head, enum xfrm_kind kind,
		    struct xfrm_message *ret)
{
	struct xfrm_usersa_info info;

	if (mnl_nlmsg_get_payload_len(message) < head)
		return -EBADMSG;
	memcpy(&info, mnl_nlmsg_get_payload(message), sizeof(info));
	read_sa(&info, &ret->sa);
	ret->kind = finish_sa(message, head, kind, &ret->sa);
	return 0;
}

static int parse_sa_gone(const struct nlmsghdr *message, struct xfrm_message *ret)
{
	struct xfrm_usersa_id id;
	const struct nlattr *attr;

	if (mnl_nlmsg_get_payload_len(message) < sizeof(id))
		return -EBADMSG;
	memcpy(&id, mnl_nlmsg_get_payload(message), sizeof(id));
	mnl_attr_for_each(attr, message, sizeof(id))
	{
		struct xfrm_usersa_info info;
		const void *at = xfrm_fixed(attr, sizeof(info));

		if (mnl_attr_get_type(attr) != XFRMA_SA || !at)
			continue;
		memcpy(&info, at, sizeof(info));
		read_sa(&info, &ret->sa);
	}
	ret->sa.family = xfrm_family(id.family);
	ret->sa.protocol = id.proto;
	ret->sa.spi = ntohl(id.spi);
	xfrm_put_address(&id.daddr, id.family, ret->sa.destination);
	ret->kind = finish_sa(message, sizeof(id), XFRM_SA_GONE, &ret->sa);
	return 0;
}

static int parse_sa_flush(const struct nlmsghdr *message, struct xfrm_message *ret)
{
	struct xfrm_usersa_flush flush;

	if (mnl_nlmsg_get_payload_len(message) < sizeof(flush))
		return -EBADMSG;
	memcpy(&flush, mnl_nlmsg_get_payload(message), sizeof(flush));
	ret->sa.protocol = flush.proto == IPSEC_PROTO_ANY ? 0 : flush.proto;
	ret->kind = XFRM_SA_FLUSHED;
	return 0;
}

/* Its fixed part has the SA, and `hard` behind it. */
static int parse_expire(const struct nlmsghdr *message, struct xfrm_message *ret)
{
	const uint8_t *expire = mnl_nlmsg_get_payload(message);
	int err = parse_sa(message, MNL_ALIGN(sizeof(struct xfrm_user_expire)), XFRM_SA_EXPIRED, ret);

	if (!err)
		ret->hard = expire[offsetof(struct xfrm_user_expire, hard)];
	return err;
}

/* ---- what happens */

static int parse_acquire(const struct nlmsghdr *message, struct xfrm_message *ret)
{
	struct xfrm_user_acquire acquire;
	const size_t head = MNL_ALIGN(sizeof(acquire));

	if (mnl_nlmsg_get_payload_len(message) < head)
		return -EBADMSG;
	memcpy(&acquire, mnl_nlmsg_get_payload(message), sizeof(acquire));
	xfrm_read_policy(&acquire.policy, &ret->policy);
	xfrm_read_policy_attributes(message, head, &ret->policy);
	/* The template's addresses are of the policy's family, unless the template says otherwise. */
	ret->sa.family = ret->policy.has_template ? ret->policy.family : xfrm_family(acquire.sel.family);
	xfrm_put_address(&acquire.id.daddr, ret->sa.family == 6 ? AF_INET6 : AF_INET, ret->sa.destination);
	xfrm_put_address(&acquire.saddr, ret->sa.family == 6 ? AF_INET6 : AF_INET, ret->sa.source);
	ret->sa.protocol = acquire.id.proto;
	ret->sa.reqid = ret->policy.reqid;
	ret->sa.if_id = ret->policy.if_id;
	ret->kind = XFRM_ACQUIRE;
	return 0;
}

static int parse_mapping(const struct nlmsghdr *message, struct xfrm_message *ret)
{
	struct xfrm_user_mapping mapping;

	if (mnl_nlmsg_get_payload_len(message) < sizeof(mapping))
		return -EBADMSG;
	memcpy(&mapping, mnl_nlmsg_get_payload(message), sizeof(mapping));
	ret->sa.family = xfrm_family(mapping.id.family);
	ret->sa.protocol = mapping.id.proto;
	ret->sa.spi = ntohl(mapping.id.spi);
	ret->sa.reqid = mapping.reqid;
	xfrm_put_address(&mapping.id.daddr, mapping.id.family, ret->sa.destination);
	xfrm_put_address(&mapping.old_saddr, mapping.id.family, ret->sa.source);
	xfrm_put_address(&mapping.new_saddr, mapping.id.family, ret->new_source);
	ret->sa.encap_source_port = ntohs(mapping.old_sport);
	ret->new_source_port = ntohs(mapping.new_sport);
	ret->kind = XFRM_MAPPED;
	return 0;
}

int xfrm_parse(const struct nlmsghdr *message, struct xfrm_message *ret)
{
	memset(ret, 0, sizeof(*ret));
	switch (message->nlmsg_type) {
	case XFRM_MSG_NEWSA:
	case XFRM_MSG_UPDSA:
		return parse_sa(message, sizeof(struct xfrm_usersa_info), XFRM_SA, ret);
	case XFRM_MSG_DELSA:
		return parse_sa_gone(message, ret);
	case XFRM_MSG_FLUSHSA:
		return parse_sa_flush(message, ret);
	case XFRM_MSG_EXPIRE:
		return parse_expire(message, ret);
	case XFRM_MSG_NEWPOLICY:
	case XFRM_MSG_UPDPOLICY:
		return xfrm_parse_policy(message, sizeof(struct xfrm_userpolicy_info), XFRM_POLICY, ret);
	case XFRM_MSG_DELPOLICY:
		return xfrm_parse_policy_gone(message, ret);
	case XFRM_MSG_FLUSHPOLICY:
		ret->kind = XFRM_POLICIES_FLUSHED;
		return 0;
	case XFRM_MSG_POLEXPIRE:
		return xfrm_parse_policy_expire(message, ret);
	case XFRM_MSG_ACQUIRE:
		return parse_acquire(message, ret);
	case XFRM_MSG_MAPPING:
		return parse_mapping(message, ret);
	case XFRM_MSG_MIGRATE:
		ret->kind = XFRM_MIGRATED;
		return 0;
	default:
		return 0;
	}
}

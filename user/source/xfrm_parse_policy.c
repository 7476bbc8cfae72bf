/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xfrm_parse_policy.c - policies in XFRM messages */
#include "source/xfrm_parse_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <libmnl/libmnl.h>

static void read_selector(const struct xfrm_selector *from, struct fact_selector *ret)
{
	ret->family = xfrm_family(from->family);
	xfrm_put_address(&from->saddr, from->family, ret->source);
	xfrm_put_address(&from->daddr, from->family, ret->destination);
	ret->source_prefix = from->prefixlen_s;
	ret->destination_prefix = from->prefixlen_d;
	ret->protocol = from->proto;
	ret->source_port = ntohs(from->sport);
	ret->source_port_mask = ntohs(from->sport_mask);
	ret->destination_port = ntohs(from->dport);
	ret->destination_port_mask = ntohs(from->dport_mask);
	ret->ifindex = (uint32_t)from->ifindex;
}

static enum fact_direction policy_direction(uint8_t dir)
{
	return dir == XFRM_POLICY_IN	? FACT_IN
	       : dir == XFRM_POLICY_OUT ? FACT_OUT
	       : dir == XFRM_POLICY_FWD ? FACT_FORWARD
					: FACT_DIRECTION_UNKNOWN;
}

void xfrm_read_policy(const struct xfrm_userpolicy_info *info, struct fact_policy *ret)
{
	read_selector(&info->sel, &ret->selector);
	ret->direction = policy_direction(info->dir);
	ret->block = info->action == XFRM_POLICY_BLOCK;
	ret->index = info->index;
	ret->priority = info->priority;
}

/* The first with an outer address; else the first at all (transport mode). */
static void read_templates(const struct nlattr *attr, struct fact_policy *ret)
{
	const char *at = mnl_attr_get_payload(attr);
	size_t left = mnl_attr_get_payload_len(attr);
	static const uint8_t any[16];
	struct xfrm_user_tmpl template;

	for (; left >= sizeof(template); at += sizeof(template), left -= sizeof(template)) {
		uint8_t destination[16];

		memcpy(&template, at, sizeof(template));
		xfrm_put_address(&template.id.daddr, template.family, destination);
		if (ret->has_template &&
		    (template.mode == XFRM_MODE_TRANSPORT || !memcmp(destination, any, 16)))
			continue;
		ret->has_template = true;
		ret->family = xfrm_family(template.family);
		ret->protocol = template.id.proto;
		ret->mode = xfrm_mode(template.mode);
		ret->reqid = template.reqid;
		ret->optional = template.optional;
		xfrm_put_address(&template.saddr, template.family, ret->source);
		memcpy(ret->destination, destination, sizeof(destination));
		if (template.mode != XFRM_MODE_TRANSPORT)
			return;
	}
}

void xfrm_read_policy_attributes(const struct nlmsghdr *message, size_t head, struct fact_policy *ret)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, message, head)
	{
		if (mnl_attr_get_type(attr) == XFRMA_TMPL)
			read_templates(attr, ret);
		else if (mnl_attr_get_type(attr) == XFRMA_MARK)
			xfrm_read_mark(attr, &ret->mark, &ret->mark_mask);
		else if (mnl_attr_get_type(attr) == XFRMA_IF_ID)
			ret->if_id = xfrm_number(attr);
	}
}

int xfrm_parse_policy(const struct nlmsghdr *message, size_t head, enum xfrm_kind kind,
		      struct xfrm_message *ret)
{
	struct xfrm_userpolicy_info info;

	if (mnl_nlmsg_get_payload_len(message) < head)
		return -EBADMSG;
	memcpy(&info, mnl_nlmsg_get_payload(message), sizeof(info));
	xfrm_read_policy(&info, &ret->policy);
	/* Those of sockets come with directions of their own: IKE daemons exempt their own traffic so. */
	if (ret->policy.direction == FACT_DIRECTION_UNKNOWN)
		return 0;
	xfrm_read_policy_attributes(message, head, &ret->policy);
	ret->kind = kind;
	return 0;
}

int xfrm_parse_policy_gone(const struct nlmsghdr *message, struct xfrm_message *ret)
{
	struct xfrm_userpolicy_id id;
	const struct nlattr *attr;

	if (mnl_nlmsg_get_payload_len(message) < sizeof(id))
		return -EBADMSG;
	memcpy(&id, mnl_nlmsg_get_payload(message), sizeof(id));
	ret->policy.index = id.index;
	ret->policy.direction = policy_direction(id.dir);
	mnl_attr_for_each(attr, message, sizeof(id))
	{
		struct xfrm_userpolicy_info info;
		const void *at = xfrm_fixed(attr, sizeof(info));

		if (mnl_attr_get_type(attr) != XFRMA_POLICY || !at)
			continue;
		memcpy(&info, at, sizeof(info));
		xfrm_read_policy(&info, &ret->policy);
	}
	if (ret->policy.direction == FACT_DIRECTION_UNKNOWN)
		return 0;
	ret->kind = XFRM_POLICY_GONE;
	return 0;
}

int xfrm_parse_policy_expire(const struct nlmsghdr *message, struct xfrm_message *ret)
{
	const uint8_t *expire = mnl_nlmsg_get_payload(message);
	int err = xfrm_parse_policy(message, MNL_ALIGN(sizeof(struct xfrm_user_polexpire)),
				    XFRM_POLICY_EXPIRED, ret);

	if (!err)
		ret->hard = expire[offsetof(struct xfrm_user_polexpire, hard)];
	return err;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* check_links.c - the interfaces to look at, how they are stacked, and the tc filters on them */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <net/if_arp.h>

#include "source/check.h"
#include "source/filters.h"
#include "source/links.h"

struct visit {
	struct check_interface *interface;
	bool egress;
};

/* The parts of one filter, such as the tables of u32, are told one by one. */
static bool is_told(const struct check_interface *i, bool egress, const struct filter *filter)
{
	for (size_t n = 0; n < i->tc_count && n < CHECK_TC; n++)
		if (i->tc[n].egress == egress && i->tc[n].priority == filter->priority &&
		    i->tc[n].id == filter->prog_id && !strcmp(i->tc[n].kind, filter->kind))
			return true;
	return false;
}

static void on_filter(void *arg, const struct filter *filter)
{
	const struct visit *visit = arg;
	struct check_interface *i = visit->interface;
	struct check_tc *tc;

	if (is_told(i, visit->egress, filter))
		return;
	if (i->tc_count++ >= CHECK_TC)
		return;
	tc = &i->tc[i->tc_count - 1];
	*tc = (struct check_tc){.egress = visit->egress, .id = filter->prog_id, .priority = filter->priority};
	memcpy(tc->kind, filter->kind, sizeof(tc->kind));
	memcpy(tc->name, filter->name, sizeof(tc->name));
}

static void describe_stack(const struct links *links, const struct link *link, char *ret, size_t size)
{
	const struct link *lower = link->lower ? links_find(links, link->lower) : NULL;
	const struct link *master = link->master ? links_find(links, link->master) : NULL;

	if (link->stack == LINK_ON_LOWER && lower)
		snprintf(ret, size, "on top of %s", lower->name);
	else if (link->stack == LINK_ON_LOWER)
		snprintf(ret, size, "on top of a device elsewhere");
	else if (link->stack == LINK_OF_PORTS)
		snprintf(ret, size, "made of its ports");
	else if (link->stack == LINK_OF_SLAVES)
		snprintf(ret, size, "made of its slaves");
	else if (master)
		snprintf(ret, size, "part of %s", master->name);
}

static void look_at(const struct links *links, const struct link *link, struct check_interface *ret)
{
	memset(ret, 0, sizeof(*ret));
	snprintf(ret->name, sizeof(ret->name), "%s", link->name);
	ret->ifindex = link->ifindex;
	ret->mtu = link->mtu;
	ret->up = link->up;
	ret->loopback = link->loopback;
	ret->ethernet = link->type == ARPHRD_ETHER || link->type == ARPHRD_LOOPBACK;
	ret->xdp_mode = CHECK_XDP_UNSEEN;
	describe_stack(links, link, ret->stack, sizeof(ret->stack));
	check_look_at_device(ret);
	for (int egress = 0; egress < 2; egress++) {
		struct visit visit = {.interface = ret, .egress = egress};

		(void)filters_each(link->ifindex, egress, on_filter, &visit);
	}
}

static bool is_wanted(const struct link *link, const char *const *names, size_t count)
{
	if (!count)
		return link->up && !link->loopback;
	for (size_t i = 0; i < count; i++)
		if (!strcmp(link->name, names[i]))
			return true;
	return false;
}

static const char *find_missing(const struct link *link, size_t link_count, const char *const *names,
				size_t count)
{
	for (size_t n = 0; n < count; n++) {
		size_t i = 0;

		while (i < link_count && strcmp(link[i].name, names[n]) != 0)
			i++;
		if (i == link_count)
			return names[n];
	}
	return NULL;
}

int check_look_at_interfaces(const char *const *names, size_t count, struct check_host *ret,
			     const char **ret_missing)
{
	const struct link *link;
	struct links *links;
	const char *missing;
	size_t link_count;
	int err = links_open(false, &links);

	if (err)
		return err;
	link = links_all(links, &link_count);
	missing = find_missing(link, link_count, names, count);
	if (missing) {
		if (ret_missing)
			*ret_missing = missing;
		err = -ENODEV;
		goto out;
	}
	ret->interfaces = calloc(link_count ? link_count : 1, sizeof(*ret->interfaces));
	if (!ret->interfaces) {
		err = -ENOMEM;
		goto out;
	}
	for (size_t i = 0; i < link_count; i++)
		if (is_wanted(&link[i], names, count))
			look_at(links, &link[i], &ret->interfaces[ret->interface_count++]);
out:
	links_close(links);
	return err;
}

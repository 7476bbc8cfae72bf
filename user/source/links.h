/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * links.h - the network interfaces of this namespace, followed by rtnetlink
 *
 * A table that a dump fills and notifications keep. No libbpf, no printing. Not thread-safe.
 */
#ifndef ESPIAL_SOURCE_LINKS_H
#define ESPIAL_SOURCE_LINKS_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a device has to do with those it is stacked on. */
enum link_stack {
	LINK_ALONE,
	LINK_ON_LOWER,	/* VLAN, macvlan, ipvlan: shows a part of what `lower` shows */
	LINK_OF_PORTS,	/* bridge, VRF: its ports show everything that it shows, and more */
	LINK_OF_SLAVES, /* bond, team: shows everything, each slave a part of it */
};

struct link {
	uint32_t ifindex;
	uint64_t serial; /* of this device: an index that is used again gets another */
	char name[IFNAMSIZ];
	bool up, loopback;
	bool default_route; /* of the main table; only with follow_routes */
	uint32_t mtu;	    /* bytes */
	uint16_t type;	    /* ARPHRD_… */
	uint32_t master;    /* ifindex of the bridge, bond or VRF that it is part of; 0: none */
	uint32_t lower;	    /* LINK_ON_LOWER: ifindex of the device below; 0: in another namespace */
	enum link_stack stack;
};

struct links;

/* Opens, subscribes and takes the first dump. `follow_routes`: default routes too. */
int links_open(bool follow_routes, struct links **ret);
void links_close(struct links *links);
/* Readable when links_update() has something to do. */
int links_fd(const struct links *links);
/* Takes in what has been notified. 1: something may have changed, 0: nothing, or -errno. */
int links_update(struct links *links);
/* Default routes from now on, too. */
int links_follow_routes(struct links *links);

/* In order of ifindex; valid until the next links_update(). */
const struct link *links_all(const struct links *links, size_t *ret_count);
const struct link *links_find(const struct links *links, uint32_t ifindex);

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/addresses.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "model/address.h"

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, 16);
}

/* False: neither IPv4 nor IPv6. */
static bool mapped(const struct sockaddr *from, uint8_t ret[16])
{
	if (from && from->sa_family == AF_INET) {
		address_from_v4((const uint8_t *)&((const struct sockaddr_in *)(const void *)from)->sin_addr,
				ret);
		return true;
	}
	if (from && from->sa_family == AF_INET6) {
		memcpy(ret, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, 16);
		return true;
	}
	return false;
}

int addresses_refresh(struct addresses *a)
{
	struct ifaddrs *list, *at;
	uint8_t(*sorted)[16];
	size_t room = 0, count = 0;

	if (getifaddrs(&list) != 0)
		return -errno;
	for (at = list; at; at = at->ifa_next)
		room++;
	sorted = malloc((room ? room : 1) * sizeof(*sorted));
	if (!sorted) {
		freeifaddrs(list);
		return -ENOMEM;
	}
	for (at = list; at; at = at->ifa_next)
		count += mapped(at->ifa_addr, sorted[count]);
	freeifaddrs(list);
	qsort(sorted, count, sizeof(*sorted), compare);
	free(a->sorted);
	a->sorted = sorted;
	a->count = count;
	return 0;
}

bool addresses_have(const struct addresses *a, const uint8_t address[16])
{
	return a->count && bsearch(address, a->sorted, a->count, sizeof(*a->sorted), compare);
}

void addresses_free(struct addresses *a)
{
	free(a->sorted);
	a->sorted = NULL;
	a->count = 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source/ethtool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <linux/sockios.h>
#include <net/if.h>

int ethtool_open(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

int ethtool_ask(int fd, const char *name, void *command)
{
	struct ifreq request = {0};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	request.ifr_data = command;
	return ioctl(fd, SIOCETHTOOL, &request) ? -errno : 0;
}

/* How many there are; 0: it does not tell. */
static uint32_t count_of(int fd, const char *name, uint32_t set)
{
	union {
		struct ethtool_sset_info info;
		uint32_t words[sizeof(struct ethtool_sset_info) / 4 + 1]; /* the last: the answer */
	} ask = {.info = {.cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ULL << set}};

	if (ethtool_ask(fd, name, &ask) || !ask.info.sset_mask)
		return 0;
	return ask.words[sizeof(struct ethtool_sset_info) / 4];
}

/*
 * The kernel writes as many as there are when it answers, whatever room there is: a device that gets more queues between the two
 * questions would write beyond the end. Hence room for many more than were told of; what is not written costs no memory.
 */
static void *room_for(size_t head, size_t each, uint32_t count)
{
	return calloc(1, head + each * (size_t)count * 2);
}

struct ethtool_gstrings *ethtool_names(int fd, const char *name, uint32_t set, uint32_t most)
{
	uint32_t count = count_of(fd, name, set);
	struct ethtool_gstrings *names = NULL;

	if (count && count <= most)
		names = room_for(sizeof(*names), ETH_GSTRING_LEN, most);
	if (!names)
		return NULL;
	names->cmd = ETHTOOL_GSTRINGS;
	names->string_set = set;
	names->len = count;
	if (!ethtool_ask(fd, name, names) && names->len == count)
		return names;
	free(names);
	return NULL;
}

struct ethtool_stats *ethtool_counters(int fd, const char *name, uint32_t count, uint32_t most)
{
	struct ethtool_stats *stats = room_for(sizeof(*stats), sizeof(*stats->data), most);

	if (!stats)
		return NULL;
	stats->cmd = ETHTOOL_GSTATS;
	stats->n_stats = count;
	if (!ethtool_ask(fd, name, stats) && stats->n_stats == count)
		return stats;
	free(stats);
	return NULL;
}

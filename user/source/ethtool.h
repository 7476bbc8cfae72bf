/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ethtool.h - questions to a device by SIOCETHTOOL: any user may ask these */
#ifndef ESPIAL_SOURCE_ETHTOOL_H
#define ESPIAL_SOURCE_ETHTOOL_H

#include <stdint.h>

#include <linux/ethtool.h>

/* To be closed; or -errno. */
int ethtool_open(void);
/* `command` as the kernel's struct for it. 0 or -errno: -EOPNOTSUPP, the driver does not tell. */
int ethtool_ask(int fd, const char *name, void *command);
/* The names of a set (ETH_SS_FEATURES, …), to be freed; NULL: none, or more than `most`. */
struct ethtool_gstrings *ethtool_names(int fd, const char *name, uint32_t set, uint32_t most);
/* The values of ETH_SS_STATS, in the order of their names, of which there are `count`; to be freed. NULL: not those. */
struct ethtool_stats *ethtool_counters(int fd, const char *name, uint32_t count, uint32_t most);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nic_stat.h - what drivers of network cards count: by queue, and what found no room on arrival
 *
 * Each driver names its counters as it likes. Those whose names are understood are taken, the others are passed over.
 */
#ifndef ESPIAL_SOURCE_NIC_STAT_H
#define ESPIAL_SOURCE_NIC_STAT_H

#include "model/host.h"

enum nic_count {
	NIC_PACKETS,
	NIC_XDP_PACKETS, /* where a driver counts no others */
	NIC_BYTES,
	NIC_XDP_BYTES,
	NIC_DROPPED,
	NIC_NO_BUFFER,
	NIC_RING, /* of the card as a whole */
};

struct nic_name {
	enum nic_count what;
	bool tx;
	uint16_t queue; /* not of NIC_RING */
};

/* What a driver's counter of that name counts; false: not understood. */
bool nic_stat_name(const char *name, struct nic_name *ret);

/*
 * A look at these interfaces, whose host_nic are there (host_stat_read()). Asking a driver takes a lock, and its time: not
 * more often than every NIC_STAT_EVERY, and between that nothing is gained.
 */
#define NIC_STAT_EVERY UINT64_C(10000000000)
void nic_stat_read(struct host_facts *facts, uint64_t now_ns);

#endif

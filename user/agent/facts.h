/* SPDX-License-Identifier: GPL-2.0-or-later */
/* facts.h - the kernel's SADB and the IKE daemons as sources of the agent: one descriptor to poll for all of them */
#ifndef ESPIAL_AGENT_FACTS_H
#define ESPIAL_AGENT_FACTS_H

#include "agent/log.h"
#include "config.h"
#include "model/firewall.h"
#include "model/host.h"
#include "model/timeline.h"

struct facts;

struct facts_listener {
	bool (*is_local)(void *arg, const uint8_t address[16]);	      /* in our own network namespace */
	void (*entry)(void *arg, const struct timeline_entry *entry); /* a line for the journal */
	void (*ike_ended)(void *arg, uint64_t initiator_spi, uint64_t responder_spi, uint64_t at_ns);
	void *arg;
};

/*
 * What cannot be had is told in the log and is absent. The kernel's SAs are mirrored into `live`. `listener` hears of what
 * daemons tell; it is copied. 0, -ENOMEM, or -errno of epoll.
 */
int facts_open(const struct config *config, struct live *live, const struct log *log,
	       const struct facts_listener *listener, struct facts **ret);
void facts_close(struct facts *f); /* before live_close(); NULL is fine */

int facts_fd(const struct facts *f);
/* Also by time alone, every 100 ms. */
void facts_run(struct facts *f);
/* Every second. */
void facts_tick(struct facts *f);

/* NULL: XFRM is not used. Valid until facts_run(). */
const struct fact_kernel *facts_kernel(const struct facts *f);
/* NULL: the firewall's rules are not read. Valid until facts_tick(). */
const struct firewall *facts_firewall(const struct facts *f);
/* An address of one of the other network namespaces that are followed? */
bool facts_have_address(const struct facts *f, const uint8_t address[16]);
/* What each namespace tells of its IPsec. Before host_stat_read(). */
void facts_host(const struct facts *f, struct host_facts *ret);
const struct fact_daemon *facts_daemons(struct facts *f, size_t *ret_count);

#endif

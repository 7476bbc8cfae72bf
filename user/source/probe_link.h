/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe_link.h - how the packets of a probe leave, and how what answers them is heard
 *
 * Two kinds. Raw sockets (CAP_NET_RAW): whole IP packets of our own making, so that DF, hop limit and fragments are ours, the
 * kernel's path MTU cache is not asked, and IP_PMTUDISC_INTERFACE keeps the sockets from writing to it. Datagram sockets (no
 * privilege): IP_PMTUDISC_PROBE, which does not ask the cache either, but the kernel stores there what routers report.
 */
#ifndef ESPIAL_SOURCE_PROBE_LINK_H
#define ESPIAL_SOURCE_PROBE_LINK_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "source/probe_message.h"

union probe_sockaddr {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_storage storage;
};

struct probe_link {
	struct probe_key key;
	bool raw, has_echo; /* has_echo: the datagram kind may lack it */
	bool inside;
	unsigned int link_mtu;
	int raw_fd;		    /* sends whole packets; -1 */
	int fd[PROBE_METHODS];	    /* of ECHO, IKE, NATT: hears the answers; -1 */
	uint8_t *transport, *frame; /* PROBE_SIZE_MAX and a little more each */
	uint64_t sent_bytes;
	/* Datagram sockets: what was sent last, since an error may quote too little to tell */
	struct probe_packet last[PROBE_METHODS];
};

/* The addresses, the port numbers and the interface are chosen before (probe_route.c). 0 or -errno; -EPERM: no socket at all. */
int probe_link_open(struct probe_link *l, bool unprivileged);
void probe_link_close(struct probe_link *l);
/*
 * 0; -EMSGSIZE: larger than the interface (or an IPsec SA of this host) takes; -EOPNOTSUPP: this kind cannot do that;
 * -EAGAIN: try later; else -errno.
 */
int probe_link_send(struct probe_link *l, const struct probe_packet *packet);
/* 1 and the next event; 0: none now. Of what is not ours nothing is heard. */
int probe_link_receive(struct probe_link *l, struct probe_event *ret);

/* ---- probe_route.c */

/* `name` to an address of that family (0: any). 0, -ENOENT or -EAGAIN (the resolver does not answer). */
int probe_resolve(const char *name, int family, struct probe_address *ret);
/*
 * Our address towards the target (`source` asked for, or family 0) and the interface there with its MTU, of the kernel's
 * routing. 0, -ENETUNREACH, -EADDRNOTAVAIL (the source is none of ours), -errno.
 */
int probe_route(const struct probe_address *target, const struct probe_address *source,
		struct probe_address *ret_source, char ret_interface[static 16], unsigned int *ret_mtu);
socklen_t probe_to_sockaddr(const struct probe_address *a, uint16_t port, union probe_sockaddr *ret);
void probe_from_sockaddr(const union probe_sockaddr *from, struct probe_address *ret);

/* ---- between probe_raw.c and probe_dgram.c */

int probe_raw_open(struct probe_link *l);
int probe_raw_send(struct probe_link *l, const struct probe_packet *packet);
int probe_raw_receive(struct probe_link *l, struct probe_event *ret);
int probe_dgram_open(struct probe_link *l);
int probe_dgram_send(struct probe_link *l, const struct probe_packet *packet);
int probe_dgram_receive(struct probe_link *l, struct probe_event *ret);
/* Reads one message of a UDP socket of ours. 1, 0, -errno. */
int probe_udp_receive(struct probe_link *l, enum probe_method method, struct probe_event *ret);
uint64_t probe_now_ns(void);

#endif

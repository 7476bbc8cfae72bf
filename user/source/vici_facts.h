/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vici_facts.h - VICI messages as facts. Pure.
 *
 * Messages have passed vici_packet(). What is unknown in them is passed over, what is missing stays zero, and text that is too
 * long is cut. Times come from charon as whole seconds from now: the same moment may differ by one from answer to answer.
 */
#ifndef ESPIAL_SOURCE_VICI_FACTS_H
#define ESPIAL_SOURCE_VICI_FACTS_H

#include "model/fact.h"
#include "source/vici_wire.h"

/* What a daemon may have at most; the rest is counted. */
#define VICI_CONNECTIONS_MOST 8192
#define VICI_CHILD_CONFIGS_MOST 16384
#define VICI_IKES_MOST 16384
#define VICI_CHILDREN_MOST 32768
#define VICI_CERTIFICATES_MOST 4096

struct vici_facts {
	struct fact_connection *connections;
	struct fact_child_config *child_configs;
	struct fact_ike *ikes;
	struct fact_child *children;
	struct fact_certificate *certificates;
	size_t connection_count, child_config_count, ike_count, child_count, certificate_count;
	size_t connection_room, child_config_room, ike_room, child_room, certificate_room;
	uint64_t omitted; /* beyond the limits above, or without memory */
};

enum vici_event_kind {
	VICI_IKE_UP,
	VICI_IKE_DOWN,
	VICI_IKE_REKEY,	 /* `old_ike` was replaced by `ike` */
	VICI_IKE_UPDATE, /* an end moved: from where it is in `old_ike` */
	VICI_CHILD_UP,
	VICI_CHILD_DOWN,
	VICI_CHILD_REKEY, /* `old_child` was replaced by `child` */
	VICI_DAEMON_UP,	  /* it answered for the first time, or again */
	VICI_DAEMON_DOWN, /* `why`: what happened to it */
	VICI_EVENT_KINDS,
};

struct vici_event {
	enum vici_event_kind kind;
	uint64_t time_ns;		    /* since the epoch: when we heard of it */
	const char *origin;		    /* the daemon's socket */
	const char *why;		    /* VICI_DAEMON_DOWN; else "" */
	struct fact_ike ike, old_ike;	    /* the daemon's own: empty */
	struct fact_child child, old_child; /* VICI_CHILD_*; else empty */
};

/* The names of the events to register for, those of a listing included. */
extern const char *const vici_event_names[];
extern const size_t vici_event_name_count;

/* Answer to `version`: "strongSwan 5.9.8"; charon-systemd and others are named: "strongSwan 5.9.8 (charon-systemd)". */
void vici_facts_version(const struct vici_packet *packet, char *ret, size_t size);
/* Events list-conn, list-cert and list-sa: appends. */
void vici_facts_connection(const struct vici_packet *packet, struct vici_facts *facts);
void vici_facts_certificate(const struct vici_packet *packet, struct vici_facts *facts);
void vici_facts_sa(const struct vici_packet *packet, uint64_t now_ns, struct vici_facts *facts);
/* Another event: all of *ret but `origin` and `why`. -ENOENT: none that we know, or about nothing. */
int vici_facts_event(const struct vici_packet *packet, uint64_t now_ns, struct vici_event *ret);

void vici_facts_free_configs(struct vici_facts *facts);
void vici_facts_free_certificates(struct vici_facts *facts);
void vici_facts_free_sas(struct vici_facts *facts);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vici_daemon.h - one daemon's connection: what to ask next, until when, and what came
 *
 * Times named _ms are of CLOCK_MONOTONIC in milliseconds; the wall clock is only for facts.
 */
#ifndef ESPIAL_SOURCE_VICI_DAEMON_H
#define ESPIAL_SOURCE_VICI_DAEMON_H

#include "source/vici.h"

struct vici_clock {
	int64_t now_ms;
	uint64_t wall_ns; /* since the epoch */
};

/* What is asked one after the other; each waits for its answer, as VICI numbers neither. */
enum vici_step {
	VICI_STEP_AWAY,	    /* not connected: until `wake_ms` */
	VICI_STEP_REGISTER, /* events, one by one */
	VICI_STEP_VERSION,
	VICI_STEP_CONNS,
	VICI_STEP_CERTS, /* they change seldom: not each time */
	VICI_STEP_SAS,
	VICI_STEP_IDLE, /* until `wake_ms`, or an event */
};

struct vici_daemon {
	const struct vici_options *options; /* with the defaults filled in */
	char path[108];
	bool usual; /* `path` is whichever of the usual ones there is */
	int fd;	    /* -1: none */
	enum vici_step step;
	size_t event; /* VICI_STEP_REGISTER: the number of the one that is being registered */
	int64_t wake_ms;
	int64_t asked_ms, progress_ms;	   /* the request was sent; the latest whole frame came */
	int64_t partial_ms;		   /* a frame has begun and not ended since; 0: none has */
	int64_t listed_ms, took_ms;	   /* the latest listing ended, and how long it took */
	int64_t conns_ms;		   /* the connections were listed */
	int64_t certs_ms;		   /* the certificates were; 0: never */
	unsigned int failures, unanswered; /* in a row */
	bool available, tried;
	bool changed; /* an event came during a listing */
	char version[64], why[160];
	uint8_t *data; /* received, not yet a whole frame */
	size_t used, room;
	struct vici_facts facts, next; /* as told, and the one that is being told */
	uint64_t snapshot_ns;
};

void vici_daemon_init(struct vici_daemon *d, const struct vici_options *options, const char *path);
void vici_daemon_close(struct vici_daemon *d);

/* Connects when it is time for it. 1: `fd` is new, and to be polled. */
int vici_daemon_wake(struct vici_daemon *d, const struct vici_clock *clock);
/* The socket is readable. */
void vici_daemon_receive(struct vici_daemon *d, const struct vici_clock *clock);
/* Deadlines, and what is to be asked by time. */
void vici_daemon_tick(struct vici_daemon *d, const struct vici_clock *clock);
/* When the next of these is due. */
int64_t vici_daemon_due(const struct vici_daemon *d);

#endif

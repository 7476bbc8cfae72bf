/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log_wire.h - what was seen on the wire at the time of a log, by a capture or an agent, and what the log says of it
 *
 * Joined by the address of the peer and by time, both ways: the findings of the log get evidence from the wire (the last exchange that was
 * answered, how the IKE SA ended, whether ESP came on while IKE was silent, whether an answer came that the daemon did not get), and
 * what only the wire shows becomes a finding beside them, with what the log says of that peer, or that it says nothing. Pure.
 */
#ifndef ESPIAL_DIAGNOSE_LOG_WIRE_H
#define ESPIAL_DIAGNOSE_LOG_WIRE_H

#include "diagnose/log_diagnose.h"

#define LOG_WIRE_ADDRESS 46

struct log_wire_exchange {
	char name[64];			  /* "INFORMATIONAL 7" */
	uint64_t request_ns, response_ns; /* 0: not seen */
};

struct log_wire_ike {
	char ends[2][LOG_WIRE_ADDRESS];
	char state[24], text[160];
	uint64_t since_ns;
	struct log_wire_exchange *exchanges; /* in the order of time */
	size_t count;
};

struct log_wire_sa {
	char source[LOG_WIRE_ADDRESS];
	uint64_t last_ns;
};

struct log_wire {
	const char *name;	    /* "the capture", "the agent" */
	uint64_t first_ns, last_ns; /* of what was seen */
	struct log_wire_ike *ike;
	size_t ike_count;
	struct log_wire_sa *sas;
	size_t sa_count;
};

/*
 * After log_diagnose(). Of `findings` the first `log_count` are the log's, those behind them the wire's own, finished: of these only those stay
 * that are of the time and the peers of the log, and that the log has not, too. 0 or -ENOMEM.
 */
int log_wire_join(struct findings *findings, size_t log_count, const struct log_timeline *t,
		  const struct log_diagnose_options *options, const struct log_wire *wire);

#endif

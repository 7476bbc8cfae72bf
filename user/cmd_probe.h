/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmd_probe.h - between the parts of `espial probe` */
#ifndef ESPIAL_CMD_PROBE_H
#define ESPIAL_CMD_PROBE_H

#include "model/address.h"
#include "model/mtu.h"
#include "source/probe_message.h"

struct probe_request {
	struct probe_options options;
	const char *through, *target;
	const char *proposal; /* as given; NULL: PROBE_PROPOSAL is assumed */
	struct mtu_spec spec; /* without the families */
	bool json, exit_code;
	const char *socket;	/* of our agent; NULL: the default */
	const char *peer_agent; /* of the peer's, as of client_get(); NULL: none */
	/* found by probe_find_through() */
	char found_source[ADDRESS_TEXT], found_target[ADDRESS_TEXT];
	char note[PROBE_NOTE_SIZE]; /* "": none */
};

/* What the peer's agent has of the way between us (cmd_probe_peer.c). */
struct probe_peer {
	bool answered, found; /* found: a tunnel between the two addresses */
	char tunnel[128];
	char problem[240];	  /* not answered, not found, no path MTU of its own: what to do */
	unsigned int mtu;	  /* from the peer to here; 0: unknown */
	char source[16];	  /* "probe", "icmp", "interface" */
	uint64_t age_ns;	  /* of that; 0: unknown */
	unsigned int arrived;	  /* the largest ESP packet from here that it saw; 0: none */
	uint64_t arrived_cut;	  /* of those, packets that came in fragments */
	uint64_t arrived_packets; /* all of them */
};

/* The path MTU of each way, and by what. */
struct probe_ways {
	unsigned int there, back;	    /* 0: unknown */
	bool there_at_least, back_at_least; /* it may be more */
	char there_by[80], back_by[160];
};

#define PROBE_PROPOSAL "aes256gcm16"

struct probe_sizes {
	unsigned int inner, mss4, mss6; /* 0: nothing fits, or unknown */
};

/* What IPsec leaves of a path MTU; `natt`: in UDP. All 0 for an MTU of 0. */
void probe_sizes(const struct probe_request *q, const struct probe_result *r, unsigned int mtu, bool natt,
		 struct probe_sizes *ret);

/* ---- where from and where to */

/* The ends of q->through that were not given, by its traffic selectors. CMD_OK, or said why not. */
int probe_find_through(struct probe_request *q);
/* Asks the peer's agent about us. *ret says what came of it. */
void probe_ask_peer(const struct probe_request *q, const struct probe_result *r, struct probe_peer *ret);
/* `peer` NULL: nobody was asked. */
void probe_find_ways(const struct probe_result *r, const struct probe_peer *peer, struct probe_ways *ret);

/* ---- what is wrong, and what to do (cmd_probe_findings.c) */

struct probe_finding {
	const char *id, *severity, *confidence;
	char meaning[320];
	const char *platform;
	char remedy[320];
	char command[160]; /* empty: none */
};

#define PROBE_FINDINGS 8

size_t probe_findings(const struct probe_request *q, const struct probe_result *r,
		      const struct probe_ways *ways, struct probe_finding ret[static PROBE_FINDINGS]);

/* What to think of a state, as half a sentence; "" when there is nothing to add. */
void probe_state_text(const struct probe_result *r, enum probe_method method, char *ret, size_t size);

/* ---- output: both print all on standard output and return the exit status */

struct probe_told {
	const struct probe_result *result;
	const struct probe_peer *peer; /* NULL: not asked for */
	struct probe_ways ways;
	struct probe_finding findings[PROBE_FINDINGS];
	size_t count;
};

int probe_print_text(const struct probe_request *q, const struct probe_told *told);
int probe_print_json(const struct probe_request *q, const struct probe_told *told);

#endif

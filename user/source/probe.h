/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe.h - measures a path actively: its MTU, and which of ICMP, UDP 500, UDP 4500 and protocol 50 get through
 *
 * Every size is that of an IP packet, header included. Nothing here prints. probe_run() takes seconds and blocks; a program
 * with a loop of its own runs `espial probe --json` as a child.
 *
 * What is measured: echo is answered with as much as was sent, so it shows the smaller of the two directions; when it is sent in
 * fragments that fit, the way back alone. A padded IKE message is answered with a few bytes, so it shows the direction towards the
 * peer. The IKE message has a major version
 * that nobody speaks: RFC 7296 section 2.5 lets a responder answer INVALID_MAJOR_VERSION, and it keeps no state.
 */
#ifndef ESPIAL_SOURCE_PROBE_H
#define ESPIAL_SOURCE_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROBE_RATE_DEFAULT 50	   /* packets per second */
#define PROBE_PACKETS_DEFAULT 1500 /* in all */
#define PROBE_TIME_DEFAULT 30	   /* seconds */
#define PROBE_CONFIRM_DEFAULT 5	   /* packets of each of the two sizes */
#define PROBE_HOPS_DEFAULT 30
#define PROBE_RATE_MAX 1000
#define PROBE_PACKETS_MAX 60000 /* 16 bits tell them apart */
#define PROBE_TIME_MAX 600
#define PROBE_CONFIRM_MAX 100
#define PROBE_HOPS_MAX 64
/* The smallest probe: an IKE_SA_INIT with a proposal and a key share has to fit over IPv6. */
#define PROBE_SIZE_BASE 300
#define PROBE_SIZE_MIN 576
#define PROBE_SIZE_MAX 65535
#define PROBE_NOTES 8
#define PROBE_NOTE_SIZE 240

enum probe_method {
	PROBE_ECHO, /* ICMP or ICMPv6 echo */
	PROBE_IKE,  /* IKE on UDP 500 */
	PROBE_NATT, /* IKE on UDP 4500, behind the non-ESP marker */
	PROBE_ESP,  /* protocol 50: only an ICMP error can answer it */
	PROBE_METHODS,
};

struct probe_address {
	uint8_t family; /* 4, 6; 0: none */
	uint8_t bytes[16];
	uint32_t scope; /* of a link-local address: its interface */
};

#define PROBE_ADDRESS_SIZE 64
/* "" when there is none. */
const char *probe_address_text(const struct probe_address *a, char ret[static PROBE_ADDRESS_SIZE]);
bool probe_address_equal(const struct probe_address *a, const struct probe_address *b);

struct probe_progress {
	const char *what;	 /* what is being tried; valid during the call */
	uint64_t packets, bytes; /* sent */
};

struct probe_options {
	const char *peer;   /* name or address */
	const char *source; /* address; NULL: the kernel's choice */
	int family;	    /* 4, 6; 0: what the peer's name gives first */
	bool inside;	    /* through a tunnel: echo only, and IPsec policies apply to the packets */
	bool hops;
	bool unprivileged; /* do not even try raw sockets */
	unsigned int rate, packets, time, confirm, max_hops;
	unsigned int max_size; /* 0: the MTU of the interface */
	/* May be NULL. Called now and then; anything but 0 ends the run, which returns -ECANCELED. */
	int (*progress)(void *context, const struct probe_progress *progress);
	void *context;
};

enum probe_state {
	PROBE_UNTRIED,
	PROBE_ANSWERED,
	PROBE_CLOSED,	/* the target itself said: nobody listens */
	PROBE_REJECTED, /* a device on the way said no */
	PROBE_FILTERED, /* silence, while what should be treated alike was answered */
	PROBE_SILENT,	/* silence, which says nothing */
	PROBE_STATES,
};

struct probe_reach {
	enum probe_state state;
	unsigned int sent, answered; /* of all sizes that the path carries */
	uint32_t rtt_us;	     /* the shortest; 0: none */
	uint16_t source_port;	     /* UDP */
	bool old_form; /* IKE: answered an IKE_SA_INIT with an unacceptable proposal, not the unknown version */
	struct probe_address by; /* CLOSED, REJECTED: who said it */
	uint8_t type, code;	 /* and the ICMP message */
};

struct probe_count {
	unsigned int size, sent, passed;
};

/* The threshold of one method. */
struct probe_threshold {
	unsigned int mtu;      /* 0: not found */
	unsigned int at_least; /* the largest that passed, found or not; 0: none */
	unsigned int
		largest_answered; /* echo: be it in fragments, which came back; so large a packet got there */
	bool confirmed;		  /* the counts below bear it out */
	bool limited;		  /* nothing larger could be sent: the interface or max_size is the limit */
	bool told;		  /* a router told of it */
	bool by_answer; /* echo: the answer came back in fragments, so the limit is in the returning direction */
	struct probe_count below, above; /* fresh packets at the threshold and one byte above; size 0: none */
	struct probe_address reporter;	 /* of the smallest MTU told */
	unsigned int reported;		 /* what it told; 0: it gave no number */
	double loss; /* share of packets that the path carries by their size and that were not answered */
};

struct probe_step {
	enum probe_method method;
	unsigned int size, sent, passed;
	bool too_big; /* an ICMP error said so */
	uint32_t rtt_us;
};

#define PROBE_STEPS 160

/* -1: unknown. */
struct probe_fragments {
	int by_source; /* the sender's own fragments */
	int by_router; /* of packets without DF that are larger than the path MTU; IPv4 */
	unsigned int size, source_sent, source_passed, router_sent, router_passed;
};

struct probe_hop {
	struct probe_address address; /* family 0: silent */
	uint32_t rtt_us;
	unsigned int mtu; /* of the path up to here; 0: unknown */
	bool target;
};

struct probe_result {
	char name[256]; /* as it was asked for */
	struct probe_address target, source;
	char interface[16];
	unsigned int link_mtu; /* of the interface */
	bool raw;	       /* raw sockets were to be had */
	struct probe_reach reach[PROBE_METHODS];
	struct probe_threshold threshold[PROBE_ESP];
	struct probe_threshold way_back; /* by echo that was sent in fragments; mtu 0: not measured */
	enum probe_method measured_by;	 /* PROBE_METHODS: by none */
	unsigned int path_mtu;		 /* 0: unknown */
	bool forward;		 /* path_mtu is that of the way there; else the smaller of both ways */
	unsigned int return_mtu; /* 0: unknown */
	bool black_hole;	 /* too large packets vanish and nobody says so */
	int df_honoured;	 /* -1 unknown */
	struct probe_fragments fragments;
	struct probe_step steps[PROBE_STEPS];
	size_t step_count, steps_left_out;
	struct probe_hop hops[PROBE_HOPS_MAX];
	size_t hop_count;
	bool hops_complete; /* the target is the last one */
	unsigned int packets;
	uint64_t bytes, duration_ns;
	bool out_of_time, out_of_packets,
		slowed; /* slowed: answers were limited in number, so it went on slower */
	char notes[PROBE_NOTES][PROBE_NOTE_SIZE]; /* what could not be done, and the remedy */
	size_t note_count;
};

/*
 * 0, or -errno and one line in `error`: -EINVAL (an option out of range, a bad source), -ENOENT (the name does not resolve),
 * -ENETUNREACH (no route), -EPERM (no socket of any kind to be had), -ECANCELED, and what sockets return.
 */
int probe_run(const struct probe_options *options, struct probe_result *ret, char *error, size_t error_size);

/* ---- verdicts (probe_verdict.c): pure, from the counts to the words above. probe_run() calls it. */
void probe_judge(struct probe_result *r);
const char *probe_method_name(enum probe_method method);
const char *probe_state_name(enum probe_state state);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * timeline.h - one line of what happened: what the journal keeps, `espial events` streams and findings point to
 *
 * Plain data. Times are nanoseconds since the epoch; addresses 16 bytes, IPv4 as ::ffff:a.b.c.d, all zero unknown. `text` is
 * one sentence without the time, the tunnel and the peer, which are shown beside it; it may hold text from the network, and
 * is escaped where it is shown.
 */
#ifndef ESPIAL_MODEL_TIMELINE_H
#define ESPIAL_MODEL_TIMELINE_H

#include <stdbool.h>
#include <stdint.h>

#define TIMELINE_TUNNEL 128
#define TIMELINE_TEXT 240
#define TIMELINE_EVIDENCE 6

/* Stable names in timeline.def: they are in the journal, in JSON and in `espial journal --kind`. */
enum timeline_kind {
#define TIMELINE_KIND(symbol, name, help) TIMELINE_##symbol,
#include "model/timeline.def"
	TIMELINE_KINDS
};

enum timeline_severity {
	TIMELINE_INFO,
	TIMELINE_WARNING,
	TIMELINE_CRITICAL,
};

enum timeline_confidence {
	TIMELINE_POSSIBLE,
	TIMELINE_LIKELY,
	TIMELINE_CERTAIN,
};

enum timeline_origin {
	TIMELINE_FROM_WIRE,
	TIMELINE_FROM_KERNEL,
	TIMELINE_FROM_VICI,
	TIMELINE_FROM_LOG,
	TIMELINE_FROM_PROBE,
	TIMELINE_FROM_PEER,
	TIMELINE_FROM_SELF, /* the agent about itself */
	TIMELINE_FROM_COUNT
};

struct timeline_evidence {
	char what[64];
	char value[96];
	uint64_t at_ns; /* 0: no time */
	enum timeline_origin origin;
};

struct timeline_entry {
	uint64_t time_ns; /* when it happened, which may be before it could be told */
	enum timeline_kind kind;
	enum timeline_severity severity;
	enum timeline_confidence confidence;
	enum timeline_origin origin;
	char tunnel[TIMELINE_TUNNEL]; /* "" none known */
	uint8_t local[16], peer[16];
	uint16_t local_port, peer_port;	       /* 0: none */
	uint64_t initiator_spi, responder_spi; /* of the IKE SA; 0: none */
	uint32_t spi;			       /* of the ESP or AH SA; 0: none */
	uint8_t exchange, major;	       /* IKE exchange type and version; 0: not about one */
	uint32_t message_id;
	bool good;   /* an answered exchange: the last of these before a fall is the "last good exchange" */
	char id[40]; /* finding id, for FINDING_*; cause of a fall, for TUNNEL_DOWN; "" none */
	char text[TIMELINE_TEXT];
	struct timeline_evidence evidence[TIMELINE_EVIDENCE];
	uint32_t evidence_count;
};

const char *timeline_kind_name(enum timeline_kind kind);
const char *timeline_kind_help(enum timeline_kind kind);
const char *timeline_severity_name(enum timeline_severity severity);
const char *timeline_confidence_name(enum timeline_confidence confidence);
const char *timeline_origin_name(enum timeline_origin origin);
/* -1: no such name. */
int timeline_kind_find(const char *name);

/* Appends; what does not fit is left out. `format` makes the value. */
void timeline_evidence_add(struct timeline_entry *entry, enum timeline_origin origin, uint64_t at_ns,
			   const char *what, const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * finding.h - what is wrong, with its evidence and what to do: the result of every kind of diagnosis
 *
 * The same structure whatever the facts came from (wire, kernel, log, …). An engine adds a finding by its id, and
 * catalogue.def gives severity, sentences and remedies; the engine adds subject, times, evidence and the values that the
 * sentences leave room for:
 *
 *	f = findings_add(&list, FINDING_DPD_TIMEOUT);
 *	finding_peer(f, "203.0.113.7");
 *	finding_set(f, "retransmits", "%u", 5);
 *	finding_evidence(f, ORIGIN_WIRE, at_ns, "last answered exchange", "INFORMATIONAL 7");
 *	findings_finish(&list);
 *
 * Pure: no I/O, no clock. All strings are copied and owned by the list. Text may come from logs and the network: it is
 * kept as it came, and escaped where it is shown. Every function takes a NULL finding and then does nothing, so that memory
 * that ran out is checked once, by findings_finish().
 */
#ifndef ESPIAL_DIAGNOSE_FINDING_H
#define ESPIAL_DIAGNOSE_FINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* FINDING_IKE_NO_RESPONSE …: the rows of catalogue.def, in the order of symptoms A to E */
enum finding_id {
#define FINDING(id, ...) FINDING_##id,
#include "diagnose/catalogue.def"
#undef FINDING
	FINDING_COUNT
};

enum finding_severity { SEVERITY_INFO, SEVERITY_WARNING, SEVERITY_CRITICAL, SEVERITIES };
enum finding_confidence { CONFIDENCE_POSSIBLE, CONFIDENCE_LIKELY, CONFIDENCE_CERTAIN, CONFIDENCES };
enum finding_origin {
	ORIGIN_WIRE,
	ORIGIN_KERNEL,
	ORIGIN_VICI,
	ORIGIN_LOG,
	ORIGIN_PROBE,
	ORIGIN_PEER,
	ORIGINS
};
enum finding_platform {
	PLATFORM_LINUX,
	PLATFORM_STRONGSWAN,
	PLATFORM_CISCO,
	PLATFORM_HUAWEI,
	PLATFORM_ISP,
	PLATFORMS
};
/* The first question of every case: which of the three is it? NONE: the tunnel stands, or it is not about a tunnel. */
enum finding_shape { SHAPE_NONE, SHAPE_NEVER_UP, SHAPE_FLAP, SHAPE_STAYS_DOWN, SHAPES };

struct finding_evidence {
	char *what;	 /* "retransmit of request 7", "XfrmInStateSeqError" */
	char *text;	 /* the value as text: a log line, a transform. NULL: see `number` */
	uint64_t number; /* else this, unless there is no value */
	bool has_number;
	uint64_t at_ns; /* since the epoch; 0: not at one moment, or it has no date */
	enum finding_origin origin;
};

struct finding_remedy {
	enum finding_platform platform;
	char *text;
	char *command; /* NULL: none. Safe to paste: values that a shell could misread are left out */
};

#define FINDING_VALUES 16
#define FINDING_EXPLAINS 8

struct finding {
	enum finding_id id;
	enum finding_severity severity; /* the catalogue's, unless the engine knows better */
	enum finding_confidence confidence;
	enum finding_shape shape;
	/* subject; NULL and has_spi false: it is not about one */
	char *tunnel, *peer, *interface;
	uint32_t spi;
	bool has_spi;
	uint64_t since_ns, until_ns; /* since the epoch; since 0: unknown; until 0: it still is so */
	uint64_t last_good_ns; /* the last good exchange, and what it was; 0 and NULL: none, or not seen */
	char *last_good;
	/* made by findings_finish(), unless set before */
	char *meaning; /* one sentence */
	char *action;  /* what to do, in a few words, imperative */
	struct finding_evidence *evidence;
	size_t evidence_count, evidence_room;
	struct finding_remedy *remedies; /* the catalogue's, in the order in which to try them */
	size_t remedy_count;
	unsigned int unfit; /* bit by platform: its remedies do not apply, and are left out */
	/* consequences that this cause explains, and which are therefore no findings of their own */
	enum finding_id explains[FINDING_EXPLAINS];
	size_t explains_count;

	struct finding_value {
		const char *key;
		char *value;
	} values[FINDING_VALUES];
	size_t value_count;
	struct findings *list;
};

struct findings {
	struct finding **list; /* pointers, so that findings stay where they are */
	size_t count, room;
	bool failed; /* out of memory: something is missing */
};

/* A new finding with the catalogue's severity, confidence certain; NULL when there is no memory. */
struct finding *findings_add(struct findings *list, enum finding_id id);
/* The first of this id with this peer (NULL: any peer, "": those without), or NULL. */
struct finding *findings_find(const struct findings *list, enum finding_id id, const char *peer);
/* Takes it out of the list and frees it. */
void findings_remove(struct findings *list, struct finding *f);
/* Expands sentences and remedies, and brings all into order: severe first, causes before symptoms. 0 or -ENOMEM. */
int findings_finish(struct findings *list);
void findings_free(struct findings *list); /* and zeroes it */

/* ---- what an engine says of one. Text is copied; NULL or "" clears. */

void finding_tunnel(struct finding *f, const char *tunnel);
void finding_peer(struct finding *f, const char *peer); /* address */
void finding_interface(struct finding *f, const char *interface);
void finding_spi(struct finding *f, uint32_t spi);
void finding_last_good(struct finding *f, uint64_t at_ns, const char *what);
/*
 * A value for the {key|default} of the catalogue's sentences. `key` is a literal. The keys peer, tunnel, interface and spi
 * come from the subject and need not be set. Which keys a finding knows stands in its row.
 */
void finding_set(struct finding *f, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Instead of the catalogue's sentence; better only where a value cannot say it. */
void finding_say(struct finding *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same of what to do. */
void finding_do(struct finding *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* None of these can help here. Before findings_finish(). */
void finding_spare(struct finding *f, enum finding_platform platform);
void finding_evidence(struct finding *f, enum finding_origin origin, uint64_t at_ns, const char *what,
		      const char *text);
void finding_evidence_number(struct finding *f, enum finding_origin origin, uint64_t at_ns, const char *what,
			     uint64_t number);
/* `f` is the cause of such a finding. Once each; more than FINDING_EXPLAINS are not listed. */
void finding_explains(struct finding *f, enum finding_id consequence);

/* ---- names, as in the JSON */

const char *finding_severity_name(enum finding_severity severity);
const char *finding_confidence_name(enum finding_confidence confidence);
const char *finding_origin_name(enum finding_origin origin);
const char *finding_platform_name(enum finding_platform platform);
const char *finding_shape_name(enum finding_shape shape); /* NULL for SHAPE_NONE */

#endif

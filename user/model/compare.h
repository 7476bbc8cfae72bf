/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * compare.h - two ends of the same SAs: how many packets one sent and the other did not get, and where they were lost
 *
 * Pure. By sequence numbers alone, so that two readings need not be taken at the same moment: what is compared is the range of
 * numbers that the receiver has seen, and all of them were given out by the sender before. What the sender sent beyond the
 * receiver's highest number may be on its way, and what it sent before the receiver watched is unknown: neither counts as lost. Each SA is
 * compared by itself, so that a rekeying is no loss.
 */
#ifndef ESPIAL_MODEL_COMPARE_H
#define ESPIAL_MODEL_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COMPARE_ADDRESS 46

enum compare_direction { COMPARE_UNKNOWN, COMPARE_IN, COMPARE_OUT };

struct compare_sa {
	const char *tunnel; /* its name at that end; NULL: none */
	char source[COMPARE_ADDRESS], destination[COMPARE_ADDRESS];
	enum compare_direction direction;
	uint32_t spi;
	uint8_t protocol;
	uint64_t first_ns; /* of its first packet there, since the epoch */
	uint64_t first, highest, received, lost, pending, too_old, restarts;
};

struct compare_end {
	const struct compare_sa *sas;
	size_t count;
	uint64_t since_ns; /* it watches at least since then; 0: unknown */
};

enum compare_verdict {
	COMPARE_EXACT,
	COMPARE_BETWEEN,   /* lost_least to lost_most */
	COMPARE_NOTHING,   /* nothing arrived of what was sent */
	COMPARE_RESTARTED, /* the numbers began anew: cannot be compared */
	COMPARE_VERDICTS
};

struct compare_flow {			     /* one SA */
	const struct compare_sa *sent, *got; /* got: NULL with COMPARE_NOTHING */
	bool from_a;
	bool by_spi;   /* the destinations differ: a NAT between */
	bool inferred; /* neither end says its direction: sent where more was seen */
	enum compare_verdict verdict;
	uint64_t from, to; /* the numbers that are compared */
	uint64_t arrived;
	uint64_t lost_least, lost_most; /* between the ends; the same when exact */
	uint64_t
		dropped; /* numbers in the whole of the sender's range that never left: lost before the wire */
	uint64_t pending;   /* of the lost: so late that they may still come */
	uint64_t beyond;    /* sent after the receiver's highest: on the way, or after its reading */
	uint64_t unwatched; /* sent before the receiver watched */
};

struct compare {
	struct compare_flow *flows; /* the worst first */
	size_t count;
	size_t only_a, only_b; /* SAs that the other end does not have */
	size_t same_side;      /* of these: it has them too, in the same direction */
};

/* 0 or -ENOMEM. The ends must outlive it. */
int compare_ends(const struct compare_end *a, const struct compare_end *b, struct compare *ret);
void compare_free(struct compare *c);

/* "exact", "between", "nothing-arrived", "restarted" */
const char *compare_verdict_name(enum compare_verdict verdict);

#endif

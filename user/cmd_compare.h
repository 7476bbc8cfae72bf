/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmd_compare.h - espial compare: what its two files share */
#ifndef ESPIAL_CMD_COMPARE_H
#define ESPIAL_CMD_COMPARE_H

#include <stdbool.h>

#include <jansson.h>

#include "model/compare.h"

/* The SAs of one tunnel in one direction; a tunnel is what the sender calls so. */
struct compare_sum {
	const char *tunnel;		 /* NULL: known by its addresses only, those of `flow` */
	const struct compare_flow *flow; /* one of them */
	size_t sas;
	uint64_t sent, arrived, lost_least, lost_most, dropped, pending, beyond, unwatched;
	uint64_t lost_surely; /* of lost_least: without those that may still come */
	size_t silent, restarted,
		by_spi; /* SAs: of which nothing arrived, that began anew, that a NAT lies before */
};

struct compare_sums {
	struct compare_sum *list; /* the worst first */
	size_t count;
};

/* 0 or -ENOMEM */
int compare_sum_up(const struct compare *c, struct compare_sums *ret);
/* `names`: of A and B. */
json_t *compare_document(const struct compare *c, const struct compare_sums *sums,
			 const char *const names[2]);
int compare_print(const struct compare *c, const struct compare_sums *sums, const char *const names[2],
		  bool each_sa);

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
/* probe_verdict.c - from what was counted to what can be said. Pure. */
#include "source/probe.h"

#include <stddef.h>

const char *probe_method_name(enum probe_method method)
{
	static const char *const names[PROBE_METHODS] = {
		[PROBE_ECHO] = "icmp", [PROBE_IKE] = "udp500", [PROBE_NATT] = "udp4500", [PROBE_ESP] = "esp"};

	return method < PROBE_METHODS ? names[method] : "none";
}

const char *probe_state_name(enum probe_state state)
{
	static const char *const names[PROBE_STATES] = {
		[PROBE_UNTRIED] = "untried",   [PROBE_ANSWERED] = "answered", [PROBE_CLOSED] = "closed",
		[PROBE_REJECTED] = "rejected", [PROBE_FILTERED] = "filtered", [PROBE_SILENT] = "silent"};

	return names[state];
}

static bool answered(const struct probe_result *r, enum probe_method method)
{
	return r->reach[method].state == PROBE_ANSWERED;
}

/*
 * Silence is evidence only beside an answer that should have come just as well: the two IKE ports, which one daemon serves; and
 * echo, when the host is there. Silence of IKE says nothing: a responder may ignore strangers. Silence of protocol 50 neither:
 * that is how an SPI is received that nobody knows.
 */
static void judge_silence(struct probe_result *r)
{
	bool ike = answered(r, PROBE_IKE), natt = answered(r, PROBE_NATT);

	if (r->reach[PROBE_IKE].state == PROBE_SILENT && natt)
		r->reach[PROBE_IKE].state = PROBE_FILTERED;
	if (r->reach[PROBE_NATT].state == PROBE_SILENT && ike)
		r->reach[PROBE_NATT].state = PROBE_FILTERED;
	if (r->reach[PROBE_ECHO].state == PROBE_SILENT && (ike || natt))
		r->reach[PROBE_ECHO].state = PROBE_FILTERED;
}

/* The forward direction by IKE, the smaller where 500 and 4500 differ; else echo, then a port that is closed. */
static void judge_mtu(struct probe_result *r)
{
	static const enum probe_method order[] = {PROBE_NATT, PROBE_IKE, PROBE_ECHO};
	const struct probe_threshold *t;
	size_t i, pass;

	r->measured_by = PROBE_METHODS;
	for (pass = 0; pass < 2 && !r->path_mtu; pass++)
		for (i = 0; i < 3; i++) {
			t = &r->threshold[order[i]];
			if (!t->mtu || (order[i] == PROBE_ECHO && r->path_mtu) ||
			    (!pass && !answered(r, order[i])))
				continue;
			if (!r->path_mtu || t->mtu < r->path_mtu) {
				r->path_mtu = t->mtu;
				r->measured_by = order[i];
			}
		}
}

/*
 * Echo is the smaller of the two: below the forward direction, it is that of the way back. Not below, only echo that got there in
 * fragments shows how much wider that may be.
 */
static void judge_return(struct probe_result *r)
{
	const struct probe_threshold *echo = &r->threshold[PROBE_ECHO];

	if (r->way_back.mtu) {
		r->return_mtu = r->way_back.mtu;
		r->forward |= r->way_back.mtu > r->path_mtu;
	} else if (r->measured_by == PROBE_ECHO) {
		/* Then nothing tells the directions apart, except that the answer came in fragments */
		r->return_mtu = echo->by_answer || echo->limited ? echo->mtu : 0;
	} else if (echo->mtu && echo->mtu < r->path_mtu) {
		r->return_mtu = echo->mtu;
	} else if (echo->mtu && r->threshold[r->measured_by].limited) {
		r->return_mtu = echo->mtu;
	}
}

void probe_judge(struct probe_result *r)
{
	const struct probe_threshold *t;

	r->path_mtu = r->return_mtu = 0;
	r->forward = false;
	r->black_hole = false;
	r->df_honoured = -1;
	judge_silence(r);
	judge_mtu(r);
	if (r->measured_by == PROBE_METHODS)
		return;
	r->forward = r->measured_by != PROBE_ECHO;
	judge_return(r);
	t = &r->threshold[r->measured_by];
	if (t->limited)
		return;
	/* Something was too large, with DF: it was dropped, with or without a word. Cut answers are no matter of DF. */
	if (t->above.sent && !t->above.passed && !t->by_answer) {
		r->df_honoured = 1;
		r->black_hole = !t->told;
	}
}

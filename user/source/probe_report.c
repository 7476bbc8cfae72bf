// SPDX-License-Identifier: GPL-2.0-or-later
/* probe_report.c - what a probe found, out of its searches */
#include "source/probe_run.h"

#include <stdarg.h>
#include <stdio.h>

void probe_note(struct probe_result *r, const char *format, ...)
{
	va_list args;

	if (r->note_count == PROBE_NOTES)
		return;
	va_start(args, format);
	vsnprintf(r->notes[r->note_count++], PROBE_NOTE_SIZE, format, args);
	va_end(args);
}

static void report_reach(const struct probe_course *run, enum probe_method method, struct probe_result *r)
{
	const struct probe_task *t = &run->main[method];
	const struct probe_search *s = &t->search;
	struct probe_reach *reach = &r->reach[method];
	bool from_target = t->refused && probe_address_equal(&t->refusal.from, &r->target);

	if (!run->wanted[method] || t->unsupported)
		return;
	*reach = (struct probe_reach){.sent = s->known_passed + s->known_lost,
				      .answered = s->known_passed,
				      .rtt_us = t->rtt_us,
				      .old_form = t->old_form && s->low,
				      .source_port = method == PROBE_IKE || method == PROBE_NATT
							     ? run->engine.link.key.port[method]
							     : 0};
	if (!s->low)
		reach->sent = s->count ? s->sizes[0].sent : 0;
	if (t->refused) {
		reach->by = t->refusal.from;
		reach->type = t->refusal.type;
		reach->code = t->refusal.code;
	}
	if (t->refused && from_target && t->refusal.kind == PROBE_EVENT_CLOSED)
		reach->state = PROBE_CLOSED;
	else if (s->low)
		reach->state = PROBE_ANSWERED;
	else if (t->refused || t->send_refused)
		reach->state = PROBE_REJECTED;
	else
		reach->state = reach->sent ? PROBE_SILENT : PROBE_UNTRIED;
	if (t->send_refused)
		probe_note(r, "this host's own packet filter drops %s", t->what);
}

static void report_threshold(const struct probe_task *t, unsigned int link_limit, struct probe_threshold *ret)
{
	const struct probe_search *s = &t->search;

	*ret = (struct probe_threshold){.told = t->told,
					.reporter = t->reporter,
					.reported = t->reported,
					.by_answer = t->answer_fragmented,
					.at_least = s->low,
					.largest_answered = t->largest_answered,
					.loss = s->known_lost + s->known_passed
							? (double)s->known_lost /
								  (s->known_lost + s->known_passed)
							: 0};
	if (!probe_search_found(s))
		return;
	ret->mtu = s->low;
	ret->limited = s->low == s->limit && s->limit == link_limit;
	ret->below = (struct probe_count){s->low, s->below.sent, s->below.passed};
	if (s->above.sent)
		ret->above = (struct probe_count){s->high, s->above.sent, s->above.passed};
	ret->confirmed =
		s->phase == PROBE_SEARCH_DONE && ret->below.passed && !ret->above.passed &&
		(ret->limited || !ret->above.sent ||
		 probe_search_doubt(ret->below.sent, ret->below.passed, ret->above.sent) <= s->doubt);
}

/* Unless something came back that was larger than what got there in one piece, fragments do not get there, and nothing is known. */
static void report_way_back(const struct probe_task *t, unsigned int link_limit, struct probe_threshold *ret)
{
	if (t->largest_answered > t->search.base)
		report_threshold(t, link_limit, ret);
}

static void report_steps(const struct probe_course *run, struct probe_result *r)
{
	enum probe_method method;
	size_t i, k;

	for (method = PROBE_ECHO; method < PROBE_ESP; method++) {
		const struct probe_task *t = &run->main[method];

		for (i = 0; i < t->search.count; i++) {
			const struct probe_size *s = &t->search.sizes[i];
			struct probe_step *step = &r->steps[r->step_count];

			if (!s->sent)
				continue;
			if (r->step_count == PROBE_STEPS) {
				r->steps_left_out++;
				continue;
			}
			r->step_count++;
			*step = (struct probe_step){.method = method,
						    .size = s->size,
						    .sent = s->sent,
						    .passed = s->passed,
						    .too_big = !s->passed && s->too_big};
			for (k = 0; k < t->rtt_count; k++)
				if (t->rtts[k].size == s->size)
					step->rtt_us = t->rtts[k].rtt_us;
		}
	}
}

static int fragment_verdict(const struct probe_task *t, unsigned int *ret_sent, unsigned int *ret_passed)
{
	const struct probe_search *s = &t->search;
	size_t i;

	for (i = 0; i < s->count; i++)
		if (s->sizes[i].size == s->limit) {
			*ret_sent = s->sizes[i].sent;
			*ret_passed = s->sizes[i].passed;
		}
	if (!s->low || t->unsupported || s->phase != PROBE_SEARCH_DONE)
		return -1;
	return s->low == s->limit;
}

void probe_report(struct probe_course *run, const struct probe_options *o, struct probe_result *r)
{
	struct probe_engine *e = &run->engine;
	unsigned int limit = o->max_size && o->max_size < r->link_mtu ? o->max_size : r->link_mtu;
	struct probe_fragments *f = &r->fragments;
	enum probe_method method;

	for (method = PROBE_ECHO; method < PROBE_METHODS; method++) {
		report_reach(run, method, r);
		if (method < PROBE_ESP)
			report_threshold(&run->main[method], limit, &r->threshold[method]);
	}
	if (run->way_back.what)
		report_way_back(&run->way_back, limit, &r->way_back);
	f->by_source = run->by_source.what
			       ? fragment_verdict(&run->by_source, &f->source_sent, &f->source_passed)
			       : -1;
	f->by_router = run->by_router.no_df
			       ? fragment_verdict(&run->by_router, &f->router_sent, &f->router_passed)
			       : -1;
	f->size = run->by_source.what ? run->by_source.search.limit : 0;
	r->step_count = 0;
	report_steps(run, r);
	r->slowed = e->slowed;
	r->out_of_time = e->out_of_time;
	r->out_of_packets = e->out_of_packets;
	r->packets = e->count;
	r->bytes = e->link.sent_bytes;
	r->duration_ns = probe_now_ns() - e->started_ns;
}

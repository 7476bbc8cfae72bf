// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/probe_engine.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define NS 1000000000ULL
#define MS 1000000ULL
#define TIMEOUT_FIRST (1000 * MS) /* before any answer: RFC 6298 2.1 */
#define TIMEOUT_MIN (300 * MS)
#define TIMEOUT_MAX (2000 * MS)
#define SLOWEST (250 * MS) /* between packets */
#define SLOW_AFTER 10	   /* outcomes, before the rate is judged anew */
#define SLOW_LOSS 0.65
#define TTL 64

int probe_engine_begin(struct probe_engine *e, const struct probe_options *options)
{
	e->options = options;
	e->attempts = calloc(options->packets, sizeof(*e->attempts));
	if (!e->attempts)
		return -ENOMEM;
	e->started_ns = probe_now_ns();
	e->ends_ns = e->started_ns + options->time * NS;
	e->next_send_ns = e->started_ns;
	e->interval_ns = NS / options->rate;
	return 0;
}

void probe_engine_end(struct probe_engine *e)
{
	free(e->attempts);
	e->attempts = NULL;
}

static uint64_t timeout(const struct probe_engine *e)
{
	double ns = e->srtt_ns + 4 * e->rttvar_ns + 2e8;

	if (e->srtt_ns == 0)
		return TIMEOUT_FIRST;
	return ns < TIMEOUT_MIN ? TIMEOUT_MIN : ns > TIMEOUT_MAX ? TIMEOUT_MAX : (uint64_t)ns;
}

static void learn_rtt(struct probe_engine *e, struct probe_task *t, unsigned int size, uint64_t ns)
{
	uint32_t us = (uint32_t)(ns / 1000) + (ns < 1000);
	double difference;
	size_t i;

	if (e->srtt_ns == 0) {
		e->srtt_ns = (double)ns;
		e->rttvar_ns = (double)ns / 2;
	} else {
		difference = e->srtt_ns > (double)ns ? e->srtt_ns - (double)ns : (double)ns - e->srtt_ns;
		e->rttvar_ns += (difference - e->rttvar_ns) / 4;
		e->srtt_ns += ((double)ns - e->srtt_ns) / 8;
	}
	if (!t->rtt_us || us < t->rtt_us)
		t->rtt_us = us;
	for (i = 0; i < t->rtt_count && t->rtts[i].size != size; i++)
		;
	if (i == t->rtt_count && i < PROBE_SEARCH_SIZES)
		t->rtts[t->rtt_count++] = (struct probe_size_rtt){size, us};
	else if (i < t->rtt_count && us < t->rtts[i].rtt_us)
		t->rtts[i].rtt_us = us;
}

/* When most of what should be answered is not, it may be a limit on answers: ask slower. */
static void adapt_rate(struct probe_engine *e, const struct probe_task *t)
{
	if (++e->outcomes < SLOW_AFTER || t->search.phase == PROBE_SEARCH_BASE ||
	    probe_search_loss(&t->search) < SLOW_LOSS || e->interval_ns >= SLOWEST)
		return;
	e->interval_ns = e->interval_ns * 2 > SLOWEST ? SLOWEST : e->interval_ns * 2;
	e->slowed = true;
	e->outcomes = 0;
}

/* ---- events */

static void on_answer(struct probe_engine *e, struct probe_attempt *a, const struct probe_event *event)
{
	struct probe_task *t = a->task;
	bool late = a->lost;

	learn_rtt(e, t, a->size, event->at_ns > a->sent_ns ? event->at_ns - a->sent_ns : 1);
	a->task = NULL;
	if (a->size > t->largest_answered)
		t->largest_answered = a->size;
	/* The answer was cut on its way back. When it comes in pieces anyway (fragment tests) that is no matter */
	if (event->kind == PROBE_EVENT_ANSWER && event->fragment && !t->no_df && !t->fragment &&
	    t->method == PROBE_ECHO) {
		t->answer_fragmented = true;
		if (!late)
			probe_search_too_big(&t->search, a->size, a->role, event->fragment);
		return;
	}
	if (late)
		probe_search_late(&t->search, a->size, a->role);
	else
		probe_search_passed(&t->search, a->size, a->role);
}

static void on_too_big(struct probe_attempt *a, const struct probe_event *event)
{
	struct probe_task *t = a->task;

	/* Of several routers the one that allows least */
	if (!t->told || (event->mtu && (!t->reported || event->mtu < t->reported))) {
		t->reporter = event->from;
		t->reported = event->mtu;
	}
	t->told = true;
	a->task = NULL;
	if (!a->lost)
		probe_search_too_big(&t->search, a->size, a->role, event->mtu);
}

static void on_event(struct probe_engine *e, const struct probe_event *event)
{
	bool from_target = probe_address_equal(&event->from, &e->link.key.target);
	struct probe_attempt *a;
	struct probe_task *t;

	if (!event->token || event->token > e->count)
		return;
	a = &e->attempts[event->token - 1];
	t = a->task;
	if (!t || t->method != event->method)
		return; /* answered already: a duplicate */
	switch (event->kind) {
	case PROBE_EVENT_ANSWER:
		t->target_answered = true;
		on_answer(e, a, event);
		break;
	case PROBE_EVENT_TOO_BIG:
		on_too_big(a, event);
		break;
	case PROBE_EVENT_EXPIRED:
		if (!t->hop)
			break;
		t->router = event->from;
		on_answer(e, a, event);
		break;
	case PROBE_EVENT_CLOSED:
	case PROBE_EVENT_PROHIBITED:
	case PROBE_EVENT_UNREACHABLE:
		t->refused = true;
		t->refusal = *event;
		/* It got there, which is what counts for its size */
		if (event->kind == PROBE_EVENT_CLOSED && from_target) {
			t->target_answered = true;
			on_answer(e, a, event);
		}
		break;
	}
	if (a->task == NULL)
		adapt_rate(e, t);
}

static void expire(struct probe_engine *e, uint64_t now)
{
	unsigned int i;

	for (i = e->first_open; i < e->count; i++) {
		struct probe_attempt *a = &e->attempts[i];

		if (a->task && !a->lost && a->deadline_ns <= now) {
			a->lost = true;
			probe_search_lost(&a->task->search, a->size, a->role);
			adapt_rate(e, a->task);
		}
	}
	while (e->first_open < e->count &&
	       (!e->attempts[e->first_open].task || e->attempts[e->first_open].lost))
		e->first_open++;
}

/* ---- sending */

static int transmit(struct probe_engine *e, const struct probe_packet *packet)
{
	struct pollfd ready = {.fd = e->link.raw ? e->link.raw_fd : e->link.fd[packet->method],
			       .events = POLLOUT};
	int err, tries;

	for (tries = 0; tries < 10; tries++) {
		err = probe_link_send(&e->link, packet);
		if (err != -EAGAIN)
			return err;
		(void)poll(&ready, 1, 20);
	}
	return err;
}

static int send_one(struct probe_engine *e, struct probe_task *t, unsigned int size,
		    enum probe_search_role role)
{
	struct probe_attempt *a = &e->attempts[e->count++];
	struct probe_packet packet = {
		.method = t->method,
		.token = (uint16_t)e->count,
		.size = size,
		.ttl = t->ttl ? t->ttl : TTL,
		.df = !t->no_df || size <= t->search.base,
		.fragment = size > t->search.base ? t->fragment : 0,
		.old_form = t->old_form,
	};
	int err;

	if (packet.fragment && packet.fragment < size)
		packet.df = false;
	*a = (struct probe_attempt){.task = t, .size = size, .role = role, .sent_ns = probe_now_ns()};
	a->deadline_ns = a->sent_ns + timeout(e);
	err = transmit(e, &packet);
	switch (err) {
	case 0:
	case -EAGAIN: /* the queue of the interface is full all the time: as good as lost */
	case -ECONNREFUSED:
	case -EHOSTUNREACH:
	case -ENETUNREACH:
		return 0;
	case -EMSGSIZE:
		a->task = NULL;
		probe_search_too_big(&t->search, size, role, 0);
		return 0;
	case -EPERM: /* netfilter of this host dropped it */
	case -EACCES:
		t->send_refused = true;
		return 0;
	case -EOPNOTSUPP:
		a->task = NULL;
		t->unsupported = true;
		t->search.phase = PROBE_SEARCH_DONE;
		return 0;
	default:
		return err;
	}
}

/* The next of the tasks, in turn, that has something to send. 1: sent; 0: none has; -errno. */
static int send_next(struct probe_engine *e, struct probe_task *const *tasks, size_t count, size_t *turn,
		     enum probe_search_phase phase)
{
	enum probe_search_role role;
	size_t i;
	unsigned int size;

	for (i = 0; i < count; i++) {
		struct probe_task *t = tasks[(*turn + i) % count];

		if (t->search.phase >= phase)
			continue;
		size = probe_search_next(&t->search, &role);
		if (!size)
			continue;
		*turn = (*turn + i + 1) % count;
		return send_one(e, t, size, role) ?: 1;
	}
	return 0;
}

static void wait_for_news(const struct probe_engine *e, uint64_t until)
{
	struct pollfd fds[PROBE_METHODS];
	struct timespec pause;
	uint64_t now = probe_now_ns(), ns = until > now ? until - now : 0;
	nfds_t count = 0;
	size_t i;

	for (i = 0; i < PROBE_METHODS; i++)
		if (e->link.fd[i] >= 0)
			fds[count++] = (struct pollfd){.fd = e->link.fd[i], .events = POLLIN};
	pause = (struct timespec){.tv_sec = (time_t)(ns / NS), .tv_nsec = (long)(ns % NS)};
	(void)ppoll(fds, count, &pause, NULL);
}

static uint64_t earliest_deadline(const struct probe_engine *e, uint64_t latest)
{
	unsigned int i;

	for (i = e->first_open; i < e->count; i++)
		if (e->attempts[i].task && !e->attempts[i].lost && e->attempts[i].deadline_ns < latest)
			latest = e->attempts[i].deadline_ns;
	return latest;
}

static bool all_at(struct probe_task *const *tasks, size_t count, enum probe_search_phase phase)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (tasks[i]->search.phase < phase)
			return false;
	return true;
}

static int over(struct probe_engine *e, uint64_t now, const struct probe_task *t)
{
	char what[80];
	struct probe_progress progress = {.what = what, .packets = e->count, .bytes = e->link.sent_bytes};

	if (t->search.phase == PROBE_SEARCH_BRACKET && !t->hop && !t->search.single)
		snprintf(what, sizeof(what), "%s, %u-%u", t->what, t->search.low, t->search.high - 1);
	else
		snprintf(what, sizeof(what), "%s", t->what);

	if (e->canceled)
		return -ECANCELED;
	if (e->options->progress && e->options->progress(e->options->context, &progress)) {
		e->canceled = true;
		return -ECANCELED;
	}
	if (now >= e->ends_ns) {
		e->out_of_time = true;
		return -ETIME;
	}
	return 0;
}

int probe_engine_run(struct probe_engine *e, struct probe_task *const *tasks, size_t count,
		     enum probe_search_phase phase)
{
	struct probe_event event;
	uint64_t now, wake;
	size_t turn = 0;
	int err;

	for (;;) {
		/* What came is heard before anything is given up: this process may have slept */
		while (probe_link_receive(&e->link, &event) > 0)
			on_event(e, &event);
		now = probe_now_ns();
		expire(e, now);
		if (all_at(tasks, count, phase))
			return 0;
		err = over(e, now, tasks[turn % count]);
		if (err)
			return err;
		wake = now + 100 * MS;
		if (now >= e->next_send_ns) {
			if (e->count >= e->options->packets) {
				e->out_of_packets = true;
				return -ENOSPC;
			}
			err = send_next(e, tasks, count, &turn, phase);
			if (err < 0)
				return err;
			if (err) {
				e->next_send_ns = now + e->interval_ns;
				wake = e->next_send_ns;
			} else if (all_at(tasks, count, phase)) {
				return 0;
			}
		} else {
			wake = e->next_send_ns;
		}
		wait_for_news(e, earliest_deadline(e, wake));
	}
}

void probe_engine_forget(struct probe_engine *e, const struct probe_task *tasks, size_t count)
{
	unsigned int i;

	for (i = 0; i < e->count; i++)
		if (e->attempts[i].task >= tasks && e->attempts[i].task < tasks + count)
			e->attempts[i].task = NULL;
}

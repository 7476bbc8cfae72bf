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
#define SLOW_AFTER 8	   /* outcomes, before the pace is judged anew */
#define SLOW_LOSS 0.65
#define SLOWED_LOSS 0.3 /* once it is known that there is a limit */
#define SLOW_SHARE                                                                                           \
	0.6 /* of packets that should be answered, among all: those above the threshold take no answer */
#define DAEMON_WINDOW 3 /* packets that an IKE daemon should answer, on their way at the same time */
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
	for (size_t i = 0; i < PROBE_ANSWERERS; i++)
		e->pace[i].interval_ns = e->interval_ns;
	return 0;
}

static enum probe_answerer answerer(const struct probe_task *t)
{
	return t->hop || t->method == PROBE_ESP ? PROBE_BY_ROUTER
	       : t->method == PROBE_ECHO	? PROBE_BY_HOST
						: PROBE_BY_DAEMON;
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

/* What was asked too fast says nothing: all that this answerer was asked and did not answer is forgotten. */
static void begin_slower(struct probe_engine *e, enum probe_answerer by)
{
	for (unsigned int i = 0; i < e->count; i++) {
		struct probe_task *t = e->attempts[i].task;

		if (!t || answerer(t) != by || t->search.phase == PROBE_SEARCH_DONE)
			continue;
		e->attempts[i].task = NULL;
		probe_search_slower(&t->search);
	}
}

/* When most of what should be answered is not, it may be a limit on answers: ask as often as it was answered of late. */
static void adapt_pace(struct probe_engine *e, struct probe_task *t, bool answered)
{
	enum probe_answerer by = answerer(t);
	struct probe_pace *p = &e->pace[by];
	uint64_t now = probe_now_ns(), ns;
	double limit = p->slowed ? SLOWED_LOSS : SLOW_LOSS;

	p->answered += answered;
	if (++p->outcomes < SLOW_AFTER || t->search.phase == PROBE_SEARCH_BASE ||
	    t->search.phase == PROBE_SEARCH_DONE || probe_search_loss(&t->search) < limit ||
	    p->interval_ns >= SLOWEST)
		return;
	ns = p->answered ? (uint64_t)((double)(now - p->since_ns) / p->answered * SLOW_SHARE) : SLOWEST;
	ns = ns < 2 * p->interval_ns ? 2 * p->interval_ns : ns;
	*p = (struct probe_pace){.interval_ns = ns > SLOWEST ? SLOWEST : ns, .slowed = true};
	p->next_ns = now + p->interval_ns;
	e->slowed = true;
	probe_search_slower(&t->search);
	begin_slower(e, by);
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
	if (event->kind == PROBE_EVENT_ANSWER && event->fragment &&
	    ((!t->no_df && !t->fragment) || t->way_back) && t->method == PROBE_ECHO) {
		t->answer_fragmented = true;
		if (late)
			return;
		probe_search_too_big(&t->search, a->size, a->role, event->fragment);
		/* All fragments but the last carry a multiple of 8: up to 7 bytes more may fit */
		if (t->way_back)
			probe_search_hint(&t->search, event->fragment + 7);
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
		adapt_pace(e, t, true);
}

static void expire(struct probe_engine *e, uint64_t now)
{
	unsigned int i;

	for (i = e->first_open; i < e->count; i++) {
		struct probe_attempt *a = &e->attempts[i];

		if (a->task && !a->lost && a->deadline_ns <= now) {
			a->lost = true;
			probe_search_lost(&a->task->search, a->size, a->role);
			adapt_pace(e, a->task, false);
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

/* May this one be asked now, as far as its pace and what it was asked already go? */
static bool may_send(const struct probe_engine *e, const struct probe_task *t, uint64_t now)
{
	enum probe_answerer by = answerer(t);
	unsigned int asked = 0, i;

	if (now < e->pace[by].next_ns || now < t->next_ns)
		return false;
	for (i = e->first_open; i < e->count && by == PROBE_BY_DAEMON; i++) {
		const struct probe_attempt *a = &e->attempts[i];

		asked += a->task && !a->lost && answerer(a->task) == by && a->size <= a->task->search.low;
	}
	return asked < DAEMON_WINDOW;
}

/* The next of the tasks, in turn, that has something to send. 1: sent; 0: none has; -errno. */
static int send_next(struct probe_engine *e, struct probe_task *const *tasks, size_t count, size_t *turn,
		     enum probe_search_phase phase, uint64_t now)
{
	enum probe_search_role role;
	size_t i;
	unsigned int size;

	for (i = 0; i < count; i++) {
		struct probe_task *t = tasks[(*turn + i) % count];
		struct probe_pace *pace = &e->pace[answerer(t)];

		if (t->search.phase >= phase || !may_send(e, t, now))
			continue;
		size = probe_search_next(&t->search, &role);
		if (!size)
			continue;
		*turn = (*turn + i + 1) % count;
		pace->next_ns = now + pace->interval_ns;
		t->next_ns = now + t->spacing_ns;
		if (!pace->since_ns)
			pace->since_ns = now;
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
		if (e->impatient && e->pace[answerer(tasks[0])].slowed)
			return -EAGAIN;
		err = over(e, now, tasks[turn % count]);
		if (err)
			return err;
		wake = now + 100 * MS;
		if (now >= e->next_send_ns) {
			if (e->count >= e->options->packets) {
				e->out_of_packets = true;
				return -ENOSPC;
			}
			err = send_next(e, tasks, count, &turn, phase, now);
			if (err < 0)
				return err;
			if (err) {
				e->next_send_ns = now + e->interval_ns;
				wake = e->next_send_ns;
			} else if (all_at(tasks, count, phase)) {
				return 0;
			}
			for (size_t i = 0; i < PROBE_ANSWERERS && !err; i++)
				if (e->pace[i].next_ns > now && e->pace[i].next_ns < wake)
					wake = e->pace[i].next_ns;
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

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * agent.c - one epoll loop: signals, the clock, interfaces, the ring buffer, requests
 *
 * The clock ticks every 100 ms, because the datapath wakes the agent only when the ring buffer fills up (espial.bpf.c).
 */
#include "agent/agent.h"

#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "agent/events.h"
#include "agent/http.h"
#include "agent/knowledge.h"
#include "agent/self.h"
#include "agent/socket.h"
#include "export/diagnosis_json.h"
#include "export/export.h"
#include "source/bpf_host.h"
#include "source/bpf_live.h"

#define TICK_NS 100000000
#define PROBE_TICKS 100 /* of followers that may have gone away */
#define BATCH 16

struct agent;

/* What the loop waits for. */
struct watch {
	void (*ready)(struct agent *agent);
	int fd;
};

enum { WATCH_SIGNAL, WATCH_TICK, WATCH_FOLLOW, WATCH_RING, WATCH_FACTS, WATCH_UNIX, WATCH_TCP, WATCHES };

struct agent {
	const struct agent_options *options;
	const struct log *log;
	struct config config; /* as it is in effect */
	const char *names[CONFIG_INTERFACES];
	struct live_options live_options;
	struct live *live;
	struct events events;
	struct knowledge *knowledge;
	struct http *unix_http, *tcp_http;
	struct socket_file socket;
	struct self self;
	struct watch watches[WATCHES];
	int epoll;
	bool stopping;
	uint64_t clock_offset; /* CLOCK_REALTIME - CLOCK_MONOTONIC, nanoseconds */
	uint64_t watchdog_ns, watchdog_last;
	uint64_t ticks;
	int follow_error, ring_error; /* as last told */
};

static int complain(char *error, size_t size, int err, const char *what)
{
	snprintf(error, size, "%s: %s", what, strerror(-err));
	return err;
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int watch(struct agent *a, int which, int fd, void (*ready)(struct agent *agent))
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)which};

	if (fd < 0)
		return -EBADF;
	a->watches[which] = (struct watch){ready, fd};
	return epoll_ctl(a->epoll, EPOLL_CTL_ADD, fd, &event) != 0 ? -errno : 0;
}

/* ---- what the live source tells */

static void on_event(void *arg, const struct esp_event *event, size_t size)
{
	const struct event *decoded;
	char name[IF_NAMESIZE];
	struct agent *a = arg;

	decoded = events_add(&a->events, event, size, a->clock_offset, if_indextoname(event->ifindex, name),
			     &a->live_options.ports);
	if (decoded)
		knowledge_event(a->knowledge, event, &a->live_options.ports, decoded);
}

static void on_interface(void *arg, const char *line)
{
	const struct agent *a = arg;

	log_line(a->log, LOG_LEVEL_INFO, "%s", line);
	knowledge_note(a->knowledge, TIMELINE_INTERFACE, clock_ns(CLOCK_REALTIME), line);
}

/* An error is told when it begins and not every 100 ms. */
static void tell(const struct agent *a, int *last, int err, const char *what)
{
	if (err < 0 && err != *last)
		log_line(a->log, LOG_LEVEL_ERROR, "%s: %s", what, strerror(-err));
	*last = err < 0 ? err : 0;
}

static void consume(struct agent *a)
{
	uint64_t before = a->events.count;

	tell(a, &a->ring_error, live_ring_consume(a->live), "ring buffer of IKE messages and ICMP errors");
	if (a->events.count == before)
		return;
	if (a->unix_http)
		http_wake(a->unix_http, false);
	if (a->tcp_http)
		http_wake(a->tcp_http, false);
}

static void follow(struct agent *a)
{
	tell(a, &a->follow_error, live_follow(a->live), "changes of interfaces");
}

/* ---- answers */

static int read_state(struct agent *a, bool only_sums, struct state *ret)
{
	uint64_t start = clock_ns(CLOCK_MONOTONIC), cost;
	int err;

	consume(a);
	err = only_sums ? live_sums(a->live, ret) : live_state(a->live, ret);
	if (err) {
		log_line(a->log, LOG_LEVEL_ERROR, "tables of the datapath: %s", strerror(-err));
		return err;
	}
	cost = clock_ns(CLOCK_MONOTONIC) - start;
	self_polled(&a->self, cost);
	self_fill(&a->self, ret);
	ret->self.events = a->events.count;
	err = only_sums ? knowledge_show(a->knowledge, ret)
			: knowledge_update(a->knowledge, ret, clock_ns(CLOCK_REALTIME), cost);
	if (err)
		state_free(ret);
	return err;
}

/* The look of every second or so, whoever asks or not. */
static void look(struct agent *a)
{
	struct state state;

	if (read_state(a, false, &state) == 0)
		state_free(&state);
}

static char *answer_state(void *arg, size_t *ret_length)
{
	struct agent *a = arg;
	struct export_json_options options = {.ike_verdicts = a->events.ike_verdicts};
	struct state state;
	char *text;

	if (read_state(a, false, &state) != 0)
		return NULL;
	options.conversations = state.ike;
	text = export_state_json_with(&state, &options, ret_length);
	state_free(&state);
	return text;
}

static char *answer_diagnosis(void *arg, size_t *ret_length)
{
	struct state state;
	char *text;

	if (read_state(arg, false, &state) != 0)
		return NULL;
	text = export_diagnosis_json(&state, ret_length);
	state_free(&state);
	return text;
}

static struct metrics_page *answer_metrics(void *arg, bool openmetrics, bool sas)
{
	struct metrics_page *page;
	struct state state;

	if (read_state(arg, !sas, &state) != 0)
		return NULL;
	page = export_metrics_page(&state, openmetrics, sas);
	state_free(&state);
	return page;
}

static void run_facts(struct agent *a)
{
	knowledge_run(a->knowledge);
}

static void run_http(struct agent *a)
{
	uint64_t now_ms = clock_ns(CLOCK_MONOTONIC) / 1000000;

	if (a->unix_http)
		http_run(a->unix_http, now_ms);
	if (a->tcp_http)
		http_run(a->tcp_http, now_ms);
}

static int serve(struct agent *a, int fd, int which, struct http **ret)
{
	struct http_source source = {.state = answer_state,
				     .diagnosis = answer_diagnosis,
				     .metrics = answer_metrics,
				     .arg = a,
				     .events = &a->events};
	int err = http_open(fd, &source, ret);

	return err ? err : watch(a, which, http_fd(*ret), run_http);
}

static int serve_unix(struct agent *a, char *error, size_t error_size)
{
	int fd, err;

	err = socket_listen_unix(a->config.socket, &fd, &a->socket, error, error_size);
	if (err)
		return err;
	err = serve(a, fd, WATCH_UNIX, &a->unix_http);
	return err ? complain(error, error_size, err, a->config.socket) : 0;
}

static void stop_tcp(struct agent *a)
{
	if (a->tcp_http)
		epoll_ctl(a->epoll, EPOLL_CTL_DEL, http_fd(a->tcp_http), NULL);
	http_close(a->tcp_http);
	a->tcp_http = NULL;
}

static int serve_tcp(struct agent *a, char *error, size_t error_size)
{
	int fd, err;

	if (!a->config.listen[0])
		return 0;
	err = socket_listen_tcp(a->config.listen, &fd, error, error_size);
	if (err)
		return err;
	err = serve(a, fd, WATCH_TCP, &a->tcp_http);
	return err ? complain(error, error_size, err, a->config.listen) : 0;
}

/* ---- SIGHUP */

static int apply_live(struct agent *a, char *error, size_t error_size)
{
	config_live_options(&a->config, a->names, &a->live_options);
	return live_reconfigure(a->live, &a->live_options, error, error_size);
}

/* The interfaces and the TCP address. What fails is told, and what was there before goes on where that is possible. */
static void apply(struct agent *a, const struct config *wanted)
{
	const struct config before = a->config;
	char error[CONFIG_ERROR], ignored[CONFIG_ERROR];
	const struct config_key *keys;
	size_t count, i, changed = 0;

	keys = config_keys(&count);
	for (i = 0; i < count; i++) {
		if (config_same(&a->config, wanted, i))
			continue;
		changed++;
		if (keys[i].reload)
			config_copy(&a->config, wanted, i);
		else
			log_line(a->log, LOG_LEVEL_WARNING,
				 "reload: %s stays as it was: a change needs a restart", keys[i].name);
	}
	if (strcmp(before.listen, a->config.listen) != 0) {
		stop_tcp(a);
		if (serve_tcp(a, error, sizeof(error)) != 0) {
			log_line(a->log, LOG_LEVEL_ERROR, "reload: %s", error);
			memcpy(a->config.listen, before.listen, sizeof(before.listen));
			if (serve_tcp(a, ignored, sizeof(ignored)) != 0)
				log_line(a->log, LOG_LEVEL_ERROR, "reload: %s", ignored);
		} else if (a->config.listen[0]) {
			log_line(a->log, LOG_LEVEL_INFO, "answering on TCP %s", a->config.listen);
		}
	}
	if (apply_live(a, error, sizeof(error)) != 0) {
		log_line(a->log, LOG_LEVEL_ERROR, "reload: %s", error);
		memcpy(a->config.interface, before.interface, sizeof(before.interface));
		a->config.interface_count = before.interface_count;
		a->config.xdp_mode = before.xdp_mode;
		if (apply_live(a, ignored, sizeof(ignored)) != 0)
			log_line(a->log, LOG_LEVEL_ERROR, "reload: %s", ignored);
		return;
	}
	if (knowledge_inner(a->knowledge, error, sizeof(error)) != 0) {
		log_line(a->log, LOG_LEVEL_ERROR, "reload: %s", error);
		memcpy(a->config.inner, before.inner, sizeof(before.inner));
		a->config.inner_count = before.inner_count;
		return;
	}
	log_line(a->log, LOG_LEVEL_INFO, changed ? "reloaded" : "reloaded: nothing changed");
}

static void reload(struct agent *a)
{
	char error[CONFIG_ERROR];
	struct config config;

	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
		   (unsigned long long)(clock_ns(CLOCK_MONOTONIC) / 1000));
	if (!a->options->file)
		log_line(a->log, LOG_LEVEL_INFO, "reload: nothing to read: started without --config");
	else if (config_build(a->options->file, a->options->list, &config, error, sizeof(error)) != 0)
		log_line(a->log, LOG_LEVEL_ERROR, "reload: %s: everything stays as it was", error);
	else
		apply(a, &config);
	sd_notify(0, "READY=1");
}

/* ---- the loop */

static void on_signal(struct agent *a)
{
	struct signalfd_siginfo info;

	while (read(a->watches[WATCH_SIGNAL].fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP) {
			reload(a);
			continue;
		}
		log_line(a->log, LOG_LEVEL_INFO, "%s: stopping",
			 info.ssi_signo == SIGINT ? "interrupted" : "terminated");
		a->stopping = true;
	}
}

static void on_tick(struct agent *a)
{
	uint64_t expirations, now = clock_ns(CLOCK_MONOTONIC);

	if (read(a->watches[WATCH_TICK].fd, &expirations, sizeof(expirations)) != sizeof(expirations))
		return;
	a->clock_offset = clock_ns(CLOCK_REALTIME) - now;
	consume(a);
	if (knowledge_tick(a->knowledge, now + a->clock_offset))
		look(a);
	if (++a->ticks % PROBE_TICKS == 0) {
		if (a->unix_http)
			http_wake(a->unix_http, true);
		if (a->tcp_http)
			http_wake(a->tcp_http, true);
	}
	if (a->watchdog_ns && now - a->watchdog_last >= a->watchdog_ns) {
		a->watchdog_last = now;
		sd_notify(0, "WATCHDOG=1");
	}
}

static int sooner(int a, int b)
{
	if (a < 0 || b < 0)
		return a < 0 ? b : a;
	return a < b ? a : b;
}

static int loop(struct agent *a, char *error, size_t error_size)
{
	struct epoll_event ready[BATCH];
	int i, n;

	while (!a->stopping) {
		int timeout = a->unix_http ? http_timeout(a->unix_http) : -1;

		if (a->tcp_http)
			timeout = sooner(timeout, http_timeout(a->tcp_http));
		n = epoll_wait(a->epoll, ready, BATCH, timeout);
		if (n < 0 && errno != EINTR)
			return complain(error, error_size, -errno, "epoll_wait");
		for (i = 0; i < n && !a->stopping; i++)
			a->watches[ready[i].data.u32].ready(a);
		/* Timeouts, and who was woken by an event. */
		run_http(a);
	}
	return 0;
}

/* ---- start and end */

static int open_signals(struct agent *a)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return -errno;
	return watch(a, WATCH_SIGNAL, signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), on_signal);
}

static int open_clock(struct agent *a)
{
	struct itimerspec tick = {.it_interval.tv_nsec = TICK_NS, .it_value.tv_nsec = TICK_NS};
	uint64_t usec = 0;
	int err;

	a->clock_offset = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
	if (sd_watchdog_enabled(0, &usec) > 0)
		a->watchdog_ns = usec * 1000 / 2;
	err = watch(a, WATCH_TICK, timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK), on_tick);
	if (err)
		return err;
	return timerfd_settime(a->watches[WATCH_TICK].fd, 0, &tick, NULL) != 0 ? -errno : 0;
}

static int open_source(struct agent *a, char *error, size_t error_size)
{
	struct live_sink sink = {.event = on_event, .interface = on_interface, .arg = a};
	int err;

	config_live_options(&a->config, a->names, &a->live_options);
	/* A service is restarted, by upgrades too: its counters are to go on. */
	if (a->live_options.keep == LIVE_KEEP_AUTO && getenv("NOTIFY_SOCKET"))
		a->live_options.keep = LIVE_KEEP_YES;
	err = live_open(&a->live_options, &sink, &a->live, error, error_size);
	if (err)
		return err;
	err = watch(a, WATCH_FOLLOW, live_follow_fd(a->live), follow);
	if (!err)
		err = watch(a, WATCH_RING, live_ring_fd(a->live), consume);
	return err ? complain(error, error_size, err, "live source") : 0;
}

static int open_knowledge(struct agent *a, char *error, size_t error_size)
{
	uint64_t now = clock_ns(CLOCK_REALTIME);
	int err = knowledge_open(&a->config, a->log, now, &a->knowledge, error, error_size);

	if (err)
		return err;
	knowledge_note(a->knowledge, TIMELINE_AGENT_START, now,
		       "the agent began to watch, espial " ESPIAL_VERSION);
	return 0;
}

static int follow_facts(struct agent *a, char *error, size_t error_size)
{
	int err = knowledge_follow(a->knowledge, a->live);

	if (!err)
		err = watch(a, WATCH_FACTS, knowledge_fd(a->knowledge), run_facts);
	return err ? complain(error, error_size, err, "kernel and daemons") : 0;
}

static int start(struct agent *a, char *error, size_t error_size)
{
	int err;

	a->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (a->epoll < 0)
		return complain(error, error_size, -errno, "epoll");
	err = events_init(&a->events);
	if (!err)
		err = open_signals(a);
	if (!err)
		err = open_clock(a);
	if (err)
		return complain(error, error_size, err, "starting");
	/* Before anything else: without privileges the sockets fail too, and that would name the wrong cause. */
	err = host_check(error, error_size);
	if (err)
		return err;
	/* The sockets first: what is wrong there is found before anything is attached. Requests wait until the loop runs. */
	err = serve_unix(a, error, error_size);
	if (!err)
		err = serve_tcp(a, error, error_size);
	if (!err)
		err = open_knowledge(a, error, error_size);
	if (!err)
		err = open_source(a, error, error_size);
	if (!err)
		err = follow_facts(a, error, error_size);
	if (!err)
		err = knowledge_inner(a->knowledge, error, error_size);
	return err;
}

static void stop(struct agent *a)
{
	int i;

	stop_tcp(a);
	http_close(a->unix_http);
	socket_remove(&a->socket);
	knowledge_unfollow(a->knowledge);
	live_close(a->live);
	knowledge_close(a->knowledge, clock_ns(CLOCK_REALTIME));
	events_destroy(&a->events);
	for (i = WATCH_SIGNAL; i <= WATCH_TICK; i++)
		if (a->watches[i].fd >= 0)
			close(a->watches[i].fd);
	if (a->epoll >= 0)
		close(a->epoll);
}

int agent_run(const struct agent_options *options, char *error, size_t error_size)
{
	struct agent *a = calloc(1, sizeof(*a));
	int err, i;

	if (!a)
		return complain(error, error_size, -ENOMEM, "starting");
	a->options = options;
	a->log = &options->log;
	a->config = options->config;
	a->epoll = -1;
	for (i = 0; i < WATCHES; i++)
		a->watches[i].fd = -1;
	self_init(&a->self);
	err = start(a, error, error_size);
	if (!err) {
		log_line(a->log, LOG_LEVEL_INFO, "answering on %s%s%s", a->config.socket,
			 a->config.listen[0] ? " and TCP " : "", a->config.listen);
		sd_notifyf(0, "READY=1\nSTATUS=answering on %s", a->config.socket);
		err = loop(a, error, error_size);
		sd_notify(0, "STOPPING=1");
	}
	stop(a);
	free(a);
	return err;
}

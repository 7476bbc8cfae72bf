// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent/knowledge.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "agent/facts.h"
#include "agent/inner.h"
#include "agent/logs.h"
#include "agent/probing.h"
#include "diagnose/diagnosis.h"
#include "diagnose/finding_timeline.h"
#include "export/hooks.h"
#include "export/journal.h"
#include "model/model.h"
#include "model/unknown.h"
#include "source/addresses.h"
#include "source/bpf_drops.h"
#include "source/host_stat.h"
#include "source/ike_packet.h"
#include "source/nic_stat.h"

#define SECOND UINT64_C(1000000000)
#define LOOK_EVERY SECOND
#define LOOK_SHARE 50 /* a look may take one part in so many of the time */
#define ADDRESSES_EVERY (10 * SECOND)
#define SAVE_EVERY (10 * SECOND)
#define IKE_EXCHANGES 16 /* kept per IKE SA: 10 000 of them are 40 MB */

struct knowledge {
	const struct config *config;
	const struct log *log;
	struct model *model;
	struct diagnosis *diagnosis;
	struct journal *journal; /* NULL: none */
	struct facts *facts;
	struct probing *probing;	  /* NULL: never probes */
	struct hooks *hooks[STATE_HOOKS]; /* NULL: none */
	struct logs *logs;		  /* NULL: none are followed */
	struct addresses own;
	struct host_facts host;
	struct unknown *unknown;
	struct drops *drops; /* NULL: none */
	struct inner *inner; /* NULL: no inner interface is to be watched */
	uint64_t ticked_ns, looked_ns, look_cost_ns, addresses_ns, saved_ns, now_ns;
	bool no_memory; /* told already */
};

static bool is_own(void *arg, const uint8_t address[16])
{
	const struct knowledge *k = arg;

	return addresses_have(&k->own, address);
}

static bool is_local(void *arg, const uint8_t address[16])
{
	const struct knowledge *k = arg;

	return is_own(arg, address) || (k->facts && facts_have_address(k->facts, address));
}

static void on_entry(void *arg, const struct timeline_entry *entry)
{
	const struct knowledge *k = arg;

	if (k->journal)
		journal_add(k->journal, entry);
}

static uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

static int64_t monotonic_ms(void)
{
	return (int64_t)(monotonic_ns() / 1000000);
}

static void on_hook(void *arg, const char *line)
{
	const struct knowledge *k = arg;

	log_line(k->log, LOG_LEVEL_WARNING, "%s", line);
}

static void on_finding(void *arg, const struct finding *f, bool raised)
{
	struct knowledge *k = arg;
	struct timeline_entry entry;

	finding_timeline(f, raised, k->now_ns, &entry);
	on_entry(k, &entry);
	for (size_t i = 0; i < STATE_HOOKS; i++)
		hooks_finding(k->hooks[i], f, raised, k->now_ns, monotonic_ms());
	if (raised && k->config->probe_on_finding)
		probing_found(k->probing, f, k->now_ns);
}

static void on_probed(void *arg, const struct model_path *path, const struct timeline_entry *entry)
{
	const struct knowledge *k = arg;

	if (path)
		model_probed(k->model, path);
	on_entry(arg, entry);
}

void knowledge_note(struct knowledge *k, enum timeline_kind kind, uint64_t now_ns, const char *text)
{
	struct timeline_entry entry = {.time_ns = now_ns,
				       .kind = kind,
				       .confidence = TIMELINE_CERTAIN,
				       .origin = TIMELINE_FROM_SELF};

	snprintf(entry.text, sizeof(entry.text), "%s", text);
	on_entry(k, &entry);
}

/* ---- what comes in */

void knowledge_event(struct knowledge *k, const struct esp_event *raw, const struct esp_ports *ports,
		     const struct event *event)
{
	struct conversation_packet packet;

	if (event->kind != EVENT_IKE)
		model_event(k->model, event);
	else if (raw->kind == ESP_EVENT_PACKET &&
		 ike_packet_find(ports, raw->data, raw->captured, raw->length, event->time_ns, &packet))
		model_ike(k->model, &packet);
}

int knowledge_fd(const struct knowledge *k)
{
	return facts_fd(k->facts);
}

void knowledge_run(struct knowledge *k)
{
	facts_run(k->facts);
}

/* ---- time */

static void tend_journal(struct knowledge *k, uint64_t now_ns)
{
	char line[JOURNAL_LINE];

	if (!k->journal)
		return;
	while (journal_tick(k->journal, now_ns, line))
		log_line(k->log, LOG_LEVEL_WARNING, "%s", line);
	if (now_ns - k->saved_ns < SAVE_EVERY)
		return;
	k->saved_ns = now_ns;
	journal_save_tunnels(k->journal, model_tunnels(k->model));
}

bool knowledge_tick(struct knowledge *k, uint64_t now_ns)
{
	uint64_t rest = k->look_cost_ns * LOOK_SHARE;

	/* A clock that was set back must not stop everything. */
	if (now_ns < k->ticked_ns || now_ns < k->looked_ns || now_ns < k->addresses_ns ||
	    now_ns < k->saved_ns)
		k->ticked_ns = k->looked_ns = k->addresses_ns = k->saved_ns = 0;
	facts_run(k->facts);
	inner_tick(k->inner, now_ns);
	if (now_ns - k->ticked_ns >= SECOND) {
		k->ticked_ns = now_ns;
		facts_tick(k->facts);
		model_tick(k->model, now_ns);
	}
	if (now_ns - k->addresses_ns >= ADDRESSES_EVERY) {
		k->addresses_ns = now_ns;
		addresses_refresh(&k->own);
	}
	tend_journal(k, now_ns);
	probing_tick(k->probing, now_ns);
	for (size_t i = 0; i < STATE_HOOKS; i++)
		hooks_tick(k->hooks[i], monotonic_ms());
	return now_ns - k->looked_ns >= (rest > LOOK_EVERY ? rest : LOOK_EVERY);
}

/* ---- a look at everything */

static void look_at_host(struct knowledge *k, const struct state *state, uint64_t now_ns)
{
	const char *names[HOST_NICS];
	size_t count = 0;

	/* Gains are those since the look before: not of two that follow each other at once. */
	if (k->host.taken_ns && now_ns > k->host.taken_ns && now_ns - k->host.taken_ns < LOOK_EVERY / 2)
		return;
	while (count < state->interface_count && count < HOST_NICS) {
		names[count] = state->interfaces[count].name;
		count++;
	}
	facts_host(k->facts, &k->host);
	host_stat_read(&k->host, "", names, count, now_ns);
	nic_stat_read(&k->host, now_ns);
	(void)drops_read(k->drops, &k->host); /* what cannot be read is absent */
}

static int diagnose(struct knowledge *k, const struct state *state, const struct fact_daemon *daemons,
		    size_t daemon_count, uint64_t now_ns)
{
	struct diagnose_input input = {.now_ns = now_ns,
				       .live = true,
				       .state = state,
				       .kernel = facts_kernel(k->facts),
				       .firewall = facts_firewall(k->facts),
				       .daemons = daemons,
				       .daemon_count = daemon_count,
				       .host = &k->host,
				       .logs = logs_findings(k->logs)};

	input.paths = model_paths(k->model, &input.path_count);
	return diagnosis_update(k->diagnosis, &input);
}

int knowledge_update(struct knowledge *k, struct state *state, uint64_t now_ns, uint64_t cost_ns)
{
	const struct fact_daemon *daemons;
	uint64_t start = monotonic_ns();
	size_t daemon_count;
	int err;

	k->looked_ns = k->now_ns = now_ns;
	look_at_host(k, state, now_ns);
	state->host = &k->host; /* what is loaded decides what can be seen */
	daemons = facts_daemons(k->facts, &daemon_count);
	err = unknown_update(k->unknown, state, now_ns);
	if (!err)
		err = model_update(k->model, state, facts_kernel(k->facts), daemons, daemon_count, now_ns);
	if (!err)
		err = knowledge_show(k, state);
	if (!err)
		err = inner_look(k->inner, state, facts_kernel(k->facts), daemons, daemon_count);
	if (!err) {
		probing_look(k->probing, state->tunnels, state->tunnel_count, now_ns);
		err = diagnose(k, state, daemons, daemon_count, now_ns);
	}
	if (err && !k->no_memory)
		log_line(k->log, LOG_LEVEL_ERROR, "tunnels: %s: what they did meanwhile is not counted",
			 strerror(-err));
	k->no_memory = err != 0;
	if (!err && k->journal)
		journal_rollup(k->journal, now_ns, state->tunnels, state->tunnel_count);
	k->look_cost_ns = cost_ns + monotonic_ns() - start;
	return err;
}

static void show_helpers(const struct knowledge *k, struct state *state)
{
	for (size_t i = 0; i < STATE_HOOKS; i++) {
		struct state_hook *to = &state->self.hooks[i];
		struct hooks_stats stats;

		to->used = k->hooks[i] != NULL;
		if (!to->used)
			continue;
		hooks_stats(k->hooks[i], &stats);
		to->failed = stats.failed + stats.timed_out;
		to->dropped = stats.left_out;
		to->sent =
			stats.run - stats.running > to->failed ? stats.run - stats.running - to->failed : 0;
	}
	logs_stats(k->logs, &state->self.logs);
}

int knowledge_show(const struct knowledge *k, struct state *state)
{
	int err = model_show(k->model, state);

	state->diagnosis = k->diagnosis;
	state->host = &k->host;
	state->unknown = unknown_peers(k->unknown);
	show_helpers(k, state);
	inner_show(k->inner, state);
	return err;
}

/* ---- start and end */

/* Without a journal everything else goes on. */
static void open_journal(struct knowledge *k, uint64_t now_ns)
{
	struct journal_options options = {.path = k->config->journal,
					  .max_age_ns = k->config->journal_max_age,
					  .max_bytes = k->config->journal_max_size};
	char error[CONFIG_ERROR];
	int err;

	if (strcmp(k->config->journal, "none") == 0)
		return;
	if (journal_open(&options, &k->journal, error, sizeof(error)) != 0) {
		k->journal = NULL;
		log_line(k->log, LOG_LEVEL_WARNING, "%s; nothing is kept on disk", error);
		return;
	}
	err = journal_load_tunnels(k->journal, model_tunnels(k->model));
	if (err)
		log_line(k->log, LOG_LEVEL_WARNING, "%s: %s: counters of tunnels begin at 0",
			 k->config->journal, strerror(-err));
	k->saved_ns = now_ns;
}

/* Off unless asked for: probes are packets that nobody else sent. */
static void open_probing(struct knowledge *k)
{
	const struct probing_options options = {
		.interval_ns = k->config->probe_interval, .log = k->log, .result = on_probed, .arg = k};

	if (!options.interval_ns && !k->config->probe_on_finding)
		return;
	if (probing_open(&options, &k->probing) != 0)
		log_line(k->log, LOG_LEVEL_WARNING, "no probes: no memory");
}

/* Without them everything else goes on. */
static void open_logs(struct knowledge *k, uint64_t now_ns)
{
	int err = logs_open(k->config, k->log, now_ns, &k->logs);

	if (err)
		log_line(k->log, LOG_LEVEL_WARNING, "logs are not followed: %s", strerror(-err));
}

static void open_hooks(struct knowledge *k)
{
	const struct hooks_options options[STATE_HOOKS] = {
		[STATE_HOOK_COMMAND] = {.command = k->config->hook_command, .tell = on_hook, .arg = k},
		[STATE_HOOK_URL] = {.url = k->config->hook_url, .tell = on_hook, .arg = k}};

	for (size_t i = 0; i < STATE_HOOKS; i++) {
		const char *what = options[i].url ? options[i].url : options[i].command;
		int err = *what ? hooks_open(&options[i], &k->hooks[i]) : 0;

		if (err)
			log_line(k->log, LOG_LEVEL_WARNING, "hook-%s: %s", options[i].url ? "url" : "command",
				 strerror(-err));
	}
}

int knowledge_open(const struct config *config, const struct log *log, uint64_t now_ns,
		   struct knowledge **ret, char *error, size_t error_size)
{
	struct knowledge *k = calloc(1, sizeof(*k));
	struct model_options options = {
		.ike.exchanges = IKE_EXCHANGES, .is_local = is_local, .entry = on_entry, .arg = k};
	int err = -ENOMEM;

	if (k) {
		k->config = config;
		k->log = log;
		if (getrandom(&options.ike.seed, sizeof(options.ike.seed), 0) != sizeof(options.ike.seed))
			options.ike.seed = now_ns;
		addresses_refresh(&k->own);
		k->model = model_new(&options);
		k->unknown = unknown_new();
		k->diagnosis = diagnosis_new();
		if (k->model && k->diagnosis && k->unknown)
			err = 0;
	}
	if (err) {
		snprintf(error, error_size, "tunnels and IKE conversations: %s", strerror(-err));
		knowledge_close(k, now_ns);
		return err;
	}
	diagnosis_observe(k->diagnosis, on_finding, k);
	open_probing(k);
	open_hooks(k);
	open_logs(k, now_ns);
	open_journal(k, now_ns);
	*ret = k;
	return 0;
}

static void on_ike_ended(void *arg, uint64_t initiator_spi, uint64_t responder_spi, uint64_t at_ns)
{
	const struct knowledge *k = arg;

	model_ike_ended(k->model, initiator_spi, responder_spi, at_ns);
}

int knowledge_follow(struct knowledge *k, struct live *live)
{
	const struct facts_listener listener = {
		.is_local = is_own, .entry = on_entry, .ike_ended = on_ike_ended, .arg = k};
	struct live_options options;
	const char *names[CONFIG_INTERFACES];
	char error[CONFIG_ERROR];

	config_live_options(k->config, names, &options);
	if (drops_open(&options.ports, &k->drops, error, sizeof(error)) != 0) {
		k->drops = NULL;
		log_line(k->log, LOG_LEVEL_WARNING, "%s", error);
	}
	return facts_open(k->config, live, k->log, &listener, &k->facts);
}

static void on_inner(void *arg, const char *line)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	knowledge_note(arg, TIMELINE_INTERFACE, (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec, line);
}

int knowledge_inner(struct knowledge *k, char *error, size_t error_size)
{
	return k->inner ? inner_reload(k->inner, k->config, error, error_size)
			: inner_open(k->config, k->log, on_inner, k, &k->inner, error, error_size);
}

void knowledge_unfollow(struct knowledge *k)
{
	if (!k)
		return;
	inner_close(k->inner);
	k->inner = NULL;
	facts_close(k->facts);
	k->facts = NULL;
	drops_close(k->drops);
	k->drops = NULL;
}

void knowledge_close(struct knowledge *k, uint64_t now_ns)
{
	if (!k)
		return;
	if (k->journal) {
		knowledge_note(k, TIMELINE_AGENT_STOP, now_ns, "the agent ended");
		journal_save_tunnels(k->journal, model_tunnels(k->model));
		journal_close(k->journal);
	}
	probing_close(k->probing);
	for (size_t i = 0; i < STATE_HOOKS; i++)
		hooks_close(k->hooks[i]);
	logs_close(k->logs);
	diagnosis_free(k->diagnosis);
	model_free(k->model);
	unknown_free(k->unknown);
	addresses_free(&k->own);
	free(k);
}

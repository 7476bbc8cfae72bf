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
#include "agent/probing.h"
#include "diagnose/diagnosis.h"
#include "diagnose/finding_timeline.h"
#include "export/hooks.h"
#include "export/journal.h"
#include "model/model.h"
#include "source/addresses.h"
#include "source/bpf_drops.h"
#include "source/host_stat.h"
#include "source/ike_packet.h"

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
	struct probing *probing; /* NULL: never probes */
	struct hooks *hooks;	 /* NULL: none */
	struct addresses own;
	struct host_facts host;
	struct drops *drops; /* NULL: none */
	uint64_t ticked_ns, looked_ns, look_cost_ns, addresses_ns, saved_ns, now_ns;
	bool no_memory; /* told already */
};

static bool is_local(void *arg, const uint8_t address[16])
{
	const struct knowledge *k = arg;

	return addresses_have(&k->own, address);
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
	hooks_finding(k->hooks, f, raised, k->now_ns, monotonic_ms());
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
	hooks_tick(k->hooks, monotonic_ms());
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
	host_stat_read(&k->host, "", names, count, now_ns);
	(void)drops_read(k->drops, &k->host); /* what cannot be read is absent */
}

static int diagnose(struct knowledge *k, const struct state *state, const struct fact_daemon *daemons,
		    size_t daemon_count, uint64_t now_ns)
{
	struct diagnose_input input = {.now_ns = now_ns,
				       .live = true,
				       .state = state,
				       .kernel = facts_kernel(k->facts),
				       .daemons = daemons,
				       .daemon_count = daemon_count,
				       .host = &k->host};

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
	daemons = facts_daemons(k->facts, &daemon_count);
	err = model_update(k->model, state, facts_kernel(k->facts), daemons, daemon_count, now_ns);
	if (!err)
		err = knowledge_show(k, state);
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

int knowledge_show(const struct knowledge *k, struct state *state)
{
	state->diagnosis = k->diagnosis;
	state->host = &k->host;
	return model_show(k->model, state);
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

static void open_hooks(struct knowledge *k)
{
	const struct hooks_options options = {.command = k->config->hook_command, .tell = on_hook, .arg = k};

	if (k->config->hook_command[0] && hooks_open(&options, &k->hooks) != 0)
		log_line(k->log, LOG_LEVEL_WARNING, "hook-command: no memory");
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
		k->diagnosis = diagnosis_new();
		if (k->model && k->diagnosis)
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
		.is_local = is_local, .entry = on_entry, .ike_ended = on_ike_ended, .arg = k};
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

void knowledge_unfollow(struct knowledge *k)
{
	if (!k)
		return;
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
	hooks_close(k->hooks);
	diagnosis_free(k->diagnosis);
	model_free(k->model);
	addresses_free(&k->own);
	free(k);
}

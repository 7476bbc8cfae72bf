/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules_build.h - conversations as rules see them: conversation_build.h, a tunnel around it, and the whole engine with its table
 *
 * `left` is the gateway where we are. What a tunnel would make of the messages (its state, its SAs) a test sets itself.
 */
#ifndef ESPIAL_TESTS_RULES_BUILD_H
#define ESPIAL_TESTS_RULES_BUILD_H

#include "conversation_build.h"

#include "diagnose/catalogue.h"
#include "diagnose/rule.h"

#define TUNNEL_IKES 4

static struct state_tunnel tunnel;
static struct state_sa sas[8];
static struct state state;
static struct model_path path;
static struct fact_sa kernel_sa;
static struct fact_kernel kernel;
static struct fact_connection connection;
static struct fact_daemon daemon_facts;
static struct diagnosis *d;
static bool live, with_kernel, with_daemon;

static inline int begin(void **unused)
{
	static uint64_t ike_spis[TUNNEL_IKES];
	static uint32_t spis[4];

	start(unused);
	memset(&tunnel, 0, sizeof(tunnel));
	memset(sas, 0, sizeof(sas));
	memset(&state, 0, sizeof(state));
	memset(&path, 0, sizeof(path));
	memset(&kernel_sa, 0, sizeof(kernel_sa));
	memset(&kernel, 0, sizeof(kernel));
	memset(&connection, 0, sizeof(connection));
	memset(&daemon_facts, 0, sizeof(daemon_facts));
	strcpy(tunnel.name, "t");
	memcpy(tunnel.local, ends[LEFT].address, 16);
	memcpy(tunnel.remote, ends[RIGHT].address, 16);
	tunnel.state = STATE_TUNNEL_NEGOTIATING;
	tunnel.ike_spis = ike_spis;
	tunnel.spis = spis;
	state.tunnels = &tunnel;
	state.tunnel_count = 1;
	state.sas = sas;
	state.ike = c;
	kernel.available = true;
	kernel.sas = &kernel_sa;
	kernel.sa_count = 1;
	daemon_facts.available = true;
	daemon_facts.connections = &connection;
	daemon_facts.connection_count = 1;
	live = with_kernel = with_daemon = false;
	d = diagnosis_new();
	return d ? 0 : -1;
}

static inline int end(void **unused)
{
	diagnosis_free(d);
	d = NULL;
	return stop(unused);
}

/* Forget everything, to begin a near miss. */
static inline void anew(void)
{
	end(NULL);
	assert_int_equal(begin(NULL), 0);
}

/* One more SA of the tunnel: packets go that way, the first and last time are now. */
static inline struct state_sa *add_sa(enum end from, uint8_t protocol)
{
	struct state_sa *sa = &sas[state.sa_count++];

	assert_true(state.sa_count <= sizeof(sas) / sizeof(sas[0]));
	sa->family = 4;
	sa->protocol = protocol;
	sa->spi = 0x1000 + (uint32_t)state.sa_count;
	memcpy(sa->source, ends[from].address, 16);
	memcpy(sa->destination, ends[!from].address, 16);
	sa->first_ns = sa->last_ns = now;
	sa->live = true;
	return sa;
}

static inline const struct finding *raised(enum finding_id id)
{
	const struct findings *list = diagnosis_raised(d);

	for (size_t i = 0; i < list->count; i++)
		if (list->list[i]->id == id)
			return list->list[i];
	return NULL;
}

/* A look now. */
static inline const struct finding *look(enum finding_id id)
{
	struct diagnose_input input = {.now_ns = now, .live = live, .state = &state};

	conversation_tick(c, now);
	if (path.refusals) {
		input.paths = &path;
		input.path_count = 1;
	}
	if (with_kernel)
		input.kernel = &kernel;
	if (with_daemon) {
		input.daemons = &daemon_facts;
		input.daemon_count = 1;
	}
	assert_int_equal(diagnosis_update(d, &input), 0);
	return raised(id);
}

/* So many seconds with a look at each of them. */
static inline const struct finding *seconds(unsigned int count, enum finding_id id)
{
	const struct finding *f = raised(id);

	while (count--) {
		after(SECOND);
		f = look(id);
	}
	return f;
}

static inline bool has_evidence(const struct finding *f, const char *part)
{
	for (size_t i = 0; i < f->evidence_count; i++)
		if (strstr(f->evidence[i].what, part) ||
		    (f->evidence[i].text && strstr(f->evidence[i].text, part)))
			return true;
	return false;
}

/* The other end's host says so by ICMP, now. */
static inline void refuse(uint16_t number)
{
	memcpy(path.local, ends[LEFT].address, 16);
	memcpy(path.peer, ends[RIGHT].address, 16);
	path.refused_port = number;
	path.refused_ns = now;
	path.refusals++;
}

static inline bool advises(const struct finding *f, enum finding_platform platform)
{
	for (size_t i = 0; i < f->remedy_count; i++)
		if (f->remedies[i].platform == platform)
			return true;
	return false;
}

/* It has what every finding must have. */
static inline void assert_whole(const struct finding *f)
{
	assert_non_null(f);
	assert_true(f->evidence_count > 0);
	assert_true(f->since_ns && f->since_ns <= now);
	assert_string_equal(f->peer, "10.0.0.2");
	assert_non_null(f->meaning);
	assert_null(strchr(f->meaning, '{'));
	assert_true(f->remedy_count > 0);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tunnel_build.h - states written down as calls, for the tests of the tunnel model
 *
 * After conversation_build.h: LEFT (10.0.0.1) is the local end, time is in `now`. An SA is where it was put until it is removed.
 */
#ifndef ESPIAL_TESTS_TUNNEL_BUILD_H
#define ESPIAL_TESTS_TUNNEL_BUILD_H

/* No test needs all of them */
#pragma GCC diagnostic ignored "-Wunused-function"

#include "conversation_build.h"
#include "model/tunnel.h"

#define TUNNEL_SAS 2048
#define ENTRIES 256

static struct tunnels *tunnels;
static struct state state;
static struct state_sa sas[TUNNEL_SAS];
static struct tunnel_input input;
static struct timeline_entry entries[ENTRIES];
static unsigned int entry_count;

static void on_entry(void *arg, const struct timeline_entry *entry)
{
	(void)arg;
	assert_true(entry->text[0]);
	assert_true(entry->evidence_count > 0);
	if (entry_count < ENTRIES)
		entries[entry_count++] = *entry;
}

static bool left_is_local(void *arg, const uint8_t address_[16])
{
	(void)arg;
	return memcmp(address_, ends[LEFT].address, 16) == 0;
}

static int tunnel_start(void **unused)
{
	start(unused);
	tunnels = tunnels_new(NULL);
	assert_non_null(tunnels);
	tunnels_observe(tunnels, on_entry, NULL);
	memset(sas, 0, sizeof(sas));
	memset(&state, 0, sizeof(state));
	state.sas = sas;
	state.kind = STATE_LIVE;
	input = (struct tunnel_input){.state = &state, .ike = c, .is_local = left_is_local};
	entry_count = 0;
	return 0;
}

static void forget_tunnels(void)
{
	for (size_t i = 0; i < state.tunnel_count; i++) {
		free(state.tunnels[i].spis);
		free(state.tunnels[i].ike_spis);
	}
	free(state.tunnels);
	free(state.hidden);
	state.hidden = NULL;
	state.hidden_count = 0;
	state.tunnels = NULL;
	state.tunnel_count = 0;
}

static int tunnel_stop(void **unused)
{
	forget_tunnels();
	tunnels_free(tunnels);
	return stop(unused);
}

static struct state_sa *find_sa(enum end from, uint32_t spi)
{
	for (size_t i = 0; i < state.sa_count; i++)
		if (sas[i].spi == spi && memcmp(sas[i].source, ends[from].address, 16) == 0)
			return &sas[i];
	return NULL;
}

/* `packets` more packets of 100 bytes, the last of them now. */
static struct state_sa *esp(enum end from, uint32_t spi, uint64_t packets)
{
	struct state_sa *sa = find_sa(from, spi);

	if (!sa) {
		assert_true(state.sa_count < TUNNEL_SAS);
		sa = &sas[state.sa_count++];
		memset(sa, 0, sizeof(*sa));
		sa->direction = from == LEFT ? ESP_DIR_OUT : ESP_DIR_IN;
		sa->family = 4;
		sa->protocol = 50;
		memcpy(sa->source, ends[from].address, 16);
		memcpy(sa->destination, ends[!from].address, 16);
		sa->spi = spi;
		sa->known = -1;
		sa->first_ns = now;
	}
	sa->packets += packets;
	sa->bytes += 100 * packets;
	sa->sequence.received += packets;
	sa->sequence.highest += packets;
	sa->last_ns = now;
	return sa;
}

static void remove_sa(enum end from, uint32_t spi)
{
	struct state_sa *sa = find_sa(from, spi);

	assert_non_null(sa);
	*sa = sas[--state.sa_count];
}

static void both(uint32_t in, uint32_t out, uint64_t packets)
{
	esp(RIGHT, in, packets);
	after(MS);
	esp(LEFT, out, packets);
	after(MS);
}

/* One look, and the state filled. */
static void look(void)
{
	conversation_tick(c, now);
	input.now_ns = now;
	assert_int_equal(tunnels_update(tunnels, &input), 0);
	forget_tunnels();
	for (size_t i = 0; i < state.sa_count; i++)
		sas[i].tunnel = STATE_NO_TUNNEL;
	assert_int_equal(tunnels_fill(tunnels, &state), 0);
}

/* Seconds of traffic on a pair, with a look in each. */
static void traffic(uint32_t in, uint32_t out, unsigned int seconds)
{
	while (seconds--) {
		both(in, out, 10);
		after(SECOND - 2 * MS);
		look();
	}
}

static void wait_seconds(unsigned int seconds)
{
	while (seconds--) {
		after(SECOND);
		look();
	}
}

static const struct state_tunnel *tunnel_at(size_t number)
{
	assert_true(number < state.tunnel_count);
	return &state.tunnels[number];
}

static void assert_tunnel(const char *name, enum state_tunnel_state expected,
			  enum timeline_confidence confidence)
{
	const struct state_tunnel *t = tunnel_at(0);

	assert_int_equal(state.tunnel_count, 1);
	assert_string_equal(t->name, name);
	assert_int_equal(t->state, expected);
	assert_int_equal(t->confidence, confidence);
	assert_true(t->evidence[0]);
}

/* How many entries of a kind; the latest in *ret (may be NULL). */
static unsigned int told_of(enum timeline_kind kind, const struct timeline_entry **ret)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < entry_count; i++) {
		if (entries[i].kind != kind)
			continue;
		count++;
		if (ret)
			*ret = &entries[i];
	}
	return count;
}

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
/* test_unknown.c - packets of SPIs that the kernel does not have, by peer: exact while they can be seen, estimated in a flood */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/address.h"
#include "model/unknown.h"

#define SECOND UINT64_C(1000000000)
#define SAS 4096

static struct state_sa sas[SAS];
static struct state state;
static struct unknown *u;
static uint64_t now;

static int setup(void **unused)
{
	(void)unused;
	memset(sas, 0, sizeof(sas));
	state = (struct state){.kind = STATE_LIVE, .sas = sas};
	u = unknown_new();
	now = 1000 * SECOND;
	return u ? 0 : -1;
}

static int teardown(void **unused)
{
	(void)unused;
	unknown_free(u);
	return 0;
}

static void address(uint32_t host, uint8_t ret[16])
{
	address_from_v4((const uint8_t[4]){192, 0, (uint8_t)(host >> 8), (uint8_t)host}, ret);
}

static struct state_sa *add(uint32_t peer, uint32_t spi, int known)
{
	struct state_sa *sa = &sas[state.sa_count++];

	*sa = (struct state_sa){.family = 4, .protocol = 50, .spi = spi, .known = known, .last_ns = now};
	address(peer, sa->source);
	address(0, sa->destination);
	return sa;
}

static void look(void)
{
	now += SECOND;
	assert_int_equal(unknown_update(u, &state, now), 0);
}

static const struct unknown_peer *peer_of(uint32_t peer)
{
	const struct unknown_peers *p = unknown_peers(u);
	uint8_t wanted[16];

	address(peer, wanted);
	for (size_t i = 0; i < p->count; i++)
		if (memcmp(p->peer[i].address, wanted, 16) == 0)
			return &p->peer[i];
	fail_msg("no peer %u", peer);
	return NULL;
}

static uint64_t sum(void)
{
	const struct unknown_peers *p = unknown_peers(u);
	uint64_t ret = p->others;

	for (size_t i = 0; i < p->count; i++)
		ret += p->peer[i].packets;
	return ret;
}

/* SAs with an entry: each packet is its source's, and nothing of it is estimated. */
static void exact(void **unused)
{
	struct state_sa *one, *two;

	(void)unused;
	look();
	assert_false(unknown_peers(u)->known);
	add(9, 1, 1);
	one = add(1, 100, 0);
	two = add(2, 200, 0);
	one->unknown_packets = 10;
	two->unknown_packets = 4;
	state.sums[0].of.unknown = 14;
	look();
	assert_true(unknown_peers(u)->known);
	assert_int_equal(peer_of(1)->packets, 10);
	assert_int_equal(peer_of(2)->packets, 4);
	one->unknown_packets = 15;
	state.sums[0].of.unknown = 19;
	look();
	look();
	assert_int_equal(peer_of(1)->packets, 15);
	assert_int_equal(peer_of(1)->estimated, 0);
	assert_int_equal(peer_of(1)->last_ns, now - SECOND);
	assert_int_equal(unknown_peers(u)->packets, 19);
	assert_int_equal(unknown_peers(u)->others, 0);
	assert_int_equal(unknown_peers(u)->count, 2); /* whom the kernel has is not among them */
	/* Outwards nothing is unknown, and a second SPI of a peer is the same peer */
	add(3, 300, 0)->direction = ESP_DIR_OUT;
	add(1, 101, 0)->unknown_packets = 1;
	sas[3].unknown_packets = 50;
	state.sums[0].of.unknown = 20;
	state.sums[2].of.unknown = 50;
	look();
	assert_int_equal(peer_of(1)->packets, 16);
	assert_int_equal(unknown_peers(u)->packets, 20);
}

/* A newcomer that is promoted has no unknown packets until grace is over; one that goes has been counted. */
static void promoted(void **unused)
{
	struct state_sa *sa = add(1, 100, 0);

	(void)unused;
	sa->newcomer = true;
	sa->packets = sa->unknown_packets = 3;
	look();
	assert_int_equal(unknown_peers(u)->packets, 3);
	sa->newcomer = false;
	sa->known = -1;
	sa->packets = 5;
	sa->unknown_packets = 0;
	look();
	sa->known = 0;
	sa->unknown_packets = state.sums[0].of.unknown = 5;
	look();
	assert_int_equal(sum(), unknown_peers(u)->packets);
	assert_int_equal(peer_of(1)->packets, 5);
	state.sa_count = 0; /* replaced: the sum keeps its packets */
	look();
	assert_int_equal(sum(), unknown_peers(u)->packets);
}

/* 100 000 packets of as many SPIs a second, from two peers: only the last 1000 are there. What is shared out is marked. */
static void flood(void **unused)
{
	(void)unused;
	look();
	for (int second = 1; second <= 3; second++) {
		state.sa_count = 0;
		for (uint32_t i = 0; i < 1000; i++) {
			struct state_sa *sa = add(i % 4 ? 7 : 8, (uint32_t)second << 20 | i, -1);

			sa->newcomer = true;
			sa->packets = 1;
		}
		add(9, 1, 1);
		state.sums[0].of.unknown += 99000;
		look();
		assert_int_equal(unknown_peers(u)->packets, (uint64_t)second * 99000);
		assert_int_equal(sum(), unknown_peers(u)->packets);
	}
	assert_int_equal(unknown_peers(u)->count, 2);
	assert_in_range(peer_of(7)->packets, 3 * 74250 - 3, 3 * 74250 + 3);
	assert_int_equal(peer_of(7)->estimated, peer_of(7)->packets);
	assert_true(unknown_peers(u)->peer[0].packets == peer_of(7)->packets); /* who sent most comes first */
}

/* Tables that were taken over: what they had counted before is nobody's. */
static void taken_over(void **unused)
{
	(void)unused;
	state.sums[0].of.unknown = 1000000;
	add(1, 100, 0)->unknown_packets = 7;
	look();
	assert_int_equal(unknown_peers(u)->packets, 7);
	state.sums[0].of.unknown = 1000010; /* of somebody who has gone already */
	look();
	assert_int_equal(unknown_peers(u)->others, 10);
	assert_int_equal(unknown_peers(u)->packets, 17);
}

/* Made-up sources: the table stays as it is, whoever sends much stays in it, and no packet is lost to the sum. */
static void spoofed(void **unused)
{
	struct state_sa *heavy;

	(void)unused;
	look();
	heavy = add(60000, 5, 0);
	heavy->unknown_packets = 100;
	for (uint32_t i = 0; i < 1000; i++)
		add(i, 1000 + i, 0)->unknown_packets = 1 + i % 2;
	state.sums[0].of.unknown = 100 + 1500;
	look();
	assert_int_equal(unknown_peers(u)->count, UNKNOWN_PEERS);
	assert_int_equal(unknown_peers(u)->packets, 1600);
	assert_int_equal(sum(), 1600);
	assert_int_equal(unknown_peers(u)->peer[0].packets, 100);
	for (uint32_t i = 1; i <= 1000; i++)
		sas[i].spi += 100000;
	state.sums[0].of.unknown = 100 + 3000;
	look();
	assert_int_equal(sum(), 3100);
	assert_int_equal(peer_of(60000)->packets, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(exact, setup, teardown),
		cmocka_unit_test_setup_teardown(promoted, setup, teardown),
		cmocka_unit_test_setup_teardown(flood, setup, teardown),
		cmocka_unit_test_setup_teardown(taken_over, setup, teardown),
		cmocka_unit_test_setup_teardown(spoofed, setup, teardown),
	};

	return cmocka_run_group_tests_name("unknown", tests, NULL, NULL);
}

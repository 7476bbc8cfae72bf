// SPDX-License-Identifier: GPL-2.0-or-later
/* test_tunnel.c - the states of a tunnel, why it fell, and what is told of it */
#include "tunnel_build.h"

#define NAME "10.0.0.1-10.0.0.2"

static void test_up_by_ike(void **unused)
{
	(void)unused;
	init_pair();
	look();
	assert_tunnel(NAME, STATE_TUNNEL_NEGOTIATING, TIMELINE_CERTAIN);
	pair(LEFT, AUTH, 1, 288, AUTH_GOOD);
	look();
	/* By sizes alone: never certain */
	assert_tunnel(NAME, STATE_TUNNEL_UP, TIMELINE_LIKELY);
	assert_int_equal(tunnel_at(0)->ike_count, 1);
	assert_true(tunnel_at(0)->ike_spis[0] == SPI_I);
	both(0x11, 0x22, 5);
	look();
	assert_tunnel(NAME, STATE_TUNNEL_UP, TIMELINE_CERTAIN);
	assert_int_equal(tunnel_at(0)->in.packets, 5);
	assert_int_equal(tunnel_at(0)->out.bytes, 500);
	assert_int_equal(tunnel_at(0)->flaps, 0);
	assert_int_equal(tunnel_at(0)->last_down_ns, 0);
	assert_int_equal(sas[0].tunnel, 0);
	assert_int_equal(told_of(TIMELINE_TUNNEL_NEW, NULL), 1);
	assert_int_equal(told_of(TIMELINE_TUNNEL_NEGOTIATING, NULL), 1);
	assert_int_equal(told_of(TIMELINE_TUNNEL_UP, NULL), 1);
	assert_int_equal(told_of(TIMELINE_TUNNEL_DOWN, NULL), 0);
}

static void test_idle(void **unused)
{
	(void)unused;
	up();
	traffic(0x11, 0x22, 3);
	assert_tunnel(NAME, STATE_TUNNEL_UP, TIMELINE_CERTAIN);
	wait_seconds(70);
	assert_int_equal(tunnel_at(0)->state, STATE_TUNNEL_IDLE);
	traffic(0x11, 0x22, 1);
	assert_int_equal(tunnel_at(0)->state, STATE_TUNNEL_UP);
	assert_int_equal(tunnel_at(0)->flaps, 0);
	assert_int_equal(told_of(TIMELINE_TUNNEL_IDLE, NULL), 1);
	assert_int_equal(told_of(TIMELINE_TUNNEL_UP, NULL), 2);
}

static void test_up_by_esp(void **unused)
{
	(void)unused;
	both(0x11, 0x22, 5);
	look();
	assert_tunnel(NAME, STATE_TUNNEL_UP, TIMELINE_LIKELY);
	wait_seconds(70);
	/* Whether it still stands nobody can tell */
	assert_tunnel(NAME, STATE_TUNNEL_IDLE, TIMELINE_POSSIBLE);
}

static void test_one_way(void **unused)
{
	(void)unused;
	esp(LEFT, 0x22, 5);
	look();
	assert_tunnel(NAME, STATE_TUNNEL_UP, TIMELINE_POSSIBLE);
	assert_non_null(strstr(tunnel_at(0)->evidence, "only out"));
}

/* DPD is not answered, and given up; then the tunnel comes again. */
static void test_dpd_timeout(void **unused)
{
	static const unsigned int gaps[] = {400, 720, 1296, 2333};
	const struct timeline_entry *e = NULL;

	(void)unused;
	up();
	pair(LEFT, INFO, 2, EMPTY, EMPTY);
	after(10 * SECOND);
	pair(LEFT, INFO, 3, EMPTY, EMPTY);
	traffic(0x11, 0x22, 5);
	for (unsigned int i = 0; i < 4; i++) {
		sk(LEFT, INFO, false, 4, EMPTY);
		after(gaps[i] * MS);
		esp(LEFT, 0x22, 5); /* it does not know yet */
		look();
	}
	assert_int_equal(tunnel_at(0)->state, STATE_TUNNEL_UP);
	assert_non_null(strstr(tunnel_at(0)->evidence, "unanswered"));
	wait_seconds(10);
	assert_tunnel(NAME, STATE_TUNNEL_DOWN, TIMELINE_LIKELY);
	assert_string_equal(tunnel_at(0)->down_cause, "dpd-timeout");
	assert_int_equal(tunnel_at(0)->since_ns, tunnel_at(0)->last_down_ns);
	assert_int_equal(tunnel_at(0)->spi_count, 0);
	assert_int_equal(told_of(TIMELINE_TUNNEL_DOWN, &e), 1);
	assert_string_equal(e->id, "dpd-timeout");
	assert_int_equal(e->severity, TIMELINE_CRITICAL);
	assert_non_null(
		strstr(e->text, "peer stopped answering: DPD INFORMATIONAL 4 sent 4 times from 22:13"));
	assert_non_null(strstr(e->text, "last good exchange INFORMATIONAL 3 at 22:13"));
	assert_int_equal(e->initiator_spi, SPI_I);

	begin_another();
	look();
	assert_int_equal(tunnel_at(0)->state, STATE_TUNNEL_NEGOTIATING);
	sk(RIGHT, AUTH, true, 1, AUTH_GOOD);
	traffic(0x33, 0x44, 3);
	assert_tunnel(NAME, STATE_TUNNEL_UP, TIMELINE_CERTAIN);
	assert_int_equal(tunnel_at(0)->flaps, 1);
	assert_int_equal(tunnel_at(0)->rekeys, 0);
	assert_string_equal(tunnel_at(0)->down_cause, "dpd-timeout");
	assert_int_equal(tunnel_at(0)->spi_count, 2);
}

/* Down and up again between two looks is a flap all the same. */
static void test_flap_between_looks(void **unused)
{
	(void)unused;
	up();
	traffic(0x11, 0x22, 2);
	pair(RIGHT, INFO, 0, EMPTY, EMPTY);
	begin_another();
	sk(RIGHT, AUTH, true, 1, AUTH_GOOD);
	after(10 * MS);
	look();
	assert_int_equal(tunnel_at(0)->state, STATE_TUNNEL_UP);
	assert_int_equal(tunnel_at(0)->flaps, 1);
	assert_string_equal(tunnel_at(0)->down_cause, "ike-sa-deleted-by-peer");
	assert_int_equal(told_of(TIMELINE_TUNNEL_DOWN, NULL), 1);
	assert_int_equal(told_of(TIMELINE_TUNNEL_UP, NULL), 2);
}

static void on_ended(void *arg, uint64_t id, uint64_t since_ns)
{
	unsigned int *count = arg;

	++*count;
	conversation_traffic_ended(c, id, since_ns, now);
}

/* An INFORMATIONAL like any other; that it was a delete shows when its ESP stops. */
static void test_deleted_by_peer(void **unused)
{
	unsigned int count = 0;

	(void)unused;
	up();
	traffic(0x11, 0x22, 3);
	pair(RIGHT, INFO, 0, EMPTY, EMPTY);
	for (int i = 0; i < 14; i++) {
		after(SECOND);
		look();
		tunnels_ended(tunnels, on_ended, &count);
	}
	look();
	assert_int_equal(count, 1);
	assert_tunnel(NAME, STATE_TUNNEL_DOWN, TIMELINE_LIKELY);
	assert_string_equal(tunnel_at(0)->down_cause, "ike-sa-deleted-by-peer");
}

/* The same from here is nobody's fault. */
static void test_deleted_by_us(void **unused)
{
	unsigned int count = 0;

	(void)unused;
	up();
	traffic(0x11, 0x22, 3);
	pair(LEFT, INFO, 2, EMPTY, EMPTY);
	wait_seconds(12);
	tunnels_ended(tunnels, on_ended, &count);
	look();
	assert_int_equal(tunnel_at(0)->state, STATE_TUNNEL_UP); /* it was told in an earlier look */
	assert_int_equal(count, 0);
	traffic(0x11, 0x22, 1);
	pair(LEFT, INFO, 3, EMPTY, EMPTY);
	for (int i = 0; i < 14; i++) {
		after(SECOND);
		look();
		tunnels_ended(tunnels, on_ended, &count);
	}
	look();
	assert_tunnel(NAME, STATE_TUNNEL_DOWN, TIMELINE_LIKELY);
	assert_string_equal(tunnel_at(0)->down_cause, "");
}

/* The delete that follows a rekey ends the old child SA: that nothing is sent any more is no end of the IKE SA. */
static void test_idle_after_a_rekey(void **unused)
{
	unsigned int count = 0;

	(void)unused;
	up();
	traffic(0x11, 0x22, 3);
	pair(RIGHT, CHILD, 0, CHILD_GOOD, CHILD_GOOD);
	pair(RIGHT, INFO, 1, EMPTY, EMPTY);
	both(0x13, 0x24, 10);
	for (int i = 0; i < 70; i++) {
		after(SECOND);
		look();
		tunnels_ended(tunnels, on_ended, &count);
	}
	assert_int_equal(count, 1);
	assert_state(sa_at(0), "established", "certain", "active");
	assert_int_equal(tunnel_at(0)->state, STATE_TUNNEL_IDLE);
	assert_int_equal(tunnel_at(0)->rekeys, 1);
	assert_int_equal(told_of(TIMELINE_TUNNEL_DOWN, NULL), 0);
	/* Another of the same end may be one. */
	both(0x13, 0x24, 10);
	pair(RIGHT, INFO, 2, EMPTY, EMPTY);
	for (int i = 0; i < 14; i++) {
		after(SECOND);
		look();
		tunnels_ended(tunnels, on_ended, &count);
	}
	look();
	assert_string_equal(tunnel_at(0)->down_cause, "ike-sa-deleted-by-peer");
}

/* Idle, with a peer that is gone: that shows when the daemon is stopped, and its next IKE SA stands a second later. */
static void test_fall_while_idle(void **unused)
{
	uint64_t fell;

	(void)unused;
	up();
	traffic(0x11, 0x22, 3);
	wait_seconds(70);
	assert_int_equal(tunnel_at(0)->state, STATE_TUNNEL_IDLE);
	fell = now;
	sk(LEFT, INFO, false, 2, EMPTY);
	assert_true(conversation_daemon_ended(c, spi_i, spi_r, now));
	after(SECOND);
	begin_another();
	sk(RIGHT, AUTH, true, 1, AUTH_GOOD);
	after(MS);
	look();
	assert_int_equal(tunnel_at(0)->state, STATE_TUNNEL_UP);
	assert_int_equal(tunnel_at(0)->flaps, 1);
	assert_true(tunnel_at(0)->last_down_ns == fell);
	assert_int_equal(told_of(TIMELINE_TUNNEL_DOWN, NULL), 1);
}

static void delete_and_wait(enum end by, uint32_t id)
{
	unsigned int count = 0;

	pair(by, INFO, id, EMPTY, EMPTY);
	for (int i = 0; i < 14; i++) {
		after(SECOND);
		look();
		tunnels_ended(tunnels, on_ended, &count);
	}
	look();
	assert_int_equal(tunnel_at(0)->state, STATE_TUNNEL_DOWN);
}

/* Each fall keeps its cause, whatever was tried in vain until it came back. */
static void test_causes_of_falls(void **unused)
{
	const struct state_tunnel *t;
	uint64_t fell;

	(void)unused;
	up();
	traffic(0x11, 0x22, 3);
	fell = now;
	delete_and_wait(RIGHT, 0); /* the peer's, and then an attempt that it refuses */
	spi_i++;
	spi_r++;
	init_request(1, 0);
	after(2 * MS);
	init_notify(14, 0);
	wait_seconds(5);
	t = tunnel_at(0);
	assert_string_equal(t->down_cause, "ike-proposal-mismatch");
	assert_int_equal(t->fall_count, 1);
	assert_string_equal(t->falls[0].cause, "ike-sa-deleted-by-peer");
	assert_in_range(t->falls[0].at_ns, fell, fell + SECOND);
	begin_another();
	sk(RIGHT, AUTH, true, 1, AUTH_GOOD);
	after(MS);
	traffic(0x33, 0x44, 3);
	assert_string_equal(tunnel_at(0)->down_cause, "ike-sa-deleted-by-peer");
	delete_and_wait(LEFT, 2);
	t = tunnel_at(0);
	assert_int_equal(t->fall_count, 2);
	assert_string_equal(t->falls[0].cause, "");
	assert_string_equal(t->falls[1].cause, "ike-sa-deleted-by-peer");
	assert_int_equal(t->falls[0].at_ns, t->last_down_ns);
}

/* Ended by the initiator a second after IKE_AUTH, and begun anew. */
static void end_at_once(enum end who_sent)
{
	up();
	look();
	after(100 * MS);
	esp(who_sent, 0x11, 5);
	after(500 * MS);
	pair(LEFT, INFO, 2, EMPTY, EMPTY);
	after(SECOND);
	begin_another();
	sk(RIGHT, AUTH, true, 1, AUTH_GOOD);
	after(10 * MS);
	look();
}

/* Who refuses what it was answered does not use it. */
static void test_used_is_not_refused(void **unused)
{
	(void)unused;
	end_at_once(LEFT);
	assert_state(sa_at(0), "deleted", "likely", "delete-then-new");
	assert_int_equal(tunnel_at(0)->state, STATE_TUNNEL_UP);
	assert_int_equal(tunnel_at(0)->flaps, 1);
	assert_string_equal(tunnel_at(0)->down_cause, "");
}

static void test_refused_by_the_initiator(void **unused)
{
	(void)unused;
	end_at_once(RIGHT);
	assert_state(sa_at(0), "failed", "likely", "auth-revoked");
	assert_string_equal(tunnel_at(0)->down_cause, "ike-auth-failed");
}

static void test_never_up(void **unused)
{
	const struct timeline_entry *e = NULL;

	(void)unused;
	init_request(1, 0);
	for (int i = 0; i < 4; i++) {
		after(400 * MS << i);
		init_request(1, 0);
		look();
	}
	assert_tunnel(NAME, STATE_TUNNEL_NEGOTIATING, TIMELINE_CERTAIN);
	wait_seconds(20);
	assert_tunnel(NAME, STATE_TUNNEL_DOWN, TIMELINE_LIKELY);
	assert_string_equal(tunnel_at(0)->down_cause, "ike-no-response");
	assert_int_equal(tunnel_at(0)->last_down_ns, 0);
	assert_int_equal(told_of(TIMELINE_TUNNEL_DOWN, &e), 1);
	assert_int_equal(e->severity, TIMELINE_WARNING);
	assert_non_null(strstr(e->text, "peer never answered: IKE_SA_INIT 0 sent 5 times"));
	/* Again and again is told once */
	spi_i++;
	init_request(2, 0);
	after(400 * MS);
	init_request(2, 0);
	wait_seconds(40);
	assert_int_equal(tunnel_at(0)->state, STATE_TUNNEL_DOWN);
	assert_int_equal(told_of(TIMELINE_TUNNEL_DOWN, NULL), 1);
}

/* The peer asks and we say nothing. */
static void test_not_answered(void **unused)
{
	struct conversation_endpoint left = ends[LEFT];

	(void)unused;
	ends[LEFT] = ends[RIGHT];
	ends[RIGHT] = left;
	input.is_local = NULL;
	for (int i = 0; i < 4; i++) {
		init_request(1, 0);
		after(400 * MS << i);
	}
	look();
	/* Nobody told whose view this is: who begins is local */
	assert_string_equal(tunnel_at(0)->name, "10.0.0.2-10.0.0.1");
	wait_seconds(20);
	assert_string_equal(tunnel_at(0)->down_cause, "ike-no-response");
}

static void test_refused(void **unused)
{
	(void)unused;
	init_request(1, 0);
	after(2 * MS);
	init_notify(14, 0);
	look();
	assert_tunnel(NAME, STATE_TUNNEL_DOWN, TIMELINE_CERTAIN);
	assert_string_equal(tunnel_at(0)->down_cause, "ike-proposal-mismatch");
}

static void test_auth_failed(void **unused)
{
	(void)unused;
	init_pair();
	pair(LEFT, AUTH, 1, 288, NOTIFY);
	look();
	assert_tunnel(NAME, STATE_TUNNEL_DOWN, TIMELINE_LIKELY);
	assert_string_equal(tunnel_at(0)->down_cause, "ike-auth-failed");
}

static void test_child_failed(void **unused)
{
	(void)unused;
	init_pair();
	pair(LEFT, AUTH, 1, 288, AUTH_NO_CHILD);
	look();
	assert_tunnel(NAME, STATE_TUNNEL_DOWN, TIMELINE_LIKELY);
	assert_string_equal(tunnel_at(0)->down_cause, "child-sa-failed");
}

static void test_float_unanswered(void **unused)
{
	(void)unused;
	init_pair();
	port(4500);
	for (int i = 0; i < 4; i++) {
		sk(LEFT, AUTH, false, 1, 288);
		after(400 * MS << i);
	}
	wait_seconds(30);
	assert_string_equal(tunnel_at(0)->down_cause, "nat-t-port-blocked");
}

/* Works until the first rekey. */
static void test_rekey_failing(void **unused)
{
	(void)unused;
	up();
	traffic(0x11, 0x22, 5);
	pair(LEFT, CHILD, 2, 480, NOTIFY);
	traffic(0x11, 0x22, 5);
	pair(LEFT, CHILD, 3, 480, NOTIFY);
	look();
	assert_int_equal(tunnel_at(0)->state, STATE_TUNNEL_UP);
	assert_non_null(strstr(tunnel_at(0)->evidence, "CREATE_CHILD_SA refused 2 times"));
	wait_seconds(65);
	assert_tunnel(NAME, STATE_TUNNEL_DOWN, TIMELINE_LIKELY);
	assert_string_equal(tunnel_at(0)->down_cause, "child-rekey-failing");
	assert_int_equal(tunnel_at(0)->rekeys, 0);
}

/* The tracker thinks that the IKE SA is dead, but its child SAs go on both ways: then it is not. */
static void test_traffic_disproves(void **unused)
{
	(void)unused;
	up();
	traffic(0x11, 0x22, 5);
	for (int i = 0; i < 4; i++) {
		sk(LEFT, INFO, false, 2, EMPTY);
		traffic(0x11, 0x22, 1u << i);
	}
	traffic(0x11, 0x22, 30);
	assert_int_equal(sa_at(0)->state, CONVERSATION_DEAD);
	assert_int_equal(tunnel_at(0)->state, STATE_TUNNEL_UP);
}

static void test_ike_rekey_carries(void **unused)
{
	(void)unused;
	up();
	traffic(0x11, 0x22, 3);
	pair(LEFT, CHILD, 2, 400, 400);
	pair(LEFT, INFO, 3, EMPTY, EMPTY);
	look();
	spi_i = 0xa1;
	spi_r = 0xa2;
	traffic(0x11, 0x22, 2);
	pair(LEFT, INFO, 0, EMPTY, EMPTY);
	traffic(0x11, 0x22, 2);
	pair(RIGHT, INFO, 0, EMPTY, EMPTY);
	traffic(0x11, 0x22, 2);
	assert_tunnel(NAME, STATE_TUNNEL_UP, TIMELINE_CERTAIN);
	assert_int_equal(tunnel_at(0)->ike_rekeys, 1);
	assert_int_equal(tunnel_at(0)->rekeys, 0);
	assert_int_equal(tunnel_at(0)->flaps, 0);
	assert_int_equal(told_of(TIMELINE_IKE_REKEY, NULL), 1);
	assert_int_equal(told_of(TIMELINE_TUNNEL_DOWN, NULL), 0);
}

/* The initiator has another address, and goes on (MOBIKE): the same tunnel, under its name. */
static void test_moves(void **unused)
{
	(void)unused;
	port(4500);
	up();
	traffic(0x11, 0x22, 2);
	address(RIGHT, 9);
	pair(LEFT, INFO, 2, EMPTY, EMPTY);
	look();
	traffic(0x33, 0x44, 2);
	assert_tunnel(NAME, STATE_TUNNEL_UP, TIMELINE_CERTAIN);
	assert_int_equal(tunnel_at(0)->remote[15], 9);
	assert_int_equal(tunnel_at(0)->in.packets, 40);
	assert_string_equal(tunnels_name(tunnels, ends[RIGHT].address, ends[LEFT].address), NAME);
}

/* Another address was used before the move was confirmed: what ran there is part of it. */
static void test_moves_late(void **unused)
{
	uint64_t packets;

	(void)unused;
	port(4500);
	up();
	traffic(0x11, 0x22, 2);
	address(RIGHT, 9);
	traffic(0x33, 0x44, 2);
	assert_int_equal(state.tunnel_count, 2);
	packets = tunnel_at(0)->in.packets + tunnel_at(1)->in.packets;
	pair(LEFT, INFO, 2, EMPTY, EMPTY);
	look();
	assert_int_equal(state.tunnel_count, 1);
	assert_int_equal(tunnel_at(0)->in.packets, packets);
	traffic(0x33, 0x44, 1);
	assert_int_equal(tunnel_at(0)->in.packets, packets + 10);
}

static void test_two_behind_nat(void **unused)
{
	(void)unused;
	port(4500);
	ends[RIGHT].port = 1024;
	up();
	look();
	spi_i += 10;
	spi_r += 10;
	ends[RIGHT].port = 1025;
	up();
	look();
	assert_int_equal(state.tunnel_count, 2);
	assert_string_equal(tunnel_at(0)->name, "10.0.0.1-10.0.0.2:1024");
	assert_string_equal(tunnel_at(1)->name, "10.0.0.1-10.0.0.2:1025");
	assert_int_equal(tunnel_at(1)->remote_port, 1025);
}

/* IKEv1: phase 1 alone is no tunnel. */
static void test_names(void **unused)
{
	static const uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1},
			     other[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 2};
	struct state_sa *sa = esp(LEFT, 0x22, 5);

	(void)unused;
	sa->family = 6;
	memcpy(sa->source, v6, 16);
	memcpy(sa->destination, other, 16);
	look();
	assert_tunnel("2001:db8::1-2001:db8::2", STATE_TUNNEL_UP, TIMELINE_POSSIBLE);
	assert_null(tunnels_name(tunnels, v6, v6));
}

static void test_transit(void **unused)
{
	(void)unused;
	address(LEFT, 7);
	/* left_is_local() asks for where LEFT is now */
	esp(LEFT, 0x22, 5);
	address(LEFT, 1);
	look();
	assert_true(tunnel_at(0)->transit);
}

static void test_path_mtu(void **unused)
{
	(void)unused;
	up();
	both(0x11, 0x22, 5);
	look();
	tunnels_path_mtu(tunnels, ends[LEFT].address, ends[RIGHT].address, 1400, "icmp", now);
	look();
	assert_int_equal(tunnel_at(0)->path_mtu, 1400);
	assert_int_equal(tunnel_at(0)->inner_mtu, 0); /* no fact of the transform */
	assert_string_equal(tunnel_at(0)->mtu_source, "icmp");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_up_by_ike, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_idle, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_up_by_esp, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_one_way, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_dpd_timeout, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_flap_between_looks, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_deleted_by_peer, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_deleted_by_us, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_idle_after_a_rekey, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_fall_while_idle, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_causes_of_falls, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_used_is_not_refused, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_refused_by_the_initiator, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_never_up, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_not_answered, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_refused, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_auth_failed, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_child_failed, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_float_unanswered, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_rekey_failing, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_traffic_disproves, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_ike_rekey_carries, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_moves, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_moves_late, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_two_behind_nat, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_names, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_transit, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_path_mtu, tunnel_start, tunnel_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

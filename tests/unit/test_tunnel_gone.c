// SPDX-License-Identifier: GPL-2.0-or-later
/* test_tunnel_gone.c - tunnels of which a daemon or the kernel has lost something: the IKE SA, or the child SA alone */
#include "tunnel_facts_build.h"

/* The daemon has lost its IKE SA, and nothing was on the wire. */
static void test_daemon_knows_better(void **unused)
{
	const struct timeline_entry *e = NULL;
	uint64_t went;

	(void)unused;
	use_daemon("office");
	daemon_facts.ike_count = daemon_facts.child_count = 1;
	up();
	both(0x11, 0x22, 10);
	look_facts();
	assert_tunnel("office", STATE_TUNNEL_UP, TIMELINE_CERTAIN);
	daemon_facts.ike_count = daemon_facts.child_count = 0;
	after(5 * SECOND);
	went = now;
	look_facts();
	settle_facts();
	assert_tunnel("office", STATE_TUNNEL_DOWN, TIMELINE_CERTAIN);
	/* When it fell, and not when it had come up */
	assert_true(tunnel_at(0)->last_down_ns == went);
	assert_true(tunnel_at(0)->since_ns == went);
	assert_int_equal(told_of(TIMELINE_TUNNEL_DOWN, &e), 1);
	assert_true(e && e->time_ns == went);
}

/* The same where only its ESP was seen: an agent that was started when the tunnel was up. */
static void test_fall_of_unseen(void **unused)
{
	const struct timeline_entry *e = NULL;
	uint64_t went;

	(void)unused;
	use_daemon("office");
	daemon_facts.ike_count = daemon_facts.child_count = 1;
	for (int i = 0; i < 5; i++) {
		daemon_facts.snapshot_ns = now;
		traffic(0x11, 0x22, 1);
	}
	assert_tunnel("office", STATE_TUNNEL_UP, TIMELINE_CERTAIN);
	assert_int_equal(told_of(TIMELINE_TUNNEL_DOWN, &e), 0);
	/* Its first message that is seen is one that nobody answers */
	for (unsigned int i = 0; i < 5; i++) {
		sk(LEFT, INFO, false, 2, EMPTY);
		settle_facts();
	}
	went = now;
	daemon_facts.ike_count = daemon_facts.child_count = 0;
	look_facts();
	settle_facts();
	assert_tunnel("office", STATE_TUNNEL_DOWN, TIMELINE_CERTAIN);
	assert_true(tunnel_at(0)->last_down_ns >= went);
	wait_seconds(20);
	assert_string_equal(tunnel_at(0)->down_cause, "dpd-timeout");
	assert_int_equal(tunnel_at(0)->fall_count, 1);
	assert_string_equal(tunnel_at(0)->falls[0].cause, "dpd-timeout");
	assert_true(told_of(TIMELINE_TUNNEL_DOWN, &e) > 0);
	assert_true(e && e->time_ns >= went);
	/* Up again: since then */
	daemon_facts.ike_count = daemon_facts.child_count = 1;
	children[0].spi_in++;
	children[0].spi_out++;
	after(20 * SECOND);
	look_facts();
	assert_tunnel("office", STATE_TUNNEL_UP, TIMELINE_CERTAIN);
	assert_true(tunnel_at(0)->since_ns == now);
	assert_int_equal(tunnel_at(0)->flaps, 1);
}

/* A responder's, before it knows who asks: no tunnel of its own. */
static void test_no_connection_yet(void **unused)
{
	(void)unused;
	use_daemon("office");
	ikes[1] = ikes[0];
	ikes[1].connection[0] = '\0';
	ikes[1].unique_id++;
	ikes[1].responder_spi++;
	ikes[1].state = FACT_IKE_CONNECTING;
	daemon_facts.ike_count = 2;
	daemon_facts.child_count = 1;
	look_facts();
	assert_tunnel("office", STATE_TUNNEL_UP, TIMELINE_CERTAIN);
}

/* ---- an IKE SA without a child SA */

static void come_up(void)
{
	use_daemon("office");
	daemon_facts.ike_count = daemon_facts.child_count = 1;
	up();
	daemon_facts.snapshot_ns = now;
	traffic(0x11, 0x22, 1);
	assert_tunnel("office", STATE_TUNNEL_UP, TIMELINE_CERTAIN);
}

/* Its rekeying was refused until it expired: nothing passes, although the IKE SA lives. */
static void test_child_expires(void **unused)
{
	const struct timeline_entry *e = NULL;
	uint64_t went;

	(void)unused;
	come_up();
	for (uint32_t id = 2; id < 5; id++) {
		pair(LEFT, CHILD, id, 400, 36 + 44);
		daemon_facts.snapshot_ns = now;
		traffic(0x11, 0x22, 5);
	}
	assert_int_equal(tunnel_at(0)->state, STATE_TUNNEL_UP);
	daemon_facts.child_count = 0;
	went = now;
	look_facts();
	assert_int_equal(tunnel_at(0)->state, STATE_TUNNEL_UP);
	settle_facts();
	assert_tunnel("office", STATE_TUNNEL_DOWN, TIMELINE_CERTAIN);
	assert_string_equal(tunnel_at(0)->down_cause, "child-rekey-failing");
	assert_true(tunnel_at(0)->since_ns == went);
	assert_int_equal(tunnel_at(0)->spi_count, 0);
	/* And so it stays: while it asks whether the peer lives, and tries in vain */
	for (uint32_t id = 5; id < 60; id++) {
		pair(LEFT, INFO, id, EMPTY, EMPTY);
		settle_facts();
	}
	pair(LEFT, CHILD, 60, 400, 36 + 44);
	settle_facts();
	assert_tunnel("office", STATE_TUNNEL_DOWN, TIMELINE_CERTAIN);
	assert_string_equal(tunnel_at(0)->down_cause, "child-rekey-failing");
	assert_int_equal(told_of(TIMELINE_TUNNEL_DOWN, &e), 1);
	assert_true(e && e->time_ns == went);
	/* Until there is one again; when its daemon is away, too */
	daemon_facts.available = false;
	settle_facts();
	assert_int_equal(tunnel_at(0)->state, STATE_TUNNEL_DOWN);
	daemon_facts.available = true;
	daemon_facts.child_count = 1;
	children[0].spi_in = 0x33;
	children[0].spi_out = 0x44;
	pair(LEFT, CHILD, 61, 400, 400);
	look_facts();
	assert_tunnel("office", STATE_TUNNEL_IDLE, TIMELINE_CERTAIN);
	assert_true(tunnel_at(0)->since_ns == now);
	assert_int_equal(tunnel_at(0)->flaps, 1);
}

/* Somebody ended it, for no reason that is seen; of a kernel that is not asked nobody knows whether traffic would bring it back. */
static void test_child_ended(void **unused)
{
	(void)unused;
	come_up();
	pair(LEFT, INFO, 2, 65 + 4, 65 + 4);
	daemon_facts.child_count = 0;
	look_facts();
	for (int i = 0; i < 5; i++)
		settle_facts();
	assert_tunnel("office", STATE_TUNNEL_DOWN, TIMELINE_LIKELY);
	assert_string_equal(tunnel_at(0)->down_cause, "");
	assert_int_equal(told_of(TIMELINE_TUNNEL_DOWN, NULL), 1);
}

/* A rekey's moment without one, and a list that was made in it. */
static void test_child_for_a_moment(void **unused)
{
	(void)unused;
	come_up();
	daemon_facts.child_count = 0;
	for (int i = 0; i < 2; i++) {
		look_facts();
		after(SECOND);
	}
	daemon_facts.child_count = 1;
	children[0].spi_in = 0x33;
	children[0].spi_out = 0x44;
	look_facts();
	settle_facts();
	assert_int_equal(tunnel_at(0)->state, STATE_TUNNEL_UP);
	assert_int_equal(told_of(TIMELINE_TUNNEL_DOWN, NULL), 0);
	/* Its daemon says nothing of it, and its ESP goes on */
	daemon_facts.child_count = 0;
	for (int i = 0; i < 20; i++) {
		daemon_facts.snapshot_ns = now;
		traffic(0x33, 0x44, 1);
	}
	assert_int_equal(tunnel_at(0)->state, STATE_TUNNEL_UP);
}

/* The daemon was restarted, its SAs work on: that is no fall. Of a daemon that is away nothing is known. */
static void test_sas_outlive_daemon(void **unused)
{
	(void)unused;
	use_daemon("office");
	daemon_facts.ike_count = daemon_facts.child_count = 1;
	up();
	both(0x11, 0x22, 10);
	look_facts();
	daemon_facts.ike_count = daemon_facts.child_count = 0;
	for (int i = 0; i < 5; i++) {
		daemon_facts.snapshot_ns = now;
		traffic(0x11, 0x22, 1);
	}
	assert_int_equal(tunnel_at(0)->state, STATE_TUNNEL_UP);
	daemon_facts.available = false;
	traffic(0x11, 0x22, 2);
	assert_tunnel("office", STATE_TUNNEL_UP, TIMELINE_CERTAIN);
	assert_int_equal(tunnel_at(0)->flaps, 0);
}

/* The kernel's policy asks for a child SA when there is traffic: on demand, none is as it should be. */
static void test_on_demand(void **unused)
{
	static struct fact_policy policy = {.direction = FACT_OUT, .has_template = true, .reqid = 3};

	(void)unused;
	come_up();
	kernel_pair(0, 0x11, 0x22, 3);
	look_facts();
	memcpy(policy.source, ends[LEFT].address, 16);
	memcpy(policy.destination, ends[RIGHT].address, 16);
	kernel.policies = &policy;
	kernel.policy_count = 1;
	kernel.sa_count = 0;
	daemon_facts.child_count = 0;
	look_facts();
	settle_facts();
	assert_tunnel("office", STATE_TUNNEL_IDLE, TIMELINE_CERTAIN);
	assert_int_equal(told_of(TIMELINE_TUNNEL_DOWN, NULL), 0);
	/* Without the policy nothing brings it back */
	kernel.policy_count = 0;
	look_facts();
	assert_tunnel("office", STATE_TUNNEL_DOWN, TIMELINE_CERTAIN);
	assert_int_equal(told_of(TIMELINE_TUNNEL_DOWN, NULL), 1);
	/* Nor does it come up when the daemon cannot be asked any more, or has no IKE SA either */
	daemon_facts.available = false;
	wait_seconds(5);
	daemon_facts.available = true;
	daemon_facts.ike_count = 0;
	settle_facts();
	assert_int_equal(tunnel_at(0)->state, STATE_TUNNEL_DOWN);
	assert_int_equal(told_of(TIMELINE_TUNNEL_UP, NULL), 1);
	assert_int_equal(told_of(TIMELINE_TUNNEL_DOWN, NULL), 1);
}

/* An IKE SA that has no child SA yet comes up, and one that gets none is down. */
static void test_first_child(void **unused)
{
	(void)unused;
	use_daemon("office");
	look_facts();
	daemon_facts.ike_count = 1;
	up();
	look_facts();
	assert_tunnel("office", STATE_TUNNEL_NEGOTIATING, TIMELINE_LIKELY);
	settle_facts();
	assert_tunnel("office", STATE_TUNNEL_DOWN, TIMELINE_LIKELY);
	assert_int_equal(tunnel_at(0)->last_down_ns, 0);
	assert_int_equal(told_of(TIMELINE_TUNNEL_UP, NULL), 0);
	daemon_facts.child_count = 1;
	look_facts();
	assert_tunnel("office", STATE_TUNNEL_UP, TIMELINE_CERTAIN);
	assert_int_equal(tunnel_at(0)->flaps, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_daemon_knows_better, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_sas_outlive_daemon, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_fall_of_unseen, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_no_connection_yet, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_child_expires, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_child_ended, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_child_for_a_moment, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_on_demand, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_first_child, tunnel_start, tunnel_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

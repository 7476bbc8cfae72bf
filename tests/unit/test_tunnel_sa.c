// SPDX-License-Identifier: GPL-2.0-or-later
/* test_tunnel_sa.c - child SAs of a tunnel: counters that never go back, pairs, and which replaced which */
#include "model/probe_mark.h"
#include "tunnel_build.h"

static const struct state_sa *sa_of(enum end from, uint32_t spi)
{
	const struct state_sa *sa = find_sa(from, spi);

	assert_non_null(sa);
	return sa;
}

static void test_rekey_without_ike(void **unused)
{
	const struct timeline_entry *e = NULL;

	(void)unused;
	traffic(0x11, 0x22, 5);
	traffic(0x33, 0x44, 10);
	assert_int_equal(tunnel_at(0)->rekeys, 1);
	assert_int_equal(sa_of(RIGHT, 0x33)->replaced_spi, 0x11);
	assert_int_equal(sa_of(LEFT, 0x44)->replaced_spi, 0x22);
	assert_int_equal(sa_of(RIGHT, 0x33)->partner_spi, 0x44);
	assert_int_equal(sa_of(LEFT, 0x44)->partner_spi, 0x33);
	assert_int_equal(sa_of(LEFT, 0x22)->partner_spi, 0x11);
	assert_false(sa_of(LEFT, 0x44)->partner_exact);
	assert_true(sa_of(LEFT, 0x44)->live);
	assert_false(sa_of(LEFT, 0x22)->live);
	assert_int_equal(tunnel_at(0)->spi_count, 2);
	assert_int_equal(tunnel_at(0)->in.packets, 150);
	assert_int_equal(told_of(TIMELINE_REKEY, &e), 1);
	assert_int_equal(e->confidence, TIMELINE_LIKELY);
	assert_int_equal(told_of(TIMELINE_SA_NEW, NULL), 4);
	assert_int_equal(told_of(TIMELINE_SA_GONE, NULL), 2);
	traffic(0x55, 0x66, 10);
	assert_int_equal(tunnel_at(0)->rekeys, 2);
	assert_int_equal(sa_of(LEFT, 0x66)->replaced_spi, 0x44);
}

/* The exchange and the SAs are one rekey, whichever is known first. */
static void test_rekey_counted_once(void **unused)
{
	(void)unused;
	up();
	traffic(0x11, 0x22, 5);
	pair(LEFT, CHILD, 2, 300, CHILD_GOOD);
	pair(LEFT, INFO, 3, EMPTY + 16, EMPTY + 16);
	traffic(0x33, 0x44, 10);
	assert_int_equal(tunnel_at(0)->rekeys, 1);
	pair(RIGHT, INFO, 0, EMPTY, EMPTY);
	traffic(0x33, 0x44, 10);
	assert_int_equal(tunnel_at(0)->rekeys, 1);
	pair(RIGHT, CHILD, 1, 300, CHILD_GOOD);
	pair(RIGHT, INFO, 2, EMPTY + 16, EMPTY + 16);
	pair(LEFT, INFO, 4, EMPTY, EMPTY);
	look();
	/* Nothing passes yet, and it is known all the same */
	assert_int_equal(tunnel_at(0)->rekeys, 2);
	traffic(0x55, 0x66, 10);
	assert_int_equal(tunnel_at(0)->rekeys, 2);
	assert_int_equal(told_of(TIMELINE_REKEY, NULL), 2);
}

/* A restart makes new SAs, and is no rekey. */
static void test_restart_is_no_rekey(void **unused)
{
	(void)unused;
	up();
	traffic(0x11, 0x22, 5);
	begin_another();
	sk(RIGHT, AUTH, true, 1, AUTH_GOOD);
	traffic(0x33, 0x44, 10);
	assert_int_equal(sa_of(LEFT, 0x44)->replaced_spi, 0x22);
	assert_int_equal(tunnel_at(0)->rekeys, 0);
}

/* Two child SAs side by side are two; then one of them is rekeyed. */
static void test_two_children(void **unused)
{
	(void)unused;
	for (int i = 0; i < 10; i++) {
		both(0x11, 0x22, 5);
		after(300 * MS);
		traffic(0x33, 0x44, 1);
	}
	for (int i = 0; i < 200; i++) {
		both(0x11, 0x22, 5);
		traffic(0x33, 0x44, 1);
	}
	assert_int_equal(tunnel_at(0)->rekeys, 0);
	assert_int_equal(sa_of(LEFT, 0x22)->partner_spi, 0x11);
	assert_int_equal(sa_of(LEFT, 0x44)->partner_spi, 0x33);
	for (int i = 0; i < 10; i++) {
		both(0x55, 0x66, 5);
		traffic(0x33, 0x44, 1);
	}
	assert_int_equal(tunnel_at(0)->rekeys, 1);
	assert_int_equal(sa_of(LEFT, 0x66)->replaced_spi, 0x22);
	assert_int_equal(sa_of(RIGHT, 0x55)->replaced_spi, 0x11);
	assert_int_equal(tunnel_at(0)->spi_count, 4);
}

/* First packets far apart: the only two belong together. */
static void test_pair_of_idle(void **unused)
{
	(void)unused;
	esp(LEFT, 0x22, 5);
	wait_seconds(30);
	esp(RIGHT, 0x11, 5);
	wait_seconds(5);
	assert_int_equal(sa_of(LEFT, 0x22)->partner_spi, 0x11);
}

static void test_counters(void **unused)
{
	struct state_sa *sa;

	(void)unused;
	both(0x11, 0x22, 10);
	look();
	sa = esp(RIGHT, 0x11, 10);
	sa->sequence.lost = 7;
	sa->sequence.late = 3;
	sa->sequence.duplicate = 2;
	sa->sequence.too_old = 1;
	sa->fragmented = 5;
	sa->fragments_incomplete = 4;
	look();
	assert_int_equal(tunnel_at(0)->in.lost, 7);
	assert_int_equal(tunnel_at(0)->in.fragments_incomplete, 4);
	/* What is open now and complete later goes back in the SA; the tunnel's only rise */
	sa->fragments_incomplete = 1;
	look();
	assert_int_equal(tunnel_at(0)->in.fragments_incomplete, 4);
	sa->fragments_incomplete = 5;
	look();
	assert_int_equal(tunnel_at(0)->in.fragments_incomplete, 5);
	assert_int_equal(tunnel_at(0)->in.packets, 20);
	assert_int_equal(tunnel_at(0)->in.received, 20);
	assert_int_equal(tunnel_at(0)->in.late, 3);
	assert_int_equal(tunnel_at(0)->in.duplicate, 2);
	assert_int_equal(tunnel_at(0)->in.too_old, 1);
	assert_int_equal(tunnel_at(0)->in.fragmented, 5);
	assert_int_equal(tunnel_at(0)->out.packets, 10);
}

/* Its entry was replaced, and it came again: it begins at 0, and adds to what there was. */
static void test_evicted_and_back(void **unused)
{
	(void)unused;
	both(0x11, 0x22, 100);
	look();
	remove_sa(RIGHT, 0x11);
	wait_seconds(2);
	assert_int_equal(tunnel_at(0)->in.packets, 100);
	esp(RIGHT, 0x11, 30);
	look();
	assert_int_equal(tunnel_at(0)->in.packets, 130);
	/* Between two looks, and with more than it had */
	remove_sa(RIGHT, 0x11);
	after(2 * SECOND);
	esp(RIGHT, 0x11, 500);
	look();
	assert_int_equal(tunnel_at(0)->in.packets, 630);
}

/* A clock that is set moves all times, and makes no new SA. */
static void test_clock_set(void **unused)
{
	(void)unused;
	traffic(0x11, 0x22, 100);
	for (size_t i = 0; i < state.sa_count; i++) {
		sas[i].first_ns += 5 * SECOND;
		sas[i].last_ns += 5 * SECOND;
	}
	look();
	assert_int_equal(tunnel_at(0)->in.packets, 1000);
}

/* A gateway that forwards sees each SA come and go. */
static void test_forwarded_once(void **unused)
{
	struct state_sa *sa;

	(void)unused;
	address(LEFT, 7);
	both(0x11, 0x22, 10);
	sa = &sas[state.sa_count++];
	*sa = sas[0];
	sa->direction = sas[0].direction == ESP_DIR_IN ? ESP_DIR_OUT : ESP_DIR_IN;
	input.is_local = NULL;
	look();
	sas[0].packets = sa->packets = 20;
	look();
	assert_int_equal(tunnel_at(0)->in.packets + tunnel_at(0)->out.packets, 30);
	assert_int_equal(sa->tunnel, 0);
	/* The counted one goes: the other takes over, and nothing is lost or doubled but what passed in between */
	sas[0] = sas[1];
	sas[1] = sas[2];
	state.sa_count = 2;
	look();
	look();
	assert_true(tunnel_at(0)->in.packets + tunnel_at(0)->out.packets >= 30);
}

/* Invented SPIs make neither tunnels nor many child SAs. */
static void test_newcomers(void **unused)
{
	(void)unused;
	for (uint32_t i = 0; i < 20; i++)
		esp(RIGHT, 0x1000 + i, 1)->newcomer = true;
	look();
	assert_int_equal(state.tunnel_count, 0);
	up();
	look();
	look();
	assert_int_equal(state.tunnel_count, 1);
	assert_in_range(tunnels_stats(tunnels)->sas, 1, 4);
	/* The kernel knows it: it is no invention */
	sas[19].known = 1;
	look();
	assert_int_equal(sas[19].tunnel, 0);
}

/* Packets of `espial probe` are nobody's SA, unless the kernel has it, or it goes on. */
static void test_probes(void **unused)
{
	struct state_sa *sa;

	(void)unused;
	up();
	traffic(0x11, 0x22, 2);
	for (uint32_t i = 0; i < 4; i++)
		esp(RIGHT, PROBE_MARK + i, 1)->newcomer = true;
	look();
	assert_int_equal(tunnel_at(0)->in.packets, 20);
	sa = find_sa(RIGHT, PROBE_MARK);
	assert_int_equal(sa->tunnel, STATE_NO_TUNNEL);
	sa->newcomer = false;
	look();
	assert_int_equal(tunnel_at(0)->in.packets, 21);
}

static void test_limits(void **unused)
{
	(void)unused;
	tunnels_free(tunnels);
	tunnels = tunnels_new(&(struct tunnel_limits){.tunnels = 2, .sas = 3});
	for (unsigned int i = 2; i < 8; i++) {
		address(RIGHT, i);
		both(0x100 + i, 0x200 + i, 10);
	}
	look();
	assert_int_equal(state.tunnel_count, 2);
	assert_int_equal(tunnels_stats(tunnels)->sas, 3);
	assert_int_equal(tunnels_stats(tunnels)->refused, 9);
	look();
	assert_int_equal(tunnels_stats(tunnels)->refused, 9); /* now, and not ever more */
}

static void test_forgotten(void **unused)
{
	(void)unused;
	init_request(1, 0);
	after(2 * MS);
	init_notify(14, 0);
	look();
	assert_int_equal(state.tunnel_count, 1);
	after(25 * 3600 * SECOND);
	look();
	assert_int_equal(state.tunnel_count, 0);
	assert_int_equal(tunnels_stats(tunnels)->forgotten, 1);
}

/* ---- over a restart of the agent */

static struct tunnel_record saved_tunnels[4];
static struct tunnel_sa_record saved_sas[TUNNEL_SAS];
static unsigned int saved_tunnel_count, saved_sa_count;

static int save_tunnel(void *arg, const struct tunnel_record *record)
{
	(void)arg;
	saved_tunnels[saved_tunnel_count++] = *record;
	return 0;
}

static int save_sa(void *arg, const struct tunnel_sa_record *record)
{
	(void)arg;
	saved_sas[saved_sa_count++] = *record;
	return 0;
}

static void restart_agent(void)
{
	saved_tunnel_count = saved_sa_count = 0;
	assert_int_equal(tunnels_save(tunnels, save_tunnel, save_sa, NULL), 0);
	tunnels_free(tunnels);
	conversation_free(c);
	tunnels = tunnels_new(NULL);
	c = conversation_new(NULL);
	input.ike = c;
	for (unsigned int i = 0; i < saved_tunnel_count; i++)
		assert_int_equal(tunnels_restore_tunnel(tunnels, &saved_tunnels[i]), 0);
	for (unsigned int i = 0; i < saved_sa_count; i++)
		assert_int_equal(tunnels_restore_sa(tunnels, &saved_sas[i]), 0);
}

/* The tables were pinned: not a packet twice, not one less. */
static void test_restored_with_tables(void **unused)
{
	(void)unused;
	up();
	traffic(0x11, 0x22, 5);
	traffic(0x33, 0x44, 10);
	assert_int_equal(tunnel_at(0)->rekeys, 1);
	both(0x33, 0x44, 7); /* while no agent runs */
	restart_agent();
	assert_int_equal(saved_tunnel_count, 1);
	assert_int_equal(saved_sa_count, 4);
	look();
	assert_int_equal(tunnel_at(0)->in.packets, 157);
	assert_int_equal(tunnel_at(0)->out.packets, 157);
	assert_int_equal(tunnel_at(0)->rekeys, 1);
	assert_int_equal(tunnel_at(0)->state, STATE_TUNNEL_UP);
	wait_seconds(5);
	assert_int_equal(tunnel_at(0)->rekeys, 1);
	assert_int_equal(tunnel_at(0)->flaps, 0);
}

/* They were not: the SAs begin anew, the tunnel goes on. */
static void test_restored_without_tables(void **unused)
{
	(void)unused;
	up();
	traffic(0x11, 0x22, 5);
	restart_agent();
	state.sa_count = 0;
	after(3 * SECOND);
	both(0x11, 0x22, 80);
	look();
	assert_int_equal(tunnel_at(0)->in.packets, 130);
	assert_int_equal(state.tunnel_count, 1);
}

/* Names that need more than addresses. */
static void test_restored_nat(void **unused)
{
	(void)unused;
	port(4500);
	ends[RIGHT].port = 1025;
	up();
	look();
	restart_agent();
	spi_i++;
	up();
	look();
	assert_int_equal(state.tunnel_count, 1);
	assert_string_equal(tunnel_at(0)->name, "10.0.0.1-10.0.0.2:1025");
}

/* What the window of an SA still waits for is lost when it has not come for ten seconds, also when the SA has ended. */
static void test_missing_is_lost(void **unused)
{
	(void)unused;
	for (int comes = 0; comes < 2; comes++) {
		struct state_sa *sa;

		traffic(0x11, 0x22, 15);
		sa = find_sa(RIGHT, 0x11);
		sa->sequence.pending = 30;
		traffic(0x11, 0x22, 5);
		assert_int_equal(tunnel_at(0)->in.lost, 0);
		if (comes) {
			sa->sequence.pending = 10;
			sa->sequence.received += 20;
			sa->sequence.late += 20;
		}
		traffic(0x33, 0x44, 30);
		assert_int_equal(tunnel_at(0)->in.lost, comes ? 10 : 30);
		assert_int_equal(tunnel_at(0)->out.lost, 0);
		/* The window gives them up: they were counted */
		sa->sequence.lost = sa->sequence.pending;
		sa->sequence.pending = 0;
		wait_seconds(30);
		assert_int_equal(tunnel_at(0)->in.lost, comes ? 10 : 30);
		tunnel_stop(unused);
		tunnel_start(unused);
	}
}

/* Months of rekeys, and the tables still have every SA: each packet counts once, and an old one that comes once more, too. */
static void test_many_rekeys(void **unused)
{
	enum { REKEYS = 700 };
	uint64_t counted;

	(void)unused;
	for (uint32_t i = 0; i <= REKEYS; i++) {
		both(0x10000 + i, 0x20000 + i, 5);
		after(5 * SECOND);
		look();
		both(0x10000 + i, 0x20000 + i, 5);
		look();
	}
	wait_seconds(5);
	assert_int_equal(tunnel_at(0)->in.packets, 10 * (REKEYS + 1));
	assert_int_equal(tunnel_at(0)->out.packets, 10 * (REKEYS + 1));
	assert_int_equal(tunnel_at(0)->rekeys, REKEYS);
	esp(RIGHT, 0x10000, 1);
	look();
	esp(RIGHT, 0x10000, 1);
	wait_seconds(2);
	assert_in_range(tunnel_at(0)->in.packets, 10 * (REKEYS + 1) + 1, 10 * (REKEYS + 1) + 2);
	counted = tunnel_at(0)->in.packets;
	restart_agent();
	look();
	wait_seconds(2);
	assert_int_equal(tunnel_at(0)->in.packets, counted);
	/* And an agent that was restarted then has room for the next ones, too */
	after(60 * SECOND);
	for (uint32_t i = 1; i <= 3; i++)
		traffic(0x30000 + i, 0x40000 + i, 6);
	assert_int_equal(tunnel_at(0)->in.packets, counted + 180);
}

/* As many come late in each second as go missing: the traffic only overtakes itself. */
static void test_late_is_not_lost(void **unused)
{
	(void)unused;
	traffic(0x11, 0x22, 1);
	find_sa(RIGHT, 0x11)->sequence.pending = 300;
	for (int i = 0; i < 60; i++) {
		find_sa(RIGHT, 0x11)->sequence.late += 300;
		traffic(0x11, 0x22, 1);
	}
	assert_int_equal(tunnel_at(0)->in.lost, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rekey_without_ike, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_rekey_counted_once, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_restart_is_no_rekey, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_two_children, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_pair_of_idle, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_counters, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_evicted_and_back, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_clock_set, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_forwarded_once, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_newcomers, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_probes, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_limits, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_forgotten, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_restored_with_tables, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_restored_without_tables, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_restored_nat, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_missing_is_lost, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_many_rekeys, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_late_is_not_lost, tunnel_start, tunnel_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

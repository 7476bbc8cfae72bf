// SPDX-License-Identifier: GPL-2.0-or-later
/* test_tunnel_facts.c - tunnels with what the kernel and IKE daemons say of them */
#include "tunnel_facts_build.h"

static void test_configured_and_down(void **unused)
{
	(void)unused;
	use_daemon("office");
	look_facts();
	assert_tunnel("office", STATE_TUNNEL_DOWN, TIMELINE_CERTAIN);
	assert_true(tunnel_at(0)->named);
	/* It comes up: the same tunnel, now with both ends */
	up();
	look_facts();
	assert_int_equal(state.tunnel_count, 1);
	daemon_facts.ike_count = daemon_facts.child_count = 1;
	look_facts();
	assert_tunnel("office", STATE_TUNNEL_UP, TIMELINE_CERTAIN);
	assert_memory_equal(tunnel_at(0)->local, ends[LEFT].address, 16);
	assert_int_equal(tunnel_at(0)->reqid, 3);
	assert_int_equal(tunnel_at(0)->spi_count, 2);
	assert_int_equal(tunnel_at(0)->flaps, 0);
}

static void test_takes_the_name(void **unused)
{
	(void)unused;
	up();
	traffic(0x11, 0x22, 3);
	assert_string_equal(tunnel_at(0)->name, "10.0.0.1-10.0.0.2");
	use_daemon("office");
	daemon_facts.ike_count = daemon_facts.child_count = 1;
	look_facts();
	assert_tunnel("office", STATE_TUNNEL_UP, TIMELINE_CERTAIN);
	assert_int_equal(tunnel_at(0)->in.packets, 30);
	assert_true(find_sa(LEFT, 0x22)->partner_exact);
	/* The daemon goes away: the name stays */
	input.daemon_count = 0;
	traffic(0x11, 0x22, 1);
	assert_tunnel("office", STATE_TUNNEL_UP, TIMELINE_CERTAIN);
}

/* What was installed and never used ends when the facts no longer have it, and not when it was installed. */
static void test_unused_ends_late(void **unused)
{
	const struct timeline_entry *e = NULL;

	(void)unused;
	use_daemon("office");
	daemon_facts.ike_count = daemon_facts.child_count = 1;
	look_facts();
	after(40 * SECOND);
	daemon_facts.child_count = 0;
	look_facts();
	assert_int_equal(told_of(TIMELINE_SA_GONE, &e), 2);
	assert_true(e && e->time_ns == now);
}

/* Any peer: a tunnel for each. */
static void test_several_peers(void **unused)
{
	(void)unused;
	use_daemon("rw");
	memset(connections[0].remote, 0, 16);
	ikes[1] = ikes[0];
	ikes[1].unique_id = 8;
	ikes[1].remote[15] = 3;
	ikes[1].initiator_spi++;
	daemon_facts.ike_count = 2;
	look_facts();
	assert_int_equal(state.tunnel_count, 2);
	assert_string_equal(tunnel_at(0)->name, "rw/10.0.0.2");
	assert_string_equal(tunnel_at(1)->name, "rw/10.0.0.3");
	daemon_facts.ike_count = 1;
	after(SECOND);
	look_facts();
	assert_int_equal(state.tunnel_count, 2);
}

/* Two connections between the same ends: told apart by their IKE SAs. */
static void test_two_connections(void **unused)
{
	(void)unused;
	use_daemon("a");
	snprintf(connections[1].name, sizeof(connections[1].name), "b");
	memcpy(connections[1].remote, ends[RIGHT].address, 16);
	daemon_facts.connection_count = 2;
	ikes[1] = ikes[0];
	ikes[1].unique_id = 8;
	ikes[1].initiator_spi = SPI_I + 1;
	ikes[1].responder_spi = SPI_R + 1;
	snprintf(ikes[1].connection, sizeof(ikes[1].connection), "b");
	children[1] = children[0];
	children[1].ike_unique_id = 8;
	children[1].spi_in = 0x33;
	children[1].spi_out = 0x44;
	daemon_facts.ike_count = daemon_facts.child_count = 2;
	up();
	spi_i++;
	spi_r++;
	up();
	both(0x11, 0x22, 10);
	both(0x33, 0x44, 20);
	look_facts();
	assert_int_equal(state.tunnel_count, 2);
	assert_string_equal(tunnel_at(find_sa(LEFT, 0x22)->tunnel)->name, "a");
	assert_string_equal(tunnel_at(find_sa(LEFT, 0x44)->tunnel)->name, "b");
	assert_int_equal(tunnel_at(find_sa(LEFT, 0x44)->tunnel)->out.packets, 20);
	look_facts();
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(tunnel_at(i)->state, STATE_TUNNEL_UP);
		assert_int_equal(tunnel_at(i)->ike_count, 1);
	}
}

/* The daemon's newest child SA, told to be nearly a second older than it is, and seconds of traffic on it. */
static void daemon_child(uint32_t in, uint32_t out, unsigned int seconds)
{
	if (children[0].spi_in != in)
		children[0].installed_ns = now - 900 * MS;
	children[0].spi_in = in;
	children[0].spi_out = out;
	while (seconds--) {
		daemon_facts.snapshot_ns = now;
		traffic(in, out, 1);
	}
}

/* SAs seem to be older than what negotiated them: a rekey a second after the tunnel came up is one, and the next is one more. */
static void test_rekeyed_at_once(void **unused)
{
	(void)unused;
	use_daemon("office");
	up();
	children[0].installed_ns = now - 900 * MS;
	daemon_facts.ike_count = daemon_facts.child_count = 1;
	traffic(0x11, 0x22, 1);
	pair(LEFT, CHILD, 2, 400, 400);
	pair(LEFT, INFO, 3, 65, 65);
	daemon_child(0x33, 0x44, 10);
	assert_tunnel("office", STATE_TUNNEL_UP, TIMELINE_CERTAIN);
	assert_int_equal(tunnel_at(0)->rekeys, 1);
	/* Once more, and the IKE SA goes on: no second one by its exchanges alone */
	pair(LEFT, CHILD, 4, 400, 400);
	pair(LEFT, INFO, 5, 65, 65);
	daemon_child(0x55, 0x66, 10);
	pair(LEFT, INFO, 6, EMPTY, EMPTY);
	daemon_child(0x55, 0x66, 2);
	assert_int_equal(tunnel_at(0)->rekeys, 2);
}

/* The first packet of an SA just before it is rekeyed: it was not made by what replaced it, or the rekey would count twice. */
static void test_used_just_before_its_rekey(void **unused)
{
	(void)unused;
	use_daemon("office");
	up();
	children[0].installed_ns = now;
	daemon_facts.ike_count = daemon_facts.child_count = 1;
	traffic(0x11, 0x22, 1);
	pair(LEFT, CHILD, 2, 400, 400);
	pair(LEFT, INFO, 3, 65, 65);
	daemon_child(0x33, 0x44, 0);
	children[0].installed_ns = now + 500 * MS; /* it tells whole seconds */
	after(SECOND);
	both(0x33, 0x44, 2);
	after(60 * MS);
	pair(LEFT, CHILD, 4, 400, 400);
	pair(LEFT, INFO, 5, 65, 65);
	daemon_child(0x55, 0x66, 10);
	pair(LEFT, INFO, 6, EMPTY, EMPTY);
	daemon_child(0x55, 0x66, 2);
	assert_int_equal(tunnel_at(0)->rekeys, 2);
}

static void test_kernel_installed(void **unused)
{
	(void)unused;
	kernel_pair(0, 0x11, 0x22, 5);
	look();
	assert_tunnel("10.0.0.1-10.0.0.2", STATE_TUNNEL_IDLE, TIMELINE_CERTAIN);
	assert_int_equal(tunnel_at(0)->reqid, 5);
	assert_int_equal(tunnel_at(0)->spi_count, 2);
	traffic(0x11, 0x22, 3);
	assert_int_equal(tunnel_at(0)->state, STATE_TUNNEL_UP);
	assert_int_equal(tunnel_at(0)->in.packets, 30);
	assert_int_equal(find_sa(LEFT, 0x22)->partner_spi, 0x11);
	/* A new pair with the same reqid, long before the old one stops */
	kernel_pair(1, 0x33, 0x44, 5);
	for (int i = 0; i < 5; i++)
		traffic(0x33, 0x44, 1);
	assert_int_equal(tunnel_at(0)->rekeys, 1);
	assert_int_equal(find_sa(LEFT, 0x44)->replaced_spi, 0x22);
	/* Everything is flushed */
	kernel.sa_count = 0;
	wait_seconds(5);
	assert_int_equal(tunnel_at(0)->state, STATE_TUNNEL_DOWN);
}

static void test_mtu_by_facts(void **unused)
{
	(void)unused;
	kernel_pair(0, 0x11, 0x22, 5);
	look();
	tunnels_path_mtu(tunnels, ends[LEFT].address, ends[RIGHT].address, 1500, "probe", now);
	look();
	/* 1500 - 20 - 8 (ESP) - 8 (IV) - 16 (ICV) = 1448, of which a multiple of 4 less the trailer's 2 */
	assert_int_equal(tunnel_at(0)->inner_mtu, 1446);
	assert_int_equal(tunnel_at(0)->mss4, 1406);
	assert_int_equal(tunnel_at(0)->mss6, 1386);
	tunnels_path_mtu(tunnels, ends[LEFT].address, ends[RIGHT].address, 0, "probe", now);
	look();
	assert_int_equal(tunnel_at(0)->path_mtu, 0);
	assert_int_equal(tunnel_at(0)->inner_mtu, 0);
}

static void test_mtu_by_daemon(void **unused)
{
	(void)unused;
	use_daemon("office");
	snprintf(children[0].suite, sizeof(children[0].suite), "AES_CBC_256/HMAC_SHA2_256_128/ESN");
	children[0].encapsulated = true;
	children[0].mode = FACT_TUNNEL;
	daemon_facts.ike_count = daemon_facts.child_count = 1;
	look_facts();
	tunnels_path_mtu(tunnels, ends[LEFT].address, ends[RIGHT].address, 1500, "icmp", now);
	look_facts();
	/* 1500 - 20 - 8 (UDP) - 8 - 16 (IV) - 16 (ICV) = 1432, of which 1424 in blocks of 16, less 2 */
	assert_int_equal(tunnel_at(0)->inner_mtu, 1422);
}

/* Nobody told of a path MTU: it is at most that of the interface by which the tunnel's own ESP leaves. */
static void test_mtu_by_interface(void **unused)
{
	static struct state_interface interfaces[2] = {{.name = "wan0", .mtu = 1492},
						       {.name = "lan0", .mtu = 9000}};

	(void)unused;
	kernel_pair(0, 0x11, 0x22, 5);
	esp(LEFT, 0x22, 10);
	esp(RIGHT, 0x11, 10);
	state.interfaces = interfaces;
	state.interface_count = 2;
	look();
	assert_int_equal(tunnel_at(0)->path_mtu, 0);
	snprintf(find_sa(LEFT, 0x22)->interface, STATE_NAME, "wan0");
	snprintf(find_sa(RIGHT, 0x11)->interface, STATE_NAME, "lan0");
	find_sa(LEFT, 0x22)->direction = ESP_DIR_OUT;
	look();
	assert_int_equal(tunnel_at(0)->path_mtu, 1492);
	assert_string_equal(tunnel_at(0)->mtu_source, "interface");
	assert_int_equal(tunnel_at(0)->mtu_ns, 0);
	assert_int_equal(tunnel_at(0)->inner_mtu, 1438);
	assert_string_equal(tunnel_at(0)->proposal, "aes256gcm16");
	assert_string_equal(tunnel_at(0)->mode, "tunnel");
	/* What somebody told is better, and is forgotten again */
	tunnels_path_mtu(tunnels, ends[LEFT].address, ends[RIGHT].address, 1400, "icmp", now);
	look();
	assert_int_equal(tunnel_at(0)->path_mtu, 1400);
	assert_string_equal(tunnel_at(0)->mtu_source, "icmp");
	assert_int_equal(tunnel_at(0)->inner_mtu, 1346);
	tunnels_path_mtu(tunnels, ends[LEFT].address, ends[RIGHT].address, 0, "icmp", now);
	interfaces[0].mtu = 1480;
	look();
	assert_int_equal(tunnel_at(0)->path_mtu, 1480);
	assert_int_equal(tunnel_at(0)->inner_mtu, 1426);
	state.interfaces = NULL;
	state.interface_count = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_configured_and_down, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_takes_the_name, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_several_peers, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_two_connections, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_unused_ends_late, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_rekeyed_at_once, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_used_just_before_its_rekey, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_kernel_installed, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_mtu_by_facts, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_mtu_by_daemon, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_mtu_by_interface, tunnel_start, tunnel_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interfaces that come, go, are renamed, stacked or too many, while they are watched.
 *
 * timeout: 600 (each case loads the programs)
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "prog/live_host.h"

static void watch(struct host_live *l, const char *pattern)
{
	if (host_open(l, LIVE_XDP_AUTO, 0, &pattern, 1))
		fail_msg("not opened: %s", l->error);
}

static void a_rename_is_followed(void **state)
{
	struct host_live l;
	struct state_interface now;

	(void)state;
	host_fresh();
	host_watch(&l, LIVE_XDP_AUTO, 0);
	host_do("ip link set b0 name wan0");
	host_expect_ingress(&l, "wan0", "xdp native");
	assert_false(host_interface(&l, "b0", &now));
	assert_non_null(strstr(l.lines, "b0: is called wan0 now"));
	host_do("ip link add b0 type veth peer name b1"); /* the name that was asked for is there again */
	host_expect_ingress(&l, "b0", "xdp native");
	host_expect_ingress(&l, "wan0", "xdp native");
	host_close(&l);
	host_expect_bare("wan0");
	host_expect_bare("b0");
}

static uint64_t seen_on(struct host_live *l, const char *name)
{
	struct state_interface now;

	assert_true(host_interface(l, name, &now));
	return now.in.seen;
}

/* Three ARP requests in; waits until they are counted. */
static void send_three(struct host_live *l, uint64_t before)
{
	host_do("ip addr replace 10.9.0.1/24 dev a0; ping -q -c 3 -i 0.2 -W 1 10.9.0.77 >/dev/null; true");
	for (int i = 0; i < 6000 && seen_on(l, "b0") < before + 3; i++)
		usleep(10000);
	assert_true(seen_on(l, "b0") >= before + 3);
}

static void a_name_that_returns_goes_on_counting(void **state)
{
	struct host_live l;
	struct state_interface now;
	uint64_t before;

	(void)state;
	host_fresh();
	host_watch(&l, LIVE_XDP_AUTO, 0);
	send_three(&l, 0);
	host_do("ip link del b0");
	host_expect_ingress(&l, "b0", "none");
	assert_true(host_interface(&l, "b0", &now));
	assert_string_equal(now.note, "gone");
	assert_int_equal(now.ifindex, 0);
	before = now.in.seen;
	host_do("ip link add a0 type veth peer name b0 && ip link set a0 up && ip link set b0 up");
	host_expect_ingress(&l, "b0", "xdp native");
	assert_true(host_interface(&l, "b0", &now));
	assert_true(now.in.seen >= before);
	send_three(&l, now.in.seen);
	host_close(&l);
	host_expect_bare("b0");
}

/* Within one look, and with the index of the one before: links are not told of the change. */
static void an_index_that_is_used_again(void **state)
{
	struct host_live l;

	(void)state;
	host_fresh();
	host_do("ip link del b0 && ip link add a0 index 700 type veth peer name b0 index 701 && ip link set "
		"a0 up && ip link set b0 up");
	host_watch(&l, LIVE_XDP_AUTO, 0);
	host_do("ip link del b0 && ip link add a0 index 700 type veth peer name b0 index 701 && ip link set "
		"a0 up && ip link set b0 up");
	assert_int_equal(live_follow(l.live), 0);
	assert_true(host_hooks("b0").xdp);
	send_three(&l, seen_on(&l, "b0"));
	host_close(&l);
	host_expect_bare("b0");
}

static void down_up_and_mtu(void **state)
{
	struct host_live l;
	struct state_interface now;
	uint64_t before;

	(void)state;
	host_fresh();
	host_watch(&l, LIVE_XDP_AUTO, 0);
	host_do("ip link set b0 down");
	for (int i = 0; i < 6000 && !strstr(l.lines, "b0: is down"); i++, usleep(10000))
		assert_int_equal(live_follow(l.live), 0);
	assert_true(host_interface(&l, "b0", &now));
	assert_false(now.up);
	assert_string_equal(now.ingress, "xdp native");
	host_do("ip link set b0 up && ip link set a0 mtu 9000 && ip link set b0 mtu 9000");
	for (int i = 0; i < 6000 && !strstr(l.lines, "b0: MTU is 9000, was 1500"); i++, usleep(10000))
		assert_int_equal(live_follow(l.live), 0);
	assert_true(host_interface(&l, "b0", &now));
	assert_true(now.up);
	assert_int_equal(now.mtu, 9000);
	assert_string_equal(now.ingress, "xdp native");
	before = now.in.seen;
	send_three(&l, before);
	host_close(&l);
	host_expect_bare("b0");
}

/* Another network namespace is out of sight. Our programs must not go along. */
static void a_move_to_another_namespace(void **state)
{
	struct host_live l;

	(void)state;
	host_fresh();
	for (unsigned int without = 0; without <= LIVE_WITHOUT_TCX; without += LIVE_WITHOUT_TCX) {
		host_watch(&l, LIVE_XDP_AUTO, without);
		host_do("unshare -n sleep 30 & child=$!; sleep 0.3; ip link set b0 netns $child && echo "
			"$child >/tmp/espial-child.%d",
			getpid());
		host_expect_ingress(&l, "b0", "none");
		assert_int_equal(
			host_sh("nsenter -t $(cat /tmp/espial-child.%d) -n bpftool net | grep -q esp_",
				getpid()),
			1);
		host_do("nsenter -t $(cat /tmp/espial-child.%d) -n ip link set b0 netns %d && ip link set b0 "
			"up",
			getpid(), getpid());
		host_expect_ingress(&l, "b0", "xdp native");
		host_do("kill $(cat /tmp/espial-child.%d); rm /tmp/espial-child.%d", getpid(), getpid());
		host_close(&l);
		host_expect_bare("b0");
	}
}

static void globs_take_what_appears(void **state)
{
	struct host_live l;
	struct state_interface now;

	(void)state;
	host_fresh();
	watch(&l, "wan*");
	assert_non_null(strstr(l.lines, "no interface matches yet"));
	host_do("ip link add wan7 type veth peer name lan7");
	host_expect_ingress(&l, "wan7", "xdp native");
	assert_false(host_interface(&l, "lan7", &now));
	assert_false(host_interface(&l, "b0", &now));
	host_close(&l);
	host_expect_bare("wan7");
}

static void auto_takes_the_default_route(void **state)
{
	struct host_live l;
	struct state_interface now;

	(void)state;
	host_fresh();
	watch(&l, "auto");
	assert_false(host_interface(&l, "b0", &now));
	host_do("ip addr add 10.9.0.2/24 dev b0 && ip route add default via 10.9.0.1");
	host_expect_ingress(&l, "b0", "xdp native");
	assert_false(host_interface(&l, "a0", &now));
	/* Failover: the other one too, and the first stays. */
	host_do("ip route del default && ip addr add 10.8.0.2/24 dev a0 && ip route add default via "
		"10.8.0.1");
	host_expect_ingress(&l, "a0", "xdp native");
	host_expect_ingress(&l, "b0", "xdp native");
	host_close(&l);
	host_expect_bare("b0");
}

static void one_of_a_stack(void **state)
{
	struct host_live l;
	struct state_interface now;
	const char *both[] = {"b0", "b0.7"};

	(void)state;
	host_fresh();
	host_need_device("ip link add link b0 name b0.7 type vlan id 7");
	watch(&l, "b*");
	assert_true(host_interface(&l, "b0", &now));
	assert_false(host_interface(&l, "b0.7", &now));
	assert_non_null(strstr(l.lines, "b0.7: not watched: its packets are seen on b0"));
	host_close(&l);
	/* Named, it is obeyed, and said. */
	assert_int_equal(host_open(&l, LIVE_XDP_AUTO, 0, both, 2), 0);
	assert_true(host_interface(&l, "b0.7", &now));
	assert_non_null(strstr(l.lines, "b0.7: shows packets that are seen on b0 too"));
	host_close(&l);
	host_expect_bare("b0.7");
}

static void a_port_is_taken_for_its_bridge(void **state)
{
	struct host_live l;
	struct state_interface now;

	(void)state;
	host_fresh();
	host_need_device("ip link add bridge0 type bridge");
	watch(&l, "b*");
	host_expect_ingress(&l, "b0", "xdp native");
	assert_true(host_interface(&l, "bridge0", &now)); /* nothing to do with each other yet */
	host_do("ip link set b0 master bridge0");
	host_expect_ingress(&l, "bridge0", "none");
	host_expect_ingress(&l, "b0", "xdp native");
	host_do("ip link set b0 nomaster");
	host_expect_ingress(&l, "bridge0", "xdp generic");
	host_close(&l);
	host_expect_bare("bridge0");
}

static void no_link_header_no_xdp(void **state)
{
	struct host_live l;
	struct state_interface now;
	const char *name = "t0";

	(void)state;
	host_fresh();
	host_need_device("ip tuntap add dev t0 mode tun");
	assert_int_equal(host_open(&l, LIVE_XDP_NATIVE, 0, &name, 1), 0);
	assert_true(host_interface(&l, "t0", &now));
	assert_true(!strcmp(now.ingress, "tcx") || !strcmp(now.ingress, "clsact"));
	assert_non_null(strstr(now.note, "no link header"));
	host_close(&l);
	host_expect_bare("t0");
}

static void equal_indices_modulo_the_table(void **state)
{
	struct host_live l;
	struct state_interface now;

	(void)state;
	host_fresh();
	host_do("ip link add wan0 index 5 type veth peer name lan0 index 6 && ip link add wan1 index 1029 "
		"type veth peer name lan1 index 6000");
	watch(&l, "wan*");
	assert_true(host_interface(&l, "wan1", &now));
	assert_string_equal(now.ingress, "none");
	assert_non_null(strstr(now.note, "index 1029 is equal to that of wan0 modulo 1024"));
	host_close(&l);
}

static void more_than_there_are_places(void **state)
{
	struct host_live l;
	struct state_interface now;

	(void)state;
	host_fresh();
	for (int i = 0; i < 35; i++)
		host_do("ip link add m%d type veth peer name m%d", 2 * i, 2 * i + 1);
	assert_int_equal(host_open(&l, LIVE_XDP_OFF, 0, (const char *[]){"m*"}, 1), 0);
	assert_non_null(strstr(l.lines, "64 interfaces at once are the limit"));
	assert_false(host_interface(&l, "m64", &now));
	/* One pair goes, and its places are for those that found none. */
	host_do("ip link del m0");
	host_expect_ingress(&l, "m64", "tcx");
	host_expect_ingress(&l, "m65", "tcx");
	assert_false(host_interface(&l, "m0", &now));
	assert_false(host_interface(&l, "m1", &now));
	assert_false(host_interface(&l, "m66", &now));
	host_close(&l);
}

static void a_new_set_while_it_runs(void **state)
{
	struct live_options options = {
		.interfaces = (const char *[]){"a0"}, .interface_count = 1, .xdp_mode = LIVE_XDP_GENERIC};
	struct host_live l;

	(void)state;
	host_fresh();
	host_watch(&l, LIVE_XDP_AUTO, 0);
	assert_int_equal(live_reconfigure(l.live, &options, l.error, sizeof(l.error)), 0);
	host_expect_ingress(&l, "a0", "xdp generic");
	host_expect_ingress(&l, "b0", "none");
	host_expect_bare("b0");
	options.interfaces = (const char *[]){"c0"};
	assert_int_equal(live_reconfigure(l.live, &options, l.error, sizeof(l.error)), -ENODEV);
	host_expect_ingress(&l, "a0", "xdp generic");
	host_close(&l);
	host_expect_bare("a0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rename_is_followed),
		cmocka_unit_test(a_name_that_returns_goes_on_counting),
		cmocka_unit_test(an_index_that_is_used_again),
		cmocka_unit_test(down_up_and_mtu),
		cmocka_unit_test(a_move_to_another_namespace),
		cmocka_unit_test(globs_take_what_appears),
		cmocka_unit_test(auto_takes_the_default_route),
		cmocka_unit_test(one_of_a_stack),
		cmocka_unit_test(a_port_is_taken_for_its_bridge),
		cmocka_unit_test(no_link_header_no_xdp),
		cmocka_unit_test(equal_indices_modulo_the_table),
		cmocka_unit_test(more_than_there_are_places),
		cmocka_unit_test(a_new_set_while_it_runs),
	};

	return cmocka_run_group_tests_name("live-follow", tests, NULL, NULL);
}

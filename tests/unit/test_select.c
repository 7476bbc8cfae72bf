/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which interfaces are watched: patterns, and one of each stack.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "source/select.h"

/* eth0 and eth1 in bond0, VLAN 7 on it, in br0 with tap0; eth2 with VLAN 9 and 9.10 on that; a tunnel; lo. */
static const struct link lab[] = {
	{.ifindex = 1, .name = "lo", .loopback = true},
	{.ifindex = 2, .name = "eth0", .master = 5},
	{.ifindex = 3, .name = "eth1", .master = 5},
	{.ifindex = 4, .name = "eth2", .default_route = true},
	{.ifindex = 5, .name = "bond0", .stack = LINK_OF_SLAVES},
	{.ifindex = 6, .name = "bond0.7", .stack = LINK_ON_LOWER, .lower = 5, .master = 7},
	{.ifindex = 7, .name = "br0", .stack = LINK_OF_PORTS, .default_route = true},
	{.ifindex = 8, .name = "tap0", .master = 7},
	{.ifindex = 9, .name = "eth2.9", .stack = LINK_ON_LOWER, .lower = 4},
	{.ifindex = 10, .name = "eth2.9.10", .stack = LINK_ON_LOWER, .lower = 9},
	{.ifindex = 11, .name = "vti0"},
	{.ifindex = 12, .name = "moved.3", .stack = LINK_ON_LOWER}, /* its parent is in another namespace */
};

#define COUNT (sizeof(lab) / sizeof(*lab))

/* The names that are wanted, in order of ifindex, as "a b c". */
static const char *wanted(const char *const *patterns, size_t count, struct select *select)
{
	static char names[256];

	*names = 0;
	select_links(lab, COUNT, patterns, count, select);
	for (size_t i = 0; i < COUNT; i++)
		if (select[i].wanted) {
			strcat(names, *names ? " " : "");
			strcat(names, lab[i].name);
		}
	return names;
}

#define WANTED(...)                                                                                          \
	wanted((const char *const[]){__VA_ARGS__},                                                           \
	       sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), (struct select[COUNT]){{0}})

static void plain_names_are_obeyed(void **state)
{
	(void)state;
	assert_string_equal(WANTED("eth2"), "eth2");
	assert_string_equal(WANTED("lo", "vti0"), "lo vti0");
	assert_string_equal(WANTED("bond0", "eth0", "br0"), "eth0 bond0 br0");
	assert_string_equal(WANTED("eth"), "");
	assert_true(select_is_name("eth0.7"));
	assert_false(select_is_name("eth*"));
	assert_false(select_is_name("eth[01]"));
	assert_false(select_is_name("eth?"));
	assert_false(select_is_name("auto"));
}

static void globs_take_one_of_a_stack(void **state)
{
	(void)state;
	assert_string_equal(WANTED("*"), "eth2 bond0 tap0 vti0 moved.3");
	assert_string_equal(WANTED("eth*"), "eth0 eth1 eth2");
	assert_string_equal(WANTED("eth[01]", "vti?"), "eth0 eth1 vti0");
	assert_string_equal(WANTED("eth2.*"), "eth2.9");
	assert_string_equal(WANTED("*.10"), "eth2.9.10");
	assert_string_equal(WANTED("*.10", "eth2"), "eth2");
	assert_string_equal(WANTED("b*"), "bond0");
	assert_string_equal(WANTED("br*"), "br0");
	assert_string_equal(WANTED("b*", "eth0"), "eth0");
	assert_string_equal(WANTED("b*", "eth*", "eth0"), "eth0 eth1 eth2");
}

static void automatic_means_default_routes(void **state)
{
	(void)state;
	assert_string_equal(WANTED("auto"), "eth2 br0");
	assert_string_equal(wanted(NULL, 0, (struct select[COUNT]){{0}}), "eth2 br0");
	assert_string_equal(WANTED("auto", "tap0"), "eth2 tap0");
}

static void the_reason_is_told(void **state)
{
	struct select select[COUNT] = {{0}};

	(void)state;
	wanted((const char *const[]){"*", "eth2.9.10"}, 2, select);
	assert_int_equal(select[1].because, 5); /* eth0: bond0 */
	assert_int_equal(select[5].because, 5); /* bond0.7: bond0 */
	assert_int_equal(select[8].because, 4); /* eth2.9: eth2 */
	assert_int_equal(select[9].twice, 9);	/* eth2.9.10, named: below it is what eth2 shows, too */
	assert_true(select[9].wanted);
	assert_int_equal(select[0].because, 0);
	assert_false(select[0].matched);
}

/* One that is watched stays so when its name or route changes, but not when another of its stack is to be. */
static void what_is_watched_stays(void **state)
{
	struct select select[COUNT] = {[10] = {.kept = true}};

	(void)state;
	assert_string_equal(wanted((const char *const[]){"auto"}, 1, select), "eth2 br0 vti0");
	memset(select, 0, sizeof(select));
	select[8].kept = true;
	assert_string_equal(wanted((const char *const[]){"auto"}, 1, select), "eth2 br0");
	assert_int_equal(select[8].because, 4);
}

/* Damaged or contradictory answers of the kernel must not loop. */
static void loops_end(void **state)
{
	static const struct link loop[] = {
		{.ifindex = 1, .name = "x", .stack = LINK_ON_LOWER, .lower = 2},
		{.ifindex = 2, .name = "y", .stack = LINK_ON_LOWER, .lower = 1},
		{.ifindex = 3, .name = "z", .stack = LINK_OF_PORTS, .master = 3},
	};
	const char *pattern = "q*";
	struct select select[3] = {{0}};

	(void)state;
	select_links(loop, 3, &pattern, 1, select);
	assert_false(select[0].wanted);
	pattern = "z";
	select_links(loop, 3, &pattern, 1, select);
	assert_true(select[2].wanted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_names_are_obeyed),	  cmocka_unit_test(globs_take_one_of_a_stack),
		cmocka_unit_test(automatic_means_default_routes), cmocka_unit_test(the_reason_is_told),
		cmocka_unit_test(what_is_watched_stays),	  cmocka_unit_test(loops_end),
	};

	return cmocka_run_group_tests_name("select", tests, NULL, NULL);
}

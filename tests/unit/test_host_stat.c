// SPDX-License-Identifier: GPL-2.0-or-later
/* test_host_stat.c - /proc and /sys as files made here */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "source/host_stat.h"

static char root[] = "/tmp/espial-host-XXXXXX";

static void put(const char *path, const char *text)
{
	char full[256], *at;
	FILE *f;

	snprintf(full, sizeof(full), "%s%s", root, path);
	for (at = strchr(full + strlen(root) + 1, '/'); at; at = strchr(at + 1, '/')) {
		*at = '\0';
		mkdir(full, 0700);
		*at = '/';
	}
	f = fopen(full, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static int setup(void **state)
{
	(void)state;
	strcpy(root + strlen(root) - 6, "XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state)
{
	char command[300];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command);
}

static void test_gains(void **state)
{
	static const char *const names[] = {"eth0"};
	struct host_facts facts = {0};

	(void)state;
	put("/proc/net/xfrm_stat", "XfrmInError             \t3\nXfrmInNoStates          \t10\n");
	put("/proc/net/softnet_stat",
	    "00000010 00000002 00000001 00000000\n00000020 00000003 00000000 00000000\n");
	put("/proc/stat", "cpu  100 0 100 700 0 0 100 0 0 0\ncpu0 10 0 10 70 0 0 10 0 0 0\ncpu1 1 2 3\n");
	put("/proc/modules", "esp4_offload 16384 0 - Live 0x0\nxesp6_offload 1 0 - Live 0x0\n");
	put("/sys/class/net/eth0/statistics/rx_missed_errors", "7\n");
	put("/sys/class/net/eth0/statistics/rx_dropped", "1\n");
	host_stat_read(&facts, root, names, 1, 1000);
	assert_true(facts.has_xfrm && facts.has_softnet && facts.esp4_offload);
	assert_false(facts.esp6_offload);
	assert_int_equal(facts.xfrm_count, 2);
	assert_int_equal(facts.softnet_dropped, 5);
	assert_int_equal(facts.softnet_dropped_before, 5); /* what was before we came is no gain */
	assert_int_equal(host_xfrm_gain(&facts, "XfrmInNoStates"), 0);
	assert_int_equal(facts.nics[0].rx_missed, 7);
	assert_int_equal(facts.nics[0].rx_missed_before, 7);
	assert_true(facts.cpu_softirq < 0);

	put("/proc/net/xfrm_stat", "XfrmInError             \t3\nXfrmInNoStates          \t15\n");
	put("/proc/net/softnet_stat",
	    "00000010 00000002 00000001 00000000\n00000020 0000000a 00000000 00000000\n");
	put("/proc/stat", "cpu  100 0 100 750 0 0 150 0 0 0\ncpu0 10 0 10 75 0 0 105 0 0 0\n");
	put("/sys/class/net/eth0/statistics/rx_missed_errors", "9\n");
	host_stat_read(&facts, root, names, 1, 2000);
	assert_int_equal(host_xfrm_gain(&facts, "XfrmInNoStates"), 5);
	assert_int_equal(host_xfrm_gain(&facts, "XfrmInError"), 0);
	assert_int_equal(host_xfrm_gain(&facts, "XfrmNoSuch"), 0);
	assert_int_equal(facts.softnet_dropped - facts.softnet_dropped_before, 7);
	assert_int_equal(facts.nics[0].rx_missed - facts.nics[0].rx_missed_before, 2);
	assert_int_equal((int)(facts.cpu_softirq * 100 + 0.5), 50);
	assert_int_equal((int)(facts.cpu_busy * 100 + 0.5), 50);
	assert_int_equal((int)(facts.cpu_softirq_most * 100 + 0.5), 95);
	assert_int_equal(facts.before_ns, 1000);
}

static void test_absent(void **state)
{
	struct host_facts facts = {0};

	(void)state;
	host_stat_read(&facts, root, NULL, 0, 1);
	assert_false(facts.has_xfrm || facts.has_softnet || facts.esp4_offload);
	assert_int_equal(facts.xfrm_count, 0);
}

/* More counters than there is room for, and lines that are none. */
static void test_hostile(void **state)
{
	struct host_facts facts = {0};
	char text[8192] = "no number here\n\n12\n";

	(void)state;
	for (int i = 0; i < 100; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "XfrmCounter%d %d\n", i, i);
	put("/proc/net/xfrm_stat", text);
	put("/proc/net/softnet_stat", "zz\n\n00000001\n");
	put("/proc/stat", "cpu 1 2 3\n");
	host_stat_read(&facts, root, NULL, 0, 1);
	host_stat_read(&facts, root, NULL, 0, 2);
	assert_int_equal(facts.xfrm_count, HOST_XFRM_COUNTERS);
	assert_int_equal(facts.softnet_dropped, 0);
}

static void put_space(struct host_space *space, const char *text)
{
	char path[64];
	FILE *f;

	put("/space", text);
	snprintf(path, sizeof(path), "%s/space", root);
	f = fopen(path, "r");
	assert_non_null(f);
	host_stat_space(space, fileno(f));
	fclose(f);
}

/* Namespaces add up, and one that goes and comes back with less does not set the sum back. */
static void test_spaces(void **state)
{
	struct host_facts facts = {.space_count = 2};
	struct host_space *vpn = &facts.spaces[1];

	(void)state;
	put("/proc/net/xfrm_stat", "XfrmInNoStates 10\n");
	put_space(vpn, "XfrmInNoStates 5\nXfrmInNewer 1\n");
	host_stat_read(&facts, root, NULL, 0, 1000);
	assert_int_equal(facts.xfrm_count, 2);
	assert_int_equal(facts.xfrm[0].value, 15);
	assert_int_equal(host_xfrm_gain(&facts, "XfrmInNoStates"), 0);

	host_stat_space(vpn, -1);
	assert_false(vpn->has_xfrm);
	put("/proc/net/xfrm_stat", "XfrmInNoStates 12\n");
	host_stat_read(&facts, root, NULL, 0, 2000);
	assert_int_equal(facts.xfrm[0].value, 17);
	assert_int_equal(host_xfrm_gain(&facts, "XfrmInNoStates"), 2);

	put_space(vpn, "XfrmInNoStates 3\n"); /* made anew */
	host_stat_read(&facts, root, NULL, 0, 3000);
	assert_int_equal(facts.xfrm[0].value, 20);
	assert_int_equal(vpn->xfrm[0].value, 8);
	put_space(vpn, "XfrmInNoStates 4\n");
	host_stat_read(&facts, root, NULL, 0, 4000);
	assert_int_equal(facts.xfrm[0].value, 21);
	assert_int_equal(facts.spaces[0].xfrm[0].value, 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_gains, setup, teardown),
		cmocka_unit_test_setup_teardown(test_absent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile, setup, teardown),
		cmocka_unit_test_setup_teardown(test_spaces, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

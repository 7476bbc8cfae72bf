// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The agent's probes: whom and how often, and what is made of what they say. The program that is run is a script that this test
 * writes; time is the test's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

/* The agent is no part of the archive of the tests. */
#include "agent/log.c"
#include "agent/probing.c"

#define START (UINT64_C(1700000000) * SECOND)
#define HOUR (3600 * SECOND)

static char directory[] = "/tmp/espial-probing-XXXXXX", program[64];
static struct probing *p;
static struct log logs;
static uint64_t now;
static unsigned int results, measured;
static struct model_path path;
static struct timeline_entry entry;
static struct state_tunnel tunnels[3];

static void on_result(void *arg, const struct model_path *got, const struct timeline_entry *line)
{
	(void)arg;
	results++;
	entry = *line;
	assert_true(entry.text[0]);
	assert_int_equal(entry.kind, TIMELINE_PROBE);
	if (got) {
		measured++;
		path = *got;
	}
}

static void script(const char *lines)
{
	FILE *file = fopen(program, "w");

	assert_non_null(file);
	fprintf(file, "#!/bin/sh\n%s\n", lines);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(program, 0700), 0);
}

static void address(uint8_t ret[16], unsigned int number)
{
	memset(ret, 0, 16);
	ret[10] = ret[11] = 0xff;
	ret[12] = 192;
	ret[14] = 2;
	ret[15] = (uint8_t)number;
}

static void begin(uint64_t interval)
{
	const struct probing_options options = {
		.interval_ns = interval, .program = program, .log = &logs, .result = on_result};

	assert_int_equal(probing_open(&options, &p), 0);
	now = START;
	results = measured = 0;
	memset(tunnels, 0, sizeof(tunnels));
	for (unsigned int i = 0; i < 3; i++) {
		address(tunnels[i].local, 1);
		address(tunnels[i].remote, 10 + i);
		tunnels[i].name[0] = (char)('a' + i);
	}
}

static int setup(void **unused)
{
	(void)unused;
	assert_non_null(mkdtemp(directory));
	snprintf(program, sizeof(program), "%s/espial", directory);
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	unlink(program);
	return rmdir(directory);
}

/* Ticks, with the test's clock standing, until the probe under way has ended. */
static void settle(void)
{
	for (int i = 0; i < 6000 && p->child; i++) {
		probing_tick(p, now);
		if (p->child)
			usleep(10000);
	}
	assert_int_equal(p->child, 0);
}

/* One look and one probe, if it is time for one. */
static void pass(uint64_t by, size_t count)
{
	now += by;
	probing_look(p, tunnels, count, now);
	probing_tick(p, now);
	settle();
}

#define RESULT                                                                                               \
	"{\"path_mtu\": 1400, \"black_hole\": true, \"fragments_pass\": false, \"confirmed\": true, "        \
	"\"icmp_reporter\": null, \"measured_by\": \"natt\", \"direction\": \"forward\", \"packets\": 42}"

static void test_result(void **unused)
{
	(void)unused;
	script("[ \"$*\" = 'probe --json --time=20 --source 192.0.2.1 192.0.2.10' ] || exit 2\necho '" RESULT
	       "'");
	begin(HOUR);
	pass(0, 1);
	assert_int_equal(results, 1);
	assert_int_equal(measured, 1);
	assert_int_equal(path.mtu, 1400);
	assert_true(path.probed);
	assert_true(path.blackhole);
	assert_false(path.fragments_pass);
	assert_int_equal(path.last_ns, START);
	assert_memory_equal(path.local, tunnels[0].local, 16);
	assert_memory_equal(path.peer, tunnels[0].remote, 16);
	assert_int_equal(entry.severity, TIMELINE_WARNING);
	assert_int_equal(entry.confidence, TIMELINE_CERTAIN);
	assert_string_equal(entry.text, "path MTU 1400: larger packets vanish, and nobody says so");
	assert_memory_equal(entry.peer, tunnels[0].remote, 16);
	probing_close(p);
}

static void test_interval(void **unused)
{
	(void)unused;
	script("echo '" RESULT "'");
	begin(HOUR);
	pass(0, 2);
	assert_int_equal(results, 1);
	/* One at a time, and not at once after another */
	pass(SECOND, 2);
	assert_int_equal(results, 1);
	pass(PAUSE, 2);
	assert_int_equal(results, 2);
	assert_memory_equal(path.peer, tunnels[1].remote, 16);
	for (int i = 0; i < 3500; i += 100)
		pass(100 * SECOND, 2);
	assert_int_equal(results, 2);
	pass(100 * SECOND, 2);
	pass(100 * SECOND, 2);
	assert_int_equal(results, 4);
	probing_close(p);
}

static void test_off(void **unused)
{
	struct finding f = {.id = FINDING_PATH_LOSS, .tunnel = (char *)"b"},
		       other = {.id = FINDING_WEAK_CRYPTO, .tunnel = (char *)"a"},
		       by_peer = {.id = FINDING_FRAGMENTS_LOST, .peer = (char *)"192.0.2.12"},
		       nobody = {.id = FINDING_FRAGMENTS_LOST, .interface = (char *)"eth0"};

	(void)unused;
	script("echo '" RESULT "'");
	begin(0);
	for (int i = 0; i < 100; i++)
		pass(600 * SECOND, 3);
	assert_int_equal(results, 0);
	/* A finding that asks, and asks again */
	for (int i = 0; i < 60; i++) {
		probing_found(p, &f, now);
		probing_found(p, &other, now);
		probing_found(p, &nobody, now);
		pass(15 * SECOND, 3);
	}
	assert_int_equal(results, 2);
	assert_memory_equal(path.peer, tunnels[1].remote, 16);
	probing_found(p, &by_peer, now);
	pass(15 * SECOND, 3);
	assert_int_equal(results, 3);
	assert_memory_equal(path.peer, tunnels[2].remote, 16);
	probing_close(p);
}

static void test_not_ours(void **unused)
{
	(void)unused;
	script("echo '" RESULT "'");
	begin(HOUR);
	tunnels[0].transit = true;
	memset(tunnels[1].remote, 0, 16);
	for (int i = 0; i < 10; i++)
		pass(HOUR, 2);
	assert_int_equal(results, 0);
	/* A tunnel that is gone is not probed again */
	pass(0, 3);
	assert_int_equal(results, 1);
	for (int i = 0; i < 10; i++)
		pass(HOUR, 2);
	assert_int_equal(results, 1);
	probing_close(p);
}

static void fails(const char *lines, const char *text)
{
	script(lines);
	begin(HOUR);
	pass(0, 1);
	assert_int_equal(results, 1);
	assert_int_equal(measured, 0);
	assert_non_null(strstr(entry.text, text));
	probing_close(p);
}

static void test_failures(void **unused)
{
	(void)unused;
	fails("exit 3", "could not be run: `espial probe 192.0.2.10` says more");
	fails("kill -9 $$", "could not be run");
	fails("echo nonsense", "said nothing that is a result");
	fails("echo '[]'", "said nothing that is a result");
	fails("echo '{}'", "path MTU unknown: nothing was answered");
	fails("echo '{\"path_mtu\": 70000, \"path_mtu_at_least\": 900}'", "path MTU at least 900");
	fails("yes", "could not be run");
	unlink(program);
	begin(HOUR);
	pass(0, 1);
	assert_int_equal(results, 0);
	probing_close(p);
}

static void test_hangs(void **unused)
{
	(void)unused;
	script("exec sleep 1000");
	begin(HOUR);
	probing_look(p, tunnels, 1, now);
	probing_tick(p, now);
	assert_int_not_equal(p->child, 0);
	now += LONGEST + SECOND;
	settle();
	assert_int_equal(results, 1);
	assert_non_null(strstr(entry.text, "took too long"));
	/* And one that is under way when all ends */
	probing_look(p, tunnels, 2, now += HOUR);
	probing_tick(p, now);
	assert_int_not_equal(p->child, 0);
	probing_close(p);
}

static void test_many(void **unused)
{
	(void)unused;
	script("echo '" RESULT "'");
	begin(HOUR);
	for (unsigned int i = 0; i < 2 * PEERS; i++) {
		tunnels[0].remote[14] = (uint8_t)(i >> 8);
		tunnels[0].remote[15] = (uint8_t)i;
		probing_look(p, tunnels, 1, now);
	}
	assert_int_equal(p->count, PEERS);
	assert_true(p->refused);
	probing_close(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_result),	 cmocka_unit_test(test_interval),
		cmocka_unit_test(test_off),	 cmocka_unit_test(test_not_ours),
		cmocka_unit_test(test_failures), cmocka_unit_test(test_hangs),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests_name("probing", tests, setup, teardown);
}

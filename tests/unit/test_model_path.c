// SPDX-License-Identifier: GPL-2.0-or-later
/* Path MTU: what ICMP errors and probes tell, whom the model believes, and how often it says so */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model/model.h"

#define SECOND UINT64_C(1000000000)
#define START (UINT64_C(1700000000) * SECOND)
#define MINUTE (60 * SECOND)

static struct model *m;
static struct timeline_entry last;
static unsigned int entries;

static void on_entry(void *arg, const struct timeline_entry *entry)
{
	(void)arg;
	last = *entry;
	entries++;
}

static int setup(void **unused)
{
	(void)unused;
	m = model_new(&(struct model_options){.entry = on_entry});
	assert_non_null(m);
	entries = 0;
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	model_free(m);
	return 0;
}

static void address(uint8_t ret[16], unsigned int number)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	memcpy(ret, mapped, sizeof(mapped));
	ret[12] = 10;
	ret[13] = (uint8_t)(number >> 16);
	ret[14] = (uint8_t)(number >> 8);
	ret[15] = (uint8_t)number;
}

static void icmp(unsigned int router, unsigned int peer, uint32_t mtu, uint64_t at)
{
	struct event e = {.kind = EVENT_ICMP, .family = 4, .time_ns = START + at};

	e.icmp.quoted = true;
	e.icmp.mtu = mtu;
	e.icmp.has_spi = true;
	e.icmp.spi = 0xc0000000 + peer;
	address(e.source.bytes, router);
	address(e.icmp.source.bytes, 1);
	address(e.icmp.destination.bytes, peer);
	model_event(m, &e);
}

static const struct model_path *path(unsigned int peer)
{
	size_t count;
	const struct model_path *paths = model_paths(m, &count);
	uint8_t wanted[16];

	address(wanted, peer);
	for (size_t i = 0; i < count; i++)
		if (memcmp(paths[i].peer, wanted, 16) == 0)
			return &paths[i];
	return NULL;
}

static void test_icmp(void **unused)
{
	uint8_t router[16], us[16];

	(void)unused;
	icmp(100, 2, 1400, 0);
	address(router, 100);
	address(us, 1);
	assert_non_null(path(2));
	assert_int_equal(path(2)->mtu, 1400);
	assert_int_equal(path(2)->reports, 1);
	assert_int_equal(path(2)->first_ns, START);
	assert_int_equal(path(2)->spi, 0xc0000002);
	assert_memory_equal(path(2)->reporter, router, 16);
	assert_memory_equal(path(2)->local, us, 16);
	assert_false(path(2)->probed);
	assert_int_equal(entries, 1);
	assert_int_equal(last.kind, TIMELINE_PMTU);
	assert_int_equal(last.confidence, TIMELINE_LIKELY);
}

/* One line for an MTU that is told again and again, and another when it changes or ten minutes later. */
static void test_lines(void **unused)
{
	(void)unused;
	for (unsigned int i = 0; i < 500; i++)
		icmp(100, 2, 1400, i * SECOND);
	assert_int_equal(entries, 1);
	assert_int_equal(path(2)->reports, 500);
	assert_int_equal(path(2)->first_ns, START);
	assert_int_equal(path(2)->last_ns, START + 499 * SECOND);
	icmp(100, 2, 1400, 601 * SECOND);
	assert_int_equal(entries, 2);
	icmp(100, 2, 1300, 602 * SECOND);
	assert_int_equal(entries, 3);
	assert_int_equal(path(2)->first_ns, START + 602 * SECOND);
}

/* Two narrow links on one way: the narrower one is the path's, whoever spoke last; until nobody tells of it for long. */
static void test_smallest(void **unused)
{
	(void)unused;
	icmp(100, 2, 1400, 0);
	icmp(101, 2, 1300, SECOND);
	for (unsigned int i = 2; i < 600; i++)
		icmp(100, 2, 1400, i * SECOND);
	assert_int_equal(path(2)->mtu, 1300);
	assert_int_equal(path(2)->last_ns, START + SECOND);
	assert_int_equal(entries, 2);
	icmp(100, 2, 1400, 602 * SECOND);
	assert_int_equal(path(2)->mtu, 1400);
	assert_int_equal(entries, 3);
}

static void test_implausible(void **unused)
{
	struct event e = {.kind = EVENT_ICMP, .family = 6, .time_ns = START};

	(void)unused;
	icmp(100, 2, 0, 0);
	icmp(100, 2, 67, 0);
	e.icmp.quoted = true;
	e.icmp.mtu = 1279;
	model_event(m, &e);
	e.icmp.mtu = 1400;
	e.icmp.quoted = false;
	model_event(m, &e);
	assert_int_equal(entries, 0);
	assert_null(path(2));
	icmp(100, 2, 68, 0);
	assert_int_equal(path(2)->mtu, 68);
}

static void test_probe(void **unused)
{
	struct model_path result = {.mtu = 1350, .blackhole = true, .last_ns = START + MINUTE};

	(void)unused;
	address(result.local, 1);
	address(result.peer, 2);
	icmp(100, 2, 1300, 0);
	model_probed(m, &result);
	assert_int_equal(path(2)->mtu, 1350);
	assert_true(path(2)->probed);
	assert_true(path(2)->blackhole);
	assert_int_equal(path(2)->reports, 1);
	/* A probe that measured nothing takes nothing away */
	result.mtu = 0;
	result.blackhole = false;
	model_probed(m, &result);
	assert_int_equal(path(2)->mtu, 1350);
	assert_true(path(2)->blackhole);
	/* What is larger than a fresh measurement is not taken, what is smaller is: and then somebody does tell */
	icmp(100, 2, 1400, 2 * MINUTE);
	assert_int_equal(path(2)->mtu, 1350);
	icmp(100, 2, 1340, 3 * MINUTE);
	assert_int_equal(path(2)->mtu, 1340);
	assert_false(path(2)->blackhole);
}

static void unreachable(unsigned int from, uint8_t type, uint8_t code, uint8_t family, uint16_t port)
{
	struct event e = {.kind = EVENT_ICMP, .family = family, .time_ns = START + MINUTE};

	e.icmp.type = type;
	e.icmp.code = code;
	e.icmp.quoted = true;
	address(e.source.bytes, from);
	address(e.icmp.source.bytes, 1);
	address(e.icmp.destination.bytes, 2);
	e.icmp.destination.port = port;
	model_event(m, &e);
}

/* Only the peer's own host knows that nothing listens there; and what was known of the MTU stays. */
static void test_refused(void **unused)
{
	static const struct model_path result = {.mtu = 1350, .last_ns = START + 2 * MINUTE};
	struct model_path probed = result;

	(void)unused;
	unreachable(100, 3, 3, 4, 4500); /* a router */
	unreachable(2, 3, 1, 4, 4500);	 /* host unreachable */
	unreachable(2, 1, 4, 4, 4500);	 /* of ICMPv6 */
	unreachable(2, 3, 3, 4, 0);	 /* it was no UDP */
	assert_null(path(2));
	unreachable(2, 3, 3, 4, 4500);
	unreachable(2, 1, 4, 6, 500);
	assert_int_equal(path(2)->refusals, 2);
	assert_int_equal(path(2)->refused_port, 500);
	assert_int_equal(path(2)->refused_ns, START + MINUTE);
	assert_int_equal(path(2)->mtu, 0);
	assert_int_equal(path(2)->reports, 0);
	assert_int_equal(entries, 0);
	address(probed.local, 1);
	address(probed.peer, 2);
	model_probed(m, &probed);
	icmp(100, 2, 1340, 3 * MINUTE);
	assert_int_equal(path(2)->mtu, 1340);
	assert_int_equal(path(2)->refusals, 2);
	assert_int_equal(path(2)->refused_port, 500);
}

/* More paths than there is room for: the longest unheard of goes. */
static void test_bounded(void **unused)
{
	size_t count;

	(void)unused;
	for (unsigned int i = 0; i < 5 * MODEL_PATHS; i++)
		icmp(100, 1000 + i, 1400, i * SECOND);
	model_paths(m, &count);
	assert_int_equal(count, MODEL_PATHS);
	assert_null(path(1000));
	assert_non_null(path(1000 + 5 * MODEL_PATHS - 1));
	assert_int_equal(path(1000 + 5 * MODEL_PATHS - 1)->reports, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_icmp, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_smallest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_implausible, setup, teardown),
		cmocka_unit_test_setup_teardown(test_probe, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bounded, setup, teardown),
	};

	return cmocka_run_group_tests_name("model paths", tests, NULL, NULL);
}

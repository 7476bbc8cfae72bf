/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attaching in every way that there is, next to others, and leaving nothing behind.
 *
 * timeout: 600 (each case loads the programs several times)
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>

#include <cmocka.h>

#include "prog/live_host.h"

#define NO_TCX LIVE_WITHOUT_TCX

static bool has_tcx(void)
{
	struct host_live l;
	struct state_interface b0;

	host_watch(&l, LIVE_XDP_OFF, 0);
	assert_true(host_interface(&l, "b0", &b0));
	host_close(&l);
	return !strcmp(b0.egress, "tcx");
}

static void every_mode_attaches_and_leaves_nothing(void **state)
{
	static const struct {
		enum live_xdp_mode mode;
		unsigned int without;
		const char *ingress, *egress;
	} cases[] = {
		{LIVE_XDP_AUTO, 0, "xdp native", "tcx"},
		{LIVE_XDP_AUTO, NO_TCX, "xdp native", "clsact"},
		{LIVE_XDP_NATIVE, 0, "xdp native", "tcx"},
		{LIVE_XDP_GENERIC, 0, "xdp generic", "tcx"},
		{LIVE_XDP_GENERIC, NO_TCX, "xdp generic", "clsact"},
		{LIVE_XDP_OFF, 0, "tcx", "tcx"},
		{LIVE_XDP_OFF, NO_TCX, "clsact", "clsact"},
		{LIVE_XDP_AUTO, LIVE_WITHOUT_NATIVE, "xdp generic", "tcx"},
		{LIVE_XDP_AUTO, LIVE_WITHOUT_NATIVE | LIVE_WITHOUT_GENERIC, "tcx", "tcx"},
		{LIVE_XDP_AUTO, LIVE_WITHOUT_NATIVE | LIVE_WITHOUT_GENERIC | NO_TCX, "clsact", "clsact"},
	};
	bool tcx;

	(void)state;
	host_fresh();
	tcx = has_tcx();
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct host_live l;
		struct state_interface b0;
		struct host_hooks hooks;

		host_watch(&l, cases[i].mode, cases[i].without);
		assert_true(host_interface(&l, "b0", &b0));
		assert_string_equal(b0.ingress,
				    !tcx && !strcmp(cases[i].ingress, "tcx") ? "clsact" : cases[i].ingress);
		assert_string_equal(b0.egress, tcx ? cases[i].egress : "clsact");
		hooks = host_hooks("b0");
		assert_int_equal(hooks.xdp != 0, !strncmp(b0.ingress, "xdp", 3));
		assert_int_equal(hooks.tcx, !strcmp(b0.ingress, "tcx") + !strcmp(b0.egress, "tcx"));
		assert_int_equal(hooks.our_filters,
				 !strcmp(b0.ingress, "clsact") + !strcmp(b0.egress, "clsact"));
		/* A fallback is told, with its reason. */
		assert_int_equal(!strlen(b0.note), !(cases[i].without & LIVE_WITHOUT_NATIVE));
		host_close(&l);
		host_expect_bare("b0");
	}
}

/* Short ESP frames with the numbers from 1 on, out of `device`. */
static void send_esp(const char *device, uint32_t count)
{
	uint8_t frame[] = {
		2,    0,  0,   0,  0,	0xb, 2,	  0, 0,	 0,  0,	   0xa, 8, 0,	    /* Ethernet: IPv4 */
		0x45, 0,  0,   36, 0,	0,   0,	  0, 64, 50, 0,	   0,		    /* IPv4: 36 bytes, ESP */
		198,  51, 100, 1,  198, 51,  100, 2, 0,	 0,  0x10, 1,	0, 0, 0, 0, /* SPI 0x1001, sequence */
		1,    2,  3,   4,  5,	6,   7,	  8,
	};
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(device)};
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	assert_true(fd >= 0);
	for (uint32_t i = 1; i <= count; i++) {
		uint32_t be = htonl(i);

		memcpy(frame + 38, &be, sizeof(be));
		assert_int_equal(sendto(fd, frame, sizeof(frame), 0, (struct sockaddr *)&to, sizeof(to)),
				 sizeof(frame));
		if (i % 32 == 0)
			usleep(500);
	}
	close(fd);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

#define SENT 500
#define TICK 10000000ULL /* the longest there is */

/* One SA in and one out, with this many packets, and times that are true to a tick. */
static void expect_sent(struct host_live *l, uint64_t begin, uint64_t end)
{
	struct state s;

	assert_int_equal(live_state(l->live, &s), 0);
	assert_int_equal(s.sa_count, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(s.sas[i].packets, SENT);
		assert_int_equal(s.sas[i].sequence.received, SENT);
		assert_int_equal(s.sas[i].sequence.highest, SENT);
		assert_int_equal(s.sas[i].bytes, SENT * 36);
		assert_string_equal(s.sas[i].interface, "b0");
		assert_in_range(s.sas[i].first_ns, begin - TICK, end);
		assert_in_range(s.sas[i].last_ns, s.sas[i].first_ns, end);
	}
	assert_int_equal(s.self.table_used, 2);
	assert_int_equal(s.self.newcomer_used, 0);
	state_free(&s);
}

static void every_hook_counts_alike(void **state)
{
	static const struct {
		enum live_xdp_mode mode;
		unsigned int without;
	} cases[] = {{LIVE_XDP_NATIVE, 0}, {LIVE_XDP_GENERIC, 0}, {LIVE_XDP_OFF, 0}, {LIVE_XDP_OFF, NO_TCX}};

	(void)state;
	host_fresh();
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct state_interface b0;
		struct host_live l;
		uint64_t begin;

		host_watch(&l, cases[i].mode, cases[i].without);
		begin = now_ns();
		send_esp("a0", SENT);
		send_esp("b0", SENT);
		for (int wait = 0; wait < 6000; wait++, usleep(10000)) {
			assert_true(host_interface(&l, "b0", &b0));
			if (b0.in.seen >= SENT && b0.out.seen >= SENT)
				break;
		}
		assert_int_equal(b0.in.seen, SENT);
		assert_int_equal(b0.out.seen, SENT);
		assert_int_equal(b0.in.cls[ESP_CLASS_ESP], SENT);
		assert_int_equal(b0.out.cls[ESP_CLASS_ESP], SENT);
		assert_int_equal(b0.in.bytes, SENT * 36);
		expect_sent(&l, begin, now_ns());
		host_close(&l);
	}
}

static void a_mode_that_is_refused_is_an_error(void **state)
{
	const char *b0 = "b0", *any = "b*";
	struct host_live l;

	(void)state;
	host_fresh();
	assert_int_equal(host_open(&l, LIVE_XDP_NATIVE, LIVE_WITHOUT_NATIVE, &b0, 1), -EOPNOTSUPP);
	assert_string_equal(l.error, "interface 'b0': in: native XDP is refused (Operation not supported): "
				     "--xdp-mode auto takes what works");
	host_expect_bare("b0");
	/* A glob's only interface, too: nothing would be watched at all. */
	assert_int_equal(host_open(&l, LIVE_XDP_GENERIC, LIVE_WITHOUT_GENERIC | NO_TCX, &any, 1),
			 -EOPNOTSUPP);
	host_expect_bare("b0");
}

static void a_name_that_is_not_there(void **state)
{
	const char *names[] = {"b0", "bO0"}, *far = "wan17";
	struct host_live l;

	(void)state;
	host_fresh();
	assert_int_equal(host_open(&l, LIVE_XDP_AUTO, 0, names, 2), -ENODEV);
	assert_string_equal(l.error, "interface 'bO0': there is none: did you mean 'b0'?");
	assert_int_equal(host_open(&l, LIVE_XDP_AUTO, 0, &far, 1), -ENODEV);
	assert_string_equal(l.error, "interface 'wan17': there is none: see `ip -brief link`");
	host_expect_bare("b0");
}

static void a_foreign_xdp_program_stays(void **state)
{
	const char *name = "b0";

	(void)state;
	host_fresh();
	for (int generic = 0; generic < 2; generic++) {
		uint32_t id = host_foreign_xdp("b0", generic);
		struct state_interface b0;
		struct host_live l;

		for (unsigned int without = 0; without <= NO_TCX; without += NO_TCX) {
			host_watch(&l, LIVE_XDP_AUTO, without);
			assert_true(host_interface(&l, "b0", &b0));
			assert_true(!strcmp(b0.ingress, "tcx") || !strcmp(b0.ingress, "clsact"));
			assert_non_null(strstr(b0.note, "XDP is taken by program"));
			assert_non_null(strstr(b0.note, "(foreign)"));
			assert_non_null(strstr(l.lines, b0.note));
			assert_int_equal(host_hooks("b0").xdp, id);
			host_close(&l);
			assert_int_equal(host_hooks("b0").xdp, id);
			assert_int_equal(host_hooks("b0").tcx + host_hooks("b0").filters, 0);
		}
		/* Who insists on XDP is told why it is not to be had. */
		assert_int_equal(host_open(&l, LIVE_XDP_NATIVE, 0, &name, 1), -EEXIST);
		assert_non_null(strstr(l.error, "XDP is taken by program"));
		assert_int_equal(host_hooks("b0").xdp, id);
		host_do("ip link set dev b0 %s off", generic ? "xdpgeneric" : "xdpdrv");
	}
	host_expect_bare("b0");
}

/* Priorities: before ours, the one that we want, after ours. */
static void foreign_filters_stay(void **state)
{
	(void)state;
	host_fresh();
	for (uint32_t priority = 1; priority <= 49152; priority += 49151) {
		struct host_live l;
		uint32_t others;

		host_foreign_filter("b0", false, priority);
		host_foreign_filter("b0", true, priority);
		host_do("tc filter add dev b0 ingress prio 7 protocol ip u32 match u32 0 0 flowid 1:1");
		others = host_hooks("b0").filters;
		assert_true(others >= 3); /* u32 has an entry for its table too */
		host_watch(&l, LIVE_XDP_OFF, NO_TCX);
		assert_int_equal(host_hooks("b0").filters, others + 2);
		assert_int_equal(host_hooks("b0").our_filters, 2);
		host_close(&l);
		assert_int_equal(host_hooks("b0").filters, others);
		assert_int_equal(host_hooks("b0").our_filters, 0);
		assert_true(host_hooks("b0").clsact);
		host_do("tc qdisc del dev b0 clsact");
	}
}

static void another_kind_at_our_priority(void **state)
{
	struct host_live l;
	struct state_interface b0;
	uint32_t others;

	(void)state;
	host_fresh();
	host_do("tc qdisc add dev b0 clsact && tc filter add dev b0 ingress prio 1 protocol ip u32 match u32 "
		"0 0 flowid 1:1");
	others = host_hooks("b0").filters;
	host_watch(&l, LIVE_XDP_OFF, NO_TCX);
	assert_true(host_interface(&l, "b0", &b0));
	assert_string_equal(b0.ingress, "clsact");
	assert_non_null(strstr(b0.note, "someone else comes first"));
	host_close(&l);
	assert_int_equal(host_hooks("b0").filters, others);
}

/* The qdisc was made for us, but others have moved in: it stays with them. */
static void a_filter_that_came_later_stays(void **state)
{
	struct host_live l;

	(void)state;
	host_fresh();
	host_watch(&l, LIVE_XDP_OFF, NO_TCX);
	host_foreign_filter("b0", true, 3);
	host_close(&l);
	assert_int_equal(host_hooks("b0").filters, 1);
	assert_true(host_hooks("b0").clsact);
}

/* Opens in a process of its own, which is then killed. */
static void crash(enum live_xdp_mode mode, unsigned int without)
{
	int ready[2], status;
	char byte = 0;
	pid_t child;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		static struct host_live l;
		const char *name = "b0";

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		byte = host_open(&l, mode, without, &name, 1) ? 'e' : 'o';
		if (write(ready[1], &byte, 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	assert_int_equal(byte, 'o');
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
}

/* The kernel lets go of a dead process's links after its death was reported. */
static void expect_no_links(uint32_t xdp)
{
	for (int i = 0; i < 6000; i++) {
		if (host_hooks("b0").xdp == xdp && !host_hooks("b0").tcx)
			return;
		usleep(10000);
	}
	fail_msg("links of a dead agent stay");
}

static void a_crash_leaves_nothing_that_the_next_does_not_remove(void **state)
{
	struct host_live l;

	(void)state;
	host_fresh();
	crash(LIVE_XDP_AUTO, 0);
	expect_no_links(0);
	crash(LIVE_XDP_OFF, NO_TCX);
	assert_int_equal(host_hooks("b0").our_filters, 2);
	/* The next agent: whether it uses filters or not, and whoever made the qdisc. */
	host_watch(&l, LIVE_XDP_OFF, NO_TCX);
	assert_int_equal(host_hooks("b0").filters, 2);
	host_close(&l);
	host_expect_bare("b0");
	crash(LIVE_XDP_OFF, NO_TCX);
	host_watch(&l, LIVE_XDP_AUTO, 0);
	assert_int_equal(host_hooks("b0").filters, 0);
	host_close(&l);
	host_expect_bare("b0");
}

static void others_survive_a_crash(void **state)
{
	uint32_t id;
	struct host_live l;

	(void)state;
	host_fresh();
	id = host_foreign_xdp("b0", false);
	host_foreign_filter("b0", false, 1);
	crash(LIVE_XDP_AUTO, NO_TCX);
	expect_no_links(id);
	assert_int_equal(host_hooks("b0").filters, 3);
	host_watch(&l, LIVE_XDP_AUTO, 0);
	host_close(&l);
	assert_int_equal(host_hooks("b0").xdp, id);
	assert_int_equal(host_hooks("b0").filters, 1);
	assert_int_equal(host_hooks("b0").our_filters, 0);
}

static void a_second_agent_is_refused(void **state)
{
	static const struct {
		enum live_xdp_mode mode;
		unsigned int without;
	} first[] = {{LIVE_XDP_AUTO, 0}, {LIVE_XDP_OFF, 0}, {LIVE_XDP_OFF, NO_TCX}};
	const char *name = "b0";

	(void)state;
	host_fresh();
	for (size_t i = 0; i < sizeof(first) / sizeof(*first); i++) {
		struct host_live l, second;
		struct host_hooks before;

		host_watch(&l, first[i].mode, first[i].without);
		before = host_hooks("b0");
		assert_int_equal(host_open(&second, LIVE_XDP_AUTO, 0, &name, 1), -EBUSY);
		assert_non_null(strstr(second.error, "another espial agent"));
		assert_int_equal(host_hooks("b0").our_filters, before.our_filters);
		assert_int_equal(host_hooks("b0").tcx, before.tcx);
		assert_int_equal(host_hooks("b0").xdp, before.xdp);
		host_close(&l);
		host_expect_bare("b0");
	}
}

static void programs_that_somebody_removes_come_back(void **state)
{
	struct host_live l;

	(void)state;
	host_fresh();
	host_watch(&l, LIVE_XDP_OFF, NO_TCX);
	host_do("tc qdisc del dev b0 clsact");
	host_expect_ingress(&l, "b0", "clsact");
	assert_int_equal(host_hooks("b0").our_filters, 2);
	assert_non_null(strstr(l.lines, "b0: somebody has removed our programs"));
	host_close(&l);
	host_expect_bare("b0");
	host_watch(&l, LIVE_XDP_AUTO, 0);
	/* By the program's number, lest another agent's link go. */
	if (!host_sh("bpftool link detach id $(bpftool link show | sed -n 's/^\\([0-9]*\\): xdp  *prog %u "
		     "*$/\\1/p')",
		     host_hooks("b0").xdp))
		assert_int_equal(host_hooks("b0").xdp, 0);
	host_expect_ingress(&l, "b0", "xdp native");
	assert_true(host_hooks("b0").xdp);
	host_close(&l);
	host_expect_bare("b0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_mode_attaches_and_leaves_nothing),
		cmocka_unit_test(every_hook_counts_alike),
		cmocka_unit_test(a_mode_that_is_refused_is_an_error),
		cmocka_unit_test(a_name_that_is_not_there),
		cmocka_unit_test(a_foreign_xdp_program_stays),
		cmocka_unit_test(foreign_filters_stay),
		cmocka_unit_test(another_kind_at_our_priority),
		cmocka_unit_test(a_filter_that_came_later_stays),
		cmocka_unit_test(a_crash_leaves_nothing_that_the_next_does_not_remove),
		cmocka_unit_test(others_survive_a_crash),
		cmocka_unit_test(a_second_agent_is_refused),
		cmocka_unit_test(programs_that_somebody_removes_come_back),
	};

	return cmocka_run_group_tests_name("live", tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What outlives an agent: programs and tables that are pinned, taken over by the next one, whatever happened in between. In a
 * network namespace and a bpffs of the test's own.
 *
 * timeout: 900 (each case loads the programs several times)
 */
#include <errno.h>
#include <fcntl.h>
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>

#include <cmocka.h>

#include "prog/live_host.h"
#include "source/bpf_detach.h"
#include "source/bpf_pin.h"

#define NO_TCX LIVE_WITHOUT_TCX
#define MOUNT "/tmp/espial-test-bpffs"
#define KEPT MOUNT "/kept"

static const char *const b0_only[] = {"b0"};

/* A fresh namespace with a0 - b0, and an empty bpffs. */
static void fresh(void)
{
	host_fresh();
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) {
		print_message("mount namespaces are refused here\n");
		skip();
	}
	(void)mkdir(MOUNT, 0700);
	assert_int_equal(mount("bpf", MOUNT, "bpf", 0, "mode=0700"), 0);
}

static void collect_line(void *arg, const char *line)
{
	struct host_live *l = arg;
	size_t used = strlen(l->lines);

	snprintf(l->lines + used, sizeof(l->lines) - used, "%s\n", line);
}

static int open_as(struct host_live *l, struct live_options options)
{
	struct live_sink sink = {.interface = collect_line, .arg = l};

	if (!options.interface_count) {
		options.interfaces = b0_only;
		options.interface_count = 1;
	}
	if (!options.sa_capacity)
		options.sa_capacity = 64;
	options.newcomer_sets = options.fragment_sets = 16;
	options.ring_bytes = 65536;
	if (!options.bpffs)
		options.bpffs = KEPT;
	memset(l, 0, sizeof(*l));
	return live_open(&options, &sink, &l->live, l->error, sizeof(l->error));
}

static void must_open(struct host_live *l, struct live_options options)
{
	if (open_as(l, options))
		fail_msg("not opened: %s\n%s", l->error, l->lines);
}

static struct live_options keeping(enum live_xdp_mode mode, unsigned int without)
{
	return (struct live_options){.keep = LIVE_KEEP_YES, .xdp_mode = mode, .without = without};
}

/* ---- traffic: ESP of several SAs, a number of which only each knows */

#define SAS 5

struct sender {
	const char *device;
	uint64_t sent;
	uint32_t sequence[SAS];
	volatile bool stop;
};

static void send_some(struct sender *s, uint32_t count)
{
	uint8_t frame[] = {
		2,    0,  0,   0,  0,	0xb, 2,	  0, 0,	 0,  0,	   0xa, 8, 0,	    /* Ethernet: IPv4 */
		0x45, 0,  0,   36, 0,	0,   0,	  0, 64, 50, 0,	   0,		    /* IPv4: 36 bytes, ESP */
		198,  51, 100, 1,  198, 51,  100, 2, 0,	 0,  0x10, 0,	0, 0, 0, 0, /* SPI, sequence */
		1,    2,  3,   4,  5,	6,   7,	  8,
	};
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(s->device)};
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	assert_true(fd >= 0);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t sa = i % SAS, be = htonl(++s->sequence[sa]);

		frame[37] = (uint8_t)(sa + 1);
		memcpy(frame + 38, &be, sizeof(be));
		assert_int_equal(sendto(fd, frame, sizeof(frame), 0, (struct sockaddr *)&to, sizeof(to)),
				 sizeof(frame));
		s->sent++;
		if (i % 16 == 15)
			usleep(500);
	}
	close(fd);
}

static void *send_on(void *arg)
{
	struct sender *s = arg;

	while (!s->stop)
		send_some(s, 16 * SAS);
	return NULL;
}

/* What the kernel itself has seen arrive: a veth that is too slow drops before any program. */
static uint64_t arrived(const char *device)
{
	unsigned long long bytes = 0, packets = 0;
	char all[4096] = "", *line;
	int fd = open("/proc/thread-self/net/dev", O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? -1 : read(fd, all, sizeof(all) - 1);

	if (fd >= 0)
		close(fd);
	line = size > 0 ? strstr(all, device) : NULL;
	if (!line || sscanf(line + strlen(device), ": %llu %llu", &bytes, &packets) != 2)
		fail_msg("%s: not in /proc/net/dev", device);
	return packets;
}

/* The same, when nothing is under way any more. */
static uint64_t arrived_in_all(const char *device)
{
	uint64_t before, now = arrived(device);

	do {
		before = now;
		usleep(300000);
		now = arrived(device);
	} while (now != before);
	return now;
}

/* All that was sent is counted, within 60 s; `ret` is the state then. */
static void expect_seen(struct host_live *l, uint64_t wanted, struct state *ret)
{
	for (int wait = 0;; wait++, usleep(10000)) {
		assert_int_equal(live_state(l->live, ret), 0);
		if (ret->total.cls[ESP_CLASS_ESP] == wanted)
			return;
		if (wait == 6000 || ret->total.cls[ESP_CLASS_ESP] > wanted)
			break;
		state_free(ret);
	}
	fail_msg("seen %llu, sent %llu\n%s", (unsigned long long)ret->total.cls[ESP_CLASS_ESP],
		 (unsigned long long)wanted, l->lines);
}

/* Each packet of an SA is in an entry, or evicted, or refused; the interface has all; the sums are whole. */
static void expect_whole(const struct state *s, uint64_t sent)
{
	uint64_t packets = s->loss[ESP_LOSS_EVICTED] + s->loss[ESP_LOSS_REFUSED], in = 0, of_sums = 0,
		 newcomers = 0;

	for (size_t i = 0; i < s->sa_count; i++) {
		packets += s->sas[i].packets;
		if (s->sas[i].newcomer)
			newcomers += s->sas[i].packets;
		/* Nothing is lost: a gap would be one of ours. */
		assert_int_equal(s->sas[i].sequence.lost + s->sas[i].sequence.pending, 0);
		assert_int_equal(s->sas[i].sequence.duplicate, 0);
	}
	assert_int_equal(packets, sent);
	for (size_t i = 0; i < s->interface_count; i++)
		in += s->interfaces[i].in.cls[ESP_CLASS_ESP];
	assert_int_equal(in, sent);
	assert_int_equal(s->total.bytes, sent * 36);
	for (int i = 0; i < ESP_SUMS; i++)
		of_sums += s->sums[i].of.packets;
	assert_true(of_sums + newcomers <= sent);
}

/* ---- */

static const struct {
	enum live_xdp_mode mode;
	unsigned int without;
	const char *ingress;
} ways[] = {
	{LIVE_XDP_NATIVE, 0, "xdp native"},	   {LIVE_XDP_OFF, 0, "tcx"},
	{LIVE_XDP_OFF, NO_TCX, "clsact"},	   {LIVE_XDP_NATIVE, NO_TCX, "xdp native"},
	{LIVE_XDP_GENERIC, NO_TCX, "xdp generic"},
};
#define WAYS (sizeof(ways) / sizeof(*ways))

static void blank_times(struct state *s)
{
	for (size_t i = 0; i < s->sa_count; i++)
		s->sas[i].first_ns = s->sas[i].last_ns = 0;
}

/* Every SA is, to the last number, what it was. Times are by two clocks, and a busy machine lets time pass between their readings. */
static void expect_equal(struct state *before, struct state *after)
{
	assert_int_equal(before->sa_count, after->sa_count);
	for (size_t i = 0; i < before->sa_count; i++) {
		int64_t first = (int64_t)(after->sas[i].first_ns - before->sas[i].first_ns),
			last = (int64_t)(after->sas[i].last_ns - before->sas[i].last_ns);

		assert_true(llabs(first) < 1000000000 && llabs(last) < 1000000000);
	}
	blank_times(before);
	blank_times(after);
	assert_memory_equal(before->sas, after->sas, before->sa_count * sizeof(*before->sas));
	assert_memory_equal(&before->total, &after->total, sizeof(before->total));
	assert_memory_equal(before->loss, after->loss, sizeof(before->loss));
	assert_memory_equal(before->sums, after->sums, sizeof(before->sums));
	assert_int_equal(before->interface_count, after->interface_count);
	assert_memory_equal(before->interfaces, after->interfaces,
			    before->interface_count * sizeof(*before->interfaces));
}

static void the_next_agent_goes_on_exactly(void **state)
{
	(void)state;
	for (size_t i = 0; i < WAYS; i++) {
		struct sender s = {.device = "a0"};
		struct state before, after;
		struct host_live l;
		struct host_hooks hooks;

		fresh();
		must_open(&l, keeping(ways[i].mode, ways[i].without));
		send_some(&s, 1000);
		expect_seen(&l, s.sent, &before);
		live_close(l.live);
		hooks = host_hooks("b0");
		must_open(&l, keeping(ways[i].mode, ways[i].without));
		assert_non_null(strstr(l.lines, "taken over, counting went on"));
		assert_null(strstr(l.lines, "attaching again"));
		expect_seen(&l, s.sent, &after);
		if (!strcmp(after.interfaces[0].ingress, "tcx") || strcmp(ways[i].ingress, "tcx"))
			assert_string_equal(after.interfaces[0].ingress, ways[i].ingress);
		expect_equal(&before, &after);
		/* Nothing was attached anew: the same programs hang there. */
		assert_int_equal(host_hooks("b0").xdp, hooks.xdp);
		assert_int_equal(host_hooks("b0").tcx, hooks.tcx);
		assert_int_equal(host_hooks("b0").our_filters, hooks.our_filters);
		state_free(&before);
		state_free(&after);
		live_close(l.live);
		/* And while nobody is there. */
		send_some(&s, 1000);
		must_open(&l, keeping(ways[i].mode, ways[i].without));
		expect_seen(&l, s.sent, &after);
		expect_whole(&after, s.sent);
		assert_int_equal(after.sa_count, SAS);
		state_free(&after);
		live_close(l.live);
		must_open(&l, (struct live_options){.keep = LIVE_KEEP_NO,
						    .xdp_mode = ways[i].mode,
						    .without = ways[i].without});
		live_close(l.live);
		host_expect_bare("b0");
		assert_int_not_equal(access(KEPT, F_OK), 0);
	}
}

/* Other programs on the same tables, and other tables, each while packets pass. */
static void an_upgrade_loses_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i <= 2; i += 2) { /* links, and filters */
		struct sender s = {.device = "a0"};
		uint64_t before, seen = 0;
		struct live_options o = keeping(ways[i].mode, ways[i].without);
		struct state now;
		struct host_live l;
		pthread_t thread;
		uint32_t xdp;

		fresh();
		must_open(&l, o);
		before = arrived("b0");
		assert_int_equal(pthread_create(&thread, NULL, send_on, &s), 0);
		for (int round = 0; round < 3; round++) {
			xdp = host_hooks("b0").xdp;
			live_close(l.live);
			switch (round % 3) {
			case 0: /* other programs */
				o.without |= LIVE_WITHOUT_SAME;
				break;
			case 1: /* another version */
				o.without &= ~(unsigned int)LIVE_WITHOUT_SAME;
				o.other_version++;
				break;
			default: /* other sizes */
				o.sa_capacity = o.sa_capacity == 128 ? 64 : 128;
				break;
			}
			must_open(&l, o);
			assert_null(strstr(l.lines, "attaching again"));
			if (xdp)
				assert_int_not_equal(host_hooks("b0").xdp, xdp);
			assert_int_equal(live_state(l.live, &now), 0);
			assert_true(now.total.seen >= seen);
			seen = now.total.seen;
			state_free(&now);
		}
		s.stop = true;
		pthread_join(thread, NULL);
		expect_seen(&l, arrived_in_all("b0") - before, &now);
		expect_whole(&now, arrived("b0") - before);
		state_free(&now);
		live_close(l.live);
	}
}

static pid_t spawn_agent(struct live_options options)
{
	pid_t child = fork();

	assert_true(child >= 0);
	if (!child) {
		static struct host_live l;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (open_as(&l, options))
			_exit(1);
		pause();
		_exit(0);
	}
	return child;
}

/* Killed at any moment of its start, whether it takes over or moves to other tables: the next one knows what to do. */
static void killed_at_any_moment(void **state)
{
	struct sender s = {.device = "a0"};
	struct live_options o = keeping(LIVE_XDP_AUTO, 0);
	struct host_live l;
	struct state now;
	pthread_t thread;
	uint64_t before;
	unsigned int random = 42;

	(void)state;
	fresh();
	must_open(&l, o);
	before = arrived("b0");
	live_close(l.live);
	assert_int_equal(pthread_create(&thread, NULL, send_on, &s), 0);
	for (int i = 0; i < 10; i++) {
		int status;
		pid_t child;

		o.other_version = (uint64_t)rand_r(&random) % 3;
		o.without = rand_r(&random) % 2 ? LIVE_WITHOUT_SAME : 0;
		child = spawn_agent(o);
		usleep((unsigned int)rand_r(&random) % 400000);
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, &status, 0), child);
	}
	s.stop = true;
	pthread_join(thread, NULL);
	o.other_version = 7;
	must_open(&l, o);
	assert_null(strstr(l.lines, "lost"));
	expect_seen(&l, arrived_in_all("b0") - before, &now);
	expect_whole(&now, arrived("b0") - before);
	state_free(&now);
	o.keep = LIVE_KEEP_NO;
	live_close(l.live);
	must_open(&l, o);
	live_close(l.live);
	host_expect_bare("b0");
	assert_int_not_equal(access(KEPT, F_OK), 0);
}

/* Sends until `more` have arrived, since a device that has just come up drops the first. */
static void send_until(struct sender *s, const char *device, uint64_t more)
{
	uint64_t wanted = arrived(device) + more;

	for (int wait = 0; wait < 1000 && arrived(device) < wanted; wait++)
		send_some(s, 10);
	assert_true(arrived_in_all(device) >= wanted);
}

static void interfaces_that_changed_meanwhile(void **state)
{
	const char *any[] = {"*0", "wan*"};
	struct sender s = {.device = "gen"};
	struct live_options o = keeping(LIVE_XDP_AUTO, 0);
	uint64_t sum, before;
	struct state now;
	struct host_live l;

	(void)state;
	fresh();
	o.interfaces = any;
	o.interface_count = 2;
	host_do("ip link set a0 down && ip link set a0 name gen && ip link set gen up");
	before = arrived("b0");
	must_open(&l, o);
	live_close(l.live);
	/* Down, renamed, up. */
	host_do("ip link set b0 down && ip link set b0 name wan0 && ip link set wan0 up");
	send_until(&s, "wan0", 100);
	must_open(&l, o);
	assert_non_null(strstr(l.lines, "b0: is called wan0 now"));
	sum = arrived("wan0") - before;
	expect_seen(&l, sum, &now);
	assert_int_equal(now.interface_count, 1);
	assert_string_equal(now.interfaces[0].name, "wan0");
	assert_string_equal(now.interfaces[0].ingress, "xdp native");
	state_free(&now);
	live_close(l.live);
	/* Gone, and another of its name and index in its place. */
	host_do("i=$(ip -o link show wan0 | cut -d: -f1); ip link del wan0 && ip link add gen type veth peer "
		"name wan0 index $i && ip link set gen up && ip link set wan0 up");
	must_open(&l, o);
	assert_non_null(strstr(l.lines, "wan0: gone since"));
	assert_non_null(strstr(l.lines, "wan0: watched"));
	before = arrived("wan0");
	send_until(&s, "wan0", 100);
	sum += arrived("wan0") - before;
	expect_seen(&l, sum, &now);
	assert_int_equal(now.interface_count, 1);
	assert_int_equal(now.interfaces[0].in.cls[ESP_CLASS_ESP], sum);
	state_free(&now);
	live_close(l.live);
	/* Gone for good: its pins go, its counters stay. */
	host_do("ip link del wan0");
	must_open(&l, o);
	assert_int_not_equal(access(KEPT "/links/in-3", F_OK), 0);
	expect_seen(&l, sum, &now);
	assert_int_equal(now.interface_count, 1);
	assert_string_equal(now.interfaces[0].ingress, "none");
	state_free(&now);
	live_close(l.live);
}

/* Our link goes along; nothing of ours is to stay on a device that is not ours to watch. */
static void moved_to_another_namespace(void **state)
{
	struct live_options o = keeping(LIVE_XDP_AUTO, 0);
	struct host_live l;
	int ours, status;
	pid_t there;

	(void)state;
	fresh();
	must_open(&l, o);
	live_close(l.live);
	ours = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	/* Another namespace may not take what is kept in here, while it is in use. */
	host_do("ip link add b0 type veth peer name a0");
	assert_int_equal(open_as(&l, o), -EBUSY);
	assert_non_null(strstr(l.error, "another network namespace"));
	there = fork();
	assert_true(there >= 0);
	if (!there) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pause();
		_exit(0);
	}
	assert_int_equal(setns(ours, CLONE_NEWNET), 0);
	assert_int_not_equal(host_hooks("b0").xdp, 0);
	host_do("ip link set b0 netns %d name moved0; ip link add b0 type veth peer name c0 && ip link set "
		"b0 up",
		there);
	must_open(&l, o);
	assert_non_null(strstr(l.lines, "b0: gone since"));
	assert_non_null(strstr(l.lines, "b0: watched"));
	live_close(l.live);
	assert_int_equal(host_sh("nsenter -t %d -n ip -d link show moved0 | grep -q prog/xdp", there), 1);
	kill(there, SIGKILL);
	assert_int_equal(waitpid(there, &status, 0), there);
	close(ours);
}

static void what_is_kept_and_what_not(void **state)
{
	struct live_options o = {.keep = LIVE_KEEP_AUTO};
	struct host_live l, second;

	(void)state;
	fresh();
	/* By itself nothing is. */
	must_open(&l, o);
	assert_int_not_equal(access(KEPT, F_OK), 0);
	live_close(l.live);
	host_expect_bare("b0");
	o.keep = LIVE_KEEP_YES;
	must_open(&l, o);
	assert_int_equal(open_as(&second, o), -EBUSY);
	assert_non_null(strstr(second.error, "another espial agent has it (pid "));
	assert_non_null(strstr(second.error, "choose another with --bpffs"));
	/* In another directory: it cannot have the interface. */
	assert_int_equal(open_as(&second, (struct live_options){.keep = LIVE_KEEP_YES, .bpffs = MOUNT "/b"}),
			 -EBUSY);
	assert_non_null(strstr(second.error, "another espial agent watches it"));
	assert_int_not_equal(access(MOUNT "/b", F_OK), 0);
	live_close(l.live);
	/* Left by one that has ended, and not looked for there. */
	assert_int_equal(open_as(&second, (struct live_options){.bpffs = MOUNT "/b"}), -EBUSY);
	assert_non_null(strstr(second.error, "espial detach"));
	/* Keeping stays keeping. */
	o.keep = LIVE_KEEP_AUTO;
	must_open(&l, o);
	live_close(l.live);
	assert_int_not_equal(host_hooks("b0").xdp, 0);
	/* A start that fails leaves what was there. */
	o.interfaces = (const char *const[]){"bO0"};
	o.interface_count = 1;
	assert_int_equal(open_as(&l, o), -ENODEV);
	assert_int_not_equal(host_hooks("b0").xdp, 0);
	o.interface_count = 0;
	o.keep = LIVE_KEEP_NO;
	must_open(&l, o);
	assert_non_null(strstr(l.lines, "it is removed at the end"));
	live_close(l.live);
	host_expect_bare("b0");
	assert_int_not_equal(access(KEPT, F_OK), 0);
}

/* It works all the same, and says what it lacks. */
static void where_nothing_can_be_kept(void **state)
{
	static const char *const bad[] = {"/tmp/espial", MOUNT "/none/kept", MOUNT};
	struct live_options o = keeping(LIVE_XDP_AUTO, 0);
	struct host_live l;

	(void)state;
	fresh();
	assert_int_equal(chmod(MOUNT, 0777), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		o.bpffs = bad[i];
		must_open(&l, o);
		assert_non_null(strstr(l.lines, "until then counters start at 0 at each start"));
		live_close(l.live);
		host_expect_bare("b0");
	}
	o.bpffs = KEPT;
	assert_int_equal(mount(NULL, MOUNT, NULL, MS_REMOUNT | MS_RDONLY | MS_BIND, NULL), 0);
	must_open(&l, o);
	assert_non_null(strstr(l.lines, "Read-only file system"));
	live_close(l.live);
	host_expect_bare("b0");
}

/* ---- espial detach */

struct heard {
	size_t removed, spared;
	char lines[2048];
};

static void on_removed(void *arg, const struct detached *d)
{
	struct heard *h = arg;
	size_t used = strlen(h->lines);

	h->removed++;
	snprintf(h->lines + used, sizeof(h->lines) - used, "%s %s %s\n", d->interface ? d->interface : "-",
		 d->what, d->side);
}

static void on_spared(void *arg, const char *line)
{
	struct heard *h = arg;

	(void)line;
	h->spared++;
}

static int detach(struct heard *ret, char error[256])
{
	const struct detach_sink sink = {.removed = on_removed, .spared = on_spared, .arg = ret};

	memset(ret, 0, sizeof(*ret));
	return detach_all(KEPT, &sink, error, 256);
}

static void detach_removes_ours_and_nothing_else(void **state)
{
	static const struct {
		enum live_xdp_mode mode;
		unsigned int without;
		const char *lines;
	} cases[] = {
		{LIVE_XDP_AUTO, 0, "b0 xdp in\nb0 tcx out\n- tables \n- directory \n"},
		{LIVE_XDP_OFF, NO_TCX, "- tables \n- directory \nb0 clsact in\nb0 clsact out\nb0 qdisc \n"},
	};
	char error[256];
	struct heard heard;
	struct host_live l;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		fresh();
		must_open(&l, keeping(cases[i].mode, cases[i].without));
		assert_int_equal(detach(&heard, error), -EBUSY);
		assert_non_null(strstr(error, "another espial agent has it (pid "));
		assert_int_equal(heard.removed, 0);
		live_close(l.live);
		assert_int_equal(detach(&heard, error), 0);
		/* In whatever order, and before TCX. */
		if (strcmp(heard.lines, cases[i].lines) &&
		    strcmp(heard.lines, "b0 tcx out\nb0 xdp in\n- tables \n- directory \n") &&
		    strcmp(heard.lines, "b0 xdp in\n- tables \n- directory \nb0 clsact out\nb0 qdisc \n"))
			fail_msg("%s", heard.lines);
		host_expect_bare("b0");
		assert_int_equal(detach(&heard, error), 0);
		assert_int_equal(heard.removed + heard.spared, 0);
		/* Next to others. */
		if (i) {
			host_foreign_filter("b0", false, 1);
			host_foreign_filter("b0", true, 3);
		}
		must_open(&l, keeping(cases[i].mode, cases[i].without));
		live_close(l.live);
		if (!i)
			assert_int_equal(mkdir(KEPT "/foreign", 0700), 0);
		assert_int_equal(detach(&heard, error), 0);
		assert_int_equal(heard.spared, !i);
		assert_int_equal(host_hooks("b0").filters, i ? 2 : 0);
		assert_int_equal(host_hooks("b0").our_filters, 0);
		assert_int_equal(host_hooks("b0").clsact, i != 0);
	}
}

static void others_programs_stay(void **state)
{
	struct live_options o = keeping(LIVE_XDP_AUTO, NO_TCX);
	struct host_live l;
	uint32_t id;

	(void)state;
	fresh();
	id = host_foreign_xdp("b0", false);
	host_foreign_filter("b0", false, 1);
	for (int i = 0; i < 4; i++) {
		o.other_version = (uint64_t)i / 2;
		must_open(&l, o);
		assert_int_equal(host_hooks("b0").xdp, id);
		assert_int_equal(host_hooks("b0").filters, 3);
		assert_int_equal(host_hooks("b0").our_filters, 2);
		live_close(l.live);
		assert_int_equal(host_hooks("b0").filters, 3);
	}
	o.keep = LIVE_KEEP_NO;
	must_open(&l, o);
	live_close(l.live);
	assert_int_equal(host_hooks("b0").xdp, id);
	assert_int_equal(host_hooks("b0").filters, 1);
}

/* A mode that is asked for now, and another than the one that was kept. */
static void another_mode_attaches_anew(void **state)
{
	struct state_interface b0;
	struct host_live l;

	(void)state;
	fresh();
	must_open(&l, keeping(LIVE_XDP_NATIVE, 0));
	live_close(l.live);
	must_open(&l, keeping(LIVE_XDP_GENERIC, 0));
	assert_non_null(strstr(l.lines, "attaching again"));
	assert_true(host_interface(&l, "b0", &b0));
	assert_string_equal(b0.ingress, "xdp generic");
	live_close(l.live);
	must_open(&l, keeping(LIVE_XDP_AUTO, 0));
	assert_true(host_interface(&l, "b0", &b0));
	assert_string_equal(b0.ingress, "xdp generic");
	live_close(l.live);
	/* Somebody took a part of it away. */
	host_do("bpftool link detach pinned " KEPT "/links/in-*");
	must_open(&l, keeping(LIVE_XDP_AUTO, 0));
	assert_non_null(strstr(l.lines, "not whole, attaching again"));
	assert_true(host_interface(&l, "b0", &b0));
	assert_string_equal(b0.ingress, "xdp native");
	live_close(l.live);
}

static size_t descriptors(void)
{
	DIR *stream = opendir("/proc/self/fd");
	size_t count = 0;

	while (stream && readdir(stream))
		count++;
	if (stream)
		closedir(stream);
	return count;
}

static size_t files_below(const char *at)
{
	char command[128], text[32] = "";
	FILE *stream;

	snprintf(command, sizeof(command), "find %s | wc -l", at);
	stream = popen(command, "r");
	if (stream && !fgets(text, sizeof(text), stream))
		*text = 0;
	if (stream)
		pclose(stream);
	return (size_t)strtoul(text, NULL, 10);
}

static void nothing_leaks(void **state)
{
	struct live_options o = keeping(LIVE_XDP_AUTO, 0);
	size_t before, files = 0;
	struct host_live l;

	(void)state;
	fresh();
	must_open(&l, o);
	live_close(l.live);
	before = descriptors();
	files = files_below(KEPT);
	for (int i = 0; i < 20; i++) {
		o.other_version = (uint64_t)i / 10;
		must_open(&l, o);
		live_close(l.live);
	}
	assert_int_equal(descriptors(), before);
	assert_int_equal(files_below(KEPT), files);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_next_agent_goes_on_exactly),
		cmocka_unit_test(an_upgrade_loses_nothing),
		cmocka_unit_test(killed_at_any_moment),
		cmocka_unit_test(interfaces_that_changed_meanwhile),
		cmocka_unit_test(moved_to_another_namespace),
		cmocka_unit_test(what_is_kept_and_what_not),
		cmocka_unit_test(where_nothing_can_be_kept),
		cmocka_unit_test(detach_removes_ours_and_nothing_else),
		cmocka_unit_test(others_programs_stay),
		cmocka_unit_test(another_mode_attaches_anew),
		cmocka_unit_test(nothing_leaks),
	};

	return cmocka_run_group_tests_name("pin", tests, NULL, NULL);
}

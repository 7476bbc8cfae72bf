/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "prog/live_host.h"

#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include "source/filters.h"

int host_sh(const char *format, ...)
{
	char command[1024];
	va_list args;
	int status;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	status = system(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

void host_do(const char *format, ...)
{
	char command[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	if (host_sh("%s", command))
		fail_msg("failed: %s", command);
}

void host_fresh(void)
{
	if (geteuid() || unshare(CLONE_NEWNET)) {
		print_message("needs root and network namespaces\n");
		skip();
	}
	/* Not a word of IPv6's own on the wire: what is counted is what a test sends. */
	host_do("sysctl -qw net.ipv6.conf.default.disable_ipv6=1");
	host_do("ip link add a0 type veth peer name b0 && ip link set a0 up && ip link set b0 up");
}

void host_need_device(const char *add_command)
{
	if (host_sh("%s 2>/dev/null", add_command)) {
		print_message("refused here: %s\n", add_command);
		skip();
	}
}

/* ---- the live source */

static void on_line(void *arg, const char *line)
{
	struct host_live *l = arg;
	size_t used = strlen(l->lines);

	snprintf(l->lines + used, sizeof(l->lines) - used, "%s\n", line);
}

static void on_event(void *arg, const struct esp_event *event, size_t size)
{
	struct host_live *l = arg;

	(void)event;
	(void)size;
	l->events++;
}

int host_open(struct host_live *l, enum live_xdp_mode mode, unsigned int without, const char *const *names,
	      size_t count)
{
	struct live_options options = {
		.interfaces = names,
		.interface_count = count,
		.xdp_mode = mode,
		.without = without,
		.sa_capacity = 256,
	};
	struct live_sink sink = {.event = on_event, .interface = on_line, .arg = l};

	memset(l, 0, sizeof(*l));
	return live_open(&options, &sink, &l->live, l->error, sizeof(l->error));
}

void host_watch(struct host_live *l, enum live_xdp_mode mode, unsigned int without)
{
	const char *name = "b0";

	if (host_open(l, mode, without, &name, 1))
		fail_msg("not opened: %s", l->error);
}

bool host_interface(struct host_live *l, const char *name, struct state_interface *ret)
{
	struct state state;
	bool found = false;

	assert_int_equal(live_state(l->live, &state), 0);
	for (size_t i = 0; i < state.interface_count && !found; i++) {
		found = !strcmp(state.interfaces[i].name, name);
		if (found)
			*ret = state.interfaces[i];
	}
	state_free(&state);
	return found;
}

void host_expect_ingress(struct host_live *l, const char *name, const char *ingress)
{
	struct state_interface seen = {0};
	time_t end = time(NULL) + 60;

	for (;;) {
		struct pollfd waiting = {.fd = live_follow_fd(l->live), .events = POLLIN};

		assert_int_equal(live_follow(l->live), 0);
		if (!host_interface(l, name, &seen) ? !*ingress : !strcmp(seen.ingress, ingress))
			return;
		if (time(NULL) > end)
			break;
		poll(&waiting, 1, 200);
	}
	fail_msg("%s: ingress is '%s', wanted '%s'\n%s", name, seen.ingress, ingress, l->lines);
}

void host_close(struct host_live *l)
{
	live_close(l->live);
	l->live = NULL;
}

/* ---- what is attached */

static void count_filter(void *arg, const struct filter *filter)
{
	struct host_hooks *hooks = arg;

	hooks->filters++;
	hooks->our_filters += !strncmp(filter->name, "esp_tc_", 7);
}

struct host_hooks host_hooks(const char *name)
{
	struct host_hooks hooks = {0};
	unsigned int ifindex = if_nametoindex(name);

	assert_true(ifindex);
	(void)bpf_xdp_query_id((int)ifindex, 0, &hooks.xdp);
	for (int type = 46; type <= 47; type++) { /* TCX, both ways */
		uint32_t ids[64];
		LIBBPF_OPTS(bpf_prog_query_opts, query, .prog_ids = ids, .prog_cnt = 64);

		if (!bpf_prog_query_opts((int)ifindex, (enum bpf_attach_type)type, &query))
			hooks.tcx += query.prog_cnt;
	}
	assert_int_equal(filters_each(ifindex, false, count_filter, &hooks), 0);
	assert_int_equal(filters_each(ifindex, true, count_filter, &hooks), 0);
	hooks.clsact = !host_sh("tc qdisc show dev %s | grep -q clsact", name);
	return hooks;
}

void host_expect_bare(const char *name)
{
	struct host_hooks hooks = host_hooks(name);

	assert_int_equal(hooks.xdp, 0);
	assert_int_equal(hooks.tcx, 0);
	assert_int_equal(hooks.filters, 0);
	assert_false(hooks.clsact);
}

/* ---- others */

static int foreign_program(enum bpf_prog_type type, int verdict, uint32_t *ret_id)
{
	const struct bpf_insn code[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = verdict},
		{.code = BPF_JMP | BPF_EXIT},
	};
	struct bpf_prog_info info = {0};
	uint32_t length = sizeof(info);
	int fd = bpf_prog_load(type, "foreign", "GPL", code, sizeof(code) / sizeof(*code), NULL);

	assert_true(fd >= 0);
	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &length), 0);
	*ret_id = info.id;
	return fd;
}

uint32_t host_foreign_xdp(const char *name, bool generic)
{
	uint32_t id;
	int fd = foreign_program(BPF_PROG_TYPE_XDP, 2 /* XDP_PASS */, &id);

	assert_int_equal(bpf_xdp_attach((int)if_nametoindex(name), fd,
					generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE, NULL),
			 0);
	close(fd);
	return id;
}

uint32_t host_foreign_filter(const char *name, bool egress, uint32_t priority)
{
	LIBBPF_OPTS(bpf_tc_hook, both, .ifindex = (int)if_nametoindex(name),
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = both.ifindex,
		    .attach_point = egress ? BPF_TC_EGRESS : BPF_TC_INGRESS);
	uint32_t id;
	int fd = foreign_program(BPF_PROG_TYPE_SCHED_CLS, -1 /* TC_ACT_UNSPEC */, &id);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = fd, .handle = 1, .priority = priority);

	(void)bpf_tc_hook_create(&both);
	assert_int_equal(bpf_tc_attach(&hook, &opts), 0);
	close(fd);
	return id;
}

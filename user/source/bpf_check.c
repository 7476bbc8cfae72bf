// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/bpf_check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/if_link.h>

#include "source/bpf_host.h"

/* Kernel 6.6; see bpf_attach.c */
#define TCX_INGRESS ((enum bpf_attach_type)46)
#define TCX_EGRESS ((enum bpf_attach_type)47)
#define LOOPBACK_IFINDEX 1

/* ---- what is used, tried */

static enum check_seen seen(int result)
{
	return result > 0 ? CHECK_YES : result == 0 ? CHECK_NO : CHECK_UNSEEN;
}

/* Compare-and-exchange on 64 bits, kernel 5.12: the replay window is made of it. */
static int try_cmpxchg(void)
{
	const struct bpf_insn program[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_STX | BPF_MEM | BPF_DW, .dst_reg = BPF_REG_10, .src_reg = BPF_REG_0, .off = -8},
		{.code = BPF_STX | BPF_ATOMIC | BPF_DW,
		 .dst_reg = BPF_REG_10,
		 .src_reg = BPF_REG_0,
		 .off = -8,
		 .imm = BPF_CMPXCHG},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, NULL, "GPL", program, sizeof(program) / sizeof(program[0]),
			       NULL);

	if (fd < 0)
		return errno == EPERM ? -EPERM : 0;
	close(fd);
	return 1;
}

static void look_at_probes(struct check_host *host)
{
	static const struct {
		const char *name;
		enum { PROGRAM, MAP, HELPER } kind;
		int number;
	} probes[] = {
		{"XDP programs", PROGRAM, BPF_PROG_TYPE_XDP},
		{"tc programs", PROGRAM, BPF_PROG_TYPE_SCHED_CLS},
		{"array maps", MAP, BPF_MAP_TYPE_ARRAY},
		{"hash maps", MAP, BPF_MAP_TYPE_HASH},
		{"ring buffers", MAP, BPF_MAP_TYPE_RINGBUF},
		{"bpf_jiffies64", HELPER, BPF_FUNC_jiffies64},
		{"bpf_loop", HELPER, BPF_FUNC_loop},
		{"bpf_ringbuf_reserve", HELPER, BPF_FUNC_ringbuf_reserve},
		{"bpf_xdp_get_buff_len", HELPER, BPF_FUNC_xdp_get_buff_len},
	};
	size_t count = sizeof(probes) / sizeof(probes[0]);
	/* libbpf takes a refusal for an absence */
	bool may = check_has_capability(host, CAP_BPF) && check_has_capability(host, CAP_NET_ADMIN);

	for (size_t i = 0; i < count; i++) {
		struct check_probe *probe = &host->probes[host->probe_count++];

		probe->name = probes[i].name;
		if (!may)
			continue;
		if (probes[i].kind == PROGRAM)
			probe->seen =
				seen(libbpf_probe_bpf_prog_type((enum bpf_prog_type)probes[i].number, NULL));
		else if (probes[i].kind == MAP)
			probe->seen =
				seen(libbpf_probe_bpf_map_type((enum bpf_map_type)probes[i].number, NULL));
		else
			probe->seen = seen(libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP,
								   (enum bpf_func_id)probes[i].number, NULL));
	}
	host->probes[host->probe_count++] =
		(struct check_probe){"atomic exchanges", may ? seen(try_cmpxchg()) : CHECK_UNSEEN};
}

/* ---- who is there */

/* Programs on a TCX hook, into tc[]. -EPERM: may not be asked; -EINVAL: there is no TCX. */
static int look_at_tcx(struct check_interface *i, bool egress)
{
	uint32_t ids[CHECK_TC] = {0};
	LIBBPF_OPTS(bpf_prog_query_opts, opts, .prog_ids = ids, .prog_cnt = CHECK_TC);
	int err = bpf_prog_query_opts((int)i->ifindex, egress ? TCX_EGRESS : TCX_INGRESS, &opts);

	if (err)
		return err;
	for (uint32_t n = 0; n < opts.prog_cnt && n < CHECK_TC; n++) {
		struct check_tc *tc;

		if (i->tc_count++ >= CHECK_TC)
			continue;
		tc = &i->tc[i->tc_count - 1];
		*tc = (struct check_tc){.egress = egress, .tcx = true, .id = ids[n], .kind = "bpf"};
		host_program_name(ids[n], tc->name, sizeof(tc->name));
	}
	return 0;
}

static void look_at_xdp(struct check_interface *i)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);

	if (bpf_xdp_query((int)i->ifindex, 0, &query))
		return;
	switch (query.attach_mode) {
	case XDP_ATTACHED_NONE:
		i->xdp_mode = CHECK_XDP_FREE;
		return;
	case XDP_ATTACHED_DRV:
		i->xdp_mode = CHECK_XDP_NATIVE;
		i->xdp_id = query.drv_prog_id;
		break;
	case XDP_ATTACHED_SKB:
		i->xdp_mode = CHECK_XDP_GENERIC;
		i->xdp_id = query.skb_prog_id;
		break;
	case XDP_ATTACHED_HW:
		i->xdp_mode = CHECK_XDP_HARDWARE;
		i->xdp_id = query.hw_prog_id;
		break;
	default:
		i->xdp_mode = CHECK_XDP_SEVERAL;
		i->xdp_id = query.drv_prog_id ? query.drv_prog_id : query.skb_prog_id;
		break;
	}
	host_program_name(i->xdp_id, i->xdp_name, sizeof(i->xdp_name));
}

void bpf_check_look(struct check_host *host)
{
	LIBBPF_OPTS(bpf_prog_query_opts, opts);
	int err;

	host_complaint_keep(); /* what libbpf says of probes that fail is no matter of anybody's */
	look_at_probes(host);
	err = bpf_prog_query_opts(LOOPBACK_IFINDEX, TCX_EGRESS, &opts);
	host->tcx = !err ? CHECK_YES : err == -EINVAL ? CHECK_NO : CHECK_UNSEEN;
	for (size_t n = 0; n < host->interface_count; n++) {
		struct check_interface *i = &host->interfaces[n];

		look_at_xdp(i);
		(void)look_at_tcx(i, false);
		(void)look_at_tcx(i, true);
	}
}

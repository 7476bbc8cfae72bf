// SPDX-License-Identifier: GPL-2.0-or-later
/* check.c - the rows of the host */
#include "model/check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/capability.h>

#include "model/check_internal.h"

#define BIT(n) (1ULL << (n))
#define KERNEL_MAJOR 6
#define KERNEL_MINOR 1

const char *check_status_name(enum check_status status)
{
	static const char *const names[CHECK_STATUSES] = {
		[CHECK_OK] = "ok",	[CHECK_NOTE] = "note",	   [CHECK_NOT_SEEN] = "unseen",
		[CHECK_LACK] = "lacks", [CHECK_BLOCK] = "missing",
	};

	return names[status];
}

struct check_row *check_add(struct check_rows *rows, const char *area, const char *id, const char *title,
			    enum check_status status, const char *format, ...)
{
	static struct check_row spare; /* written and never read, when there is no memory */
	struct check_row *row = &spare;
	va_list args;

	if (rows->count == rows->room) {
		size_t room = rows->room ? rows->room * 2 : 32;
		struct check_row *grown = realloc(rows->row, room * sizeof(*grown));

		if (grown) {
			rows->row = grown;
			rows->room = room;
		}
	}
	if (rows->count < rows->room)
		row = &rows->row[rows->count++];
	else
		rows->failed = true;
	memset(row, 0, sizeof(*row));
	row->area = area;
	row->id = id;
	row->title = title;
	row->status = status;
	va_start(args, format);
	vsnprintf(row->value, sizeof(row->value), format, args);
	va_end(args);
	return row;
}

void check_say(struct check_row *row, const char *consequence, const char *remedy)
{
	const char *name = strstr(remedy, "NAME");

	snprintf(row->consequence, sizeof(row->consequence), "%s", consequence);
	if (name)
		snprintf(row->remedy, sizeof(row->remedy), "%.*s%s%s", (int)(name - remedy), remedy,
			 row->interface, name + strlen("NAME"));
	else
		snprintf(row->remedy, sizeof(row->remedy), "%s", remedy);
}

void check_rows_free(struct check_rows *rows)
{
	free(rows->row);
	*rows = (struct check_rows){0};
}

bool check_has_capability(const struct check_host *host, int capability)
{
	bool implied = capability == CAP_BPF || capability == CAP_PERFMON;

	return host->capabilities & BIT(capability) || (implied && host->capabilities & BIT(CAP_SYS_ADMIN));
}

/* ---- the kernel */

static bool is_old(const struct check_host *host)
{
	return host->major &&
	       (host->major < KERNEL_MAJOR || (host->major == KERNEL_MAJOR && host->minor < KERNEL_MINOR));
}

bool check_kernel_suits(const struct check_host *host)
{
	for (size_t i = 0; i < host->probe_count; i++)
		if (host->probes[i].seen == CHECK_NO)
			return false;
	return !is_old(host);
}

static void judge_kernel(const struct check_host *host, struct check_rows *rows)
{
	bool old = is_old(host);
	struct check_row *row;

	if (!host->major) {
		check_add(rows, "kernel", "kernel", "kernel", CHECK_NOT_SEEN, "%s: no version that is known",
			  host->release);
		return;
	}
	row = check_add(rows, "kernel", "kernel", "kernel", old ? CHECK_BLOCK : CHECK_OK, "%s%s",
			host->release, old ? "" : ", 6.1 is needed");
	if (old)
		check_say(row, "the programs of espial run do not load",
			  "upgrade the kernel; espial read works on any");
}

static void judge_btf(const struct check_host *host, struct check_rows *rows)
{
	struct check_row *row;

	if (host->btf == CHECK_YES) {
		check_add(rows, "kernel", "btf", "BTF", CHECK_OK, "/sys/kernel/btf/vmlinux");
		return;
	}
	row = check_add(rows, "kernel", "btf", "BTF", CHECK_LACK, "no /sys/kernel/btf/vmlinux");
	check_say(row, "programs that look into the kernel's own structures (reasons of drops) do not load",
		  "a kernel built with CONFIG_DEBUG_INFO_BTF=y; those of the distributions are");
}

static void judge_jit(const struct check_host *host, struct check_rows *rows)
{
	struct check_row *row;

	if (host->jit < 0) {
		row = check_add(rows, "kernel", "jit", "JIT", CHECK_NOT_SEEN,
				"net.core.bpf_jit_enable cannot be read");
		check_say(row, "", "root may read it");
	} else if (host->jit) {
		check_add(rows, "kernel", "jit", "JIT", CHECK_OK, "net.core.bpf_jit_enable = %d", host->jit);
	} else {
		row = check_add(rows, "kernel", "jit", "JIT", CHECK_LACK, "net.core.bpf_jit_enable = 0");
		check_say(row, "programs are interpreted: each packet costs many times as much",
			  "sysctl -w net.core.bpf_jit_enable=1, and in /etc/sysctl.d to keep it");
	}
}

/* All probes in one row: which lack, or how many there are. */
static void judge_probes(const struct check_host *host, struct check_rows *rows)
{
	char lacking[160] = "";
	size_t there = 0, unseen = 0;
	struct check_row *row;

	for (size_t i = 0; i < host->probe_count; i++) {
		size_t used = strlen(lacking);

		there += host->probes[i].seen == CHECK_YES;
		unseen += host->probes[i].seen == CHECK_UNSEEN;
		if (host->probes[i].seen == CHECK_NO)
			snprintf(lacking + used, sizeof(lacking) - used, "%s%s", used ? ", " : "",
				 host->probes[i].name);
	}
	if (*lacking) {
		row = check_add(rows, "kernel", "bpf", "BPF", CHECK_BLOCK, "without %s", lacking);
		check_say(row, "the programs of espial run do not load",
			  "a newer kernel, or one configured with these");
	} else if (unseen || !there) {
		row = check_add(rows, "kernel", "bpf", "BPF", CHECK_NOT_SEEN,
				"program types, maps and helpers cannot be tried");
		check_say(row, "", "CAP_BPF and CAP_NET_ADMIN may try them: run as root");
	} else {
		check_add(rows, "kernel", "bpf", "BPF", CHECK_OK,
			  "all %zu program types, maps, helpers and instructions that are used", there);
	}
}

static void judge_tcx(const struct check_host *host, struct check_rows *rows)
{
	struct check_row *row;

	if (host->tcx == CHECK_YES) {
		check_add(rows, "kernel", "tcx", "TCX", CHECK_OK, "there, for egress and where XDP is taken");
		return;
	}
	row = check_add(rows, "kernel", "tcx", "TCX", host->tcx == CHECK_NO ? CHECK_NOTE : CHECK_NOT_SEEN,
			host->tcx == CHECK_NO ? "none: clsact filters are used" : "cannot be asked for");
	if (host->tcx == CHECK_NO)
		check_say(row,
			  "a filter stays when the agent is killed, and the next agent has to take it over",
			  "kernel 6.6 has TCX");
	else
		check_say(row, "", "CAP_NET_ADMIN may ask: run as root");
}

static void judge_lockdown(const struct check_host *host, struct check_rows *rows)
{
	struct check_row *row;

	if (!*host->lockdown || !strcmp(host->lockdown, "none"))
		return;
	row = check_add(rows, "kernel", "lockdown", "lockdown",
			strcmp(host->lockdown, "confidentiality") ? CHECK_NOTE : CHECK_LACK, "%s",
			host->lockdown);
	if (row->status == CHECK_LACK)
		check_say(row, "BPF may not read the kernel's memory: reasons of drops are not told",
			  "boot with lockdown=integrity, if your rules allow it");
}

static void judge_bpffs(const struct check_host *host, struct check_rows *rows)
{
	struct check_row *row;

	if (host->bpffs == CHECK_YES && host->bpffs_writable) {
		check_add(rows, "kernel", "bpffs", "bpffs", CHECK_OK, "/sys/fs/bpf, writable");
	} else if (host->bpffs == CHECK_YES && host->uid) {
		row = check_add(rows, "kernel", "bpffs", "bpffs", CHECK_NOTE,
				"/sys/fs/bpf, not writable for user %u", host->uid);
		check_say(row, "an agent of this user cannot keep its counters over a restart",
			  "run it as root, or give it a directory there with --bpffs");
	} else {
		row = check_add(rows, "kernel", "bpffs", "bpffs", CHECK_LACK, "%s",
				host->bpffs == CHECK_YES ? "/sys/fs/bpf is read-only"
							 : "not mounted on /sys/fs/bpf");
		check_say(row,
			  "counters begin anew when the agent is started again, and packets in between go "
			  "uncounted",
			  host->bpffs == CHECK_YES ? "mount -o remount,rw /sys/fs/bpf"
						   : "mount -t bpf bpf /sys/fs/bpf");
	}
}

/* ---- privileges */

static void list_capabilities(uint64_t set, char *ret, size_t size)
{
	static const struct {
		int capability;
		const char *name;
	} names[] = {
		{CAP_BPF, "CAP_BPF"},	      {CAP_NET_ADMIN, "CAP_NET_ADMIN"}, {CAP_PERFMON, "CAP_PERFMON"},
		{CAP_NET_RAW, "CAP_NET_RAW"}, {CAP_SYS_ADMIN, "CAP_SYS_ADMIN"},
	};

	*ret = 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t used = strlen(ret);

		if (set & BIT(names[i].capability))
			snprintf(ret + used, size - used, "%s%s", used ? ", " : "", names[i].name);
	}
}

static void judge_feature(const struct check_host *host, struct check_rows *rows, const char *id,
			  const char *title, uint64_t needs, enum check_status lacking, const char *without)
{
	char list[96], missing_list[96];
	uint64_t missing = 0;
	struct check_row *row;

	for (int c = 0; c < 64; c++)
		if (needs & BIT(c) && !check_has_capability(host, c))
			missing |= BIT(c);
	list_capabilities(needs, list, sizeof(list));
	list_capabilities(missing, missing_list, sizeof(missing_list));
	if (!host->capabilities_seen) {
		check_add(rows, "privileges", id, title, CHECK_NOT_SEEN, "needs %s", list);
	} else if (!missing) {
		check_add(rows, "privileges", id, title, CHECK_OK, "%s", list);
	} else {
		row = check_add(rows, "privileges", id, title, lacking, "without %s", missing_list);
		check_say(row, without, "");
		snprintf(row->remedy, sizeof(row->remedy),
			 "run as root, or as a service with AmbientCapabilities=%s", list);
		for (char *c = strstr(row->remedy, ", CAP"); c; c = strstr(c, ", CAP"))
			memmove(c, c + 1, strlen(c));
	}
}

static void judge_privileges(const struct check_host *host, struct check_rows *rows)
{
#define CHECK_FEATURE_ROW(id, title, needs, lacking, without)                                                \
	judge_feature(host, rows, id, title, needs, lacking, without);
#include "model/check_features.def"
	if (host->memlock != UINT64_MAX)
		check_add(rows, "privileges", "memlock", "memory lock", CHECK_OK,
			  "limit %llu KiB: counts for BPF only before kernel 5.11",
			  (unsigned long long)(host->memlock / 1024));
}

/* ---- IPsec on this host */

static void judge_xfrm(const struct check_host *host, struct check_rows *rows)
{
	struct check_row *row;

	if (host->xfrm == CHECK_YES && host->xfrm_refused) {
		row = check_add(rows, "IPsec", "xfrm", "kernel SAs", CHECK_NOT_SEEN,
				"the kernel refuses to tell them");
		check_say(row, "SAs and policies of the kernel are not compared with what is on the wire",
			  "CAP_NET_ADMIN may ask");
	} else if (host->xfrm == CHECK_YES) {
		check_add(rows, "IPsec", "xfrm", "kernel SAs", CHECK_OK, "by XFRM netlink, %llu now",
			  (unsigned long long)host->xfrm_sas);
	} else {
		row = check_add(rows, "IPsec", "xfrm", "kernel SAs", CHECK_LACK, "no XFRM netlink");
		check_say(row, "what the wire carries cannot be compared with the kernel's SAs",
			  "modprobe xfrm_user; a userspace ESP (kernel-libipsec) has none");
	}
	if (host->xfrm_stat)
		check_add(rows, "IPsec", "xfrm-stat", "kernel errors", CHECK_OK, "/proc/net/xfrm_stat");
	else
		check_say(check_add(rows, "IPsec", "xfrm-stat", "kernel errors", CHECK_LACK,
				    "no /proc/net/xfrm_stat"),
			  "the kernel's own reasons for dropping IPsec packets are not known",
			  "a kernel built with CONFIG_XFRM_STATISTICS=y");
}

static void judge_spaces(const struct check_host *host, struct check_rows *rows)
{
	struct check_row *row;

	for (size_t i = 0; i < host->space_count && i < CHECK_SPACES; i++) {
		const struct check_space *s = &host->spaces[i];

		row = check_add(rows, "IPsec", "netns", "network namespace", CHECK_NOTE, "%s%s%s%s: %llu SAs",
				s->name, *s->held_by ? " (" : "", s->held_by, *s->held_by ? ")" : "",
				(unsigned long long)s->sas);
		check_say(row,
			  "packets of its SAs are not compared with the kernel's, unless espial run is told",
			  "");
		snprintf(row->remedy, sizeof(row->remedy), "espial run --netns %s", s->name);
	}
	if (host->unseen_spaces || host->spaces_hidden) {
		row = check_add(rows, "IPsec", "netns", "network namespaces", CHECK_NOT_SEEN,
				"%llu of %llu others cannot be looked into%s",
				(unsigned long long)host->unseen_spaces,
				(unsigned long long)host->other_spaces,
				host->spaces_hidden ? ", nor those of other users' processes" : "");
		check_say(row, "whether SAs are in there is not known",
			  "CAP_SYS_ADMIN and CAP_SYS_PTRACE may look: run as root");
	} else if (!host->space_count) {
		check_add(rows, "IPsec", "netns", "network namespaces", CHECK_OK, "%llu others, none has SAs",
			  (unsigned long long)host->other_spaces);
	}
}

static void judge_esp_offload(const struct check_host *host, struct check_rows *rows)
{
	const char *modules = host->esp4_offload && host->esp6_offload ? "esp4_offload and esp6_offload"
			      : host->esp4_offload		       ? "esp4_offload"
								       : "esp6_offload";
	struct check_row *row;

	if (!host->esp4_offload && !host->esp6_offload) {
		check_add(rows, "IPsec", "esp-gro", "ESP in GRO", CHECK_OK,
			  "esp4_offload, esp6_offload not loaded");
		return;
	}
	row = check_add(rows, "IPsec", "esp-gro", "ESP in GRO", CHECK_NOTE, "%s loaded", modules);
	check_say(row,
		  "ESP is taken away before tc ingress, and before XDP of devices above: XDP of the one that "
		  "receives sees it",
		  "see the interfaces below");
}

static void judge_daemon(const struct check_daemon *d, struct check_rows *rows)
{
	bool strongswan = !strcmp(d->kind, "strongSwan");
	struct check_row *row;

	if (d->available) {
		check_add(rows, "IPsec", "daemon", d->kind, CHECK_OK,
			  "%s at %s: %llu connections, %llu IKE SAs", d->version, d->socket,
			  (unsigned long long)d->connections, (unsigned long long)d->ikes);
	} else if (!strongswan) {
		row = check_add(rows, "IPsec", "daemon", d->kind, CHECK_NOTE, "pluto at %s", d->socket);
		check_say(row, "known through the kernel's SAs alone: tunnels are named by their ends", "");
	} else if (!d->exists) {
		row = check_add(rows, "IPsec", "daemon", d->kind, CHECK_NOTE, "none at %s", d->socket);
		check_say(row, "tunnels are named by their ends, not by the names of connections",
			  "where strongSwan runs with another socket, name it with --vici");
	} else {
		row = check_add(rows, "IPsec", "daemon", d->kind, CHECK_LACK, "%s: %s", d->socket, d->why);
		check_say(row, "tunnels are named by their ends, and what should be up is not known", "");
	}
}

int check_judge(const struct check_host *host, struct check_rows *ret)
{
	judge_kernel(host, ret);
	judge_btf(host, ret);
	judge_jit(host, ret);
	judge_probes(host, ret);
	judge_tcx(host, ret);
	judge_bpffs(host, ret);
	judge_lockdown(host, ret);
	judge_privileges(host, ret);
	judge_xfrm(host, ret);
	judge_spaces(host, ret);
	judge_esp_offload(host, ret);
	for (size_t i = 0; i < host->daemon_count; i++)
		judge_daemon(&host->daemons[i], ret);
	for (size_t i = 0; i < host->interface_count; i++)
		check_interface(host, &host->interfaces[i], ret);
	return ret->failed ? -ENOMEM : 0;
}

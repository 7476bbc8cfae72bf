// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/magic.h>

#define BPFFS "/sys/fs/bpf"

/* The first line of a small file, without its end. */
static bool read_line(const char *path, char *ret, size_t size)
{
	FILE *file = fopen(path, "re");
	bool read = file && fgets(ret, (int)size, file);

	if (file)
		(void)fclose(file); /* nothing was written */
	if (read)
		ret[strcspn(ret, "\n")] = 0;
	return read;
}

static void look_at_kernel(struct check_host *host)
{
	char line[128], *open;
	struct utsname name;

	if (!uname(&name)) {
		snprintf(host->name, sizeof(host->name), "%s", name.nodename);
		snprintf(host->release, sizeof(host->release), "%s", name.release);
		if (sscanf(name.release, "%u.%u", &host->major, &host->minor) != 2)
			host->major = host->minor = 0;
	}
	host->btf = access("/sys/kernel/btf/vmlinux", F_OK) ? CHECK_NO : CHECK_YES;
	host->jit = -1;
	if (read_line("/proc/sys/net/core/bpf_jit_enable", line, sizeof(line)))
		host->jit = line[0] - '0';
	/* "none [integrity] confidentiality": the one in brackets */
	if (read_line("/sys/kernel/security/lockdown", line, sizeof(line))) {
		open = strchr(line, '[');
		if (open)
			snprintf(host->lockdown, sizeof(host->lockdown), "%.*s", (int)strcspn(open + 1, "]"),
				 open + 1);
	}
}

static void look_at_bpffs(struct check_host *host)
{
	struct statfs fs;

	if (statfs(BPFFS, &fs)) {
		host->bpffs = errno == ENOENT ? CHECK_NO : CHECK_UNSEEN;
		return;
	}
	host->bpffs = (uint32_t)fs.f_type == BPF_FS_MAGIC ? CHECK_YES : CHECK_NO;
	host->bpffs_writable = host->bpffs == CHECK_YES && !access(BPFFS, W_OK) && !(fs.f_flags & ST_RDONLY);
}

static void look_at_privileges(struct check_host *host)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
	struct rlimit limit;

	host->uid = geteuid();
	if (!syscall(SYS_capget, &header, data)) {
		host->capabilities_seen = true;
		host->capabilities = data[0].effective | (uint64_t)data[1].effective << 32;
	}
	host->memlock = UINT64_MAX;
	if (!getrlimit(RLIMIT_MEMLOCK, &limit) && limit.rlim_cur != RLIM_INFINITY)
		host->memlock = limit.rlim_cur;
}

/* ---- the kernel's IPsec */

static void look_at_xfrm(struct check_host *host)
{
	int err = check_count_sas(&host->xfrm_sas);

	host->xfrm = err == -EPROTONOSUPPORT ? CHECK_NO : CHECK_YES;
	host->xfrm_refused = err && err != -EPROTONOSUPPORT;
}

void check_look_at_host(struct check_host *ret)
{
	look_at_kernel(ret);
	look_at_bpffs(ret);
	look_at_privileges(ret);
	look_at_xfrm(ret);
	ret->xfrm_stat = !access("/proc/net/xfrm_stat", F_OK);
	ret->esp4_offload = !access("/sys/module/esp4_offload", F_OK);
	ret->esp6_offload = !access("/sys/module/esp6_offload", F_OK);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source/bpf_host.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/capability.h>

static char complaint[200]; /* libbpf's callback has no argument of ours */

/* The kernel's own words first; then what libbpf said first, as the rest follows from it. */
static int on_print(enum libbpf_print_level level, const char *format, va_list args)
{
	static const char kernel[] = "Kernel error message: ";
	char line[sizeof(complaint)], *text = line, *end;

	if (level != LIBBPF_WARN)
		return 0;
	vsnprintf(line, sizeof(line), format, args);
	if (!strncmp(text, "libbpf: ", 8))
		text += 8;
	end = strchr(text, '\n');
	if (end)
		*end = 0;
	if (!strncmp(text, kernel, sizeof(kernel) - 1))
		snprintf(complaint, sizeof(complaint), "%s", text + sizeof(kernel) - 1);
	else if (!*complaint)
		snprintf(complaint, sizeof(complaint), "%s", text);
	return 0;
}

void host_complaint_keep(void)
{
	host_complaint_clear();
	libbpf_set_print(on_print);
}

const char *host_complaint(void)
{
	return complaint;
}

void host_complaint_clear(void)
{
	*complaint = 0;
}

static int check_kernel(char *error, size_t error_size)
{
	struct utsname name;
	unsigned int major = 0, minor = 0;

	if (uname(&name) || sscanf(name.release, "%u.%u", &major, &minor) != 2)
		return 0; /* loading will tell */
	if (major > HOST_KERNEL_MAJOR || (major == HOST_KERNEL_MAJOR && minor >= HOST_KERNEL_MINOR))
		return 0;
	snprintf(error, error_size,
		 "kernel %s: too old, the programs need %d.%d (bpf_loop, XDP with fragments, atomics): "
		 "upgrade the kernel; "
		 "`espial read` works on any",
		 name.release, HOST_KERNEL_MAJOR, HOST_KERNEL_MINOR);
	return -ENOTSUP;
}

static int effective_capabilities(uint64_t *ret)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

	if (syscall(SYS_capget, &header, data))
		return -errno;
	*ret = data[0].effective | (uint64_t)data[1].effective << 32;
	return 0;
}

static int check_privileges(char *error, size_t error_size)
{
	static const struct {
		int capability;
		int instead; /* implies it; -1: nothing does */
		const char *name;
	} needed[] = {
		{CAP_BPF, CAP_SYS_ADMIN, "CAP_BPF"},
		{CAP_NET_ADMIN, -1, "CAP_NET_ADMIN"},
		{CAP_PERFMON, CAP_SYS_ADMIN, "CAP_PERFMON"}, /* or the verifier refuses to compare pointers */
	};
	char missing[64] = "";
	uint64_t have = 0;

	if (effective_capabilities(&have))
		return 0; /* loading will tell */
	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++) {
		size_t used = strlen(missing);

		if (have >> needed[i].capability & 1 ||
		    (needed[i].instead >= 0 && have >> needed[i].instead & 1))
			continue;
		snprintf(missing + used, sizeof(missing) - used, "%s%s", used ? ", " : "", needed[i].name);
	}
	if (!*missing)
		return 0;
	snprintf(error, error_size,
		 "privileges: %s missing: run as root, or as a service with these capabilities", missing);
	return -EPERM;
}

const char *host_load_remedy(int err)
{
	if (err == -EPERM)
		return "a container's filter of system calls, a security module or kernel lockdown may "
		       "forbid BPF: see "
		       "the kernel's log";
	if (err == -ENOMEM || err == -E2BIG)
		return "not enough memory for the tables: lower sa-capacity";
	return "the kernel may lack something that the programs need: report this line with that of `uname "
	       "-a`";
}

int host_check(char *error, size_t error_size)
{
	int err = check_kernel(error, error_size);

	return err ? err : check_privileges(error, error_size);
}

void host_program_name(uint32_t id, char *ret, size_t size)
{
	struct bpf_prog_info info = {};
	uint32_t length = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id);

	*ret = 0;
	if (fd < 0)
		return;
	if (!bpf_obj_get_info_by_fd(fd, &info, &length))
		snprintf(ret, size, "%s", info.name);
	close(fd);
}

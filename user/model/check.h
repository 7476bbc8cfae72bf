/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * check.h - what a host offers espial, and what follows from it. Pure.
 *
 * The sources fill struct check_host (source/check_*, source/bpf_check); check_judge() makes rows of it: what is there, what
 * lacks, what that means for espial and what to do. What could not be seen is said to be unseen, never to be missing.
 */
#ifndef ESPIAL_MODEL_CHECK_H
#define ESPIAL_MODEL_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum check_seen {
	CHECK_UNSEEN,
	CHECK_NO,
	CHECK_YES,
};

enum check_xdp_mode {
	CHECK_XDP_FREE,
	CHECK_XDP_NATIVE,
	CHECK_XDP_GENERIC,
	CHECK_XDP_HARDWARE,
	CHECK_XDP_SEVERAL, /* native and generic at once, or the like */
	CHECK_XDP_UNSEEN,
};

/* A feature of a device, as ethtool tells it. */
enum check_feature {
	CHECK_FEATURE_ABSENT,
	CHECK_FEATURE_OFF,
	CHECK_FEATURE_ON,
};

/* What hangs on a tc hook: of anybody. */
struct check_tc {
	bool egress, tcx; /* else a filter of clsact or ingress */
	uint32_t id;	  /* of a BPF program; 0: none */
	uint32_t priority;
	char kind[16]; /* "bpf", "u32", …; of a filter */
	char name[64]; /* "" not told */
};

#define CHECK_TC 16

struct check_interface {
	char name[16], driver[32];
	char stack[80]; /* "VLAN on eth0", "port of br0"; "" it stands alone */
	uint32_t ifindex, mtu;
	bool up, ethernet, loopback;
	enum check_seen native_xdp, xdp_frags; /* what its driver can */
	enum check_xdp_mode xdp_mode;	       /* what hangs there */
	uint32_t xdp_id;
	char xdp_name[16]; /* "" not told */
	struct check_tc tc[CHECK_TC];
	size_t tc_count; /* how many there are: tc[] has at most CHECK_TC of them */
	bool features_seen;
	enum check_feature esp_hw_offload, esp_tx_csum, gro, gro_hw, lro;
};

struct check_probe {
	const char *name; /* "map type ringbuf", "helper bpf_loop" */
	enum check_seen seen;
};

#define CHECK_PROBES 16

struct check_daemon {
	char kind[16]; /* "strongSwan", "libreswan" */
	char socket[108];
	char version[64], why[160];
	bool exists, available;
	uint64_t connections, ikes;
};

#define CHECK_DAEMONS 8

/* Another network namespace that has SAs. */
struct check_space {
	char name[112];	  /* as --netns takes it */
	char held_by[16]; /* a process in there, where it has no name; "" it has one */
	uint64_t sas;
};

#define CHECK_SPACES 16

struct check_host {
	char name[65], release[65];
	unsigned int major, minor; /* of the kernel; 0: unseen */
	uint32_t uid;
	enum check_seen btf, tcx;
	int jit;	       /* net.core.bpf_jit_enable; -1: unseen */
	char lockdown[24];     /* "none", "integrity", "confidentiality"; "" the kernel has none */
	enum check_seen bpffs; /* mounted at /sys/fs/bpf */
	bool bpffs_writable;
	uint64_t memlock; /* bytes; UINT64_MAX: no limit */
	bool capabilities_seen;
	uint64_t capabilities; /* effective */
	struct check_probe probes[CHECK_PROBES];
	size_t probe_count;
	enum check_seen xfrm; /* the kernel's IPsec, by netlink */
	bool xfrm_refused;    /* it is there, but may not be asked */
	uint64_t xfrm_sas;
	bool xfrm_stat;			 /* /proc/net/xfrm_stat */
	bool esp4_offload, esp6_offload; /* the modules are loaded */
	struct check_space spaces[CHECK_SPACES];
	size_t space_count; /* how many there are: spaces[] has at most CHECK_SPACES of them */
	uint64_t other_spaces,
		unseen_spaces; /* network namespaces; of those, the ones that may not be looked into */
	bool spaces_hidden;    /* those that other users' processes are in cannot even be counted */
	struct check_daemon daemons[CHECK_DAEMONS];
	size_t daemon_count;
	struct check_interface *interfaces;
	size_t interface_count;
};

enum check_status {
	CHECK_OK,
	CHECK_NOTE,	/* not a lack, but good to know */
	CHECK_NOT_SEEN, /* could not be looked at from here */
	CHECK_LACK,	/* espial works, with less */
	CHECK_BLOCK,	/* espial run does not work */
	CHECK_STATUSES,
};

struct check_row {
	const char *area; /* "kernel", "privileges", "IPsec", "interface" */
	const char *id;	  /* stable */
	const char *title;
	char interface[16]; /* of area "interface" */
	enum check_status status;
	char value[200];
	char consequence[200], remedy[200]; /* "" none */
};

struct check_rows {
	struct check_row *row;
	size_t count, room;
	bool failed; /* out of memory: rows are missing */
};

/* What espial run --xdp-mode auto will do with an interface: names as in struct state_interface; "none". */
struct check_plan {
	const char *ingress, *egress;
};

/* Appends. -ENOMEM: some are missing. */
int check_judge(const struct check_host *host, struct check_rows *ret);
void check_rows_free(struct check_rows *rows);
struct check_plan check_plan(const struct check_host *host, const struct check_interface *interface);
const char *check_status_name(enum check_status status);

/* Does the process have what the kernel wants where it asks for this capability? CAP_SYS_ADMIN stands for some. */
bool check_has_capability(const struct check_host *host, int capability);

#endif

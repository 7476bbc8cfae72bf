/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bpf_live.h - the live source: the datapath in the kernel, attached to interfaces that come and go
 *
 * Owns the BPF object, its maps and links. Single-threaded: everything is called from the agent's loop. Nothing
 * here prints; errors come as one line "object: cause: remedy" in a caller's buffer.
 */
#ifndef ESPIAL_SOURCE_BPF_LIVE_H
#define ESPIAL_SOURCE_BPF_LIVE_H

#include <stddef.h>
#include <stdint.h>

#include "model/state.h"

enum live_xdp_mode {
	LIVE_XDP_AUTO, /* native, else generic, else tc ingress */
	LIVE_XDP_NATIVE,
	LIVE_XDP_GENERIC,
	LIVE_XDP_OFF, /* tc ingress */
};

/* Hooks not to be used though the kernel has them: for tests of what is done without. */
enum live_without {
	LIVE_WITHOUT_TCX = 1,
	LIVE_WITHOUT_NATIVE = 2,
	LIVE_WITHOUT_GENERIC = 4,
	LIVE_WITHOUT_SAME = 8, /* programs that are pinned are taken for others than ours */
};

/* Whether programs and tables stay in the kernel when the agent ends, and go on counting. */
enum live_keep {
	LIVE_KEEP_AUTO, /* they do when an earlier agent left them: keeping stays keeping */
	LIVE_KEEP_YES,
	LIVE_KEEP_NO, /* what an earlier agent left is taken over, and removed at the end */
};

struct live_options {
	const char *const *interfaces; /* names, globs, or "auto": those with a default route. Empty: auto */
	size_t interface_count;
	enum live_xdp_mode xdp_mode;
	uint32_t
		sa_capacity; /* SAs to have room for; slots are the next power of two above twice that. 0: 4096 */
	uint32_t newcomer_sets;	    /* 0: 1024 (four ways each) */
	uint32_t fragment_sets;	    /* 0: 1024 (four ways each) */
	uint32_t ring_bytes;	    /* power of two, page multiple; 0: 4 MiB */
	uint32_t events_per_second; /* per CPU; 0: 2000 */
	struct esp_ports ports;	    /* all 0: 500 and 4500 */
	unsigned int without;	    /* enum live_without */
	enum live_keep keep;
	const char *bpffs;	/* directory for what is kept; NULL or "": nothing is, nor looked for */
	uint64_t other_version; /* for tests: as if of another version than the agent with another number */
};

struct live;

/* What happens; any may be NULL. Called from live_*() functions only. */
struct live_sink {
	void (*event)(void *arg, const struct esp_event *event, size_t size);
	void (*interface)(void *arg,
			  const char *line); /* one line for the log: attached, lost, fell back, and why */
	void *arg;
};

/*
 * Checks the host (kernel, BTF, privileges), loads the programs and attaches to what matches now. -EPERM, -ENOTSUP
 * (kernel too old, no BTF), -ENODEV (a plain name that does not exist), -EBUSY (another agent), -ENOMEM …, with the
 * line in `error`. Interfaces that match later are attached when they appear. What an earlier agent left in options->bpffs
 * is taken over without a packet uncounted.
 */
int live_open(const struct live_options *options, const struct live_sink *sink, struct live **ret,
	      char *error, size_t error_size);
/* Detaches and unloads everything of ours, and nothing else; or lets go of it, when it is to be kept. */
void live_close(struct live *live);

/* A file descriptor that polls readable when live_follow() has something to do (rtnetlink). */
int live_follow_fd(const struct live *live);
/* Attaches to interfaces that appeared, forgets those that vanished, follows renames, up/down and MTU. */
int live_follow(struct live *live);
/* New set of interfaces and mode (SIGHUP): attaches and detaches the difference. */
int live_reconfigure(struct live *live, const struct live_options *options, char *error, size_t error_size);

/* The ring buffer's epoll descriptor, and reading from it: the number of events, or -errno. */
int live_ring_fd(const struct live *live);
int live_ring_consume(struct live *live);

/*
 * The state now: mapped tables, interfaces and names; `self` tables part. Free with state_free(). Also attaches again
 * where somebody else has removed our programs.
 */
int live_state(struct live *live, struct state *ret);
/* The same without sas[], for a scrape. */
int live_sums(struct live *live, struct state *ret);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * live_host.h - for tests of the live source: a network namespace of the test's own, and what is attached there
 */
#ifndef ESPIAL_TESTS_LIVE_HOST_H
#define ESPIAL_TESTS_LIVE_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "source/bpf_live.h"

/* Into a fresh namespace with the veth pair a0 - b0, both up. Skips the test where that is refused. */
void host_fresh(void);
/* Runs a shell command; its exit status. */
int host_sh(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* As host_sh(), and the test fails unless the status is 0. */
void host_do(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Is this kind of device to be had here? Else the test is skipped. */
void host_need_device(const char *add_command);

/* A live source and what it said. */
struct host_live {
	struct live *live;
	char error[512];
	char lines[8192]; /* all lines of the sink */
	uint64_t events;
};

/* Opens on `count` names; the result of live_open(). */
int host_open(struct host_live *l, enum live_xdp_mode mode, unsigned int without, const char *const *names,
	      size_t count);
/* The same on b0, which must succeed. */
void host_watch(struct host_live *l, enum live_xdp_mode mode, unsigned int without);
/* Follows until the state of `name` has this ingress, at most 5 s: "" when it is absent. The test fails otherwise. */
void host_expect_ingress(struct host_live *l, const char *name, const char *ingress);
/* The interface of the state. False: there is none of that name. */
bool host_interface(struct host_live *l, const char *name, struct state_interface *ret);
void host_close(struct host_live *l);

/* What is attached to an interface, of anybody. */
struct host_hooks {
	uint32_t xdp;	  /* program id */
	uint32_t tcx;	  /* programs, both ways */
	uint32_t filters; /* both ways */
	uint32_t our_filters;
	bool clsact;
};
struct host_hooks host_hooks(const char *name);
/* Nothing at all is attached. */
void host_expect_bare(const char *name);

/* Someone else's programs, which pass everything. Returns the program's id. */
uint32_t host_foreign_xdp(const char *name, bool generic);
uint32_t host_foreign_filter(const char *name, bool egress, uint32_t priority);

#endif

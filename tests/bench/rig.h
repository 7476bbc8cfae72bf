/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rig.h - the bench object loaded with tables of a given size, and BPF_PROG_TEST_RUN
 */
#ifndef BENCH_RIG_H
#define BENCH_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "espial/abi.h"
#include "model/state.h"
#include "source/tables.h"

#define RIG_FRAME 400
#define RIG_SPI 0x10000U

struct rig_options {
	const char *const *programs; /* names; NULL-terminated. Others are not loaded */
	uint32_t slots, sets;	     /* SA slots, newcomer sets: powers of two */
	uint32_t hash_entries;	     /* of the hash that the budget compares with */
};

struct bench_bpf;

struct rig {
	struct bench_bpf *skel;
	struct esp_config cfg;
	uint32_t hz;
};

/* 0 or -errno; libbpf's messages of a failure go to stderr. */
int rig_open(const struct rig_options *options, struct rig *ret);
void rig_close(struct rig *rig);

/* Makes an interface known to the programs. 0 or -errno. */
int rig_watch(struct rig *rig, uint32_t ifindex);

/* File descriptor of a loaded program, -1: no such. */
int rig_program(const struct rig *rig, const char *name);

enum rig_frame {
	RIG_ESP,
	RIG_ESP_UDP,
	RIG_ESP_IPV6,
	RIG_TCP,
	RIG_UDP,
	RIG_ARP,
};

/* RIG_FRAME bytes: Ethernet, IP, and what `kind` says, SPI RIG_SPI. */
void rig_frame(enum rig_frame kind, uint8_t *ret);

/*
 * Nanoseconds per run. The kernel tells whole ones, so half of one is added; for tc, whose wall time has nothing else
 * in it, that is taken unless the process was kept from running. NAN on failure.
 */
double rig_run(int program, bool tc, const uint8_t *frame, uint32_t repeat);

/* Makes `count` SAs known to the pipeline (bx_fill or bt_fill) and to the hash, and has `many` choose
 * among 2^n of them. */
int rig_fill(struct rig *rig, const char *fill_program, uint32_t count, bool hash);

/* The tables, mapped; they stay so until the process ends. 0 or -ENOMEM. */
int rig_tables(struct rig *rig, struct esp_tables *ret);
/* For state_collect(); keeps `rig`. */
struct state_context rig_context(struct rig *rig);

/* The sequence numbers that the programs *_both hand out: the last one given. */
void rig_restart_numbers(struct rig *rig, uint64_t last);
uint64_t rig_numbers(const struct rig *rig);
/* Makes RIG_SPI known to bt_lock_both. */
int rig_lock_entry(struct rig *rig);

/* SAs that have a slot. */
uint32_t rig_admitted(struct rig *rig);

#endif

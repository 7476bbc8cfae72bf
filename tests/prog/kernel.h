// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kernel.h - the shipped BPF programs, loaded but attached to nothing, and a twin with the same configuration
 */
#ifndef ESPIAL_TESTS_PROG_KERNEL_H
#define ESPIAL_TESTS_PROG_KERNEL_H

#include <stdint.h>

#include "source/twin.h"

struct espial_bpf;

enum kernel_hook { KERNEL_XDP_IN, KERNEL_TC_IN, KERNEL_TC_OUT, KERNEL_HOOKS };

struct kernel {
	struct espial_bpf *skel;
	struct esp_tables tables; /* the kernel's, mapped */
	const uint8_t *scratch;
	struct {
		void *address;
		size_t length;
	} mapped[10];
	int maps;
	int program[KERNEL_HOOKS];
};

/* 0, or -errno: then nothing is left. Sizes are powers of two; `idle` and the like are in ticks, and never end. */
int kernel_load(struct kernel *ret, uint32_t slots, uint32_t new_sets, uint32_t fragment_sets);
void kernel_unload(struct kernel *k);

/* The link type of the interface that BPF_PROG_TEST_RUN says it is. */
int kernel_set_link(struct kernel *k, enum esp_link link);

/* One frame. Returns the program's verdict, or -errno in *ret_error; and fails when a byte of the frame was changed. */
uint32_t kernel_run(const struct kernel *k, enum kernel_hook hook, const uint8_t *frame, uint32_t length,
		    uint32_t segments, int *ret_error);

/* The clock tick at which the last packet on this CPU was seen. */
uint64_t kernel_tick(const struct kernel *k, uint32_t cpu);

/* A twin with the same sizes, seed and times. */
int kernel_twin(const struct kernel *k, struct twin *ret);

/* Empties the tables, of which nothing may be in use. */
void kernel_clear(struct kernel *k);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* progress.h - one line on a terminal while something takes long; nothing at all elsewhere, or when it is quick */
#ifndef ESPIAL_UI_PROGRESS_H
#define ESPIAL_UI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct progress {
	FILE *out;		 /* NULL: silent */
	unsigned int width;	 /* columns */
	uint64_t started, drawn; /* CLOCK_MONOTONIC, ns; drawn 0: nothing on the screen */
};

/* `width`: columns of the terminal on `out`; 0: no terminal, silent. */
void progress_begin(struct progress *p, FILE *out, unsigned int width);
/* `done` of `total` bytes (0: unknown). */
void progress_update(struct progress *p, const char *what, uint64_t done, uint64_t total);
/* Wipes the line. */
void progress_end(struct progress *p);

#endif

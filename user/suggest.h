/* SPDX-License-Identifier: GPL-2.0-or-later */
/* suggest.h - the nearest word, for "did you mean" */
#ifndef ESPIAL_SUGGEST_H
#define ESPIAL_SUGGEST_H

#include <stddef.h>

/* Insertions, deletions, replacements and swaps of neighbours that make b of a; upper and lower case are the same. */
size_t suggest_distance(const char *a, const char *b);

/*
 * The word that is nearest to `word`, or NULL when none is near enough to be what was meant: a third of its letters
 * wrong, at most, but always one, or it begins with `word`. Of equals the first.
 */
const char *suggest_nearest(const char *word, const char *const *words, size_t count);

#endif

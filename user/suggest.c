// SPDX-License-Identifier: GPL-2.0-or-later
/* suggest.c - the nearest word by edit distance */
#include "suggest.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define LONGEST 64 /* words beyond are told by their first letters */

static int same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static size_t least(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* Optimal string alignment: three rows of the matrix are enough. */
size_t suggest_distance(const char *a, const char *b)
{
	size_t rows[3][LONGEST + 1], *before = rows[0], *above = rows[1], *row = rows[2];
	size_t la = strnlen(a, LONGEST), lb = strnlen(b, LONGEST), i, j;

	for (j = 0; j <= lb; j++)
		above[j] = j;
	for (i = 1; i <= la; i++) {
		size_t *spare = before;

		row[0] = i;
		for (j = 1; j <= lb; j++) {
			size_t replace = above[j - 1] + !same(a[i - 1], b[j - 1]);

			row[j] = least(above[j] + 1, row[j - 1] + 1, replace);
			if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]) &&
			    before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
		before = above;
		above = row;
		row = spare;
	}
	return above[lb];
}

const char *suggest_nearest(const char *word, const char *const *words, size_t count)
{
	size_t length = strlen(word), limit = length / 3 ? length / 3 : 1, nearest = limit + 1, i;
	const char *found = NULL;

	if (!length)
		return NULL;
	for (i = 0; i < count; i++) {
		size_t distance = suggest_distance(word, words[i]);

		if (length >= 2 && strncasecmp(word, words[i], length) == 0)
			distance = distance < limit ? distance : limit;
		if (distance < nearest && distance < strlen(words[i])) {
			nearest = distance;
			found = words[i];
		}
	}
	return found;
}

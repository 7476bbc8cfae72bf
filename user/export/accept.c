// SPDX-License-Identifier: GPL-2.0-or-later
/* accept.c - weights of the media types in an Accept header */
#include "export/accept.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#define WEIGHT_ONE 1000

static size_t item_length(const char *text, const char *separators)
{
	return strcspn(text, separators);
}

/* "0", "1", "0.5", "0.333": in thousandths. What is none counts as 1, as if it were not there. */
static int parse_weight(const char *text)
{
	int weight, scale = 100;

	if (*text != '0' && *text != '1')
		return WEIGHT_ONE;
	weight = (*text - '0') * WEIGHT_ONE;
	if (text[1] == '.')
		for (text += 2; *text >= '0' && *text <= '9' && scale; text++, scale /= 10)
			weight += (*text - '0') * scale;
	return weight > WEIGHT_ONE ? WEIGHT_ONE : weight;
}

/* The weight of `type` in the list, 0 when it is not there. */
static int weight_of(const char *accept, const char *type)
{
	size_t wanted = strlen(type);
	int best = 0;

	while (*accept) {
		const char *end = accept + item_length(accept, ","), *p = accept + strspn(accept, " \t");
		size_t length = item_length(p, ",; \t");

		if (length == wanted && strncasecmp(p, type, length) == 0) {
			int weight = WEIGHT_ONE;

			for (p += item_length(p, ",;"); p < end && *p == ';'; p += item_length(p, ",;")) {
				p++;
				p += strspn(p, " \t");
				if ((*p == 'q' || *p == 'Q') && p[1] == '=')
					weight = parse_weight(p + 2);
			}
			best = weight > best ? weight : best;
		}
		accept = *end ? end + 1 : end;
	}
	return best;
}

bool accept_openmetrics(const char *accept)
{
	int open = accept ? weight_of(accept, "application/openmetrics-text") : 0;

	return open > 0 && open >= weight_of(accept, "text/plain");
}

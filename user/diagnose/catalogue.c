// SPDX-License-Identifier: GPL-2.0-or-later
#include "diagnose/catalogue.h"

#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define W FROM(ORIGIN_WIRE)
#define K FROM(ORIGIN_KERNEL)
#define V FROM(ORIGIN_VICI)
#define L(text, command) {PLATFORM_LINUX, text, command},
#define S(text, command) {PLATFORM_STRONGSWAN, text, command},
#define C(text, command) {PLATFORM_CISCO, text, command},
#define H(text, command) {PLATFORM_HUAWEI, text, command},
#define I(text, command) {PLATFORM_ISP, text, command},

#define FINDING(symbol, id, section, severity, sources, meaning, action, ...)                                \
	static const struct catalogue_remedy remedies_##symbol[] = {__VA_ARGS__};
#include "diagnose/catalogue.def"
#undef FINDING

/* The letter stands for an origin in `sources`, and for a platform where it has arguments */
#undef L
#define L FROM(ORIGIN_LOG)
#define P FROM(ORIGIN_PROBE)
#define T FROM(ORIGIN_PEER)

static const struct catalogue_row rows[] = {
#define FINDING(symbol, id, section, severity, sources, meaning, action, ...)                                \
	{id,	  section, SEVERITY_##severity, sources,                                                     \
	 meaning, action,  remedies_##symbol,	COUNT(remedies_##symbol)},
#include "diagnose/catalogue.def"
#undef FINDING
};

_Static_assert(COUNT(rows) == FINDING_COUNT, "a row for each");

const struct catalogue_row *catalogue_row(enum finding_id id)
{
	return &rows[id];
}

enum finding_id catalogue_find(const char *id)
{
	size_t i;

	for (i = 0; i < FINDING_COUNT && strcmp(rows[i].id, id) != 0; i++)
		;
	return (enum finding_id)i;
}

/* What no shell, pager or router reads as anything but itself */
static bool is_harmless(const char *value)
{
	if (!*value || *value == '-')
		return false;
	for (; *value; value++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:/@%+-", *value))
			return false;
	return true;
}

static bool is_key_letter(char c)
{
	return c >= 'a' && c <= 'z';
}

/* From the brace at `open` to its partner; to the end when there is none */
static const char *closing(const char *open, const char *end)
{
	unsigned int depth = 0;

	for (; open < end; open++) {
		if (*open == '{')
			depth++;
		else if (*open == '}' && --depth == 0)
			return open;
	}
	return end;
}

struct expansion {
	FILE *out;
	bool command;
	const char *(*value)(const void *arg, const char *key, size_t length);
	const void *arg;
};

static void expand(const struct expansion *e, const char *from, const char *end);

static void expand_one(const struct expansion *e, const char *from, const char *end)
{
	const char *bar = memchr(from, '|', (size_t)(end - from));
	const char *value = e->value(e->arg, from, (size_t)((bar ? bar : end) - from));

	if (value && (!e->command || is_harmless(value)))
		fputs(value, e->out);
	else if (bar)
		expand(e, bar + 1, end);
}

/* As deep as the braces of the catalogue, which are two */
static void expand(const struct expansion *e, const char *from, const char *end)
{
	while (from < end) {
		if (*from == '{' && from + 1 < end && is_key_letter(from[1])) {
			const char *close = closing(from, end);

			expand_one(e, from + 1, close);
			from = close < end ? close + 1 : end;
		} else {
			fputc(*from++, e->out);
		}
	}
}

void catalogue_expand(FILE *out, const char *sentence, bool command,
		      const char *(*value)(const void *arg, const char *key, size_t length), const void *arg)
{
	const struct expansion e = {.out = out, .command = command, .value = value, .arg = arg};

	expand(&e, sentence, sentence + strlen(sentence));
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * log_proposal_pluto.c - the same for libreswan's pluto, which writes the two lists each in its own way
 *
 * Of the peer:	"1:IKE:ENCR=AES_CBC_256,AES_CBC_128;PRF=HMAC_SHA1;INTEG=HMAC_SHA1_96;DH=MODP1024 2:IKE:…", or "1:ESP:ENCR=…;INTEG=…;ESN=…"
 * Its own:	"IKE=AES_CBC_256+AES_CBC_128-HMAC_SHA1-HMAC_SHA1_96-MODP1024", or "ESP=AES_CBC_256-HMAC_SHA1_96-NONE-DISABLED", several
 *		with "; " between them
 *
 * Both name alternatives of each type. What the two lists have in common of a type is no difference.
 */
#include "model/log_proposal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/ike_parse.h"

#define PROPOSALS 24
#define NAME 40

/* In the order of pluto's own lists: IKE has all but the last, ESP all but the PRF */
enum type { ENCR, PRF, INTEG, DH, ESN, TYPES };

struct alternatives {
	const char *at;
	size_t length;
};

struct proposal {
	bool child;
	struct alternatives types[TYPES];
};

/* ---- the two notations */

static bool begins(const char *text, size_t length, const char *with)
{
	return length >= strlen(with) && memcmp(text, with, strlen(with)) == 0;
}

/* "1:IKE:ENCR=A,B;PRF=C", so long */
static bool parse_remote(const char *text, size_t length, struct proposal *ret)
{
	static const char *const keys[TYPES] = {"ENCR=", "PRF=", "INTEG=", "DH=", "ESN="};
	const char *colon = memchr(text, ':', length), *end = text + length;

	if (!colon)
		return false;
	text = colon + 1;
	*ret = (struct proposal){.child = !begins(text, (size_t)(end - text), "IKE:")};
	colon = memchr(text, ':', (size_t)(end - text));
	if (!colon)
		return false;
	for (text = colon + 1; text < end;) {
		const char *semicolon = memchr(text, ';', (size_t)(end - text));
		size_t one = (size_t)((semicolon ? semicolon : end) - text);

		for (unsigned int t = 0; t < TYPES; t++)
			if (begins(text, one, keys[t]))
				ret->types[t] =
					(struct alternatives){text + strlen(keys[t]), one - strlen(keys[t])};
		text += one + 1;
	}
	return ret->types[ENCR].length != 0;
}

/* "IKE=A+B-C-D-E", so long */
static bool parse_local(const char *text, size_t length, struct proposal *ret)
{
	static const enum type ike[] = {ENCR, PRF, INTEG, DH}, child[] = {ENCR, INTEG, DH, ESN};
	const char *equals = memchr(text, '=', length), *end = text + length;

	if (!equals)
		return false;
	*ret = (struct proposal){.child = !begins(text, length, "IKE=")};
	text = equals + 1;
	for (size_t i = 0; i < 4 && text < end; i++) {
		const char *dash = memchr(text, '-', (size_t)(end - text));
		size_t one = (size_t)((dash ? dash : end) - text);

		ret->types[ret->child ? child[i] : ike[i]] = (struct alternatives){text, one};
		text += one + 1;
	}
	return ret->types[ENCR].length != 0;
}

static size_t parse(const char *text, const char *separators, struct proposal ret[static PROPOSALS],
		    bool (*parse_one)(const char *text, size_t length, struct proposal *ret))
{
	size_t count = 0, length;

	for (; *text && count < PROPOSALS; text += length) {
		text += strspn(text, separators);
		length = strcspn(text, separators);
		if (length && !parse_one(text, length, &ret[count++]))
			return 0;
	}
	return count;
}

/* ---- alternatives */

/* The next name of a list; false: there is none. NONE and what turns nothing on are no names. */
static bool next_name(struct alternatives *list, char ret[static NAME])
{
	while (list->length) {
		size_t one = 0;

		while (one < list->length && list->at[one] != ',' && list->at[one] != '+')
			one++;
		/* "MODP2048[first-match]" */
		snprintf(ret, NAME, "%.*s", (int)(one < NAME ? one : NAME - 1), list->at);
		ret[strcspn(ret, "[")] = '\0';
		one += one < list->length;
		list->at += one;
		list->length -= one;
		if (*ret && strcmp(ret, "NONE") != 0 && strcmp(ret, "DISABLED") != 0 &&
		    strcmp(ret, "NO") != 0)
			return true;
	}
	return false;
}

static bool has(struct alternatives list, const char *wanted)
{
	char name[NAME];

	while (next_name(&list, name))
		if (strcmp(name, wanted) == 0)
			return true;
	return false;
}

static bool is_empty(struct alternatives list)
{
	char name[NAME];

	return !next_name(&list, name);
}

static bool agree(struct alternatives a, struct alternatives b)
{
	char name[NAME];

	if (is_empty(a) || is_empty(b))
		return is_empty(a) && is_empty(b);
	while (next_name(&a, name))
		if (has(b, name))
			return true;
	return false;
}

static unsigned int differences(const struct proposal *a, const struct proposal *b)
{
	unsigned int count = a->child == b->child ? 0 : TYPES;

	for (unsigned int t = 0; t < TYPES; t++)
		count += !agree(a->types[t], b->types[t]);
	return count;
}

/* ---- as charon writes it */

/* MODP2048 is MODP_2048, DH19 is the registry's name of it */
static void append_name(char to[static LOG_PROPOSAL_TEXT], enum type type, const char *name)
{
	size_t used = strlen(to), letters = strcspn(name, "0123456789");
	const char *group =
		strncmp(name, "DH", 2) == 0 ? ike_group_name((uint16_t)strtoul(name + 2, NULL, 10)) : NULL;

	if (type == DH && group)
		snprintf(to + used, LOG_PROPOSAL_TEXT - used, "/%s", group);
	else if (type == DH && name[letters] && !strchr(name, '_'))
		snprintf(to + used, LOG_PROPOSAL_TEXT - used, "/%.*s_%s", (int)letters, name, name + letters);
	else
		snprintf(to + used, LOG_PROPOSAL_TEXT - used, "/%s%s",
			 type == PRF   ? "PRF_"
			 : type == ESN ? "ESN_"
				       : "",
			 name);
}

/* "IKE:A/B": only what differs from the other */
static void differing(const struct proposal *of, const struct proposal *from,
		      char ret[static LOG_PROPOSAL_TEXT])
{
	char name[NAME];
	size_t colon;

	snprintf(ret, LOG_PROPOSAL_TEXT, "%s:", of->child ? "ESP" : "IKE");
	colon = strlen(ret);
	for (unsigned int t = 0; t < TYPES; t++) {
		struct alternatives list = of->types[t];

		while (!agree(of->types[t], from->types[t]) && next_name(&list, name))
			append_name(ret, (enum type)t, name);
	}
	/* The first one needs no slash */
	if (ret[colon])
		memmove(ret + colon, ret + colon + 1, strlen(ret + colon));
}

bool log_proposal_compare_pluto(const char *remote, const char *local, struct log_proposal_difference *ret)
{
	struct proposal r[PROPOSALS], l[PROPOSALS];
	size_t r_count = parse(remote, " ", r, parse_remote), l_count = parse(local, "; ", l, parse_local);
	size_t best_r = 0, best_l = 0;
	unsigned int best = UINT32_MAX;
	char theirs[LOG_PROPOSAL_TEXT], ours[LOG_PROPOSAL_TEXT];

	*ret = (struct log_proposal_difference){0};
	for (size_t i = 0; i < r_count; i++)
		for (size_t k = 0; k < l_count; k++)
			if (r[i].child == l[k].child && differences(&r[i], &l[k]) < best) {
				best = differences(&r[i], &l[k]);
				best_r = i;
				best_l = k;
			}
	if (best == UINT32_MAX)
		return false;
	differing(&r[best_r], &l[best_l], theirs);
	differing(&l[best_l], &r[best_r], ours);
	return log_proposal_compare(theirs, ours, ret);
}

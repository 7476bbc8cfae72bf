// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/log_proposal.h"

#include <stdio.h>
#include <string.h>

#include "model/ike_parse.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define PROPOSALS 24
#define TRANSFORMS 48
#define GROUPS 64 /* numbers of the registry that have names lie below */

struct span {
	const char *at;
	size_t length;
};

struct proposal {
	struct span protocol, transforms[TRANSFORMS];
	size_t count;
};

static bool same(struct span a, struct span b)
{
	return a.length == b.length && memcmp(a.at, b.at, a.length) == 0;
}

static bool begins(struct span s, const char *with)
{
	return s.length >= strlen(with) && memcmp(s.at, with, strlen(with)) == 0;
}

/* "ESP:A/B/C", up to the next ", "; false: it does not begin with a protocol */
static bool parse_one(const char **pos, struct proposal *ret)
{
	const char *at = *pos + strspn(*pos, " ,"), *end = at + strcspn(at, ", ");
	const char *colon = memchr(at, ':', (size_t)(end - at));

	*pos = end;
	if (!colon)
		return false;
	*ret = (struct proposal){.protocol = {at, (size_t)(colon - at)}};
	for (at = colon + 1; at < end && ret->count < TRANSFORMS; at++) {
		size_t length = strcspn(at, "/, ");

		if (length)
			ret->transforms[ret->count++] = (struct span){at, length};
		at += length;
		if (at >= end)
			break;
	}
	return true;
}

static size_t parse(const char *text, struct proposal ret[static PROPOSALS])
{
	size_t count = 0;

	while (text[strspn(text, " ,")] && count < PROPOSALS)
		if (!parse_one(&text, &ret[count++]))
			return 0;
	return count;
}

static bool has(const struct proposal *p, struct span transform)
{
	for (size_t i = 0; i < p->count; i++)
		if (same(p->transforms[i], transform))
			return true;
	return false;
}

static size_t missing(const struct proposal *of, const struct proposal *in)
{
	size_t count = 0;

	for (size_t i = 0; i < of->count; i++)
		count += !has(in, of->transforms[i]);
	return count;
}

/* 0: not a group */
static unsigned int group_number(struct span s)
{
	for (uint16_t i = 1; i < GROUPS; i++) {
		const char *name = ike_group_name(i);

		if (name && strlen(name) == s.length && memcmp(name, s.at, s.length) == 0)
			return i;
	}
	return 0;
}

static void append(char to[static LOG_PROPOSAL_TEXT], const char *text, size_t length)
{
	size_t used = strlen(to);

	if (length > LOG_PROPOSAL_TEXT - 1 - used)
		length = LOG_PROPOSAL_TEXT - 1 - used;
	memcpy(to + used, text, length);
	to[used + length] = '\0';
}

static void append_transform(char to[static LOG_PROPOSAL_TEXT], struct span s, bool child)
{
	unsigned int group = group_number(s);
	char number[32];

	append(to, s.at, s.length);
	if (!group)
		return;
	snprintf(number, sizeof(number), " (%s group %u)", child ? "PFS" : "DH", group);
	append(to, number, strlen(number));
}

/* "A, B only on the … side"; returns the number of them that are groups */
static size_t append_side(struct log_proposal_difference *d, const struct proposal *of,
			  const struct proposal *in, const char *side)
{
	size_t groups = 0, count = 0;

	for (size_t i = 0; i < of->count; i++) {
		if (has(in, of->transforms[i]))
			continue;
		if (count++)
			append(d->text, ", ", 2);
		else if (*d->text)
			append(d->text, "; ", 2);
		append_transform(d->text, of->transforms[i], d->child);
		groups += group_number(of->transforms[i]) != 0;
	}
	if (count) {
		append(d->text, " only on the ", 13);
		append(d->text, side, strlen(side));
		append(d->text, " side", 5);
	}
	return groups;
}

static struct span group_of(const struct proposal *p)
{
	for (size_t i = 0; i < p->count; i++)
		if (group_number(p->transforms[i]))
			return p->transforms[i];
	return (struct span){0};
}

static void fix_groups(struct log_proposal_difference *d, const struct proposal *r, const struct proposal *c)
{
	struct span received = group_of(r), configured = group_of(c);
	const char *what = d->child ? "PFS" : "DH";

	if (received.at && configured.at)
		snprintf(d->fix, sizeof(d->fix),
			 "set the same %s group on both ends: the peer has %.*s, here it is %.*s", what,
			 (int)received.length, received.at, (int)configured.length, configured.at);
	else if (received.at)
		snprintf(d->fix, sizeof(d->fix), "set %s group %.*s here too, or take it away at the peer",
			 what, (int)received.length, received.at);
	else
		snprintf(d->fix, sizeof(d->fix), "set %s group %.*s at the peer too, or take it away here",
			 what, (int)configured.length, configured.at);
}

bool log_proposal_compare(const char *received, const char *configured, struct log_proposal_difference *ret)
{
	struct proposal r[PROPOSALS], c[PROPOSALS];
	size_t r_count = parse(received, r), c_count = parse(configured, c), best = SIZE_MAX, i = 0, k = 0;
	size_t groups, total;

	*ret = (struct log_proposal_difference){0};
	if (!r_count || !c_count)
		return false;
	for (size_t a = 0; a < r_count; a++)
		for (size_t b = 0; b < c_count; b++) {
			size_t differ = missing(&r[a], &c[b]) + missing(&c[b], &r[a]);

			differ += same(r[a].protocol, c[b].protocol) ? 0 : TRANSFORMS;
			if (differ < best) {
				best = differ;
				i = a;
				k = b;
			}
		}
	ret->child = !begins(r[i].protocol, "IKE");
	if (!same(r[i].protocol, c[k].protocol)) {
		append(ret->text, r[i].protocol.at, r[i].protocol.length);
		append(ret->text, " on the received side, ", 23);
		append(ret->text, c[k].protocol.at, c[k].protocol.length);
		append(ret->text, " on the configured side", 23);
		return true;
	}
	groups = append_side(ret, &r[i], &c[k], "received");
	groups += append_side(ret, &c[k], &r[i], "configured");
	total = missing(&r[i], &c[k]) + missing(&c[k], &r[i]);
	ret->only_groups = groups && groups == total;
	if (ret->only_groups)
		fix_groups(ret, &r[i], &c[k]);
	return true;
}

bool log_proposal_is_weak(const char *proposal, char ret[static LOG_PROPOSAL_TEXT])
{
	static const char *const weak[] = {"DES_CBC",	"3DES_CBC", "NULL",	 "HMAC_MD5",
					   "HMAC_SHA1", "MODP_768", "MODP_1024", "MODP_1536"};
	struct proposal p;

	if (!parse_one(&proposal, &p))
		return false;
	for (size_t k = 0; k < COUNT(weak); k++)
		for (size_t i = 0; i < p.count; i++) {
			struct span t = p.transforms[i];

			/* HMAC_SHA1_96, but not MODP_1024_160 */
			if (!begins(t, weak[k]) ||
			    (t.length > strlen(weak[k]) && strncmp(weak[k], "HMAC", 4) != 0))
				continue;
			*ret = '\0';
			append(ret, t.at, t.length);
			return true;
		}
	return false;
}

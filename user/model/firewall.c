// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/firewall.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/address.h"

#define DEPTH 16 /* of jumps; the kernel's own limit */

/* ---- building */

struct firewall_chain *firewall_chain(struct firewall *firewall, const char *table, const char *name)
{
	struct firewall_chain *chain;

	for (size_t i = 0; i < firewall->count; i++)
		if (strcmp(firewall->chains[i].table, table) == 0 &&
		    strcmp(firewall->chains[i].name, name) == 0)
			return &firewall->chains[i];
	if (firewall->count == firewall->room) {
		size_t room = firewall->room ? firewall->room * 2 : 16;
		struct firewall_chain *grown = realloc(firewall->chains, room * sizeof(*grown));

		if (!grown)
			return NULL;
		firewall->chains = grown;
		firewall->room = room;
	}
	chain = &firewall->chains[firewall->count++];
	memset(chain, 0, sizeof(*chain));
	snprintf(chain->table, sizeof(chain->table), "%s", table);
	snprintf(chain->name, sizeof(chain->name), "%s", name);
	return chain;
}

bool firewall_add(struct firewall *firewall, struct firewall_chain *chain, struct firewall_rule *rule)
{
	if (firewall->rule_count >= FIREWALL_RULES_MOST) {
		firewall->cut = true;
		firewall_rule_free(rule);
		return true;
	}
	if (chain->count == chain->room) {
		size_t room = chain->room ? chain->room * 2 : 8;
		struct firewall_rule *grown = realloc(chain->rules, room * sizeof(*grown));

		if (!grown) {
			firewall_rule_free(rule);
			return false;
		}
		chain->rules = grown;
		chain->room = room;
	}
	chain->rules[chain->count++] = *rule;
	firewall->rule_count++;
	memset(rule, 0, sizeof(*rule));
	return true;
}

struct firewall_match *firewall_match(struct firewall_rule *rule, enum firewall_field field)
{
	struct firewall_match *grown = realloc(rule->matches, (rule->count + 1) * sizeof(*grown));

	if (!grown)
		return NULL;
	rule->matches = grown;
	grown = &rule->matches[rule->count++];
	*grown = (struct firewall_match){.field = field};
	return grown;
}

static struct firewall_value *add_value(struct firewall_match *match)
{
	struct firewall_value *grown = realloc(match->values, (match->count + 1) * sizeof(*grown));

	if (!grown)
		return NULL;
	match->values = grown;
	grown = &match->values[match->count++];
	memset(grown, 0, sizeof(*grown));
	return grown;
}

bool firewall_range(struct firewall_match *match, const uint8_t low[16], const uint8_t high[16])
{
	struct firewall_value *value = add_value(match);

	if (!value)
		return false;
	memcpy(value->low, low, 16);
	memcpy(value->high, high, 16);
	return true;
}

static void number(unsigned int n, uint8_t ret[16])
{
	memset(ret, 0, 16);
	for (unsigned int i = 0; i < 4; i++)
		ret[15 - i] = (uint8_t)(n >> (8 * i));
}

bool firewall_numbers(struct firewall_match *match, unsigned int low, unsigned int high)
{
	uint8_t from[16], to[16];

	number(low, from);
	number(high, to);
	return firewall_range(match, from, to);
}

bool firewall_interface(struct firewall_match *match, const char *name)
{
	struct firewall_value *value = add_value(match);

	if (value)
		snprintf(value->name, sizeof(value->name), "%s", name);
	return value;
}

void firewall_prefix(uint8_t family, const uint8_t address[16], uint8_t bits, uint8_t ret[2][16])
{
	unsigned int fixed = (family == 4 ? 96U : 0U) + bits;

	for (unsigned int i = 0; i < 16; i++) {
		unsigned int kept = fixed >= (i + 1) * 8 ? 8 : fixed > i * 8 ? fixed - i * 8 : 0;
		uint8_t mask = (uint8_t)(0xff00 >> kept);

		ret[0][i] = address[i] & mask;
		ret[1][i] = address[i] | (uint8_t)~mask;
	}
	if (family == 4)
		ret[0][10] = ret[0][11] = ret[1][10] = ret[1][11] = 0xff;
}

/* "24", "255.255.255.0"; -1: neither. */
static int prefix_bits(const char *text, uint8_t family)
{
	int most = family == 4 ? 32 : 128;
	uint8_t mask[16];
	char *end;
	long bits;

	if (address_parse(text, mask)) {
		unsigned int skip = family == 4 ? 12 : 0;

		for (bits = 0; bits < most && mask[skip + (size_t)bits / 8] & 0x80 >> bits % 8; bits++)
			;
		return (int)bits;
	}
	bits = strtol(text, &end, 10);
	return end == text || *end || bits < 0 || bits > most ? -1 : (int)bits;
}

int firewall_address(struct firewall_match *match, const char *text, int bits)
{
	uint8_t address[16], range[2][16], family;
	char plain[ADDRESS_TEXT];
	const char *slash = strchr(text, '/');

	if ((slash ? (size_t)(slash - text) : strlen(text)) >= sizeof(plain))
		return -EINVAL;
	snprintf(plain, sizeof(plain), "%.*s", slash ? (int)(slash - text) : (int)strlen(text), text);
	if (!address_parse(plain, address))
		return -EINVAL;
	family = address_family(address);
	if (bits < 0)
		bits = slash ? prefix_bits(slash + 1, family) : family == 4 ? 32 : 128;
	if (bits < 0 || bits > (family == 4 ? 32 : 128))
		return -EINVAL;
	firewall_prefix(family, address, (uint8_t)bits, range);
	return firewall_range(match, range[0], range[1]) ? 0 : -ENOMEM;
}

bool firewall_copy_matches(struct firewall_rule *to, const struct firewall_rule *from)
{
	for (size_t i = 0; i < from->count; i++) {
		struct firewall_match *match = firewall_match(to, from->matches[i].field);

		if (!match)
			return false;
		match->not = from->matches[i].not ;
		match->values = calloc(from->matches[i].count + 1, sizeof(*match->values));
		if (!match->values)
			return false;
		match->count = from->matches[i].count;
		if (match->count)
			memcpy(match->values, from->matches[i].values, match->count * sizeof(*match->values));
	}
	return true;
}

void firewall_rule_free(struct firewall_rule *rule)
{
	for (size_t i = 0; i < rule->count; i++)
		free(rule->matches[i].values);
	free(rule->matches);
	memset(rule, 0, sizeof(*rule));
}

void firewall_free(struct firewall *firewall)
{
	for (size_t i = 0; i < firewall->count; i++) {
		for (size_t k = 0; k < firewall->chains[i].count; k++)
			firewall_rule_free(&firewall->chains[i].rules[k]);
		free(firewall->chains[i].rules);
	}
	free(firewall->chains);
	memset(firewall, 0, sizeof(*firewall));
}

/* ---- asking */

/* How many of the packets fit. */
enum fit { NONE, SOME, ALL, UNKNOWN };

static enum fit fit_range(const struct firewall_match *match, const uint8_t first[16], const uint8_t last[16])
{
	enum fit fit = NONE;

	for (size_t i = 0; i < match->count; i++) {
		const struct firewall_value *v = &match->values[i];

		if (memcmp(v->low, first, 16) <= 0 && memcmp(v->high, last, 16) >= 0)
			return ALL;
		if (memcmp(v->low, last, 16) <= 0 && memcmp(v->high, first, 16) >= 0)
			fit = SOME;
	}
	return fit;
}

static enum fit fit_number(const struct firewall_match *match, int value, unsigned int most)
{
	uint8_t first[16], last[16];

	number(value < 0 ? 0 : (unsigned int)value, first);
	number(value < 0 ? most : (unsigned int)value, last);
	return fit_range(match, first, last);
}

static enum fit fit_interface(const struct firewall_match *match, const struct firewall_packets *packets)
{
	if (!packets->is_interface)
		return UNKNOWN;
	for (size_t i = 0; i < match->count; i++)
		if (packets->is_interface(packets->arg, match->values[i].name))
			return ALL;
	return NONE;
}

static enum fit fit_field(const struct firewall_match *match, const struct firewall_packets *packets,
			  bool source_nat)
{
	switch (match->field) {
	case FIREWALL_FAMILY:
		return fit_number(match, packets->family, 0);
	case FIREWALL_SOURCE:
		return fit_range(match, packets->source[0], packets->source[1]);
	case FIREWALL_DESTINATION:
		return fit_range(match, packets->destination[0], packets->destination[1]);
	case FIREWALL_PROTOCOL:
		return fit_number(match, packets->protocol, 255);
	case FIREWALL_SOURCE_PORT:
		return fit_number(match, packets->source_port, 65535);
	case FIREWALL_DESTINATION_PORT:
		return fit_number(match, packets->destination_port, 65535);
	case FIREWALL_TO_BE_PROTECTED:
		return fit_number(match, packets->to_be_protected, 1);
	case FIREWALL_IN: /* only the one that the hook is about is known */
		return source_nat ? UNKNOWN : fit_interface(match, packets);
	case FIREWALL_OUT:
		return source_nat ? fit_interface(match, packets) : UNKNOWN;
	default:
		return UNKNOWN;
	}
}

static enum fit fit_rule(const struct firewall_rule *rule, const struct firewall_packets *packets,
			 bool source_nat)
{
	enum fit fit = ALL;

	for (size_t i = 0; i < rule->count; i++) {
		enum fit one = fit_field(&rule->matches[i], packets, source_nat);

		if (rule->matches[i].not &&one != UNKNOWN)
			one = one == ALL ? NONE : one == NONE ? ALL : SOME;
		if (one == NONE)
			return NONE;
		if (one == UNKNOWN || fit == ALL)
			fit = one;
	}
	return fit;
}

struct walk {
	const struct firewall *firewall;
	const struct firewall_packets *packets;
	bool source_nat;
	bool some;   /* not all packets came so far */
	bool unsure; /* perhaps none did */
	const struct firewall_rule *rule;
};

enum ending { ENDED, RETURNED, TRANSLATED };

static enum ending walk_chain(struct walk *w, const struct firewall_chain *chain, unsigned int depth);

static enum ending walk_to(struct walk *w, const struct firewall_chain *from, const char *target,
			   unsigned int depth)
{
	for (size_t i = 0; depth && i < w->firewall->count; i++)
		if (strcmp(w->firewall->chains[i].table, from->table) == 0 &&
		    strcmp(w->firewall->chains[i].name, target) == 0)
			return walk_chain(w, &w->firewall->chains[i], depth - 1);
	w->unsure = true;
	return RETURNED;
}

static enum ending walk_chain(struct walk *w, const struct firewall_chain *chain, unsigned int depth)
{
	for (size_t i = 0; i < chain->count; i++) {
		const struct firewall_rule *rule = &chain->rules[i];
		enum fit fit = fit_rule(rule, w->packets, w->source_nat);
		bool nat = rule->verdict == FIREWALL_SOURCE_NAT || rule->verdict == FIREWALL_DESTINATION_NAT;
		enum ending ending;

		if (fit == NONE || (nat && fit == UNKNOWN))
			continue; /* whether that one translates as well changes nothing */
		if (nat) {
			w->rule = rule;
			w->some |= fit == SOME;
			return TRANSLATED;
		}
		w->some |= fit == SOME;
		w->unsure |= fit == UNKNOWN;
		if (rule->verdict == FIREWALL_ACCEPT || rule->verdict == FIREWALL_RETURN) {
			if (fit != ALL)
				continue; /* the others go on */
			return rule->verdict == FIREWALL_ACCEPT ? ENDED : RETURNED;
		}
		ending = walk_to(w, chain, rule->target, depth);
		if (ending == TRANSLATED || (ending == ENDED && fit == ALL))
			return ending;
		if (rule->verdict == FIREWALL_GOTO && fit == ALL)
			return RETURNED;
	}
	return RETURNED;
}

enum firewall_answer firewall_ask(const struct firewall *firewall, bool source_nat,
				  const struct firewall_packets *packets,
				  const struct firewall_rule **ret_rule, bool *ret_some)
{
	bool unsure = firewall->cut;

	for (size_t i = 0; i < firewall->count; i++) {
		const struct firewall_chain *chain = &firewall->chains[i];
		struct walk w = {.firewall = firewall, .packets = packets, .source_nat = source_nat};

		if (!(source_nat ? chain->source_nat : chain->destination_nat) ||
		    (chain->family && chain->family != packets->family))
			continue;
		if (walk_chain(&w, chain, DEPTH) != TRANSLATED)
			continue;
		if (!w.unsure) {
			*ret_rule = w.rule;
			*ret_some = w.some;
			return FIREWALL_TRANSLATED;
		}
		unsure = true;
	}
	return unsure ? FIREWALL_UNSURE : FIREWALL_PASSES;
}
